/* How often the system has killed a process of this one's memory cgroup for want of memory, by
 * cgroup v2 or v1. Workers are in that cgroup, so such a kill explains the SIGKILL of one. Looked
 * at when a worker was killed, by crew.c. Where no file says so the answer is always 0: a death by
 * memory then looks like any other kill from outside. */
#ifndef VELUM_HOST_OOM_H
#define VELUM_HOST_OOM_H

#include <stdint.h>

uint64_t oom_kills(void);

#endif
