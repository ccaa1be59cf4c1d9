/* Reports that a coordinator's cover has no room for: what is said of them, and of what comes
 * behind them. Who speaks of stages that are not known here is not to blame. */
#include "core/base/err.h"
#include "core/node/jobs.h"
#include "core/node/offence.h"
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

/* A report of peer 0 with the values of these leaves. */
static void report_leaves(uint64_t first, uint64_t step, uint16_t count)
{
    struct peer_report_chunk c = {.from = first, .compute_us = 1, .values = count};
    struct buf b;

    c.next = c.end = first + step * (count - 1u) + 1;
    rig_forget_given(rig.node, job.id);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, job.id);
    put_u64(&b, ++seqs[0]);
    put_u8(&b, 0);
    put_u64(&b, 0);
    put_u16(&b, 1);
    put_peer_report_chunk(&b, &c);
    for (uint16_t i = 0; i < count; i++)
        rig_put_value(&b, (struct tree_node){0, first + i * step}, 16);
    rig_frame(&rig, 0, MESSAGE_REPORT, &b);
    buf_clear(&b);
    rig_run(&rig, 10 * MS_US);
}

TEST(test_what_the_cover_has_no_room_for_is_not_called_kept)
{
    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 65536});
    for (uint64_t i = 0; i < COVER_VALUES_MAX; i += 2048)
        report_leaves(2 * i, 2, 2048);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_KEPT), COVER_VALUES_MAX / 2048);
    rig_count(&rig, 0, MESSAGE_FACTS);
    /* The first fills a hole and is taken, the second is not. */
    report_leaves(1, 40000, 2);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_KEPT), 0);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_FACTS), 1);
    end();
}

/* What peer 0 was told last to be kept, 0: nothing since. */
static uint64_t last_kept(void)
{
    const struct rig_sent *s;
    uint64_t kept = 0;

    while ((s = rig_take(&rig, 0, MESSAGE_KEPT)) != NULL) {
        struct reader r = reader_of(s->payload);

        (void)read_job_id(&r);
        kept = read_u64(&r);
    }
    return kept;
}

/* The value of the node above leaves 0 to 7: with it there is room for some more. */
static void report_eight(void)
{
    struct peer_report_chunk c = {.flags = REPORT_MERGED, .values = 1};
    struct buf b;

    rig_forget_given(rig.node, job.id);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, job.id);
    put_u64(&b, ++seqs[0]);
    put_u8(&b, 0);
    put_u64(&b, 0);
    put_u16(&b, 1);
    put_peer_report_chunk(&b, &c);
    rig_put_value(&b, (struct tree_node){3, 0}, 16);
    rig_frame(&rig, 0, MESSAGE_REPORT, &b);
    buf_clear(&b);
    rig_run(&rig, 10 * MS_US);
}

TEST(test_what_comes_behind_a_refused_report_is_kept_when_that_is)
{
    uint64_t refused;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 65536});
    for (uint64_t i = 0; i < COVER_VALUES_MAX; i += 2048)
        report_leaves(2 * i, 2, 2048);
    CHECK_INT(last_kept(), seqs[0]);
    report_leaves(1, 40000, 2);
    refused = seqs[0];
    /* All of these are taken, or were there already. */
    report_leaves(3, 2, 1);
    report_leaves(0, 2, 2);
    report_eight();
    CHECK_INT(last_kept(), 0);
    /* The title is shown again, and the node sends what nobody has confirmed. */
    rig_count(&rig, 0, MESSAGE_CLAIM);
    rig_run(&rig, 1100 * MS_US);
    CHECK_INT(rig_count(&rig, 0, MESSAGE_CLAIM), 1);
    seqs[0] = refused - 1;
    report_leaves(1, 40000, 2);
    report_leaves(3, 2, 1);
    report_leaves(0, 2, 2);
    report_eight();
    CHECK_INT(last_kept(), refused + 3);
    end();
}

/* It may be of stages that were appended and have not come here yet. */
TEST(test_a_report_of_leaves_that_are_not_known_is_not_called_kept)
{
    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64});
    report_leaves(0, 2, 4);
    CHECK_INT(last_kept(), 1);
    report_leaves(64, 1, 2);
    report_leaves(16, 2, 4);
    CHECK_INT(last_kept(), 0);
    end();
}

static bool is_barred(void)
{
    return offence_bars(rig.node, rig.peers[0].id);
}

/* Chunks that peer 0 has under a title of this node. */
static void tell_open(uint64_t first)
{
    uint8_t bytes[128];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, job.id);
    put_u32(&b, job_find(rig.node, job.id)->lead->claim.epoch);
    put_u16(&b, 1);
    put_u64(&b, 12345);
    put_u64(&b, first);
    put_u64(&b, first + 4);
    rig_frame(&rig, 0, MESSAGE_OPEN, &b);
    rig_run(&rig, MS_US);
}

/* That compilers differ at this leaf. */
static void tell_unlike(uint64_t leaf)
{
    const struct unlike u = {.leaf = leaf,
                             .digests = {{{1}}, {{2}}},
                             .author = rig.peers[0].id,
                             .compiler = "gcc 12"};
    uint8_t bytes[256], raw[512];
    struct buf fact, b;

    buf_init_fixed(&fact, bytes, sizeof bytes);
    put_unlike(&fact, &u);
    buf_init_fixed(&b, raw, sizeof raw);
    put_job_id(&b, job.id);
    put_u8(&b, 0);
    put_block(&b, buf_bytes(&fact));
    rig_frame(&rig, 0, MESSAGE_UNLIKE, &b);
    CHECK(strstr(rig.last_log, err_sentence(ERR_NOT_FOUND)) != NULL);
}

