/* The plan of a kernel that is tested by itself, and what its arguments are refused with. Header
 * only, because it checks. */
#ifndef VELUM_TESTS_PLAN_RIG_H
#define VELUM_TESTS_PLAN_RIG_H

#include "core/base/err.h"
#include "core/kernel/kernel.h"
#include "tests/lib/check.h"

static struct kernel_plan plan;

/* Of words: how many, and they. */
#define WORDS(...)                                                                                 \
    sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[])                       \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* What the plan came to. */
static inline void check_refused(int rc, const char *words)
{
    CHECK_INT(rc, ERR_ARGUMENT);
    if (!CHECK(strstr(plan.reason, words) != NULL))
        printf("# \"%s\" has no \"%s\"\n", plan.reason, words);
}

#endif
