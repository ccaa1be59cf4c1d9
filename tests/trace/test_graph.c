/* Stories of jobs of several stages: which of them run when, what they read of each other, and what
 * becomes of them when nodes die. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/show_stages.h"
#include "core/node/stages.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_objects.h"
#include "tests/lib/story_worker.h"

static struct story story;
static struct job_spec made; /* of the job that was made last */
static bool big;

static uint32_t few(uint64_t leaf)
{
    return big ? 2000 + (uint32_t)leaf : (uint32_t)(leaf * 7 % 90);
}

static bool keeps_going;

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    spec->keep_going = keeps_going;
    parts_spec(spec, "work");
    made = *spec;
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story.output = few;
    story.graphs = true;
    story.adjust = as_told;
    parts_begin();
    keeps_going = false;
    big = false;
    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
}

static void check_done(const struct job_view *v)
{
    story_check_graph(v, &made, few);
    CHECK_INT(v->leaves_total, parts_leaves());
    CHECK_INT(v->leaves_done, parts_leaves());
}

static void run_to_the_end(uint32_t i, int64_t within_us)
{
    struct job_id id = story_submitted(&story, i, 1);
    struct job_view v = story_result(&story, i, id, within_us);

    check_done(&v);
}

TEST(a_value_is_read_by_the_next_stage)
{
    begin(3);
    parts_add(9, false);
    parts_need(parts_add(5, false), 0, 0);
    parts_need(parts_add(1, false), 1, 0);
    run_to_the_end(0, 20 * S_US);
    CHECK(story_end(&story));
}

/* What the stages before it were computed by computes the next. */
TEST(a_worker_turns_from_stage_to_stage)
{
    begin(1);
    parts_add(1, false);
    for (uint32_t i = 1; i < 40; i++)
        parts_need(parts_add(1, false), i - 1, 0);
    run_to_the_end(0, 20 * S_US);
    CHECK(story.loads >= 37);
    CHECK(story.nodes[0].core->worker_counter <= 4);
    CHECK(story_end(&story));
}

/* The limit of a worker is for good. */
TEST(no_worker_turns_to_a_stage_that_says_something_else_of_its_memory)
{
    begin(1);
    for (uint32_t i = 0; i < 40; i++) {
        struct part *p = parts_add(1, false);

        p->mem_bytes = i % 4 < 2 ? 1 << 20 : 2 << 20;
        if (i > 0)
            parts_need(p, i - 1, 0);
    }
    run_to_the_end(0, 20 * S_US);
    CHECK(story.loads >= 10);
    CHECK_INT(story.unlike, 0);
    CHECK(story_end(&story));
}

TEST(a_diamond_reads_both_of_its_sides_in_their_order)
{
    struct part *last;

    begin(3);
    parts_add(4, false);
    parts_need(parts_add(7, false), 0, 0);
    parts_need(parts_add(3, false), 0, 0);
    last = parts_add(6, false);
    parts_need(last, 2, 0);
    parts_need(last, 1, 1);
    parts_need(last, 0, NEED_ORDER);
    run_to_the_end(1, 20 * S_US);
    CHECK(story_end(&story));
}

TEST(many_small_stages_fan_out_and_in_again)
{
    struct part *last;

    begin(4);
    parts_add(1, false);
    for (uint32_t i = 1; i <= 48; i++)
        parts_need(parts_add(1, false), 0, 0);
    for (uint32_t i = 0; i < 6; i++) {
        struct part *middle = parts_add(2, false);

        for (uint16_t k = 0; k < 8; k++)
            parts_need(middle, 1 + i * 8 + k, k);
    }
    last = parts_add(3, false);
    for (uint16_t k = 0; k < 6; k++)
        parts_need(last, 49u + k, k);
    run_to_the_end(2, 30 * S_US);
    CHECK_INT(story_leaves_computed(&story), parts_leaves());
    CHECK(story_end(&story));
}

TEST(outputs_that_were_collected_are_read_one_by_one)
{
    begin(3);
    parts_add(30, true);
    parts_need(parts_add(4, false), 0, 0);
    run_to_the_end(0, 20 * S_US);
    CHECK(story_end(&story));
}