/* Who was given them by another, before this node led the job, says nothing wrong. */
TEST(test_who_knows_more_stages_is_not_shut_out)
{
    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64, .open = true});
    for (uint32_t i = 0; i < 40; i++) {
        report_leaves(64 + i, 1, 2);
        tell_open(64 + i);
        tell_unlike(64 + i);
        report_leaves(62, 1, 4);
        CHECK(!is_barred());
    }
    CHECK_INT(last_kept(), 0);
    end();
}

/* Of stages that this node, which works for it, was not told. */
TEST(test_a_coordinator_that_asks_for_merges_of_later_stages_is_not_shut_out)
{
    struct peer_grant g = {.report_us = 1000};
    uint8_t bytes[4096];
    struct buf claim, b;

    rig_start(&rig, 1, true);
    rig_peer_up(&rig, 0, 1);
    rig_job_make(&rig, &job,
                 (struct rig_spec){.accumulator_size = 16, .leaves = 64, .open = true});
    buf_init_fixed(&claim, bytes, sizeof bytes);
    rig_put_claim(&rig, 0, &job, 1, &claim);
    g.job = job.id;
    g.spec = buf_bytes(&job.spec);
    g.claim = buf_bytes(&claim);
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    put_u16(&b, 1);
    rig_put_value(&b, (struct tree_node){0, 64}, 16);
    rig_put_value(&b, (struct tree_node){0, 65}, 16);
    for (uint32_t i = 0; i < 40; i++) {
        rig_frame(&rig, 0, MESSAGE_GRANT, &b);
        REQUIRE(!is_barred());
    }
    CHECK(strstr(rig.last_log, err_sentence(ERR_NOT_FOUND)) != NULL);
    buf_clear(&b);
    end();
}

TEST(test_who_speaks_of_leaves_that_will_never_be_is_shut_out)
{
    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 64});
    for (uint32_t i = 0; i < 40 && !is_barred(); i++)
        report_leaves(64 + i, 1, 2);
    CHECK(is_barred());
    end();
}

/* The chunk that it was given, and with it one that cannot be taken now when `more`. */
static void report_given(const struct peer_chunk *c, bool more)
{
    struct peer_report_chunk its = {.grant = c->grant,
                                    .from = c->first,
                                    .next = c->end,
                                    .end = c->end,
                                    .compute_us = 1,
                                    .flags = REPORT_ENDED,
                                    .values = (uint16_t)(c->end - c->first)};
    struct peer_report_chunk other = {.from = c->end, .next = c->end + 1, .end = c->end + 1};
    struct buf b;

    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, job.id);
    put_u64(&b, 1);
    put_u8(&b, !more);
    put_u64(&b, 0);
    put_u16(&b, more ? 2 : 1);
    put_peer_report_chunk(&b, &its);
    for (uint64_t i = c->first; i < c->end; i++)
        rig_put_value(&b, (struct tree_node){0, i}, 16);
    if (more)
        put_peer_report_chunk(&b, &other);
    rig_frame(&rig, 0, MESSAGE_REPORT, &b);
    buf_clear(&b);
    rig_run(&rig, 10 * MS_US);
}

/* What ended in it was taken, and is told again all the same. */
TEST(test_a_report_that_was_refused_for_one_chunk_is_kept_when_it_comes_again)
{
    struct peer_chunk c;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 65536});
    rig_run(&rig, 100 * MS_US);
    REQUIRE(rig_take_grant(&rig, 0, &c));
    REQUIRE(c.end < 65536);
    report_given(&c, true);
    CHECK_INT(last_kept(), 0);
    rig_run(&rig, 1100 * MS_US);
    report_given(&c, false);
    CHECK_INT(last_kept(), 1);
    end();
}

TEST(test_after_half_a_minute_a_refused_report_may_be_forgotten)
{
    uint64_t refused;

    begin();
    submit((struct rig_spec){.accumulator_size = 16, .leaves = 65536});
    for (uint64_t i = 0; i < COVER_VALUES_MAX; i += 2048)
        report_leaves(2 * i, 2, 2048);
    report_leaves(40001, 2, 1);
    refused = seqs[0];
    last_kept();
    for (int i = 0; i < 35; i++) {
        rig_run(&rig, S_US);
        if (i < 28)
            CHECK_INT(last_kept(), 0);
        seqs[0] = refused - 1;
        report_leaves(40001, 2, 1);
    }
    report_leaves(0, 2, 2);
    CHECK_INT(last_kept(), refused + 1);
    end();
}

TEST_MAIN(test_who_knows_more_stages_is_not_shut_out,
          test_a_coordinator_that_asks_for_merges_of_later_stages_is_not_shut_out,
          test_who_speaks_of_leaves_that_will_never_be_is_shut_out,
          test_a_report_that_was_refused_for_one_chunk_is_kept_when_it_comes_again,
          test_what_the_cover_has_no_room_for_is_not_called_kept,
          test_a_report_of_leaves_that_are_not_known_is_not_called_kept,
          test_what_comes_behind_a_refused_report_is_kept_when_that_is,
          test_after_half_a_minute_a_refused_report_may_be_forgotten)
