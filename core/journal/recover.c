/* Opening a journal: find the live segments, read their headers, replay their records, tell a torn
 * tail from damage, and only then write: save the tail aside, cut it, make the rest durable. */
#include <string.h>

#include "core/base/err.h"
#include "core/journal/state.h"

#define CHUNK_BYTES 4096
#define WINDOW_EXTRA_BYTES ((size_t)64 << 10)

/* A part of one file in memory, moved along as it is read. */
struct window {
    const struct store *store;
    int file;
    uint64_t end; /* nothing is read from here on */
    uint64_t from;
    size_t len;
    uint8_t *data;
    size_t cap;
    int rc; /* the first error */
};

/* Where a replay stands, and what it has seen. */
struct progress {
    uint64_t at;
    uint32_t chain;
    uint32_t record_crc;
    uint64_t sequence;
    uint64_t proven;    /* the greatest sequence number that something says is synced */
    uint64_t proven_at; /* end of that record */
    bool marked;
    uint64_t tail_end; /* behind the last byte that is not zero, >= at */
};

struct recovery {
    struct journal *j;
    journal_replay *replay;
    void *ctx;
    journal_damage *damage; /* NULL: the first place that does not read is the end */
    struct journal_report *report;
    uint64_t *numbers; /* of all segments of the folder */
    size_t numbers_count;
    size_t numbers_cap;
    bool next_found;
    struct segment_header *headers; /* of the live ones, base first */
    size_t headers_count;
    struct window window;
};

const char *journal_fault_sentence(enum journal_fault fault)
{
    static const char *const sentences[] = {
        [JOURNAL_FAULT_NONE] = "nothing",
        [JOURNAL_FAULT_MISSING] = "the segment is missing",
        [JOURNAL_FAULT_SHORT] = "the segment has lost its end",
        [JOURNAL_FAULT_HEADER] = "the segment's header does not read",
        [JOURNAL_FAULT_FOREIGN] = "the segment is of another journal",
        [JOURNAL_FAULT_VERSION] = "another version wrote it",
        [JOURNAL_FAULT_NEXT] = "the segment does not follow on the one before it",
        [JOURNAL_FAULT_RECORD] = "a record that was synced does not read",
    };

    return sentences[fault];
}

static int bad(struct recovery *r, uint64_t number, uint64_t offset, enum journal_fault fault)
{
    segment_name(number, r->report->bad_segment);
    r->report->bad_offset = offset;
    r->report->bad_fault = fault;
    r->report->lost_from = r->report->lost_upto = 0;
    return fault == JOURNAL_FAULT_VERSION ? ERR_VERSION : ERR_DAMAGED;
}

static void window_open(struct window *w, int file, uint64_t end)
{
    w->file = file;
    w->end = end;
    w->from = 0;
    w->len = 0;
}

/* n bytes at `offset`, n <= cap, or NULL beyond the end and after an error. */
static const uint8_t *window_at(struct window *w, uint64_t offset, size_t n)
{
    uint64_t left;
    int got;

    if (offset >= w->from && offset + n <= w->from + w->len)
        return w->data + (offset - w->from);
    if (offset > w->end || n > w->end - offset || n > w->cap || w->rc < 0)
        return NULL;
    left = w->end - offset;
    got = w->store->read_at(w->store->ctx, w->file, offset, w->data,
                            left < w->cap ? (size_t)left : w->cap);
#if VELUM_PLANT == 100 /* sim: what cannot be read now is taken for empty */
    if (got < 0) {
        got = (int)(left < w->cap ? left : w->cap);
        memset(w->data, 0, (size_t)got);
    }
#endif
    w->from = offset;
    w->len = got < 0 ? 0 : (size_t)got;
    if (got < 0 || w->len < n)
        w->rc = got < 0 ? got : ERR_IO;
    return w->rc < 0 ? NULL : w->data;
}

/* --- finding --- */

