/* Stories of one node and its mover: answers that come late, an end at the wrong moment, more to do
 * than may be open. */
#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/keeping.h"
#include "core/node/objects.h"
#include "core/object/name.h"
#include "tests/lib/story_objects.h"

#define LATE (200 * MS_US)

static struct story story;
static uint8_t bytes[PIECE_SIZE + 64];

static void begin(uint32_t count, uint64_t objects_bytes)
{
    story_init(&story, count);
    story.ages.objects_bytes = objects_bytes;
    for (uint32_t i = 0; i < count; i++) {
        story.nodes[i].keeps_disk = true;
        story_start(&story, i);
        if (i > 0)
            story_hint(&story, i, 0);
    }
    story_run(&story, count > 1 ? 2 * S_US : 10 * MS_US);
    story_fill(bytes, sizeof bytes);
}

static struct digest put_whole(uint32_t i, const uint8_t *data, uint64_t size)
{
    struct object_view told = {0};

    return story_put_whole(&story, i, data, size, 12 * S_US, &told);
}

static struct shelf_object *object_at(uint32_t i, struct digest name)
{
    return shelf_find(story.nodes[i].core->objects->shelf, name);
}

/* --- what goes while its mover says that it is there --- */

/* What is cached here is put again, and lets go of for others before that is known. */
TEST(what_goes_while_it_is_put_again_is_not_there)
{
    struct digest name;
    struct shelf *shelf;
    uint64_t user;
    uint32_t request;

    begin(1, 2 * PIECE_SIZE);
    name = put_whole(0, bytes, PIECE_SIZE);
    shelf = story.nodes[0].core->objects->shelf;
    shelf_keep(shelf, shelf_find(shelf, name), false);
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, PIECE_SIZE);
    story_run(&story, MS_US);
    for (size_t at = 0; at < PIECE_SIZE; at += PIECE_SIZE / 32)
        story_put_data(&story, user, request, (struct bytes){bytes + at, PIECE_SIZE / 32});
    story_run(&story, MS_US);
    story.nodes[0].mover_us = LATE;
    story_put_data(&story, user, request, (struct bytes){NULL, 0});
    story_run(&story, MS_US);
    /* Another needs the room. */
    story_put_begun(&story, user, PIECE_SIZE);
    story_run(&story, 2 * LATE);
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), 0);
    CHECK(object_at(0, name) == NULL);
    CHECK_INT(story_code(&story, user, request), 9);
    CHECK(story_end(&story));
}

/* --- what may be open --- */

TEST(what_the_mover_cannot_take_yet_waits)
{
    uint64_t user;
    uint32_t requests[PUTS_MAX];

    begin(1, 1 << 30);
    story.nodes[0].mover_us = 10 * LATE;
    user = story_user(&story, 0);
    for (uint32_t i = 0; i < 20; i++)
        requests[i] = story_put_begun(&story, user, PIECE_SIZE);
    story_run(&story, MS_US);
    for (uint32_t i = 0; i < 20; i++) {
        for (size_t at = 0; at < PIECE_SIZE; at += PIECE_SIZE / 32)
            story_put_data(&story, user, requests[i],
                           (struct bytes){bytes + i + at, PIECE_SIZE / 32});
        story_put_data(&story, user, requests[i], (struct bytes){NULL, 0});
    }
    story_run(&story, MS_US);
    CHECK(story.nodes[0].moves_open_bytes > MOVE_OPEN_BYTES_MAX / 2);
    for (uint32_t i = 0; i < 20; i++) {
        struct object_view v;

        for (int k = 0; k < 20 && !story_object_view(&story, user, requests[i], &v); k++)
            story_run(&story, S_US);
        CHECK_INT(story_code(&story, user, requests[i]), 0);
        CHECK(story_object_view(&story, user, requests[i], &v));
        CHECK(digest_equal(v.name, object_name_of((struct bytes){bytes + i, PIECE_SIZE})));
    }
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), 20);
    CHECK(story_end(&story));
}

TEST(many_small_ones_make_room_for_a_large_one)
{
    const uint32_t many = MOVE_OPEN_ORDERS_MAX + 100;
    struct shelf *shelf;
    uint64_t user;
    uint32_t request;

    begin(1, 1 << 20);
    user = story_user(&story, 0);
    shelf = story.nodes[0].core->objects->shelf;
    for (uint32_t i = 0; i < many; i++) {
        request = story_put_begun(&story, user, sizeof i);
        story_put_data(&story, user, request, (struct bytes){(const uint8_t *)&i, sizeof i});
        story_put_data(&story, user, request, (struct bytes){NULL, 0});
        story_run(&story, MS_US);
    }
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), many);
    for (struct shelf_object *o = shelf_next(shelf, NULL); o != NULL;
         o = shelf_next(shelf, &o->name))
        shelf_keep(shelf, o, false);
    request = story_put_begun(&story, user, 1 << 20);
    story_run(&story, 10 * MS_US);
    CHECK_INT(story_code(&story, user, request), 0);
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), 0);
    CHECK(story_end(&story));
}

