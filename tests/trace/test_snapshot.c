/* Journals that are written anew while the node works: whatever happens between two slices, what is
 * read from the disk is what the node knows, each thing once. The test says when slices come, but
 * for the stories about that. */
#include <stdlib.h>

#include "core/base/err.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/keeping.h"
#include "core/node/stale.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define JOBS 40u
#define LEAVES 16u
#define PEERS 2u
#define NEVER_US ((uint32_t)3600 * 1000000)

static struct rig rig;
static struct rig_job jobs[JOBS];
static uint32_t jobs_made;
static uint64_t seqs[JOBS];

static void begin(uint32_t slice_bytes)
{
    rig_start(&rig, 1, true);
    rig.node->limits.compact_bytes = slice_bytes;
    rig.node->limits.compact_us = NEVER_US;
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 2);
    jobs_made = 0;
    memset(seqs, 0, sizeof seqs);
}

static void end(void)
{
    while (jobs_made > 0)
        rig_job_clear(&jobs[--jobs_made]);
    rig_stop(&rig);
}

/* --- what happens to jobs --- */

static struct rig_job *make_job(void)
{
    struct rig_job *j = &jobs[jobs_made++];

    rig_job_make(
        &rig, j,
        (struct rig_spec){.nonce = (uint8_t)jobs_made, .accumulator_size = 16, .leaves = LEAVES});
    return j;
}

static struct rig_job *submit(void)
{
    struct rig_job *j = make_job();

    rig_submit(&rig, 0, j);
    rig_run(&rig, 5000);
    return j;
}

static struct rig_job *hold(void)
{
    struct rig_job *j = make_job();

    rig_hold(&rig, 0, j);
    return j;
}

/* Facts of peer 0 about a job that it leads, as one frame. */
static void tell(const struct rig_job *j, const struct buf *fact)
{
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, j->id, 0, false, 1);
    put_block(&b, buf_bytes(fact));
    rig_frame(&rig, 0, MESSAGE_FACTS, &b);
    buf_clear(&b);
    rig_run(&rig, 1000);
}

static void tell_leaf(const struct rig_job *j, uint64_t leaf)
{
    struct partial p = {.from = leaf, .upto = leaf + 1, .count = 1, .author = rig.peers[1].id};
    uint8_t bytes[256];
    struct buf fact;

    buf_init_fixed(&fact, bytes, sizeof bytes);
    put_partial_begin(&fact, &p);
    rig_put_value(&fact, (struct tree_node){0, leaf}, 16);
    tell(j, &fact);
}

static void tell_outcome(const struct rig_job *j)
{
    struct outcome o = {.state = JOB_FAILED, .leaves = LEAVES, .error = "SIGSEGV"};
    uint8_t bytes[4096];
    struct buf fact;

    buf_init_fixed(&fact, bytes, sizeof bytes);
    rig_put_outcome(&fact, j, rig.peers[0].id, &o);
    tell(j, &fact);
}

/* A chunk of any job that peer 1 was granted is reported, or a part of it. */
static bool report(uint64_t most)
{
    const struct rig_sent *s = rig_take(&rig, 1, MESSAGE_GRANT);
    struct peer_chunk c;
    struct peer_grant g;
    uint32_t i = 0;

    if (s == NULL || read_peer_grant(s->payload, &g) < 0 || g.chunks == 0)
        return false;
    c = read_peer_chunk(&g.rest);
    while (i < jobs_made && !job_id_equal(jobs[i].id, g.job))
        i++;
    REQUIRE(i < jobs_made);
    rig_report(&rig, 1, &jobs[i],
               (struct rig_report){.seq = ++seqs[i],
                                   .before = seqs[i] - 1,
                                   .grant = c.grant,
                                   .from = c.first,
                                   .next = c.end - c.first > most ? c.first + most : c.end,
                                   .end = c.end,
                                   .compute_us = 1000,
                                   .flags = c.end - c.first > most ? 0 : REPORT_ENDED,
                                   .values = true,
                                   .size = 16});
    rig_run(&rig, 5000);
    return true;
}

