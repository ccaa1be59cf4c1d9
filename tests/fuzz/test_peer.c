/* What nodes tell each other about jobs, damaged. */
#include "core/node/peer.h"

#include "core/base/err.h"
#include "core/wire/append.h"
#include "core/wire/session.h"

#include "tests/fuzz/fuzz.h"

static int entry_again(struct bytes in, struct buf *out)
{
    static struct peer_entry e;
    struct reader r = reader_of(in);
    memset(&e, fuzz.fill, sizeof e);
    read_peer_entry(&r, &e);
    if (!reader_done(&r))
        return ERR_FORMAT;
    CHECK(e.holders_count <= HOLDERS_MAX);
    put_peer_entry(out, &e);
    return buf_result(out);
}

static void make_entry(struct buf *out)
{
    static struct peer_entry e;
    e = (struct peer_entry){.version = any_u64() / 2,
                            .epoch = any_u32(),
                            .coordinator = any_node(),
                            .holders_count = (uint8_t)any_below(HOLDERS_MAX + 1)};
    for (uint8_t i = 0; i < e.holders_count; i++)
        e.holders[i] = any_node();
    e.view.id = any_job();
    e.view.state = (enum job_state)(1 + any_below(8));
    e.view.leaves_total = any_leaf();
    e.view.leaves_done = any_below(e.view.leaves_total + 1);
    e.view.params = any_bytes(PARAMS_SIZE_MAX);
    any_text(e.view.name, sizeof e.view.name);
    any_text(e.view.args, sizeof e.view.args);
    any_text(e.view.error, sizeof e.view.error);
    put_peer_entry(out, &e);
}

static void make_forwarded(struct buf *out)
{
    static struct peer_forwarded m;
    m = (struct peer_forwarded){.exit_code = (uint8_t)any_u64(),
                                .job = any_job(),
                                .durable = any_u32(),
                                .machines = any_u32(),
                                .already = any_bool()};
    any_text(m.what, sizeof m.what);
    any_text(m.hint, sizeof m.hint);
    put_peer_forwarded(out, &m);
}

/* Chunks and merges as labour.c takes them. */
static int grant_again(struct bytes in, struct buf *out)
{
    struct peer_grant m;
    memset(&m, fuzz.fill, sizeof m);
    int rc = read_peer_grant(in, &m);
    if (rc < 0)
        return rc;
    CHECK(m.chunks <= GRANT_CHUNKS_MAX);
    put_peer_grant_begin(out, &m);
    for (uint16_t i = 0; i < m.chunks; i++) {
        struct peer_chunk c = read_peer_chunk(&m.rest);
        if (m.rest.failed)
            return ERR_FORMAT;
        CHECK(c.first <= c.end && c.end <= LEAVES_MAX);
        put_peer_chunk(out, &c);
    }
    uint16_t merges = read_u16(&m.rest);
    put_u16(out, merges);
    rc = again_values(&m.rest, 2u * merges, out);
    return rc < 0 ? rc : again_end(&m.rest, out);
}

static void make_grant(struct buf *out)
{
    struct peer_grant m = {.job = any_job(),
                           .flags = (uint8_t)any_u64(),
                           .spec = any_bytes(2000),
                           .claim = any_bytes(2000),
                           .report_us = any_u32(),
                           .chunks = (uint16_t)any_size(GRANT_CHUNKS_MAX)};
    put_peer_grant_begin(out, &m);
    for (uint16_t i = 0; i < m.chunks; i++) {
        struct peer_chunk c = {.grant = any_u64(), .end = any_leaf()};
        c.first = any_below(c.end + 1);
        put_peer_chunk(out, &c);
    }
    uint16_t merges = (uint16_t)any_below(MERGE_COUNT_MAX + 1);
    put_u16(out, merges);
    any_values(out, 2u * merges);
}

static int report_chunk_again(struct bytes in, struct buf *out)
{
    struct peer_report_chunk c;
    struct reader r = reader_of(in);
    memset(&c, fuzz.fill, sizeof c);
    read_peer_report_chunk(&r, &c);
    if (r.failed)
        return ERR_FORMAT;
    CHECK(c.from <= c.next && c.next <= LEAVES_MAX && c.end <= LEAVES_MAX &&
          c.compute_us <= REPORT_US_MAX && c.cpu_us <= REPORT_US_MAX);
    put_peer_report_chunk(out, &c);
    int rc = again_values(&r, c.values, out);
    return rc < 0 ? rc : again_end(&r, out);
}

static void make_report_chunk(struct buf *out)
{
    struct peer_report_chunk c = {.grant = any_u64(),
                                  .next = any_leaf(),
                                  .end = any_leaf(),
                                  .compute_us = any_below(REPORT_US_MAX + 1),
                                  .cpu_us = any_below(REPORT_US_MAX + 1),
                                  .flags = (uint8_t)any_u64(),
                                  .values = (uint16_t)any_size(40)};
    c.from = any_below(c.next + 1);
    any_text(c.cause, sizeof c.cause);
    put_peer_report_chunk(out, &c);
    any_values(out, c.values);
}

