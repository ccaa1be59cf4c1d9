#include "core/host/leaf_trial.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/kernel/kernel.h"
#include "tests/lib/check.h"

static int64_t unit_ns; /* so long takes each */
static uint64_t fails_from, hangs_from, slow_from, computed;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const int64_t slow = call->count >= slow_from ? 20 : 1;
    const int64_t until = now_ns() + slow * unit_ns * (int64_t)call->count;
    (void)host;
    (void)accumulator;
    computed += call->count;
    if (call->count >= fails_from)
        return -1;
    while (call->count >= hangs_from)
        usleep(100000);
    while (now_ns() < until)
        ;
    return 0;
}

static const struct velum_field fields[] = {{.name = "sum", .type = VELUM_U64, .count = 1}};
static const struct velum_kernel kernel = {
    .name = "spins", .accumulator_size = 8, .fields = fields, .fields_count = 1, .leaf = leaf};

static uint64_t tried(int64_t ns, uint64_t units)
{
    unit_ns = ns;
    computed = 0;
    return leaf_trial(&kernel, (struct bytes){NULL, 0}, units);
}

static void begin(void)
{
    fails_from = hangs_from = slow_from = UINT64_MAX;
}

/* A power of two is the nearest to a millisecond where it takes 0.71 to 1.41 of it. */
TEST(test_a_leaf_takes_about_a_millisecond)
{
    uint64_t size;
    begin();
    size = tried(1000, 1 << 20);
    CHECK(size == 1024 || size == 512); /* something else may have had the processor */
    size = tried(300000, 1000);
    CHECK(size == 4 || size == 2);
    CHECK_INT(tried(5000000, 1000), 1);
    CHECK_INT(computed, 2); /* once more, to be sure, and no more of them */
}

/* Its memory does not fit the cache any more, say: then the size before is nearer. */
TEST(test_a_leaf_that_is_much_slower_when_larger_stays_smaller)
{
    uint64_t size;
    begin();
    slow_from = 1024;
    size = tried(1000, 1 << 20);
    CHECK(size == 512 || size == 256);
}

TEST(test_all_units_are_one_leaf_where_they_are_few)
{
    begin();
    CHECK_INT(tried(100, 100), 128);
    CHECK_INT(tried(100, 1), 1);
}

TEST(test_there_are_no_more_leaves_than_a_job_may_have)
{
    begin();
    CHECK_INT(tried(1000, (uint64_t)1 << 50), 1024);
}

TEST(test_a_leaf_that_fails_is_left_to_the_job)
{
    begin();
    fails_from = 1;
    CHECK_INT(tried(1000, 1 << 20), 1);
    fails_from = 64;
    CHECK_INT(tried(1000, 1 << 20), 32);
}

static void on_alarm(int number)
{
    (void)number;
    leaf_trial_late();
}

/* And the next trial is one like any other. */
TEST(test_a_leaf_that_never_ends_is_left_to_the_job)
{
    begin();
    signal(SIGALRM, on_alarm);
    hangs_from = 16;
    CHECK_INT(tried(1000, 1 << 20), 8);
    begin();
    CHECK_INT(tried(100, 100), 128);
    leaf_trial_late(); /* of one that has ended nothing comes */
}

TEST_MAIN(test_a_leaf_takes_about_a_millisecond,
          test_a_leaf_that_is_much_slower_when_larger_stays_smaller,
          test_all_units_are_one_leaf_where_they_are_few,
          test_there_are_no_more_leaves_than_a_job_may_have,
          test_a_leaf_that_fails_is_left_to_the_job, test_a_leaf_that_never_ends_is_left_to_the_job)
