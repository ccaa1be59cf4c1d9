#include "tests/lib/rig_told.h"

#include "core/base/bytes.h"

#define A_FRAME 60u

struct job_id told_id(uint32_t number)
{
    struct job_id id = {{7}};

    store_u32(id.bytes + 4, number);
    return id;
}

struct peer_entry told_entry(const struct rig *r, uint32_t number, uint32_t coordinator)
{
    struct peer_entry p = {.version = 5, .epoch = 1};

    if (coordinator != RIG_NOBODY)
        p.coordinator = r->peers[coordinator].id;
    p.view = (struct job_view){.id = told_id(number), .state = JOB_RUNNING, .leaves_total = 64};
    return p;
}

static void tell(struct rig *r, uint32_t peer, const struct peer_entry *list, uint32_t count)
{
    struct buf b;

    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, 0);
    put_u16(&b, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++)
        put_peer_entry(&b, &list[i]);
    rig_frame(r, peer, MESSAGE_DIRECTORY, &b);
    buf_clear(&b);
}

void told_one(struct rig *r, uint32_t peer, const struct peer_entry *p)
{
    tell(r, peer, p, 1);
}

void told_many(struct rig *r, uint32_t peer, uint32_t first, uint32_t count, uint32_t coordinator)
{
    static struct peer_entry list[A_FRAME];

    for (uint32_t i = 0; i < count; i += A_FRAME) {
        const uint32_t many = count - i < A_FRAME ? count - i : A_FRAME;

        for (uint32_t k = 0; k < many; k++)
            list[k] = told_entry(r, first + i + k, coordinator);
        tell(r, peer, list, many);
    }
}

static void say_state(struct rig *r, uint32_t peer, uint32_t number, uint8_t known,
                      enum job_state state)
{
    const struct job_view v = {.id = told_id(number), .state = state, .by = {{3}}};
    struct buf b;

    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, known);
    put_job_id(&b, v.id);
    put_u64(&b, 0);
    if (known == 1)
        put_job_view(&b, &v);
    rig_frame(r, peer, MESSAGE_STATE, &b);
    buf_clear(&b);
}

void told_state(struct rig *r, uint32_t peer, uint32_t number, uint8_t known)
{
    say_state(r, peer, number, known, JOB_RUNNING);
}

void told_over(struct rig *r, uint32_t peer, uint32_t number)
{
    say_state(r, peer, number, 1, JOB_DONE);
}

void told_evidence(struct rig *r, uint32_t peer, const struct evidence *m, enum party author,
                   uint8_t signature)
{
    uint8_t certificate[RIG_CERTIFICATE_SIZE];
    struct evidence said = *m;
    struct buf b;

    rig_certificate((struct node_id){{9, 9}}, author, certificate);
    said.sealed.certificate = (struct bytes){certificate, sizeof certificate};
    said.sealed.signature[0] = signature;
    buf_init(&b, &r->heap.alloc, FRAME_PAYLOAD_MAX);
    put_evidence(&b, &said);
    rig_frame(r, peer, MESSAGE_EVIDENCE, &b);
    buf_clear(&b);
}

bool told_asked(struct rig *r, uint32_t peer, struct job_id *job)
{
    const struct rig_sent *s;
    struct evidence m;

    while ((s = rig_take(r, peer, MESSAGE_EVIDENCE)) != NULL) {
        if (read_evidence(s->payload, &m) < 0 || m.word != EVIDENCE_ASK)
            continue;
        *job = m.job;
        return true;
    }
    return false;
}

bool told_is_asked(struct rig *r, uint32_t peer, uint8_t type, int64_t us)
{
    for (int64_t at = 0; at < us; at += 100 * MS_US) {
        rig_run(r, 100 * MS_US);
        if (rig_count(r, peer, type) > 0)
            return true;
    }
    return false;
}
