/* What tells who did what, damaged. */
#include "core/wire/event_note.h"
#include "tests/fuzz/fuzz.h"

static void any_note(struct event_note *e)
{
    *e = (struct event_note){.number = 1 + any_below(1u << 30),
                             .at_s = (int64_t)any_u64(),
                             .kind = (uint8_t)(1 + any_below(255)),
                             .count = 1 + any_u32() / 2,
                             .actor = any_node()};
    any_raw(e->subject, ID_SIZE);
    any_text(e->text, sizeof e->text);
}

static void make_notes(struct buf *out)
{
    struct event_note e;
    uint16_t count = (uint16_t)(1 + any_below(9));
    put_u16(out, count);
    for (uint16_t i = 0; i < count; i++) {
        any_note(&e);
        put_event_note(out, &e);
    }
}

static int notes_again(struct bytes in, struct buf *out)
{
    struct event_note e;
    struct reader r;
    uint16_t count;
    int rc = read_reply_event(in, &count, &r);
    if (rc < 0)
        return rc;
    put_u16(out, count);
    for (uint16_t i = 0; i < count && !r.failed; i++) {
        read_event_note(&r, &e);
        CHECK(r.failed || (e.number > 0 && e.count > 0));
        put_event_note(out, &e);
    }
    return again_end(&r, out);
}

static void make_request(struct buf *out)
{
    struct request_events m = {.what = (uint8_t)any_below(2),
                               .after = any_u64(),
                               .since_s = (int64_t)any_u64(),
                               .most = any_u32()};
    any_note(&m.note);
    m.note.kind = any_bool() ? EVENT_NOTE_TOKEN : EVENT_NOTE_VOID;
    put_request_events(out, &m);
}

FUZZ_AGAIN(request, request_events, read_request_events, put_request_events)

TEST(damaged_notes_are_refused_or_whole)
{
    static const struct codec codecs[] = {
        {"EVENT", notes_again, make_notes, false, 20000},
        {"EVENTS", request_again, make_request, false, 20000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_notes_are_refused_or_whole)
