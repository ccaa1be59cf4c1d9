/* Stories of objects at several nodes: copies where they should be, and fetches from whoever has
 * them. */
#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/jobs.h"
#include "core/node/place.h"
#include "core/object/name.h"
#include "core/wire/move.h"
#include "tests/lib/story_objects.h"

#define BIG (3 * PIECE_SIZE + 7)

static struct story story;
static uint8_t bytes[BIG], got[BIG];

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    for (uint32_t i = 0; i < count; i++) {
        story.nodes[i].keeps_disk = true;
        story_start(&story, i);
        if (i > 0)
            story_hint(&story, i, 0);
    }
    story_run(&story, 2 * S_US);
    story_fill(bytes, sizeof bytes);
}

static struct object_view told; /* of the last put */

static struct digest put_whole(uint32_t i, const uint8_t *data, uint64_t size)
{
    return story_put_whole(&story, i, data, size, 20 * S_US, &told);
}

/* Whether it is there, whole. */
static bool is_whole(uint32_t i, struct digest name)
{
    const struct shelf_object *o;

    if (story.nodes[i].core == NULL)
        return false;
    o = shelf_find(story.nodes[i].core->objects->shelf, name);
    return o != NULL && o->whole;
}

static uint32_t wholes(struct digest name)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++)
        count += is_whole(i, name);
    return count;
}

static int get_whole(uint32_t i, struct digest name, const uint8_t *data, uint64_t size)
{
    return story_get_whole(&story, i, name, data, size);
}

TEST(a_put_has_two_copies_when_it_is_told_and_three_soon)
{
    struct digest name;

    begin(5);
    name = put_whole(1, bytes, BIG);
    CHECK(told.copies >= 2);
    CHECK_INT(told.machines, told.copies);
    story_run(&story, 5 * S_US);
    CHECK(wholes(name) >= 3);
    CHECK(story_end(&story));
}

static uint8_t large[24 * PIECE_SIZE];

static int64_t silence_us; /* the longest of the node, while a user waited for it */

static void measure_silence(uint64_t user, uint32_t request)
{
    struct instant last = {0};

    silence_us = 0;
    for (uint32_t i = 0; i < story.answers_count; i++) {
        const struct story_answer *a = &story.answers[i];

        if (a->link != user || a->request != request)
            continue;
        if (last.us != 0 && a->at.us - last.us > silence_us)
            silence_us = a->at.us - last.us;
        last = a->at;
    }
}

static uint32_t put_large(uint32_t copies)
{
    struct request_put m = {.size = sizeof large, .copies = (uint8_t)copies};
    uint64_t user = story_user(&story, 0);
    uint32_t request;
    uint8_t raw[64];
    struct buf b;

    story_fill(large, sizeof large);
    buf_init_fixed(&b, raw, sizeof raw);
    put_request_put(&b, &m);
    request = story_ask(&story, user, MESSAGE_REQUEST_PUT, buf_bytes(&b));
    story_put_sent(&story, user, request, large, sizeof large);
    told.copies = 0;
    for (int i = 0; i < 400 && !story_object_view(&story, user, request, &told); i++)
        story_run(&story, S_US);
    measure_silence(user, request);
    return told.copies;
}

/* As long as the other node gets on with it, its copy is waited for. */
TEST(a_put_waits_for_a_copy_that_takes_its_time)
{
    begin(2);
    story.nodes[1].mover_us = 4 * S_US;
    CHECK_INT(put_large(2), 2);
    CHECK(story_end(&story));
}

TEST(a_put_waits_for_the_slowest_of_the_copies_it_needs)
{
    begin(3);
    story.nodes[1].mover_us = S_US;
    story.nodes[2].mover_us = 4 * S_US;
    CHECK_INT(put_large(3), 3);
    CHECK(story_end(&story));
}

