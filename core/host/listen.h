/* Sockets that others connect to: TCP for nodes and commands elsewhere. Accepts a bounded number a
 * round, and rests for a moment when the process is out of descriptors. Called by host.c; what is
 * accepted goes to the function it names. */
#ifndef VELUM_HOST_LISTEN_H
#define VELUM_HOST_LISTEN_H

#include "core/host/address.h"
#include "core/host/loop.h"

struct listener;

/* A listening descriptor, or ERR_BUSY (the port is taken) or ERR_SYSTEM with a sentence. */
int listen_tcp(const struct address *at, char message[512]);
/* The same at an address that may take in that of a listener of this process, on the same port:
 * "any" besides loopback. Both listen from then on, and nobody else can there. */
int listen_beside(const struct listener *s, const struct address *at, char message[512]);
/* Takes the descriptor. `came` owns what it is given; `from` is empty on a control socket. */
int listener_new(struct listener **out, struct loop *l, int fd,
                 void (*came)(void *ctx, int fd, const struct address *from), void *ctx);
void listener_free(struct listener *s);

#endif
