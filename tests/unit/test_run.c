#include "core/kernel/run.h"

#include "core/base/prng.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"

/* A value is (first leaf, end leaf, a hash of how it was folded): merging anything but neighbours
 * is seen, and so is another shape of the tree. */
#define SIZE 24

static uint8_t memory[RUN_VALUES_MAX * SIZE];

static uint64_t stir(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15u ^ (b + 0x7f4a7c15u);
    x ^= x >> 29;
    return x * 0xbf58476d1ce4e5b9u;
}

static void put_leaf(uint8_t *to, uint64_t leaf)
{
    store_u64(to, leaf);
    store_u64(to + 8, leaf + 1);
    store_u64(to + 16, stir(leaf, 1));
}

static int merge(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    (void)ctx;
    CHECK_INT(load_u64(left.data + 8), load_u64(right.data));
    uint64_t hash = stir(load_u64(left.data + 16), load_u64(right.data + 16));
    store_u64(out + 8, load_u64(right.data + 8));
    store_u64(out + 16, hash);
    return 0;
}

/* The value of a tree node by the definition. */
static void define(struct tree_node at, uint64_t leaves, uint8_t *to)
{
    if (at.level == 0) {
        put_leaf(to, at.index);
        return;
    }
    define(tree_left(at), leaves, to);
    if (!tree_has(tree_right(at), leaves))
        return;
    uint8_t right[SIZE];
    define(tree_right(at), leaves, right);
    merge(NULL, (struct bytes){to, SIZE}, (struct bytes){right, SIZE}, to);
}

struct kept {
    struct tree_node at;
    uint8_t data[SIZE];
};

static struct kept pool[4096];
static uint32_t pool_count;

static void pool_put(struct value v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pool_count; i++) {
        if (tree_holds(v.at, pool[i].at))
            continue;
        pool[n++] = pool[i];
    }
    pool_count = n;
    pool[pool_count].at = v.at;
    memcpy(pool[pool_count++].data, v.data.data, SIZE);
}

static void take_all(struct run *r)
{
    uint32_t from, count = run_take(r, &from);
    CHECK_INT(from + count, r->count);
    for (uint32_t i = from; i < r->count; i++)
        pool_put(run_value(r, i));
}

static void step(struct run *r)
{
    put_leaf(run_slot(r), r->next);
    REQUIRE(run_push(r, merge, NULL) == 0);
}

/* Merges siblings in the pool until there are none; what the node does with reported values. */
static void fold_pool(uint64_t leaves)
{
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < pool_count && !again; i++)
            for (uint32_t k = 0; k < pool_count && !again; k++) {
                struct tree_node a = pool[i].at, b = pool[k].at;
                if (a.level != b.level || !tree_is_left(a) || b.index != a.index + 1)
                    continue;
                merge(NULL, (struct bytes){pool[i].data, SIZE}, (struct bytes){pool[k].data, SIZE},
                      pool[i].data);
                pool[i].at = tree_canonical(tree_parent(a), leaves);
                pool[k] = pool[--pool_count];
                again = true;
            }
    }
}

TEST(test_one_run_is_the_root)
{
    for (uint64_t leaves = 1; leaves <= 300; leaves++) {
        struct run r;
        uint8_t want[SIZE];
        run_init(&r, 0, leaves, leaves, memory, SIZE);
        while (!run_ended(&r))
            step(&r);
        REQUIRE(r.count == 1);
        CHECK(tree_equal(run_value(&r, 0).at, tree_root(leaves)));
        define(tree_root(leaves), leaves, want);
        CHECK_MEM(run_value(&r, 0).data.data, want, SIZE);
    }
}

TEST(test_five_leaves)
{
    struct run r;
    run_init(&r, 0, 5, 5, memory, SIZE);
    for (int i = 0; i < 4; i++)
        step(&r);
    CHECK_INT(r.count, 1);
    CHECK(tree_equal(run_value(&r, 0).at, (struct tree_node){2, 0}));
    step(&r);
    CHECK_INT(r.count, 1);
    CHECK(tree_equal(run_value(&r, 0).at, (struct tree_node){3, 0}));
    run_init(&r, 4, 5, 5, memory, SIZE);
    step(&r);
    CHECK(tree_equal(run_value(&r, 0).at, (struct tree_node){2, 1}));
}

TEST(test_mid_tree_folds_only_what_is_inside)
{
    struct run r;
    run_init(&r, 3, 9, 16, memory, SIZE);
    while (!run_ended(&r))
        step(&r);
    REQUIRE(r.count == 3);
    CHECK(tree_equal(run_value(&r, 0).at, (struct tree_node){0, 3}));
    CHECK(tree_equal(run_value(&r, 1).at, (struct tree_node){2, 1}));
    CHECK(tree_equal(run_value(&r, 2).at, (struct tree_node){0, 8}));
}

