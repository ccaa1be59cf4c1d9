/* What a coordinator tells of a job's end when it hears of another end meanwhile: nothing that
 * would be lost with it. */
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/state.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

static struct rig rig;
static struct rig_job job;

static bool is_told(void)
{
    return job_find(rig.node, job.id)->settled;
}

static uint8_t state_here(void)
{
    return job_final_state(job_find(rig.node, job.id));
}

static void hear_nothing(bool mute)
{
    rig.peers[0].mute = rig.peers[1].mute = mute;
}

/* It leads a job of one leaf, which two peers hold too; from now on they say nothing by themselves.
 */
static void begin_with(uint64_t leaves)
{
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
    rig_peer_up(&rig, 1, 0);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = leaves});
    rig_submit(&rig, 0, &job);
    rig_run(&rig, 20 * MS_US);
    CHECK_INT(rig_view(&rig, &job).durable, 3);
    hear_nothing(true);
}

static void begin(void)
{
    begin_with(1);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void leaf_is_done(void)
{
    struct peer_chunk c;

    REQUIRE(rig_take_grant(&rig, 0, &c));
    rig_report(&rig, 0, &job,
               (struct rig_report){.seq = 1,
                                   .grant = c.grant,
                                   .next = 1,
                                   .end = 1,
                                   .compute_us = 1000,
                                   .flags = REPORT_ENDED,
                                   .values = true,
                                   .size = 16});
    rig_run(&rig, 20 * MS_US);
}

static void is_cancelled(void)
{
    struct cancel c = {.by = rig.peers[0].id, .state = JOB_CANCELLED};
    uint8_t body_bytes[256], fact_bytes[4096], bytes[8192];
    struct buf body, fact, b;

    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_cancel_body(&body, job.id, &c);
    rig_put_signed(&fact, FACT_CANCEL, c.by, buf_bytes(&body));
    put_job_id(&b, job.id);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, 0, MESSAGE_CANCEL, &b);
    rig_run(&rig, 20 * MS_US);
}

/* The last batch that both were sent. */
static uint64_t last_batch(void)
{
    const struct rig_sent *s;
    uint64_t last = 0, batch;

    for (uint32_t i = 0; i < 2; i++)
        while ((s = rig_take(&rig, i, MESSAGE_FACTS)) != NULL) {
            batch = load_u64(s->payload.data + ID_SIZE);
            last = batch > last ? batch : last;
        }
    return last;
}

static void both_answer(uint64_t batch, uint8_t answer)
{
    uint8_t bytes[64];
    struct buf b;

    for (uint32_t i = 0; i < 2; i++) {
        buf_init_fixed(&b, bytes, sizeof bytes);
        put_job_id(&b, job.id);
        put_u64(&b, batch);
        put_u8(&b, answer);
        rig_frame(&rig, i, MESSAGE_FACTS_KEPT, &b);
    }
}

static void both_keep(uint64_t batch)
{
    both_answer(batch, 0);
    rig_run(&rig, 20 * MS_US);
}

static void both_refuse(uint64_t batch)
{
    both_answer(batch, 1);
}

/* Another coordinator says that it is done, with some other result. */
static void other_result(void)
{
    const struct outcome o = {
        .state = JOB_DONE, .digest = {{7}}, .accumulator = {(const uint8_t *)"seven", 5}};

    rig_tell_outcome(&rig, 1, &job, &o);
    rig_run(&rig, 20 * MS_US);
}

/* The other holders have the end that was written first; the one that it comes to must be kept by
 * them as well before anybody is told. */
static void ends_with_copies(enum job_state state)
{
    uint64_t first = last_batch(), second;

    other_result();
    CHECK_INT(state_here(), state);
    second = last_batch();
    both_keep(first);
    CHECK(!is_told());
    CHECK(second > first);
    both_keep(second);
    CHECK(is_told());
    CHECK_INT(rig_view(&rig, &job).state, state);
    end();
}

TEST(a_greater_end_that_comes_while_another_is_copied_is_copied_first)
{
    begin();
    is_cancelled();
    ends_with_copies(JOB_DONE);
}

TEST(that_two_results_differ_is_copied_before_it_is_told)
{
    begin();
    leaf_is_done();
    ends_with_copies(JOB_DIVERGENT);
}

