/* At the end of a run the disks' bytes are read by the checker behind `velum verify`, which shares
 * no code with the ledger and the journal: what both say has been counted twice.
 * Called by sim.c. */
#ifndef VELUM_SIM_SIM_VERIFY_H
#define VELUM_SIM_SIM_VERIFY_H

#include "core/sim/world.h"

/* Fails the run where a journal does not read or does not add up, or where no journal proves a
 * result that some journal has. */
void sim_verify(struct world *w);

#endif
