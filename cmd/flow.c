#include <stdio.h>

#include "cmd/flow_append.h"
#include "cmd/flow_fit.h"
#include "cmd/flow_many.h"
#include "cmd/flow_resume.h"
#include "cmd/flow_show.h"
#include "cmd/submit.h"
#include "cmd/wants_opts.h"
#include "core/base/err.h"

static const struct opt opts[] = {
    {.name = "dry-run", .kind = OPT_SWITCH, .effect = "print the stages that would run, and stop"},
    {.name = "dot",
     .kind = OPT_SWITCH,
     .effect = "print them as a graph for Graphviz (dot -Tsvg), and stop"},
    {.name = "detach", .letter = 'd', .kind = OPT_SWITCH, .effect = "print only the id and return"},
    {.name = "keep-going",
     .kind = OPT_SWITCH,
     .effect = "run what does not need a stage that failed"},
    {.name = "resume",
     .kind = OPT_SWITCH,
     .effect = "run each stage as a job of its own, and only what is not done"},
    {.name = "json",
     .kind = OPT_SWITCH,
     .effect = "print the job as JSON, or with --dry-run its stages"},
    {.name = "progress",
     .kind = OPT_CHOICE,
     .value = "bar|line|json|none",
     .effect = "how to show progress"},
    {.name = "local", .kind = OPT_SWITCH, .effect = "compute in this process, without any node"},
    {0},
};

static void announce(const struct flow_plan *p, const struct line *l, const char *id,
                     uint32_t durable)
{
    const unsigned count = p->flow->count;
    unsigned long long leaves = 0;
    char more[64] = "";
    for (uint32_t i = 0; i < count; i++)
        leaves += flow_plan_leaves(p, i);
    if (!line_is_embedded(l))
        snprintf(more, sizeof more, "; velum show %s shows how far they are", id);
    talk_line("job %s  %u stage%s, %llu lea%s, durable=%u%s", id, count, count == 1 ? "" : "s",
              leaves, leaves == 1 ? "f" : "ves", (unsigned)durable, more);
}

/* What found no room in the specification is appended; until then the job needs this command. */
static int hand_in(const struct call *c, const struct flow_plan *p, struct line *l,
                   struct flow_job *job)
{
    struct reply_submitted ack;
    char id[9];
    int code = submit_spec(buf_bytes(&job->body), l, &ack);
    if (code != 0)
        return code;
    id_hex(ack.job.bytes, 8, id);
    if (!opt_given(c->opts, "detach"))
        announce(p, l, id, ack.durable);
    code = job->rest.head ? flow_append(l, ack.job, &job->rest, p->flow->count) : 0;
    if (code != 0 || !opt_given(c->opts, "detach"))
        return code != 0 ? code : submit_follow(c, l, &ack, &(struct pour_options){0}, NULL);
    printf("%s\n", id);
    return CODE_DONE;
}

static int submit(const struct call *c, const struct flow_plan *p, struct line *l)
{
    struct flow_job job;
    struct identity *identity = line_identity(l);
    if (!identity)
        return CODE_NOT_ALLOWED;
    int rc = flow_plan_encode(p, identity_id(identity), opt_given(c->opts, "keep-going"), &job);
    int code = rc < 0 ? flow_plan_refuse(p, &job, rc) : 0;
    if (code == 0 && job.rest.head)
        code = flow_fit(p->flow, l);
    if (code == 0)
        code = hand_in(c, p, l, &job);
    flow_job_clear(&job);
    return code;
}

static bool only_shows(const struct call *c)
{
    return opt_given(c->opts, "dry-run") || opt_given(c->opts, "dot");
}

static void show(const struct call *c, const struct flow_plan *p)
{
    if (opt_given(c->opts, "dot"))
        flow_show_dot(p);
    else if (opt_given(c->opts, "json"))
        flow_show_json(p);
    else
        flow_show_table(p);
}

