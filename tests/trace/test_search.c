/* Stories of a coordinator whose job is a search: peers report, and what lies behind the lowest
 * match is neither given out nor written down. */
#include "core/base/sha256.h"
#include "core/node/jobs.h"
#include "core/wire/found.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define SIZE 12u
#define LEAVES 100u
#define PEERS 2u

static struct rig rig;
static struct rig_job job;
static uint64_t seqs[PEERS];

/* All chunks that were ever given out. */
struct open_chunk {
    uint32_t peer;
    bool told; /* something was reported of it */
    struct peer_chunk chunk;
};

static struct open_chunk given[256];
static uint32_t given_count;

/* The node itself has one slot and not the kernel, so that everything goes to peers. */
static void begin(void)
{
    memset(seqs, 0, sizeof seqs);
    given_count = 0;
    rig_start(&rig, 1, false);
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 4);
    rig_job_make(
        &rig, &job,
        (struct rig_spec){.accumulator_size = SIZE, .leaves = LEAVES, .reduction = REDUCE_SEARCH});
    rig_submit(&rig, 0, &job);
    rig_run(&rig, 100 * MS_US);
}

static void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static void put_found(struct buf *b, uint64_t leaf, bool matches)
{
    uint8_t raw[SIZE];

    memset(raw, matches ? (int)leaf : 0, sizeof raw);
    store_u64(raw, matches ? leaf : FOUND_NONE);
    put_value(b, &(struct value){{0, leaf}, {raw, sizeof raw}});
}

/* Returns how many came since the last look. */
static uint32_t take_chunks(void)
{
    uint32_t before = given_count;

    for (uint32_t peer = 0; peer < PEERS; peer++) {
        struct peer_chunk c;

        while (rig_take_grant(&rig, peer, &c)) {
            REQUIRE(given_count < 256);
            given[given_count++] = (struct open_chunk){.peer = peer, .chunk = c};
        }
    }
    return given_count - before;
}

/* The last one that began with this leaf. There must be one. */
static struct open_chunk *chunk_at(uint64_t first)
{
    uint32_t i;

    take_chunks();
    for (i = given_count; i > 0 && given[i - 1].chunk.first != first;)
        i--;
    REQUIRE(i > 0);
    return &given[i - 1];
}

/* The peer with the chunk from `first` on computed its leaves [from, next), and the last of them
 * matches, or none does. */
static void report(uint64_t first, uint64_t from, uint64_t next, bool matches)
{
    struct open_chunk *of = chunk_at(first);
    struct peer_report_chunk c = {.grant = of->chunk.grant,
                                  .from = from,
                                  .next = next,
                                  .end = of->chunk.end,
                                  .compute_us = 1000,
                                  .values = (uint16_t)(next - from)};
    struct buf b;

    of->told = true;
    c.flags = matches || next == of->chunk.end ? REPORT_ENDED : 0;
    buf_init(&b, &rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, job.id);
    put_u64(&b, ++seqs[of->peer]);
    put_u8(&b, 0);
    put_u64(&b, 0);
    put_u16(&b, 1);
    put_peer_report_chunk(&b, &c);
    for (uint64_t leaf = from; leaf < next; leaf++)
        put_found(&b, leaf, matches && leaf + 1 == next);
    rig_frame(&rig, of->peer, MESSAGE_REPORT, &b);
    buf_clear(&b);
    rig_run(&rig, 10 * MS_US);
}

/* Where this chunk was asked to end last; UINT64_MAX: nowhere. */
static uint64_t asked_end(const struct open_chunk *of)
{
    const struct rig_sent *s;
    uint64_t asked = UINT64_MAX;

    while ((s = rig_take(&rig, of->peer, MESSAGE_TRIM)) != NULL) {
        struct reader r = reader_of(s->payload);

        (void)read_job_id(&r);
        if (read_u64(&r) == of->chunk.grant)
            asked = read_u64(&r);
    }
    return asked;
}

/* Facts that other holders were told. */
static uint32_t facts_told(void)
{
    const struct rig_sent *s;
    uint32_t sum = 0;

    for (uint32_t peer = 0; peer < PEERS; peer++)
        while ((s = rig_take(&rig, peer, MESSAGE_FACTS)) != NULL) {
            struct reader r = reader_of(s->payload);

            (void)read_job_id(&r);
            (void)read_u64(&r);
            (void)read_u8(&r);
            sum += read_u16(&r);
        }
    return sum;
}

/* Whatever is given out of the leaves before `end` is computed, and nothing matches there. */
static void report_below(uint64_t end)
{
    for (int i = 0; i < 100; i++) {
        take_chunks();
        for (uint32_t k = 0; k < given_count; k++)
            if (!given[k].told && given[k].chunk.first < end)
                report(given[k].chunk.first, given[k].chunk.first, given[k].chunk.end, false);
        rig_run(&rig, 10 * MS_US);
    }
}

