#include "core/journal/journal.h"

#include "core/base/err.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/store_memory.h"

#define SEGMENT 512

static struct heap heap;
static struct store_memory *m;
static struct journal *j;
static struct journal_options options;
static struct journal_report report;

/* What was replayed, as text: "sequence:type:payload ". */
static char story[4096];

static int on_replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    size_t at = strlen(story);

    (void)ctx;
    snprintf(story + at, sizeof(story) - at, "%llu:%u:%.*s ", (unsigned long long)sequence, type,
             (int)payload.len, (const char *)payload.data);
    return 0;
}

static int reopen(void)
{
    story[0] = '\0';
    return journal_open(&j, &heap.alloc, &m->store, &options, on_replay, NULL, &report);
}

static void begin(void)
{
    heap_init(&heap);
    m = store_memory_new();
    options = (struct journal_options){.segment_bytes = SEGMENT, .feature_level = 2};
    memset(options.id, 7, sizeof(options.id));
    REQUIRE(reopen() == 0);
}

static void end(void)
{
    CHECK_INT(journal_close(j), 0);
    j = NULL;
    CHECK(heap_is_empty(&heap));
    store_memory_free(m);
}

static int store(const char *text)
{
    int rc = journal_append(j, 1, bytes_of_text(text));

    return rc < 0 ? rc : journal_sync(j);
}

static int compact_bytes(struct bytes records)
{
    return journal_compact(j, &(struct journal_slice){records, NULL});
}

static int compact(const char *text)
{
    struct buf b;
    int rc;

    buf_init(&b, &heap.alloc, 1 << 20);
    journal_put(&b, 9, bytes_of_text(text));
    rc = compact_bytes(buf_bytes(&b));
    buf_clear(&b);
    return rc;
}

static void power_loss(void)
{
    journal_abandon(j);
    store_memory_power_loss(m, STORE_MEMORY_LOSE_ALL);
}

static bool exists(const char *name)
{
    return store_memory_find(m, name) != NULL;
}

TEST(test_fresh_journal)
{
    begin();
    CHECK(report.fresh && report.records == 0 && report.last_sequence == 0);
    CHECK(journal_sequence(j) == 0 && journal_bytes(j) == SEGMENT_HEADER_BYTES);
    CHECK_MEM(journal_id(j), options.id, JOURNAL_ID_SIZE);
    power_loss();
    memset(options.id, 8, sizeof(options.id));
    CHECK_INT(reopen(), 0);
    CHECK(!report.fresh && journal_id(j)[0] == 7);
    end();
}

TEST(test_synced_survives_and_the_rest_does_not)
{
    begin();
    CHECK_INT(journal_append(j, 1, bytes_of_text("a")), 0);
    CHECK_INT(journal_append(j, 2, bytes_of_text("")), 0);
    CHECK_INT(journal_sync(j), 0);
    CHECK_INT(journal_sequence(j), 2);
    CHECK_INT(journal_append(j, 3, bytes_of_text("never written")), 0);
    CHECK_INT(journal_sequence(j), 2);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "1:1:a 2:2: ");
    CHECK(report.records == 2 && report.last_sequence == 2 && report.torn_bytes == 0);
    end();
}

TEST(test_one_batch_is_one_write_and_one_sync)
{
    begin();
    options.segment_bytes = 0;
    power_loss();
    store_memory_free(m);
    m = store_memory_new();
    REQUIRE(reopen() == 0);
    m->writes = m->syncs = 0;
    for (int i = 0; i < 1000; i++)
        CHECK_INT(journal_append(j, 1, bytes_of_text("record")), 0);
    CHECK_INT(m->writes, 0);
    CHECK_INT(journal_sync(j), 0);
    CHECK(m->writes == 1 && m->syncs == 1);
    CHECK_INT(journal_sync(j), 0);
    CHECK(m->writes == 1 && m->syncs == 1);
    end();
}

TEST(test_rotation_keeps_the_order)
{
    char expected[sizeof(story)] = "";

    begin();
    for (int i = 1; i <= 60; i++) {
        char text[16];
        size_t at = strlen(expected);

        snprintf(text, sizeof(text), "r%d", i);
        snprintf(expected + at, sizeof(expected) - at, "%d:1:%s ", i, text);
        CHECK_INT(i % 3 == 0 ? store(text) : journal_append(j, 1, bytes_of_text(text)), 0);
    }
    CHECK(exists("0000000000000006.seg"));
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, expected);
    CHECK(journal_bytes(j) > 60 * record_bytes(3));
    end();
}

