#include "core/host/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/store_memory.h"

#define WAIT_MS 20000

static char folder[64];

/* What the loop would have seen. */
struct seen {
    uint64_t replayed;
    uint64_t replayed_bytes;
    uint64_t done;
    uint64_t last_ticket;
    int last_rc;
    bool ordered;
    int became_full;
    int became_free;
};

static int on_replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct seen *s = ctx;

    (void)sequence;
    (void)type;
    s->replayed++;
    s->replayed_bytes += payload.len;
    return 0;
}

static void on_done(void *ctx, uint64_t ticket, int rc)
{
    struct seen *s = ctx;

    s->ordered = (s->done == 0 || ticket > s->last_ticket) && (s->ordered || s->done == 0);
    s->done++;
    s->last_ticket = ticket;
    s->last_rc = rc;
}

static void on_state(void *ctx, bool full)
{
    struct seen *s = ctx;

    if (full)
        s->became_full++;
    else
        s->became_free++;
}

/* Polls until `wanted` completions (or, with full, until the disk says it is full) have come. */
static bool await(struct disk *d, struct seen *s, uint64_t wanted, bool full)
{
    struct pollfd p = {.fd = disk_fd(d), .events = POLLIN};

    while (full ? s->became_full == 0 : s->done < wanted) {
        if (poll(&p, 1, WAIT_MS) != 1)
            return false;
        disk_poll(d, on_done, on_state, s);
    }
    return true;
}

static void folder_make(void)
{
    text_copy(folder, sizeof folder, "disk-test-XXXXXX");
    REQUIRE(mkdtemp(folder) != NULL);
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static void folder_remove(void)
{
    nftw(folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static struct bytes text(const char *t)
{
    return bytes_of_text(t);
}

TEST(test_stored_is_there_after_a_restart)
{
    struct seen s = {0};
    struct disk *d;
    struct journal_report report;
    uint8_t id[JOURNAL_ID_SIZE];
    uint8_t again[JOURNAL_ID_SIZE];
    struct stat st;
    char path[128];

    folder_make();
    snprintf(path, sizeof(path), "%s/journal", folder);
    REQUIRE(disk_open(&d, path, 1, on_replay, &s, &report) == 0);
    CHECK(report.fresh);
    disk_journal_id(d, id);
    for (uint64_t t = 1; t <= 1000; t++)
        CHECK_INT(disk_store(d, t, 1, text("a fact")), 0);
    CHECK(await(d, &s, 1000, false));
    CHECK(s.done == 1000 && s.ordered && s.last_rc == 0);
    CHECK_INT(disk_sequence(d), 1000);
    CHECK(disk_journal_bytes(d) >= 1000 * record_bytes(6));
    disk_close(d);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700);
    snprintf(path, sizeof(path), "%s/journal/0000000000000001.seg", folder);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    snprintf(path, sizeof(path), "%s/journal", folder);
    REQUIRE(disk_open(&d, path, 1, on_replay, &s, &report) == 0);
    CHECK(!report.fresh && s.replayed == 1000 && report.last_sequence == 1000);
    disk_journal_id(d, again);
    CHECK_MEM(id, again, sizeof(id));
    disk_close(d);
    CHECK_INT(disk_open(&d, path, 0, on_replay, &s, &report), ERR_VERSION);
    CHECK_STR(report.bad_segment, "0000000000000001.seg");
    folder_remove();
}

TEST(test_close_drains)
{
    struct seen s = {0};
    struct disk *d;

    folder_make();
    REQUIRE(disk_open(&d, folder, 1, on_replay, &s, NULL) == 0);
    for (uint64_t t = 1; t <= 5000; t++)
        CHECK_INT(disk_store(d, t, 1, text("not waited for")), 0);
    disk_close(d);
    REQUIRE(disk_open(&d, folder, 1, on_replay, &s, NULL) == 0);
    CHECK_INT(s.replayed, 5000);
    disk_close(d);
    folder_remove();
}

/* One record as a slice. */
static int slice(struct disk *d, bool first, const char *what)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof(bytes));
    journal_put(&b, 2, text(what));
    return disk_slice(d, first, buf_bytes(&b));
}

