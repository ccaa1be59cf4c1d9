#include "core/host/trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/roots.h"
#include "core/wire/signed.h"

/* A certificate that held when it was looked at. Only time can make it fail later. */
struct known {
    struct digest der;
    struct node_id id;
    int party;
    int64_t retired_s; /* when its root counted no longer; 0: it does */
    bool late; /* the last of these, which was not given up in an emergency, and made before that */
    bool signs_only; /* had ended when its issuer was renewed: nobody comes in by it */
    int64_t not_before_s, not_after_s;
    uint64_t used;
    EVP_PKEY_CTX *verifier;
};

struct trust {
    X509_STORE *store; /* roots that count */
    struct {
        X509_STORE *store;
        int64_t ended_s;
    } old[ROOTS_GENERATIONS_MAX]; /* one for each that did */
    uint32_t old_count;
    bool renews_late; /* whom the last of these has certified: nobody else has its key */
    STACK_OF(X509) * issuers;
    struct digest mesh;
    int64_t begins_s;
    bool met_newer, met_other_time;
    uint64_t uses;
    uint32_t known_count;
    struct known *known[TRUST_CACHE_MAX];
};

static bool add_issuer(struct trust *t, X509 *issuer)
{
    if (X509_up_ref(issuer) != 1)
        return false;
    if (sk_X509_push(t->issuers, issuer) > 0)
        return true;
    X509_free(issuer);
    return false;
}

static bool add_old(struct trust *t, X509 *root, int64_t ended_s)
{
    X509_STORE *store = X509_STORE_new();
    t->old[t->old_count].ended_s = ended_s;
    t->old[t->old_count++].store = store;
    return store && X509_STORE_add_cert(store, root) == 1;
}

static bool add_all(struct trust *t, const struct roots *roots)
{
    const uint32_t from = roots_first_trusted(roots);
    for (uint32_t i = 0; i < roots->count; i++)
        if (!add_issuer(t, roots->all[i].issuer) ||
            !(i < from ? add_old(t, roots->all[i].root, roots_ended_s(roots, i))
                       : X509_STORE_add_cert(t->store, roots->all[i].root) == 1))
            return false;
    /* While there are two that count, who is under an older one had his time. */
    t->renews_late = from > 0 && roots->stage == ROOTS_ALONE && roots->all[from].cross;
    return authority_mesh(roots->all[0].root, &t->mesh) == 0;
}

int trust_new(struct trust **out, const struct roots *roots, X509 *issuer, int64_t begins_s)
{
    struct trust *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_NO_MEMORY;
    t->begins_s = begins_s;
    t->store = X509_STORE_new();
    t->issuers = sk_X509_new_null();
    if (!t->store || !t->issuers || !add_issuer(t, issuer) || !add_all(t, roots)) {
        trust_free(t);
        return ERR_NO_MEMORY;
    }
    *out = t;
    return 0;
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
    for (uint32_t i = 0; i < t->old_count; i++)
        X509_STORE_free(t->old[i].store);
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

static bool knows_key(const struct trust *t, X509 *x)
{
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(t->store);
    bool knows = false;
    for (int i = 0; i < sk_X509_num(all); i++)
        knows =
            knows || EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(all, i)), X509_get0_pubkey(x)) == 1;
    sk_X509_pop_free(all, X509_free);
    return knows;
}

/* What was sent has a cross certificate for a root that is not known here. */
static bool is_by_cross(const struct trust *t, STACK_OF(X509) * sent)
{
    for (int i = 0; i < sk_X509_num(sent); i++) {
        X509 *x = sk_X509_value(sent, i);
        if ((X509_get_extension_flags(x) & (EXFLAG_SI | EXFLAG_SS)) == EXFLAG_SI &&
            !knows_key(t, x))
            return true;
    }
    return false;
}

/* Of one that is under a root that counts, known or not. */
static int check_present(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, int64_t at_s)
{
    int rc = certificate_check_chain(t->store, leaf, t->issuers, at_s);
    if (rc == 0 || !sent || certificate_check_chain(t->store, leaf, sent, at_s) < 0)
        return rc;
    t->met_newer = t->met_newer || is_by_cross(t, sent);
    return 0;
}

