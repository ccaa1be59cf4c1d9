/* What nodes say of work that was not theirs, or that they did alone: time, inputs that are
 * nowhere, merges that cannot be done. */
#include "core/node/jobs.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define LEAVES 64u
#define HONEST 0
#define LIAR 1

static struct rig rig;
static struct rig_job job;
static uint64_t seqs[RIG_PEERS_MAX];

/* The node leads a job, and peers compute it. */
static void begin(uint32_t peers, struct rig_spec s)
{
    memset(seqs, 0, sizeof seqs);
    rig_start(&rig, 1, false);
    rig.strict = true;
    for (uint32_t i = 0; i < peers; i++)
        rig_peer_up(&rig, i, 1);
    s.accumulator_size = 16;
    s.leaves = LEAVES;
    rig_job_make(&rig, &job, s);
    rig_submit(&rig, HONEST, &job);
    rig_run(&rig, 50 * MS_US);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void report(uint32_t peer, struct rig_report m)
{
    m.seq = ++seqs[peer];
    m.before = m.seq - 1;
    m.size = 16;
    rig_report(&rig, peer, &job, m);
    rig_run(&rig, 20 * MS_US);
}

static void give_back(uint32_t peer, uint8_t reason, uint64_t grant)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u8(&b, reason);
    put_text(&b, "");
    put_u16(&b, grant != 0);
    if (grant != 0)
        put_u64(&b, grant);
    rig_frame(&rig, peer, MESSAGE_RETURN, &b);
}

TEST(who_was_given_nothing_takes_no_time)
{
    struct job_view v;

    begin(1, (struct rig_spec){.cpu_us = 1000});
    rig_peer_up(&rig, LIAR, 0);
    report(LIAR, (struct rig_report){.cpu_us = 3600 * S_US, .compute_us = 3600 * S_US});
    report(LIAR, (struct rig_report){.flags = REPORT_SPENT});
    v = rig_view(&rig, &job);
    CHECK_INT(v.state, JOB_RUNNING);
    CHECK_INT(v.cpu_us, 0);
    end();
}

TEST(nobody_takes_more_time_than_there_was)
{
    struct peer_chunk c;

    begin(1, (struct rig_spec){.cpu_us = 60 * S_US});
    REQUIRE(rig_take_grant(&rig, HONEST, &c));
    report(HONEST, (struct rig_report){.grant = c.grant,
                                       .from = c.first,
                                       .next = c.first + 1,
                                       .end = c.end,
                                       .cpu_us = 3600 * S_US,
                                       .values = true,
                                       .flags = REPORT_SPENT});
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    CHECK_INT(rig_view(&rig, &job).leaves_done, 1);
    rig_run(&rig, 70 * S_US);
    report(HONEST, (struct rig_report){.flags = REPORT_SPENT});
    CHECK_INT(rig_view(&rig, &job).state, JOB_FAILED);
    end();
}

/* Nothing is out when he says so. */
TEST(inputs_are_not_nowhere_because_anybody_says_so)
{
    struct peer_chunk c;

    begin(1, (struct rig_spec){.leaves = LEAVES});
    rig_peer_up(&rig, LIAR, 0);
    for (int i = 0; i < 2; i++) {
        rig_run(&rig, i * 61 * S_US);
        for (uint32_t peer = 0; peer < 2; peer++)
            while (rig_take_grant(&rig, peer, &c))
                give_back(peer, RETURN_BUSY, c.grant);
        CHECK_INT(pool_chunks(job_find(rig.node, job.id)->lead->pool), 0);
        give_back(LIAR, RETURN_NO_INPUT, 0);
        give_back(LIAR, RETURN_NO_INPUT, 12345);
    }
    rig_run(&rig, 20 * MS_US);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    end();
}

