#include "core/journal/journal.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/journal/state.h"

#define PENDING_KEEP_BYTES ((size_t)256 << 10)

int journal_append(struct journal *j, uint16_t type, struct bytes payload)
{
    size_t whole = record_bytes(payload.len);
    uint8_t *to;

    ensure(type != RECORD_TYPE_MARK);
    if (payload.len > j->options.record_bytes_max)
        return ERR_TOO_LARGE;
    if (j->pending.len + whole > JOURNAL_PENDING_BYTES_MAX)
        return ERR_FULL;
    to = buf_reserve(&j->pending, whole);
    if (to == NULL) {
        j->pending.failed = false; /* this record was refused, the buffer is as good as before */
        return ERR_NO_MEMORY;
    }
    record_encode(to, type, payload);
    j->pending.len += whole;
    return 0;
}

size_t pending_fit(const struct journal *j, uint64_t room)
{
    size_t bytes = 0;

    while (bytes < j->pending.len) {
        size_t whole = record_bytes(load_u32(j->pending.data + bytes + 4));

        if (bytes + whole > room)
            break;
        bytes += whole;
    }
    return bytes;
}

struct sealed pending_seal(struct journal *j, size_t bytes, uint32_t seed, uint32_t chain)
{
    struct sealed s = {.bytes = bytes, .chain = chain, .sequence = j->sequence};

    for (size_t at = 0; at < bytes;) {
        uint8_t *record = j->pending.data + at;

        s.sequence++;
#if VELUM_PLANT == 177 /* crash/test_journal_life: a record vouches for its own batch */
        s.chain = record_seal(record, seed, s.chain, s.sequence, s.sequence - 1);
#else
        s.chain = record_seal(record, seed, s.chain, s.sequence, j->sequence);
#endif
        at += record_bytes(load_u32(record + 4));
    }
    return s;
}

void pending_accept(struct journal *j, struct sealed s)
{
    buf_drop_front(&j->pending, s.bytes);
    if (j->pending.len == 0 && j->pending.cap > PENDING_KEEP_BYTES) {
        buf_clear(&j->pending);
        buf_init(&j->pending, j->alloc, JOURNAL_PENDING_BYTES_MAX);
    }
    j->at += s.bytes;
    j->chain = j->record_crc = s.chain;
    j->sequence = s.sequence;
    j->touched = false;
    j->marked = false;
}

/* A write or sync that failed says nothing about what is on the disk now, so nothing may ever
 * follow it there. */
static int fence(struct journal *j)
{
    j->fenced = true;
    return ERR_SYNC;
}

static int segment_extend(struct journal *j)
{
    struct sealed s = pending_seal(j, pending_fit(j, segment_room(j)), j->now.crc, j->chain);
    int rc;

    j->touched = true;
    rc = j->store.write_at(j->store.ctx, j->file, j->at, j->pending.data, s.bytes);
#if VELUM_PLANT == 101 /* sim: a write that was cut short is taken for a whole one */
    rc = rc == ERR_IO ? 0 : rc;
#endif
    if (rc == ERR_NO_SPACE)
        return rc;    /* a disk that copies on write; the same place is written again later */
#if VELUM_PLANT == 40 /* crash/test_journal_power: after a failed sync the next one is believed */
    if (rc == 0 && j->store.sync(j->store.ctx, j->file) < 0)
        j->touched = true;
#endif
#if VELUM_PLANT != 178 /* crash/test_journal_life: records are acknowledged before the sync */
    if (rc == 0)
        rc = j->store.sync(j->store.ctx, j->file);
#endif
    if (rc < 0)
        return fence(j);
    pending_accept(j, s);
    return 0;
}

int journal_sync(struct journal *j)
{
    while (j->pending.len > 0) {
        int rc = segment_mend(j);

        if (rc < 0)
            return rc;
        rc = j->fenced || pending_fit(j, segment_room(j)) == 0 ? segment_begin(j)
                                                               : segment_extend(j);
#if VELUM_PLANT == 103 /* sim: what found no space on the disk counts as synced */
        if (rc == ERR_NO_SPACE)
            return 0;
#endif
        if (rc < 0)
            return rc;
    }
    return 0;
}

void journal_discard(struct journal *j)
{
    buf_reset(&j->pending);
#if VELUM_PLANT != 46 /* unit/test_journal: a record that was given up may have others behind it */
    if (j->touched)
        j->fenced = true; /* what was given up may be there, so nothing may follow it */
#endif
}

