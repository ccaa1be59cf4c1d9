/* A long journal and how long it takes to open it.
 *
 *   recover make FOLDER MIB   a journal of so many MiB of segments, closed in order
 *   recover tear FOLDER       leaves half a record at its end, as a power loss would
 *   recover open FOLDER       opens it, hears every record, and prints the milliseconds it took
 *   recover read FOLDER       reads the same files from end to end, and prints the milliseconds */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/host/memory.h"
#include "core/host/store_file.h"
#include "core/journal/journal.h"

#define PIECE ((size_t)128 << 10)

static const struct journal_options options = {.feature_level = 1, .id = "bench"};

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int must(int rc, const char *what)
{
    if (rc >= 0)
        return rc;
    fprintf(stderr, "recover: %s: %s\n", what, err_sentence(rc));
    exit(1);
}

static int hear(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    uint64_t *bytes = ctx;

    (void)sequence;
    (void)type;
    *bytes += payload.len;
    return 0;
}

static struct journal *journal_of(struct store *store, struct journal_report *report)
{
    struct journal *j;
    uint64_t bytes = 0;

    must(journal_open(&j, &host_memory, store, &options, hear, &bytes, report), "opening");
    return j;
}

/* Records as a node writes them: from a claim to a report of some values. */
static void make(struct store *store, uint64_t mib)
{
    struct journal *j = journal_of(store, NULL);
    uint8_t text[1024];
    struct prng prng;

    prng_init(&prng, 1);
    for (size_t i = 0; i < sizeof text; i += 8)
        store_u64(text + i, prng_u64(&prng));
    while (journal_bytes(j) < mib << 20) {
        for (int i = 0; i < 4000; i++)
            must(journal_append(j, 1, (struct bytes){text, 64 + prng_below(&prng, 960)}),
                 "appending");
        must(journal_sync(j), "writing");
    }
    must(journal_close(j), "closing");
}

static void tear(struct store *store)
{
    struct journal_report report;
    struct journal *j = journal_of(store, &report);
    uint8_t half[100];
    char name[SEGMENT_NAME_SIZE];
    uint64_t end = journal_bytes(j);
    int file;

    /* The place behind the last record: all segments but the last are full. */
    segment_name(report.record_segment, name);
    end = report.record_offset;
    journal_abandon(j);
    memset(half, 0xee, sizeof half);
    file = must(store->open(store->ctx, name, false), name);
    must(store->write_at(store->ctx, file, end + 2048, half, sizeof half), "tearing");
    must(store->sync(store->ctx, file), "tearing");
    store->close(store->ctx, file);
}

static int read_one(void *ctx, const char *name)
{
    static uint8_t piece[PIECE];
    struct store *store = ctx;
    int file = must(store->open(store->ctx, name, false), name), n;

    for (uint64_t at = 0; (n = store->read_at(store->ctx, file, at, piece, PIECE)) > 0;)
        at += (uint64_t)n;
    store->close(store->ctx, file);
    return must(n, "reading");
}

int main(int argc, char **argv)
{
    struct journal_report report = {0};
    struct store store;
    double began;

    if (argc < 3)
        return 2;
    must(store_file_open(&store, argv[2]), argv[2]);
    began = now_ms();
    if (strcmp(argv[1], "make") == 0 && argc == 4)
        make(&store, strtoull(argv[3], NULL, 10));
    else if (strcmp(argv[1], "tear") == 0)
        tear(&store);
    else if (strcmp(argv[1], "read") == 0)
        must(store.list(store.ctx, read_one, &store), "reading");
    else
        journal_abandon(journal_of(&store, &report));
    printf("%.3f %llu %llu\n", now_ms() - began, (unsigned long long)report.records,
           (unsigned long long)report.torn_bytes);
    store_file_close(&store);
    return 0;
}
