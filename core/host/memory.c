#include "core/host/memory.h"

#include <stdlib.h>

static void *resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size > 0)
        return realloc(old, new_size);
    free(old);
    return NULL;
}

const struct alloc host_memory = {resize, NULL};
