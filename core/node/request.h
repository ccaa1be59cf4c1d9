/* Users' requests, one function each, from one table. Private to core/node. */
#ifndef VELUM_NODE_REQUEST_H
#define VELUM_NODE_REQUEST_H

#include "core/node/state.h"

struct logs_wait {
    uint32_t token;
    uint64_t link;
    uint32_t request;
    struct job_id job;
    struct seek seek;
    bool found; /* somebody has the job, and no log of it */
    struct instant since;
    struct logs_wait *next;
};

/* A name or a beginning of an id that means no job yet: news of it may be on its way. */
struct lookup {
    uint64_t link;
    uint32_t request;
    char which[JOB_NAME_SIZE + 8];
    struct instant asked, since; /* since: somebody was met who may know */
    struct lookup *next;
};

/* One request of a user; whatever it is, it is answered or the answer is on its way. */
void request_frame(struct node *n, struct link_entry *l, const struct frame *f);
/* The answer to what a newer command asks. */
void request_unknown(struct node *n, uint64_t link, uint32_t request);
/* LOGS: another node's user wants a log. */
int request_logs_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* LOG_TAIL: the answer to it, passed on to the user. */
int request_log_tail(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* What is known of the job of this entry; nothing where it has ended and not all are wanted. */
void request_tell_job(struct node *n, uint64_t link, uint32_t request, const struct entry *e,
                      bool all);
/* The directory has a word of this job: somebody may have asked for it by name. */
void request_heard(struct node *n, const struct entry *e);
/* What is said of a job that does not exist, as far as one knows, or is not this user's. */
void request_no_such_job(struct node *n, uint64_t link, uint32_t request);
/* A peer can be reached, and will tell of the jobs it knows. */
void request_peer_up(struct node *n);
/* Asks again, and tells users whose log or job did not come. */
void request_tick(struct node *n);
/* This node itself stood still: no log was late meanwhile. */
void request_late(struct node *n, int64_t late_us);
void requests_free(struct node *n);

#endif
