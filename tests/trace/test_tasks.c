/* Stories of tasks: stages of one leaf, alike, that travel together. */
#include "core/base/err.h"
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/stages.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_worker.h"

static struct story story;
static struct job_spec made;
static bool keeps_going;

static uint32_t none(uint64_t leaf)
{
    (void)leaf;
    return 0;
}

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
    story.output = none;
    story.graphs = true;
    story.adjust = as_told;
    parts_begin();
    keeps_going = false;
    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
}

static struct part *task(void)
{
    return parts_add(1, false);
}

static void tasks(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        (void)task();
}

/* Stages behind them that read the values of all, and one that reads those: a value that is not the
 * task's own makes another result. */
static void readers(uint32_t count)
{
    uint32_t middle = parts_count;
    struct part *last;

    for (uint32_t i = 0; i < count; i += 8) {
        struct part *p = parts_add(2, false);

        for (uint16_t k = 0; k < 8 && i + k < count; k++)
            parts_need(p, i + k, k);
    }
    last = parts_add(3, false);
    for (uint32_t i = middle; i + 1 < parts_count; i++)
        parts_need(last, i, (uint16_t)(i - middle));
}

static struct job *job_at(uint32_t node, struct job_id id)
{
    return job_find(story.nodes[node].core, id);
}

static void check_done(struct job_id id, int64_t within_us)
{
    struct job_view v = story_result(&story, 0, id, within_us);

    story_check_graph(&v, &made, none);
    CHECK_INT(v.leaves_done, parts_leaves());
}

TEST(tasks_that_are_alike_travel_together)
{
    struct job_id id;

    begin(3);
    tasks(64);
    readers(64);
    id = story_submitted(&story, 0, 1);
    check_done(id, 20 * S_US);
    CHECK_INT(story_leaves_computed(&story), parts_leaves());
    /* One a leaf they would be. */
    CHECK(story.sent[MESSAGE_GRANT] < 64);
    CHECK(story_end(&story));
}

/* How much each has to do comes with it. */
TEST(tasks_of_other_units_travel_together)
{
    struct job_id id;

    begin(3);
    tasks(64);
    for (uint32_t i = 0; i < 64; i++)
        parts[i].leaf_units = 1 + i % 7;
    readers(64);
    id = story_submitted(&story, 0, 1);
    check_done(id, 20 * S_US);
    CHECK_INT(story_leaves_computed(&story), parts_leaves());
    CHECK(story.sent[MESSAGE_GRANT] < 64);
    for (uint32_t i = 0; i < 64; i++)
        CHECK_INT(story.task_units[i], parts[i].leaf_units);
    CHECK(story_end(&story));
}

TEST(a_chain_of_tasks_is_one_grant)
{
    struct instant began;
    struct job_id id;

    begin(3);
    tasks(64);
    for (uint32_t i = 1; i < 64; i++)
        parts_need(&parts[i], i - 1, NEED_ORDER);
    began = story.now;
    id = story_submitted(&story, 0, 1);
    check_done(id, 2 * S_US);
    CHECK(instant_since_us(story.now, began) < 64 * STORY_LEAF_US + 300 * MS_US);
    CHECK(story.sent[MESSAGE_GRANT] <= 4);
    CHECK_INT(story_leaves_computed(&story), 64);
    CHECK(story_end(&story));
}

TEST(a_worker_has_its_next_portion_before_it_needs_it)
{
    struct job_id id;
    bool ahead = false;

    begin(1);
    tasks(64);
    readers(64);
    id = story_submitted(&story, 0, 1);
    for (int k = 0; k < 100 && !ahead; k++) {
        const struct job *j = job_at(0, id);
        const struct labour_chunk *c = j->labour == NULL ? NULL : j->labour->chunks;

        for (; c != NULL; c = c->next_chunk)
            ahead |= c->tasks && c->next < c->halfway && c->halfway < c->ordered;
        story_run(&story, MS_US);
    }
    CHECK(ahead);
    check_done(id, 20 * S_US);
    CHECK(story_end(&story));
}

