/* From words on a command line to an acknowledged job: plan, sign, submit. */
#ifndef VELUM_CMD_SUBMIT_H
#define VELUM_CMD_SUBMIT_H

#include "cmd/cmd.h"
#include "cmd/line.h"
#include "cmd/pour.h"
#include "cmd/snippet.h"
#include "core/host/submission.h"

/* Checks the count and size of the arguments, of which those from files_at on are files, and joins
 * all of them for people. 0 or an exit code. */
int submit_take_args(struct submission *s, int argc, int files_at, char *const *argv);

/* What a kernel is to make a plan of. */
struct plan_wish {
    const char *kernel;
    int argc; /* arguments that are no files */
    char *const *argv;
    uint16_t inputs_count;
    const uint64_t *input_sizes;
    const struct snippet *snippet; /* that is the kernel; NULL: it is one of the node's */
};

/* Plans by a built-in, which there is. 0; or an exit code after saying what is wrong. */
int submit_plan_here(struct submission *s, const struct plan_wish *w);
/* The plan that a worker of the node makes. 0, or < 0 as line_exchange says, for the caller to
 * report. */
int submit_plan_ask(struct line *l, const struct plan_wish *w, struct plan *out);
/* The same, with all that follows from it. 0 or an exit code after saying what is wrong. */
int submit_plan_there(struct submission *s, struct line *l, const struct plan_wish *w);
/* Signs and sends. When the node dies before it has answered, the same signed bytes go to another
 * one: sent twice is one job. 0 or an exit code. */
int submit_send(const struct submission *s, struct line *l, struct reply_submitted *out);

/* The same with the bytes of a specification, whose author is the line's identity. */
int submit_spec(struct bytes body, struct line *l, struct reply_submitted *out);
/* Waits for what was submitted as the options --progress and --json say, and prints what became of
 * it, the result as `pour` has it, whose progress is filled in. Returns the exit code; in *ended,
 * which may be NULL, whether the job has: who detached from it has 0 as well. */
int submit_follow(const struct call *c, struct line *l, const struct reply_submitted *ack,
                  struct pour_options *pour, bool *ended);

#endif
