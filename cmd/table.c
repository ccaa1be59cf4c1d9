/* The one list of subcommands. */
#include <string.h>

#include "cmd/cmd.h"
#include "core/base/text.h"

extern const struct cmd cmd_run, cmd_wait, cmd_result, cmd_kill, cmd_ps, cmd_show, cmd_logs,
    cmd_nodes, cmd_node, cmd_kernels, cmd_help, cmd_version, cmd_completion, cmd_complete, cmd_sim,
    cmd_journal, cmd_demo, cmd_stale, cmd_verify, cmd_put, cmd_get, cmd_objects, cmd_rm, cmd_map,
    cmd_flow, cmd_cc, cmd_doctor, cmd_init, cmd_join, cmd_token, cmd_ca, cmd_events, cmd_revoke,
    cmd_receipt, cmd_leave, cmd_drain;

static const struct cmd *const table[] = {
    &cmd_run,     &cmd_map,    &cmd_flow,    &cmd_wait,       &cmd_result,   &cmd_kill,
    &cmd_ps,      &cmd_show,   &cmd_logs,    &cmd_nodes,      &cmd_node,     &cmd_kernels,
    &cmd_cc,      &cmd_help,   &cmd_version, &cmd_completion, &cmd_complete, &cmd_sim,
    &cmd_journal, &cmd_demo,   &cmd_stale,   &cmd_verify,     &cmd_put,      &cmd_get,
    &cmd_objects, &cmd_rm,     &cmd_init,    &cmd_join,       &cmd_token,    &cmd_ca,
    &cmd_doctor,  &cmd_events, &cmd_revoke,  &cmd_receipt,    &cmd_leave,    &cmd_drain,
};

static const char *const group_names[] = {
    [GROUP_RUN] = "Run",   [GROUP_OBJECTS] = "Objects", [GROUP_SEE] = "See",
    [GROUP_MESH] = "Mesh", [GROUP_TOOLS] = "Tools",
};

const struct cmd *cmd_at(size_t i)
{
    return i < sizeof table / sizeof *table ? table[i] : NULL;
}

const struct cmd *cmd_find(const char *name)
{
    const struct cmd *cmd;
    for (size_t i = 0; (cmd = cmd_at(i)); i++)
        if (strcmp(cmd->name, name) == 0)
            return cmd;
    return NULL;
}

const char *cmd_nearest(const char *name)
{
    const struct cmd *cmd;
    const char *best = NULL;
    size_t len = strlen(name);
    size_t distance = len > 2 ? len / 3 + 2 : 2;
    if (len > 63)
        return NULL;
    for (size_t i = 0; (cmd = cmd_at(i)); i++) {
        size_t d = text_distance(name, cmd->name);
        if (!cmd->hidden && d < distance) {
            distance = d;
            best = cmd->name;
        }
    }
    return best;
}

void cmd_print_usage(const struct cmd *cmd, FILE *to)
{
    fprintf(to, "usage: velum %s%s%s%s\n", cmd->name, cmd->opts ? " [OPTIONS]" : "",
            cmd->args[0] ? " " : "", cmd->args);
}

static void print_one(const struct cmd *cmd, FILE *to)
{
    cmd_print_usage(cmd, to);
    fprintf(to, "\n%s.\n", cmd->summary);
    if (cmd->more)
        fprintf(to, "\n%s\n", cmd->more);
    fprintf(to, "\n");
    opt_usage(cmd->opts, to);
    opt_usage(opt_common, to);
}

static void print_group(enum cmd_group group, FILE *to)
{
    const struct cmd *cmd;
    fprintf(to, "\n%s\n", group_names[group]);
    for (size_t i = 0; (cmd = cmd_at(i)); i++) {
        char left[64];
        if (cmd->hidden || cmd->group != group)
            continue;
        snprintf(left, sizeof left, "%s %s", cmd->name, cmd->args);
        fprintf(to, "  %-26s %s\n", left, cmd->summary);
    }
}

void cmd_print_help(const struct cmd *cmd, FILE *to)
{
    if (cmd) {
        print_one(cmd, to);
        return;
    }
    fprintf(to, "velum: one computer out of the machines you have\n\nusage: velum COMMAND ...\n");
    for (int group = GROUP_RUN; group <= GROUP_TOOLS; group++)
        print_group((enum cmd_group)group, to);
    fprintf(to, "\n  velum help COMMAND         its options\n"
                "  velum help exit-codes      what the exit codes say\n"
                "  velum help environment     the variables that are read\n");
}
