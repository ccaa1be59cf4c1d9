/* The revocation of a key, as the journals of this machine's nodes have it written down
 * (core/wire/act.h). Asks no node, takes no lock and changes nothing. Called by verify_revoked.c
 * and doctor_revoked.c. */
#ifndef VELUM_CMD_REVOCATION_H
#define VELUM_CMD_REVOCATION_H

#include "cmd/verify_look.h"
#include "core/wire/act.h"

struct revocation {
    bool is;
    int64_t at_s; /* Unix time, as who revoked it says */
    struct node_id by;
    char reason[ACT_REASON_SIZE];
};

/* Fills in the earliest that these journals know of the key, by somebody of that mesh. */
void revocation_find(struct looks *l, struct node_id key, struct digest mesh,
                     struct revocation *to);

#endif