TEST(test_rotation_and_compaction)
{
    static uint8_t big[100000];
    struct seen s = {0};
    struct disk *d;

    folder_make();
    REQUIRE(disk_open(&d, folder, 1, on_replay, &s, NULL) == 0);
    for (uint64_t t = 1; t <= 150; t++)
        CHECK_INT(disk_store(d, t, 1, (struct bytes){big, sizeof(big)}), 0);
    CHECK_INT(slice(d, true, "given up"), 0);
    CHECK_INT(slice(d, true, "one half"), 0);
    CHECK_INT(slice(d, false, "and the other"), 0);
    CHECK_INT(disk_compact(d, 151), 0);
    CHECK_INT(slice(d, true, "too early"), 0);
    CHECK_INT(disk_compact(d, 152), ERR_BUSY);
    CHECK_INT(disk_store(d, 153, 1, text("after")), 0);
    CHECK(await(d, &s, 152, false));
    CHECK(s.ordered && s.last_rc == 0);
    CHECK_INT(disk_sequence(d), 153);
    CHECK_INT(slice(d, true, "never used"), 0);
    CHECK(disk_journal_bytes(d) < 1000);
    disk_close(d);
    REQUIRE(disk_open(&d, folder, 1, on_replay, &s, NULL) == 0);
    CHECK_INT(s.replayed, 3);
    disk_close(d);
    folder_remove();
}

/* One call fills the queue while the writer is busy with the first record, so that the others must
 * share a few syncs. */
TEST(test_group_commit)
{
    struct store_memory *m = store_memory_new();
    struct journal_options options = {.feature_level = 1};
    struct seen s = {0};
    struct disk *d;

    REQUIRE(disk_open_on(&d, &m->store, &options, on_replay, &s, NULL) == 0);
    for (uint64_t t = 1; t <= 50000; t++)
        REQUIRE(disk_store(d, t, 1, text("small")) == 0);
    CHECK(await(d, &s, 50000, false));
    CHECK_INT(disk_sequence(d), 50000);
    disk_close(d);
    CHECK(m->syncs < 5000);
    store_memory_free(m);
}

TEST(test_queue_is_bounded)
{
    static uint8_t big[1 << 20];
    struct store_memory *m = store_memory_new();
    struct journal_options options = {.feature_level = 1};
    struct seen s = {0};
    struct disk *d;
    uint64_t t = 0;
    int rc = 0;

    REQUIRE(disk_open_on(&d, &m->store, &options, on_replay, &s, NULL) == 0);
    CHECK_INT(disk_store(d, 1, 1, (struct bytes){big, sizeof(big) + 1}), ERR_TOO_LARGE);
    while (rc == 0 && t < 100)
        rc = disk_store(d, ++t, 1, (struct bytes){big, sizeof(big)});
    CHECK(rc == ERR_FULL && t == 64);
    CHECK(await(d, &s, 63, false));
    CHECK_INT(disk_store(d, 64, 1, (struct bytes){big, sizeof(big)}), 0);
    CHECK(await(d, &s, 64, false));
    disk_close(d);
    store_memory_free(m);
}

/* The store is small; the writer says so, keeps everything, and goes on when there is space. */
TEST(test_full_disk_waits)
{
    struct store_memory *m = store_memory_new();
    struct journal_options options = {.feature_level = 1, .segment_bytes = 4096};
    struct seen s = {0};
    struct disk *d;

    m->space_max = 3 * 4096;
    REQUIRE(disk_open_on(&d, &m->store, &options, on_replay, &s, NULL) == 0);
    for (uint64_t t = 1; t <= 200; t++)
        REQUIRE(disk_store(d, t, 1, text("0123456789012345678901234567890123456789")) == 0);
    CHECK(await(d, &s, 0, true));
    CHECK(s.done < 200 && s.became_free == 0);
    __atomic_store_n(&m->space_max, 1 << 20, __ATOMIC_RELAXED);
    CHECK(await(d, &s, 200, false));
    CHECK(s.ordered && s.last_rc == 0);
    while (s.became_free == 0) {
        struct pollfd p = {.fd = disk_fd(d), .events = POLLIN};

        REQUIRE(poll(&p, 1, WAIT_MS) == 1);
        disk_poll(d, on_done, on_state, &s);
    }
    CHECK_INT(s.became_full, 1);
    disk_close(d);
    store_memory_free(m);
}

TEST(test_full_disk_is_compacted)
{
    struct store_memory *m = store_memory_new();
    struct journal_options options = {.feature_level = 1, .segment_bytes = 4096};
    struct seen s = {0};
    struct disk *d;

    m->space_max = 5 * 4096;
    REQUIRE(disk_open_on(&d, &m->store, &options, on_replay, &s, NULL) == 0);
    for (uint64_t t = 1; t <= 250; t++)
        REQUIRE(disk_store(d, t, 1, text("0123456789012345678901234567890123456789")) == 0);
    CHECK(await(d, &s, 0, true));
    CHECK_INT(slice(d, true, "what the 250 came to"), 0);
    CHECK_INT(disk_compact(d, 251), 0);
    CHECK(await(d, &s, 251, false));
    CHECK(s.ordered && s.last_rc == 0);
    CHECK_INT(disk_store(d, 252, 1, text("and on")), 0);
    CHECK(await(d, &s, 252, false));
    disk_close(d);
    s.replayed = 0;
    REQUIRE(disk_open_on(&d, &m->store, &options, on_replay, &s, NULL) == 0);
    CHECK_INT(s.replayed, 2);
    disk_close(d);
    store_memory_free(m);
}

