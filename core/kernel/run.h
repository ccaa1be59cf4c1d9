/* The fold stack of one run of leaves: leaves come in order, siblings fold at once, and what is
 * left is the cover of the run in tree nodes, from left to right.
 *
 * Values go by their canonical names of core/wire/tree.h, the highest: of five leaves, leaf 4 is
 * (2, 1) as soon as it is there, and the root (3, 0) is merged from (2, 0) and (2, 1). A run that
 * starts or ends in mid-tree folds only siblings that both lie inside it.
 *
 * Pure; no allocation: the caller gives the memory.
 * Used by the worker, the simulator and boards. */
#ifndef VELUM_KERNEL_RUN_H
#define VELUM_KERNEL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wire/value.h"

/* A run rises to a large node and falls again: at most one or two nodes of each level. */
#define RUN_VALUES_MAX (2 * (LEVEL_MAX + 1))

/* Folds two values of the kernel's size; out is the memory of left. < 0 stops the push. */
typedef int run_merge(void *ctx, struct bytes left, struct bytes right, uint8_t *out);

struct run {
    uint64_t first, next, end; /* leaves: [first, next) are computed, [next, end) are to come */
    uint64_t leaves;           /* of the stage */
    uint32_t count;            /* values on the stack */
    uint32_t taken;            /* the lowest `taken` of them were part of an earlier take */
    uint32_t value_size;
    struct tree_node at[RUN_VALUES_MAX];
    uint8_t *values; /* the caller's, RUN_VALUES_MAX * value_size bytes */
};

/* first <= end <= leaves <= LEAVES_MAX, value_size <= ACCUMULATOR_SIZE_MAX. Of a collect values is
 * NULL and value_size 0: the values are kept elsewhere, and run_step stands for slot and push. */
void run_init(struct run *r, uint64_t first, uint64_t end, uint64_t leaves, void *values,
              uint32_t value_size);
bool run_ended(const struct run *r);
/* Where the next leaf's value is to be written: value_size bytes. Only while not ended. */
uint8_t *run_slot(struct run *r);
/* Takes the value in the slot as that of leaf `next`, and folds. 0, or what merge returned (< 0;
 * the run is then of no further use). */
int run_push(struct run *r, run_merge *merge, void *ctx);
/* Leaf `next` is computed, and its value kept elsewhere. Only while not ended. */
void run_step(struct run *r);
/* The i-th value of the cover, from left; i < r->count. Borrowed until the next push. */
struct value run_value(const struct run *r, uint32_t i);
/* The values [*from, r->count) became part of the cover since the last take; each supersedes what
 * was told earlier below it. Returns how many. */
uint32_t run_take(struct run *r, uint32_t *from);
/* Cuts the run at `end`, but never below `next`, and never makes it longer.
 * Returns the end that now holds. */
uint64_t run_trim(struct run *r, uint64_t end);

#endif
