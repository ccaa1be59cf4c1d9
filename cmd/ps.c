#include <stdio.h>
#include <time.h>

#include "cmd/follow.h"
#include "cmd/view_text.h"

static const struct opt opts[] = {
    {.name = "all", .letter = 'a', .kind = OPT_SWITCH, .effect = "list finished jobs too"},
    {.name = "stale",
     .kind = OPT_SWITCH,
     .effect = "list the old jobs that this node has set aside"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

static void print_table(const struct job_list *jobs)
{
    struct grid g;
    int64_t now_s = (int64_t)time(NULL);
    view_jobs_head(&g);
    for (size_t i = 0; i < jobs->count; i++)
        view_jobs_row(&g, &jobs->list[i].view, now_s);
    grid_print(&g, stdout);
    grid_clear(&g);
    if (jobs->left_off)
        talk_line("%zu more jobs are not shown", jobs->left_off);
}

static int print(const struct call *c, struct line *l, struct job_list *jobs)
{
    if (!opt_given(c->opts, "json")) {
        print_table(jobs);
        return CODE_DONE;
    }
    /* A result that nobody here can show stays null in a list; `show` says why. */
    for (size_t i = 0; i < jobs->count; i++)
        (void)jobs_show(l, &jobs->list[i]);
    follow_print_json(jobs->list, jobs->count);
    return CODE_DONE;
}

/* What to do about them is said where somebody reads it. */
static int print_stale(const struct call *c, struct line *l)
{
    struct job_list jobs;
    const char *which = c->argc > 0 ? c->argv[0] : "";
    int rc = jobs_fetch_stale(l, which, &jobs);
    if (rc < 0)
        return line_report(l, rc);
    if (which[0] && jobs.count == 0) {
        jobs_clear(&jobs);
        return jobs_refuse_stale(which);
    }
    int code = print(c, l, &jobs);
    if (jobs.count > 0 && !opt_given(c->opts, "json")) {
        talk_line("this node was away for so long that the others may have finished and forgotten "
                  "these jobs; it runs none of them");
        talk_try("velum stale restore JOB to go on with one, velum stale drop JOB to forget it");
    }
    jobs_clear(&jobs);
    return code;
}

static int run(const struct call *c)
{
    struct job_list jobs;
    struct line *l = NULL;
    struct line_options where = {0};
    const char *which = c->argc > 0 ? c->argv[0] : "";
    int code = line_open(&l, c, &where);
    if (code != 0)
        return code;
    if (opt_given(c->opts, "stale")) {
        code = print_stale(c, l);
        line_close(l);
        return code;
    }
    /* Somebody who names a job wants to see it, finished or not. */
    int rc = jobs_fetch(l, c->argc > 0 || opt_given(c->opts, "all"), which, &jobs);
    if (rc < 0) {
        code = jobs_report(l, which, rc);
    } else if (c->argc > 0 && jobs.count == 0) {
        code = jobs_refuse(which);
    } else {
        code = print(c, l, &jobs);
    }
    if (rc == 0)
        jobs_clear(&jobs);
    line_close(l);
    return code;
}

const struct cmd cmd_ps = {
    .name = "ps",
    .args = "[JOB]",
    .summary = "list the jobs of the mesh",
    .group = GROUP_SEE,
    .takes = TAKES_JOB,
    .opts = opts,
    .args_max = 1,
    .run = run,
};
