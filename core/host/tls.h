/* TLS with certificates of the mesh on both sides, on a non-blocking socket. Called by linkset.c,
 * connection.c and stream.c, and by join_ask.c for its own; knows OpenSSL. The profile:
 *
 *   version     TLS 1.3 only, ALPN required: "velum/1", or "velum-bulk/1" for a link that carries
 *               the bytes of objects between two nodes; who dials says which. "velum-join/1" is for
 *               who has no certificate yet: an issuer shows a certificate of its own and the root,
 *               and asks for none, but looks at one that is shown (RENEW, core/wire/join.h)
 *   parties     client certificate required; the chain, the name in the certificate and the pinned
 *               id are checked inside the handshake, and that who answers a call is a node; the
 *               peer's list is bounded to 16 KiB
 *   algorithms  X25519, then P-256; AES-128-GCM, then ChaCha20; ECDSA with SHA-256
 *   handshakes  full ones only (no tickets, no resumption, no early data), so that who may no
 *               longer come in is always noticed */
#ifndef VELUM_HOST_TLS_H
#define VELUM_HOST_TLS_H

#include <stdbool.h>

#include "core/host/identity.h"

struct tls_profile; /* one identity's settings, shared by all its connections */
struct tls;         /* one connection */
struct ssl_ctx_st;  /* the library's */

enum tls_want { TLS_DONE = 0, TLS_WANT_READ = 1, TLS_WANT_WRITE = 2 };

/* Versions, algorithms and bounds of the profile, for whoever makes a context of the library's
 * itself (join_ask.c). False: this library has not got them. */
bool tls_narrow(struct ssl_ctx_st *ctx);
/* Of OpenSSL, as linked. */
const char *tls_library_version(void);
/* Borrows the identity for its life. */
int tls_profile_new(struct tls_profile **out, struct identity *identity);
/* The identity was renewed: connections from now on show its new certificate. 0 or ERR_SYSTEM. */
int tls_profile_renew(struct tls_profile *p);
/* From now on those who want to join are answered with `welcome` (identity_welcome), which is
 * borrowed until the next call; NULL: they are not. */
void tls_profile_welcome(struct tls_profile *p, struct identity *welcome);
void tls_profile_free(struct tls_profile *p);

/* The descriptor stays the caller's. A client's: `pinned` (may be NULL), the only id to accept;
 * `bulk`, what it asks for. */
int tls_new(struct tls **out, struct tls_profile *p, int fd, bool server,
            const struct node_id *pinned, bool bulk);
void tls_free(struct tls *t);
/* One step. enum tls_want, or ERR_IDENTITY (one side refused the other's certificate), ERR_VERSION
 * (no common protocol), ERR_FORMAT (that is not TLS), ERR_CLOSED. */
int tls_handshake(struct tls *t);
/* Whoever is there wants to join, and is nobody yet; after TLS_DONE. */
bool tls_is_join(const struct tls *t);
/* 32 bytes that only the two ends of this connection know (RFC 8446, section 7.5). 0 or < 0. */
int tls_join_exporter(const struct tls *t, uint8_t to[32]);
/* Who is there; after TLS_DONE. The certificate (DER) is borrowed. To join: party 0 and no
 * certificate where none was shown. */
void tls_peer(const struct tls *t, struct node_id *id, int *party, struct bytes *certificate);
/* Whether the root that the other side is under counts no longer, since the handshake. */
bool tls_is_retired(const struct tls *t);
/* What the client asked for; after TLS_DONE. Only nodes are let in with it. */
bool tls_is_bulk(const struct tls *t);
/* > 0 bytes; 0 when nothing is there now; ERR_CLOSED at an orderly end; ERR_IDENTITY when the other
 * side refused us after its handshake; ERR_IO when it broke off; ERR_FORMAT. */
int tls_read(struct tls *t, void *to, size_t cap);
/* > 0 bytes taken; 0 when the socket is full; ERR_IO. */
int tls_write(struct tls *t, const void *from, size_t len);
/* True while bytes wait inside that no readiness of the descriptor will announce. */
bool tls_has_pending(const struct tls *t);
/* Says that the end is meant. */
void tls_goodbye(struct tls *t);

#endif
