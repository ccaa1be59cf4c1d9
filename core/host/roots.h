/* The roots that a mesh has had, one after the other, and which of them counts: what lets a mesh
 * change its root while it works.
 *
 * A mesh's id is the digest of its first root's key, for ever. Each generation is a root and the
 * issuer under it. The next root is certified by the one before (a cross certificate), so whoever
 * trusts that one can trust the next; then the mesh goes through three stages, each said by the
 * next root's own signature:
 *
 *   ADDED   both roots are trusted, and certificates are still made under the old one
 *   USED    certificates are made, and renewed, under the new one
 *   ALONE   the old root counts no longer for who comes in. It is kept to check what was signed
 *           under it, because time makes no fact untrue
 *
 * As bytes, in the file `roots` of a home and between nodes (core/wire/roots.h):
 *
 *   roots       u8 form (1), u8 count (2..8), u8 stage, i64 at (Unix time of the stage), count x
 *               generation, block signature
 *   generation  block root, block issuer, block cross (certificates, DER; the first has no cross)
 *   signature   ECDSA with SHA-256 (DER), by the last root's key, over "velum roots 1", a zero and
 *               all that stands before it
 *
 * A generation without a cross certificate comes about in an emergency, when nobody should trust
 * the root before it any longer: only a join by a new string, which names it or one that it has
 * certified, brings it to another machine. The last can be without only at the stage ALONE. A home
 * without the file has one generation, root.pem and issuer.pem.
 *
 * What is newer has more generations, or a later stage of as many. It is taken only if it begins
 * with all the roots that are known already. Where two have the root's key and each makes a next
 * one at the same time, machines that joined end with the same: while both are ADDED, so that
 * nobody has a certificate under either, that one stays whose key has the smaller SHA-256 (of one
 * key the later one). Those two do not give way to each other: both say so. A new string leads back
 * who was told of another root by a thief of the one before. Called by authority.c, identity.c,
 * join_desk.c, join_ask.c and rotation.c; knows OpenSSL. */
#ifndef VELUM_HOST_ROOTS_H
#define VELUM_HOST_ROOTS_H

#include <openssl/x509.h>

#include "core/host/staged.h"
#include "core/wire/roots.h"

#define ROOTS_GENERATIONS_MAX 8

enum roots_stage { ROOTS_ADDED = 0, ROOTS_USED = 1, ROOTS_ALONE = 2 };

struct roots_generation {
    X509 *root, *issuer, *cross; /* cross: NULL of the first, and of one made in an emergency */
};

struct roots {
    uint32_t count;
    struct roots_generation all[ROOTS_GENERATIONS_MAX];
    enum roots_stage stage; /* of the last */
    int64_t at_s;
    struct buf bytes; /* the whole; empty where there is one generation */
};

/* What this home knows. ERR_NOT_FOUND where it has no mesh. */
int roots_read(struct roots *r, const struct home *h, char message[HOME_MESSAGE_SIZE]);
/* One generation, which is borrowed by reference count. 0 or ERR_NO_MEMORY. */
int roots_single(struct roots *r, X509 *root, X509 *issuer);
/* Checked in itself: names, signatures, crosses. 0, ERR_FORMAT, ERR_IDENTITY or ERR_NO_MEMORY. */
int roots_decode(struct roots *r, struct bytes bytes);
void roots_clear(struct roots *r);

/* The generation that certificates are made under. */
uint32_t roots_used(const struct roots *r);
/* The first that counts for who comes in. */
uint32_t roots_first_trusted(const struct roots *r);
/* Of one before these: when it counted no longer, Unix time. Of the last of them that is the
 * stage's time. Of one before it that is not told, and it is taken to have ended when the root
 * behind the next was made, which is no earlier; or the next, if that was in an emergency. */
int64_t roots_ended_s(const struct roots *r, uint32_t generation);
/* 0 with one generation; rises with each stage. */
uint32_t roots_version(const struct roots *r);
/* Whether all behind this generation have a cross certificate. */
bool roots_are_certified(const struct roots *r, uint32_t from);
/* Whether `next` may take the place of `known`: 0; ERR_EXISTS, it is not newer, or was made at the
 * same time and `known` stays; ERR_IDENTITY, it does not go on from there, or has no cross
 * certificate; with `by_string` none is asked for, because a string named one that is not known and
 * certifies the last, and only the first must be the same. */
int roots_follow(const struct roots *known, const struct roots *next, bool by_string);
/* The generation whose issuer's key signed it, or -1. */
int roots_generation_of(const struct roots *r, X509 *leaf);

/* Only reads which generation is used, for names of files. */
uint32_t roots_file_used(const struct home *h);
/* As roots_version, of what lies there, good or not. */
uint32_t roots_file_version(const struct home *h);
/* "root.pem" of the first generation, "root-1.pem" of the next. */
void roots_name(char to[32], const char *name, uint32_t generation, const char *ending);
/* Whether this home may go over from what it knows to what came. As roots_follow; or
 * ERR_PERMISSION: it might, but it has the issuer's key, and nobody else makes its roots. */
int roots_judge(const struct home *h, const struct roots *known, const struct roots *next,
                bool by_string, char message[HOME_MESSAGE_SIZE]);
/* Takes what came from elsewhere if it may, under the home lock, which the caller has: certificates
 * of the generation that is used, then the file. */
int roots_take(const struct home *h, struct bytes bytes, bool by_string,
               char message[HOME_MESSAGE_SIZE]);

/* For whoever has the last root's key: signs `r` as it is now into r->bytes. 0 or < 0. */
int roots_sign(struct roots *r, EVP_PKEY *key);
/* Writes r->bytes to the home, if they hold when they are decoded. */
int roots_write(const struct home *h, const struct roots *r, char message[HOME_MESSAGE_SIZE]);
/* The same, with others. */
int roots_stage(struct staged *to, const struct home *h, const struct roots *r,
                char message[HOME_MESSAGE_SIZE]);

#endif
