/* The inputs of a stage: objects that every leaf of it may read. In a spec and in LOAD they stand
 * one after the other, 40 bytes each:
 *
 *   32 object name, u64 size */
#ifndef VELUM_WIRE_INPUT_H
#define VELUM_WIRE_INPUT_H

#include <stdbool.h>

#include "core/base/bytes.h"
#include "core/base/id.h"

#define STAGE_INPUTS_MAX 256
#define STAGE_INPUT_BYTES 40u
#define STAGE_INPUT_SIZE_MAX ((uint64_t)1 << 46) /* as core/object/name.h has it */
#define STAGE_INPUT_UNKNOWN UINT64_MAX /* in PLAN: a stage is still to yield it (velum_kernel.h) */

/* What a stage needs of others, as spec.h draws it: u32 stage, u16 place. */
#define STAGE_NEED_BYTES 6u
#define NEED_ORDER 0xffffu

struct stage_need {
    uint32_t stage;
    uint16_t place; /* or NEED_ORDER */
};

struct stage_input {
    struct digest name;
    uint64_t size;
};

void put_stage_input(struct buf *b, const struct stage_input *in);
/* The i-th of them; there are that many. */
struct stage_input stage_input_at(struct bytes inputs, uint16_t i);
/* u16 count, inputs: borrowed from the reader, which fails at a bound. */
struct bytes read_stage_inputs(struct reader *r, uint16_t *count);
/* Its name is zero: in LOAD, its bytes come from the node and not from a file. */
bool stage_input_is_given(struct bytes inputs, uint16_t i);
/* So many, each of a size that an object can have. */
bool stage_inputs_fit(struct bytes inputs, uint16_t count);

void put_stage_need(struct buf *b, const struct stage_need *n);
/* The i-th of them; there are that many. */
struct stage_need stage_need_at(struct bytes needs, uint16_t i);

#endif
