#include "core/node/worker_starts.h"

#include "core/node/aside.h"
#include "core/node/labour.h"

#define ROUNDS_MAX 10 /* pauses of half a second; a table of processes may be full for a while */

static void give_back_merges(struct node *n, const char *why)
{
    for (struct merge_work *m = n->merges, *next; m != NULL; m = next) {
        next = m->next;
        if (m->worker != 0 || m->job->labour == NULL)
            continue;
        /* It forgets the first such batch of the job and stage, which is this one. */
        labour_return_stage(m->job, m->stage, RETURN_NO_KERNEL, why);
    }
}

static void give_back(struct node *n, const char *why)
{
    for (struct job *j = n->labour_jobs, *next; j != NULL; j = next) {
        next = j->next_labour;
        labour_return_all(j, RETURN_NO_KERNEL, why);
    }
    give_back_merges(n, why);
    for (struct aside *a = n->asides, *next; a != NULL; a = next) {
        next = a->next;
        if (a->given)
            continue;
        aside_fail(n, a, why);
        aside_end(n, a);
    }
}

void starts_work(struct node *n)
{
    n->start_failures = n->start_rounds = 0;
}

void starts_failed(struct node *n, bool refused, const char *cause)
{
    /* Said when it begins and when it has gone on for too long, not twice a second. */
    const bool over = refused && n->start_rounds >= ROUNDS_MAX;

    if (!refused)
        n->start_rounds = 0;
    if (n->start_failures++ == 0 && (n->start_rounds == 0 || n->start_rounds == ROUNDS_MAX))
        log_line(n->options.log, LOG_WARNING, "a worker did not start: %s", cause);
#if VELUM_PLANT != 762 /* trace/test_workers: work waits for ever for workers that do not start */
    if (over)
        give_back(n, cause);
#endif
}

void starts_again(struct node *n)
{
    if (n->start_failures == 0)
        return;
    n->start_failures = 0;
    if (n->start_rounds <= ROUNDS_MAX)
        n->start_rounds++;
    n->serve_wanted = true;
}
