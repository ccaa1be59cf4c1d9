#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/line.h"
#include "cmd/map_dry.h"
#include "cmd/map_level.h"
#include "cmd/map_run.h"
#include "cmd/map_words.h"
#include "cmd/snippet.h"
#include "cmd/wants_opts.h"
#include "core/api/task_source.h"
#include "core/base/err.h"
#include "core/host/builtin.h"

static const struct opt opts[] = {
    {.name = "max-parallel",
     .letter = 'j',
     .kind = OPT_NUMBER,
     .value = "N",
     .min = 1,
     .max = MAP_PARALLEL_MAX,
     .effect = "at most so many inputs at a time (256, more while they are short)"},
    {.name = "keep-order",
     .letter = 'k',
     .kind = OPT_SWITCH,
     .effect = "print results in the order of the inputs"},
    {.name = "tag", .kind = OPT_SWITCH, .effect = "the input and a tab before each line"},
    {.name = "joblog", .kind = OPT_TEXT, .value = "FILE", .effect = "a line for each input done"},
    {.name = "resume", .kind = OPT_SWITCH, .effect = "leave out what the job log has"},
    {.name = "resume-failed", .kind = OPT_SWITCH, .effect = "the same, but do again what failed"},
    {.name = "halt",
     .kind = OPT_TEXT,
     .value = "WHEN",
     .effect = "end early: soon,fail=1 or now,success=3 or soon,fail=10%"},
    {.name = "delay", .kind = OPT_SPAN, .value = "TIME", .effect = "between two starts"},
    {.name = "timeout",
     .kind = OPT_SPAN,
     .value = "TIME",
     .effect = "an input fails after that long (exit 124)"},
    {.name = "cpu-time",
     .kind = OPT_SPAN,
     .value = "TIME",
     .effect = "an input fails when its workers have used so much"},
    {.name = "check",
     .kind = OPT_NUMBER,
     .value = "PCT",
     .min = 1,
     .max = 100,
     .effect = "compute so many percent of an input's leaves on two nodes, and compare"},
    {.name = "tier",
     .kind = OPT_CHOICE,
     .value = "auto|tcc|cc",
     .effect = "whose compiler makes the code of FILE.c"},
    {.name = "slots-max",
     .kind = OPT_NUMBER,
     .value = "N",
     .min = 1,
     .max = UINT32_MAX,
     .effect = "use at most so many slots for one input"},
    WANTS_OPTS,
    {.name = "null", .kind = OPT_SWITCH, .effect = "inputs in files end with a zero byte"},
    {.name = "dry-run", .kind = OPT_SWITCH, .effect = "print the commands, run nothing"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "one JSON document of all inputs"},
    {.name = "progress",
     .kind = OPT_CHOICE,
     .value = "bar|line|json|none",
     .effect = "how to show progress"},
    {.name = "local", .kind = OPT_SWITCH, .effect = "compute in this process, without any node"},
    {0},
};

/* Bars and results on one terminal would write over each other. */
static enum progress_kind progress_kind(const struct call *c)
{
    const char *name = opt_text(c->opts, "progress", NULL);
    if (!name && talk_is_terminal() && isatty(STDOUT_FILENO))
        return PROGRESS_NONE;
    return progress_kind_of(name, talk_is_terminal());
}

static bool resumes(const struct call *c)
{
    return opt_given(c->opts, "resume") || opt_given(c->opts, "resume-failed");
}