static int note_name(void *arg, const char *name)
{
    struct recovery *r = arg;
    uint64_t number = segment_number(name);
    size_t cap = r->numbers_cap == 0 ? 16 : r->numbers_cap * 2;
    void *array = r->numbers;
    int rc;

    if (strcmp(name, NEXT_NAME) == 0)
        r->next_found = true;
    if (number == 0)
        return 0;
    if (r->numbers_count == JOURNAL_SEGMENTS_MAX)
        return ERR_FULL;
    if (r->numbers_count == r->numbers_cap) {
        rc = alloc_grow(r->j->alloc, &array, r->numbers_cap, cap, sizeof(*r->numbers));
        if (rc < 0)
            return rc;
        r->numbers = array;
        r->numbers_cap = cap;
    }
    /* Kept in falling order; folders are small and mostly listed in some order already. */
    size_t i = r->numbers_count++;
    for (; i > 0 && r->numbers[i - 1] < number; i--)
        r->numbers[i] = r->numbers[i - 1];
    r->numbers[i] = number;
    return 0;
}

static int segment_open(struct recovery *r, uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];

    segment_name(number, name);
    return r->j->store.open(r->j->store.ctx, name, false);
}

static int header_read(struct recovery *r, uint64_t number, struct segment_header *h)
{
    const struct store *store = &r->j->store;
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    uint64_t size = 0;
    int file = segment_open(r, number);
    int rc = file;

    if (rc >= 0)
        rc = store->size(store->ctx, file, &size);
    if (rc >= 0)
        rc = store->read_at(store->ctx, file, 0, bytes, sizeof(bytes));
    if (file >= 0)
        store->close(store->ctx, file);
    if (rc < 0)
        return rc;
    if ((size_t)rc < sizeof(bytes))
        return bad(r, number, size, JOURNAL_FAULT_SHORT);
    rc = segment_decode(h, bytes, r->j->options.feature_level);
    if (rc == ERR_VERSION) {
        r->report->bad_format = segment_format(bytes);
        r->report->bad_feature_level = segment_feature_level(bytes);
        return bad(r, number, 0, JOURNAL_FAULT_VERSION);
    }
    if (rc < 0 || h->number != number)
        return bad(r, number, 0, JOURNAL_FAULT_HEADER);
    /* A segment has its length before it has its name: a shorter one has lost bytes. */
    return size < h->file_bytes ? bad(r, number, size, JOURNAL_FAULT_SHORT) : 0;
}

/* Reads headers from the greatest number down to the base, and checks that nothing is missing. */
static int headers_read(struct recovery *r)
{
    struct segment_header *h;
    size_t count = 0;
    int rc;

    r->headers = alloc_array(r->j->alloc, r->numbers_count, sizeof(*r->headers));
    if (r->headers == NULL)
        return ERR_NO_MEMORY;
    do {
        if (count == r->numbers_count || r->numbers[count] != r->numbers[0] - count)
            return bad(r, r->numbers[0] - count, 0, JOURNAL_FAULT_MISSING);
        h = &r->headers[r->numbers_count - 1 - count];
        rc = header_read(r, r->numbers[count], h);
        if (rc < 0)
            return rc;
        if (memcmp(h->id, r->headers[r->numbers_count - 1].id, JOURNAL_ID_SIZE) != 0)
            return bad(r, h->number, 16, JOURNAL_FAULT_FOREIGN);
        r->headers_count = ++count;
    } while (!h->base);
    return 0;
}

static int window_make(struct recovery *r, const struct segment_header *first)
{
    struct window *w = &r->window;
    uint64_t longest = CHUNK_BYTES;

    for (size_t i = 0; i < r->headers_count; i++)
        if (first[i].file_bytes > longest)
            longest = first[i].file_bytes;
    w->store = &r->j->store;
    w->cap = record_bytes(JOURNAL_RECORD_BYTES_MAX) + WINDOW_EXTRA_BYTES;
    if (longest < w->cap)
        w->cap = (size_t)longest;
    w->data = r->j->alloc->resize(r->j->alloc->ctx, NULL, 0, w->cap);
    return w->data == NULL ? ERR_NO_MEMORY : 0;
}

/* --- replaying --- */

