/* A node that coordinates a job: who it gives leaves and merges to, and what it makes of the
 * answers. */
#include "core/base/err.h"
#include "core/node/assign.h"
#include "core/node/jobs.h"
#include "core/node/site.h"
#include "core/wire/frame.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

static struct rig rig;
static struct rig_job job;
static uint64_t seqs[RIG_PEERS_MAX];

/* The node itself has one slot and not the kernel, so that everything goes to peers. */
static void begin(void)
{
    memset(seqs, 0, sizeof seqs);
    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, 1);
}

static void submit(struct rig_spec s)
{
    rig_job_make(&rig, &job, s);
    rig_submit(&rig, 0, &job);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void finish_chunk(uint32_t peer, struct peer_chunk c, uint32_t size)
{
    uint64_t seq = ++seqs[peer];

    rig_report(&rig, peer, &job,
               (struct rig_report){.seq = seq,
                                   .grant = c.grant,
                                   .from = c.first,
                                   .next = c.end,
                                   .end = c.end,
                                   .compute_us = 1000,
                                   .flags = REPORT_ENDED,
                                   .values = true,
                                   .size = size});
    rig_run(&rig, 20 * MS_US);
}

static uint32_t knocks(uint32_t peer)
{
    const struct rig_sent *s;
    struct peer_grant g;
    uint32_t count = 0;

    while ((s = rig_take(&rig, peer, MESSAGE_GRANT)) != NULL) {
        REQUIRE(read_peer_grant(s->payload, &g) == 0);
        count += (g.flags & GRANT_KNOCK) != 0;
    }
    return count;
}

TEST(test_idle_slot_of_a_node_without_the_kernel_keeps_nobody_from_knocking)
{
    struct rig_job first;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64, .nonce = 1});
    first = job;
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64, .nonce = 2});
    rig_run(&rig, 5 * S_US);
    CHECK(knocks(0) > 0);
    rig_job_clear(&first);
    end();
}

TEST(test_nothing_is_trimmed_for_slots_that_the_job_may_not_have)
{
    struct peer_chunk slow, c;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64, .slots_max = 2});
    REQUIRE(rig_take_grant(&rig, 0, &slow) && slow.end - slow.first >= 2);
    rig_peer_up(&rig, 1, 1);
    while (rig_take_grant(&rig, 1, &c) && c.end < 64)
        finish_chunk(1, c, 16);
    CHECK_INT(c.end, 64);
    rig_peer_up(&rig, 2, 1);
    rig_run(&rig, S_US);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_TRIM), 0);
    end();
}

TEST(test_chunk_at_a_node_that_is_away_holds_no_slot_of_the_job)
{
    struct peer_chunk c;

    begin();
    rig_peer_up(&rig, 1, 1);
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 1, .slots_max = 1});
    REQUIRE(rig_take_grant(&rig, 0, &c));
    CHECK(!rig_take_grant(&rig, 1, &c));
    rig_peer_cut(&rig, 0);
    rig_run(&rig, 2 * S_US);
    CHECK(rig_take_grant(&rig, 1, &c));
    end();
}

TEST(test_idle_nodes_without_a_link_are_called_and_take_part)
{
    struct peer_chunk c;

    begin();
    rig_peers_told(&rig, 0, 1, RIG_PEERS_MAX, 2);
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 4096});
    rig_run(&rig, S_US);
    for (uint32_t i = 1; i < RIG_PEERS_MAX; i++)
        CHECK(rig_take_dial(&rig, i) != NULL);
    for (uint32_t i = 1; i < RIG_PEERS_MAX; i++)
        rig_peer_up(&rig, i, 2);
    for (uint32_t i = 1; i < RIG_PEERS_MAX; i++)
        CHECK(rig_take_grant(&rig, i, &c) && rig_take_grant(&rig, i, &c));
    end();
}

TEST(test_more_nodes_than_the_mesh_may_have_come_and_go)
{
    struct node_id id = {{1}};

    begin();
    rig_run(&rig, 6 * S_US);
    for (uint32_t i = 0; i < MESH_MEMBERS_MAX + 100; i++) {
        store_u32(id.bytes + 4, i);
        REQUIRE(site_of(rig.node, id) != NULL);
    }
    rig_run(&rig, S_US);
    CHECK_INT(rig.rc, 0);
    end();
}

