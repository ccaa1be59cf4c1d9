/* The makings of a node (making.c), found without a walk: by their number, by the job whose
 * reports wait for them, by the name of what was made, in the order they came into their state; and
 * those that are to be looked at. Decides nothing. Private to core/node. */
#ifndef VELUM_NODE_MAKING_SET_H
#define VELUM_NODE_MAKING_SET_H

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/base/map.h"

#define MAKINGS_ALL_MAX 65536u /* slots and their outputs ahead are what bounds them */

enum making_state {
    MAKING_HELD,    /* its bytes wait here until there is a stream for it */
    MAKING_OPEN,    /* they go to the mover */
    MAKING_NAMED,   /* it has all of them, and has not synced them yet */
    MAKING_WRITTEN, /* whole; the statement that it is kept is being synced, and copied */
    MAKING_STATES
};

enum making_ring {
    MAKING_BY_NAME, /* of what was made */
    MAKING_BY_JOB,  /* whose reports wait for it */
    MAKING_RINGS
};

struct making;
struct making_near {
    struct making *prev, *next;
};

struct making {
    uint64_t number; /* also the mover's stream */
    const struct making_owner *owner;
    uint64_t who;
    struct job_id job; /* that it is kept for, */
    bool passing;      /* until it has a result */
    enum making_state state;
    bool ended;      /* the owner has given all of it */
    bool may_wait;   /* and goes on when it has a name */
    bool finishing;  /* the mover knows that all of it has come */
    bool placing;    /* it was told to put it in place */
    struct buf held; /* of MAKING_HELD */
    uint64_t bytes;
    struct digest name;
    uint64_t made_as; /* the counter when it was whole */
    uint64_t ticket;
    struct instant until; /* of one with a name: it waits for others; of one that is written: for
                             copies */
    /* The set's. */
    struct making_near queue;               /* of its state */
    struct making_near rings[MAKING_RINGS]; /* of those with a name; NULL: it is in none */
    bool due;
    struct making *next_due;
};

struct making_queue {
    struct making *first, *last;
    uint32_t count;
};

struct making_set {
    struct map numbers;
    struct map rings[MAKING_RINGS]; /* the first of each ring */
    struct making_queue queues[MAKING_STATES];
    /* Of those that are written: the first that were not synced, or have not waited for long
     * enough, when that was looked at last. */
    struct making *unsynced, *early;
    struct making *due; /* the latest begun first */
};

void making_set_init(struct making_set *s, const struct alloc *a);
void making_set_clear(struct making_set *s); /* it is empty */
struct making *making_set_find(const struct making_set *s, uint64_t number);
/* The first in this state: the longest. NULL: none is. */
struct making *making_set_first(const struct making_set *s, enum making_state state);
/* The first written of the job whose reports wait for it. */
struct making *making_set_first_of(const struct making_set *s, struct job_id job);
/* It is held. 0, ERR_FULL or ERR_NO_MEMORY. */
int making_set_add(struct making_set *s, struct making *m);
void making_set_open(struct making_set *s, struct making *m);
/* It is in both rings. 0 or ERR_NO_MEMORY: then it may be in none. */
int making_set_name(struct making_set *s, struct making *m);
/* One of the job's that has this name, and is only named yet; or NULL. */
struct making *making_set_has(const struct making_set *s, struct digest name, struct job_id job);
/* It is due; of those written later neither the ticket is lower nor the end earlier. `waited_for`:
 * by its job's reports. 0 or ERR_NO_MEMORY: then it may be in no ring. */
int making_set_written(struct making_set *s, struct making *m, bool waited_for);
void making_set_remove(struct making_set *s, struct making *m);

/* Of those that are written, to be looked at: up to this ticket, those that end by now, all of this
 * name, all. */
void making_set_synced(struct making_set *s, uint64_t ticket);
void making_set_ended(struct making_set *s, struct instant now);
void making_set_named(struct making_set *s, struct digest name);
void making_set_all(struct making_set *s);
/* Takes the one begun last of those that are to be looked at, or NULL. */
struct making *making_set_take_due(struct making_set *s);

#endif
