/* Who counted which leaves of many jobs: a node has room for so much of it, and what gives way when
 * that is full. */
#include "core/job/account.h"
#include "core/node/jobs.h"
#include "core/node/peer.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define JOBS 20u
#define LEAVES 600u
#define ROOM 40000u /* of 20 x 300 runs of 48 bytes */

static struct rig rig;
static struct rig_job jobs[JOBS];

static void replay_fact(struct job_id id, struct bytes fact)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u16(&b, 1);
    put_block(&b, fact);
    CHECK_INT(node_replay(rig.node, RECORD_FACTS, buf_bytes(&b)), 0);
    buf_clear(&b);
}

static void replay_spec(const struct rig_job *j)
{
    struct buf fact;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&fact, FACT_SPEC);
    put_u8(&fact, 1);
    put_raw(&fact, j->spec.data, j->spec.len);
    replay_fact(j->id, buf_bytes(&fact));
    buf_clear(&fact);
}

static void replay_end_of(const struct rig_job *j, struct node_id by)
{
    struct outcome o = {.state = JOB_DONE, .leaves = LEAVES};
    struct buf fact, b;

    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    rig_put_outcome(&fact, j, by, &o);
    replay_fact(j->id, buf_bytes(&fact));
    put_job_id(&b, j->id);
    put_u32(&b, 1);
    put_u32(&b, 1);
    put_u64(&b, 1);
    CHECK_INT(node_replay(rig.node, RECORD_SETTLED, buf_bytes(&b)), 0);
    buf_clear(&fact);
    buf_clear(&b);
}

static void replay_end(const struct rig_job *j)
{
    replay_end_of(j, rig.id);
}

/* Two nodes took turns. With values, as of a job that runs, or as a snapshot of an ended one says.
 */
static void replay_runs(const struct rig_job *j, bool values)
{
    uint8_t bytes[256];
    struct buf fact;

    for (uint64_t i = 0; i < LEAVES; i++) {
        struct partial p = {.from = i, .upto = i + 1, .count = values ? 1 : 0};
        memset(p.author.bytes, (int)(1 + i / 2 % 2), ID_SIZE);
        buf_init_fixed(&fact, bytes, sizeof bytes);
        put_partial_begin(&fact, &p);
        if (values)
            rig_put_value(&fact, (struct tree_node){0, i}, 16);
        replay_fact(j->id, buf_bytes(&fact));
    }
}

static const struct ledger *ledger_of(uint32_t i)
{
    return job_find(rig.node, jobs[i].id)->ledger;
}

static void begin(void)
{
    rig_start(&rig, 1, false);
    rig.node->limits.account_bytes = ROOM;
}

static void end(void)
{
    for (uint32_t i = 0; i < JOBS; i++)
        if (jobs[i].spec.data != NULL)
            rig_job_clear(&jobs[i]);
    memset(jobs, 0, sizeof jobs);
    rig_stop(&rig);
}

static size_t all_bytes(void)
{
    size_t sum = 0, at = 0;
    struct job *j;

    while ((j = map_next(&rig.node->jobs, &at)) != NULL)
        sum += j->ledger == NULL ? 0 : ledger_account_bytes(j->ledger);
    return sum;
}

static void make_ended_jobs(void)
{
    for (uint32_t i = 0; i < JOBS; i++) {
        rig_job_make(
            &rig, &jobs[i],
            (struct rig_spec){.nonce = (uint8_t)i, .accumulator_size = 16, .leaves = LEAVES});
        replay_spec(&jobs[i]);
        replay_end(&jobs[i]);
        replay_runs(&jobs[i], false);
        CHECK_INT(all_bytes(), rig.node->account_bytes);
    }
}

TEST(test_of_ended_jobs_the_oldest_accounts_are_joined)
{
    begin();
    make_ended_jobs();
    CHECK(rig.node->account_bytes <= ROOM);
    CHECK(ledger_account_is_joined(ledger_of(0)));
    CHECK(ledger_account_is_joined(ledger_of(JOBS - 3)));
    CHECK(!ledger_account_is_joined(ledger_of(JOBS - 1)));
    end();
}

