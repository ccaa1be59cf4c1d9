/* Processes that are to become workers, each of which waits in a group of its own (cgroup_group.h).
 *
 * To put a process into a group takes up to 15 ms, a worker's start but 3: so the spawner keeps a
 * few that are there already. One that waits is a copy of the spawner, which holds nothing worth
 * having, and becomes a worker by the same steps as every other, when it is told to. It is in its
 * group before anything foreign can run in it, and what it starts is too.
 *
 * Belongs to the spawner. A group is removed when its worker has ended; one that still holds a
 * process is emptied by force and tried again later. Called by spawner.c. */
#ifndef VELUM_HOST_STEM_H
#define VELUM_HOST_STEM_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/host/cgroup.h"

#define STEMS 2
#define STEM_LEFT_MAX 64
#define STEM_REPLY_FD 5 /* while one becomes a worker; an exec closes it */
/* Of the bytes that a worker may have, the others are marks (spawner.h). */
#define STEM_BYTES (((uint64_t)1 << 62) - 1)

/* Turns the calling process into a worker; comes back only with what failed (spawner.h). */
typedef int stem_become(const void *ctx, const int descriptors[3], uint64_t memory_bytes);

struct stem {
    pid_t pid;
    int socket;
    uint32_t group;
};

struct stems {
    struct cgroup_root root; /* version 0: there are no groups; its descriptors are from 8 on */
    struct cgroup_owner owner;
    uint32_t made, count, left_count;
    struct stem waiting[STEMS];
    uint32_t left[STEM_LEFT_MAX]; /* groups that could not be removed yet */
    stem_become *become;
    const void *ctx;
};

/* Makes those that are missing. One that cannot be made is missed when it is needed. */
void stems_fill(struct stems *s);
/* Has one become a worker. 0 with *pid and *group; or what failed, with nothing left of it. */
int stems_start(struct stems *s, const int descriptors[3], uint64_t memory_bytes, pid_t *pid,
                uint32_t *group);
/* Changes the limit that such a worker began with. */
int stems_limit(const struct stems *s, uint32_t group, uint64_t memory_bytes);
/* A process has ended: whether it was one that waited. */
bool stems_ended(struct stems *s, pid_t pid);
/* A worker has ended, and is reaped: removes its group. What it was killed for, if it was. */
enum cgroup_kill stems_bury(struct stems *s, uint32_t group);
/* Kills and reaps those that wait. */
void stems_close(struct stems *s);

#endif
