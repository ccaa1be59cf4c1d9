/* `velum complete WORDS...`: what could stand for the last word, one candidate a line. Within
 * 100 ms or not at all, because somebody waits with a finger on a key: an alarm ends the process
 * without a word when a node is slow. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cmd/jobs.h"
#include "cmd/view_object.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/builtin.h"
#include "core/wire/message.h"

#define PATIENCE_US 90000

static void offer(const char *prefix, const char *before, const char *word)
{
    size_t len = strlen(prefix), skip = strlen(before);
    if (len >= skip && memcmp(prefix, before, skip) == 0 &&
        strncmp(word, prefix + skip, len - skip) == 0)
        printf("%s%s\n", before, word);
    else if (len < skip && strncmp(before, prefix, len) == 0)
        printf("%s%s\n", before, word);
}

static void offer_commands(const char *prefix)
{
    const struct cmd *cmd;
    for (size_t i = 0; (cmd = cmd_at(i)); i++)
        if (!cmd->hidden)
            offer(prefix, "", cmd->name);
}

static void offer_options(const struct opt *rows, const char *prefix)
{
    for (; rows && rows->name; rows++)
        offer(prefix, "--", rows->name);
}

/* "one|two", up to a blank. */
static void offer_choices(const char *words, const char *prefix)
{
    char word[64];
    for (const char *at = words; *at && *at != ' ';) {
        size_t n = strcspn(at, "| ");
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        offer(prefix, "", word);
        at += n + (at[n] == '|');
    }
}

static void offer_jobs(struct line *l, enum cmd_takes takes, const char *prefix)
{
    struct job_list jobs;
    int rc = takes == TAKES_STALE ? jobs_fetch_stale(l, "", &jobs)
                                  : jobs_fetch(l, takes == TAKES_JOB, "", &jobs);
    if (rc < 0)
        return;
    for (size_t i = 0; i < jobs.count; i++) {
        char id[9];
        id_hex(jobs.list[i].view.id.bytes, 8, id);
        offer(prefix, "", id);
        if (jobs.list[i].view.name[0])
            offer(prefix, "", jobs.list[i].view.name);
    }
    jobs_clear(&jobs);
}

static void offer_object(void *prefix, const struct object_view *v)
{
    char name[OBJECT_SHORT_SIZE];
    object_short(v->name, name);
    offer(prefix, "", name);
}

static void offer_plugins(struct line *l, const char *prefix)
{
    static struct kernel_view v;
    struct frame frame;
    int rc = line_send(l, MESSAGE_REQUEST_KERNELS, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_KERNEL, &frame)) == 1) {
        rc = read_kernel_view(frame.payload, &v);
        if (rc == 0 && v.origin != ORIGIN_BUILTIN && !v.refused[0])
            offer(prefix, "", v.name);
    }
}

static void offer_nodes(struct line *l, const char *prefix)
{
    struct node_view v;
    struct frame frame;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1) {
        rc = read_node_view(frame.payload, &v);
        if (rc == 0 && v.state != NODE_LEFT)
            offer(prefix, "", v.name);
    }
}

static void give_up(int number)
{
    (void)number;
    _exit(CODE_DONE);
}

/* What only a node knows comes last and only if it comes in time: the rest is already out. */
static void offer_from_node(const struct call *c, enum cmd_takes takes, const char *prefix)
{
    struct line *l = NULL;
    struct line_options where = {.quiet = true};
    struct itimerval patience = {.it_value = {.tv_usec = PATIENCE_US}};
    fflush(stdout);
    signal(SIGALRM, give_up);
    setitimer(ITIMER_REAL, &patience, NULL);
    if (line_open(&l, c, &where) != 0)
        return;
    char begins[OBJECT_REF_SIZE];
    if (takes == TAKES_KERNEL)
        offer_plugins(l, prefix);
    else if (takes == TAKES_NODE)
        offer_nodes(l, prefix);
    else if (takes == TAKES_OBJECT && text_copy(begins, sizeof begins, prefix))
        (void)objects_each(l, true, "", offer_object, begins);
    else
        offer_jobs(l, takes, prefix);
    line_close(l);
}

