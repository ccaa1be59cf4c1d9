#include "core/base/err.h"
#include "core/base/map.h"
#include "core/base/prng.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define KEYS 300

static char values[KEYS];

/* Against a plain array, with keys few enough that runs collide and wrap. */
static void random_calls(size_t key_size, uint64_t seed)
{
    struct heap heap;
    heap_init(&heap);
    struct map m;
    void *model[KEYS] = {0};
    size_t count = 0;
    struct prng p;
    prng_init(&p, seed);
    map_init(&m, &heap.alloc, key_size, KEYS);
    for (int step = 0; step < 4000; step++) {
        uint8_t key[32] = {0};
        size_t k = prng_below(&p, key_size == 1 ? 200 : KEYS);
        key[0] = (uint8_t)k;
        if (key_size > 1)
            key[key_size - 1] = (uint8_t)(k >> 8);
        if (prng_one_in(&p, 2)) {
            void *value = &values[prng_below(&p, KEYS)];
            CHECK_INT(map_put(&m, key, value), 0);
            count += model[k] ? 0 : 1;
            model[k] = value;
        } else {
            CHECK(map_remove(&m, key) == model[k]);
            count -= model[k] ? 1 : 0;
            model[k] = NULL;
        }
        CHECK(map_get(&m, key) == model[k]);
        CHECK_INT(m.count, count);
    }
    for (size_t k = 0; k < KEYS; k++) {
        uint8_t key[32] = {0};
        key[0] = (uint8_t)k;
        if (key_size > 1)
            key[key_size - 1] = (uint8_t)(k >> 8);
        if (key_size > 1 || k < 200)
            CHECK(map_get(&m, key) == model[k]);
    }
    size_t walked = 0;
    for (size_t at = 0; map_next(&m, &at);)
        walked++;
    CHECK_INT(walked, count);
    map_clear(&m);
    CHECK(heap_is_empty(&heap));
}

TEST(test_agrees_with_an_array)
{
    static const size_t key_sizes[] = {1, 2, 4, 8, 13, 32};
    for (size_t i = 0; i < sizeof key_sizes / sizeof *key_sizes; i++)
        for (uint64_t seed = 0; seed < 5; seed++)
            random_calls(key_sizes[i], seed);
}

TEST(test_empty_map)
{
    struct heap heap;
    heap_init(&heap);
    struct map m;
    map_init(&m, &heap.alloc, 4, 10);
    size_t at = 0;
    CHECK(!map_get(&m, "abcd") && !map_remove(&m, "abcd") && !map_next(&m, &at));
    CHECK_INT(heap.calls, 0);
    map_clear(&m);
}

TEST(test_full_refuses_new_keys_but_replaces)
{
    struct heap heap;
    heap_init(&heap);
    struct map m;
    map_init(&m, &heap.alloc, 1, 2);
    CHECK_INT(map_put(&m, "a", &values[0]), 0);
    CHECK_INT(map_put(&m, "b", &values[1]), 0);
    CHECK_INT(map_put(&m, "c", &values[2]), ERR_FULL);
    CHECK_INT(map_put(&m, "a", &values[3]), 0);
    CHECK(map_get(&m, "a") == &values[3] && !map_get(&m, "c"));
    CHECK(map_remove(&m, "b") == &values[1]);
    CHECK_INT(map_put(&m, "c", &values[2]), 0);
    map_clear(&m);
    CHECK(heap_is_empty(&heap));
}

TEST(test_memory_failure_leaves_the_map_as_it_was)
{
    for (uint64_t n = 1;; n++) {
        struct heap heap;
        heap_init(&heap);
        heap.fail_at = n;
        struct map m;
        map_init(&m, &heap.alloc, 1, 200);
        for (unsigned k = 0; k < 100; k++) {
            uint8_t key = (uint8_t)k;
            int rc = map_put(&m, &key, &values[k]);
            CHECK(rc == 0 || rc == ERR_NO_MEMORY);
            if (rc < 0)
                CHECK_INT(map_put(&m, &key, &values[k]), 0);
        }
        for (unsigned k = 0; k < 100; k++) {
            uint8_t key = (uint8_t)k;
            CHECK(map_get(&m, &key) == &values[k]);
        }
        map_clear(&m);
        CHECK(heap_is_empty(&heap));
        if (!heap.failures)
            break;
    }
}

/* The same calls walk in the same order, wherever the memory lies. */
TEST(test_walk_repeats)
{
    void *order[2][50] = {{0}};
    for (size_t run = 0; run < 2; run++) {
        struct heap heap;
        heap_init(&heap);
        struct map m;
        map_init(&m, &heap.alloc, 8, 100);
        for (uint64_t k = 0; k < 50; k++)
            CHECK_INT(map_put(&m, &k, &values[k]), 0);
        size_t at = 0;
        for (size_t i = 0; i < 50; i++)
            order[run][i] = map_next(&m, &at);
        CHECK(!map_next(&m, &at));
        map_clear(&m);
    }
    CHECK_MEM(order[0], order[1], sizeof order[0]);
}

TEST_MAIN(test_agrees_with_an_array, test_empty_map, test_full_refuses_new_keys_but_replaces,
          test_memory_failure_leaves_the_map_as_it_was, test_walk_repeats)
