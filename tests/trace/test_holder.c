/* A node that keeps another's job: what it takes, what it says it keeps, and what it never brings
 * back to life. */
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/state.h"
#include "core/node/watch.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

static struct rig rig;
static struct rig_job job;

static void begin(void)
{
    rig_start(&rig, 1, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 64});
    rig_hold(&rig, 0, &job);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_FACTS_KEPT), 1);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

/* A batch of one fact: an attempt that is good, or bytes that are no fact. */
static void facts_of(uint32_t peer, uint64_t batch, bool first, bool good)
{
    struct attempt a = {.leaf = batch, .author = rig.peers[0].id, .cause = "SIGSEGV"};
    uint8_t bytes[512], fact_bytes[256];
    struct buf b, fact;

    buf_init_fixed(&b, bytes, sizeof bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    if (good)
        put_attempt(&fact, &a);
    else
        put_u32(&fact, UINT32_MAX);
    put_facts_begin(&b, job.id, batch, first, 1);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, peer, MESSAGE_FACTS, &b);
    rig_run(&rig, 1000);
}

static void facts(uint64_t batch, bool first, bool good)
{
    facts_of(0, batch, first, good);
}

static struct digest digest_now(void)
{
    return ledger_digest(job_find(rig.node, job.id)->ledger);
}

/* What is said of a batch: 1 it is kept, 0 it is refused, -1 nothing. */
static int answer_to(uint32_t peer, uint64_t batch)
{
    const struct rig_sent *s = rig_take(&rig, peer, MESSAGE_FACTS_KEPT);
    struct reader r;

    if (s == NULL)
        return -1;
    r = reader_of(s->payload);
    read_job_id(&r);
    CHECK_INT(read_u64(&r), batch);
    return read_u8(&r) == 0;
}

static int answer(uint64_t batch)
{
    return answer_to(0, batch);
}

TEST(test_batch_that_was_not_taken_whole_is_refused_and_all_behind_it)
{
    begin();
    facts(2, false, true);
    CHECK_INT(answer(2), 1);
    facts(3, false, false);
    CHECK_INT(answer(3), 0);
    facts(4, false, true);
    CHECK_INT(answer(4), 0);
    facts(5, true, true); /* everything is shown again */
    CHECK_INT(answer(5), 1);
    end();
}

/* A batch of none: whoever is no holder tells nothing that would be believed. */
static void no_facts(uint32_t peer, uint64_t batch, bool first)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_facts_begin(&b, job.id, batch, first, 0);
    rig_frame(&rig, peer, MESSAGE_FACTS, &b);
    rig_run(&rig, 1000);
}

/* Of another sender nothing is missing; what the first one's batch lacked is lacking still. */
TEST(test_another_senders_beginning_fills_no_gap)
{
    begin();
    rig_peer_up(&rig, 1, 1);
    facts(3, false, false);
    CHECK_INT(answer(3), 0);
    no_facts(1, 1, true);
    facts(4, false, true);
    CHECK_INT(answer(4), 0);
    facts(5, true, true);
    CHECK_INT(answer(5), 1);
    end();
}

/* Batches are counted anew by each process: what was synced for the one before says nothing of
 * those of the next. */
TEST(test_gaps_of_two_senders_are_filled_by_each_of_them)
{
    begin();
    rig_peer_up(&rig, 1, 1);
    facts(3, false, false);
    CHECK_INT(answer(3), 0);
    facts_of(1, 3, false, false);
    CHECK_INT(answer_to(1, 3), 0);
    facts(4, false, true);
    CHECK_INT(answer(4), 0);
    facts(5, true, true);
    CHECK_INT(answer(5), 1);
    no_facts(1, 4, false);
    CHECK_INT(answer_to(1, 4), 0);
    no_facts(1, 5, true);
    CHECK_INT(answer_to(1, 5), 1);
    end();
}

TEST(test_what_was_synced_for_one_process_is_not_said_to_the_next)
{
    begin();
    rig.syncs_late = true;
    facts(2, false, true);
    CHECK_INT(answer(2), -1);
    rig_peer_dies(&rig, 0);
    rig_peer_up(&rig, 0, 1);
    rig_count(&rig, 0, MESSAGE_FACTS_KEPT);
    rig_synced(&rig);
    rig_run(&rig, 1000);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_FACTS_KEPT), 0);
    facts(1, true, true);
    CHECK_INT(answer(1), 1);
    end();
}

TEST(test_forgotten_job_is_not_brought_back_to_life)
{
    struct peer_sync m = {.gone = JOB_DONE}, said;
    const struct rig_sent *s;
    uint8_t bytes[256];
    struct buf b;

    begin();
    m.job = job.id;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    rig_frame(&rig, 0, MESSAGE_SYNC, &b);
    CHECK(job_find(rig.node, job.id) == NULL);
    rig_count(&rig, 0, MESSAGE_SYNC);
    rig_hold(&rig, 0, &job);
    CHECK(job_find(rig.node, job.id) == NULL);
    CHECK_INT(answer(1), -1);
    s = rig_take(&rig, 0, MESSAGE_SYNC);
    REQUIRE(s != NULL && read_peer_sync(s->payload, &said) == 0);
    CHECK_INT(said.gone, JOB_DONE);
    end();
}

/* The coordinator has written that the job failed: it is here, and settled only with all copies. */
static void outcome_arrives(void)
{
    const struct outcome o = {.state = JOB_FAILED, .leaves = 40, .error = "SIGSEGV"};

    rig_tell_outcome(&rig, 0, &job, &o);
    rig_run(&rig, 1000);
    CHECK_INT(answer(2), 1);
}