/* What peer 0 says that it has open: the grants it was given, from `skip` on. */
static void say_open(const uint64_t *grants, uint32_t skip, uint32_t count)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, job.id);
    put_u32(&b, 1);
    put_u16(&b, (uint16_t)(count - skip));
    for (uint32_t i = skip; i < count; i++)
        put_peer_chunk(&b, &(struct peer_chunk){grants[i], i, i + 1});
    rig_frame(&rig, 0, MESSAGE_OPEN, &b);
    buf_clear(&b);
    rig_run(&rig, 10 * MS_US);
}

TEST(test_open_chunks_of_a_large_node_are_not_given_out_again)
{
    const uint32_t leaves = 200;
    uint64_t grants[200];
    struct peer_chunk c;

    rig_start(&rig, 1, false);
    rig_peer_up(&rig, 0, leaves + 10);
    submit((struct rig_spec){.accumulator_size = 16, .leaves = leaves});
    for (uint32_t i = 0; i < leaves; i++) {
        REQUIRE(rig_take_grant(&rig, 0, &c));
        REQUIRE(c.first < leaves);
        grants[c.first] = c.grant;
    }
    rig_peer_cut(&rig, 0);
    rig_peer_up(&rig, 0, leaves + 10);
    say_open(grants, 0, leaves);
    CHECK(!rig_take_grant(&rig, 0, &c));
    /* One that is not listed never arrived. */
    say_open(grants, 1, leaves);
    CHECK(rig_take_grant(&rig, 0, &c) && c.first == 0);
    CHECK(!rig_take_grant(&rig, 0, &c));
    end();
}

/* One leaf is at peer 0 and goes with it, four times. Peer 1 may have the kernel, but no slot. */
static struct job_view lose_four_times(void (*lose)(struct rig *r, uint32_t peer), bool tells)
{
    struct peer_chunk c;

    begin();
    rig_peer_up(&rig, 1, 0);
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 1});
    for (int i = 0; i < 4; i++) {
        REQUIRE(rig_take_grant(&rig, 0, &c));
        lose(&rig, 0);
        rig_run(&rig, 10 * MS_US);
        rig_peer_up(&rig, 0, 1);
        if (tells)
            say_open(NULL, 0, 0);
        rig_run(&rig, 2 * S_US);
    }
    return rig_view(&rig, &job);
}

TEST(test_four_losses_end_a_job_that_names_the_nodes)
{
    struct job_view v = lose_four_times(rig_peer_dies, false);

    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "leaf 0 was running at four node losses") != NULL);
    CHECK(strstr(v.error, "peer0, peer0, peer0, peer0") != NULL);
    end();
}

/* The leaf is at one after the other, all of them are gone in the end, then others come. */
TEST(test_who_is_cut_off_blames_no_leaf_for_those_it_lost)
{
    struct peer_chunk c;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 1});
    for (uint32_t i = 0; i < 4; i++) {
        REQUIRE(rig_take_grant(&rig, i, &c));
        rig_peer_dies(&rig, i);
        rig_run(&rig, 10 * MS_US);
        if (i < 3)
            rig_peer_up(&rig, i + 1, 1);
        rig_run(&rig, S_US);
    }
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    rig_peer_up(&rig, 4, 0);
    rig_peer_up(&rig, 5, 0);
    rig_run(&rig, S_US);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    rig_peer_up(&rig, 6, 0);
    rig_run(&rig, 2 * S_US);
    CHECK_INT(rig_view(&rig, &job).state, JOB_FAILED);
    end();
}

TEST(test_node_that_left_is_no_loss)
{
    CHECK_INT(lose_four_times(rig_peer_leaves, false).state, JOB_RUNNING);
    end();
}

TEST(test_node_that_was_there_all_the_time_is_no_loss)
{
    CHECK_INT(lose_four_times(rig_peer_refuses, true).state, JOB_RUNNING);
    end();
}

