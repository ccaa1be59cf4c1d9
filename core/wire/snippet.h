/* What a command asks of a node about a snippet, which has no place in the node's table of kernels:
 * its source, C or a plugin, is an object, which the node gets where it does not have it, and a
 * worker of its own compiles or loads it for each request.
 *
 *   REQUEST_SNIPPET  u8 what (0 describe, 1 plan, 2 show; 3 describe, 4
 *                    plan where the source is a plugin), 32 source (the object's name), text
 *                    kernel (of describe empty), u8 reduction, block params (of show, else empty),
 *                    and then, of plan, what ORDER_PLAN has; of show block accumulator
 *
 * The answer to describe is KERNEL, whose `refused` is what the compiler or the host says against
 * it; to plan PLAN, and to show TEXT (request.h). The reduction and the kernel's name are those
 * that describe told. */
#ifndef VELUM_WIRE_SNIPPET_H
#define VELUM_WIRE_SNIPPET_H

#include "core/wire/order.h"

enum snippet_what {
    SNIPPET_DESCRIBE = 0,
    SNIPPET_PLAN = 1,
    SNIPPET_SHOW = 2, /* of a result whose kernel is of either kind */
    SHIPPED_DESCRIBE = 3,
    SHIPPED_PLAN = 4
};

struct request_snippet {
    uint8_t what; /* enum snippet_what */
    struct digest source;
    char kernel[KERNEL_NAME_SIZE];
    uint8_t reduction;
    struct bytes params; /* borrowed */
    struct bytes order;  /* what a worker is told: the payload of PLAN or SHOW; borrowed */
};

/* DESCRIBE, PLAN or SHOW, of whichever kind. */
enum snippet_what snippet_what(const struct request_snippet *m);
/* Then the payload of the order. */
void put_request_snippet(struct buf *b, const struct request_snippet *m);
/* 0 or ERR_FORMAT; `order` is for those to check who take it. */
int read_request_snippet(struct bytes payload, struct request_snippet *m);

#endif
