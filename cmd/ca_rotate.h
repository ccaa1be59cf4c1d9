/* `velum ca rotate`: the mesh goes over to another root while it works. Asks every node that lives
 * how far it is, over the node here and by its address, and takes each step when all have done the
 * one before (core/host/rotation.h). Called by ca.c. */
#ifndef VELUM_CMD_CA_ROTATE_H
#define VELUM_CMD_CA_ROTATE_H

#include "cmd/cmd.h"
#include "core/host/home.h"

/* The exit code; has said what went wrong. */
int ca_rotate(const struct call *c, const struct home *h);

#endif
