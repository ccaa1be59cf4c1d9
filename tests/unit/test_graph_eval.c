/* Large random graphs, worked off by what a coordinator works with (ledger, readiness, pool) in any
 * order of chunks, reports and returns, against an evaluation stage by stage. As many stages as fit
 * a specification. A leaf reads its inputs from the ledger, so what was dropped too early shows. */
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/ledger_inside.h"
#include "core/job/pool.h"
#include "core/job/ready.h"
#include "core/wire/output.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"
#include "tests/lib/parts.h"

#define STAGES 700u
#define LEAVES_A_STAGE 6u
#define NODES 5u
#define OUT_MAX 12u

static struct heap heap;
static struct ledger *ledger;
static struct ready ready;
static struct pool *pool;
static struct chunk out[OUT_MAX];
static uint32_t out_count;

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
    static struct yield yields[STAGES];

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

static void fold_all(void)
{
    struct value left, right, v;
    uint64_t from = 0;
    uint8_t bytes[8];

    while (cover_pair(ledger->cover, &from, &left, &right)) {
        v.at = tree_parent(left.at);
        store_u64(bytes, mix(load_u64(left.data.data), load_u64(right.data.data)));
        v.data = (struct bytes){bytes, 8};
        CHECK(ledger_put(ledger, &v) >= 0);
        from = 0;
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
    fold_all();
    CHECK(pool_report(pool, c->grant, next, c->end, 1, next == c->end, (struct instant){1}) >= 0);
    c->next = next;
    ready_due(&ready, stage);
    ready_go_on(&ready, UINT32_MAX, changed, NULL);
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

static void random_parts(struct prng *p)
{
    parts_begin();
    for (uint32_t i = 0; i < STAGES; i++) {
        bool last = i + 1 == STAGES;
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

static void begin(void)
{
    struct job_spec spec = {.name = "t"};
    struct signed_bytes sealed = {.certificate = bytes_of_text("c")};
    struct buf body, fact;

    parts_spec(&spec, "w");
    buf_init(&body, &heap.alloc, SPEC_SIZE_MAX);
    buf_init(&fact, &heap.alloc, SPEC_SIZE_MAX + 1000);
    REQUIRE(put_spec(&body, &spec) == 0);
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

TEST(random_graphs_come_to_what_they_come_to_stage_by_stage)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        uint64_t grants = 0;
        struct value root = {0};
        struct prng p;

        heap_init(&heap);
        prng_init(&p, seed);
        random_parts(&p);
        begin();
        for (uint32_t steps = 0; steps < 100 * STAGES && !ready_all(&ready); steps++)
            one_step(&p, &grants);
        CHECK(ready_all(&ready));
        CHECK(cover_root(ledger->cover, STAGES - 1, &root) && root.data.len == 8);
        if (root.data.len == 8)
            CHECK(load_u64(root.data.data) == evaluated());
        CHECK_INT(cover_leaves(ledger->cover), parts_leaves());
        end();
    }
}

TEST_MAIN(random_graphs_come_to_what_they_come_to_stage_by_stage)
