/* Whole reads and writes of files, and what the system's refusals are called. Called by
 * store_file.c, the mover, and whoever has files of its own. */
#ifndef VELUM_HOST_FILE_H
#define VELUM_HOST_FILE_H

#include <stddef.h>
#include <stdint.h>

/* The code of base/err.h for an errno: NO_SPACE, NOT_FOUND, PERMISSION, FULL, NO_MEMORY or IO. */
int file_fault(int number);
/* What a system call returned, or the code for its errno. */
int file_result(int returned);
/* Bytes read (fewer than n only at the end of the file), or a code. n <= INT_MAX. */
int file_get(int fd, uint64_t at, void *to, size_t n);
/* 0 when all of it is written. */
int file_put(int fd, uint64_t at, const void *from, size_t n);
/* Where what need not outlast the process goes: $TMPDIR, or /tmp. Not the caller's. */
const char *file_temporary(void);
/* A folder just made is durable when its parent is. */
int file_sync_parent(int folder);

#endif