/* Its coordinator, this node, writes that it was cancelled; with a log, when it has one. */
static void cancel(const struct rig_job *j)
{
    struct cancel c = {.by = rig.peers[0].id, .state = JOB_CANCELLED};
    uint8_t bytes[8192], fact_bytes[4096], body_bytes[256];
    struct buf b, fact, body;

    buf_init_fixed(&b, bytes, sizeof bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    put_cancel_body(&body, j->id, &c);
    rig_put_signed(&fact, FACT_CANCEL, rig.peers[0].id, buf_bytes(&body));
    put_job_id(&b, j->id);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, 0, MESSAGE_CANCEL, &b);
    rig_run(&rig, 10 * MS_US);
}

static void say_log(const struct rig_job *j, uint32_t peer)
{
    uint8_t bytes[256];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u8(&b, 0);
    put_block(&b, bytes_of_text("what a worker wrote\n"));
    rig_frame(&rig, peer, MESSAGE_LOG, &b);
}

/* Its coordinator has forgotten that it ended. */
static void others_forget(const struct rig_job *j)
{
    struct peer_sync m = {.job = j->id, .gone = JOB_FAILED};
    uint8_t bytes[256];
    struct buf b;

    tell_outcome(j);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    rig_frame(&rig, 0, MESSAGE_SYNC, &b);
    rig_run(&rig, 1000);
}

/* As core/node/keep.c does it. */
static void give_up(struct node *n, void *ctx)
{
    const struct rig_job *j = ctx;

    stale_given_up(n, j->id);
    job_free(job_find(n, j->id));
}

static void set_aside(struct node *n, void *ctx)
{
    (void)ctx;
    n->calendar.away_s = (uint64_t)n->options.tombstone_s + 1;
    stale_look(n);
}

struct decision {
    struct job_id job;
    enum stale_what what;
};

static void decide(struct node *n, void *ctx)
{
    const struct decision *d = ctx;
    const struct request_stale m = {.what = d->what, .job = d->job};
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_request_stale(&b, &m);
    stale_request(n, 7777, 1, buf_bytes(&b));
}

static void user_says(enum stale_what what, struct job_id id)
{
    struct decision d = {id, what};

    rig_inside(&rig, decide, &d);
}

struct saying {
    uint8_t object;
    bool kept;
    struct job_id owner;
};

static void say_keep(struct node *n, void *ctx)
{
    const struct saying *s = ctx;
    struct digest name = {{s->object, 1}};

    CHECK_INT(keeping_say(n, name, 1000, s->owner, s->kept), 0);
}

static void keep(uint8_t object, bool kept)
{
    /* Every other one is a job's. */
    struct saying s = {object, kept, {{(uint8_t)(object % 2 * 77)}}};

    rig_inside(&rig, say_keep, &s);
}

/* --- what is on the disk is what the node knows --- */

static bool same_job(struct job *a, struct job *b)
{
    return CHECK(a != NULL && b != NULL && a->ledger != NULL && b->ledger != NULL) &&
           CHECK(digest_equal(ledger_digest(a->ledger), ledger_digest(b->ledger))) &&
           CHECK_INT(a->settled, b->settled) && CHECK_INT(a->shrunk, b->shrunk) &&
           CHECK_INT(a->copies, b->copies) && CHECK_INT(a->machines, b->machines) &&
           CHECK_INT(a->ended_s, b->ended_s) &&
           (!a->shrunk || CHECK(bytes_equal((struct bytes){a->log, a->log_len},
                                            (struct bytes){b->log, b->log_len})));
}

static bool same_jobs(const struct map *a, const struct map *b)
{
    size_t at = 0, count = 0;
    struct job *j;

    while ((j = map_next(a, &at)) != NULL) {
        if (j->ledger == NULL)
            continue;
        count++;
        if (!same_job(j, map_get(b, &j->id)))
            return false;
    }
    return CHECK_INT(b->count, count);
}