/* Of one that is under a root that did. */
static int check_past(struct trust *t, X509 *leaf, int64_t at_s, struct known *k)
{
    for (uint32_t i = t->old_count; i-- > 0;) {
        if (certificate_check_chain(t->old[i].store, leaf, t->issuers, at_s) < 0)
            continue;
        k->retired_s = t->old[i].ended_s;
        k->late =
            i + 1 == t->old_count && t->renews_late && certificate_not_before(leaf) < k->retired_s;
        return 0;
    }
    return ERR_IDENTITY;
}

/* Of one that had ended when its issuer was renewed, by what is known of the issuer now. */
static int check_signed(struct trust *t, X509 *leaf, int64_t at_s, struct known *k)
{
    int rc = certificate_check_signed(t->store, leaf, t->issuers, at_s);
    for (uint32_t i = t->old_count; rc < 0 && i-- > 0;) {
        rc = certificate_check_signed(t->old[i].store, leaf, t->issuers, at_s);
        k->retired_s = rc < 0 ? 0 : t->old[i].ended_s;
    }
    k->signs_only = true;
    return rc;
}

/* The chain is looked at as it is while the leaf is valid; whether it is now, is another question:
 * a clock that is behind says nothing against who was certified since. `signs`: what it signed is
 * looked at, and not who comes in. */
static int check_chain(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, bool signs,
                       struct certificate_name *name, struct known *k)
{
    const int64_t first = certificate_not_before(leaf), last = certificate_not_after(leaf) - 1;
    int64_t now = trust_now_s(t);
#if VELUM_PLANT != 1025 /* unit/test_wrong_clock: a clock that is behind doubts who was renewed */
    now = now > first ? now : first;
#endif
    now = now < last ? now : last;
    int rc = certificate_read_name(leaf, name);
    if (rc == 0 && !digest_equal(name->mesh, t->mesh))
        rc = ERR_IDENTITY;
    if (rc < 0)
        return rc;
    rc = check_present(t, leaf, sent, now);
    if (rc < 0)
        rc = check_past(t, leaf, now, k);
#if VELUM_PLANT == 1048 /* unit/test_wrong_clock: a renewed issuer ends what was signed before */
    return rc;
#else
    return rc < 0 && signs && now == last ? check_signed(t, leaf, now, k) : rc;
#endif
}

