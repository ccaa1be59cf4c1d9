/* The stages of a flow that found no room in the signed specification of its job: appended to the
 * open job as fast as its coordinator takes them, then the job is closed. Called by flow.c.
 *
 * Until the last of them is there the job needs this command. Interrupted, it cancels the job; when
 * it dies the job goes on with the stages it has, and ends as timed out a minute after the last of
 * them (core/node/session.h). A node that dies meanwhile is nothing: another one goes on. */
#ifndef VELUM_CMD_FLOW_APPEND_H
#define VELUM_CMD_FLOW_APPEND_H

#include "cmd/line.h"
#include "core/api/session_lists.h"

/* `count` stages it has then. 0 when all are there and kept by enough holders, or the job has ended
 * before: who waits for it hears how. An exit code after saying what went wrong. */
int flow_append(struct line *l, struct job_id job, struct lists *lists, uint32_t count);

#endif
