/* Whom an identity believes: one root, the issuer everybody of the mesh holds, and a bounded memory
 * of certificates that were checked already. Called by identity.c and tls.c; knows OpenSSL. */
#ifndef VELUM_HOST_TRUST_H
#define VELUM_HOST_TRUST_H

#include <openssl/x509.h>

#include "core/base/id.h"
#include "core/node/node.h"

#define TRUST_CACHE_MAX 256

struct trust;

/* Borrows the certificates' contents by reference count. Time is never before begins_s. */
int trust_new(struct trust **out, X509 *root, X509 *issuer, struct digest mesh, int64_t begins_s);
void trust_free(struct trust *t);
int64_t trust_now_s(const struct trust *t);
/* Checks leaf -> issuer -> root, the name, the mesh, and that it is valid now: who comes in. `sent`
 * are the issuers the peer sent along, or NULL. 0 or ERR_IDENTITY. */
int trust_check(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, struct node_id *id, int *party);
/* The same of one that may have ended so long ago. */
int trust_check_late(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, int64_t late_s,
                     struct node_id *id, int *party);
/* As struct seal.verify. */
int trust_verify(struct trust *t, struct bytes certificate, struct bytes text,
                 const uint8_t sig[64], struct signer *signer);

#endif
