/* What peers were answered in the last second: answers.h. Private to core/node. */
#ifndef VELUM_NODE_ANSWERS_STATE_H
#define VELUM_NODE_ANSWERS_STATE_H

#include "core/base/id.h"
#include "core/base/instant.h"

#define ANSWERED_MAX 64u

enum answer {
    ANSWER_WORD,    /* a list or a title that is greater */
    ANSWER_COMPARE, /* all holders of a job are asked what they have */
    ANSWER_COPY,    /* a job that has ended goes to all its holders again */
    ANSWER_END,     /* those are asked who know the end of a job, as he says */
    ANSWER_MEET,    /* who leads a job is asked, as he says */
    ANSWER_KINDS,
};

struct answered {
    struct node_id id;
    struct instant since;
    uint32_t count[ANSWER_KINDS]; /* since then */
};

struct answers {
    struct answered peers[ANSWERED_MAX];
    uint32_t count;
    struct instant recount_at; /* no job is copied before because its count is doubted */
};

#endif
