#include "core/host/user_fact.h"

#include "core/base/err.h"

int user_fact_sign(struct identity *identity, enum fact_kind kind, struct bytes body,
                   struct buf *to)
{
    struct signed_bytes s = {.certificate = identity_certificate(identity), .body = body};
    uint8_t text[64];
    const size_t len = signed_text(&s, SIGNED_FACT, text);
    const int rc = identity_sign(identity, (struct bytes){text, len}, s.signature);
    if (rc < 0)
        return rc;
    put_signed_fact(to, kind, &s);
    return buf_result(to);
}

int user_fact_kill(struct identity *identity, struct request_kill m, struct buf *to)
{
    uint8_t set[1], body_room[256], fact_room[USER_KILL_SIZE];
    struct buf body, fact;
    if (!identity)
        return ERR_IDENTITY;
    buf_init_fixed(&body, body_room, sizeof body_room);
    buf_init_fixed(&fact, fact_room, sizeof fact_room);
    if (m.alone) {
        const struct stage_cancel c = stage_cancel_of(identity_id(identity), m.stage, set);
        put_stage_cancel_body(&body, m.job, &c);
    } else {
        const struct cancel c = {.by = identity_id(identity), .state = JOB_CANCELLED};
        put_cancel_body(&body, m.job, &c);
    }
    const int rc = user_fact_sign(identity, m.alone ? FACT_STAGE_CANCEL : FACT_CANCEL,
                                  buf_bytes(&body), &fact);
    if (rc < 0)
        return rc;
    m.fact = buf_bytes(&fact);
    put_request_kill(to, &m);
    return buf_result(to);
}
