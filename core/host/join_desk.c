#include "core/host/join_desk.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/base/err.h"
#include "core/host/authority.h"
#include "core/host/join_proof.h"
#include "core/host/loop.h"
#include "core/host/tokens.h"
#include "core/host/trust.h"
#include "core/node/event.h"
#include "core/wire/message.h"

struct source {
    uint64_t network; /* or the beginning of a key's id */
    struct instant began;
    uint32_t tries;
};

struct sources {
    uint32_t count;
    struct source list[JOIN_SOURCES_MAX];
};

struct join_desk {
    struct join_desk_parts parts;
    struct sources joining, renewed;
};

int join_desk_new(struct join_desk **out, const struct join_desk_parts *parts)
{
    struct join_desk *d = calloc(1, sizeof *d);
    if (!d)
        return ERR_NO_MEMORY;
    d->parts = *parts;
    *out = d;
    return 0;
}

void join_desk_free(struct join_desk *d)
{
    free(d);
}

/* The place of that network: its own, an empty one, or that of whose minute began first. */
static struct source *source_of(struct sources *all, uint64_t network, struct instant now)
{
    struct source *oldest = all->list;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->list[i].network == network)
            return &all->list[i];
        if (instant_before(all->list[i].began, oldest->began))
            oldest = &all->list[i];
    }
    if (all->count < JOIN_SOURCES_MAX)
        oldest = &all->list[all->count++];
    *oldest = (struct source){.network = network, .began = now};
    return oldest;
}

static struct source *source_now(struct sources *all, uint64_t network, struct instant now)
{
    struct source *s = source_of(all, network, now);
    if (instant_reached(now, instant_plus_us(s->began, JOIN_TRIES_US)))
        *s = (struct source){.network = network, .began = now};
    return s;
}

/* --- one request --- */

struct asked {
    const struct join_desk *desk;
    struct join_request request;
    const uint8_t *exporter;
    EVP_PKEY *node, *user;
};

static bool proof_holds(void *ctx, const struct digest *verifier)
{
    const struct asked *a = ctx;
    uint8_t right[JOIN_PROOF_SIZE];
    return join_proof(verifier, a->exporter, a->request.about, right) == 0 &&
           join_proof_equal(right, a->request.proof);
}

static bool open_keys(struct asked *a)
{
    struct join_request *r = &a->request;
    if (join_read_about(r) < 0)
        return false;
    struct digest keys = join_keys_digest(r->node.spki, r->user.spki);
    a->user = join_key_open(&r->user, a->exporter, &keys);
    if (r->node.spki.len > 0)
        a->node = join_key_open(&r->node, a->exporter, &keys);
    return a->user && (a->node || r->node.spki.len == 0);
}

/* Of the roles that a string gives, the greatest is the user's. Without any it may look. */
static enum party user_party(uint8_t roles)
{
    if (roles & JOIN_NATIVE)
        return PARTY_NATIVE;
    return roles & JOIN_SUBMIT ? PARTY_SUBMIT : PARTY_READ;
}

static struct bytes der_of(X509 *x, unsigned char **to)
{
    int len = i2d_X509(x, to);
    return (struct bytes){*to, len > 0 ? (size_t)len : 0};
}

/* Signs what the token says and not what the joiner wants. */
static int admit(struct join_desk *d, const struct asked *a, const struct token *t,
                 struct buf *answer, char *message)
{
    struct authority_parts user = {NULL}, node = {NULL};
    unsigned char *der[4] = {NULL};
    struct join_answer out = {.addrs_count = 0};
    struct roots roots = {.count = 0};
    const bool is_node = t->roles & JOIN_NODE;
    int rc = authority_issue(d->parts.home, a->user, user_party(t->roles), &user, message);
    if (rc == 0 && is_node)
        rc = authority_issue(d->parts.home, a->node, PARTY_NODE, &node, message);
    if (rc == 0)
        rc = roots_read(&roots, d->parts.home, message);
    if (rc < 0)
        goto out;
    out.root = der_of(user.root, &der[0]);
    out.issuer = der_of(user.issuer, &der[1]);
    out.user = der_of(user.leaf, &der[2]);
    if (is_node)
        out.node = der_of(node.leaf, &der[3]);
    if (d->parts.others)
        out.addrs_count = d->parts.others(d->parts.ctx, out.addrs);
    out.roots = buf_bytes(&roots.bytes);
    put_join_answer(answer, &out);
    rc = buf_result(answer);
out:
    roots_clear(&roots);
    for (int i = 0; i < 4; i++)
        OPENSSL_free(der[i]);
    authority_parts_clear(&user);
    authority_parts_clear(&node);
    return rc;
}

/* --- what is noted --- */

static void note_issued(const struct join_desk *d, EVP_PKEY *key, const char *what)
{
    uint8_t id[ID_SIZE];
    if (d->parts.note && certificate_key_digest(key, id) == 0)
        d->parts.note(d->parts.ctx, EVENT_NOTE_ISSUED, id, what);
}

