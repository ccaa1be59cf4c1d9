/* Stories of damage: bytes on a disk change behind a node's back. What is read by users and other
 * nodes is right or nothing, and what another node has is got from there. */
#include "core/base/err.h"
#include "core/node/bulk.h"
#include "core/node/copies.h"
#include "core/node/damage.h"
#include "core/node/fetching.h"
#include "core/node/having.h"
#include "core/node/keeping.h"
#include "core/object/name.h"
#include "core/wire/move.h"
#include "tests/lib/story_objects.h"

#define BIG (3 * PIECE_SIZE + 7)
#define PIECES 4u

static struct story story;
static struct node_limits limits;
static uint8_t bytes[BIG];

static void start(uint32_t i)
{
    story.nodes[i].keeps_disk = true;
    story_start(&story, i);
    if (i > 0)
        story_hint(&story, i, 0);
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    limits = node_limits_usual;
    story.ages = (struct node_options){.objects_bytes = 1 << 30, .limits = &limits};
    for (uint32_t i = 0; i < count; i++)
        start(i);
    story_run(&story, 2 * S_US);
    story_fill(bytes, sizeof bytes);
}

static struct digest put_whole(uint32_t i)
{
    struct object_view told;

    return story_put_whole(&story, i, bytes, BIG, 20 * S_US, &told);
}

static const struct shelf_object *at(uint32_t i, struct digest name)
{
    return shelf_find(story.nodes[i].core->objects->shelf, name);
}

/* Whole, for all that this node and its mover know. */
static bool is_whole(uint32_t i, struct digest name)
{
    return at(i, name) != NULL && at(i, name)->whole &&
           sim_mover_whole(&story.nodes[i].mover) == 1 &&
           sim_mover_damaged(&story.nodes[i].mover) == 0;
}

static uint32_t wholes(struct digest name)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++)
        count += story.nodes[i].core != NULL && is_whole(i, name);
    return count;
}

static void damage(uint32_t i, uint64_t piece)
{
    CHECK(sim_mover_rot(&story.nodes[i].mover, 8 * (piece * PIECE_SIZE + 5) + 3, NULL));
}

static int get(uint32_t i, struct digest name)
{
    return story_get_whole(&story, i, name, bytes, BIG);
}

TEST(a_damaged_piece_is_got_from_another_node_while_it_is_read)
{
    begin(3);
    struct digest name = put_whole(0);
    story_run(&story, 5 * S_US);
    CHECK_INT(wholes(name), 3);
    damage(0, 1);
    CHECK_INT(get(0, name), 0);
    CHECK_INT(wholes(name), 3);
    /* The first and the last, and all of them. */
    damage(0, 0);
    damage(0, 3);
    CHECK_INT(get(0, name), 0);
    for (uint32_t i = 0; i < PIECES; i++)
        damage(0, i);
    CHECK_INT(get(0, name), 0);
    CHECK_INT(wholes(name), 3);
    story_run(&story, 20 * S_US);
    CHECK(copies_are_quiet(story.nodes[0].core));
    CHECK(story_end(&story));
}

/* He compares it himself, and asks again; then it is mended, here too. */
TEST(whoever_wants_it_as_it_is_gets_the_damage)
{
    static uint8_t got[BIG];
    struct request_get m = {.as_is = true};

    begin(2);
    struct digest name = put_whole(0);
    damage(0, 1);
    uint64_t user = story_user(&story, 0);
    id_hex(name.bytes, 2 * ID_SIZE, m.ref);
    uint32_t request = story_get_asked(&story, user, &m);
    story_get_more(&story, user, request, OBJECT_CREDIT_MAX);
    story_run(&story, 2 * S_US);
    CHECK(story_has_ended(&story, user, request));
    CHECK_INT(story_got(&story, user, request, got, sizeof got), BIG);
    CHECK(got[PIECE_SIZE + 5] != bytes[PIECE_SIZE + 5]);
    got[PIECE_SIZE + 5] = bytes[PIECE_SIZE + 5];
    CHECK(memcmp(got, bytes, BIG) == 0);
    CHECK_INT(wholes(name), 1);
    CHECK_INT(get(0, name), 0);
    CHECK_INT(wholes(name), 2);
    CHECK(story_end(&story));
}

