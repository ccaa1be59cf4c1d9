/* The stages of a job, fetched from a node and printed: what each waits for, and how far it is.
 * Called by `show`, and by `kill` for one of them. */
#ifndef VELUM_CMD_STAGE_LIST_H
#define VELUM_CMD_STAGE_LIST_H

#include <stdio.h>

#include "cmd/line.h"
#include "cmd/view_json.h"

struct stage_list {
    struct stage_view *list;
    size_t count, cap;
};

/* In their order; what views borrow is copied. 0 or < 0; release with stage_list_clear in any case.
 */
int stage_list_fetch(struct line *l, struct job_id id, struct stage_list *out);
void stage_list_clear(struct stage_list *s);
/* The one of this name, or of this number. */
bool stage_list_find(const struct stage_list *s, const char *which, uint32_t *stage);
/* Its name, or its number where it has none. */
void stage_list_name(const struct stage_list *s, uint32_t stage, char *to, size_t cap);
/* A table, on a terminal beside the graph (stage_graph.h); nothing of a job of one stage. */
void stage_list_print(FILE *to, const struct stage_list *s);
/* The same as a graph; `name` is the job's. */
void stage_list_dot(FILE *to, const struct stage_list *s, const char *name);
/* An array "stages". */
void stage_list_json(struct json *j, const struct stage_list *s);

#endif
