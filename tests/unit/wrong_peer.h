/* Who speaks TLS by the library alone, with a certificate of wrong_make.h, to a linkset or to
 * somebody who wants to join: at either end, in steps, and noting what it gets. Header only. */
#ifndef VELUM_TESTS_WRONG_PEER_H
#define VELUM_TESTS_WRONG_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "tests/unit/wrong_makers.h"

struct peer {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    const char *alpn; /* what it offers, or chooses */
    uint8_t says;     /* the frame it sends once it is in; 0: none */
    bool shaken, over;
    int alerts;   /* that it got */
    int tickets;  /* sessions that it was given */
    size_t heard; /* bytes that the other side told it */
};

/* A session that nobody ever had. */
static inline int made_up_session(SSL *ssl, const EVP_MD *md, const unsigned char **id,
                                  size_t *id_len, SSL_SESSION **out)
{
    static const unsigned char key[32] = {7}, cipher[] = {0x13, 0x01};
    SSL_SESSION *s = SSL_SESSION_new();
    (void)md;
    *out = NULL;
    if (s == NULL || SSL_SESSION_set1_master_key(s, key, sizeof key) != 1 ||
        SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, cipher)) != 1 ||
        SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) != 1 ||
        SSL_SESSION_set1_alpn_selected(s, (const unsigned char *)"velum/1", 7) != 1 ||
        SSL_SESSION_set_max_early_data(s, 16384) != 1) {
        SSL_SESSION_free(s);
        return 0;
    }
    *id = (const unsigned char *)"ticket";
    *id_len = 6;
    *out = s;
    return 1;
}

/* Certificates are looked at by nobody here. */
static inline int believe(X509_STORE_CTX *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    return 1;
}

static inline void note(const SSL *ssl, int where, int value)
{
    struct peer *p = SSL_get_app_data(ssl);
    (void)value;
    p->alerts += (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT;
}

static inline int note_ticket(SSL *ssl, SSL_SESSION *s)
{
    struct peer *p = SSL_get_app_data(ssl);
    (void)s;
    p->tickets++;
    return 0;
}

static inline int choose_any(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                             const unsigned char *in, unsigned in_len, void *arg)
{
    struct peer *p = arg;
    (void)ssl, (void)in, (void)in_len;
    *out = (const unsigned char *)p->alpn + 1;
    *out_len = (unsigned char)p->alpn[0];
    return SSL_TLSEXT_ERR_OK;
}

static inline X509 *root_for(const struct recipe *r)
{
    return r->by == BY_OTHER_ISSUER ? other_root.x
           : r->by == BY_TWIN_ROOT  ? twin_root.x
                                    : root_of.x;
}

static inline void send_chain(struct peer *p, const struct recipe *r, bool with_root)
{
    X509 *maker = makers[r->by].x;
    const int times = r->chain == CHAIN_HUGE ? 64 : r->chain == CHAIN_TWICE ? 2 : 1;
    for (int i = 0; i < times && maker && r->chain != CHAIN_NONE; i++)
        REQUIRE(SSL_add1_chain_cert(p->ssl, maker) == 1);
    if (r->by == BY_SUB_ISSUER)
        REQUIRE(SSL_add1_chain_cert(p->ssl, makers[BY_ISSUER].x) == 1);
    if (with_root)
        REQUIRE(SSL_add1_chain_cert(p->ssl, root_for(r)) == 1);
}

/* A key whose public half is a node's, which is all that a library compares. */
static inline EVP_PKEY *stolen(EVP_PKEY *public_half)
{
    EVP_PKEY *other = EVP_EC_gen("P-256"), *made = NULL;
    unsigned char point[65];
    size_t len = 0;
    BIGNUM *secret = NULL;
    char group[] = "prime256v1";
    REQUIRE(EVP_PKEY_get_octet_string_param(public_half, "pub", point, sizeof point, &len) == 1);
    REQUIRE(EVP_PKEY_get_bn_param(other, "priv", &secret) == 1);
    unsigned char bytes[32];
    REQUIRE(BN_bn2lebinpad(secret, bytes, sizeof bytes) == sizeof bytes);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("group", group, 0),
                           OSSL_PARAM_construct_octet_string("pub", point, len),
                           OSSL_PARAM_construct_BN("priv", bytes, sizeof bytes),
                           OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    REQUIRE(EVP_PKEY_fromdata_init(ctx) == 1);
    REQUIRE(EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_KEYPAIR, params) == 1);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(other);
    BN_free(secret);
    return made;
}

