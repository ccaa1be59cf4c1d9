/* Groups of the system's that processes are in for what they use (cgroups of version 2 or 1), each
 * a folder below one that is open: made, limited, entered, emptied and removed.
 *
 * In version 2 one folder has every controller. In version 1 memory and the number of processes are
 * two hierarchies, and a group is a folder in each; the second may be missing, as workers can make
 * no process anyway (sandbox.h).
 *
 * The folders' owner closes them. Everything but cgroup_limit is a few system calls of some
 * microseconds; entering takes up to 15 ms, as the system waits for all its cores to agree, and so
 * is done ahead of need (stem.h). Called by cgroup.c, stem.c and spawner.c. */
#ifndef VELUM_HOST_CGROUP_GROUP_H
#define VELUM_HOST_CGROUP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#define CGROUP_NAME_SIZE 64

struct cgroup_root {
    int version; /* 2, 1, or 0: there are no groups */
    int memory;  /* descriptor of the folder that groups are made in */
    int pids;    /* in version 1 that of the other hierarchy, or -1 */
    int flags;   /* more of open: O_CREAT where a test's folders stand for groups */
};

/* Which limit a process of a group was killed for: in both versions the system counts in a group
 * whom it killed, and in each group that its limit was reached. */
enum cgroup_kill { CGROUP_KILL_NONE, CGROUP_KILL_OWN, CGROUP_KILL_ABOVE, CGROUP_KILL_SYSTEM };

/* Each 0, or -1 with errno set. `name` "." is the folder itself. */
int cgroup_make(const struct cgroup_root *r, const char *name);
/* So many bytes of memory, and none of swap. */
int cgroup_limit(const struct cgroup_root *r, const char *name, uint64_t bytes);
int cgroup_limit_processes(const struct cgroup_root *r, const char *name, uint32_t count);
/* Moves the calling process there. Good between vfork and exec. */
int cgroup_enter(const struct cgroup_root *r, const char *name);
/* Moves all that is in one group to another, as far as the system lets it. */
void cgroup_move_all(const struct cgroup_root *r, const char *from, const char *to);
/* Looks before the group is removed. */
enum cgroup_kill cgroup_killed(const struct cgroup_root *r, const char *name);
/* SIGKILL to all that is in it. */
void cgroup_kill_all(const struct cgroup_root *r, const char *name);
/* Only one without processes is removed; one that is gone counts as removed. */
int cgroup_remove(const struct cgroup_root *r, const char *name);

/* One small file of a folder: a word is written, or up to cap - 1 bytes read. The same. */
int cgroup_write(const struct cgroup_root *r, int folder, const char *name, const char *file,
                 const char *word);
int cgroup_read(int folder, const char *name, const char *file, char *text, int cap);

#endif
