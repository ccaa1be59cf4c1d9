#include "core/host/memory.h"

#include <malloc.h>
#include <stdlib.h>

#define WORTH_BYTES ((size_t)16 << 20)
#define LEFT_BYTES ((size_t)1 << 20) /* at the top of the heap, for what comes next */

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

void memory_give_back(void)
{
    if (mallinfo2().fordblks >= WORTH_BYTES)
        malloc_trim(LEFT_BYTES);
}
