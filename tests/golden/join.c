/* What is said by and to who joins, and by who introduces others. */
#include "core/wire/join.h"
#include "core/base/err.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

bool golden_is_join(uint8_t type)
{
    return (type >= MESSAGE_JOIN && type <= MESSAGE_RENEWED) || golden_is_introduce(type);
}

void golden_put_join(uint8_t type, struct buf *b)
{
    const struct join_key node = {bytes_of_text("node key"), bytes_of_text("its signature")};
    const struct join_key user = {bytes_of_text("user key"), bytes_of_text("another")};
    const struct join_answer answer = {.root = bytes_of_text("root"),
                                       .issuer = bytes_of_text("issuer"),
                                       .node = bytes_of_text("node"),
                                       .user = bytes_of_text("user"),
                                       .addrs_count = 2,
                                       .addrs = {"10.1.2.3:8001", "[fe80::1]:8002"}};
    struct join_request r = {.id = {1, 2, 3, 4, 5}, .proof = {6, 7, 8}};
    uint8_t room[256];
    struct buf about;
    buf_init_fixed(&about, room, sizeof room);
    put_join_about(&about, &node, &user);
    r.about = buf_bytes(&about);
    if (type == MESSAGE_JOIN)
        put_join_request(b, &r);
    else if (type == MESSAGE_JOINED)
        put_join_answer(b, &answer);
    else if (golden_is_introduce(type))
        golden_put_introduce(type, b);
    else if (type == MESSAGE_RENEWED)
        put_join_renewed(b, &(struct join_renewed){.issuer = answer.issuer, .leaf = answer.node});
}

static void say(FILE *to, const char *name, struct bytes text)
{
    fprintf(to, " %s=%.*s", name, (int)text.len, (const char *)text.data);
}

static void say_roots(FILE *to, struct bytes roots)
{
    if (roots.len > 0)
        say(to, "roots", roots);
}

static int tell_request(struct bytes p, FILE *to)
{
    struct join_request r;
    char id[JOIN_ID_TEXT_SIZE];
    int rc = join_request_decode(p, &r);
    if (rc == 0)
        rc = join_read_about(&r);
    if (rc < 0)
        return rc;
    join_id_text(r.id, id);
    fprintf(to, " token=%s proof=%02x%02x", id, r.proof[0], r.proof[1]);
    say(to, "node", r.node.spki);
    say(to, "signed", r.node.signature);
    say(to, "user", r.user.spki);
    say(to, "signed", r.user.signature);
    return 0;
}

int golden_tell_join(uint8_t type, struct bytes p, FILE *to)
{
    struct join_answer a;
    if (golden_is_introduce(type))
        return golden_tell_introduce(type, p, to);
    if (type == MESSAGE_JOIN)
        return tell_request(p, to);
    if (type == MESSAGE_JOIN_REFUSED || type == MESSAGE_RENEW)
        return p.len == 0 ? 0 : ERR_FORMAT;
    struct join_renewed m;
    int rc = type == MESSAGE_RENEWED ? join_renewed_decode(p, &m) : join_answer_decode(p, &a);
    if (type == MESSAGE_RENEWED && rc == 0)
        say(to, "issuer", m.issuer), say(to, "leaf", m.leaf), say_roots(to, m.roots);
    if (type == MESSAGE_RENEWED)
        return rc;
    if (rc < 0)
        return rc;
    say(to, "root", a.root);
    say(to, "issuer", a.issuer);
    say(to, "node", a.node);
    say(to, "user", a.user);
    for (unsigned i = 0; i < a.addrs_count; i++)
        fprintf(to, " addr=%s", a.addrs[i]);
    say_roots(to, a.roots);
    return 0;
}
