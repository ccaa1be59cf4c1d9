/* Facts about a job that may be more than the queue of a link holds: a ledger has up to 64 MiB of
 * values and 48 MiB of appended stages. They go out frame by frame while there is room for more
 * (link_has_room), each as a FACTS that nobody acknowledges. Private to core/node. */
#ifndef VELUM_NODE_PARCEL_H
#define VELUM_NODE_PARCEL_H

#include "core/base/bytes.h"
#include "core/base/id.h"

struct node;

struct parcel {
    struct job_id job;
    struct buf facts; /* as blocks; owned */
    size_t at;        /* what is before it was sent */
};

/* One frame of so many facts. */
void parcel_frame(struct node *n, struct job_id job, struct node_id to, uint16_t count,
                  struct bytes facts);
/* Goes on with it. False: there is more, and no room for it now. True: all was sent, or the job is
 * gone; it is empty then. */
bool parcel_send(struct node *n, struct parcel *p, struct node_id to);
bool parcel_is_empty(const struct parcel *p);
void parcel_clear(struct parcel *p);

#endif