/* Cuts the leaves into runs, computes them in any order with takes at any moment, and merges. */
static void split_and_fold(struct prng *p, uint64_t leaves)
{
    uint64_t borders[66] = {0};
    uint32_t runs = 0;
    while (borders[runs] < leaves && runs < 64) {
        uint64_t left = leaves - borders[runs];
        uint64_t n = runs == 63 ? left : 1 + prng_below(p, left);
        if (prng_one_in(p, 2) && n > 8 && runs < 63)
            n = 1 + prng_below(p, 8);
        borders[runs + 1] = borders[runs] + n;
        runs++;
    }
    uint64_t order[64];
    for (uint32_t i = 0; i < runs; i++)
        order[i] = i;
    for (uint32_t i = runs; i > 1; i--) {
        uint64_t k = prng_below(p, i), t = order[i - 1];
        order[i - 1] = order[k];
        order[k] = t;
    }
    pool_count = 0;
    for (uint32_t i = 0; i < runs; i++) {
        struct run r;
        run_init(&r, borders[order[i]], borders[order[i] + 1], leaves, memory, SIZE);
        while (!run_ended(&r)) {
            step(&r);
            if (prng_one_in(p, 5))
                take_all(&r);
        }
        take_all(&r);
        if (prng_one_in(p, 3))
            fold_pool(leaves);
    }
    fold_pool(leaves);
    uint8_t want[SIZE];
    define(tree_root(leaves), leaves, want);
    REQUIRE(CHECK_INT(pool_count, 1));
    CHECK(tree_equal(pool[0].at, tree_root(leaves)));
    CHECK_MEM(pool[0].data, want, SIZE);
}

TEST(test_any_split_has_the_same_root)
{
    struct prng p;
    prng_init(&p, 1);
    for (uint64_t leaves = 1; leaves <= 200; leaves++)
        for (int k = 0; k < 4; k++)
            split_and_fold(&p, leaves);
    for (int k = 0; k < 200; k++)
        split_and_fold(&p, 200 + prng_below(&p, 3000));
}

TEST(test_take_tells_only_what_is_new)
{
    struct run r;
    uint32_t from;
    run_init(&r, 0, 8, 64, memory, SIZE);
    CHECK_INT(run_take(&r, &from), 0);
    step(&r);
    step(&r);
    step(&r);
    CHECK_INT(run_take(&r, &from), 2); /* (1,0) and (0,2) */
    CHECK_INT(run_take(&r, &from), 0);
    step(&r);
    CHECK_INT(run_take(&r, &from), 1); /* (2,0) replaces both */
    CHECK_INT(from, 0);
    step(&r);
    CHECK_INT(run_take(&r, &from), 1); /* (0,4) beside it */
    CHECK_INT(from, 1);
    CHECK(tree_equal(run_value(&r, from).at, (struct tree_node){0, 4}));
}

TEST(test_trim)
{
    struct run r;
    run_init(&r, 10, 20, 64, memory, SIZE);
    CHECK_INT(run_trim(&r, 30), 20);
    step(&r);
    step(&r);
    CHECK_INT(run_trim(&r, 15), 15);
    CHECK_INT(run_trim(&r, 18), 15);
    CHECK(!run_ended(&r));
    CHECK_INT(run_trim(&r, 0), 12);
    CHECK(run_ended(&r));
    CHECK_INT(r.count, 1);
}

static int refuse(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    (void)left;
    (void)right;
    (void)out;
    return *(int *)ctx;
}

TEST(test_a_merge_that_fails_stops_the_push)
{
    struct run r;
    int code = -23;
    run_init(&r, 0, 8, 8, memory, SIZE);
    put_leaf(run_slot(&r), 0);
    CHECK_INT(run_push(&r, refuse, &code), 0);
    put_leaf(run_slot(&r), 1);
    CHECK_INT(run_push(&r, refuse, &code), -23);
}

/* The largest trees there are, without walking through 2^40 leaves: runs at their edges. */
TEST(test_edges_of_the_largest_tree)
{
    static const uint64_t counts[] = {LEAVES_MAX, LEAVES_MAX - 1, LEAVES_MAX / 2 + 1};
    for (size_t i = 0; i < 3; i++) {
        struct run r;
        run_init(&r, counts[i] - 77, counts[i], counts[i], memory, SIZE);
        while (!run_ended(&r))
            step(&r);
        uint64_t at = counts[i] - 77;
        for (uint32_t k = 0; k < r.count; k++) {
            struct tree_node n = run_value(&r, k).at;
            CHECK(tree_equal(n, tree_largest_at(at, counts[i], counts[i])));
            at = tree_end(n, counts[i]);
        }
        CHECK_INT(at, counts[i]);
    }
}

/* A run whose values are kept elsewhere only counts. */
TEST(test_steps_of_a_collect)
{
    struct run r;
    run_init(&r, 3, 9, 16, NULL, 0);
    run_step(&r);
    run_step(&r);
    CHECK_INT(r.next, 5);
    CHECK_INT(r.count, 0);
    CHECK_INT(run_trim(&r, 2), 5);
    CHECK(run_ended(&r));
}

TEST_MAIN(test_steps_of_a_collect, test_one_run_is_the_root, test_five_leaves,
          test_mid_tree_folds_only_what_is_inside, test_any_split_has_the_same_root,
          test_take_tells_only_what_is_new, test_trim, test_a_merge_that_fails_stops_the_push,
          test_edges_of_the_largest_tree)
