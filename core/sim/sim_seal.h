/* Signatures that are no signatures: SHA-256 over the signer and the text, which everybody here
 * could make. A certificate is a key's id, whose it is (enum party), and a tag that stands for the
 * mesh's root. Called by sim_node.c, sim_net.c and sim_kernel.c. */
#ifndef VELUM_SIM_SIM_SEAL_H
#define VELUM_SIM_SIM_SEAL_H

#include "core/node/node.h"

#define SIM_CERTIFICATE_SIZE (ID_SIZE + 1 + ID_SIZE)

void sim_certificate(struct node_id id, enum party party, uint8_t to[SIM_CERTIFICATE_SIZE]);
void sim_sign(struct node_id id, struct bytes text, uint8_t sig[64]);
/* This node has signed it. */
bool sim_is_by(struct node_id node, const struct signed_bytes *s);
/* ctx of the seal is the signer's id, which must outlive it. */
struct seal sim_seal(struct node_id *id);

#endif
