/* From words on a command line to an acknowledged job: plan, sign, submit. */
#ifndef VELUM_CMD_SUBMIT_H
#define VELUM_CMD_SUBMIT_H

#include "cmd/line.h"
#include "core/host/submission.h"

/* Checks the count and size of the arguments and joins them for people. 0 or an exit code. */
int submit_take_args(struct submission *s, int argc, char *const *argv);
/* Plans by a built-in. 0; an exit code after saying what is wrong;
 * or -1: no such built-in, ask a node. */
int submit_plan_here(struct submission *s, const char *kernel, int argc, char *const *argv);
/* Plans by a worker of the node. 0 or an exit code. */
int submit_plan_there(struct submission *s, struct line *l, const char *kernel, int argc,
                      char *const *argv);
/* Signs and sends. When the node dies before it has answered, the same signed bytes go to another
 * one: sent twice is one job. 0 or an exit code. */
int submit_send(const struct submission *s, struct line *l, struct reply_submitted *out);

/* The same with the bytes of a specification, whose author is the line's identity. */
int submit_spec(struct bytes body, struct line *l, struct reply_submitted *out);

#endif
