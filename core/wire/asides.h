/* Many PLANs, or many SHOWs, of one kernel in one message: who has thousands of inputs for a kernel
 * that only a node has asks for them by the frame, and not one by one. A worker does them all, and
 * may be kept for the next such request of the same link.
 *
 *   REQUEST_ASIDES   text kernel, 32 source (zeroes: whichever the node has), list
 *   ORDER_ASIDES     list
 *   WORKER_ASIDES    list of answers
 *   REPLY_ASIDES     text kernel, 32 source, u8 reduction, text then (both as in a kernel view),
 *                    u32 accumulator size, list of answers
 *
 *   list             u8 what (0 plan, 1 show), u16 count (1..ASIDES_COUNT_MAX), count x block
 *     of a plan      as ORDER_PLAN has it; its answer as WORKER_PLANNED has it
 *     of a show      block params, block accumulator; its answer as WORKER_SHOWN has it
 *
 * Answers are those of the first of the list, in order: as many as fit a frame, and no more are
 * begun when ASIDES_TIME_US have gone by. There is one at least. The rest is asked again. */
#ifndef VELUM_WIRE_ASIDES_H
#define VELUM_WIRE_ASIDES_H

#include "core/wire/order.h"

#define ASIDES_COUNT_MAX 1024u
#define ASIDES_LIST_MAX (FRAME_PAYLOAD_MAX - 256u) /* bytes; in each message there is a head too */
#define ASIDES_TIME_US 50000
#define ASIDE_ANSWER_MAX (PARAMS_SIZE_MAX + REASON_SIZE + 64u) /* bytes of one, with its length */

enum asides_what { ASIDES_PLAN = 0, ASIDES_SHOW = 1 };

/* Then `count` of them, taken with read_aside. */
struct asides {
    uint8_t what; /* enum asides_what */
    uint16_t count;
    struct reader rest;
};
struct request_asides {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    struct bytes list; /* borrowed: what ORDER_ASIDES has */
};
struct reply_asides {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    uint8_t reduction;
    char then[KERNEL_NAME_SIZE];
    uint32_t accumulator_size;
    struct bytes list; /* borrowed: what WORKER_ASIDES has */
};
struct aside_show {
    struct bytes params, accumulator; /* borrowed */
};

/* Then the blocks, each written between put_aside_begin and
 * put_aside_end. The list begins where the buf
 * ends; asides_count puts in how many there are when that is known. */
size_t put_asides_begin(struct buf *b, enum asides_what what);
void asides_count(struct buf *b, size_t list, uint16_t count);
size_t put_aside_begin(struct buf *b);
void put_aside_end(struct buf *b, size_t block);
/* Steps through all of it; what is in the blocks is for those to check who take them. 0 or
 * ERR_FORMAT. */
int read_asides(struct bytes list, struct asides *m);
struct bytes read_aside(struct reader *r);

void put_aside_show(struct buf *b, const struct aside_show *m);
int read_aside_show(struct bytes block, struct aside_show *m);

/* Then the list. */
void put_request_asides_begin(struct buf *b, const char *kernel, struct digest source);
/* The list is stepped through as well. */
int read_request_asides(struct bytes payload, struct request_asides *m);
void put_reply_asides(struct buf *b, const struct reply_asides *m);
int read_reply_asides(struct bytes payload, struct reply_asides *m);

#endif
