/* Jobs, nodes and kernels as tables for people. Columns line up; what another party wrote was
 * sanitised when it was decoded or is sanitised here. Called by the commands that list things. */
#ifndef VELUM_CMD_VIEW_TEXT_H
#define VELUM_CMD_VIEW_TEXT_H

#include <stdio.h>

#include "core/host/trial.h"
#include "core/wire/view.h"

#define VIEW_NUMBER_SIZE 24

/* A number with a decimal prefix, "31.0 M", for tables and bars. */
void view_number(uint64_t number, char to[VIEW_NUMBER_SIZE]);
/* Bytes with a binary prefix, "3.6G". */
void view_bytes(uint64_t bytes, char to[VIEW_NUMBER_SIZE]);

/* A table: cells are added row by row, printed at the end.
 * Grows as needed; a cell is cut at 255 bytes. */
struct grid {
    unsigned columns;
    size_t count, cap;
    char **cells;
};
void grid_init(struct grid *g, unsigned columns);
void grid_add(struct grid *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
void grid_print(const struct grid *g, FILE *to);
void grid_clear(struct grid *g);

void view_jobs_head(struct grid *g);
void view_jobs_row(struct grid *g, const struct job_view *v, int64_t now_s);
void view_nodes_head(struct grid *g);
void view_nodes_row(struct grid *g, const struct node_view *v);
void view_kernels_head(struct grid *g);
void view_kernels_row(struct grid *g, const struct kernel_view *v);

/* "Key = value" blocks. */
/* Leaf units 0: of several stages, each of which has its own. */
void view_job(FILE *to, const struct job_view *v, const char *result);
void view_kernel(FILE *to, const struct kernel_view *v);
/* The same of a file that no node has loaded: it is run by its path. */
void view_kernel_file(FILE *to, const struct kernel_view *v);
/* The same, with what came of trying it. */
void view_trial(FILE *to, const struct trial *t);

#endif
