/* The allocator the core is given. One function, told the old size, so that tests count, limit and
 * fail it.
 *
 * resize(ctx, NULL, 0, n) allocates, resize(ctx, p, n, 0) frees and returns NULL, otherwise grows
 * or shrinks and keeps the old block when it returns NULL. Callers of the core own the allocator
 * and must outlive it. */
#ifndef VELUM_BASE_ALLOC_H
#define VELUM_BASE_ALLOC_H

#include <stddef.h>

struct alloc {
    void *(*resize)(void *ctx, void *old, size_t old_size, size_t new_size);
    void *ctx;
};

/* Zeroed memory, or NULL. size > 0. */
void *alloc_zeroed(const struct alloc *a, size_t size);
/* Zeroed array, or NULL also when count * size overflows. */
void *alloc_array(const struct alloc *a, size_t count, size_t size);
/* Grows an array in place to new_count elements (new ones zeroed):
 * 0 or ERR_NO_MEMORY with the old one intact. */
int alloc_grow(const struct alloc *a, void **array, size_t old_count, size_t new_count,
               size_t size);
/* Frees; NULL is accepted. `size` is what was asked for. */
void alloc_free(const struct alloc *a, void *p, size_t size);

#endif
