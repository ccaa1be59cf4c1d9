#include "core/base/err.h"
#include "core/base/text.h"

#include <time.h>

#include "tests/lib/check.h"

TEST(test_numbers)
{
    uint64_t v = 99;
    CHECK_INT(text_to_u64("0", 10, &v), 0);
    CHECK_INT(v, 0);
    CHECK_INT(text_to_u64("00012", 12, &v), 0);
    CHECK_INT(v, 12);
    CHECK_INT(text_to_u64("13", 12, &v), ERR_TOO_LARGE);
    CHECK_INT(v, 12);
    CHECK_INT(text_to_u64("18446744073709551615", UINT64_MAX, &v), 0);
    CHECK(v == UINT64_MAX);
    CHECK_INT(text_to_u64("18446744073709551616", UINT64_MAX, &v), ERR_TOO_LARGE);
    CHECK_INT(text_to_u64("99999999999999999999999999", UINT64_MAX, &v), ERR_TOO_LARGE);
    CHECK_INT(text_to_u64("99999999999999999999999999x", UINT64_MAX, &v), ERR_FORMAT);
    static const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "1e3", "0x1", "1.0", "a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_INT(text_to_u64(wrong[i], UINT64_MAX, &v), ERR_FORMAT);
}

TEST(test_decimal)
{
    char to[21];
    CHECK_INT(text_of_u64(0, to), 1);
    CHECK_STR(to, "0");
    CHECK_INT(text_of_u64(1234567890, to), 10);
    CHECK_STR(to, "1234567890");
    CHECK_INT(text_of_u64(UINT64_MAX, to), 20);
    CHECK_STR(to, "18446744073709551615");
}

TEST(test_copy_and_append_cut)
{
    char to[6];
    CHECK(text_copy(to, sizeof to, "hello"));
    CHECK_STR(to, "hello");
    CHECK(!text_copy(to, sizeof to, "hello!"));
    CHECK_STR(to, "hello");
    CHECK(text_copy(to, sizeof to, "ab"));
    CHECK(text_append(to, sizeof to, "cd"));
    CHECK(!text_append(to, sizeof to, "ef"));
    CHECK_STR(to, "abcde");
    CHECK(text_append(to, sizeof to, ""));
    CHECK(!text_copy(to, 1, "x"));
    CHECK_STR(to, "");
}

TEST(test_names)
{
    char longest[65];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    CHECK(!text_is_name(longest));
    longest[63] = '\0';
    CHECK(text_is_name(longest));
    CHECK(text_is_name("a") && text_is_name("0-9-") && text_is_name("node-8001"));
    CHECK(!text_is_name("") && !text_is_name("-a") && !text_is_name("A") && !text_is_name("a_b"));
    CHECK(!text_is_name("a.b") && !text_is_name("a b") && !text_is_name("\xc3\xa9"));
}

TEST(test_distance)
{
    CHECK_INT(text_distance("", ""), 0);
    CHECK_INT(text_distance("pi", "pi"), 0);
    CHECK_INT(text_distance("", "pi"), 2);
    CHECK_INT(text_distance("pi", ""), 2);
    CHECK_INT(text_distance("kitten", "sitting"), 3);
    CHECK_INT(text_distance("ps", "sp"), 1);
    CHECK_INT(text_distance("nodes", "ndoes"), 1);
    CHECK_INT(text_distance("ca", "abc"), 3); /* optimal string alignment, not the full distance */
    char a[101];
    memset(a, 'a', 100);
    a[100] = '\0';
    CHECK_INT(text_distance(a, ""), 63);
    CHECK_INT(text_distance(a, a), 0);
}

static const char *sane(const char *from, size_t len, bool one_line)
{
    static char to[256];
    size_t n = text_sanitise(from, len, one_line, to, sizeof to);
    CHECK_INT(n, strlen(to));
    return to;
}

#define SANE(text) sane(text, sizeof(text) - 1, true)

