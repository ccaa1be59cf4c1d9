/* Stories of who keeps an object when nodes come back with another disk, when disks work again, and
 * when it is removed by whoever only happens to have it. */
#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/having.h"
#include "core/node/keeping.h"
#include "core/node/link.h"
#include "core/object/name.h"
#include "core/wire/move.h"
#include "tests/lib/story_objects.h"

#define SIZE (PIECE_SIZE + 7)

static struct story story;
static uint8_t bytes[SIZE];

static void start(uint32_t i)
{
    story.nodes[i].keeps_disk = true;
    story_start_among(&story, i);
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    for (uint32_t i = 0; i < count; i++)
        start(i);
    story_run(&story, 2 * S_US);
    story_fill(bytes, sizeof bytes);
}

static struct digest put(uint32_t i, uint64_t size)
{
    struct object_view told;

    return story_put_whole(&story, i, bytes, size, 20 * S_US, &told);
}

static const struct shelf_object *at(uint32_t i, struct digest name)
{
    return shelf_find(story.nodes[i].core->objects->shelf, name);
}

static bool is_whole(uint32_t i, struct digest name)
{
    return story.nodes[i].core != NULL && at(i, name) != NULL && at(i, name)->whole;
}

static uint32_t wholes(struct digest name)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++)
        count += is_whole(i, name);
    return count;
}

static uint32_t stranger(struct digest name)
{
    for (uint32_t i = 0; i < story.count; i++)
        if (!is_whole(i, name))
            return i;
    REQUIRE(false);
    return 0;
}

/* One that cannot write lets go of nothing that only one other has: that one may have gone, and
 * nobody noticed it yet. */
TEST(the_last_but_one_copy_stays_where_it_is)
{
    begin(2);
    struct digest name = put(0, SIZE);
    story_run(&story, 5 * S_US);
    CHECK_INT(wholes(name), 2);
    story.nodes[0].fails = true;
    story_submit(&story, story_user(&story, 0), 1);
    story_run(&story, S_US);
    CHECK(!member_keeps(story.nodes[0].core, story.nodes[0].id));
    story_run(&story, 2 * S_US);
    CHECK(at(0, name)->kept);
    CHECK(story_end(&story));
}

/* It was away for so short a time that nobody took it for dead. */
TEST(a_disk_that_was_replaced_gets_what_it_had)
{
    begin(3);
    struct digest name = put(0, SIZE);
    story_run(&story, 5 * S_US);
    CHECK_INT(wholes(name), 3);
    story_kill(&story, 1);
    sim_mover_clear(&story.nodes[1].mover);
    sim_mover_init(&story.nodes[1].mover, &story.heap.alloc, UINT64_MAX);
    story_restore(&story, 1, NULL);
    start(1);
    story_run(&story, 10 * S_US);
    CHECK_INT(wholes(name), 3);
    CHECK(at(1, name)->kept);
    CHECK(story_end(&story));
}

/* A second copy comes at once, and the first is slow. */
TEST(what_is_on_its_way_is_asked_for_twice_at_most)
{
    for (uint32_t slow = 0; slow < 2; slow++) {
        begin(3);
        story_kill(&story, 2);
        struct digest name = put(0, 3000);
        story_run(&story, 5 * S_US);
        start(2);
        for (int i = 0; i < 50000 && (at(2, name) == NULL || !at(2, name)->listed); i++)
            story_run(&story, 50);
        REQUIRE(at(2, name) != NULL && !at(2, name)->whole);
        story.nodes[slow].mover_silent = true;
        story_run(&story, 20 * S_US);
        CHECK(is_whole(2, name));
        CHECK(story.sent[MESSAGE_BULK_WANT] < 30);
        CHECK(story_end(&story));
    }
}

