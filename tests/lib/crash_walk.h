/* Every crash of a recorded life of a journal.
 *
 * A power loss leaves what was synced, and of the rest any part: every write, every change of a
 * length and every change of a name by itself, whole or not at all, and the last write torn at any
 * byte. crash_walk makes these folders one after another and recovers each. What must come out is
 * what was acknowledged, or that and a part of what was on its way: never damage, because nothing
 * that was promised is missing.
 *
 * What was promised is learned from the life itself: at each acknowledgement the folder as programs
 * see it is recovered, and those records are the truth of that moment. */
#ifndef VELUM_TESTS_CRASH_WALK_H
#define VELUM_TESTS_CRASH_WALK_H

#include "core/journal/journal.h"
#include "tests/lib/folder_memory.h"
#include "tests/lib/store_trace.h"

#define WALK_PENDING_MAX 64

/* How thorough a walk is. */
struct crash_depth {
    size_t all_upto;  /* all parts of so many operations; of more than these only parts that lose */
    size_t apart_max; /* at most so many, or keep at most so many */
    size_t tears_max; /* of one write, spread evenly; SIZE_MAX: at every byte */
};

/* The records a folder recovers to, as a running hash after each. */
struct crash_truth {
    uint64_t *after;
    size_t count;
};

struct crash_walk {
    const struct store_trace *trace;
    struct journal_options options;
    struct crash_depth depth;
    struct folder_memory durable, disk;
    const struct trace_op *pending[WALK_PENDING_MAX];
    size_t pending_count, pending_most;
    struct crash_truth *truths; /* by number of acknowledgements; the last is of the end */
    size_t truths_count;
    size_t acks;
    size_t at; /* in the trace, for messages */
    uint64_t states, mended;
};

/* Walks the whole life. False at the first folder that does not recover as it must, which it
 * describes on stdout. The figures in `w` are of this walk; nothing of it needs to be released. */
bool crash_walk(struct crash_walk *w, const struct store_trace *trace,
                const struct journal_options *options, struct crash_depth depth);

#endif