TEST(outputs_that_are_objects_are_got_by_who_reads_them)
{
    struct job_id id;
    struct job_view v;

    begin(3);
    big = true;
    parts_add(5, true);
    parts_need(parts_add(4, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 1, id, 30 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    CHECK(story_end(&story));
}

TEST(a_last_stage_that_collects_is_the_result)
{
    struct collected c;
    struct job_id id;
    struct job_view v;

    begin(2);
    parts_add(5, false);
    parts_need(parts_add(6, true), 0, 0);
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 1, id, 20 * S_US);
    CHECK_INT(v.state, JOB_DONE);
    REQUIRE(read_collected(v.result, &c) == 0);
    CHECK_INT(c.leaves, 6);
    CHECK(digest_equal(c.list, v.digest));
    CHECK(story_end(&story));
}

/* Until so many leaves are computed. */
static void compute(uint64_t leaves)
{
    for (int k = 0; k < 20000 && story_leaves_computed(&story) < leaves; k++)
        story_run(&story, MS_US);
    CHECK(story_leaves_computed(&story) >= leaves);
}

TEST(no_leaf_runs_before_what_it_waits_for_is_complete)
{
    struct job_id id;
    struct job *j;
    uint32_t leader;

    begin(2);
    parts_add(40, false);
    parts_need(parts_add(8, false), 0, NEED_ORDER);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    j = job_find(story.nodes[leader].core, id);
    for (int k = 0; k < 3000 && !job_is_final(j) && j->lead != NULL; k++) {
        story_run(&story, MS_US / 2);
        if (j->lead != NULL && ready_at(&j->lead->ready, 0) != STAGE_DONE)
            CHECK_INT(cover_overlap(ledger_cover(j->ledger), stage_leaves(j, 1).first,
                                    stage_leaves(j, 1).end),
                      0);
    }
    CHECK(job_is_final(j));
    CHECK(story_end(&story));
}

TEST(a_coordinator_that_dies_between_stages_is_followed)
{
    struct job_view v;
    struct job_id id;
    uint32_t leader, other;

    begin(4);
    parts_add(12, false);
    parts_need(parts_add(9, true), 0, 0);
    parts_need(parts_add(40, false), 1, 0);
    parts_need(parts_add(5, false), 2, 0);
    id = story_submitted(&story, 0, 1);
    compute(25);
    leader = story_leader(&story, id);
    other = (leader + 1) % 4;
    story_kill(&story, leader);
    v = story_result(&story, other, id, 60 * S_US);
    check_done(&v);
    CHECK(story_end(&story));
}

TEST(holders_that_come_back_go_on_where_the_graph_was)
{
    struct job_view v;
    struct job_id id;

    begin(3);
    for (uint32_t i = 0; i < 3; i++)
        story.nodes[i].keeps_disk = true;
    parts_add(12, false);
    parts_need(parts_add(30, false), 0, 0);
    parts_need(parts_add(20, false), 1, 0);
    id = story_submitted(&story, 0, 1);
    compute(30);
    for (uint32_t i = 0; i < 3; i++)
        story_kill(&story, i);
    story_start_all(&story, true);
    v = story_result(&story, 1, id, 90 * S_US);
    check_done(&v);
    /* Stages that were complete were not run again. */
    CHECK(story_leaves_computed(&story) < parts_leaves() + 30);
    CHECK(story_end(&story));
}

TEST(a_stage_that_fails_ends_the_job_by_its_name)
{
    struct job_view v;
    struct job_id id;

    begin(2);
    parts_add(4, false);
    parts_need(parts_add(3, false), 0, 0);
    parts[1].param = STORY_FAILING;
    parts_need(parts_add(3, false), 1, 0);
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 1, id, 60 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, " of stage 1 ended its worker") != NULL);
    CHECK(strstr(v.error, "as it was told to") != NULL);
    CHECK(story_end(&story));
}

