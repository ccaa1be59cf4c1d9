#include "core/host/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/host/certificate.h"
#include "core/host/join_proof.h"
#include "core/host/roots.h"
#include "core/host/trust.h"
#include "core/wire/join.h"

#define PEER_LIST_SIZE_MAX 16384
#define RECORD_MAX 16384
#define STRANGER_RECORD_MAX 2048 /* bytes in a record of ours, for less memory */

static const unsigned char control_word[] = {7, 'v', 'e', 'l', 'u', 'm', '/', '1'};
static const unsigned char bulk_word[] = {12,  'v', 'e', 'l', 'u', 'm', '-',
                                          'b', 'u', 'l', 'k', '/', '1'};

static const unsigned char join_word[] = JOIN_ALPN;

struct tls_profile {
    SSL_CTX *ctx;
    struct identity *identity;
    struct identity *welcome; /* NULL: nobody joins here */
};

struct tls {
    SSL *ssl;
    struct tls_profile *profile;
    bool pins;
    bool bulk;
    bool join;
    bool refused; /* by us, inside the handshake */
    struct node_id pinned;
    struct node_id id;
    int party;
    unsigned char *der;
    size_t der_len;
};

static bool choose(struct bytes word, unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len)
{
    return SSL_select_next_proto(out, out_len, word.data, (unsigned)word.len, in, in_len) ==
           OPENSSL_NPN_NEGOTIATED;
}

/* This connection shows the issuer's certificate with the roots up to its own, one of which the
 * joiner knows by its digest only, and asks for none. */
static bool welcome(SSL *ssl)
{
    const struct tls *t = SSL_get_app_data(ssl);
    const struct identity *w = t->profile->welcome;
    if (!w)
        return false;
#if VELUM_PLANT != 888 /* unit/test_join_desk: any node answers those who want to join */
    if (SSL_use_certificate(ssl, identity_leaf(w)) != 1 ||
        SSL_use_PrivateKey(ssl, identity_key(w)) != 1)
        return false;
#endif
    SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    if (SSL_clear_chain_certs(ssl) != 1 || SSL_add1_chain_cert(ssl, identity_issuer(w)) != 1)
        return false;
    const struct roots *r = identity_roots(w);
    bool added = true;
    for (uint32_t i = roots_used(r) + 1; added && i-- > 0;)
        added = SSL_add1_chain_cert(ssl, r->all[i].root) == 1 &&
                (!r->all[i].cross || SSL_add1_chain_cert(ssl, r->all[i].cross) == 1);
    return added;
}

/* A list without one of our words ends the handshake; no list at all is found out at its end. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *arg)
{
    (void)arg;
    unsigned char *chosen = NULL;
    if (choose((struct bytes){join_word, sizeof join_word - 1}, &chosen, out_len, in, in_len)) {
        *out = chosen;
        return welcome(ssl) ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (!choose((struct bytes){control_word, sizeof control_word}, &chosen, out_len, in, in_len) &&
        !choose((struct bytes){bulk_word, sizeof bulk_word}, &chosen, out_len, in, in_len))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    /* It may be asked a second time, behind another word (HelloRetryRequest). */
    SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return SSL_TLSEXT_ERR_OK;
}

/* The word that both sides agreed on, which they do before certificates are looked at. */
static bool chose(SSL *ssl, const unsigned char *ours)
{
    const unsigned char *word = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(ssl, &word, &len);
    return len == ours[0] && memcmp(word, ours + 1, len) == 0;
}

/* Who is called must be a node, whoever calls; the issuer's role is for its desk alone. */
static bool may_be_here(SSL *ssl, int party)
{
#if VELUM_PLANT == 928 /* unit/test_wrong_certificates: anybody of the mesh answers as a node */
    return true;
#else
    return SSL_is_server(ssl) ? chose(ssl, join_word) || party != PARTY_ISSUER
                              : party == PARTY_NODE;
#endif
}

/* Replaces the library's own chain check, so that connections and signed bytes are judged by the
 * same few lines. */
