/* Stories of outputs that are lost with the nodes that had them, before the result of their job is
 * written and after it. */
#include "core/base/err.h"
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/objects.h"
#include "tests/lib/story_collect.h"

static struct story story;
static uint8_t bytes[70000];

static uint32_t of_much(uint64_t leaf)
{
    return 20000 + (uint32_t)leaf;
}

/* Longer than an output waits for others: each counts soon. */
static int64_t long_us(uint8_t param)
{
    (void)param;
    return 150 * MS_US;
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story_collect_begin(&story, of_much, true);
    story_fill(bytes, sizeof bytes);
}

static uint64_t covered_at(uint32_t i, struct job_id id)
{
    return cover_leaves(ledger_cover(job_find(story.nodes[i].core, id)->ledger));
}

/* One that holds the job, and does not make or get any of its outputs. */
static uint32_t aside(struct job_id id, bool leads)
{
    for (uint32_t i = 0; i < story.count; i++)
        if (story_holds(&story, i, id) && story_leads(&story, i, id) == leads)
            return i;
    REQUIRE(false);
    return 0;
}

static void outputs_are_lost_but_for(bool coordinator, bool restarts)
{
    struct job_id id;
    struct job_view v;
    uint64_t had, computed;
    uint32_t left;

    begin(4);
    id = story_submitted(&story, 0, 1);
    left = aside(id, coordinator);
    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, left);
    story.nodes[left].mover_silent = true; /* nothing that it makes comes about */
    for (int k = 0; k < 4000 && covered_at(left, id) < 6; k++)
        story_run(&story, MS_US);
    had = covered_at(left, id);
    CHECK(had >= 6 && had < STORY_LEAVES);
    story_lose_others(&story, left);
    story_drop(&story, 0, 0, 0);
    story.nodes[left].mover_silent = false;
    if (restarts) {
        story_kill(&story, left);
        story_start(&story, left);
        for (uint32_t i = 0; i < story.count; i++)
            story_hint(&story, left, i);
    } else {
        story_mover_dies(&story, left);
    }
    computed = story_leaves_computed(&story);
    v = story_result(&story, left, id, 120 * S_US);
    story_check_result(&story, (left + 2) % 4, &v);
    CHECK(story_leaves_computed(&story) - computed >= STORY_LEAVES - 1);
    CHECK(story_end(&story));
}

TEST(outputs_that_are_lost_are_computed_again)
{
    outputs_are_lost_but_for(true, false);
}

TEST(outputs_that_are_lost_with_their_coordinator_are_computed_again)
{
    outputs_are_lost_but_for(false, false);
}

/* Its next process has not seen anybody go. */
TEST(outputs_that_are_lost_while_nobody_leads_are_computed_again)
{
    outputs_are_lost_but_for(true, true);
}

/* Nobody asks for what nobody can have lost. */
TEST(a_job_without_losses_is_not_held_up)
{
    struct job_id id;
    uint64_t seeks;

    begin(4);
    id = story_submitted(&story, 0, 1);
    seeks = story.sent[MESSAGE_OBJECT_SEEK];
    CHECK_INT(story_result(&story, 0, id, 3 * S_US).state, JOB_DONE);
    CHECK_INT(story.sent[MESSAGE_OBJECT_SEEK], seeks);
    CHECK(story_end(&story));
}

/* What is left of them is found: nothing is computed twice for one node that went. */
TEST(outputs_that_others_have_are_not_computed_again)
{
    struct job_id id;
    struct job_view v;
    uint32_t lost;

    begin(5);
    story.leaf_us = long_us;
    id = story_submitted(&story, 0, 1);
    for (int k = 0; k < 4000 && covered_at(story_leader(&story, id), id) < 20; k++)
        story_run(&story, MS_US);
    lost = (story_leader(&story, id) + 1) % 5;
    story_lose(&story, lost);
    v = story_result(&story, (lost + 1) % 5, id, 60 * S_US);
    story_check_result(&story, (lost + 2) % 5, &v);
    CHECK(story.sent[MESSAGE_OBJECT_SEEK] > 0);
    CHECK(story_leaves_computed(&story) <= STORY_LEAVES + 8);
    CHECK(story_end(&story));
}

TEST(outputs_whose_inputs_are_lost_too_fail_the_job_by_name)
{
    struct object_view told;
    char text[64] = "input ";
    struct digest name;
    struct job_id id;
    struct job_view v;
    uint32_t left;

    begin(4);
    left = 2;
    story_drop(&story, MESSAGE_BULK_BYTES, STORY_USER,
               left); /* it gets no input, but hears of it */
    name = story_put_whole(&story, 0, bytes, sizeof bytes, 15 * S_US, &told);
    story_add_input(name, sizeof bytes);
    id = story_submitted(&story, 0, 1);
    REQUIRE(story_holds(&story, left, id));
    for (int k = 0; k < 4000 && covered_at(left, id) < 6; k++)
        story_run(&story, MS_US);
    CHECK(covered_at(left, id) >= 6 && covered_at(left, id) < STORY_LEAVES);
    story_lose_others(&story, left);
    story_drop(&story, 0, 0, 0);
    v = story_result(&story, left, id, 240 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    id_hex(name.bytes, 8, text + strlen(text));
    CHECK(strstr(v.error, text) != NULL);
    CHECK(strstr(v.error, "had it last") != NULL);
    CHECK(story_end(&story));
}

/* The result stays: it says what the bytes were. Who gets them hears who had them. */
TEST(what_is_lost_after_the_end_is_told_with_its_last_holder)
{
    const struct story_answer *a;
    struct reply_error e = {0};
    struct digest name;
    struct job_id id;
    uint32_t request;
    uint64_t user;

    begin(3);
    id = story_submitted(&story, 0, 1);
    CHECK_INT(story_result(&story, 0, id, 20 * S_US).state, JOB_DONE);
    story_run(&story, 3 * S_US);
    REQUIRE(sim_mover_rot(&story.nodes[0].mover, 5, &name));
    story_lose(&story, 1);
    story_lose(&story, 2);
    story_run(&story, 20 * S_US);
    user = story_user(&story, 0);
    request = story_get_begun(&story, user, name, 64, 0);
    story_get_more(&story, user, request, 100000);
    CHECK_INT(story_code_within(&story, user, request, 10 * S_US), 1);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && read_reply_error((struct bytes){a->data, a->len}, &e) == 0);
    CHECK(strstr(e.what, "had it last") != NULL);
    CHECK_INT(story_result(&story, 0, id, S_US).state, JOB_DONE);
    CHECK(story_end(&story));
}

TEST_MAIN(outputs_that_are_lost_are_computed_again,
          outputs_that_are_lost_with_their_coordinator_are_computed_again,
          outputs_that_are_lost_while_nobody_leads_are_computed_again,
          a_job_without_losses_is_not_held_up, outputs_that_others_have_are_not_computed_again,
          outputs_whose_inputs_are_lost_too_fail_the_job_by_name,
          what_is_lost_after_the_end_is_told_with_its_last_holder)
