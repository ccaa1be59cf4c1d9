/* Inputs of `velum map` that are tasks of one open job: those that are short, and whose kernel
 * folds and reads no files. They are sent many at a time, and cost the nodes a
 * thousandth of what a job of its own costs. A job that is full, or has had 250,000 of them, is
 * closed, and the next ones go into a new one, so that inputs without end fill no node's memory.
 *
 * A job whose author was stopped for so long that its nodes gave him up is gone with what it had
 * not told yet: such tasks come back as MAP_TASK_AGAIN. Called by map_run.c. */
#ifndef VELUM_CMD_MAP_TASKS_H
#define VELUM_CMD_MAP_TASKS_H

#include <stdbool.h>

#include "core/api/velum.h"
#include "core/host/builtin.h"

#define MAP_TASK_AGAIN 1 /* among codes, which are 0 and below */

struct map_tasks;

struct map_task_end {
    uint32_t item;     /* the caller's number */
    int code;          /* VELUM_DONE, another, or MAP_TASK_AGAIN: it is to be added again */
    bool by_job;       /* the job has ended with that code, and it with it */
    bool no_kernel;    /* because its node has no kernel of that name */
    const char *job;   /* its id, "" when it never became one */
    const char *error; /* one sentence, or "" */
    const void *bytes; /* of what it came to; all of these until the next call */
    size_t size;
};

/* v is borrowed, and so is what the wishes point to. 0 or ERR_NO_MEMORY. */
int map_tasks_new(struct map_tasks **out, struct velum *v, const struct velum_asks *asks);
void map_tasks_free(struct map_tasks *t); /* NULL is allowed */
/* False: too many jobs that are full wait for their last tasks. */
bool map_tasks_have_room(const struct map_tasks *t);
/* Under the caller's number for it; the arguments are for people. 0, or a code with velum_sentence.
 */
int map_tasks_add(struct map_tasks *t, const struct plan *plan, int argc, const char *const *argv,
                  uint32_t item);
/* The next one that has ended. */
bool map_tasks_next(struct map_tasks *t, struct map_task_end *out);
/* No more are added: when all have ended, so do the jobs. */
void map_tasks_close(struct map_tasks *t);
void map_tasks_kill(struct map_tasks *t);
/* Jobs of which something may still run: not all of it was told, or their node was lost. */
uint32_t map_tasks_jobs(const struct map_tasks *t);
/* Those that have not ended. */
bool map_tasks_go_on(const struct map_tasks *t);

#endif
