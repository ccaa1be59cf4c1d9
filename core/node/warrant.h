/* Who may say which nodes hold a job, who coordinates it, and how it ended. Whoever does so signs
 * it, and any node of the mesh can sign: with the key of one that was stolen a thief could make
 * himself the job's holder and coordinator. So HOLDERS, CLAIM and OUTCOME of a job are believed of
 *
 *   - its holders, past or present, and its coordinator, as far as this node knows them: whoever
 *     coordinates a job was one before;
 *   - anybody, when a present holder or the coordinator brings it: he believes nothing else
 *     himself, and after a partition he may know holders that this node has not heard of;
 *   - anybody, when this node knows no holders of the job yet: whoever has none of it cannot judge.
 *
 * A job that was submitted twice, in two halves of the mesh, was begun by two nodes that know
 * nothing of each other. Both halves let their lists drift to the same nodes, the first by rank of
 * all: so one of them soon names a holder of the other, and believes what he brings.
 *
 * A list of a former generation is judged the same way, and makes those it names known. So whoever
 * has missed several generations goes from one to the next, which is why ledgers keep those that
 * are needed for it, and tell them first (the chain, core/job/ledger.h).
 *
 * What it comes to: a thief whose node never held the job has no say in it where it is known. One
 * whose node is or was a holder of it is believed (nothing is promised of a lying holder). So is
 * one who brings the job to a node that never heard of it, or has lost its disk; where that is one
 * of the job's holders, the others believe what it brings.
 *
 * What is not believed is noted in the events, and answered: whoever coordinates the job, or of one
 * that has ended the first of its holders, writes a list or a title that is greater still, and its
 * author is shown how that came about. So one in good faith comes round, and whoever follows him
 * does too. And the holders that are known are asked, who may believe him by now. It is no offence
 * (offence.h): in two halves that meet again there may be many jobs.
 *
 * Nodes that only work for a job keep no ledger of it and obey the greatest title they see. What
 * becomes of one that its coordinator does not believe: lead_claim.h. Private to core/node. */
#ifndef VELUM_NODE_WARRANT_H
#define VELUM_NODE_WARRANT_H

#include "core/node/state.h"

/* Whether one of these facts, of which it is known who signed it, is believed when `from` brings
 * it. The job has a ledger. */
bool warrant_is(const struct job *j, const struct fact *f, struct node_id from);
/* It is not: notes it, and answers, a few times a second. */
void warrant_answer(struct job *j, const struct fact *f, struct node_id from);
/* A list of holders is about to be replaced: finds out who signed those that are kept, which a
 * journal does not say. */
void warrant_authors(struct job *j);

#endif
