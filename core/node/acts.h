/* Acts (core/wire/act.h): what somebody who may wants done to a node, a user or the mesh. Every
 * node is to have all of them, for ever, as far as there is room (act_room.h): of one subject one
 * REVOKE and one of DRAIN, RESUME and LEAVE.
 *
 * An act is judged by itself, whoever brings it: it is signed by a key of this mesh whose role may
 * (permit_act), and its time is not after the end of the signer's certificate. One that is no
 * REVOKE is not more than a day ahead, either; a REVOKE protects, and must not wait for a clock.
 * What was refused and may hold later is asked for again (act_again.h). One whose signer's root has
 * ended since, before the time it says, makes way for any that is good.
 *
 * A REVOKE counts whatever else is known, of its signer too: so all nodes come to the same, in
 * whatever order they hear of things, and nothing is ever undone, by which a revoked key could
 * bring itself back. Two who revoke each other are both revoked, everywhere. To ask whether the
 * signer was revoked before that time would keep nobody out, as he writes the time himself. What
 * does is the door: over links of a revoked key nothing is read, and of a user nothing is taken but
 * what he signs now, with a key that is good (act_ask.h). A thief needs a node besides that is a
 * traitor, or has not heard of the revocation; then whom he revokes has to join anew.
 *
 * Of the other kinds the latest counts, so a thief gains nothing by another time than the true one:
 * what is later than the revocation of its signer does not count, and goes again where it was taken
 * before that came. What it had taken the place of comes back from whoever has it; where nobody
 * has, it is to be said once more.
 *
 * One that is new is written down, done (act_effect.h) and passed on, in the same step: it needs no
 * disk to be true. Only that it is kept is said once it is synced. Two nodes that meet compare sums
 * (act_talk.h) and send what differs, no faster than the link takes it (greet.h); where neither has
 * any they say nothing. Of a node whose feature level is below FEATURE_ACTS nothing is asked, and
 * it is told nothing. Private to core/node. */
#ifndef VELUM_NODE_ACTS_H
#define VELUM_NODE_ACTS_H

#include "core/node/state.h"

#define ACT_OFF_S ((int64_t)24 * 3600) /* so wrong a clock may be */

void acts_init(struct node *n);
void acts_free(struct node *n);

/* The key of this node or user is trusted no longer. */
bool acts_revoked(const struct node *n, struct node_id id);
/* The REVOKE of this key, or NULL. */
const struct act *acts_revocation(const struct node *n, struct node_id id);
/* The DRAIN, RESUME or LEAVE of that node that counts, or NULL. */
const struct act *acts_order(const struct node *n, struct node_id id);
/* That node is to take no new work, and to give away what it has. */
bool acts_draining(const struct node *n, struct node_id id);

/* Who signed it. */
bool acts_signed_by(struct node *n, struct act_entry *e, struct node_id id);

enum act_taken {
    ACT_NEWS = 0,
    ACT_KNOWN = 1,
    ACT_SUPERSEDED = 2 /* another counts in its place */
};
/* Takes an act in, whoever brings it, and passes it on to all but `from`. *entry: what counts now.
 * enum act_taken, or ERR_FORMAT, ERR_VERSION for a kind that is unknown here, ERR_SIGNATURE,
 * ERR_IDENTITY where the signer may not, ERR_ARGUMENT for its time, ERR_FULL, ERR_NO_MEMORY. */
int acts_take(struct node *n, struct node_id from, struct bytes act,
              const struct act_entry **entry);
/* That this one came to `rc` is noted, with who brought it (events.h): not where it does not read,
 * or is of a newer kind. */
void acts_refused(struct node *n, struct node_id from, struct bytes act, int rc);
/* ACT of a peer. 0, or what was wrong with one of the acts; each was noted. */
int acts_frame(struct node *n, struct node_id from, uint32_t request, struct bytes payload);
/* What another node was asked to say when it has an act on its disk: it has. */
void acts_kept(struct node *n, const struct wait *w);

/* Says to the other end of a link that its key was revoked. */
void acts_tell_subject(struct node *n, uint64_t link, struct node_id id);
/* The link to it is up: says what is here. */
void acts_greet(struct node *n, struct node_id id);
/* Says the sums again, when that is due (act_again.h). */
void acts_tick(struct node *n);
struct instant acts_due(const struct node *n);
/* The next frame of what it lacks, as far as the sums say. False: there is none. */
bool acts_greet_more(struct node *n, struct greeting *g);

int acts_replay(struct node *n, struct bytes payload);
void act_snapshot(const struct act_entry *e, struct buf *to);

#endif
