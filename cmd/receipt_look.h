/* Receipts (core/wire/receipt.h) as commands have them: read from a text, judged, and printed.
 * Called by receipt.c and verify_receipt.c. */
#ifndef VELUM_CMD_RECEIPT_LOOK_H
#define VELUM_CMD_RECEIPT_LOOK_H

#include <stdio.h>

#include "cmd/revocation.h"
#include "core/host/identity.h"
#include "core/wire/receipt.h"

/* One that was read, with who signed it. Its receipt is large: it lies on the heap. */
struct receipt_look {
    struct receipt *receipt;
    struct buf room;
    struct bytes body; /* borrowed from the text */
    struct receipt_fault fault;
    struct witness witness;
    const char *why;              /* what is wrong with the signature or its certificates */
    struct revocation revocation; /* where somebody knows it (verify_revoked.h) */
};

/* Reads a text and looks at its form: 0, ERR_FORMAT with the fault, or ERR_NO_MEMORY. The look is
 * to be closed whatever comes of it; the text stays where it is until then. */
int receipt_look_open(struct receipt_look *k, struct bytes text);
void receipt_look_close(struct receipt_look *k);
/* Whether a node has signed it by a certificate that was good at the time. 0, or < 0 with `why`. */
int receipt_look_judge(struct receipt_look *k);
/* How much each node computed, and what nobody is named for. */
void receipt_look_print(const struct receipt_look *k, FILE *to);
void receipt_look_json(const struct receipt_look *k, bool verified, const char *error);

#endif
