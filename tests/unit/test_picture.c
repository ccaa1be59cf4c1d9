/* What draws pictures: PNG files of kernel png and others are read again, broken ones are not, and
 * they fit the terminal. */
#include "cmd/picture.h"
#include "cmd/view_picture.h"
#include "tests/unit/png_rig.h"

static uint32_t rows_seen;

static int compare_row(void *ctx, const struct picture *p, const uint8_t *row)
{
    (void)ctx;
    CHECK(memcmp(row, pixels + (size_t)3 * p->width * rows_seen, (size_t)3 * p->width) == 0);
    rows_seen++;
    return 0;
}

static size_t put_chunk_by_hand(size_t at, const char *type, const uint8_t *data, size_t size)
{
    for (uint32_t i = 0; i < 4; i++)
        out[at + i] = (uint8_t)(size >> (24 - 8 * i));
    memcpy(out + at + 4, type, 4);
    if (size > 0)
        memcpy(out + at + 8, data, size);
    return at + 12 + size; /* the sum of a chunk is not looked at */
}

/* What is in raw, in blocks that are stored. */
static void wrap(uint32_t width, uint32_t height, uint8_t kind, size_t len)
{
    static uint8_t stream[2 * PIXELS_MAX];
    const uint8_t head[13] = {0, 0,   (uint8_t)(width >> 8),  (uint8_t)width,
                              0, 0,   (uint8_t)(height >> 8), (uint8_t)height,
                              8, kind};
    const uint32_t sum = adler_of(raw, len);
    size_t to = 2;
    memcpy(stream, "\x78\x01", 2);
    for (size_t from = 0, part; from < len; from += part) {
        part = len - from < 1000 ? len - from : 1000;
        const uint8_t block[5] = {from + part == len, (uint8_t)part, (uint8_t)(part >> 8),
                                  (uint8_t)~part, (uint8_t)(~part >> 8)};
        memcpy(stream + to, block, 5);
        memcpy(stream + to + 5, raw + from, part);
        to += 5 + part;
    }
    for (uint32_t i = 0; i < 4; i++)
        stream[to++] = (uint8_t)(sum >> (24 - 8 * i));
    memcpy(out, "\x89PNG\r\n\x1a\n", 8);
    size_t at = put_chunk_by_hand(8, "IHDR", head, 13);
    at = put_chunk_by_hand(at, "tEXt", head, 5);
    at = put_chunk_by_hand(at, "IDAT", stream, to / 2);
    at = put_chunk_by_hand(at, "IDAT", stream + to / 2, to - to / 2);
    out_len = put_chunk_by_hand(at, "IEND", NULL, 0);
}

/* Any bytes are a filtered row, behind the number of a filter. */
TEST(every_filter_is_undone)
{
    prng_init(&prng, 55);
    for (uint32_t round = 0; round < 20; round++) {
        const uint32_t width = 1 + below(40), height = 1 + below(30), size = 3 * width + 1;
        struct picture p;
        for (uint32_t i = 0; i < size * height; i++)
            raw[i] = (uint8_t)(i % size ? prng_u64(&prng) : below(5));
        wrap(width, height, 2, (size_t)size * height);
        unfilter(width, height);
        memcpy(pixels, again, (size_t)3 * width * height);
        REQUIRE(picture_open(&p, (struct bytes){out, out_len}) == 0);
        rows_seen = 0;
        CHECK_INT(picture_rows(&p, compare_row, NULL), 0);
        CHECK_INT(rows_seen, height);
        raw[size * (height - 1)] = 5;
        wrap(width, height, 2, (size_t)size * height);
        rows_seen = 0;
        CHECK_INT(picture_rows(&p, compare_row, NULL), ERR_FORMAT);
    }
}

TEST(other_kinds_of_pictures)
{
    static const uint8_t grey[] = {0, 9, 8, 7}, masked[] = {0, 1, 2, 3, 255, 4, 5, 6, 0};
    struct picture p;
    memcpy(raw, grey, sizeof grey);
    memcpy(pixels, "\x9\x9\x9\x8\x8\x8\x7\x7\x7", 9);
    wrap(3, 1, 0, sizeof grey);
    REQUIRE(picture_open(&p, (struct bytes){out, out_len}) == 0);
    rows_seen = 0;
    CHECK_INT(picture_rows(&p, compare_row, NULL), 0);
    memcpy(raw, masked, sizeof masked);
    memcpy(pixels, "\x1\x2\x3\x4\x5\x6", 6);
    wrap(2, 1, 6, sizeof masked);
    REQUIRE(picture_open(&p, (struct bytes){out, out_len}) == 0);
    rows_seen = 0;
    CHECK_INT(picture_rows(&p, compare_row, NULL), 0);
    wrap(2, 1, 3, sizeof masked);
    CHECK_INT(picture_open(&p, (struct bytes){out, out_len}), ERR_UNSUPPORTED);
    wrap(0, 1, 2, sizeof masked);
    CHECK_INT(picture_open(&p, (struct bytes){out, out_len}), ERR_FORMAT);
    CHECK_INT(picture_open(&p, (struct bytes){raw, 4}), ERR_FORMAT);
}

