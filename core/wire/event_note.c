#include "core/wire/event_note.h"

#include "core/base/err.h"
#include "core/wire/field.h"

static const struct {
    const char *name;
    enum event_subject subject;
} kinds[] = {
    [EVENT_NOTE_STARTED] = {"node started", EVENT_OF_KEY},
    [EVENT_NOTE_STOPPED] = {"node stopped", EVENT_OF_KEY},
    [EVENT_NOTE_MET] = {"member met", EVENT_OF_KEY},
    [EVENT_NOTE_BACK] = {"member back", EVENT_OF_KEY},
    [EVENT_NOTE_LEFT] = {"member left", EVENT_OF_KEY},
    [EVENT_NOTE_DEAD] = {"member dead", EVENT_OF_KEY},
    [EVENT_NOTE_TOKEN] = {"token made", EVENT_OF_TOKEN},
    [EVENT_NOTE_VOID] = {"token revoked", EVENT_OF_TOKEN},
    [EVENT_NOTE_ISSUED] = {"issued", EVENT_OF_KEY},
    [EVENT_NOTE_UNISSUED] = {"not issued", EVENT_OF_TOKEN},
    [EVENT_NOTE_RENEWED] = {"renewed", EVENT_OF_KEY},
    [EVENT_NOTE_SUBMITTED] = {"submitted", EVENT_OF_JOB},
    [EVENT_NOTE_KILLED] = {"killed", EVENT_OF_JOB},
    [EVENT_NOTE_REFUSED] = {"refused", EVENT_OF_JOB},
    [EVENT_NOTE_FORGED] = {"forged", EVENT_OF_JOB},
    [EVENT_NOTE_LINK] = {"link refused", EVENT_OF_NOTHING},
    [EVENT_NOTE_DIVERGED] = {"diverged", EVENT_OF_JOB},
    [EVENT_NOTE_UNLIKE] = {"unlike", EVENT_OF_JOB},
    [EVENT_NOTE_DISK] = {"disk", EVENT_OF_NOTHING},
    [EVENT_NOTE_REVOKED] = {"revoked", EVENT_OF_KEY},
    [EVENT_NOTE_DRAINING] = {"draining", EVENT_OF_KEY},
    [EVENT_NOTE_RESUMED] = {"resumed", EVENT_OF_KEY},
    [EVENT_NOTE_ROOTS] = {"two roots", EVENT_OF_NOTHING},
};

const char *event_note_name(unsigned kind)
{
    return kind >= EVENT_NOTE_STARTED && kind <= EVENT_NOTE_LAST ? kinds[kind].name : "unknown";
}

enum event_subject event_note_subject(unsigned kind)
{
    return kind <= EVENT_NOTE_LAST ? kinds[kind].subject : EVENT_OF_NOTHING;
}

void put_event_note(struct buf *b, const struct event_note *e)
{
    put_u64(b, e->number);
    put_u64(b, (uint64_t)e->at_s);
    put_u8(b, e->kind);
    put_u32(b, e->count);
    put_node_id(b, e->actor);
    put_raw(b, e->subject, ID_SIZE);
    put_text(b, e->text);
}

void read_event_note(struct reader *r, struct event_note *e)
{
    e->number = read_u64(r);
    e->at_s = (int64_t)read_u64(r);
    e->kind = read_u8(r);
    e->count = read_u32(r);
    e->actor = read_node_id(r);
    read_raw(r, e->subject, ID_SIZE);
    read_safe_text(r, true, e->text, sizeof e->text);
    r->failed |= e->number == 0 || e->kind == 0 || e->count == 0;
}

void put_request_events(struct buf *b, const struct request_events *m)
{
    put_u8(b, m->what);
    if (m->what == EVENTS_NOTE) {
        put_u8(b, m->note.kind);
        put_raw(b, m->note.subject, ID_SIZE);
        put_text(b, m->note.text);
        return;
    }
    put_u64(b, m->after);
    put_u64(b, (uint64_t)m->since_s);
    put_u32(b, m->most);
}

int read_request_events(struct bytes payload, struct request_events *m)
{
    struct reader r = reader_of(payload);

    *m = (struct request_events){.what = read_choice(&r, EVENTS_LIST, EVENTS_NOTE)};
    if (m->what == EVENTS_NOTE) {
        m->note.kind = read_choice(&r, EVENT_NOTE_TOKEN, EVENT_NOTE_VOID);
        read_raw(&r, m->note.subject, ID_SIZE);
        read_safe_text(&r, true, m->note.text, sizeof m->note.text);
    } else {
        m->after = read_u64(&r);
        m->since_s = (int64_t)read_u64(&r);
        m->most = read_u32(&r);
    }
    return reader_result(&r);
}

int read_reply_event(struct bytes payload, uint16_t *count, struct reader *notes)
{
    *notes = reader_of(payload);
    *count = read_u16(notes);
    return notes->failed || *count == 0 ? ERR_FORMAT : 0;
}