TEST(tasks_of_a_node_that_is_lost_are_computed_elsewhere)
{
    uint32_t stranger;
    struct job_id id;

    begin(4);
    tasks(64);
    readers(64);
    id = story_submitted(&story, 0, 1);
    stranger = story_stranger(&story, id);
    for (int k = 0; k < 1000; k++) {
        const struct job *j = job_at(stranger, id);

        if (j != NULL && j->labour != NULL && j->labour->chunks != NULL &&
            j->labour->chunks->next > j->labour->chunks->first)
            break;
        story_run(&story, MS_US);
    }
    CHECK(job_at(stranger, id) != NULL);
    story_kill(&story, stranger);
    check_done(id, 30 * S_US);
    CHECK(story_end(&story));
}

TEST(tasks_behind_one_that_hangs_do_not_wait_for_it)
{
    struct job_id id;

    begin(2);
    tasks(64);
    parts[20].param = STORY_HANGING;
    parts[20].leaf_us = 0;
    id = story_submitted(&story, 0, 1);
    story_run(&story, 2 * S_US);
    /* All but that one, on the other slot. */
    CHECK_INT(cover_leaves(ledger_cover(job_at(story_leader(&story, id), id)->ledger)), 63);
    CHECK(story_end(&story));
}

/* Two nodes have a job of tasks that never end. */
static struct job_id hanging_job(uint32_t count, uint32_t *leader)
{
    struct job_id id;

    begin(2);
    tasks(count);
    for (uint32_t i = 0; i < count; i++)
        parts[i].param = STORY_HANGING;
    id = story_submitted(&story, 0, 1);
    *leader = story_leader(&story, id);
    return id;
}

/* A chunk of several tasks whose worker hangs in the first of them, at a node that does not
 * coordinate. */
static struct labour_chunk *hanging(uint32_t node, struct job_id id)
{
    for (int k = 0; k < 1000; k++) {
        const struct job *j = job_at(node, id);
        struct labour_chunk *c = j == NULL || j->labour == NULL ? NULL : j->labour->chunks;

        for (; c != NULL; c = c->next_chunk)
            if (c->state == SLOT_RUNNING && c->ordered > c->next + 1)
                return c;
        story_run(&story, MS_US);
    }
    return NULL;
}

static void trim(uint32_t from, uint32_t to, struct job_id id, const struct labour_chunk *c)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, id);
    put_u64(&b, c->grant);
    put_u64(&b, c->next + 1);
    story_say(&story, from, to, MESSAGE_TRIM, 0, buf_bytes(&b));
}

TEST(a_task_that_turns_out_long_wakes_its_node)
{
    struct labour_chunk *c;
    struct job_id id;
    uint32_t leader;

    id = hanging_job(64, &leader);
    c = hanging(1 - leader, id);
    CHECK(c != NULL);
    trim(leader, 1 - leader, id, c);
    story_run(&story, 20 * MS_US);
    /* Nobody knows yet that it is long. */
    CHECK(c->end > c->next + 1);
    story_run(&story, 150 * MS_US);
    CHECK_INT(c->end, c->next + 1);
    CHECK(story_end(&story));
}

/* What the worker said when it began another task, which crossed the order to begin none. */
static void tells_one(uint32_t node, const struct labour_chunk *c)
{
    uint8_t param = STORY_HANGING, eight[8], bytes[256];
    struct buf b;

    store_u64(eight, story_leaf_value(story_seed((struct bytes){&param, 1}), 0));
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_worker_progress_begin(&b, c->grant, c->next + 1, 1000, 1000, false, 1);
    put_value(&b, &(struct value){{0, c->next}, {eight, 8}});
    story_worker_says(&story, node, c->worker, MESSAGE_WORKER_PROGRESS, buf_bytes(&b));
}

TEST(a_worker_in_a_task_that_was_cut_off_gets_no_other)
{
    struct labour_chunk *c;
    struct job_id id;
    uint32_t leader, worker;

    id = hanging_job(64, &leader);
    c = hanging(1 - leader, id);
    CHECK(c != NULL);
    worker = c->worker;
    story_run(&story, 100 * MS_US);
    trim(leader, 1 - leader, id, c);
    story_run(&story, 5 * MS_US);
    CHECK_INT(c->end, c->next + 1);
    tells_one(1 - leader, c);
    /* The slot is free, and there is more to do. */
    c = hanging(1 - leader, id);
    CHECK(c != NULL && c->worker != worker);
    CHECK(story_end(&story));
}

