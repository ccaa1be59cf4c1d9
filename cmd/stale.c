#include <stdio.h>
#include <string.h>

#include "cmd/jobs.h"
#include "core/wire/message.h"

static const struct action_row {
    const char *name, *done;
    enum stale_what what;
} actions[] = {{"restore", "restored", STALE_RESTORE}, {"drop", "dropped", STALE_DROP}};

static const struct action_row *action_of(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static int act(struct line *l, const void *ctx, const char *which)
{
    const struct action_row *a = ctx;
    struct request_stale ask = {.what = a->what};
    struct frame frame;
    uint8_t room[64];
    char id[9];
    struct buf payload;
    int code = jobs_resolve_stale(l, which, &ask.job);
    if (code != 0)
        return code;
    buf_init_fixed(&payload, room, sizeof room);
    put_request_stale(&payload, &ask);
    int rc =
        line_exchange(l, MESSAGE_REQUEST_STALE, buf_bytes(&payload), MESSAGE_REPLY_END, &frame);
    if (rc < 0)
        return line_report(l, rc);
    id_hex(ask.job.bytes, 8, id);
    printf("%s %s\n", id, a->done);
    return CODE_DONE;
}

static int run(const struct call *c)
{
    const struct action_row *a = action_of(c->argv[0]);
    if (!a) {
        talk_error("an old job can be restored or dropped; \"%.64s\" is neither", c->argv[0]);
        talk_try("velum help stale");
        return CODE_MISUSE;
    }
    return line_each(c, 1, act, a);
}

const struct cmd cmd_stale = {
    .name = "stale",
    .args = "restore|drop JOB...",
    .summary = "decide about old jobs that a node has set aside",
    .more = "A node that was away for longer than the names of finished jobs are kept cannot know\n"
            "whether the others have finished and forgotten its old jobs. It sets them aside and\n"
            "runs none of them: velum ps --stale lists them, at the node that has them.\n"
            "\n"
            "restore  makes it a job of the mesh again; it goes on with the leaves it had\n"
            "drop     forgets it",
    .group = GROUP_MESH,
    .takes = TAKES_STALE,
    .args_min = 2,
    .args_max = 256,
    .run = run,
};
