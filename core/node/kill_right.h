/* Who may cancel a job: the user who signs the cancel, whoever brings it.
 *
 *   admin           any job
 *   submit, native  those that this key is the author of
 *   read            none, and none any more who was revoked (revoked.h)
 *   a node          what its coordinator ended, as its time ran out, and stages that were killed
 *                   apart and that it wrote down as one: believed from who coordinates or holds the
 *                   job, as facts without a signature are. So are cancels of old, which the node
 *                   signed that a user had asked
 *
 * Private to core/node. */
#ifndef VELUM_NODE_KILL_RIGHT_H
#define VELUM_NODE_KILL_RIGHT_H

#include "core/node/state.h"

/* Whether a user signed this cancel, who names himself as the one who asks for it. */
bool kill_is_users(const struct signer *by, const struct fact *f);
/* Whether this cancel may be taken for the job, of `from`. 0, ERR_IDENTITY or ERR_SIGNATURE. */
int kill_right(const struct job *j, struct node_id from, const struct fact *f);
/* What a user asks for: that the fact is the cancel of just that, and that his certificate has not
 * ended. 0 or < 0. */
int kill_right_asked(struct node *n, const struct request_kill *m);

#endif
