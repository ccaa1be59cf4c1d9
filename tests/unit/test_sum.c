/* Kernel sum against addition by hand, digit by digit; and at the ends of its range. */
#include "core/base/prng.h"
#include "core/kernel/kernel.h"
#include "core/kernel/run.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"

static struct kernel_plan plan;

static struct bytes params(void)
{
    return (struct bytes){plan.params, plan.params_size};
}

static int merge_here(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    return kernel_merge(ctx, params(), left, right, out);
}

/* Leaves of another size than planned, so that small sums have some to merge. */
static void whole(const struct velum_kernel *k, uint64_t leaf_units, char text[SHOW_SIZE_MAX])
{
    static uint8_t values[RUN_VALUES_MAX * 16];
    uint64_t leaves = tree_leaves(plan.units, leaf_units);
    struct run r;
    run_init(&r, 0, leaves, leaves, values, 16);
    while (!run_ended(&r)) {
        uint64_t first, count;
        char reason[REASON_SIZE];
        kernel_leaf_range(plan.units, leaf_units, r.next, &first, &count);
        REQUIRE(kernel_leaf(k, kernel_host_plain(), params(), first, count, run_slot(&r), reason) ==
                0);
        REQUIRE(run_push(&r, merge_here, (void *)(uintptr_t)k) == 0);
    }
    REQUIRE(kernel_show(k, params(), run_value(&r, 0).data, text) == 0);
}

/* Backwards, one digit each. */
struct decimal {
    uint8_t digits[40];
};

static void decimal_add(struct decimal *d, uint64_t v)
{
    unsigned carry = 0;
    for (int i = 0; i < 40; i++, v /= 10) {
        unsigned sum = d->digits[i] + (unsigned)(v % 10) + carry;
        d->digits[i] = (uint8_t)(sum % 10);
        carry = sum / 10;
    }
}

static void decimal_text(const struct decimal *d, char text[41])
{
    int n = 40;
    while (n > 1 && d->digits[n - 1] == 0)
        n--;
    for (int i = 0; i < n; i++)
        text[i] = (char)('0' + d->digits[n - 1 - i]);
    text[n] = '\0';
}

TEST(test_sums_are_those_by_hand)
{
    const struct velum_kernel *k = kernel_find("sum");
    struct prng p;
    prng_init(&p, 3);
    for (int round = 0; round < 300; round++) {
        uint64_t count = 1 + prng_below(&p, 500);
        uint64_t first = 1 + (prng_u64(&p) >> (5 + prng_below(&p, 59))) % 500000000000000000u;
        uint64_t step = 1 + (prng_u64(&p) >> (16 + prng_below(&p, 48))) % 900000000000000u;
        uint64_t last = first + (count - 1) * step + prng_below(&p, step);
        char words[3][32], text[SHOW_SIZE_MAX], want[41];
        struct decimal sum = {{0}};
        const char *argv[] = {words[0], words[1], words[2]};
        snprintf(words[0], sizeof words[0], "%llu", (unsigned long long)first);
        snprintf(words[1], sizeof words[1], "%llu", (unsigned long long)step);
        snprintf(words[2], sizeof words[2], "%llu", (unsigned long long)last);
        for (uint64_t i = 0; i < count; i++)
            decimal_add(&sum, first + i * step);
        decimal_text(&sum, want);
        REQUIRE(kernel_plan(k, 3, argv, 0, NULL, &plan) == 0);
        CHECK_INT(plan.units, count);
        whole(k, 1 + prng_below(&p, 60), text);
        CHECK_STR(text, want);
    }
}

/* The last 2^20 numbers there are: 10^18 (10^18 + 1) / 2 less what is below them. */
TEST(test_a_leaf_at_the_end_of_the_range)
{
    const struct velum_kernel *k = kernel_find("sum");
    const char *last = "1000000000000000000";
    uint8_t value[16];
    char text[SHOW_SIZE_MAX], reason[REASON_SIZE];
    REQUIRE(kernel_plan(k, 1, &last, 0, NULL, &plan) == 0);
    CHECK_INT(plan.units, 1000000000000000000);
    REQUIRE(tree_leaves(plan.units, plan.leaf_units) <= LEAVES_MAX);
    REQUIRE(kernel_leaf(k, kernel_host_plain(), params(), plan.units - 1048576, 1048576, value,
                        reason) == 0);
    REQUIRE(kernel_show(k, params(), (struct bytes){value, sizeof value}, text) == 0);
    CHECK_STR(text, "1048575999999450244710400");
}

TEST(test_the_largest_sum_has_room)
{
    const struct velum_kernel *k = kernel_find("sum");
    struct {
        const char *what;
        uint64_t low, high;
    } const cases[] = {
        {"0", 0, 0},
        {"18446744073709551615", UINT64_MAX, 0},
        {"18446744073709551616", 0, 1},
        {"500000000000000000500000000000000000", 16183169460410122240u, 27105054312137610u},
        {"340282366920938463463374607431768211455", UINT64_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t value[16];
        char text[SHOW_SIZE_MAX];
        store_u64(value, cases[i].low);
        store_u64(value + 8, cases[i].high);
        REQUIRE(kernel_show(k, params(), (struct bytes){value, sizeof value}, text) == 0);
        CHECK_STR(text, cases[i].what);
    }
}

/* One beyond each bound; what is said names it. */
TEST(test_what_is_no_sum)
{
    static const char *const wrong[][4] = {
        {"0"},
        {"5", "4"},
        {"0", "4"},
        {"1", "0", "4"},
        {"-1"},
        {"1.5"},
        {"1000000000000000001"},
        {"1", "1000000000000000001", "5"},
        {"1", "x"},
        {"1", "1", ""},
    };
    const struct velum_kernel *k = kernel_find("sum");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int argc = 0;
        while (wrong[i][argc])
            argc++;
        CHECK(kernel_plan(k, argc, wrong[i], 0, NULL, &plan) < 0);
        CHECK(strstr(plan.reason, "FIRST"));
    }
    CHECK(kernel_plan(k, 0, wrong[0], 0, NULL, &plan) < 0);
    CHECK(kernel_plan(k, 4, (const char *[]){"1", "1", "1", "1"}, 0, NULL, &plan) < 0);
}

TEST_MAIN(test_sums_are_those_by_hand, test_a_leaf_at_the_end_of_the_range,
          test_the_largest_sum_has_room, test_what_is_no_sum)