static bool same_tombs(const struct tombs *a, const struct tombs *b)
{
    uint32_t later = tombs_count(b) - tombs_count(a);

    /* The last ones, in their order: older ones need not be forgotten on the disk. */
    if (!CHECK(tombs_count(b) >= tombs_count(a)))
        return false;
    for (uint32_t i = 0; i < tombs_count(a); i++)
        if (!CHECK(job_id_equal(tombs_at(a, i)->id, tombs_at(b, later + i)->id)) ||
            !CHECK_INT(tombs_at(a, i)->gone_s, tombs_at(b, later + i)->gone_s) ||
            !CHECK_INT(tombs_at(a, i)->why, tombs_at(b, later + i)->why))
            return false;
    return true;
}

static bool same_objects(const struct node *a, const struct node *b)
{
    for (const struct keeping *k = a->keeping_first; k != NULL; k = k->next) {
        const struct keeping *other = keeping_find(b, k->name, k->owner);

        if (!CHECK(other != NULL) || !CHECK_INT(k->generation, other->generation) ||
            !CHECK_INT(k->kept, other->kept) || !CHECK_INT(k->since_s, other->since_s))
            return false;
    }
    return true;
}

/* The same, as another process reads it. */
static bool disk_is_right(void)
{
    struct node *read = rig_replayed(&rig);
    bool right = same_jobs(&rig.node->jobs, &read->jobs) &&
                 same_jobs(&rig.node->stale, &read->stale) &&
                 same_tombs(&rig.node->tombs, &read->tombs) && same_objects(rig.node, read) &&
                 CHECK(read->calendar.s + read->options.calendar_look_s >= calendar_now(rig.node));

    node_free(read);
    return right;
}

/* No leaf of a job is named twice: who counts from a journal would count it twice. */
static bool each_leaf_once(void)
{
    struct reader rows = reader_of(buf_bytes(&rig.journal));
    bool named[JOBS][LEAVES] = {{false}};

    while (reader_left(&rows) > 0) {
        uint16_t type = read_u16(&rows);
        struct bytes payload = read_block(&rows, SIZE_MAX), bytes;
        struct journal_record r;
        struct fact f;
        uint32_t i = 0;

        REQUIRE(journal_record_read(type, payload, &r) == 0);
        while (i < jobs_made && !job_id_equal(jobs[i].id, r.job))
            i++;
        /* What a former copy of it said is its own. */
        if (i < jobs_made && (type == RECORD_STALE || type == RECORD_GONE))
            memset(named[i], 0, sizeof named[i]);
        while (type == RECORD_FACTS && journal_record_fact(&r, &bytes)) {
            REQUIRE(i < jobs_made && fact_read(bytes, &f) == 0);
            for (uint64_t k = f.kind == FACT_PARTIAL ? f.partial.from : LEAVES;
                 k < LEAVES && k < f.partial.upto; k++) {
                if (!CHECK(!named[i][k]))
                    return false;
                named[i][k] = true;
            }
        }
    }
    return true;
}

static bool all_is_right(void)
{
    return disk_is_right() && each_leaf_once();
}

/* --- any order of things --- */

static struct rig_job *any_job(uint32_t n)
{
    return jobs_made == 0 ? NULL : &jobs[n % jobs_made];
}

static bool leads(const struct rig_job *j)
{
    const struct job *x = job_find(rig.node, j->id);

    return x != NULL && x->lead != NULL;
}

static bool only_holds(const struct rig_job *j)
{
    const struct job *x = job_find(rig.node, j->id);

    return x != NULL && x->ledger != NULL && x->lead == NULL && !job_is_final(x);
}