static int check_peer(X509_STORE_CTX *ctx, void *arg)
{
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    int rc = ERR_IDENTITY;
    if (leaf)
        rc = trust_check_late(identity_trust(t->profile->identity), leaf,
                              X509_STORE_CTX_get0_untrusted(ctx),
                              chose(ssl, join_word) ? JOIN_LATE_S : 0, &t->id, &t->party);
    if (rc == 0 && (!may_be_here(ssl, t->party) || (t->pins && !node_id_equal(t->id, t->pinned))))
        rc = ERR_IDENTITY;
    t->refused = rc < 0;
    X509_STORE_CTX_set_error(ctx, rc < 0 ? X509_V_ERR_CERT_REJECTED : X509_V_OK);
    return rc == 0;
}

bool tls_narrow(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, PEER_LIST_SIZE_MAX);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256") == 1 &&
           SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") ==
               1;
}

static bool set_profile(SSL_CTX *ctx)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1); /* header and body of a record by one system call */
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, check_peer, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return tls_narrow(ctx);
}

/* So that whoever was away, and knows an older root only, knows us. A month after its end that
 * would help nobody. */
static bool show_crosses(struct tls_profile *p)
{
    const struct roots *r = identity_roots(p->identity);
    const uint32_t generation = identity_generation(p->identity);
    bool added = true;
    if (r->stage == ROOTS_ALONE && identity_now_s(p->identity) - r->at_s > JOIN_LATE_S)
        return true;
    for (uint32_t i = generation + 1; added && i-- > 1;)
        added = !r->all[i].cross || SSL_CTX_add1_chain_cert(p->ctx, r->all[i].cross) == 1;
    return added;
}

int tls_profile_renew(struct tls_profile *p)
{
    int rc = SSL_CTX_use_certificate(p->ctx, identity_leaf(p->identity)) == 1 &&
                     SSL_CTX_clear_chain_certs(p->ctx) == 1 &&
                     SSL_CTX_add1_chain_cert(p->ctx, identity_issuer(p->identity)) == 1 &&
                     show_crosses(p) &&
                     SSL_CTX_use_PrivateKey(p->ctx, identity_key(p->identity)) == 1
                 ? 0
                 : ERR_SYSTEM;
    ERR_clear_error();
    return rc;
}

const char *tls_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

void tls_profile_welcome(struct tls_profile *p, struct identity *welcome)
{
    p->welcome = welcome;
}

int tls_profile_new(struct tls_profile **out, struct identity *identity)
{
    certificate_library_open();
    struct tls_profile *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    p->identity = identity;
    p->ctx = SSL_CTX_new(TLS_method());
    if (!p->ctx || !set_profile(p->ctx) || tls_profile_renew(p) < 0) {
        tls_profile_free(p);
        ERR_clear_error();
        return ERR_SYSTEM;
    }
    *out = p;
    return 0;
}

void tls_profile_free(struct tls_profile *p)
{
    if (!p)
        return;
    SSL_CTX_free(p->ctx);
    free(p);
}

static bool size_records(struct tls *t, long size)
{
    return SSL_set_max_send_fragment(t->ssl, size) == 1 &&
           SSL_set_split_send_fragment(t->ssl, size) == 1;
}

static bool ask_for(struct tls *t, bool bulk)
{
    return SSL_set_alpn_protos(t->ssl, bulk ? bulk_word : control_word,
                               bulk ? sizeof bulk_word : sizeof control_word) == 0;
}

int tls_new(struct tls **out, struct tls_profile *p, int fd, bool server,
            const struct node_id *pinned, bool bulk)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_NO_MEMORY;
    t->profile = p;
    t->pins = pinned && !node_id_is_zero(*pinned);
    if (t->pins)
        t->pinned = *pinned;
    t->ssl = SSL_new(p->ctx);
    if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1 || !size_records(t, STRANGER_RECORD_MAX) ||
        (!server && !ask_for(t, bulk))) {
        tls_free(t);
        ERR_clear_error();
        return ERR_NO_MEMORY;
    }
    SSL_set_app_data(t->ssl, t);
    if (server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    *out = t;
    return 0;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    OPENSSL_free(t->der);
    free(t);
}

/* An alert of the other side arrives as an error whose reason is 1,000 and its number (RFC 8446,
 * section 6). Those that speak of certificates mean that it does not know us. */