/* The record that follows p, in `record`, or NULL when there is none. */
static const uint8_t *record_after(struct recovery *r, const struct segment_header *h,
                                   const struct progress *p, struct record *record)
{
    const uint8_t *at = window_at(&r->window, p->at, RECORD_HEAD_BYTES);
    bool mark;

    if (at == NULL || !record_head(record, at, JOURNAL_RECORD_BYTES_MAX, h->crc))
        return NULL;
    mark = record->type == RECORD_TYPE_MARK;
#if VELUM_PLANT != 181 /* crash/test_journal_bits: nobody looks at the chain */
    if (record->chain != p->chain)
        return NULL;
#endif
    if (record->sequence != p->sequence + (mark ? 0 : 1))
        return NULL;
    at = window_at(&r->window, p->at, record_bytes(record->length));
#if VELUM_PLANT == 43 /* crash/test_journal_bytes: a length is trusted and the rest not looked at */
    return at;
#else
    return at != NULL && record_intact(at, record->length, h->crc) ? at : NULL;
#endif
}

static int record_take(struct recovery *r, struct progress *p, const struct record *record,
                       const uint8_t *at)
{
    r->report->record_offset = p->at;
    p->marked = record->type == RECORD_TYPE_MARK;
    p->chain = record->crc;
    /* A batch is written when all before it is synced, so the first record that says so stands
     * exactly behind the last synced one. */
    if (record->synced > p->proven) {
        p->proven = record->synced;
        p->proven_at = p->at;
    }
    p->at += record_bytes(record->length);
    if (p->marked)
        return 0;
    p->sequence = record->sequence;
    p->record_crc = record->crc;
    r->report->records++;
    return r->replay(r->ctx, record->sequence, record->type,
                     (struct bytes){at + RECORD_HEAD_BYTES, record->length});
}

static void progress_begin(struct progress *p, const struct segment_header *h)
{
    *p = (struct progress){.at = SEGMENT_HEADER_BYTES,
                           .chain = h->before_crc,
                           .record_crc = h->before_crc,
                           .sequence = h->before_sequence,
                           .proven = h->before_sequence,
                           .proven_at = SEGMENT_HEADER_BYTES};
}

/* Replays one segment from p on, up to where `following` says it ends, or as far as it reads. */
static int records_replay(struct recovery *r, const struct segment_header *h,
                          const struct segment_header *following, struct progress *p)
{
    struct record record;
    const uint8_t *at;
    int rc;

    for (;;) {
        if (following != NULL && p->sequence == following->before_sequence)
            return p->record_crc == following->before_crc
                       ? 0
                       : bad(r, following->number, 64, JOURNAL_FAULT_NEXT);
        at = record_after(r, h, p, &record);
        if (r->window.rc < 0)
            return r->window.rc;
        if (at == NULL)
            break;
        rc = record_take(r, p, &record, at);
        if (rc < 0)
            return rc;
        if (p->at <= h->born_bytes && !p->marked) {
            p->proven = p->sequence;
            p->proven_at = p->at;
        }
    }
    if (following != NULL || p->at < h->born_bytes)
        return bad(r, h->number, p->at, JOURNAL_FAULT_RECORD);
    return 0;
}

/* True when an intact record at `offset` was written in the knowledge that
 * a record behind p was synced. */
static bool witness_at(struct recovery *r, const struct segment_header *h, const struct progress *p,
                       uint64_t offset)
{
    const uint8_t *at = window_at(&r->window, offset, RECORD_HEAD_BYTES);
    struct record record;

    if (at == NULL || !record_head(&record, at, JOURNAL_RECORD_BYTES_MAX, h->crc) ||
        record.synced <= p->sequence)
        return false;
    at = window_at(&r->window, offset, record_bytes(record.length));
    return at != NULL && record_intact(at, record.length, h->crc);
}

/* Looks through everything behind the last record: for bytes that are not zero, and for a witness
 * that what does not read was synced. */
static int tail_examine(struct recovery *r, const struct segment_header *h, struct progress *p)
{
    static const uint8_t zero[CHUNK_BYTES];

    p->tail_end = p->at;
    for (uint64_t from = p->at; from < h->file_bytes; from += CHUNK_BYTES) {
        uint64_t left = h->file_bytes - from;
        size_t n = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        const uint8_t *chunk = window_at(&r->window, from, n);

        if (chunk == NULL)
            return r->window.rc;
        if (memcmp(chunk, zero, n) == 0)
            continue;
        while (chunk[n - 1] == 0)
            n--;
        p->tail_end = from + n;
#if VELUM_PLANT != 102 /* sim: damage is taken for a torn tail */
        for (size_t i = 0; i < n; i += RECORD_ALIGN)
            if (witness_at(r, h, p, from + i))
                return bad(r, h->number, p->at, JOURNAL_FAULT_RECORD);
#endif
        if (r->window.rc < 0)
            return r->window.rc;
    }
    return 0;
}

