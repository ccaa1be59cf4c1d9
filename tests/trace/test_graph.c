/* Stories of jobs of several stages: which of them run when, what they read of each other, and what
 * becomes of them when nodes die. */
#include <stdlib.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/stages.h"
#include "tests/lib/check.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_objects.h"
#include "tests/lib/story_worker.h"

#define STAGES_MAX 200

/* A stage in few words. */
struct part {
    uint64_t leaves;
    bool collects;
    uint8_t param;
    uint8_t needs_count;
    struct stage_need needs[8];
};

static struct story story;
static struct part parts[STAGES_MAX];
static uint32_t parts_count;
static uint8_t needs_room[STAGES_MAX][8 * STAGE_NEED_BYTES];
static uint8_t more_room[SPEC_SIZE_MAX];
static struct job_spec made; /* of the job that was made last */
static bool big;

static uint32_t few(uint64_t leaf)
{
    return big ? 2000 + (uint32_t)leaf : (uint32_t)(leaf * 7 % 90);
}

static struct part *add(uint64_t leaves, bool collects)
{
    struct part *p = &parts[parts_count];

    *p = (struct part){
        .leaves = leaves, .collects = collects, .param = (uint8_t)(parts_count % 200)};
    parts_count++;
    return p;
}

static void need(struct part *p, uint32_t stage, uint16_t place)
{
    p->needs[p->needs_count++] = (struct stage_need){stage, place};
}

static struct stage_spec stage_of(uint32_t i)
{
    struct part *p = &parts[i];
    struct stage_spec s = {.units = p->leaves, .leaf_units = 1, .needs_count = p->needs_count};
    struct buf b;

    text_copy(s.kernel, sizeof s.kernel, "work");
    s.params = (struct bytes){&p->param, 1};
    s.reduction = p->collects ? REDUCE_COLLECT : REDUCE_FOLD;
    s.accumulator_size = p->collects ? 0 : 8;
    buf_init_fixed(&b, needs_room[i], sizeof needs_room[i]);
    for (uint8_t k = 0; k < p->needs_count; k++)
        put_stage_need(&b, &p->needs[k]);
    s.needs = buf_bytes(&b);
    return s;
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    struct buf b;

    (void)number;
    buf_init_fixed(&b, more_room, sizeof more_room);
    spec->slots_max = 0;
    spec->stage = stage_of(0);
    for (uint32_t i = 1; i < parts_count; i++) {
        struct stage_spec s = stage_of(i);

        put_stage(&b, &s);
    }
    spec->more = buf_bytes(&b);
    spec->more_count = (uint16_t)(parts_count - 1);
    made = *spec;
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    story.ages.objects_bytes = 1 << 30;
    story.output = few;
    story.graphs = true;
    story.adjust = as_told;
    parts_count = 0;
    big = false;
    for (uint32_t i = 0; i < count; i++)
        story_start(&story, i);
    for (uint32_t i = 1; i < count; i++)
        story_hint(&story, i, 0);
    story_run(&story, 2 * S_US);
}

/* The job as node i tells of it, when it has ended; its result is borrowed from the story. */
static struct job_view ended(uint32_t i, struct job_id id, int64_t within_us)
{
    uint64_t user = story_user(&story, i);
    uint32_t request = story_watch(&story, user, id);
    const struct story_answer *a;
    struct job_view v = {0};

    for (; within_us > 0; within_us -= 100 * MS_US) {
        story_run(&story, 100 * MS_US);
        a = story_answer(&story, user, request);
        if (a != NULL && a->type == MESSAGE_REPLY_JOB &&
            read_job_view((struct bytes){a->data, a->len}, &v) == 0 && job_state_is_final(v.state))
            break;
    }
    return v;
}

static uint64_t leaves_of_all(void)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < parts_count; i++)
        sum += parts[i].leaves;
    return sum;
}

static void check_done(const struct job_view *v)
{
    uint8_t bytes[8];

    CHECK_STR(v->error, "");
    CHECK_INT(v->state, JOB_DONE);
    store_u64(bytes, story_graph_result(&made, few));
    CHECK(bytes_equal(v->result, (struct bytes){bytes, 8}));
    CHECK_INT(v->leaves_total, leaves_of_all());
    CHECK_INT(v->leaves_done, leaves_of_all());
}

static void run_to_the_end(uint32_t i, int64_t within_us)
{
    struct job_id id = story_submitted(&story, i, 1);
    struct job_view v = ended(i, id, within_us);

    check_done(&v);
}

TEST(a_value_is_read_by_the_next_stage)
{
    begin(3);
    add(9, false);
    need(add(5, false), 0, 0);
    need(add(1, false), 1, 0);
    run_to_the_end(0, 20 * S_US);
    CHECK(story_end(&story));
}

TEST(a_diamond_reads_both_of_its_sides_in_their_order)
{
    struct part *last;

    begin(3);
    add(4, false);
    need(add(7, false), 0, 0);
    need(add(3, false), 0, 0);
    last = add(6, false);
    need(last, 2, 0);
    need(last, 1, 1);
    need(last, 0, NEED_ORDER);
    run_to_the_end(1, 20 * S_US);
    CHECK(story_end(&story));
}

