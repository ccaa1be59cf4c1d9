#include "tests/lib/appended.h"

#include "core/base/bytes.h"
#include "core/base/text.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"

struct heap appended_heap;
static uint8_t arena[1 << 20];
size_t appended_used;
struct job_id appended_job;
struct bytes appended_spec;

struct buf appended_room(void)
{
    struct buf b;

    buf_init_fixed(&b, arena + appended_used, sizeof arena - appended_used);
    return b;
}

struct bytes appended_kept(struct buf *b)
{
    REQUIRE(buf_result(b) == 0);
    appended_used += b->len;
    return buf_bytes(b);
}

struct bytes appended_seal(enum fact_kind kind, struct bytes body, uint8_t mark)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = body};
    struct buf b = appended_room();

    s.signature[0] = mark;
    put_signed_fact(&b, kind, &s);
    return appended_kept(&b);
}

/* The first stage is in the appended_spec, and asks for this. */
void appended_begin_with(bool open, const struct demand *demand)
{
    struct job_spec s = {.name = "t", .open = open};
    struct buf b;

    appended_used = 0;
    parts_begin();
    for (uint32_t i = 0; i < APPENDED_STAGES; i++) {
        struct part *p = parts_add(1 + i % 3, false);

        if (i > 0)
            parts_need(p, i - 1, 0);
    }
    parts_spec(&s, "sum");
    s.stage.demand = *demand;
    s.more = (struct bytes){NULL, 0};
    s.more_count = 0;
    b = appended_room();
    REQUIRE(put_spec(&b, &s) == 0);
    appended_spec = appended_kept(&b);
    appended_job = spec_id(appended_spec);
    appended_spec = appended_seal(FACT_SPEC, appended_spec, 0);
}

void appended_begin(bool open)
{
    appended_begin_with(open, &(struct demand){0});
}

struct bytes appended_stages_by(uint32_t from, uint32_t to, struct node_id author)
{
    struct buf b = appended_room();

    put_stages_begin(&b, appended_job, author);
    parts_append(&b, from, to, "sum");
    return appended_seal(FACT_STAGES, appended_kept(&b), 1);
}

struct bytes appended_stages(uint32_t from, uint32_t to)
{
    return appended_stages_by(from, to, (struct node_id){0});
}

struct bytes appended_close_with(uint32_t count)
{
    struct close_fact c = {.count = count};
    struct buf b = appended_room();

    put_close_body(&b, appended_job, &c);
    return appended_seal(FACT_CLOSE, appended_kept(&b), 1);
}

struct bytes appended_value_of(uint32_t stage, uint64_t first)
{
    struct partial p = {.author = {{7}}, .from = first, .upto = first + 1, .count = 1};
    uint8_t raw[8];
    struct buf b = appended_room();

    store_u64(raw, 1000 + stage);
    put_partial_begin(&b, &p);
    put_value(&b, &(struct value){{0, first}, {raw, 8}});
    return appended_kept(&b);
}

struct ledger *appended_ledger(void)
{
    struct ledger *l;

    REQUIRE(ledger_new(&l, &appended_heap.alloc, appended_spec) == 0);
    return l;
}