TEST(a_user_who_waits_for_copies_hears_that_they_are_on_their_way)
{
    struct instant began;

    begin(2);
    story.nodes[1].mover_us = 5 * S_US;
    began = story.now;
    CHECK_INT(put_large(2), 2);
    CHECK(instant_since_us(story.now, began) > 30 * S_US);
    CHECK(silence_us <= 21 * S_US);
    CHECK(story_end(&story));
}

/* One that does not is not. */
TEST(a_put_ends_without_a_copy_that_does_not_come)
{
    begin(2);
    story.nodes[1].mover_silent = true;
    put_whole(0, bytes, BIG);
    CHECK_INT(told.copies, 1);
    CHECK(story_end(&story));
}

TEST(sizes_of_every_kind_are_copied)
{
    static const uint64_t sizes[] = {0, 1, 5000, OBJECT_DATA_MAX, PIECE_SIZE, PIECE_SIZE + 1};

    begin(3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct digest name = put_whole((uint32_t)i % 3, bytes, sizes[i]);

        story_run(&story, 5 * S_US);
        CHECK_INT(wholes(name), 3);
    }
    CHECK(story_end(&story));
}

TEST(whoever_wants_it_gets_it_at_any_node)
{
    struct digest name;

    begin(6);
    name = put_whole(0, bytes, BIG);
    for (uint32_t i = 0; i < 6; i++)
        CHECK_INT(get_whole(i, name, bytes, BIG), 0);
    CHECK_INT(wholes(name), 6);
    CHECK(story_end(&story));
}

TEST(what_nobody_has_is_not_found)
{
    begin(3);
    CHECK_INT(get_whole(1, (struct digest){{1, 2, 3}}, bytes, 5), 3);
    CHECK(story_end(&story));
}

TEST(copies_of_the_dead_are_made_again)
{
    struct digest name;

    begin(6);
    name = put_whole(0, bytes, BIG);
    story_run(&story, 5 * S_US);
    for (uint32_t lost = 0; lost < 3; lost++) {
        story_kill(&story, lost);
        story_run(&story, 20 * S_US);
        CHECK(wholes(name) >= 3);
    }
    CHECK_INT(get_whole(5, name, bytes, BIG), 0);
    CHECK(story_end(&story));
}

/* Whoever asks hears that, and not that it was lost. */
static void check_is_told_to_be_removed(uint32_t node, struct digest name)
{
    uint64_t user = story_user(&story, node);
    uint32_t request = story_get_begun(&story, user, name, 64, 0);
    const struct story_answer *a;
    struct reply_error e = {0};

    story_get_more(&story, user, request, 100000);
    CHECK_INT(story_code_within(&story, user, request, 10 * S_US), 9);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && read_reply_error((struct bytes){a->data, a->len}, &e) == 0);
    CHECK_STR(e.what, "this object was removed");
    story_leave(&story, user);
}

TEST(what_is_removed_goes_everywhere_and_does_not_come_back)
{
    struct digest name;
    uint32_t away = 0;

    begin(4);
    name = put_whole(0, bytes, BIG);
    story_run(&story, 5 * S_US);
    for (uint32_t i = 1; i < 4; i++)
        away = is_whole(i, name) ? i : away;
    REQUIRE(away != 0);
    story_kill(&story, away);
    story_run(&story, 500 * MS_US);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    story_run(&story, 10 * S_US);
    CHECK_INT(wholes(name), 0);
    check_is_told_to_be_removed(0, name);
    story_start(&story, away);
    story_hint(&story, away, 0);
    story_run(&story, 20 * S_US);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(!is_whole(i, name) || i == away);
    CHECK(!keeping_is_kept(story.nodes[away].core, name));
    CHECK_INT(wholes(name), 0);
    CHECK(story_end(&story));
}