TEST(test_record_longer_than_a_segment)
{
    static char text[4000];

    begin();
    memset(text, 'x', sizeof(text) - 1);
    CHECK_INT(store("before"), 0);
    CHECK_INT(store(text), 0);
    CHECK_INT(store("after"), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK(report.records == 3 && strlen(story) > 3999 + 16);
    end();
}

TEST(test_limits)
{
    static uint8_t big[JOURNAL_RECORD_BYTES_MAX + 1];
    int rc = 0;
    int count = 0;

    begin();
    CHECK_INT(journal_append(j, 1, (struct bytes){big, sizeof(big)}), ERR_TOO_LARGE);
    for (; rc == 0 && count < 100; count++)
        rc = journal_append(j, 1, (struct bytes){big, sizeof(big) - 1});
    CHECK_INT(rc, ERR_FULL);
    CHECK_INT(count, 64);
    journal_discard(j);
    CHECK_INT(journal_pending_bytes(j), 0);
    CHECK_INT(store("fits"), 0);
    end();
    heap_init(&heap);
    m = store_memory_new();
    options.segment_bytes = 100;
    CHECK_INT(reopen(), ERR_ARGUMENT);
    store_memory_free(m);
}

TEST(test_compaction_replaces_and_numbers_go_on)
{
    begin();
    for (int i = 0; i < 40; i++)
        CHECK_INT(store("some record that is no longer needed"), 0);
    uint64_t before = journal_bytes(j);
    CHECK_INT(compact("all of it"), 0);
    CHECK_INT(journal_sequence(j), 41);
    CHECK(journal_bytes(j) < before && journal_base_bytes(j) == journal_bytes(j));
    CHECK(!exists("0000000000000001.seg") && !exists("reserve"));
    journal_idle(j);
    CHECK(journal_has_reserve(j) && exists("reserve"));
    CHECK_INT(store("new"), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "41:9:all of it 42:1:new ");
    CHECK(journal_id(j)[0] == 7);
    end();
}

TEST(test_compaction_takes_pending_records_with_it)
{
    begin();
    CHECK_INT(store("old"), 0);
    CHECK_INT(journal_append(j, 1, bytes_of_text("pending")), 0);
    CHECK_INT(compact("old and pending"), 0);
    CHECK_INT(journal_pending_bytes(j), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "2:9:old and pending ");
    end();
}

/* The records of a slice stay in it; what is wrong with the last one is wrong with all. */
TEST(test_slices_are_written_one_after_the_other)
{
    struct journal_slice broken = {bytes_of_text("nonsense"), NULL}, slices[4];
    char text[24];
    struct buf b[4];

    begin();
    CHECK_INT(store("old"), 0);
    for (int i = 0; i < 4; i++) {
        buf_init(&b[i], &heap.alloc, 4096);
        for (int k = 0; k < i; k++) { /* the first has none */
            snprintf(text, sizeof text, "%d.%d", i, k);
            journal_put(&b[i], 9, bytes_of_text(text));
        }
        slices[i] = (struct journal_slice){buf_bytes(&b[i]), i < 3 ? &slices[i + 1] : &broken};
    }
    CHECK_INT(journal_compact(j, slices), ERR_FORMAT);
    CHECK_INT(journal_sequence(j), 1);
    slices[3].next = NULL;
    CHECK_INT(journal_compact(j, slices), 0);
    for (int i = 0; i < 4; i++)
        buf_clear(&b[i]);
    CHECK_INT(store("new"), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "2:9:1.0 3:9:2.0 4:9:2.1 5:9:3.0 6:9:3.1 7:9:3.2 8:1:new ");
    CHECK_INT(journal_compact(j, NULL), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "");
    end();
}

TEST(test_compaction_refuses_a_broken_blob)
{
    begin();
    CHECK_INT(store("kept"), 0);
    CHECK_INT(compact_bytes(bytes_of_text("nonsense")), ERR_FORMAT);
    CHECK_INT(compact_bytes((struct bytes){(const uint8_t *)"\0\0\0\0\0\0", 6}), ERR_FORMAT);
    CHECK_INT(compact_bytes((struct bytes){NULL, 0}), 0);
    CHECK_INT(store("alone"), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "2:1:alone ");
    end();
}

/* The failed sync of the first segment is followed by a successful one:
 * only the second segment may be believed. */
TEST(test_failed_sync_fences_the_segment)
{
    begin();
    journal_idle(j);
    CHECK_INT(store("one"), 0);
    CHECK_INT(journal_append(j, 1, bytes_of_text("two")), 0);
    m->fail_rc = ERR_IO;
    m->fail_at = m->calls + 2; /* the write, then the sync */
    CHECK_INT(journal_sync(j), ERR_SYNC);
    CHECK_INT(journal_sequence(j), 1);
    CHECK(!exists("0000000000000002.seg"));
    CHECK_INT(journal_sync(j), 0);
    CHECK_INT(journal_sequence(j), 2);
    CHECK(exists("0000000000000002.seg"));
    CHECK_INT(store("three"), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "1:1:one 2:1:two 3:1:three ");
    end();
}

TEST(test_what_was_given_up_does_not_come_between)
{
    begin();
    journal_idle(j);
    CHECK_INT(store("one"), 0);
    CHECK_INT(journal_append(j, 1, bytes_of_text("given up")), 0);
    m->fail_rc = ERR_IO;
    m->fail_at = m->calls + 2;
    CHECK_INT(journal_sync(j), ERR_SYNC);
    journal_discard(j);
    CHECK_INT(store("two"), 0);
    journal_abandon(j); /* not a power loss: the cache still shows what was given up */
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "1:1:one 2:1:two ");
    end();
}

