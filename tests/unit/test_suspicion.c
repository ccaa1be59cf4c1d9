#include "core/mesh/suspicion.h"

#include "tests/lib/check.h"

static struct node_id id(uint8_t v)
{
    return (struct node_id){{v}};
}

TEST(confirmations_shrink_it_to_the_minimum)
{
    struct suspicion s;
    suspicion_begin(&s, (struct instant){0});
    CHECK(suspicion_accuse(&s, id(1)));
    CHECK(!suspicion_accuse(&s, id(1)));
    int64_t last = suspicion_timeout_us(&s, 16, 14);
    CHECK_INT(last, 18 * S_US);
    for (uint8_t k = 2; k <= 4; k++) {
        CHECK(suspicion_accuse(&s, id(k)));
        int64_t next = suspicion_timeout_us(&s, 16, 14);
        CHECK(next < last);
        last = next;
    }
    CHECK_INT(last, 3 * S_US);
    CHECK(!suspicion_accuse(&s, id(5)));
}

TEST(nobody_waits_for_confirmations_that_cannot_come)
{
    struct suspicion s;
    suspicion_begin(&s, (struct instant){0});
    suspicion_accuse(&s, id(1));
    CHECK_INT(suspicion_timeout_us(&s, 2, 0), 3 * S_US);
    CHECK_INT(suspicion_timeout_us(&s, 3, 1), 18 * S_US);
    suspicion_accuse(&s, id(2));
    CHECK_INT(suspicion_timeout_us(&s, 3, 1), 3 * S_US);
}

TEST(each_doubling_adds_a_second)
{
    struct suspicion s;
    suspicion_begin(&s, (struct instant){0});
    CHECK_INT(suspicion_timeout_us(&s, 1, 0), 3 * S_US);
    CHECK_INT(suspicion_timeout_us(&s, 16, 0), 3 * S_US);
    CHECK_INT(suspicion_timeout_us(&s, 32, 0), 4 * S_US);
    CHECK_INT(suspicion_timeout_us(&s, 64, 0), 5 * S_US);
    CHECK_INT(suspicion_timeout_us(&s, 16384, 0), 13 * S_US);
    CHECK(suspicion_timeout_us(&s, UINT32_MAX, 0) <= 14 * S_US);
}

TEST(health_is_bounded_on_both_sides)
{
    struct health h = {0};
    health_better(&h);
    CHECK_INT(health_stretch_us(&h, 100), 100);
    for (int i = 0; i < 20; i++)
        health_worse(&h);
    CHECK_INT(health_stretch_us(&h, 100), 900);
    health_better(&h);
    CHECK_INT(health_stretch_us(&h, 100), 800);
}

TEST_MAIN(confirmations_shrink_it_to_the_minimum, nobody_waits_for_confirmations_that_cannot_come,
          each_doubling_adds_a_second, health_is_bounded_on_both_sides)