TEST(test_second_copy_of_what_is_done_is_stopped)
{
    const struct rig_sent *s;
    struct peer_chunk slow, c;
    struct reader r;

    begin();
    rig_peer_up(&rig, 1, 1);
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 2});
    REQUIRE(rig_take_grant(&rig, 0, &slow) && rig_take_grant(&rig, 1, &c));
    finish_chunk(1, c, 16);
    rig_run(&rig, 3 * S_US);
    REQUIRE(rig_take_grant(&rig, 1, &c) && c.first == slow.first);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_TRIM), 0);
    finish_chunk(1, c, 16);
    s = rig_take(&rig, 0, MESSAGE_TRIM);
    REQUIRE(s != NULL);
    r = reader_of(s->payload);
    read_job_id(&r);
    CHECK_INT(read_u64(&r), slow.grant);
    CHECK_INT(read_u64(&r), 0);
    end();
}

static void say_log(uint32_t peer, const char *text)
{
    uint8_t bytes[256];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u8(&b, 0);
    put_block(&b, bytes_of_text(text));
    rig_frame(&rig, peer, MESSAGE_LOG, &b);
}

TEST(test_log_is_taken_from_those_who_work_and_grows_with_what_they_say)
{
    char text[200];
    size_t before;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 8});
    rig_peer_up(&rig, 1, 0);
    before = rig.heap.live_bytes;
    say_log(0, "begins");
    CHECK(rig.heap.live_bytes < before + 1024);
    CHECK_INT(job_find(rig.node, job.id)->log_len, 6);
    rig_peer_up(&rig, 2, 0);
    say_log(2, "a stranger's");
    CHECK_INT(job_find(rig.node, job.id)->log_len, 6);
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (int i = 0; i < 2000; i++)
        say_log(0, text);
    say_log(0, "end");
    CHECK(job_find(rig.node, job.id)->log_len > LOG_TAIL_MAX / 2);
    CHECK(job_find(rig.node, job.id)->log_cap <= LOG_TAIL_MAX);
    CHECK_MEM(job_find(rig.node, job.id)->log + job_find(rig.node, job.id)->log_len - 4, "aend", 4);
    end();
}

TEST(test_job_whose_leaves_are_all_out_is_running_at_its_new_coordinator)
{
    uint8_t bytes[128];
    struct buf b;

    begin();
    rig_peer_up(&rig, 1, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 8});
    rig_hold(&rig, 0, &job);
    rig_peer_dies(&rig, 0);
    rig_run(&rig, 20 * MS_US);
    REQUIRE(rig_take(&rig, 1, MESSAGE_CLAIM) != NULL);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u32(&b, 2);
    put_u16(&b, 1);
    put_peer_chunk(&b, &(struct peer_chunk){1, 0, 8});
    rig_frame(&rig, 1, MESSAGE_OPEN, &b);
    rig_run(&rig, 300 * MS_US);
    CHECK_INT(rig_count(&rig, 1, MESSAGE_GRANT), 0);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    end();
}

/* The state that the last STOP to this peer says; -1: there was none. */
static int stopped(uint32_t peer)
{
    const struct rig_sent *s;
    int state = -1;

    while ((s = rig_take(&rig, peer, MESSAGE_STOP)) != NULL)
        state = s->payload.data[ID_SIZE];
    return state;
}

TEST(test_workers_keep_what_they_did_until_holders_have_the_outcome)
{
    struct peer_chunk c, other;

    begin();
    rig_peer_up(&rig, 1, 1);
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 1});
    REQUIRE(rig_take_grant(&rig, 0, &c));
    rig_run(&rig, 20 * MS_US);
    rig.peers[1].mute = true; /* it has the job, and syncs nothing more */
    finish_chunk(0, c, 16);
    CHECK(rig_view(&rig, &job).state == JOB_RUNNING);
    CHECK_INT(stopped(0), -1);
    rig.peers[1].mute = false;
    rig_peer_up(&rig, 1, 1);
    rig_run(&rig, 2 * S_US);
    CHECK_INT(rig_view(&rig, &job).state, JOB_DONE);
    CHECK_INT(stopped(0), JOB_DONE);
    CHECK(!rig_take_grant(&rig, 1, &other));
    end();
}