/* Says on disk that everything so far is synced. It is written but not synced: losing it loses
 * nothing, and the next batch takes it along. */
static int mark(struct journal *j)
{
    uint8_t bytes[RECORD_HEAD_BYTES];
    uint32_t chain;
    int rc;

    if (j->marked || j->fenced || j->broken || j->pending.len > 0 || j->sequence == 0 ||
        j->at + sizeof(bytes) > j->now.file_bytes)
        return 0;
    record_encode(bytes, RECORD_TYPE_MARK, (struct bytes){NULL, 0});
    chain = record_seal(bytes, j->now.crc, j->chain, j->sequence, j->sequence);
    j->touched = true;
    rc = j->store.write_at(j->store.ctx, j->file, j->at, bytes, sizeof(bytes));
    if (rc < 0)
        return rc == ERR_NO_SPACE ? rc : fence(j);
    j->touched = false;
    j->at += sizeof(bytes);
    j->chain = chain;
    j->marked = true;
    return 0;
}

void journal_idle(struct journal *j)
{
    if (j->broken)
        return;
    mark(j);
    if (spare_prepare(j, &j->reserve, RESERVE_NAME, j->options.segment_bytes) == 0 &&
        j->at > j->now.file_bytes / 2)
        spare_prepare(j, &j->next, NEXT_NAME, j->options.segment_bytes);
}

const uint8_t *journal_id(const struct journal *j)
{
    return j->now.id;
}

uint64_t journal_sequence(const struct journal *j)
{
    return j->sequence;
}

size_t journal_pending_bytes(const struct journal *j)
{
    return j->pending.len;
}

uint64_t journal_bytes(const struct journal *j)
{
    return j->closed_bytes + j->at;
}

uint64_t journal_base_bytes(const struct journal *j)
{
    return j->base_bytes;
}

bool journal_has_reserve(const struct journal *j)
{
    return j->reserve.file >= 0;
}

static bool options_good(const struct journal_options *o)
{
    return o->segment_bytes >= JOURNAL_SEGMENT_BYTES_MIN &&
           o->segment_bytes <= JOURNAL_SEGMENT_BYTES_MAX &&
           o->record_bytes_max <= JOURNAL_RECORD_BYTES_MAX;
}

int journal_open(struct journal **out, const struct alloc *a, const struct store *store,
                 const struct journal_options *options, journal_replay *replay, void *ctx,
                 struct journal_report *report)
{
    struct journal_report unread;
    struct journal *j = alloc_zeroed(a, sizeof(*j));
    int rc;

    *out = NULL;
    if (j == NULL)
        return ERR_NO_MEMORY;
    j->alloc = a;
    j->store = *store;
    j->options = *options;
    if (j->options.segment_bytes == 0)
        j->options.segment_bytes = JOURNAL_SEGMENT_BYTES;
    if (j->options.record_bytes_max == 0)
        j->options.record_bytes_max = JOURNAL_RECORD_BYTES_MAX;
    j->file = j->reserve.file = j->next.file = -1;
    buf_init(&j->pending, a, JOURNAL_PENDING_BYTES_MAX);
    if (report == NULL)
        report = &unread;
    memset(report, 0, sizeof(*report));
    rc = options_good(&j->options) ? journal_recover(j, replay, ctx, report) : ERR_ARGUMENT;
    if (rc < 0)
        journal_abandon(j);
    else
        *out = j;
    return rc;
}

int journal_close(struct journal *j)
{
    int rc;

    if (j == NULL)
        return 0;
    rc = journal_sync(j);
    if (!j->fenced && !j->broken && mark(j) == 0 && j->marked)
        (void)j->store.sync(j->store.ctx, j->file); /* the mark is a witness, not a promise */
    journal_abandon(j);
    return rc;
}

void journal_abandon(struct journal *j)
{
    const int files[] = {j == NULL ? -1 : j->file, j == NULL ? -1 : j->reserve.file,
                         j == NULL ? -1 : j->next.file};

    if (j == NULL)
        return;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        if (files[i] >= 0)
            j->store.close(j->store.ctx, files[i]);
    buf_clear(&j->pending);
    alloc_free(j->alloc, j, sizeof(*j));
}
