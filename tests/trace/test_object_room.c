/* Stories of nodes that have no room for objects, while others have: what they tell users, and
 * whether others wait for them. */
#include <string.h>

#include "core/node/objects.h"
#include "core/wire/request.h"
#include "tests/lib/story_objects.h"

#define SIZE (PIECE_SIZE + 7)

static struct story story;
static uint8_t bytes[SIZE];

/* The last of them has room for no more than `last`. */
static void begin(uint32_t count, uint64_t last)
{
    story_init(&story, count);
    for (uint32_t i = 0; i < count; i++) {
        story.ages.objects_bytes = i + 1 < count ? 1 << 30 : last;
        story_start_among(&story, i);
    }
    story_run(&story, 2 * S_US);
    story_fill(bytes, sizeof bytes);
}

static struct reply_error refusal(uint32_t node, struct digest name)
{
    uint64_t user = story_user(&story, node);
    uint32_t request = story_get_begun(&story, user, name, 64, 0);
    const struct story_answer *a;
    struct reply_error m = {0};

    CHECK(story_code_within(&story, user, request, 10 * S_US) > 0);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && a->type == MESSAGE_REPLY_ERROR);
    CHECK_INT(read_reply_error((struct bytes){a->data, a->len}, &m), 0);
    story_leave(&story, user);
    return m;
}

static struct digest put(void)
{
    struct object_view told;

    return story_put_whole(&story, 0, bytes, SIZE, 20 * S_US, &told);
}

TEST(what_does_not_fit_the_node_that_is_asked_is_not_lost)
{
    begin(2, SIZE - 1);
    struct digest name = put();
    struct reply_error m = refusal(1, name);
    CHECK_INT(m.exit_code, 1);
    CHECK(strstr(m.what, "no room") != NULL);
    CHECK(strstr(m.what, "it has 1048583 bytes, as node ") != NULL);
    CHECK(strstr(m.hint, "--addr") != NULL);
    CHECK_INT(story_get_whole(&story, 0, name, bytes, SIZE), 0);
    CHECK(story_end(&story));
}

/* The limit lets it in, and the disk does not take it. */
TEST(what_the_disk_does_not_take_is_not_lost)
{
    begin(2, 1 << 30);
    story.nodes[1].mover.bytes_max = SIZE - 1;
    struct digest name = put();
    struct reply_error m = refusal(1, name);
    CHECK_INT(m.exit_code, 1);
    CHECK(strstr(m.what, "no room") != NULL);
    CHECK(strstr(m.what, "it has 1048583 bytes") != NULL);
    CHECK(story_end(&story));
}

TEST(what_was_removed_is_told_so_by_a_node_that_is_full_too)
{
    begin(2, SIZE - 1);
    struct digest name = put();
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    story_run(&story, 5 * S_US);
    CHECK_INT(refusal(1, name).exit_code, 9);
    CHECK(story_end(&story));
}

static bool is_whole(uint32_t i, struct digest name)
{
    const struct shelf_object *o = shelf_find(story.nodes[i].core->objects->shelf, name);

    return o != NULL && o->whole;
}

static bool keeps(uint32_t i, struct digest name)
{
    return shelf_find(story.nodes[i].core->objects->shelf, name)->kept;
}

/* There is one copy, as with one node only. */
TEST(nobody_waits_for_a_copy_at_a_node_that_is_full)
{
    begin(2, SIZE - 1);
    struct instant before = story.now;
    struct digest name = put();
    CHECK(instant_since_us(story.now, before) < S_US);
    CHECK(!is_whole(1, name));
    CHECK(story_end(&story));
}

TEST(what_is_small_enough_goes_to_a_node_that_is_full_for_others)
{
    struct object_view told;

    begin(2, SIZE - 1);
    (void)put();
    struct instant before = story.now;
    struct digest small = story_put_whole(&story, 0, bytes, 1000, 20 * S_US, &told);
    CHECK(instant_since_us(story.now, before) < S_US);
    CHECK_INT(told.copies, 2);
    CHECK(is_whole(1, small));
    CHECK(story_end(&story));
}

TEST(a_copy_comes_when_there_is_room_for_it)
{
    struct object_view told;

    begin(2, SIZE);
    struct digest first = story_put_whole(&story, 1, bytes + 1, 1000, 20 * S_US, &told);
    struct digest name = put();
    story_run(&story, 60 * S_US);
    CHECK(!is_whole(1, name));
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, first), 0);
    story_run(&story, 35 * S_US);
    CHECK(is_whole(1, name));
    CHECK(story_end(&story));
}

/* And it does not hear all the time of what it has no room for. */
TEST(another_stands_in_for_a_node_that_is_full)
{
    uint32_t before;

    begin(5, SIZE - 1);
    for (uint8_t i = 0; i < 8; i++) {
        uint32_t kept = 0;

        bytes[0] = i;
        struct digest name = put();
        story_run(&story, 5 * S_US);
        for (uint32_t k = 0; k < 5; k++)
            kept += is_whole(k, name) && keeps(k, name);
        CHECK_INT(kept, 3);
    }
    before = story.sent[MESSAGE_OBJECT_KEEP];
    story_run(&story, 60 * S_US);
    CHECK(story.sent[MESSAGE_OBJECT_KEEP] - before <= 3 * 8 * 3);
    CHECK(story_end(&story));
}

TEST_MAIN(what_does_not_fit_the_node_that_is_asked_is_not_lost,
          what_the_disk_does_not_take_is_not_lost,
          what_was_removed_is_told_so_by_a_node_that_is_full_too,
          nobody_waits_for_a_copy_at_a_node_that_is_full,
          what_is_small_enough_goes_to_a_node_that_is_full_for_others,
          a_copy_comes_when_there_is_room_for_it, another_stands_in_for_a_node_that_is_full)
