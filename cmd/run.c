#include <string.h>
#include <unistd.h>

#include "cmd/expression.h"
#include "cmd/inputs.h"
#include "cmd/run_view.h"
#include "cmd/sink.h"
#include "cmd/snippet.h"
#include "cmd/submit.h"
#include "cmd/wants_opts.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"

static const struct opt opts[] = {
    {.name = "detach", .letter = 'd', .kind = OPT_SWITCH, .effect = "print only the id and return"},
    {.name = "name", .kind = OPT_TEXT, .value = "NAME", .effect = "a name for the job"},
    {.name = "output",
     .letter = 'o',
     .kind = OPT_TEXT,
     .value = "FILE",
     .effect = "write the result there (default: to standard output)"},
    {.name = "view",
     .kind = OPT_MAYBE,
     .value = RUN_VIEW_HOW,
     .effect = "draw the result, a PNG file, in the terminal"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print the job as JSON instead of the result"},
    {.name = "progress",
     .kind = OPT_CHOICE,
     .value = "bar|line|json|none",
     .effect = "how to show progress"},
    {.name = "slots-max",
     .kind = OPT_NUMBER,
     .value = "N",
     .min = 1,
     .max = UINT32_MAX,
     .effect = "use at most so many slots at a time"},
    {.name = "timeout",
     .kind = OPT_SPAN,
     .value = "TIME",
     .effect = "end the job after that long (exit 124)"},
    {.name = "cpu-time",
     .kind = OPT_SPAN,
     .value = "TIME",
     .effect = "processor time that its workers may use together"},
    {.name = "check",
     .kind = OPT_NUMBER,
     .value = "PCT",
     .min = 1,
     .max = 100,
     .effect = "compute so many percent of the leaves on two nodes, and compare"},
    {.name = "expression",
     .letter = 'e',
     .kind = OPT_TEXT,
     .value = "EXPR",
     .effect = "compute this C expression of i over A..B, in place of a kernel"},
    {.name = "reduce",
     .kind = OPT_CHOICE,
     .value = EXPRESSION_REDUCE,
     .effect = "what becomes of its values (sum)"},
    {.name = "tier",
     .kind = OPT_CHOICE,
     .value = "auto|tcc|cc",
     .effect = "whose compiler makes the code of FILE.c or EXPR"},
    {.name = "local", .kind = OPT_SWITCH, .effect = "compute in this process, without any node"},
    {.name = "leaf",
     .kind = OPT_NUMBER,
     .value = "N",
     .min = 1,
     .max = UINT64_MAX,
     .effect = "units in a leaf, the step of sharing"},
    {.name = "leaf-timeout",
     .kind = OPT_SPAN,
     .value = "TIME",
     .effect = "end a leaf that runs longer (10m)"},
    WANTS_OPTS,
    {0},
};

/* Words that no kernel is called by, so a file was meant. */
static int refuse_path(const char *name)
{
    if (strchr(name, '/')) {
        talk_error("there is no file \"%.255s\"", name);
        talk_try("the path of a FILE.c or FILE.so, or a kernel: velum kernels");
    } else {
        talk_error("there is no kernel \"%.255s\"; it is a file here", name);
        talk_try("velum run ./%.255s", name);
    }
    return CODE_MISUSE;
}

static int refuse_kernel(const char *name, const char *near, const char *usage)
{
    const size_t len = strlen(name);
    if (strchr(name, '/') ||
        (len > 3 && strcmp(name + len - 3, ".so") == 0 && access(name, F_OK) == 0))
        return refuse_path(name);
    if (near) {
        talk_error("there is no kernel \"%.63s\"; did you mean %s?", name, near);
        talk_try("velum run %s %s", near, usage);
    } else {
        talk_error("there is no kernel \"%.63s\"", name);
        talk_try("velum kernels");
    }
    return CODE_MISUSE;
}

static int refuse_kernel_here(const char *name)
{
    const char *near = builtin_nearest(name);
    return refuse_kernel(name, near, near ? builtin_usage(near) : NULL);
}

/* Whether the node has the kernel, and then what it is; if not, says which of its
 * kernels is nearest. 0 or an exit code. */
static int find_there(struct line *l, const char *name, struct kernel_view *out)
{
    static struct kernel_view v, near;
    struct frame frame;
    bool found = false;
    size_t distance = strlen(name) / 3 + 2;
    int rc = line_send(l, MESSAGE_REQUEST_KERNELS, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_KERNEL, &frame)) == 1) {
        rc = read_kernel_view(frame.payload, &v);
        if (rc < 0 || v.refused[0])
            continue;
        size_t d = text_distance(name, v.name);
        if (d == 0) {
            found = true;
            *out = v;
        }
        if (d < distance) {
            distance = d;
            near = v;
        }
    }
    if (rc < 0)
        return line_report(l, rc);
    return found ? 0 : refuse_kernel(name, near.name[0] ? near.name : NULL, near.usage);
}

