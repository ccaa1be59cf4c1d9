/* What the mover says: answers are gathered and written together. Called by mover_process.c. */
#ifndef VELUM_HOST_MOVER_ANSWER_H
#define VELUM_HOST_MOVER_ANSWER_H

#include "core/base/bytes.h"

/* Begins an answer, to be filled with put_moved_... and ended. */
struct buf *answer_begin(uint8_t type, uint32_t request);
void answer_end(void);
/* Writes everything that was said; blocks until the node takes it. Ends the process when the node
 * has gone. */
void answer_flush(void);

#endif
