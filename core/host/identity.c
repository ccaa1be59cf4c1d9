#include "core/host/identity.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/certificate.h"
#include "core/host/memory.h"
#include "core/host/trust.h"

#define DAY_S ((int64_t)24 * 3600)
#define ROOT_LIFE_S (3650 * DAY_S)
#define ISSUER_LIFE_S (365 * DAY_S)
#define NODE_LIFE_S (7 * DAY_S)
#define USER_LIFE_S (90 * DAY_S)
#define PEM_SIZE_MAX 16384

/* Where the pieces of one identity lie. */
struct places {
    char root_key[HOME_PATH_SIZE];
    char root[HOME_PATH_SIZE];
    char issuer_key[HOME_PATH_SIZE];
    char issuer[HOME_PATH_SIZE];
    char leaf_key[HOME_PATH_SIZE];
    char leaf[HOME_PATH_SIZE];
};

struct identity {
    EVP_PKEY *key;
    EVP_PKEY *issuer_key; /* of a fleeting mesh only; else it stays on disk */
    X509 *root;
    X509 *issuer;
    X509 *leaf;
    struct certificate_name name;
    EVP_PKEY_CTX *signer;
    unsigned char *der;
    size_t der_len;
    struct trust *trust;
};

static int say(char *message, int rc, const char *what, const char *path, const char *hint)
{
    snprintf(message, HOME_MESSAGE_SIZE, "%s %s%s%s", what, path, hint[0] ? ": " : "", hint);
    return rc;
}

static void place(char to[HOME_PATH_SIZE], const char *folder, const char *file)
{
    int n = snprintf(to, HOME_PATH_SIZE, "%s/%s", folder, file);
    ensure(n > 0 && n < HOME_PATH_SIZE + 16);
}

static void places_of(struct places *p, const struct home *h, const char *folder, const char *leaf)
{
    char file[32];
    place(p->root_key, h->path, "root.key");
    place(p->root, h->path, "root.pem");
    place(p->issuer_key, h->path, "issuer.key");
    place(p->issuer, h->path, "issuer.pem");
    snprintf(file, sizeof file, "%s.key", leaf);
    place(p->leaf_key, folder, file);
    snprintf(file, sizeof file, "%s.pem", leaf);
    place(p->leaf, folder, file);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static int read_key(const char *path, EVP_PKEY **key, char *message)
{
    struct buf text;
    buf_init(&text, &host_memory, PEM_SIZE_MAX);
    int rc = home_read_file(path, true, &text, message);
    if (rc < 0)
        goto out;
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!*key)
        rc = say(message, ERR_DAMAGED, "not a private key:", path, "restore it from a copy");
out:
    if (text.data)
        OPENSSL_cleanse(text.data, text.cap);
    buf_clear(&text);
    ERR_clear_error();
    return rc;
}

static int read_certificate(const char *path, X509 **x, char *message)
{
    struct buf text;
    buf_init(&text, &host_memory, PEM_SIZE_MAX);
    int rc = home_read_file(path, false, &text, message);
    if (rc < 0)
        goto out;
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!*x)
        rc = say(message, ERR_DAMAGED, "not a certificate:", path, "restore it from a copy");
out:
    buf_clear(&text);
    ERR_clear_error();
    return rc;
}

static int write_bio(const char *path, BIO *bio, bool written, char *message)
{
    char *data = NULL;
    long len = bio ? BIO_get_mem_data(bio, &data) : 0;
    int rc = written && len > 0
                 ? home_write_file(path, (struct bytes){(uint8_t *)data, (size_t)len}, message)
                 : say(message, ERR_NO_MEMORY, "cannot write", path, "");
    BIO_free(bio);
    return rc;
}

static int write_key(const char *path, EVP_PKEY *key, char *message)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool written = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    return write_bio(path, bio, written, message);
}

static int write_certificate(const char *path, X509 *x, char *message)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return write_bio(path, bio, bio && PEM_write_bio_X509(bio, x) == 1, message);
}

/* Reads the key at `path` when it is there, makes and writes one otherwise. */
static int open_key(const char *path, EVP_PKEY **key, char *message)
{
    if (exists(path))
        return read_key(path, key, message);
    *key = certificate_new_key();
    if (!*key)
        return say(message, ERR_SYSTEM, "cannot make the key", path, "");
    return write_key(path, *key, message);
}

static bool past_half_life(const X509 *x)
{
    int64_t begin = certificate_not_before(x);
    return (int64_t)time(NULL) > begin + (certificate_not_after(x) - begin) / 2;
}

