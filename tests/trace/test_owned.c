/* Stories of objects and of who put them: they go when he takes them back, or who may everything.
 */
#include "core/node/objects.h"
#include "tests/lib/story_owned.h"

TEST(who_did_not_put_an_object_does_not_remove_it)
{
    struct digest name;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    CHECK_INT(keepers(name), 3);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_INT(take(PARTY_SUBMIT, BOB, i, name), 4);
        CHECK_INT(take(PARTY_NATIVE, BOB, i, name), 4);
    }
    CHECK_INT(keepers(name), 3);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 2, name), 0);
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

TEST(what_two_have_put_stays_for_the_other)
{
    struct digest name;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    (void)put(PARTY_NATIVE, BOB, 1);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_INT(take(PARTY_SUBMIT, ALICE, i, name), 4);
        CHECK_INT(take(PARTY_NATIVE, BOB, i, name), 4);
    }
    CHECK_INT(keepers(name), 3);
    CHECK_INT(take(PARTY_USER, 1, 2, name), 0);
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

/* Each half hears only afterwards that the other one has it too. */
TEST(what_two_put_at_once_is_of_neither_on_every_node)
{
    struct digest name;

    begin();
    for (uint32_t i = 1; i < 3; i++)
        story.cut[0][i] = story.cut[i][0] = true;
    name = put(PARTY_SUBMIT, ALICE, 0);
    (void)put(PARTY_SUBMIT, BOB, 1);
    for (uint32_t i = 1; i < 3; i++)
        story.cut[0][i] = story.cut[i][0] = false;
    story_run(&story, 60 * S_US);
    for (uint32_t i = 0; i < 3; i++) {
        const struct keeping *k = keeping_find(story.nodes[i].core, name, KEEPING_USER);

        CHECK(k != NULL && k->kept && node_id_equal(k->by, keeping_several()));
    }
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 4);
    CHECK_INT(take(PARTY_SUBMIT, BOB, 0, name), 4);
    CHECK(story_end(&story));
}

TEST(it_is_known_after_a_restart_and_from_a_snapshot)
{
    struct digest name;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    for (uint32_t i = 0; i < 3; i++) {
        if (i > 0)
            story_compact(&story, i);
        story_run(&story, S_US);
        story_kill(&story, i);
        start(i);
        story_run(&story, 10 * S_US);
    }
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(take(PARTY_SUBMIT, BOB, i, name), 4);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 1, name), 0);
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

/* One node says something that it does not hold itself. */
static void tell(uint32_t from, uint32_t to, struct object_keep m)
{
    uint8_t room[128];
    struct buf b;

    buf_init_fixed(&b, room, sizeof room);
    put_u16(&b, 1);
    put_object_keep(&b, &m);
    story_say(&story, from, to, MESSAGE_OBJECT_KEEP, 0, buf_bytes(&b));
    story_run(&story, S_US);
}

static struct node_id by_at(uint32_t node, struct digest name)
{
    const struct keeping *k = keeping_find(story.nodes[node].core, name, KEEPING_USER);

    REQUIRE(k != NULL);
    return k->by;
}

/* A job that has let go of it says nothing about who may. */
TEST(what_somebody_gave_up_does_not_make_a_removal_of_anothers)
{
    struct object_keep m = {.owner = {{77}}, .size = SIZE, .generation = 2};
    struct digest name;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    m.name = name;
    tell(1, 0, m);
    REQUIRE(keeping_find(story.nodes[0].core, name, m.owner) != NULL);
    CHECK_INT(take(PARTY_SUBMIT, BOB, 0, name), 4);
    CHECK_INT(keepers(name), 3);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 0);
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

/* Nobody could say anything of it any more. */
TEST(no_statement_is_the_last_there_can_be)
{
    struct object_keep m = {.size = SIZE, .generation = KEEPING_GENERATION_MAX};
    struct digest name;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    m.name = name;
    for (uint32_t kept = 0; kept < 2; kept++) {
        m.kept = kept > 0;
        tell(1, 0, m);
        tell(0, 1, m);
        CHECK_INT(keepers(name), 3);
    }
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 0);
    CHECK_INT(keepers(name), 0);
    (void)put(PARTY_SUBMIT, ALICE, 1);
    CHECK_INT(keepers(name), 3);
    CHECK(story_end(&story));
}

