#include <string.h>

#include "cmd/view_record.h"
#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/job/fact.h"
#include "core/journal/journal.h"
#include "tests/golden/golden.h"
#include "tests/lib/heap.h"

static struct heap heap;
static struct journal *journal;

struct node_id golden_node(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, 0x10 * n + n, sizeof id.bytes);
    return id;
}

struct digest golden_digest(uint8_t n)
{
    struct digest d;
    memset(d.bytes, 0xd0 + n, sizeof d.bytes);
    return d;
}

/* --- facts --- */

static void put_body_of_spec(struct buf *b, uint8_t n)
{
    static const uint8_t params[] = {1, 2, 3, 4};
    struct job_spec s = {.author = golden_node(9),
                         .not_after_s = 1800000000,
                         .slots_max = n,
                         .timeout_us = 60000000,
                         .stage = {.source = golden_digest(1),
                                   .params = {params, sizeof params},
                                   .units = 790,
                                   .leaf_units = 100,
                                   .accumulator_size = 8}};
    memset(s.nonce, n, sizeof s.nonce);
    memcpy(s.name, "golden-0", 9);
    s.name[7] = (char)('0' + n);
    memcpy(s.stage.kernel, "sum", 4);
    memcpy(s.stage.args, "790 and more", 13);
    ensure(put_spec(b, &s) == 0);
}

static void put_sealed(struct buf *b, struct bytes body, bool with_path)
{
    struct signed_bytes s = {.certificate = bytes_of_text("a certificate, DER"), .body = body};
    memset(s.signature, 0x5a, sizeof s.signature);
    s.path_count = with_path ? 2 : 0;
    s.path_index = with_path ? 1 : 0;
    s.path[0] = golden_digest(2);
    s.path[1] = golden_digest(3);
    put_signed(b, &s);
}

static void scratch(struct buf *b)
{
    buf_init(b, &heap.alloc, 65536);
}

void golden_put_spec(struct buf *signed_spec, uint8_t n)
{
    uint8_t room[2048];
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    put_body_of_spec(&body, n);
    put_sealed(signed_spec, buf_bytes(&body), n == 3);
}

struct job_id golden_job(uint8_t n)
{
    uint8_t room[2048];
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    put_body_of_spec(&body, n);
    return spec_id(buf_bytes(&body));
}

static void put_fact_spec(struct buf *b, uint8_t n)
{
    put_u8(b, FACT_SPEC);
    put_u8(b, 1);
    golden_put_spec(b, n);
}

static void put_signed_kind(struct buf *b, enum fact_kind kind, struct buf *body)
{
    struct signed_bytes s = {.certificate = bytes_of_text("a certificate, DER"),
                             .body = buf_bytes(body)};
    memset(s.signature, 0xa5, sizeof s.signature);
    put_signed_fact(b, kind, &s);
}

static void put_fact_holders(struct buf *b, uint8_t n, uint32_t generation, uint8_t count)
{
    uint8_t room[512];
    struct holders h = {.generation = generation, .count = count};
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    for (uint8_t i = 0; i < count; i++)
        h.ids[i] = golden_node((uint8_t)(i + 1));
    put_holders_body(&body, golden_job(n), &h);
    put_signed_kind(b, FACT_HOLDERS, &body);
}

void golden_put_claim(struct buf *b, uint8_t n, uint32_t epoch)
{
    uint8_t room[512];
    struct claim c = {.epoch = epoch,
                      .boot = 0x0123456789abcdef,
                      .node = golden_node(1),
                      .submitted_s = 1790000000,
                      .elapsed_us = 1500000};
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    put_claim_body(&body, golden_job(n), &c);
    put_signed_kind(b, FACT_CLAIM, &body);
}

void golden_put_cancel(struct buf *b, uint8_t n)
{
    uint8_t room[512];
    struct cancel c = {.by = golden_node(9), .state = JOB_CANCELLED};
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    put_cancel_body(&body, golden_job(n), &c);
    put_signed_kind(b, FACT_CANCEL, &body);
}

/* Of these stages, ascending. */
static void put_fact_stage_cancel(struct buf *b, const uint32_t *stages, size_t count)
{
    uint8_t room[512], set[8] = {0};
    struct stage_cancel c = {.by = golden_node(9), .first = stages[0] - stages[0] % 8};
    struct buf body;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = stages[i] - c.first;
        set[at / 8] = (uint8_t)(set[at / 8] | 1u << at % 8);
        c.set = (struct bytes){set, at / 8 + 1};
    }
    buf_init_fixed(&body, room, sizeof room);
    put_stage_cancel_body(&body, golden_job(1), &c);
    put_signed_kind(b, FACT_STAGE_CANCEL, &body);
}

