/* What the node of a worker keeps of the reports on a job, and of its end. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_STATE_H
#define VELUM_NODE_LABOUR_STATE_H

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/base/instant.h"

/* A report that enough holders have not synced yet; sent again to any new coordinator. */
struct unkept {
    uint64_t seq;
    struct bytes payload; /* owned */
    bool sent;            /* to anybody, ever */
    uint64_t outputs;     /* makings_made as it was then: it goes out when those are settled */
    struct unkept *next;
};

/* Whose title was obeyed in vain: he does not lead the job. Zero: nobody's. */
struct labour_rival {
    struct node_id id;
    struct instant since;
};

/* An end of the job that somebody tells who does not lead it: labour_end.h. */
struct labour_end {
    struct instant ask_at; /* who leads it is asked then; 0: no end is told */
    uint8_t alone;         /* so often in a row there was nobody to ask */
    bool denied;           /* he said that it goes on */
};

/* A chunk has ended, and its outputs have their names: labour_output.h. */
struct labour_placing {
    struct instant at; /* they are put in place then; 0: none waits for that */
    uint32_t stage;
};

#endif
