/* The arithmetic of the fold tree over the leaves of one stage: pure functions of a node and the
 * number of leaves, L. Used by workers (folding a run), by the job room and by whoever names a
 * value.
 *
 * Node (level, index) covers leaves [index << level, (index + 1) << level), cut at L. A node whose
 * right half lies wholly beyond the last leaf *is* its left child, so one value may go by several
 * names. Its one canonical name is the HIGHEST: (level, index) with nothing to its right in its
 * parent is renamed to the parent, again and again. So the root of any L is (levels, 0), a sibling
 * of a canonical node is always in range, and two canonical nodes are equal or disjoint or one
 * holds the other properly.
 *
 *   L = 5     level 3          (3,0)
 *             level 2    (2,0)       (2,1) = (1,2) = (0,4)
 *             level 1  (1,0) (1,1)
 *             level 0  0   1 2   3 */
#ifndef VELUM_WIRE_TREE_H
#define VELUM_WIRE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/wire/value.h"

/* How many leaves: ceil(units / leaf_units), without overflow. Both >= 1. May exceed LEAVES_MAX:
 * whoever takes a spec checks that. */
uint64_t tree_leaves(uint64_t units, uint64_t leaf_units);
/* The root's level: the least l with L <= 1 << l. 1 <= L <= LEAVES_MAX, here and below. */
uint8_t tree_levels(uint64_t leaves);
struct tree_node tree_root(uint64_t leaves);
/* True when the node is a node of the tree: not above the root, and its first leaf exists. All
 * functions below want one that is. */
bool tree_has(struct tree_node at, uint64_t leaves);
/* The leaves it covers: [tree_first, tree_end). */
uint64_t tree_first(struct tree_node at);
uint64_t tree_end(struct tree_node at, uint64_t leaves);
struct tree_node tree_parent(struct tree_node at);
struct tree_node tree_sibling(struct tree_node at);
struct tree_node tree_left(struct tree_node at); /* level >= 1 */
struct tree_node tree_right(struct tree_node at);
bool tree_is_left(struct tree_node at);
bool tree_equal(struct tree_node a, struct tree_node b);
/* The highest name of the value. */
struct tree_node tree_canonical(struct tree_node at, uint64_t leaves);
/* True when the subtree of `a` contains `b` (or is it). */
bool tree_holds(struct tree_node a, struct tree_node b);
/* The largest canonical node that starts at leaf `first` and ends at or before `end`: walking from
 * border to border with it gives the fewest nodes that cover [first, end). first < end <= L. */
struct tree_node tree_largest_at(uint64_t first, uint64_t end, uint64_t leaves);

#endif
