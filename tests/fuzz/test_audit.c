/* What tells who did what, damaged. */
#include "core/wire/event_note.h"
#include "core/wire/receipt.h"
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

/* --- receipts --- */

static struct receipt receipt;
static uint8_t again_bytes[RECEIPT_SIZE_MAX];

static void any_der(struct receipt_der *d)
{
    d->len = (uint16_t)(1 + any_below(40));
    any_raw(d->data, d->len);
}

static void any_runs(struct receipt *r)
{
    uint64_t at = 0;
    r->nodes_count = 1 + (uint32_t)any_below(4);
    r->leaves = 1 + any_below(1000);
    for (uint32_t i = 0; i < r->nodes_count; i++) {
        r->nodes[i].id = any_node();
        r->nodes[i].id.bytes[0] = (uint8_t)(i + 1);
        any_text(r->nodes[i].name, sizeof r->nodes[i].name);
    }
    while (at < r->leaves) {
        uint64_t first = at + any_below(3), end = first + 1 + any_below(99);
        if (end > r->leaves)
            break;
        r->runs[r->runs_count] = (struct receipt_run){
            first, end,
            r->runs_count < r->nodes_count ? r->runs_count + 1
                                           : (uint32_t)any_below(r->nodes_count + 1)};
        r->runs_count++;
        at = end;
    }
    r->nodes_count = r->runs_count < r->nodes_count ? r->runs_count : r->nodes_count;
    receipt_add_up(r);
    r->counts = any_bool();
    if (r->counts)
        r->runs_count = 0;
}

static void make_receipt(struct buf *out)
{
    struct receipt *r = &receipt;
    memset(r, 0, sizeof *r);
    r->job = any_job();
    r->author = any_node();
    any_name(r->kernel, sizeof r->kernel);
    r->stages = any_u32();
    r->units = any_u64() / 2;
    r->state = (uint8_t)(JOB_DONE + any_below(6));
    r->result = r->state == JOB_DONE ? any_digest() : (struct digest){{0}};
    r->checks = any_bool();
    r->written_s = (int64_t)(any_u64() / 2);
    any_runs(r);
    r->by = any_node();
    any_text(r->by_name, sizeof r->by_name);
    any_der(&r->certificate);
    any_raw(r->signature, SIGNATURE_SIZE);
    if (any_bool()) {
        any_der(&r->issuer);
        any_der(&r->root);
    }
    put_receipt(out, r);
}

static int receipt_again(struct bytes in, struct buf *out)
{
    struct receipt_fault fault = {0, NULL};
    struct bytes body;
    struct buf room;
    uint64_t sum;
    buf_init_fixed(&room, again_bytes, sizeof again_bytes);
    int rc = read_receipt(in, &room, &receipt, &body, &fault);
    if (rc < 0) {
        CHECK(fault.line > 0 && fault.what != NULL);
        return rc;
    }
    CHECK(body.len > 0 && body.len < in.len);
    sum = receipt.nobody + receipt.missing;
    for (uint32_t i = 0; i < receipt.nodes_count; i++)
        sum += receipt.nodes[i].leaves;
    CHECK_INT(sum, receipt.leaves);
    put_receipt(out, &receipt);
    return buf_result(out);
}

TEST(damaged_receipts_are_refused_or_whole)
{
    static const struct codec codecs[] = {{"receipt", receipt_again, make_receipt, true, 20000}};
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST(damaged_notes_are_refused_or_whole)
{
    static const struct codec codecs[] = {
        {"EVENT", notes_again, make_notes, false, 20000},
        {"EVENTS", request_again, make_request, false, 20000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_notes_are_refused_or_whole, damaged_receipts_are_refused_or_whole)