static int check_names(const struct submission *s, const char *kernel, bool is_file)
{
    if (s->name[0] && !text_is_name(s->name)) {
        talk_error("--name takes a-z, 0-9 and -, at most 63, not \"%.64s\"", s->name);
        talk_try("--name nightly-1");
        return CODE_MISUSE;
    }
    return is_file || strlen(kernel) < KERNEL_NAME_SIZE ? 0 : refuse_kernel(kernel, NULL, NULL);
}

static int refuse_detach(void)
{
    talk_error("-d needs a node that goes on with the job; a job inside this process ends with it");
    talk_try("velum node, or velum run without -d");
    return CODE_MISUSE;
}

static void announce(const struct submission *s, const struct reply_submitted *r)
{
    char id[9], durable[64];
    id_hex(r->job.bytes, 8, id);
    const unsigned long long leaves = submission_all_leaves(s);
    snprintf(durable, sizeof durable, r->durable ? ", durable=%u on %u machine%s" : ", durable=0",
             r->durable, r->machines, r->machines == 1 ? "" : "s");
    talk_line("job %s  %s%s%s  %s%llu lea%s%s", id, s->plan.kernel, s->args[0] ? " " : "", s->args,
              s->plan.then[0] ? "2 stages, " : "", leaves, leaves == 1 ? "f" : "ves", durable);
}

static int submit(const struct call *c, struct line *l, struct submission *s,
                  const struct run_view *view)
{
    struct reply_submitted reply;
    int code = submit_send(s, l, &reply);
    if (code != 0)
        return code;
    if (opt_given(c->opts, "detach")) {
        char id[9];
        id_hex(reply.job.bytes, 8, id);
        printf("%s\n", id);
        return CODE_DONE;
    }
    announce(s, &reply);
    bool ended;
    struct pour_options pour = {.file = view->file, .fd = run_view_fd(view)};
    code = submit_follow(c, l, &reply, &pour, &ended);
    return ended && code == CODE_DONE ? run_view_draw(view) : code;
}

/* Where a result cannot be written is said before anything is computed. */
static int check_output(const struct call *c)
{
    if (!opt_given(c->opts, "output"))
        return 0;
    if (opt_given(c->opts, "json"))
        talk_error("--json prints the job, and -o writes its result: one of the two");
    else if (opt_given(c->opts, "detach"))
        talk_error("-d does not wait for the result, and -o writes it: one of the two");
    else
        return sink_try(opt_text(c->opts, "output", NULL));
    talk_try("velum run without -o, and then velum result JOB -o FILE");
    return CODE_MISUSE;
}

/* Which compiler a snippet's code comes from. */
static int take_tier(const struct call *c, bool is_c, struct submission *s)
{
    const char *tier = opt_text(c->opts, "tier", NULL);
    if (tier && !is_c) {
        talk_error("--tier says which compiler makes a kernel of C source, and this is none");
        talk_try("velum run sum.c 1000000 --tier cc");
        return CODE_MISUSE;
    }
    s->compiler = COMPILER_AUTO;
    if (tier)
        (void)wants_compiler(tier, &s->compiler);
    return 0;
}

static int take_options(const struct call *c, bool is_file, struct submission *s)
{
    struct job_wants wants;
    s->name = opt_text(c->opts, "name", "");
    s->slots_max = (uint32_t)opt_number(c->opts, "slots-max", 0);
    s->timeout_us = opt_number(c->opts, "timeout", 0);
    s->cpu_us = opt_number(c->opts, "cpu-time", 0);
    s->check = (uint16_t)(opt_number(c->opts, "check", 0) * (JOB_CHECK_MAX / 100));
    s->leaf_units = opt_number(c->opts, "leaf", 0);
    int code = wants_take(c, &wants);
    if (code != 0)
        return code;
    s->wants = wants.stage;
    s->priority = wants.priority;
    s->waits = wants.waits;
    return check_names(s, c->argv[0], is_file);
}

/* A detached job needs a node that goes on with it,
 * so no node is no error of the mesh then but a misuse. */
static int open_line(const struct call *c, bool objects, bool foreign, struct line **out)
{
    bool detach = opt_given(c->opts, "detach");
    struct line_options where = {.embedded_ok = !detach,
                                 .objects = objects,
                                 .foreign = foreign,
                                 .quiet = detach && !line_addr(c),
                                 .embedded_only = opt_given(c->opts, "local")};
    if (detach && where.embedded_only)
        return refuse_detach();
    int code = line_open(out, c, &where);
    return code == CODE_NO_NODE && where.quiet ? refuse_detach() : code;
}

