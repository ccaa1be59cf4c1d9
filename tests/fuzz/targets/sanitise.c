/* What another party wrote, on its way to a terminal: what comes out is clean, and stays as it is
 * when it is cleaned again. The first byte chooses. */
#include "core/base/text.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"

#define ROOM ((size_t)TARGET_INPUT_MAX * 9 + 1)

static char once[ROOM], twice[ROOM];

/* One character by the book (RFC 3629), or UINT32_MAX; goes behind it. */
static uint32_t character(const uint8_t **at)
{
    const uint8_t *p = *at;
    const size_t more = p[0] < 0x80 ? 0 : (p[0] & 0xe0) == 0xc0 ? 1 : (p[0] & 0xf0) == 0xe0 ? 2 : 3;
    uint32_t v = more == 0 ? p[0] : more == 1 ? p[0] & 0x1fu : p[0] & (more == 2 ? 0x0fu : 0x07u);
    if (p[0] >= 0xf8 || (p[0] & 0xc0) == 0x80)
        return UINT32_MAX;
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return UINT32_MAX;
        v = v << 6 | (p[i] & 0x3fu);
    }
    *at += more + 1;
    const bool shortest = more == 0 || (more == 1 && v >= 0x80) || (more == 2 && v >= 0x800) ||
                          (more == 3 && v >= 0x10000);
    return shortest && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff) ? v : UINT32_MAX;
}

static bool is_clean(uint32_t c, bool one_line)
{
    static const uint32_t bad[][2] = {{0x7f, 0x9f},     {0x200b, 0x200f}, {0x2028, 0x202e},
                                      {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xe0000, 0xe007f}};
    if (c < 0x20)
        return !one_line && (c == '\n' || c == '\t');
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (c >= bad[i][0] && c <= bad[i][1])
            return false;
    return c != UINT32_MAX;
}

static void check_clean(const char *text, size_t len, bool one_line)
{
    const uint8_t *at = (const uint8_t *)text;
    CHECK_INT(strlen(text), len);
    while (*at)
        REQUIRE(is_clean(character(&at), one_line));
}

void target_one(struct bytes in)
{
    if (in.len == 0)
        return;
    bool one_line = in.data[0] & 1;
    size_t cap = in.data[0] & 2 ? 1u + in.data[0] % 64 : ROOM;
    size_t len = text_sanitise((const char *)in.data + 1, in.len - 1, one_line, once, cap);
    CHECK(len < cap);
    check_clean(once, len, one_line);
    size_t again = text_sanitise(once, len, one_line, twice, ROOM);
    CHECK(again == len && memcmp(once, twice, len) == 0);
}

bool target_seed(size_t i, struct buf *out)
{
    static const char *const seeds[] = {
        "\0plain",
        "\1two\nlines\tand a tab",
        "\0\x1b[31mred\x1b[0m \x9b cd",
        "\0caf\xc3\xa9 \xc2\x9b \xe2\x80\xa8 \xe2\x80\xae \xf3\xa0\x80\x81 \xf0\x9f\x98\x80",
        "\2\xe2\x80",
        "\3\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf",
        "\1\\u{1b}",
        "\0\xc1\xbf \xe0\x82\x9b \xf0\x80\x80\x9b",
    };
    if (i >= sizeof seeds / sizeof *seeds)
        return false;
    put_u8(out, (uint8_t)seeds[i][0]);
    put_raw(out, seeds[i] + 1, strlen(seeds[i] + 1));
    return true;
}
