#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

static const char exit_codes[] =
    "  0    done, or nothing to do\n"
    "  1    the job failed, diverged or ended unknown; or this command could not do what it\n"
    "       was for (a second node on one folder, a busy port)\n"
    "  2    misuse: unknown option, command, kernel; bad argument or configuration; an id that\n"
    "       is not unique\n"
    "  3    no such job, node or object\n"
    "  4    not allowed\n"
    "  5    no node reachable\n"
    "  6    no node can ever run this\n"
    "  7    in part: not finished yet (result), somebody is away (kill, wait, objects), or\n"
    "       fewer copies than were asked for (put)\n"
    "  8    cancelled by somebody else\n"
    "  9    existed and is gone\n"
    "  124  time ran out: run --timeout ends the job, wait --timeout only stops waiting\n"
    "  128+n  ended by signal n; 130 is Ctrl-C, 141: nobody read to the end\n";

static const char environment[] =
    "  VELUM_ADDR    the node commands talk to, HOST:PORT, as --addr\n"
    "  VELUM_HOME    keys and state (default: $XDG_STATE_HOME/velum, else\n"
    "                ~/.local/state/velum)\n"
    "  VELUM_CONFIG  the settings file of velum node, as --config\n"
    "  TMPDIR        where a job with files keeps them when there is no node (default: /tmp,\n"
    "                else /dev/shm or the current folder)\n"
    "  NO_COLOR      no colours, when set to anything\n";

static const struct topic {
    const char *name;
    const char *text;
} topics[] = {{"exit-codes", exit_codes}, {"environment", environment}};

static int refuse(const char *name)
{
    const char *nearest = cmd_nearest(name);
    talk_error("there is no command or topic \"%.64s\"%s%s%s", name,
               nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    talk_try("velum help%s%s", nearest ? " " : "", nearest ? nearest : "");
    return CODE_MISUSE;
}

static int run(const struct call *c)
{
    if (c->argc == 0) {
        cmd_print_help(NULL, stdout);
        return CODE_DONE;
    }
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        if (strcmp(topics[i].name, c->argv[0]) == 0) {
            fputs(topics[i].text, stdout);
            return CODE_DONE;
        }
    const struct cmd *cmd = cmd_find(c->argv[0]);
    if (!cmd)
        return refuse(c->argv[0]);
    cmd_print_help(cmd, stdout);
    return CODE_DONE;
}

const struct cmd cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .summary = "explain a command, exit-codes or environment",
    .group = GROUP_TOOLS,
    .takes = TAKES_COMMAND,
    .args_max = 1,
    .run = run,
};
