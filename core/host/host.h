/* A node of the mesh: a node core with home, keys, journal, listener, control socket and workers
 * around it. It announces itself, and it is the whole of `velum node` but for what belongs to a
 * process. Called by node_process.c and by embedded.c. */
#ifndef VELUM_HOST_HOST_H
#define VELUM_HOST_HOST_H

#include "core/host/address.h"
#include "core/host/conf.h"
#include "core/host/driver.h"

#define HOST_MESSAGE_SIZE 2048

struct host;

struct host_options {
    const struct conf *conf;    /* borrowed for the host's life */
    struct spawner *spawner;    /* taken, also by a failure */
    const struct log_sink *log; /* NULL: nobody listens */
    bool guest;                 /* its loop has a descriptor (loop.h) */
    void *ctx;
    /* As it begins, with what it is; NULL. */
    void (*introduce)(void *ctx, const struct node_options *o);
    /* Of a host whose caller is a user of it at DRIVER_USER_LINK; NULL where there is none. */
    void (*user_frame)(void *ctx, const struct frame *frame);
};

/* Changes the working folder for a moment, and the mode mask: before there are threads. 0, or < 0
 * with a sentence; ERR_REFUSED where this node's key is known to be revoked. */
int host_open(struct host **out, const struct host_options *o, char message[HOST_MESSAGE_SIZE]);
/* At once: driver_stop first lets it say goodbye. */
void host_close(struct host *h);
/* Before each round of the driver. */
void host_settle(struct host *h);
struct loop *host_loop(const struct host *h);
struct driver *host_driver(const struct host *h);
/* The user at DRIVER_USER_LINK, with the key. */
struct identity *host_user(const struct host *h);
void host_bound(const struct host *h, struct address *out);

#endif
