/* The events of scale_net.h in the order of their times, and of their making at equal ones.
 *
 * A wheel of buckets of 64 us each holds what happens within a second, so that an event is put away
 * in one step however many there are; only the bucket that is open is a heap, and a second heap
 * holds the few that are later than the wheel reaches. Owns the events and shares their payloads:
 * what one node tells twenty others is there once. Called by scale_net.c only. */
#ifndef VELUM_SIM_SCALE_QUEUE_H
#define VELUM_SIM_SCALE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/bytes.h"

enum scale_kind {
    SCALE_TICK,
    SCALE_CONNECT, /* a dial reaches its target */
    SCALE_LINK_UP,
    SCALE_LINK_DOWN,
    SCALE_FRAME,
    SCALE_FAILED, /* a dial came to nothing */
    SCALE_START,
    SCALE_TURN, /* the experiment's own */
    SCALE_STALL,
    SCALE_STORED, /* link: the ticket */
    SCALE_WORK,   /* dial: the worker, link: its turn */
    SCALE_SAYS    /* dial: the worker; type 0: it has exited */
};

/* Held by each event that carries it, and as the last one said. */
struct scale_payload {
    uint32_t holders;
    uint32_t len;
    uint8_t data[];
};

struct scale_event {
    int64_t at_us;
    uint64_t order;
    enum scale_kind kind;
    uint32_t node;
    uint32_t process; /* of that node; 0: whichever it has */
    uint32_t from;    /* the other node */
    uint32_t dial;
    bool refused;
    uint8_t type;
    uint64_t link;
    struct scale_payload *payload; /* NULL: empty */
    uint32_t request;              /* of a frame of a node's, or from or to a worker */
    uint32_t next;                 /* in its bucket or among the free, and 1; 0: the last */
};

/* Its place in the order of things; the event stays where it is in the pool. */
struct scale_item {
    int64_t at_us;
    uint64_t order;
    uint32_t event;
};

struct scale_heap {
    struct scale_item *list;
    uint32_t count, cap;
};

#define SCALE_BUCKETS (1u << 14)

struct scale_queue {
    const struct alloc *alloc;
    bool out_of_memory;
    uint64_t order;
    struct scale_event *pool;
    uint32_t pool_count, pool_cap, pool_free; /* the first free one and 1 */
    int64_t open;                             /* the bucket that is in `near` */
    struct scale_heap near, far;
    uint32_t buckets[SCALE_BUCKETS]; /* the first event in it and 1 */
    uint64_t used[SCALE_BUCKETS / 64];
    struct scale_payload *said;
};

void scale_queue_init(struct scale_queue *q, const struct alloc *a);
void scale_queue_clear(struct scale_queue *q);

/* At ev->at_us, after all that are already there at that time. Takes the payload over. Without
 * memory it is lost, and `out_of_memory` set. */
void scale_queue_push(struct scale_queue *q, struct scale_event ev);
/* The first one, NULL when it is later than until_us or there is none: valid until the next push.
 * It is out of the queue, and must be put back or released. */
struct scale_event *scale_queue_pop(struct scale_queue *q, int64_t until_us);
/* Happens at another time, and in its old place among those of that time. */
void scale_queue_put_back(struct scale_queue *q, struct scale_event *ev, int64_t at_us);
void scale_queue_release(struct scale_queue *q, struct scale_event *ev);

/* A payload with these bytes: the same as the last one when it is equal. NULL when it is empty, or
 * without memory. */
struct scale_payload *scale_queue_payload(struct scale_queue *q, struct bytes bytes);

/* Room for one more in a list that doubles. */
bool scale_queue_room(struct scale_queue *q, void **list, uint32_t count, uint32_t *cap,
                      size_t size);

#endif
