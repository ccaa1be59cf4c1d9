/* The process `velum node`: a host with what belongs to a process of its own, which a node inside a
 * program does not touch: signals, limits, the file mode mask, and standard error. Called by
 * cmd/node.c. */
#ifndef VELUM_HOST_NODE_PROCESS_H
#define VELUM_HOST_NODE_PROCESS_H

#include "core/host/conf.h"
#include "core/host/crew.h"

/* Runs until it is told to stop. Returns the process's exit code; has printed what went wrong.
 * Takes the spawner. */
int node_process(const struct conf *c, struct spawner *s);

#endif
