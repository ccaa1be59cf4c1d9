/* The filter of system calls: a small program for the kernel's seccomp, made of the list in
 * sandbox_calls.h, and what a forbidden call comes to.
 *
 * Whatever the list does not have, calls in the manner of another machine (on x86-64 those of 32
 * bits and of x32) and memory that is to become code once loading is over: the call is not made,
 * the process gets SIGSYS, says which call it was on descriptor 2 and dies. Called by sandbox.c and
 * build_cage.c. */
#ifndef VELUM_HOST_SANDBOX_FILTER_H
#define VELUM_HOST_SANDBOX_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/* The system has what this needs. */
bool sandbox_filter_works(void);
/* Before the first filter: whoever makes a forbidden call says so. 0 or -1 with errno set. */
int sandbox_filter_listen(void);
/* For good, on top of what is there: a call must pass all filters. `loading`: memory may become
 * code, and another filter may follow. `threads`: for those of the whole process. 0 or -1 with
 * errno set. */
int sandbox_filter_install(bool loading, bool threads);

/* Another one, for programs that are not Velum's own: these calls only, new processes without
 * namespaces of their own, limits of nobody else, and no signals by way of a file; others fail with
 * ENOSYS. 0 or -1 with errno set. */
int sandbox_filter_only(const long *calls, size_t count);

#endif
