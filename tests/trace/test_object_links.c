/* Stories of objects and links: many fetches share one, and what is said while one is cut is said
 * again. */
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/keeping.h"
#include "core/node/objects.h"
#include "core/wire/move.h"
#include "tests/lib/story_objects.h"

#define OBJECTS (2 * FETCHES_MAX) /* more than are fetched at a time */
#define SIZE 5000u

static struct story story;

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    for (uint32_t i = 0; i < count; i++) {
        story_start(&story, i);
        if (i > 0)
            story_hint(&story, i, 0);
    }
    story_run(&story, 2 * S_US);
}

static struct digest put(uint8_t fill)
{
    struct object_view told = {0};
    uint8_t bytes[SIZE];

    memset(bytes, fill, sizeof bytes);
    return story_put_whole(&story, 0, bytes, sizeof bytes, 10 * S_US, &told);
}

static uint32_t whole_at(uint32_t i)
{
    const struct shelf_object *o = NULL;
    uint32_t count = 0;

    while ((o = shelf_next(story.nodes[i].core->objects->shelf, o == NULL ? NULL : &o->name)))
        count += o->whole;
    return count;
}

/* A node that comes later is told of all at once, and no link asks for more than it may: so none
 * is closed for it, and one is enough. */
TEST(many_fetches_share_a_link)
{
    story_init(&story, 2);
    story.ages.objects_bytes = 1 << 30;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    for (uint32_t i = 0; i < OBJECTS; i++)
        put((uint8_t)i);
    CHECK_INT(whole_at(0), OBJECTS);
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    for (uint32_t i = 0; i < 60 && whole_at(1) < OBJECTS; i++)
        story_run(&story, S_US / 10);
    CHECK_INT(whole_at(1), OBJECTS);
    CHECK_INT(story.nodes[1].core->objects->dial_counter, 1);
    CHECK(story_end(&story));
}

/* Very many of them, and no place for most: the next begins when one has come to its end, not when
 * it is told again. */
TEST(a_place_that_comes_free_is_taken_at_once)
{
    const uint32_t many = 400;
    struct object_view told = {0};

    story_init(&story, 2);
    story.ages.objects_bytes = 1 << 30;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    for (uint32_t i = 0; i < many; i++)
        story_put_whole(&story, 0, (const uint8_t *)&i, sizeof i, 10 * S_US, &told);
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    for (uint32_t i = 0; i < 100 && whole_at(1) == 0; i++)
        story_run(&story, S_US / 10);
    story_run(&story, S_US);
    CHECK_INT(whole_at(1), many);
    story_run(&story, 15 * S_US);
    CHECK(copies_are_quiet(story.nodes[1].core));
    CHECK(story_end(&story));
}

/* The one that has it all is slow, and hundreds that are to be copied came first. */
TEST(what_users_wait_for_goes_ahead_of_copies)
{
    const uint32_t many = 300;
    struct object_view told = {0};
    uint64_t user[8];
    uint32_t request[8], i;
    struct digest name[8];

    story_init(&story, 2);
    story.ages.objects_bytes = 1 << 30;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    for (i = 0; i < many; i++)
        name[i % 8] = story_put_whole(&story, 0, (const uint8_t *)&i, sizeof i, 10 * S_US, &told);
    story.nodes[0].mover_us = 300 * MS_US;
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    for (i = 0; i < 100 && whole_at(1) == 0; i++)
        story_run(&story, S_US / 10);
    /* What it is told again could take a place by chance. */
    story_drop(&story, MESSAGE_OBJECT_KEEP, 0, 1);
    for (i = 0; i < 8; i++) {
        user[i] = story_user(&story, 1);
        request[i] = story_get_begun(&story, user[i], name[i], 64, 0);
        story_get_more(&story, user[i], request[i], 100000);
    }
    story_run(&story, 8 * S_US);
    for (i = 0; i < 8; i++)
        CHECK(story_has_ended(&story, user[i], request[i]));
    CHECK(whole_at(1) < many / 2);
    CHECK(story_end(&story));
}

static void say_have(uint32_t from, uint32_t to)
{
    story_say_have(&story, from, to, (struct object_have){.name = {{1, 2, 3}}});
}

/* More objects than are looked at in a round: however much is said meanwhile, every one has its
 * turn. */
