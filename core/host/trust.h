/* Whom an identity believes: the roots of the mesh, the issuers everybody of it holds, and a
 * bounded memory of certificates that were checked already. Who comes in must be under a root that
 * counts now; what was signed may be under one that counted once (core/host/roots.h). Called by
 * identity.c and tls.c; knows OpenSSL. */
#ifndef VELUM_HOST_TRUST_H
#define VELUM_HOST_TRUST_H

#include <openssl/x509.h>

#include "core/base/id.h"
#include "core/node/node.h"

#define TRUST_CACHE_MAX 256

struct roots;
struct trust;

/* Borrows the certificates' contents by reference count; the first root names the mesh, and
 * `issuer` is one more than those of the roots. Time is never before begins_s. */
int trust_new(struct trust **out, const struct roots *roots, X509 *issuer, int64_t begins_s);
void trust_free(struct trust *t);
int64_t trust_now_s(const struct trust *t);
/* Checks leaf -> issuer -> root, the name, the mesh, and that it is valid now: who comes in. `sent`
 * are the issuers the peer sent along, or NULL. 0 or ERR_IDENTITY. */
int trust_check(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, struct node_id *id, int *party);
/* Whoever came in by this certificate would not now, because its root counts no longer. */
bool trust_is_retired(struct trust *t, X509 *leaf, STACK_OF(X509) * sent);
/* Of the own certificate, also under a root that counted once. */
int trust_check_own(struct trust *t, X509 *leaf, struct node_id *id, int *party);
/* As trust_check of one that may have ended so long ago, or whose root may have: the one before the
 * last, when the certificate was made before that, and if no emergency has ended it. */
int trust_check_late(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, int64_t late_s,
                     struct node_id *id, int *party);
/* Somebody came in whose root is not known yet, by a cross certificate from one that is. */
bool trust_met_newer(const struct trust *t);
/* Somebody was refused for nothing but the time. */
bool trust_met_other_time(const struct trust *t);
/* As struct seal.verify, also of who had his time before the issuer was renewed. Whoever signed
 * under a root that counts no longer signs nothing new: his certificate is taken to have ended with
 * it. */
int trust_verify(struct trust *t, struct bytes certificate, struct bytes text,
                 const uint8_t sig[64], struct signer *signer);
/* As struct seal.introduce. Nothing is remembered of those that were looked at: there may be
 * thousands, each once. */
int trust_introduce(struct trust *t, struct bytes certificate, struct signer *signer);

#endif
