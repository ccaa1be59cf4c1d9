/* Connections between many nodes: reliable and in order, as over TCP, so that trouble is delay or
 * an end. A side that ends is heard of at the other behind all that was sent.
 *
 * Owns the connections; the events go into the queue of whoever made it. Called by scale_net.c,
 * whose nodes are meshes, and by scatter_net.c, whose nodes are whole. */
#ifndef VELUM_SIM_SCALE_CONN_H
#define VELUM_SIM_SCALE_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/prng.h"
#include "core/sim/scale_queue.h"

#define SCALE_DIAL_TIMEOUT_US ((int64_t)3000000)

/* Both sides of a connection; a slot is used again under another number. */
struct scale_conn {
    uint32_t node[2];
    uint32_t process[2]; /* of those nodes */
    bool open[2];
    int64_t last_us[2]; /* latest arrival at that side: order is kept */
    uint32_t number;
    uint32_t free_next;
};

struct scale_conns {
    const struct alloc *alloc;
    struct scale_queue *queue;
    struct prng *prng;
    struct scale_conn *list;
    uint32_t count, cap, free;
    uint32_t slow_percent; /* of frames take 200 to 400 ms more */
};

/* The queue and the generator are the caller's, and must outlive it. */
void scale_conns_init(struct scale_conns *s, const struct alloc *a, struct scale_queue *queue,
                      struct prng *prng);
void scale_conns_clear(struct scale_conns *s);
/* Between process pa of node a, side 0, and process pb of node b. NULL: out of memory. */
struct scale_conn *scale_conn_new(struct scale_conns *s, uint32_t a, uint32_t pa, uint32_t b,
                                  uint32_t pb);
/* What a node calls its side of it: no two connections ever share a link. */
uint64_t scale_link_of(const struct scale_conns *s, const struct scale_conn *c, unsigned side);
unsigned scale_link_side(uint64_t link);
/* NULL when that side is closed. */
struct scale_conn *scale_conn_of(const struct scale_conns *s, uint64_t link);
/* One way across the network. */
int64_t scale_delay_us(struct scale_conns *s);
/* When what is sent now to that side arrives. */
int64_t scale_arrival_us(struct scale_conns *s, struct scale_conn *c, unsigned to, bool frame,
                         int64_t now_us);
/* Says SCALE_LINK_UP to both; side 0 has dialled. */
void scale_conn_up(struct scale_conns *s, struct scale_conn *c, uint32_t dial, int64_t now_us);
/* This side has ended; SCALE_LINK_DOWN is said to the other. */
void scale_conn_end(struct scale_conns *s, struct scale_conn *c, unsigned side, int64_t now_us);
/* This side has heard of the end. */
void scale_conn_close_side(struct scale_conns *s, struct scale_conn *c, unsigned side);
/* All sides that this node has open end. */
void scale_conns_end_node(struct scale_conns *s, uint32_t node, int64_t now_us);
/* The dial of a SCALE_CONNECT comes to nothing at that time: SCALE_FAILED. */
void scale_dial_ends(struct scale_conns *s, const struct scale_event *ev, bool refused,
                     int64_t at_us);

#endif