static void note_token(const struct join_desk *d, const uint8_t id[JOIN_ID_SIZE], const char *why)
{
    uint8_t subject[ID_SIZE] = {0};
    if (!d->parts.note)
        return;
    if (id)
        memcpy(subject, id, JOIN_ID_SIZE);
    d->parts.note(d->parts.ctx, EVENT_NOTE_UNISSUED, subject, why);
}

/* One note for each certificate. */
static void note_admitted(const struct join_desk *d, const struct asked *a, const struct token *t,
                          const char *id)
{
    char text[EVENT_TEXT_SIZE];
    snprintf(text, sizeof text, "%s, by token %s%s%s", certificate_role(user_party(t->roles)), id,
             t->name[0] ? " " : "", t->name);
    note_issued(d, a->user, text);
    if (!(t->roles & JOIN_NODE))
        return;
    snprintf(text, sizeof text, "node, by token %s%s%s", id, t->name[0] ? " " : "", t->name);
    note_issued(d, a->node, text);
}

/* All zero of no key, which nobody has revoked. */
static struct node_id id_of(EVP_PKEY *key)
{
    struct node_id id = {{0}};
    if (key && certificate_key_digest(key, id.bytes) < 0)
        memset(id.bytes, 0, sizeof id.bytes);
    return id;
}

/* Keys that are not the joiner's are found before the token is used up. */
static bool holds_and_fits(void *ctx, const struct digest *verifier)
{
    struct asked *a = ctx;
    return proof_holds(a, verifier) && open_keys(a);
}

static void who_asks(void *ctx, struct joined *to)
{
    const struct asked *a = ctx;
    to->user = id_of(a->user);
    to->node = id_of(a->node);
}

static bool is_revoked(const struct join_desk *d, struct node_id id)
{
    return d->parts.revoked && d->parts.revoked(d->parts.ctx, id);
}

static bool may_come(void *ctx, const struct token *t, char message[HOME_MESSAGE_SIZE])
{
    const struct asked *a = ctx;
    const bool lacks_key = (t->roles & JOIN_NODE) && !a->node;
    const bool revoked = is_revoked(a->desk, id_of(a->user)) || is_revoked(a->desk, id_of(a->node));
    if (lacks_key || revoked)
        snprintf(message, HOME_MESSAGE_SIZE, "%s",
                 revoked ? "its key was revoked" : "it brings no key for a node");
    return !lacks_key && !revoked;
}

static int decide(struct join_desk *d, struct asked *a, int64_t now_s, struct buf *answer)
{
    char message[HOME_MESSAGE_SIZE] = "", id[JOIN_ID_TEXT_SIZE], roles[40];
    char user[ID_HEX_SIZE], node[ID_HEX_SIZE];
    struct token t;
    const struct redeeming by = {a, holds_and_fits, may_come, who_asks};
    int rc = tokens_redeem(d->parts.home, a->request.id, now_s, &by, &t, message);
    if (rc == 0)
        rc = admit(d, a, &t, answer, message);
    if (rc == 0 && !tokens_know(d->parts.home, t.id)) {
        snprintf(message, sizeof message, "the mesh has got another root meanwhile");
        rc = ERR_PERMISSION;
    }
    join_id_text(a->request.id, id);
    if (rc < 0) {
        log_line(d->parts.log, LOG_WARNING, "somebody could not join with token %s: %s", id,
                 message[0] ? message : err_sentence(rc));
        if (rc != ERR_BUSY)
            note_token(d, a->request.id, message[0] ? message : err_sentence(rc));
        return rc;
    }
    note_admitted(d, a, &t, id);
    join_roles_text(t.roles, roles);
    id_hex(id_of(a->user).bytes, 64, user);
    id_hex(id_of(a->node).bytes, 16, node);
    log_line(d->parts.log, LOG_WARNING, "joined with token %s%s%s%s: %s, user %s%s%s", id,
             t.name[0] ? " (" : "", t.name, t.name[0] ? ")" : "", roles, user,
             t.roles & JOIN_NODE ? ", node " : "", t.roles & JOIN_NODE ? node : "");
    return 0;
}

int join_desk_answer_at(struct join_desk *d, uint64_t source, struct instant now, int64_t now_s,
                        const uint8_t exporter[32], struct bytes payload, uint8_t *type,
                        struct buf *answer)
{
    struct asked a = {.desk = d, .exporter = exporter};
    struct source *from = source_now(&d->joining, source, now);
    if (from->tries >= JOIN_TRIES_MAX) {
        note_token(d, NULL, "too many tries from one network");
        return ERR_BUSY;
    }
    int rc = join_request_decode(payload, &a.request);
    if (rc == 0)
        rc = decide(d, &a, now_s, answer);
    EVP_PKEY_free(a.node);
    EVP_PKEY_free(a.user);
    if (rc == ERR_BUSY)
        return rc;
#if VELUM_PLANT != 890 /* unit/test_join_desk: whoever guesses may do so all day */
    from->tries += rc < 0;
#endif
    if (rc < 0)
        buf_reset(answer);
    *type = rc < 0 ? MESSAGE_JOIN_REFUSED : MESSAGE_JOINED;
    return 0;
}

