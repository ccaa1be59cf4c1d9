/* Kernel factor against a sieve, and at the ends of its range. */
#include "core/kernel/kernel.h"
#include "core/wire/found.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"

#define SIEVE 70000u

static struct kernel_plan plan;

/* The smallest divisor as the kernel finds it with leaves of so many units; 0: none. */
static uint64_t factor(const char *n, uint64_t leaf_units, uint64_t from_leaf)
{
    const struct velum_kernel *k = kernel_find("factor");
    uint8_t value[16];
    char reason[REASON_SIZE], text[SHOW_SIZE_MAX];
    REQUIRE(kernel_plan(k, 1, &n, 0, NULL, &plan) == 0);
    struct bytes params = {plan.params, plan.params_size}, found = {value, sizeof value};
    for (uint64_t leaf = from_leaf; leaf < tree_leaves(plan.units, leaf_units); leaf++) {
        uint64_t first, count, d;
        kernel_leaf_range(plan.units, leaf_units, leaf, &first, &count);
        REQUIRE(kernel_leaf(k, kernel_host_plain(), params, first, count, value, reason) == 0);
        if (!found_matches(found))
            continue;
        d = load_u64(value + FOUND_HEAD);
        CHECK(found_unit(found) == (d == 2 ? 0 : (d - 1) / 2));
        REQUIRE(kernel_show(k, params, found, text) == 0);
        CHECK_INT(strtoull(text, NULL, 10), d);
        return d;
    }
    return 0;
}

TEST(every_small_number_as_a_sieve_has_it)
{
    static uint32_t least[SIEVE];
    for (uint32_t p = 2; p < SIEVE; p++)
        for (uint32_t i = 2 * p; least[p] == 0 && i < SIEVE; i += p)
            least[i] = least[i] == 0 ? p : least[i];
    for (uint32_t n = 2; n < SIEVE; n++) {
        char text[21];
        snprintf(text, sizeof text, "%u", n);
        CHECK_INT(factor(text, 1 + n % 7, 0), least[n]);
        CHECK_INT(factor(text, plan.leaf_units, 0), least[n]);
    }
}

/* Squares of the largest primes that fit, where the root is the last candidate. */
TEST(the_ends_of_its_range)
{
    CHECK_INT(factor("18446744073709551615", 524288, 0), 3);
    CHECK_INT(plan.units, 2147483648u);
    CHECK(factor("18446744030759878681", 524288, 4090) == 4294967291u); /* its square */
    CHECK_INT(plan.units, 2147483646u);
    CHECK_INT(factor("18446744073709551557", 524288, 4090), 0);
    CHECK_INT(factor("4294967291", 524288, 0), 0);
}

TEST(what_it_refuses)
{
    static const char *const bad[] = {"", "0", "1", "-7", "x", "18446744073709551616", "7 "};
    const struct velum_kernel *k = kernel_find("factor");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(kernel_plan(k, 1, &bad[i], 0, NULL, &plan) < 0);
        CHECK(strstr(plan.reason, "18446744073709551615") != NULL);
    }
    CHECK(kernel_plan(k, 0, NULL, 0, NULL, &plan) < 0);
    CHECK(kernel_plan(k, 2, (const char *[]){"7", "9"}, 0, NULL, &plan) < 0);
}

TEST_MAIN(every_small_number_as_a_sieve_has_it, the_ends_of_its_range, what_it_refuses)
