/* The stages of a flow whose kernel is a file of C: each source, once, is put as an object and
 * described, and its stages get the kernel's own name. What goes wrong is said here, with an exit
 * code. Called by flow.c, in this order: open, describe; close at any time. */
#ifndef VELUM_CMD_FLOW_SOURCE_H
#define VELUM_CMD_FLOW_SOURCE_H

#include "cmd/flow_file.h"
#include "cmd/snippet.h"

struct flow_sources {
    struct snippet *list; /* of flow.sources, the same number */
    struct line *line;    /* to who was told of them, and plans by them; */
    struct line *inside;  /* which may be a node inside this process */
    uint32_t count;
};

/* Opens the files. */
int flow_sources_open(struct flow_sources *s, const struct flow *f);
/* For a flow that is only shown, too, but not by the node of the line: that is left as it was. */
int flow_sources_describe(struct flow_sources *s, struct flow *f, const struct call *c,
                          struct line *l, bool only_shown);
void flow_sources_close(struct flow_sources *s);
/* That of a stage, or NULL. */
const struct snippet *flow_source_of(const struct flow_sources *s, const struct flow_stage *stage);

#endif
