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
 * Whatever is told, generation and epoch rise by SURPASS_MAX a second for that, so that nobody who
 * hears this node finds a leap in it (CLAIM_AHEAD_MAX, ENTRY_EPOCH_LEAP_MAX), and who was away for
 * CLAIM_AHEAD_MAX / SURPASS_MAX = 16 s believes even a coordinator that it does not know. They get
 * to TITLE_FAR_MAX after 2^30 / 16 s, two years, and to FACT_COUNTER_MAX after four. What is up to
 * CLAIM_AHEAD_MAX ahead is surpassed within 16 s. A title further ahead is not gone after: a thief
 * that raises his own once more keeps those nodes that obey it, and have no ledger, until they are
 * shown who leads the job (labour_title.h).
 *
 * Nodes that only work for a job keep no ledger of it and obey the greatest title they see. What
 * becomes of one that its coordinator does not believe: lead_claim.h. Private to core/node. */
#ifndef VELUM_NODE_WARRANT_H
#define VELUM_NODE_WARRANT_H

#include "core/node/state.h"

#define SURPASS_MAX 16u /* numbers, a second */
/* Further than that generation and epoch do not leap, whoever says so; and no first title does. */
#define TITLE_FAR_MAX (FACT_COUNTER_MAX / 2)

/* A present holder or the coordinator: it has the job, and believes what this node would. */
bool warrant_is_with(const struct job *j, struct node_id id);
/* Whether one of these facts, of which it is known who signed it, is believed when `from` brings
 * it. The job has a ledger. */
bool warrant_is(const struct job *j, const struct fact *f, struct node_id from);
/* Whether it signed the end that counts here: then it also says who counted the job's leaves. In a
 * half of the mesh that was alone it may be the only one that knows, and has never been a holder
 * for those of the other half, who take its end. The job has a ledger. */
bool warrant_ended(struct job *j, struct node_id id);
/* It is not: notes it, and answers, a few times a second of the job and of the peer (answers.h). */
void warrant_answer(struct job *j, const struct fact *f, struct node_id from);
/* Called again and again while this node coordinates: goes on to surpass what was told. Of a job
 * that has ended it goes on when that is told again. */
void warrant_tend(struct job *j);
/* A list of holders is about to be replaced: finds out who signed those that are kept, which a
 * journal does not say. */
void warrant_authors(struct job *j);

#endif