TEST(test_full_disk_does_not_keep_from_closing)
{
    struct store_memory *m = store_memory_new();
    struct journal_options options = {.feature_level = 1, .segment_bytes = 4096};
    struct seen s = {0};
    struct disk *d;

    m->space_max = 3 * 4096;
    REQUIRE(disk_open_on(&d, &m->store, &options, on_replay, &s, NULL) == 0);
    for (uint64_t t = 1; t <= 250; t++)
        REQUIRE(disk_store(d, t, 1, text("0123456789012345678901234567890123456789")) == 0);
    CHECK(await(d, &s, 0, true));
    disk_close(d);
    store_memory_free(m);
}

/* A store in memory whose next syncs fail, as many as are asked for, or hang for as long as is
 * asked for. */
struct flaky {
    struct store store;
    struct store_memory *m;
    int failures;
    int hangs;
};

static struct flaky flaky;

static int flaky_sync(void *ctx, int file)
{
    while (__atomic_load_n(&flaky.hangs, __ATOMIC_SEQ_CST) != 0)
        poll(NULL, 0, 1);
    if (__atomic_load_n(&flaky.failures, __ATOMIC_SEQ_CST) > 0) {
        __atomic_sub_fetch(&flaky.failures, 1, __ATOMIC_SEQ_CST);
        flaky.m->fail_rc = ERR_IO;
        flaky.m->fail_at = flaky.m->calls + 1;
    }
    return flaky.m->store.sync(ctx, file);
}

static struct disk *flaky_open(struct seen *s)
{
    struct journal_options options = {.feature_level = 1, .segment_bytes = 4096};
    struct disk *d;

    flaky.m = store_memory_new();
    flaky.store = flaky.m->store;
    flaky.store.sync = flaky_sync;
    flaky.failures = 0;
    REQUIRE(disk_open_on(&d, &flaky.store, &options, on_replay, s, NULL) == 0);
    CHECK_INT(disk_store(d, 1, 1, text("first")), 0);
    CHECK(await(d, s, 1, false));
    return d;
}

TEST(test_failed_sync_moves_to_a_new_segment)
{
    struct journal_options options = {.feature_level = 1, .segment_bytes = 4096};
    struct seen s = {0};
    struct disk *d = flaky_open(&s);

    /* The quiet moment after a batch may sync as well, so that more than one failure could go to
     * the batch; wait for it by a second batch. */
    CHECK_INT(disk_store(d, 2, 1, text("second")), 0);
    CHECK(await(d, &s, 2, false));
    poll(NULL, 0, 50);
    __atomic_store_n(&flaky.failures, 1, __ATOMIC_SEQ_CST);
    CHECK_INT(disk_store(d, 3, 1, text("third")), 0);
    CHECK(await(d, &s, 3, false));
    CHECK_INT(s.last_rc, 0);
    disk_close(d);
    store_memory_power_loss(flaky.m, STORE_MEMORY_LOSE_ALL);
    CHECK(store_memory_find(flaky.m, "0000000000000002.seg") != NULL);
    REQUIRE(disk_open_on(&d, &flaky.store, &options, on_replay, &s, NULL) == 0);
    CHECK_INT(s.replayed, 3);
    disk_close(d);
    store_memory_free(flaky.m);
}

TEST(test_disk_that_never_syncs_says_so)
{
    struct journal_options options = {.feature_level = 1, .segment_bytes = 4096};
    struct seen s = {0};
    struct disk *d = flaky_open(&s);

    poll(NULL, 0, 50);
    __atomic_store_n(&flaky.failures, 1000000, __ATOMIC_SEQ_CST);
    for (uint64_t t = 2; t <= 4; t++) {
        CHECK_INT(disk_store(d, t, 1, text("lost")), 0);
        CHECK(await(d, &s, t, false));
        CHECK_INT(s.last_rc, ERR_SYNC);
    }
    CHECK_INT(disk_sequence(d), 1);
    __atomic_store_n(&flaky.failures, 0, __ATOMIC_SEQ_CST);
    CHECK_INT(disk_store(d, 5, 1, text("fifth")), 0);
    CHECK(await(d, &s, 5, false));
    CHECK_INT(s.last_rc, 0);
    disk_close(d);
    store_memory_power_loss(flaky.m, STORE_MEMORY_LOSE_ALL);
    REQUIRE(disk_open_on(&d, &flaky.store, &options, on_replay, &s, NULL) == 0);
    CHECK_INT(s.replayed, 2);
    disk_close(d);
    store_memory_free(flaky.m);
}

