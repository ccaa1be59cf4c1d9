/* Looking at a journal: everything that does not read is found and named, everything else is shown,
 * and nothing is changed. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/journal/journal.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/store_memory.h"

#define SEGMENT 512
#define RECORDS 30
#define FEATURE_LEVEL 1

static struct heap heap;
static struct store_memory *m;
static struct journal_report report;

struct seen {
    bool record[RECORDS + 1];
    bool lost[RECORDS + 1];
    uint64_t count, places;
    struct journal_report last;
    bool wrong; /* a record that was never written so */
};

static void put_text_of(uint64_t sequence, char to[32])
{
    snprintf(to, 32, "record %llu", (unsigned long long)sequence);
}

static int on_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct seen *s = ctx;
    char text[32];
    put_text_of(sequence, text);
    s->count++;
    if (sequence == 0 || sequence > RECORDS || s->record[sequence] || type != sequence % 3 + 1 ||
        payload.len != strlen(text) || memcmp(payload.data, text, payload.len) != 0)
        s->wrong = true;
    else
        s->record[sequence] = true;
    return 0;
}

static int on_damage(void *ctx, const struct journal_report *found)
{
    struct seen *s = ctx;
    uint64_t upto = found->lost_upto;
    s->places++;
    s->last = *found;
    if (found->lost_from > 0 && upto == 0)
        upto = RECORDS;
    for (uint64_t i = found->lost_from; found->lost_from > 0 && i <= upto && i <= RECORDS; i++)
        s->lost[i] = true;
    return 0;
}

static int ignore(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    (void)ctx, (void)sequence, (void)type, (void)payload;
    return 0;
}

/* A journal of several segments, closed in order, so that all of it is marked as synced. */
static void begin(void)
{
    struct journal_options o = {.segment_bytes = SEGMENT, .feature_level = FEATURE_LEVEL};
    struct journal *j;
    char text[32];
    heap_init(&heap);
    m = store_memory_new();
    memset(o.id, 7, sizeof o.id);
    REQUIRE(journal_open(&j, &heap.alloc, &m->store, &o, ignore, NULL, NULL) == 0);
    for (uint64_t i = 1; i <= RECORDS; i++) {
        put_text_of(i, text);
        REQUIRE(journal_append(j, (uint16_t)(i % 3 + 1), bytes_of_text(text)) == 0);
        REQUIRE(i % 2 == 0 || journal_sync(j) == 0);
    }
    REQUIRE(journal_close(j) == 0);
    store_memory_settle(m);
}

static void end(void)
{
    CHECK(heap_is_empty(&heap));
    store_memory_free(m);
}

static int look(struct seen *s)
{
    uint64_t writes = m->writes, syncs = m->syncs;
    size_t log = m->log_count;
    memset(s, 0, sizeof *s);
    int rc = journal_check(&heap.alloc, &m->store, FEATURE_LEVEL, on_record, on_damage, s, &report);
    CHECK(m->writes == writes && m->syncs == syncs && m->log_count == log);
    CHECK(!s->wrong);
    return rc;
}

static struct store_memory_content *segment(int number)
{
    char name[SEGMENT_NAME_SIZE];
    segment_name((uint64_t)number, name);
    return store_memory_find(m, name);
}

TEST(a_whole_journal_is_whole)
{
    struct seen s;
    begin();
    CHECK_INT(look(&s), 0);
    CHECK(s.count == RECORDS && s.places == 0 && report.records == RECORDS);
    CHECK(report.last_sequence == RECORDS && report.synced_sequence == RECORDS);
    CHECK(report.segments > 3 && report.bytes > RECORDS * RECORD_HEAD_BYTES);
    CHECK(report.torn_bytes == 0 && report.id[0] == 7);
    end();
}

TEST(where_there_is_none_it_says_so)
{
    struct seen s;
    heap_init(&heap);
    m = store_memory_new();
    CHECK_INT(look(&s), ERR_NOT_FOUND);
    end();
}

/* Whatever byte changes: it is damage, and what is not shown is named as lost. The two exceptions
 * are zeroes that nobody reads, and a last mark, without which a tail may be torn. */
