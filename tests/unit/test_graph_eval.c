/* Large random graphs, worked off by what a coordinator works with (ledger, readiness, pool) in any
 * order of chunks, reports and returns, against an evaluation stage by stage. As many stages as fit
 * a specification, or up to 10,000 that are appended meanwhile. A leaf reads its inputs from the
 * ledger, so what was dropped too early shows. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/ledger_inside.h"
#include "core/job/pool.h"
#include "core/job/ready.h"
#include "core/wire/output.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

#define STAGES_OF_A_SPEC 700u
#define STAGES_OF_A_LIST 300u /* of eight needs each they fit one */
#define LEAVES_A_STAGE 6u
#define NODES 5u
#define OUT_MAX 12u

static struct heap heap;
static struct ledger *ledger;
static struct ready ready;
static struct pool *pool;
static struct chunk out[OUT_MAX];
static uint32_t out_count;
static uint32_t told; /* so many of the stages */

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    return (a ^ a >> 29) + b;
}

/* --- stage by stage --- */

struct yield {
    uint64_t leaves[LEAVES_A_STAGE], value;
};

static uint64_t fold(const uint64_t *leaves, struct tree_node at, uint64_t count)
{
    if (at.level == 0)
        return leaves[at.index];
    if (tree_first(tree_right(at)) >= count)
        return fold(leaves, tree_left(at), count);
    return mix(fold(leaves, tree_left(at), count), fold(leaves, tree_right(at), count));
}

static uint64_t seed_of(uint32_t stage, const struct yield *yields)
{
    const struct part *p = &parts[stage];
    uint64_t seed = stage;

    for (uint8_t k = 0; k < p->needs_count && p->needs[k].place != NEED_ORDER; k++) {
        const struct yield *y = &yields[p->needs[k].stage];

        if (!parts[p->needs[k].stage].collects)
            seed = mix(seed, y->value);
        else
            for (uint64_t i = 0; i < parts[p->needs[k].stage].leaves; i++)
                seed = mix(seed, y->leaves[i]);
    }
    return seed;
}

static uint64_t evaluated(void)
{
    static struct yield yields[PARTS_MAX];

    for (uint32_t i = 0; i < parts_count; i++) {
        uint64_t seed = seed_of(i, yields);

        for (uint64_t leaf = 0; leaf < parts[i].leaves; leaf++)
            yields[i].leaves[leaf] = mix(seed, leaf);
        yields[i].value = fold(yields[i].leaves, tree_root(parts[i].leaves), parts[i].leaves);
    }
    return yields[parts_count - 1].value;
}

/* --- as a coordinator does it --- */

static void changed(void *ctx, uint32_t stage)
{
    (void)ctx;
    if (ready_at(&ready, stage) == STAGE_READY)
        pool_open(pool, stage);
}

/* What the leaves of the stage read, as the ledger has it now. */
static uint64_t seed_here(uint32_t stage)
{
    const struct part *p = &parts[stage];
    uint64_t seed = stage;

    for (uint8_t k = 0; k < p->needs_count && p->needs[k].place != NEED_ORDER; k++) {
        uint32_t need = p->needs[k].stage;
        struct shape_stage in = shape_at(&ledger->graph.shape, need);
        struct value v = {0};
        struct output o;

        if (!parts[need].collects) {
            REQUIRE(cover_root(ledger->cover, need, &v) && v.data.len == 8);
            seed = mix(seed, load_u64(v.data.data));
            continue;
        }
        for (uint64_t leaf = in.first; leaf < in.end; leaf++) {
            REQUIRE(cover_get(ledger->cover, (struct tree_node){0, leaf}, &v));
            REQUIRE(read_output(v.data, &o) == 0 && o.size == 8);
            seed = mix(seed, load_u64(o.bytes.data));
        }
    }
    return seed;
}

static void put_leaf(struct buf *b, uint32_t stage, uint64_t leaf, uint64_t value)
{
    uint8_t bytes[8], room[32];
    struct buf v;

    store_u64(bytes, value);
    buf_init_fixed(&v, room, sizeof room);
    if (parts[stage].collects)
        put_output(&v, &(struct output){.kind = OUTPUT_BYTES, .size = 8, .bytes = {bytes, 8}});
    else
        put_raw(&v, bytes, 8);
    put_value(b, &(struct value){{0, leaf}, buf_bytes(&v)});
}

