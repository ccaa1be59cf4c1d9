/* One worker in its cage, driven by hand over its pipes as a node drives it, for measuring. Errors
 * end the program with a sentence. */
#ifndef VELUM_BENCH_CAGED_H
#define VELUM_BENCH_CAGED_H

#include "core/base/bytes.h"
#include "core/host/spawner.h"
#include "core/wire/frame.h"

#define CAGED_MEMORY_BYTES ((uint64_t)4 << 30)
#define CAGED_FRAME_SIZE (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX)

struct caged {
    uint32_t worker;
    int orders[2], reports[2], errors[2];
    size_t len, taken; /* of `data`: what was read, and the frame given last */
    uint8_t data[CAGED_FRAME_SIZE];
};

/* Asks for it; it says READY when it is there. `memory` as spawner_start has it. */
void caged_start(struct caged *c, const struct spawner *s, uint32_t worker, uint64_t memory);
void caged_order(struct caged *c, uint8_t type, struct bytes payload);
/* Waits for the next frame, which is to be of this type; borrowed until the next call. */
struct bytes caged_await(struct caged *c, uint8_t type);
/* Kills it and waits for its end. */
void caged_end(struct caged *c, const struct spawner *s);

#endif
