/* What a subcommand is: one const row in one file of its own. table.c lists the rows; dispatch,
 * help, usage and completions are made from them and from nothing else. */
#ifndef VELUM_CMD_CMD_H
#define VELUM_CMD_CMD_H

#include "cmd/opt.h"
#include "cmd/talk.h"

enum cmd_group { GROUP_RUN, GROUP_OBJECTS, GROUP_SEE, GROUP_MESH, GROUP_TOOLS };

/* What completion may offer for a command's arguments. */
enum cmd_takes {
    TAKES_NOTHING,
    TAKES_KERNEL,
    TAKES_SOURCE,
    TAKES_LIVE_JOB,
    TAKES_JOB,
    TAKES_COMMAND,
    TAKES_SHELL,
    TAKES_WORD, /* first, one of those in `args` */
    TAKES_STALE,
    TAKES_OBJECT,
    TAKES_NODE
};

#define CMD_ARGS_MAX 1000

struct call {
    const struct cmd *cmd;
    const char *argv0; /* main's, for whoever must start this executable again */
    const struct opts *opts;
    int argc; /* arguments that are no options */
    char **argv;
    int head; /* of them, before the word that ends options; argc where there is none */
};

struct cmd {
    const char *name;
    const char *args; /* as in usage: "KERNEL [ARGS]", "" for none */
    const char *summary;
    const char *more; /* a paragraph for `velum help NAME`, or NULL */
    enum cmd_group group;
    enum cmd_takes takes;
    const struct opt *opts; /* NULL for none of its own */
    int args_min, args_max;
    bool raw;                               /* its words are not options: `velum complete` */
    bool (*ends_options)(const char *word); /* NULL, or whether no options follow this word */
    bool hidden;                            /* not in lists */
    int (*run)(const struct call *c);       /* the process's exit code */
};

/* Row i, or NULL past the end. */
const struct cmd *cmd_at(size_t i);
const struct cmd *cmd_find(const char *name);
/* The name nearest to a mistyped one, or NULL when none is near. */
const char *cmd_nearest(const char *name);
/* "usage: velum run KERNEL [ARGS]" */
void cmd_print_usage(const struct cmd *cmd, FILE *to);
/* The whole help of one command, or with NULL the list by groups. */
void cmd_print_help(const struct cmd *cmd, FILE *to);

#endif