/* Two nodes that were told of different ones, and one whose clock is at the beginning. */
TEST(the_highest_that_is_believed_leaves_room_and_divides_nobody)
{
    struct object_keep m = {.size = SIZE, .kept = true};
    struct digest name;

    begin();
    story.nodes[2].wall_off_s = -STORY_WALL_S;
    name = put(PARTY_SUBMIT, ALICE, 0);
    m.name = name;
    m.by = by_at(0, name);
    m.generation = (uint64_t)STORY_WALL_S * KEEPING_GENERATIONS_S;
    tell(1, 0, m);
    CHECK_INT(keeping_find(story.nodes[0].core, name, KEEPING_USER)->generation, m.generation);
    story_run(&story, 10 * S_US);
    CHECK_INT(keepers(name), 3);
    story.nodes[2].wall_off_s = 0;
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 0);
    CHECK_INT(keepers(name), 0);
    (void)put(PARTY_SUBMIT, ALICE, 1);
    CHECK_INT(keepers(name), 3);
    CHECK(story_end(&story));
}

/* Neither one that is too old to, nor one that could. */
TEST(who_names_nobody_takes_no_name_from_it)
{
    struct object_keep m = {.size = SIZE, .generation = 1, .kept = true};
    struct node_id alice;
    struct digest name;

    story_init(&story, 3);
    story.ages.objects_bytes = (uint64_t)1 << 30;
    story_fill(bytes, sizeof bytes);
    story.nodes[2].level = FEATURE_OWNED - 1;
    for (uint32_t i = 0; i < 3; i++)
        start(i);
    story_run(&story, 3 * S_US);
    name = put(PARTY_SUBMIT, ALICE, 0);
    alice = by_at(0, name);
    m.name = name;
    tell(2, 0, m);
    tell(2, 1, m);
    m.generation = 3;
    tell(1, 0, m);
    story_run(&story, 30 * S_US);
    for (uint32_t i = 0; i < 2; i++)
        CHECK(node_id_equal(by_at(i, name), alice));
    CHECK_INT(take(PARTY_SUBMIT, BOB, 0, name), 4);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 0);
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

/* To nodes of before there is no name for several. */
TEST(what_several_put_is_told_to_older_nodes_as_they_know_it)
{
    struct digest name;

    story_init(&story, 3);
    story.ages.objects_bytes = (uint64_t)1 << 30;
    story_fill(bytes, sizeof bytes);
    story.nodes[2].level = FEATURE_SEVERAL - 1;
    for (uint32_t i = 0; i < 3; i++)
        start(i);
    story_run(&story, 3 * S_US);
    name = put(PARTY_SUBMIT, ALICE, 0);
    /* One of before gives way to what names nobody. This one would not, and both would go on saying
     * what they know as fast as the link carries it. */
    story_drop(&story, MESSAGE_OBJECT_KEEP, 2, STORY_USER);
    (void)put(PARTY_SUBMIT, BOB, 1);
    story_run(&story, 30 * S_US);
    for (uint32_t i = 0; i < 2; i++)
        CHECK(node_id_equal(by_at(i, name), keeping_several()));
    CHECK(!node_id_equal(by_at(2, name), keeping_several()));
    for (uint32_t i = 0; i < 2; i++)
        CHECK_INT(take(PARTY_SUBMIT, ALICE, i, name), 4);
    story_drop(&story, 0, 0, 0);
    CHECK_INT(take(PARTY_USER, 1, 2, name), 0);
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

TEST_MAIN(no_statement_is_the_last_there_can_be,
          the_highest_that_is_believed_leaves_room_and_divides_nobody,
          who_names_nobody_takes_no_name_from_it,
          what_several_put_is_told_to_older_nodes_as_they_know_it,
          what_somebody_gave_up_does_not_make_a_removal_of_anothers,
          who_did_not_put_an_object_does_not_remove_it, what_two_have_put_stays_for_the_other,
          what_two_put_at_once_is_of_neither_on_every_node,
          it_is_known_after_a_restart_and_from_a_snapshot)
