/* How far bytes are on their way, on standard error: a bar that redraws itself on a terminal, a
 * plain line every 10 s elsewhere. The rate is that of this command: what an earlier one had
 * brought already counts as done and for nothing else.
 *
 * Never reads a clock: the caller says what time it is. Called by put.c and get.c. */
#ifndef VELUM_CMD_TRANSFER_H
#define VELUM_CMD_TRANSFER_H

#include "cmd/progress.h"

#define TRANSFER_UNKNOWN UINT64_MAX
#define TRANSFER_TEXT_SIZE 160

struct transfer {
    enum progress_kind kind; /* PROGRESS_JSON is shown as lines */
    FILE *to;
    unsigned columns;
    uint64_t total; /* bytes, or TRANSFER_UNKNOWN */
    uint64_t first; /* bytes that were there at the start */
    struct instant began, last, sample_at;
    uint64_t sample_done, rate; /* bytes a second, smoothed */
    bool drawn;                 /* a bar stands on the line */
};

void transfer_begin(struct transfer *t, enum progress_kind kind, FILE *to, unsigned columns,
                    uint64_t total, uint64_t first, struct instant now);
void transfer_update(struct transfer *t, uint64_t done, struct instant now);
/* The next so many bytes were there already; and are not, after all. */
void transfer_skip(struct transfer *t, uint64_t bytes);
void transfer_unskip(struct transfer *t, uint64_t bytes);
/* Leaves the bar's line, so that something else can be said. */
void transfer_pause(struct transfer *t);
/* "1.0G in 2.1 s (490.5M/s)" of what this command moved. */
void transfer_summary(const struct transfer *t, uint64_t done, struct instant now,
                      char to[TRANSFER_TEXT_SIZE]);

#endif
