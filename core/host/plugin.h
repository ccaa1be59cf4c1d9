/* Loading a plugin file: the only place that calls dlopen. Used by worker processes, so that a
 * plugin that crashes or hangs while it is loaded harms nobody else. */
#ifndef VELUM_HOST_PLUGIN_H
#define VELUM_HOST_PLUGIN_H

#include "core/wire/order.h"
#include "plugins/velum_kernel.h"

/* Checks and loads the file for the rest of the process's life. 0 with *out, or ERR_NOT_FOUND,
 * ERR_IO, ERR_UNSUPPORTED, ERR_NO_MEMORY or ERR_KERNEL with one sentence in reason, without the
 * file's name. */
int plugin_load(const char *path, const struct velum_kernel **out, char reason[REASON_SIZE]);

#endif