static bool is_other;

static int look_at_row(void *ctx, const struct picture *p, const uint8_t *row)
{
    (void)ctx;
    if (p->width != 40 || rows_seen >= 9 || memcmp(row, pixels + 120 * rows_seen, 120) != 0)
        is_other = true;
    rows_seen++;
    return 0;
}

TEST(a_picture_is_read_again)
{
    prng_init(&prng, 53);
    for (uint32_t round = 0; round < 40; round++) {
        const uint32_t width = 1 + below(300), height = 1 + below(80);
        struct picture p;
        paint(round % 5, 3 * (size_t)width * height);
        give(width, height, 1 + below(height));
        REQUIRE(encode(1));
        REQUIRE(picture_open(&p, (struct bytes){out, out_len}) == 0);
        CHECK(p.width == width && p.height == height);
        rows_seen = 0;
        CHECK_INT(picture_rows(&p, compare_row, NULL), 0);
        CHECK_INT(rows_seen, height);
    }
}

static int read_broken(const uint8_t *bytes, size_t len)
{
    struct picture p;
    rows_seen = 0;
    is_other = false;
    const int rc = picture_open(&p, (struct bytes){bytes, len});
    return rc < 0 ? rc : picture_rows(&p, look_at_row, NULL);
}

/* Each byte of it is changed, and it is cut: it is not read, or it is what it was. */
TEST(broken_pictures_are_no_pictures)
{
    prng_init(&prng, 54);
    paint(3, 3 * 40 * 9);
    give(40, 9, 5);
    REQUIRE(encode(1));
    for (size_t i = 0; i < out_len; i++) {
        /* Of its own length, so that a sanitizer sees what is read behind it. */
        uint8_t *copy = malloc(out_len), *part = malloc(i + 1);
        REQUIRE(copy && part);
        memcpy(copy, out, out_len);
        memcpy(part, out, i);
        CHECK(read_broken(part, i) < 0);
        for (uint32_t bit = 0; bit < 8; bit++) {
            copy[i] = (uint8_t)(out[i] ^ 1u << bit);
            if (read_broken(copy, out_len) == 0)
                CHECK(!is_other && rows_seen == 9);
        }
        free(copy);
        free(part);
    }
}

/* --- what draws it --- */

static char *drawn;
static size_t drawn_len;

static int draw(uint32_t width, uint32_t height, unsigned columns, unsigned lines)
{
    give(width, height, height);
    REQUIRE(encode(1));
    free(drawn);
    FILE *f = open_memstream(&drawn, &drawn_len);
    REQUIRE(f);
    const int rc = view_picture(f, (struct bytes){out, out_len}, columns, lines);
    fclose(f);
    return rc;
}

#define BLOCK "\xe2\x96\x80"