static void happen(uint32_t what, uint32_t which)
{
    struct rig_job *j = any_job(which);
    bool lead = j != NULL && leads(j), holds = j != NULL && only_holds(j);

    if (what < 2 && jobs_made < JOBS)
        what == 0 ? submit() : hold();
    else if (what == 2 && holds)
        tell_leaf(j, which / 64 % LEAVES);
    else if (what == 3)
        report(1 + which % 3);
    else if (what == 4 && lead)
        cancel(j);
    else if (what == 5 && lead)
        say_log(j, 1);
    else if (what == 6 && holds)
        others_forget(j);
    else if (what == 7 && holds)
        rig_inside(&rig, give_up, j);
    else if (what == 8)
        keep((uint8_t)(which % 12), which / 16 % 3 > 0);
    else if (what == 9)
        rig_run(&rig, (int64_t)(1 + which % 3) * S_US);
    else if (what == 10 && which % 6 == 0)
        rig_inside(&rig, set_aside, NULL);
    else if (what == 11 && j != NULL)
        user_says(which / 64 % 2 == 0 ? STALE_RESTORE : STALE_DROP, j->id);
}

struct walked {
    uint32_t snapshots, slices, between, ended, forgotten, aside;
};

static bool walk(uint64_t seed, struct walked *sum)
{
    struct prng p;
    bool good = true;
    int rc = 0;

    prng_init(&p, seed);
    begin(prng_one_in(&p, 3) ? 600 : 1);
    rig.node->options.keep_jobs = 3;
    rig.node->options.tombstone_s = 10;
    rig.node->options.calendar_look_s = 1;
    for (int i = 0; good && i < 100; i++) {
        size_t before = rig.journal.len;
        uint32_t what = (uint32_t)prng_below(&p, 12), which = (uint32_t)prng_below(&p, 4096);

        happen(what, which);
        sum->between += rc > 0 && rig.journal.len > before;
        for (uint64_t k = prng_below(&p, 3); k > 0; k--)
            rc = rig_compact(&rig);
        good = CHECK(rig.rc == 0 && rc >= 0) && all_is_right();
    }
    for (int i = 0; good && rig_compact(&rig) > 0; i++)
        good = CHECK(i < 1000);
    good = good && all_is_right();
    sum->snapshots += rig.snapshots;
    sum->slices += rig.slices_count;
    sum->ended += rig.node->kept_count;
    sum->forgotten += tombs_count(&rig.node->tombs);
    sum->aside += (uint32_t)rig.node->stale.count;
    end();
    return good;
}

TEST(test_whatever_happens_between_slices_is_on_the_disk)
{
    uint64_t seeds = getenv("VELUM_CHAOS") != NULL ? 5000 : 150;
    struct walked sum = {0};

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        if (walk(seed, &sum))
            continue;
        printf("# seed %llu\n", (unsigned long long)seed);
        break;
    }
    printf("# %u snapshots of %u slices; between two slices %u times something was stored\n",
           sum.snapshots, sum.slices, sum.between);
    CHECK(sum.snapshots > seeds && sum.slices > 5 * sum.snapshots && sum.between > 10 * seeds);
    CHECK(sum.ended > 0 && sum.forgotten > 0 && sum.aside > 0);
}

/* What waits for the sync before it goes with the slice, not behind it. */
TEST(test_what_waits_for_a_sync_is_written_once)
{
    struct rig_job *j;

    begin(1);
    j = submit();
    rig.syncs_late = true;
    CHECK(report(1) && report(1));
    CHECK(job_find(rig.node, j->id)->fresh_count > 0);
    while (rig_compact(&rig) > 0)
        ;
    rig_synced(&rig);
    rig_run(&rig, 100 * MS_US);
    CHECK_INT(rig.snapshots, 1);
    CHECK(all_is_right());
    end();
}

/* --- slices of the node's own accord --- */

static uint32_t until_whole(uint32_t steps_most, bool loaded)
{
    uint32_t before = rig.snapshots, steps = 0;

    while (rig.snapshots == before && steps++ < steps_most) {
        for (uint32_t i = 0; loaded && i < 3; i++)
            tell_leaf(&jobs[i], steps % LEAVES);
        if (loaded)
            keep((uint8_t)steps, true);
        rig_run(&rig, 1000);
    }
    return steps;
}

