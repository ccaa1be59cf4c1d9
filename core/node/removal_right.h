/* Who may say that an object is not kept any more.
 *
 *   of a user's statement    who put it, or who may everything (permit.h)
 *   of a job's               who submitted the job, as its specification says, or where that is
 *                            not here those who have it (author_ask.h); or who may everything
 *   of a user's who is       anybody: nodes of before and programs that embed one say nothing of
 *   not known                him
 *
 * By the signature under the removal (core/wire/removal.h), and by no word of a node's. Each node
 * looks for itself, once, and what it believes it writes down with the signature, so that it can
 * show it to others after a restart. Where nothing is known yet of an object any removal is
 * believed; a statement comes up against it that keeps the object for somebody else. So it is the
 * same in which order they come, and what nobody showed who may stays kept. Of nodes and commands
 * below FEATURE_REMOVAL, which sign nothing, a removal is believed of what nobody is known to have
 * put, and of nothing else: an upgraded node removes the rest.
 *
 * It is dated by the clock of who signs it, and not by that of the node he asks. A date of longer
 * ago than removals are remembered is refused by all but nodes whose clock is as wrong: these take
 * it, and all others go on keeping the object. So the node he asks looks at certificates, too: a
 * date before his began, or the node's own, is by a clock that is behind, whatever its own says.
 *
 * Private to core/node. */
#ifndef VELUM_NODE_REMOVAL_RIGHT_H
#define VELUM_NODE_REMOVAL_RIGHT_H

#include "core/node/permit.h"
#include "core/wire/removal.h"

/* Whether the word of somebody is needed to take back what this says. */
bool removal_needs_word(const struct keeping *k);
/* Whether `gone`, a removal of that generation or a later one, takes back what `k` says. */
bool removal_stands(struct node *n, const struct keeping *gone, const struct keeping *k);
/* Whether it is known that it does not. */
bool removal_falls(const struct node *n, const struct keeping *gone, const struct keeping *k);
/* Looks at the removal that `gone` came with, and fills in whose it is and when he signed it.
 * ERR_FORMAT: it is of something else, or of other owners. ERR_SIGNATURE, ERR_IDENTITY: whoever
 * signed it is no user, or was revoked. ERR_ARGUMENT: it is too old, or after the end of his
 * certificate. */
int removal_look(struct node *n, struct keeping *gone);
/* The same of one that is handed in here: ERR_ARGUMENT also where its date is more than ACT_OFF_S
 * before the beginning of his certificate, or of this node's. */
int removal_hand_in(struct node *n, struct keeping *gone);

#endif
