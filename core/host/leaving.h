/* The end of a home's part in a mesh, or of one of its nodes: keys, certificates, journal and
 * objects are removed, so that a join begins with a new key.
 *
 * Owns $VELUM_HOME/leaving (0600), which says what is to go, one a line: "home", or the path of a
 * node's state folder. It is written and synced before anything goes and removed behind all the
 * rest; while it is there nothing begins in that home (home_open), and leaving_finish goes on where
 * a crash ended it. Without it the home is whole. Called by cmd/leave.c. */
#ifndef VELUM_HOST_LEAVING_H
#define VELUM_HOST_LEAVING_H

#include "core/host/home.h"

#define LEAVING_STATES_MAX 48 /* nodes of one home that leave together */

struct leaving {
    bool home; /* the machine is no part of the mesh any more: no node is left */
    uint32_t count;
    char states[LEAVING_STATES_MAX][HOME_PATH_SIZE]; /* absolute */
};

/* Whether something was begun and not ended. */
bool leaving_is_begun(const struct home *h);
/* Does it, under the home's lock and those of the states: ERR_BUSY, and nothing is changed, when a
 * node runs in one of them. */
int leaving_do(const struct home *h, const struct leaving *l, char message[HOME_MESSAGE_SIZE]);
/* What was begun, all of it: 0; ERR_NOT_FOUND where nothing was. */
int leaving_begun(const struct home *h, struct leaving *l, char message[HOME_MESSAGE_SIZE]);
/* Ends it under the same locks: 0, also where nothing was begun; ERR_BUSY. */
int leaving_finish(const struct home *h, char message[HOME_MESSAGE_SIZE]);

#endif
