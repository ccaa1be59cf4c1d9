/* The value of a tree node of a search, and its result, which is the value of the root:
 *
 *   u64 unit   the lowest unit of the node's leaves that matches; FOUND_NONE: none of them does
 *   bytes      what the kernel says of it, its accumulator in canonical form; zeros of FOUND_NONE
 *
 * All values of one search have the same size. A value that matches says nothing of the leaves
 * behind its unit's, so it stands for every node that the same leaves begin: the parent of a left
 * child that matches has its value, whatever the right child would have. */
#ifndef VELUM_WIRE_FOUND_H
#define VELUM_WIRE_FOUND_H

#include "core/base/bytes.h"

#define FOUND_HEAD 8u
#define FOUND_NONE UINT64_MAX

/* Both want a value of at least FOUND_HEAD bytes. */
bool found_matches(struct bytes value);
uint64_t found_unit(struct bytes value);
/* Whether it has the form drawn above. */
bool found_is_value(struct bytes value);

#endif
