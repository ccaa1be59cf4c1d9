/* The memory of a node in the exhaustive search: what its digest sees and what not. */
#include "core/sim/explore_heap.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

struct thing {
    struct thing *next;
    uint64_t value;
};

static struct heap outside;

static struct thing *make(struct explore_heap *h, uint64_t value, struct thing *next)
{
    struct thing *t = alloc_zeroed(&h->alloc, sizeof *t);

    t->value = value;
    t->next = next;
    return t;
}

static bool same(struct explore_heap *a, struct thing *x, int64_t x_now, struct explore_heap *b,
                 struct thing *y, int64_t y_now)
{
    uint64_t left[2], right[2];

    explore_heap_digest(a, x, x_now, left);
    explore_heap_digest(b, y, y_now, right);
    return left[0] == right[0] && left[1] == right[1];
}

static void open_two(struct explore_heap *a, struct explore_heap *b)
{
    heap_init(&outside);
    CHECK(explore_heap_init(a, &outside.alloc) == 0);
    CHECK(explore_heap_init(b, &outside.alloc) == 0);
}

static void close_two(struct explore_heap *a, struct explore_heap *b)
{
    explore_heap_clear(a);
    explore_heap_clear(b);
    CHECK(heap_is_empty(&outside));
}

TEST(test_where_it_lies_and_what_was_freed_do_not_count)
{
    struct explore_heap a, b;
    struct thing *x, *y, *gone;

    open_two(&a, &b);
    x = make(&a, 1, make(&a, 2, make(&a, 3, NULL)));
    gone = make(&b, 77, NULL);
    y = make(&b, 1, NULL);
    alloc_free(&b.alloc, gone, sizeof *gone);
    make(&b, 99, NULL);
    y->next = make(&b, 2, NULL);
    y->next->next = make(&b, 3, NULL);
    CHECK(same(&a, x, 0, &b, y, 0));
    close_two(&a, &b);
}

TEST(test_values_and_shapes_count)
{
    struct explore_heap a, b;
    struct thing *x, *y;

    open_two(&a, &b);
    x = make(&a, 1, make(&a, 2, NULL));
    y = make(&b, 1, make(&b, 3, NULL));
    CHECK(!same(&a, x, 0, &b, y, 0));
    y->next->value = 2;
    CHECK(same(&a, x, 0, &b, y, 0));
    y->next->next = y;
    CHECK(!same(&a, x, 0, &b, y, 0));
    x->next->next = x;
    CHECK(same(&a, x, 0, &b, y, 0));
    x->next->next = x->next;
    CHECK(!same(&a, x, 0, &b, y, 0));
    close_two(&a, &b);
}

TEST(test_instants_count_as_seen_from_the_clock)
{
    struct explore_heap a, b;
    struct thing *x, *y;

    open_two(&a, &b);
    x = make(&a, (uint64_t)EXPLORE_CLOCK + 500, NULL);
    y = make(&b, (uint64_t)EXPLORE_CLOCK + 700, NULL);
    CHECK(same(&a, x, EXPLORE_CLOCK + 100, &b, y, EXPLORE_CLOCK + 300));
    CHECK(!same(&a, x, EXPLORE_CLOCK + 100, &b, y, EXPLORE_CLOCK + 301));
    close_two(&a, &b);
}

TEST(test_a_block_that_grew_keeps_its_bytes_and_a_full_memory_says_so)
{
    struct explore_heap a, b;
    uint8_t *p;

    open_two(&a, &b);
    p = alloc_zeroed(&a.alloc, 10);
    p[9] = 5;
    p = a.alloc.resize(a.alloc.ctx, p, 10, 5000);
    CHECK(p != NULL && p[9] == 5);
    CHECK(!a.full);
    CHECK(alloc_zeroed(&a.alloc, EXPLORE_HEAP_BYTES) == NULL);
    CHECK(a.full);
    close_two(&a, &b);
}

TEST_MAIN(test_where_it_lies_and_what_was_freed_do_not_count, test_values_and_shapes_count,
          test_instants_count_as_seen_from_the_clock,
          test_a_block_that_grew_keeps_its_bytes_and_a_full_memory_says_so)
