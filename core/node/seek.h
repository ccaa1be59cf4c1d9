/* Whom to ask about a job that is not here, one after the other: who has it according to the
 * directory, or, while the directory has no word of it, whoever is likely to by rank. It never
 * decides what to tell the user; watch.c and request.c do. Private to core/node. */
#ifndef VELUM_NODE_SEEK_H
#define VELUM_NODE_SEEK_H

#include "core/node/state.h"

/* How long a job that nobody here has heard of is looked for: its submitter may be faster than the
 * directory. */
#define SEEK_UNKNOWN_US S_US

#define SEEK_LINKS_MAX 6 /* twice a job's holders: only so far by rank a link is made to look */

enum seek_next {
    SEEK_ASKED,
    SEEK_LATER, /* who is left has no link yet; one is being made */
    SEEK_NOBODY /* everybody has said no, or nothing */
};

/* Who may have the job, best first: the coordinator and the holders of its entry; without one the
 * members by rendezvous rank, as jobs are placed. Nobody who is gone, and not this node. */
uint32_t seek_candidates(const struct node *n, struct job_id id, struct node_id to[SEEK_MAX]);
/* The members that are not gone by rendezvous rank, as jobs are placed. */
uint32_t seek_ranked(const struct node *n, struct job_id id, struct node_id to[SEEK_MAX]);
/* Sends the question to the next candidate. */
enum seek_next seek_ask(struct node *n, struct job_id id, struct seek *s, uint8_t type,
                        uint32_t request, struct bytes payload);
/* Whether this answer is one to the question that is out. */
bool seek_awaits(const struct seek *s, struct node_id from);
/* It does not have the job. */
void seek_without(struct seek *s, struct node_id id);
/* The one that was asked says nothing: true when that is so for `patience_us`, and it is passed
 * over from now on. */
bool seek_gives_up(const struct node *n, struct seek *s, int64_t patience_us);
/* Everybody may be asked again. */
void seek_again(struct seek *s);
/* All that could have it were asked and said no: there is nobody else. */
bool seek_is_sure(const struct node *n, struct job_id id, const struct seek *s);

#endif
