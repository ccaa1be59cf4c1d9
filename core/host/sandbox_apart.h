/* Namespaces: a worker is apart from everybody else on its machine. It sees no network interface,
 * not even loopback, no System V object and no message queue, has a host name of its own, and once
 * its inputs are open no file at all: its root is an empty folder, read-only, and what was mounted
 * before is gone from its sight. Root has these from the system, an ordinary user from a user
 * namespace, in which he is nobody. Processes it has no namespace of: it can make none, and its
 * filter of system calls lets it signal none.
 *
 * Not every system allows this: containers and some distributions do not. Whether this one does is
 * measured (apart_works) and makes its tier. Called by sandbox.c and tests. */
#ifndef VELUM_HOST_SANDBOX_APART_H
#define VELUM_HOST_SANDBOX_APART_H

#include <stdbool.h>

/* Goes apart, but for files, which are still opened: first of all, in a process without other
 * threads. 0, or -1 with errno set and a few words about the step that failed. */
int apart_leave(const char **step);
/* Behind it, once every file is open: none is there any more. The same. */
int apart_empty_root(const char **step);
/* Both, tried in a process that is made for it. Reaps it, and no signal says that it ended. */
bool apart_works(void);

#endif
