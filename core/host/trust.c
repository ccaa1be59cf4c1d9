#include "core/host/trust.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/certificate.h"
#include "core/wire/signed.h"

/* A certificate that held when it was looked at. Only time can make it fail later. */
struct known {
    struct digest der;
    struct node_id id;
    int party;
    int64_t not_before_s, not_after_s;
    uint64_t used;
    EVP_PKEY_CTX *verifier;
};

struct trust {
    X509_STORE *store;
    STACK_OF(X509) * issuers;
    struct digest mesh;
    int64_t begins_s;
    uint64_t uses;
    uint32_t known_count;
    struct known *known[TRUST_CACHE_MAX];
};

int trust_new(struct trust **out, X509 *root, X509 *issuer, struct digest mesh, int64_t begins_s)
{
    struct trust *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_NO_MEMORY;
    t->mesh = mesh;
    t->begins_s = begins_s;
    t->store = X509_STORE_new();
    t->issuers = sk_X509_new_null();
    if (!t->store || !t->issuers || X509_STORE_add_cert(t->store, root) != 1 ||
        X509_up_ref(issuer) != 1)
        goto failed;
    if (sk_X509_push(t->issuers, issuer) <= 0) {
        X509_free(issuer);
        goto failed;
    }
    *out = t;
    return 0;
failed:
    trust_free(t);
    return ERR_NO_MEMORY;
}

static void known_free(struct known *k)
{
    if (!k)
        return;
    EVP_PKEY_CTX_free(k->verifier);
    free(k);
}

void trust_free(struct trust *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->known_count; i++)
        known_free(t->known[i]);
    sk_X509_pop_free(t->issuers, X509_free);
    X509_STORE_free(t->store);
    free(t);
}

int64_t trust_now_s(const struct trust *t)
{
    int64_t now = (int64_t)time(NULL);
    return now > t->begins_s ? now : t->begins_s;
}

/* A few hundred comparisons cost a hundredth of the signature check they save. */
static struct known *known_find(struct trust *t, const struct digest *der)
{
    for (uint32_t i = 0; i < t->known_count; i++) {
        struct known *k = t->known[i];
        if (memcmp(k->der.bytes, der->bytes, ID_SIZE) != 0)
            continue;
        k->used = ++t->uses;
        return k;
    }
    return NULL;
}

static void known_keep(struct trust *t, struct known *k)
{
    k->used = ++t->uses;
    if (t->known_count < TRUST_CACHE_MAX) {
        t->known[t->known_count++] = k;
        return;
    }
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < t->known_count; i++)
        if (t->known[i]->used < t->known[oldest]->used)
            oldest = i;
    known_free(t->known[oldest]);
    t->known[oldest] = k;
}

static bool known_fill(struct known *k, X509 *leaf)
{
    k->not_before_s = certificate_not_before(leaf);
    k->not_after_s = certificate_not_after(leaf);
    k->verifier = EVP_PKEY_CTX_new(X509_get0_pubkey(leaf), NULL);
    return k->verifier && EVP_PKEY_verify_init(k->verifier) == 1;
}

/* The chain is looked at as it was while the leaf was valid; whether it still is, is another
 * question. */
static int check_chain(struct trust *t, X509 *leaf, STACK_OF(X509) * sent,
                       struct certificate_name *name)
{
    int64_t now = trust_now_s(t), last = certificate_not_after(leaf) - 1;
    now = now < last ? now : last;
    int rc = certificate_read_name(leaf, name);
    if (rc == 0 && !digest_equal(name->mesh, t->mesh))
        rc = ERR_IDENTITY;
    if (rc < 0)
        return rc;
    rc = certificate_check_chain(t->store, leaf, t->issuers, now);
    return rc < 0 && sent ? certificate_check_chain(t->store, leaf, sent, now) : rc;
}

/* Gives what is known of the certificate, after checking it when it is new. */
static int trust_know(struct trust *t, const struct digest *der, X509 *leaf, STACK_OF(X509) * sent,
                      struct known **out)
{
    struct certificate_name name;
    int rc = check_chain(t, leaf, sent, &name);
    if (rc < 0)
        return ERR_IDENTITY;
    struct known *k = calloc(1, sizeof *k);
    if (!k || !known_fill(k, leaf)) {
        known_free(k);
        return ERR_NO_MEMORY;
    }
    k->der = *der;
    k->id = name.id;
    k->party = name.party;
    known_keep(t, k);
    *out = k;
    return 0;
}

static int known_is_valid(const struct trust *t, const struct known *k, int64_t late_s)
{
    int64_t now = trust_now_s(t);
    return now >= k->not_before_s && now - late_s < k->not_after_s ? 0 : ERR_IDENTITY;
}

int trust_check(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, struct node_id *id, int *party)
{
    return trust_check_late(t, leaf, sent, 0, id, party);
}

int trust_check_late(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, int64_t late_s,
                     struct node_id *id, int *party)
{
    unsigned char *der = NULL;
    int len = i2d_X509(leaf, &der);
    if (len <= 0 || len > CERTIFICATE_SIZE_MAX) {
        OPENSSL_free(der);
        return ERR_IDENTITY;
    }
    struct digest digest = sha256_of(der, (size_t)len);
    OPENSSL_free(der);
    struct known *k = known_find(t, &digest);
    int rc = k ? 0 : trust_know(t, &digest, leaf, sent, &k);
    if (rc == 0)
        rc = known_is_valid(t, k, late_s);
    if (rc < 0)
        return rc;
    *id = k->id;
    *party = k->party;
    return 0;
}

static int know_bytes(struct trust *t, struct bytes certificate, struct known **out)
{
    if (certificate.len == 0 || certificate.len > CERTIFICATE_SIZE_MAX)
        return ERR_IDENTITY;
    struct digest digest = sha256_of(certificate.data, certificate.len);
    *out = known_find(t, &digest);
    if (*out)
        return 0;
    const unsigned char *at = certificate.data;
    X509 *leaf = d2i_X509(NULL, &at, (long)certificate.len);
    int rc = ERR_IDENTITY;
    if (leaf && at == certificate.data + certificate.len)
        rc = trust_know(t, &digest, leaf, NULL, out);
    X509_free(leaf);
    return rc;
}

int trust_verify(struct trust *t, struct bytes certificate, struct bytes text,
                 const uint8_t sig[64], struct signer *signer)
{
    struct known *k = NULL;
    uint8_t der[80];
    size_t len = 0;
    int rc = know_bytes(t, certificate, &k);
    if (rc == 0)
        rc = signature_to_der(sig, der, &len);
    if (rc < 0)
        goto out;
    struct digest digest = sha256_of(text.data, text.len);
    if (EVP_PKEY_verify(k->verifier, der, len, digest.bytes, ID_SIZE) != 1) {
        rc = ERR_SIGNATURE;
        goto out;
    }
    *signer = (struct signer){.id = k->id, .party = k->party, .not_after_s = k->not_after_s};
out:
    ERR_clear_error();
    return rc;
}