TEST(an_input_that_one_node_lacks_ends_no_job_that_others_compute)
{
    struct peer_chunk at[2], c;

    begin(2, (struct rig_spec){.leaves = LEAVES});
    REQUIRE(rig_take_grant(&rig, 0, &at[0]) && rig_take_grant(&rig, 1, &at[1]));
    for (int i = 0; i < 2; i++) {
        give_back(1, RETURN_NO_INPUT, at[1].grant);
        rig_run(&rig, 61 * S_US);
        while (rig_take_grant(&rig, 1, &c))
            at[1] = c;
    }
    give_back(1, RETURN_NO_INPUT, at[1].grant);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    give_back(0, RETURN_NO_INPUT, at[0].grant);
    rig_run(&rig, S_US);
    CHECK_INT(rig_view(&rig, &job).state, JOB_FAILED);
    end();
}

static uint32_t merger; /* who was asked for merges last */

/* Takes what was granted; true: leaves. */
static bool take_grant(uint32_t peer, struct peer_chunk *c)
{
    const struct rig_sent *s = rig_take(&rig, peer, MESSAGE_GRANT);
    struct peer_grant g;
    uint16_t chunks;

    if (s == NULL)
        return false;
    REQUIRE(read_peer_grant(s->payload, &g) == 0);
    for (chunks = 0; chunks < g.chunks; chunks++)
        *c = read_peer_chunk(&g.rest);
    if (read_u16(&g.rest) > 0)
        merger = peer;
    return chunks > 0;
}

static const struct rig_report failed = {.flags = REPORT_MERGED | REPORT_FAILED | REPORT_OWN_DOING,
                                         .cause = "killed by signal 11"};

/* All leaves are there; gives who is asked to merge. */
static uint32_t compute_to_merges(uint32_t peers)
{
    struct peer_chunk c;

    merger = RIG_NOBODY;
    begin(peers, (struct rig_spec){.leaves = LEAVES});
    for (uint32_t i = 0; i < 20; i++)
        for (uint32_t peer = 0; peer < peers; peer++)
            if (take_grant(peer, &c))
                report(peer, (struct rig_report){.grant = c.grant,
                                                 .from = c.first,
                                                 .next = c.end,
                                                 .end = c.end,
                                                 .compute_us = 1000,
                                                 .flags = REPORT_ENDED,
                                                 .values = true});
    REQUIRE(merger != RIG_NOBODY);
    return merger;
}

/* Who is asked next. */
static uint32_t asked(uint32_t peers)
{
    struct peer_chunk c;

    merger = RIG_NOBODY;
    rig_run(&rig, S_US);
    for (uint32_t peer = 0; peer < peers; peer++)
        while (take_grant(peer, &c))
            continue;
    return merger;
}

TEST(merges_that_fail_at_one_node_are_asked_of_another)
{
    const uint32_t first = compute_to_merges(2);

    report(first, failed);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    CHECK_INT(asked(2), 1 - first);
    report(1 - first, failed);
    rig_run(&rig, S_US);
    CHECK_INT(rig_view(&rig, &job).state, JOB_FAILED);
    end();
}

/* There were some between that did not. */
TEST(merges_that_failed_before_others_are_forgotten)
{
    const uint32_t first = compute_to_merges(3);
    uint32_t second, third;

    report(first, failed);
    second = asked(3);
    REQUIRE(second != RIG_NOBODY && second != first);
    report(second, (struct rig_report){.flags = REPORT_MERGED});
    CHECK_INT(asked(3), second);
    report(second, failed);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    third = asked(3);
    CHECK(third != RIG_NOBODY && third != first && third != second);
    end();
}

/* One says so who was not asked to merge, and then it does fail at one that was. */
TEST(merges_that_nobody_asked_for_do_not_fail)
{
    const uint32_t first = compute_to_merges(3), liar = first == 0 ? 1 : 0;
    uint32_t second;

    report(liar, failed);
    report(first, failed);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
    second = asked(3);
    CHECK(second != RIG_NOBODY && second != first);
    end();
}

TEST_MAIN(who_was_given_nothing_takes_no_time, nobody_takes_more_time_than_there_was,
          inputs_are_not_nowhere_because_anybody_says_so,
          an_input_that_one_node_lacks_ends_no_job_that_others_compute,
          merges_that_fail_at_one_node_are_asked_of_another,
          merges_that_failed_before_others_are_forgotten, merges_that_nobody_asked_for_do_not_fail)