static void check_done(uint64_t unit)
{
    struct job_view v = rig_view(&rig, &job);

    CHECK_INT(v.state, JOB_DONE);
    REQUIRE(v.result.len == SIZE);
    CHECK(found_unit(v.result) == unit);
    CHECK(digest_equal(v.digest, sha256_of(v.result.data, SIZE)));
    CHECK_INT(v.leaves_total, unit == FOUND_NONE ? LEAVES : unit + 1);
    CHECK_INT(v.leaves_done, v.leaves_total);
}

/* Chunks of four leaves each are out. The first four went to this node, which has no kernel: they
 * are given out again when a slot is free. */
TEST(a_match_ends_what_runs_behind_it_and_the_job_when_all_below_are_counted)
{
    struct job_view v;

    begin();
    CHECK_INT(chunk_at(4)->chunk.end, 8);
    report(8, 8, 9, true);
    CHECK_INT(asked_end(chunk_at(12)), 9);
    v = rig_view(&rig, &job);
    CHECK_INT(v.state, JOB_RUNNING);
    CHECK_INT(v.leaves_total, 9);
    CHECK_INT(v.leaves_done, 1);
    report_below(8);
    for (uint32_t i = 0; i < given_count; i++)
        CHECK(given[i].told || given[i].chunk.first > 8);
    check_done(8);
    end();
}

TEST(what_is_reported_behind_a_match_is_kept_and_not_written_down)
{
    begin();
    report(8, 8, 9, true);
    CHECK(facts_told() > 0);
    for (uint32_t i = 0; i < PEERS; i++)
        rig_count(&rig, i, MESSAGE_KEPT);
    report(12, 12, 13, false);
    report(12, 13, 14, true);
    CHECK_INT(rig_count(&rig, chunk_at(12)->peer, MESSAGE_KEPT), 2);
    CHECK_INT(facts_told(), 0);
    CHECK_INT(rig_view(&rig, &job).leaves_done, 1);
    CHECK_INT(rig_view(&rig, &job).duplicates, 0);
    end();
}

TEST(a_lower_match_takes_the_place_of_a_higher_one)
{
    begin();
    report(12, 12, 13, true);
    report(4, 4, 5, false);
    report(8, 8, 10, true);
    CHECK_INT(rig_view(&rig, &job).leaves_total, 10);
    report(0, 0, 1, true);
    rig_run(&rig, 300 * MS_US);
    check_done(0);
    end();
}

/* Slots become free, for what waits for one. */
static void report_another(uint64_t from)
{
    uint32_t i = 0;

    while (i < given_count && (given[i].told || given[i].chunk.first < from))
        i++;
    REQUIRE(i < given_count);
    report(given[i].chunk.first, given[i].chunk.first, given[i].chunk.end, false);
}

static void dies(uint64_t leaf)
{
    struct open_chunk *of;

    while ((of = chunk_at(leaf))->told)
        report_another(leaf + 1);
    of->told = true;
    rig_report(&rig, of->peer, &job,
               (struct rig_report){.seq = ++seqs[of->peer],
                                   .grant = of->chunk.grant,
                                   .from = leaf,
                                   .next = leaf,
                                   .end = of->chunk.end,
                                   .flags = REPORT_FAILED | REPORT_OWN_DOING,
                                   .cause = "SIGSEGV"});
    rig_run(&rig, 50 * MS_US);
}

/* Leaf 4 dies three times, at both peers, while the leaves below it are out. */
static void leaf_4_dies(void)
{
    CHECK_INT(chunk_at(8)->chunk.end, 12);
    for (int i = 0; i < 3; i++)
        dies(4);
    CHECK_INT(rig_view(&rig, &job).state, JOB_RUNNING);
}

TEST(a_leaf_that_dies_fails_the_job_when_all_below_it_are_counted)
{
    struct job_view v;

    begin();
    leaf_4_dies();
    report_below(4);
    v = rig_view(&rig, &job);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "leaf 4 ended its worker three times: SIGSEGV") != NULL);
    end();
}

TEST(a_leaf_that_dies_behind_a_match_does_not_count)
{
    begin();
    leaf_4_dies();
    report(0, 0, 1, true);
    rig_run(&rig, 300 * MS_US);
    check_done(0);
    end();
}

TEST(a_search_without_a_match_is_done_and_says_so)
{
    begin();
    report_below(LEAVES);
    check_done(FOUND_NONE);
    end();
}

TEST_MAIN(a_match_ends_what_runs_behind_it_and_the_job_when_all_below_are_counted,
          what_is_reported_behind_a_match_is_kept_and_not_written_down,
          a_lower_match_takes_the_place_of_a_higher_one,
          a_leaf_that_dies_fails_the_job_when_all_below_it_are_counted,
          a_leaf_that_dies_behind_a_match_does_not_count,
          a_search_without_a_match_is_done_and_says_so)
