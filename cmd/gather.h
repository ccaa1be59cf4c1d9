/* The objects of every node of the mesh: each is asked for its own, and what they say of one object
 * becomes one row. What is here, coming and in use is that of the node the command talks to. */
#ifndef VELUM_CMD_GATHER_H
#define VELUM_CMD_GATHER_H

#include "cmd/view_object.h"

#define GATHER_MAX 2000000u

struct gathered {
    struct object_view *list; /* ascending names */
    size_t count, cap;
    unsigned away; /* nodes that could not be asked, which was said */
    bool others;   /* private */
    int rc;        /* private */
};

/* Over `l`, which is open, and over a line of its own to each other node that may answer; one that
 * is dead is not asked, and named where the caller wants to hear of these, too. ref as in
 * objects_each, and it may mean several. 0, or what went wrong with `l`; ERR_FULL beyond GATHER_MAX
 * objects. To be cleared in any case. */
int gather(struct gathered *g, const struct call *c, struct line *l, const char *ref,
           bool dead_too);
/* What a ref means among the objects of all nodes: its whole name in `ref`, and 0; or an exit code,
 * after it was said that there is none or which ones there are. The whole name is not looked for.
 * `verb` is the command that is tried next. */
int gather_name(const struct call *c, struct line *l, const char *verb, char ref[OBJECT_REF_SIZE]);
void gathered_clear(struct gathered *g);
/* Calls `visit` with a line to one other node that is alive after the other, until it returns true.
 * Whether it did; nothing is said of those that cannot be reached. */
bool visit_others(const struct call *c, struct line *l,
                  bool (*visit)(void *ctx, struct line *other), void *ctx);

#endif