static void make_sync(struct buf *out)
{
    struct peer_sync m = {any_job(),
                          any_u32(),
                          any_u64(),
                          any_node(),
                          any_digest(),
                          any_u64(),
                          (enum sync_answer)any_below(3),
                          (uint8_t)any_below(9),
                          any_below(2) > 0};
    put_peer_sync(out, &m);
}

static int input_again(struct bytes in, struct buf *out)
{
    struct peer_input m;
    if (read_peer_input(in, &m, true) < 0)
        return ERR_FORMAT;
    put_peer_input(out, &m, true);
    for (; m.count > 0 && !m.rest.failed; m.count--)
        put_block(out, read_block(&m.rest, ACCUMULATOR_SIZE_MAX));
    return again_end(&m.rest, out);
}

static void make_input(struct buf *out)
{
    struct peer_input m = {any_job(), any_u32(), (uint16_t)any_u64(), (uint16_t)any_below(6), {0}};
    put_peer_input(out, &m, true);
    for (; m.count > 0; m.count--)
        put_block(out, any_bytes(1000));
}

static void make_session_ask(struct buf *out)
{
    struct session_ask m = {any_job(), any_u64(), any_u32(), (uint8_t)any_below(2), any_bytes(500)};
    put_session_ask(out, &m);
}

static int session_answer_again(struct bytes in, struct buf *out)
{
    struct session_answer m;
    if (read_session_answer(in, &m) < 0)
        return ERR_FORMAT;
    put_session_answer(out, &m);
    for (; m.count > 0; m.count--) {
        struct session_stage s = read_session_end(&m.ends);
        put_session_end(out, &s);
    }
    return again_end(&m.ends, out);
}

static void make_session_answer(struct buf *out)
{
    struct session_answer m = {.job = any_job(),
                               .number = any_u32(),
                               .taken = any_u32(),
                               .safe = any_u32(),
                               .durable = any_u32(),
                               .machines = any_u32(),
                               .count = (uint16_t)any_below(6)};
    put_session_answer(out, &m);
    for (uint16_t i = 0; i < m.count; i++) {
        struct session_stage s = {(uint32_t)any_below(JOB_STAGES_MAX), (uint8_t)any_below(3),
                                  any_bytes(1000)};
        put_session_end(out, &s);
    }
}

static void make_session_refused(struct buf *out)
{
    struct session_refused m = {.job = any_job()};
    m.error.exit_code = (uint8_t)any_below(10);
    any_text(m.error.what, sizeof m.error.what);
    any_text(m.error.hint, sizeof m.error.hint);
    put_session_refused(out, &m);
}

static void make_session_ahead(struct buf *out)
{
    struct session_ahead m = {any_job(), 1 + (uint32_t)any_below(JOB_STAGES_MAX - 1), 0,
                              any_below(2) * any_below(1000), any_bytes(500)};
    m.like = (uint32_t)any_below(m.task);
    put_session_ahead(out, &m);
}

static void make_session_computed(struct buf *out)
{
    struct session_computed m = {any_job(), (uint32_t)any_below(JOB_STAGES_MAX), true,
                                 any_bytes(1000)};
    if (any_below(3) == 0)
        m = (struct session_computed){.job = m.job, .task = m.task};
    put_session_computed(out, &m);
}

FUZZ_AGAIN(session_ask, session_ask, read_session_ask, put_session_ask)
FUZZ_AGAIN(session_refused, session_refused, read_session_refused, put_session_refused)
FUZZ_AGAIN(session_ahead, session_ahead, read_session_ahead, put_session_ahead)
FUZZ_AGAIN(session_computed, session_computed, read_session_computed, put_session_computed)
FUZZ_AGAIN(forwarded, peer_forwarded, read_peer_forwarded, put_peer_forwarded)
FUZZ_AGAIN(sync, peer_sync, read_peer_sync, put_peer_sync)

TEST(damaged_words_of_peers_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"DIRECTORY entry", entry_again, make_entry, false, 20000},
        {"FORWARDED", forwarded_again, make_forwarded, false, 20000},
        {"GRANT", grant_again, make_grant, true, 20000},
        {"REPORT chunk", report_chunk_again, make_report_chunk, false, 20000},
        {"SYNC", sync_again, make_sync, false, 10000},
        {"INPUT_VALUES", input_again, make_input, true, 10000},
        {"SESSION", session_ask_again, make_session_ask, true, 10000},
        {"SESSION_TOLD", session_answer_again, make_session_answer, true, 10000},
        {"SESSION_REFUSED", session_refused_again, make_session_refused, false, 10000},
        {"REQUEST_AHEAD", session_ahead_again, make_session_ahead, true, 10000},
        {"REPLY_AHEAD", session_computed_again, make_session_computed, true, 10000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_words_of_peers_are_refused_or_mean_one_thing)
