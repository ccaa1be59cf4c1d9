/* X.509 as this project uses it: making certificates, reading the one name in them, checking a
 * chain. Called by authority.c, identity.c, trust.c and tls.c only; knows OpenSSL. Only the trust
 * root that is given counts: the system's certificate authorities are never loaded. */
#ifndef VELUM_HOST_CERTIFICATE_H
#define VELUM_HOST_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <time.h>

#include "core/base/id.h"
#include "core/host/identity.h"

struct roots;

/* CROSS: a root's key, certified by the root before it. */
enum certificate_kind {
    CERTIFICATE_ROOT,
    CERTIFICATE_ISSUER,
    CERTIFICATE_LEAF,
    CERTIFICATE_CROSS
};

/* What the single SAN says, velum://<mesh hex>/<role>/<id hex>. */
struct certificate_name {
    struct digest mesh;
    struct node_id id;
    int party; /* enum party */
};

/* "node", "admin", ... */
const char *certificate_role(int party);

#define CERTIFICATE_EARLY_S 3600

struct certificate_request {
    enum certificate_kind kind;
    EVP_PKEY *key;                /* whose certificate it is */
    X509 *issuer;                 /* NULL: signs itself */
    EVP_PKEY *issuer_key;         /* NULL: key */
    int64_t seconds;              /* life from now; it begins CERTIFICATE_EARLY_S ago */
    struct certificate_name name; /* of a leaf */
};

/* Lean start of the library, without configuration files;
 * may be called any number of times, and first. */
void certificate_library_open(void);
/* A fresh P-256 key, or NULL. */
EVP_PKEY *certificate_new_key(void);
/* Gives the certificate, or NULL. */
X509 *certificate_make(const struct certificate_request *r);
/* SHA-256 of the public key (SPKI, DER). 0 or ERR_FORMAT. */
int certificate_key_digest(EVP_PKEY *key, uint8_t to[ID_SIZE]);
/* Reads the SAN and compares its id with the key. 0 or ERR_IDENTITY. */
int certificate_read_name(X509 *leaf, struct certificate_name *to);
/* Leaf -> issuer -> root at time `now_s`, strict, and of 128 bits everywhere; the leaf for what
 * certificate_make makes one for, and nothing else. Between issuer and root may stand crosses.
 * `issuers` are candidates, not trusted: issuers, crosses, and roots, which are left out. 0 or
 * ERR_IDENTITY. */
int certificate_check_chain(X509_STORE *root, X509 *leaf, STACK_OF(X509) * issuers, int64_t now_s);
/* The same, also where the issuer's certificate begins later than that: it has another for its key
 * since. For what was signed by a leaf that has ended. */
int certificate_check_signed(X509_STORE *root, X509 *leaf, STACK_OF(X509) * issuers, int64_t at_s);
/* One in DER and nothing behind it; NULL: it is none. */
X509 *certificate_of_der(struct bytes der);
/* Seconds of Unix time. */
int64_t certificate_not_before(const X509 *x);
int64_t certificate_not_after(const X509 *x);

/* Between the library's form of a signature (DER) and ours (r || s). 0 or ERR_SIGNATURE. */
int signature_from_der(struct bytes der, uint8_t sig[64]);
int signature_to_der(const uint8_t sig[64], uint8_t der[80], size_t *len);

/* For tls.c: borrowed parts of an identity. */
EVP_PKEY *identity_key(const struct identity *i);
X509 *identity_leaf(const struct identity *i);
X509 *identity_root(const struct identity *i);
X509 *identity_issuer(const struct identity *i);
const struct roots *identity_roots(const struct identity *i);
struct trust *identity_trust(const struct identity *i);

#endif