/* A piece that was given up meanwhile he waits for like anybody else. */
TEST(whoever_wants_it_as_it_is_waits_for_what_is_missing)
{
    struct request_get m = {.as_is = true};

    begin(2);
    struct digest name = put_whole(0);
    uint64_t user = story_user(&story, 0);
    id_hex(name.bytes, 2 * ID_SIZE, m.ref);
    uint32_t request = story_get_asked(&story, user, &m);
    story_get_more(&story, user, request, 1000);
    story_run(&story, S_US);
    damage(0, 2);
    CHECK_INT(get(0, name), 0);
    CHECK_INT(wholes(name), 2);
    story_get_more(&story, user, request, OBJECT_CREDIT_MAX);
    story_run(&story, 2 * S_US);
    static uint8_t got[BIG];
    CHECK(story_has_ended(&story, user, request));
    CHECK_INT(story_got(&story, user, request, got, sizeof got), BIG);
    CHECK(memcmp(got, bytes, BIG) == 0);
    CHECK(story_end(&story));
}

TEST(two_readers_of_a_damaged_piece_both_get_it)
{
    uint64_t users[2];
    uint32_t requests[2];

    begin(2);
    struct digest name = put_whole(0);
    damage(0, 2);
    for (int i = 0; i < 2; i++) {
        users[i] = story_user(&story, 0);
        requests[i] = story_get_begun(&story, users[i], name, 64, 0);
        story_get_more(&story, users[i], requests[i], OBJECT_CREDIT_MAX);
    }
    story_run(&story, 2 * S_US);
    for (int i = 0; i < 2; i++)
        CHECK(story_has_ended(&story, users[i], requests[i]));
    CHECK_INT(wholes(name), 2);
    CHECK(story_end(&story));
}

/* Whoever asks a node for what is damaged there gets it elsewhere, and the node mends itself. */
TEST(a_damaged_piece_is_not_sent_to_other_nodes)
{
    begin(6);
    struct digest name = put_whole(0);
    story_run(&story, 5 * S_US);
    for (uint32_t i = 0, k = 0; i < 6; i++)
        if (is_whole(i, name))
            damage(i, k++);
    for (uint32_t i = 0; i < 6; i++)
        CHECK_INT(get(i, name), 0);
    CHECK_INT(wholes(name), 6);
    CHECK(story_end(&story));
}

/* Whoever asks compares it, and gets it elsewhere; but soon the node looks before it sends. */
TEST(what_came_just_now_is_sent_without_another_look)
{
    story_init(&story, 4);
    limits = node_limits_usual;
    story.ages = (struct node_options){.objects_bytes = 1 << 30, .limits = &limits};
    story_fill(bytes, sizeof bytes);
    start(0);
    start(1);
    story_run(&story, 2 * S_US);
    struct digest name = put_whole(0);
    for (uint32_t i = 0; i < PIECES; i++)
        damage(0, i);
    start(2);
    story_run(&story, S_US);
    REQUIRE(at(0, name) != NULL && at(2, name) != NULL);
    CHECK(instant_since_us(story.now, at(0, name)->since) < BULK_FRESH_US);
    CHECK(is_whole(2, name));
    CHECK_INT(get(2, name), 0);
    CHECK(at(0, name)->whole && !is_whole(0, name));
    story_run(&story, BULK_FRESH_US);
    story_kill(&story, 1);
    story_kill(&story, 2);
    start(3);
    story_run(&story, S_US);
    CHECK_INT(get(3, name), 3);
    CHECK(!at(0, name)->whole);
    CHECK(story_end(&story));
}