/* Two values of one leaf; nobody has signed that they differ. */
TEST(that_two_values_differ_is_copied_before_it_is_told)
{
    struct divergence d = {.digests = {{{1}}, {{2}}}};
    uint8_t fact_bytes[512], bytes[1024];
    struct buf fact, b;
    uint64_t first;

    begin();
    first = last_batch();
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_divergent(&fact, &d);
    put_facts_begin(&b, job.id, 2, false, 1);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, 1, MESSAGE_FACTS, &b);
    rig_run(&rig, 20 * MS_US);
    CHECK_INT(state_here(), JOB_DIVERGENT);
    CHECK(!is_told());
    both_keep(last_batch());
    CHECK(is_told());
    CHECK(first > 0);
    end();
}

/* Somebody who knew less has ended it in another way, and says so. */
static void entry_arrives(enum job_state state)
{
    struct peer_entry p = {
        .version = 1 << 20, .epoch = 9, .coordinator = rig.peers[1].id, .ended_s = 1};
    uint8_t bytes[4096];
    struct buf b;

    p.view = (struct job_view){.id = job.id, .state = state, .durable = 2, .machines = 2};
    p.holders[p.holders_count++] = rig.peers[1].id;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    rig_frame(&rig, 1, MESSAGE_DIRECTORY, &b);
    rig_run(&rig, 20 * MS_US);
}

/* Its copies are those of a lesser end. */
TEST(a_result_is_not_settled_by_the_word_that_the_job_was_cancelled)
{
    begin();
    rig.syncs_late = true;
    leaf_is_done();
    CHECK_INT(state_here(), JOB_DONE);
    entry_arrives(JOB_CANCELLED);
    CHECK(!is_told());
    rig_synced(&rig);
    both_keep(last_batch());
    CHECK(is_told());
    CHECK_INT(rig_view(&rig, &job).state, JOB_DONE);
    end();
}

/* Whoever computes it was told to stop, and waits for no copy of its end. */
TEST(slots_of_a_job_that_has_ended_are_free_before_its_end_is_copied)
{
    struct rig_job next;
    struct peer_chunk c;

    begin();
    REQUIRE(rig_take_grant(&rig, 0, &c));
    is_cancelled();
    hear_nothing(false);
    rig_job_make(&rig, &next, (struct rig_spec){.nonce = 1, .accumulator_size = 16, .leaves = 1});
    rig_submit(&rig, 0, &next);
    rig_run(&rig, 20 * MS_US);
    CHECK(!is_told());
    CHECK(rig_take_grant(&rig, 0, &c));
    rig_job_clear(&next);
    end();
}

/* Whoever is killed by a user: all holders are told at once, and those that know of it take no more
 * values. The coordinator shows them everything again, which is no reason to wait. */
TEST(an_end_is_told_at_once_where_values_before_it_were_refused)
{
    uint64_t values;

    begin_with(2);
    leaf_is_done();
    values = last_batch();
    CHECK(values > 0);
    both_refuse(values);
    rig_run(&rig, 20 * MS_US);
    is_cancelled();
    CHECK_INT(state_here(), JOB_CANCELLED);
    rig_run(&rig, 50 * MS_US);
    both_keep(last_batch());
    CHECK(is_told());
    end();
}

TEST(an_end_is_told_soon_where_it_was_refused_behind_values)
{
    uint64_t values, cancel;

    begin_with(2);
    leaf_is_done();
    values = last_batch();
    is_cancelled();
    cancel = last_batch();
    CHECK(cancel > values);
    both_refuse(values);
    both_refuse(cancel);
    rig_run(&rig, 200 * MS_US);
    both_keep(last_batch());
    CHECK(is_told());
    end();
}

TEST(who_refuses_an_end_again_and_again_is_shown_it_ever_less_often)
{
    uint32_t shown = 0;

    begin();
    is_cancelled();
    for (int i = 0; i < 50; i++) {
        uint64_t batch = last_batch();

        shown += batch > 0;
        if (batch > 0)
            both_refuse(batch);
        rig_run(&rig, 100 * MS_US);
    }
    CHECK(shown >= 5 && shown <= 12);
    CHECK(!is_told());
    end();
}

TEST_MAIN(a_greater_end_that_comes_while_another_is_copied_is_copied_first,
          that_two_results_differ_is_copied_before_it_is_told,
          that_two_values_differ_is_copied_before_it_is_told,
          a_result_is_not_settled_by_the_word_that_the_job_was_cancelled,
          slots_of_a_job_that_has_ended_are_free_before_its_end_is_copied,
          an_end_is_told_at_once_where_values_before_it_were_refused,
          an_end_is_told_soon_where_it_was_refused_behind_values,
          who_refuses_an_end_again_and_again_is_shown_it_ever_less_often)
