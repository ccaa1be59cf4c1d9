/* Nodes that were found to tell what is not so: a leaf was computed twice more (lead_check.h), and
 * the two others, one of them of the same architecture, came to one value and this node to another,
 * of a kernel of their own: what a submitter brought need not be a function, and accuses nobody.
 * For QUARANTINE_US this node's coordinators give it nothing of any job, and take nothing of it for
 * a check. It keeps what it holds. A job of which nobody else has the kernel waits for it, and says
 * so.
 *
 * A kernel is known by the digest of its source: of one that is no built-in, a file that another
 * compiler made may come to other bits, and whoever has it in good faith is taken for a liar too.
 * Where that can be, it is said with the verdict.
 *
 * Only what this node compared itself counts, and no other is told: whoever lies would tell lies of
 * others, too. At most QUARANTINE_MAX, of which the oldest makes room; forgotten with the process.
 * Private to core/node. */
#ifndef VELUM_NODE_QUARANTINE_H
#define VELUM_NODE_QUARANTINE_H

#include "core/node/state.h"

#define QUARANTINE_MAX 64u
#define QUARANTINE_US ((int64_t)24 * 3600 * S_US)

void quarantine_add(struct node *n, struct node_id id);
bool quarantine_has(const struct node *n, struct node_id id);
bool quarantine_any(const struct node *n);
/* Nothing new is for this member: it drains, or is in quarantine. */
bool member_idles(const struct node *n, const struct member *m);
/* Where none but such could run a job that this node coordinates: says so. */
void quarantine_say(struct job *j, char *text, size_t cap);
void quarantine_free(struct node *n);

#endif
