/* Where chunks begin and end, so that what they leave behind stays close to the fold tree. Pure
 * arithmetic, called by the pool. */
#ifndef VELUM_JOB_BORDER_H
#define VELUM_JOB_BORDER_H

#include <stdint.h>

/* How many leaves to take of the free run [first, end) when about `wanted` (>= 1) are wanted. A run
 * that is not longer is taken whole: what it leaves folds with its neighbours. Otherwise the length
 * is a power of two that divides `first`, so that the chunk is one node of the tree, and chunks
 * that follow an odd beginning double until they have the wanted length. first < end. */
uint64_t border_length(uint64_t first, uint64_t end, uint64_t wanted);
/* Where to cut [next, end), of at least two leaves, in two: at the multiple of the greatest power
 * of two that leaves each side at least a quarter. next < result < end. */
uint64_t border_cut(uint64_t next, uint64_t end);

#endif