/* --- before it is known what is there --- */

static void restart(uint32_t i)
{
    story_kill(&story, i);
    story_start(&story, i);
}

/* Whoever counts on a copy says so again when its node comes back: it is not fetched, nor thrown
 * away, before that node has seen that it has it. */
TEST(what_is_there_and_not_found_yet_is_not_fetched)
{
    struct digest name;

    begin(2, 1 << 30);
    name = put_whole(0, bytes, 5000);
    story_run(&story, 3 * S_US);
    REQUIRE(object_at(1, name) != NULL);
    restart(0); /* it has forgotten who has what, and asks again */
    story.nodes[1].mover_us = 10 * S_US;
    restart(1);
    story_hint(&story, 1, 0);
    for (int i = 0; i < 90; i++) {
        story_run(&story, 100 * MS_US);
        CHECK_INT(sim_mover_whole(&story.nodes[1].mover), 1);
        CHECK(story.nodes[1].core->objects->fetches == NULL);
    }
    story.nodes[1].mover_us = 0;
    story_run(&story, 5 * S_US);
    REQUIRE(object_at(1, name) != NULL);
    CHECK(object_at(1, name)->kept && object_at(1, name)->whole);
    CHECK(story_end(&story));
}

TEST(a_look_that_failed_is_repeated)
{
    struct digest name;
    uint64_t user;
    uint32_t request;

    begin(1, 1 << 30);
    name = put_whole(0, bytes, 5000);
    story.nodes[0].mover.fails = ERR_IO;
    restart(0);
    user = story_user(&story, 0);
    request = story_get_begun(&story, user, name, 64, 0);
    CHECK_INT(story_code_within(&story, user, request, MS_US), 1);
    story.nodes[0].mover.fails = 0;
    story_mover_dies(&story, 0);
    story_run(&story, MS_US);
    CHECK(object_at(0, name) != NULL);
    /* Or without another mover, after a while. */
    story.nodes[0].mover.fails = ERR_IO;
    restart(0);
    story_run(&story, S_US);
    story.nodes[0].mover.fails = 0;
    CHECK(object_at(0, name) == NULL);
    story_run(&story, 11 * S_US);
    REQUIRE(object_at(0, name) != NULL);
    CHECK(object_at(0, name)->kept);
    CHECK(story_end(&story));
}

/* --- the limit --- */

TEST(a_lower_limit_takes_nothing_that_is_kept)
{
    struct digest kept[3], cached;
    struct shelf *shelf;
    uint64_t user;

    begin(1, 4 * PIECE_SIZE);
    for (uint32_t i = 0; i < 3; i++)
        kept[i] = put_whole(0, bytes + i, PIECE_SIZE);
    cached = put_whole(0, bytes + 3, PIECE_SIZE);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, cached), 0);
    story.ages.objects_bytes = 2 * PIECE_SIZE;
    restart(0);
    story_run(&story, 10 * MS_US);
    for (uint32_t i = 0; i < 3; i++) {
        REQUIRE(object_at(0, kept[i]) != NULL);
        CHECK(object_at(0, kept[i])->whole && object_at(0, kept[i])->kept);
    }
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), 3);
    user = story_user(&story, 0);
    CHECK_INT(story_code_within(&story, user, story_put_begun(&story, user, 1), MS_US), 1);
    /* Below the limit again, all is as ever. */
    shelf = story.nodes[0].core->objects->shelf;
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, kept[0]), 0);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, kept[1]), 0);
    CHECK_INT(shelf_bytes(shelf), PIECE_SIZE);
    put_whole(0, bytes + 4, PIECE_SIZE);
    CHECK(story_end(&story));
}

/* --- what is synced --- */

/* The bytes of a copy are synced by its mover; that it is to be kept, by its journal. Until both
 * are it counts for nobody. */
TEST(a_copy_counts_when_it_is_written_down_that_it_is_kept)
{
    struct object_view v;
    uint64_t user;
    uint32_t request;

    begin(2, 1 << 30);
    story.nodes[1].stuck = true;
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, 5000);
    story_put_sent(&story, user, request, bytes, 5000);
    story_run(&story, 5 * S_US);
    CHECK_INT(sim_mover_whole(&story.nodes[1].mover), 1);
    CHECK(!story_object_view(&story, user, request, &v));
    story_run(&story, 10 * S_US);
    CHECK(story_object_view(&story, user, request, &v));
    CHECK_INT(v.copies, 1);
    CHECK(story_end(&story));
}

TEST_MAIN(a_copy_counts_when_it_is_written_down_that_it_is_kept,
          what_goes_while_it_is_put_again_is_not_there, what_the_mover_cannot_take_yet_waits,
          many_small_ones_make_room_for_a_large_one, what_is_there_and_not_found_yet_is_not_fetched,
          a_look_that_failed_is_repeated, a_lower_limit_takes_nothing_that_is_kept)
