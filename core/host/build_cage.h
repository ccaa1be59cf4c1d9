/* The cage of a compiler: one of the machine's own programs, at work on what a stranger wrote.
 *
 *   limits             processor time, addresses and file sizes of each process; where it has an id
 *                      of its own, how many of them there are
 *   namespaces         no network interface, not even loopback (sandbox_apart.h), where allowed
 *   an id of its own   where the node is root (sandbox_rights.h), and no capability anywhere
 *   Landlock           it reads and runs what is below /usr, /bin, /lib and the like, reads what
 *                      tells the processor and where libraries are, and nothing else of the
 *                      machine: what it could take into the code it makes everybody may see
 *                      anyway. It writes files in one folder, and makes no folder or link there
 *   system calls       those on the list in build_cage.c: none of a network, none that signals,
 *                      traces, leaves its group of processes or changes a file's mode. Others
 *                      fail with ENOSYS, because compilers try this and that
 *
 * Whoever starts it ends its whole group when it is late; the spawner does so when its builder has
 * ended (spawner.c). Called by builder.c and tests. */
#ifndef VELUM_HOST_BUILD_CAGE_H
#define VELUM_HOST_BUILD_CAGE_H

#define BUILD_CPU_S 30
#define BUILD_WALL_S 60
#define BUILD_FILE_MAX (16u << 20)

/* In a child without threads, about to exec: shuts it in, with the open folder as its working
 * folder. 0, or -1 with errno set and a few words about the step that failed: it must not go on. */
int build_cage_enter(int folder, const char **step);

#endif
