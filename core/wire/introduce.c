#include "core/wire/introduce.h"

#include "core/base/ensure.h"
#include "core/wire/field.h"
#include "core/wire/frame.h"
#include "core/wire/signed.h"

_Static_assert(1 + INTRODUCE_MAX * (ID_SIZE + 2 + CERTIFICATE_SIZE_MAX) < FRAME_PAYLOAD_MAX,
               "whatever is asked for fits one frame");

void put_introduce(struct buf *b, const struct introduce *m)
{
    ensure(m->count <= INTRODUCE_MAX);
    put_u8(b, (uint8_t)m->count);
    for (uint32_t i = 0; i < m->count; i++)
        put_node_id(b, m->ids[i]);
}

int read_introduce(struct bytes payload, struct introduce *m)
{
    struct reader r = reader_of(payload);

    m->count = read_choice(&r, 0, INTRODUCE_MAX);
    for (uint32_t i = 0; i < m->count; i++)
        m->ids[i] = read_node_id(&r);
    return reader_result(&r);
}

void put_introduced(struct buf *b, const struct introduced *m)
{
    ensure(m->count <= INTRODUCE_MAX);
    put_u8(b, (uint8_t)m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct bytes c = m->list[i].certificate;

        ensure(c.len > 0 && c.len <= CERTIFICATE_SIZE_MAX);
        put_node_id(b, m->list[i].id);
        put_u16(b, (uint16_t)c.len);
        put_raw(b, c.data, c.len);
    }
}

int read_introduced(struct bytes payload, struct introduced *m)
{
    struct reader r = reader_of(payload);

    m->count = read_choice(&r, 0, INTRODUCE_MAX);
    for (uint32_t i = 0; i < m->count; i++) {
        m->list[i].id = read_node_id(&r);
        m->list[i].certificate = read_view(&r, read_u16(&r));
        if (m->list[i].certificate.len == 0 || m->list[i].certificate.len > CERTIFICATE_SIZE_MAX)
            r.failed = true;
    }
    return reader_result(&r);
}
