/* Nodes as people name them. Called by the commands that are about one node. */
#ifndef VELUM_CMD_NODE_NAME_H
#define VELUM_CMD_NODE_NAME_H

#include "cmd/line.h"

#define NODE_DIGITS_MIN 4 /* of an id, to stand for the whole of it */

/* Those of this name, or whose id begins so; of each kind the last one. */
struct nodes_named {
    struct node_view there, gone;
    unsigned there_count, gone_count;
};
/* 0, or < 0 for line_report. */
int nodes_named(struct line *l, const char *which, struct nodes_named *f);
/* The one node that has this name, or whose id begins so, as the node at the other end sees it. One
 * that is there goes before others of its name that have gone. 0, or the exit code after saying
 * why. */
int node_resolve(struct line *l, const char *which, struct node_view *out);

#endif
