/* What became of outputs while the report that names them waited. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_LOST_H
#define VELUM_NODE_LABOUR_LOST_H

#include "core/node/state.h"

/* Takes those out of the report that are not here any more. Leaves it tells without a value are
 * given out again. */
void labour_lost_leave_out(struct job *j, struct unkept *u);

#endif
