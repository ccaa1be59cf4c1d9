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
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
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
        CHECK(digest_equal(v.name, story_object_name(bytes + i, PIECE_SIZE)));
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

TEST_MAIN(what_goes_while_it_is_put_again_is_not_there, what_the_mover_cannot_take_yet_waits,
          many_small_ones_make_room_for_a_large_one)