/* What the worker's node still had is told to the new coordinator, and not one leaf of it is run
 * again, though the old one was lost with its disk. */
TEST(test_takeover_runs_no_leaf_again_that_a_worker_still_has)
{
    uint8_t bytes[128];
    struct peer_chunk c;
    uint64_t again = 0;
    struct buf b;

    begin();
    rig_peer_up(&rig, 1, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 64});
    rig_hold(&rig, 0, &job);
    rig_peer_dies(&rig, 0);
    rig_run(&rig, 20 * MS_US);
    REQUIRE(rig_take(&rig, 1, MESSAGE_CLAIM) != NULL);
    rig_report(&rig, 1, &job,
               (struct rig_report){.seq = 1,
                                   .grant = 5,
                                   .next = 40,
                                   .end = 40,
                                   .compute_us = 1000,
                                   .flags = REPORT_ENDED,
                                   .values = true,
                                   .size = 16});
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u32(&b, 2);
    put_u16(&b, 0);
    rig_frame(&rig, 1, MESSAGE_OPEN, &b);
    rig_run(&rig, S_US);
    while (rig_take_grant(&rig, 1, &c))
        again += c.first < 40;
    CHECK_INT(again, 0);
    end();
}

/* Whether the node wrote an outcome to its journal. */
static bool outcome_written(void)
{
    const struct rig_sent *s;
    struct journal_record r;
    struct bytes bytes;
    struct fact f;
    bool found = false;

    while ((s = rig_take_record(&rig, RECORD_FACTS)) != NULL) {
        REQUIRE(journal_record_read(RECORD_FACTS, s->payload, &r) == 0);
        while (journal_record_fact(&r, &bytes))
            found |= fact_read(bytes, &f) == 0 && f.kind == FACT_OUTCOME;
    }
    return found;
}

/* One frame brings the last value, and a greater title: the outcome is written as this node steps
 * down. It is in the ledger, and may be called kept to the next coordinator, so it must be on the
 * disk. */
TEST(test_what_is_written_while_stepping_down_is_in_the_journal)
{
    struct partial p = {.upto = 1, .count = 1};
    uint8_t claim_bytes[8192], partial_bytes[256];
    struct buf b, claim, partial;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 1});
    rig_run(&rig, 20 * MS_US);
    CHECK(!outcome_written());
    p.author = rig.peers[0].id;
    buf_init_fixed(&claim, claim_bytes, sizeof claim_bytes);
    rig_put_claim(&rig, 0, &job, 5, &claim);
    buf_init_fixed(&partial, partial_bytes, sizeof partial_bytes);
    put_partial_begin(&partial, &p);
    rig_put_value(&partial, (struct tree_node){0, 0}, 16);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, job.id, 0, false, 2);
    put_block(&b, buf_bytes(&claim));
    put_block(&b, buf_bytes(&partial));
    rig_frame(&rig, 0, MESSAGE_FACTS, &b);
    buf_clear(&b);
    rig_run(&rig, 20 * MS_US);
    CHECK(job_find(rig.node, job.id)->lead == NULL);
    CHECK(job_is_final(job_find(rig.node, job.id)));
    CHECK(outcome_written());
    end();
}

/* One leaf of a chunk is done. */
static void report_leaf(struct peer_chunk c, uint64_t leaf)
{
    uint64_t seq = ++seqs[0];

    rig_report(&rig, 0, &job,
               (struct rig_report){.seq = seq,
                                   .grant = c.grant,
                                   .from = leaf,
                                   .next = leaf + 1,
                                   .end = c.end,
                                   .compute_us = 1000,
                                   .values = true,
                                   .size = 16});
    rig_run(&rig, MS_US);
}

/* Values that the node wrote before an outcome; -1: there is no outcome, -2: values behind it. */
static int values_before_outcome(void)
{
    const struct rig_sent *s;
    struct journal_record r;
    struct bytes bytes;
    struct fact f;
    bool ended = false;
    int values = 0;

    while ((s = rig_take_record(&rig, RECORD_FACTS)) != NULL) {
        REQUIRE(journal_record_read(RECORD_FACTS, s->payload, &r) == 0);
        while (journal_record_fact(&r, &bytes)) {
            if (fact_read(bytes, &f) == 0 && f.kind == FACT_PARTIAL && ended)
                return -2;
            values += fact_read(bytes, &f) == 0 && f.kind == FACT_PARTIAL;
            ended |= fact_read(bytes, &f) == 0 && f.kind == FACT_OUTCOME;
        }
    }
    return ended ? values : -1;
}