TEST(a_task_that_fails_counts_for_itself)
{
    struct job_view v;
    struct job_id id;

    begin(2);
    keeps_going = true;
    tasks(64);
    parts[20].param = STORY_FAILING;
    parts_need(&parts[40], 20, NEED_ORDER);
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 1, id, 60 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, " of stage 20 ended its worker") != NULL);
    CHECK(strstr(v.error, "; 1 stages are blocked") != NULL ||
          strstr(v.error, "; 1 stage is blocked") != NULL);
    CHECK_INT(v.leaves_done, 62);
    CHECK(story_end(&story));
}

/* More of them than a coordinator looks at in one step: nothing else happens that could remind it
 * of the rest. */
TEST(all_that_wait_for_a_task_that_fails_are_blocked)
{
    struct job_view v;
    struct job_id id;

    begin(2);
    keeps_going = true;
    tasks(600);
    parts[0].param = STORY_FAILING;
    for (uint32_t i = 1; i < 600; i++)
        parts_need(&parts[i], 0, NEED_ORDER);
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 1, id, 60 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "; 599 stages are blocked") != NULL);
    CHECK(story_end(&story));
}

/* Its seq and grant are as good as any. */
static void lie(uint32_t from, uint32_t to, struct job_id id, uint64_t tells, uint64_t value_of,
                uint64_t compute_us)
{
    struct peer_report_chunk c = {.grant = 1,
                                  .from = tells,
                                  .next = tells + 1,
                                  .end = tells + 1,
                                  .compute_us = compute_us,
                                  .values = 1};
    uint8_t eight[8] = {9}, bytes[1024];
    struct buf b;

    job_at(to, id)->lead->fresh = false; /* who was given what is not known, and refuses nothing */
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, id);
    put_u64(&b, 1000000);
    put_u8(&b, 0);
    put_u64(&b, 0);
    put_u16(&b, 1);
    put_peer_report_chunk(&b, &c);
    put_value(&b, &(struct value){{0, value_of}, {eight, 8}});
    story_say(&story, from, to, MESSAGE_REPORT, 0, buf_bytes(&b));
}

TEST(a_report_tells_of_no_stage_but_its_own)
{
    struct value v;
    struct job_id id;
    uint32_t leader, other;

    id = hanging_job(8, &leader);
    other = 1 - leader;
    lie(other, leader, id, 3, 5, 1);
    story_run(&story, 100 * MS_US);
    CHECK(!cover_get(ledger_cover(job_at(leader, id)->ledger), (struct tree_node){0, 5}, &v));
    lie(other, leader, id, 3, 3, 1);
    story_run(&story, 100 * MS_US);
    CHECK(!cover_get(ledger_cover(job_at(leader, id)->ledger), (struct tree_node){0, 5}, &v));
    CHECK(story_end(&story));
}

/* What is served is added up, and taken from what has passed. */
TEST(a_report_tells_of_no_ages_of_computing)
{
    struct value v;
    struct job_id id;
    uint32_t leader;

    id = hanging_job(8, &leader);
    lie(1 - leader, leader, id, 3, 3, UINT64_MAX / 2 + 1);
    story_run(&story, 100 * MS_US);
    CHECK(!cover_get(ledger_cover(job_at(leader, id)->ledger), (struct tree_node){0, 3}, &v));
    CHECK(story_end(&story));
}

TEST_MAIN(a_report_tells_of_no_ages_of_computing, tasks_that_are_alike_travel_together,
          tasks_of_other_units_travel_together,
          a_chain_of_tasks_is_one_grant, a_worker_has_its_next_portion_before_it_needs_it,
          tasks_of_a_node_that_is_lost_are_computed_elsewhere,
          tasks_behind_one_that_hangs_do_not_wait_for_it, a_task_that_fails_counts_for_itself,
          all_that_wait_for_a_task_that_fails_are_blocked,
          a_task_that_turns_out_long_wakes_its_node,
          a_worker_in_a_task_that_was_cut_off_gets_no_other, a_report_tells_of_no_stage_but_its_own)
