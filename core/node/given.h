/* Which leaves each node was given by the job's first coordinator, and has not ended yet: of these
 * alone its word counts, and what it merges are values that are here. So a node that lies does so
 * about its own leaves, and never about all of a job.
 *
 * Only the first coordinator knows. Whoever takes over hears of leaves that another has given, has
 * no list of them, and believes what is told (as of a lying holder, nothing is promised). At most
 * GIVEN_RUNS_MAX runs a node; of one with more, which takes as many chunks that were lost or cut,
 * all is believed. Private to core/node. */
#ifndef VELUM_NODE_GIVEN_H
#define VELUM_NODE_GIVEN_H

#include "core/node/state.h"

#define GIVEN_RUNS_MAX 1024u

/* This node has shown a title to the job that is believed (warrant.h): if it is another one, it has
 * given out leaves too, and the list says nothing any more. */
void given_rival(struct job *j, struct node_id by);
/* A chunk goes out to it. */
void given_note(struct job *j, struct hand *h, uint64_t first, uint64_t end);
/* It reports merges, and nobody has asked it for any, or not any more: they say nothing. */
bool given_unasked(const struct job *j, const struct hand *h, const struct peer_report_chunk *c);
/* Whether what the node reports may count. */
bool given_allows(const struct job *j, const struct hand *h, const struct peer_report_chunk *c,
                  struct bytes values);
/* What of the time it says this took is believed: nothing of a node without leaves; and all in all
 * no more than its slots have had since it got the first. */
void given_time(const struct job *j, struct hand *h, const struct peer_report_chunk *c,
                uint64_t *cpu_us, uint64_t *compute_us);
/* It may have taken so much of either, all in all. */
bool given_may_take(const struct job *j, const struct hand *h, uint64_t us);
/* Its chunk has ended with this report: nothing more is to come of it, if all of the report counts
 * (given_told). */
void given_ended(const struct job *j, struct hand *h, const struct peer_report_chunk *c);
/* The report is looked at; whether all of it was taken. */
void given_told(struct hand *h, bool taken);
void given_free(struct node *n, struct hand *h);

#endif
