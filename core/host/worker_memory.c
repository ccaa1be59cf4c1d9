#include "core/host/worker_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/sanitizer.h"
#include "core/wire/demand.h"

#define OWN_BYTES ((uint64_t)32 << 20) /* code, buffers and stack of the worker itself */

static uint64_t allowed;

int worker_memory_limit(uint64_t bytes, char reason[REASON_SIZE])
{
    struct rlimit now;
    if (bytes == 0 || SANITIZER)
        return 0;
#if VELUM_PLANT == 606 /* unit/test_worker: what a job says of memory is no limit of its workers */
    return 0;
#endif
    if (getrlimit(RLIMIT_AS, &now) != 0)
        goto fail;
    now.rlim_cur = bytes + OWN_BYTES < now.rlim_max ? bytes + OWN_BYTES : now.rlim_max;
    if (setrlimit(RLIMIT_AS, &now) != 0)
        goto fail;
    allowed = bytes;
    return 0;
fail:
    text_copy(reason, REASON_SIZE, strerror(errno));
    return ERR_SYSTEM;
}

void worker_memory_explain(char reason[REASON_SIZE])
{
    if (allowed == 0)
        return;
    text_copy(reason, REASON_SIZE, "the kernel needs more than the ");
    demand_say(&(struct demand){.mem_bytes = allowed}, reason, REASON_SIZE);
    text_append(reason, REASON_SIZE, " that the job says it needs (mem)");
}
