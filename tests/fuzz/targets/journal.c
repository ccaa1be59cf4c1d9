/* Opening a journal whose segments are anything: a row of (u8 how, u32 length, bytes), one a
 * segment. With bit 0 of `how` the header's checksum is made right, with bit 1 those of the records
 * too, so that what they cover is looked at.
 *
 * What must hold: a refusal leaves the folder as it is, a second opening gives the same records,
 * and then nothing is damaged, which the other reader of journals finds as well. */
#include "core/journal/journal.h"
#include "core/base/crc32c.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/verify/scan.h"
#include "tests/fuzz/target.h"
#include "tests/golden/golden.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define SEGMENTS_MAX 8
#define LEVEL 5

enum how { SEAL_HEADER = 1, SEAL_RECORDS = 2 };

static struct heap heap;

static void seal_records(uint8_t *at, size_t size)
{
    const uint32_t seed = load_u32(at + 76);
    uint32_t chain = load_u32(at + 64);
    for (size_t from = SEGMENT_HEADER_BYTES; size - from >= RECORD_HEAD_BYTES;) {
        uint8_t *record = at + from;
        const uint32_t length = load_u32(record + 4);
        const uint64_t sequence = load_u64(record + 16), synced = load_u64(record + 24);
        if (length > size || record_bytes(length) > size - from || synced > sequence)
            return;
        chain = record_seal(record, seed, chain, sequence, synced);
        from += record_bytes(length);
    }
}

static void put_segment(struct store_memory *m, uint64_t number, uint8_t how, struct bytes in)
{
    char name[SEGMENT_NAME_SIZE];
    struct store_memory_content *c;
    int file;
    segment_name(number, name);
    file = m->store.open(m, name, true);
    REQUIRE(file >= 0 && m->store.write_at(m, file, 0, in.data, in.len) == 0);
    m->store.close(m, file);
    c = store_memory_find(m, name);
    REQUIRE(c);
    if (in.len >= SEGMENT_HEADER_BYTES && (how & SEAL_HEADER))
        store_u32(c->data + 76, crc32c(0, c->data, 76));
    if (in.len >= SEGMENT_HEADER_BYTES && (how & SEAL_RECORDS))
        seal_records(c->data, in.len);
}

static struct store_memory *store_of(struct bytes in)
{
    struct store_memory *m = store_memory_new();
    struct reader r = reader_of(in);
    for (uint64_t number = 1; number <= SEGMENTS_MAX && reader_left(&r) > 0; number++) {
        uint8_t how = read_u8(&r);
        struct bytes segment = read_block(&r, TARGET_INPUT_MAX);
        if (r.failed)
            break;
        put_segment(m, number, how, segment);
    }
    store_memory_settle(m);
    return m;
}

/* What was replayed, in order. */
struct replayed {
    struct sha256 sum;
    uint64_t count, last;
};

static int take(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct replayed *t = ctx;
    uint8_t head[14];
    CHECK(type != RECORD_TYPE_MARK && sequence > t->last);
    store_u64(head, sequence);
    store_u16(head + 8, type);
    store_u32(head + 10, (uint32_t)payload.len);
    sha256_add(&t->sum, head, sizeof head);
    sha256_add(&t->sum, payload.data, payload.len);
    t->last = sequence;
    t->count++;
    return 0;
}

static int take_damage(void *ctx, const struct journal_report *found)
{
    (void)ctx;
    CHECK(journal_fault_sentence(found->bad_fault)[0] != '\0');
    return 0;
}

static int open_journal(struct store_memory *m, struct replayed *t, struct journal_report *report)
{
    static const struct journal_options options = {.segment_bytes = 4096, .feature_level = LEVEL};
    struct journal *j;
    int rc;
    memset(t, 0, sizeof *t);
    sha256_init(&t->sum);
    rc = journal_open(&j, &heap.alloc, &m->store, &options, take, t, report);
    if (rc == 0)
        journal_abandon(j);
    return rc;
}

static struct digest digest_of(struct replayed *t)
{
    return sha256_end(&t->sum);
}

