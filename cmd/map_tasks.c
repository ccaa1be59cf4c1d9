#include "cmd/map_tasks.h"

#include <stdlib.h>

#include "core/api/planned.h"
#include "core/base/err.h"

#define JOBS_MAX 8
#define TASKS_MAX 250000u

struct session {
    int op;                    /* 0: this place is free */
    uint32_t *items;           /* of its tasks, by number, and one; 0: it was told */
    uint32_t count, cap, live; /* live: those that were not told */
    bool closed;
    int over; /* the code it has ended with, MAP_TASK_AGAIN; VELUM_IN_PART */
};

struct map_tasks {
    struct velum *v;
    struct velum_asks asks;
    struct session sessions[JOBS_MAX];
    struct session *now; /* the one that takes more, or NULL */
    uint32_t lost;
};

int map_tasks_new(struct map_tasks **out, struct velum *v, const struct velum_asks *asks)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return ERR_NO_MEMORY;
    (*out)->v = v;
    (*out)->asks = *asks;
    return 0;
}

static void drop(struct map_tasks *t, struct session *s)
{
    if (t->now == s)
        t->now = NULL;
    velum_release(t->v, s->op);
    free(s->items);
    *s = (struct session){0};
}

void map_tasks_free(struct map_tasks *t)
{
    for (uint32_t i = 0; t && i < JOBS_MAX; i++)
        if (t->sessions[i].op > 0)
            drop(t, &t->sessions[i]);
    free(t);
}

/* --- adding --- */

static struct session *free_place(const struct map_tasks *t)
{
    for (uint32_t i = 0; i < JOBS_MAX; i++)
        if (t->sessions[i].op == 0)
            return (struct session *)&t->sessions[i];
    return NULL;
}

static bool is_full(const struct session *s)
{
    return s->count >= TASKS_MAX;
}

static bool goes_on(const struct map_tasks *t, const struct session *s)
{
    struct velum_state state;
    return velum_look(t->v, s->op, &state) == VELUM_DONE && state.code == VELUM_IN_PART;
}

bool map_tasks_have_room(const struct map_tasks *t)
{
    return (t->now && !is_full(t->now)) || free_place(t);
}

static void close_one(struct map_tasks *t, struct session *s)
{
    (void)velum_close(t->v, s->op);
    s->closed = true;
    if (t->now == s)
        t->now = NULL;
}

/* The one that takes the next task. 0 or a code. */
static int find_session(struct map_tasks *t)
{
    const struct velum_session options = {.asks = t->asks};
    struct session *s;
    if (t->now && (is_full(t->now) || !goes_on(t, t->now)))
        close_one(t, t->now);
    if (t->now)
        return 0;
    s = free_place(t);
    if (!s)
        return VELUM_IN_PART;
    int op = velum_open(t->v, &options);
    if (op < 0)
        return op;
    *s = (struct session){.op = op, .over = VELUM_IN_PART};
    t->now = s;
    return 0;
}

static int make_room(struct session *s)
{
    uint32_t cap = s->cap ? 2 * s->cap : 1024;
    if (s->count < s->cap)
        return 0;
    uint32_t *more = realloc(s->items, cap * sizeof *more);
    if (!more)
        return VELUM_FAILED;
    s->items = more;
    s->cap = cap;
    return 0;
}

static int add(struct map_tasks *t, const struct velum_stage *task, const struct plan *plan,
               uint32_t item)
{
    int rc = find_session(t);
    if (rc == 0)
        rc = make_room(t->now);
    if (rc < 0)
        return rc;
    int64_t number = planned_add(t->v, t->now->op, task, plan);
    if (number < 0)
        return (int)number;
    t->now->items[t->now->count++] = item + 1;
    t->now->live++;
    return 0;
}

int map_tasks_add(struct map_tasks *t, const struct plan *plan, int argc, const char *const *argv,
                  uint32_t item)
{
    const struct velum_stage task = {.kernel = plan->kernel, .argc = argc, .argv = argv};
    int rc = add(t, &task, plan, item);
    if (rc != VELUM_FAILED || !t->now || t->now->count == 0 || !free_place(t))
        return rc;
    /* The job has no room for its bytes; an empty one has. */
    close_one(t, t->now);
    return add(t, &task, plan, item);
}

/* --- ending --- */

/* What is borrowed from it is good until the next call. */
static const struct velum_state *state_of(const struct map_tasks *t, const struct session *s)
{
    static struct velum_state state;
    (void)velum_look(t->v, s->op, &state);
    return &state;
}

static bool next_told(struct map_tasks *t, struct session *s, struct map_task_end *out)
{
    struct velum_end end;
    int rc;
    while ((rc = velum_take(t->v, s->op, &end, 0)) == s->op) {
        uint32_t item = s->items[end.task];
        if (item == 0) /* it was given up, and is complete after all */
            continue;
        *out = (struct map_task_end){.item = item - 1,
                                     .code = end.code,
                                     .job = state_of(t, s)->id,
                                     .error = end.error,
                                     .bytes = end.bytes,
                                     .size = end.size};
        s->items[end.task] = 0;
        s->live--;
        return true;
    }
    if (rc < 0 && rc != VELUM_IN_PART)
        s->over = rc;
    else if (rc == 0 && s->closed && !goes_on(t, s))
        s->over = VELUM_DONE;
    return false;
}

/* What it had not told when it ended. */
static bool next_left(struct map_tasks *t, struct session *s, struct map_task_end *out)
{
    const struct velum_state *state = state_of(t, s);
    while (s->count > 0) {
        uint32_t item = s->items[--s->count];
        if (item == 0)
            continue;
        s->live--;
        *out = (struct map_task_end){.item = item - 1,
                                     .code = s->over,
                                     .by_job = true,
                                     .no_kernel = state->no_kernel != 0,
                                     .job = state->id,
                                     .error = state->error};
        if (s->over == VELUM_TIME_OUT)
            out->code = MAP_TASK_AGAIN;
        return true;
    }
    t->lost += s->over == VELUM_NO_NODE;
    return false;
}

bool map_tasks_next(struct map_tasks *t, struct map_task_end *out)
{
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        struct session *s = &t->sessions[i];
        if (s->op == 0)
            continue;
        if (s->over == VELUM_IN_PART && next_told(t, s, out))
            return true;
        if (s->over == VELUM_IN_PART)
            continue;
        if (next_left(t, s, out))
            return true;
        drop(t, s);
    }
    return false;
}

void map_tasks_close(struct map_tasks *t)
{
    for (uint32_t i = 0; i < JOBS_MAX; i++)
        if (t->sessions[i].op > 0 && !t->sessions[i].closed)
            close_one(t, &t->sessions[i]);
}

void map_tasks_kill(struct map_tasks *t)
{
    for (uint32_t i = 0; i < JOBS_MAX; i++)
        if (t->sessions[i].op > 0)
            (void)velum_kill(t->v, t->sessions[i].op, 0);
}

bool map_tasks_go_on(const struct map_tasks *t)
{
    for (uint32_t i = 0; i < JOBS_MAX; i++)
        if (t->sessions[i].op > 0)
            return true;
    return false;
}

uint32_t map_tasks_jobs(const struct map_tasks *t)
{
    uint32_t count = t->lost;
    for (uint32_t i = 0; i < JOBS_MAX; i++)
        count += t->sessions[i].op > 0 && t->sessions[i].live > 0;
    return count;
}