TEST(two_rows_are_a_line)
{
    static const uint8_t two[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
    memcpy(pixels, two, sizeof two);
    CHECK_INT(draw(2, 3, 80, 24), 0);
    CHECK_STR(drawn, "\033[38;2;1;2;3m\033[48;2;7;8;9m" BLOCK
                     "\033[38;2;4;5;6m\033[48;2;10;11;12m" BLOCK "\033[0m\n"
                     "\033[38;2;13;14;15m" BLOCK "\033[38;2;16;17;18m" BLOCK "\033[0m\n");
    CHECK_INT(draw(2, 3, 1, 24), 0);
    CHECK_STR(drawn, "\033[38;2;8;9;10m" BLOCK "\033[0m\n");
    CHECK_INT(draw(2, 3, 80, 1), 0);
    CHECK_STR(drawn, "\033[38;2;5;6;7m\033[48;2;14;15;16m" BLOCK "\033[0m\n");
}

static uint32_t count_of(const char *what)
{
    uint32_t n = 0;
    for (const char *at = drawn; (at = strstr(at, what)); at++)
        n++;
    return n;
}

TEST(a_picture_fits_the_terminal)
{
    paint(0, 3 * 640 * 480);
    CHECK_INT(draw(640, 480, 80, 24), 0);
    CHECK_INT(count_of("\n"), 24);
    CHECK_INT(count_of(BLOCK), 24 * 64);
    CHECK_INT(draw(640, 48, 80, 24), 0);
    CHECK_INT(count_of("\n"), 3);
    CHECK_INT(count_of(BLOCK), 3 * 80);
    CHECK_INT(draw(640, 1, 80, 24), 0);
    CHECK_INT(count_of(BLOCK), 80);
    CHECK_INT(draw(1, 400, 80, 24), 0);
    CHECK_INT(count_of(BLOCK), 24);
}

/* --- pixels, and whole files --- */

static int draw_by(int view(FILE *, struct bytes, const struct view_room *), uint32_t width,
                   uint32_t height, struct view_room room)
{
    give(width, height, height);
    REQUIRE(encode(1));
    free(drawn);
    FILE *f = open_memstream(&drawn, &drawn_len);
    REQUIRE(f);
    const int rc = view(f, (struct bytes){out, out_len}, &room);
    fclose(f);
    return rc;
}

static bool begins(const char *with)
{
    return strncmp(drawn, with, strlen(with)) == 0;
}

/* What is behind the palette. */
static const char *sixels(void)
{
    static const char last[] = "#215;2;100;100;100";
    const char *at = strstr(drawn, last);
    return at ? at + sizeof last - 1 : "";
}

TEST(six_rows_are_a_band)
{
    const struct view_room room = {80, 24, 10, 20};
    /* Red, black and white have levels of their own, so that nothing is dithered. */
    memset(pixels, 0, 3 * 5 * 7);
    for (uint32_t x = 0; x < 5; x++)
        pixels[3 * x] = 255;
    memset(pixels + 3 * 5 * 6 + 3 * 4, 255, 3);
    CHECK_INT(draw_by(view_picture_sixel, 5, 7, room), 0);
    CHECK(begins("\033P0;1q\"1;1;5;7#0;2;0;0;0#1;2;0;0;20"));
    CHECK_STR(sixels(), "#0!5}$#180!5@-#0!4@$#215!4?@-\033\\\n");
    CHECK_INT(draw_by(view_picture_sixel, 5, 7, (struct view_room){1, 1, 2, 20}), 0);
    CHECK(begins("\033P0;1q\"1;1;2;2#"));
}

TEST(what_is_between_two_levels_is_dithered)
{
    uint32_t bright = 0;
    memset(pixels, 0, 3 * 16 * 12);
    for (uint32_t i = 0; i < 16 * 12; i++)
        pixels[3 * i + 2] = 25; /* of 51: nearly half of them are of the next level */
    CHECK_INT(draw_by(view_picture_sixel, 16, 12, (struct view_room){80, 24, 10, 20}), 0);
    const char *at = sixels();
    for (bool is_bright = false; *at && *at != 033; at++) {
        if (*at == '#')
            is_bright = at[1] == '1', at++;
        else if (is_bright && *at >= '?')
            for (int bits = *at - '?'; bits; bits &= bits - 1)
                bright++;
        CHECK(*at != '!'); /* four columns in a row are not alike */
    }
    CHECK_INT(bright, 16 * 12 * 7 / 16);
}

TEST(a_file_goes_whole_and_in_pieces)
{
    uint32_t pieces = 0;
    size_t len = 0;
    prng_init(&prng, 56);
    for (uint32_t i = 0; i < 3 * 90 * 60; i++)
        pixels[i] = (uint8_t)prng_u64(&prng); /* which cannot be made shorter */
    CHECK_INT(draw_by(view_picture_kitty, 90, 60, (struct view_room){80, 24, 10, 20}), 0);
    CHECK(begins("\033_Ga=T,f=100,q=2,m="));
    for (const char *at = drawn; (at = strchr(at, ';')) != NULL; pieces++) {
        const size_t part = strcspn(at + 1, "\033");
        CHECK(part <= 4096 && part % 4 == 0);
        CHECK((at[-1] == '1') == (strchr(at, '_') != NULL));
        len += part / 4 * 3;
        at += part;
    }
    CHECK(pieces == (out_len + 3071) / 3072 && pieces > 1);
    CHECK(len >= out_len && len < out_len + 3);
    CHECK_INT(draw_by(view_picture_kitty, 90, 60, (struct view_room){4, 24, 10, 20}), 0);
    CHECK(begins("\033_Ga=T,f=100,q=2,c=4,m=1;"));
    CHECK_INT(draw_by(view_picture_kitty, 90, 60, (struct view_room){80, 2, 10, 20}), 0);
    CHECK(begins("\033_Ga=T,f=100,q=2,r=2,m=1;"));
}

TEST_MAIN(a_picture_is_read_again, every_filter_is_undone, other_kinds_of_pictures,
          broken_pictures_are_no_pictures, two_rows_are_a_line, a_picture_fits_the_terminal,
          six_rows_are_a_band, what_is_between_two_levels_is_dithered,
          a_file_goes_whole_and_in_pieces)
