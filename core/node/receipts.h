/* Receipts (core/wire/receipt.h): what this node knows of who computed a job that it holds, signed
 * by it. Private to core/node. */
#ifndef VELUM_NODE_RECEIPTS_H
#define VELUM_NODE_RECEIPTS_H

#include "core/node/state.h"

/* RECEIPT of a user. */
void receipts_request(struct node *n, uint64_t link, uint32_t request, struct bytes payload);

#endif
