#include "core/base/alloc.h"

#include <stdint.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

void *alloc_zeroed(const struct alloc *a, size_t size)
{
    ensure(size > 0);
    void *p = a->resize(a->ctx, NULL, 0, size);
    if (p)
        memset(p, 0, size);
    return p;
}

void *alloc_array(const struct alloc *a, size_t count, size_t size)
{
    ensure(count > 0 && size > 0);
    if (count > SIZE_MAX / size)
        return NULL;
    return alloc_zeroed(a, count * size);
}

int alloc_grow(const struct alloc *a, void **array, size_t old_count, size_t new_count, size_t size)
{
    ensure(size > 0 && new_count > old_count);
    if (new_count > SIZE_MAX / size)
        return ERR_NO_MEMORY;
    size_t old_size = old_count * size;
    uint8_t *p = a->resize(a->ctx, *array, old_size, new_count * size);
    if (!p)
        return ERR_NO_MEMORY;
    memset(p + old_size, 0, new_count * size - old_size);
    *array = p;
    return 0;
}

void alloc_free(const struct alloc *a, void *p, size_t size)
{
    if (p)
        a->resize(a->ctx, p, size, 0);
}