static void put_first_cancelled(struct buf *b)
{
    put_fact_stage_cancel(b, (const uint32_t[]){0}, 1);
}

void golden_put_stage_cancel(struct buf *b)
{
    put_fact_stage_cancel(b, (const uint32_t[]){19, 24, 25, 26, 40}, 5);
}

static void put_fact_close(struct buf *b)
{
    uint8_t room[512];
    const struct close_fact c = {.author = golden_node(9), .count = 19};
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    put_close_body(&body, golden_job(1), &c);
    put_signed_kind(b, FACT_CLOSE, &body);
}

static void put_fact_outcome(struct buf *b, uint8_t n, uint8_t state)
{
    uint8_t room[2048];
    struct outcome o = {.state = state,
                        .leaves = 8,
                        .nodes = 2,
                        .retries = 1,
                        .duplicates = 2,
                        .redone_us = 3000,
                        .cpu_us = 4000000,
                        .elapsed_us = 5000000};
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    if (state == JOB_DONE) {
        o.digest = golden_digest(7);
        o.accumulator = bytes_of_text("8 bytes.");
    } else {
        memcpy(o.error, "cancelled by its user", 22);
    }
    put_outcome_body(&body, golden_job(n), &o);
    put_signed_kind(b, FACT_OUTCOME, &body);
}

static void put_fact_partial(struct buf *b, struct node_id author, uint64_t from, uint64_t upto,
                             struct tree_node at)
{
    struct partial p = {.author = author,
                        .from = from,
                        .upto = upto,
                        .compute_us = 1000 * (upto - from),
                        .count = 1};
    put_partial_begin(b, &p);
    put_value(b, &(struct value){at, bytes_of_text("a value.")});
}

static void put_fact_attempt(struct buf *b)
{
    struct attempt a = {.leaf = 5, .author = golden_node(2), .own_doing = true};
    memcpy(a.cause, "signal 11", 10);
    put_attempt(b, &a);
}

static void put_fact_divergent(struct buf *b)
{
    struct divergence d = {.at = {2, 1},
                           .digests = {golden_digest(1), golden_digest(2)},
                           .authors = {golden_node(1), golden_node(2)}};
    put_divergent(b, &d);
}

/* --- records --- */

/* A record of facts is made fact by fact: begin, one put_ and add for each, end. */
struct facts {
    struct buf record, fact;
    uint16_t count;
};

static struct facts facts_begin(uint8_t n)
{
    struct facts f = {0};
    scratch(&f.record);
    scratch(&f.fact);
    put_job_id(&f.record, golden_job(n));
    put_u16(&f.record, 0);
    return f;
}

static void facts_add(struct facts *f)
{
    put_block(&f->record, buf_bytes(&f->fact));
    buf_reset(&f->fact);
    store_u16(f->record.data + ID_SIZE, ++f->count);
}

static void facts_end(struct facts *f)
{
    ensure(journal_append(journal, RECORD_FACTS, buf_bytes(&f->record)) == 0);
    buf_clear(&f->record);
    buf_clear(&f->fact);
}

static void record_begin_job(uint8_t n, uint8_t holders)
{
    struct facts f = facts_begin(n);
    put_fact_spec(&f.fact, n);
    facts_add(&f);
    put_fact_holders(&f.fact, n, 1, holders);
    facts_add(&f);
    golden_put_claim(&f.fact, n, 1);
    facts_add(&f);
    facts_end(&f);
}

static void record_partial(uint8_t n, uint8_t author, uint64_t from, uint64_t upto,
                           struct tree_node at)
{
    struct facts f = facts_begin(n);
    put_fact_partial(&f.fact, author ? golden_node(author) : (struct node_id){{0}}, from, upto, at);
    facts_add(&f);
    facts_end(&f);
}

static void record_outcome(uint8_t n, uint8_t state)
{
    struct facts f = facts_begin(n);
    if (state == JOB_CANCELLED) {
        golden_put_cancel(&f.fact, n);
        facts_add(&f);
    }
    put_fact_outcome(&f.fact, n, state);
    facts_add(&f);
    facts_end(&f);
}

static void record_fact(uint8_t n, void (*put)(struct buf *b))
{
    struct facts f = facts_begin(n);
    put(&f.fact);
    facts_add(&f);
    facts_end(&f);
}

