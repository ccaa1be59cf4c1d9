#include "core/wire/tree.h"

#include "core/base/ensure.h"

uint64_t tree_leaves(uint64_t units, uint64_t leaf_units)
{
    ensure(units >= 1 && leaf_units >= 1);
    return (units - 1) / leaf_units + 1;
}

uint8_t tree_levels(uint64_t leaves)
{
    ensure(leaves >= 1 && leaves <= LEAVES_MAX);
    uint8_t level = 0;
    while (((uint64_t)1 << level) < leaves)
        level++;
    return level;
}

struct tree_node tree_root(uint64_t leaves)
{
    return (struct tree_node){.level = tree_levels(leaves), .index = 0};
}

bool tree_has(struct tree_node at, uint64_t leaves)
{
    /* Comparing indices, not leaves, so that no index from outside can overflow a shift. */
    return at.level <= tree_levels(leaves) && at.index <= (leaves - 1) >> at.level;
}

uint64_t tree_first(struct tree_node at)
{
    return at.index << at.level;
}

uint64_t tree_end(struct tree_node at, uint64_t leaves)
{
    uint64_t end = (at.index + 1) << at.level;
#if VELUM_PLANT == 209 /* unit/test_tree: the last tree node ends behind the last leaf */
    return end < leaves + 1 ? end : leaves + 1;
#else
    return end < leaves ? end : leaves;
#endif
}

struct tree_node tree_parent(struct tree_node at)
{
    return (struct tree_node){.level = (uint8_t)(at.level + 1), .index = at.index >> 1};
}

struct tree_node tree_sibling(struct tree_node at)
{
    return (struct tree_node){.level = at.level, .index = at.index ^ 1};
}

struct tree_node tree_left(struct tree_node at)
{
    ensure(at.level > 0);
    return (struct tree_node){.level = (uint8_t)(at.level - 1), .index = at.index << 1};
}

struct tree_node tree_right(struct tree_node at)
{
    struct tree_node left = tree_left(at);
    left.index |= 1;
    return left;
}

bool tree_is_left(struct tree_node at)
{
    return (at.index & 1) == 0;
}

bool tree_equal(struct tree_node a, struct tree_node b)
{
    return a.level == b.level && a.index == b.index;
}

struct tree_node tree_canonical(struct tree_node at, uint64_t leaves)
{
    uint8_t levels = tree_levels(leaves);
    while (at.level < levels && tree_is_left(at) && !tree_has(tree_sibling(at), leaves))
        at = tree_parent(at);
    return at;
}

bool tree_holds(struct tree_node a, struct tree_node b)
{
    return a.level >= b.level && b.index >> (a.level - b.level) == a.index;
}

struct tree_node tree_largest_at(uint64_t first, uint64_t end, uint64_t leaves)
{
    ensure(first < end && end <= leaves);
    struct tree_node at = {.level = 0, .index = first};
    uint8_t levels = tree_levels(leaves);
    while (at.level < levels && tree_is_left(at) && tree_end(tree_parent(at), leaves) <= end)
        at = tree_parent(at);
    return at;
}