/* An address of IPv4 may come mapped into one of IPv6. */
static uint64_t network_of(int fd)
{
    struct sockaddr_storage s = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof s;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&s;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&s;
    if (getpeername(fd, (struct sockaddr *)&s, &len) < 0)
        return 0;
    if (s.ss_family == AF_INET)
        return load_u32((const uint8_t *)&v4->sin_addr) & 0xffffff;
    if (s.ss_family != AF_INET6)
        return 0;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return load_u32(v6->sin6_addr.s6_addr + 12) & 0xffffff;
    return load_u64(v6->sin6_addr.s6_addr);
}

/* The handshake may have been before the root was changed, and what is issued is by the home: the
 * certificate is judged once more, by roots that are as new as those. ERR_BUSY: they are not. */
static int judge(const struct join_desk *d, X509 *old, const struct roots *roots)
{
    const struct identity *i = d->parts.judge ? d->parts.judge(d->parts.ctx) : NULL;
    struct node_id id;
    int party;
    if (!i)
        return ERR_PERMISSION;
#if VELUM_PLANT != 965 /* unit/test_join_desk: a certificate is judged by roots that are gone */
    if (identity_roots_version(i) != roots_version(roots))
        return ERR_BUSY;
#endif
    return trust_check_late(identity_trust(i), old, NULL, JOIN_LATE_S, &id, &party);
}

/* The same key in the same role. */
static int renew(struct join_desk *d, const struct link_peer *peer, struct buf *answer)
{
    char message[HOME_MESSAGE_SIZE] = "";
    struct authority_parts made = {NULL};
    struct roots roots = {.count = 0};
    unsigned char *der[2] = {NULL};
    const unsigned char *at = peer->certificate.data;
    X509 *old = d2i_X509(NULL, &at, (long)peer->certificate.len);
    int rc = old ? authority_issue(d->parts.home, X509_get0_pubkey(old), (int)peer->party, &made,
                                   message)
                 : ERR_FORMAT;
    if (rc == 0)
        rc = roots_read(&roots, d->parts.home, message);
    if (rc == 0)
        rc = judge(d, old, &roots);
    if (rc == 0) {
        const struct join_renewed out = {der_of(made.issuer, &der[0]), der_of(made.leaf, &der[1]),
                                         buf_bytes(&roots.bytes)};
        put_join_renewed(answer, &out);
        rc = buf_result(answer);
    }
    OPENSSL_free(der[0]);
    OPENSSL_free(der[1]);
    roots_clear(&roots);
    authority_parts_clear(&made);
    X509_free(old);
    return rc;
}

int join_desk_answer(struct join_desk *d, const struct join_caller *from, struct bytes payload,
                     uint8_t *type, struct buf *answer)
{
    if (*type == MESSAGE_JOIN)
        return join_desk_answer_at(d, network_of(from->fd), loop_clock(), (int64_t)time(NULL),
                                   from->exporter, payload, type, answer);
    /* An admin is who has the issuer's key beside his own. */
    const bool may = *type == MESSAGE_RENEW && payload.len == 0 && from->peer.party != 0 &&
                     from->peer.party != PARTY_ISSUER && from->peer.party != PARTY_USER &&
                     !is_revoked(d, from->peer.id);
    struct source *of = source_now(&d->renewed, load_u64(from->peer.id.bytes), loop_clock());
    char hex[ID_HEX_SIZE];
    if (may && of->tries >= JOIN_TRIES_MAX)
        return ERR_BUSY;
    const int rc = may ? renew(d, &from->peer, answer) : ERR_PERMISSION;
    if (rc == ERR_BUSY)
        return rc;
    of->tries += rc == 0;
    *type = rc == 0 ? MESSAGE_RENEWED : MESSAGE_JOIN_REFUSED;
    id_hex(from->peer.id.bytes, 16, hex);
    log_line(d->parts.log, LOG_WARNING, "%s the certificate of %s %s",
             *type == MESSAGE_RENEWED ? "renewed" : "did not renew",
             may ? certificate_role((int)from->peer.party) : "a stranger", hex);
    if (*type == MESSAGE_JOIN_REFUSED) {
        note_token(d, NULL, "a certificate was not renewed");
        buf_reset(answer);
    } else if (d->parts.note) {
        d->parts.note(d->parts.ctx, EVENT_NOTE_RENEWED, from->peer.id.bytes,
                      certificate_role((int)from->peer.party));
    }
    return 0;
}