TEST(what_does_not_need_a_stage_that_failed_goes_on_where_that_is_wanted)
{
    struct job_view v;
    struct job_id id;
    struct job *j;
    bool seen = false;

    begin(2);
    keeps_going = true;
    parts_add(3, false);
    parts_need(parts_add(3, false), 0, 0);
    parts[1].param = STORY_FAILING;
    parts_need(parts_add(3, false), 1, 0);
    parts_need(parts_add(4, false), 2, NEED_ORDER);
    parts_need(parts_add(200, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    for (int k = 0; k < 2000 && !seen; k++) {
        story_run(&story, 5 * MS_US);
        j = job_find(story.nodes[story_leader(&story, id)].core, id);
        seen = ready_at(&j->lead->ready, 1) == STAGE_FAILED;
        if (!seen)
            continue;
        CHECK_INT(ready_at(&j->lead->ready, 2), STAGE_BLOCKED);
        CHECK_INT(ready_at(&j->lead->ready, 3), STAGE_BLOCKED);
        CHECK_INT(j->lead->ready.stages[3].blocked_by, 1);
        CHECK_INT(ready_at(&j->lead->ready, 4), STAGE_READY);
    }
    CHECK(seen);
    v = story_result(&story, 1, id, 60 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, " of stage 1 ended its worker") != NULL);
    CHECK(strstr(v.error, "; 2 stages are blocked") != NULL);
    CHECK_INT(v.leaves_done, 203);
    CHECK(story_end(&story));
}

TEST(a_stage_may_be_tried_more_or_less_often_than_others)
{
    struct job_view v;
    struct job_id id;

    for (uint8_t retries = 1; retries <= 5; retries += 4) {
        begin(2);
        parts_add(1, false);
        parts_need(parts_add(1, false), 0, 0);
        parts[1].param = STORY_FAILING;
        parts[1].retries = retries;
        id = story_submitted(&story, 0, 1);
        v = story_result(&story, 1, id, 60 * S_US);
        CHECK_INT(v.state, JOB_FAILED);
        CHECK(strstr(v.error, "as often as it may") != NULL);
        /* One more where all of them were on one node. */
        CHECK(v.retries == retries + 1u || v.retries == retries + 2u);
        CHECK(story_end(&story));
    }
}

TEST(a_stage_may_have_a_limit_of_its_own_for_a_leaf)
{
    struct job_view v;
    struct job_id id;

    begin(2);
    parts_add(1, false);
    parts_need(parts_add(1, false), 0, 0);
    parts[1].leaf_us = 1000; /* a story's leaf takes twice that, and a tick to be seen */
    parts[1].param = STORY_HANGING;
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 1, id, 60 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "a leaf ran longer than its limit of 1 ms") != NULL);
    CHECK(story_end(&story));
}

static int64_t of_a_portion(uint8_t param)
{
    return param == 0 ? STORY_LEAF_US : 20 * MS_US;
}

/* What a worker tells of then may be many short leaves. */
TEST(leaves_are_not_ended_for_what_a_portion_of_them_takes)
{
    struct job_view v;
    struct job_id id;

    begin(2);
    story.leaf_us = of_a_portion;
    parts_add(1, false);
    parts_need(parts_add(64, false), 0, 0);
    parts[1].leaf_us = 10 * MS_US;
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 1, id, 60 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    CHECK_INT(v.retries, 0);
    CHECK(story_end(&story));
}