/* What can be folded from this leaf on. */
static void fold_all(uint64_t first)
{
    struct value left, right, v;
    uint64_t from = first;
    uint8_t bytes[8];

    while (cover_pair(ledger->cover, &from, &left, &right)) {
        v.at = tree_parent(left.at);
        store_u64(bytes, mix(load_u64(left.data.data), load_u64(right.data.data)));
        v.data = (struct bytes){bytes, 8};
        CHECK(ledger_put(ledger, &v) >= 0);
        from = first;
    }
}

/* The chunk's next leaves are computed, up to `next`. */
static void report(struct chunk *c, uint64_t next)
{
    uint32_t stage = graph_stage_of(&ledger->graph, c->next);
    uint64_t base = shape_at(&ledger->graph.shape, stage).first, seed = seed_here(stage);
    struct partial p = {.author = c->node, .from = c->next, .upto = next};
    uint8_t room[1024];
    struct buf b;

    CHECK_INT(ready_at(&ready, stage), STAGE_READY);
    p.count = (uint16_t)(next - c->next);
    buf_init_fixed(&b, room, sizeof room);
    put_partial_begin(&b, &p);
    for (uint64_t leaf = c->next; leaf < next; leaf++)
        put_leaf(&b, stage, leaf, mix(seed, leaf - base));
    CHECK_INT(ledger_apply(ledger, buf_bytes(&b)), LEDGER_NEW);
    fold_all(base);
    CHECK(pool_report(pool, c->grant, next, c->end, 1, next == c->end, (struct instant){1}) >= 0);
    c->next = next;
    ready_due(&ready, stage);
    ready_go_on(&ready, UINT32_MAX, changed, NULL);
}

/* --- as its author appends --- */

static struct job_id job;

static void apply(enum fact_kind kind, struct buf *body)
{
    struct signed_bytes sealed = {.certificate = bytes_of_text("c"), .body = buf_bytes(body)};
    struct buf fact;

    buf_init(&fact, &heap.alloc, SPEC_SIZE_MAX + 1000);
    put_signed_fact(&fact, kind, &sealed);
    CHECK_INT(ledger_apply(ledger, buf_bytes(&fact)), LEDGER_NEW);
    buf_clear(&fact);
    buf_clear(body);
}

static void append(uint32_t count)
{
    uint32_t upto = told + count < parts_count ? told + count : parts_count;
    struct close_fact c = {.count = parts_count};
    struct buf b;

    buf_init(&b, &heap.alloc, SPEC_SIZE_MAX);
    put_stages_begin(&b, job, (struct node_id){0});
    parts_append(&b, told, upto, "w");
    REQUIRE(ready_reserve(&ready, upto) == 0 && pool_reserve(pool, upto) == 0);
    apply(FACT_STAGES, &b);
    pool_more(pool);
    ready_more(&ready, changed, NULL);
    told = upto;
    if (told < parts_count)
        return;
    buf_init(&b, &heap.alloc, SPEC_SIZE_MAX);
    put_close_body(&b, job, &c);
    apply(FACT_CLOSE, &b);
}

static void one_step(struct prng *p, uint64_t *grants)
{
    uint32_t i = out_count == 0 ? 0 : (uint32_t)prng_below(p, out_count);
    struct node_id node = {{(uint8_t)(1 + prng_below(p, NODES))}};
    struct chunk *c = &out[i];

    if (out_count == 0 || (out_count < OUT_MAX && prng_below(p, 2) == 0)) {
        if (pool_take(pool, node, ++*grants, 1 + prng_below(p, 4), (struct instant){1},
                      &out[out_count]))
            out_count++;
        return;
    }
    if (prng_below(p, 8) == 0) {
        CHECK(pool_return(pool, c->grant) >= 0);
        *c = out[--out_count];
        return;
    }
    report(c, c->next + 1 + prng_below(p, c->end - c->next));
    if (c->next == c->end)
        *c = out[--out_count];
}

static void random_parts(struct prng *p, uint32_t count)
{
    parts_begin();
    for (uint32_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        struct part *s =
            parts_add(1 + prng_below(p, LEAVES_A_STAGE), !last && prng_below(p, 4) == 0);
        uint16_t needs = i == 0 ? 0 : (uint16_t)prng_below(p, 4);
        uint32_t reach = i < 40 ? i : 40; /* some stages are read much later than others */

        for (uint16_t k = 0; k < needs; k++)
            parts_need(
                s,
                (uint32_t)(prng_below(p, 8) == 0 ? prng_below(p, i) : i - 1 - prng_below(p, reach)),
                k);
        if (i > 0 && prng_below(p, 6) == 0)
            parts_need(s, (uint32_t)prng_below(p, i), NEED_ORDER);
    }
}

