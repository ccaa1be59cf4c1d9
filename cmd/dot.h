/* Graphs as Graphviz reads them: `velum flow --dot`, `velum show --dot`. One writer, so that both
 * look alike, and so that no text of a file or of a node can end a string. */
#ifndef VELUM_CMD_DOT_H
#define VELUM_CMD_DOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

void dot_open(FILE *to, const char *name);
void dot_close(FILE *to);
/* A stage, by its number; `more` is a second line, `colour` what fills it, or "". */
void dot_stage(FILE *to, uint32_t number, const char *name, const char *what, const char *more,
               const char *colour);
/* Something from outside that stages read, by a number of its own. */
void dot_file(FILE *to, uint32_t number, const char *name);
/* `to_stage` reads what is before it, or only waits for it. */
void dot_reads(FILE *to, bool from_file, uint32_t from, uint32_t to_stage);
void dot_waits(FILE *to, uint32_t from, uint32_t to_stage);

#endif