TEST(every_node_tells_how_far_the_stages_are)
{
    struct stage_view v[8];
    struct job_view job;
    struct job_id id;

    begin(5);
    parts_add(6, false)->name = "first";
    parts_need(parts_add(300, false), 0, 0);
    parts_need(parts_add(4, false), 1, NEED_ORDER);
    id = story_submitted(&story, 0, 1);
    compute(60);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_INT(story_stages(&story, i, id, v, 8), 3);
        CHECK_STR(v[0].name, "first");
        CHECK_INT(v[0].state, STAGE_VIEW_DONE);
        CHECK(v[1].state == STAGE_VIEW_RUNNING && v[1].done > 0 && v[1].done < 300);
        CHECK(v[2].state == STAGE_VIEW_WAITING && v[2].done == 0 && v[2].leaves == 4);
        REQUIRE(v[2].needs_count == 1);
        CHECK_INT(stage_need_at(v[2].needs, 0).stage, 1);
    }
    job = story_result(&story, 0, id, 30 * S_US);
    check_done(&job);
    CHECK_INT(job.units, 310);
    CHECK_INT(job.leaf_units, 1);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_INT(story_stages(&story, i, id, v, 8), 3);
        for (uint32_t k = 0; k < 3; k++)
            CHECK(v[k].state == STAGE_VIEW_DONE && v[k].done == v[k].leaves);
    }
    CHECK(story_end(&story));
}

