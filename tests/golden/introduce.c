/* Who those are of whom a node was told; and which jobs there are. */
#include "core/wire/introduce.h"

#include "core/node/evidence_peer.h"
#include "core/wire/message.h"
#include "core/wire/view.h"
#include "tests/golden/golden.h"

bool golden_is_introduce(uint8_t type)
{
    return type == MESSAGE_INTRODUCE || type == MESSAGE_INTRODUCED || type == MESSAGE_EVIDENCE;
}

static void put_shown(struct buf *b)
{
    struct evidence m = {.job = golden_job(1), .word = EVIDENCE_SHOWN, .state = JOB_DONE};
    m.sealed.certificate = bytes_of_text("a certificate, DER");
    m.sealed.signature[0] = 0x5a;
    m.sealed.path_count = 1;
    m.sealed.path_index = 1;
    m.sealed.path[0] = golden_digest(2);
    put_evidence(b, &m);
}

static int tell_shown(struct bytes p, FILE *to)
{
    struct evidence m;
    int rc = read_evidence(p, &m);
    if (rc == 0)
        fprintf(to, " job=%02x%02x word=%u state=%s certificate=%.*s signature=%02x path=%u",
                m.job.bytes[0], m.job.bytes[1], (unsigned)m.word,
                job_state_name((enum job_state)m.state), (int)m.sealed.certificate.len,
                (const char *)m.sealed.certificate.data, m.sealed.signature[0],
                (unsigned)m.sealed.path_count);
    return rc;
}

void golden_put_introduce(uint8_t type, struct buf *b)
{
    const struct introduce asked = {2, {golden_node(3), golden_node(4)}};
    struct introduced m = {.count = 1};
    m.list[0].id = golden_node(4);
    m.list[0].certificate = bytes_of_text("a certificate, DER");
    if (type == MESSAGE_EVIDENCE)
        put_shown(b);
    else if (type == MESSAGE_INTRODUCE)
        put_introduce(b, &asked);
    else
        put_introduced(b, &m);
}

static void say_id(FILE *to, struct node_id id)
{
    fprintf(to, " id=%02x%02x", id.bytes[0], id.bytes[1]);
}

int golden_tell_introduce(uint8_t type, struct bytes p, FILE *to)
{
    struct introduce asked = {.count = 0};
    struct introduced m = {.count = 0};
    if (type == MESSAGE_EVIDENCE)
        return tell_shown(p, to);
    int rc = type == MESSAGE_INTRODUCE ? read_introduce(p, &asked) : read_introduced(p, &m);
    for (uint32_t i = 0; rc == 0 && i < asked.count; i++)
        say_id(to, asked.ids[i]);
    for (uint32_t i = 0; rc == 0 && i < m.count; i++) {
        const struct bytes c = m.list[i].certificate;
        say_id(to, m.list[i].id);
        fprintf(to, " certificate=%.*s", (int)c.len, (const char *)c.data);
    }
    return rc;
}
