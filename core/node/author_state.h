/* Who is asked for a job's author: author_ask.h. Private to core/node. */
#ifndef VELUM_NODE_AUTHOR_STATE_H
#define VELUM_NODE_AUTHOR_STATE_H

#include "core/base/id.h"
#include "core/base/instant.h"

#define AUTHOR_ASKS_MAX 32u
#define AUTHOR_ASKED_MAX 16u

struct author_ask {
    struct job_id job;
    uint32_t count;
    struct node_id who[AUTHOR_ASKED_MAX];
    struct node_id by[AUTHOR_ASKED_MAX]; /* as he says; zero: he has said nothing */
    struct instant since, sent;
};

struct author_asks {
    struct author_ask *asks[AUTHOR_ASKS_MAX]; /* made when they are asked */
    uint32_t count;
};

#endif
