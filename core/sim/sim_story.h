/* How far a scene has come. Private to core/sim, a part of world.h; sim_scene.c fills it in. */
#ifndef VELUM_SIM_SIM_STORY_H
#define VELUM_SIM_SIM_STORY_H

#include "core/sim/sim.h"

enum story_drain { STORY_IDLE, STORY_DRAINS, STORY_RESUMES };

struct story {
    uint64_t wipe_in; /* so many events after the acknowledgement; 0: it is over */
    enum sim_wiped wiped;
    uint32_t old_nodes; /* there when the job was submitted */
    bool sailed;
    uint32_t revoked; /* the node's index + 1; 0: not yet */
    bool deaf;        /* it hears no act */
    bool over;
    int64_t revoked_at;
    int64_t cut_us; /* until no node had a link to it, and 1; 0: not yet */
    /* Of draining: the node whose turn it is, since when, who was sent with the order, and how many
     * more have theirs. */
    enum story_drain drain_stage;
    uint32_t draining, order, drains_left, drained;
    int64_t drain_began, orders;
};

#endif
