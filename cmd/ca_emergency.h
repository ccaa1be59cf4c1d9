/* `velum ca rotate --emergency`: another root at once, which nothing certifies, for a root's key
 * that others have. Tells the nodes of this home, whose links to all others end then. Called by
 * ca_rotate.c. */
#ifndef VELUM_CMD_CA_EMERGENCY_H
#define VELUM_CMD_CA_EMERGENCY_H

#include "cmd/cmd.h"
#include "core/host/home.h"

/* The exit code; has said what went wrong. */
int ca_emergency(const struct call *c, const struct home *h);

#endif
