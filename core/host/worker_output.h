/* What the leaves of a collect yield, on its way from the kernel to the node: few bytes become the
 * leaf's value here, more of them leave in parts while the leaf is still computed, as fast as the
 * node takes them, and the node names the object they make (core/wire/output.h, order.h). Until it
 * does the next leaf is computed, of which nothing leaves before. Values gather until they are
 * reported, in the order of the leaves.
 *
 * Memory is one part and one report, whatever a leaf yields. Called by worker.c; worker_host.c
 * hands on what kernels emit. */
#ifndef VELUM_HOST_WORKER_OUTPUT_H
#define VELUM_HOST_WORKER_OUTPUT_H

#include <stdbool.h>

#include "core/wire/order.h"
#include "core/wire/output.h"

struct collect {
    uint64_t run, leaf;
    uint32_t request; /* of the run's order */
    uint32_t credit;  /* bytes of OUTPUT that may leave now, at most OUTPUT_WINDOW */
    uint64_t size;    /* what the leaf has yielded */
    size_t part_len;
    bool broken; /* an emit was refused, so that the leaf fails whatever its kernel says */
    bool awaits; /* OUTPUT_END of this leaf has left, TAKEN has not come */
    uint64_t awaited_leaf, awaited_size;
    struct buf values;
    uint16_t values_count;
    uint8_t part[OUTPUT_PART_MAX];
    uint8_t values_raw[PROGRESS_VALUES_MAX];
    /* Obeys the orders that have come, and first waits for some when `patient`. False when the
     * worker has to end. */
    bool (*stand_by)(void *ctx, bool patient);
    void *ctx;
};

void collect_begin_run(struct collect *c, uint64_t run, uint32_t request);
/* Room for the value that is awaited and one more? If not, the values are to be reported and
 * dropped first. */
bool collect_has_room(const struct collect *c);
void collect_begin_leaf(struct collect *c, uint64_t leaf);
/* The next bytes of the leaf; waits for the node as long as it must. ERR_TOO_LARGE when the leaf
 * yields more than OUTPUT_SIZE_MAX, ERR_CLOSED when the worker has to end. */
int collect_emit(struct collect *c, const void *bytes, size_t size);
/* The leaf is computed: its value joins the others, or is awaited where there is an object. 0, or
 * what an emit failed with. */
int collect_end_leaf(struct collect *c);
/* Waits until nothing is awaited. 0, or ERR_CLOSED when the worker has to end. */
int collect_settle(struct collect *c);
void collect_drop_values(struct collect *c);

/* MORE, and TAKEN: false when nobody asked for that one. */
void collect_more(struct collect *c, const struct order_more *m);
bool collect_taken(struct collect *c, const struct order_taken *m);

#endif
