/* png: one picture, as a PNG file (ISO/IEC 15948), of rows of pixels. Its inputs are what a kernel
 * with `then = "png"` yields, or other stages of a flow; all of them, in their order, are the rows
 * from the first to the last, and each is
 *
 *   8 bytes  "rgbrows1"
 *   u32      width and height of the picture, first row, rows; little-endian
 *   rows     3 bytes a pixel: red, green, blue
 *
 * A unit is an input. Each becomes chunks IDAT of its own, whose stream ends at a byte, so leaves
 * need nothing of each other; the first one begins the file, and the last one ends it, for which it
 * sums up the bytes of all. Rows are not filtered: what kernels compute has few colours and repeats
 * itself, which filters hide: each of them makes the set of Mandelbrot half as large again. */
#include "velum_kernel.h"

#include "plugins/png_deflate.h"

#define HEAD_SIZE 24u
#define SIDE_MAX ((uint32_t)1 << 24)
#define PIXEL 3u
#define FILTER_NONE 0u
#define LEAVES_MOST 32u /* each is an object of its own, which takes longer than a few small rows */

struct rows {
    uint32_t width, height, first, count;
    const uint8_t *pixels;
};

static int png_plan(const struct velum_host *host, int argc, const char *const *argv,
                    struct velum_plan *out)
{
    const uint32_t count = VELUM_HOST_HAS(host, emit) ? host->inputs(host) : 0;
    (void)argv;
    if (argc != 0 || count == 0)
        return velum_refuse(out, "png takes rows of pixels, and nothing else: in a flow, inputs = "
                                 "the stage that makes them");
    out->units = count;
#if VELUM_PLANT == 939 /* unit/test_png: each input is a leaf */
    out->leaf_units = 1;
#else
    out->leaf_units = (count + LEAVES_MOST - 1) / LEAVES_MOST;
#endif
    return 0;
}

/* --- the rows --- */

static uint32_t load_u32(const uint8_t *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static bool read_rows(const struct velum_host *host, uint32_t index, struct rows *out)
{
    static const uint8_t magic[8] = {'r', 'g', 'b', 'r', 'o', 'w', 's', '1'};
    uint64_t size;
    const uint8_t *bytes = host->input(host, index, &size);
    if (!bytes || size < HEAD_SIZE)
        return false;
    for (uint32_t i = 0; i < sizeof magic; i++)
        if (bytes[i] != magic[i])
            return false;
    out->width = load_u32(bytes + 8);
    out->height = load_u32(bytes + 12);
    out->first = load_u32(bytes + 16);
    out->count = load_u32(bytes + 20);
    out->pixels = bytes + HEAD_SIZE;
    return out->width > 0 && out->width <= SIDE_MAX && out->height > 0 && out->height <= SIDE_MAX &&
           out->first < out->height && out->count > 0 && out->count <= out->height - out->first &&
           size - HEAD_SIZE == (uint64_t)PIXEL * out->width * out->count;
}

/* Whether the rows are behind those of the input before, and of the same picture. */
static bool follow(const struct velum_host *host, uint32_t index, const struct rows *rows)
{
    struct rows before;
    if (index + 1 == host->inputs(host) && rows->first + rows->count != rows->height)
        return false;
    if (index == 0)
        return rows->first == 0;
    return read_rows(host, index - 1, &before) && before.width == rows->width &&
           before.height == rows->height && before.first + before.count == rows->first;
}

/* Where the stream of rows is, each behind the number of its filter. */
struct place {
    uint32_t row, at;
};

/* The next bytes of the stream, at most `room`. Returns how many; 0 at the end. */
static uint32_t next_bytes(const struct rows *rows, struct place *p, uint8_t *to, uint32_t room)
{
    const uint32_t size = 1 + PIXEL * rows->width;
    uint32_t len = 0;
    while (len < room && p->row < rows->count) {
        if (p->at == 0) {
            to[len++] = FILTER_NONE;
            p->at = 1;
        }
        const uint8_t *from = rows->pixels + (size_t)p->row * (size - 1) + p->at - 1;
        const uint32_t left = size - p->at, take = room - len < left ? room - len : left;
        for (uint32_t i = 0; i < take; i++)
            to[len++] = from[i];
        p->at += take;
        if (p->at == size)
            p->row++, p->at = 0;
    }
    return len;
}

/* --- sums --- */

static void make_crc_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
        table[i] = c;
    }
}

static uint32_t crc_add(const uint32_t table[256], uint32_t crc, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    return crc;
}

struct adler {
    uint32_t a, b;
};

static void adler_add(struct adler *s, const uint8_t *bytes, uint32_t size)
{
    while (size > 0) {
        uint32_t part = size < 5552 ? size : 5552; /* as many as b has room for */
        size -= part;
        while (part-- > 0) {
            s->a += *bytes++;
            s->b += s->a;
        }
#if VELUM_PLANT != 816 /* unit/test_png: the smaller sum is not reduced */
        s->a %= 65521;
#endif
        s->b %= 65521;
    }
}

/* --- the file --- */

