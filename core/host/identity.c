#include "core/host/identity.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/roots.h"
#include "core/host/trust.h"

#define FLEETING_LIFE_S ((int64_t)30 * 24 * 3600)

struct identity {
    EVP_PKEY *key;
    EVP_PKEY *issuer_key; /* of a fleeting mesh only; else it stays on disk */
    X509 *root;
    X509 *issuer; /* of the leaf */
    X509 *leaf;
    struct roots roots;
    uint32_t generation; /* of them, that the leaf is under */
    bool issues;         /* this machine has the issuer's key */
    struct certificate_name name;
    EVP_PKEY_CTX *signer;
    unsigned char *der;
    size_t der_len;
    struct trust *trust;
};

static int64_t chain_begins_s(const struct identity *i)
{
    int64_t begins = certificate_not_before(i->root);
    int64_t issuer = certificate_not_before(i->issuer), leaf = certificate_not_before(i->leaf);
    begins = issuer > begins ? issuer : begins;
    return leaf > begins ? leaf : begins;
}

/* The user of a machine that joined has the role that was given away then. */
static bool is_of(int found, int party)
{
    return party == PARTY_USER ? party_is_user((enum party)found) : found == party;
}

/* Takes the parts (also when it fails). The own chain must hold like anybody else's. */
static int identity_of(struct identity **out, struct identity *i, int party)
{
    int rc = ERR_NO_MEMORY;
    int len = i2d_X509(i->leaf, &i->der);
    if (len <= 0)
        goto out;
    i->der_len = (size_t)len;
    if (i->key) {
        i->signer = EVP_PKEY_CTX_new(i->key, NULL);
        if (!i->signer || EVP_PKEY_sign_init(i->signer) != 1)
            goto out;
    }
    rc = i->roots.count > 0 ? 0 : roots_single(&i->roots, i->root, i->issuer);
    if (rc == 0)
        rc = trust_new(&i->trust, &i->roots, i->issuer, chain_begins_s(i));
    if (rc < 0)
        goto out;
    struct node_id id;
    int found = 0;
    rc = trust_check_own(i->trust, i->leaf, &id, &found);
    if (rc == 0 &&
        (!is_of(found, party) || (i->key && X509_check_private_key(i->leaf, i->key) != 1)))
        rc = ERR_IDENTITY;
    if (rc == 0)
        rc = certificate_read_name(i->leaf, &i->name);
out:
    ERR_clear_error();
    if (rc < 0)
        identity_free(i);
    else
        *out = i;
    return rc;
}

/* Where nothing is issued, no start makes another. `how`: what is wrong with it. */
static void say_join_again(const struct home *h, const struct authority_leaf *leaf, const char *how,
                           char *message)
{
    snprintf(
        message, HOME_MESSAGE_SIZE,
        "%s/%s.pem %s, and this machine joined its mesh (%s) and makes none itself: velum join "
        "--renew, up to 30 days after its end, or velum join with a new string, for the same "
        "--port",
        leaf->folder, leaf->name, how, h->path);
}