/* More is stored at every step than a slice holds, of old jobs and of new things. */
TEST(test_it_ends_however_much_is_stored)
{
    uint32_t steps, slices;

    begin(1);
    for (uint32_t i = 0; i < 20; i++)
        hold();
    rig.node->limits.compact_us = 1000;
    CHECK_INT(rig_compact(&rig), 1);
    steps = until_whole(100, true);
    slices = rig.slices_count;
    CHECK(rig.snapshots == 1 && steps < 30 && slices > 20 && slices < 40);
    CHECK(all_is_right());
    /* With nothing to do it is as many, and the node then rests. */
    CHECK_INT(rig_compact(&rig), 1);
    until_whole(100, false);
    CHECK(rig.snapshots == 2 && rig.slices_count - slices > 20);
    rig_run(&rig, S_US);
    CHECK_INT(rig.snapshots, 2);
    CHECK(all_is_right());
    end();
}

/* Asked for again while one is under way, that one goes on. */
TEST(test_a_second_one_asked_meanwhile_is_the_first)
{
    begin(1);
    for (uint32_t i = 0; i < 6; i++)
        hold();
    rig.node->limits.compact_us = 1000;
    for (uint32_t i = 0; rig.snapshots == 0 && i < 100; i++) {
        rig_compact(&rig);
        rig_run(&rig, 500);
        tell_leaf(&jobs[i % 6], i % LEAVES);
    }
    CHECK_INT(rig.snapshots, 1);
    CHECK(rig.slices_count < 12);
    CHECK(all_is_right());
    end();
}

/* A disk writes one at a time: asked for meanwhile, another comes when it has. */
TEST(test_another_waits_until_the_disk_has_the_one_before)
{
    begin(1);
    for (uint32_t i = 0; i < 6; i++)
        hold();
    rig.node->limits.compact_us = 1000;
    rig.syncs_late = true;
    while (rig_compact(&rig) > 0)
        ;
    CHECK_INT(rig.snapshots, 1);
    CHECK_INT(rig_compact(&rig), 0);
    tell_leaf(&jobs[0], 1);
    rig_run(&rig, S_US);
    CHECK_INT(rig.snapshots, 1);
    rig_synced(&rig);
    rig_run(&rig, S_US);
    CHECK_INT(rig.snapshots, 2);
    rig_run(&rig, S_US);
    CHECK(!rig.node->store_broken && rig.snapshots == 2);
    CHECK(all_is_right());
    end();
}

/* A node whose disk refused a record trusts it again when a snapshot is synced that was whole after
 * that, and not before. */
TEST(test_what_the_disk_refuses_between_slices_is_in_the_snapshot)
{
    begin(1);
    for (uint32_t i = 0; i < 6; i++)
        hold();
    CHECK_INT(rig_compact(&rig), 1);
    for (uint32_t i = 0; i < 6; i++) {
        rig.refuses = true;
        tell_leaf(&jobs[i], 3);
        keep((uint8_t)i, true);
        rig.refuses = false;
        tell_leaf(&jobs[i], 4);
        CHECK(rig.node->store_broken);
        CHECK_INT(rig_compact(&rig), 1);
    }
    while (rig_compact(&rig) > 0)
        ;
    CHECK(!rig.node->store_broken && rig.snapshots == 1);
    CHECK(all_is_right());
    end();
}

/* The disk refuses, also the first snapshot in the end; another comes, when nobody asks for it. */
TEST(test_a_snapshot_that_is_refused_is_made_again)
{
    begin(1);
    for (uint32_t i = 0; i < 6; i++)
        hold();
    rig.node->limits.compact_us = 1000;
    CHECK_INT(rig_compact(&rig), 1);
    rig.refuses = true;
    for (uint32_t i = 0; i < 6; i++)
        tell_leaf(&jobs[i], i);
    rig_run(&rig, 2 * S_US);
    CHECK(rig.node->store_broken && rig.snapshots == 0);
    rig.refuses = false;
    for (uint32_t i = 0; i < 100 && rig.node->store_broken; i++) {
        CHECK_INT(rig.snapshots, 0);
        keep((uint8_t)i, true);
        rig_run(&rig, 10 * MS_US);
    }
    CHECK(!rig.node->store_broken && rig.snapshots == 1);
    CHECK(all_is_right());
    end();
}

