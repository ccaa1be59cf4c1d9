/* The stages of a job, fetched from a node and printed: what each waits for, and how far it is.
 * Called by `show`. */
#ifndef VELUM_CMD_STAGES_H
#define VELUM_CMD_STAGES_H

#include <stdio.h>

#include "cmd/line.h"
#include "cmd/view_json.h"

struct stage_list {
    struct stage_view *list;
    size_t count, cap;
};

/* In their order; what views borrow is copied. 0 or < 0; release with stages_clear in any case. */
int stages_fetch(struct line *l, struct job_id id, struct stage_list *out);
void stages_clear(struct stage_list *s);
/* A table; nothing of a job of one stage. */
void stages_print(FILE *to, const struct stage_list *s);
/* An array "stages". */
void stages_json(struct json *j, const struct stage_list *s);

#endif
