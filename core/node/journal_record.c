#include "core/node/journal_record.h"

#include <string.h>

#include "core/base/err.h"
#include "core/wire/field.h"
#include "core/wire/frame.h"

int journal_record_read(uint16_t type, struct bytes payload, struct journal_record *r)
{
    struct reader in = reader_of(payload);

    memset(r, 0, sizeof *r);
    r->type = (enum record_type)type;
    if (type < RECORD_FACTS || type > RECORD_EVENT)
        return ERR_VERSION;
    if (type == RECORD_ACT) {
        struct signed_bytes s;

        return read_act(payload, &s, &r->act);
    }
    if (type == RECORD_CALENDAR) {
        r->calendar_s = read_u64(&in);
        r->away_s = in.at == in.len ? 0 : read_u64(&in);
    } else if (type == RECORD_OBJECT) {
        r->object = read_digest(&in);
    } else if (type == RECORD_EVENT) {
        read_event_note(&in, &r->event);
    } else {
        r->job = read_job_id(&in);
    }
    if (type == RECORD_STALE)
        r->step = read_u8(&in);
    if (type == RECORD_OBJECT) {
        r->job = read_job_id(&in);
        r->size = read_u64(&in);
        r->generation = read_u64(&in);
        r->kept = read_u8(&in);
        r->calendar_s = read_u64(&in);
        if (r->kept == 4 || r->kept == 5)
            r->by = read_node_id(&in);
        if (r->kept == 5) {
            (void)read_flag(&in);
            r->removal = read_view(&in, reader_left(&in));
        }
    }
    if (type == RECORD_GONE) {
        r->state = read_u8(&in);
        r->why = read_u8(&in);
        r->ended_s = read_u32(&in);
        r->calendar_s = read_u32(&in);
    }
    if (type == RECORD_SETTLED) {
        r->copies = read_u32(&in);
        r->machines = read_u32(&in);
        r->calendar_s = read_u64(&in);
    }
    if (type == RECORD_LOG)
        r->log = read_view(&in, reader_left(&in));
    if (type == RECORD_FACTS) {
        r->count = read_u16(&in);
        r->facts = in;
        for (uint16_t i = 0; i < r->count && !in.failed; i++)
            read_block(&in, FRAME_PAYLOAD_MAX);
    }
    return reader_done(&in) ? 0 : ERR_FORMAT;
}

bool journal_record_fact(struct journal_record *r, struct bytes *fact)
{
    if (r->count == 0)
        return false;
    r->count--;
    *fact = read_block(&r->facts, FRAME_PAYLOAD_MAX);
    return !r->facts.failed;
}
