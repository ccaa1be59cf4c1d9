/* Tree nodes and their values: the coin in which progress is paid, in reports, partial facts and on
 * worker pipes.
 *
 * A tree node of a stage is (level, index): it covers leaves
 * [index << level, (index + 1) << level), cut at the stage's last leaf. Encoded:
 *
 *   u8 level, u64 index, u32 length, bytes (the accumulator in its canonical form) */
#ifndef VELUM_WIRE_VALUE_H
#define VELUM_WIRE_VALUE_H

#include <stdint.h>

#include "core/base/bytes.h"

#define ACCUMULATOR_SIZE_MAX 4096
#define VALUE_HEAD_SIZE 13
#define LEAVES_MAX ((uint64_t)1 << 40)
#define LEVEL_MAX 40

struct tree_node {
    uint8_t level;  /* 0 is a leaf; <= LEVEL_MAX */
    uint64_t index; /* < LEAVES_MAX >> level */
};

struct value {
    struct tree_node at;
    struct bytes data; /* <= ACCUMULATOR_SIZE_MAX */
};

void put_value(struct buf *b, const struct value *v);
/* data is borrowed from the reader. Levels or lengths out of bounds fail the reader. */
struct value read_value(struct reader *r);

#endif
