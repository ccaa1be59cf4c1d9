/* Where the leaves of a job's stages lie: all in one row of numbers, so that a chunk, a report or
 * an account names a run of leaves and nothing else, whatever stages it belongs to.
 *
 * A stage of L leaves has a block of numbers to itself, whose size is the least power of two that
 * is not below L, and which begins at a multiple of its size. So its fold tree is a part of one
 * tree over the whole row: node (level, index) of the row is a node of the stage that its first
 * leaf belongs to, its children, siblings and parents are those of that stage, of two nodes of two
 * stages none holds the other, and a stage of one leaf is one number. The rest of a block, and what
 * lies between two, are numbers that are no leaf. The first stage begins at 0, so in a job of one
 * stage all is as in core/wire/tree.h.
 *
 *   stages of 5, 1, 1 and 3 leaves:   0 1 2 3 4 - - - | 8 | 9 | - - | 12 13 14
 *
 * Stages are only added, never changed. Pure. Owned by a ledger; it stays where it was made. */
#ifndef VELUM_JOB_SHAPE_H
#define VELUM_JOB_SHAPE_H

#include "core/base/alloc.h"
#include "core/wire/tree.h"

#define SHAPE_STAGES_MAX 1000000u

struct shape_stage {
    uint64_t first, end;
    bool apart; /* its leaves are never folded */
};

struct shape {
    const struct alloc *alloc;
    struct shape_stage one, *stages; /* `one` while there is no other */
    uint32_t count, cap;
    uint64_t end;    /* behind the last leaf of all */
    uint64_t next;   /* behind the last block */
    uint64_t leaves; /* that there are; the rest of [0, end) is none */
};

/* Without a stage. */
void shape_init(struct shape *s, const struct alloc *a);
void shape_clear(struct shape *s);
size_t shape_bytes(const struct shape *s); /* that it has allocated */
/* One more stage, of 1..LEAVES_MAX leaves. 0; ERR_FULL (too many stages, or leaves behind
 * LEAVES_MAX); ERR_NO_MEMORY. Then nothing has changed. */
int shape_add(struct shape *s, uint64_t leaves);
/* The same, of leaves that stay apart: each keeps its value, and there are no siblings. */
int shape_add_apart(struct shape *s, uint64_t leaves);
/* Room for so many more: shape_add does not run out of memory for them. 0, ERR_FULL,
 * ERR_NO_MEMORY. */
int shape_reserve(struct shape *s, uint32_t count);
/* The node's stage is one of these. */
bool shape_is_apart(const struct shape *s, struct tree_node at);
uint32_t shape_count(const struct shape *s);
/* Of stage i < count. */
struct shape_stage shape_at(const struct shape *s, uint32_t i);
/* The stage this leaf belongs to. False: the number is no leaf. */
bool shape_find(const struct shape *s, uint64_t leaf, uint32_t *stage);
/* How many of [first, end) are leaves. */
uint64_t shape_leaves(const struct shape *s, uint64_t first, uint64_t end);

/* As in core/wire/tree.h, in the row. All but shape_has want a node that is one. */
bool shape_has(const struct shape *s, struct tree_node at);
uint64_t shape_end(const struct shape *s, struct tree_node at);
struct tree_node shape_canonical(const struct shape *s, struct tree_node at);
/* Of a stage. */
struct tree_node shape_root(const struct shape *s, uint32_t stage);
bool shape_is_root(const struct shape *s, struct tree_node at);
/* The largest canonical node that begins at leaf `first` and ends at or before `end` and within its
 * stage. */
struct tree_node shape_largest_at(const struct shape *s, uint64_t first, uint64_t end);

#endif
