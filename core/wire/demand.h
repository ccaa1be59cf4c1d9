/* What a stage asks of a node that is to run its leaves, and whether a node meets it. In a spec it
 * stands behind what else is said about the stage (spec.h), only where it asks for something:
 *
 *   u16 cpus       slots that a leaf takes; 0: one
 *   u64 mem_bytes  that a worker may need; 0: nothing is said
 *   text on        labels that a node must have (labels.h)
 *   text prefer    labels that are better had: nodes that have them come first
 *   u8 tier        the least tier (tier.h) that a node must have; only where one is asked for
 *
 * Every node has the labels arch=ARCHITECTURE and node=NAME besides its own, one whose workers have
 * a C compiler has LABEL_COMPILES, and one that loads plugins that come with jobs has LABEL_LOADS
 * with "any" or "listed" behind it, which says whether all of them.
 * Pure; owns nothing. */
#ifndef VELUM_WIRE_DEMAND_H
#define VELUM_WIRE_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/wire/labels.h"
#include "core/wire/tier.h"

#define DEMAND_CPUS_MAX 1024u /* a node has no more slots */
#define DEMAND_MEM_MAX ((uint64_t)1 << 50)
#define LABEL_COMPILES "compiles=c"
#define LABEL_BUILDS "builds=c" /* with the compiler of its machine */
#define LABEL_LOADS "plugins"
#define DEMANDS_MAX 16u /* different ones in a job */

struct demand {
    uint16_t cpus;
    uint64_t mem_bytes;
    struct bytes on, prefer; /* borrowed */
    uint8_t tier;            /* enum tier; TIER_UNKNOWN: nothing is said */
};

/* What a node has; labels, arch and name borrowed, empty where unknown. */
struct offer {
    uint32_t slots;
    uint64_t memory_bytes;
    const char *labels, *arch, *name;
    uint8_t tier, tier_lacks;
};

bool demand_is_empty(const struct demand *d);
bool demand_equal(const struct demand *a, const struct demand *b);
/* 0, ERR_FORMAT, ERR_TOO_LARGE, or ERR_VERSION: a tier that a later generation has. */
int demand_check(const struct demand *d);
/* Never of an empty one. */
void put_demand(struct buf *b, const struct demand *d);
/* Borrows; takes the tier where anything is left. Nothing is checked but that it is whole. */
void read_demand(struct reader *r, struct demand *d);

static inline uint32_t demand_slots(const struct demand *d)
{
    return d->cpus > 1 ? d->cpus : 1;
}

/* How many of the things that are asked for the node lacks; 0: it meets the demand. */
uint32_t demand_misses(const struct demand *d, const struct offer *o);
/* It has all labels that are better had. */
bool demand_prefers(const struct demand *d, const struct offer *o);
/* Whether `than` is nearer to meeting it than `best` (NULL: nobody so far): it lacks fewer things,
 * or has more memory, a better tier or more slots, where that is what is lacking. */
bool demand_is_nearer(const struct demand *d, const struct offer *than, const struct offer *best);
/* Appends "64 GiB of memory, 2 slots, gpu=1 and tier S2 or better". */
void demand_say(const struct demand *d, char *text, size_t cap);
/* Appends what the node has of that, or not: "n3 of tier S1 (no Landlock and namespaces) with 16
 * GiB without gpu=1". */
void demand_say_miss(const struct demand *d, const struct offer *o, char *text, size_t cap);
/* "no node has 2 slots and gpu=1: the nearest is n3 with 1 slot without gpu=1"; `nearest` NULL:
 * there is no node at all. */
void demand_say_unmet(const struct demand *d, const struct offer *nearest, char *text, size_t cap);

#endif
