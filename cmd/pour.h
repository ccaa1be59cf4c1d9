/* The result of a job that collects, written where it is wanted: the outputs of its leaves, one
 * after the other, each got from the mesh and checked against the name that the job's list gives
 * it. Never more in memory than the list, which is 17 MB at most, and a few frames.
 *
 * Called by follow.c, result.c and flow_resume.c. */
#ifndef VELUM_CMD_POUR_H
#define VELUM_CMD_POUR_H

#include "cmd/line.h"
#include "cmd/progress.h"

struct pour_options {
    const char *file; /* by way of FILE.part, as `velum get -o` has it; NULL: standard output */
    const int *fd; /* not NULL: to this open file instead, which is the caller's (sink_open_at) */
    enum progress_kind progress;
};

/* A job that is done. The exit code; CODE_NO_READER, and nothing is said, when nobody reads
 * standard output any more. */
int pour_result(struct line *l, const struct job_view *v, const struct pour_options *o);
/* Only the list of its outputs, as output.h draws it; gives *list. The exit code. */
int pour_list(struct line *l, const struct job_view *v, uint8_t **list, size_t *len);
/* The same for a result that is a text. */
int pour_text(const char *text, const struct pour_options *o);

#endif
