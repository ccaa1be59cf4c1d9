/* Titles of jobs that were given up: left.h. Private to core/node. */
#ifndef VELUM_NODE_LEFT_STATE_H
#define VELUM_NODE_LEFT_STATE_H

#include "core/base/id.h"

#define LEFT_MAX 64u

struct left {
    struct job_id job;
    uint32_t epoch;
};

struct lefts {
    struct left list[LEFT_MAX];
    uint32_t count, next; /* the place of the next one: of the oldest when it is full */
    uint32_t others;      /* no less than what became of those that were forgotten */
};

#endif
