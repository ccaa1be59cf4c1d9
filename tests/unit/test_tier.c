/* Tiers of cages: what is missing makes the tier, and is said in words. */
#include "core/wire/tier.h"

#include "tests/lib/check.h"

TEST(test_what_is_missing_makes_the_tier)
{
    CHECK_INT(tier_of(0), TIER_S3);
    CHECK_INT(tier_of(LACKS_CGROUP), TIER_S2);
    CHECK_INT(tier_of(LACKS_NAMESPACES | LACKS_CGROUP), TIER_S2);
    CHECK_INT(tier_of(LACKS_LANDLOCK | LACKS_CGROUP), TIER_S2);
    CHECK_INT(tier_of(LACKS_LANDLOCK | LACKS_NAMESPACES), TIER_S1);
    CHECK_INT(tier_of(LACKS_FILTER), TIER_S0);
    CHECK_INT(tier_of(LACKS_WALLS), TIER_S0);
}

TEST(test_a_tier_is_read_by_its_name_alone)
{
    static const char *const wrong[] = {"", "S0", "s2", "S4", "S22", "2", "-"};
    uint8_t tier = TIER_S1;

    CHECK(tier_read("S3", &tier) && tier == TIER_S3);
    CHECK(tier_read("S1", &tier) && tier == TIER_S1);
    CHECK(tier_read("S2", &tier) && tier == TIER_S2);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!tier_read(wrong[i], &tier) && tier == TIER_S2);
    CHECK_STR(tier_name(TIER_UNKNOWN), "-");
    CHECK_STR(tier_name(200), "-");
}

static void check_said(uint8_t lacks, const char *want)
{
    char text[128] = "";

    tier_say((uint8_t)tier_of(lacks), lacks, text, sizeof text);
    CHECK_STR(text, want);
}

TEST(test_what_keeps_a_cage_from_being_good_is_said)
{
    char text[128] = "no ";

    check_said(LACKS_NAMESPACES | LACKS_CGROUP, "S2");
    check_said(LACKS_LANDLOCK | LACKS_NAMESPACES, "S1 (no Landlock and namespaces)");
    check_said(0xff & ~LACKS_WALLS, "S0 (no seccomp, Landlock, namespaces and cgroup)");
    check_said(LACKS_FILTER, "S0 (no seccomp)");
    tier_say_lacks(LACKS_CGROUP, text, sizeof text);
    CHECK_STR(text, "no cgroup");
    CHECK(tier_lack(LACKS_LANDLOCK, 0) == NULL && tier_lack(0xff, LACKS_COUNT) == NULL);
    CHECK_STR(tier_lack(LACKS_LANDLOCK, 2), "Landlock");
}

TEST_MAIN(test_what_is_missing_makes_the_tier, test_a_tier_is_read_by_its_name_alone,
          test_what_keeps_a_cage_from_being_good_is_said)
