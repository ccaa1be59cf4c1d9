/* Loading a plugin file, in two steps with a wall between them: worker processes read the file
 * while they may still open one, shut themselves in (sandbox.h), and only then look at what they
 * have read. A plugin that crashes or hangs while it is loaded harms nobody else. */
#ifndef VELUM_HOST_PLUGIN_H
#define VELUM_HOST_PLUGIN_H

#include "core/base/bytes.h"
#include "core/wire/order.h"
#include "plugins/velum_kernel.h"

/* Gives the bytes of the file, not empty, for plugin_take. 0, or ERR_NOT_FOUND, ERR_IO,
 * ERR_NO_MEMORY or ERR_KERNEL with one sentence in reason, without the file's name. */
int plugin_read(const char *path, struct bytes *out, char reason[REASON_SIZE]);
/* Checks and loads them for the rest of the process's life, without a file, and runs nothing of it.
 * Takes the bytes, also when it fails. 0 with *out, or ERR_UNSUPPORTED, ERR_NO_MEMORY or ERR_KERNEL
 * with one sentence. */
int plugin_take(struct bytes file, const struct velum_kernel **out, char reason[REASON_SIZE]);
/* Both. */
int plugin_load(const char *path, const struct velum_kernel **out, char reason[REASON_SIZE]);

#endif
