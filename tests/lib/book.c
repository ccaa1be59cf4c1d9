#include "tests/lib/book.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/sha256.h"
#include "core/node/journal_record.h"
#include "core/wire/tree.h"

struct heap heap;
struct job_id job;
struct buf spec;

struct node_id node(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static int no_replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    (void)ctx, (void)sequence, (void)type, (void)payload;
    return 0;
}

struct book book_open(uint32_t segment_bytes)
{
    struct journal_options o = {.feature_level = 1, .segment_bytes = segment_bytes};
    struct journal_report report;
    struct book b = {.m = store_memory_new()};
    ensure(journal_open(&b.j, &heap.alloc, &b.m->store, &o, no_replay, NULL, &report) == 0);
    return b;
}

void write_record(struct book *b, uint16_t type, struct bytes payload)
{
    ensure(journal_append(b->j, type, payload) == 0);
    ensure(journal_sync(b->j) == 0);
}

void write_fact(struct book *b, struct bytes fact)
{
    uint8_t room[8192];
    struct buf r;
    buf_init_fixed(&r, room, sizeof room);
    put_job_id(&r, job);
    put_u16(&r, 1);
    put_block(&r, fact);
    write_record(b, RECORD_FACTS, buf_bytes(&r));
}

void write_signed(struct book *b, enum fact_kind kind, struct bytes body)
{
    struct signed_bytes s = {.certificate = bytes_of_text("certificate"), .body = body};
    uint8_t room[8192];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_signed_fact(&f, kind, &s);
    write_fact(b, buf_bytes(&f));
}

uint64_t join(uint64_t left, uint64_t right)
{
    return left * 1000003 + right;
}

uint64_t value_of(struct tree_node at)
{
    if (at.level == 0)
        return at.index + 1;
    struct tree_node right = tree_right(at);
    uint64_t left_value = value_of(tree_left(at));
    return tree_has(right, LEAVES) ? join(left_value, value_of(right)) : left_value;
}

void write_report(struct book *b, uint8_t author, uint64_t first, uint64_t end, uint64_t lie_at)
{
    struct partial p = {.author = node(author), .from = first, .upto = end};
    uint8_t room[4096], raw[8];
    struct buf f;
    for (uint64_t at = first; at < end; p.count++)
        at = tree_end(tree_largest_at(at, end, LEAVES), LEAVES);
    buf_init_fixed(&f, room, sizeof room);
    put_partial_begin(&f, &p);
    for (uint64_t at = first; at < end;) {
        struct tree_node n = tree_largest_at(at, end, LEAVES);
        store_u64(raw, value_of(n) + (at == lie_at));
        put_value(&f, &(struct value){n, {raw, 8}});
        at = tree_end(n, LEAVES);
    }
    write_fact(b, buf_bytes(&f));
}

void write_run(struct book *b, uint8_t author, uint64_t first, uint64_t end)
{
    uint8_t room[128];
    struct buf f;
    buf_init_fixed(&f, room, sizeof room);
    put_partial_run(&f, node(author), first, end);
    write_fact(b, buf_bytes(&f));
}

void write_spec(struct book *b)
{
    struct job_spec s = {.name = "t"};
    memcpy(s.stage.kernel, "join", 5);
    s.stage.units = LEAVES * 10 - 3;
    s.stage.leaf_units = 10;
    s.stage.accumulator_size = 8;
    buf_reset(&spec);
    ensure(put_spec(&spec, &s) == 0);
    job = spec_id(buf_bytes(&spec));
    write_signed(b, FACT_SPEC, buf_bytes(&spec));
}

struct outcome done(uint64_t value, uint8_t raw[8])
{
    struct outcome o = {.state = JOB_DONE, .leaves = LEAVES};
    store_u64(raw, value);
    o.accumulator = (struct bytes){raw, 8};
    o.digest = sha256_of(raw, 8);
    return o;
}

void write_outcome(struct book *b, const struct outcome *o)
{
    uint8_t room[512];
    struct buf body;
    buf_init_fixed(&body, room, sizeof room);
    put_outcome_body(&body, job, o);
    write_signed(b, FACT_OUTCOME, buf_bytes(&body));
}

void write_done(struct book *b)
{
    uint8_t raw[8];
    struct outcome o = done(value_of(tree_root(LEAVES)), raw);
    write_outcome(b, &o);
}

struct book good_book(uint32_t segment_bytes)
{
    struct book b = book_open(segment_bytes);
    write_spec(&b);
    write_report(&b, 1, 0, 5, NO_LIE);
    write_report(&b, 2, 8, LEAVES, NO_LIE);
    write_report(&b, 1, 5, 8, NO_LIE);
    write_done(&b);
    return b;
}

void book_close(struct book *b)
{
    journal_close(b->j);
    store_memory_free(b->m);
}
