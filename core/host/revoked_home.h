/* What a start says in a folder of state whose node's key was revoked, and what to do there. Where
 * the mesh was made it never leaves, which would remove the keys of the mesh: another key of the
 * node can be made there. Called by host.c. */
#ifndef VELUM_HOST_REVOKED_HOME_H
#define VELUM_HOST_REVOKED_HOME_H

#include <stddef.h>

#include "core/host/home.h"

/* `reason` is the act's, and may be empty. One sentence into `to`. */
void revoked_home_say(const struct home *h, const char *state, const char *reason, char *to,
                      size_t size);

#endif
