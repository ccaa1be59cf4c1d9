/* What becomes of a next root that others tell a node of (core/host/roots.h): it is looked at when
 * the home's lock is free, and outside of the core's step. Whoever sends what is refused has one
 * looked at in a while, and the log has one line of it. What could not be written, because a disk
 * is full or the like, is kept and tried again every two seconds. Called by host.c. */
#ifndef VELUM_HOST_SUCCESSION_H
#define VELUM_HOST_SUCCESSION_H

#include "core/base/bytes.h"
#include "core/base/log.h"
#include "core/host/driver.h"
#include "core/host/renewal.h"

#define SUCCESSION_WAITING 4

struct succession;

struct succession_parts {
    struct loop *loop;
    const struct home *home;
    const struct log_sink *log;
};

/* Borrows the parts for its life, and who looks at once when the home has something new. */
int succession_new(struct succession **out, const struct succession_parts *parts,
                   struct renewal *renewal);
void succession_free(struct succession *s);
/* Tells the core what the identity knows. */
void succession_tell(const struct identity *i, struct driver *to);
/* Copied, if it does not wait already, in the place of what the same teller said before and that
 * still waits. So many tellers may wait, and beyond that the last of them goes. */
void succession_told(struct succession *s, struct node_id from, struct bytes roots);

#endif