struct png {
    const struct velum_host *host;
    uint32_t crc_table[256];
    struct deflate deflate;
};

static void store_u32_big(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (24 - 8 * i));
}

static int put_chunk(const struct png *p, const char *type, const uint8_t *bytes, uint32_t size)
{
    uint8_t head[8], tail[4];
    store_u32_big(head, size);
    for (int i = 0; i < 4; i++)
        head[4 + i] = (uint8_t)type[i];
    const uint32_t crc = crc_add(p->crc_table, UINT32_MAX, head + 4, 4);
    store_u32_big(tail, ~crc_add(p->crc_table, crc, bytes, size));
    int rc = p->host->emit(p->host, head, sizeof head);
    if (rc >= 0)
        rc = p->host->emit(p->host, bytes, size);
    return rc < 0 ? rc : p->host->emit(p->host, tail, sizeof tail);
}

static int put_begin(struct png *p, const struct rows *rows)
{
    static const uint8_t magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t head[13] = {[8] = 8, [9] = 2}; /* eight bits a colour; red, green and blue */
    store_u32_big(head, rows->width);
    store_u32_big(head + 4, rows->height);
    put_bits(&p->deflate, 0x0178, 16); /* zlib's own head: deflate, the fastest */
    const int rc = p->host->emit(p->host, magic, sizeof magic);
    return rc < 0 ? rc : put_chunk(p, "IHDR", head, sizeof head);
}

static int put_rows(struct png *p, const struct rows *rows)
{
    struct deflate *d = &p->deflate;
    struct place at = {0, 0};
    int rc = 0;
    while (rc >= 0 && (d->bytes_len = next_bytes(rows, &at, d->bytes, SEGMENT)) > 0) {
        deflate_segment(d);
#if VELUM_PLANT != 815 /* unit/test_png: what an input becomes ends within a byte */
        if (at.row == rows->count)
            deflate_align(d);
#endif
        rc = put_chunk(p, "IDAT", d->out, d->out_len);
        d->out_len = 0;
    }
    return rc;
}

/* An empty last block, the sum of all that was compressed, and the end. */
static int put_end(struct png *p)
{
    uint8_t end[6] = {3, 0};
    struct adler sum = {1, 0};
    struct rows rows;
    for (uint32_t i = 0; i < p->host->inputs(p->host); i++) {
        struct place at = {0, 0};
        if (!read_rows(p->host, i, &rows))
            return -1;
        for (uint32_t len; (len = next_bytes(&rows, &at, p->deflate.bytes, SEGMENT)) > 0;)
            adler_add(&sum, p->deflate.bytes, len);
    }
    store_u32_big(end + 2, sum.b << 16 | sum.a);
    const int rc = put_chunk(p, "IDAT", end, sizeof end);
    return rc < 0 ? rc : put_chunk(p, "IEND", end, 0);
}

static int put_input(struct png *p, struct velum_call *call, uint32_t index)
{
    struct rows rows;
    if (!read_rows(p->host, index, &rows) || !follow(p->host, index, &rows))
        return velum_fail(call, "the inputs are not the rows of one picture, one after the other");
    int rc = index == 0 ? put_begin(p, &rows) : 0;
    if (rc >= 0)
        rc = put_rows(p, &rows);
    if (rc >= 0 && index + 1 == p->host->inputs(p->host))
        rc = put_end(p);
    return rc < 0 ? velum_fail(call, "there is no room for the file") : 0;
}

static int png_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct png *p = host->memory(host, sizeof *p);
    int rc = 0;
    (void)accumulator;
    if (!p)
        return velum_fail(call, "there is no memory for what is compressed");
    if (call->first + call->count > host->inputs(host))
        return velum_fail(call, "there are fewer inputs than that: leave out units");
    p->host = host;
    p->deflate.out_len = p->deflate.bits_count = 0;
    p->deflate.bits = 0;
    make_crc_table(p->crc_table);
    for (uint64_t i = 0; i < call->count && rc >= 0; i++)
        rc = put_input(p, call, (uint32_t)(call->first + i));
    return rc;
}

#define MEMORY ((sizeof(struct png) + 63) / 64 * 64)

static const char manual[] =
    "Parameters:\n"
    "  FILE  rows of pixels, with a head: what leaves of mandelbrot yielded\n"
    "Units:\n"
    "  a file each, which becomes a part of the picture's; at most 32 leaves.\n"
    "Example:\n"
    "  velum run mandelbrot -o set.png, which adds this by itself\n";

VELUM_KERNEL(png) = {
    VELUM_KERNEL_HEAD,
    .name = "png",
    .usage = "FILE...",
    .summary = "a PNG file of rows of pixels that another kernel made",
    .limits =
        "inputs are rows of 8-bit red, green and blue with a head, from the first to the last",
    .manual = manual,
    .memory = MEMORY,
    .reduce = VELUM_COLLECT,
    .files_from = 1,
    .plan = png_plan,
    .leaf = png_leaf,
};
_Static_assert(MEMORY <= VELUM_MEMORY_MAX, "a leaf's memory");