/* A disk that copies on write may run full in the middle of a record. Given up, its half stays in
 * the segment, so nothing may follow there. */
TEST(test_half_a_record_given_up_is_left_behind)
{
    begin();
    journal_idle(j);
    CHECK_INT(store("one"), 0);
    CHECK_INT(journal_append(j, 1, bytes_of_text("a long record of which half is written")), 0);
    m->fail_rc = ERR_NO_SPACE;
    m->fail_short = true;
    m->fail_at = m->calls + 1;
    CHECK_INT(journal_sync(j), ERR_NO_SPACE);
    journal_discard(j);
    CHECK_INT(store("two"), 0);
    CHECK(exists("0000000000000002.seg"));
    journal_abandon(j);
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "1:1:one 2:1:two ");
    CHECK_INT(report.torn_bytes, 0);
    end();
}

/* A new process reads from the cache what the disk never took; it must not build on that. */
TEST(test_restart_after_a_failed_sync_writes_again)
{
    begin();
    CHECK_INT(store("one"), 0);
    CHECK_INT(journal_append(j, 1, bytes_of_text("two")), 0);
    m->fail_rc = ERR_IO;
    m->fail_at = m->calls + 2;
    CHECK_INT(journal_sync(j), ERR_SYNC);
    journal_abandon(j);
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "1:1:one 2:1:two ");
    CHECK_INT(store("three"), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "1:1:one 2:1:two 3:1:three ");
    end();
}

/* The n-th call from now on, of header, records, sync, rename and folder. */
static void fail_compaction_at(uint64_t n)
{
    journal_idle(j);
    m->fail_rc = ERR_IO;
    m->fail_at = m->calls + n;
    CHECK_INT(compact("one again"), ERR_SYNC);
}

TEST(test_after_a_failed_rename_or_folder_sync_the_journal_goes_on)
{
    for (uint64_t n = 4; n <= 5; n++) {
        begin();
        CHECK_INT(store("one"), 0);
        fail_compaction_at(n);
        CHECK_INT(store("two"), 0);
        CHECK_INT(compact("both"), 0);
        CHECK_INT(store("three"), 0);
        power_loss();
        CHECK_INT(reopen(), 0);
        CHECK(strstr(story, "both") != NULL && strstr(story, "three") != NULL);
        CHECK(strstr(story, "one") == NULL);
        end();
    }
}