/* The next intact record behind p in this segment, in `record`. Its offset, or 0. */
static uint64_t record_search(struct recovery *r, const struct segment_header *h,
                              const struct segment_header *following, const struct progress *p,
                              struct record *record)
{
    for (uint64_t at = p->at + RECORD_ALIGN; at + RECORD_HEAD_BYTES <= h->file_bytes;
         at += RECORD_ALIGN) {
        const uint8_t *bytes = window_at(&r->window, at, RECORD_HEAD_BYTES);

        if (bytes == NULL)
            return 0;
        if (!record_head(record, bytes, JOURNAL_RECORD_BYTES_MAX, h->crc) ||
            record->sequence <= p->sequence)
            continue;
        /* What a fenced segment holds beyond its end never counted. */
        if (following != NULL && record->sequence > following->before_sequence)
            return 0;
        bytes = window_at(&r->window, at, record_bytes(record->length));
        if (bytes != NULL && record_intact(bytes, record->length, h->crc))
            return at;
    }
    return 0;
}

/* Tells of the place that did not read, and goes on behind it. 1, 0 when nothing more of this
 * segment reads, or an error. */
static int damage_pass(struct recovery *r, const struct segment_header *h,
                       const struct segment_header *following, struct progress *p)
{
    struct record record;
    uint64_t next = 0;
    bool mark;
    int rc;

    if (r->report->bad_fault == JOURNAL_FAULT_RECORD) {
        next = record_search(r, h, following, p, &record);
        mark = next != 0 && record.type == RECORD_TYPE_MARK;
        r->report->lost_from = p->sequence + 1;
        r->report->lost_upto = next != 0           ? record.sequence - (mark ? 0 : 1)
                               : following != NULL ? following->before_sequence
                                                   : 0;
    }
    rc = r->window.rc < 0 ? r->window.rc : r->damage(r->ctx, r->report);
    if (rc < 0)
        return rc;
    p->tail_end = p->at;
    if (next == 0)
        return 0;
    p->at = next;
    p->chain = p->record_crc = record.chain;
    p->sequence = record.sequence - (mark ? 0 : 1);
    return 1;
}

static int segment_replay(struct recovery *r, const struct segment_header *h,
                          const struct segment_header *following, struct progress *p)
{
    int rc;

    progress_begin(p, h);
    r->report->record_segment = h->number;
    do {
        rc = records_replay(r, h, following, p);
        if (rc == 0 && following == NULL)
            rc = tail_examine(r, h, p);
        if (rc != ERR_DAMAGED || r->damage == NULL)
            return rc;
        rc = damage_pass(r, h, following, p);
    } while (rc > 0);
    return rc;
}

static int segments_replay(struct recovery *r, const struct segment_header *first,
                           struct progress *p)
{
    struct journal *j = r->j;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->headers_count; i++) {
        bool last = i + 1 == r->headers_count;
        int file = segment_open(r, first[i].number);

        if (file < 0)
            return file;
        window_open(&r->window, file, first[i].file_bytes);
        rc = segment_replay(r, &first[i], last ? NULL : &first[i + 1], p);
        if (last) {
            j->file = file;
            break;
        }
        j->store.close(j->store.ctx, file);
        j->closed_bytes += p->at;
    }
    r->report->segments = r->headers_count;
    r->report->bytes = j->closed_bytes + p->at;
    r->report->last_sequence = p->sequence;
    r->report->synced_sequence = p->proven;
    memcpy(r->report->id, first[0].id, JOURNAL_ID_SIZE);
    return rc;
}

/* --- mending --- */

/* Copies [from, to) of the window's file to another place, or back onto itself so that the disk is
 * made to take it again. */
