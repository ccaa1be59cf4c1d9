/* What a journal needs of a disk: one folder of short-named files, blocking calls.
 *
 * core/host/store_file.c is the real one, tests and the simulator bring their own. A store never
 * retries a failed sync and never reports a write that it cut short as done. It is used by one
 * thread at a time. */
#ifndef VELUM_JOURNAL_STORE_H
#define VELUM_JOURNAL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names are [0-9a-z.-]{1,47} and never start with a dot. */
#define STORE_NAME_SIZE 48

struct store {
    void *ctx;
    /* Calls `each` once for every file of the folder, in any order. A negative answer of `each`
     * ends the walk and is returned. 0, or ERR_IO. */
    int (*list)(void *ctx, int (*each)(void *arg, const char *name), void *arg);
    /* Gives a handle >= 0. With `create` the file is there afterwards and empty, otherwise a
     * missing file is ERR_NOT_FOUND. ERR_NO_SPACE, ERR_IO, ERR_PERMISSION, ERR_FULL. */
    int (*open)(void *ctx, const char *name, bool create);
    void (*close)(void *ctx, int file);
    int (*size)(void *ctx, int file, uint64_t *bytes);
    /* Number of bytes read; fewer than n only at the end of the file. n <= INT_MAX. */
    int (*read_at)(void *ctx, int file, uint64_t offset, void *to, size_t n);
    /* 0 when all n bytes were taken. After an error any part of them may have been written. */
    int (*write_at)(void *ctx, int file, uint64_t offset, const void *from, size_t n);
    /* Extends the file to `bytes` with zeroes that are really written, so that later overwriting
     * needs neither space nor metadata. ERR_NO_SPACE leaves the size anywhere in between. */
    int (*preallocate)(void *ctx, int file, uint64_t bytes);
    /* The contents and the size are durable when this returns 0. */
    int (*sync)(void *ctx, int file);
    int (*truncate)(void *ctx, int file, uint64_t bytes);
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*remove)(void *ctx, const char *name);
    /* Creations, renames and removals so far are durable when this returns 0. */
    int (*sync_folder)(void *ctx);
};

#endif