/* A snapshot with records between its slices, the node's n-th request for memory refused. */
static bool starved(uint64_t n, uint32_t *given_up)
{
    int rc = 1;
    bool refused;

    begin(1);
    for (uint32_t i = 0; i < 6; i++)
        i % 2 == 0 ? hold() : submit();
    rig.heap.failures = 0;
    rig.starve_at = n;
    for (uint32_t i = 0; rc > 0 && rig.rc == 0; i++) {
        rc = rig_compact(&rig);
        if (i % 4 == 0)
            hold();
        for (uint32_t k = 0; k < 3; k++)
            tell_leaf(&jobs[2 * k], i % LEAVES);
    }
    rig.starve_at = 0;
    refused = rig.heap.failures > 0;
    CHECK(rc >= 0 || (rc == ERR_NO_MEMORY && refused));
    CHECK(rig.rc == 0 || (rig.rc == ERR_NO_MEMORY && refused));
    if (rig.rc == 0) { /* the node lives: it was a snapshot's, and there may be another */
        *given_up += refused;
        CHECK_INT(rig.snapshots, rc == 0);
        CHECK(all_is_right());
        while (rig_compact(&rig) > 0)
            ;
        CHECK(rig.snapshots > 0 && all_is_right());
    } else {
        struct node *read = rig_replayed(&rig);

        CHECK(each_leaf_once());
        CHECK(read->jobs.count >= 6);
        node_free(read);
    }
    end();
    return refused;
}

/* Given up at any request for memory, in a slice or between two, it leaves the journal as it was;
 * the next one has nothing of it. */
TEST(test_memory_refused_at_any_moment)
{
    uint32_t given_up = 0;
    uint64_t n = 1;

    while (starved(n, &given_up) && n < 10000 && check_state.failures == 0)
        n++;
    printf("# %llu requests, %u of them a snapshot's\n", (unsigned long long)n - 1, given_up);
    CHECK(n > 100 && given_up > 5);
}

/* --- jobs set aside --- */

/* A copy that was set aside makes room for a later one. */
TEST(test_a_job_is_set_aside_twice)
{
    begin(1);
    hold();
    rig_inside(&rig, set_aside, NULL);
    rig_hold(&rig, 0, &jobs[0]);
    tell_leaf(&jobs[0], 5);
    CHECK_INT(rig.node->stale.count, 1);
    CHECK(disk_is_right());
    rig_inside(&rig, set_aside, NULL);
    CHECK_INT(rig.node->stale.count, 1);
    CHECK(disk_is_right());
    end();
}

/* It is the copy that is held that is given up; the old one goes with it, on the disk too. */
TEST(test_what_is_given_up_is_not_the_old_copy)
{
    begin(1);
    hold();
    rig_inside(&rig, set_aside, NULL);
    rig_hold(&rig, 0, &jobs[0]);
    CHECK(disk_is_right());
    rig_inside(&rig, give_up, &jobs[0]);
    CHECK(rig.node->stale.count == 0 && job_find(rig.node, jobs[0].id) == NULL);
    CHECK(disk_is_right());
    end();
}

TEST_MAIN(test_whatever_happens_between_slices_is_on_the_disk,
          test_what_waits_for_a_sync_is_written_once, test_it_ends_however_much_is_stored,
          test_a_second_one_asked_meanwhile_is_the_first,
          test_another_waits_until_the_disk_has_the_one_before,
          test_what_the_disk_refuses_between_slices_is_in_the_snapshot,
          test_a_snapshot_that_is_refused_is_made_again, test_memory_refused_at_any_moment,
          test_a_job_is_set_aside_twice, test_what_is_given_up_is_not_the_old_copy)
