/* The inside of a pool, shared by its own files only: pool.c (what is free, and who has what),
 * pool_tasks.c (chunks of several stages) and pool_copies.c (spare copies and trims). Nobody else
 * includes this. */
#ifndef VELUM_JOB_POOL_INSIDE_H
#define VELUM_JOB_POOL_INSIDE_H

#include "core/base/map.h"
#include "core/job/pool.h"
#include "core/job/runset.h"

struct entry {
    struct chunk c;
    uint32_t at;   /* its place in the list */
    uint64_t twin; /* the grant of the other copy; 0: none. Only while `has_twin` */
    bool has_twin;
    bool for_silent; /* of a spare: when it was made, nothing was heard of the other one's node */
};

enum stage_state { STAGE_SHUT, STAGE_OPEN, STAGE_CLOSED /* it was open, and may have chunks */ };

struct pool {
    const struct alloc *alloc;
    const struct cover *cover;
    const struct shape *shape;
    uint64_t leaves; /* numbers of the row */
    uint8_t one_stage,
        *stage_states; /* enum stage_state by stage; `one_stage` if it is the only one */
    uint32_t stages, stages_cap;
    struct map by_grant;
    struct entry **list;
    uint32_t count, cap;
    struct runset free, careful;
    struct runset ahead; /* leaves of chunks whose stages are shut; in step with `free` */
    struct pool_tasks tasks;
    uint64_t cover_seen; /* covered leaves when `free` was last compared with the cover */
    bool stale;
    struct poison poison;
    uint32_t spares, spares_silent; /* spares_silent: of these, of chunks of silent nodes */
    uint32_t retries;
    uint32_t trims;          /* chunks that are being trimmed */
    struct instant spare_at; /* before it no chunk may have a spare, of so many at most */
    uint32_t spares_most;
    struct instant trim_at;  /* before it none is worth trimming */
    struct pool_pace pace;
    struct pool_suits suits; /* of == NULL: everybody suits */
};

/* Whether this node may have leaves of the stage. */
bool pool_suits_node(const struct pool *p, uint32_t stage, struct node_id node);
/* The stage of a leaf. */
uint32_t pool_stage_of(const struct pool *p, uint64_t leaf);
/* One more chunk. NULL: its number is taken, there are too many, or memory is out. */
struct entry *pool_entry_add(struct pool *p, const struct chunk *c);
/* Adds to what is free what the cover lacks of [first, end). */
int pool_free_uncovered(struct pool *p, uint64_t first, uint64_t end);

/* pool_tasks.c. How far a chunk that begins with this leaf may go on behind it, where it is a task:
 * to `most` at most, and with no more than `own` leaves that others could compute meanwhile. */
uint64_t pool_tasks_reach(const struct pool *p, uint64_t first, uint64_t most, uint64_t own);
/* Whether [first, end) can be one chunk. */
bool pool_tasks_run(const struct pool *p, uint64_t first, uint64_t end);
/* Leaves [first, end) are a chunk's, and nobody else's: they are not free, nor to be lent ahead. */
int pool_tasks_take(struct pool *p, uint64_t first, uint64_t end);
/* Nobody computes [first, end) for a chunk any more: free, unless covered, or another has it. */
int pool_tasks_give_back(struct pool *p, uint64_t first, uint64_t end);
/* What nobody has of a stage that opens is free; chunks that were told of before stay theirs. */
int pool_tasks_opened(struct pool *p, struct shape_stage s);
/* Whether all of [next, end) that is not covered may become a chunk's. */
bool pool_tasks_are_free(struct pool *p, uint64_t next, uint64_t end);
/* The first leaf from `at` on and before `end` that somebody else could compute now; `end`: none.
 */
uint64_t pool_tasks_open_from(const struct pool *p, uint64_t at, uint64_t end);
/* The first leaf from `at` on and before `end` of a stage that was closed; `end`: none is. */
uint64_t pool_tasks_closed_from(const struct pool *p, uint64_t at, uint64_t end);

#endif