/* One after the other: what is there of it already is not fetched twice. */
TEST(a_source_that_goes_is_replaced)
{
    struct digest name;
    uint64_t user;
    uint32_t request, reader = 0;

    begin(6);
    name = put_whole(0, bytes, BIG);
    story_run(&story, 5 * S_US);
    for (uint32_t i = 1; i < 6; i++)
        reader = is_whole(i, name) ? reader : i;
    REQUIRE(reader != 0);
    user = story_user(&story, reader);
    request = story_get_begun(&story, user, name, 64, 0);
    story_get_more(&story, user, request, OBJECT_CREDIT_MAX);
    story_run(&story, 3 * MS_US);
    story_kill(&story, 0);
    story_run(&story, 10 * S_US);
    CHECK(story_has_ended(&story, user, request));
    CHECK_INT(story_got(&story, user, request, got, sizeof got), BIG);
    CHECK(memcmp(got, bytes, BIG) == 0);
    CHECK(story_end(&story));
}

TEST(a_node_without_objects_is_not_waited_for)
{
    struct instant began;

    story_init(&story, 2);
    story.ages.objects_bytes = 1 << 30;
    story_start(&story, 0);
    story.ages.objects_bytes = 0;
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    story_run(&story, 2 * S_US);
    began = story.now;
    put_whole(0, bytes, 1000);
    CHECK_INT(told.copies, 1);
    CHECK(instant_since_us(story.now, began) < 4 * S_US);
    story_run(&story, 5 * S_US);
    CHECK(copies_are_quiet(story.nodes[0].core));
    CHECK(story_end(&story));
}

TEST(links_for_objects_do_not_stay)
{
    struct digest name;

    begin(3);
    name = put_whole(0, bytes, BIG);
    story_run(&story, 5 * S_US);
    CHECK_INT(wholes(name), 3);
    story_run(&story, 15 * S_US);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(story.nodes[i].core->objects->bulks == NULL);
        CHECK(story.nodes[i].core->objects->fetches == NULL);
        CHECK(copies_are_quiet(story.nodes[i].core));
    }
    CHECK(story_end(&story));
}

TEST(after_a_restart_of_all_copies_are_where_they_were)
{
    struct digest name;

    begin(3);
    name = put_whole(0, bytes, BIG);
    story_run(&story, 5 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        story_kill(&story, i);
    for (uint32_t i = 0; i < 3; i++) {
        story_start(&story, i);
        if (i > 0)
            story_hint(&story, i, 0);
    }
    story_run(&story, 10 * S_US);
    CHECK_INT(wholes(name), 3);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(shelf_find(story.nodes[i].core->objects->shelf, name)->kept);
    CHECK(story_end(&story));
}

/* Its bytes were changed behind its back. */
TEST(a_damaged_copy_is_not_taken)
{
    struct digest name;

    begin(2);
    story_cut(&story, 0, 1);
    story_run(&story, 10 * S_US);
    name = put_whole(0, bytes, BIG);
    CHECK(sim_mover_rot(&story.nodes[0].mover, 8 * (uint64_t)PIECE_SIZE + 3, NULL));
    story_mend(&story, 0, 1);
    story_run(&story, 40 * S_US);
    CHECK(!is_whole(1, name));
    CHECK(story_end(&story));
}

TEST_MAIN(a_node_without_objects_is_not_waited_for,
          a_put_has_two_copies_when_it_is_told_and_three_soon,
          a_put_waits_for_a_copy_that_takes_its_time,
          a_put_waits_for_the_slowest_of_the_copies_it_needs,
          a_user_who_waits_for_copies_hears_that_they_are_on_their_way,
          a_put_ends_without_a_copy_that_does_not_come, sizes_of_every_kind_are_copied,
          whoever_wants_it_gets_it_at_any_node, what_nobody_has_is_not_found,
          copies_of_the_dead_are_made_again, what_is_removed_goes_everywhere_and_does_not_come_back,
          a_source_that_goes_is_replaced, links_for_objects_do_not_stay,
          after_a_restart_of_all_copies_are_where_they_were, a_damaged_copy_is_not_taken)
