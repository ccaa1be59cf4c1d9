/* What a worker writes for people, on its way to the coordinator's log of the job (joblog.h). One
 * leaf has a bounded share of that, so that one that floods does not push out what others wrote:
 * its first bytes go at once, and when it has ended its last ones, behind how many were left out.
 * Private to core/node. */
#ifndef VELUM_NODE_WORKER_TALK_H
#define VELUM_NODE_WORKER_TALK_H

#include "core/node/state.h"

#define TALK_FIRST_MAX 1024u /* bytes of a leaf that go at once; the last are worker.tail */

void worker_talk(struct node *n, struct worker *w, struct bytes text);
/* Leaves have ended, or the worker itself: whatever comes from now on is another leaf's. */
void worker_talk_pause(struct node *n, struct worker *w);

#endif
