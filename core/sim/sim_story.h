/* How far a scene has come. Private to core/sim, a part of world.h; sim_scene.c fills it in. */
#ifndef VELUM_SIM_SIM_STORY_H
#define VELUM_SIM_SIM_STORY_H

#include "core/sim/sim.h"

struct story {
    uint64_t wipe_in; /* so many events after the acknowledgement; 0: it is over */
    enum sim_wiped wiped;
    uint32_t old_nodes; /* there when the job was submitted */
    bool sailed;
};

#endif