static int take_options(const struct call *c, struct map_task *t)
{
    const char *halt = opt_text(c->opts, "halt", "never");
    if (resumes(c) && !opt_given(c->opts, "joblog")) {
        talk_error("--resume and --resume-failed need the job log of the run before");
        talk_try("--joblog FILE");
        return CODE_MISUSE;
    }
    if (!map_halt_parse(halt, &t->halt)) {
        talk_error("--halt takes never, or soon or now with fail, success or done, not \"%.64s\"",
                   halt);
        talk_try("--halt soon,fail=1");
        return CODE_MISUSE;
    }
    t->parallel = (uint32_t)opt_number(c->opts, "max-parallel", MAP_PARALLEL);
    t->parallel_max = opt_given(c->opts, "max-parallel") ? t->parallel : MAP_PARALLEL_SHORT;
    t->jobs_max = t->parallel;
    t->keep_order = opt_given(c->opts, "keep-order");
    t->tag = opt_given(c->opts, "tag");
    t->json = opt_given(c->opts, "json");
    t->resume_failed = opt_given(c->opts, "resume-failed");
    t->progress = progress_kind(c);
    t->slots_max = (uint32_t)opt_number(c->opts, "slots-max", 0);
    t->timeout_ms = (opt_number(c->opts, "timeout", 0) + 999) / 1000;
    t->cpu_ms = (opt_number(c->opts, "cpu-time", 0) + 999) / 1000;
    t->check = (uint32_t)opt_number(c->opts, "check", 0);
    t->tier = opt_text(c->opts, "tier", NULL);
    t->delay_us = (int64_t)opt_number(c->opts, "delay", 0);
    return wants_take(c, &t->wants);
}

static int take_words(const struct call *c, struct map_task *t)
{
    if (c->head == 0) {
        talk_error("KERNEL is missing");
        cmd_print_usage(c->cmd, stderr);
        talk_try("velum map pi ::: 1000 2000");
        return CODE_MISUSE;
    }
    t->kernel = c->argv[0];
    t->is_source = task_source_is_file(t->kernel);
    t->argc = c->head - 1;
    t->argv = c->argv + 1;
    if (snippet_is_plugin(t->kernel)) {
        talk_error("%s is a plugin, and map takes kernels that nodes have, and C source",
                   t->kernel);
        talk_try("its FILE.c, or nodes with it: velum node --plugins DIR");
        return CODE_MISUSE;
    }
    if (t->is_source || !t->tier)
        return 0;
    talk_error("--tier says which compiler makes a kernel of C source, and this is none");
    talk_try("velum map squares.c --tier cc ::: 1000 2000");
    return CODE_MISUSE;
}

static int check_places(const struct map_task *t, struct map_inputs *inputs)
{
    size_t sources = map_inputs_sources(inputs);
    unsigned beyond = map_words_beyond(t->argc, t->argv, sources);
    if (beyond == 0 && t->halt.percent > 0 && map_inputs_fd(inputs) >= 0) {
        talk_error("--halt with a percentage needs inputs that can be counted");
        talk_try("--halt soon,fail=10, or inputs behind :::");
        return CODE_MISUSE;
    }
    if (beyond == 0)
        return 0;
    talk_error("{%u} names source %u, and there %s %zu", beyond, beyond,
               sources == 1 ? "is" : "are", sources);
    talk_try("velum help map");
    return CODE_MISUSE;
}

static int refuse_log(const char *path, const char *what)
{
    talk_error("%.200s is %s, so it cannot be the job log", path, what);
    talk_try("another --joblog FILE");
    return CODE_MISUSE;
}

/* What would run is what the log does not have; of one that would be begun anew nothing is read. */
static int look_at_log(const struct call *c, const char *path, struct map_log **out)
{
    char message[MAP_MESSAGE_SIZE];
    if (!resumes(c) || map_log_look(out, path, message) == 0)
        return 0;
    talk_error("%s", message);
    talk_try("another --joblog FILE");
    return CODE_FAILED;
}

static int open_log(const struct call *c, const struct map_inputs *inputs, struct map_log **out)
{
    char message[MAP_MESSAGE_SIZE];
    const char *path = opt_text(c->opts, "joblog", NULL);
    if (!path)
        return 0;
    if (opt_given(c->opts, "dry-run"))
        return look_at_log(c, path, out);
    if (map_log_is_file(path, map_inputs_fd(inputs)))
        return refuse_log(path, "what the inputs are read from");
    if (map_log_is_file(path, STDOUT_FILENO))
        return refuse_log(path, "where the results go");
    int rc = map_log_open(out, path, resumes(c), message);
    if (rc == 0)
        return 0;
    talk_error("%s", message);
    talk_try(rc == ERR_EXISTS ? "--resume to go on with it, or another FILE"
                              : "another --joblog FILE");
    return CODE_FAILED;
}

