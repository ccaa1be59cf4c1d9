#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/line.h"
#include "cmd/snippet.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/builtin.h"
#include "core/host/snippet.h"
#include "core/host/spawner.h"
#include "core/host/trial.h"
#include "core/wire/message.h"

static const struct opt opts[] = {
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

/* What is done with each kernel: a row of a table, an object, or a block of its own. */
struct listing {
    const char *wanted; /* NULL: all */
    struct json *json;
    struct grid *grid;
    unsigned found;
};

static void list(struct listing *to, const struct kernel_view *v)
{
    if (to->wanted && strcmp(to->wanted, v->name) != 0)
        return;
    to->found++;
    if (to->json)
        json_kernel(to->json, v);
    else if (to->wanted)
        view_kernel(stdout, v);
    else
        view_kernels_row(to->grid, v);
}

static int list_node(struct line *l, struct listing *to)
{
    static struct kernel_view v;
    struct frame frame;
    uint8_t room[PATH_SIZE_MAX];
    struct buf only;
    buf_init_fixed(&only, room, sizeof room);
    if (to->wanted)
        put_text(&only, to->wanted);
    int rc = buf_result(&only);
    if (rc == 0)
        rc = line_send(l, MESSAGE_REQUEST_KERNELS, buf_bytes(&only));
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_KERNEL, &frame)) == 1)
        if ((rc = read_kernel_view(frame.payload, &v)) == 0)
            list(to, &v);
    return rc;
}

static void list_here(struct listing *to)
{
    static struct kernel_view v;
    for (uint32_t i = 0; builtin_view(i, &v); i++)
        list(to, &v);
}

static int refuse_missing(const char *name)
{
    const char *nearest = builtin_nearest(name);
    talk_error("there is no kernel \"%.63s\"%s%s%s", name, nearest ? "; did you mean " : "",
               nearest ? nearest : "", nearest ? "?" : "");
    talk_try("velum kernels%s%s", nearest ? " " : "", nearest ? nearest : "");
    return CODE_MISUSE;
}

static int print(struct line *l, struct listing *to)
{
    struct json j;
    struct grid g;
    bool json = to->json != NULL;
    int rc = 0;
    view_kernels_head(&g);
    if (json) {
        to->json = &j;
        json_document_open(&j, stdout, "kernels");
    }
    to->grid = &g;
    if (l)
        rc = list_node(l, to);
    else
        list_here(to);
    if (json)
        json_document_close(&j);
    else if (!to->wanted && rc == 0)
        grid_print(&g, stdout);
    grid_clear(&g);
    return rc;
}

/* --- a kernel that is a file --- */

/* Without a / in its name, too, unlike what `run` takes for one. */
static bool is_plugin(const char *word)
{
    const size_t len = strlen(word);
    return len > 3 && strcmp(word + len - 3, ".so") == 0;
}

static bool is_file(const char *word)
{
    return snippet_is_file(word) || is_plugin(word);
}

/* What a worker in a cage finds in it. 0 or an exit code. */
static int look_into(const struct call *c, const char *file, struct trial *out)
{
    char path[PATH_MAX], message[TRIAL_MESSAGE_SIZE];
    struct spawner spawner;
    const bool there = realpath(file, path) != NULL;
    if (!there || strlen(path) >= PATH_SIZE_MAX) {
        talk_error("%s: %s", file, there ? "its name is too long" : strerror(errno));
        talk_try("velum kernels FILE.c or FILE.so, with the file of a kernel");
        return CODE_MISUSE;
    }
    const struct trial_order order = {.origin = is_plugin(file) ? ORIGIN_PLUGIN : ORIGIN_SNIPPET,
                                      .path = path};
    int rc = spawner_fork(&spawner, c->argv0);
    if (rc == 0)
        rc = trial_run(&spawner, &order, out, message);
    else
        snprintf(message, sizeof message, "no process for a worker can be made");
    spawner_close(&spawner);
    /* The compiler has another name for it. */
    const char *name = snippet_name(path);
    const size_t len = strlen(name);
    char *why = out->view.refused;
    if (rc == 0 && strncmp(why, name, len) == 0 && why[len] == ':')
        memmove(why, why + len, strlen(why + len) + 1);
    if (rc == 0)
        return 0;
    talk_error("%s", message);
    talk_try("velum nodes, and what it says of the cage");
    return CODE_FAILED;
}

static int tell_file(const struct call *c, const char *file)
{
    static struct trial trial;
    struct json j;
    struct kernel_view *v = &trial.view;
    int code = look_into(c, file, &trial);
    if (code != 0)
        return code;
    text_copy(v->path, sizeof v->path, file);
    if (v->refused[0]) {
        talk_error("%s%s%s", file, v->refused[0] == ':' ? "" : ": ", v->refused);
        talk_try("velum cc %s", file);
        return CODE_FAILED;
    }
    if (opt_given(c->opts, "json")) {
        json_document_open(&j, stdout, "kernels");
        json_kernel(&j, v);
        json_document_close(&j);
    } else {
        view_kernel_file(stdout, v);
    }
    return CODE_DONE;
}

static int run(const struct call *c)
{
    struct json unset;
    struct line *l = NULL;
    struct line_options where = {.quiet = true};
    struct listing to = {.wanted = c->argc > 0 ? c->argv[0] : NULL};
    if (to.wanted && is_file(to.wanted))
        return tell_file(c, to.wanted);
    int code = line_open(&l, c, &where);
    /* An address that was given is a question about that node;
     * without one, the built-ins answer. */
    if (code != 0 && code != CODE_NO_NODE)
        return code;
    if (code != 0 && line_addr(c)) {
        where.quiet = false;
        return line_open(&l, c, &where);
    }
    if (opt_given(c->opts, "json"))
        to.json = &unset;
    int rc = print(l, &to);
    if (rc < 0)
        code = line_report(l, rc);
    else
        code = to.wanted && to.found == 0 ? refuse_missing(to.wanted) : CODE_DONE;
    if (code == CODE_DONE && !l) {
        fflush(stdout);
        talk_line("no node runs here, so these are the built-ins only");
    }
    line_close(l);
    return code;
}

const struct cmd cmd_kernels = {
    .name = "kernels",
    .args = "[NAME|FILE]",
    .summary = "list kernels: built-ins, and the plugins of a node",
    .more = "With NAME, the manual of that one: its parameters, limits, result, memory and an\n"
            "example. FILE.c and FILE.so are kernels too: a worker in its cage looks into them.",
    .group = GROUP_TOOLS,
    .takes = TAKES_KERNEL,
    .opts = opts,
    .args_max = 1,
    .run = run,
};