/* A job on its way from words to a spec. */
struct errand {
    const struct call *call;
    struct submission job;
    struct inputs inputs;
    int files_at; /* index of the first argument that is a file */
    bool here;    /* a built-in plans it, in this process */
    bool is_c;    /* the kernel is a snippet */
    struct snippet snippet;
    struct stage_input source;
    struct expression *expression; /* NULL: it is a file */
    bool planned;                  /* with the sizes as they are */
    struct run_view view;
};

/* Of a kernel's arguments, which are those behind its name. */
static char *const *arguments(const struct errand *e)
{
    return e->call->argv + 1;
}

/* Only what leaves yield can be a picture, which is known before anything is computed. 0 or an exit
 * code. */
static int check_view(const struct errand *e, const char *kernel, uint8_t reduction)
{
    if (!e->view.draws || reduction == REDUCE_COLLECT)
        return 0;
    talk_error("--view draws PNG files, and the result of %s is a line of text", kernel);
    talk_try("velum run --view mandelbrot");
    return CODE_MISUSE;
}

/* A wrong argument is said before anybody is asked and anything is sent, where it can be known. */
static int plan(struct errand *e, struct line *l)
{
    uint64_t sizes[STAGE_INPUTS_MAX];
    const struct plan_wish wish = {.kernel = e->call->argv[0],
                                   .argc = e->files_at,
                                   .argv = arguments(e),
                                   .inputs_count = e->inputs.count,
                                   .input_sizes = sizes,
                                   .snippet = e->is_c ? &e->snippet : NULL};
    if (e->planned || !inputs_sizes(&e->inputs, sizes))
        return 0;
    int code = e->here ? submit_plan_here(&e->job, &wish) : submit_plan_there(&e->job, l, &wish);
    e->planned = code == 0;
    return code;
}

/* What the expression's kernel is told is not what its user has said. */
static int plan_expression(struct errand *e, struct line *l)
{
    const struct plan_wish wish = {.kernel = EXPRESSION_NAME,
                                   .argc = e->expression->count,
                                   .argv = e->expression->args,
                                   .snippet = &e->snippet};
    const char *words[CMD_ARGS_MAX + 1] = {opt_text(e->call->opts, "expression", "")};
    for (int k = 0; k < e->call->argc; k++)
        words[k + 1] = e->call->argv[k];
    submission_join_args(&e->job, e->call->argc + 1, words);
    int code = submit_plan_there(&e->job, l, &wish);
    e->planned = code == 0;
    return code;
}

static int take_arguments(struct errand *e, struct line *l)
{
    const int argc = e->call->argc - 1;
    int code = submit_take_args(&e->job, argc, e->files_at, arguments(e));
    if (code == 0)
        code = inputs_open(&e->inputs, argc - e->files_at, arguments(e) + e->files_at);
    return code == 0 ? plan(e, l) : code;
}

static int ask_for_kernel(struct errand *e, struct line *l)
{
    const char *kernel = e->call->argv[0];
    static struct kernel_view there;
    if (line_is_embedded(l))
        return refuse_kernel_here(kernel);
    int code = find_there(l, kernel, &there);
    if (code == 0)
        code = check_view(e, kernel, there.reduction);
    e->files_at =
        kernel_files_at(there.files_from, e->call->argc - 1, (const char *const *)arguments(e));
    return code ? code : take_arguments(e, l);
}

/* What a snippet takes is known once a worker has compiled it. */
static int ask_for_snippet(struct errand *e, struct line *l)
{
    int code = snippet_describe(&e->snippet, e->call, l);
    if (code == 0)
        code = check_view(e, e->snippet.kernel.name, e->snippet.kernel.reduction);
    if (code != 0)
        return code;
    e->source = snippet_source(&e->snippet);
    e->job.source = &e->source;
    e->job.arch = e->snippet.plugin ? e->snippet.arch : NULL;
    if (e->expression)
        return plan_expression(e, l);
    e->files_at = kernel_files_at(e->snippet.kernel.files_from, e->call->argc - 1,
                                  (const char *const *)arguments(e));
    return take_arguments(e, l);
}

static int go(struct errand *e, struct line *l)
{
    int code = e->here ? 0 : e->is_c ? ask_for_snippet(e, l) : ask_for_kernel(e, l);
    if (code == 0)
        code = inputs_put(&e->inputs, e->call, l);
    if (code == 0)
        code = plan(e, l);
    e->job.inputs_count = e->inputs.count;
    e->job.inputs = e->inputs.made;
    e->job.waits = wants_wait(e->job.waits, line_is_embedded(l));
    e->job.plan.leaf_us = e->job.then.leaf_us = opt_number(e->call->opts, "leaf-timeout", 0);
    return code == 0 ? submit(e->call, l, &e->job, &e->view) : code;
}

