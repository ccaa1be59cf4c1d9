#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/journal/state.h"

#define ZERO_CHUNK ((size_t)16 << 10)

void spare_drop(struct journal *j, struct spare *s, const char *name)
{
    if (s->file < 0)
        return;
    j->store.close(j->store.ctx, s->file);
    (void)j->store.remove(j->store.ctx, name);
    s->file = -1;
    s->file_bytes = 0;
}

/* Extending one that is there must not lose it: the reserve is all there is on a full disk. */
static int spare_shrink(struct journal *j, struct spare *s, const char *name, int rc)
{
    if (s->file_bytes == 0 || j->store.truncate(j->store.ctx, s->file, s->file_bytes) < 0)
        spare_drop(j, s, name);
    return rc == ERR_NO_SPACE ? rc : ERR_SYNC;
}

int spare_prepare(struct journal *j, struct spare *s, const char *name, uint64_t bytes)
{
    int rc;

    if (s->file >= 0 && s->file_bytes >= bytes)
        return 0;
    if (s->file < 0) {
        rc = j->store.open(j->store.ctx, name, true);
        if (rc < 0)
            return rc == ERR_NO_SPACE ? rc : ERR_SYNC;
        s->file = rc;
        s->file_bytes = 0;
    }
    rc = j->store.preallocate(j->store.ctx, s->file, bytes);
    if (rc < 0)
        return spare_shrink(j, s, name, rc);
    rc = j->store.sync(j->store.ctx, s->file);
    if (rc < 0) {
        spare_drop(j, s, name);
        return rc == ERR_NO_SPACE ? rc : ERR_SYNC;
    }
    s->file_bytes = bytes;
    return 0;
}

/* Overwrites with zeroes whatever is not zero. 1 when something was, 0, or an error. */
static int file_zero(struct journal *j, int file, uint64_t bytes)
{
    static const uint8_t zero[ZERO_CHUNK];
    uint8_t chunk[ZERO_CHUNK];
    int found = 0;

    for (uint64_t at = 0; at < bytes; at += sizeof(chunk)) {
        int n = j->store.read_at(j->store.ctx, file, at, chunk, sizeof(chunk));

        if (n < 0)
            return n;
        if (memcmp(chunk, zero, (size_t)n) == 0)
            continue;
        n = j->store.write_at(j->store.ctx, file, at, zero, (size_t)n);
        if (n < 0)
            return n;
        found = 1;
    }
    return found;
}

void spare_adopt(struct journal *j)
{
    struct spare *s = &j->reserve;
    uint64_t bytes = 0;
    int rc = j->store.open(j->store.ctx, RESERVE_NAME, false);

    if (rc < 0)
        return;
    s->file = rc;
    rc = j->store.size(j->store.ctx, s->file, &bytes);
    if (rc < 0 || bytes < j->options.segment_bytes)
        goto out;
    s->file_bytes = j->options.segment_bytes;
    rc = j->store.truncate(j->store.ctx, s->file, s->file_bytes);
    if (rc < 0)
        goto out;
    rc = file_zero(j, s->file, s->file_bytes);
    if (rc >= 0)
        rc = j->store.sync(j->store.ctx, s->file);
out:
    if (rc < 0 || s->file_bytes == 0)
        spare_drop(j, s, RESERVE_NAME);
}

uint64_t segment_room(const struct journal *j)
{
    uint64_t end = j->now.file_bytes - RECORD_HEAD_BYTES;

    /* What it holds must not be more than its header says. */
#if VELUM_PLANT != 741 /* unit/test_journal: a newer generation goes on in an older one's segment */
    if (j->now.feature_level < j->options.feature_level)
        return 0;
#endif
    return j->at < end ? end - j->at : 0;
}

struct segment_header segment_following(const struct journal *j, uint64_t file_bytes)
{
    struct segment_header h = j->now;

    h.base = false;
    h.feature_level = j->options.feature_level;
    h.number++;
    h.file_bytes = file_bytes;
    h.born_bytes = SEGMENT_HEADER_BYTES;
    h.before_sequence = j->sequence;
    h.before_crc = j->record_crc;
    return h;
}

