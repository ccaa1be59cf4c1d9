/* Where this user listens by TCP, as the system tells (/proc/net/tcp and tcp6): what a node says of
 * itself may be what it wished, this is what there is. Called by cmd/doctor_nodes.c and
 * cmd/init.c. */
#ifndef VELUM_HOST_LISTENING_H
#define VELUM_HOST_LISTENING_H

#include "core/host/address.h"

/* One line of such a file. False when it is none, or of a socket that does not listen. */
bool listening_read(const char *line, struct address *at, unsigned *user);
/* Calls for every address that this user listens on at this port. The number of them, or
 * ERR_NOT_FOUND where the system does not tell. */
int listening_on(uint16_t port, void (*found)(void *ctx, const struct address *at), void *ctx);

#endif
