/* Where the bytes of an object come from: a file, or standard input, which may be anything that can
 * be read; and their way to a node.
 *
 * Owns the descriptor. What goes wrong is said here, with an exit code. Called by put.c and
 * inputs.c. */
#ifndef VELUM_CMD_SOURCE_H
#define VELUM_CMD_SOURCE_H

#include "cmd/line.h"
#include "cmd/transfer.h"
#include "core/host/object_flow.h"

#define SOURCE_UNKNOWN TRANSFER_UNKNOWN

struct source {
    const char *what; /* FILE, or what people call "-" */
    int fd;
    bool whole;    /* an ordinary file, from its first byte on */
    bool is_empty; /* an ordinary file of which nothing is left to read */
    uint64_t size; /* to its end; SOURCE_UNKNOWN of a pipe, and of what may be empty */
    uint64_t sent; /* by source_put */
    /* Which file it is, and when it was written to last: a put of it that was broken off goes on by
     * this. Zero: it cannot, as of one that is short, or was written to just now. */
    struct digest key;
};

/* 0 or an exit code. `file` is borrowed until source_close. */
int source_open(struct source *s, const char *file);
/* Accepts one that was never opened, with fd -1. */
void source_close(struct source *s);
/* The name that the bytes of one that is `whole` make as an object. Reads all of it and leaves the
 * descriptor where it was. 0; ERR_CANCELLED after SIGINT; or ERR_DAMAGED when it became shorter, or
 * why it cannot be read: source_put will say that. Says nothing itself. */
int source_name(const struct source *s, struct digest *name);

struct source_way {
    struct line *line;
    struct transfer *progress;
    uint64_t before;   /* bytes that the progress has counted already */
    const char *again; /* the end of a failure: "velum put again" */
    uint8_t copies;    /* to wait for, 0: the usual number */
    bool patient;      /* when the node ends, a whole file is sent to another one */
};

/* Sends all of it, and waits until the node has it and the copies are synced: 0, or an exit code
 * after saying what is wrong; nothing of it is at the node then, unless it says so. What a command
 * that was broken off has sent of the same file in the last minutes is not sent again, and that is
 * said. SIGINT must be caught (interrupt.h). */
int source_put(struct source *s, const struct source_way *way, struct object_view *made);

#endif
