#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/job/runset.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define LINE 64

static void check_against(const struct runset *s, const bool *line)
{
    uint64_t leaves = 0;
    uint32_t runs = 0;
    for (uint64_t i = 0; i < LINE; i++) {
        CHECK_INT(runset_contains(s, i), line[i]);
        leaves += line[i];
        runs += line[i] && (i == 0 || !line[i - 1]);
    }
    CHECK_INT(s->leaves, leaves);
    CHECK_INT(s->count, runs);
}

static uint64_t line_overlap(const bool *line, uint64_t a, uint64_t b)
{
    uint64_t n = 0;
    for (uint64_t i = a; i < b; i++)
        n += line[i];
    return n;
}

static void check_next(const struct runset *s, const bool *line, uint64_t at)
{
    struct run run;
    uint64_t first = at;
    while (first < LINE && !line[first])
        first++;
    uint64_t end = first;
    while (end < LINE && line[end])
        end++;
    CHECK_INT(runset_next(s, at, &run), first < LINE);
    if (first < LINE)
        CHECK(run.first == first && run.end == end);
}

TEST(test_runset_equals_a_line_of_flags)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct heap heap;
        heap_init(&heap);
        struct prng p;
        prng_init(&p, seed);
        struct runset s;
        runset_init(&s, &heap.alloc, 1000);
        bool line[LINE] = {false};
        for (int step = 0; step < 60; step++) {
            uint64_t a = prng_below(&p, LINE);
            uint64_t b = a + prng_below(&p, LINE - a + 1);
            bool add = prng_one_in(&p, 2);
            CHECK_INT(add ? runset_add(&s, a, b) : runset_remove(&s, a, b), 0);
            for (uint64_t i = a; i < b; i++)
                line[i] = add;
            check_against(&s, line);
            uint64_t c = prng_below(&p, LINE);
            CHECK_INT(runset_overlap(&s, c, LINE), line_overlap(line, c, LINE));
            CHECK_INT(runset_overlap(&s, a, b), line_overlap(line, a, b));
            check_next(&s, line, c);
        }
        runset_clear(&s);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(test_full_or_out_of_memory_changes_nothing)
{
    struct heap heap;
    heap_init(&heap);
    struct runset s;
    runset_init(&s, &heap.alloc, 3);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_INT(runset_add(&s, i * 10, i * 10 + 5), 0);
    CHECK_INT(runset_add(&s, 40, 41), ERR_FULL);
    CHECK_INT(runset_remove(&s, 11, 12), ERR_FULL);
    CHECK(s.leaves == 15 && s.count == 3);
    CHECK_INT(runset_add(&s, 5, 10), 0);
    CHECK_INT(s.count, 2);
    CHECK_INT(runset_remove(&s, 2, 3), 0);
    runset_clear(&s);
    runset_init(&s, &heap.alloc, 3);
    heap.fail_from = 1;
    CHECK_INT(runset_add(&s, 0, 1), ERR_NO_MEMORY);
    CHECK_INT(s.leaves, 0);
    runset_clear(&s);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(test_runset_equals_a_line_of_flags, test_full_or_out_of_memory_changes_nothing)