TEST(all_are_looked_at_while_others_talk)
{
    const uint32_t many = 300;
    struct object_view told = {0};

    story_init(&story, 3);
    story.ages.objects_bytes = 1 << 30;
    story_start(&story, 0);
    story_start(&story, 2);
    story_hint(&story, 2, 0);
    story_run(&story, 2 * S_US);
    for (uint32_t i = 0; i < many; i++)
        story_put_whole(&story, 0, (const uint8_t *)&i, sizeof i, 10 * S_US, &told);
    CHECK_INT(whole_at(2), many);
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    for (uint32_t i = 0; i < 5000 && whole_at(1) < many; i++) {
        say_have(0, 2);
        say_have(2, 0);
        story_run(&story, 20 * MS_US);
    }
    CHECK_INT(whole_at(1), many);
    CHECK(story_end(&story));
}

/* Its machine is gone without a word: the connection stays, and so does what was asked for over it,
 * for which others wait their turn. */
TEST(who_never_answers_is_not_waited_for_for_ever)
{
    struct object_view told = {0};

    story_init(&story, 2);
    story.ages.objects_bytes = 1 << 30;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    for (uint32_t i = 0; i < OBJECTS; i++)
        story_put_whole(&story, 0, (const uint8_t *)&i, sizeof i, 10 * S_US, &told);
    story.nodes[0].mover_us = 300 * MS_US;
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    for (uint32_t i = 0; i < 100 && whole_at(1) == 0; i++)
        story_run(&story, S_US / 10);
    CHECK(whole_at(1) > 0 && whole_at(1) < OBJECTS);
    story_pause(&story, 0);
    story_run(&story, 60 * S_US);
    CHECK(copies_are_quiet(story.nodes[1].core));
    story_resume(&story, 0);
    story_run(&story, 60 * S_US);
    CHECK_INT(whole_at(1), OBJECTS);
    CHECK(story_end(&story));
}

static void take_away(uint32_t i, struct digest name)
{
    CHECK_INT(story_ref_code(&story, i, MESSAGE_REQUEST_RM, name), 0);
    story_run(&story, 90 * MS_US);
}

/* Nobody is gone for so short a time, and nobody would ask. */
TEST(a_keeper_that_does_not_hear_of_a_removal_is_told_again)
{
    struct digest name;

    begin(3);
    name = put(7);
    story_run(&story, 5 * S_US);
    CHECK_INT(whole_at(0) + whole_at(1) + whole_at(2), 3);
    story_cut(&story, 0, 1);
    story_cut(&story, 2, 1);
    take_away(0, name);
    CHECK_INT(whole_at(1), 1);
    story_run(&story, 300 * MS_US);
    story_mend(&story, 0, 1);
    story_mend(&story, 2, 1);
    story_run(&story, 20 * S_US);
    CHECK_INT(whole_at(0) + whole_at(1) + whole_at(2), 0);
    CHECK(!keeping_is_kept(story.nodes[1].core, name));
    CHECK(copies_are_quiet(story.nodes[0].core));
    CHECK(story_end(&story));
}

TEST(that_something_was_removed_is_forgotten_when_it_is_old)
{
    struct digest kept, gone;

    story_init(&story, 1);
    story.ages = (struct node_options){
        .objects_bytes = 1 << 30, .keep_s = 20, .tombstone_s = 40, .calendar_look_s = 1};
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    kept = put(1);
    gone = put(2);
    take_away(0, gone);
    story_run(&story, 35 * S_US);
    REQUIRE(keeping_find(story.nodes[0].core, gone, KEEPING_USER) != NULL);
    CHECK_INT(keeping_find(story.nodes[0].core, gone, KEEPING_USER)->generation, 2);
    story_run(&story, 10 * S_US);
    CHECK(keeping_find(story.nodes[0].core, gone, KEEPING_USER) == NULL);
    CHECK(keeping_is_kept(story.nodes[0].core, kept));
    CHECK(story_end(&story));
}

TEST_MAIN(a_place_that_comes_free_is_taken_at_once, what_users_wait_for_goes_ahead_of_copies,
          all_are_looked_at_while_others_talk, who_never_answers_is_not_waited_for_for_ever,
          many_fetches_share_a_link, that_something_was_removed_is_forgotten_when_it_is_old,
          a_keeper_that_does_not_hear_of_a_removal_is_told_again)