/* The outcome is here but has not all its copies yet, so it is not told. What has been done stays
 * in sight all the same: progress is never taken back. */
TEST(test_leaves_stay_in_sight_until_the_outcome_is_settled)
{
    struct job_view v;

    begin();
    outcome_arrives();
    REQUIRE(job_view_here(rig.node, job.id, &v));
    CHECK_INT(v.state, JOB_RUNNING);
    CHECK_INT(v.leaves_done, 40);
    end();
}

/* Others keep no copy of it any more: it is not waited for. */
TEST(test_an_end_that_others_have_forgotten_is_forgotten)
{
    struct peer_sync m = {.gone = JOB_FAILED};
    uint8_t bytes[256];
    struct buf b;

    begin();
    outcome_arrives();
    m.job = job.id;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    rig_frame(&rig, 0, MESSAGE_SYNC, &b);
    CHECK(job_find(rig.node, job.id) == NULL);
    REQUIRE(tombstone_of(rig.node, job.id) != NULL);
    CHECK_INT(tombstone_of(rig.node, job.id)->state, JOB_FAILED);
    end();
}

static void entry_arrives(void)
{
    struct peer_entry p = {
        .version = 1 << 20, .epoch = 1, .coordinator = rig.peers[0].id, .ended_s = 1};
    uint8_t bytes[4096];
    struct buf b;

    p.view = (struct job_view){.id = job.id, .state = JOB_FAILED, .durable = 2, .machines = 2};
    p.holders[p.holders_count++] = rig.peers[0].id;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    rig_frame(&rig, 0, MESSAGE_DIRECTORY, &b);
}

/* It ended at the others so long ago that it is forgotten as soon as this node hears so: whatever
 * it hears of last, the step goes on with a job that is still there. */
TEST(test_a_job_that_is_old_when_its_end_arrives_is_forgotten_behind_the_step)
{
    for (int entry_first = 0; entry_first < 2; entry_first++) {
        begin();
        rig.node->options.keep_s = 20;
        rig.node->options.tombstone_s = 3600;
        rig_run(&rig, 25 * S_US);
        if (entry_first)
            entry_arrives();
        outcome_arrives();
        if (!entry_first)
            entry_arrives();
        rig_run(&rig, MS_US);
        CHECK(job_find(rig.node, job.id) == NULL);
        CHECK(tombstone_of(rig.node, job.id) != NULL);
        end();
    }
}

/* What nobody has signed is believed from the coordinator and from holders only. */
TEST(test_unsigned_facts_of_a_stranger_are_not_believed)
{
    struct digest before;

    begin();
    rig_peer_up(&rig, 1, 1);
    before = digest_now();
    facts_of(1, 2, false, true);
    CHECK(digest_equal(digest_now(), before));
    facts(2, true, true);
    CHECK(!digest_equal(digest_now(), before));
    end();
}

/* Nor do they come in as something else. */
TEST(test_only_a_cancel_cancels)
{
    struct attempt a = {.leaf = 2, .cause = "SIGSEGV"};
    uint8_t bytes[512], fact_bytes[256];
    struct buf b, fact;
    struct digest before;

    begin();
    rig_peer_up(&rig, 1, 1);
    a.author = rig.peers[1].id;
    before = digest_now();
    buf_init_fixed(&b, bytes, sizeof bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    put_attempt(&fact, &a);
    put_job_id(&b, job.id);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, 1, MESSAGE_CANCEL, &b);
    CHECK(digest_equal(digest_now(), before));
    end();
}

/* A title is its author's to give. */
TEST(test_a_claim_for_another_node_is_not_believed)
{
    uint8_t bytes[4096], claim_bytes[4096], body_bytes[256];
    struct claim c = {.epoch = 7};
    struct signed_bytes s;
    struct buf b, claim, body;
    struct fact f;

    begin();
    rig_peer_up(&rig, 1, 1);
    buf_init_fixed(&claim, claim_bytes, sizeof claim_bytes);
    rig_put_claim(&rig, 0, &job, 7, &claim);
    REQUIRE(fact_read(buf_bytes(&claim), &f) == 0);
    c.boot = rig.peers[1].boot;
    c.node = rig.peers[1].id;
    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    put_claim_body(&body, job.id, &c);
    s = f.sealed;
    s.body = buf_bytes(&body);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_facts_begin(&b, job.id, 2, false, 1);
    put_u32(&b, 0);
    put_signed_fact(&b, FACT_CLAIM, &s);
    patch_u32(&b, ID_SIZE + 8 + 1 + 2, (uint32_t)(b.len - (ID_SIZE + 8 + 1 + 2) - 4));
    rig_frame(&rig, 0, MESSAGE_FACTS, &b);
    CHECK(ledger_claim(job_find(rig.node, job.id)->ledger)->epoch < 7);
    end();
}

TEST_MAIN(test_batch_that_was_not_taken_whole_is_refused_and_all_behind_it,
          test_another_senders_beginning_fills_no_gap,
          test_gaps_of_two_senders_are_filled_by_each_of_them,
          test_what_was_synced_for_one_process_is_not_said_to_the_next,
          test_forgotten_job_is_not_brought_back_to_life,
          test_leaves_stay_in_sight_until_the_outcome_is_settled,
          test_an_end_that_others_have_forgotten_is_forgotten,
          test_a_job_that_is_old_when_its_end_arrives_is_forgotten_behind_the_step,
          test_unsigned_facts_of_a_stranger_are_not_believed, test_only_a_cancel_cancels,
          test_a_claim_for_another_node_is_not_believed)
