/* Kernel png against a decoder that takes one bit at a time and does everything by the definition,
 * and against the pixels that went in. */
#include "plugins/png_huffman.h"
#include "tests/unit/png_rig.h"

/* --- the decoder: inflate, a bit at a time --- */

static struct {
    const uint8_t *bytes;
    size_t bits, at, len; /* bits are there, read; bytes written to raw */
} in;

static uint32_t take(uint32_t count)
{
    uint32_t v = 0;
    for (uint32_t i = 0; i < count; i++, in.at++) {
        REQUIRE(in.at < in.bits);
        v |= (uint32_t)(in.bytes[in.at / 8] >> (in.at % 8) & 1) << i;
    }
    return v;
}

/* Each code as the text of its bits is looked for among all of them. */
struct codes {
    uint32_t count, length[320], code[320];
};

static void number(struct codes *c)
{
    uint32_t next = 0, room = 0, used = 0;
    for (uint32_t length = 1; length <= 15; length++, next <<= 1)
        for (uint32_t i = 0; i < c->count; i++)
            if (c->length[i] == length) {
                c->code[i] = next++;
                room += 1u << (15 - length);
                used++;
            }
    /* No code is wasted, but where there is one symbol or none. */
    CHECK(room == 1u << 15 || used <= 1);
}

static uint32_t symbol(const struct codes *c)
{
    uint32_t code = 0;
    for (uint32_t length = 1; length <= 15; length++) {
        code = code << 1 | take(1);
        for (uint32_t i = 0; i < c->count; i++)
            if (c->length[i] == length && c->code[i] == code)
                return i;
    }
    REQUIRE(!"no symbol has this code");
    return 0;
}

static void read_codes(struct codes *literals, struct codes *distances)
{
    static const uint8_t places[] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                     11, 4,  12, 3, 13, 2, 14, 1, 15};
    struct codes lengths = {.count = 19};
    uint32_t all[320], n = 0;
    literals->count = 257 + take(5);
    distances->count = 1 + take(5);
    for (uint32_t i = 0, count = 4 + take(4); i < count; i++)
        lengths.length[places[i]] = take(3);
    number(&lengths);
    while (n < literals->count + distances->count) {
        uint32_t s = symbol(&lengths), value = 0, times = 1;
        if (s == 16)
            value = all[n - 1], times = 3 + take(2);
        else if (s >= 17)
            times = s == 17 ? 3 + take(3) : 11 + take(7);
        else
            value = s;
        REQUIRE(n + times <= literals->count + distances->count);
        while (times-- > 0)
            all[n++] = value;
    }
    memcpy(literals->length, all, literals->count * sizeof *all);
    memcpy(distances->length, all + literals->count, distances->count * sizeof *all);
    number(literals);
    number(distances);
}

