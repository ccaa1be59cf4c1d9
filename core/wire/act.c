#include "core/wire/act.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/wire/field.h"

const char *act_kind_name(unsigned kind)
{
    switch (kind) {
    case ACT_REVOKE:
        return "revoke";
    case ACT_DRAIN:
        return "drain";
    case ACT_RESUME:
        return "resume";
    case ACT_LEAVE:
        return "leave";
    default:
        return "unknown";
    }
}

void put_act_body(struct buf *b, const struct act *a)
{
    put_u8(b, (uint8_t)a->kind);
    put_node_id(b, a->subject);
    put_u64(b, (uint64_t)a->at_s);
    put_raw(b, a->nonce, sizeof a->nonce);
    put_text(b, a->reason);
}

int read_act_body(struct bytes body, struct act *a)
{
    struct reader r = reader_of(body);

    memset(a, 0, sizeof *a);
    unsigned kind = read_u8(&r);
    a->subject = read_node_id(&r);
    a->at_s = (int64_t)read_u64(&r);
    read_raw(&r, a->nonce, sizeof a->nonce);
    read_safe_text(&r, true, a->reason, sizeof a->reason);
    if (reader_result(&r) < 0 || node_id_is_zero(a->subject) || a->at_s < 0)
        return ERR_FORMAT;
    if (kind < ACT_REVOKE || kind > ACT_LEAVE)
        return ERR_VERSION;
    a->kind = (enum act_kind)kind;
    return 0;
}

struct digest act_name(struct bytes body)
{
    return sha256_of(body.data, body.len);
}

int read_act(struct bytes act, struct signed_bytes *s, struct act *a)
{
    struct reader r = reader_of(act);

    memset(a, 0, sizeof *a);
    if (act.len > ACT_SIZE_MAX)
        return ERR_FORMAT;
    read_signed(&r, s);
    if (reader_result(&r) < 0 || s->path_count != 0)
        return ERR_FORMAT;
    return read_act_body(s->body, a);
}

bool act_is_later(const struct act *a, struct digest a_name, const struct act *b,
                  struct digest b_name)
{
    if (a->at_s != b->at_s)
        return a->at_s > b->at_s;
    return memcmp(a_name.bytes, b_name.bytes, sizeof a_name.bytes) > 0;
}
