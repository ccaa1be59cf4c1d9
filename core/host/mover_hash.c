#include "core/host/mover_hash.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/file.h"
#include "core/host/machine.h"
#include "core/object/name.h"

#define THREADS_MAX 4
#define STEP 65536u
#define AHEAD 8 /* pieces of a walk that are read at once */

/* One of the two pieces that a thread hashes at once: together they take little longer than one. */
struct lane {
    struct hash_job *job; /* NULL: only the other one works */
    struct sha256 sha;
    uint32_t at;
    const uint8_t *bytes; /* that were read last */
    uint8_t room[STEP];
};

static struct {
    pthread_mutex_t guard;
    pthread_cond_t more, done;
    struct hash_job *first, **last;
} line = {.guard = PTHREAD_MUTEX_INITIALIZER,
          .more = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER};

static struct hash_job *take_one(void)
{
    struct hash_job *j = line.first;
    if (!j)
        return NULL;
    line.first = j->next;
    if (!line.first)
        line.last = &line.first;
    return j;
}

/* One job, and a second where there is one. */
static void take(struct lane lanes[2])
{
    pthread_mutex_lock(&line.guard);
    while (!line.first)
        pthread_cond_wait(&line.more, &line.guard);
    lanes[0].job = take_one();
    lanes[1].job = take_one();
    pthread_mutex_unlock(&line.guard);
}

static void finish(struct lane *l)
{
    if (l->job->rc == 0)
        l->job->digest = sha256_end(&l->sha);
    pthread_mutex_lock(&line.guard);
    l->job->done = true;
    pthread_cond_broadcast(&line.done);
    pthread_mutex_unlock(&line.guard);
}

static void begin(struct lane *l)
{
    sha256_init(&l->sha);
    l->job->rc = 0;
    l->at = 0;
}

/* The next bytes; how many, 0 at the end or after an error. */
static uint32_t fetch(struct lane *l)
{
    struct hash_job *j = l->job;
    const uint32_t left = j && j->rc == 0 ? j->length - l->at : 0;
    const uint32_t want = left < STEP ? left : STEP;
    l->bytes = l->room;
    if (want == 0)
        return 0;
    uint8_t *to = j->to ? j->to + l->at : l->room;
    int got = j->fd < 0 ? (int)want : file_get(j->fd, j->at + l->at, to, want);
    if (got != (int)want) {
        j->rc = got < 0 ? got : ERR_DAMAGED;
        return 0;
    }
    l->bytes = to;
    l->at += want;
    return want;
}

/* Step by step, so that what was read is hashed while it is in the processor's cache. */
static void hash_side_by_side(struct lane lanes[2])
{
    for (;;) {
        const uint32_t n = fetch(&lanes[0]), m = fetch(&lanes[1]), both = n < m ? n : m;
        if (n + m == 0)
            return;
        sha256_add_two(&lanes[0].sha, lanes[0].bytes, &lanes[1].sha, lanes[1].bytes, both);
        sha256_add(&lanes[0].sha, lanes[0].bytes + both, n - both);
        sha256_add(&lanes[1].sha, lanes[1].bytes + both, m - both);
    }
}

static _Noreturn void *work(void *ctx)
{
    struct lane *lanes = ctx;
    for (;;) {
        take(lanes);
        begin(&lanes[0]);
        if (lanes[1].job)
            begin(&lanes[1]);
        hash_side_by_side(lanes);
        finish(&lanes[0]);
        if (lanes[1].job)
            finish(&lanes[1]);
    }
}

static int start_thread(void)
{
    pthread_t thread;
    struct lane *lanes = calloc(2, sizeof *lanes);
    if (!lanes)
        return ERR_NO_MEMORY;
    if (pthread_create(&thread, NULL, work, lanes) != 0) {
        free(lanes);
        return ERR_SYSTEM;
    }
    pthread_detach(thread);
    return 0;
}

int hash_open(void)
{
    uint32_t cores = machine_cores();
    if (line.last)
        return 0;
    line.last = &line.first;
    int rc = start_thread();
    for (uint32_t i = 1; rc == 0 && i < cores && i < THREADS_MAX; i++)
        (void)start_thread(); /* one is enough */
    if (rc < 0)
        line.last = NULL; /* the next call tries again */
    return rc;
}

static void put_in_line(struct hash_job *j)
{
    j->done = false;
    j->next = NULL;
    *line.last = j;
    line.last = &j->next;
}

void hash_add(struct hash_job *first, struct hash_job *second)
{
    pthread_mutex_lock(&line.guard);
    put_in_line(first);
    if (second)
        put_in_line(second);
    pthread_cond_signal(&line.more);
    pthread_mutex_unlock(&line.guard);
}

void hash_wait(struct hash_job *j)
{
    pthread_mutex_lock(&line.guard);
    while (!j->done)
        pthread_cond_wait(&line.done, &line.guard);
    pthread_mutex_unlock(&line.guard);
}

bool hash_is_done(const struct hash_job *j)
{
    pthread_mutex_lock(&line.guard);
    const bool done = j->done;
    pthread_mutex_unlock(&line.guard);
    return done;
}

static struct hash_job *walk_job(const struct hash_walk *w, struct hash_job *j, uint64_t piece)
{
    j->fd = w->fd;
    j->at = piece * PIECE_SIZE;
    j->length = object_piece_length(w->size, piece);
    j->to = NULL;
    return j;
}

int hash_pieces(const struct hash_walk *w, uint64_t first)
{
    struct hash_job jobs[AHEAD], *one, *two;
    const uint64_t pieces = object_pieces(w->size);
    uint64_t next = w->next(w->ctx, first), added = 0, done = 0;
    int rc = 0;
    for (;;) {
        while (rc == 0 && added - done <= AHEAD - 2 && next < pieces) {
            one = walk_job(w, &jobs[added++ % AHEAD], next);
            next = w->next(w->ctx, next + 1);
            two = next < pieces ? walk_job(w, &jobs[added++ % AHEAD], next) : NULL;
            next = two ? w->next(w->ctx, next + 1) : next;
            hash_add(one, two);
        }
        if (done == added)
            return rc;
        struct hash_job *j = &jobs[done++ % AHEAD];
        hash_wait(j);
        if (rc == 0)
            rc = w->each(w->ctx, j->at / PIECE_SIZE, j->rc, j->digest);
    }
}
