/* tasks inside|PORT COUNT CHAIN [WAITING]: empty tasks of one session a second, from the first that
 * is added to the last that is taken, one line. Each waits for the one before it, in chains of
 * CHAIN (1: none waits). With WAITING a task that sleeps takes one slot meanwhile, and so many
 * more, which are not counted, wait for it.
 *
 * Not counted either: the first tasks, which start workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/client.h"

#define WARM_UP 200
#define ADD_AT_ONCE 500
#define SLEEP_MS "20000"

static struct velum *v;
static int session;
static int64_t counted; /* tasks from this number on */
static long taken;      /* of those */

static void take(long until)
{
    struct velum_end end;
    while (taken < until) {
        int rc = velum_take(v, session, &end, -1);
        if (rc <= 0)
            die("%s", velum_sentence(v, rc));
        if (end.code != VELUM_DONE)
            die("task %lld failed", (long long)end.task);
        taken += end.task >= counted;
    }
}

static int64_t add(const char *kernel, const char *arg, int64_t after)
{
    const char *const args[] = {arg};
    const struct velum_stage task = {
        .kernel = kernel, .argc = 1, .argv = args, .after = &after, .after_count = after >= 0};
    int64_t number;
    while ((number = velum_add(v, session, &task)) == VELUM_IN_PART)
        take(taken + 1);
    if (number < 0)
        die("%s", velum_sentence(v, (int)number));
    return number;
}

int main(int argc, char **argv)
{
    v = client_library(argc < 4 ? NULL : argv[1]);
    if (argc < 4)
        return 2;
    const long count = atol(argv[2]), chain = atol(argv[3]);
    const long waiting = argc > 4 ? atol(argv[4]) : -1;
    session = velum_open(v, NULL);
    if (session < 0)
        die("%s", velum_sentence(v, session));
    for (int i = 0; i < WARM_UP; i++)
        add("noop", "1", -1);
    take(WARM_UP);
    int64_t last = waiting < 0 ? -1 : add("sleep", SLEEP_MS, -1);
    for (long i = 0; i < waiting; i++)
        add("noop", "1", last);
    counted = WARM_UP + (waiting < 0 ? 0 : 1 + waiting);
    taken = 0;
    (void)velum_serve(v, waiting < 0 ? 0 : 500);
    const int64_t began = clock_us();
    for (long i = 0; i < count; i++) {
        last = add("noop", "1", i % chain == 0 ? -1 : last);
        if (i % ADD_AT_ONCE == 0)
            (void)velum_process(v);
    }
    take(count);
    printf("%.0f\n", (double)count * 1e6 / (double)(clock_us() - began));
    (void)velum_kill(v, session, 10000);
    velum_shutdown(v);
    return 0;
}
