/* Names of jobs that are gone: found, oldest first, a million of them in bounded memory. */
#include <stdio.h>

#include "core/base/sha256.h"
#include "core/node/tombs.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static struct job_id id_of(uint32_t n)
{
    struct digest d = sha256_of(&n, sizeof n);
    struct job_id id;

    memcpy(id.bytes, d.bytes, ID_SIZE);
    return id;
}

static int add(struct tombs *t, uint32_t n)
{
    struct tombstone stone = {.id = id_of(n), .gone_s = n, .state = 1};

    return tombs_add(t, &stone);
}

TEST(what_was_added_is_found_and_the_oldest_goes_first)
{
    struct heap heap;
    struct tombs t;
    uint32_t first = 0, end = 0, seed = 12345;

    heap_init(&heap);
    tombs_init(&t, &heap.alloc, 5000);
    for (uint32_t step = 0; step < 40000; step++) {
        seed = seed * 1103515245 + 12345;
        /* Long runs of either kind, so that blocks come and go and it is empty at times. */
        if (((step / 7000) % 2 == 0) != (seed >> 29 == 0)) {
            REQUIRE(add(&t, end++) == 0);
            first += end - first > 5000;
        } else if (first < end) {
            tombs_drop_oldest(&t);
            first++;
        }
        REQUIRE(tombs_count(&t) == end - first);
        REQUIRE(t.first == first && t.end == end); /* whoever walks over them may rely on that */
        if (first == end)
            continue;
        REQUIRE(tombs_at(&t, 0)->gone_s == first);
        REQUIRE(tombs_at(&t, end - first - 1)->gone_s == end - 1);
        uint32_t some = first + (seed >> 8) % (end - first);
        REQUIRE(tombs_find(&t, id_of(some)) != NULL);
        CHECK_INT(tombs_find(&t, id_of(some))->gone_s, some);
        CHECK(first == 0 || tombs_find(&t, id_of(first - 1)) == NULL);
        CHECK(tombs_find(&t, id_of(end)) == NULL);
    }
    CHECK(end > 20000 && first > 10000);
    tombs_clear(&t);
    CHECK(heap_is_empty(&heap));
}

TEST(one_that_is_there_stays_as_it_is)
{
    struct heap heap;
    struct tombs t;
    struct tombstone again = {.id = id_of(1), .gone_s = 99};

    heap_init(&heap);
    tombs_init(&t, &heap.alloc, 3);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(add(&t, i), 0);
    CHECK_INT(tombs_add(&t, &again), 0);
    CHECK_INT(tombs_count(&t), 3);
    CHECK_INT(tombs_find(&t, id_of(1))->gone_s, 1);
    CHECK_INT(add(&t, 3), 0);
    CHECK_INT(tombs_count(&t), 3);
    CHECK(tombs_find(&t, id_of(0)) == NULL && tombs_find(&t, id_of(3)) != NULL);
    tombs_clear(&t);
    CHECK(heap_is_empty(&heap));
}

TEST(every_failure_of_memory_leaves_it_whole)
{
    struct heap heap;
    struct tombs t;

    for (uint64_t n = 1; n < 40; n++) {
        uint32_t kept = 0;

        heap_init(&heap);
        tombs_init(&t, &heap.alloc, 10000);
        heap.fail_at = n;
        for (uint32_t i = 0; i < 6000; i++)
            kept += add(&t, i) == 0;
        CHECK_INT(tombs_count(&t), kept);
        for (uint32_t i = 0; i < 6000; i++)
            kept -= tombs_find(&t, id_of(i)) != NULL;
        CHECK_INT(kept, 0);
        tombs_clear(&t);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(a_million_take_less_than_60_bytes_each)
{
    struct heap heap;
    struct tombs t;

    heap_init(&heap);
    tombs_init(&t, &heap.alloc, 1000000);
    for (uint32_t i = 0; i < 1000100; i++)
        REQUIRE(add(&t, i) == 0);
    CHECK_INT(tombs_count(&t), 1000000);
    printf("# a million tombstones: %zu bytes\n", heap.live_bytes);
    CHECK(heap.live_bytes < 60000000);
    tombs_clear(&t);
    CHECK(heap_is_empty(&heap));
}

TEST_MAIN(what_was_added_is_found_and_the_oldest_goes_first, one_that_is_there_stays_as_it_is,
          every_failure_of_memory_leaves_it_whole, a_million_take_less_than_60_bytes_each)
