#include "cmd/acting.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cmd/node_name.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"

static void set_node(struct acting_subject *out, const struct node_view *v)
{
    *out = (struct acting_subject){.id = v->id, .is_node = true, .is_asked = v->self};
    text_copy(out->name, sizeof out->name, v->name);
}

/* One that has gone is meant as well as one that is there. */
int acting_find(struct line *l, const char *which, struct acting_subject *out)
{
    struct nodes_named f;
    uint8_t id[ID_SIZE];
    int rc = nodes_named(l, which, &f);
    if (rc < 0)
        return line_report(l, rc);
    if (f.there_count + f.gone_count == 1) {
        set_node(out, f.there_count == 1 ? &f.there : &f.gone);
        return 0;
    }
    if (f.there_count + f.gone_count > 1) {
        talk_error("more than one node goes by \"%.80s\"", which);
        talk_try("the id, of which velum nodes --json has all digits");
        return CODE_MISUSE;
    }
    if (id_parse_prefix(which, id) == 2 * ID_SIZE) {
        *out = (struct acting_subject){.is_node = false};
        memcpy(out->id.bytes, id, ID_SIZE);
        id_hex(out->id.bytes, 8, out->name);
        return 0;
    }
    talk_error("no node goes by \"%.80s\"", which);
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
                      struct node_id subject, const char *reason, int64_t at_s,
                      struct reply_act *out)
{
    struct act a = {.kind = kind, .subject = subject, .at_s = at_s};
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
    return by ? acting_hand_in_by(l, by, kind, subject->id, reason, (int64_t)time(NULL), out)
              : ERR_PERMISSION;
}