TEST(what_others_keep_is_removed_by_whoever_has_it_too)
{
    begin(6);
    struct digest name = put(0, SIZE);
    story_run(&story, 5 * S_US);
    uint32_t other = stranger(name);
    CHECK_INT(story_get_whole(&story, other, name, bytes, SIZE), 0);
    CHECK(keeping_find(story.nodes[other].core, name, KEEPING_USER) == NULL);
    CHECK_INT(story_ref_code(&story, other, MESSAGE_REQUEST_RM, name), 0);
    story_run(&story, 10 * S_US);
    CHECK_INT(wholes(name), 0);
    for (uint32_t i = 0; i < 6; i++)
        CHECK(!keeping_is_kept(story.nodes[i].core, name));
    CHECK(copies_are_quiet(story.nodes[other].core));
    CHECK(story_end(&story));
}

/* Nobody knows of it: what is here goes after a while. */
TEST(what_nobody_keeps_is_removed_where_it_is)
{
    begin(2);
    struct digest name = put(0, SIZE);
    story_run(&story, 3 * S_US);
    for (uint32_t i = 0; i < 2; i++) {
        struct keeping *k = map_remove(&story.nodes[i].core->keeping, &name);

        REQUIRE(k != NULL && k->next == NULL && k->prev == NULL);
        story.nodes[i].core->keeping_first = NULL; /* there was no other */
        story.nodes[i].core->keeping_count = 0;
        alloc_free(&story.heap.alloc, k, sizeof *k);
        shelf_keep(story.nodes[i].core->objects->shelf,
                   shelf_find(story.nodes[i].core->objects->shelf, name), false);
    }
    uint64_t user = story_user(&story, 0);
    CHECK_INT(story_rm_code(&story, user, name, 5 * S_US), 0);
    CHECK(!is_whole(0, name));
    CHECK(story_end(&story));
}

TEST(a_node_whose_disk_works_again_keeps_what_it_should)
{
    begin(3);
    struct digest name = put(0, SIZE);
    story_run(&story, 5 * S_US);
    story.nodes[1].fails = true;
    put(0, 100);
    story_run(&story, 10 * S_US);
    CHECK(at(1, name) != NULL && !at(1, name)->kept);
    story.nodes[1].fails = false;
    story_run(&story, 20 * S_US);
    CHECK(at(1, name)->kept);
    CHECK(story_end(&story));
}

/* It was damaged while the other was away, and is looked for ever since. */
TEST(who_looks_for_what_was_removed_hears_so)
{
    begin(2);
    struct digest name = put(0, SIZE);
    story_run(&story, 5 * S_US);
    story_kill(&story, 0);
    CHECK(sim_mover_rot(&story.nodes[1].mover, 8, NULL));
    CHECK_INT(story_get_whole(&story, 1, name, bytes, SIZE), 1);
    story_kill(&story, 1);
    start(0);
    story_run(&story, 100 * MS_US);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    start(1);
    story_run(&story, 20 * S_US);
    CHECK(at(1, name) == NULL);
    CHECK(!keeping_is_kept(story.nodes[1].core, name));
    CHECK(copies_are_quiet(story.nodes[1].core));
    CHECK(story_end(&story));
}

TEST(what_a_failed_sync_has_taken_is_got_again)
{
    begin(2);
    story.nodes[1].mover.no_sync = true;
    struct digest name = put(0, SIZE);
    CHECK(!is_whole(1, name));
    story.nodes[1].mover.no_sync = false;
    story_run(&story, 20 * S_US);
    CHECK_INT(wholes(name), 2);
    CHECK(story_end(&story));
}

/* Whoever got it for himself may let go of it any time. */
TEST(what_somebody_happens_to_have_is_no_copy_to_count_on)
{
    uint32_t machines;

    begin(4);
    struct digest name = put(0, SIZE);
    story_run(&story, 5 * S_US);
    uint32_t other = stranger(name), one = other == 1 ? 2 : 1;
    CHECK_INT(story_get_whole(&story, other, name, bytes, SIZE), 0);
    CHECK(!at(other, name)->kept);
    REQUIRE(is_whole(one, name));
    CHECK(sim_mover_rot(&story.nodes[one].mover, 8, NULL));
    CHECK_INT(story_get_whole(&story, one, name, bytes, SIZE), 0);
    CHECK_INT(having_count(story.nodes[one].core, at(one, name),
                           keeping_find(story.nodes[one].core, name, KEEPING_USER), &machines),
              3);
    CHECK(story_end(&story));
}