static bool is_missing(const struct authority_leaf *leaf)
{
    char path[HOME_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/%s.pem", leaf->folder, leaf->name);
    return access(path, F_OK) != 0;
}

/* The leaf may be of an older generation than certificates are made under now. */
static int read_roots(struct identity *i, const struct home *h, char *message)
{
    int rc = roots_read(&i->roots, h, message);
    int at = rc == 0 ? roots_generation_of(&i->roots, i->leaf) : -1;
    i->generation = at < 0 ? 0 : (uint32_t)at;
    if (at < 0 || i->generation == roots_used(&i->roots))
        return rc;
    if (X509_up_ref(i->roots.all[at].issuer) != 1)
        return ERR_NO_MEMORY;
    X509_free(i->issuer);
    i->issuer = i->roots.all[at].issuer;
    return 0;
}

static int read_identity(struct identity **out, const struct home *h,
                         const struct authority_leaf *leaf, bool signs, char *message)
{
    struct authority_parts parts;
    int rc = authority_read(h, leaf, signs, &parts, message);
    if (rc < 0 && is_missing(leaf) && !authority_issues(h))
        say_join_again(h, leaf, "is not there", message);
    if (rc < 0)
        return rc;
    struct identity *i = calloc(1, sizeof *i);
    if (!i) {
        authority_parts_clear(&parts);
        snprintf(message, HOME_MESSAGE_SIZE, "out of memory");
        return ERR_NO_MEMORY;
    }
    i->root = parts.root;
    i->issuer = parts.issuer;
    i->leaf = parts.leaf;
    i->key = parts.key;
    i->issues = authority_issues(h);
    rc = read_roots(i, h, message);
    if (rc < 0) {
        identity_free(i);
        return rc;
    }
    bool is_over = (int64_t)time(NULL) >= certificate_not_after(i->root);
    bool is_early = (int64_t)time(NULL) < certificate_not_before(i->root);
    bool has_ended = (int64_t)time(NULL) >= certificate_not_after(i->leaf);
    rc = identity_of(out, i, leaf->party);
    if (rc < 0 && is_over)
        snprintf(message, HOME_MESSAGE_SIZE,
                 "by the clock of this machine the root of the mesh in %s has ended: set the "
                 "clock, and start again; or, if it is right, velum ca rotate --emergency where "
                 "the mesh was made",
                 h->path);
#if VELUM_PLANT != 1164 /* unit/test_wrong_clock: a mesh of tomorrow is blamed on a certificate */
    else if (rc < 0 && is_early)
        snprintf(message, HOME_MESSAGE_SIZE,
                 "by the clock of this machine the root of the mesh in %s has not begun: set the "
                 "clock; or, if it is right, the mesh was made by a wrong one: move that folder "
                 "away, and begin another",
                 h->path);
#endif
#if VELUM_PLANT != 896 /* unit/test_join_desk: who joined is told to remove a certificate */
    else if (rc < 0 && !authority_issues(h))
        say_join_again(h, leaf,
                       has_ended ? "has ended by the clock of this machine" : "is good no longer",
                       message);
#endif
    else if (rc < 0)
        snprintf(message, HOME_MESSAGE_SIZE,
                 "the certificate does not belong to this mesh and key: %s/%s.pem: remove it, and "
                 "the next start makes another",
                 leaf->folder, leaf->name);
    return rc;
}

int identity_mesh_open(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    struct authority_leaf leaf = authority_user_leaf(h);
    certificate_library_open();
    int rc = authority_open(h, message);
    return rc < 0 ? rc : authority_ready(h, &leaf, message);
}

static int open_user(struct identity **out, const struct home *h, bool signs, char *message)
{
    struct authority_leaf leaf = authority_user_leaf(h);
    certificate_library_open();
    if (!authority_exists(h)) {
        snprintf(message, HOME_MESSAGE_SIZE,
                 "there is no mesh in %s, and so no key that a node would take", h->path);
        return ERR_NOT_FOUND;
    }
    int rc = authority_ready(h, &leaf, message);
    return rc < 0 ? rc : read_identity(out, h, &leaf, signs, message);
}

int identity_user(struct identity **out, const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return open_user(out, h, true, message);
}

int identity_user_card(struct identity **out, const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return open_user(out, h, false, message);
}

int identity_node(struct identity **out, const struct home *h, const char *state,
                  char message[HOME_MESSAGE_SIZE])
{
    struct authority_leaf leaf = authority_node_leaf(state);
    certificate_library_open();
    int rc = authority_ready(h, &leaf, message);
    return rc < 0 ? rc : read_identity(out, h, &leaf, true, message);
}

int64_t identity_renew_at_s(const struct identity *i)
{
    return authority_renew_at_s(i->leaf);
}

bool identity_met_newer(const struct identity *i)
{
    return !i->issues && trust_met_newer(i->trust);
}

bool identity_met_other_time(const struct identity *i)
{
    return trust_met_other_time(i->trust);
}

bool identity_is_due(const struct identity *i)
{
    return authority_is_due(i->root, i->leaf) || identity_met_newer(i) ||
           i->generation != roots_used(&i->roots);
}

uint32_t identity_generation(const struct identity *i)
{
    return i->generation;
}

uint32_t identity_roots_version(const struct identity *i)
{
    return roots_version(&i->roots);
}

struct bytes identity_roots_bytes(const struct identity *i)
{
    return buf_bytes(&i->roots.bytes);
}

/* The parts change places, so that whoever borrowed the identity has the new ones. */
int identity_renew(struct identity *i, const struct home *h, const char *state,
                   char message[HOME_MESSAGE_SIZE])
{
    struct authority_leaf leaf = authority_node_leaf(state);
    struct identity *fresh = NULL, old;
    int rc = authority_renew(h, &leaf, message);
    if (rc == 0)
        rc = read_identity(&fresh, h, &leaf, true, message);
    if (rc == ERR_IDENTITY && !authority_issues(h))
        return 0;
    if (rc < 0)
        return rc;
    if (!node_id_equal(fresh->name.id, i->name.id) ||
        !digest_equal(fresh->name.mesh, i->name.mesh)) {
        const bool rekeyed = !roots_are_certified(&fresh->roots, i->generation);
        snprintf(message, HOME_MESSAGE_SIZE,
                 rekeyed ? "the keys in %s were made anew in an emergency: the node ends, and is "
                           "another one when it is started again"
                         : "the key or the mesh in %s was changed under a running node",
                 state);
        rc = rekeyed ? ERR_REFUSED : ERR_IDENTITY;
    } else if (X509_cmp(fresh->leaf, i->leaf) != 0 || X509_cmp(fresh->issuer, i->issuer) != 0 ||
               !bytes_equal(identity_roots_bytes(fresh), identity_roots_bytes(i))) {
        old = *i;
        *i = *fresh;
        *fresh = old;
        rc = 1;
    }
    identity_free(fresh);
    return rc;
}

/* As whoever opens it would find out, but for the sentence. */
static bool fits(const struct home *h, const struct authority_leaf *leaf, bool has_key)
{
    char message[HOME_MESSAGE_SIZE];
    struct identity *i = NULL;
    const bool holds = read_identity(&i, h, leaf, has_key, message) == 0;
    identity_free(i);
    return holds;
}

/* Root and issuer are those that certificates are made under now. */
static void look_path(const struct home *h, const char *folder, const char *name,
                      const char *ending, char to[HOME_PATH_SIZE + 16])
{
    if (strcmp(name, "root") == 0 || strcmp(name, "issuer") == 0)
        authority_file(h, name, ending, to);
    else
        snprintf(to, HOME_PATH_SIZE + 16, "%s/%s.%s", folder, name, ending);
}

static bool is_refused(const struct home *h, const char *folder, const char *name,
                       const char *ending, char *message)
{
    char path[HOME_PATH_SIZE + 16];
    look_path(h, folder, name, ending, path);
    return home_check_secret(path, message) < 0;
}

int identity_look(struct identity_card *out, const struct home *h, const char *folder,
                  const char *name, char message[HOME_MESSAGE_SIZE])
{
    const bool is_node = strcmp(name, "node") == 0, is_user = strcmp(name, "user") == 0;
    const struct authority_leaf leaf = {folder, name, is_node ? PARTY_NODE : PARTY_USER};
    char path[HOME_PATH_SIZE + 16];
    struct authority_life life;
    *out = (struct identity_card){.fits = true};
    certificate_library_open();
    look_path(h, folder, name, "key", path);
    out->has_key = access(path, F_OK) == 0;
    out->refused = is_refused(h, folder, name, "key", message) ||
                   is_refused(h, folder, "root", "pem", message) ||
                   is_refused(h, folder, "issuer", "pem", message);
    look_path(h, folder, name, "pem", path);
    int rc = authority_look(path, &life, message);
    if (rc < 0)
        return rc;
    out->begins_s = life.begins_s;
    out->ends_s = life.ends_s;
    out->renew_at_s = life.renew_at_s;
    out->role = life.role;
    out->id = life.id;
    if (is_node || is_user)
        out->fits = fits(h, &leaf, out->has_key);
    return 0;
}

int identity_home_mesh(const struct home *h, struct digest *out, char message[HOME_MESSAGE_SIZE])
{
    certificate_library_open();
    return authority_home_mesh(h, out, message);
}

/* Another leaf of the fleeting mesh whose parts `i` holds already. */
static int fleeting_leaf(struct identity **out, struct identity *i, int party)
{
    i->key = certificate_new_key();
    if (i->key)
        i->leaf = authority_make_leaf(i->root, i->issuer, i->issuer_key, i->key, party);
    if (i->leaf)
        return identity_of(out, i, party);
    identity_free(i);
    return ERR_SYSTEM;
}

int identity_fleeting(struct identity **out)
{
    certificate_library_open();
    struct identity *i = calloc(1, sizeof *i);
    EVP_PKEY *root_key = certificate_new_key();
    if (!i || !root_key)
        goto failed;
    struct certificate_request root = {
        .kind = CERTIFICATE_ROOT, .key = root_key, .seconds = FLEETING_LIFE_S};
    i->issuer_key = certificate_new_key();
    i->root = certificate_make(&root);
    if (!i->issuer_key || !i->root)
        goto failed;
    struct certificate_request issuer = {.kind = CERTIFICATE_ISSUER,
                                         .key = i->issuer_key,
                                         .issuer = i->root,
                                         .issuer_key = root_key,
                                         .seconds = FLEETING_LIFE_S};
    i->issuer = certificate_make(&issuer);
    if (!i->issuer)
        goto failed;
    EVP_PKEY_free(root_key);
    return fleeting_leaf(out, i, PARTY_NODE);
failed:
    EVP_PKEY_free(root_key);
    identity_free(i);
    return ERR_SYSTEM;
}

int identity_fleeting_user(struct identity **out, const struct identity *node)
{
    struct identity *i = calloc(1, sizeof *i);
    ensure(node->issuer_key);
    if (!i)
        return ERR_NO_MEMORY;
    if (X509_up_ref(node->root) == 1)
        i->root = node->root;
    if (X509_up_ref(node->issuer) == 1)
        i->issuer = node->issuer;
    if (EVP_PKEY_up_ref(node->issuer_key) == 1)
        i->issuer_key = node->issuer_key;
    return fleeting_leaf(out, i, PARTY_USER);
}

int identity_welcome(struct identity **out, const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    struct authority_parts parts;
    certificate_library_open();
    struct identity *i = calloc(1, sizeof *i);
    EVP_PKEY *key = certificate_new_key();
    int rc = ERR_NO_MEMORY;
    snprintf(message, HOME_MESSAGE_SIZE, "%s", err_sentence(rc));
    if (i && key)
        rc = authority_issue(h, key, PARTY_ISSUER, &parts, message);
    if (rc < 0) {
        EVP_PKEY_free(key);
        free(i);
        return rc;
    }
    i->root = parts.root;
    i->issuer = parts.issuer;
    i->leaf = parts.leaf;
    i->key = key;
    rc = read_roots(i, h, message);
    if (rc < 0) {
        identity_free(i);
        return rc;
    }
    rc = identity_of(out, i, PARTY_ISSUER);
    if (rc == ERR_NO_MEMORY)
        snprintf(message, HOME_MESSAGE_SIZE, "%s", err_sentence(rc));
    else if (rc < 0)
        snprintf(message, HOME_MESSAGE_SIZE,
                 "what the issuer in %s signs is not good by the roots there: velum doctor, which "
                 "looks at both and at the clock",
                 h->path);
    return rc;
}

void identity_free(struct identity *i)
{
    if (!i)
        return;
    trust_free(i->trust);
    roots_clear(&i->roots);
    EVP_PKEY_CTX_free(i->signer);
    OPENSSL_free(i->der);
    X509_free(i->leaf);
    X509_free(i->issuer);
    X509_free(i->root);
    EVP_PKEY_free(i->issuer_key);
    EVP_PKEY_free(i->key);
    free(i);
}

int64_t identity_now_s(const struct identity *i)
{
    return trust_now_s(i->trust);
}

struct node_id identity_id(const struct identity *i)
{
    return i->name.id;
}

enum party identity_party(const struct identity *i)
{
    return (enum party)i->name.party;
}

struct digest identity_mesh(const struct identity *i)
{
    return i->name.mesh;
}

struct bytes identity_certificate(const struct identity *i)
{
    return (struct bytes){i->der, i->der_len};
}

struct trust *identity_trust(const struct identity *i)
{
    return i->trust;
}

EVP_PKEY *identity_key(const struct identity *i)
{
    return i->key;
}

X509 *identity_leaf(const struct identity *i)
{
    return i->leaf;
}

X509 *identity_root(const struct identity *i)
{
    return i->root;
}

const struct roots *identity_roots(const struct identity *i)
{
    return &i->roots;
}

X509 *identity_issuer(const struct identity *i)
{
    return i->issuer;
}

int identity_sign(const struct identity *i, struct bytes text, uint8_t sig[64])
{
    unsigned char der[80];
    size_t len = sizeof der;
    struct digest digest = sha256_of(text.data, text.len);
    int rc = ERR_SYSTEM;
    ensure(i->signer);
    if (EVP_PKEY_sign(i->signer, der, &len, digest.bytes, ID_SIZE) == 1)
        rc = signature_from_der((struct bytes){der, len}, sig);
    ERR_clear_error();
    return rc;
}

int identity_verify(struct identity *i, struct bytes certificate, struct bytes text,
                    const uint8_t sig[64], struct signer *signer)
{
    return trust_verify(i->trust, certificate, text, sig, signer);
}

static int seal_sign(void *ctx, struct bytes text, uint8_t sig[64])
{
    return identity_sign(ctx, text, sig);
}

static int seal_verify(void *ctx, struct bytes certificate, struct bytes text,
                       const uint8_t sig[64], struct signer *signer)
{
    return identity_verify(ctx, certificate, text, sig, signer);
}

int identity_introduce(struct identity *i, struct bytes certificate, struct signer *signer)
{
    return trust_introduce(i->trust, certificate, signer);
}

static int seal_introduce(void *ctx, struct bytes certificate, struct signer *signer)
{
    return identity_introduce(ctx, certificate, signer);
}

struct seal identity_seal(struct identity *i)
{
    return (struct seal){
        .ctx = i, .sign = seal_sign, .verify = seal_verify, .introduce = seal_introduce};
}

/* --- what came with a text --- */

/* 0 where the three are a chain at that time; the first that is not, in words. */
static const char *chain_fault(X509 *root, X509 *issuer, X509 *leaf, const struct witnessed *w,
                               struct witness *out)
{
    struct certificate_name name;
    if (!root || X509_verify(root, X509_get0_pubkey(root)) != 1 ||
        authority_mesh(root, &out->mesh) < 0)
        return "its root's certificate is none";
    if (!issuer || X509_verify(issuer, X509_get0_pubkey(root)) != 1)
        return "its issuer's certificate is not signed by that root";
    if (!leaf || X509_verify(leaf, X509_get0_pubkey(issuer)) != 1 ||
        certificate_read_name(leaf, &name) < 0)
        return "its signer's certificate is not signed by that issuer";
    if (!w->later_root && !digest_equal(name.mesh, out->mesh))
        return "its root is not the first of its signer's mesh, and whether that mesh went over to "
               "it is known in its homes only: verify it there";
    out->mesh = name.mesh;
    out->id = name.id;
    out->party = name.party;
    out->begins_s = certificate_not_before(leaf);
    out->ends_s = certificate_not_after(leaf);
    return w->at_s < out->begins_s || w->at_s >= out->ends_s
               ? "its signer's certificate was not valid when it was written"
               : NULL;
}

bool identity_home_knows(const struct home *h, struct digest mesh, struct bytes root)
{
    char message[HOME_MESSAGE_SIZE];
    struct digest here;
    struct roots r;
    bool knows = false;
    certificate_library_open();
    X509 *x = certificate_of_der(root);
    if (x && authority_home_mesh(h, &here, message) == 0 && digest_equal(here, mesh) &&
        roots_read(&r, h, message) == 0) {
        for (uint32_t i = 0; i < r.count; i++)
            knows = knows || X509_cmp(r.all[i].root, x) == 0;
        roots_clear(&r);
    }
    X509_free(x);
    return knows;
}

static int check_at(X509 *root, X509 *issuer, X509 *leaf, int64_t at_s)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *issuers = sk_X509_new_null();
    int rc = ERR_IDENTITY;
    if (store && issuers && X509_STORE_add_cert(store, root) == 1 &&
        sk_X509_push(issuers, issuer) > 0)
        rc = certificate_check_chain(store, leaf, issuers, at_s);
    sk_X509_free(issuers);
    X509_STORE_free(store);
    return rc;
}