TEST(every_changed_byte_is_found)
{
    struct seen s;
    begin();
    for (int number = 1; segment(number) != NULL; number++) {
        struct store_memory_content *c = segment(number);
        bool last = segment(number + 1) == NULL;
        for (uint64_t at = 0; at < c->size; at++) {
            bool complete = true;
            c->data[at] ^= 0x10;
            int rc = look(&s);
            for (int i = 1; i <= RECORDS; i++)
                complete = complete && (s.record[i] || s.lost[i]);
            bool header = rc == 0 && s.places > 0 && s.last.bad_fault != JOURNAL_FAULT_RECORD;
            bool whole = rc == 0 && s.places == 0 && s.count == RECORDS;
            bool torn = last && rc == 0 && s.places == 0 && report.torn_bytes > 0;
            bool named = rc == 0 && s.places == 1 && complete;
            bool unused = at >= SEGMENT - 2 * RECORD_HEAD_BYTES || c->data[at] == 0x10;
            if (!CHECK(named || header || torn || (whole && unused)))
                printf("segment %d, byte %llu: %d, %llu places, %llu records\n", number,
                       (unsigned long long)at, rc, (unsigned long long)s.places,
                       (unsigned long long)s.count);
            c->data[at] ^= 0x10;
        }
    }
    CHECK_INT(look(&s), 0);
    CHECK(s.count == RECORDS && s.places == 0);
    end();
}

TEST(several_places_are_all_named)
{
    struct seen s;
    begin();
    segment(1)->data[SEGMENT_HEADER_BYTES + 35] ^= 1;                          /* record 1 */
    segment(1)->data[SEGMENT_HEADER_BYTES + 3 * record_bytes(8) + 35] ^= 0x80; /* record 4 */
    segment(3)->data[SEGMENT_HEADER_BYTES + 5] ^= 1;
    CHECK_INT(look(&s), 0);
    CHECK_INT(s.places, 3);
    CHECK_INT(s.count, RECORDS - 3);
    CHECK(s.lost[1] && s.lost[4] && !s.lost[2] && !s.lost[3] && !s.lost[5]);
    CHECK_STR(s.last.bad_segment, "0000000000000003.seg");
    CHECK_INT(s.last.bad_offset, SEGMENT_HEADER_BYTES);
    CHECK(s.last.lost_from == s.last.lost_upto);
    end();
}

TEST(a_missing_segment_is_named_and_the_rest_is_shown)
{
    struct seen s;
    begin();
    CHECK_INT(m->store.rename(m, "0000000000000002.seg", "elsewhere"), 0);
    CHECK_INT(look(&s), 0);
    CHECK(s.places == 1 && s.last.bad_fault == JOURNAL_FAULT_MISSING);
    CHECK_STR(s.last.bad_segment, "0000000000000002.seg");
    CHECK(s.count > 0 && s.count < RECORDS && s.record[RECORDS]);
    end();
}

TEST(a_cut_tail_is_torn_where_nothing_tells_of_it)
{
    struct seen s;
    int number = 1;
    begin();
    while (segment(number + 1) != NULL)
        number++;
    struct store_memory_content *c = segment(number);
    uint64_t used = c->size;
    while (c->data[used - 1] == 0)
        used--;
    /* The last record loses its second half, and the mark behind it is gone. */
    uint64_t torn = used - RECORD_HEAD_BYTES - 8;
    memset(c->data + torn, 0, c->size - torn);
    CHECK_INT(look(&s), 0);
    CHECK(s.places == 0 && s.count == RECORDS - 1 && report.last_sequence == RECORDS - 1);
    CHECK(report.torn_bytes > 0 && report.torn_offset < torn);
    end();
}

TEST(another_version_is_named)
{
    struct seen s;
    struct segment_header h;
    begin();
    int number = 1;
    while (segment(number + 1) != NULL)
        number++;
    uint8_t *at = segment(number)->data;
    REQUIRE(segment_decode(&h, at, FEATURE_LEVEL) == 0);
    h.feature_level = 2;
    segment_encode(&h, at);
    CHECK_INT(look(&s), ERR_VERSION);
    CHECK(report.bad_format == 1 && report.bad_feature_level == 2);
    CHECK(report.bad_fault == JOURNAL_FAULT_VERSION);
    end();
}

TEST(without_memory_it_says_so)
{
    struct seen s;
    begin();
    for (uint64_t i = 1; i < 20; i++) {
        heap.fail_at = heap.calls + i;
        int rc = look(&s);
        CHECK(rc == 0 || rc == ERR_NO_MEMORY);
    }
    heap.fail_at = 0;
    end();
}

/* --- beside a node that writes --- */

