/* Whom a task of a session may stand for. */
#include "core/api/session_kinds.h"

#include "core/base/text.h"
#include "tests/lib/check.h"

static struct plan plan_of(const char *kernel, uint8_t source, uint64_t leaf_us)
{
    struct plan p = {.source = {{source}},
                     .units = 1,
                     .leaf_units = 1,
                     .accumulator_size = 8,
                     .leaf_us = leaf_us};
    text_copy(p.kernel, sizeof p.kernel, kernel);
    return p;
}

TEST(only_what_differs_in_units_and_parameters_stands_for_another)
{
    struct kinds kinds = {0};
    struct plan p = plan_of("sum", 1, 500), other;
    kinds_remember(&kinds, 7, &p, false);
    other = p;
    other.units = 9;
    REQUIRE(kinds_find(&kinds, &other, false) != NULL);
    CHECK_INT(kinds_find(&kinds, &other, false)->number, 7);
    other = plan_of("pi", 1, 500);
    CHECK(kinds_find(&kinds, &other, false) == NULL);
    other = plan_of("sum", 2, 500);
    CHECK(kinds_find(&kinds, &other, false) == NULL);
    other = plan_of("sum", 1, 0);
    CHECK(kinds_find(&kinds, &other, false) == NULL);
    other = p;
    other.accumulator_size = 16;
    CHECK(kinds_find(&kinds, &other, false) == NULL);
    CHECK(kinds_find(&kinds, &p, true) == NULL);
}

TEST(the_last_few_are_remembered)
{
    struct kinds kinds = {0};
    struct plan p;
    for (uint32_t i = 0; i < KINDS_MAX + 1; i++) {
        p = plan_of("sum", (uint8_t)i, 0);
        kinds_remember(&kinds, i, &p, false);
    }
    p = plan_of("sum", 0, 0);
    CHECK(kinds_find(&kinds, &p, false) == NULL);
    for (uint32_t i = 1; i < KINDS_MAX + 1; i++) {
        p = plan_of("sum", (uint8_t)i, 0);
        REQUIRE(kinds_find(&kinds, &p, false) != NULL);
        CHECK_INT(kinds_find(&kinds, &p, false)->number, i);
    }
}

TEST_MAIN(only_what_differs_in_units_and_parameters_stands_for_another, the_last_few_are_remembered)
