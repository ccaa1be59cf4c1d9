/* A hash map from fixed-size keys to pointers, open addressing, bounded. It borrows nothing: keys
 * are copied, values are the caller's. Iteration order depends on the keys and the order of calls
 * only, never on addresses, so that simulations repeat. */
#ifndef VELUM_BASE_MAP_H
#define VELUM_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/alloc.h"

struct map {
    const struct alloc *alloc;
    size_t key_size; /* 1..32 */
    size_t count;
    size_t count_max;
    size_t slots; /* power of two, or 0 while empty */
    uint8_t *keys;
    void **values; /* NULL marks an empty slot, so values are never NULL */
};

void map_init(struct map *m, const struct alloc *a, size_t key_size, size_t count_max);
void map_clear(struct map *m); /* frees the table, not the values */
void *map_get(const struct map *m, const void *key);
/* Inserts or replaces. 0, ERR_FULL or ERR_NO_MEMORY. value != NULL. */
int map_put(struct map *m, const void *key, void *value);
/* Removes and gives the value, or NULL. */
void *map_remove(struct map *m, const void *key);
/* Walks: start with *at = 0; returns the next value or NULL at the end.
 * The map must not change meanwhile. */
void *map_next(const struct map *m, size_t *at);

#endif
