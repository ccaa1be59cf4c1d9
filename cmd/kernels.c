#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/line.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/base/err.h"
#include "core/host/builtin.h"
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
    int rc = line_send(l, MESSAGE_REQUEST_KERNELS, (struct bytes){0});
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

static int run(const struct call *c)
{
    struct json unset;
    struct line *l = NULL;
    struct line_options where = {.quiet = true};
    struct listing to = {.wanted = c->argc > 0 ? c->argv[0] : NULL};
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
    .args = "[NAME]",
    .summary = "list kernels: built-ins, and the plugins of a node",
    .group = GROUP_TOOLS,
    .takes = TAKES_KERNEL,
    .opts = opts,
    .args_max = 1,
    .run = run,
};