/* Nobody knows whether the compaction is there: nothing is called synced before it is gone. */
TEST(test_while_the_folder_does_not_sync_nothing_is_kept)
{
    begin();
    CHECK_INT(store("one"), 0);
    m->fail_count = 5;
    fail_compaction_at(5);
    CHECK_INT(store("two"), ERR_SYNC);
    CHECK_INT(journal_sync(j), ERR_SYNC);
    CHECK_INT(compact("more"), ERR_SYNC);
    CHECK_INT(journal_sequence(j), 1);
    m->fail_count = m->fail_at = 0;
    CHECK_INT(journal_sync(j), 0);
    CHECK_INT(store("three"), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "1:1:one 2:1:two 3:1:three ");
    end();
}

TEST(test_full_disk)
{
    begin();
    journal_idle(j);
    m->space_max = store_memory_bytes(m);
    int rc = 0;
    int count = 0;
    for (; rc == 0 && count < 100; count++)
        rc = store("record");
    CHECK_INT(rc, ERR_NO_SPACE);
    CHECK(count > 5 && count < 20);
    CHECK_INT(journal_sync(j), ERR_NO_SPACE);
    CHECK(journal_has_reserve(j));
    m->space_max += SEGMENT;
    CHECK_INT(journal_sync(j), 0);
    CHECK_INT(journal_sequence(j), (uint64_t)count);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_INT(report.records, count);
    end();
}

TEST(test_full_disk_can_be_compacted)
{
    begin();
    journal_idle(j);
    m->space_max = store_memory_bytes(m);
    while (store("record") == 0)
        continue;
    CHECK_INT(compact("what all came to"), 0);
    CHECK_INT(store("and on"), 0);
    journal_idle(j);
    CHECK(journal_has_reserve(j));
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK(strstr(story, "what all came to") != NULL && strstr(story, "and on") != NULL);
    CHECK_INT(report.records, 2);
    end();
}

TEST(test_snapshot_too_long_for_a_full_disk_changes_nothing)
{
    static char text[3000];

    begin();
    memset(text, 'x', sizeof(text) - 1);
    CHECK_INT(store("one"), 0);
    journal_idle(j);
    m->space_max = store_memory_bytes(m);
    CHECK_INT(compact(text), ERR_NO_SPACE);
    CHECK(journal_has_reserve(j));
    CHECK_INT(store_memory_bytes(m), m->space_max);
    CHECK_INT(store("two"), 0);
    CHECK_INT(compact("short"), 0);
    power_loss();
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "3:9:short ");
    end();
}

TEST(test_damage_in_the_synced_part_is_refused_with_its_place)
{
    begin();
    CHECK_INT(store("one"), 0);
    CHECK_INT(store("two"), 0);
    CHECK_INT(store("three"), 0);
    journal_abandon(j);
    store_memory_find(m, "0000000000000001.seg")->data[SEGMENT_HEADER_BYTES + 40 + 33] ^= 1;
    CHECK_INT(reopen(), ERR_DAMAGED);
    CHECK_STR(report.bad_segment, "0000000000000001.seg");
    CHECK_INT(report.bad_offset, SEGMENT_HEADER_BYTES + 40);
    store_memory_find(m, "0000000000000001.seg")->data[SEGMENT_HEADER_BYTES + 40 + 33] ^= 1;
    CHECK_INT(reopen(), 0);
    CHECK_STR(story, "1:1:one 2:1:two 3:1:three ");
    end();
}

/* Nothing follows the snapshot that could bear witness;
 * that it was synced before it got its name is enough. */
TEST(test_damage_at_the_end_of_a_snapshot_is_refused)
{
    begin();
    CHECK_INT(compact("snapshot"), 0);
    journal_abandon(j);
    store_memory_find(m, "0000000000000002.seg")->data[SEGMENT_HEADER_BYTES + 33] ^= 1;
    CHECK_INT(reopen(), ERR_DAMAGED);
    CHECK_STR(report.bad_segment, "0000000000000002.seg");
    store_memory_find(m, "0000000000000002.seg")->data[SEGMENT_HEADER_BYTES + 33] ^= 1;
    CHECK_INT(reopen(), 0);
    end();
}

TEST(test_missing_segment_is_damage)
{
    begin();
    for (int i = 0; i < 60; i++)
        CHECK_INT(store("record"), 0);
    journal_abandon(j);
    CHECK_INT(m->store.rename(m, "0000000000000003.seg", "elsewhere"), 0);
    CHECK_INT(reopen(), ERR_DAMAGED);
    CHECK_STR(report.bad_segment, "0000000000000003.seg");
    CHECK_INT(m->store.rename(m, "elsewhere", "0000000000000003.seg"), 0);
    CHECK_INT(reopen(), 0);
    CHECK_INT(report.records, 60);
    end();
}

