/* Sessions of open jobs (core/wire/session.h). At the coordinator: takes in what their authors
 * append, and tells what became of stages. At the node that an author is connected to: passes on.
 * An open job whose author asks nothing for SESSION_ABANDONED_US, while nothing of it is left to
 * run, ends as timed out. Private to core/node. */
#ifndef VELUM_NODE_SESSION_H
#define VELUM_NODE_SESSION_H

#include "core/node/state.h"

#define SESSION_ABANDONED_US (60 * S_US)

/* REQUEST_SESSION of a user here. */
void session_user(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
/* The same of another node's user, and an answer to one of a user here. */
int session_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
int session_told(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
int session_refused(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
void session_link_down(struct node *n, uint64_t link);
void session_routes_tick(struct node *n);
/* When those that were silent for long are to be dropped, at the latest. */
struct instant session_routes_due(const struct node *n);
void session_routes_free(struct node *n);

/* Of a job that this node begins to lead, open or not; and leads no more. 0 or ERR_NO_MEMORY. */
int sessions_begin(struct job *j);
void sessions_end(struct job *j);
/* The stage may be complete, or given up: those who wait hear of it once; of one that was given up
 * and is complete after all once more. */
void sessions_note(struct job *j, uint32_t stage);
/* Before a stage is given up: one sentence why, for those who hear of it. */
void sessions_note_why(struct job *j, uint32_t stage, const char *text);
/* End of a step: what is new goes out. */
void sessions_settle(struct job *j);
/* Appends that nobody asks any more though the job is not closed, if that is so. */
void sessions_say_absent(const struct job *j, char *text, size_t cap);
/* Nobody has asked for so long, and there is nothing left to run. */
bool sessions_abandoned(const struct job *j);

#endif
