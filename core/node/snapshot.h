/* The snapshot of all that a node has in its journal, which takes the journal's place. It is made
 * in slices, so that no step is long because of it: limits.compact_bytes of records in each, or
 * one job where that is more, limits.compact_us apart.
 *
 * Work goes on meanwhile, so a snapshot is of no single moment. Why it says what the journal says
 * all the same, and nothing twice:
 *
 *   - What there is of one thing (a job, a job set aside, a tombstone, an object, a note of who did
 *     what) is written in one go, at some moment. What was stored about it before is in what is
 *     written, and left out. What is stored about it later follows, in the order in which it was
 *     stored. So for each thing the snapshot is what was known at one moment and all records since,
 *     as a journal compacted at that moment would be.
 *   - What is stored about a thing that was not there when the snapshot began follows too: it is
 *     never visited, its records are all there is to say. So is the word that a thing is gone: one
 *     that goes before it was visited is never written.
 *   - A job that is about to move between those that run and those set aside is written before it
 *     moves, wherever the slices are. So the record of the move means there what it meant here.
 *   - What a record does when it is read again depends on others of the same job or object only,
 *     so the order of things does not matter, with two exceptions. Tombstones are kept in the order
 *     in which they came, and those there are come before later ones: until they are written, what
 *     is stored is held back. And a job set aside comes before the tombstone of the same name,
 *     which would refuse its facts.
 *
 * It ends however much is stored: what is visited is fixed when it begins, or when its section
 * does; the lists grow at the end that was passed, or behind a number that was noted. What is
 * stored goes out with the next slice and is never visited.
 *
 * Crashes are the journal's business: until COMPACT is synced its segments are all as they were,
 * what is stored meanwhile is appended and synced there and acknowledged on the strength of that,
 * and after it they are obsolete. A COMPACT that fails changes nothing. A record that was refused
 * is in the snapshot by what it changed here, or follows, so COMPACT heals (record.h) whatever was
 * refused before it.
 *
 * Where memory runs out it is given up: the host forgets what it has of it, and the journal stays
 * as it was until somebody asks again. Private to core/node. */
#ifndef VELUM_NODE_SNAPSHOT_H
#define VELUM_NODE_SNAPSHOT_H

#include "core/node/state.h"

/* Begins one. While one is under way, that one will do; while the disk writes a whole one, it
 * begins when that is done: a disk takes one at a time. */
void snapshot_begin(struct node *n);
/* The disk's word on a ticket, whatever it is. */
void snapshot_answered(struct node *n, uint64_t ticket);
/* Writes the next slice. 1: there is more; 0: this was the last, COMPACT is on its way, or none is
 * under way; ERR_NO_MEMORY: it was given up. */
int snapshot_slice(struct node *n);
/* The end of a step: the next slice, when it is due. */
void snapshot_tick(struct node *n);
struct instant snapshot_due(const struct node *n); /* INSTANT_NEVER: none is under way */
void snapshot_clear(struct node *n);

/* A record goes to the journal, what it says being known here already. */
void snapshot_stored(struct node *n, uint16_t type, struct bytes payload);
/* The job has got a ledger: whatever there is of it, its records will say. */
void snapshot_holds_new(struct job *j);
/* A job set aside comes back, is dropped, or one that runs is about to be set aside. */
void snapshot_before_move(struct node *n, struct job_id id);
/* It leaves that list now, and may be the next one. */
void snapshot_live_gone(struct node *n, const struct job *j);
void snapshot_kept_gone(struct node *n, const struct job *j);
void snapshot_aside_gone(struct node *n, const struct job *j);
void snapshot_object_gone(struct node *n, const struct keeping *k);
void snapshot_note_gone(struct node *n, const struct held_note *h);

#endif