/* Where the size of a file is not known before it is put, stages are planned behind that. */
static int go(const struct call *c, struct flow_plan *p, struct flow_files *files,
              struct flow_sources *sources, struct flow *flow, struct line *l)
{
    const bool shows = only_shows(c);
    int code = flow_files_find(files, c, l);
    const bool plan_first = shows || flow_files_sizes_known(files);
    if (code == 0)
        code = flow_sources_describe(sources, flow, c, l, shows);
    if (code == 0 && plan_first)
        code = flow_plan_make(p, l);
    if (code == 0 && shows) {
        show(c, p);
        return CODE_DONE;
    }
    if (code == 0)
        code = flow_files_put(files, c, l);
    if (code == 0 && !plan_first)
        code = flow_plan_make(p, l);
    if (code != 0)
        return code;
    if (!opt_given(c->opts, "resume"))
        return submit(c, p, l);
    return p->flow->count > FLOW_FEW_MAX ? flow_many(c, p, l) : flow_resume(c, p, l);
}

/* What is done is kept by nodes, and who goes on from stage to stage is this command. */
static int check_resume(const struct call *c)
{
    const char *other = opt_given(c->opts, "detach") ? "-d" : "--local";
    if (!opt_given(c->opts, "detach") && !opt_given(c->opts, "local"))
        return 0;
    talk_error("--resume cannot be with %s", other);
    talk_try("velum flow --resume %.200s", c->argv[0]);
    return CODE_MISUSE;
}

static int refuse_detach(void)
{
    talk_error("-d needs a node that goes on with the job; a job inside this process ends with it");
    talk_try("velum node, or velum flow without -d");
    return CODE_MISUSE;
}

static int read_file(const char *path, struct flow *f)
{
    char message[INI_MESSAGE_SIZE];
    if (flow_read(f, path, message) == 0)
        return 0;
    talk_error("%s", message);
    talk_try("velum help flow");
    return CODE_MISUSE;
}

static int run(const struct call *c)
{
    static struct flow flow;
    static struct flow_files files;
    static struct flow_sources sources;
    const bool resumes = opt_given(c->opts, "resume");
    struct flow_plan p = {.path = c->argv[0],
                          .flow = &flow,
                          .files = &files,
                          .sources = &sources,
                          .apart = resumes};
    struct line *l = NULL;
    struct line_options where = {.embedded_ok = !opt_given(c->opts, "detach") && !resumes,
                                 .embedded_only = opt_given(c->opts, "local")};
    int code = resumes ? check_resume(c) : 0;
    if (code == 0)
        code = read_file(p.path, &flow);
    if (code == 0 && where.embedded_only && opt_given(c->opts, "detach"))
        code = refuse_detach();
    if (code == 0)
        code = flow_files_open(&files, &flow, p.path);
    if (code == 0)
        code = flow_sources_open(&sources, &flow);
    where.foreign = flow.sources_count > 0;
    where.objects = flow.files_count > 0 || where.foreign;
    if (code == 0)
        code = line_open(&l, c, &where);
    if (code == 0) {
        flow.waits = wants_wait(flow.waits, line_is_embedded(l));
        code = go(c, &p, &files, &sources, &flow, l);
    }
    line_close(l);
    flow_plan_clear(&p);
    flow_files_close(&files);
    flow_sources_close(&sources);
    flow_clear(&flow);
    return code;
}

const struct cmd cmd_flow = {
    .name = "flow",
    .args = "FILE",
    .summary = "compute a job of several stages that a file describes",
    .more =
        "A section of the file is a stage: [NAME], kernel = KERNEL or FILE.c beside the flow,\n"
        "args = ARGS, inputs = what it reads (stages, files, references), after = stages it only\n"
        "waits for, foreach = words, ranges (1..9) and files (*.txt) of which each gets a stage\n"
        "with {} in its place, units,\n"
        "leaf, reduce, retries, timeout (of a leaf), and what a leaf asks of its node: cpus,\n"
        "mem, on and prefer (labels), min-tier; of FILE.c also tier (auto, tcc or cc).\n"
        "A section [job] may have name, keep-going, timeout, cpu-time, check, slots-max, priority\n"
        "and wait-for-capacity. The last stage that no other needs gives the result.\n"
        "What cannot be is refused before anything runs, with file and line.",
    .group = GROUP_RUN,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
