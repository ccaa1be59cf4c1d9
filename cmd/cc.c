/* `velum cc FILE.c`: what the compiler of a node says of a kernel, what the kernel says of itself,
 * and, with arguments, what its first leaf takes. Works without a node; the kernel is in a cage all
 * the same. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/sink.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/plugin_build.h"
#include "core/host/snippet.h"
#include "core/host/spawner.h"
#include "core/host/trial.h"

static const struct opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_TEXT,
     .value = "PLUGIN.so",
     .effect = "make a plugin, by the system's compiler, and try that"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

struct cc {
    const struct call *call;
    const char *source, *plugin; /* as they were given; plugin NULL: none is made */
    char path[PATH_MAX];         /* of what is tried */
    char made[PATH_MAX];         /* beside the plugin-to-be, so that it can take its place */
    struct trial trial;
};

/* The compiler knows the file by its whole path, or by another name if it does not end in .c. */
static void print_words(const struct cc *c)
{
    const char *name = c->plugin ? c->path : snippet_name(c->path);
    const size_t len = strlen(name);
    for (const char *at = c->trial.words; *at;) {
        const size_t line = strcspn(at, "\n");
        const char *found = strstr(at, name);
        const size_t before = found && found < at + line ? (size_t)(found - at) : line;
        fprintf(stderr, "%.*s", (int)before, at);
        if (before < line)
            fprintf(stderr, "%s%.*s", c->source, (int)(line - before - len), at + before + len);
        fputc('\n', stderr);
        at += line + (at[line] == '\n');
    }
}

static int find_file(struct cc *c, const char *file)
{
    const bool there = realpath(file, c->path) != NULL;
    if (there && strlen(c->path) < PATH_SIZE_MAX)
        return 0;
    talk_error("%s: %s", file, there ? "its name is too long" : strerror(errno));
    talk_try("velum cc FILE.c, with the file of a kernel in C");
    return CODE_MISUSE;
}

static int measure(void *ctx, int from, uint64_t *sizes, char reason[REASON_SIZE])
{
    const struct cc *c = ctx;
    for (int i = from + 1; i < c->call->argc; i++) {
        struct stat s;
        if (stat(c->call->argv[i], &s) != 0 || !S_ISREG(s.st_mode)) {
            snprintf(reason, REASON_SIZE, "%.200s is no file", c->call->argv[i]);
            return ERR_NOT_FOUND;
        }
        sizes[i - from - 1] = (uint64_t)s.st_size;
    }
    return 0;
}

static int try_file(struct cc *c, struct spawner *s)
{
    char message[TRIAL_MESSAGE_SIZE];
    const struct trial_order order = {
        .origin = c->plugin ? ORIGIN_PLUGIN : ORIGIN_SNIPPET,
        .path = c->path,
        .plans = c->call->argc > 1,
        .argc = c->call->argc - 1,
        .argv = (const char *const *)(uintptr_t)(c->call->argv + 1),
        .measure = measure,
        .ctx = c,
    };
    int rc = trial_run(s, &order, &c->trial, message);
    spawner_close(s);
    if (rc == 0)
        return 0;
    talk_error("%s", message);
    talk_try("velum nodes, and what it says of the cage");
    return CODE_FAILED;
}

/* The compiler never writes over the source, whatever name it is given. */
static bool is_the_source(const struct cc *c)
{
    struct stat source, plugin;
    return stat(c->source, &source) == 0 && stat(c->plugin, &plugin) == 0 &&
           source.st_dev == plugin.st_dev && source.st_ino == plugin.st_ino;
}

static char unwanted[PATH_MAX]; /* c->made, of who is interrupted before it was tried */

static void leave(int number)
{
    unlink(unwanted);
    raise(number); /* as its default has it, from when this returns */
}

/* What its caller ignores, as nohup does, stays so. */
static void catch_signals(const struct cc *c)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction act = {.sa_handler = leave, .sa_flags = (int)SA_RESETHAND}, was;
    text_copy(unwanted, sizeof unwanted, c->made);
    sigemptyset(&act.sa_mask);
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaction(signals[i], &act, NULL);
}

static int build(struct cc *c)
{
    char message[PLUGIN_BUILD_MESSAGE_SIZE];
    const int len = snprintf(c->made, sizeof c->made, "%s.new-%ld", c->plugin, (long)getpid());
    if (is_the_source(c) || len >= (int)sizeof c->made) {
        talk_error("%s %s", c->plugin,
                   len < 0 || len >= (int)sizeof c->made ? "is too long a name" : "is the source");
        talk_try("velum cc %s -o kernel.so", c->source);
        return CODE_MISUSE;
    }
    catch_signals(c);
    int rc = plugin_build(c->path, c->made, message);
    if (rc == 0)
        return 0;
    if (rc == ERR_CANCELLED)
        return CODE_INTERRUPTED;
    talk_error("%s", message);
    if (rc == ERR_NOT_FOUND)
        talk_try("apt-get install gcc; or velum cc %s, which needs no compiler of the system",
                 c->source);
    else
        talk_try("velum help cc");
    return CODE_FAILED;
}