/* It put it, and is none of those that should have it. */
TEST(who_lets_go_of_a_copy_is_counted_no_more)
{
    uint64_t size = 1000;
    uint32_t machines;
    struct digest name;

    begin(5);
    do {
        name = put(0, ++size);
        story_run(&story, 5 * S_US);
    } while (at(0, name)->kept);
    CHECK_INT(wholes(name), 4);
    for (uint32_t i = 1; i < story.count; i++)
        if (is_whole(i, name))
            CHECK_INT(having_count(story.nodes[i].core, at(i, name),
                                   keeping_find(story.nodes[i].core, name, KEEPING_USER),
                                   &machines),
                      3);
    CHECK(story_end(&story));
}

#define HALF 4u
#define MANY 60u

static void cut_in_two(bool cut)
{
    for (uint32_t i = 0; i < HALF; i++)
        for (uint32_t k = HALF; k < 2 * HALF; k++)
            (cut ? story_cut : story_mend)(&story, i, k);
}

/* The one half keeps them all the while, and the best nodes of some are all there. */
TEST(a_removal_in_one_half_reaches_the_other_when_it_heals)
{
    struct digest names[MANY];
    uint32_t removed = 0;

    begin(2 * HALF);
    for (uint32_t i = 0; i < MANY; i++)
        names[i] = put(i % HALF, 100 + i);
    story_run(&story, 5 * S_US);
    cut_in_two(true);
    story_run(&story, 20 * S_US);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t at = 0;

        while (at < HALF && !is_whole(at, names[i]))
            at++;
        if (at == HALF)
            continue;
        CHECK_INT(story_ref_code(&story, at, MESSAGE_REQUEST_RM, names[i]), 0);
        removed++;
    }
    story_run(&story, 5 * S_US);
    cut_in_two(false);
    story_run(&story, 60 * S_US);
    CHECK(removed > MANY / 2);
    for (uint32_t i = 0; i < MANY; i++)
        CHECK(wholes(names[i]) == 0 || wholes(names[i]) >= 3);
    uint32_t left = 0;
    for (uint32_t i = 0; i < MANY; i++)
        left += wholes(names[i]) > 0;
    CHECK_INT(left, MANY - removed);
    for (uint32_t i = 0; i < 2 * HALF; i++)
        CHECK(copies_are_quiet(story.nodes[i].core));
    CHECK(story_end(&story));
}

/* The best of them keep none: the next best have the copies in their place. */
TEST(nodes_that_keep_no_objects_are_replaced_by_the_next_best)
{
    struct object_view told;

    story_init(&story, 7);
    for (uint32_t i = 0; i < 7; i++) {
        story.ages.objects_bytes = i < 4 ? 1 << 30 : 0;
        start(i);
    }
    story_run(&story, 2 * S_US);
    for (uint64_t size = 100; size < 110; size++) {
        struct digest name = story_put_whole(&story, 0, bytes, size, 20 * S_US, &told);
        uint32_t kept = 0;

        CHECK_INT(told.copies, 2);
        story_run(&story, 8 * S_US);
        for (uint32_t i = 0; i < 4; i++)
            kept += is_whole(i, name) && at(i, name)->kept;
        CHECK_INT(kept, 3);
    }
    story_run(&story, 15 * S_US);
    CHECK(copies_are_quiet(story.nodes[0].core));
    CHECK(story_end(&story));
}

TEST_MAIN(who_lets_go_of_a_copy_is_counted_no_more,
          a_removal_in_one_half_reaches_the_other_when_it_heals,
          nodes_that_keep_no_objects_are_replaced_by_the_next_best,
          the_last_but_one_copy_stays_where_it_is, a_disk_that_was_replaced_gets_what_it_had,
          what_is_on_its_way_is_asked_for_twice_at_most,
          what_others_keep_is_removed_by_whoever_has_it_too,
          what_nobody_keeps_is_removed_where_it_is,
          a_node_whose_disk_works_again_keeps_what_it_should,
          who_looks_for_what_was_removed_hears_so, what_a_failed_sync_has_taken_is_got_again,
          what_somebody_happens_to_have_is_no_copy_to_count_on)
