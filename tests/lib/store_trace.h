/* Writes down what a journal asks of its store, call by call, so that every crash of that life can
 * be made up afterwards (tests/lib/crash_walk.h).
 *
 * Owns the list and the bytes in it. Stands before any other store and changes nothing of what is
 * asked or answered; calls that fail are not written down, so the store behind it must leave
 * nothing of them. A file has one number for life, whatever its name. */
#ifndef VELUM_TESTS_STORE_TRACE_H
#define VELUM_TESTS_STORE_TRACE_H

#include "core/journal/store.h"

#define STORE_TRACE_FILES_MAX 200
#define STORE_TRACE_HANDLES_MAX 1024

enum trace_kind {
    TRACE_CREATE, /* the file got its first name */
    TRACE_RENAME,
    TRACE_REMOVE,
    TRACE_WRITE,
    TRACE_RESIZE, /* to `offset` bytes, with zeroes where it grows */
    TRACE_SYNC,
    TRACE_SYNC_FOLDER,
    TRACE_ACK /* everything so far was called durable */
};

struct trace_op {
    enum trace_kind kind;
    int file;
    char name[STORE_NAME_SIZE];
    char to[STORE_NAME_SIZE]; /* of a renaming */
    uint64_t offset;
    size_t len;
    uint8_t *data;
};

struct store_trace {
    struct store store; /* give this to the journal; do not move it */
    struct store below;
    struct trace_op *ops;
    size_t count, cap;
    char names[STORE_TRACE_FILES_MAX][STORE_NAME_SIZE]; /* as programs see them; empty: none */
    int files_count;
    int file_of_handle[STORE_TRACE_HANDLES_MAX];
    uint32_t
        calls_left; /* the process is killed before the last of so many changing calls; 0: no */
    bool killed;    /* it was: no call does anything any more */
};

void store_trace_init(struct store_trace *t);
/* From here on over this store, which has the same files as the one before. */
void store_trace_over(struct store_trace *t, const struct store *below);
/* Another process begins. */
void store_trace_revive(struct store_trace *t);
void store_trace_ack(struct store_trace *t);
void store_trace_clear(struct store_trace *t);

#endif
