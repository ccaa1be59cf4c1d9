/* The graph of a job's stages as text, a line for each, beside which its row of the table stands:
 *
 *     *      first
 *     | *    side
 *     * |    second   needs first
 *     *-'    third    needs second and side
 *
 * A stage is a *. Its output is a line down to the last stage that needs it: + where another one
 * does before, ' at the end, unless that stage stands there itself. Pure. Called by stage_list.c.
 */
#ifndef VELUM_CMD_STAGE_GRAPH_H
#define VELUM_CMD_STAGE_GRAPH_H

#include "cmd/stage_list.h"

#define STAGE_GRAPH_LANES 16 /* lines beside each other */
#define STAGE_GRAPH_SIZE (2 * STAGE_GRAPH_LANES)

/* lines[i] is that of stage i. False where more lines would stand beside each other, or there is no
 * memory: then it is not drawn. */
bool stage_graph_draw(const struct stage_list *s, char (*lines)[STAGE_GRAPH_SIZE]);

#endif
