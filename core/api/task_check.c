#include "core/api/task_check.h"

#include <string.h>

#include "core/api/task_source.h"
#include "core/base/text.h"
#include "core/host/builtin.h"
#include "core/wire/spec.h"

static int check_args(struct velum *v, const struct velum_task *t)
{
    if (t->argc < 0 || t->argc > ARGS_COUNT_MAX || (t->argc > 0 && !t->argv))
        return handle_fail(v, VELUM_MISUSE, "", "a kernel takes 0 to %d arguments, not %d",
                           ARGS_COUNT_MAX, t->argc);
    for (int i = 0; i < t->argc; i++)
        if (!t->argv[i] || strlen(t->argv[i]) >= ARG_SIZE_MAX)
            return handle_fail(v, VELUM_MISUSE, "", "argument %d is %s", i + 1,
                               t->argv[i] ? "too long" : "NULL");
    return 0;
}

uint64_t task_us(uint64_t ms)
{
    return ms > (uint64_t)INT64_MAX / 1000 ? (uint64_t)INT64_MAX : ms * 1000;
}

int task_check(struct velum *v, const struct velum_task *t)
{
    if (!t->kernel || (!task_source_is_file(t->kernel) && strlen(t->kernel) >= KERNEL_NAME_SIZE))
        return handle_fail(v, VELUM_MISUSE, "velum kernels", "there is no kernel of that name");
    if (t->name && t->name[0] && !text_is_name(t->name))
        return handle_fail(v, VELUM_MISUSE, "nightly-1",
                           "a job's name takes a-z, 0-9 and -, at most 63, not \"%.64s\"", t->name);
    if (t->check > 100)
        return handle_fail(v, VELUM_MISUSE, "velum_task.check = 100",
                           "100 percent of the leaves can be checked, not %u", (unsigned)t->check);
    return check_args(v, t);
}

int task_refuse_kernel(struct velum *v, const char *kernel)
{
    const char *near = builtin_nearest(kernel);
    return handle_fail(v, VELUM_MISUSE, near ? near : "velum kernels", "there is no kernel \"%s\"",
                       kernel);
}

int task_refuse_args(struct velum *v, const char *kernel, const char *reason)
{
    const char *usage = builtin_usage(kernel);
    return handle_fail(v, VELUM_MISUSE, usage && usage[0] ? usage : "", "%s: %s", kernel,
                       reason[0] ? reason : "the arguments are not allowed");
}

int task_limits(struct velum *v, struct submission *s, const struct velum_task *t)
{
    s->slots_max = t->slots_max;
    s->timeout_us = task_us(t->timeout_ms);
    s->cpu_us = task_us(t->cpu_ms);
    s->leaf_units = t->leaf_units;
    s->check = (uint16_t)(t->check * (JOB_CHECK_MAX / 100));
    if (!t->tier || (task_source_is_file(t->kernel) && wants_compiler(t->tier, &s->compiler)))
        return 0;
    return handle_fail(v, VELUM_MISUSE, "velum_task.tier = NULL",
                       "tier says whose compiler makes the code of FILE.c: tcc, cc or auto");
}

int task_asks(struct velum *v, struct submission *s, const struct velum_asks *a)
{
    bool ok = wants_cpus(&s->wants, a->cpus > 0 ? a->cpus : 1) && a->mem_bytes <= DEMAND_MEM_MAX &&
              wants_labels(s->wants.on, a->on ? a->on : "") &&
              wants_labels(s->wants.prefer, a->prefer ? a->prefer : "") &&
              (!a->min_tier || tier_read(a->min_tier, &s->wants.tier)) &&
              a->priority >= -JOB_PRIORITY_MAX && a->priority <= JOB_PRIORITY_MAX;
    if (!ok)
        return handle_fail(v, VELUM_MISUSE, "what velum_asks says of them in velum.h",
                           "cpus, mem_bytes, on, prefer, min_tier or priority is not allowed");
    s->wants.mem_bytes = a->mem_bytes;
    s->priority = (int8_t)a->priority;
    s->waits = a->wait_for_capacity != 0;
    return 0;
}

int task_choose_leaf(struct velum *v, struct submission *s)
{
    if (s->leaf_units == 0)
        return 0;
    s->plan.leaf_units = s->leaf_units;
    if (submission_leaves(s) <= LEAVES_MAX)
        return 0;
    return handle_fail(v, VELUM_MISUSE, "a larger leaf", "that would be %llu leaves, 2^40 may be",
                       (unsigned long long)submission_leaves(s));
}