static int range_copy(struct recovery *r, uint64_t from, uint64_t to, int file, uint64_t base)
{
    while (from < to) {
        size_t n = to - from < CHUNK_BYTES ? (size_t)(to - from) : CHUNK_BYTES;
        const uint8_t *chunk = window_at(&r->window, from, n);
        int rc = chunk == NULL ? r->window.rc
                               : r->j->store.write_at(r->j->store.ctx, file, from - base, chunk, n);

        if (rc < 0)
            return rc;
        from += n;
    }
    return 0;
}

static int range_zero(struct recovery *r, uint64_t from, uint64_t to, int file)
{
    static const uint8_t zero[CHUNK_BYTES];
    int rc = 0;

    for (; rc == 0 && from < to; from += CHUNK_BYTES)
        rc = r->j->store.write_at(r->j->store.ctx, file, from, zero,
                                  to - from < CHUNK_BYTES ? (size_t)(to - from) : CHUNK_BYTES);
    return rc;
}

/* Nothing that was promised is in a torn tail, so a disk without space for a copy of it does not
 * keep the journal from opening. */
static bool tail_save(struct recovery *r, uint64_t number, const struct progress *p)
{
    const struct store *store = &r->j->store;
    char name[SEGMENT_NAME_SIZE + 5];
    int file;
    int rc;

    segment_name(number, name);
    memcpy(name + SEGMENT_NAME_SIZE - 1, ".torn", 6);
    file = store->open(store->ctx, name, true);
    if (file < 0)
        return false;
    rc = range_copy(r, p->at, p->tail_end, file, p->at);
    if (rc == 0)
        rc = store->sync(store->ctx, file);
    store->close(store->ctx, file);
    if (rc < 0)
        (void)store->remove(store->ctx, name);
    else
        rc = store->sync_folder(store->ctx);
    return rc == 0;
}

static void tail_report(struct recovery *r, const struct segment_header *h,
                        const struct progress *p)
{
    r->report->torn_bytes = p->tail_end - p->at;
    r->report->torn_offset = p->at;
    segment_name(h->number, r->report->torn_segment);
}

/* What was read may come from a cache that the disk never took (a failed sync, then a new process):
 * everything that nothing proves to be synced is written again before anybody builds on it. */
static int tail_mend(struct recovery *r, const struct segment_header *h, const struct progress *p)
{
    const struct store *store = &r->j->store;
    int rc;

    if (p->tail_end > p->at) {
        tail_report(r, h, p);
        r->report->torn_saved = tail_save(r, h->number, p);
    } else if (p->proven_at == p->at) {
        return 0;
    }
#if VELUM_PLANT == 179 /* crash/test_journal_life: what was read is believed to be on the disk */
    return 0;
#endif
    rc = range_copy(r, p->proven_at, p->at, r->j->file, 0);
#if VELUM_PLANT == 175 /* crash/test_journal_life: a torn tail is cut too early */
    if (rc == 0)
        rc = range_zero(r, p->proven_at, p->at, r->j->file);
#endif
#if VELUM_PLANT != 47 /* crash/test_journal_bytes: a torn tail stays where it is */
    if (rc == 0)
        rc = range_zero(r, p->at, p->tail_end, r->j->file);
#endif
    if (rc == 0)
        rc = store->sync(store->ctx, r->j->file);
    return rc < 0 && rc != ERR_NO_SPACE ? ERR_SYNC : rc;
}

/* Removes what an earlier run left: segments before the base and a half-made next one. */
static void leftovers_remove(struct recovery *r)
{
    const struct store *store = &r->j->store;
    char name[SEGMENT_NAME_SIZE];

    for (size_t i = r->headers_count; i < r->numbers_count; i++) {
        segment_name(r->numbers[i], name);
        (void)store->remove(store->ctx, name);
    }
    if (r->next_found)
        (void)store->remove(store->ctx, NEXT_NAME);
}

