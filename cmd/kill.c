#include <stdio.h>
#include <string.h>

#include "cmd/jobs.h"
#include "cmd/stage_list.h"
#include "core/base/text.h"
#include "core/host/user_fact.h"
#include "core/wire/message.h"

#define KILL_JOBS_MAX 256

/* As it is said to people: the first digits of the job's id, and the stage behind them. */
#define KILL_NAME_SIZE (8 + 1 + JOB_NAME_SIZE)

static int say(const char *name, const struct reply_killed *r)
{
    char away[VIEW_ERROR_SIZE];
    text_sanitise(r->away, strlen(r->away), true, away, sizeof away);
    switch (r->outcome) {
    case KILL_DONE:
        printf("%s killed\n", name);
        return CODE_DONE;
    case KILL_CANCELLING:
        printf("%s cancelling\n", name);
        fflush(stdout);
        talk_error("%s away: a result that is already complete there may still win",
                   away[0] ? away : "a holder is");
        talk_try("velum show %.8s, once they are back", name);
        return CODE_IN_PART;
    default:
        printf("%s had already ended: %s\n", name, job_state_name((enum job_state)r->state));
        return CODE_DONE;
    }
}

static int ask(struct line *l, const struct request_kill *m, const char *name)
{
    struct reply_killed reply;
    struct frame frame;
    uint8_t room[USER_KILL_SIZE];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    int rc = line_put_kill(l, m, &payload);
    if (rc == 0)
        rc = line_exchange(l, MESSAGE_REQUEST_KILL, buf_bytes(&payload), MESSAGE_REPLY_KILLED,
                           &frame);
    if (rc == 0)
        rc = read_reply_killed(frame.payload, &reply);
    return rc < 0 ? line_report_about(l, name, rc) : say(name, &reply);
}

/* Which stage of the job that is, and as what people know it. 0, or an exit code after saying why
 * it is none. */
static int find_stage(struct line *l, struct job_id id, const char *which, uint32_t *stage,
                      char name[JOB_NAME_SIZE])
{
    struct stage_list stages;
    char job[9];
    int code = CODE_DONE;
    int rc = stage_list_fetch(l, id, &stages);
    id_hex(id.bytes, 8, job);
    if (rc < 0) {
        code = line_report(l, rc);
    } else if (!stage_list_find(&stages, which, stage)) {
        talk_error("job %s has no stage \"%s\"", job, which);
        talk_try("velum show %s lists them", job);
        code = CODE_NOT_FOUND;
    } else {
        stage_list_name(&stages, *stage, name, JOB_NAME_SIZE);
    }
    stage_list_clear(&stages);
    return code;
}

/* JOB, or JOB/STAGE. */
static int kill_one(struct line *l, const void *ctx, const char *which)
{
    (void)ctx;
    const char *slash = strchr(which, '/');
    char job[JOB_NAME_SIZE + 8], stage[JOB_NAME_SIZE], name[KILL_NAME_SIZE];
    struct request_kill m = {.alone = slash != NULL};
    size_t len = slash ? (size_t)(slash - which) : strlen(which);
    snprintf(job, sizeof job, "%.*s", (int)(len < sizeof job ? len : sizeof job - 1), which);
    int code = jobs_resolve(l, slash ? job : which, &m.job);
    if (code == CODE_DONE && slash)
        code = find_stage(l, m.job, slash + 1, &m.stage, stage);
    if (code != CODE_DONE)
        return code;
    id_hex(m.job.bytes, 8, name);
    if (slash)
        snprintf(name + 8, sizeof name - 8, "/%s", stage);
    return ask(l, &m, name);
}

static int run(const struct call *c)
{
    return line_each(c, 0, kill_one, NULL);
}

const struct cmd cmd_kill = {
    .name = "kill",
    .args = "JOB[/STAGE]...",
    .summary = "cancel jobs or stages, and return with proof or say who is away",
    .more = "A job is cancelled when every node that keeps it has written that down; one of them\n"
            "away means exit 7 and its name. None of them there means exit 7 too, and that the\n"
            "job is not known to be cancelled: kill it again.\n"
            "With a stage behind it, by the name or number that show prints, no more is computed\n"
            "for that stage; those that need it are blocked, all others go on to their end, and\n"
            "then the job has failed.",
    .group = GROUP_RUN,
    .takes = TAKES_LIVE_JOB,
    .args_min = 1,
    .args_max = KILL_JOBS_MAX,
    .run = run,
};
