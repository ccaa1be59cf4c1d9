/* The stages of a flow whose kernel is a file of C: each source, once, is put as an object and
 * described, and its stages get the kernel's own name. What goes wrong is said here, with an exit
 * code. Called by flow.c, in this order: open, describe; close at any time. */
#ifndef VELUM_CMD_FLOW_SOURCE_H
#define VELUM_CMD_FLOW_SOURCE_H

#include "cmd/flow_file.h"
#include "cmd/snippet.h"

struct flow_sources {
    struct snippet *list; /* of flow.sources, the same number */
    uint32_t count;
};

/* Opens the files. */
int flow_sources_open(struct flow_sources *s, const struct flow *f);
/* Also for a flow that is only shown: what its stages are only their node can say. */
int flow_sources_describe(struct flow_sources *s, struct flow *f, const struct call *c,
                          struct line *l);
void flow_sources_close(struct flow_sources *s);
/* That of a stage, or NULL. */
const struct snippet *flow_source_of(const struct flow_sources *s, const struct flow_stage *stage);

#endif
