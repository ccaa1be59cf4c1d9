/* The way in: which command, which options, run it. The three hidden names are processes of Velum's
 * own and come before everything else, so that a worker starts with nothing touched.
 *
 * The spawner must be forked before keys, libevent or threads exist. `velum node` forks it in
 * node.c before it calls the host, `velum run` in line.c, and only when no control socket answers,
 * because a run with a node near does not need one. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "core/host/builtin.h"
#include "core/host/role.h"

static int refuse_command(const char *name)
{
    const char *nearest = cmd_nearest(name);
    if (builtin_usage(name)) {
        talk_error("%.64s is a kernel, and no command", name);
        talk_try("velum run %.64s %s", name, builtin_usage(name));
        return CODE_MISUSE;
    }
    talk_error("there is no command \"%.64s\"%s%s%s", name, nearest ? "; did you mean " : "",
               nearest ? nearest : "", nearest ? "?" : "");
    if (nearest)
        talk_try("velum %s", nearest);
    else
        talk_try("velum help");
    return CODE_MISUSE;
}

static int refuse_count(const struct cmd *cmd, int given)
{
    if (given < cmd->args_min)
        talk_error("%s is missing", cmd->args[0] ? cmd->args : "an argument");
    else if (cmd->args_max == 0)
        talk_error("%d argument%s too many, this command takes none", given,
                   given == 1 ? " is" : "s are");
    else
        talk_error("%d arguments are too many, the limit is %d", given, cmd->args_max);
    cmd_print_usage(cmd, stderr);
    talk_try("velum help %s", cmd->name);
    return CODE_MISUSE;
}

static int refuse_option(const struct cmd *cmd, const char *message, const char *hint)
{
    if (hint[0]) {
        talk_error("%s; did you mean %s?", message, hint);
        talk_try("velum %s %s", cmd->name, hint);
    } else {
        talk_error("%s", message);
        talk_try("velum help %s", cmd->name);
    }
    return CODE_MISUSE;
}

/* Words that are neither options nor arguments: they begin with one that says so. */
static int options_end(const struct cmd *cmd, int argc, char *const *argv)
{
    int i = 0;
    while (i < argc && !(cmd->ends_options && cmd->ends_options(argv[i])))
        i++;
    return i;
}

/* Behind it stand the words of a kernel. */
static bool names_kernel(const struct cmd *cmd)
{
    return cmd->takes == TAKES_KERNEL || cmd->takes == TAKES_SOURCE;
}

static int run_command(const struct cmd *cmd, const char *argv0, int argc, char **argv)
{
    static struct opts opts;
    char message[OPT_MESSAGE_SIZE], hint[OPT_MESSAGE_SIZE];
    const int end = options_end(cmd, argc, argv);
    int head = end;
    if (!cmd->raw)
        head = opt_parse(&opts, cmd->opts, names_kernel(cmd) ? 1 : 0, end, argv, message, hint);
    if (head < 0)
        return refuse_option(cmd, message, hint);
    memmove(argv + head, argv + end, (size_t)(argc - end) * sizeof *argv);
    const int count = head + argc - end;
    if (opt_given(&opts, "help")) {
        cmd_print_help(cmd, stdout);
        return CODE_DONE;
    }
    if (count < cmd->args_min || count > cmd->args_max)
        return refuse_count(cmd, count);
    struct call call = {
        .cmd = cmd, .argv0 = argv0, .opts = &opts, .argc = count, .argv = argv, .head = head};
    return cmd->run(&call);
}

/* An answer that could not be written is no answer. Who has read enough of it wants no word. */
static int flush(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (talk_nobody_reads() && (code == CODE_DONE || code == CODE_NO_READER))
        return CODE_NO_READER;
    talk_error("standard output could not be written");
    talk_try("the same with standard output to where there is room and you may write");
    return code == CODE_DONE ? CODE_FAILED : code;
}

static const struct cmd *find(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return cmd_find("help");
    if (strcmp(name, "--version") == 0)
        return cmd_find("version");
    return cmd_find(name);
}

/* Where the caller closed one of these, a file that is opened later would take its number, and a
 * job log, say, would be standard output. Reading and writing them goes on to fail. */
static void keep_standard_streams(void)
{
    static const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", flags[fd]);
}

int main(int argc, char **argv)
{
    const enum role role = role_of_arguments(argc, argv);
    if (role != ROLE_NONE)
        return role_serve(role);
    keep_standard_streams();
    if (argc < 2) {
        cmd_print_help(NULL, stdout);
        return flush(CODE_DONE);
    }
    const struct cmd *cmd = find(argv[1]);
    if (!cmd)
        return refuse_command(argv[1]);
    talk_open(cmd->name);
    return flush(run_command(cmd, argv[0], argc - 2, argv + 2));
}