static int open_source(struct errand *e)
{
    static struct expression made;
    const struct call *c = e->call;
    const char *text = opt_text(c->opts, "expression", NULL);
    if (!text)
        return snippet_is_plugin(c->argv[0]) ? snippet_open_plugin(&e->snippet, c->argv[0])
                                             : snippet_open(&e->snippet, c->argv[0]);
    e->expression = &made;
    int code = expression_make(&made, text, opt_text(c->opts, "reduce", "sum"), c->argc, c->argv);
    return code == 0 ? snippet_open_text(&e->snippet, EXPRESSION_NAME,
                                         (struct bytes){(const uint8_t *)made.source, made.len})
                     : code;
}

static int refuse_reduce(void)
{
    talk_error("--reduce says what becomes of the values of an expression, and there is none");
    talk_try("velum run -e 'i * i' 1..1000 --reduce max");
    return CODE_MISUSE;
}

static int refuse_nothing(const struct call *c, bool is_expression)
{
    if (is_expression) {
        talk_error("the range A..B of i is missing");
        talk_try("velum run -e 'i * i' 1..1000");
    } else {
        talk_error("%s is missing", c->cmd->args);
        cmd_print_usage(c->cmd, stderr);
        talk_try("velum help run");
    }
    return CODE_MISUSE;
}

static int run(const struct call *c)
{
    static struct errand e;
    struct line *l = NULL;
    const bool is_expression = opt_given(c->opts, "expression");
    if (c->argc == 0)
        return refuse_nothing(c, is_expression);
    if (!is_expression && opt_given(c->opts, "reduce"))
        return refuse_reduce();
    e.call = c;
    e.is_c = is_expression || snippet_is_file(c->argv[0]);
    e.files_at = e.is_c
                     ? ERR_NOT_FOUND
                     : builtin_files_at(c->argv[0], c->argc - 1, (const char *const *)c->argv + 1);
    e.here = e.files_at >= 0;
    int code = take_tier(c, e.is_c && (is_expression || !snippet_is_plugin(c->argv[0])), &e.job);
    if (code == 0)
        code = take_options(c, e.is_c, &e.job);
    if (code == 0)
        code = check_output(c);
    if (code == 0)
        code = run_view_open(&e.view, c);
    if (code == 0 && e.is_c)
        code = open_source(&e);
    if (code == 0 && e.here)
        code = take_arguments(&e, NULL);
    /* What leaves yield are objects, too, unless it is short. */
    const bool yields = e.here && e.job.plan.reduction == REDUCE_COLLECT;
    if (code == 0 && e.here)
        code = check_view(&e, c->argv[0], e.job.plan.reduction);
    if (code == 0 && is_expression)
        code = check_view(&e, "an expression", REDUCE_FOLD);
    if (code == 0)
        code = open_line(c, e.is_c || yields || e.inputs.count > 0, e.is_c, &l);
    if (code == 0)
        code = go(&e, l);
    run_view_close(&e.view);
    inputs_close(&e.inputs);
    snippet_close(&e.snippet);
    line_close(l);
    return code;
}

const struct cmd cmd_run = {
    .name = "run",
    .args = "KERNEL|FILE.c|./FILE.so [ARGS]",
    .summary = "compute a kernel over its range and print the result",
    .more = "With a node near, its mesh computes; without one, this process does, on all cores.\n"
            "The result goes to standard output, or by way of FILE.part to FILE, which is there\n"
            "only when it is whole; everything else goes to standard error. Ctrl-C asks\n"
            "whether to detach from the job or to kill it; without a terminal it detaches.\n"
            "A kernel that reads files (velum kernels NAME) is given files, - for standard input,\n"
            "or references of objects; the files are put first, each only where nobody keeps its\n"
            "bytes yet, and stay objects. Options behind KERNEL that are none of run are the\n"
            "kernel's. FILE.c is a kernel of your own in C (velum_kernel.h): each node\n"
            "compiles it in a cage. A path that ends in .so is a plugin (velum cc -o): it goes\n"
            "with the job to nodes of its architecture. With -e EXPR there is no KERNEL, but a\n"
            "range A..B, both ends included, of the 64-bit number i in EXPR, and perhaps numbers "
            "that are x[0], x[1]...",
    .group = GROUP_RUN,
    .takes = TAKES_KERNEL,
    .opts = opts,
    .args_max = CMD_ARGS_MAX,
    .run = run,
};