static bool is_signed(X509 *leaf, struct bytes text, const uint8_t signature[64])
{
    uint8_t der[80];
    size_t len = 0;
    struct digest digest = sha256_of(text.data, text.len);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(leaf), NULL);
    bool good = ctx && signature_to_der(signature, der, &len) == 0 &&
                EVP_PKEY_verify_init(ctx) == 1 &&
                EVP_PKEY_verify(ctx, der, len, digest.bytes, ID_SIZE) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

int identity_witness(const struct witnessed *w, struct witness *out, const char **why)
{
    certificate_library_open();
    X509 *root = certificate_of_der(w->root), *issuer = certificate_of_der(w->issuer);
    X509 *leaf = certificate_of_der(w->leaf);
    int rc = ERR_IDENTITY;
    *why = chain_fault(root, issuer, leaf, w, out);
    if (!*why && check_at(root, issuer, leaf, w->at_s) < 0)
        *why = "its certificates are no chain that was valid when it was written";
    if (!*why && !is_signed(leaf, w->text, w->signature)) {
        *why = "its signature is not that of its lines";
        rc = ERR_SIGNATURE;
    }
    ERR_clear_error();
    X509_free(root);
    X509_free(issuer);
    X509_free(leaf);
    return *why ? rc : 0;
}

int identity_name(struct bytes certificate, struct witness *out)
{
    struct certificate_name name;
    certificate_library_open();
    X509 *x = certificate_of_der(certificate);
    int rc = x ? certificate_read_name(x, &name) : ERR_IDENTITY;
    if (rc == 0)
        *out = (struct witness){name.mesh, name.id, name.party, certificate_not_before(x),
                                certificate_not_after(x)};
    X509_free(x);
    return rc;
}

static void put_der(struct buf *b, X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    b->failed |= len <= 0;
    if (len > 0)
        put_raw(b, der, (size_t)len);
    OPENSSL_free(der);
}

int identity_home_chain(const struct home *h, struct buf *issuer, struct buf *root,
                        char message[HOME_MESSAGE_SIZE])
{
    struct authority_leaf leaf = authority_user_leaf(h);
    struct authority_parts parts;
    certificate_library_open();
    int rc = authority_read(h, &leaf, false, &parts, message);
    if (rc < 0)
        return rc;
    put_der(issuer, parts.issuer);
    put_der(root, parts.root);
    authority_parts_clear(&parts);
    return issuer->failed || root->failed ? ERR_TOO_LARGE : 0;
}
