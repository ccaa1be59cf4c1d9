/* What a coordinator has computed twice to see whether nodes tell the truth: chunks picked by
 * chance, each of them with a chance of so many in a thousand, and where they stand. Soft state:
 * with its coordinator it is gone, and what was to be computed again then is not.
 *
 * Which chunks follows from their numbers and a secret, so nobody who computes one can know. Of
 * each the values are remembered, as their digests, that its node told of it and that are not part
 * of a later one. Once the chunk is over, its leaves are given to another node, as a run that
 * begins and ends where these values do, so that it comes to values of the same tree nodes. Where
 * it does not, because it was broken off, values are tried again one by one.
 *
 * The bound is one on values, of all chunks together: with a value a chunk about 10 MiB. Beyond it
 * leaves are counted as missed, as those are that nobody could compute again, or that
 * RECHECK_TRIES_MAX did not. Who gives a chunk back untouched has not tried, in the first
 * RECHECK_REFUSED_US. Pure policy, no messages. */
#ifndef VELUM_JOB_RECHECK_H
#define VELUM_JOB_RECHECK_H

#include "core/base/id.h"
#include "core/base/map.h"
#include "core/job/pool.h"
#include "core/job/shape.h"

#define RECHECK_VALUES_MAX 16384u
#define RECHECK_TRIES_MAX 5u
#define RECHECK_REFUSED_US (60 * S_US) /* who has no time for it is asked again for so long */

struct recheck_value {
    struct tree_node at;
    struct digest digest; /* of the value */
    bool none;            /* of a search: nothing matches */
    bool done;            /* it was found equal, or does not matter any more */
};

/* Another node has come to another value: a third one is to say who stands alone. */
struct recheck_dispute {
    bool open;
    struct recheck_value told;
    struct node_id by; /* who came to the other */
    struct digest found;
    struct instant since;
};

/* A chunk whose leaves are to be computed again. */
struct recheck_chunk {
    uint64_t grant;
    struct node_id author; /* who told its values */
    struct recheck_value *values;
    uint32_t count, cap, left; /* left: not done */
    uint64_t missed_to;        /* leaves before this one that had no room are counted */
    bool over;                 /* nothing more is told of it */
    uint32_t tries;            /* in a row without an answer */
    uint32_t left_then;        /* of `left`, when it was given out last */
    struct instant since, over_at;
    struct recheck_dispute dispute;
    struct chunk again; /* who has it now, and which leaves; grant 0: nobody */
    struct recheck_chunk *prev, *next;
};

struct recheck {
    const struct alloc *alloc;
    const struct shape *shape;
    uint64_t secret;
    struct map by_grant, by_again;
    struct recheck_chunk *first, *last;
    uint32_t values, out;     /* that are remembered; chunks that somebody has now */
    uint64_t checked, missed; /* leaves: found equal; to be computed again, and were not */
};

/* The shape is borrowed. */
void recheck_init(struct recheck *r, const struct alloc *a, const struct shape *shape,
                  uint64_t secret);
/* Of some chunk two values are known. */
bool recheck_is_disputed(const struct recheck *r);
void recheck_clear(struct recheck *r);
/* Whether the chunk is one of so many in a thousand. */
bool recheck_picks(const struct recheck *r, uint64_t grant, uint32_t per_mille);
/* Its node tells this value, under its canonical name: `none` where it is that of a search without
 * a match. Values of one chunk come from left to right; one that holds earlier ones is told in
 * their place. At the bound, or without memory, its leaves are missed. */
void recheck_told(struct recheck *r, uint64_t grant, struct node_id author, const struct value *v,
                  bool none, struct instant now);

/* Whether something is still told of the chunk. */
typedef bool recheck_open(void *ctx, uint64_t grant);
/* What will be told of this chunk from now on does not matter: it may be computed again. */
void recheck_over(struct recheck *r, uint64_t grant, struct instant now);
/* Those of which nothing more is told may be computed again. */
void recheck_settle(struct recheck *r, recheck_open *is_open, void *ctx, struct instant now);
/* Whether the chunk may be computed again by this node now, and up to leaf `end`, if from `first`
 * on. */
struct recheck_rules {
    void *ctx;
    bool (*suits)(void *ctx, const struct recheck_chunk *c, struct node_id node);
    bool (*is_run)(void *ctx, uint64_t first, uint64_t end);
};
/* The first that may: from now on it is out, as this chunk. NULL: there is none. */
const struct chunk *recheck_take(struct recheck *r, struct node_id node, uint64_t grant,
                                 const struct recheck_rules *rules, struct instant now);
/* That chunk, while it is out; NULL: this is the number of none. */
struct recheck_chunk *recheck_find(const struct recheck *r, uint64_t grant);
/* The first that is out at this node. */
struct recheck_chunk *recheck_at(const struct recheck *r, struct node_id node);
/* The first that waits, behind that one; NULL: from the first on, or there is none. */
struct recheck_chunk *recheck_waiting(const struct recheck *r, const struct recheck_chunk *after);

enum recheck_answer { RECHECK_NOTHING, RECHECK_EQUAL, RECHECK_DIFFERS };
/* What is computed again came to this value, of a search `none` or not. DIFFERS: *what is what was
 * told before. NOTHING: it says nothing of that. */
enum recheck_answer recheck_answer(struct recheck *r, struct recheck_chunk *c,
                                   const struct value *v, bool none, struct recheck_value *what);
/* The chunk, which is out and came to something else than was told, waits for a third node. */
void recheck_dispute(struct recheck *r, struct recheck_chunk *c, const struct recheck_value *told,
                     struct digest found, struct instant now);
/* It is out no more: what has no answer waits again, unless it has been tried too often. `refused`:
 * nothing of it was computed. The chunk may be gone then; not while it is disputed. */
void recheck_back(struct recheck *r, struct recheck_chunk *c, bool refused, struct instant now);
/* Nobody will compute it: what has no answer is missed, and the chunk is gone. */
void recheck_give_up(struct recheck *r, struct recheck_chunk *c);
/* Leaves from this one on do not matter any more. */
void recheck_cut(struct recheck *r, uint64_t end);
/* Chunks that are to be computed again, out or not, or whose own work is not over. */
uint32_t recheck_left(const struct recheck *r);

#endif
