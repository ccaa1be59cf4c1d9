#include "tests/lib/crash_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "tests/lib/heap.h"

#define WALK_RECORDS_MAX 8192

/* What a recovery has said so far. */
struct crash_hearing {
    uint64_t hash;
    uint64_t after[WALK_RECORDS_MAX];
    size_t count;
};

static uint64_t crash_hash(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t word;

    for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
        memcpy(&word, p, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 29;
    }
    for (; len > 0; p++, len--)
        hash = (hash ^ *p) * 0x100000001b3ull;
    return hash;
}

static int crash_hear(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct crash_hearing *h = ctx;
    const uint64_t head[2] = {sequence, type | (uint64_t)payload.len << 16};

    ensure(h->count < WALK_RECORDS_MAX);
    h->hash = crash_hash(h->hash, head, sizeof head);
    h->hash = crash_hash(h->hash, payload.data, payload.len);
    h->after[h->count++] = h->hash;
    return 0;
}

static int crash_recover(struct crash_walk *w, struct folder_memory *f, struct crash_hearing *h,
                         struct journal_report *report)
{
    struct journal *j;
    int rc;

    h->count = 0;
    h->hash = 1;
    rc = journal_open(&j, &heap_plain, &f->store, &w->options, crash_hear, h, report);
    journal_abandon(j);
    return rc;
}

/* --- folders out of operations --- */

static void crash_unname(struct folder_memory *f, const char *name)
{
    struct folder_memory_file *x = folder_memory_find(f, name);

    if (x == NULL)
        return;
    x->name[0] = '\0';
    x->changed = f->changed = true;
}

static void crash_name(struct folder_memory *f, int file, const char *name)
{
    crash_unname(f, name);
    memcpy(f->files[file].name, name, STORE_NAME_SIZE);
    f->files[file].changed = f->changed = true;
}

/* The first `len` bytes of a write, or what is behind the first `from`. */
static void crash_apply(struct folder_memory *f, const struct trace_op *op, size_t from, size_t len)
{
    switch (op->kind) {
    case TRACE_CREATE:
        crash_name(f, op->file, op->name);
        break;
    case TRACE_RENAME:
        crash_unname(f, op->name);
        crash_name(f, op->file, op->to);
        break;
    case TRACE_REMOVE:
        crash_unname(f, op->name);
        break;
    case TRACE_WRITE:
        folder_memory_write(f, op->file, op->offset + from, op->data + from, len - from);
        break;
    case TRACE_RESIZE:
        folder_memory_resize(f, op->file, op->offset);
        break;
    default:
        break;
    }
}

static bool crash_is_of_folder(const struct trace_op *op)
{
    return op->kind == TRACE_CREATE || op->kind == TRACE_RENAME || op->kind == TRACE_REMOVE;
}

/* A sync makes durable what it covers. */
static void crash_settle(struct crash_walk *w, const struct trace_op *sync)
{
    size_t kept = 0;

    for (size_t i = 0; i < w->pending_count; i++) {
        const struct trace_op *op = w->pending[i];
        bool of_folder = crash_is_of_folder(op);

        if (sync->kind == TRACE_SYNC_FOLDER ? !of_folder : of_folder || op->file != sync->file) {
            w->pending[kept++] = op;
            continue;
        }
        crash_apply(&w->durable, op, 0, op->len);
    }
    w->pending_count = kept;
    for (int i = 0; i < w->durable.files_count; i++) {
        w->disk.files[i].changed |= w->durable.files[i].changed;
        w->durable.files[i].changed = false;
    }
}

/* --- judging --- */

static bool crash_allowed(const struct crash_walk *w, const struct crash_hearing *h)
{
    const struct crash_truth *was = &w->truths[w->acks];
    const struct crash_truth *next =
        &w->truths[w->acks + 1 < w->truths_count ? w->acks + 1 : w->acks];
    bool grows = next->count >= was->count &&
                 (was->count == 0 || next->after[was->count - 1] == was->after[was->count - 1]);
    uint64_t hash = h->count == 0 ? 0 : h->after[h->count - 1];

    if (h->count == was->count && (hash == 0 || was->after[was->count - 1] == hash))
        return true;
    if (h->count == 0 || h->count > next->count || next->after[h->count - 1] != hash)
        return false;
    return h->count == next->count || (grows && h->count >= was->count);
}

/* Recovers the folder in w->disk; when that had to write, recovers again: it must come to the same,
 * with nothing left to mend. */
static bool crash_judge(struct crash_walk *w)
{
    static struct crash_hearing h, again;
    struct journal_report report;
    int rc = crash_recover(w, &w->disk, &h, &report);
    bool good = rc == 0 && crash_allowed(w, &h);

    w->states++;
    if (good && report.torn_bytes > 0) {
        w->mended++;
        rc = crash_recover(w, &w->disk, &again, &report);
        good = rc == 0 && again.count == h.count && again.hash == h.hash && report.torn_bytes == 0;
    }
    if (!good)
        printf("# at operation %zu after %zu acknowledgements: %d, %zu records, of %zu to %zu; %s "
               "byte %llu\n",
               w->at, w->acks, rc, h.count, w->truths[w->acks].count,
               w->truths[w->acks + 1 < w->truths_count ? w->acks + 1 : w->acks].count,
               report.bad_segment, (unsigned long long)report.bad_offset);
    return good;
}