/* --- the other reader --- */

static int load(void *ctx, uint64_t number, uint64_t most, struct bytes *out)
{
    char name[SEGMENT_NAME_SIZE];
    const struct store_memory_content *c;
    segment_name(number, name);
    c = store_memory_find(ctx, name);
    REQUIRE(c);
    *out = (struct bytes){c->data, c->size < most ? (size_t)c->size : (size_t)most};
    return 0;
}

static int count_one(void *ctx, uint16_t type, struct bytes payload)
{
    uint64_t *count = ctx;
    (void)type, (void)payload;
    (*count)++;
    return 0;
}

static int scan(struct store_memory *m, struct scan_report *report)
{
    uint64_t numbers[2 * SEGMENTS_MAX], count = 0;
    struct scan_files files = {m, numbers, 0, load};
    char name[SEGMENT_NAME_SIZE];
    for (uint64_t number = 1; number <= 2 * SEGMENTS_MAX; number++) {
        segment_name(number, name);
        if (store_memory_find(m, name))
            numbers[files.count++] = number;
    }
    int rc = scan_journal(&files, LEVEL, count_one, &count, report);
    CHECK(count == report->records && (rc == ERR_DAMAGED) == (report->what != NULL));
    return rc;
}

static void check_untouched(struct store_memory *m, struct store_memory *before)
{
    CHECK(store_memory_bytes(m) == store_memory_bytes(before));
    for (uint64_t number = 1; number <= SEGMENTS_MAX; number++) {
        char name[SEGMENT_NAME_SIZE];
        segment_name(number, name);
        struct store_memory_content *a = store_memory_find(m, name);
        struct store_memory_content *b = store_memory_find(before, name);
        REQUIRE(!a == !b);
        if (a)
            CHECK(bytes_equal((struct bytes){a->data, a->size}, (struct bytes){b->data, b->size}));
    }
}

void target_one(struct bytes in)
{
    struct store_memory *m = store_of(in), *before = store_memory_clone(m);
    struct journal_report report;
    struct scan_report scanned;
    struct replayed t, again;
    heap_init(&heap);
    (void)scan(m, &scanned);
    memset(&t, 0, sizeof t);
    sha256_init(&t.sum);
    (void)journal_check(&heap.alloc, &m->store, LEVEL, take, take_damage, &t, &report);
    check_untouched(m, before);
    int rc = open_journal(m, &t, &report);
    if (rc == ERR_DAMAGED || rc == ERR_VERSION) {
        CHECK(report.bad_fault != JOURNAL_FAULT_NONE);
        check_untouched(m, before);
    }
    if (rc == 0) {
        CHECK(report.records == t.count);
        CHECK_INT(open_journal(m, &again, &report), 0);
        CHECK(t.count == again.count && digest_equal(digest_of(&t), digest_of(&again)));
        memset(&t, 0, sizeof t);
        CHECK_INT(journal_check(&heap.alloc, &m->store, LEVEL, take, take_damage, &t, &report), 0);
        CHECK(report.bad_fault == JOURNAL_FAULT_NONE && t.count == again.count);
        CHECK_INT(scan(m, &scanned), 0);
        CHECK(scanned.records == again.count);
    }
    store_memory_free(m);
    store_memory_free(before);
    CHECK(heap_is_empty(&heap));
}

bool target_seed(size_t i, struct buf *out)
{
    const char *golden = golden_journal_name(i / 2);
    if (!golden)
        return false;
    struct store_memory *m = golden_journal_make(i / 2);
    for (uint64_t number = 1; number <= SEGMENTS_MAX; number++) {
        char name[SEGMENT_NAME_SIZE];
        segment_name(number, name);
        struct store_memory_content *c = store_memory_find(m, name);
        if (!c)
            continue;
        put_u8(out, i % 2 ? SEAL_HEADER | SEAL_RECORDS : 0);
        put_block(out, (struct bytes){c->data, c->size});
    }
    store_memory_free(m);
    return true;
}
