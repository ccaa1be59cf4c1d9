#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cmd/flow_file.h"
#include "cmd/follow.h"
#include "cmd/submit.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/kernel/kernel.h"
#include "core/wire/message.h"

#define NOT_AFTER_S (SPEC_NOT_AFTER_MAX_S - 3600) /* an hour is left for clocks that differ */

static const struct opt opts[] = {
    {.name = "dry-run", .kind = OPT_SWITCH, .effect = "print the stages that would run, and stop"},
    {.name = "detach", .letter = 'd', .kind = OPT_SWITCH, .effect = "print only the id and return"},
    {.name = "keep-going",
     .kind = OPT_SWITCH,
     .effect = "run what does not need a stage that failed"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the job as JSON instead of the result"},
    {.name = "progress",
     .kind = OPT_CHOICE,
     .value = "bar|line|json|none",
     .effect = "how to show progress"},
    {.name = "local", .kind = OPT_SWITCH, .effect = "compute in this process, without any node"},
    {0},
};

/* What a kernel made of a stage's arguments. */
struct planned {
    struct digest source;
    uint8_t params[PARAMS_SIZE_MAX];
    size_t params_len;
    uint64_t units, leaf_units;
    uint32_t accumulator_size;
    uint8_t reduction;
};

struct plans {
    const char *path;
    struct flow flow;
    struct planned *list; /* as the stages stand in the file */
};

/* --- planning --- */

static int refuse(const struct plans *p, const struct flow_stage *s, const char *what,
                  const char *why)
{
    talk_error("%.200s line %u: [%s] %s%s%s", p->path, (unsigned)s->line, s->name, what,
               why[0] ? ": " : "", why);
    talk_try("velum kernels %s", s->kernel);
    return CODE_MISUSE;
}

/* What no job may have, though the kernel planned it, or the file says so. */
static int check_plan(const struct plans *p, const struct flow_stage *s, const struct planned *plan)
{
    const uint64_t leaves = (plan->units - 1) / plan->leaf_units + 1;
    const uint64_t most = plan->reduction == REDUCE_COLLECT ? COLLECT_LEAVES_MAX : LEAVES_MAX;
    if (plan->reduction == REDUCE_SEARCH && p->flow.count > 1) {
        talk_error("%.200s line %u: [%s] %s searches, and a search is a job of its own", p->path,
                   (unsigned)s->line, s->name, s->kernel);
        talk_try("velum run %s %.60s", s->kernel, s->args);
        return CODE_MISUSE;
    }
    if (leaves <= most)
        return 0;
    talk_error("%.200s line %u: [%s] has %llu leaves; at most %llu are allowed", p->path,
               (unsigned)s->line, s->name, (unsigned long long)leaves, (unsigned long long)most);
    talk_try("leaf = %llu", (unsigned long long)((plan->units - 1) / most + 1));
    return CODE_MISUSE;
}

static int refuse_detach(void)
{
    talk_error("-d needs a node that goes on with the job; a job inside this process ends with it");
    talk_try("velum node, or velum flow without -d");
    return CODE_MISUSE;
}

/* Splits at blanks, in place. Returns how many there are. */
static int words(char *text, const char *argv[ARGS_COUNT_MAX])
{
    int count = 0;
    char *rest = text, *word;
    while (count < ARGS_COUNT_MAX && (word = strtok_r(rest, " \t", &rest)) != NULL)
        argv[count++] = word;
    return count;
}

static void keep_plan(struct planned *to, struct bytes params, uint64_t units, uint64_t leaf_units)
{
    if (params.len > 0)
        memcpy(to->params, params.data, params.len);
    to->params_len = params.len;
    to->units = units;
    to->leaf_units = leaf_units;
}

static int plan_here(const struct plans *p, const struct flow_stage *s,
                     const struct velum_kernel *k, struct planned *to)
{
    static struct kernel_plan plan;
    const char *argv[ARGS_COUNT_MAX];
    char args[JOB_ARGS_SIZE];
    text_copy(args, sizeof args, s->args);
    if (kernel_plan(k, words(args, argv), argv, 0, NULL, &plan) < 0)
        return refuse(p, s, s->kernel, plan.reason);
    keep_plan(to, (struct bytes){plan.params, plan.params_size}, plan.units, plan.leaf_units);
    to->source = kernel_source(k);
    to->accumulator_size = kernel_accumulator_size(k);
    to->reduction = (uint8_t)k->reduce;
    return 0;
}

static int plan_there(const struct plans *p, const struct flow_stage *s, struct line *l,
                      struct planned *to)
{
    const char *argv[ARGS_COUNT_MAX];
    char args[JOB_ARGS_SIZE];
    struct reply_plan plan;
    struct frame frame;
    struct buf b;
    text_copy(args, sizeof args, s->args);
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    int rc = put_request_plan(&b, s->kernel, words(args, argv), argv, 0, NULL);
    if (rc == 0)
        rc = line_exchange(l, MESSAGE_REQUEST_PLAN, buf_bytes(&b), MESSAGE_REPLY_PLAN, &frame);
    if (rc == 0)
        rc = read_reply_plan(frame.payload, &plan);
    buf_clear(&b);
    if (rc < 0) {
        char about[STAGE_NAME_SIZE + 300];
        snprintf(about, sizeof about, "%.200s line %u: [%s]", p->path, (unsigned)s->line, s->name);
        return line_report_about(l, about, rc);
    }
    keep_plan(to, plan.params, plan.units, plan.leaf_units);
    to->source = plan.source;
    to->accumulator_size = plan.accumulator_size;
    to->reduction = plan.reduction;
    return 0;
}

static int plan_all(struct plans *p, struct line *l)
{
    p->list = calloc(p->flow.count, sizeof *p->list);
    if (!p->list)
        return line_report(l, ERR_NO_MEMORY);
    for (uint32_t i = 0; i < p->flow.count; i++) {
        const struct flow_stage *s = &p->flow.stages[i];
        const struct velum_kernel *k = kernel_find(s->kernel);
        int code;
        if (k)
            code = plan_here(p, s, k, &p->list[i]);
        else if (line_is_embedded(l))
            code = refuse(p, s, "there is no kernel of that name", "");
        else
            code = plan_there(p, s, l, &p->list[i]);
        if (code != 0)
            return code;
        if (s->units > 0)
            p->list[i].units = s->units;
        if (s->leaf_units > 0)
            p->list[i].leaf_units = s->leaf_units;
        code = check_plan(p, s, &p->list[i]);
        if (code != 0)
            return code;
    }
    return 0;
}

/* --- the specification --- */

static uint32_t number_of(const struct plans *p, const struct flow_ref *r)
{
    return p->flow.stages[r->stage].number;
}

static void put_needs(const struct plans *p, const struct flow_stage *s, struct buf *b)
{
    for (uint32_t i = 0; i < s->inputs_count; i++)
        put_stage_need(b, &(struct stage_need){number_of(p, &s->inputs[i]), (uint16_t)i});
    for (uint32_t i = 0; i < s->after_count; i++)
        put_stage_need(b, &(struct stage_need){number_of(p, &s->after[i]), NEED_ORDER});
}

static struct stage_spec spec_of(const struct plans *p, uint32_t at, struct buf *needs)
{
    const struct flow_stage *f = &p->flow.stages[at];
    const struct planned *plan = &p->list[at];
    struct stage_spec s = {.source = plan->source,
                           .params = {plan->params, plan->params_len},
                           .units = plan->units,
                           .leaf_units = plan->leaf_units,
                           .reduction = plan->reduction,
                           .accumulator_size = plan->accumulator_size,
                           .retries = (uint8_t)f->retries,
                           .leaf_us = (uint64_t)f->leaf_us,
                           .demand = wants_demand(&f->wants),
                           .needs_count = (uint16_t)(f->inputs_count + f->after_count)};
    text_copy(s.kernel, sizeof s.kernel, f->kernel);
    text_copy(s.args, sizeof s.args, f->args);
    text_copy(s.name, sizeof s.name, f->name);
    put_needs(p, f, needs);
    s.needs = buf_bytes(needs);
    return s;
}

static int encode(const struct plans *p, struct node_id author, bool keep_going, struct buf *body)
{
    struct job_spec spec = {.author = author,
                            .not_after_s = (int64_t)time(NULL) + NOT_AFTER_S,
                            .keep_going = keep_going || p->flow.keep_going,
                            .slots_max = (uint32_t)p->flow.slots_max,
                            .timeout_us = (uint64_t)p->flow.timeout_us,
                            .priority = p->flow.priority,
                            .waits = p->flow.waits,
                            .more_count = (uint16_t)(p->flow.count - 1)};
    struct buf more, first, needs;
    text_copy(spec.name, sizeof spec.name, p->flow.name);
    buf_init(&more, &host_memory, SPEC_SIZE_MAX);
    buf_init(&first, &host_memory, SPEC_SIZE_MAX);
    buf_init(&needs, &host_memory, SPEC_SIZE_MAX);
    spec.stage = spec_of(p, p->flow.order[0], &first);
    for (uint32_t i = 1; i < p->flow.count; i++) {
        buf_reset(&needs);
        struct stage_spec s = spec_of(p, p->flow.order[i], &needs);
        put_stage(&more, &s);
    }
    spec.more = buf_bytes(&more);
    int rc =
        getrandom(spec.nonce, sizeof spec.nonce, 0) == (ssize_t)sizeof spec.nonce ? 0 : ERR_SYSTEM;
    if (rc == 0)
        rc = more.failed || needs.failed || first.failed ? ERR_TOO_LARGE : put_spec(body, &spec);
    buf_clear(&more);
    buf_clear(&first);
    buf_clear(&needs);
    return rc;
}

static int refuse_spec(const struct plans *p, int rc)
{
    if (rc == ERR_TOO_LARGE) {
        talk_error("%.200s: its stages are more than a job takes: 60 KiB of them, 2^40 leaves in "
                   "all, 256 inputs a stage, 16384 leaves that collect",
                   p->path);
        talk_try("larger leaves (leaf = N), or two flows");
    } else {
        talk_error("%.200s: %s", p->path, err_sentence(rc));
    }
    return CODE_MISUSE;
}

/* --- the command --- */

static void needs_text(const struct flow_stage *s, char *to, size_t cap)
{
    size_t len = 0;
    to[0] = '\0';
    for (uint32_t i = 0; i < s->inputs_count + s->after_count && len + STAGE_NAME_SIZE < cap; i++)
        len += (size_t)snprintf(to + len, cap - len, "%s%s", i > 0 ? " " : "",
                                i < s->inputs_count ? s->inputs[i].name
                                                    : s->after[i - s->inputs_count].name);
    if (len == 0)
        snprintf(to, cap, "-");
}

static void print_plan(const struct plans *p)
{
    static const char *const head[] = {"STAGE", "NAME", "WHAT", "UNITS", "LEAVES", "NEEDS"};
    char needs[256];
    struct grid g;
    grid_init(&g, sizeof head / sizeof *head);
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        grid_add(&g, "%s", head[i]);
    for (uint32_t i = 0; i < p->flow.count; i++) {
        const struct flow_stage *s = &p->flow.stages[p->flow.order[i]];
        const struct planned *plan = &p->list[p->flow.order[i]];
        needs_text(s, needs, sizeof needs);
        grid_add(&g, "%u", (unsigned)i);
        grid_add(&g, "%s", s->name);
        grid_add(&g, "%.20s%s%.40s", s->kernel, s->args[0] ? " " : "", s->args);
        grid_add(&g, "%llu", (unsigned long long)plan->units);
        grid_add(&g, "%llu", (unsigned long long)((plan->units - 1) / plan->leaf_units + 1));
        grid_add(&g, "%s", needs);
    }
    grid_print(&g, stdout);
    grid_clear(&g);
}

static int follow(const struct call *c, struct line *l, const struct reply_submitted *ack)
{
    struct job_entry end;
    int code;
    const char *progress = opt_text(c->opts, "progress", NULL);
    struct follow_options o = {.progress = progress_kind_of(progress, talk_is_terminal()),
                               .until = INSTANT_NEVER};
    if (!follow_job(l, ack->job, &o, &end, &code))
        return code;
    code = follow_outcome(l, &end, opt_given(c->opts, "json"), o.progress);
    job_entry_clear(&end);
    return code;
}

static void announce(const struct plans *p, const struct line *l, const char *id, uint32_t durable)
{
    const unsigned count = p->flow.count;
    char more[64] = "";
    if (!line_is_embedded(l))
        snprintf(more, sizeof more, "; velum show %s shows how far they are", id);
    talk_line("job %s  %u stage%s, durable=%u%s", id, count, count == 1 ? "" : "s",
              (unsigned)durable, more);
}

static int submit(const struct call *c, const struct plans *p, struct line *l)
{
    struct reply_submitted ack;
    struct buf body;
    char id[9];
    struct identity *identity = line_identity(l);
    if (!identity)
        return CODE_NOT_ALLOWED;
    buf_init(&body, &host_memory, SPEC_SIZE_MAX);
    int rc = encode(p, identity_id(identity), opt_given(c->opts, "keep-going"), &body);
    int code = rc < 0 ? refuse_spec(p, rc) : submit_spec(buf_bytes(&body), l, &ack);
    buf_clear(&body);
    if (code != 0)
        return code;
    id_hex(ack.job.bytes, 8, id);
    if (opt_given(c->opts, "detach")) {
        printf("%s\n", id);
        return CODE_DONE;
    }
    announce(p, l, id, ack.durable);
    return follow(c, l, &ack);
}

static int run(const struct call *c)
{
    struct plans p = {.path = c->argv[0]};
    char message[INI_MESSAGE_SIZE];
    struct line *l = NULL;
    struct line_options where = {.embedded_ok = !opt_given(c->opts, "detach"),
                                 .embedded_only = opt_given(c->opts, "local")};
    int code = 0;
    if (flow_read(&p.flow, p.path, message) < 0) {
        talk_error("%s", message);
        talk_try("velum help flow");
        code = CODE_MISUSE;
    }
    if (code == 0 && where.embedded_only && !where.embedded_ok)
        code = refuse_detach();
    if (code == 0)
        code = line_open(&l, c, &where);
    if (code == 0)
        code = plan_all(&p, l);
    if (code == 0 && opt_given(c->opts, "dry-run"))
        print_plan(&p);
    else if (code == 0)
        code = submit(c, &p, l);
    line_close(l);
    free(p.list);
    flow_clear(&p.flow);
    return code;
}

const struct cmd cmd_flow = {
    .name = "flow",
    .args = "FILE",
    .summary = "compute a job of several stages that a file describes",
    .more =
        "A section of the file is a stage: [NAME], kernel = KERNEL, args = ARGS, inputs = the\n"
        "stages whose outputs it reads, after = stages it only waits for, units, leaf, retries\n"
        "and timeout (of a leaf). A section [job] may have name, keep-going, timeout and\n"
        "slots-max. The last stage that no other needs gives the result. What cannot be is\n"
        "refused before anything runs, with file and line.",
    .group = GROUP_RUN,
    .opts = opts,
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