static void put_settled(struct buf *b, uint8_t n)
{
    put_job_id(b, golden_job(n));
    put_u32(b, 3);
    put_u32(b, 1);
    put_u64(b, 86400);
}

static void record_settled(uint8_t n)
{
    uint8_t room[64];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_settled(&b, n);
    ensure(journal_append(journal, RECORD_SETTLED, buf_bytes(&b)) == 0);
}

static void record_log(uint8_t n)
{
    static const char text[] = "the last line of a worker\n";
    uint8_t room[128];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_job_id(&b, golden_job(n));
    put_raw(&b, text, sizeof text - 1);
    ensure(journal_append(journal, RECORD_LOG, buf_bytes(&b)) == 0);
}

static void put_tombstone(struct buf *b, uint8_t n)
{
    put_job_id(b, golden_job(n));
    put_u8(b, JOB_DONE);
    put_u8(b, 1);
    put_u32(b, 1760000000);
    put_u32(b, 604800);
}

static void record_gone(uint8_t n)
{
    uint8_t room[64];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_tombstone(&b, n);
    ensure(journal_append(journal, RECORD_GONE, buf_bytes(&b)) == 0);
}

static void record_calendar(uint64_t s)
{
    uint8_t room[8];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_u64(&b, s);
    ensure(journal_append(journal, RECORD_CALENDAR, buf_bytes(&b)) == 0);
}

static void sync_now(void)
{
    ensure(journal_sync(journal) == 0);
}

/* --- journals --- */

static int ignore(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    (void)ctx, (void)sequence, (void)type, (void)payload;
    return 0;
}

static struct store_memory *begin(uint64_t segment_bytes)
{
    struct journal_options o = {.segment_bytes = segment_bytes, .feature_level = 1};
    struct store_memory *m = store_memory_new();
    heap_init(&heap);
    memset(o.id, 0xee, sizeof o.id);
    ensure(journal_open(&journal, &heap.alloc, &m->store, &o, ignore, NULL, NULL) == 0);
    return m;
}

/* Every type of record and every kind of fact, in several segments, and an orderly end. */
static void make_life(struct store_memory *m)
{
    (void)m;
    record_begin_job(1, 3);
    sync_now();
    record_partial(1, 1, 0, 4, (struct tree_node){2, 0});
    sync_now();
    record_begin_job(2, 1);
    record_fact(1, put_fact_attempt);
    sync_now();
    record_outcome(2, JOB_CANCELLED);
    record_settled(2);
    sync_now();
    record_partial(1, 2, 4, 8, (struct tree_node){2, 1});
    record_partial(1, 1, 0, 0, (struct tree_node){3, 0});
    sync_now();
    record_outcome(1, JOB_DONE);
    record_settled(1);
    record_log(1);
    sync_now();
    record_begin_job(3, 2);
    record_fact(3, put_fact_divergent);
    record_settled(3);
    record_calendar(604800);
    record_gone(4);
    sync_now();
    record_begin_job(5, 2);
    record_partial(5, 0, 0, 2, (struct tree_node){1, 0});
    sync_now();
    ensure(journal_close(journal) == 0);
}

/* What is said of stages. Only the first of it is of a stage that the job has. */
static void make_stages(struct store_memory *m)
{
    (void)m;
    record_begin_job(1, 3);
    record_fact(1, put_first_cancelled);
    sync_now();
    record_fact(1, golden_put_stages);
    record_fact(1, put_fact_close);
    record_fact(1, golden_put_stage_cancel);
    sync_now();
    ensure(journal_close(journal) == 0);
}

/* What was signed about a node and a user. */
static void make_acts(struct store_memory *m)
{
    (void)m;
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t room[512];
        struct buf b;
        buf_init_fixed(&b, room, sizeof room);
        golden_put_act(&b, i);
        ensure(journal_append(journal, RECORD_ACT, buf_bytes(&b)) == 0);
    }
    sync_now();
    ensure(journal_close(journal) == 0);
}

static void record_note(uint64_t number)
{
    uint8_t room[EVENT_NOTE_BYTES_MAX];
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    golden_put_note(number, &b);
    ensure(journal_append(journal, RECORD_EVENT, buf_bytes(&b)) == 0);
}

/* Who did what. */
static void make_events(struct store_memory *m)
{
    (void)m;
    record_note(1);
    record_note(2);
    sync_now();
    ensure(journal_close(journal) == 0);
}

