/* A journal workload that knows what may be found after any crash of it. Header only, shared by the
 * crash tests.
 *
 * The state of an owner of a journal is (number of values, running checksum over them). The model
 * keeps every state that recovery may come to: the last acknowledged one and those of the records
 * appended since. A state that is older, or that never was, is a broken promise. */
#ifndef VELUM_TESTS_CRASH_WORKLOAD_H
#define VELUM_TESTS_CRASH_WORKLOAD_H

#include "core/base/crc32c.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/journal/journal.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/store_memory.h"

#define ALLOWED_MAX 4096
#define TYPE_VALUE 1
#define TYPE_STATE 2 /* the first record of a snapshot */
#define TYPE_FILLER 3

struct owner_state {
    uint64_t count;
    uint32_t crc;
};

struct workload {
    struct store_memory *m;
    struct heap heap;
    struct journal *j;
    struct journal_options options;
    struct prng prng;
    struct owner_state now;
    struct owner_state acked;
    uint64_t acked_sequence;
    struct owner_state allowed[ALLOWED_MAX];
    size_t allowed_count;
    size_t batch; /* place in `allowed` of the first record not yet synced nor given up */
};

static inline void workload_init(struct workload *w, struct store_memory *m, uint64_t segment_bytes,
                                 uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->m = m;
    heap_init(&w->heap);
    w->options.segment_bytes = segment_bytes;
    w->options.feature_level = 1;
    memset(w->options.id, 0x5a, sizeof(w->options.id));
    prng_init(&w->prng, seed);
    w->allowed_count = w->batch = 1;
}

static inline bool workload_allows(const struct workload *w, struct owner_state s)
{
    for (size_t i = 0; i < w->allowed_count; i++)
        if (w->allowed[i].count == s.count && w->allowed[i].crc == s.crc)
            return true;
    return false;
}

static inline bool workload_powered(const struct workload *w)
{
    return w->m->power_off_at == 0 || w->m->calls < w->m->power_off_at;
}

static inline int owner_replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct owner_state *s = ctx;

    (void)sequence;
    if (type == TYPE_VALUE) {
        s->count++;
        s->crc = crc32c(s->crc, payload.data, payload.len);
    } else if (type == TYPE_STATE && payload.len == 12) {
        s->count = load_u64(payload.data);
        s->crc = load_u32(payload.data + 8);
    } else if (type != TYPE_FILLER) {
        return ERR_FORMAT;
    }
    return 0;
}

/* Opens and checks what is found; then that state is what the owner goes on from. */
static inline int workload_open(struct workload *w, struct journal_report *report)
{
    struct owner_state found = {0};
    int rc = journal_open(&w->j, &w->heap.alloc, &w->m->store, &w->options, owner_replay, &found,
                          report);

    if (rc < 0)
        return rc;
    CHECK(workload_allows(w, found));
    CHECK(report->last_sequence >= w->acked_sequence);
    CHECK_INT(report->last_sequence, journal_sequence(w->j));
    w->now = w->acked = w->allowed[0] = found;
    w->allowed_count = w->batch = 1;
    w->acked_sequence = report->last_sequence;
    return 0;
}

static inline void workload_acked(struct workload *w)
{
    CHECK(journal_sequence(w->j) >= w->acked_sequence);
    w->acked = w->allowed[0] = w->now;
    w->allowed_count = w->batch = 1;
    w->acked_sequence = journal_sequence(w->j);
}

/* Gives up the batch. The part of it that went into the segment before may be synced, and the owner
 * goes on from there. */
static inline void workload_give_up(struct workload *w)
{
    size_t synced = (size_t)(journal_sequence(w->j) - w->acked_sequence);
    size_t rest;

    journal_discard(w->j);
    if (synced > 0) {
        REQUIRE(w->batch + synced <= w->allowed_count);
        rest = w->allowed_count - w->batch - synced;
        w->acked = w->allowed[0] = w->allowed[w->batch + synced - 1];
        memmove(&w->allowed[1], &w->allowed[w->batch + synced], rest * sizeof(w->allowed[0]));
        w->allowed_count = 1 + rest;
        w->acked_sequence = journal_sequence(w->j);
    }
    w->batch = w->allowed_count;
    w->now = w->acked;
}