/* Gives what is known of the certificate, after checking it when it is new. */
static int trust_know(struct trust *t, const struct digest *der, X509 *leaf, STACK_OF(X509) * sent,
                      bool signs, struct known **out)
{
    struct certificate_name name;
    struct known *k = calloc(1, sizeof *k);
    if (!k)
        return ERR_NO_MEMORY;
    if (check_chain(t, leaf, sent, signs, &name, k) < 0) {
        known_free(k);
        return ERR_IDENTITY;
    }
    if (!known_fill(k, leaf)) {
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

/* Who comes in, and what is known of him is good for what he signed only: he may have sent the
 * issuer's certificate of his time along. */
static int know_again(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, struct known *k)
{
    struct certificate_name name;
    struct known now = {.retired_s = 0};
    int rc = check_chain(t, leaf, sent, false, &name, &now);
    if (rc < 0)
        return rc;
    k->retired_s = now.retired_s;
    k->late = now.late;
    k->signs_only = false;
    return 0;
}

static int known_is_valid(const struct trust *t, const struct known *k, int64_t late_s)
{
    int64_t now = trust_now_s(t);
    return now >= k->not_before_s && now - late_s < k->not_after_s ? 0 : ERR_IDENTITY;
}

/* `late_s` after its end, and after that of its root. */
static int check(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, int64_t late_s,
                 struct known **out)
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
    int rc = k ? 0 : trust_know(t, &digest, leaf, sent, false, &k);
#if VELUM_PLANT == 1049 /* unit/test_wrong_clock: who had his time before that comes in again */
#else
    if (rc == 0 && k->signs_only)
        rc = know_again(t, leaf, sent, k);
#endif
    if (rc == 0) {
        rc = known_is_valid(t, k, late_s);
#if VELUM_PLANT != 1077 /* unit/test_wrong_clock: who is refused for the time is a stranger */
        t->met_other_time = t->met_other_time || rc < 0;
#endif
    }
    *out = k;
    return rc;
}

int trust_check(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, struct node_id *id, int *party)
{
    return trust_check_late(t, leaf, sent, 0, id, party);
}

int trust_check_late(struct trust *t, X509 *leaf, STACK_OF(X509) * sent, int64_t late_s,
                     struct node_id *id, int *party)
{
    struct known *k = NULL;
    int rc = check(t, leaf, sent, late_s, &k);
#if VELUM_PLANT == 925 /* unit/test_roots: who is under an old root comes in all the same */
#else
    if (rc == 0 && k->retired_s != 0 &&
        (late_s == 0 || !k->late || trust_now_s(t) - late_s >= k->retired_s))
        rc = ERR_IDENTITY;
#endif
    if (rc < 0)
        return rc;
    *id = k->id;
    *party = k->party;
    return 0;
}

bool trust_is_retired(struct trust *t, X509 *leaf, STACK_OF(X509) * sent)
{
    struct known *k = NULL;
    return t->old_count > 0 && (check(t, leaf, sent, trust_now_s(t), &k) < 0 || k->retired_s != 0);
}

int trust_check_own(struct trust *t, X509 *leaf, struct node_id *id, int *party)
{
    struct known *k = NULL;
    int rc = check(t, leaf, NULL, 0, &k);
    if (rc < 0)
        return rc;
    *id = k->id;
    *party = k->party;
    return 0;
}

bool trust_met_newer(const struct trust *t)
{
    return t->met_newer;
}

bool trust_met_other_time(const struct trust *t)
{
    return t->met_other_time;
}

static int know_bytes(struct trust *t, struct bytes certificate, struct known **out)
{
    if (certificate.len == 0 || certificate.len > CERTIFICATE_SIZE_MAX)
        return ERR_IDENTITY;
    struct digest digest = sha256_of(certificate.data, certificate.len);
    *out = known_find(t, &digest);
    if (*out)
        return 0;
    X509 *leaf = certificate_of_der(certificate);
    int rc = leaf ? trust_know(t, &digest, leaf, NULL, true, out) : ERR_IDENTITY;
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
    *signer = (struct signer){.id = k->id,
                              .party = k->party,
                              .begins_s = k->not_before_s,
                              .not_after_s = k->not_after_s};
    if (k->retired_s != 0 && k->retired_s < signer->not_after_s)
        signer->not_after_s = k->retired_s;
out:
    ERR_clear_error();
    return rc;
}

/* It names an issuer that is known here, who has not signed it. */
static bool is_forged(const struct trust *t, X509 *leaf)
{
    bool named = false;
    for (int i = 0; i < sk_X509_num(t->issuers); i++) {
        X509 *issuer = sk_X509_value(t->issuers, i);
        if (X509_check_issued(issuer, leaf) != X509_V_OK)
            continue;
        if (X509_verify(leaf, X509_get0_pubkey(issuer)) == 1)
            return false;
        named = true;
    }
    return named;
}

static int introduce(struct trust *t, X509 *leaf, struct signer *signer)
{
    struct certificate_name name;
    struct known k = {.retired_s = 0};
    if (certificate_read_name(leaf, &name) < 0 || !digest_equal(name.mesh, t->mesh))
        return ERR_SIGNATURE;
    if (check_chain(t, leaf, NULL, false, &name, &k) < 0)
        return is_forged(t, leaf) ? ERR_SIGNATURE : ERR_IDENTITY;
    *signer = (struct signer){name.id, name.party, certificate_not_before(leaf),
                              certificate_not_after(leaf)};
#if VELUM_PLANT == 983 /* unit/test_introduce: who had the key of an old root makes members */
    return 0;
#else
    return k.retired_s != 0 && !k.late ? ERR_IDENTITY : 0;
#endif
}

int trust_introduce(struct trust *t, struct bytes certificate, struct signer *signer)
{
    X509 *leaf = certificate.len <= CERTIFICATE_SIZE_MAX ? certificate_of_der(certificate) : NULL;
    int rc = leaf ? introduce(t, leaf, signer) : ERR_SIGNATURE;
    X509_free(leaf);
    ERR_clear_error();
    return rc;
}
