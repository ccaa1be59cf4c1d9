#include <stdio.h>
#include <string.h>

#include "cmd/jobs.h"
#include "core/base/text.h"
#include "core/wire/message.h"

#define KILL_JOBS_MAX 256

static int say(struct job_id job, const struct reply_killed *r)
{
    char id[9], away[VIEW_ERROR_SIZE];
    id_hex(job.bytes, 8, id);
    text_sanitise(r->away, strlen(r->away), true, away, sizeof away);
    switch (r->outcome) {
    case KILL_DONE:
        printf("%s killed\n", id);
        return CODE_DONE;
    case KILL_CANCELLING:
        printf("%s cancelling\n", id);
        fflush(stdout);
        talk_error("%s away: a result that is already complete there may still win",
                   away[0] ? away : "a holder is");
        talk_try("velum show %s, once they are back", id);
        return CODE_IN_PART;
    default:
        printf("%s had already ended: %s\n", id, job_state_name((enum job_state)r->state));
        return CODE_DONE;
    }
}

static int kill_one(struct line *l, const void *ctx, const char *which)
{
    (void)ctx;
    struct job_id id;
    struct reply_killed reply;
    struct frame frame;
    uint8_t room[ID_SIZE];
    struct buf payload;
    int code = jobs_resolve(l, which, &id);
    if (code != 0)
        return code;
    buf_init_fixed(&payload, room, sizeof room);
    put_job_id(&payload, id);
    int rc =
        line_exchange(l, MESSAGE_REQUEST_KILL, buf_bytes(&payload), MESSAGE_REPLY_KILLED, &frame);
    if (rc == 0)
        rc = read_reply_killed(frame.payload, &reply);
    return rc < 0 ? line_report(l, rc) : say(id, &reply);
}

static int run(const struct call *c)
{
    return line_each(c, 0, kill_one, NULL);
}

const struct cmd cmd_kill = {
    .name = "kill",
    .args = "JOB...",
    .summary = "cancel jobs, and return with proof or say who is away",
    .more = "A job is cancelled when every node that keeps it has written that down; one of them\n"
            "away means exit 7 and its name. None of them there means exit 7 too, and that the\n"
            "job is not known to be cancelled: kill it again.",
    .group = GROUP_RUN,
    .takes = TAKES_LIVE_JOB,
    .args_min = 1,
    .args_max = KILL_JOBS_MAX,
    .run = run,
};
