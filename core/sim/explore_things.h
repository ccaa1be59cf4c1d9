/* Everything the search has met, each thing once: byte strings (frames, queues, pages of memory,
 * what a step gave out) by number, and what a step of a node came to.
 *
 * Strings live until the end. Called by explore_part.c, explore_scene.c and explore.c. */
#ifndef VELUM_SIM_EXPLORE_THINGS_H
#define VELUM_SIM_EXPLORE_THINGS_H

#include "core/base/alloc.h"
#include "core/base/bytes.h"

struct things_chunk;

struct things {
    const struct alloc *alloc;
    struct bytes *list; /* number 0 is the empty string */
    uint32_t count, cap;
    uint32_t *table; /* numbers by hash; 0: free */
    uint32_t table_size;
    struct things_chunk *chunks;
    bool full; /* out of memory, or of numbers */
};

void things_init(struct things *s, const struct alloc *a);
void things_clear(struct things *s);
/* The string's number, a new one if it is new. 0 for an empty one, and when `full` was set. */
uint32_t things_put(struct things *s, struct bytes b, bool *is_new);
struct bytes things_get(const struct things *s, uint32_t number);

/* (u64 -> two u32), the key not 0. */
struct memo_slot {
    uint64_t key;
    uint32_t a, b;
};
struct memo {
    const struct alloc *alloc;
    struct memo_slot *slots;
    uint32_t count, size;
    bool full;
};

void memo_init(struct memo *m, const struct alloc *a);
void memo_clear(struct memo *m);
const struct memo_slot *memo_get(const struct memo *m, uint64_t key);
void memo_put(struct memo *m, uint64_t key, uint32_t a, uint32_t b);

uint64_t things_hash(struct bytes b);

#endif
