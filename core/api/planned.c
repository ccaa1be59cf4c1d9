#include "core/api/planned.h"

#include "core/api/guard.h"
#include "core/api/session.h"
#include "core/api/task.h"

int planned_submit(struct velum *v, const struct velum_task *task, const struct plan *plan)
{
    struct guard g;
    if (v->failed)
        return v->failed;
    guard_begin(&g);
    int number = task_start(v, task, plan);
    guard_end(&g);
    return number;
}

int64_t planned_add(struct velum *v, int session, const struct velum_stage *task,
                    const struct plan *plan)
{
    struct guard g;
    struct op *op = ops_find(&v->ops, session);
    if (!op || !op->session)
        return VELUM_MISUSE;
    /* Only the first writes (velum_add). */
    if (!session_is_empty(op))
        return session_add(v, op, task, plan);
    guard_begin(&g);
    int64_t number = session_add(v, op, task, plan);
    guard_end(&g);
    return number;
}
