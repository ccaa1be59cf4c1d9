/* A state folder's journal without its node: what to say of one that another version wrote, and
 * compaction while no node runs. Called by host.c and by cmd/journal.c. */
#ifndef VELUM_HOST_JOURNAL_FILE_H
#define VELUM_HOST_JOURNAL_FILE_H

#include "core/journal/journal.h"

/* One half of a sentence that names both versions: what `found` says of a journal refused with
 * ERR_VERSION, and what this executable knows. Returns `to`. */
const char *journal_file_version(const char *folder, const struct journal_report *found, char *to,
                                 size_t cap);

struct journal_compaction {
    struct journal_report before;
    uint64_t bytes_before, bytes_after; /* up to the last record */
    uint64_t records_after;
};

/* Replays the journal into a node that does nothing else, and writes what that node would keep in
 * its place. The caller has the folder's lock. Errors are those of journal_open, node_replay and
 * journal_compact; then everything is still there, at most a torn tail was set aside as at the
 * start of a node. */
int journal_file_compact(const char *folder, struct journal_compaction *out);

#endif
