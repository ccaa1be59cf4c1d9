/* Who did what, and who computed what: what a command asks, what a node tells, and what its journal
 * has of it. */
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/event_note.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "core/wire/receipt.h"
#include "tests/golden/golden.h"

bool golden_is_event(uint8_t type)
{
    return type == MESSAGE_REQUEST_EVENTS || type == MESSAGE_REPLY_EVENT ||
           type == MESSAGE_REQUEST_RECEIPT || type == MESSAGE_REPLY_RECEIPT;
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

static struct receipt receipt;
static uint8_t again[RECEIPT_SIZE_MAX];

static void put_text_of_receipt(struct buf *b)
{
    receipt = (struct receipt){.mesh = golden_digest(1),
                               .job = golden_job(1),
                               .author = golden_node(9),
                               .source = golden_digest(2),
                               .kernel = "sum",
                               .stages = 1,
                               .units = 790,
                               .leaf_units = 100,
                               .leaves = 8,
                               .state = JOB_DONE,
                               .result = golden_digest(3),
                               .checks = true,
                               .checked = 2,
                               .copies = 3,
                               .machines = 2,
                               .submitted_s = 1760000000,
                               .written_s = 1760000005,
                               .nodes_count = 1,
                               .nodes = {{.id = golden_node(1), .name = "n1"}},
                               .runs_count = 2,
                               .runs = {{0, 3, 1}, {5, 7, 0}},
                               .by = golden_node(2),
                               .by_name = "n2",
                               .certificate = {3, {1, 2, 3}}};
    receipt_add_up(&receipt);
    put_receipt(b, &receipt);
}

static int tell_receipt(struct bytes text, FILE *to)
{
    struct receipt_fault fault = {0, NULL};
    struct bytes body;
    struct buf room;
    buf_init_fixed(&room, again, sizeof again);
    int rc = read_receipt(text, &room, &receipt, &body, &fault);
    fprintf(to, " kernel=%s leaves=%llu nodes=%u runs=%u nobody=%llu missing=%llu by=%s",
            receipt.kernel, (unsigned long long)receipt.leaves, receipt.nodes_count,
            receipt.runs_count, (unsigned long long)receipt.nobody,
            (unsigned long long)receipt.missing, receipt.by_name);
    return rc;
}

void golden_put_event(uint8_t type, struct buf *b)
{
    if (type == MESSAGE_REQUEST_RECEIPT) {
        put_job_id(b, golden_job(1));
        return;
    }
    if (type == MESSAGE_REPLY_RECEIPT) {
        put_text_of_receipt(b);
        return;
    }
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
    char job[9];
    int rc;
    if (type == MESSAGE_REPLY_RECEIPT)
        return tell_receipt(payload, to);
    if (type == MESSAGE_REQUEST_RECEIPT) {
        r = reader_of(payload);
        id_hex(read_job_id(&r).bytes, 8, job);
        fprintf(to, " job=%s", job);
        return reader_done(&r) ? 0 : ERR_FORMAT;
    }
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
        return golden_put_kills(i - 1, frame);
    size_t start = frame_begin(frame, MESSAGE_REQUEST_EVENTS, 7);
    put_request(EVENTS_NOTE, frame);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