/* An object that was put, and what its user signed to take it back. */
static void make_removals(struct store_memory *m)
{
    uint8_t room[512];
    struct buf b;
    (void)m;
    buf_init_fixed(&b, room, sizeof room);
    golden_put_taken_back(&b);
    ensure(journal_append(journal, RECORD_OBJECT, buf_bytes(&b)) == 0);
    sync_now();
    ensure(journal_close(journal) == 0);
}

/* Made anew, and gone on with: numbers go on. */
static void make_compacted(struct store_memory *m)
{
    uint8_t room[64];
    struct buf blob, b;
    (void)m;
    record_begin_job(1, 1);
    sync_now();
    record_outcome(1, JOB_DONE);
    sync_now();
    scratch(&blob);
    buf_init_fixed(&b, room, sizeof room);
    put_tombstone(&b, 1);
    journal_put(&blob, RECORD_GONE, buf_bytes(&b));
    ensure(journal_compact(journal, &(struct journal_slice){buf_bytes(&blob), NULL}) == 0);
    buf_clear(&blob);
    record_begin_job(2, 1);
    sync_now();
    ensure(journal_close(journal) == 0);
}

/* A sync failed: its segment holds records beyond what the next one goes on from. */
static void make_fenced(struct store_memory *m)
{
    record_begin_job(1, 1);
    sync_now();
    record_gone(4);
    m->fail_at = m->calls + 2;
    m->fail_rc = ERR_IO;
    ensure(journal_sync(journal) == ERR_SYNC);
    journal_discard(journal);
    record_begin_job(2, 1);
    sync_now();
    ensure(journal_close(journal) == 0);
}

/* Power went while the last record was written. */
static void make_torn(struct store_memory *m)
{
    struct store_memory_content *c;
    record_begin_job(1, 1);
    sync_now();
    record_gone(4);
    sync_now();
    journal_abandon(journal);
    c = store_memory_find(m, "0000000000000001.seg");
    ensure(c != NULL);
    for (uint64_t at = c->size - 1; at > 0; at--)
        if (c->data[at] != 0) {
            memset(c->data + at - 15, 0, 16);
            break;
        }
}

static const struct {
    const char *name;
    uint64_t segment_bytes;
    void (*make)(struct store_memory *m);
} rows[] = {{"life", 1536, make_life},     {"compacted", 1536, make_compacted},
            {"fenced", 1536, make_fenced}, {"torn", 1536, make_torn},
            {"stages", 1536, make_stages}, {"acts", 1536, make_acts},
            {"events", 1536, make_events}, {"removals", 1536, make_removals}};

const char *golden_journal_name(size_t i)
{
    return i < sizeof rows / sizeof *rows ? rows[i].name : NULL;
}

struct store_memory *golden_journal_make(size_t i)
{
    struct store_memory *m = begin(rows[i].segment_bytes);
    rows[i].make(m);
    (void)m->store.remove(m, "reserve");
    (void)m->store.remove(m, "next");
    store_memory_settle(m);
    ensure(heap_is_empty(&heap));
    return m;
}

/* --- telling --- */

struct telling {
    FILE *to;
    struct journal_report report;
};

static int tell_record(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct telling *t = ctx;
    struct record_view v = {
        .sequence = sequence, .type = type, .payload = payload, .offset = t->report.record_offset};
    struct json j;
    segment_name(t->report.record_segment, v.segment);
    record_view_text(t->to, &v);
    json_begin(&j, t->to);
    record_view_json(&j, &v);
    fputc('\n', t->to);
    return 0;
}

static int tell_damage(void *ctx, const struct journal_report *found)
{
    struct telling *t = ctx;
    fprintf(t->to, "damage in %s, byte %llu\n", found->bad_segment,
            (unsigned long long)found->bad_offset);
    return 0;
}

void golden_journal_tell(struct store_memory *m, FILE *to)
{
    struct telling t = {.to = to};
    int rc;
    heap_init(&heap);
    rc = journal_check(&heap.alloc, &m->store, NODE_FEATURE_LEVEL, tell_record, tell_damage, &t,
                       &t.report);
    fprintf(
        to, "result %d, %llu segments, %llu records to %llu, synced %llu, %llu bytes, torn %llu\n",
        rc, (unsigned long long)t.report.segments, (unsigned long long)t.report.records,
        (unsigned long long)t.report.last_sequence, (unsigned long long)t.report.synced_sequence,
        (unsigned long long)t.report.bytes, (unsigned long long)t.report.torn_bytes);
    ensure(heap_is_empty(&heap));
}
