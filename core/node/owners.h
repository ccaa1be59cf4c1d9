/* The jobs that objects are kept for: what they make, and what they read. A node that was told to
 * keep something for a job looks again and again whether the job is *over*:
 *
 *   - it has shrunk to its name here, or has ended so long ago that it has everywhere;
 *   - it has ended without a result, and everybody is there: a member that is away may be in
 *     another part of the mesh where the same job has a result, which is the greater outcome;
 *   - nodes that held it say that it is gone, and none of those who may hold it has it any more;
 *   - nobody knows it, for as long as anything of a job is kept anywhere.
 *
 * Where its ledger is elsewhere the directory is a hint (hearsay.h) that makes this node ask, and
 * what is here goes by the answers: of OWNERS_AGREE of those that were asked, where none says
 * otherwise, or of one while everybody is there. So one liar makes nothing go.
 *
 * While none of this is so the objects stay: of a job that runs, and of one whose result can be
 * had; but of the latter what passed between its stages goes. When it is over, its
 * statements are dropped, here and on the disk, and an object goes with the last statement that
 * keeps it.
 *
 * Whoever cannot say from what is here asks those who should hold the job (OWNER in object_peer.h).
 * Bounded by the statements there are (keeping.h). Private to core/node. */
#ifndef VELUM_NODE_OWNERS_H
#define VELUM_NODE_OWNERS_H

#include "core/node/keeping.h"
#include "core/node/object_peer.h"

#define OWNERS_AGREE 2u

struct owner_answers {
    struct node_id who[SEEK_MAX];
    enum owner_word word[SEEK_MAX]; /* OWNER_ASK: nothing yet */
    uint32_t count;
};

struct owner {
    struct job_id job;
    struct keeping *first, *last;  /* its statements; those that pass stand behind the others */
    uint64_t since_s;              /* of the latest */
    bool over;                     /* its statements are being dropped, or those that pass */
    struct owner_answers *answers; /* NULL: nobody is asked */
    struct instant ask_at;         /* not before */
    struct instant unknown_since;  /* INSTANT_NEVER: somebody knew it when it was last looked at */
};

/* The statement is new; the owner is made where it is the first. 0 or ERR_NO_MEMORY. */
int owner_add(struct node *n, struct keeping *k);
/* It passes no more, or again: its place among the others is another. */
void owner_sort(struct keeping *k);
/* It goes, and with the last one its owner. Nothing of a user's. */
void owner_remove(struct node *n, struct keeping *k);
void owners_free(struct node *n);

/* The job wants nothing any more, as far as can be said from what is here. */
bool owner_is_over(const struct node *n, struct job_id job);
/* It is known here that it has a result: what passed between its stages is not wanted any more. */
bool owner_has_result(const struct node *n, struct job_id job);
/* It is known here that it has ended: of what it wants a user may let go. */
bool owner_has_ended(const struct node *n, struct job_id job);
/* Somebody says that it is over: it is looked at soon. */
void owner_doubted(struct node *n, struct job_id job);
/* What so many say of a job who may have it, and nobody denies. */
bool owner_word_is_enough(const struct node *n, uint32_t count);
/* OWNER of another node. */
int owner_frame(struct node *n, struct node_id from, struct bytes payload);

void owners_tick(struct node *n);
struct instant owners_due(const struct node *n);

#endif