/* What no node would take takes nothing's place, and neither does what could not be tried. */
static int keep(const struct cc *c)
{
    if (!c->plugin)
        return 0;
    if (c->trial.view.refused[0] || rename(c->made, c->plugin) != 0) {
        const int error = errno;
        unlink(c->made);
        if (c->trial.view.refused[0])
            return 0; /* judge() says why */
        talk_error("%s: %s", c->plugin, strerror(error));
        talk_try("velum cc %s -o FILE.so, in a folder that can be written", c->source);
        return CODE_FAILED;
    }
    return 0;
}

static void print_json(const struct cc *c)
{
    const struct trial *t = &c->trial;
    struct json j;
    json_begin(&j, stdout);
    json_open(&j, NULL, '{');
    json_number(&j, "v", 1);
    json_open(&j, "kernels", '[');
    json_kernel(&j, &t->view);
    json_close(&j, ']');
    json_text(&j, "messages", t->words[0] ? t->words : NULL);
    if (t->planned) {
        json_number(&j, "units", t->units);
        json_number(&j, "leaf_units", t->leaf_units);
    } else {
        json_null(&j, "units");
        json_null(&j, "leaf_units");
    }
    if (t->ran)
        json_seconds(&j, "leaf_seconds", t->leaf_us);
    else
        json_null(&j, "leaf_seconds");
    json_text(&j, "error", t->reason[0] ? t->reason : t->failed[0] ? t->failed : NULL);
    json_close(&j, '}');
    fputc('\n', stdout);
}

/* Says what is wrong, if anything, and returns the exit code. */
static int judge(const struct cc *c)
{
    const struct trial *t = &c->trial;
    const char *file = c->plugin ? c->plugin : c->source;
    if (t->view.refused[0]) {
        if (!t->words[0])
            talk_error("%s: %s", file, t->view.refused);
        talk_try("velum help cc");
        return CODE_FAILED;
    }
    if (t->reason[0]) {
        talk_error("%s: %s", file, t->reason);
        talk_try("velum cc %s %s", file, t->view.usage);
        return CODE_MISUSE;
    }
    if (t->failed[0]) {
        talk_error("%s: its first leaf fails: %s", file, t->failed);
        talk_try("velum cc %s with arguments for which less is computed", file);
        return CODE_FAILED;
    }
    return CODE_DONE;
}

static int run(const struct call *call)
{
    static struct cc c;
    struct spawner spawner;
    c.call = call;
    c.source = call->argv[0];
    c.plugin = opt_text(call->opts, "output", NULL);
    int code = c.plugin ? sink_try(c.plugin) : 0;
    if (code != 0)
        return code;
    if (spawner_fork(&spawner, call->argv0) < 0) {
        talk_error("no process for a worker can be made");
        talk_try("again, when the machine has less to do");
        return CODE_FAILED;
    }
    code = find_file(&c, c.source);
    if (code == 0 && c.plugin && (code = build(&c)) == 0)
        code = find_file(&c, c.made);
    if (code != 0)
        spawner_close(&spawner);
    else
        code = try_file(&c, &spawner);
    if (code != 0) {
        unlink(c.made);
        return code;
    }
    print_words(&c);
    text_copy(c.trial.view.path, sizeof c.trial.view.path, c.plugin ? c.plugin : c.source);
    if ((code = keep(&c)) != 0)
        return code;
    if (opt_given(call->opts, "json"))
        print_json(&c);
    else if (!c.trial.view.refused[0])
        view_trial(stdout, &c.trial);
    fflush(stdout);
    return judge(&c);
}

const struct cmd cmd_cc = {
    .name = "cc",
    .args = "FILE.c [ARGS]",
    .summary = "try a kernel in C as a node would compile and run it",
    .more =
        "The source is compiled in a cage, by the compiler inside velum: it may include\n"
        "velum_kernel.h, stdint.h, stddef.h, stdbool.h, stdarg.h, limits.h, float.h, math.h\n"
        "and string.h, and nothing else. With ARGS the kernel makes a plan, and its first leaf\n"
        "is computed. With -o a plugin is made by cc, gcc or clang, and tried instead. The\n"
        "smallest kernel, to begin with, is in velum_kernel.h and in the manual.",
    .group = GROUP_TOOLS,
    .takes = TAKES_SOURCE,
    .opts = opts,
    .args_min = 1,
    .args_max = ARGS_COUNT_MAX + 1,
    .run = run,
};
