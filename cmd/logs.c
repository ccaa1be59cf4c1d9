#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/jobs.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"

/* An escaped byte takes up to eleven. */
#define CLEAN_SIZE ((size_t)FRAME_PAYLOAD_MAX * 11 + 1)

/* Every line with the node it comes from. What workers wrote is hostile until it is cleaned. How
 * many bytes that were, or an error. */
static int print_block(struct bytes payload)
{
    char node[NODE_NAME_SIZE], name[NODE_NAME_SIZE * 4];
    struct bytes raw;
    int rc = read_reply_log(payload, node, &raw);
    if (rc < 0)
        return rc;
    char *clean = malloc(CLEAN_SIZE);
    if (!clean)
        return ERR_NO_MEMORY;
    text_sanitise(node, strlen(node), true, name, sizeof name);
    text_sanitise((const char *)raw.data, raw.len, false, clean, CLEAN_SIZE);
    for (const char *at = clean; *at;) {
        size_t len = strcspn(at, "\n");
        printf("%s | %.*s\n", name, (int)len, at);
        at += len + (at[len] == '\n');
    }
    free(clean);
    return (int)raw.len;
}

static int print_logs(struct line *l, const char *which, struct job_id id)
{
    struct frame frame;
    uint8_t room[ID_SIZE];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    put_job_id(&payload, id);
    int rc = line_send(l, MESSAGE_REQUEST_LOGS, buf_bytes(&payload));
    bool any = false;
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_LOG, &frame)) == 1) {
        rc = print_block(frame.payload);
        any = any || rc > 0;
    }
    if (rc < 0)
        return jobs_report(l, which, rc);
    if (!any)
        talk_line("its workers have written nothing");
    return CODE_DONE;
}

static int run(const struct call *c)
{
    struct job_id id;
    struct line *l = NULL;
    struct line_options where = {0};
    int code = line_open(&l, c, &where);
    if (code == 0)
        code = jobs_resolve(l, c->argv[0], &id);
    if (code == 0)
        code = print_logs(l, c->argv[0], id);
    line_close(l);
    return code;
}

const struct cmd cmd_logs = {
    .name = "logs",
    .args = "JOB",
    .summary = "print the last of what a job's workers wrote",
    .group = GROUP_SEE,
    .takes = TAKES_JOB,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
