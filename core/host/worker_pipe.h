/* The worker's side of its two pipes: whole frames in on descriptor 0, whole frames out on 1.
 *
 * When either end has gone the worker has no reason to live: these functions then end the process
 * with status 0, without a word. So do they when the node sends something that is not a frame,
 * with status 2. Called by worker.c and, during naps, by worker_host.c. */
#ifndef VELUM_HOST_WORKER_PIPE_H
#define VELUM_HOST_WORKER_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/wire/frame.h"

#define PIPE_SECOND_MAX 64

/* The next frame that has already been received, without looking at the descriptor. Its payload is
 * valid until the next call of a function here that receives, or of this one. */
bool pipe_next(struct frame *out);
/* Receives whatever is there now, without waiting. */
void pipe_look(void);
/* Waits until something has been received. */
void pipe_wait(void);
/* Waits so long and receives meanwhile. Returns early only by ending the process. */
void pipe_nap(uint64_t us);

/* Begins a frame in the output buffer, to be filled with put_... functions and sent. */
struct buf *pipe_begin(uint8_t type, uint32_t request);
/* Ends the frame begun, which may be one of the largest, and begins another that goes with it: an
 * empty or small one, of PIPE_SECOND_MAX bytes at most. */
struct buf *pipe_second(uint8_t type, uint32_t request);
/* Sends what was begun; blocks until it is written. */
void pipe_send(void);

#endif
