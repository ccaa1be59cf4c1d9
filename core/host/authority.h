/* The certificate authority of a local mesh, as it lies in the home folder: root, issuer, and the
 * leaves made from them.
 *
 * Owns root.key root.pem issuer.key issuer.pem under the home folder, and writes NAME.key NAME.pem
 * into a leaf's folder. Everything is made and renewed under the home lock; a certificate renews
 * at half its life and keeps its key, because a node's id is its key; but for one whose root was
 * given up in an emergency (roots.h): whoever copied this home has that key, and another is made.
 * Reads no clock but the wall.
 * Called by identity.c, invite.c and the two sides of a join; knows OpenSSL. Errors leave a
 * sentence in `message`. */
#ifndef VELUM_HOST_AUTHORITY_H
#define VELUM_HOST_AUTHORITY_H

#include "core/host/certificate.h"
#include "core/host/home.h"
#include "core/host/roots.h"

#define AUTHORITY_ROOT_LIFE_S ((int64_t)3650 * 24 * 3600)
#define AUTHORITY_ISSUER_LIFE_S ((int64_t)365 * 24 * 3600)

/* Whose certificate: FOLDER/NAME.pem with FOLDER/NAME.key. */
struct authority_leaf {
    const char *folder;
    const char *name;
    int party; /* enum party */
};

/* That of the home's user, and that of the node in `state`. Borrow the folder. */
struct authority_leaf authority_user_leaf(const struct home *h);
struct authority_leaf authority_node_leaf(const char *state);

/* What one identity is read from. */
struct authority_parts {
    X509 *root, *issuer, *leaf;
    EVP_PKEY *key; /* NULL where it was not asked for */
};

/* Whether this folder has a mesh at all. */
bool authority_exists(const struct home *h);
/* Makes root and issuer when there are none, renews the issuer when it is due, and refuses keys of
 * theirs that others may read. Waits for the lock. */
int authority_open(const struct home *h, char message[HOME_MESSAGE_SIZE]);
/* Makes the leaf when it is missing or past half its life; waits for the lock. Without an issuer
 * on this machine what is there stays as it is. */
int authority_ready(const struct home *h, const struct authority_leaf *leaf,
                    char message[HOME_MESSAGE_SIZE]);
/* The same for a process that runs, issuer included: ERR_BUSY when somebody else has the lock. */
int authority_renew(const struct home *h, const struct authority_leaf *leaf,
                    char message[HOME_MESSAGE_SIZE]);
/* Of a leaf that an issuer elsewhere is to sign: the key that is there, or one made now, which is
 * not written yet. To be freed by the caller. */
int authority_key(const struct home *h, const struct authority_leaf *leaf, EVP_PKEY **out,
                  char message[HOME_MESSAGE_SIZE]);
/* Makes this home part of the mesh of `root`, with leaves that its issuer signed: keys before their
 * certificates, and root.pem last. ERR_EXISTS when it belongs to another one. All are borrowed.
 * Nothing is changed before all holds together and was written beside its place (staged.h). */
struct authority_adopted {
    X509 *root, *issuer;
    const struct roots *roots; /* NULL where the mesh has had one */
    bool by_string;            /* a string has named one that is new here */
    uint32_t count;
    struct authority_leaf leaves[2];
    X509 *certificates[2];
    EVP_PKEY *keys[2];
    void *ctx;
    int (*also)(void *ctx, struct staged *to, char *message); /* adds what is to change with them */
};
int authority_adopt(const struct home *h, const struct authority_adopted *a,
                    char message[HOME_MESSAGE_SIZE]);
/* FOLDER/root.key, as long as the mesh has its first root; "root-1.key" and so on later. */
void authority_file(const struct home *h, const char *name, const char *ending,
                    char to[HOME_PATH_SIZE]);
/* The mesh of this home: its id; ERR_NOT_FOUND where it has none. */
int authority_home_mesh(const struct home *h, struct digest *out, char message[HOME_MESSAGE_SIZE]);
/* The root that certificates are made under now: SHA-256 of its key. */
int authority_home_root(const struct home *h, struct digest *out, char message[HOME_MESSAGE_SIZE]);
/* Gives the parts, to be cleared by the caller; nothing on error. */
int authority_read(const struct home *h, const struct authority_leaf *leaf, bool signs,
                   struct authority_parts *out, char message[HOME_MESSAGE_SIZE]);
void authority_parts_clear(struct authority_parts *parts);

/* From when to when it is good, and when it is half over, Unix time. Looks at the file only. */
struct authority_life {
    int64_t begins_s, ends_s, renew_at_s;
    const char *role;  /* of a leaf: the word in its name; NULL of others */
    struct node_id id; /* of a leaf's key */
};
int authority_look(const char *path, struct authority_life *out, char message[HOME_MESSAGE_SIZE]);

/* SHA-256 of a root's public key, that of the first is the mesh's name. 0 or ERR_FORMAT. */
int authority_mesh(X509 *root, struct digest *to);
/* A leaf for `key`, signed by the issuer, with its party's life, in the mesh of this first root.
 * NULL when that fails. */
X509 *authority_make_leaf(X509 *first, X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key,
                          int party);
/* The same by this machine's issuer, which is read for it: root, issuer and leaf, to be cleared by
 * the caller. The key stays the caller's. ERR_NOT_FOUND where this machine has no issuer. */
int authority_issue(const struct home *h, EVP_PKEY *key, int party, struct authority_parts *out,
                    char message[HOME_MESSAGE_SIZE]);
/* Whether this machine has the issuer's key. */
bool authority_issues(const struct home *h);
/* When half of its life is over, Unix time. */
int64_t authority_renew_at_s(const X509 *x);
/* Whether the wall clock can be right: the mesh was made before, and has not ended. */
bool authority_clock_is_sane(const X509 *root);
/* Whether a certificate should be made anew: past half its life, or begun in the future, which says
 * that a clock was wrong when it was made. Never by a clock that cannot be right. */
bool authority_is_due(const X509 *root, const X509 *x);

#endif
