/* A set of leaves as sorted, disjoint runs [first, end) that do not touch. Bounded by its number of
 * runs, never by the number of leaves. Called by the pool. */
#ifndef VELUM_JOB_RUNSET_H
#define VELUM_JOB_RUNSET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"

struct run {
    uint64_t first, end;
};

struct runset {
    const struct alloc *alloc;
    struct run *runs;
    uint32_t count, cap, count_max;
    uint64_t leaves; /* in all runs together */
};

void runset_init(struct runset *s, const struct alloc *a, uint32_t count_max);
void runset_clear(struct runset *s);
/* Forgets the runs, keeps the memory. */
void runset_reset(struct runset *s);
/* An empty run changes nothing. 0, ERR_FULL or ERR_NO_MEMORY, and then nothing has changed. */
int runset_add(struct runset *s, uint64_t first, uint64_t end);
int runset_remove(struct runset *s, uint64_t first, uint64_t end);
bool runset_contains(const struct runset *s, uint64_t leaf);
/* How many leaves of [first, end) are in the set. */
uint64_t runset_overlap(const struct runset *s, uint64_t first, uint64_t end);
/* The first run that has a leaf at or after `at`, cut to begin no earlier.
 * False when there is none. */
bool runset_next(const struct runset *s, uint64_t at, struct run *out);

#endif
