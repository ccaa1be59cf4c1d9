/* Bulk links: connections that carry objects and nothing that anybody waits for. The side that
 * needs something dials and asks; the other side serves. The mesh room knows nothing of them.
 *
 * At most BULK_LINKS_MAX, one a direction between two nodes; one that nobody used for
 * BULK_IDLE_US is closed. What is on its way over one is bounded by what was asked for: at most
 * BULK_WANTS_MAX parts of at most a piece. Private to core/node. */
#ifndef VELUM_NODE_BULK_H
#define VELUM_NODE_BULK_H

#include "core/node/object_peer.h"
#include "core/node/objects.h"

#define BULK_LINKS_MAX 32u
#define BULK_WANTS_MAX 3u /* pieces of a window, and parts of lists */
#define BULK_IDLE_US (10 * S_US)
#define BULK_AGAIN_US S_US       /* a dial that failed is not repeated at once */
#define BULK_MUTE_US (20 * S_US) /* one over which nothing comes that was asked for is closed */
#define BULK_FRESH_US (2 * S_US) /* what is here for so long at most is sent without another look */
/* Dials of the mesh room have other numbers. */
#define BULK_DIAL ((uint32_t)1 << 31)

/* Is there one to this node that this side may ask over now? One is being dialled otherwise, when
 * there is room. */
bool bulk_ready(struct node *n, struct node_id id);
/* There is one, and as much as may be was asked for over it already. */
bool bulk_is_busy(const struct node *n, struct node_id id);
/* What comes for it is given on with the tag. False: not now. */
bool bulk_ask(struct node *n, struct node_id id, const struct bulk_part *want, uint64_t tag);

/* Of those over which nothing is on its way the one that was used least; 0: there is none. */
uint64_t bulk_idle_link(const struct node *n, struct instant *used);
void bulk_close(struct node *n, uint64_t link);
/* All of them, and those that are being dialled. */
uint32_t bulk_count(const struct node *n);

bool bulk_is_dial(uint32_t dial);
void bulk_link_up(struct node *n, uint64_t link, uint32_t dial, struct node_id id);
void bulk_dial_failed(struct node *n, uint32_t dial);
/* True when the link was one of them. */
bool bulk_link_down(struct node *n, uint64_t link);
bool bulk_frame(struct node *n, uint64_t link, const struct frame *f);
/* Closes those that nobody uses, and those that bring nothing. */
void bulk_tick(struct node *n);
/* Ends all to and from this node: nothing more is asked of it, or served. */
void bulk_cut(struct node *n, struct node_id id);
void bulks_free(struct node *n);

#endif
