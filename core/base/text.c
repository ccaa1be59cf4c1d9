#include "core/base/text.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

#define NAME_MAX_LEN 63

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int text_to_u64(const char *text, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;
    bool too_large = false;
    if (!*text)
        return ERR_FORMAT;
    for (; *text; text++) {
        if (!is_digit(*text))
            return ERR_FORMAT;
        uint64_t digit = (uint64_t)(*text - '0');
        if (v > (UINT64_MAX - digit) / 10)
            too_large = true;
        else
            v = v * 10 + digit;
    }
    if (too_large || v > max)
        return ERR_TOO_LARGE;
    *value = v;
    return 0;
}

int text_to_bytes(const char *text, uint64_t max, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    char digits[24];
    size_t len = strlen(text);
    const char *unit = len > 0 ? strchr(units, text[len - 1]) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    uint64_t number;
    len -= unit != NULL;
    if (len >= sizeof digits)
        return ERR_TOO_LARGE;
    memcpy(digits, text, len);
    digits[len] = '\0';
    int rc = text_to_u64(digits, max >> shift, &number);
    if (rc == 0)
        *bytes = number << shift;
    return rc;
}

bool text_copy(char *to, size_t cap, const char *from)
{
    ensure(cap > 0);
    to[0] = '\0';
    return text_append(to, cap, from);
}

bool text_append(char *to, size_t cap, const char *from)
{
    size_t have = strlen(to);
    size_t more = strlen(from);
    ensure(have < cap);
    bool fits = more <= cap - 1 - have;
    size_t n = fits ? more : cap - 1 - have;
    memcpy(to + have, from, n);
    to[have + n] = '\0';
    return fits;
}

size_t text_of_u64(uint64_t v, char *to)
{
    char reversed[20];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    for (size_t i = 0; i < n; i++)
        to[i] = reversed[n - 1 - i];
    to[n] = '\0';
    return n;
}

static void append_padded(char *to, uint64_t v, size_t width)
{
    char digits[24];
    for (size_t len = text_of_u64(v, digits); len < width; len++)
        text_append(to, TEXT_DATE_SIZE, "0");
    text_append(to, TEXT_DATE_SIZE, digits);
}

/* Years begin in March here, so that the leap day is the last of its year; 146,097 days are 400
 * years. */
void text_of_date(uint64_t unix_s, char to[TEXT_DATE_SIZE])
{
    uint64_t days = unix_s / 86400 + 719468, day = days % 146097;
    uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t of_year = day - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153;
    to[0] = '\0';
    append_padded(to, days / 146097 * 400 + year + (month >= 10), 4);
    text_append(to, TEXT_DATE_SIZE, "-");
    append_padded(to, month < 10 ? month + 3 : month - 9, 2);
    text_append(to, TEXT_DATE_SIZE, "-");
    append_padded(to, of_year - (153 * month + 2) / 5 + 1, 2);
    text_append(to, TEXT_DATE_SIZE, " ");
    append_padded(to, unix_s / 3600 % 24, 2);
    text_append(to, TEXT_DATE_SIZE, ":");
    append_padded(to, unix_s / 60 % 60, 2);
    text_append(to, TEXT_DATE_SIZE, " UTC");
}

bool text_is_name(const char *text)
{
    size_t n = 0;
    for (; text[n]; n++) {
        char c = text[n];
        bool allowed = is_digit(c) || (c >= 'a' && c <= 'z') || (c == '-' && n > 0);
        if (!allowed || n == NAME_MAX_LEN)
            return false;
    }
    return n > 0;
}

static size_t bounded_length(const char *text)
{
    size_t n = 0;
    while (n < NAME_MAX_LEN && text[n])
        n++;
    return n;
}

static uint8_t least(unsigned a, unsigned b)
{
    return (uint8_t)(a < b ? a : b);
}

/* Three rows of the usual table: swapping two neighbours looks two rows up. */
size_t text_distance(const char *a, const char *b)
{
    uint8_t rows[3][NAME_MAX_LEN + 1];
    size_t a_len = bounded_length(a);
    size_t b_len = bounded_length(b);
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= a_len; i++) {
        uint8_t *row = rows[i % 3];
        const uint8_t *above = rows[(i + 2) % 3];
        const uint8_t *above2 = rows[(i + 1) % 3];
        row[0] = (uint8_t)i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = least(above[j] + 1u, row[j - 1] + 1u);
            row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1] ? 1u : 0u));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1u);
        }
    }
    return rows[a_len % 3][b_len];
}

/* The length of the valid UTF-8 sequence at `from`, with its code point; 0 when it is not one
 * (overlong forms and surrogates are not). len > 0. */
static size_t utf8_at(const char *from, size_t len, uint32_t *point)
{
    const uint8_t *p = (const uint8_t *)from;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (n == 0 || p[0] > 0xf4 || n > len)
        return 0;
    static const uint8_t lead_mask[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t v = p[0] & lead_mask[n];
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (p[i] & 0x3f);
    }
#if VELUM_PLANT == 936 /* fuzz/targets/sanitise: long forms of short characters are let through */
    static const uint32_t smallest[5] = {0};
#else
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
#endif
    if (v < smallest[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 0;
    *point = v;
    return n;
}

static bool is_harmful(uint32_t point, bool one_line)
{
    /* Controls, soft hyphen, Arabic letter mark, Mongolian vowel separator, zero-width and
     * direction marks, line and paragraph separators with the embeddings, word joiners with the
     * isolates, byte order mark, annotations, tags with the supplementary variation selectors. */
    static const uint32_t ranges[][2] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},
        {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},
        {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };
    if (point == '\n' || point == '\t')
        return one_line;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i][0] && point <= ranges[i][1])
            return true;
    return false;
}

/* Writes "\u{hex}" without leading zeroes; to[11]. Returns the length. */
static size_t escape(uint32_t point, char *to)
{
    size_t n = 0;
    unsigned shift = 20;
    while (shift > 0 && point >> shift == 0)
        shift -= 4;
    memcpy(to, "\\u{", 3);
    n = 3;
    for (;; shift -= 4) {
        to[n++] = "0123456789abcdef"[point >> shift & 15];
        if (shift == 0)
            break;
    }
    to[n++] = '}';
    return n;
}

/* Nearly all of it is: as many characters as need no second look. */
static size_t plain_at(const char *from, size_t len)
{
    size_t n = 0;
    while (n < len && from[n] >= ' ' && from[n] <= '~')
        n++;
    return n;
}

size_t text_trimmed(const char *text, size_t len)
{
    while (len > 0 && text[len - 1] == '\n')
        len--;
    return len;
}

size_t text_sanitise(const char *from, size_t len, bool one_line, char *to, size_t cap)
{
    ensure(cap > 0);
    size_t written = 0;
    for (size_t at = 0; at < len;) {
        size_t plain = plain_at(from + at, len - at);
        if (plain > cap - 1 - written)
            plain = cap - 1 - written;
        memcpy(to + written, from + at, plain);
        written += plain;
        at += plain;
        if (at == len)
            break;
        uint32_t point = (uint8_t)from[at];
        size_t taken = utf8_at(from + at, len - at, &point);
        char escaped[12];
        const char *piece = from + at;
        size_t piece_len = taken;
        if (taken == 0 || is_harmful(point, one_line)) {
            piece = escaped;
            piece_len = escape(point, escaped);
        }
        if (piece_len > cap - 1 - written)
            break;
        memcpy(to + written, piece, piece_len);
        written += piece_len;
        at += taken > 0 ? taken : 1;
    }
    to[written] = '\0';
    return written;
}