static inline void show(struct peer *p, const struct recipe *r, const char *role, bool with_root)
{
    /* The last is the certificate of who makes some itself. */
    const bool is_maker = r->chain == CHAIN_MAKER_ONLY;
    EVP_PKEY *key = is_maker ? makers[r->by].key : keys[r->key];
    X509 *x = is_maker ? makers[r->by].x : cooked(r, role, key);
    EVP_PKEY *signs = r->not_its_key ? stolen(key) : NULL;
    REQUIRE(SSL_use_certificate(p->ssl, x) == 1);
    REQUIRE(SSL_use_PrivateKey(p->ssl, signs ? signs : key) == 1);
    send_chain(p, r, with_root);
    EVP_PKEY_free(signs);
}

static inline void peer_context(struct peer *p, const struct recipe *r)
{
    const int version = r->version ? r->version : TLS1_3_VERSION;
    REQUIRE((p->ctx = SSL_CTX_new(TLS_method())) != NULL);
    SSL_CTX_set_security_level(p->ctx, 0);
    SSL_CTX_set_verify(p->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(p->ctx, believe, NULL);
    SSL_CTX_set_info_callback(p->ctx, note);
    SSL_CTX_set_session_cache_mode(p->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(p->ctx, note_ticket);
    REQUIRE(SSL_CTX_set_min_proto_version(p->ctx, version) == 1);
    REQUIRE(SSL_CTX_set_max_proto_version(p->ctx, version) == 1);
    REQUIRE(!r->groups || SSL_CTX_set1_groups_list(p->ctx, r->groups) == 1);
    REQUIRE(!r->sigalgs || SSL_CTX_set1_sigalgs_list(p->ctx, r->sigalgs) == 1);
    REQUIRE(!r->ciphers || SSL_CTX_set_ciphersuites(p->ctx, r->ciphers) == 1);
    if (r->resumes || r->early)
        SSL_CTX_set_psk_use_session_callback(p->ctx, made_up_session);
}

/* Takes the descriptor. */
static inline void peer_open(struct peer *p, const struct recipe *r, enum side side, int fd)
{
    const bool client = side == ACCEPT || side == RENEW;
    const char *word = side == RENEW || side == JOIN ? "\14velum-join/1" : "\7velum/1";
    memset(p, 0, sizeof *p);
    peer_context(p, r);
    p->alpn = given(r->alpn, word);
    p->says = side == JOIN ? 0 : side == RENEW ? MESSAGE_RENEW : MESSAGE_PING;
    p->fd = fd;
    REQUIRE(fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    REQUIRE((p->ssl = SSL_new(p->ctx)) != NULL && SSL_set_fd(p->ssl, fd) == 1);
    SSL_set_app_data(p->ssl, p);
    if (!r->nothing)
        show(p, r, side == JOIN ? "issuer" : "node", side == JOIN);
    if (client && !r->no_alpn)
        SSL_set_alpn_protos(p->ssl, (const unsigned char *)p->alpn, (unsigned)strlen(p->alpn));
    if (!client && !r->no_alpn)
        SSL_CTX_set_alpn_select_cb(p->ctx, choose_any, p);
    if (client)
        SSL_set_connect_state(p->ssl);
    else
        SSL_set_accept_state(p->ssl);
}

static inline bool waits(struct peer *p, int n)
{
    const int kind = SSL_get_error(p->ssl, n);
    return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE;
}

/* `early`: before the other side has answered. */
static inline void say(struct peer *p, bool early)
{
    uint8_t room[FRAME_HEADER_SIZE];
    struct buf b;
    size_t written;
    buf_init_fixed(&b, room, sizeof room);
    frame_put(&b, p->says, 0, (struct bytes){NULL, 0});
    if (p->says && early)
        (void)SSL_write_early_data(p->ssl, room, sizeof room, &written);
    else if (p->says)
        (void)SSL_write(p->ssl, room, sizeof room);
}

/* Once in, it says something, and hears what there is. */
static inline void peer_step(struct peer *p, const struct recipe *r)
{
    char room[4096];
    int n = 0;
    ERR_clear_error();
    if (p->over)
        return;
    if (!p->shaken) {
        if (r->early && SSL_in_before(p->ssl))
            say(p, true);
        n = SSL_do_handshake(p->ssl);
        p->over = n != 1 && !waits(p, n);
        p->shaken = n == 1;
        if (n == 1)
            say(p, false);
    }
    while (p->shaken && (n = SSL_read(p->ssl, room, sizeof room)) > 0)
        p->heard += (size_t)n;
    if (p->shaken && !p->over)
        p->over = !waits(p, n);
    ERR_clear_error();
}

/* Hangs up, once. */
static inline void peer_hang_up(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static inline void peer_close(struct peer *p)
{
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    peer_hang_up(p);
    ERR_clear_error();
}

#endif
