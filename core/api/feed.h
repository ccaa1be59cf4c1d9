/* The inputs of a task on their way: files are put, references are looked at, one after the other,
 * each by an operation of its own that nobody else is told of (op.h: child). Then the task knows
 * the names and sizes of all of them.
 *
 * Owns the open files. Called by task.c. */
#ifndef VELUM_API_FEED_H
#define VELUM_API_FEED_H

#include "core/api/handle.h"
#include "core/wire/input.h"

struct feed_one {
    int fd; /* < 0: a reference */
    char ref[65];
    uint64_t size; /* UINT64_MAX: not known yet */
};

struct feed {
    uint16_t count, made_count;
    struct feed_one *list;
    struct stage_input *made; /* of the first made_count */
};

/* Opens the files and reads the references: 0, or a code after remembering why. To be cleared in
 * any case. */
int feed_open(struct velum *v, const struct velum_task *t, struct feed *f);
void feed_clear(struct feed *f);
/* False when a size is not known yet. */
bool feed_sizes(const struct feed *f, uint64_t sizes[STAGE_INPUTS_MAX]);
bool feed_is_done(const struct feed *f);
bool feed_is_at_last(const struct feed *f);
/* What has not come is not read. */
void feed_leave_rest(struct feed *f);
/* Begins the next one as op's child, or ends op. */
void feed_next(struct velum *v, struct op *op, const struct feed *f);
/* The child has come to its end: false after ending op, because the child has failed. */
bool feed_take(struct velum *v, struct op *op, struct feed *f, const struct op *child);

#endif
