#include <stdio.h>

#include "cmd/follow.h"
#include "cmd/pour.h"
#include "core/wire/spec.h"

static const struct opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_TEXT,
     .value = "FILE",
     .effect = "write it there (default: to standard output)"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the job as JSON instead of the result"},
    {0},
};

static int refuse_unfinished(const struct job_view *v, const char *which)
{
    talk_error("job %.80s is %s, %llu of %llu leaves are done", which, job_state_name(v->state),
               (unsigned long long)v->leaves_done, (unsigned long long)v->leaves_total);
    talk_try("velum wait %.80s", which);
    return CODE_IN_PART;
}

static int print_result(const struct call *c, struct line *l, const struct job_entry *e)
{
    const struct pour_options o = {.file = opt_text(c->opts, "output", NULL),
                                   .progress = progress_kind_of(NULL, talk_is_terminal())};
    return follow_result(l, e, &o);
}

static int misuse_json(void)
{
    talk_error("--json prints the job, and -o writes its result: one of the two");
    talk_try("velum result JOB -o FILE");
    return CODE_MISUSE;
}

static int print(const struct call *c, struct line *l, struct job_entry *e)
{
    int rc = jobs_show(l, e);
    if (rc < 0)
        return line_report(l, rc);
    if (opt_given(c->opts, "json"))
        follow_print_json(e, 1);
    if (!job_state_is_final(e->view.state))
        return refuse_unfinished(&e->view, c->argv[0]);
    if (e->view.state != JOB_DONE)
        return follow_failure(&e->view, true);
    return opt_given(c->opts, "json") && e->view.result.len > 0 ? CODE_DONE : print_result(c, l, e);
}

static int run(const struct call *c)
{
    if (opt_given(c->opts, "json") && opt_given(c->opts, "output"))
        return misuse_json();
    return jobs_with_one(c, print);
}

const struct cmd cmd_result = {
    .name = "result",
    .args = "JOB",
    .summary = "print the result of a finished job, without waiting",
    .more =
        "Exits 7 while the job has not ended, and 9 when its result existed and is gone. With -o\n"
        "the bytes go to FILE.part, which becomes FILE when all of them are there and right;\n"
        "after an interruption the same command goes on behind what is there.",
    .group = GROUP_RUN,
    .takes = TAKES_JOB,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
