/* Operations: what a program has started and not released. One table a handle; an operation's
 * number is its place and how often the place was used, so that a stale number is never another
 * operation.
 *
 * A request to the node has the place and a turn in its number, so that an answer finds its
 * operation at once and one to an earlier request of it is known as such. Pure bookkeeping: task.c
 * and haul.c say what operations do. */
#ifndef VELUM_API_OP_H
#define VELUM_API_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/instant.h"

#define OPS_MAX 65535u /* of a handle, ended ones too */
#define OPS_LIVE_MAX 10000u

enum op_kind { OP_TASK, OP_HAUL, OP_YIELD, OP_FAR };

struct task;
struct haul;
struct yield;
struct far;
struct session;

struct op {
    int number;
    enum op_kind kind;
    int code;       /* VELUM_IN_PART while it goes on */
    bool told;      /* by velum_next, or waited for */
    char *said;     /* why it failed, as a sentence; NULL */
    bool no_kernel; /* that is that its node has no kernel of that name */
    uint16_t turn;
    uint32_t request;         /* whose answers it waits for, 0: none */
    struct instant silent_by; /* without an answer until then it fails */
    struct instant lost_at;   /* since when it has no node; INSTANT_NEVER while it has one */
    struct instant again_at;  /* when it asks once more; INSTANT_NEVER */
    int64_t full_us;   /* its node had no room for what it asks: how long it waited last; 0 */
    struct task *task; /* one of the four */
    struct haul *haul;
    struct yield *yield;
    struct far *far;
    struct session *session; /* of a task that is open; beside it */
    /* Operations that a program has not started itself, by number: one at a time may have come into
     * being because of another, goes with it, and is told to nobody else. */
    int parent, child;
    int child_taken;           /* the child whose end is known */
    struct op *before, *after; /* among those that have ended and were not told */
};

struct ops {
    struct op **places;
    uint16_t *uses;
    uint16_t *turns; /* of a place: what was asked under an earlier operation may still be open */
    uint32_t *free;
    uint32_t cap, free_count, live;
    struct op *first_ended, *last_ended;
    uint32_t ended_untold;
};

void ops_init(struct ops *o);
/* Every operation must have been removed. */
void ops_clear(struct ops *o);
/* ERR_FULL, ERR_NO_MEMORY. */
int ops_add(struct ops *o, enum op_kind kind, struct op **out);
/* Frees the operation, not its task or haul. */
void ops_remove(struct ops *o, struct op *op);
/* NULL: no such number. */
struct op *ops_find(const struct ops *o, int number);
/* The operation in the place a request came from, whether or not that request is still open. */
struct op *ops_of_request(const struct ops *o, uint32_t request);
/* A number for a new request of the operation. */
uint32_t ops_next_request(struct op *op);
/* It has ended: from now on it is told by ops_take_ended, once. */
void ops_ended(struct ops *o, struct op *op, int code);
/* The oldest that has ended and was not told, or NULL. */
struct op *ops_take_ended(struct ops *o);
/* It was told in another way. */
void ops_told(struct ops *o, struct op *op);

#endif