/* A store whose writer goes on between any two calls of the one who looks, and within a read. */
static struct {
    struct prng prng;
    struct journal *journal;
    uint64_t written;
} writer;

static void write_on(void)
{
    char text[32];
    struct buf blob;
    uint64_t dice = prng_below(&writer.prng, 40);
    if (dice > 9)
        return;
    for (uint64_t i = 0; i <= dice / 3; i++) {
        put_text_of(++writer.written, text);
        REQUIRE(journal_append(writer.journal, 1, bytes_of_text(text)) == 0);
    }
    REQUIRE(journal_sync(writer.journal) == 0);
    if (dice == 8)
        journal_idle(writer.journal);
    if (dice != 9 || !prng_one_in(&writer.prng, 8))
        return;
    buf_init(&blob, &heap.alloc, 1 << 20);
    journal_put(&blob, 2, bytes_of_text("all of it"));
    REQUIRE(journal_compact(writer.journal, &(struct journal_slice){buf_bytes(&blob), NULL}) == 0);
    buf_clear(&blob);
}

static int moving_list(void *ctx, int (*each)(void *arg, const char *name), void *arg)
{
    write_on();
    return m->store.list(ctx, each, arg);
}

static int moving_open(void *ctx, const char *name, bool create)
{
    write_on();
    return m->store.open(ctx, name, create);
}

static int moving_read_at(void *ctx, int file, uint64_t offset, void *to, size_t n)
{
    size_t got = 0;
    while (got < n) {
        size_t part = 1 + prng_below(&writer.prng, 96);
        int rc = m->store.read_at(ctx, file, offset + got, (char *)to + got,
                                  part < n - got ? part : n - got);
        if (rc <= 0)
            return rc < 0 ? rc : (int)got;
        got += (size_t)rc;
        write_on();
    }
    return (int)got;
}

struct places {
    struct journal_report list[64];
    size_t count;
};

static int note_place(void *ctx, const struct journal_report *found)
{
    struct places *p = ctx;
    if (p->count < 64)
        p->list[p->count++] = *found;
    return 0;
}

static bool in_both(const struct places *a, const struct places *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            if (a->list[i].bad_offset == b->list[k].bad_offset &&
                strcmp(a->list[i].bad_segment, b->list[k].bad_segment) == 0)
                return true;
    return false;
}

static int moving_look(struct places *p)
{
    struct store moving = m->store;
    moving.list = moving_list;
    moving.open = moving_open;
    moving.read_at = moving_read_at;
    p->count = 0;
    return journal_check(&heap.alloc, &moving, FEATURE_LEVEL, ignore, note_place, p, &report);
}

/* One look may see a record that was not there when its bytes were read, and a later one that tells
 * of it: damage by mistake. What `velum journal` relies on is that the next look does not. */
TEST(what_a_writer_leaves_behind_is_never_damage_twice)
{
    const struct journal_options o = {.segment_bytes = 2048, .feature_level = FEATURE_LEVEL};
    static struct places first, second;
    uint64_t mistaken = 0, whole = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        heap_init(&heap);
        m = store_memory_new();
        writer.written = 0;
        prng_init(&writer.prng, seed);
        REQUIRE(journal_open(&writer.journal, &heap.alloc, &m->store, &o, ignore, NULL, NULL) == 0);
        for (int i = 0; i < 60; i++)
            write_on();
        int one = moving_look(&first), other = moving_look(&second);
        CHECK(one == 0 || one == ERR_NOT_FOUND);
        CHECK(other == 0 || other == ERR_NOT_FOUND);
        if (!CHECK(!in_both(&first, &second)))
            printf("seed %llu\n", (unsigned long long)seed);
        mistaken += first.count > 0;
        whole += one == 0 && first.count == 0;
        journal_abandon(writer.journal);
        end();
    }
    printf("# %llu looks of 400 were mistaken, %llu saw a whole journal\n",
           (unsigned long long)mistaken, (unsigned long long)whole);
    CHECK(mistaken > 0 && whole > 0);
}

TEST_MAIN(a_whole_journal_is_whole, where_there_is_none_it_says_so, every_changed_byte_is_found,
          several_places_are_all_named, a_missing_segment_is_named_and_the_rest_is_shown,
          a_cut_tail_is_torn_where_nothing_tells_of_it, another_version_is_named,
          without_memory_it_says_so, what_a_writer_leaves_behind_is_never_damage_twice)