static void offer_builtins(const char *prefix)
{
    static struct kernel_view v;
    for (uint32_t i = 0; builtin_view(i, &v); i++)
        offer(prefix, "", v.name);
}

static void offer_arguments(const struct call *c, const struct cmd *cmd, const char *prefix)
{
    switch (cmd->takes) {
    case TAKES_NOTHING:
    case TAKES_SOURCE: /* a file, for the shell to find */
        return;
    case TAKES_COMMAND:
        offer_commands(prefix);
        offer(prefix, "", "exit-codes");
        offer(prefix, "", "environment");
        return;
    case TAKES_SHELL:
        offer(prefix, "", "bash");
        offer(prefix, "", "zsh");
        offer(prefix, "", "fish");
        return;
    case TAKES_WORD:
        offer_choices(cmd->args, prefix);
        return;
    case TAKES_STALE:
        if (c->argc > 2)
            break;
        offer(prefix, "", "restore");
        offer(prefix, "", "drop");
        return;
    case TAKES_KERNEL:
        offer_builtins(prefix);
        break;
    case TAKES_LIVE_JOB:
    case TAKES_JOB:
    case TAKES_OBJECT:
    case TAKES_NODE:
        break;
    }
    offer_from_node(c, cmd->takes, prefix);
}

/* Of joined letters the last, which may take the next word. */
static const struct opt *option_of_letters(const struct cmd *cmd, const char *letters)
{
    const struct opt *o = opt_letters(cmd->opts, &letters);
    return *letters ? NULL : o;
}

static const struct opt *option_of(const struct cmd *cmd, const char *word)
{
    if (word[0] == '-' && word[1] != '-')
        return option_of_letters(cmd, word + 1);
    if (strncmp(word, "--", 2) != 0)
        return NULL;
    const struct opt *o = opt_find(cmd->opts, word + 2, strlen(word + 2));
    return o ? o : opt_find(opt_common, word + 2, strlen(word + 2));
}

/* An option's value counts as no argument; what stands behind a kernel's name is the kernel's. */
static int count_arguments(const struct call *c, const struct cmd *cmd)
{
    int count = 0;
    for (int i = 1; i + 1 < c->argc; i++) {
        const struct opt *o = option_of(cmd, c->argv[i]);
        if (o && !opt_stands_alone(o))
            i++;
        else if (c->argv[i][0] != '-')
            count++;
    }
    return count;
}

static int run(const struct call *c)
{
    const char *last = c->argc > 0 ? c->argv[c->argc - 1] : "";
    if (c->argc <= 1) {
        offer_commands(last);
        return CODE_DONE;
    }
    const struct cmd *cmd = cmd_find(c->argv[0]);
    if (!cmd || cmd->raw)
        return CODE_DONE;
    const struct opt *before = option_of(cmd, c->argv[c->argc - 2]);
    if (before && !opt_stands_alone(before)) {
        if (before->kind == OPT_CHOICE)
            offer_choices(before->value, last);
        return CODE_DONE;
    }
    if (last[0] == '-') {
        offer_options(cmd->opts, last);
        offer_options(opt_common, last);
        return CODE_DONE;
    }
    const bool first_alone = cmd->takes == TAKES_KERNEL || cmd->takes == TAKES_WORD;
    const int count = count_arguments(c, cmd);
    if (count < cmd->args_max && (!first_alone || count == 0))
        offer_arguments(c, cmd, last);
    return CODE_DONE;
}

const struct cmd cmd_complete = {
    .name = "complete",
    .args = "WORDS...",
    .summary = "answer the completion scripts",
    .group = GROUP_TOOLS,
    .raw = true,
    .hidden = true,
    .args_max = CMD_ARGS_MAX,
    .run = run,
};
