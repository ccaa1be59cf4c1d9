#include <stdio.h>

#include "cmd/gather.h"

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
static int list_table(struct line *l, const struct gathered *all)
{
    struct grid g;
    int rc = 0;
    view_objects_head(&g);
    for (size_t i = 0; all && i < all->count; i++)
        take_row(&g, &all->list[i]);
    if (!all)
        rc = objects_each(l, false, "", take_row, &g);
    if (rc == 0)
        grid_print(&g, stdout);
    grid_clear(&g);
    return rc;
}

static int list_json(struct line *l, const struct gathered *all)
{
    struct json j;
    int rc = 0;
    json_document_open(&j, stdout, "objects");
    for (size_t i = 0; all && i < all->count; i++)
        take_json(&j, &all->list[i]);
    if (!all)
        rc = objects_each(l, false, "", take_json, &j);
    json_document_close(&j);
    return rc;
}

static int refuse_ref(const char *ref)
{
    talk_error("%s: no such object", ref);
    talk_try("velum objects --all");
    return CODE_NOT_FOUND;
}

static int say_away(unsigned away)
{
    talk_error("this is not all: %u node%s could not be asked", away, away == 1 ? "" : "s");
    talk_try("velum nodes");
    return CODE_IN_PART;
}

static int list(const struct call *c, struct line *l, const struct gathered *all)
{
    int rc = opt_given(c->opts, "json") ? list_json(l, all) : list_table(l, all);
    if (rc < 0)
        return line_report(l, rc);
    return all && all->away > 0 ? say_away(all->away) : CODE_DONE;
}

static int run(const struct call *c)
{
    const char *ref = c->argc > 0 ? c->argv[0] : "";
    struct line *l = NULL;
    struct line_options where = {0};
    struct gathered all = {0};
    int code = ref[0] ? object_check_ref(ref) : 0, rc;
    if (code == 0)
        code = line_open(&l, c, &where);
    if (code != 0)
        return code;
    if (!ref[0] && !opt_given(c->opts, "all"))
        code = list(c, l, NULL);
    else if ((rc = gather(&all, c, l, ref, true)) < 0)
        code = line_report_about(l, ref, rc);
    else if (ref[0] && all.count == 0 && all.away == 0)
        code = refuse_ref(ref);
    else
        code = list(c, l, &all);
    gathered_clear(&all);
    line_close(l);
    return code;
}

const struct cmd cmd_objects = {
    .name = "objects",
    .args = "[REF]",
    .summary = "list the objects of a node, or of all",
    .more =
        "KEPT objects stay while anybody in FOR wants them: a user until velum rm, a job for as\n"
        "long as its result is kept. Cached ones go when their room is needed, the least recently\n"
        "used first. HERE is what the asked node has of it. COPIES are whole ones, as\n"
        "far as the nodes know that were asked, on so many MACHINES. A node that --all cannot\n"
        "ask is named, and means exit 7.",
    .group = GROUP_OBJECTS,
    .takes = TAKES_OBJECT,
    .opts = opts,
    .args_max = 1,
    .run = run,
};
