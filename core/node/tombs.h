/* Finished jobs that shrank to their names: what is left of them, oldest first, so that a spec or a
 * fact that comes back is known to be of a job that has ended. A table of its own, because there
 * may be a million of them: 44 bytes each and up to 11 more to find them by.
 *
 * Owns its memory. Bounded: beyond count_max the oldest makes room. Order of arrival is order of
 * age; nothing is taken out of the middle. Private to core/node. */
#ifndef VELUM_NODE_TOMBS_H
#define VELUM_NODE_TOMBS_H

#include <stdbool.h>

#include "core/base/alloc.h"
#include "core/base/id.h"

#define TOMBS_BLOCK 1024u

/* Why nothing more of it is kept. */
enum gone_why {
    GONE_AGE = 1,     /* it had ended long enough ago */
    GONE_NUMBER = 2,  /* later ones needed its place */
    GONE_TOLD = 3,    /* another of its holders had forgotten it */
    GONE_DROPPED = 4, /* a user dropped the old copy of a node that was away */
    GONE_MEMORY = 5   /* later ones needed its memory */
};

struct tombstone {
    struct job_id id;
    uint32_t gone_s;  /* by the calendar of this node (calendar.h) */
    uint32_t ended_s; /* Unix time, for people; 0: not known */
    uint8_t state;    /* enum job_state, a final one */
    uint8_t why;      /* enum gone_why */
};

struct tombs {
    const struct alloc *alloc;
    uint32_t count_max;
    uint64_t first, end;       /* numbers of those that are kept; they only rise */
    struct tombstone **blocks; /* of TOMBS_BLOCK each, a ring: number / TOMBS_BLOCK % blocks_cap */
    uint32_t blocks_cap;
    uint32_t *slots; /* which number is where; 0 marks an empty one */
    uint32_t slots_count;
};

void tombs_init(struct tombs *t, const struct alloc *a, uint32_t count_max);
void tombs_clear(struct tombs *t);
uint32_t tombs_count(const struct tombs *t);
/* NULL: not among them. Valid until the next change. */
const struct tombstone *tombs_find(const struct tombs *t, struct job_id id);
/* The i-th, the oldest first; i < count. */
const struct tombstone *tombs_at(const struct tombs *t, uint32_t i);
/* Adds the youngest. One that is there already stays as it is. 0 or ERR_NO_MEMORY. */
int tombs_add(struct tombs *t, const struct tombstone *stone);
void tombs_drop_oldest(struct tombs *t); /* there must be one */

#endif
