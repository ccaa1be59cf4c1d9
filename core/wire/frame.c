#include "core/wire/frame.h"

#include "core/base/crc32c.h"
#include "core/base/ensure.h"
#include "core/base/err.h"

#define FRAME_MAGIC 0x4C56
#define LENGTH_AT 4
#define CHECKSUM_AT 12

static void seal_header(uint8_t *header, uint32_t payload_len)
{
    store_u32(header + LENGTH_AT, payload_len);
    store_u32(header + CHECKSUM_AT, crc32c(0, header, CHECKSUM_AT));
}

void frame_put(struct buf *b, uint8_t type, uint32_t request, struct bytes payload)
{
    size_t start = frame_begin(b, type, request);
    put_raw(b, payload.data, payload.len);
    frame_end(b, start);
}

size_t frame_begin(struct buf *b, uint8_t type, uint32_t request)
{
    size_t start = b->len;
    put_u16(b, FRAME_MAGIC);
    put_u8(b, WIRE_VERSION);
    put_u8(b, type);
    put_u32(b, 0);
    put_u32(b, request);
    put_u32(b, 0);
    return start;
}

void frame_end(struct buf *b, size_t start)
{
    if (b->failed)
        return;
    size_t payload_len = b->len - start - FRAME_HEADER_SIZE;
    if (payload_len > FRAME_PAYLOAD_MAX) {
        b->failed = true;
        return;
    }
    seal_header(b->data + start, (uint32_t)payload_len);
}

void frame_head(uint8_t head[FRAME_HEADER_SIZE], uint8_t type, uint32_t request,
                uint32_t payload_len)
{
    struct buf b;
    buf_init_fixed(&b, head, FRAME_HEADER_SIZE);
    frame_begin(&b, type, request);
    seal_header(head, payload_len);
}

/* Magic and version come first: they stand in the same place in every protocol version, and
 * "another version" helps whoever reads it more than "wrong checksum". */
static int judge_header(const uint8_t *header)
{
    if (load_u16(header) != FRAME_MAGIC)
        return ERR_FORMAT;
    if (header[2] != WIRE_VERSION)
        return ERR_VERSION;
    if (load_u32(header + CHECKSUM_AT) != crc32c(0, header, CHECKSUM_AT))
        return ERR_CHECKSUM;
    if (load_u32(header + LENGTH_AT) > FRAME_PAYLOAD_MAX)
        return ERR_TOO_LARGE;
    return 0;
}

int frame_take(struct bytes in, struct frame *out)
{
    if (in.len < FRAME_HEADER_SIZE)
        return 0;
    int rc = judge_header(in.data);
    if (rc < 0)
        return rc;
    uint32_t payload_len = load_u32(in.data + LENGTH_AT);
    if (in.len - FRAME_HEADER_SIZE < payload_len)
        return 0;
    out->type = in.data[3];
    out->request = load_u32(in.data + 8);
    out->payload = (struct bytes){in.data + FRAME_HEADER_SIZE, payload_len};
    return (int)(FRAME_HEADER_SIZE + payload_len);
}

size_t frame_missing(struct bytes in)
{
    size_t size = FRAME_HEADER_SIZE;
    if (in.len >= FRAME_HEADER_SIZE)
        size += load_u32(in.data + LENGTH_AT);
    ensure(size > in.len);
    return size - in.len;
}
