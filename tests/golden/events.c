/* Who did what: what a command asks, what a node tells, and what its journal has of it. */
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/event_note.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "tests/golden/golden.h"

bool golden_is_event(uint8_t type)
{
    return type == MESSAGE_REQUEST_EVENTS || type == MESSAGE_REPLY_EVENT;
}

void golden_put_note(uint64_t number, struct buf *b)
{
    struct event_note e = {.number = number,
                           .at_s = 1760000000 + (int64_t)number,
                           .kind = EVENT_NOTE_SUBMITTED,
                           .count = 1,
                           .actor = golden_node(9),
                           .text = "sum 790"};
    struct job_id job = golden_job(1);
    memcpy(e.subject, job.bytes, ID_SIZE);
    if (number == 2) {
        e.kind = EVENT_NOTE_REFUSED;
        e.count = 41;
        text_copy(e.text, sizeof e.text, "role read: REQUEST_KILL");
    }
    put_event_note(b, &e);
}

static void put_request(uint8_t what, struct buf *b)
{
    struct request_events m = {.what = what,
                               .after = 7,
                               .since_s = 1760000000,
                               .most = 20,
                               .note = {.text = "node, 1 use"}};
    m.note.kind = EVENT_NOTE_TOKEN;
    memset(m.note.subject, 5, 5);
    put_request_events(b, &m);
}

void golden_put_event(uint8_t type, struct buf *b)
{
    if (type == MESSAGE_REQUEST_EVENTS) {
        put_request(EVENTS_LIST, b);
        return;
    }
    put_u16(b, 2);
    golden_put_note(1, b);
    golden_put_note(2, b);
}

static void tell_note(const struct event_note *e, FILE *to)
{
    char actor[9], subject[9];
    id_hex(e->actor.bytes, 8, actor);
    id_hex(e->subject, 8, subject);
    fprintf(to, " %llu at=%lld \"%s\" count=%u by=%s of=%s \"%s\"", (unsigned long long)e->number,
            (long long)e->at_s, event_note_name(e->kind), e->count, actor, subject, e->text);
}

int golden_tell_event(uint8_t type, struct bytes payload, FILE *to)
{
    struct request_events m;
    struct event_note e;
    struct reader r;
    uint16_t count;
    int rc;
    if (type == MESSAGE_REQUEST_EVENTS) {
        rc = read_request_events(payload, &m);
        if (m.what == EVENTS_NOTE)
            tell_note(&m.note, to);
        else
            fprintf(to, " after=%llu since=%lld most=%u", (unsigned long long)m.after,
                    (long long)m.since_s, m.most);
        return rc;
    }
    rc = read_reply_event(payload, &count, &r);
    for (uint16_t i = 0; rc == 0 && i < count; i++) {
        read_event_note(&r, &e);
        tell_note(&e, to);
    }
    return rc < 0 ? rc : reader_done(&r) ? 0 : ERR_FORMAT;
}

bool golden_put_events(size_t i, struct buf *frame)
{
    if (i > 0)
        return false;
    size_t start = frame_begin(frame, MESSAGE_REQUEST_EVENTS, 7);
    put_request(EVENTS_NOTE, frame);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
