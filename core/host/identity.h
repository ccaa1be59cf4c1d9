/* Keys and certificates: the local mesh made on first start, a node's key, the user's key, signing
 * and verifying. One of the few files that know OpenSSL. The profile, P-256 and X.509 v3:
 *
 *   name   exactly one SAN, the URI velum://<mesh>/<role>/<id>: mesh and id are the hex SHA-256 of
 *          the root's and the own SPKI, role is node or admin (the user). Only it is read, never
 *          the CN
 *   usage  EKU client and server
 *   life   root 10 years, issuer (pathlen 0) 1 year, user 90 days, node 7 days; NotBefore one hour
 *          ago. All but the root are renewed at half life, by the keys on this machine, and when a
 *          clock that was ahead is right again. A clock outside the root's life renews nothing */
#ifndef VELUM_HOST_IDENTITY_H
#define VELUM_HOST_IDENTITY_H

#include "core/host/home.h"
#include "core/node/node.h"

struct identity; /* one private key, its certificate chain, and the root it trusts */

/* Makes root, issuer and user key under the home lock when they are missing, so that racing first
 * starts make one root. */
int identity_mesh_open(const struct home *h, char message[HOME_MESSAGE_SIZE]);
/* The user's identity (commands). */
int identity_user(struct identity **out, const struct home *h, char message[HOME_MESSAGE_SIZE]);
/* The same without the private key, for a node,
 * which only tells who its user is: it cannot sign. */
int identity_user_card(struct identity **out, const struct home *h,
                       char message[HOME_MESSAGE_SIZE]);
/* The node's, from `state` (node.key, node.pem), made and signed by the issuer when missing or past
 * half its life. */
int identity_node(struct identity **out, const struct home *h, const char *state,
                  char message[HOME_MESSAGE_SIZE]);
/* When a node that runs should renew: half of its certificate's life, Unix time. */
int64_t identity_renew_at_s(const struct identity *i);
/* Whether it should now (authority_is_due says when else). */
bool identity_is_due(const struct identity *i);
/* Of the roots that the mesh has had (core/host/roots.h): which one the certificate is under, how
 * new what is known of them is, and all of it as others are told. */
uint32_t identity_generation(const struct identity *i);
uint32_t identity_roots_version(const struct identity *i);
struct bytes identity_roots_bytes(const struct identity *i);
/* Somebody of this mesh came in whose root is not known here: the mesh has gone on meanwhile, and
 * this machine must ask for what it missed. It is due then. */
bool identity_met_newer(const struct identity *i);
/* Somebody of this mesh was refused because his certificate is not good now: a clock is wrong, his
 * or this machine's, or he is late. */
bool identity_met_other_time(const struct identity *i);
/* Renews a running node's certificate when it is due, and takes what lies in `state` in place of
 * what it has: the same key, so the same id. 1 when that is something new, 0 when not, also
 * where it has ended and an issuer elsewhere is to be asked; ERR_BUSY
 * when somebody has the home lock at the moment; ERR_REFUSED, its key was made anew in an emergency
 * and is good for another node only. After an error it is what it was. */
int identity_renew(struct identity *i, const struct home *h, const char *state,
                   char message[HOME_MESSAGE_SIZE]);
/* What lies there of one certificate, for whoever only looks: nothing is made, renewed, locked. */
struct identity_card {
    int64_t begins_s, ends_s, renew_at_s; /* Unix time */
    bool has_key;                         /* the key lies beside it */
    bool fits;         /* it is good now: signed by this mesh, and of the key beside it */
    const char *role;  /* of user and node: the word in its name; else NULL */
    struct node_id id; /* of user and node */
    bool refused;      /* its key, or what signs it, is a link, another's, or open to others */
};
/* FOLDER/NAME.pem: root, issuer, user (in the mesh's folder) or node (in a node's). Only of the
 * last two it is found out whether they fit. 0, or < 0 with a sentence. */
int identity_look(struct identity_card *out, const struct home *h, const char *folder,
                  const char *name, char message[HOME_MESSAGE_SIZE]);
/* The id of this home's mesh; ERR_NOT_FOUND where it has none. */
int identity_home_mesh(const struct home *h, struct digest *out, char message[HOME_MESSAGE_SIZE]);
/* Made for one run of embedded mode, in memory, trusting itself only:
 * a node of a mesh of its own. */
int identity_fleeting(struct identity **out);
/* The user of a fleeting mesh, who signs the run's job. `node` must come from identity_fleeting. */
int identity_fleeting_user(struct identity **out, const struct identity *node);
/* Who answers those that want to join: a key made now, and a certificate for it whose role is
 * issuer and nothing else, so that no other node can take join requests. ERR_NOT_FOUND where this
 * machine has no issuer. */
int identity_welcome(struct identity **out, const struct home *h, char message[HOME_MESSAGE_SIZE]);
void identity_free(struct identity *i);

/* The time certificates are judged at: the wall clock, but never before the own chain begins. */
int64_t identity_now_s(const struct identity *i);
struct node_id identity_id(const struct identity *i);
enum party identity_party(const struct identity *i);
struct digest identity_mesh(const struct identity *i); /* SHA-256 of the root's SPKI */
/* The own certificate (leaf, DER) as it goes into signed bytes. The issuer's certificate is part of
 * what every member of the mesh holds; verify builds leaf -> issuer -> root. */
struct bytes identity_certificate(const struct identity *i);
int identity_sign(const struct identity *i, struct bytes text, uint8_t sig[64]);
/* As struct seal.verify. A certificate that was verified once is kept with its key (256 of them,
 * the least recently used goes), so that a signature then costs one ECDSA check. */
int identity_verify(struct identity *i, struct bytes certificate, struct bytes text,
                    const uint8_t sig[64], struct signer *signer);
/* As struct seal.introduce. */
int identity_introduce(struct identity *i, struct bytes certificate, struct signer *signer);
/* Who signed a text, by certificates that came with it and by nothing of this machine. */
struct witness {
    struct digest mesh; /* the caller looks whether he believes it */
    struct node_id id;
    int party;                /* enum party */
    int64_t begins_s, ends_s; /* of the signer's certificate */
};
struct witnessed {
    struct bytes root, issuer, leaf, text; /* the first three in DER */
    const uint8_t *signature;              /* 64 bytes */
    int64_t at_s;                          /* when it was signed, as it says */
    bool later_root;                       /* the mesh had another before: identity_home_knows */
};
/* Whether this home is of that mesh, and knows that this (DER) is one of its roots. */
bool identity_home_knows(const struct home *h, struct digest mesh, struct bytes root);
/* 0, or ERR_IDENTITY or ERR_SIGNATURE with a sentence that says which of these is wrong. */
int identity_witness(const struct witnessed *w, struct witness *out, const char **why);
/* Whose certificate (DER) it says it is, in which mesh; nobody's word is checked. 0 or
 * ERR_IDENTITY. */
int identity_name(struct bytes certificate, struct witness *out);
/* The certificates of this home's issuer and root; nothing is made or renewed. ERR_NOT_FOUND where
 * it has none. */
int identity_home_chain(const struct home *h, struct buf *issuer, struct buf *root,
                        char message[HOME_MESSAGE_SIZE]);
/* Signing and verifying as the core wants them. */
struct seal identity_seal(struct identity *i);

#endif