/* What was counted waits for the disk when the outcome of another comes, and is in the journal
 * before it: behind an outcome nothing may be counted. */
TEST(test_what_was_counted_is_written_before_the_outcome_of_another)
{
    const struct outcome o = {.state = JOB_FAILED, .leaves = 64, .error = "SIGSEGV"};
    struct peer_chunk c;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64});
    REQUIRE(rig_take_grant(&rig, 0, &c) && c.end - c.first >= 2);
    CHECK_INT(values_before_outcome(), -1);
    rig.syncs_late = true;
    report_leaf(c, c.first);
    report_leaf(c, c.first + 1);
    rig_tell_outcome(&rig, 0, &job, &o);
    rig_run(&rig, MS_US);
    rig_synced(&rig);
    rig_run(&rig, 20 * MS_US);
    CHECK_INT(values_before_outcome(), 2);
    end();
}

/* A record may stand in a journal whose spec was in one that the disk refused: nobody was told that
 * it is kept, and nothing comes of it. */
TEST(test_facts_without_their_spec_do_no_harm)
{
    struct partial p = {.upto = 1, .count = 1};
    uint8_t bytes[512], fact_bytes[256];
    struct buf b, fact;

    begin();
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = 1});
    p.author = rig.peers[0].id;
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    put_partial_begin(&fact, &p);
    rig_put_value(&fact, (struct tree_node){0, 0}, 16);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u16(&b, 1);
    put_block(&b, buf_bytes(&fact));
    CHECK_INT(node_replay(rig.node, RECORD_FACTS, buf_bytes(&b)), 0);
    buf_reset(&b);
    put_job_id(&b, job.id);
    put_u32(&b, 2);
    put_u32(&b, 2);
    put_u64(&b, 0);
    CHECK_INT(node_replay(rig.node, RECORD_SETTLED, buf_bytes(&b)), 0);
    buf_reset(&b);
    put_job_id(&b, job.id);
    put_raw(&b, "said", 4);
    CHECK_INT(node_replay(rig.node, RECORD_LOG, buf_bytes(&b)), 0);
    CHECK(job_find(rig.node, job.id) == NULL);
    /* The job begins anew when its spec comes. */
    rig_submit(&rig, 0, &job);
    rig_run(&rig, 20 * MS_US);
    REQUIRE(job_find(rig.node, job.id) != NULL);
    CHECK(!job_is_final(job_find(rig.node, job.id)));
    CHECK_INT(cover_count(ledger_cover(job_find(rig.node, job.id)->ledger)), 0);
    end();
}

/* The peer's process is replaced by another before anybody knows that it has gone. */
static void next_process(uint32_t peer, bool mute)
{
    rig.peers[peer].boot++;
    rig.peers[peer].mute = mute;
    rig_peer_up(&rig, peer, 1);
    rig_run(&rig, 20 * MS_US);
}

TEST(test_kept_is_not_said_to_the_next_process_of_a_node)
{
    struct peer_chunk c;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64});
    rig_run(&rig, 20 * MS_US);
    REQUIRE(rig_take_grant(&rig, 0, &c));
    rig.peers[0].mute = true;
    finish_chunk(0, c, 16);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_KEPT), 0);
    next_process(0, false);
    CHECK_INT(rig_view(&rig, &job).durable, 2);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_KEPT), 0);
    end();
}

/* It may come without its disk, or with an older one. */
TEST(test_what_a_holder_kept_counts_again_when_its_next_process_says_so)
{
    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64});
    rig_run(&rig, 20 * MS_US);
    CHECK_INT(rig_view(&rig, &job).durable, 2);
    next_process(0, true);
    CHECK_INT(rig_view(&rig, &job).durable, 1);
    next_process(0, false);
    CHECK_INT(rig_view(&rig, &job).durable, 2);
    end();
}

