/* The journal writer of a real process on a real disk, killed -9 at any moment of a load with
 * rotation and compaction: what was given back as durable is there afterwards, in order. And how
 * long a record waits while a compaction is written. */
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/host/disk.h"
#include "core/host/memory.h"
#include "tests/lib/check.h"

#define TYPE_NUMBER 1
#define TYPE_FROM 2 /* of a snapshot: all numbers up to this one */
#define TYPE_FILLER 3
#define FILLER_BYTES ((size_t)2 << 20) /* of a snapshot */
#define RECORD_BYTES 900
#define COMPACT_EVERY 400
#define AHEAD_MAX 64 /* records on their way */

struct life {
    struct disk *disk;
    uint64_t stored, acked;
    bool compacting;
    int tell; /* where the last durable number goes */
    int64_t began[AHEAD_MAX];
    int64_t slowest_us, slowest_beside_us; /* of a record; of one beside a compaction */
    uint64_t compactions;
};

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Numbers come in order and without a gap. */
static int on_replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    uint64_t *last = ctx;
    uint64_t number = payload.len >= 8 ? load_u64(payload.data) : 0;

    (void)sequence;
    if (type == TYPE_FROM)
        *last = number;
    else if (type == TYPE_NUMBER && number == *last + 1)
        *last = number;
    else if (type != TYPE_FILLER)
        return ERR_FORMAT;
    return 0;
}

static void on_done(void *ctx, uint64_t ticket, int rc)
{
    struct life *l = ctx;
    int64_t waited;

    if (rc < 0)
        _exit(3);
    if (ticket == 0) {
        l->compacting = false;
        l->compactions++;
        return;
    }
    waited = now_us() - l->began[ticket % AHEAD_MAX];
    if (waited > l->slowest_us && !l->compacting)
        l->slowest_us = waited;
    if (waited > l->slowest_beside_us && l->compacting)
        l->slowest_beside_us = waited;
    l->acked = ticket;
}

static void on_state(void *ctx, bool full)
{
    (void)ctx;
    (void)full;
}

/* A slice for each record. */
static void compact(struct life *l)
{
    static uint8_t filler[4096];
    uint8_t number[8];
    struct buf b;

    buf_init(&b, &host_memory, 2 * sizeof filler);
    store_u64(number, l->stored);
    journal_put(&b, TYPE_FROM, (struct bytes){number, sizeof number});
    l->compacting = disk_slice(l->disk, true, buf_bytes(&b)) == 0;
    buf_reset(&b);
    journal_put(&b, TYPE_FILLER, (struct bytes){filler, sizeof filler});
    for (size_t n = 0; l->compacting && n < FILLER_BYTES; n += sizeof filler)
        l->compacting = disk_slice(l->disk, false, buf_bytes(&b)) == 0;
    l->compacting = l->compacting && disk_compact(l->disk, 0) == 0;
    buf_clear(&b);
}

/* Stores one number after another, until so many are durable. */
static void work(struct life *l, uint64_t until)
{
    struct pollfd p = {.fd = disk_fd(l->disk), .events = POLLIN};
    uint8_t record[RECORD_BYTES] = {0};
    uint64_t told = l->acked;

    while (l->acked < until) {
        while (l->stored < l->acked + AHEAD_MAX - 1 && l->stored < until) {
            l->stored++;
            l->began[l->stored % AHEAD_MAX] = now_us();
            store_u64(record, l->stored);
            if (disk_store(l->disk, l->stored, TYPE_NUMBER, (struct bytes){record, sizeof record}) <
                0)
                _exit(3);
            if (l->stored % COMPACT_EVERY == 0 && !l->compacting)
                compact(l);
        }
        poll(&p, 1, 1000);
        disk_poll(l->disk, on_done, on_state, l);
        if (l->tell >= 0 && l->acked > told &&
            write(l->tell, &l->acked, sizeof l->acked) == (ssize_t)sizeof l->acked)
            told = l->acked;
    }
}

static int life_open(struct life *l, const char *folder)
{
    uint64_t last = 0;
    int rc = disk_open(&l->disk, folder, 1, on_replay, &last, NULL);

    l->stored = l->acked = last;
    return rc;
}

/* What the killed one had told last. */
static uint64_t last_told(int fd, uint64_t before)
{
    uint64_t number;

    while (read(fd, &number, sizeof number) == (ssize_t)sizeof number)
        before = number;
    return before;
}

/* A process that works until it is killed, so long after its start, or after the first number it
 * told. Its last durable number, or `before`. */
static uint64_t killed_life(const char *folder, bool at_work, int64_t after_us, uint64_t before)
{
    struct timespec pause = {after_us / 1000000, after_us % 1000000 * 1000};
    struct life l = {0};
    int ends[2], status;
    uint64_t told;
    pid_t pid;

    REQUIRE(pipe(ends) == 0);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        l.tell = ends[1];
        if (life_open(&l, folder) < 0)
            _exit(2);
        work(&l, UINT64_MAX);
        _exit(4);
    }
    close(ends[1]);
    if (at_work)
        CHECK(read(ends[0], &before, sizeof before) == (ssize_t)sizeof before);
    nanosleep(&pause, NULL);
    kill(pid, SIGKILL);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    told = last_told(ends[0], before);
    close(ends[0]);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return told;
}

TEST(test_nothing_is_lost_by_a_kill_under_load)
{
    int rounds = getenv("VELUM_CHAOS") != NULL ? 400 : 25;
    char folder[] = "kill.XXXXXX";
    struct life l = {.tell = -1};
    uint64_t told = 0;
    struct prng prng;

    prng_init(&prng, 8);
    REQUIRE(mkdtemp(folder) != NULL);
    for (int i = 0; i < rounds && check_state.failures == 0; i++) {
        bool at_work = !prng_one_in(&prng, 4);
        uint64_t after = killed_life(folder, at_work, (int64_t)prng_below(&prng, 40000), told);

        CHECK(after >= told);
        told = after;
        REQUIRE(life_open(&l, folder) == 0);
        CHECK(l.acked >= told);
        told = l.acked;
        disk_close(l.disk);
    }
    printf("# %d kills, %llu records\n", rounds, (unsigned long long)told);
    CHECK(told > 1000);
}

/* Beside the load a compaction of 2 MiB, again and again: a record waits for it, but not for more
 * than the writing of it, and the node's loop never waits at all. */
TEST(test_a_record_waits_no_longer_than_a_compaction_takes)
{
    char folder[] = "wait.XXXXXX";
    struct life l = {.tell = -1};
    int64_t began, took;

    REQUIRE(mkdtemp(folder) != NULL);
    REQUIRE(life_open(&l, folder) == 0);
    began = now_us();
    work(&l, 8000);
    took = now_us() - began;
    printf("# 8000 records in %lld ms with %llu compactions; the slowest waited %lld us, beside a "
           "compaction %lld us\n",
           (long long)took / 1000, (unsigned long long)l.compactions, (long long)l.slowest_us,
           (long long)l.slowest_beside_us);
    CHECK(l.compactions >= 5);
    CHECK(disk_journal_bytes(l.disk) < ((uint64_t)32 << 20));
    disk_close(l.disk);
    REQUIRE(life_open(&l, folder) == 0);
    CHECK_INT(l.acked, 8000);
    disk_close(l.disk);
}

TEST_MAIN(test_nothing_is_lost_by_a_kill_under_load,
          test_a_record_waits_no_longer_than_a_compaction_takes)
