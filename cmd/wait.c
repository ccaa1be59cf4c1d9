#include <stdlib.h>

#include "cmd/follow.h"
#include "core/host/loop.h"

#define WAIT_JOBS_MAX 256

static const struct opt opts[] = {
    {.name = "timeout",
     .kind = OPT_SPAN,
     .value = "TIME",
     .effect = "stop waiting after that long (exit 124; the job goes on)"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the jobs as JSON instead of the results"},
    {.name = "progress",
     .kind = OPT_CHOICE,
     .value = "bar|line|json|none",
     .effect = "how to show progress"},
    {0},
};

/* Every name is looked up before the first wait, so that a wrong one is said at once. */
static int resolve_all(const struct call *c, struct line *l, struct job_id *ids)
{
    for (int i = 0; i < c->argc; i++) {
        int code = jobs_resolve(l, c->argv[i], &ids[i]);
        if (code != 0)
            return code;
    }
    return 0;
}

/* Of those from `first` on there is no end yet, or none that was looked for. */
static void print_as_they_are(struct line *l, const struct job_id *ids, struct job_entry *list,
                              size_t first, size_t count)
{
    int rc = 0;
    for (size_t i = first; i < count && rc == 0; i++) {
        rc = jobs_look(l, ids[i], &list[i]);
        if (rc == 0)
            rc = jobs_show(l, &list[i]);
    }
    if (rc == 0)
        follow_print_json(list, count);
}

/* The first outcome that is not `done`, in the order of the arguments, is the exit code. */
static int wait_all(const struct call *c, struct line *l, const struct job_id *ids,
                    struct job_entry *ends)
{
    int first = 0;
    const char *progress = opt_text(c->opts, "progress", NULL);
    uint64_t us = opt_number(c->opts, "timeout", 0);
    struct follow_options o = {.progress = progress_kind_of(progress, talk_is_terminal()),
                               .until =
                                   us ? instant_plus_us(loop_clock(), (int64_t)us) : INSTANT_NEVER};
    const struct pour_options pour = {.progress = o.progress};
    for (int i = 0; i < c->argc; i++) {
        int code;
        if (!follow_job(l, ids[i], &o, &ends[i], &code)) {
            if (code == CODE_TIME_OUT && opt_given(c->opts, "json"))
                print_as_they_are(l, ids, ends, (size_t)i, (size_t)c->argc);
            return code;
        }
        code = opt_given(c->opts, "json") ? jobs_show(l, &ends[i])
                                          : follow_outcome(l, &ends[i], false, &pour);
        if (code < 0)
            code = line_report(l, code);
        else if (opt_given(c->opts, "json"))
            code = ends[i].view.state == JOB_DONE ? 0 : follow_failure(&ends[i].view, true);
        first = first ? first : code;
    }
    if (opt_given(c->opts, "json"))
        follow_print_json(ends, (size_t)c->argc);
    return first;
}

static int run(const struct call *c)
{
    struct job_id ids[WAIT_JOBS_MAX];
    struct line *l = NULL;
    struct line_options where = {0};
    struct job_entry *ends = calloc((size_t)c->argc, sizeof *ends);
    int code = ends ? line_open(&l, c, &where) : CODE_FAILED;
    if (code == 0)
        code = resolve_all(c, l, ids);
    if (code == 0)
        code = wait_all(c, l, ids, ends);
    for (int i = 0; ends && i < c->argc; i++)
        job_entry_clear(&ends[i]);
    free(ends);
    line_close(l);
    return code;
}

const struct cmd cmd_wait = {
    .name = "wait",
    .args = "JOB...",
    .summary = "wait for jobs, print their results, return their outcome",
    .more = "JOB is an id, the beginning of one, or a name. Works from any node of the mesh.",
    .group = GROUP_RUN,
    .takes = TAKES_LIVE_JOB,
    .opts = opts,
    .args_min = 1,
    .args_max = WAIT_JOBS_MAX,
    .run = run,
};
