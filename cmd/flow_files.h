/* The files and references of objects that the stages of a flow read, and their way to the node.
 * What goes wrong is said here, with an exit code. Called by flow.c and flow_plan.c, in this order:
 * open, find, put; close at any time. */
#ifndef VELUM_CMD_FLOW_FILES_H
#define VELUM_CMD_FLOW_FILES_H

#include "cmd/flow_file.h"
#include "cmd/inputs.h"

#define FLOW_BATCHES (FLOW_FILES_MAX / STAGE_INPUTS_MAX)

struct flow_files {
    struct inputs batches[FLOW_BATCHES];
    char about[FLOW_FILES_MAX][FLOW_ABOUT_SIZE];
};

/* Opens the files; `path` is that of the flow. */
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
