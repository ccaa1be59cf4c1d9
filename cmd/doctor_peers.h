/* What a node of this machine says of itself and of the others. Called by doctor_nodes.c. */
#ifndef VELUM_CMD_DOCTOR_PEERS_H
#define VELUM_CMD_DOCTOR_PEERS_H

#include "cmd/findings.h"
#include "core/host/ask.h"
#include "core/wire/view.h"

/* Asks the node on this port, by its control socket, for all it knows; f NULL: only whether it
 * answers. 0, or < 0 with a sentence. */
int doctor_ask(struct findings *f, uint16_t port, char why[ASK_MESSAGE_SIZE]);

struct doctor_peers {
    struct findings *f;
    unsigned well;
    uint8_t tier_lacks; /* here, now */
};
/* One node of the mesh. */
void doctor_peer(struct doctor_peers *p, const struct node_view *v);

#endif
