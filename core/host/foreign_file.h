/* A file that a stranger may have made, read whole before the walls of a worker close and looked at
 * behind them (sandbox.h). Called by plugin.c and snippet.c. */
#ifndef VELUM_HOST_FOREIGN_FILE_H
#define VELUM_HOST_FOREIGN_FILE_H

#include "core/base/bytes.h"
#include "core/wire/order.h"

/* Gives its bytes, at least one and at most `max`, a multiple of 1 KiB. 0, or ERR_NOT_FOUND,
 * ERR_IO, ERR_NO_MEMORY or ERR_KERNEL with one sentence in reason, without the file's name. */
int foreign_file_read(const char *path, uint64_t max, struct bytes *out, char reason[REASON_SIZE]);
void foreign_file_forget(struct bytes file);

#endif
