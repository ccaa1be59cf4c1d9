/* How far the stages of a job are, for users. The coordinator knows best; a node that does not hold
 * the job asks it, and where it does not answer the other holders, one after the other. Private to
 * core/node. */
#ifndef VELUM_NODE_SHOW_STAGES_H
#define VELUM_NODE_SHOW_STAGES_H

#include "core/node/state.h"

/* A user who waits for another node's answer. */
struct stages_wait {
    uint32_t token;
    uint64_t link;
    uint32_t request;
    struct job_id job;
    struct node_id at;
    uint8_t tried; /* of the job's coordinator and its holders, in this order */
    bool begun;    /* the user has a part of the answer */
    uint32_t told; /* all stages before this one were told */
    struct instant since;
    struct stages_wait *next;
};

/* REQUEST_STAGES of a user of this node: answered, or the answer is on its way. */
void show_stages(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
/* STAGES: another node's user wants them. */
int show_stages_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* STAGES_TOLD: passed on to the user. */
int show_stages_told(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* Tells users whose answer did not come. */
void show_stages_tick(struct node *n);
void show_stages_free(struct node *n);

#endif
