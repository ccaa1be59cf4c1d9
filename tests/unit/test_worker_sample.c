/* Which leaves of what a machine's compiler built are computed by libtcc's code too. */
#include "core/host/worker_sample.h"
#include "tests/lib/check.h"

#define US INT64_C(1000)
#define MS (1000 * US)
#define S (1000 * MS)

struct told {
    uint32_t compared;
    int64_t all_ns, with_ns; /* what it took, and for libtcc's code */
    int64_t seen_ns;         /* until the first comparison behind the first leaf */
};

/* A worker computes leaves of so long for `for_ns`; libtcc's code takes `plain_ns` for one. */
static struct told work(int64_t limit_ns, int64_t leaf_ns, int64_t plain_ns, int64_t for_ns)
{
    struct sample s = {.limit_ns = limit_ns};
    struct told t = {0};
    sample_compared(&s, leaf_ns, plain_ns, true);
    for (uint64_t leaf = 1; t.all_ns < for_ns; leaf++) {
        t.all_ns += leaf_ns;
        if (!sample_is_due(&s, leaf * 64)) {
            sample_computed(&s, leaf_ns);
            continue;
        }
        sample_compared(&s, leaf_ns, plain_ns, false);
        t.seen_ns = t.compared++ ? t.seen_ns : t.all_ns;
        t.all_ns += plain_ns;
        t.with_ns += plain_ns;
    }
    return t;
}

TEST(leaves_of_any_length_are_compared_for_as_long_as_a_worker_works)
{
    const int64_t lengths[] = {US, 100 * US, MS, 20 * MS, 500 * MS, 5 * S};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const struct told t = work(600 * S, lengths[i], 8 * lengths[i], 4000 * lengths[i]);
        CHECK(t.compared >= 4);
        CHECK(t.with_ns <= t.all_ns / SAMPLE_SHARE);
        CHECK(t.seen_ns <= 1000 * lengths[i]);
    }
}

TEST(where_libtccs_code_is_slow_it_is_asked_more_seldom)
{
    const struct told quick = work(600 * S, MS, MS, 60 * S),
                      slow = work(600 * S, MS, 50 * MS, 60 * S);
    CHECK(quick.compared > 100);
    CHECK(slow.compared >= 10 && slow.compared < quick.compared / 4);
    CHECK(slow.with_ns <= slow.all_ns / SAMPLE_SHARE);
}

/* Nobody is killed for a leaf that took too long because it was computed twice. */
TEST(a_leaf_that_comes_near_its_limit_is_computed_once)
{
    CHECK_INT(work(10 * S, S, 5 * S, 2000 * S).compared, 0);
    CHECK(work(10 * S, S, 3 * S, 2000 * S).compared > 0);
    CHECK_INT(work(0, MS, MS, 60 * S).compared, 0);
}

TEST_MAIN(leaves_of_any_length_are_compared_for_as_long_as_a_worker_works,
          where_libtccs_code_is_slow_it_is_asked_more_seldom,
          a_leaf_that_comes_near_its_limit_is_computed_once)
