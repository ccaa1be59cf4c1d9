/* Where a home that joined finds its mesh again: $VELUM_HOME/peers, one address a line, those of
 * the join. Nodes of this home dial them when they start, besides the nodes of this machine.
 *
 * And $VELUM_HOME/open: the address to listen on, one line. There when the mesh was opened (velum
 * init), or joined from here; without it a node listens on loopback unless it is told otherwise. */
#ifndef VELUM_HOST_PEERS_FILE_H
#define VELUM_HOST_PEERS_FILE_H

#include "core/host/staged.h"
#include "core/wire/join.h"

#define PEERS_FILE_MAX 64
#define OPEN_ADDR_SIZE 64

/* Adds who answered, and whom he named; of a node, opens the home. */
int peers_file_stage(struct staged *to, const struct home *h, const char *asked,
                     const struct join_answer *answer, bool node, char message[HOME_MESSAGE_SIZE]);
/* Calls for each; none when there is no file. What is no address is left out. */
void peers_file_read(const struct home *h, void (*found)(void *ctx, const char *addr), void *ctx);

/* The address to listen on (numeric). 0 with it, or ERR_NOT_FOUND. */
int home_open_address(const struct home *h, char to[OPEN_ADDR_SIZE]);
/* bind "": the home is not open any longer. */
int home_open_write(const struct home *h, const char *bind, char message[HOME_MESSAGE_SIZE]);

#endif