/* A coordinator that says the same stage again and again. */
TEST(who_tells_of_stages_comes_to_an_end)
{
    uint32_t leader, asker, request;
    struct stage_view v = {.state = STAGE_VIEW_READY, .leaves = 1};
    struct job_id id;
    uint64_t user;
    struct buf b;

    begin(5);
    parts_add(300, false);
    parts_need(parts_add(4, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    asker = story_stranger(&story, id);
    story_drop(&story, MESSAGE_STAGES, STORY_USER, leader);
    user = story_user(&story, asker);
    request = story_ask_id(&story, user, MESSAGE_REQUEST_STAGES, id);
    story_run(&story, MS_US);
    REQUIRE(story.nodes[asker].core->stages_waits != NULL);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u8(&b, 1); /* more of them follow */
    put_u16(&b, 1);
    put_stage_view(&b, &v);
    for (int k = 0; k < 3 && story.nodes[asker].core->stages_waits != NULL; k++) {
        story_say(&story, leader, asker, MESSAGE_STAGES_TOLD,
                  story.nodes[asker].core->stages_waits->token, buf_bytes(&b));
        story_run(&story, MS_US);
    }
    CHECK_INT(story_code(&story, user, request), 1);
    CHECK(story.nodes[asker].core->stages_waits == NULL);
    buf_clear(&b);
    story_drop(&story, 0, 0, 0);
    CHECK(story_end(&story));
}

/* Nobody leads a job that has ended: who did may be gone for good. */
TEST(who_led_a_job_that_has_ended_is_not_waited_for)
{
    struct stage_view v[4];
    struct job_id id;
    uint32_t leader;

    begin(5);
    parts_add(6, false);
    parts_need(parts_add(300, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    compute(20);
    leader = story_leader(&story, id);
    REQUIRE(leader < 5);
    story_result(&story, leader == 0 ? 1 : 0, id, 30 * S_US);
    story_kill(&story, leader);
    story_run(&story, 20 * S_US);
    for (uint32_t i = 0; i < 5; i++)
        if (i != leader)
            CHECK_INT(story_stages(&story, i, id, v, 4), 2);
    CHECK(story_end(&story));
}

TEST(what_is_blocked_is_shown_with_what_blocks_it)
{
    struct stage_view v[8];
    struct job_id id;

    begin(2);
    keeps_going = true;
    parts_add(2, false);
    parts_need(parts_add(3, false), 0, 0);
    parts[1].param = STORY_FAILING;
    parts_need(parts_add(3, false), 1, 0);
    parts_need(parts_add(3000, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    story_run(&story, 2 * S_US);
    CHECK_INT(story_stages(&story, 1, id, v, 8), 4);
    CHECK_INT(v[1].state, STAGE_VIEW_FAILED);
    CHECK_INT(v[2].state, STAGE_VIEW_BLOCKED);
    CHECK_INT(v[2].blocked_by, 1);
    CHECK_INT(v[3].state, STAGE_VIEW_RUNNING);
    CHECK(story_end(&story));
}

/* Nothing waits any more, whether the cover is still there or not. */
TEST(of_a_job_that_has_ended_no_stage_waits)
{
    struct stage_view v[8];
    struct job_id id;

    begin(2);
    parts_add(2, false);
    parts_need(parts_add(3, false), 0, 0);
    parts[1].param = STORY_FAILING;
    parts_need(parts_add(3, false), 1, 0);
    parts_need(parts_add(3000, false), 0, NEED_ORDER);
    id = story_submitted(&story, 0, 1);
    CHECK_INT(story_result(&story, 1, id, 60 * S_US).state, JOB_FAILED);
    for (int k = 0; k < 2; k++) {
        CHECK_INT(story_stages(&story, 1, id, v, 8), 4);
        CHECK_INT(v[0].state, STAGE_VIEW_DONE);
        CHECK_INT(v[1].state, STAGE_VIEW_FAILED);
        CHECK_INT(v[2].state, STAGE_VIEW_BLOCKED);
        CHECK_INT(v[2].blocked_by, 1);
        CHECK_INT(v[3].state, STAGE_VIEW_STOPPED);
        story_run(&story, 10 * S_US);
    }
    CHECK(story_end(&story));
}

/* So many values that no stage has, again and again, whenever it may do harm. */
static void told_values(uint32_t stage, uint16_t count)
{
    uint8_t bytes[8] = {0};
    struct peer_input m = {.stage = stage, .count = count};
    struct job_view v;
    struct buf b;
    uint32_t leader, i;

    begin(2);
    parts_add(1, false);
    parts_add(1, false);
    parts_need(parts_add(6, false), 0, 0);
    parts_need(&parts[2], 1, 1);
    m.job = story_submitted(&story, 0, 1);
    buf_init(&b, &story.heap.alloc, 1024);
    put_peer_input(&b, &m, true);
    for (i = 0; i < count; i++)
        put_block(&b, (struct bytes){bytes, 8});
    leader = story_leader(&story, m.job);
    story_drop(&story, MESSAGE_INPUT_VALUES, leader, STORY_USER);
    for (int k = 0; k < 200; k++) {
        story_run(&story, MS_US);
        for (i = 0; i < 2; i++)
            if (i != leader)
                story_say(&story, leader, i, MESSAGE_INPUT_VALUES, 0, buf_bytes(&b));
    }
    story_drop(&story, 0, STORY_USER, STORY_USER);
    buf_clear(&b);
    v = story_result(&story, 0, m.job, 60 * S_US);
    check_done(&v);
    CHECK(story_end(&story));
}

/* What a node is told twice, or in answer to another question, changes nothing. */
TEST(values_that_nobody_waits_for_are_let_alone)
{
    told_values(1, 1);
}

/* They are parts of it, which are still to be merged. */
TEST(several_values_of_a_stage_that_folds_are_let_alone)
{
    told_values(0, 2);
}

/* A holder that knew more tells the coordinator, which nobody reports anything to. */
TEST(values_that_another_holder_tells_open_stages_too)
{
    struct partial p = {.count = 1};
    uint8_t bytes[8] = {0};
    uint32_t leader, other;
    struct buf fact, b;
    struct job_id id;
    struct job *j;

    begin(3);
    story.output = NULL; /* workers that are asked for do not come */
    parts_add(1, false);
    parts_need(parts_add(2, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    other = (leader + 1) % 3;
    j = job_find(story.nodes[leader].core, id);
    CHECK_INT(ready_at(&j->lead->ready, 1), STAGE_WAITING);
    buf_init(&fact, &story.heap.alloc, 1024);
    buf_init(&b, &story.heap.alloc, 1024);
    put_partial_begin(&fact, &p);
    put_value(&fact, &(struct value){{0, 0}, {bytes, 8}});
    put_facts_begin(&b, id, 1, false, 1);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, other, leader, MESSAGE_FACTS, 0, buf_bytes(&b));
    story_run(&story, 100 * MS_US);
    CHECK_INT(ready_at(&j->lead->ready, 0), STAGE_DONE);
    CHECK_INT(ready_at(&j->lead->ready, 1), STAGE_READY);
    CHECK_INT(pool_free_leaves(j->lead->pool) + pool_chunks(j->lead->pool) > 0, true);
    buf_clear(&fact);
    buf_clear(&b);
    CHECK(story_end(&story));
}

/* What the coordinator says of outputs is lost for a while. */
TEST(values_that_were_lost_are_asked_for_again)
{
    struct job_view v;
    struct job_id id;

    begin(2);
    parts_add(4, false);
    parts_need(parts_add(6, true), 0, 0);
    parts_need(parts_add(6, false), 1, 0);
    id = story_submitted(&story, 0, 1);
    story_drop(&story, MESSAGE_INPUT_VALUES, STORY_USER, STORY_USER);
    story_run(&story, 3 * S_US);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    v = story_result(&story, 1, id, 60 * S_US);
    check_done(&v);
    CHECK(story_end(&story));
}

TEST(random_graphs_come_to_what_they_come_to_alone)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct prng p;

        prng_init(&p, seed);
        begin(3);
        for (uint32_t i = 0, stages = 2 + (uint32_t)prng_below(&p, 30); i < stages; i++) {
            bool last = i + 1 == stages;
            struct part *s = parts_add(1 + prng_below(&p, 12), !last && prng_below(&p, 3) == 0);
            uint16_t inputs = i == 0 ? 0 : (uint16_t)prng_below(&p, 4);

            for (uint16_t k = 0; k < inputs; k++)
                parts_need(s, (uint32_t)prng_below(&p, i), k);
            if (i > 0 && prng_below(&p, 4) == 0)
                parts_need(s, (uint32_t)prng_below(&p, i), NEED_ORDER);
        }
        run_to_the_end(0, 60 * S_US);
        CHECK(story_end(&story));
    }
}

/* The node that was asked does nothing else meanwhile. */
TEST(who_is_silent_about_stages_is_not_waited_for_without_end)
{
    uint32_t leader, asker, request;
    struct job_id id;
    uint64_t user;

    begin(5);
    parts_add(300, false);
    parts_need(parts_add(4, false), 0, 0);
    parts[0].param = STORY_HANGING;
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    asker = story_stranger(&story, id);
    story_run(&story, 20 * S_US);
    story_drop(&story, MESSAGE_STAGES, STORY_USER, leader);
    user = story_user(&story, asker);
    request = story_ask_id(&story, user, MESSAGE_REQUEST_STAGES, id);
    CHECK_INT(story_code_within(&story, user, request, 8 * S_US), 0);
    CHECK(story_end(&story));
}

TEST_MAIN(
    who_is_silent_about_stages_is_not_waited_for_without_end, a_worker_turns_from_stage_to_stage,
    no_worker_turns_to_a_stage_that_says_something_else_of_its_memory,
    values_that_nobody_waits_for_are_let_alone, several_values_of_a_stage_that_folds_are_let_alone,
    values_that_another_holder_tells_open_stages_too, every_node_tells_how_far_the_stages_are,
    what_is_blocked_is_shown_with_what_blocks_it, of_a_job_that_has_ended_no_stage_waits,
    who_tells_of_stages_comes_to_an_end, who_led_a_job_that_has_ended_is_not_waited_for,
    a_value_is_read_by_the_next_stage, a_diamond_reads_both_of_its_sides_in_their_order,
    many_small_stages_fan_out_and_in_again, outputs_that_were_collected_are_read_one_by_one,
    outputs_that_are_objects_are_got_by_who_reads_them, a_last_stage_that_collects_is_the_result,
    no_leaf_runs_before_what_it_waits_for_is_complete,
    a_coordinator_that_dies_between_stages_is_followed,
    holders_that_come_back_go_on_where_the_graph_was, a_stage_that_fails_ends_the_job_by_its_name,
    what_does_not_need_a_stage_that_failed_goes_on_where_that_is_wanted,
    a_stage_may_be_tried_more_or_less_often_than_others,
    a_stage_may_have_a_limit_of_its_own_for_a_leaf,
    leaves_are_not_ended_for_what_a_portion_of_them_takes,
    values_that_were_lost_are_asked_for_again, random_graphs_come_to_what_they_come_to_alone)
