#include "cmd/acting.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"

#define PREFIX_MIN 4

struct search {
    const char *which;
    uint8_t prefix[ID_SIZE];
    int digits; /* < 0: it is no id */
    uint32_t found;
    struct acting_subject *out;
};

static bool fits(const struct search *s, const struct node_view *v)
{
    return strcmp(v->name, s->which) == 0 ||
           (s->digits >= PREFIX_MIN && id_has_prefix(v->id.bytes, s->prefix, (size_t)s->digits));
}

static void look_at(struct search *s, const struct node_view *v)
{
    if (!fits(s, v))
        return;
    s->found++;
    *s->out = (struct acting_subject){.id = v->id, .is_node = true, .is_asked = v->self};
    text_copy(s->out->name, sizeof s->out->name, v->name);
}

static int walk(struct line *l, struct search *s)
{
    static struct node_view v;
    struct frame frame;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1)
        if ((rc = read_node_view(frame.payload, &v)) == 0)
            look_at(s, &v);
    return rc;
}

int acting_find(struct line *l, const char *which, struct acting_subject *out)
{
    struct search s = {.which = which, .out = out};
    s.digits = id_parse_prefix(which, s.prefix);
    int rc = walk(l, &s);
    if (rc < 0)
        return line_report(l, rc);
    if (s.found == 1)
        return 0;
    if (s.found > 1) {
        talk_error("more than one node goes by %s", which);
        talk_try("the id, of which velum nodes --json has all digits");
        return CODE_MISUSE;
    }
    if (s.digits == 2 * ID_SIZE) {
        *out = (struct acting_subject){.is_node = false};
        memcpy(out->id.bytes, s.prefix, ID_SIZE);
        id_hex(out->id.bytes, 8, out->name);
        return 0;
    }
    talk_error("no node goes by %s", which);
    talk_try("velum nodes, or all 64 digits of a key's id");
    return CODE_NOT_FOUND;
}

static int sign(const struct identity *by, struct bytes body, struct buf *request)
{
    struct signed_bytes s = {.certificate = identity_certificate(by), .body = body};
    uint8_t text[64], room[ACT_SIZE_MAX];
    struct buf act;
    int rc =
        identity_sign(by, (struct bytes){text, signed_text(&s, SIGNED_ACT, text)}, s.signature);
    buf_init_fixed(&act, room, sizeof room);
    put_signed(&act, &s);
    put_block(request, buf_bytes(&act));
    return rc < 0 ? rc : act.failed ? ERR_TOO_LARGE : buf_result(request);
}

int acting_hand_in_by(struct line *l, const struct identity *by, enum act_kind kind,
                      struct node_id subject, const char *reason, struct reply_act *out)
{
    struct act a = {.kind = kind, .subject = subject, .at_s = (int64_t)time(NULL)};
    uint8_t body_room[512], room[ACT_SIZE_MAX + 8];
    struct frame frame;
    struct buf body, request;
    if (getrandom(a.nonce, sizeof a.nonce, 0) != (ssize_t)sizeof a.nonce)
        return ERR_SYSTEM;
    text_copy(a.reason, sizeof a.reason, reason);
    buf_init_fixed(&body, body_room, sizeof body_room);
    buf_init_fixed(&request, room, sizeof room);
    put_act_body(&body, &a);
    int rc = sign(by, buf_bytes(&body), &request);
    if (rc == 0)
        rc = line_exchange(l, MESSAGE_REQUEST_ACT, buf_bytes(&request), MESSAGE_REPLY_ACT, &frame);
    return rc < 0 ? rc : read_reply_act(frame.payload, out);
}

int acting_hand_in(struct line *l, enum act_kind kind, const struct acting_subject *subject,
                   const char *reason, struct reply_act *out)
{
    const struct identity *by = line_identity(l);
    return by ? acting_hand_in_by(l, by, kind, subject->id, reason, out) : ERR_PERMISSION;
}
