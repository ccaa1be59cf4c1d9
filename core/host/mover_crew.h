/* The node's end of its mover: the process that reads, writes and hashes objects (`velum __mover`,
 * core/host/mover_process.h), so that the loop never waits for a disk. Orders and answers are drawn
 * in core/wire/move.h.
 *
 * The mover is a fresh exec of the same executable with an empty environment, orders on descriptor
 * 0, answers on 1, the node's standard error on 2, the objects' folder on 3 and the memory that
 * both share on 4 (mover_memory.h). It shuts itself into that folder, ends when its orders end, and
 * is killed when the node dies. When it dies, what was open is answered with ERR_IO and another is
 * started: at once, or, if it had not lived for a second, after a pause that doubles from 100 ms to
 * 10 s. So is one that says what is no answer, and one that was given more than
 * MOVE_OPEN_ORDERS_MAX orders or MOVE_OPEN_BYTES_MAX bytes that it has not answered: the core
 * counts what is open and never lets it come to that. And one that is silent for `patience_us`
 * while something is open: it was stopped, or its disk does not answer; in the latter case it
 * cannot be ended either, and until it is what is ordered fails at once.
 *
 * The folder is drawn in core/host/mover_folder.h.
 *
 * Called by driver.c. */
#ifndef VELUM_HOST_MOVER_CREW_H
#define VELUM_HOST_MOVER_CREW_H

#include "core/base/log.h"
#include "core/host/loop.h"
#include "core/wire/frame.h"

#define MOVER_PATIENCE_US (60 * S_US)

struct mover_crew_events {
    void *ctx;
    /* An answer, of the type that the order has, with its request number. */
    void (*answer)(void *ctx, const struct frame *frame);
    /* Another mover serves from now on; not told of the first. */
    void (*renewed)(void *ctx);
};

struct mover_crew;

/* Makes the folder where it is missing. fleeting: it goes with the node, so nothing is synced.
 * `executable` is borrowed for the call. ERR_NO_MEMORY, or what file_fault makes of the system's
 * refusal. The first mover may fail to start as any later one
 * may. Callbacks come from the loop only, never from inside a call of this header. */
int mover_crew_open(struct mover_crew **out, struct loop *l, int executable, const char *folder,
                    bool fleeting, int64_t patience_us, const struct log_sink *log,
                    const struct mover_crew_events *events);
/* 0: it will be answered, whatever happens. ERR_NO_MEMORY. payload.len <= FRAME_PAYLOAD_MAX. Small
 * ones wait for mover_crew_flush, so that the mover is woken once for all. */
int mover_crew_order(struct mover_crew *m, uint8_t type, uint32_t request, struct bytes payload);
/* At the end of each round of the loop. Accepts NULL. */
void mover_crew_flush(struct mover_crew *m);
/* Ends the process at once, within 500 ms, and closes everything. No callback is called. Accepts
 * NULL. */
void mover_crew_close(struct mover_crew *m);

/* Puts the answer that says no more than that an order could not be carried out; its type. `rc` is
 * an error code. */
uint8_t mover_crew_refuse(struct buf *payload, uint8_t order, int rc);
#endif
