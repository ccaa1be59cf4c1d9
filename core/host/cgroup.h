/* The group of a node's workers (cgroup of version 2 or 1): what they take together the system
 * counts and limits, and each has one of its own below it (stem.h).
 *
 * A node divides the group that it was started in:
 *
 *   GROUP/velum-PID-START          of all workers, and a folder in it for each; START is when the
 *                                  process began, so that nobody else is ever called like this
 *   GROUP/velum-PID-START.node     in version 2, where a group that is divided may hold no process:
 *                                  the node and its spawner
 *
 * A group has one who divides it. Left to itself (CGROUP_AUTO) a node takes only one that is its to
 * divide: the first of all that it may see, one that belongs to its user and not to root, or one
 * that is marked as handed over (trusted.delegate, user.delegate: what a service manager does for
 * Delegate=yes); then also the one above its own, if that is marked. CGROUP_YES takes its own in
 * any case: its operator says that nobody else divides it.
 *
 * Whether it works is measured: a group is made, limited, entered and removed. What a dead node of
 * the same user has left behind in the same place is removed; no process is ever killed for that.
 *
 * One of each process. Called by cmd/doctor.c, host.c, machine.c, crew.c, spawner.c and tests. */
#ifndef VELUM_HOST_CGROUP_H
#define VELUM_HOST_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/host/cgroup_group.h"

#define CGROUP_REASON_SIZE 512
/* What a worker has beyond the memory its kernel may have: its own, and tables of pages. */
#define CGROUP_OWN_BYTES ((uint64_t)32 << 20)

enum cgroup_mode { CGROUP_NO, CGROUP_AUTO, CGROUP_YES };

struct cgroup_options {
    enum cgroup_mode mode;
    uint64_t memory_bytes; /* of all workers together; 0: no limit */
    pid_t spawner;         /* moves with this process; 0: there is none */
    const char *proc;      /* NULL: /proc/self; tests have a folder of their own */
};

/* Who a node is to its groups; how the spawner is told. */
struct cgroup_owner {
    uint32_t pid;
    uint64_t start;
};

/* Before the tier is measured, and before there are threads. 0, or ERR_UNSUPPORTED and
 * cgroup_reason says why. */
int cgroup_open(const struct cgroup_options *o);
/* The same as far as it can be seen without making anything, in a process that is no node; nothing
 * is open after it. */
int cgroup_look(const struct cgroup_options *o);
bool cgroup_is_open(void);
/* Why there is no group, in a few words that name what is missing; "" where there is one. */
const char *cgroup_reason(void);
/* Of an open one, until it is closed. */
const struct cgroup_root *cgroup_root(struct cgroup_owner *owner);
/* After the workers have ended. */
void cgroup_close(void);

/* In the spawner, which outlives its node: removes all groups of this node that hold no process. */
void cgroup_clear(const struct cgroup_root *r, struct cgroup_owner owner);
/* The groups of workers alone. */
void cgroup_clear_workers(const struct cgroup_root *r);

#endif