TEST(test_unknown_feature_level_is_refused_untouched)
{
    begin();
    CHECK_INT(store("from the future"), 0);
    CHECK_INT(journal_close(j), 0);
    options.feature_level = 1;
    m->writes = m->syncs = 0;
    m->log_count = 0;
    CHECK_INT(reopen(), ERR_VERSION);
    CHECK_STR(report.bad_segment, "0000000000000001.seg");
    CHECK_INT(m->writes + m->syncs + m->log_count, 0);
    options.feature_level = 3;
    CHECK_INT(reopen(), 0);
    end();
}

/* A newer generation writes nothing of its own where an older one would read it. */
TEST(test_a_newer_generation_begins_a_segment_of_its_own)
{
    begin();
    CHECK_INT(store("of level two"), 0);
    CHECK_INT(journal_close(j), 0);
    options.feature_level = 3;
    CHECK_INT(reopen(), 0);
    CHECK_INT(store("of level three"), 0);
    CHECK_INT(journal_close(j), 0);
    options.feature_level = 2;
    m->writes = m->syncs = 0;
    CHECK_INT(reopen(), ERR_VERSION);
    CHECK_STR(report.bad_segment, "0000000000000002.seg");
    CHECK_INT(report.bad_feature_level, 3);
    CHECK_INT(m->writes + m->syncs, 0);
    options.feature_level = 3;
    CHECK_INT(reopen(), 0);
    CHECK_INT(report.records, 2);
    end();
}

static int refuse(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    (void)ctx;
    (void)type;
    (void)payload;
    return sequence == 2 ? ERR_FORMAT : 0;
}

TEST(test_replay_may_refuse)
{
    begin();
    for (int i = 0; i < 3; i++)
        CHECK_INT(store("record"), 0);
    journal_abandon(j);
    CHECK_INT(journal_open(&j, &heap.alloc, &m->store, &options, refuse, NULL, NULL), ERR_FORMAT);
    CHECK(j == NULL && heap_is_empty(&heap));
    CHECK_INT(reopen(), 0);
    end();
}

/* Every allocation fails once: the journal says so, loses nothing, leaks nothing. */
TEST(test_allocation_failures)
{
    bool failed = true;

    for (uint64_t n = 1; failed; n++) {
        uint64_t synced = 0;

        heap_init(&heap);
        m = store_memory_new();
        options = (struct journal_options){.segment_bytes = SEGMENT, .feature_level = 2};
        heap.fail_at = n;
        if (reopen() == 0) {
            for (int i = 0; i < 30; i++)
                if (store("a record of some length") == 0)
                    synced = journal_sequence(j);
            if (compact("snapshot") == 0)
                synced = journal_sequence(j);
            journal_abandon(j);
        }
        failed = heap.failures > 0;
        heap.fail_at = 0;
        CHECK_INT(reopen(), 0);
        CHECK(report.last_sequence >= synced);
        end();
    }
}

TEST_MAIN(test_fresh_journal, test_synced_survives_and_the_rest_does_not,
          test_one_batch_is_one_write_and_one_sync, test_rotation_keeps_the_order,
          test_record_longer_than_a_segment, test_limits,
          test_compaction_replaces_and_numbers_go_on, test_compaction_takes_pending_records_with_it,
          test_slices_are_written_one_after_the_other, test_compaction_refuses_a_broken_blob,
          test_failed_sync_fences_the_segment, test_what_was_given_up_does_not_come_between,
          test_restart_after_a_failed_sync_writes_again,
          test_after_a_failed_rename_or_folder_sync_the_journal_goes_on,
          test_while_the_folder_does_not_sync_nothing_is_kept, test_full_disk,
          test_full_disk_can_be_compacted, test_snapshot_too_long_for_a_full_disk_changes_nothing,
          test_damage_in_the_synced_part_is_refused_with_its_place,
          test_damage_at_the_end_of_a_snapshot_is_refused,
          test_half_a_record_given_up_is_left_behind, test_missing_segment_is_damage,
          test_unknown_feature_level_is_refused_untouched,
          test_a_newer_generation_begins_a_segment_of_its_own, test_replay_may_refuse,
          test_allocation_failures)
