/* How far nodes are believed that tell of jobs of their own: evidence.h. Private to core/node. */
#ifndef VELUM_NODE_EVIDENCE_STATE_H
#define VELUM_NODE_EVIDENCE_STATE_H

#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/base/map.h"

#define EVIDENCE_ASKS_MAX 8u

/* Whoever leads jobs that are not here, as it says itself. */
struct witness {
    struct node_id id;
    uint8_t shown;  /* so often, since it failed last */
    uint8_t missed; /* so often in a row */
    bool failed;
    uint32_t ends;        /* so many more are believed */
    uint32_t doubted;     /* so many of its own were found in the present look at all entries */
    struct job_id sample; /* any one of these */
    struct instant asked;
};

struct evidence_ask {
    struct job_id job;
    struct node_id who;
    struct instant since;
};

struct evidences {
    struct map witnesses; /* node_id -> struct witness */
    struct evidence_ask asks[EVIDENCE_ASKS_MAX];
    uint32_t asks_count;
    bool sampled; /* some witness has a sample */
};

#endif