/* The snapshot of the first process, read by another. */
TEST(test_counts_outlive_a_compaction_and_a_restart)
{
    struct reader r;

    begin();
    make_ended_jobs();
    while (rig_compact(&rig) > 0)
        ;
    REQUIRE(rig.snapshots == 1 && rig.slices_count > 1);
    r = reader_of(buf_bytes(&rig.journal));
    for (uint32_t i = 0; i < JOBS; i++)
        job_free(job_find(rig.node, jobs[i].id));
    CHECK_INT(rig.node->account_bytes, 0);
    while (reader_left(&r) > 0) {
        uint16_t type = read_u16(&r);

        CHECK_INT(node_replay(rig.node, type, read_block(&r, SIZE_MAX)), 0);
    }
    for (uint32_t i = 0; i < JOBS - 2; i++)
        CHECK(ledger_account_is_joined(ledger_of(i)));
    CHECK_INT(all_bytes(), rig.node->account_bytes);
    CHECK(rig.node->account_bytes <= ROOM);
    end();
}

/* What is joined stays joined: a late word on who counted what costs nothing. */
TEST(test_a_late_word_does_not_make_counts_grow)
{
    size_t before;

    begin();
    make_ended_jobs();
    before = rig.node->account_bytes;
    replay_runs(&jobs[0], false);
    CHECK_INT(rig.node->account_bytes, before);
    end();
}

/* Where nothing has ended, jobs that run have fewer runs each. */
TEST(test_jobs_that_run_are_tightened)
{
    begin();
    for (uint32_t i = 0; i < JOBS; i++) {
        rig_job_make(
            &rig, &jobs[i],
            (struct rig_spec){.nonce = (uint8_t)i, .accumulator_size = 16, .leaves = LEAVES});
        replay_spec(&jobs[i]);
        replay_runs(&jobs[i], true);
        CHECK_INT(all_bytes(), rig.node->account_bytes);
        CHECK_INT(cover_leaves(ledger_cover(job_find(rig.node, jobs[i].id)->ledger)), LEAVES);
    }
    CHECK(rig.node->account_bytes <= ROOM + JOBS * ACCOUNT_RUNS_LEAST * sizeof(struct account_run));
    end();
}

/* Peer 0 is a holder. */
static void replay_holders(const struct rig_job *j)
{
    struct holders h = {.generation = 1, .count = 2, .ids = {rig.id, rig.peers[0].id}};
    struct buf body, fact;

    buf_init(&body, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&fact, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_holders_body(&body, j->id, &h);
    rig_put_signed(&fact, FACT_HOLDERS, rig.id, buf_bytes(&body));
    replay_fact(j->id, buf_bytes(&fact));
    buf_clear(&body);
    buf_clear(&fact);
}

static void tell(uint32_t peer, const struct rig_job *j, const struct buf *fact)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, j->id, 0, false, 1);
    put_block(&b, buf_bytes(fact));
    rig_frame(&rig, peer, MESSAGE_FACTS, &b);
    buf_clear(&b);
}

/* All leaves for itself, once in counts and once by a run. */
static void claim_all(uint32_t peer, const struct rig_job *j)
{
    struct leaf_count all = {.author = rig.peers[peer].id, .leaves = LEAVES};
    uint8_t bytes[256];
    struct buf fact;

    buf_init_fixed(&fact, bytes, sizeof bytes);
    put_partial_run(&fact, all.author, 0, LEAVES);
    tell(peer, j, &fact);
    buf_init_fixed(&fact, bytes, sizeof bytes);
    put_counts(&fact, &all, 1);
    tell(peer, j, &fact);
}

/* A member that never held the job may say what it likes. */
TEST(test_of_an_ended_job_only_a_holder_says_who_counted_what)
{
    begin();
    rig_peer_up(&rig, 0, 1);
    rig_peer_up(&rig, 1, 1);
    rig_job_make(&rig, &jobs[0],
                 (struct rig_spec){.nonce = 1, .accumulator_size = 16, .leaves = LEAVES});
    replay_spec(&jobs[0]);
    replay_holders(&jobs[0]);
    replay_end(&jobs[0]);
    claim_all(1, &jobs[0]);
    CHECK_INT(ledger_account_bytes(ledger_of(0)), 0);
    CHECK(!ledger_account_is_joined(ledger_of(0)));
    claim_all(0, &jobs[0]);
    CHECK(ledger_account_bytes(ledger_of(0)) > 0);
    end();
}

/* It was alone with the job in another half of the mesh, and is no holder in this one. */
TEST(test_whose_end_is_believed_says_who_counted_what)
{
    begin();
    rig_peer_up(&rig, 1, 1);
    rig_peer_up(&rig, 2, 1);
    rig_job_make(&rig, &jobs[0],
                 (struct rig_spec){.nonce = 1, .accumulator_size = 16, .leaves = LEAVES});
    replay_spec(&jobs[0]);
    replay_holders(&jobs[0]);
    replay_end_of(&jobs[0], rig.peers[1].id);
    claim_all(2, &jobs[0]);
    CHECK_INT(ledger_account_bytes(ledger_of(0)), 0);
    claim_all(1, &jobs[0]);
    CHECK(ledger_account_is_whole(ledger_of(0)));
    end();
}

