/* Reads the records of a journal from its bytes, by the drawing in core/journal/record.h alone. It
 * shares no code with core/journal: what both of them believe has been read twice.
 *
 * Pure: the caller brings the bytes of the segments. Changes nothing, allocates nothing. */
#ifndef VELUM_VERIFY_SCAN_H
#define VELUM_VERIFY_SCAN_H

#include <stdbool.h>

#include "core/base/bytes.h"

struct scan_files {
    void *ctx;
    const uint64_t *numbers; /* of the folder's segments, ascending */
    size_t count;
    /* The segment's bytes, `most` of them at most, borrowed until the next call. 0 or < 0. */
    int (*load)(void *ctx, uint64_t number, uint64_t most, struct bytes *out);
};

/* Called for every record in order; payload borrowed. A negative answer ends the scan. */
typedef int scan_each(void *ctx, uint16_t type, struct bytes payload);

struct scan_report {
    uint64_t records;
    uint64_t bad_segment, bad_offset; /* with ERR_DAMAGED: the place */
    const char *what;                 /* and a sentence; NULL: nothing is wrong */
};

/* 0: every record up to the last one was handed on; what follows it was never synced.
 * ERR_NOT_FOUND: there is no segment. ERR_DAMAGED: a synced record does not read, or a segment is
 * missing. ERR_VERSION: another format, or a vocabulary above `feature_level`. Else what `load` or
 * `each` said. */
int scan_journal(const struct scan_files *files, uint32_t feature_level, scan_each *each, void *ctx,
                 struct scan_report *report);

#endif