static inline void workload_append(struct workload *w, size_t len)
{
    uint8_t payload[512];

    for (size_t i = 0; i < len; i++)
        payload[i] = (uint8_t)prng_u64(&w->prng);
    if (journal_append(w->j, TYPE_VALUE, (struct bytes){payload, len}) < 0)
        return;
    w->now.count++;
    w->now.crc = crc32c(w->now.crc, payload, len);
    REQUIRE(w->allowed_count < ALLOWED_MAX);
    w->allowed[w->allowed_count++] = w->now;
}

/* As the disk's writer does it: a second try on a fresh segment or
 * after a while, then giving up. */
static inline void workload_sync(struct workload *w)
{
    int rc = journal_sync(w->j);

    if (rc == ERR_SYNC || rc == ERR_NO_SPACE)
        rc = journal_sync(w->j);
    if (rc == 0)
        workload_acked(w);
    else
        workload_give_up(w);
}

static inline void workload_compact(struct workload *w, size_t fillers)
{
    uint8_t state[12];
    struct buf b;

    buf_init(&b, &w->heap.alloc, 1 << 20);
    store_u64(state, w->now.count);
    store_u32(state + 8, w->now.crc);
    journal_put(&b, TYPE_STATE, (struct bytes){state, sizeof(state)});
    for (size_t i = 0; i < fillers; i++)
        journal_put(&b, TYPE_FILLER, bytes_of_text("filler that makes the snapshot longer"));
    if (buf_result(&b) == 0 &&
        journal_compact(w->j, &(struct journal_slice){buf_bytes(&b), NULL}) == 0)
        workload_acked(w);
    buf_clear(&b);
}

static inline void workload_batches(struct workload *w, int batches)
{
    for (int i = 0; i < batches && workload_powered(w); i++) {
        uint64_t records = 1 + prng_below(&w->prng, 4);

        for (uint64_t n = 0; n < records; n++)
            workload_append(w, prng_below(&w->prng, 90));
        workload_sync(w);
        if (prng_one_in(&w->prng, 3))
            journal_idle(w->j);
    }
}

/* A failed start is tried once more, as a person would. */
static inline bool workload_start(struct workload *w)
{
    struct journal_report report;
    int rc = workload_open(w, &report);

    if (rc < 0 && workload_powered(w))
        rc = workload_open(w, &report);
    return rc == 0;
}

static inline void workload_end(struct workload *w, bool killed)
{
    if (killed)
        journal_abandon(w->j);
    else
        journal_close(w->j);
    w->j = NULL;
}

/* Three lives: one ends by a kill, one in order, one is still running. Rotation by the small
 * segments, compaction once into the reserve as it is and once into a longer one. */
static inline void workload_run(struct workload *w)
{
    if (!workload_start(w))
        return;
    workload_batches(w, 5);
    workload_append(w, 20);
    workload_compact(w, 1);
    workload_batches(w, 3);
    workload_append(w, 10);
    workload_end(w, true);
    if (!workload_powered(w) || !workload_start(w))
        return;
    workload_batches(w, 4);
    workload_end(w, false);
    if (!workload_powered(w) || !workload_start(w))
        return;
    workload_compact(w, 12);
    workload_batches(w, 2);
    workload_append(w, 300);
    workload_sync(w);
}

/* Opens what a crash has left, goes on from there, loses power again with nothing unsynced kept,
 * and expects exactly what was acknowledged. */
static inline bool workload_survives(const struct workload *before, struct store_memory *m)
{
    static struct workload w;
    struct journal_report report;
    int failures = check_state.failures;

    w = *before;
    w.m = m;
    heap_init(&w.heap);
    if (!CHECK_INT(workload_open(&w, &report), 0))
        return false;
    workload_append(&w, 30);
    workload_append(&w, 5);
    CHECK_INT(journal_sync(w.j), 0);
    workload_acked(&w);
    journal_abandon(w.j);
    store_memory_power_loss(m, STORE_MEMORY_LOSE_ALL);
    if (CHECK_INT(workload_open(&w, &report), 0))
        journal_close(w.j);
    CHECK(heap_is_empty(&w.heap));
    return failures == check_state.failures;
}

#endif
