#include "core/host/mover_hash.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/file.h"
#include "core/host/machine.h"
#include "core/object/name.h"

#define THREADS_MAX 4
#define AHEAD 8 /* pieces of a walk that are read at once */

static struct {
    pthread_mutex_t guard;
    pthread_cond_t more, done;
    struct hash_job *first, **last;
} line = {.guard = PTHREAD_MUTEX_INITIALIZER,
          .more = PTHREAD_COND_INITIALIZER,
          .done = PTHREAD_COND_INITIALIZER};

static struct hash_job *take(void)
{
    pthread_mutex_lock(&line.guard);
    while (!line.first)
        pthread_cond_wait(&line.more, &line.guard);
    struct hash_job *j = line.first;
    line.first = j->next;
    if (!line.first)
        line.last = &line.first;
    pthread_mutex_unlock(&line.guard);
    return j;
}

static void finish(struct hash_job *j)
{
    pthread_mutex_lock(&line.guard);
    j->done = true;
    pthread_cond_broadcast(&line.done);
    pthread_mutex_unlock(&line.guard);
}

static int read_piece(const struct hash_job *j, uint8_t *to)
{
    int got = file_get(j->fd, j->at, to, j->length);
    if (got < 0)
        return got;
    return (uint32_t)got < j->length ? ERR_DAMAGED : 0;
}

static _Noreturn void *work(void *room)
{
    for (;;) {
        struct hash_job *j = take();
        j->rc = read_piece(j, room);
        if (j->rc == 0)
            j->digest = sha256_of(room, j->length);
        finish(j);
    }
}

static int start_thread(void)
{
    pthread_t thread;
    void *room = malloc(PIECE_SIZE);
    if (!room)
        return ERR_NO_MEMORY;
    if (pthread_create(&thread, NULL, work, room) != 0) {
        free(room);
        return ERR_SYSTEM;
    }
    pthread_detach(thread);
    return 0;
}

int hash_open(void)
{
    uint32_t cores = machine_cores();
    line.last = &line.first;
    int rc = start_thread();
    for (uint32_t i = 2; rc == 0 && i < cores && i <= THREADS_MAX; i++)
        (void)start_thread(); /* one is enough */
    return rc;
}

void hash_add(struct hash_job *j)
{
    j->done = false;
    j->next = NULL;
    pthread_mutex_lock(&line.guard);
    *line.last = j;
    line.last = &j->next;
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

int hash_pieces(const struct hash_walk *w, uint64_t first)
{
    struct hash_job jobs[AHEAD];
    const uint64_t pieces = object_pieces(w->size);
    uint64_t next = w->next(w->ctx, first), added = 0, done = 0;
    int rc = 0;
    for (;;) {
        for (; rc == 0 && added - done < AHEAD && next < pieces; next = w->next(w->ctx, next + 1)) {
            struct hash_job *j = &jobs[added++ % AHEAD];
            j->fd = w->fd;
            j->at = next * PIECE_SIZE;
            j->length = object_piece_length(w->size, next);
            hash_add(j);
        }
        if (done == added)
            return rc;
        struct hash_job *j = &jobs[done++ % AHEAD];
        hash_wait(j);
        if (rc == 0)
            rc = w->each(w->ctx, j->at / PIECE_SIZE, j->rc, j->digest);
    }
}
