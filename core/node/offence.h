/* Peers that say what no node says that is what it seems: frames that cannot be read, signatures
 * that do not hold, requests of users. One may be a mistake, so each costs a point, and one fades
 * every OFFENCE_FADE_US. With more than OFFENCE_MAX the peer is *barred*: its links are closed, and
 * none is taken or opened for a minute, and twice as long each next time, to OFFENCE_BARRED_MAX;
 * each day without another takes half of that back.
 * What it had of this node's jobs is granted again, as for any link that is lost.
 *
 * Only what came over its own link counts: a node that accuses others is believed nowhere. And of
 * that only what it vouches for: it verifies what users sign before it passes it on, but for what
 * they say in sessions, which older nodes do not look at. It is no more than this node's own
 * caution: others go on with the peer until they have seen the same, and who shuts it out for good
 * is the operator (acts.h). What only looks wrong because one side does not know something yet
 * (ERR_IDENTITY, ERR_VERSION, ERR_NOT_FOUND) does not count.
 *
 * At most OFFENDERS_MAX are remembered, those with the most points. Private to core/node. */
#ifndef VELUM_NODE_OFFENCE_H
#define VELUM_NODE_OFFENCE_H

#include "core/node/state.h"

#define OFFENDERS_MAX 64u
#define OFFENCE_MAX 16u
#define OFFENCE_FADE_US S_US
#define OFFENCE_BARRED_US (60 * S_US)
#define OFFENCE_BARRED_MAX (3600 * S_US)
#define OFFENCE_FORGIVEN_US (24 * 3600 * S_US)

/* This peer's frame is looked at, until offence_end. */
void offence_begin(struct node *n, struct node_id from);
/* The rest of it are a user's words, which the peer may have passed on unread. */
void offence_of_others(struct node *n);
/* Something in that frame came to this: one of its signatures. Nothing where it is no peer's. */
void offence_came(struct node *n, int rc);
/* All of it came to this, which counts where nothing in it did: what is wrong with a part is often
 * passed on. Its links are closed where that was too much. */
void offence_end(struct node *n, int rc);
/* Whether links to the peer are closed at the moment. */
bool offence_bars(const struct node *n, struct node_id id);
void offences_free(struct node *n);

#endif
