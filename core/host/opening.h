/* Opens a node that listens on loopback, while it runs: when $VELUM_HOME/open is written (velum
 * init, velum join) it listens there as well, and goes on on loopback.
 *
 * The system tells of the file (inotify); nothing is asked in between. The answer is the node's
 * announced address, which the owner renews, or why there is none (home_shut). Called by host.c. */
#ifndef VELUM_HOST_OPENING_H
#define VELUM_HOST_OPENING_H

#include "core/base/log.h"
#include "core/host/home.h"
#include "core/host/listen.h"

struct opening;

struct opening_parts { /* all borrowed */
    struct loop *loop;
    const struct home *home;
    const struct log_sink *log;
    uint16_t port;
    bool told;                     /* where to listen, by its user: it does not open */
    const struct listener *inside; /* the one on loopback */
    void *ctx;
    void (*came)(void *ctx, int fd, const struct address *from); /* as of a listener */
    void (*opened)(void *ctx, const struct address *bound);      /* once; by opening_new, too */
};

/* ERR_SYSTEM where the system does not tell of files: the node goes on without. */
int opening_new(struct opening **out, const struct opening_parts *parts);
void opening_free(struct opening *o);

#endif