static int make_root(const struct places *p, EVP_PKEY **key, X509 **root, char *message)
{
    *key = certificate_new_key();
    if (!*key)
        return say(message, ERR_SYSTEM, "cannot make the key", p->root_key, "");
    struct certificate_request r = {.kind = CERTIFICATE_ROOT, .key = *key, .seconds = ROOT_LIFE_S};
    *root = certificate_make(&r);
    if (!*root)
        return say(message, ERR_SYSTEM, "cannot make the certificate", p->root, "");
    return write_key(p->root_key, *key, message);
}

static int make_issuer(const struct places *p, EVP_PKEY *root_key, X509 *root, char *message)
{
    EVP_PKEY *key = NULL;
    X509 *issuer = NULL;
    int rc = open_key(p->issuer_key, &key, message);
    if (rc < 0)
        goto out;
    struct certificate_request r = {.kind = CERTIFICATE_ISSUER,
                                    .key = key,
                                    .issuer = root,
                                    .issuer_key = root_key,
                                    .seconds = ISSUER_LIFE_S};
    issuer = certificate_make(&r);
    rc = issuer ? write_certificate(p->issuer, issuer, message)
                : say(message, ERR_SYSTEM, "cannot make the certificate", p->issuer, "");
out:
    X509_free(issuer);
    EVP_PKEY_free(key);
    return rc;
}

/* root.pem is written last: where it exists, everything before it does too, and a first start that
 * was cut short begins again. */
static int make_mesh(const struct places *p, char *message)
{
    EVP_PKEY *root_key = NULL;
    X509 *root = NULL;
    int rc = make_root(p, &root_key, &root, message);
    if (rc < 0)
        goto out;
    rc = make_issuer(p, root_key, root, message);
    if (rc < 0)
        goto out;
    rc = write_certificate(p->root, root, message);
out:
    X509_free(root);
    EVP_PKEY_free(root_key);
    return rc;
}

/* A new certificate for the same issuer key, so that those it signed stay valid. */
static int renew_issuer(const struct places *p, char *message)
{
    EVP_PKEY *root_key = NULL;
    X509 *root = NULL, *issuer = NULL;
    int rc = read_certificate(p->issuer, &issuer, message);
    if (rc < 0 || !past_half_life(issuer) || !exists(p->root_key))
        goto out;
    rc = read_key(p->root_key, &root_key, message);
    if (rc < 0)
        goto out;
    rc = read_certificate(p->root, &root, message);
    if (rc < 0)
        goto out;
    rc = make_issuer(p, root_key, root, message);
out:
    X509_free(issuer);
    X509_free(root);
    EVP_PKEY_free(root_key);
    return rc;
}

static int mesh_digest(X509 *root, struct digest *to)
{
    EVP_PKEY *key = X509_get0_pubkey(root);
    return key ? certificate_key_digest(key, to->bytes) : ERR_FORMAT;
}

static X509 *make_leaf(X509 *root, X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key, int party)
{
    struct certificate_request r = {.kind = CERTIFICATE_LEAF,
                                    .key = key,
                                    .issuer = issuer,
                                    .issuer_key = issuer_key,
                                    .seconds = party == PARTY_NODE ? NODE_LIFE_S : USER_LIFE_S,
                                    .name = {.party = party}};
    if (mesh_digest(root, &r.name.mesh) < 0 || certificate_key_digest(key, r.name.id.bytes) < 0)
        return NULL;
    return certificate_make(&r);
}

/* Makes the key when there is none, and the certificate from this machine's issuer. */
static int issue_leaf(const struct places *p, int party, char *message)
{
    EVP_PKEY *key = NULL, *issuer_key = NULL;
    X509 *root = NULL, *issuer = NULL, *leaf = NULL;
    int rc = read_certificate(p->root, &root, message);
    if (rc == 0)
        rc = read_certificate(p->issuer, &issuer, message);
    if (rc == 0)
        rc = read_key(p->issuer_key, &issuer_key, message);
    if (rc == 0)
        rc = open_key(p->leaf_key, &key, message);
    if (rc < 0)
        goto out;
    leaf = make_leaf(root, issuer, issuer_key, key, party);
    rc = leaf ? write_certificate(p->leaf, leaf, message)
              : say(message, ERR_SYSTEM, "cannot make the certificate", p->leaf, "");
out:
    X509_free(leaf);
    X509_free(issuer);
    X509_free(root);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(key);
    return rc;
}

