#include "tests/bench/task_stream.h"

#define WARM_UP 200
#define ADD_AT_ONCE 500

void task_stream_open(struct task_stream *s, struct velum *v, enum velum_level level)
{
    *s = (struct task_stream){.v = v};
    s->session = velum_open(v, &(struct velum_session){.level = level});
    if (s->session < 0)
        die("%s", velum_sentence(v, s->session));
}

void task_stream_take(struct task_stream *s, long until)
{
    struct velum_end end;
    while (s->taken < until) {
        int rc = velum_take(s->v, s->session, &end, -1);
        if (rc <= 0)
            die("%s", velum_sentence(s->v, rc));
        if (end.code != VELUM_DONE)
            die("task %lld failed", (long long)end.task);
        s->taken += end.task >= s->counted;
    }
}

int64_t task_stream_add(struct task_stream *s, const struct velum_stage *task)
{
    int64_t number;
    while ((number = velum_add(s->v, s->session, task)) == VELUM_IN_PART)
        task_stream_take(s, s->taken + 1);
    if (number < 0)
        die("%s", velum_sentence(s->v, (int)number));
    return number;
}

void task_stream_add_many(struct task_stream *s, const struct velum_stage *task, long count)
{
    for (long i = 0; i < count; i++) {
        task_stream_add(s, task);
        if (i % ADD_AT_ONCE == 0)
            (void)velum_process(s->v);
    }
}

void task_stream_count_from(struct task_stream *s, int64_t number)
{
    s->counted = number;
    s->taken = 0;
}

void task_stream_warm_up(struct task_stream *s, const struct velum_stage *task)
{
    task_stream_add_many(s, task, WARM_UP);
    task_stream_take(s, WARM_UP);
    task_stream_count_from(s, WARM_UP);
}

void task_stream_sync(struct task_stream *s, uint32_t copies)
{
    struct velum_progress p = {0};
    do {
        if (velum_serve(s->v, 0) < 0 || velum_progress(s->v, s->session, &p) < 0)
            die("the session has ended");
    } while (p.safe < p.added);
    if (p.durable < copies)
        die("the tasks are synced at %u nodes only", p.durable);
}

void task_stream_end(struct task_stream *s)
{
    (void)velum_kill(s->v, s->session, 10000);
    velum_release(s->v, s->session);
}