/* The parts of what is pending, bit i of `keep` for operation i; the last one perhaps torn. */
static bool crash_state(struct crash_walk *w, uint64_t keep, size_t from, size_t len)
{
    folder_memory_restore(&w->disk, &w->durable);
    for (size_t i = 0; i < w->pending_count; i++) {
        const struct trace_op *op = w->pending[i];
        bool last = i + 1 == w->pending_count;

        if (keep >> i & 1)
            crash_apply(&w->disk, op, last ? from : 0, last ? len : op->len);
    }
    return crash_judge(w);
}

static bool crash_is_apart(const struct crash_walk *w, uint64_t keep, size_t count)
{
    size_t kept = (size_t)__builtin_popcountll(keep);

    return count <= w->depth.all_upto || kept <= w->depth.apart_max ||
           count - kept <= w->depth.apart_max;
}

/* All parts of the first `count` pending operations, together with `always`. */
static bool crash_parts(struct crash_walk *w, size_t count, uint64_t always, size_t from,
                        size_t len)
{
    ensure(count < 24);
    for (uint64_t keep = 0; keep < (uint64_t)1 << count; keep++)
        if (crash_is_apart(w, keep, count) && !crash_state(w, keep | always, from, len))
            return false;
    return true;
}

/* Any part of all that is pending. */
static bool crash_rest(struct crash_walk *w)
{
    size_t count = w->pending_count;

    return crash_parts(w, count, 0, 0, count == 0 ? 0 : w->pending[count - 1]->len);
}

/* The newest operation is there, whole or torn, and any part of those before it. */
static bool crash_newest(struct crash_walk *w)
{
    size_t before = w->pending_count - 1;
    uint64_t last = (uint64_t)1 << before;
    const struct trace_op *op = w->pending[before];
    size_t step = op->len / w->depth.tears_max + 1;

    if (!crash_parts(w, before, last, 0, op->len))
        return false;
    for (size_t n = 1; op->kind == TRACE_WRITE && n < op->len; n += step) {
        bool good = before <= 3 ? crash_parts(w, before, last, 0, n) &&
                                      crash_parts(w, before, last, n, op->len)
                                : crash_state(w, last, 0, n) && crash_state(w, last, n, op->len) &&
                                      crash_state(w, last | (last - 1), 0, n) &&
                                      crash_state(w, last | (last - 1), n, op->len);

        if (!good)
            return false;
    }
    return true;
}

static void crash_truth_learn(struct crash_walk *w, struct folder_memory *seen)
{
    static struct crash_hearing h;
    struct folder_memory copy;
    struct crash_truth *t = &w->truths[w->truths_count++];

    folder_memory_init(&copy);
    folder_memory_restore(&copy, seen);
    ensure(crash_recover(w, &copy, &h, NULL) == 0);
    folder_memory_clear(&copy);
    t->count = h.count;
    t->after = malloc((h.count + 1) * sizeof(*t->after));
    ensure(t->after != NULL);
    memcpy(t->after, h.after, h.count * sizeof(*t->after));
}

static void crash_truths(struct crash_walk *w)
{
    struct folder_memory seen;
    size_t acks = 0;

    for (size_t i = 0; i < w->trace->count; i++)
        acks += w->trace->ops[i].kind == TRACE_ACK;
    w->truths = calloc(acks + 2, sizeof(*w->truths));
    ensure(w->truths != NULL);
    w->truths_count = 1; /* before everything: nothing */
    folder_memory_init(&seen);
    seen.files_count = w->trace->files_count;
    for (size_t i = 0; i < w->trace->count; i++) {
        const struct trace_op *op = &w->trace->ops[i];

        crash_apply(&seen, op, 0, op->len);
        if (op->kind == TRACE_ACK)
            crash_truth_learn(w, &seen);
    }
    crash_truth_learn(w, &seen);
    folder_memory_clear(&seen);
}

bool crash_walk(struct crash_walk *w, const struct store_trace *trace,
                const struct journal_options *options, struct crash_depth depth)
{
    bool good = true;

    memset(w, 0, sizeof(*w));
    w->trace = trace;
    w->options = *options;
    w->depth = depth;
    folder_memory_init(&w->durable);
    folder_memory_init(&w->disk);
    w->durable.files_count = trace->files_count;
    crash_truths(w);
    for (w->at = 0; good && w->at < trace->count; w->at++) {
        const struct trace_op *op = &trace->ops[w->at];

        if (op->kind == TRACE_ACK) {
            w->acks++;
            good = crash_rest(w);
        } else if (op->kind == TRACE_SYNC || op->kind == TRACE_SYNC_FOLDER) {
            crash_settle(w, op);
            good = crash_rest(w);
        } else {
            ensure(w->pending_count < WALK_PENDING_MAX);
            w->pending[w->pending_count++] = op;
            if (w->pending_count > w->pending_most)
                w->pending_most = w->pending_count;
            good = crash_newest(w);
        }
    }
    for (size_t i = 0; i < w->truths_count; i++)
        free(w->truths[i].after);
    free(w->truths);
    folder_memory_clear(&w->durable);
    folder_memory_clear(&w->disk);
    return good;
}