/* How many leaves the joined account of a job has by nobody that is known. */
static uint64_t counted_by_nobody(const struct ledger *l)
{
    uint64_t sum = 0;
    struct reader r;
    struct fact f;
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    ledger_snapshot(l, &b);
    for (r = reader_of(buf_bytes(&b)); reader_left(&r) > 0;) {
        REQUIRE(fact_read(read_block(&r, FRAME_PAYLOAD_MAX), &f) == 0);
        for (uint16_t i = 0; f.kind == FACT_COUNTS && i < f.counts.count; i++) {
            struct leaf_count one = read_leaf_count(&f.counts.list);

            sum += node_id_is_zero(one.author) ? one.leaves : 0;
        }
    }
    buf_clear(&b);
    return sum;
}

/* It had ended before it was told here, and who counted what comes behind that, in parts. */
TEST(test_names_that_come_after_the_outcome_are_taken_where_there_is_no_room)
{
    uint8_t bytes[256];
    struct buf fact;

    begin();
    rig.node->limits.account_bytes = 0;
    rig_job_make(&rig, &jobs[0],
                 (struct rig_spec){.nonce = 1, .accumulator_size = 16, .leaves = LEAVES});
    replay_spec(&jobs[0]);
    replay_end(&jobs[0]);
    for (uint64_t i = 0; i < LEAVES; i += LEAVES / 4) {
        buf_init_fixed(&fact, bytes, sizeof bytes);
        put_partial_run(&fact, rig.peers[i / 4 % 2].id, i, i + LEAVES / 4);
        CHECK(!ledger_account_is_joined(ledger_of(0)));
        replay_fact(jobs[0].id, buf_bytes(&fact));
    }
    CHECK(ledger_account_is_joined(ledger_of(0)));
    CHECK(ledger_account_is_whole(ledger_of(0)));
    CHECK_INT(counted_by_nobody(ledger_of(0)), 0);
    end();
}

/* How many facts without values peer 0 is shown when it says that what it has is something else. */
static uint32_t names_shown(const struct rig_job *j, bool whole, uint32_t *titles)
{
    struct peer_sync m = {.job = j->id, .digest = {{1}}, .whole = whole};
    const struct rig_sent *s;
    uint32_t names = 0;
    uint8_t bytes[256];
    struct fact f;
    struct buf b;

    *titles = 0;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    rig_count(&rig, 0, MESSAGE_FACTS);
    rig_frame(&rig, 0, MESSAGE_SYNC, &b);
    rig_run(&rig, 1000);
    while ((s = rig_take(&rig, 0, MESSAGE_FACTS)) != NULL) {
        struct reader r = reader_of(s->payload);
        uint16_t count;

        read_job_id(&r);
        read_u64(&r);
        read_u8(&r);
        count = read_u16(&r);
        for (uint16_t i = 0; i < count; i++) {
            REQUIRE(fact_read(read_block(&r, FRAME_PAYLOAD_MAX), &f) == 0);
            names += f.kind == FACT_PARTIAL;
            *titles += f.kind == FACT_HOLDERS || f.kind == FACT_OUTCOME;
        }
        CHECK(reader_done(&r));
    }
    return names;
}

/* Who counted what is most of an ended job, and seldom what two holders of it differ in. */
TEST(test_who_has_all_names_is_shown_the_titles_only)
{
    uint32_t titles;

    begin();
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &jobs[0],
                 (struct rig_spec){.nonce = 1, .accumulator_size = 16, .leaves = LEAVES});
    replay_spec(&jobs[0]);
    replay_holders(&jobs[0]);
    replay_end(&jobs[0]);
    replay_runs(&jobs[0], false);
    CHECK_INT(names_shown(&jobs[0], true, &titles), 0);
    CHECK_INT(titles, 2);
    CHECK_INT(names_shown(&jobs[0], false, &titles), LEAVES / 2);
    CHECK_INT(titles, 2);
    end();
}

TEST_MAIN(test_of_ended_jobs_the_oldest_accounts_are_joined,
          test_who_has_all_names_is_shown_the_titles_only,
          test_counts_outlive_a_compaction_and_a_restart,
          test_a_late_word_does_not_make_counts_grow, test_jobs_that_run_are_tightened,
          test_of_an_ended_job_only_a_holder_says_who_counted_what,
          test_whose_end_is_believed_says_who_counted_what,
          test_names_that_come_after_the_outcome_are_taken_where_there_is_no_room)
