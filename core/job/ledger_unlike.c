/* That two compilers make two kernels of a snippet: one finding of a job is kept, the least, and
 * with it the job goes on with libtcc's code. It outlives the end of the job, where it is told. */
#include <string.h>

#include "core/base/err.h"
#include "core/job/ledger_inside.h"
#include "core/wire/feature.h"

const struct unlike *ledger_unlike(const struct ledger *l)
{
    return l->unlike;
}

int unlike_apply(struct ledger *l, const struct unlike *u)
{
    uint32_t stage;

    if (!shape_find(&l->graph.shape, u->leaf, &stage))
        return u->leaf >= l->graph.shape.end ? ledger_missing(l) : ERR_FORMAT;
#if VELUM_PLANT == 803 /* unit/test_ledger_unlike: of two findings the last to come stays */
    if (l->unlike != NULL && unlike_compare(u, l->unlike) == 0)
#else
    if (l->unlike != NULL && unlike_compare(u, l->unlike) >= 0)
#endif
        return LEDGER_KNOWN;
    if (l->unlike == NULL)
        l->unlike = alloc_zeroed(l->alloc, sizeof *l->unlike);
    if (l->unlike == NULL)
        return ERR_NO_MEMORY;
    *l->unlike = *u;
    if (l->graph.level < FEATURE_UNLIKE)
        l->graph.level = FEATURE_UNLIKE;
    return LEDGER_NEW;
}

void unlike_put(const struct ledger *l, struct buf *to)
{
    if (l->unlike != NULL)
        put_unlike(to, l->unlike);
}

void unlike_digest(const struct ledger *l, struct sha256 *s)
{
    uint8_t raw[256];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    unlike_put(l, &b);
    sha256_add(s, b.data, b.len);
}

size_t unlike_bytes(const struct ledger *l)
{
    return l->unlike == NULL ? 0 : sizeof *l->unlike;
}

void unlike_clear(struct ledger *l)
{
    alloc_free(l->alloc, l->unlike, sizeof *l->unlike);
    l->unlike = NULL;
}
