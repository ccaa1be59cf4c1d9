/* tasks inside|PORT COUNT CHAIN [WAITING|durable]: empty tasks of one session a second, from the
 * first that is added to the last that is taken, one line. Each waits for the one before it, in
 * chains of CHAIN (1: none waits). With WAITING a task that sleeps takes one slot meanwhile, and so
 * many more, which are not counted, wait for it. With `durable` the last of them is also synced
 * at two nodes that keep the job.
 *
 * Not counted either: the first tasks, which start workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/task_stream.h"

#define SLEEP_MS "20000"
#define ADD_AT_ONCE 500

static const char *const one[] = {"1"}, *const long_time[] = {SLEEP_MS, SLEEP_MS};
static const struct velum_stage empty = {.kernel = "noop", .argc = 1, .argv = one};

/* Takes a slot, and so many wait for it. */
static void hold_up(struct task_stream *s, long waiting)
{
    const struct velum_stage sleep = {.kernel = "sleep", .argc = 2, .argv = long_time};
    const int64_t number = task_stream_add(s, &sleep);
    struct velum_stage behind = empty;
    behind.after = &number;
    behind.after_count = 1;
    task_stream_add_many(s, &behind, waiting);
    task_stream_count_from(s, number + 1 + waiting);
    (void)velum_serve(s->v, 500);
}

static void add_chains(struct task_stream *s, long count, long chain)
{
    int64_t last = -1;
    struct velum_stage task = empty;
    task.after = &last;
    for (long i = 0; i < count; i++) {
        task.after_count = i % chain == 0 ? 0 : 1;
        last = task_stream_add(s, &task);
        if (i % ADD_AT_ONCE == 0)
            (void)velum_process(s->v);
    }
}

int main(int argc, char **argv)
{
    struct velum *v = client_library(argc < 4 ? NULL : argv[1]);
    if (argc < 4)
        return 2;
    const long count = atol(argv[2]), chain = atol(argv[3]);
    const int durable = argc > 4 && strcmp(argv[4], "durable") == 0;
    struct task_stream s;
    task_stream_open(&s, v, durable ? VELUM_DURABLE : VELUM_SENT);
    task_stream_warm_up(&s, &empty);
    if (argc > 4 && !durable)
        hold_up(&s, atol(argv[4]));
    const int64_t began = clock_us();
    add_chains(&s, count, chain);
    task_stream_take(&s, count);
    if (durable)
        task_stream_sync(&s, 2);
    printf("%.0f\n", (double)count * 1e6 / (double)(clock_us() - began));
    task_stream_end(&s);
    velum_shutdown(v);
    return 0;
}