/* One stage, 8,192 that read it, and what reads those, eight at a time, down to one. */
static void fan_parts(struct prng *p)
{
    uint32_t next = 1;

    parts_begin();
    parts_add(1 + prng_below(p, LEAVES_A_STAGE), false);
    for (uint32_t i = 1; i <= 8192; i++)
        parts_need(parts_add(1 + prng_below(p, 2), false), 0, 0);
    for (uint32_t end = parts_count; end - next > 1; end = parts_count)
        while (next < end) {
            struct part *s = parts_add(1, false);

            for (uint16_t k = 0; k < PART_NEEDS_MAX && next < end; k++)
                parts_need(s, next++, k);
        }
}

static void begin(void)
{
    bool open = parts_count > STAGES_OF_A_SPEC;
    struct job_spec spec = {.name = "t", .open = open};
    struct signed_bytes sealed = {.certificate = bytes_of_text("c")};
    struct buf body, fact;

    told = open ? 1 : parts_count;
    parts_spec_first(&spec, told, "w");
    buf_init(&body, &heap.alloc, SPEC_SIZE_MAX);
    buf_init(&fact, &heap.alloc, SPEC_SIZE_MAX + 1000);
    REQUIRE(put_spec(&body, &spec) == 0);
    job = spec_id(buf_bytes(&body));
    sealed.body = buf_bytes(&body);
    put_signed_fact(&fact, FACT_SPEC, &sealed);
    REQUIRE(ledger_new(&ledger, &heap.alloc, buf_bytes(&fact)) == 0);
    buf_clear(&body);
    buf_clear(&fact);
    REQUIRE(ready_init(&ready, &heap.alloc, &ledger->graph, ledger->cover) == 0);
    REQUIRE(pool_new(&pool, &heap.alloc, ledger->cover) == 0);
    out_count = 0;
    ready_due_all(&ready);
    ready_go_on(&ready, UINT32_MAX, changed, NULL);
}

static void end(void)
{
    pool_free(pool);
    ready_clear(&ready);
    ledger_free(ledger);
    CHECK(heap_is_empty(&heap));
}

/* Lists come when there is nothing left to do, and sometimes before. */
static void work_off(struct prng *p)
{
    uint64_t grants = 0;
    struct value root = {0};
    uint32_t last = parts_count - 1;

    begin();
    for (uint32_t steps = 0; steps < 100 * parts_count; steps++) {
        bool all = ready_all(&ready);

        if (all && told == parts_count)
            break;
        if (told < parts_count && (all || prng_below(p, 100) == 0))
            append(1 + (uint32_t)prng_below(p, STAGES_OF_A_LIST));
        else
            one_step(p, &grants);
    }
    REQUIRE(ready_all(&ready) && ledger_is_whole(ledger));
    CHECK(cover_root(ledger->cover, last, &root) && root.data.len == 8);
    if (root.data.len == 8)
        CHECK(load_u64(root.data.data) == evaluated());
    CHECK_INT(cover_leaves(ledger->cover), parts_leaves());
    end();
}

TEST(random_graphs_come_to_what_they_come_to_stage_by_stage)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct prng p;

        heap_init(&heap);
        prng_init(&p, seed);
        random_parts(&p, STAGES_OF_A_SPEC);
        work_off(&p);
    }
}

TEST(so_do_those_of_up_to_10000_stages_that_are_appended_meanwhile)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct prng p;

        heap_init(&heap);
        prng_init(&p, seed);
        random_parts(&p, seed == 1 ? PARTS_MAX : 1000 + (uint32_t)prng_below(&p, PARTS_MAX - 1000));
        work_off(&p);
    }
}

TEST(so_does_a_stage_that_thousands_read_and_one_that_reads_them_all)
{
    struct prng p;

    heap_init(&heap);
    prng_init(&p, 1);
    fan_parts(&p);
    CHECK(parts_count > 8192 + 1024);
    work_off(&p);
}

TEST_MAIN(random_graphs_come_to_what_they_come_to_stage_by_stage,
          so_do_those_of_up_to_10000_stages_that_are_appended_meanwhile,
          so_does_a_stage_that_thousands_read_and_one_that_reads_them_all)
