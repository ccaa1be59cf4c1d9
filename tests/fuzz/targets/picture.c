/* A PNG file, which a terminal is to show: one byte more than the file says how it begins. With 1
 * it is the bytes of the pixels, compressed, and the file around them is made. */
#include "cmd/picture.h"
#include "core/base/err.h"
#include "tests/fuzz/target.h"
#include "tests/lib/check.h"

#define SIDE 16u /* of a picture that is made */
#define ROWS_BYTES_MAX ((size_t)1 << 20)

enum how { WHOLE, COMPRESSED, HOWS };

static struct {
    size_t bytes, rows;
} told;

static int tell(void *ctx, const struct picture *p, const uint8_t *row)
{
    uint32_t sum = 0;
    (void)ctx;
    for (size_t i = 0; i < (size_t)3 * p->width; i++)
        sum += row[i];
    CHECK(sum <= 255u * 3 * p->width);
    told.rows++;
    told.bytes += (size_t)3 * p->width;
    return told.bytes > ROWS_BYTES_MAX ? ERR_TOO_LARGE : 0;
}

static void take(struct bytes file)
{
    struct picture p;
    int rc = picture_open(&p, file);
    CHECK(rc == 0 || rc == ERR_FORMAT || rc == ERR_UNSUPPORTED);
    if (rc < 0)
        return;
    CHECK(p.width > 0 && p.width <= PICTURE_SIDE_MAX && p.height <= PICTURE_SIDE_MAX);
    told.bytes = told.rows = 0;
    rc = picture_rows(&p, tell, NULL);
    CHECK(rc == 0 || rc == ERR_FORMAT || rc == ERR_TOO_LARGE);
    CHECK(told.rows <= p.height && (rc < 0 || told.rows == p.height));
}

static void put_big(struct buf *out, uint32_t v)
{
    for (int i = 24; i >= 0; i -= 8)
        put_u8(out, (uint8_t)(v >> i));
}

/* The sum of a chunk is not looked at. */
static void put_chunk(struct buf *out, const char *type, struct bytes data)
{
    put_big(out, (uint32_t)data.len);
    put_raw(out, type, 4);
    put_raw(out, data.data, data.len);
    put_big(out, 0);
}

static void put_file(struct buf *out, uint8_t colours, struct bytes compressed)
{
    const uint8_t head[] = {0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, colours, 0, 0, 0};
    const size_t half = compressed.len / 2;
    put_raw(out, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(out, "IHDR", (struct bytes){head, sizeof head});
    put_chunk(out, "IDAT", (struct bytes){compressed.data, half});
    put_chunk(out, "tEXt", bytes_of_text("a word"));
    put_chunk(out, "IDAT", (struct bytes){compressed.data + half, compressed.len - half});
    put_chunk(out, "IEND", (struct bytes){compressed.data, 0});
}

void target_one(struct bytes in)
{
    static uint8_t room[2 * TARGET_INPUT_MAX];
    struct buf file;
    if (in.len == 0)
        return;
    const struct bytes rest = {in.data + 1, in.len - 1};
    if (in.data[0] % HOWS == WHOLE) {
        take(rest);
        return;
    }
    buf_init_fixed(&file, room, sizeof room);
    put_file(&file, 2, rest);
    take(buf_bytes(&file));
}

/* 16 rows of 16 pixels, each by another filter: in codes of its own, by what stood before. */
static const uint8_t by_codes[] = {
    0x78, 0xda, 0xed, 0x90, 0x49, 0x0e, 0xc3, 0x30, 0x0c, 0x03, 0x45, 0xb6, 0xfa, 0xff, 0x93,
    0x99, 0xa1, 0x0d, 0xf4, 0xdc, 0x6b, 0x81, 0x26, 0x32, 0x0c, 0x6d, 0x43, 0xc9, 0x33, 0x33,
    0x1e, 0x49, 0x33, 0xbb, 0x0e, 0x97, 0xe3, 0xdd, 0x99, 0x46, 0x5c, 0xcb, 0xda, 0xce, 0x6c,
    0xc4, 0xef, 0x73, 0x22, 0x5a, 0x22, 0xad, 0xf0, 0xda, 0x3e, 0xb7, 0xbe, 0x18, 0x5a, 0x7d,
    0x23, 0xfd, 0xac, 0x42, 0x08, 0xea, 0xea, 0x00, 0x12, 0xb6, 0x93, 0x93, 0x28, 0x16, 0x00,
    0xa4, 0x12, 0x4e, 0x47, 0xf4, 0x82, 0x43, 0x0d, 0xc5, 0x08, 0xb4, 0xf9, 0x93, 0x24, 0x36,
    0x88, 0x23, 0xdb, 0x18, 0x96, 0x4e, 0xa8, 0xb7, 0x8f, 0x2c, 0xe2, 0xe5, 0x75, 0x07, 0x55,
    0x58, 0xd5, 0xd8, 0x70, 0xae, 0x7a, 0x61, 0x81, 0xcf, 0x0c, 0xa4, 0x93, 0x2d, 0x09, 0x7f,
    0xcf, 0x68, 0x25, 0xd0, 0xb8, 0x67, 0xc4, 0x7a, 0xee, 0x46, 0x64, 0x5d, 0x49, 0xfc, 0xbd,
    0x0b, 0xfd, 0xdf, 0xea, 0xcb, 0xb7, 0xfa, 0xcd, 0x3d, 0x1e, 0xcb, 0xb3, 0x67, 0xd0};
/* One that is all zero, by the fixed codes; and the first row of the first, as it is. */
static const uint8_t by_fixed[] = {0x78, 0x01, 0x63, 0x60, 0x18, 0x05, 0xa3, 0x60,
                                   0x14, 0xc0, 0x00, 0x00, 0x03, 0x10, 0x00, 0x01};
static const uint8_t as_it_is[] = {
    0x78, 0x01, 0x01, 0x31, 0x00, 0xce, 0xff, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x01, 0x01,
    0x01, 0x00, 0x00, 0x05, 0x05, 0x02, 0xff, 0x01, 0x00, 0x00, 0x02, 0xff, 0x02, 0x05, 0x05,
    0x00, 0x00, 0x01, 0x01, 0x00, 0x00, 0x02, 0x00, 0x00, 0x02, 0x00, 0xff, 0x05, 0x02, 0x02,
    0x02, 0xff, 0x00, 0x05, 0xff, 0x01, 0xff, 0x01, 0xff, 0x02, 0xff, 0x6f, 0x48, 0x08, 0x33};

bool target_seed(size_t i, struct buf *out)
{
    static const struct bytes compressed[] = {
        {by_codes, sizeof by_codes}, {by_fixed, sizeof by_fixed}, {as_it_is, sizeof as_it_is}};
    static const uint8_t colours[] = {2, 0, 4, 6};
    if (i >= 6)
        return false;
    put_u8(out, i < 3 ? COMPRESSED : WHOLE);
    if (i < 3)
        put_raw(out, compressed[i].data, compressed[i].len);
    else
        put_file(out, colours[i - 2], compressed[i - 3]);
    return true;
}
