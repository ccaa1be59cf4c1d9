/* Whether the key that signed a receipt was revoked, by what the journals of this machine's nodes
 * have written down (core/wire/act.h). Asks no node, takes no lock and changes nothing. Called by
 * verify_receipt.c. */
#ifndef VELUM_CMD_VERIFY_REVOKED_H
#define VELUM_CMD_VERIFY_REVOKED_H

#include "cmd/cmd.h"
#include "cmd/receipt_look.h"

/* Fills in k->revocation by the journals of this home and of every --data; the earliest of several
 * counts. Says which could not be read. */
void verify_revoked(const struct call *c, struct receipt_look *k);

#endif