TEST(test_sanitise_lets_good_text_pass)
{
    CHECK_STR(SANE("plain text, 100 %"), "plain text, 100 %");
    CHECK_STR(SANE("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
              "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    CHECK_STR(sane("a\tb\n", 4, false), "a\tb\n");
    CHECK_STR(SANE(""), "");
}

TEST(test_sanitise_escapes_what_moves_the_cursor_or_hides)
{
    CHECK_STR(SANE("a\tb\n"), "a\\u{9}b\\u{a}");
    CHECK_STR(SANE("\x1b[31m"), "\\u{1b}[31m");
    CHECK_STR(SANE("a\0b\r\x7f"), "a\\u{0}b\\u{d}\\u{7f}");
    CHECK_STR(SANE("\xc2\x9b"), "\\u{9b}");       /* C1 */
    CHECK_STR(SANE("\xe2\x80\xae"), "\\u{202e}"); /* right-to-left override */
    CHECK_STR(SANE("\xe2\x81\xa6"), "\\u{2066}"); /* isolate */
    CHECK_STR(SANE("\xe2\x80\x8b"), "\\u{200b}"); /* zero width */
    CHECK_STR(SANE("\xef\xbb\xbf"), "\\u{feff}"); /* byte order mark */
    CHECK_STR(SANE("\xe2\x80\xa8\xe2\x80\xa9"), "\\u{2028}\\u{2029}");
    CHECK_STR(SANE("\xf3\xa0\x81\x81"), "\\u{e0041}"); /* tag */
    CHECK_STR(sane("\x1b\n", 2, false), "\\u{1b}\n");
}

TEST(test_sanitise_escapes_invalid_utf8_byte_by_byte)
{
    CHECK_STR(SANE("\xff"
                   "a"),
              "\\u{ff}a");
    CHECK_STR(SANE("\xc0\x80"), "\\u{c0}\\u{80}");                       /* overlong */
    CHECK_STR(SANE("\xe0\x80\x80"), "\\u{e0}\\u{80}\\u{80}");            /* overlong */
    CHECK_STR(SANE("\xed\xa0\x80"), "\\u{ed}\\u{a0}\\u{80}");            /* surrogate */
    CHECK_STR(SANE("\xf4\x90\x80\x80"), "\\u{f4}\\u{90}\\u{80}\\u{80}"); /* beyond the last */
    CHECK_STR(SANE("\xe2\x82"), "\\u{e2}\\u{82}");                       /* cut short */
    CHECK_STR(SANE("\xc3("), "\\u{c3}(");
}

TEST(test_sanitise_never_cuts_inside_an_escape_or_a_character)
{
    static const char from[] = "ab\x1b\xe2\x82\xac\xf3\xa0\x81\x81";
    static const size_t borders[] = {0, 1, 2, 8, 11, 20};
    for (size_t cap = 1; cap <= 24; cap++) {
        char to[24];
        memset(to, 'z', sizeof to);
        size_t n = text_sanitise(from, sizeof from - 1, true, to, cap);
        CHECK(n < cap && to[n] == '\0');
        bool at_border = false;
        for (size_t i = 0; i < 6; i++)
            at_border = at_border || borders[i] == n;
        CHECK(at_border);
        CHECK(cap == sizeof to || to[cap] == 'z');
    }
}

/* Every day of four centuries and some, against the calendar of the C library. */
TEST(test_dates)
{
    char got[TEXT_DATE_SIZE], want[64];
    for (time_t s = 0; s < (time_t)86400 * 366 * 450; s += 86400 + 61) {
        struct tm tm;
        gmtime_r(&s, &tm);
        strftime(want, sizeof want, "%Y-%m-%d %H:%M UTC", &tm);
        text_of_date((uint64_t)s, got);
        CHECK_STR(got, want);
    }
}

TEST(sizes_have_units_of_1024)
{
    uint64_t v = 7;
    CHECK_INT(text_to_bytes("0", 10, &v), 0);
    CHECK_INT(v, 0);
    CHECK_INT(text_to_bytes("1000", UINT64_MAX, &v), 0);
    CHECK_INT(v, 1000);
    CHECK_INT(text_to_bytes("2K", 2048, &v), 0);
    CHECK_INT(v, 2048);
    CHECK_INT(text_to_bytes("2K", 2047, &v), ERR_TOO_LARGE);
    CHECK_INT(text_to_bytes("3M", UINT64_MAX, &v), 0);
    CHECK_INT(v, 3 << 20);
    CHECK_INT(text_to_bytes("16777215T", UINT64_MAX, &v), 0);
    CHECK(v == (uint64_t)16777215 << 40);
    CHECK_INT(text_to_bytes("16777216T", UINT64_MAX, &v), ERR_TOO_LARGE);
    CHECK_INT(text_to_bytes("99999999999999999999999999G", UINT64_MAX, &v), ERR_TOO_LARGE);
    static const char *const bad[] = {"", "G", "1g", "1GB", "1.5G", "-1", " 1", "1 G", "GG"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_INT(text_to_bytes(bad[i], UINT64_MAX, &v), ERR_FORMAT);
    CHECK(v == (uint64_t)16777215 << 40);
}

TEST_MAIN(sizes_have_units_of_1024, test_dates, test_numbers, test_decimal,
          test_copy_and_append_cut, test_names, test_distance, test_sanitise_lets_good_text_pass,
          test_sanitise_escapes_what_moves_the_cursor_or_hides,
          test_sanitise_escapes_invalid_utf8_byte_by_byte,
          test_sanitise_never_cuts_inside_an_escape_or_a_character)