static int existing_open(struct recovery *r)
{
    struct journal *j = r->j;
    const struct segment_header *first;
    struct progress p = {0};
    int rc = headers_read(r);

    if (rc < 0)
        return rc;
    first = r->headers + (r->numbers_count - r->headers_count);
    memcpy(r->report->id, first->id, JOURNAL_ID_SIZE);
    rc = window_make(r, first);
    if (rc == 0)
        rc = segments_replay(r, first, &p);
    if (rc == 0)
        rc = tail_mend(r, &first[r->headers_count - 1], &p);
        /* The names, too, may be nothing but an earlier process's hope. */
#if VELUM_PLANT != 176 /* crash/test_journal_life: names that were read are believed */
    if (rc == 0 && j->store.sync_folder(j->store.ctx) < 0)
        rc = ERR_SYNC;
#endif
    if (rc < 0)
        return rc;
    j->now = first[r->headers_count - 1];
    j->base_number = first[0].number;
    j->base_bytes = first[0].born_bytes;
    j->at = p.at;
    j->chain = p.chain;
    j->record_crc = p.record_crc;
#if VELUM_PLANT == 42 /* sim: sequence numbers begin again after a restart */
    j->sequence = 0;
#else
    j->sequence = p.sequence;
#endif
    j->marked = p.marked;
    leftovers_remove(r);
    return 0;
}

static int fresh_make(struct recovery *r)
{
    struct journal *j = r->j;
    uint8_t header[SEGMENT_HEADER_BYTES];
    struct segment_header h;
    int rc = spare_prepare(j, &j->next, NEXT_NAME, j->options.segment_bytes);

    if (rc < 0)
        return rc;
    h = segment_following(j, j->next.file_bytes);
    h.base = true;
    memcpy(h.id, j->options.id, JOURNAL_ID_SIZE);
    segment_encode(&h, header);
    rc = j->store.write_at(j->store.ctx, j->next.file, 0, header, sizeof(header));
    if (rc == 0)
        rc = j->store.sync(j->store.ctx, j->next.file);
    if (rc == 0)
        rc = segment_adopt(j, &j->next, NEXT_NAME, &h);
    if (rc < 0)
        return rc == ERR_NO_SPACE ? rc : ERR_SYNC;
    j->base_number = h.number;
    j->base_bytes = h.born_bytes;
    r->report->fresh = true;
    return 0;
}

static void recovery_clear(struct recovery *r)
{
    alloc_free(r->j->alloc, r->numbers, r->numbers_cap * sizeof(*r->numbers));
    alloc_free(r->j->alloc, r->headers, r->numbers_count * sizeof(*r->headers));
    alloc_free(r->j->alloc, r->window.data, r->window.cap);
}

int journal_recover(struct journal *j, journal_replay *replay, void *ctx,
                    struct journal_report *report)
{
    struct recovery r = {.j = j, .replay = replay, .ctx = ctx, .report = report};
    int rc = j->store.list(j->store.ctx, note_name, &r);

    if (rc == 0)
        rc = r.numbers_count == 0 ? fresh_make(&r) : existing_open(&r);
    if (rc == 0)
        spare_adopt(j);
    recovery_clear(&r);
    return rc;
}

/* --- looking only --- */

static int existing_check(struct recovery *r)
{
    const struct segment_header *first;
    struct progress p = {0};
    int rc = headers_read(r);

    /* What comes before a header that does not read cannot be judged; what follows it can. */
    if (rc == ERR_DAMAGED)
        rc = r->damage(r->ctx, r->report);
    if (rc < 0 || r->headers_count == 0)
        return rc;
    first = r->headers + (r->numbers_count - r->headers_count);
    rc = window_make(r, first);
    if (rc == 0)
        rc = segments_replay(r, first, &p);
    if (rc == 0 && p.tail_end > p.at)
        tail_report(r, &first[r->headers_count - 1], &p);
    return rc;
}

int journal_check(const struct alloc *a, const struct store *store, uint32_t feature_level,
                  journal_replay *replay, journal_damage *damage, void *ctx,
                  struct journal_report *report)
{
    struct journal j = {
        .alloc = a, .store = *store, .options = {.feature_level = feature_level}, .file = -1};
    struct recovery r = {.j = &j, .replay = replay, .damage = damage, .ctx = ctx, .report = report};
    int rc;

    memset(report, 0, sizeof(*report));
    rc = store->list(store->ctx, note_name, &r);
    if (rc == 0)
        rc = r.numbers_count == 0 ? ERR_NOT_FOUND : existing_check(&r);
    if (j.file >= 0)
        store->close(store->ctx, j.file);
    recovery_clear(&r);
    return rc;
}
