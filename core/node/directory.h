/* What this node knows of all jobs of the mesh: one entry a job, spread by flooding. Private to
 * core/node. */
#ifndef VELUM_NODE_DIRECTORY_H
#define VELUM_NODE_DIRECTORY_H

#include "core/node/state.h"

void directory_init(struct node *n);
void directory_publish(struct job *j); /* the coordinator's (or a holder's) word on a job */
int directory_frame(struct node *n, struct node_id from, struct bytes payload);
/* One entry to one node, ahead of the flood: who forwarded a submission must know the job before it
 * tells its user about it. */
void directory_tell(struct node *n, struct job_id id, struct node_id to);
/* One page of entries to a node, from this one on in its list. Gives the next one, or NULL. */
struct entry *directory_page(struct node *n, struct node_id to, struct entry *from);
/* A final entry is only ever published with enough copies of the outcome: a holder that has the
 * outcome too may tell it now. */
void directory_settles(struct job *j);
/* How many jobs of the mesh have no outcome yet, as far as is known here and believed (vouch.h). */
uint32_t directory_live(const struct node *n);
/* A holder may be asked for a job before its coordinator's word comes, which replaces this one: not
 * spread. Where others have told more than the ledger says, that counts now. */
void directory_stand_in(struct job *j);
void directory_flush(struct node *n);
/* It is cancelled with proof: users of this node see it so before its outcome has its copies. */
void directory_killed(struct node *n, struct job_id id);
/* This node knows nothing of the job any more. */
void directory_drop(struct node *n, struct job_id id);
/* Forgets what it has only heard of jobs that run: it may be as old as those who told it. */
void directory_forget_heard(struct node *n);
/* The job ended later than its entry said: all who were told so hear it anew, or a holder that gets
 * it from now on takes it for old. */
void directory_ended_later(struct job *j);
/* Entries of jobs of which nothing is kept any more go; some are looked at. True when that was not
 * all of them. */
bool directory_forget(struct node *n);
struct entry *directory_find(const struct node *n, struct job_id id);
/* Whether all nodes that hear both take this one. */
bool directory_is_newer(const struct entry *e, const struct peer_entry *p);
/* Among those that the user at this link may see (NULL: all). 0, ERR_NOT_FOUND, ERR_EXISTS
 * ambiguous. */
int directory_resolve(struct node *n, const struct link_entry *l, const char *which,
                      struct entry **out);
/* Whose it is, as one says who has it. */
void directory_author(struct node *n, struct entry *e, struct node_id by);
void directory_free(struct node *n);
/* The same, with the copies that are left now. */
bool entry_view_now(const struct node *n, const struct entry *e, struct job_view *v);
bool entry_view(const struct entry *e, struct job_view *v);

#endif
