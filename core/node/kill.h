/* Cancelling with proof: a job, or one of its stages alone. What is cancelled alone blocks the
 * stages that need it; all others go on, and when they have ended the job fails. Private to
 * core/node. */
#ifndef VELUM_NODE_KILL_H
#define VELUM_NODE_KILL_H

#include "core/node/state.h"

#define KILL_HOLDERS_MAX 64

/* Somebody a kill asks. One that is only likely to hold the job may say that it does not; when it
 * is named as a holder later, it is asked again. */
struct kill_asked {
    struct node_id id;
    bool likely;
    bool sent;     /* the question is on its way; until then there was no link */
    bool answered; /* it is not waited for */
    bool kept;     /* it has the cancel, or an outcome */
};

struct kill_wait {
    uint64_t link;
    uint32_t request;
    uint32_t token;
    struct job_id job;
    bool alone; /* only this stage of it */
    uint32_t stage;
    struct kill_asked asked[KILL_HOLDERS_MAX];
    uint32_t asked_count;
    struct instant since, sent;
    bool named;    /* the directory's holders are asked */
    bool refused;  /* at least one has said that who signed it may not */
    bool proof;    /* at least one holder has said that it has the cancel */
    bool more;     /* there are holders beyond those that could be asked */
    uint8_t state; /* of an outcome, as a holder told it last; of a stage alone JOB_DONE where its
                      output is complete */
    struct bytes fact; /* owned: what the user signed, to be sent on to holders named later */
    struct kill_wait *next;
};

/* KILL of a user: every holder known is asked, and answered once one of them has proof. */
void kill_begin(struct node *n, uint64_t link, uint32_t request, const struct request_kill *m);
/* CANCEL at a holder: kept, and said to be kept once it is synced. */
int kill_cancel(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* Whether somebody who may cancel this job, which is of that author, asked this node to, and it
 * said that it does not have it. It must not take it as new any more: a submission still under way
 * would run after `killed` was said. The last KILL_UNSEEN_MAX of admins, and as many of all
 * others, are known while the process runs; what is under way to it ends with it, too. */
bool kill_forbids(const struct node *n, struct job_id id, struct node_id author);
/* Passes the cancel that is here on to another node. */
void kill_tell(const struct job *j, struct node_id to);
/* CANCELLED: the answer, and holders to ask that were not known here. */
int kill_cancelled(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* Asks again, and answers those that have waited long enough. */
void kill_tick(struct node *n);
/* This node itself stood still: no holder was late meanwhile. */
void kill_late(struct node *n, int64_t late_us);
void kill_link_down(struct node *n, uint64_t link);
void kills_free(struct node *n);
/* The coordinator itself ends the job: its time ran out. */
int cancel_here(struct job *j, struct node_id by, enum job_state state);

#endif
