#include "core/host/join_ask.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/address.h"
#include "core/host/authority.h"
#include "core/host/join_proof.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/host/peers_file.h"
#include "core/host/tls.h"
#include "core/host/tokens.h"
#include "core/node/event.h"
#include "core/wire/message.h"

#define ASK_US (10 * S_US)
#define TRIES 3
#define TRY_AGAIN_MS 300
#define NODE_LEAF 0
#define USER_LEAF 1

struct asking {
    const struct home *home;
    const struct join_string *string;
    char *message;
    char state[HOME_PATH_SIZE];
    bool node; /* the string makes one */
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
    X509 *root;    /* the one that was named, once the other side showed it */
    bool has_mesh; /* this home, of this name */
    bool is_known; /* the one that was named, to this home */
    bool foreign;  /* and the other side is of another one */
    struct digest mesh;
    bool by_clock; /* it would be right at another time */
    struct instant until;
    EVP_PKEY *keys[2];
    struct authority_parts shown; /* what a certificate is renewed by; empty for who joins */
    int renewed;                  /* and which of both leaves it is */
    struct buf in;
};

static int say(struct asking *a, int rc, const char *text)
{
    snprintf(a->message, HOME_MESSAGE_SIZE, "%s", text);
    return rc;
}

static struct authority_leaf leaf_of(const struct asking *a, int which)
{
    return which == NODE_LEAF ? authority_node_leaf(a->state) : authority_user_leaf(a->home);
}

/* --- the other side must be who it has to be --- */

static bool is_of_string(X509 *x, const struct join_string *s)
{
    struct digest d;
    return authority_mesh(x, &d) == 0 && memcmp(d.bytes, s->root, JOIN_ROOT_SIZE) == 0;
}

/* The leaf's name, when its chain leads to `root` now. 0 or ERR_IDENTITY. */
static int check_leaf(X509 *root, X509 *leaf, STACK_OF(X509) * issuers,
                      struct certificate_name *name, int64_t now_s)
{
    X509_STORE *store = X509_STORE_new();
    int rc = ERR_IDENTITY;
    if (root && leaf && store && X509_STORE_add_cert(store, root) == 1 &&
        certificate_read_name(leaf, name) == 0)
        rc = certificate_check_chain(store, leaf, issuers, now_s);
    X509_STORE_free(store);
    ERR_clear_error();
    return rc;
}

/* The mesh is named by its first root, which is shown too; that it is the first is seen by what
 * comes (take_roots). */
static bool is_shown(STACK_OF(X509) * sent, const struct digest *mesh)
{
    struct digest d;
    for (int i = 0; i < sk_X509_num(sent); i++)
        if (authority_mesh(sk_X509_value(sent, i), &d) == 0 && digest_equal(d, *mesh))
            return true;
    return false;
}

/* Whoever has another certificate of this mesh may have been taken over; only an issuer is told
 * what comes of the secret. */
static int check_issuer(struct asking *a, X509 *leaf, STACK_OF(X509) * sent)
{
    struct certificate_name name;
    for (int i = 0; i < sk_X509_num(sent) && !a->root; i++)
        if (is_of_string(sk_X509_value(sent, i), a->string)) {
            a->root = sk_X509_value(sent, i);
            X509_up_ref(a->root);
        }
    int rc = check_leaf(a->root, leaf, sent, &name, (int64_t)time(NULL));
    a->by_clock =
        rc < 0 && check_leaf(a->root, leaf, sent, &name, certificate_not_before(leaf) + 1) == 0;
    a->foreign = rc == 0 && a->has_mesh && !digest_equal(name.mesh, a->mesh);
    if (rc < 0 || a->foreign || name.party != PARTY_ISSUER || !is_shown(sent, &name.mesh))
        return ERR_IDENTITY;
    a->mesh = name.mesh;
    return 0;
}

static int check_peer(X509_STORE_CTX *ctx, void *arg)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    int rc = leaf ? check_issuer(arg, leaf, X509_STORE_CTX_get0_untrusted(ctx)) : ERR_IDENTITY;
    X509_STORE_CTX_set_error(ctx, rc < 0 ? X509_V_ERR_CERT_REJECTED : X509_V_OK);
    return rc == 0;
}

