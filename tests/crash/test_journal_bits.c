/* Every single bit of a real journal of 64 KiB, flipped: what opens is all that was synced, record
 * by record, or it is refused with its place. Under VELUM_CHAOS also every byte of one of 1 MiB. */
#include <time.h>

#include "tests/crash/workload.h"
#include "tests/lib/folder_memory.h"

#define RECORDS_MAX 65536

/* Sanitizers look at how it is done, not at what comes of it: one bit of each byte will do. */
#ifdef __SANITIZE_ADDRESS__
#define BITS 1
#else
#define BITS 8
#endif

/* What replay must say, in order. */
struct expected {
    uint64_t sequence;
    uint16_t type;
    size_t from, len; /* in `texts` */
};

static struct workload real;
static struct folder_memory image, folder;
static struct expected expected[RECORDS_MAX];
static size_t expected_count;
static uint8_t texts[(size_t)2 << 20];
static size_t texts_len;
static uint64_t live_bytes; /* of all segments up to the last record */

static int note_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    (void)ctx;
    REQUIRE(expected_count < RECORDS_MAX && texts_len + payload.len <= sizeof texts);
    expected[expected_count++] = (struct expected){sequence, type, texts_len, payload.len};
    if (payload.len > 0)
        memcpy(texts + texts_len, payload.data, payload.len);
    texts_len += payload.len;
    return 0;
}

/* How far a replay has come, and whether it ever said anything else. */
struct hearing {
    size_t count;
    bool wrong;
};

static int hear_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct hearing *h = ctx;
    const struct expected *e = &expected[h->count];

    h->wrong = h->wrong || h->count >= expected_count || e->sequence != sequence ||
               e->type != type || e->len != payload.len ||
               (e->len > 0 && memcmp(texts + e->from, payload.data, e->len) != 0);
    h->count++;
    return 0;
}

/* `segments` of them, the first begun by a compaction, the last half full and closed in order. The
 * reserve is left out: nothing is ever recovered from it, and a start would read it each time. */
static void image_make(uint64_t segments, uint64_t segment_bytes)
{
    struct journal_report report;
    char name[SEGMENT_NAME_SIZE];
    struct journal *j;

    workload_init(&real, store_memory_new(), segment_bytes, 64);
    REQUIRE(workload_open(&real, &report) == 0);
    workload_batches(&real, 3);
    workload_compact(&real, 9);
    while (journal_bytes(real.j) < segments * segment_bytes - segment_bytes / 2)
        if (prng_one_in(&real.prng, 4))
            workload_batches(&real, 1);
        else {
            workload_append(&real, 100 + prng_below(&real.prng, 400));
            workload_sync(&real);
        }
    workload_end(&real, false);
    folder_memory_init(&image);
    folder_memory_init(&folder);
    for (uint64_t number = 1; number < 64; number++) {
        struct store_memory_content *c;

        segment_name(number, name);
        c = store_memory_find(real.m, name);
        if (c != NULL)
            (void)folder_memory_add(&image, name, c->data, c->size);
    }
    store_memory_free(real.m);
    CHECK(heap_is_empty(&real.heap));
    expected_count = texts_len = 0;
    folder_memory_restore(&folder, &image);
    REQUIRE(journal_open(&j, &heap_plain, &folder.store, &real.options, note_record, NULL,
                         &report) == 0);
    journal_abandon(j);
    CHECK_INT(report.segments, segments);
    CHECK_INT(report.torn_bytes, 0);
    live_bytes = report.bytes;
    folder_memory_restore(&folder, &image);
}

static void image_drop(void)
{
    folder_memory_clear(&image);
    folder_memory_clear(&folder);
}

struct tally {
    uint64_t tried, refused, whole, torn;
};

