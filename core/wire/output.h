/* The output of one leaf of a collect, as it travels and is kept: few bytes as they are, more as an
 * object. Which of the two it is depends on the number of bytes alone, so that the same leaf has
 * the same value wherever it is computed.
 *
 *   u8 kind, u64 size, then
 *   0  size bytes, at most OUTPUT_INLINE_MAX
 *   1  32 name of the object; size is more than OUTPUT_INLINE_MAX
 *
 * The outputs of a stage, one after the other as blocks (u32 length, value) in the order of the
 * leaves, are the bytes of its *list*, an object too: its name is the digest of the result. The
 * result itself is
 *
 *   u64 size of all outputs together, u32 leaves, 32 name of the list, then block: the list itself
 *   where it has at most RESULT_LIST_MAX bytes, or empty */
#ifndef VELUM_WIRE_OUTPUT_H
#define VELUM_WIRE_OUTPUT_H

#include "core/base/bytes.h"
#include "core/base/id.h"

#define OUTPUT_INLINE_MAX 1000u
#define OUTPUT_VALUE_MAX (1 + 8 + OUTPUT_INLINE_MAX)
#define RESULT_LIST_MAX 3072u
#define OUTPUT_SIZE_MAX ((uint64_t)1 << 40) /* of one leaf */

enum output_kind { OUTPUT_BYTES = 0, OUTPUT_OBJECT = 1 };

struct output {
    enum output_kind kind;
    uint64_t size;
    struct bytes bytes; /* borrowed, of OUTPUT_BYTES */
    struct digest name; /* of OUTPUT_OBJECT */
};

struct collected {
    uint64_t size;
    uint32_t leaves;
    struct digest list;
    struct bytes inline_list; /* borrowed; empty: it is an object only */
};

void put_collected(struct buf *b, const struct collected *c);
/* 0 or ERR_FORMAT. */
int read_collected(struct bytes result, struct collected *c);
void put_output(struct buf *b, const struct output *o);
/* 0 or ERR_FORMAT; `o` may be NULL. */
int read_output(struct bytes value, struct output *o);

#endif