int segment_adopt(struct journal *j, struct spare *s, const char *name,
                  const struct segment_header *h)
{
    char final_name[SEGMENT_NAME_SIZE];
    int rc;

    segment_name(h->number, final_name);
    rc = j->store.rename(j->store.ctx, name, final_name);
    if (rc == ERR_NO_SPACE) {
        spare_drop(j, s, name);
        return rc;
    }
#if VELUM_PLANT == 39 /* crash/test_journal_power: the folder is not synced after a rename */
    if (rc < 0) {
#else
    if (rc < 0 || j->store.sync_folder(j->store.ctx) < 0) {
#endif
        spare_drop(j, s, name);
        j->broken = true;
        return ERR_SYNC;
    }
    if (j->file >= 0)
        j->store.close(j->store.ctx, j->file);
    j->closed_bytes += j->at;
    j->now = *h;
    j->file = s->file;
    j->at = SEGMENT_HEADER_BYTES;
    j->chain = h->before_crc;
    j->touched = j->fenced = j->marked = false;
    s->file = -1;
    s->file_bytes = 0;
    return 0;
}

int segment_mend(struct journal *j)
{
    char name[SEGMENT_NAME_SIZE];
    int rc;

    if (!j->broken)
        return 0;
#if VELUM_PLANT != 256 /* crash/test_journal_power: a segment that may be there is written beside */
    segment_name(j->now.number + 1, name);
    rc = j->store.remove(j->store.ctx, name);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        return ERR_SYNC;
#if VELUM_PLANT != 257 /* crash/test_journal_power: it is only removed from what programs see */
    if (j->store.sync_folder(j->store.ctx) < 0)
        return ERR_SYNC;
#endif
#endif
    j->broken = false;
    return 0;
}

/* Header and first records in one file, then one sync. */
static int segment_write(struct journal *j, struct segment_header *h, struct sealed *s)
{
    uint8_t header[SEGMENT_HEADER_BYTES];
    int rc;

    s->bytes = pending_fit(j, h->file_bytes - SEGMENT_HEADER_BYTES - RECORD_HEAD_BYTES);
    ensure(s->bytes > 0);
    h->born_bytes = SEGMENT_HEADER_BYTES + s->bytes;
    segment_encode(h, header);
    *s = pending_seal(j, s->bytes, h->crc, h->before_crc);
    rc = j->store.write_at(j->store.ctx, j->next.file, 0, header, sizeof(header));
    if (rc == 0)
        rc = j->store.write_at(j->store.ctx, j->next.file, sizeof(header), j->pending.data,
                               s->bytes);
#if VELUM_PLANT != 41 /* crash/test_journal_power: a segment gets its name before it is synced */
    if (rc == 0)
        rc = j->store.sync(j->store.ctx, j->next.file);
#endif
    return rc;
}

int segment_begin(struct journal *j)
{
    uint64_t bytes =
        SEGMENT_HEADER_BYTES + record_bytes(load_u32(j->pending.data + 4)) + RECORD_HEAD_BYTES;
    struct segment_header h;
    struct sealed s;
    int rc;

    if (bytes < j->options.segment_bytes)
        bytes = j->options.segment_bytes;
    /* A new segment never takes the space that the reserve should have. */
    rc = spare_prepare(j, &j->reserve, RESERVE_NAME, j->options.segment_bytes);
    if (rc == 0)
        rc = spare_prepare(j, &j->next, NEXT_NAME, bytes);
    if (rc < 0)
        return rc;
    h = segment_following(j, j->next.file_bytes);
    rc = segment_write(j, &h, &s);
    if (rc < 0) {
        spare_drop(j, &j->next, NEXT_NAME);
        return rc == ERR_NO_SPACE ? rc : ERR_SYNC;
    }
    rc = segment_adopt(j, &j->next, NEXT_NAME, &h);
    if (rc == 0)
        pending_accept(j, s);
    return rc;
}
