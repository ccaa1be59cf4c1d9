/* Facts about a job that may be more than the queue of a link holds: a ledger has up to 64 MiB of
 * values and 48 MiB of appended stages. They are cut into frames of FACTS, for a holder that
 * confirms them (replica.c) as for a parcel: that goes out while there is room for more
 * (link_has_room), and nobody acknowledges it. Those that wait for room, one a peer, share a bound
 * (limits.parcel_bytes): what does not fit is put together when it does. Private to core/node. */
#ifndef VELUM_NODE_PARCEL_H
#define VELUM_NODE_PARCEL_H

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/job/ledger.h"

struct node;

#define PARCEL_BYTES_MAX LEDGER_BYTES_MAX /* of one job */

struct parcel {
    struct job_id job;
    struct buf facts; /* as blocks; owned */
    size_t at;        /* what is before it was sent */
    size_t held;      /* of the room for all that wait (limits.parcel_bytes) */
};

/* One frame of so many facts. `batch`: whoever has synced them says so; 0: nobody does. `first`:
 * they are the first of all there is. False: it was not sent. */
bool parcel_frame(struct node *n, struct job_id job, struct node_id to, uint64_t batch, bool first,
                  uint16_t count, struct bytes facts);
/* Where the frame ends that begins at `at`, and how many facts it has: as many as fit `most` bytes;
 * a longer one has a frame of its own. */
size_t parcel_cut(struct bytes facts, size_t at, uint64_t most, uint16_t *count);
/* Goes on with it. False: there is more, and no room for it now. True: all was sent, or the job is
 * gone; it is empty then. */
bool parcel_send(struct node *n, struct parcel *p, struct node_id to);
bool parcel_is_empty(const struct parcel *p);
void parcel_clear(struct node *n, struct parcel *p);
/* How long one more may be that is to wait; where no other does, as long as a job may need. */
size_t parcel_room(const struct node *n);
/* It waits from now on. False: it is longer than parcel_room. */
bool parcel_hold(struct node *n, struct parcel *p);

#endif
