#include "core/host/invite.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/address.h"
#include "core/host/authority.h"
#include "core/host/identity.h"
#include "core/host/peers_file.h"

/* Where this machine does not, `rc` being 0 so far. */
static int judge(const struct home *h, int rc, char *message)
{
    if (rc < 0 || authority_issues(h))
        return rc;
    snprintf(message, HOME_MESSAGE_SIZE,
             "this machine joined its mesh, and does not let others in; ask on the machine where "
             "the mesh was made");
    return ERR_PERMISSION;
}

int invite_open(struct home *h, char message[HOME_MESSAGE_SIZE])
{
    int rc = home_locate(h, message);
    if (rc == 0)
        rc = home_open(h, message);
    if (rc == 0)
        rc = identity_mesh_open(h, message);
    return judge(h, rc, message);
}

int invite_look(struct home *h, char message[HOME_MESSAGE_SIZE])
{
    struct digest mesh;
    int rc = home_locate(h, message);
    if (rc == 0)
        rc = identity_home_mesh(h, &mesh, message);
    return judge(h, rc, message);
}

/* --- where to ask --- */

static bool is_loopback(const char *addr)
{
    struct address a;
    return address_parse(addr, &a) == 0 && address_is_loopback(&a);
}

static void add_addr(void *ctx, uint16_t port, const char *addr)
{
    struct join_string *s = ctx;
    (void)port;
    if (s->addrs_count < JOIN_ADDRS_MAX && !is_loopback(addr))
        text_copy(s->addrs[s->addrs_count++], JOIN_ADDR_SIZE, addr);
}

/* Where a node would listen that starts now. */
static void add_expected(const struct home *h, struct join_string *s)
{
    char bind[OPEN_ADDR_SIZE], text[ADDR_SIZE], message[512];
    struct address bound, reachable;
    if (home_open_address(h, bind) < 0 || address_of(bind, HOME_PORT_DEFAULT, &bound, message) < 0)
        return;
    address_reachable(&bound, &reachable);
    address_text(&reachable, text);
    text_copy(s->addrs[s->addrs_count++], JOIN_ADDR_SIZE, text);
}

static void find_addrs(const struct home *h, const char *given, struct join_string *s)
{
    if (given) {
        text_copy(s->addrs[s->addrs_count++], JOIN_ADDR_SIZE, given);
        return;
    }
    home_peers(h, add_addr, s);
    if (s->addrs_count == 0)
        add_expected(h, s);
}

/* --- the string --- */

static int draw(struct join_string *s, char *message)
{
    if (getrandom(s->id, sizeof s->id, 0) == (ssize_t)sizeof s->id &&
        getrandom(s->secret, sizeof s->secret, 0) == (ssize_t)sizeof s->secret)
        return 0;
    snprintf(message, HOME_MESSAGE_SIZE, "the system gives no random numbers");
    return ERR_SYSTEM;
}

int invite_make(const struct home *h, const struct invite *i, char text[JOIN_TEXT_SIZE],
                struct token *token, char message[HOME_MESSAGE_SIZE])
{
    struct join_string s = {.roles = i->roles};
    struct digest mesh;
    const int64_t now_s = (int64_t)time(NULL);
    int rc = authority_home_root(h, &mesh, message);
    if (rc == 0)
        rc = draw(&s, message);
    if (rc < 0)
        return rc;
    memcpy(s.root, mesh.bytes, sizeof s.root);
    find_addrs(h, i->addr, &s);
    *token = (struct token){.roles = i->roles,
                            .expires_s = now_s + i->ttl_s,
                            .uses = i->uses,
                            .verifier = token_verifier(s.id, s.secret)};
    memcpy(token->id, s.id, sizeof s.id);
    if (i->name)
        text_copy(token->name, sizeof token->name, i->name);
    rc = tokens_add(h, token, now_s, message);
    if (rc == 0)
        join_string_text(&s, text);
    explicit_bzero(&s, sizeof s);
    return rc;
}
