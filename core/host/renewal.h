/* Keeps a running node's certificate young: at half of its life another is made, so that a mesh
 * that runs for weeks does not fall apart (reference: the node profile in identity.h).
 *
 * Owns two alarms. Looks at the wall clock and the roots in the home every two seconds: that clock
 * may be set, a laptop may sleep, and a command or another node may have changed the roots. Called
 * by host.c. */
#ifndef VELUM_HOST_RENEWAL_H
#define VELUM_HOST_RENEWAL_H

#include "core/host/identity.h"
#include "core/host/loop.h"

struct renewal;

struct renewal_parts {
    struct loop *loop;
    const struct home *home;
    const char *state; /* the node's folder */
    struct identity *identity;
    void *ctx;
    /* The identity has another certificate now. 0 or an error, which is told as a failure. */
    int (*renewed)(void *ctx, struct identity *identity);
    /* It is due, and this machine has no issuer: has one asked, which takes a while, and what came
     * lies in `state` at the next look. */
    void (*ask)(void *ctx);
    /* It is due and could not be renewed; tried again in a minute. Told once until it succeeds.
     * ERR_REFUSED: it never will (identity_renew). */
    void (*failed)(void *ctx, int rc, const char *why);
};

/* Borrows the parts for its life. */
int renewal_new(struct renewal **out, const struct renewal_parts *parts);
/* Something has changed in the home: looks at it at once. */
void renewal_now(struct renewal *r);
/* Once a round: what the mesh has gone on to while this machine was away is asked for at once. */
void renewal_settle(struct renewal *r);
void renewal_free(struct renewal *r);

#endif
