/* Every truncation and every flipped byte of a real journal: it opens with everything synced, or it
 * is refused with a place; it never opens with less. */
#include "tests/crash/workload.h"

#define SEGMENT_BYTES 8192
#define WANTED_BYTES (20 * 1024)

#define VALUES_MAX 1024

static struct workload real;
static uint32_t history[VALUES_MAX]; /* checksum after that many values, as far as it is stored */
static uint64_t history_from;        /* older states are in no segment any more */

/* A journal of several segments, the last batch of it synced;
 * `closed` leaves the mark that says so. */
static void real_make(bool closed)
{
    struct journal_report report;

    workload_init(&real, store_memory_new(), SEGMENT_BYTES, 21);
    REQUIRE(workload_open(&real, &report) == 0);
    workload_batches(&real, 4);
    workload_compact(&real, 20);
    while (journal_bytes(real.j) < WANTED_BYTES)
        workload_batches(&real, 1);
    workload_append(&real, 50);
    workload_sync(&real);
    workload_end(&real, !closed);
    store_memory_settle(real.m);
    CHECK(heap_is_empty(&real.heap));
}

static void real_drop(void)
{
    store_memory_free(real.m);
}

/* 0 and the state that was found, or why it was refused; what is refused stays as it was. */
static int reopen(struct store_memory *m, struct owner_state *found, struct journal_report *report)
{
    struct heap heap;
    struct journal *j;
    int rc;

    heap_init(&heap);
    memset(found, 0, sizeof(*found));
    rc = journal_open(&j, &heap.alloc, &m->store, &real.options, owner_replay, found, report);
    if (rc == 0)
        journal_abandon(j);
    else
        CHECK_INT(m->writes + m->log_count, 0);
    CHECK(heap_is_empty(&heap));
    return rc;
}

static int history_replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct owner_state *s = ctx;
    int rc = owner_replay(ctx, sequence, type, payload);

    REQUIRE(s->count < VALUES_MAX);
    history[s->count] = s->crc;
    if (type == TYPE_STATE)
        history_from = s->count;
    return rc;
}

static void history_read(void)
{
    struct store_memory *m = store_memory_clone(real.m);
    struct owner_state found = {0};
    struct heap heap;
    struct journal *j;

    heap_init(&heap);
    REQUIRE(journal_open(&j, &heap.alloc, &m->store, &real.options, history_replay, &found, NULL) ==
            0);
    journal_abandon(j);
    store_memory_free(m);
}

static bool state_was(struct owner_state s)
{
    return s.count >= history_from && s.count < VALUES_MAX && history[s.count] == s.crc;
}

static bool state_is(struct owner_state a, struct owner_state b)
{
    return a.count == b.count && a.crc == b.crc;
}

static bool only_prefix; /* an older state will do */

/* True when the damaged journal is refused with its name, or holds all that was acknowledged. */
static bool whole_or_refused(struct store_memory *m, const char *name, uint64_t at)
{
    struct journal_report report;
    struct owner_state found;
    int rc = reopen(m, &found, &report);
    bool good = rc == ERR_DAMAGED || rc == ERR_VERSION;

    if (rc == 0)
        good = only_prefix ? state_was(found) : state_is(found, real.acked);
    else
        good = good && report.bad_segment[0] != '\0';
    if (!good)
        printf("# %s at %llu: %d, %llu of %llu\n", name, (unsigned long long)at, rc,
               (unsigned long long)found.count, (unsigned long long)real.acked.count);
    CHECK(good);
    return good;
}

typedef void change_fn(struct store_memory_content *c, uint64_t at);

static void change_truncate(struct store_memory_content *c, uint64_t at)
{
    c->size = at;
}

static void change_flip(struct store_memory_content *c, uint64_t at)
{
    c->data[at] ^= (uint8_t)(at % 3 == 0 ? 0xffu : 1u << (at * 7 % 8));
}

static void change_zero_rest(struct store_memory_content *c, uint64_t at)
{
    memset(c->data + at, 0, c->size - at);
}

