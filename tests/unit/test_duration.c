#include "cmd/duration.h"

#include "core/base/err.h"
#include "tests/lib/check.h"

static int64_t parsed(const char *text)
{
    int64_t us = -1;
    int rc = duration_parse(text, &us);
    return rc < 0 ? rc : us;
}

TEST(test_units)
{
    CHECK_INT(parsed("500ms"), 500000);
    CHECK_INT(parsed("10s"), 10000000);
    CHECK_INT(parsed("5m"), 300000000);
    CHECK_INT(parsed("5min"), 300000000);
    CHECK_INT(parsed("2h"), 7200000000);
    CHECK_INT(parsed("1d"), 86400000000);
    CHECK_INT(parsed("250us"), 250);
    CHECK_INT(parsed("3"), 3000000);
    CHECK_INT(parsed("0"), 0);
}

TEST(test_fractions_are_exact)
{
    CHECK_INT(parsed("0.1s"), 100000);
    CHECK_INT(parsed("1.5m"), 90000000);
    CHECK_INT(parsed("0.0000001s"), 0);
    CHECK_INT(parsed("2.25h"), 8100000000);
}

TEST(test_nonsense_is_refused)
{
    CHECK_INT(parsed(""), ERR_FORMAT);
    CHECK_INT(parsed("s"), ERR_FORMAT);
    CHECK_INT(parsed("-5s"), ERR_FORMAT);
    CHECK_INT(parsed("+5s"), ERR_FORMAT);
    CHECK_INT(parsed("5 s"), ERR_FORMAT);
    CHECK_INT(parsed("5."), ERR_FORMAT);
    CHECK_INT(parsed(".5"), ERR_FORMAT);
    CHECK_INT(parsed("5.5.5s"), ERR_FORMAT);
    CHECK_INT(parsed("5w"), ERR_FORMAT);
    CHECK_INT(parsed("1e3"), ERR_FORMAT);
}

TEST(test_more_than_a_year_is_refused)
{
    CHECK_INT(parsed("365d"), DURATION_MAX_US);
    CHECK_INT(parsed("366d"), ERR_TOO_LARGE);
    CHECK_INT(parsed("365.5d"), ERR_TOO_LARGE);
    CHECK(parsed("99999999999999999999999999999s") < 0);
    CHECK_INT(parsed("9223372036854775807d"), ERR_FORMAT);
}

static const char *shown(uint64_t us)
{
    static char text[DURATION_TEXT_SIZE];
    duration_short(us, text);
    return text;
}

TEST(test_short)
{
    CHECK_STR(shown(200000), "0.2 s");
    CHECK_STR(shown(41000000), "41 s");
    CHECK_STR(shown(180000000), "3 min");
    CHECK_STR(shown(3 * 3600000000ull), "3 h");
    CHECK_STR(shown(3 * 86400000000ull), "3 d");
}

TEST(test_clock)
{
    char text[DURATION_TEXT_SIZE];
    duration_clock(6000000, text);
    CHECK_STR(text, "0:06");
    duration_clock(3723000000, text);
    CHECK_STR(text, "1:02:03");
    duration_clock(59600000, text);
    CHECK_STR(text, "1:00");
}

TEST(test_iso)
{
    char text[DURATION_TEXT_SIZE];
    duration_iso(0, text);
    CHECK_STR(text, "1970-01-01T00:00:00Z");
    duration_iso(1767225599, text);
    CHECK_STR(text, "2025-12-31T23:59:59Z");
    duration_iso(INT64_MAX, text);
    CHECK_STR(text, "");
}

TEST_MAIN(test_units, test_fractions_are_exact, test_nonsense_is_refused,
          test_more_than_a_year_is_refused, test_short, test_clock, test_iso)
