#include <stdio.h>

#include "cmd/follow.h"
#include "cmd/stage_list.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"

static const struct opt opts[] = {
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {.name = "dot",
     .kind = OPT_SWITCH,
     .effect = "print its stages as a graph for Graphviz (dot -Tsvg)"},
    {0},
};

static void say_next(const struct job_view *v)
{
    char id[9];
    id_hex(v->id.bytes, 8, id);
    if (!job_state_is_final(v->state))
        talk_line("to wait for it: velum wait %s; to end it: velum kill %s", id, id);
    else if (v->state != JOB_DONE)
        talk_line("what its workers wrote: velum logs %s", id);
}

static void print_json(const struct job_entry *e, const struct stage_list *s)
{
    struct json j;
    json_document_open(&j, stdout, "jobs");
    json_job_exact(&j, &e->view, e->text);
    json_close(&j, ']');
    stage_list_json(&j, s);
    json_close(&j, '}');
    putchar('\n');
}

/* Where nobody tells of the stages, the job is shown without them. */
static int print(const struct call *c, struct line *l, struct job_entry *e)
{
    struct stage_list stages;
    char id[9];
    int rc = jobs_show(l, e);
    if (stage_list_fetch(l, e->view.id, &stages) < 0)
        stage_list_clear(&stages); /* rather none than some of them */
    if (opt_given(c->opts, "json")) {
        print_json(e, &stages);
    } else if (opt_given(c->opts, "dot")) {
        id_hex(e->view.id.bytes, 8, id);
        stage_list_dot(stdout, &stages, e->view.name[0] ? e->view.name : id);
    } else {
        view_job(stdout, &e->view, e->text);
        stage_list_print(stdout, &stages);
        fflush(stdout);
        say_next(&e->view);
    }
    stage_list_clear(&stages);
    return rc < 0 ? line_report(l, rc) : CODE_DONE;
}

static int run(const struct call *c)
{
    return jobs_with_one(c, print);
}

const struct cmd cmd_show = {
    .name = "show",
    .args = "JOB",
    .summary = "show everything about one job",
    .group = GROUP_SEE,
    .takes = TAKES_JOB,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
