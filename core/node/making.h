/* Objects that this node makes itself: the output of a leaf, the list of a job's outputs. Bytes go
 * to the mover as they come. When all are there the object is whole and kept from then on; when
 * that is written down and others have copies too, as of an object that a user puts, its owner
 * hears of it.
 *
 * At most MAKINGS_MAX are with the mover at a time; the bytes of others are held here, up to
 * MAKING_WINDOW each, which is also how many the owner may be ahead of what it was told is taken.
 * Where the owner may wait for it, all that get their name within a tenth of a second are synced
 * together, so that small outputs do not keep the disk busy with syncs: MAKINGS_TOGETHER at most,
 * or as many as there are when one comes that nobody may wait for. Of those the owner hears twice.
 *
 * With many workers a thousand wait to be safe, so each is looked at only when something has
 * changed that this hangs on: its ticket, its time, its name, or who there is. Private to
 * core/node. */
#ifndef VELUM_NODE_MAKING_H
#define VELUM_NODE_MAKING_H

#include "core/node/objects.h"

#define MAKINGS_MAX 32u /* with the mover */
#define MAKINGS_TOGETHER 16u
#define MAKING_TOGETHER_US (75 * MS_US) /* so long one waits for others; a round may add to that */
#define MAKING_WINDOW (1u << 20)
#define MAKING_COPIES 2
#define MAKING_WAIT_US (10 * S_US) /* for copies: then those that are there are enough */

/* Who makes it, known by a number that may mean nothing any more: the functions then do nothing.
 * They may begin, end and drop makings. */
struct making_owner {
    /* The mover has so many more bytes. */
    void (*taken)(struct node *n, uint64_t who, uint32_t bytes);
    /* 0 and its name, or an error: nothing is left of it. The making is gone, unless it is to be
     * settled. */
    void (*made)(struct node *n, uint64_t who, int rc, struct digest name);
    /* NULL, or the owner hears that it is made as soon as it is whole here, or has its name where
     * it may wait, and of this when it is written down and others have copies, or when it was lost
     * before that. The making is gone. */
    void (*settled)(struct node *n, uint64_t who);
    /* Of one that has its name: an error, and nothing is left of it. NULL where settled is. */
    void (*lost)(struct node *n, uint64_t who, int rc);
};

/* It is to be kept for this job; `passing`: until that has a result. Gives its number; 0
 * when memory is out, or this node keeps no objects. */
uint64_t making_begin(struct node *n, const struct making_owner *owner, uint64_t who,
                      struct job_id job, bool passing);
/* The next bytes. The owner is told of what it may not have, later: there is no answer. */
void making_add(struct node *n, uint64_t number, struct bytes bytes);
/* All of it has come. `may_wait`: for others, MAKING_TOGETHER_US. */
void making_finish(struct node *n, uint64_t number, bool may_wait);
/* Some wait for others; they wait no longer. */
bool makings_wait(const struct node *n);
void makings_place(struct node *n);
/* Neither do they where one has waited long enough. Now and then. */
void makings_tick(struct node *n);
/* One of this name and size is made for the job, and is not in place yet. */
bool making_is_named(const struct node *n, struct job_id job, struct digest name, uint64_t size);
/* Nobody wants it any more; also of one that has gone. */
void making_drop(struct node *n, uint64_t number);

/* Which are whole by now: a number for makings_settled. */
uint64_t makings_made(const struct node *n);
/* None of the job's that were whole when makings_made gave that number waits any more. */
bool makings_settled(const struct node *n, struct job_id job, uint64_t by);

void makings_mover_died(struct node *n);
/* Copies may have come, or statements been written. */
void makings_look(struct node *n);
/* Of this name: somebody has said that he has it, or it is gone or whole again here. */
void makings_about(struct node *n, struct digest name);
bool makings_are_none(const struct node *n);
void makings_free(struct node *n);

#endif
