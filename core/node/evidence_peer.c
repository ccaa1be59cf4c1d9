#include "core/node/evidence_peer.h"

#include "core/wire/field.h"
#include "core/wire/view.h"

void put_evidence(struct buf *b, const struct evidence *m)
{
    struct signed_bytes s = m->sealed;

    put_job_id(b, m->job);
    put_u8(b, (uint8_t)m->word);
    if (m->word != EVIDENCE_SHOWN)
        return;
    put_u8(b, m->state);
    s.body = (struct bytes){NULL, 0};
    put_signed(b, &s);
}

int read_evidence(struct bytes payload, struct evidence *m)
{
    struct reader r = reader_of(payload);

    *m = (struct evidence){.job = read_job_id(&r)};
    m->word = (enum evidence_word)read_choice(&r, EVIDENCE_ASK, EVIDENCE_SHOWN);
    if (m->word == EVIDENCE_SHOWN) {
        m->state = read_u8(&r);
        read_signed(&r, &m->sealed);
        r.failed |= m->sealed.body.len > 0 || (m->state != 0 && m->state != JOB_RUNNING &&
                                               !job_state_is_final((enum job_state)m->state));
    }
    return reader_result(&r);
}
