/* Leaves at which something died: who died there, how often, and what follows from it. Owned by one
 * pool. Bounded: when the table is full, a new death replaces the record with fewest restarts. */
#ifndef VELUM_JOB_POISON_H
#define VELUM_JOB_POISON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/job/shape.h"

#define POISON_LEAVES_MAX 1024
#define POISON_OWN_MAX 3      /* deaths of its own doing fail the job, where nothing else is said */
#define POISON_LOSSES_ALONE 2 /* node losses, and the leaf runs alone */
#define POISON_LOSSES_MAX 4
#define POISON_RESTARTS_MAX 20
#define POISON_NODES_MAX 4 /* that are remembered of a leaf */

enum death { DEATH_OWN, DEATH_OUTSIDE, DEATH_MEMORY };

/* How much memory nodes have, in bytes; asked when a leaf has run out of it somewhere. */
struct poison_memory {
    void *ctx;
    uint64_t (*of)(void *ctx, struct node_id node);
    uint64_t (*most)(void *ctx, uint64_t leaf); /* of a node that may run it */
};

/* How often a leaf that died of its own doing is begun again, if it has a limit of its own: 0 where
 * it has none. */
struct poison_retries {
    void *ctx;
    uint32_t (*of)(void *ctx, uint64_t leaf);
};

/* How many nodes may run a leaf, where that is not the same for all. */
struct poison_eligible {
    void *ctx;
    uint32_t (*of)(void *ctx, uint64_t leaf);
};

/* A process of a node that was lost. */
struct poison_loss {
    struct node_id node;
    uint64_t boot;
};

struct poison_leaf {
    uint64_t leaf;
    struct poison_loss lost[POISON_LOSSES_MAX]; /* the last ones */
    uint32_t own, losses, restarts;
    struct node_id nodes[POISON_NODES_MAX]; /* on which it died of its own doing, each once */
    uint32_t nodes_count;
    uint32_t own_first;  /* how many of its own on nodes[0] */
    uint64_t too_little; /* bytes of memory with which it ran out of it, 0: it never did */
};

struct poison {
    const struct alloc *alloc;
    struct poison_leaf *leaves; /* ascending */
    uint32_t count, cap;
    uint32_t eligible_nodes;         /* as was told last */
    struct poison_memory memory;     /* of == NULL: nobody knows */
    struct poison_retries retries;   /* of == NULL: all as usual */
    struct poison_eligible eligible; /* of == NULL: eligible_nodes */
    const struct shape *shape;       /* NULL, or one stage: leaves go by their numbers */
};

void poison_init(struct poison *p, const struct alloc *a);
void poison_clear(struct poison *p);
/* Returns the deaths of its own doing that are now counted for the leaf; without memory the death
 * is not counted, and 0 is returned. */
uint32_t poison_add(struct poison *p, uint64_t leaf, struct node_id node, enum death death);
/* The node went while it ran the leaf. Without memory that is not counted. */
void poison_lost(struct poison *p, uint64_t leaf, struct poison_loss loss);
/* It had not gone: what was counted for it is taken back. */
void poison_not_lost(struct poison *p, struct poison_loss loss);
/* The last ones lost at this leaf. Returns how many. */
uint32_t poison_losses(const struct poison *p, uint64_t leaf,
                       struct poison_loss to[POISON_LOSSES_MAX]);
/* Leaves [first, end) have been computed: nothing is wrong with them. */
void poison_absolve(struct poison *p, uint64_t first, uint64_t end);
/* True when the leaf must be a chunk of its own. */
bool poison_alone(const struct poison *p, uint64_t leaf);
/* The first leaf at or after `from` and below `end` that must be alone;
 * `end` when there is none. */
uint64_t poison_next_alone(const struct poison *p, uint64_t from, uint64_t end);
/* True when this node must leave the leaf to others: it has died here twice and nowhere else, and
 * others are eligible; or it ran out of memory where there was no less of it. */
bool poison_refuses(const struct poison *p, uint64_t leaf, struct node_id node);
/* Some leaf was running when so many nodes were lost that it is to be judged for that. */
bool poison_has_losses(const struct poison *p);
/* Who judges: how many nodes may run leaves; without `sure` no leaf is to blame for nodes that were
 * lost; leaves from `end` on are not judged. */
struct poison_court {
    uint32_t eligible_nodes;
    bool sure;
    uint64_t end;
};
/* True when the job must fail; gives the leaf and a sentence. */
bool poison_judge(struct poison *p, struct poison_court court, uint64_t *leaf, char *why,
                  size_t cap);
/* Whether the job would have to fail because of this leaf, if it were judged and all were sure. */
bool poison_condemns(const struct poison *p, uint64_t leaf);

#endif