/* What is wrong with a source is said once, and before any input begins. */
static int look_at_source(const struct call *c, struct map_task *t)
{
    static struct snippet source;
    const struct line_options where = {.embedded_ok = true,
                                       .objects = true,
                                       .foreign = true,
                                       .embedded_only = opt_given(c->opts, "local")};
    struct line *l = NULL;
    int code = snippet_open(&source, t->kernel);
    if (code == 0)
        code = line_open(&l, c, &where);
    if (code == 0)
        code = snippet_describe(&source, c, l);
    t->files_from = source.kernel.files_from;
    line_close(l);
    snippet_close(&source);
    return code;
}

static int run_at_mesh(const struct call *c, struct map_inputs *inputs, struct map_log *log,
                       struct map_task *t)
{
    struct velum_options o = {.where = VELUM_ANYWHERE,
                              .addr = line_addr(c),
                              .keep_objects = t->is_source || builtin_takes_files(t->kernel)};
    struct velum *v = NULL;
    if (opt_given(c->opts, "local")) {
        o.where = VELUM_INSIDE;
        o.addr = NULL;
    }
    int rc = velum_init(&v, &o);
    if (rc < 0)
        talk_said(velum_sentence(v, rc));
    else if (velum_is_inside(v) && o.where == VELUM_ANYWHERE)
        talk_line("no node is near: this process computes");
    t->wants.waits = wants_wait(t->wants.waits, velum_is_inside(v));
    int code = rc < 0 ? -rc : map_run(v, inputs, log, t);
    velum_shutdown(v);
    return code;
}

static int map(const struct call *c)
{
    struct map_task t = {.may_roll = map_level_may_roll, .call = c};
    struct map_inputs *inputs = NULL;
    struct map_log *log = NULL;
    char message[MAP_MESSAGE_SIZE];
    int code = take_options(c, &t);
    if (code == 0)
        code = take_words(c, &t);
    if (code != 0)
        return code;
    if (map_inputs_open(&inputs, c->argc - c->head, c->argv + c->head, opt_given(c->opts, "null"),
                        message) < 0) {
        talk_error("%s", message);
        talk_try("velum help map");
        return CODE_MISUSE;
    }
    code = check_places(&t, inputs);
    if (code == 0 && t.is_source && !opt_given(c->opts, "dry-run"))
        code = look_at_source(c, &t);
    if (code == 0)
        code = open_log(c, inputs, &log);
    if (code == 0)
        code = opt_given(c->opts, "dry-run") ? map_dry_run(inputs, log, &t)
                                             : run_at_mesh(c, inputs, log, &t);
    map_log_close(log);
    map_inputs_close(inputs);
    return code;
}

const struct cmd cmd_map = {
    .name = "map",
    .args = "KERNEL|FILE.c [ARGS] [::: INPUTS]",
    .summary = "compute a kernel for each of many inputs",
    .more = "Inputs are the words after :::, the lines of files after ::::, or the lines of\n"
            "standard input; several ::: give every combination. In ARGS {} stands for the input,\n"
            "{1} for that of the first source, {.} {/} {//} {/.} for a file's name without its\n"
            "extension, without folders, its folder, and both, {#} for the number of the input.\n"
            "Without any of them the input comes last. Results are printed as they come.\n"
            "Ctrl-C cancels what runs; with --joblog, --resume goes on behind what is done.",
    .group = GROUP_RUN,
    .takes = TAKES_KERNEL,
    .opts = opts,
    .ends_options = map_is_mark,
    .args_min = 0,
    .args_max = INT_MAX,
    .run = map,
};
