#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/journal/state.h"

#define CHUNK_BYTES ((size_t)256 << 10)

void journal_put(struct buf *records, uint16_t type, struct bytes payload)
{
    put_u16(records, type);
    put_block(records, payload);
}

/* Bytes the records of a slice take in a segment, or ERR_FORMAT. */
static int64_t slice_measure(const struct journal *j, struct bytes records)
{
    struct reader r = reader_of(records);
    uint64_t total = 0;

    while (reader_left(&r) > 0) {
        uint16_t type = read_u16(&r);
        struct bytes payload = read_block(&r, j->options.record_bytes_max);

        if (r.failed || type == RECORD_TYPE_MARK)
            return ERR_FORMAT;
        total += record_bytes(payload.len);
    }
    return (int64_t)total;
}

static int64_t slices_measure(const struct journal *j, const struct journal_slice *slices)
{
    int64_t total = 0, bytes;

    for (const struct journal_slice *s = slices; s != NULL; s = s->next) {
        bytes = slice_measure(j, s->records);
        if (bytes < 0)
            return bytes;
        total += bytes;
    }
    return total;
}

static int chunk_flush(struct journal *j, struct buf *chunk, uint64_t *at)
{
    int rc = 0;

    if (chunk->len > 0)
        rc = j->store.write_at(j->store.ctx, j->reserve.file, *at, chunk->data, chunk->len);
    *at += chunk->len;
    buf_reset(chunk);
    return rc;
}

/* Where the next record goes, and what it continues. */
struct writing {
    const struct segment_header *h;
    struct buf chunk; /* not yet written */
    uint64_t at;
    struct sealed s;
};

static int slice_write(struct journal *j, struct bytes records, struct writing *w)
{
    struct reader r = reader_of(records);
    int rc = 0;

    while (rc == 0 && reader_left(&r) > 0) {
        uint16_t type = read_u16(&r);
        struct bytes payload = read_block(&r, j->options.record_bytes_max);
        size_t whole = record_bytes(payload.len);
        uint8_t *to = buf_reserve(&w->chunk, whole);

        if (to == NULL)
            return ERR_NO_MEMORY;
        record_encode(to, type, payload);
        w->s.chain =
            record_seal(to, w->h->crc, w->s.chain, w->s.sequence + 1, w->h->before_sequence);
        w->s.sequence++;
        w->s.bytes += whole;
        w->chunk.len += whole;
        if (w->chunk.len >= CHUNK_BYTES)
            rc = chunk_flush(j, &w->chunk, &w->at);
    }
    return rc;
}

/* Writes the records behind the header, in large pieces. All of them are synced before anybody can
 * see them, so each names its forerunner as synced. */
static int slices_write(struct journal *j, const struct journal_slice *slices,
                        const struct segment_header *h, struct sealed *s)
{
    struct writing w = {.h = h,
                        .at = SEGMENT_HEADER_BYTES,
                        .s = {.bytes = 0, .chain = h->before_crc, .sequence = h->before_sequence}};
    int rc = 0;

    buf_init(&w.chunk, j->alloc, CHUNK_BYTES + record_bytes(JOURNAL_RECORD_BYTES_MAX));
    for (; rc == 0 && slices != NULL; slices = slices->next)
        rc = slice_write(j, slices->records, &w);
    if (rc == 0)
        rc = chunk_flush(j, &w.chunk, &w.at);
    buf_clear(&w.chunk);
    *s = w.s;
    return rc;
}

/* The reserve, longer where the records need it and, if there is space, with room to go on. */
static int reserve_take(struct journal *j, uint64_t needed)
{
    uint64_t wanted = j->options.segment_bytes;
    int rc;

    if (needed > wanted / 2)
        wanted = needed + j->options.segment_bytes;
    rc = spare_prepare(j, &j->reserve, RESERVE_NAME, wanted);
    if (rc == ERR_NO_SPACE)
        rc = spare_prepare(j, &j->reserve, RESERVE_NAME, needed);
    return rc;
}

static int base_write(struct journal *j, const struct journal_slice *slices,
                      struct segment_header *h, struct sealed *s)
{
    uint8_t header[SEGMENT_HEADER_BYTES];
    int rc;

    segment_encode(h, header);
    rc = j->store.write_at(j->store.ctx, j->reserve.file, 0, header, sizeof(header));
    if (rc == 0)
        rc = slices_write(j, slices, h, s);
#if VELUM_PLANT != 180 /* crash/test_journal_life: a compaction is named before it is synced */
    if (rc == 0)
        rc = j->store.sync(j->store.ctx, j->reserve.file);
#endif
    return rc;
}

/* What cannot be removed now is removed at the next start, because it lies before the base. */
static void obsolete_remove(struct journal *j, uint64_t from)
{
    char name[SEGMENT_NAME_SIZE];

    for (uint64_t number = from; number < j->base_number; number++) {
        segment_name(number, name);
        (void)j->store.remove(j->store.ctx, name);
    }
}

int journal_compact(struct journal *j, const struct journal_slice *slices)
{
    int64_t bytes = slices_measure(j, slices);
    uint64_t old_base = j->base_number;
    struct segment_header h;
    struct sealed s = {0};
    int rc;

    if (bytes < 0)
        return (int)bytes;
    rc = segment_mend(j);
    if (rc < 0)
        return rc;
    rc = reserve_take(j, SEGMENT_HEADER_BYTES + (uint64_t)bytes + RECORD_HEAD_BYTES);
    if (rc < 0)
        return rc;
    h = segment_following(j, j->reserve.file_bytes);
    h.base = true;
    h.born_bytes += (uint64_t)bytes;
    rc = base_write(j, slices, &h, &s);
    if (rc < 0) {
        spare_drop(j, &j->reserve, RESERVE_NAME);
        return rc == ERR_NO_SPACE || rc == ERR_NO_MEMORY ? rc : ERR_SYNC;
    }
#if VELUM_PLANT == 44 /* crash/test_journal_power: old segments go before the new one is there */
    j->base_number = h.number;
    obsolete_remove(j, old_base);
#endif
    rc = segment_adopt(j, &j->reserve, RESERVE_NAME, &h);
    if (rc < 0)
        return rc;
    buf_reset(&j->pending);
    pending_accept(j, (struct sealed){.bytes = 0, .chain = s.chain, .sequence = s.sequence});
    j->at = h.born_bytes;
    j->closed_bytes = 0;
    j->base_number = h.number;
    j->base_bytes = h.born_bytes;
    obsolete_remove(j, old_base);
    return 0;
}
