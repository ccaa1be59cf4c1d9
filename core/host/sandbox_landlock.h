/* Landlock without a single exception: every right that this system can take away is taken away.
 * Files that are open, and pipes, stay as they are. Called by sandbox.c. */
#ifndef VELUM_HOST_SANDBOX_LANDLOCK_H
#define VELUM_HOST_SANDBOX_LANDLOCK_H

/* The version this system has, 0 when none. */
int sandbox_landlock_version(void);
/* For good; no new rights must have been given up before. 0 or -1 with errno set. */
int sandbox_landlock_enter(int version);

#endif
