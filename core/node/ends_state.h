/* Ends of jobs that are not here, and that nobody has shown: ends.h. Private to core/node. */
#ifndef VELUM_NODE_ENDS_STATE_H
#define VELUM_NODE_ENDS_STATE_H

#include "core/base/id.h"
#include "core/base/instant.h"

#define ENDS_ASKS_MAX 4u
#define ENDS_CANDIDATES_MAX 10u

struct entry;

/* Those who may have the job are asked one after the other. */
struct end_ask {
    struct job_id job;
    struct node_id who;
    struct node_id candidates[ENDS_CANDIDATES_MAX];
    uint8_t count, next;
    struct node_id against; /* somebody has it, and says otherwise; or zero */
    bool has;               /* somebody has it, and says nothing of its end */
    bool denied, gone;      /* somebody does not; has had it, and seen it end */
    bool silent;            /* somebody cannot be asked, or says nothing */
    bool later;             /* somebody has no link yet */
    struct instant since;
};

struct ends {
    uint32_t unsure; /* entries */
    struct entry *next;
    struct end_ask asks[ENDS_ASKS_MAX];
    uint32_t asks_count;
    bool any; /* something is to be done soon about one of those seen in the present look at all */
    struct instant look_at, linked_at; /* the last link that was made for a question */
};

#endif