/* True when the damage was found, or did no harm. */
static bool flip(int file, uint64_t byte, uint8_t mask, struct tally *t)
{
    struct journal_report report;
    struct hearing h = {0};
    struct journal *j;
    uint8_t *at = &folder.files[file].data[byte];
    bool good;
    int rc;

    *at ^= mask;
    rc = journal_open(&j, &heap_plain, &folder.store, &real.options, hear_record, &h, &report);
    if (rc == 0) {
        journal_abandon(j);
        good = !h.wrong && h.count == expected_count;
        t->whole++;
        t->torn += report.torn_bytes > 0;
    } else {
        good = !h.wrong && (rc == ERR_DAMAGED || rc == ERR_VERSION) &&
               report.bad_segment[0] != '\0' && !folder.changed;
        t->refused++;
    }
    t->tried++;
    if (folder.changed) {
        folder.files[file].changed = true;
        folder_memory_restore(&folder, &image);
    } else {
        folder.files[file].data[byte] ^= mask;
    }
    if (!CHECK(good))
        printf("# %s byte %llu mask %02x: %d, %zu of %zu records%s\n", image.files[file].name,
               (unsigned long long)byte, (unsigned)mask, rc, h.count, expected_count,
               h.wrong ? ", a wrong one" : "");
    return good;
}

static void tell(const struct tally *t, clock_t began)
{
    double s = (double)(clock() - began) / CLOCKS_PER_SEC;

    printf("# %llu recoveries, %.0f a second: %llu refused, %llu whole, of them %llu with a torn "
           "tail\n",
           (unsigned long long)t->tried, (double)t->tried / (s > 0 ? s : 1),
           (unsigned long long)t->refused, (unsigned long long)t->whole,
           (unsigned long long)t->torn);
}

TEST(test_flip_of_every_bit)
{
    struct tally t = {0};
    clock_t began;
    bool good = true;

    image_make(8, 8192);
    began = clock();
    for (int file = 0; file < image.files_count; file++)
        for (uint64_t at = 0; good && at < image.files[file].size; at++)
            for (unsigned bit = 0; good && bit < BITS; bit++)
                good = flip(file, at, (uint8_t)(1u << (at + bit) % 8), &t);
    tell(&t, began);
    CHECK_INT(t.tried, BITS * 65536);
    /* Every bit of every record counts, but those of the mark at the end, which is no promise. */
    CHECK_INT(t.refused, (live_bytes - RECORD_HEAD_BYTES) * BITS);
    image_drop();
}

TEST(test_flip_of_every_byte_of_a_long_one)
{
    struct tally t = {0};
    clock_t began;
    bool good = true;

    if (getenv("VELUM_CHAOS") == NULL)
        return;
    image_make(32, 32768);
    began = clock();
    for (int file = 0; file < image.files_count; file++)
        for (uint64_t at = 0; good && at < image.files[file].size; at++)
            good = flip(file, at, (uint8_t)(at % 3 == 0 ? 0xffu : 1u << (at * 7 % 8)), &t);
    tell(&t, began);
    CHECK_INT(t.tried, 1 << 20);
    image_drop();
}

/* Three records; the second and third say `text`. */
static void history_make(struct folder_memory *f, const char *text)
{
    const struct journal_options options = {.segment_bytes = 512, .feature_level = 1};
    struct journal *j;

    expected_count = texts_len = 0;
    folder_memory_init(f);
    REQUIRE(journal_open(&j, &heap_plain, &f->store, &options, note_record, NULL, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        REQUIRE(journal_append(j, 1, bytes_of_text(i == 0 ? "same" : text)) == 0);
        REQUIRE(journal_sync(j) == 0);
    }
    journal_close(j);
}

/* A disk that puts an old write back, or one of another disk: the record is whole, of this journal,
 * and has the right number, but it does not follow on the one before it. */
TEST(test_record_of_another_history)
{
    const size_t at = SEGMENT_HEADER_BYTES + 2 * record_bytes(4), len = record_bytes(4);
    const struct journal_options options = {.segment_bytes = 512, .feature_level = 1};
    struct journal_report report;
    struct folder_memory other;
    struct hearing h = {0};
    struct journal *j = NULL;
    char name[SEGMENT_NAME_SIZE];

    segment_name(1, name);
    history_make(&folder, "here");
    history_make(&other, "away");
    memcpy(folder_memory_find(&folder, name)->data + at,
           folder_memory_find(&other, name)->data + at, len);
    expected_count = RECORDS_MAX;
    CHECK_INT(journal_open(&j, &heap_plain, &folder.store, &options, hear_record, &h, &report),
              ERR_DAMAGED);
    journal_abandon(j);
    CHECK_STR(report.bad_segment, name);
    CHECK_INT(report.bad_offset, at);
    folder_memory_clear(&folder);
    folder_memory_clear(&other);
}

TEST_MAIN(test_flip_of_every_bit, test_flip_of_every_byte_of_a_long_one,
          test_record_of_another_history)
