#include <stdio.h>

#include "cmd/line.h"
#include "cmd/view_json.h"
#include "cmd/view_text.h"
#include "core/wire/message.h"

static const struct opt opts[] = {
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

static int list_json(struct line *l)
{
    struct node_view v;
    struct frame frame;
    struct json j;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    json_document_open(&j, stdout, "nodes");
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1)
        if ((rc = read_node_view(frame.payload, &v)) == 0)
            json_node(&j, &v);
    json_document_close(&j);
    return rc;
}

static int list_table(struct line *l)
{
    struct node_view v;
    struct frame frame;
    struct grid g;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    view_nodes_head(&g);
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1)
        if ((rc = read_node_view(frame.payload, &v)) == 0)
            view_nodes_row(&g, &v);
    if (rc == 0)
        grid_print(&g, stdout);
    grid_clear(&g);
    return rc;
}

static int run(const struct call *c)
{
    struct line *l = NULL;
    struct line_options where = {0};
    int code = line_open(&l, c, &where);
    if (code != 0)
        return code;
    int rc = opt_given(c->opts, "json") ? list_json(l) : list_table(l);
    code = rc < 0 ? line_report(l, rc) : CODE_DONE;
    line_close(l);
    return code;
}

const struct cmd cmd_nodes = {
    .name = "nodes",
    .args = "",
    .summary = "list the nodes of the mesh",
    .group = GROUP_SEE,
    .opts = opts,
    .run = run,
};
