/* The frame: how messages are laid on a connection, between nodes, between a command and a node,
 * and on the pipes between a node and its workers. The drawing is the specification; all numbers
 * are little-endian.
 *
 *   offset size
 *   0      2    magic 0x4C56 ("VL")
 *   2      1    protocol version, WIRE_VERSION
 *   3      1    type, from message.h
 *   4      4    payload length, at most FRAME_PAYLOAD_MAX
 *   8      4    request: 0, or a number the asker chose; every answer to it carries the same number
 *   12     4    CRC-32C of bytes 0 to 11
 *   16     n    payload
 *
 * The payload has no checksum of its own:
 * TLS, a unix socket or a pipe has already carried it whole. */
#ifndef VELUM_WIRE_FRAME_H
#define VELUM_WIRE_FRAME_H

#include <stdint.h>

#include "core/base/bytes.h"

#define WIRE_VERSION 1
#define FRAME_HEADER_SIZE 16
#define FRAME_PAYLOAD_MAX 65536

struct frame {
    uint8_t type;
    uint32_t request;
    struct bytes payload;
};

/* Appends one frame. payload.len <= FRAME_PAYLOAD_MAX. */
void frame_put(struct buf *b, uint8_t type, uint32_t request, struct bytes payload);
/* For encoding in place: frame_begin writes the header and returns where it starts, the
 * payload is put after it, frame_end fills in the length and the checksum. A payload
 * over the maximum fails the buf. */
size_t frame_begin(struct buf *b, uint8_t type, uint32_t request);
void frame_end(struct buf *b, size_t start);
/* The header alone, for who sends the payload from where it lies. */
void frame_head(uint8_t head[FRAME_HEADER_SIZE], uint8_t type, uint32_t request,
                uint32_t payload_len);
/* Looks at the bytes received so far. Returns the whole frame's size (> 0) with *out borrowed from
 * `in`; 0 when more bytes are needed; ERR_FORMAT, ERR_CHECKSUM, ERR_VERSION or ERR_TOO_LARGE when
 * the connection must be closed (judged as soon as the header is there). */
int frame_take(struct bytes in, struct frame *out);
/* Where frame_take needs more bytes: how many the frame lacks, or its header as long as that is not
 * whole. Who reads no more than that has nothing left over to be copied. */
size_t frame_missing(struct bytes in);

#endif
