/* The files and references of objects that the stages of a flow read, and their way to the node.
 * What goes wrong is said here, with an exit code. Called by flow.c and flow_plan.c, in this order:
 * open, find, put; close at any time.
 *
 * There may be many: of each little is remembered, and so many are open at a time as one stage may
 * read. Each is opened at first, to see what is wrong before anything is put, and once more when it
 * is put. */
#ifndef VELUM_CMD_FLOW_FILES_H
#define VELUM_CMD_FLOW_FILES_H

#include "cmd/flow_file.h"
#include "cmd/inputs.h"

/* Of flow.files, the same number. */
struct flow_found {
    struct stage_input made; /* once it is there */
    uint64_t size;           /* else of the file; SOURCE_UNKNOWN: of a reference, or not known */
    bool is_ref, there;
};

struct flow_files {
    const struct flow *flow; /* borrowed, as is the path */
    const char *path;
    struct flow_found *list;
    struct inputs batch;
    char about[STAGE_INPUTS_MAX][FLOW_ABOUT_SIZE]; /* of the batch */
};

/* Opens the files, one after the other; `path` is that of the flow. */
int flow_files_open(struct flow_files *files, const struct flow *f, const char *path);
int flow_files_find(struct flow_files *files, const struct call *c, struct line *l);
int flow_files_put(struct flow_files *files, const struct call *c, struct line *l);
void flow_files_close(struct flow_files *files);
/* Of flow.files[i]; SOURCE_UNKNOWN before it is put, where it may be empty or has no size. */
uint64_t flow_files_size(const struct flow_files *files, uint32_t i);
bool flow_files_sizes_known(const struct flow_files *files);
/* What a job names, once it was put. */
struct stage_input flow_files_made(const struct flow_files *files, uint32_t i);

#endif
