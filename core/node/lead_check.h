/* Leaves that are computed once more by another node, and compared: so many of them as the spec
 * says (`check`), picked by chance (core/job/recheck.h). Values of one tree node that are not equal
 * end the job as divergent, with both nodes' names.
 *
 * Of a snippet or plugin in a mesh of several architectures some are without being asked for, on
 * another architecture: one value of each node and stage, the smallest of the first that it tells,
 * and a few chunks. They go before fresh leaves, as there may be no other time for them, but take
 * no more than a part: one slot of a node for a part of its time, and a part of what the job may
 * have at once, so that one of few slots is never theirs while leaves wait. No result waits for
 * them.
 *
 * A check is granted like any chunk, and whoever computes it cannot tell it from one; what comes of
 * it counts nowhere. It is given to slots that have nothing else to do, until many wait: then
 * checks go before fresh leaves. A node of another architecture than the author's is preferred,
 * then one on another machine. The result is written when none is left: one that no live node can
 * do, because there is no other one that has the kernel, or because what its stage reads is gone,
 * is given up then, and counted as such.
 *
 * Whoever takes over begins with none. Chunks that were checks are duplicates to him, and compared
 * with the cover like any other. Private to core/node. */
#ifndef VELUM_NODE_LEAD_CHECK_H
#define VELUM_NODE_LEAD_CHECK_H

#include "core/job/recheck.h"
#include "core/node/state.h"

/* What is to be checked; NULL: nothing ever was. Borrowed. */
const struct recheck *lead_check_all(const struct job *j);
/* A report's values, which were counted: they may be compared later. */
void lead_check_told(struct job *j, const struct hand *h, const struct peer_report_chunk *c,
                     struct bytes values);
/* False: the report is of no check. Else it was compared, and is not to be counted. */
bool lead_check_takes(struct job *j, const struct hand *h, const struct peer_report_chunk *c,
                      struct bytes values);
/* This is the number of a check that is out. */
bool lead_check_is(const struct job *j, uint64_t grant);
/* The node gave back this grant; nothing if that is no check of its. */
void lead_check_returned(struct job *j, struct node_id from, uint64_t grant);
/* The node listed these grants as open: what it was given before it was shown the title, and is not
 * among them, has not reached it. */
void lead_check_unlisted(struct job *j, const struct hand *h, const uint64_t *listed,
                         uint16_t count);
/* So many wait that they go before fresh leaves. */
bool lead_check_presses(const struct job *j);
/* Gives checks to free slots; `ahead`: before leaves, which may want them too. Returns how many
 * went out. */
uint32_t lead_check_assign(struct job *j, bool ahead);
uint32_t lead_check_out(const struct job *j);
/* All leaves are covered: whether the result has to wait for checks. */
bool lead_check_holds(struct job *j);
/* The node is dead, or has left. */
void lead_check_gone(struct job *j, struct node_id id);
void lead_check_tick(struct job *j);
/* The job has ended: none is out any more. */
void lead_check_halt(struct job *j);
/* This node leads the job no more. */
void lead_check_end(struct job *j);
/* Leaves that were found equal, and that were to be checked and could not be. */
void lead_check_count(const struct job *j, uint64_t *checked, uint64_t *unchecked);

#endif