static int fault_of_alert(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case TLS13_AD_CERTIFICATE_REQUIRED:
        return ERR_IDENTITY;
    case SSL_AD_PROTOCOL_VERSION:
    case SSL_AD_NO_APPLICATION_PROTOCOL:
        return ERR_VERSION;
    default:
        return ERR_FORMAT;
    }
}

static int fault_of_reason(int reason)
{
    if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
        return fault_of_alert(reason - SSL_AD_REASON_OFFSET);
    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return ERR_IDENTITY;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_APPLICATION_PROTOCOL:
        return ERR_VERSION;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return ERR_IO;
    default:
        return ERR_FORMAT;
    }
}

static int fault_of(const struct tls *t, int result)
{
    int kind = SSL_get_error(t->ssl, result);
    unsigned long e = ERR_peek_error();
    ERR_clear_error();
    if (t->refused)
        return ERR_IDENTITY;
    if (kind == SSL_ERROR_ZERO_RETURN)
        return ERR_CLOSED;
    if (kind == SSL_ERROR_SYSCALL || e == 0)
        return ERR_IO;
    return fault_of_reason(ERR_GET_REASON(e));
}

/* Without an agreed word nobody goes on, whatever the certificates say. */
static int finish(struct tls *t)
{
    t->bulk = chose(t->ssl, bulk_word);
    t->join = SSL_is_server(t->ssl) && chose(t->ssl, join_word);
    if (!t->bulk && !t->join && !chose(t->ssl, control_word))
        return ERR_VERSION;
    X509 *peer = SSL_get0_peer_certificate(t->ssl);
    int der_len = peer ? i2d_X509(peer, &t->der) : 0;
    if (t->join && !peer)
        return TLS_DONE;
#if VELUM_PLANT == 315 /* unit/test_tls_link: a user gets a bulk link */
    if (der_len <= 0 || t->party == 0)
#else
    if (der_len <= 0 || t->party == 0 || (t->bulk && t->party != PARTY_NODE))
#endif
        return ERR_IDENTITY;
    t->der_len = (size_t)der_len;
    return t->join || size_records(t, RECORD_MAX) ? TLS_DONE : ERR_NO_MEMORY;
}

int tls_handshake(struct tls *t)
{
    ERR_clear_error();
    int n = SSL_do_handshake(t->ssl);
    if (n == 1)
        return finish(t);
    switch (SSL_get_error(t->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    default:
        return fault_of(t, n);
    }
}

void tls_peer(const struct tls *t, struct node_id *id, int *party, struct bytes *certificate)
{
    ensure(t->der || t->join);
    *id = t->id;
    *party = t->party;
    *certificate = (struct bytes){t->der, t->der_len};
}

bool tls_is_retired(const struct tls *t)
{
    X509 *leaf = SSL_get0_peer_certificate(t->ssl);
    return leaf && trust_is_retired(identity_trust(t->profile->identity), leaf,
                                    SSL_get_peer_cert_chain(t->ssl));
}

bool tls_is_join(const struct tls *t)
{
    return t->join;
}

int tls_join_exporter(const struct tls *t, uint8_t to[32])
{
    return join_exporter(t->ssl, to);
}

bool tls_is_bulk(const struct tls *t)
{
    return t->bulk;
}

static bool waits(const struct tls *t, int result)
{
    int kind = SSL_get_error(t->ssl, result);
    return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE;
}

int tls_read(struct tls *t, void *to, size_t cap)
{
    ERR_clear_error();
    int n = SSL_read(t->ssl, to, cap > INT_MAX ? INT_MAX : (int)cap);
    if (n > 0)
        return n;
    return waits(t, n) ? 0 : fault_of(t, n);
}

int tls_write(struct tls *t, const void *from, size_t len)
{
    ERR_clear_error();
    int n = SSL_write(t->ssl, from, len > INT_MAX ? INT_MAX : (int)len);
    if (n > 0)
        return n;
    return waits(t, n) ? 0 : fault_of(t, n);
}

bool tls_has_pending(const struct tls *t)
{
    return SSL_has_pending(t->ssl) == 1;
}

void tls_goodbye(struct tls *t)
{
    if (SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    ERR_clear_error();
}