static int open_tls(struct asking *a)
{
    a->ctx = SSL_CTX_new(TLS_client_method());
    if (!a->ctx)
        return ERR_NO_MEMORY;
    SSL_CTX_set_verify(a->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(a->ctx, check_peer, a);
    a->ssl = tls_narrow(a->ctx) ? SSL_new(a->ctx) : NULL;
    if (!a->ssl || SSL_set_fd(a->ssl, a->fd) != 1 ||
        SSL_set_alpn_protos(a->ssl, (const unsigned char *)JOIN_ALPN, sizeof JOIN_ALPN - 1) != 0)
        return ERR_NO_MEMORY;
    if (a->shown.leaf && (SSL_use_certificate(a->ssl, a->shown.leaf) != 1 ||
                          SSL_use_PrivateKey(a->ssl, a->shown.key) != 1 ||
                          SSL_add1_chain_cert(a->ssl, a->shown.issuer) != 1))
        return ERR_SYSTEM;
    SSL_set_connect_state(a->ssl);
    return 0;
}

/* --- bytes, with an end in time --- */

static int wait_for(struct asking *a, short events)
{
    struct pollfd p = {.fd = a->fd, .events = events};
    int64_t left_ms = (a->until.us - loop_clock().us) / 1000;
    int n = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
    if (n < 0 && errno == EINTR)
        return 0;
    return n > 0 ? 0 : ERR_TIMEOUT;
}

/* 1 to go on, or an error. */
static int wait_tls(struct asking *a, int n)
{
    int rc;
    switch (SSL_get_error(a->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        rc = wait_for(a, POLLIN);
        break;
    case SSL_ERROR_WANT_WRITE:
        rc = wait_for(a, POLLOUT);
        break;
    case SSL_ERROR_ZERO_RETURN:
        rc = ERR_CLOSED;
        break;
    default:
        rc = SSL_get_verify_result(a->ssl) == X509_V_ERR_CERT_REJECTED ? ERR_IDENTITY : ERR_CLOSED;
    }
    ERR_clear_error();
    return rc < 0 ? rc : 1;
}

static int connect_to(struct asking *a, const struct address *to)
{
    int error = 0;
    socklen_t len = sizeof error;
    a->fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0)
        return ERR_SYSTEM;
    if (connect(a->fd, (const struct sockaddr *)&to->storage, to->len) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno == ECONNREFUSED ? ERR_REFUSED : ERR_UNREACHABLE;
    int rc = wait_for(a, POLLOUT);
    if (rc < 0)
        return rc;
    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    return error == 0 ? 0 : error == ECONNREFUSED ? ERR_REFUSED : ERR_UNREACHABLE;
}

static bool agreed(const SSL *ssl)
{
    const unsigned char *word = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(ssl, &word, &len);
    return len == sizeof JOIN_ALPN - 2 && memcmp(word, JOIN_ALPN + 1, len) == 0;
}

static int shake(struct asking *a)
{
    int n, rc = 1;
    while (rc > 0 && (n = SSL_do_handshake(a->ssl)) != 1)
        rc = wait_tls(a, n);
    return rc < 0 ? rc : agreed(a->ssl) ? 0 : ERR_FORMAT;
}

static int send_all(struct asking *a, struct bytes text)
{
    int rc = 1;
    for (size_t at = 0; rc > 0 && at < text.len;) {
        int n = SSL_write(a->ssl, text.data + at, (int)(text.len - at));
        if (n > 0)
            at += (size_t)n;
        else
            rc = wait_tls(a, n);
    }
    return rc < 0 ? rc : 0;
}

static int take_frame(struct asking *a, struct frame *out)
{
    int rc = 1;
    while (rc > 0) {
        int n = frame_take(buf_bytes(&a->in), out);
        if (n != 0)
            return n < 0 ? n : 0;
        size_t room = frame_missing(buf_bytes(&a->in));
        uint8_t *to = buf_reserve(&a->in, room);
        if (!to)
            return ERR_NO_MEMORY;
        n = SSL_read(a->ssl, to, (int)room);
        if (n > 0)
            a->in.len += (size_t)n;
        else
            rc = wait_tls(a, n);
    }
    return rc;
}

/* --- the request --- */

/* The keys are signed as a pair, so both are written first. */
static int put_keys(struct asking *a, const uint8_t exporter[32], struct buf *about)
{
    uint8_t spki[2][256], signature[2][JOIN_SIGNATURE_MAX];
    struct join_key keys[2] = {{{NULL, 0}, {NULL, 0}}};
    for (int i = 0; i < 2; i++) {
        int len = a->keys[i] ? join_key_spki(a->keys[i], spki[i]) : 0;
        if (len < 0)
            return len;
        keys[i].spki = (struct bytes){spki[i], (size_t)len};
    }
    struct digest both = join_keys_digest(keys[NODE_LEAF].spki, keys[USER_LEAF].spki);
    for (int i = 0; i < 2; i++) {
        int len = a->keys[i] ? join_key_sign(a->keys[i], exporter, &both, signature[i]) : 0;
        if (len < 0)
            return len;
        keys[i].signature = (struct bytes){signature[i], (size_t)len};
    }
    put_join_about(about, &keys[NODE_LEAF], &keys[USER_LEAF]);
    return buf_result(about);
}

static int put_request(struct asking *a, struct buf *to)
{
    uint8_t exporter[32];
    struct join_request r = {.about = {NULL, 0}};
    struct buf about;
    buf_init(&about, &host_memory, JOIN_REQUEST_MAX);
    memcpy(r.id, a->string->id, sizeof r.id);
    if (a->shown.leaf) {
        buf_clear(&about);
        frame_put(to, MESSAGE_RENEW, 0, (struct bytes){NULL, 0});
        return buf_result(to);
    }
    struct digest verifier = token_verifier(a->string->id, a->string->secret);
    int rc = join_exporter(a->ssl, exporter);
    if (rc == 0)
        rc = put_keys(a, exporter, &about);
    r.about = buf_bytes(&about);
    if (rc == 0)
        rc = join_proof(&verifier, exporter, r.about, r.proof);
    if (rc == 0) {
        size_t start = frame_begin(to, MESSAGE_JOIN, 0);
        put_join_request(to, &r);
        frame_end(to, start);
        rc = buf_result(to);
    }
    OPENSSL_cleanse(&verifier, sizeof verifier);
    buf_clear(&about);
    return rc;
}

/* --- the answer --- */

/* What came may be right, and the clock here wrong: that of a node is good for days. */
static bool belongs(struct asking *a, X509 *leaf, STACK_OF(X509) * issuers, int which)
{
    struct certificate_name name;
    bool good = check_leaf(a->root, leaf, issuers, &name, (int64_t)time(NULL)) == 0;
    if (!good && leaf)
        a->by_clock = a->by_clock || check_leaf(a->root, leaf, issuers, &name,
                                                certificate_not_before(leaf) + 1) == 0;
    good = good && X509_check_private_key(leaf, a->keys[which]) == 1;
    ERR_clear_error();
    return good && digest_equal(name.mesh, a->mesh) &&
           (which == NODE_LEAF ? name.party == PARTY_NODE : party_is_user((enum party)name.party));
}

/* What came of roots, where there was more than one: the one that was named is among them and
 * certifies those behind it, and the first has the mesh's name. */
static int take_roots(struct asking *a, struct bytes from, struct roots *r)
{
    struct digest mesh;
    bool named = false;
    int rc = from.len > 0 ? roots_decode(r, from) : roots_single(r, a->root, a->root);
    for (uint32_t i = 0; rc == 0 && i < r->count; i++)
        named = named || (X509_cmp(r->all[i].root, a->root) == 0 && roots_are_certified(r, i));
    if (rc == 0 &&
        (!named || authority_mesh(r->all[0].root, &mesh) < 0 || !digest_equal(mesh, a->mesh)))
        rc = ERR_IDENTITY;
    return rc;
}

/* The issuer that came, and crosses from the root that was named. */
static STACK_OF(X509) * between(X509 *issuer, const struct roots *r)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    bool pushed = all && issuer && sk_X509_push(all, issuer) > 0;
    for (uint32_t i = 0; pushed && i < r->count; i++)
        pushed = !r->all[i].cross || sk_X509_push(all, r->all[i].cross) > 0;
    if (pushed)
        return all;
    sk_X509_free(all);
    return NULL;
}

static void add_roots(const struct asking *a, const struct roots *r, struct authority_adopted *all)
{
    all->roots = r->count > 1 ? r : NULL;
    all->by_string = !a->shown.leaf && !a->is_known;
}

static int adopt(struct asking *a, const struct authority_adopted *all, struct join_asked *out)
{
    struct certificate_name name;
    X509 *user = all->certificates[all->count - 1];
    char hex[ID_HEX_SIZE];
    int rc = certificate_read_name(user, &name);
    if (rc == 0)
        rc = authority_adopt(a->home, all, a->message);
    if (rc < 0)
        return rc;
    id_hex(name.mesh.bytes, 16, hex);
    text_copy(out->mesh, sizeof out->mesh, hex);
    text_copy(out->role, sizeof out->role, certificate_role(name.party));
    return 0;
}

struct met {
    const struct asking *asking;
    const struct join_answer *answer;
    const char *addr;
};

static int stage_peers(void *ctx, struct staged *to, char *message)
{
    const struct met *m = ctx;
    return peers_file_stage(to, m->asking->home, m->addr, m->answer, m->asking->node, message);
}

static int take_certificates(struct asking *a, const struct join_answer *answer,
                             struct join_asked *out)
{
    X509 *issuer = certificate_of_der(answer->issuer), *node = certificate_of_der(answer->node);
    X509 *user = certificate_of_der(answer->user);
    struct roots roots = {.count = 0};
    int rc = take_roots(a, answer->roots, &roots);
    STACK_OF(X509) *issuers = rc == 0 ? between(issuer, &roots) : NULL;
    struct met met = {a, answer, out->asked};
    struct authority_adopted all = {
        .root = a->root, .issuer = issuer, .ctx = &met, .also = stage_peers};
    rc = ERR_IDENTITY;
    if (!issuers || !belongs(a, user, issuers, USER_LEAF) ||
        (a->node && !belongs(a, node, issuers, NODE_LEAF))) {
        say(a, rc,
            a->by_clock ? "by the clock of this machine the certificates that came are not good "
                          "now: set it, or that of the machine where the mesh was made; nothing "
                          "was written, and the string has one use less"
                        : "the certificates that came do not belong to the keys of this machine "
                          "and to that mesh; nothing was written");
        goto out;
    }
    for (int which = a->node ? NODE_LEAF : USER_LEAF; which <= USER_LEAF; which++) {
        all.leaves[all.count] = leaf_of(a, which);
        all.certificates[all.count] = which == NODE_LEAF ? node : user;
        all.keys[all.count++] = a->keys[which];
    }
    add_roots(a, &roots, &all);
    rc = adopt(a, &all, out);
out:
    sk_X509_free(issuers);
    roots_clear(&roots);
    X509_free(issuer);
    X509_free(node);
    X509_free(user);
    return rc;
}

/* Another one for the same key. */
static int take_renewed(struct asking *a, const struct frame *f)
{
    struct join_renewed m;
    int rc = ERR_FORMAT;
    if (f->type != MESSAGE_RENEWED || join_renewed_decode(f->payload, &m) < 0)
        return say(a, rc,
                   f->type == MESSAGE_JOIN_REFUSED
                       ? "the issuer does not renew this certificate"
                       : "the answer is not in the agreed form; is it another version?");
    X509 *issuer = certificate_of_der(m.issuer), *leaf = certificate_of_der(m.leaf);
    struct roots roots = {.count = 0};
    STACK_OF(X509) *issuers = take_roots(a, m.roots, &roots) == 0 ? between(issuer, &roots) : NULL;
    struct authority_adopted all = {.root = a->root,
                                    .issuer = issuer,
                                    .count = 1,
                                    .certificates = {leaf},
                                    .keys = {a->shown.key}};
    all.leaves[0] = leaf_of(a, a->renewed);
    if (issuers && belongs(a, leaf, issuers, a->renewed)) {
        add_roots(a, &roots, &all);
        rc = authority_adopt(a->home, &all, a->message);
    } else
        say(a, rc,
            a->by_clock ? "by the clock of this machine the certificate that came is not good now; "
                          "nothing was written"
                        : "the certificate that came is not for this key and mesh; nothing was "
                          "written");
    sk_X509_free(issuers);
    roots_clear(&roots);
    X509_free(issuer);
    X509_free(leaf);
    return rc;
}

static int take_answer(struct asking *a, const struct frame *f, const char *addr,
                       struct join_asked *out)
{
    if (a->shown.leaf)
        return take_renewed(a, f);
    struct join_answer answer;
    if (f->type == MESSAGE_JOIN_REFUSED)
        return say(a, ERR_PERMISSION,
                   "refused: the string was used already, has ended, or was revoked, or the key of "
                   "this machine was");
    if (f->type != MESSAGE_JOINED || join_answer_decode(f->payload, &answer) < 0)
        return say(a, ERR_FORMAT, "the answer is not in the agreed form; is it another version?");
    text_copy(out->asked, sizeof out->asked, addr);
    return take_certificates(a, &answer, out);
}

/* --- one address after the other --- */

static int say_foreign(struct asking *a)
{
    snprintf(a->message, HOME_MESSAGE_SIZE,
             "this machine belongs to another mesh, in %s: move that folder away, or set "
             "VELUM_HOME to another one",
             a->home->path);
    return ERR_EXISTS;
}

static int explain(struct asking *a, const char *addr, int rc)
{
    const char *why = err_sentence(rc);
    if (rc == ERR_IDENTITY && a->foreign)
        return say_foreign(a);
    if (rc == ERR_IDENTITY && a->by_clock)
        why = "by the clock of this machine its certificate is not good now: set the clock of this "
              "machine, or of that one";
    else if (rc == ERR_IDENTITY)
        why = "whoever answers does not belong to the mesh of this string, or may not let others "
              "in (or its root was changed since the string was made); nothing was told to him";
    else if (rc == ERR_TIMEOUT)
        why = "no answer in ten seconds";
    else if (rc == ERR_CLOSED)
        why = a->shown.leaf
                  ? "it closed the connection: it is no issuer, or does not take this certificate, "
                    "which may have ended more than 30 days ago: velum join, with a new string"
                  : "it closed the connection: it lets nobody in, or too many tried; wait a minute";
    if (!a->message[0])
        snprintf(a->message, HOME_MESSAGE_SIZE, "%s: %s", addr, why);
    return rc;
}

static int talk(struct asking *a, const struct address *to, const char *addr,
                struct join_asked *out)
{
    struct buf request;
    struct frame frame;
    buf_init(&request, &host_memory, JOIN_REQUEST_MAX + FRAME_HEADER_SIZE);
    int rc = connect_to(a, to);
    if (rc == 0)
        rc = open_tls(a);
    if (rc == 0)
        rc = shake(a);
    if (rc == 0)
        rc = put_request(a, &request);
    if (rc == 0)
        rc = send_all(a, buf_bytes(&request));
    if (rc == 0)
        rc = take_frame(a, &frame);
    if (rc == 0)
        rc = take_answer(a, &frame, addr, out);
    buf_clear(&request);
    return rc < 0 ? explain(a, addr, rc) : 0;
}

static void hang_up(struct asking *a)
{
    SSL_free(a->ssl);
    SSL_CTX_free(a->ctx);
    X509_free(a->root);
    if (a->fd >= 0)
        close(a->fd);
    buf_clear(&a->in);
    a->ssl = NULL;
    a->ctx = NULL;
    a->root = NULL;
    a->fd = -1;
}

static int ask_one(struct asking *a, const char *addr, struct join_asked *out)
{
    struct address to;
    char text[512] = "";
    a->message[0] = '\0';
    if (address_resolve(addr, &to, text) < 0) {
        snprintf(a->message, HOME_MESSAGE_SIZE, "%s: %s", addr, text);
        return ERR_UNREACHABLE;
    }
    buf_init(&a->in, &host_memory, FRAME_PAYLOAD_MAX + FRAME_HEADER_SIZE);
    a->until = instant_plus_us(loop_clock(), ASK_US);
    int rc = talk(a, &to, addr, out);
    hang_up(a);
    return rc;
}

/* Who says no says it for all; who cannot be reached, or is somebody else, says nothing. */
static bool is_final(int rc)
{
    return rc != ERR_UNREACHABLE && rc != ERR_REFUSED && rc != ERR_TIMEOUT && rc != ERR_CLOSED &&
           rc != ERR_IDENTITY && rc != ERR_FORMAT;
}

/* Whoever is busy with the files at the moment closes without a word, as does who wants nobody. */
static int ask_again(struct asking *a, const char *addr, struct join_asked *out)
{
    int rc = ERR_CLOSED;
    for (int i = 0; i < TRIES && rc == ERR_CLOSED; i++) {
        if (i > 0)
            poll(NULL, 0, TRY_AGAIN_MS);
        rc = ask_one(a, addr, out);
    }
    return rc;
}

static int ask_all(struct asking *a, struct join_asked *out)
{
    int rc =
        say(a, ERR_NOT_FOUND,
            a->shown.leaf
                ? "no issuer of the mesh is known here: the file peers of the home folder names "
                  "none"
                : "the string names no address; write VLM1-...@HOST:PORT, as it was printed");
    for (uint32_t i = 0; i < a->string->addrs_count; i++) {
        rc = ask_again(a, a->string->addrs[i], out);
        if (rc == 0 || is_final(rc))
            break;
    }
    return rc;
}

/* A home that joined may not know the root that the string names: whether it is of the same mesh
 * is seen when the other side shows who it is. */
static int look_at_home(struct asking *a)
{
    struct roots known;
    int rc = authority_home_mesh(a->home, &a->mesh, a->message);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = roots_read(&known, a->home, a->message);
    if (rc < 0)
        return rc;
    a->has_mesh = true;
    for (uint32_t i = 0; i < known.count; i++)
        a->is_known = a->is_known || is_of_string(known.all[i].root, a->string);
    roots_clear(&known);
    if (!authority_issues(a->home))
        return 0;
    return a->is_known ? say(a, ERR_EXISTS, "this mesh was made on this machine") : say_foreign(a);
}

static int open_keys(struct asking *a)
{
    int rc = 0;
    for (int which = a->node ? NODE_LEAF : USER_LEAF; rc == 0 && which <= USER_LEAF; which++) {
        const struct authority_leaf leaf = leaf_of(a, which);
        rc = authority_key(a->home, &leaf, &a->keys[which], a->message);
    }
    return rc;
}

int join_ask(const struct home *h, const struct join_string *s, uint16_t port, const char *data,
             struct join_asked *out, char message[HOME_MESSAGE_SIZE])
{
    struct asking a = {
        .home = h, .string = s, .message = message, .node = s->roles & JOIN_NODE, .fd = -1};
    int lock = -1, rc;
    *out = (struct join_asked){.mesh = ""};
    message[0] = '\0';
    certificate_library_open();
    rc = look_at_home(&a);
    if (rc == 0 && a.node) {
        lock = home_state_open(h, port, data, a.state, message);
        rc = lock < 0 ? lock : 0;
    }
    if (rc == 0)
        rc = open_keys(&a);
    if (rc == 0)
        rc = ask_all(&a, out);
    for (int i = 0; i < 2; i++)
        EVP_PKEY_free(a.keys[i]);
    if (lock >= 0)
        close(lock);
    return rc;
}

/* --- another certificate for what this machine has --- */

static void add_known(void *ctx, const char *addr)
{
    struct join_string *s = ctx;
    if (s->addrs_count < JOIN_ADDRS_MAX)
        text_copy(s->addrs[s->addrs_count++], JOIN_ADDR_SIZE, addr);
}

static int renew_one(struct asking *a, int which)
{
    const struct authority_leaf leaf = leaf_of(a, which);
    struct join_asked out;
    int rc = authority_read(a->home, &leaf, true, &a->shown, a->message);
    if (rc == 0) {
        a->renewed = which;
        a->keys[which] = a->shown.key;
        rc = ask_all(a, &out);
        a->keys[which] = NULL;
    }
    authority_parts_clear(&a->shown);
    return rc;
}

int join_renew(const struct home *h, const char *state, char message[HOME_MESSAGE_SIZE])
{
    struct join_string s = {.roles = JOIN_NODE};
    struct digest mesh;
    struct asking a = {.home = h, .string = &s, .message = message, .fd = -1};
    message[0] = '\0';
    certificate_library_open();
    int rc = authority_home_mesh(h, &a.mesh, message);
    if (rc == 0)
        rc = authority_home_root(h, &mesh, message);
    if (rc < 0)
        return rc;
    a.has_mesh = true;
    memcpy(s.root, mesh.bytes, sizeof s.root);
    peers_file_read(h, add_known, &s);
    if (state && !text_copy(a.state, sizeof a.state, state))
        return say(&a, ERR_TOO_LARGE, "the path of the state folder is too long");
    if (state)
        rc = renew_one(&a, NODE_LEAF);
    return rc < 0 ? rc : renew_one(&a, USER_LEAF);
}