/* None of them is whole, and all together are. */
TEST(nodes_with_different_damage_mend_each_other)
{
    begin(3);
    struct digest name = put_whole(0);
    story_run(&story, 5 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        story_cut(&story, i, (i + 1) % 3);
    story_run(&story, 500 * MS_US);
    for (uint32_t i = 0; i < 3; i++) {
        damage(i, i);
        CHECK_INT(get(i, name), 1);
        CHECK(!at(i, name)->whole);
    }
    for (uint32_t i = 0; i < 3; i++)
        story_mend(&story, i, (i + 1) % 3);
    story_run(&story, 60 * S_US);
    CHECK_INT(wholes(name), 3);
    CHECK(story_end(&story));
}

TEST(what_is_damaged_everywhere_is_refused_and_can_be_put_again)
{
    struct object_view v;

    begin(3);
    struct digest name = put_whole(0);
    story_run(&story, 5 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        damage(i, 1);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_INT(get(i, name), 1);
        objects_view(story.nodes[i].core, 0, at(i, name), &v);
        CHECK_INT(v.flags & OBJECT_WHOLE, 0);
        CHECK_INT(v.here, BIG - PIECE_SIZE);
    }
    story_run(&story, 10 * S_US);
    objects_view(story.nodes[0].core, 0, at(0, name), &v);
    CHECK_INT(v.copies, 0);
    put_whole(1);
    story_run(&story, 15 * S_US);
    CHECK_INT(wholes(name), 3);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(get(i, name), 0);
    CHECK(story_end(&story));
}

TEST(a_copy_that_was_away_mends_the_others)
{
    begin(3);
    struct digest name = put_whole(0);
    story_run(&story, 5 * S_US);
    story_kill(&story, 2);
    damage(0, 1);
    damage(1, 1);
    story_run(&story, 20 * S_US);
    CHECK_INT(get(0, name), 1);
    CHECK_INT(get(1, name), 1);
    start(2);
    story_run(&story, 20 * S_US);
    CHECK_INT(wholes(name), 3);
    CHECK_INT(get(0, name), 0);
    CHECK(story_end(&story));
}

/* A restart does not make it whole, and it is mended then. */
TEST(what_was_damaged_before_a_restart_is_mended_after_it)
{
    begin(2);
    struct digest name = put_whole(0);
    story_kill(&story, 1);
    damage(0, 3);
    CHECK_INT(get(0, name), 1);
    story_kill(&story, 0);
    start(0);
    story_run(&story, 100 * MS_US);
    CHECK(!at(0, name)->whole && at(0, name)->kept);
    start(1);
    story_run(&story, 20 * S_US);
    CHECK_INT(wholes(name), 2);
    CHECK(story_end(&story));
}

/* The others hear at once that there is one copy less. */
TEST(a_damaged_copy_is_not_counted)
{
    uint32_t machines;
    uint64_t user;

    begin(2);
    struct digest name = put_whole(0);
    story_run(&story, 5 * S_US);
    CHECK_INT(having_count(story.nodes[1].core, at(1, name),
                           keeping_find(story.nodes[1].core, name, KEEPING_USER), &machines),
              2);
    story.nodes[1].mover.fails = ERR_IO;
    damage(0, 1);
    user = story_user(&story, 0);
    story_get_more(&story, user, story_get_begun(&story, user, name, 64, 0), OBJECT_CREDIT_MAX);
    story_run(&story, 200 * MS_US);
    CHECK_INT(having_count(story.nodes[1].core, at(1, name),
                           keeping_find(story.nodes[1].core, name, KEEPING_USER), &machines),
              1);
    story.nodes[1].mover.fails = 0;
    story_run(&story, 20 * S_US);
    CHECK_INT(wholes(name), 2);
    CHECK_INT(having_count(story.nodes[1].core, at(1, name),
                           keeping_find(story.nodes[1].core, name, KEEPING_USER), &machines),
              2);
    CHECK(story_end(&story));
}

TEST(damage_that_nobody_reads_is_found_and_mended)
{
    begin(2);
    limits.check_us = S_US;
    limits.check_round_s = 1;
    story_kill(&story, 0);
    start(0);
    struct digest name = put_whole(1);
    story_run(&story, 5 * S_US);
    CHECK_INT(wholes(name), 2);
    damage(0, 2);
    story_run(&story, 5 * S_US);
    CHECK_INT(wholes(name), 2);
    CHECK(story_end(&story));
}

/* The usual pace: a slice in ten seconds, and all once in six hours. */
/* Nothing of the object itself is wrong. It is looked at here only. */
TEST(what_was_appended_is_found_and_cut_off)
{
    begin(1);
    struct digest name = put_whole(0);
    uint32_t number = at(0, name)->number;
    limits.check_us = 100 * MS_US;
    story.nodes[0].core->limits.check_us = 100 * MS_US;
    story.nodes[0].core->limits.check_round_s = 1;
    sim_mover_append(&story.nodes[0].mover, name, 77);
    story_run(&story, 20 * S_US);
    CHECK(is_whole(0, name));
    CHECK_INT(at(0, name)->number, number);
    CHECK_INT(get(0, name), 0);
    CHECK(story_end(&story));
}

/* The same while the node is down: some bytes, and more than a piece has. */
TEST(what_was_appended_while_the_node_was_down_is_cut_off)
{
    for (uint64_t more = 77; more < 3 * PIECE_SIZE; more += 2 * PIECE_SIZE) {
        begin(1);
        struct digest name = put_whole(0);
        story_kill(&story, 0);
        sim_mover_append(&story.nodes[0].mover, name, more);
        start(0);
        story_run(&story, S_US);
        CHECK(is_whole(0, name));
        REQUIRE(at(0, name) != NULL);
        CHECK_INT(at(0, name)->size, BIG);
        CHECK_INT(get(0, name), 0);
        CHECK(story_end(&story));
    }
}

TEST(damage_is_looked_for_at_a_bounded_pace)
{
    struct instant last = {0};
    uint32_t looks = 0;

    begin(1);
    for (uint32_t i = 0; i < 5; i++) {
        struct object_view told;

        story_put_whole(&story, 0, bytes + i, 1000, 0, &told);
    }
    for (int i = 0; i < 2000; i++) {
        struct shelf_check before = story.nodes[0].core->objects->check;
        struct shelf_check after;

        story_run(&story, 50 * MS_US);
        after = story.nodes[0].core->objects->check;
        if (!after.begun || digest_equal(before.name, after.name))
            continue;
        CHECK(looks == 0 || instant_since_us(story.now, last) > 9 * S_US);
        last = story.now;
        looks++;
    }
    CHECK_INT(looks, 5);
    CHECK(instant_since_us(story.nodes[0].core->objects->check_at, story.now) >
          5 * 3600 * (int64_t)S_US);
    CHECK(story_end(&story));
}

/* The fetch that was on before goes by a map that is there no more. */
TEST(what_is_put_while_it_is_fetched_is_whole)
{
    struct digest name;
    uint64_t user, reader;
    uint32_t request, got;

    begin(3);
    story_kill(&story, 2);
    name = put_whole(0);
    start(2);
    for (int i = 0; i < 50000 && (at(2, name) == NULL || at(2, name)->have == 0); i++)
        story_run(&story, MS_US / 10);
    story.nodes[0].mover_silent = story.nodes[1].mover_silent = true;
    reader = story_user(&story, 2);
    got = story_get_begun(&story, reader, name, 64, 0);
    story_run(&story, 2 * MS_US);
    REQUIRE(at(2, name) != NULL && !at(2, name)->whole);
    user = story_user(&story, 2);
    request = story_put_begun(&story, user, BIG);
    story_put_sent(&story, user, request, bytes, BIG);
    CHECK(at(2, name)->whole);
    CHECK(!fetching_is_on(story.nodes[2].core, name));
    story_get_more(&story, reader, got, OBJECT_CREDIT_MAX);
    story_kill(&story, 0);
    story_kill(&story, 1);
    story_run(&story, 20 * MS_US);
    CHECK(story_has_ended(&story, reader, got));
    CHECK_INT(get(2, name), 0);
    CHECK(story_end(&story));
}

TEST(a_mover_that_dies_while_damage_is_mended_is_no_matter)
{
    begin(2);
    struct digest name = put_whole(0);
    uint64_t user = story_user(&story, 0);
    damage(0, 0);
    uint32_t request = story_get_begun(&story, user, name, 64, 0);
    story_get_more(&story, user, request, OBJECT_CREDIT_MAX);
    for (int i = 0; i < 1000 && !fetching_is_on(story.nodes[0].core, name); i++)
        story_run(&story, MS_US / 10);
    CHECK(fetching_is_on(story.nodes[0].core, name));
    story_mover_dies(&story, 0);
    story_leave(&story, user);
    story_run(&story, 20 * S_US);
    CHECK_INT(wholes(name), 2);
    CHECK_INT(get(0, name), 0);
    CHECK(story_end(&story));
}

TEST_MAIN(a_damaged_piece_is_got_from_another_node_while_it_is_read,
          whoever_wants_it_as_it_is_gets_the_damage,
          whoever_wants_it_as_it_is_waits_for_what_is_missing,
          two_readers_of_a_damaged_piece_both_get_it, a_damaged_piece_is_not_sent_to_other_nodes,
          what_came_just_now_is_sent_without_another_look,
          nodes_with_different_damage_mend_each_other,
          what_is_damaged_everywhere_is_refused_and_can_be_put_again,
          a_copy_that_was_away_mends_the_others,
          what_was_damaged_before_a_restart_is_mended_after_it, a_damaged_copy_is_not_counted,
          damage_that_nobody_reads_is_found_and_mended, what_was_appended_is_found_and_cut_off,
          what_was_appended_while_the_node_was_down_is_cut_off,
          damage_is_looked_for_at_a_bounded_pace, what_is_put_while_it_is_fetched_is_whole,
          a_mover_that_dies_while_damage_is_mended_is_no_matter)