static void fixed_codes(struct codes *literals, struct codes *distances)
{
    literals->count = 288;
    for (uint32_t i = 0; i < 288; i++)
        literals->length[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    distances->count = 30;
    for (uint32_t i = 0; i < 30; i++)
        distances->length[i] = 5;
    number(literals);
    for (uint32_t i = 0; i < 30; i++)
        distances->code[i] = i;
}

/* What a symbol begins at, by counting up as the tables of RFC 1951 do. */
static uint32_t begins_at(uint32_t s, uint32_t base, uint32_t group, uint32_t *bits)
{
    for (uint32_t i = 0;; i++) {
        *bits = i < 2 * group ? 0 : i / group - 1;
        if (i == s)
            return base;
        base += 1u << *bits;
    }
}

static void inflate_codes(const struct codes *literals, const struct codes *distances)
{
    for (uint32_t s, bits; (s = symbol(literals)) != 256;) {
        REQUIRE(in.len < sizeof raw);
        if (s < 256) {
            raw[in.len++] = (uint8_t)s;
            continue;
        }
        uint32_t length = s == 285 ? 258 : begins_at(s - 257, 3, 4, &bits);
        length += s == 285 ? 0 : take(bits);
        uint32_t distance = begins_at(symbol(distances), 1, 2, &bits);
        distance += take(bits);
        REQUIRE(distance <= in.len && distance <= 32768 && length <= sizeof raw - in.len);
        for (; length > 0; length--, in.len++)
            raw[in.len] = raw[in.len - distance];
    }
}

static void inflate_all(void)
{
    for (bool last = false; !last;) {
        struct codes literals = {0}, distances = {0};
        last = take(1);
        const uint32_t kind = take(2);
        if (kind == 0) {
            while (in.at % 8 != 0)
                CHECK_INT(take(1), 0);
            const uint32_t len = take(16);
            CHECK_INT(take(16), len ^ 0xffff);
            for (uint32_t i = 0; i < len; i++)
                raw[in.len++] = (uint8_t)take(8);
            continue;
        }
        REQUIRE(kind < 3);
        kind == 1 ? fixed_codes(&literals, &distances) : read_codes(&literals, &distances);
        inflate_codes(&literals, &distances);
    }
}

/* --- the decoder: the file --- */

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* By long division, a bit at a time. */
static uint32_t crc_of(const uint8_t *p, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < 8 * size; i++) {
        const uint32_t bit = (p[i / 8] >> (i % 8) & 1) ^ (crc & 1);
        crc = crc >> 1 ^ (bit ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* All of `out`, which must be a PNG file in every detail; its pixels go to `again`. */
static void decode(uint32_t width, uint32_t height)
{
    static uint8_t stream[2 * PIXELS_MAX];
    size_t at = 8, len = 0;
    bool ended = false;
    REQUIRE(out_len > 8 && memcmp(out, "\x89PNG\r\n\x1a\n", 8) == 0);
    for (uint32_t chunk = 0; at < out_len; chunk++) {
        REQUIRE(!ended && out_len - at >= 12);
        const uint32_t size = big(out + at);
        const uint8_t *type = out + at + 4, *data = type + 4;
        REQUIRE(size <= out_len - at - 12);
        CHECK(crc_of(type, 4 + (size_t)size) == big(data + size));
        CHECK((chunk == 0) == (memcmp(type, "IHDR", 4) == 0));
        if (chunk == 0) {
            REQUIRE(size == 13 && big(data) == width && big(data + 4) == height);
            CHECK(memcmp(data + 8, "\x08\x02\0\0\0", 5) == 0);
        } else if (memcmp(type, "IDAT", 4) == 0) {
            memcpy(stream + len, data, size);
            len += size;
        } else {
            ended = memcmp(type, "IEND", 4) == 0 && size == 0;
            REQUIRE(ended);
        }
        at += 12 + (size_t)size;
    }
    REQUIRE(ended && len > 6 && (stream[0] & 15) == 8 && (stream[0] * 256 + stream[1]) % 31 == 0);
    in.bytes = stream + 2;
    in.bits = 8 * (len - 6);
    in.at = in.len = 0;
    inflate_all();
    CHECK_INT((in.at + 7) / 8, len - 6);
    REQUIRE(in.len == (3 * (size_t)width + 1) * height);
    CHECK(adler_of(raw, in.len) == big(stream + len - 4));
    unfilter(width, height);
}

/* --- pictures --- */

static void check_picture(uint32_t width, uint32_t height, uint32_t rows, uint64_t leaf_units)
{
    give(width, height, rows);
    memset(again, 0x77, sizeof again);
    REQUIRE(encode(leaf_units));
    decode(width, height);
    CHECK(memcmp(again, pixels, 3 * (size_t)width * height) == 0);
}

TEST(a_decoder_by_the_book_finds_the_pixels)
{
    prng_init(&prng, 51);
    for (uint32_t round = 0; round < 30; round++) {
        const uint32_t width = 1 + below(round % 2 ? 300 : 20), height = 1 + below(60);
        paint(round % 5, 3 * (size_t)width * height);
        check_picture(width, height, 1 + below(height), 1 + below(4));
    }
    paint(1, 3);
    check_picture(1, 1, 1, 1);
}

/* A row of several segments, and distances as far as they go. */
TEST(wide_and_large_pictures)
{
    paint(2, 3 * 30000);
    check_picture(30000, 1, 1, 1);
    for (uint32_t i = 0; i < 3 * 24000; i++)
        pixels[i] = (uint8_t)(i % 32775 < 40 ? i % 32775 * 37 : i * i >> 9);
    check_picture(24000, 1, 1, 1);
    paint(0, 3 * 380 * 256);
    check_picture(380, 256, 1, 16);
    CHECK(out_len < 60000);
}

TEST(what_is_not_the_rows_of_one_picture_is_refused)
{
    paint(2, 3 * 8 * 8);
    give(8, 8, 4);
    CHECK(encode(2));
    for (uint32_t i = 8; i < 24; i += 4) {
        give(8, 8, 4);
        given.bytes[1][i]++;
        CHECK(!encode(2));
        give(8, 8, 4);
        given.bytes[0][i]++;
        CHECK(!encode(2));
    }
    give(8, 8, 4);
    given.bytes[0][0]++;
    CHECK(!encode(1));
    give(8, 8, 4);
    given.size[1]--;
    CHECK(!encode(1));
    give(8, 8, 4);
    given.size[1] = 5;
    CHECK(!encode(1));
    give(8, 8, 4);
    free(given.bytes[--given.count]);
    CHECK(!encode(1));
    give(8, 8, 4);
    CHECK(encode(2));
    CHECK(leaf(1, 2) < 0);
    CHECK_INT(kernel_plan(kernel_find("png"), 0, NULL, 0, NULL, &plan), ERR_ARGUMENT);
}

static void check_leaves(uint16_t inputs, uint64_t leaf_units)
{
    static uint64_t sizes[INPUTS_MAX];
    REQUIRE(kernel_plan(kernel_find("png"), 0, NULL, inputs, sizes, &plan) == 0);
    CHECK(plan.units == inputs && plan.leaf_units == leaf_units);
}

TEST(many_inputs_share_32_leaves)
{
    check_leaves(1, 1);
    check_leaves(32, 1);
    check_leaves(33, 2);
    check_leaves(INPUTS_MAX, INPUTS_MAX / 32);
}

/* --- codes --- */

/* The bits that all symbols take in the best code there is: two rarest at a time. */
static uint64_t best(const uint32_t *count, uint32_t symbols)
{
    uint64_t list[HUFFMAN_SYMBOLS_MAX], bits = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < symbols; i++)
        if (count[i] > 0)
            list[n++] = count[i];
    for (; n > 1; n--) {
        for (uint32_t last = 0; last < 2; last++)
            for (uint32_t i = 0; i + last + 1 < n; i++)
                if (list[i] < list[i + 1]) {
                    const uint64_t smaller = list[i];
                    list[i] = list[i + 1];
                    list[i + 1] = smaller;
                }
        list[n - 2] += list[n - 1];
        bits += list[n - 2];
    }
    return bits;
}

static void check_code(uint32_t symbols, uint32_t most, bool is_best)
{
    static struct huffman h;
    uint64_t room = 0, bits = 0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < symbols; i++)
        h.count[i] = ((const uint32_t *)(const void *)scratch)[i];
    huffman_make(&h, symbols, most);
    for (uint32_t i = 0; i < symbols; i++) {
        CHECK((h.bits[i] > 0) == (h.count[i] > 0) && h.bits[i] <= most);
        room += h.bits[i] ? (uint64_t)1 << (15 - h.bits[i]) : 0;
        bits += (uint64_t)h.bits[i] * h.count[i];
        used += h.bits[i] > 0;
    }
    CHECK(used < 2 || room == 1u << 15);
    if (is_best && used > 1)
        CHECK_INT(bits, best(h.count, symbols));
}

TEST(codes_are_the_best_there_are_and_never_too_long)
{
    uint32_t *count = (uint32_t *)(void *)scratch;
    prng_init(&prng, 52);
    for (uint32_t round = 0; round < 200; round++) {
        const uint32_t symbols = 2 + below(285), most = 1 + below(round % 3 ? 400 : 3);
        for (uint32_t i = 0; i < symbols; i++)
            count[i] = below(3) ? below(most) : 0;
        check_code(symbols, HUFFMAN_BITS_MAX, most < 200);
    }
    /* Like these the longest code would be as long as there are symbols. */
    for (uint32_t i = 0; i < 22; i++)
        count[i] = i < 2 ? 1 : count[i - 1] + count[i - 2];
    check_code(22, 15, false);
    check_code(19, 7, false);
    check_code(15, 15, true);
}

TEST_MAIN(a_decoder_by_the_book_finds_the_pixels, wide_and_large_pictures,
          what_is_not_the_rows_of_one_picture_is_refused, many_inputs_share_32_leaves,
          codes_are_the_best_there_are_and_never_too_long)