TEST(many_small_stages_fan_out_and_in_again)
{
    struct part *last;

    begin(4);
    add(1, false);
    for (uint32_t i = 1; i <= 48; i++)
        need(add(1, false), 0, 0);
    for (uint32_t i = 0; i < 6; i++) {
        struct part *middle = add(2, false);

        for (uint16_t k = 0; k < 8; k++)
            need(middle, 1 + i * 8 + k, k);
    }
    last = add(3, false);
    for (uint16_t k = 0; k < 6; k++)
        need(last, 49u + k, k);
    run_to_the_end(2, 30 * S_US);
    CHECK_INT(story_leaves_computed(&story), leaves_of_all());
    CHECK(story_end(&story));
}

TEST(outputs_that_were_collected_are_read_one_by_one)
{
    begin(3);
    add(30, true);
    need(add(4, false), 0, 0);
    run_to_the_end(0, 20 * S_US);
    CHECK(story_end(&story));
}

TEST(outputs_that_are_objects_are_got_by_who_reads_them)
{
    struct job_id id;
    struct job_view v;

    begin(3);
    big = true;
    add(5, true);
    need(add(4, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    v = ended(1, id, 30 * S_US);
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
    add(5, false);
    need(add(6, true), 0, 0);
    id = story_submitted(&story, 0, 1);
    v = ended(1, id, 20 * S_US);
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
    add(40, false);
    need(add(8, false), 0, NEED_ORDER);
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
    add(12, false);
    need(add(9, true), 0, 0);
    need(add(40, false), 1, 0);
    need(add(5, false), 2, 0);
    id = story_submitted(&story, 0, 1);
    compute(25);
    leader = story_leader(&story, id);
    other = (leader + 1) % 4;
    story_kill(&story, leader);
    v = ended(other, id, 60 * S_US);
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
    add(12, false);
    need(add(30, false), 0, 0);
    need(add(20, false), 1, 0);
    id = story_submitted(&story, 0, 1);
    compute(30);
    for (uint32_t i = 0; i < 3; i++)
        story_kill(&story, i);
    for (uint32_t i = 0; i < 3; i++)
        story_start(&story, i);
    for (uint32_t i = 1; i < 3; i++)
        story_hint(&story, i, 0);
    v = ended(1, id, 90 * S_US);
    check_done(&v);
    /* Stages that were complete were not run again. */
    CHECK(story_leaves_computed(&story) < leaves_of_all() + 30);
    CHECK(story_end(&story));
}

TEST(a_stage_that_fails_ends_the_job_by_its_name)
{
    struct job_view v;
    struct job_id id;

    begin(2);
    add(4, false);
    need(add(3, false), 0, 0);
    parts[1].param = STORY_FAILING;
    need(add(3, false), 1, 0);
    id = story_submitted(&story, 0, 1);
    v = ended(1, id, 60 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, " of stage 1 ended its worker") != NULL);
    CHECK(strstr(v.error, "as it was told to") != NULL);
    CHECK(story_end(&story));
}

/* What the coordinator says of outputs is lost for a while. */
TEST(values_that_were_lost_are_asked_for_again)
{
    struct job_view v;
    struct job_id id;

    begin(2);
    add(4, false);
    need(add(6, true), 0, 0);
    need(add(6, false), 1, 0);
    id = story_submitted(&story, 0, 1);
    story_drop(&story, MESSAGE_INPUT_VALUES, STORY_USER, STORY_USER);
    story_run(&story, 3 * S_US);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    v = ended(1, id, 60 * S_US);
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
            struct part *s = add(1 + prng_below(&p, 12), !last && prng_below(&p, 3) == 0);
            uint16_t inputs = i == 0 ? 0 : (uint16_t)prng_below(&p, 4);

            for (uint16_t k = 0; k < inputs; k++)
                need(s, (uint32_t)prng_below(&p, i), k);
            if (i > 0 && prng_below(&p, 4) == 0)
                need(s, (uint32_t)prng_below(&p, i), NEED_ORDER);
        }
        run_to_the_end(0, 60 * S_US);
        CHECK(story_end(&story));
    }
}

TEST_MAIN(a_value_is_read_by_the_next_stage, a_diamond_reads_both_of_its_sides_in_their_order,
          many_small_stages_fan_out_and_in_again, outputs_that_were_collected_are_read_one_by_one,
          outputs_that_are_objects_are_got_by_who_reads_them,
          a_last_stage_that_collects_is_the_result,
          no_leaf_runs_before_what_it_waits_for_is_complete,
          a_coordinator_that_dies_between_stages_is_followed,
          holders_that_come_back_go_on_where_the_graph_was,
          a_stage_that_fails_ends_the_job_by_its_name, values_that_were_lost_are_asked_for_again,
          random_graphs_come_to_what_they_come_to_alone)