/* Applies the change at every byte of every segment of the real journal, one at a time. */
static uint64_t sweep(change_fn *change)
{
    uint64_t tried = 0;
    char name[SEGMENT_NAME_SIZE];

    for (uint64_t number = 1; number < 16; number++) {
        segment_name(number, name);
        struct store_memory_content *c = store_memory_find(real.m, name);

        for (uint64_t at = 0; c != NULL && at < c->size; at++, tried++) {
            struct store_memory *m = store_memory_clone(real.m);

            m->writes = 0;
            change(store_memory_find(m, name), at);
            if (!whole_or_refused(m, name, at))
                at = c->size;
            store_memory_free(m);
        }
    }
    return tried;
}

TEST(test_truncation_at_every_byte)
{
    real_make(true);
    CHECK(sweep(change_truncate) >= WANTED_BYTES);
    real_drop();
}

TEST(test_flip_of_every_byte)
{
    real_make(true);
    CHECK(sweep(change_flip) >= WANTED_BYTES);
    real_drop();
}

/* A disk that loses synced bytes together with every witness of them cannot be found out. What
 * opens is still a state that was acknowledged once, never a mixture. */
TEST(test_everything_behind_every_byte_zeroed)
{
    real_make(true);
    history_read();
    only_prefix = true;
    CHECK(sweep(change_zero_rest) >= WANTED_BYTES);
    only_prefix = false;
    real_drop();
}

/* Killed between a sync and the mark that follows it: only there can a flip take the last batch,
 * because nothing says yet that it was synced. Never more than that batch. */
TEST(test_flip_of_every_byte_without_mark)
{
    char name[SEGMENT_NAME_SIZE];
    uint64_t cut = 0;

    real_make(false);
    for (uint64_t number = 1; number < 16; number++) {
        segment_name(number, name);
        struct store_memory_content *c = store_memory_find(real.m, name);

        for (uint64_t at = 0; c != NULL && at < c->size; at++) {
            struct store_memory *m = store_memory_clone(real.m);
            struct journal_report report;
            struct owner_state found;
            int rc;

            m->writes = 0;
            change_flip(store_memory_find(m, name), at);
            rc = reopen(m, &found, &report);
            CHECK(rc == 0 || rc == ERR_DAMAGED || rc == ERR_VERSION);
            if (rc == 0 && !state_is(found, real.acked)) {
                CHECK_INT(found.count, real.acked.count - 1);
                CHECK(report.torn_saved);
                cut++;
            }
            store_memory_free(m);
        }
    }
    CHECK_INT(cut, record_bytes(50));
    real_drop();
}

/* What was cut off is saved aside as it was. */
TEST(test_torn_tail_is_saved_and_cut)
{
    char name[SEGMENT_NAME_SIZE + 5] = "";
    struct journal_report report;
    struct owner_state found;
    uint8_t tail[40];

    real_make(true);
    for (uint64_t number = 15; number > 0 && name[0] == '\0'; number--) {
        segment_name(number, name);
        if (store_memory_find(real.m, name) == NULL)
            name[0] = '\0';
    }
    struct store_memory_content *c = store_memory_find(real.m, name);
    uint64_t end = c->size;
    while (c->data[end - 1] == 0)
        end--;
    end = (end + 7) / 8 * 8;
    REQUIRE(end + sizeof(tail) <= c->size);
    memset(tail, 0xee, sizeof(tail));
    memcpy(c->data + end, tail, sizeof(tail));
    store_memory_settle(real.m);

    CHECK_INT(reopen(real.m, &found, &report), 0);
    CHECK(state_is(found, real.acked));
    CHECK_INT(report.torn_bytes, sizeof(tail));
    CHECK_STR(report.torn_segment, name);
    memcpy(name + SEGMENT_NAME_SIZE - 1, ".torn", 6);
    store_memory_power_loss(real.m, STORE_MEMORY_LOSE_ALL);
    struct store_memory_content *torn = store_memory_find(real.m, name);
    REQUIRE(torn != NULL && torn->size == sizeof(tail));
    CHECK_MEM(torn->data, tail, sizeof(tail));
    CHECK_INT(reopen(real.m, &found, &report), 0);
    CHECK_INT(report.torn_bytes, 0);
    real_drop();
}

TEST_MAIN(test_truncation_at_every_byte, test_flip_of_every_byte,
          test_everything_behind_every_byte_zeroed, test_flip_of_every_byte_without_mark,
          test_torn_tail_is_saved_and_cut)
