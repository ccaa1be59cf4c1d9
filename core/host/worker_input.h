/* The inputs of the stage whose leaves this worker computes: what the node gives, in memory that is
 * read-only from then on, and files of objects, mapped read-only for as long as the process lives.
 * The bytes of those are in the page cache, not in the worker's memory; the node keeps the files
 * where they are meanwhile. Called by worker.c and worker_host.c. */
#ifndef VELUM_HOST_WORKER_INPUT_H
#define VELUM_HOST_WORKER_INPUT_H

#include "core/wire/order.h"

/* Maps what LOAD names, once, before any foreign code is there, and closes the files again. The
 * limit on addresses that the spawner set grows by as much and is final from here on. 0, or < 0
 * with a reason that names the object by its first digits. */
int worker_input_open(const struct order_load *m, char reason[REASON_SIZE]);
/* In place of those, what another LOAD names. ERR_ARGUMENT when an input is a file, of those or of
 * these: files stay mapped. */
int worker_input_again(const struct order_load *m, char reason[REASON_SIZE]);
/* Takes the bytes of an input that LOAD left out. ERR_FORMAT: it names another, or its size is not
 * what LOAD said, or they are here already. ERR_SYSTEM. */
int worker_input_given(const struct order_input *in);
/* All are here. */
bool worker_input_complete(void);
uint32_t worker_input_count(void);
/* Aligned to a page; not NULL of an empty one. NULL and size 0 where there is none of that index.
 */
const uint8_t *worker_input_at(uint32_t index, uint64_t *size);
/* Makes the limit on addresses final where nothing is mapped. */
void worker_input_none(void);

#endif
