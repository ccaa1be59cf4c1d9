/* Trying the plugins of a folder at a node's start: each is loaded and described in a worker
 * process of its own, so that one which crashes, hangs or lies harms nothing and is refused with a
 * reason.
 *
 * Runs before crew_open, with the same spawner and a loop of its own, and returns when every plugin
 * has answered or its time is over: 4 at once, 2 s each. Called by kernels.c. */
#ifndef VELUM_HOST_PROBE_H
#define VELUM_HOST_PROBE_H

#include "core/host/crew.h"
#include "core/wire/view.h"

#define PROBE_PLUGINS_MAX 256
#define PROBE_MESSAGE_SIZE 1280

/* Calls found for every file of `dir` whose name ends in ".so", sorted by name. `refuse`: NULL, or
 * why none of them is tried. A view whose `refused` is empty is a plugin to use; otherwise its name
 * is the file's. Refused are files that are not regular, or that others may write, or that are
 * another user's (root's are fine); kernels with a built-in's name and another source;
 * and, of two plugins with one name, the later file.
 *
 * Returns the number of views, or < 0 with one sentence in message when the folder cannot be used
 * (missing, others may write it, more than 256 plugins). The spawner stays the caller's; it may
 * have been replaced. */
int probe_plugins(struct spawner *s, const char *dir, const char *refuse,
                  const struct kernel_view *builtins, uint32_t builtins_count,
                  void (*found)(void *ctx, const struct kernel_view *view), void *ctx,
                  char message[PROBE_MESSAGE_SIZE]);

#endif