/* The limit counts from the submission, whoever coordinates. */
TEST(test_a_job_taken_over_still_ends_at_its_limit)
{
    begin();
    rig_peer_up(&rig, 1, 1);
    rig_job_make(&rig, &job,
                 (struct rig_spec){.accumulator_size = 16, .leaves = 8, .timeout_us = 2 * S_US});
    rig_hold(&rig, 0, &job);
    rig_run(&rig, S_US);
    rig_peer_dies(&rig, 0);
    rig_run(&rig, 500 * MS_US);
    CHECK(!job_state_is_final(rig_view(&rig, &job).state));
    rig_run(&rig, S_US);
    CHECK_INT(rig_view(&rig, &job).state, JOB_TIMED_OUT);
    end();
}

/* Two of three have it, and the third has not answered yet. */
TEST(test_an_outcome_is_told_when_every_holder_has_it)
{
    struct peer_chunk c;

    begin();
    rig_peer_up(&rig, 1, 0);
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 1});
    rig_run(&rig, 20 * MS_US);
    CHECK_INT(rig_view(&rig, &job).durable, 3);
    REQUIRE(rig_take_grant(&rig, 0, &c));
    rig.peers[1].mute = true;
    finish_chunk(0, c, 16);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    rig.peers[1].mute = false;
    rig_peer_cut(&rig, 1);
    rig_peer_up(&rig, 1, 0);
    rig_run(&rig, 20 * MS_US);
    CHECK_INT(rig_view(&rig, &job).state, JOB_DONE);
    end();
}

TEST(test_a_node_gives_back_only_its_own_chunks)
{
    struct peer_chunk c, other;
    uint8_t bytes[128];
    struct buf b;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 8});
    rig_run(&rig, 20 * MS_US);
    REQUIRE(rig_take_grant(&rig, 0, &c));
    rig_peer_up(&rig, 1, 0);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u8(&b, RETURN_UNKNOWN);
    put_text(&b, "");
    put_u16(&b, 1);
    put_u64(&b, c.grant);
    rig_frame(&rig, 1, MESSAGE_RETURN, &b);
    rig_run(&rig, 20 * MS_US);
    CHECK(!rig_take_grant(&rig, 0, &other));
    rig_frame(&rig, 0, MESSAGE_RETURN, &b);
    rig_run(&rig, 20 * MS_US);
    CHECK(rig_take_grant(&rig, 0, &other));
    end();
}

TEST_MAIN(test_what_is_written_while_stepping_down_is_in_the_journal,
          test_what_was_counted_is_written_before_the_outcome_of_another,
          test_facts_without_their_spec_do_no_harm,
          test_workers_keep_what_they_did_until_holders_have_the_outcome,
          test_takeover_runs_no_leaf_again_that_a_worker_still_has,
          test_a_node_gives_back_only_its_own_chunks, test_a_job_taken_over_still_ends_at_its_limit,
          test_an_outcome_is_told_when_every_holder_has_it,
          test_kept_is_not_said_to_the_next_process_of_a_node,
          test_what_a_holder_kept_counts_again_when_its_next_process_says_so,
          test_job_whose_leaves_are_all_out_is_running_at_its_new_coordinator,
          test_log_is_taken_from_those_who_work_and_grows_with_what_they_say,
          test_second_copy_of_what_is_done_is_stopped,
          test_four_losses_end_a_job_that_names_the_nodes,
          test_who_is_cut_off_blames_no_leaf_for_those_it_lost, test_node_that_left_is_no_loss,
          test_node_that_was_there_all_the_time_is_no_loss,
          test_open_chunks_of_a_large_node_are_not_given_out_again,
          test_idle_slot_of_a_node_without_the_kernel_keeps_nobody_from_knocking,
          test_nothing_is_trimmed_for_slots_that_the_job_may_not_have,
          test_chunk_at_a_node_that_is_away_holds_no_slot_of_the_job,
          test_idle_nodes_without_a_link_are_called_and_take_part,
          test_more_nodes_than_the_mesh_may_have_come_and_go)