static int64_t chain_begins_s(const struct identity *i)
{
    int64_t begins = certificate_not_before(i->root);
    int64_t issuer = certificate_not_before(i->issuer), leaf = certificate_not_before(i->leaf);
    begins = issuer > begins ? issuer : begins;
    return leaf > begins ? leaf : begins;
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
    struct digest mesh;
    rc = mesh_digest(i->root, &mesh);
    if (rc < 0)
        goto out;
    rc = trust_new(&i->trust, i->root, i->issuer, mesh, chain_begins_s(i));
    if (rc < 0)
        goto out;
    struct node_id id;
    int found = 0;
    rc = trust_check(i->trust, i->leaf, NULL, &id, &found);
    if (rc == 0 && (found != party || (i->key && X509_check_private_key(i->leaf, i->key) != 1)))
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

static int read_identity(struct identity **out, const struct places *p, int party, bool signs,
                         char *message)
{
    struct identity *i = calloc(1, sizeof *i);
    if (!i)
        return say(message, ERR_NO_MEMORY, "out of memory", "", "");
    int rc = read_certificate(p->root, &i->root, message);
    if (rc == 0)
        rc = read_certificate(p->issuer, &i->issuer, message);
    if (rc == 0)
        rc = read_certificate(p->leaf, &i->leaf, message);
    if (rc == 0 && signs)
        rc = read_key(p->leaf_key, &i->key, message);
    if (rc < 0) {
        identity_free(i);
        return rc;
    }
    rc = identity_of(out, i, party);
    if (rc < 0)
        say(message, rc, "the certificate does not belong to this mesh and key:", p->leaf,
            "remove it, and the next start makes another");
    return rc;
}

static int leaf_is_due(const struct places *p, bool *due, char *message)
{
    X509 *leaf = NULL;
    *due = true;
    if (!exists(p->leaf) || !exists(p->leaf_key))
        return 0;
    int rc = read_certificate(p->leaf, &leaf, message);
    if (rc == 0)
        *due = past_half_life(leaf);
    X509_free(leaf);
    return rc;
}

/* The lock is only taken when something has to be made. Inside it is looked at once more, because
 * another start may have been first. */
static int ready_leaf(const struct home *h, const struct places *p, int party, char *message)
{
    bool due;
    int rc = leaf_is_due(p, &due, message);
    if (rc < 0 || !due || !exists(p->issuer_key))
        return rc;
    int lock = home_lock(h, message);
    if (lock < 0)
        return lock;
    rc = leaf_is_due(p, &due, message);
    if (rc == 0 && due)
        rc = issue_leaf(p, party, message);
    close(lock);
    return rc;
}

int identity_mesh_open(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    struct places p;
    certificate_library_open();
    places_of(&p, h, h->path, "user");
    int lock = home_lock(h, message);
    if (lock < 0)
        return lock;
    int rc = exists(p.root) ? renew_issuer(&p, message) : make_mesh(&p, message);
    close(lock);
    return rc < 0 ? rc : ready_leaf(h, &p, PARTY_USER, message);
}

static int open_user(struct identity **out, const struct home *h, bool signs, char *message)
{
    struct places p;
    certificate_library_open();
    places_of(&p, h, h->path, "user");
    if (!exists(p.root))
        return say(message, ERR_NOT_FOUND, "there is no mesh in", h->path,
                   "start a node: velum node");
    int rc = ready_leaf(h, &p, PARTY_USER, message);
    return rc < 0 ? rc : read_identity(out, &p, PARTY_USER, signs, message);
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
    struct places p;
    certificate_library_open();
    places_of(&p, h, state, "node");
    int rc = ready_leaf(h, &p, PARTY_NODE, message);
    return rc < 0 ? rc : read_identity(out, &p, PARTY_NODE, true, message);
}

/* Another leaf of the fleeting mesh whose parts `i` holds already. */
static int fleeting_leaf(struct identity **out, struct identity *i, int party)
{
    i->key = certificate_new_key();
    if (i->key)
        i->leaf = make_leaf(i->root, i->issuer, i->issuer_key, i->key, party);
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
        .kind = CERTIFICATE_ROOT, .key = root_key, .seconds = DAY_S * 30};
    i->issuer_key = certificate_new_key();
    i->root = certificate_make(&root);
    if (!i->issuer_key || !i->root)
        goto failed;
    struct certificate_request issuer = {.kind = CERTIFICATE_ISSUER,
                                         .key = i->issuer_key,
                                         .issuer = i->root,
                                         .issuer_key = root_key,
                                         .seconds = DAY_S * 30};
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

void identity_free(struct identity *i)
{
    if (!i)
        return;
    trust_free(i->trust);
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
                    const uint8_t sig[64], struct node_id *id, int *party)
{
    return trust_verify(i->trust, certificate, text, sig, id, party);
}

static int seal_sign(void *ctx, struct bytes text, uint8_t sig[64])
{
    return identity_sign(ctx, text, sig);
}

static int seal_verify(void *ctx, struct bytes certificate, struct bytes text,
                       const uint8_t sig[64], struct node_id *id, int *party)
{
    return identity_verify(ctx, certificate, text, sig, id, party);
}

struct seal identity_seal(struct identity *i)
{
    return (struct seal){.ctx = i, .sign = seal_sign, .verify = seal_verify};
}
