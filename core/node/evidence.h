/* How far a node is believed that tells of jobs which it leads itself, and which are not here. With
 * the key of a stolen node a thief can name as many as he likes, and answer every question about
 * them. But he cannot sign one: each job is its author's, who is a user, and whoever has it shows
 * that signature (evidence_peer.h).
 *
 * So a coordinator is believed EVIDENCE_FREE jobs that run. When it tells of more, it is asked to
 * show any one of those that are beyond, by lot; each that it shows doubles how many are believed,
 * up to VOUCHED_MAX. When it fails EVIDENCE_MISSES times in a row, because it does not have what it
 * told, or says nothing, it is believed none, until it has shown one: it is asked again after
 * EVIDENCE_AGAIN_US. An older node, which cannot be asked, is believed EVIDENCE_FREE.
 *
 * Of jobs that it says have ended, and of which nothing was known before, a coordinator is believed
 * EVIDENCE_FREE more with each that it shows (ends.h).
 *
 * What that costs: who leads at most EVIDENCE_FREE jobs that run is never asked for them, who leads
 * more six times by each node, a KiB each, and never again while it shows them. At most
 * EVIDENCE_ASKS_MAX are asked at a time, each once in EVIDENCE_REST_US. Each link is
 * answered EVIDENCE_ANSWERS_MAX times a second.
 *
 * Private to core/node. */
#ifndef VELUM_NODE_EVIDENCE_H
#define VELUM_NODE_EVIDENCE_H

#include "core/node/state.h"

#define EVIDENCE_FREE 64u
#define EVIDENCE_MISSES 3u
#define EVIDENCE_WAIT_US (2 * S_US) /* for an answer */
#define EVIDENCE_REST_US S_US       /* between two questions to one node */
#define EVIDENCE_AGAIN_US (60 * S_US)
#define EVIDENCE_ANSWERS_MAX 8u

void evidence_init(struct node *n);
void evidence_free(struct node *n);
/* So many jobs that run, and that it tells of itself, are believed of this node. */
uint32_t evidence_reach(const struct node *n, struct node_id id);
/* This one is looked at, as all are: its coordinator told it himself, and is not believed. */
void evidence_look(struct node *n, const struct entry *e);
/* All were looked at: asks for some of them. */
void evidence_looked(struct node *n);
/* One more that has ended, as it says: true where that is believed. */
bool evidence_end(struct node *n, struct node_id id);
/* Asks a node for a job. */
void evidence_ask(struct node *n, struct node_id to, struct job_id job);
/* It has shown one of those. */
void evidence_end_shown(struct node *n, struct node_id id);
/* EVIDENCE. */
int evidence_frame(struct node *n, struct node_id from, struct bytes payload);
void evidence_tick(struct node *n);
struct instant evidence_due(const struct node *n);

#endif
