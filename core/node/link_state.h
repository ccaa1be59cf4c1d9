/* What state.h knows of connections (link.h, crowd.h). */
#ifndef VELUM_NODE_LINK_STATE_H
#define VELUM_NODE_LINK_STATE_H

#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/node/event.h"
#include "core/node/window.h"

/* One connection as the core sees it. */
struct link_entry {
    uint64_t link;
    enum party party;
    struct node_id id;
    uint64_t sent;       /* bytes about jobs, ever */
    uint64_t asked;      /* the count that was last sent along */
    uint64_t counted;    /* the count that came back: so much has arrived there */
    uint64_t jumps_s;    /* of this node's calendar, known to the other side; meet.h */
    bool acts_said;      /* which acts are here; acts.h */
    uint32_t watches;    /* a user's: of so many jobs news is waited for */
    struct window shown; /* jobs, in this second: evidence.h */
    struct instant used; /* the same: something came or went, of what one answers the other */
};

#endif
