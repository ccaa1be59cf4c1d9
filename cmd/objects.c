#include <stdio.h>

#include "cmd/view_object.h"

static const struct opt opts[] = {
    {.name = "all",
     .letter = 'a',
     .kind = OPT_SWITCH,
     .effect = "list the objects of every node, not only of the one that is asked"},
    {.name = "json", .kind = OPT_SWITCH, .effect = "print JSON"},
    {0},
};

static void take_row(void *ctx, const struct object_view *v)
{
    view_objects_row(ctx, v);
}

static void take_json(void *ctx, const struct object_view *v)
{
    json_object(ctx, v);
}

/* Nothing of a list that could not be had whole. */
static int list_table(struct line *l, bool all, const char *ref)
{
    struct grid g;
    view_objects_head(&g);
    int rc = objects_each(l, all, ref, take_row, &g);
    if (rc == 0)
        grid_print(&g, stdout);
    grid_clear(&g);
    return rc;
}

static int list_json(struct line *l, bool all, const char *ref)
{
    struct json j;
    json_document_open(&j, stdout, "objects");
    int rc = objects_each(l, all, ref, take_json, &j);
    json_document_close(&j);
    return rc;
}

static int run(const struct call *c)
{
    const char *ref = c->argc > 0 ? c->argv[0] : "";
    struct line *l = NULL;
    struct line_options where = {0};
    bool all = opt_given(c->opts, "all") || ref[0];
    int code = ref[0] ? object_check_ref(ref) : 0;
    if (code == 0)
        code = line_open(&l, c, &where);
    if (code != 0)
        return code;
    int rc = opt_given(c->opts, "json") ? list_json(l, all, ref) : list_table(l, all, ref);
    code = rc < 0 ? line_report_about(l, ref, rc) : CODE_DONE;
    line_close(l);
    return code;
}

const struct cmd cmd_objects = {
    .name = "objects",
    .args = "[REF]",
    .summary = "list the objects of a node, or of all",
    .more =
        "KEPT objects stay until velum rm; cached ones go when their room is needed, the least\n"
        "recently used first. HERE is what the asked node has of it. COPIES are whole ones, as\n"
        "far as that node knows, on so many MACHINES.",
    .group = GROUP_OBJECTS,
    .takes = TAKES_OBJECT,
    .opts = opts,
    .args_max = 1,
    .run = run,
};
