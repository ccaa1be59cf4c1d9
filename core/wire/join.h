/* Joining: the string that one person copies from one machine to another, and the two messages that
 * it leads to. The drawings are the specification.
 *
 *   VLM1-<26 root>-<8 id>-<26 secret>-<roles>-<4 sum>[@host:port[,host:port...]]
 *
 *   root    the first 16 bytes of the SHA-256 of the root's public key (SPKI): whose mesh this is
 *   id      5 bytes, which token; may be shown and logged
 *   secret  16 random bytes; only what opens it is kept where the token was made
 *   roles   letters in this order, each at most once: n node, s submit, x native, r read
 *   sum     20 bits of SHA-256 over all that stands before its dash: a mistyped letter is noticed
 *           before anything is sent
 *
 * Bytes are written in base32 (RFC 4648, without padding; bits left over are zero), in capitals;
 * small letters are read as well. The addresses behind the @ are not under the sum: they only say
 * where to ask.
 *
 * Over TLS without a certificate of its own (ALPN "velum-join/1") the joiner sends one frame and
 * gets one, after it has seen that the other side belongs to the root in the string and may issue:
 *
 *   JOIN      u8 version (1), 5 id, 32 proof, then what it is about: block node, block user (public
 *             keys, SPKI in DER, with a signature that shows that the joiner has the private key:
 *             block SPKI, block ECDSA signature in DER; node is empty for who will be none)
 *             proof = HMAC-SHA256(verifier, "velum join 1" || 0 || exporter || SHA-256(what it is
 *             about)), where verifier = SHA-256("velum join secret 1" || 0 || id || secret), and
 *             exporter is 32 bytes of TLS keying material (RFC 8446, section 7.5; label
 *             "EXPORTER-velum-join"), so that a proof says nothing on another connection. The keys
 *             sign the same with "velum join key 1" in front and join_keys_digest behind
 *   JOINED    block root, block issuer, block node, block user (certificates, DER; node may be
 *             empty), u8 count (0..4), count x text address (other nodes), and where the mesh has
 *             had more than one root block roots (roots.h)
 *   RENEW     nothing: over the same kind of connection, by who has a certificate of this mesh and
 *             shows it, also one that ended JOIN_LATE_S ago at most; it is for the same key and the
 *             same role
 *   RENEWED   block issuer, block leaf (certificates, DER), and block roots as in JOINED
 *   JOIN_REFUSED  nothing: whatever is wrong, an attacker learns only that it is
 *
 * Source: the join tokens of Docker Swarm and kubeadm, with a secret that never crosses the wire.
 * */
#ifndef VELUM_WIRE_JOIN_H
#define VELUM_WIRE_JOIN_H

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/wire/roots.h"

#define JOIN_ROOT_SIZE 16
#define JOIN_ID_SIZE 5
#define JOIN_ID_TEXT_SIZE 9 /* 8 letters and a zero */
#define JOIN_SECRET_SIZE 16
#define JOIN_PROOF_SIZE 32
#define JOIN_ADDRS_MAX 4
#define JOIN_ADDR_SIZE 256
#define JOIN_TEXT_SIZE 1200   /* the whole string and a zero */
#define JOIN_REQUEST_MAX 8192 /* the whole frame */
#define JOIN_KEY_MAX 1024     /* one block of keys */
#define JOIN_CERTIFICATE_MAX 2048

#define JOIN_EXPORTER "EXPORTER-velum-join"
#define JOIN_ALPN "\x0cvelum-join/1" /* with its length, as RFC 7301 writes it */
#define JOIN_LATE_S ((int64_t)30 * 24 * 3600)

enum join_role { JOIN_NODE = 1, JOIN_SUBMIT = 2, JOIN_NATIVE = 4, JOIN_READ = 8 };
#define JOIN_ROLES_ALL 15

struct join_string {
    uint8_t root[JOIN_ROOT_SIZE];
    uint8_t id[JOIN_ID_SIZE];
    uint8_t secret[JOIN_SECRET_SIZE];
    uint8_t roles; /* enum join_role, at least one */
    uint8_t addrs_count;
    char addrs[JOIN_ADDRS_MAX][JOIN_ADDR_SIZE]; /* host:port, as it was written */
};

/* Writes the string. Everything in it must be within its bounds. */
void join_string_text(const struct join_string *s, char to[JOIN_TEXT_SIZE]);
/* 0; ERR_FORMAT (it is no join string, or was cut), ERR_CHECKSUM (mistyped), ERR_VERSION (VLM and
 * another number), ERR_TOO_LARGE (addresses). Leaves nothing of it in *s on error. */
int join_string_parse(struct join_string *s, const char *text);
void join_id_text(const uint8_t id[JOIN_ID_SIZE], char to[JOIN_ID_TEXT_SIZE]);
/* 0 or ERR_FORMAT. */
int join_id_parse(uint8_t id[JOIN_ID_SIZE], const char *text);
/* "node", or several joined by commas, and back. The words are those of the command line. 0 or
 * ERR_ARGUMENT. */
void join_roles_text(uint8_t roles, char to[40]);
int join_roles_parse(uint8_t *roles, const char *text);

/* Who asks to join, with one key. Borrowed. */
struct join_key {
    struct bytes spki, signature;
};

struct join_request {
    uint8_t id[JOIN_ID_SIZE];
    uint8_t proof[JOIN_PROOF_SIZE];
    struct bytes about; /* the keys as they are encoded: what proof and signatures are over */
    struct join_key node, user; /* node may be empty */
};

struct join_renewed {
    struct bytes issuer, leaf, roots; /* roots: may be empty */
};

struct join_answer {
    struct bytes root, issuer, node, user, roots; /* roots: may be empty */
    uint8_t addrs_count;
    char addrs[JOIN_ADDRS_MAX][JOIN_ADDR_SIZE];
};

/* What a key's signature is over, and with `word` JOIN_PROOF_WORD the proof: to[96] is enough;
 * returns its length. `keys` is the SHA-256 of: block node SPKI, block user SPKI. */
#define JOIN_PROOF_WORD "velum join 1"
#define JOIN_KEY_WORD "velum join key 1"
size_t join_signed_text(const char *word, const uint8_t exporter[32], const struct digest *about,
                        uint8_t to[96]);
/* The digest that the keys sign: over both of them without their signatures. */
struct digest join_keys_digest(struct bytes node_spki, struct bytes user_spki);

/* The part that the proof is over; node may have no bytes. */
void put_join_about(struct buf *b, const struct join_key *node, const struct join_key *user);
void put_join_request(struct buf *b, const struct join_request *r);
/* The about is decoded by join_read_about, once the proof is known to be good. 0 or ERR_FORMAT. */
int join_request_decode(struct bytes payload, struct join_request *r);
int join_read_about(struct join_request *r);
void put_join_answer(struct buf *b, const struct join_answer *a);
int join_answer_decode(struct bytes payload, struct join_answer *a);
void put_join_renewed(struct buf *b, const struct join_renewed *m);
int join_renewed_decode(struct bytes payload, struct join_renewed *m);

#endif
