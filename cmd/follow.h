/* Waiting for a job: shows progress, survives the death of the node it is asking, and answers
 * Ctrl-C. The tail of `run`, and the whole of `wait`. */
#ifndef VELUM_CMD_FOLLOW_H
#define VELUM_CMD_FOLLOW_H

#include "cmd/jobs.h"
#include "cmd/pour.h"

#define FOLLOW_LOST_MAX_US (30 * S_US)

struct follow_options {
    enum progress_kind progress;
    struct instant until; /* stop waiting then; INSTANT_NEVER */
};

/* Waits until the job has ended: true with the job in *end (job_entry_clear it). False when it
 * stopped waiting earlier and has said why; *code is the command's exit code then, 0 after the user
 * chose to detach. */
bool follow_job(struct line *l, struct job_id id, const struct follow_options *o,
                struct job_entry *end, int *code);
/* Prints what became of an ended job: the result where `o` says (or with json the job object on
 * standard output), how it went on standard error. Returns the exit code; CODE_NO_READER, and
 * nothing is said, when a result was longer than anybody wanted to read. */
int follow_outcome(struct line *l, struct job_entry *e, bool json, const struct pour_options *o);
/* Only the result, of a job that is done and was shown (jobs_show). */
int follow_result(struct line *l, const struct job_entry *e, const struct pour_options *o);
/* Says why an ended job has no result. Returns the exit code. kept: nodes still know the job, so
 * that more can be asked of them. */
int follow_failure(const struct job_view *v, bool kept);
/* The document {"v":1,"jobs":[...]} on standard output. */
void follow_print_json(const struct job_entry *list, size_t count);

#endif
