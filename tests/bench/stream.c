#include "tests/bench/stream.h"

#define WARM_UP 200
#define ADD_AT_ONCE 500

void stream_open(struct stream *s, struct velum *v, enum velum_level level)
{
    *s = (struct stream){.v = v};
    s->session = velum_open(v, &(struct velum_session){.level = level});
    if (s->session < 0)
        die("%s", velum_sentence(v, s->session));
}

void stream_take(struct stream *s, long until)
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

int64_t stream_add(struct stream *s, const struct velum_stage *task)
{
    int64_t number;
    while ((number = velum_add(s->v, s->session, task)) == VELUM_IN_PART)
        stream_take(s, s->taken + 1);
    if (number < 0)
        die("%s", velum_sentence(s->v, (int)number));
    return number;
}

void stream_add_many(struct stream *s, const struct velum_stage *task, long count)
{
    for (long i = 0; i < count; i++) {
        stream_add(s, task);
        if (i % ADD_AT_ONCE == 0)
            (void)velum_process(s->v);
    }
}

void stream_count_from(struct stream *s, int64_t number)
{
    s->counted = number;
    s->taken = 0;
}

void stream_warm_up(struct stream *s, const struct velum_stage *task)
{
    stream_add_many(s, task, WARM_UP);
    stream_take(s, WARM_UP);
    stream_count_from(s, WARM_UP);
}

void stream_sync(struct stream *s, uint32_t copies)
{
    struct velum_progress p = {0};
    do {
        if (velum_serve(s->v, 0) < 0 || velum_progress(s->v, s->session, &p) < 0)
            die("the session has ended");
    } while (p.safe < p.added);
    if (p.durable < copies)
        die("the tasks are synced at %u nodes only", p.durable);
}

void stream_end(struct stream *s)
{
    (void)velum_kill(s->v, s->session, 10000);
    velum_release(s->v, s->session);
}
