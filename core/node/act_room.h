/* How many acts (acts.h) are kept, so that none can keep a revocation out:
 *
 *   REVOKE   limits.acts that users hand in here, and twice as many that nodes tell: two halves of
 *            a mesh that were filled apart come to have the same. ACT_SIGNERS_MAX more of keys that
 *            have signed an act here: who fills the table with a stolen admin's key can be revoked
 *            all the same. None ever makes way for another, or a revoked key would be good again;
 *            so what more than two halves have, or who tells what nobody handed in, is refused in
 *            the order in which it comes
 *   others   a quarter of limits.acts. Where there are as many, one that is worth less makes way
 *            for a new one: first one that does not count, then what is undone of a node that is no
 *            member, an order to such a node, and what is undone of a member; of several the
 *            earliest, so that nodes that meet come to have the same. An order to a member makes
 *            way for none: it is to be undone first. Whoever has what made way, as the node that it
 *            is about, says it to others when it is back
 *
 * Where a journal is read it is not known who is a member, nor who signed: what was taken has room
 * as far as there is any. Private to core/node. */
#ifndef VELUM_NODE_ACT_ROOM_H
#define VELUM_NODE_ACT_ROOM_H

#include "core/node/state.h"

#define ACT_SIGNERS_MAX 64

/* So many of REVOKE, or of the others, there may be in any case. */
uint32_t act_room_max(const struct node *n, bool revoke);
/* Whether this one, of a subject that has none of its family, has room. 0, with the entry that
 * makes way for it, or NULL where none need do; or ERR_FULL. */
int act_room(struct node *n, const struct act *a, struct digest name, struct act_entry **way);
/* Whether this one, that a user hands in, may be one more. 0 or ERR_FULL. */
int act_room_asked(struct node *n, const struct act *a);

#endif