TEST(test_disk_that_hangs_is_seen_to_wait)
{
    struct seen s = {0};
    struct disk *d = flaky_open(&s);
    struct instant since;

    CHECK(disk_waits_since(d).us == INSTANT_NEVER.us);
    __atomic_store_n(&flaky.hangs, 1, __ATOMIC_SEQ_CST);
    CHECK_INT(disk_store(d, 2, 1, text("second")), 0);
    since = disk_waits_since(d);
    CHECK(since.us != INSTANT_NEVER.us);
    poll(NULL, 0, 20);
    CHECK_INT(disk_store(d, 3, 1, text("third")), 0);
    CHECK(disk_waits_since(d).us == since.us);
    __atomic_store_n(&flaky.hangs, 0, __ATOMIC_SEQ_CST);
    CHECK(await(d, &s, 3, false));
    CHECK(disk_waits_since(d).us == INSTANT_NEVER.us);
    disk_close(d);
    store_memory_free(flaky.m);
}

/* How many threads of this process block SIGTERM, or -1 without /proc. */
static int threads_blocking(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;

    if (tasks == NULL)
        return -1;
    while ((entry = readdir(tasks)) != NULL) {
        char path[300];
        char line[256];
        unsigned long long blocked;

        snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        FILE *f = fopen(path, "r");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL)
            if (sscanf(line, "SigBlk: %llx", &blocked) == 1 && (blocked >> (SIGTERM - 1) & 1))
                count++;
        if (f != NULL)
            fclose(f);
    }
    closedir(tasks);
    return count;
}

TEST(test_writer_blocks_signals)
{
    struct seen s = {0};
    struct disk *d;
    int before = threads_blocking();

    if (before < 0)
        SKIP("no /proc");
    folder_make();
    REQUIRE(disk_open(&d, folder, 1, on_replay, &s, NULL) == 0);
    CHECK_INT(threads_blocking(), before + 1);
    disk_close(d);
    folder_remove();
}

/* In a mount namespace of its own, so that nothing of it stays. 0, 77 for not possible here. */
static int tmpfs_story(void)
{
    static uint8_t record[60000];
    struct seen s = {0};
    struct disk *d;
    char path[128];
    int rc;

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("velum-test", folder, "tmpfs", 0, "size=20m,mode=700") < 0)
        return 77;
    snprintf(path, sizeof(path), "%s/journal", folder);
    rc = disk_open(&d, path, 1, on_replay, &s, NULL);
    if (rc < 0)
        return 1;
    snprintf(path, sizeof(path), "%s/ballast", folder);
    int ballast = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (ballast < 0 || posix_fallocate(ballast, 0, 3 << 20) != 0)
        return 2;
    for (uint64_t t = 1; t <= 230; t++)
        if (disk_store(d, t, 1, (struct bytes){record, sizeof(record)}) < 0)
            return 3;
    if (!await(d, &s, 0, true) || s.done >= 230)
        return 4;
    if (ftruncate(ballast, 0) < 0 || close(ballast) < 0 || !await(d, &s, 230, false))
        return 5;
    disk_close(d);
    if (!s.ordered || s.last_rc != 0)
        return 6;
    snprintf(path, sizeof(path), "%s/journal", folder);
    if (disk_open(&d, path, 1, on_replay, &s, NULL) < 0)
        return 7;
    disk_close(d);
    return s.replayed == 230 ? 0 : 8;
}

TEST(test_full_file_system)
{
    int status = 0;
    pid_t child;

    folder_make();
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0)
        _exit(tmpfs_story());
    REQUIRE(waitpid(child, &status, 0) == child);
    folder_remove();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        SKIP("no private mount namespace");
    CHECK_INT(status, 0);
}

/* Nothing to do costs nothing: no wake-ups of the writer over a quiet moment. */
TEST(test_idle_is_still)
{
    struct seen s = {0};
    struct disk *d;
    struct timespec before;
    struct timespec after;

    folder_make();
    REQUIRE(disk_open(&d, folder, 1, on_replay, &s, NULL) == 0);
    CHECK_INT(disk_store(d, 1, 1, text("x")), 0);
    CHECK(await(d, &s, 1, false));
    struct pollfd p = {.fd = disk_fd(d), .events = POLLIN};
    poll(&p, 1, 300);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    poll(&p, 1, 300);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    CHECK((after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec < 3000000);
    disk_close(d);
    folder_remove();
}

TEST_MAIN(test_stored_is_there_after_a_restart, test_close_drains, test_rotation_and_compaction,
          test_group_commit, test_queue_is_bounded, test_full_disk_waits,
          test_full_disk_is_compacted, test_full_disk_does_not_keep_from_closing,
          test_failed_sync_moves_to_a_new_segment, test_disk_that_never_syncs_says_so,
          test_disk_that_hangs_is_seen_to_wait, test_writer_blocks_signals, test_full_file_system,
          test_idle_is_still)
