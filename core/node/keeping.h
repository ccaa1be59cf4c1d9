/* Which objects are to be kept, and for whom: statements (name, owner, generation, kept or not),
 * journaled. The owner is a user, whose word holds until he takes it back, or a job that reads or
 * makes the object; what a job wants is dropped when the job is over (owners.h). There is one
 * statement for a name and an owner, and an object stays while any of its statements keeps it: what
 * a user and a job own both stays for the user.
 *
 * What a job makes for its own later stages is *passing*: it is kept until the job has a result.
 *
 * Of two statements of one owner that of the greater generation holds, and of two like ones the one
 * that keeps longer: what was put again after it was removed is kept, and what both happened to at
 * once is not lost; nor is an output of the result that some other stage yielded too.
 *
 * Any node says so of anything, and puts no name to it, so that a generation which one made up must
 * not be the last there can be. Each change of mind is one more, and what another node says is
 * believed up to so many a second since 1970 by this node's clock: more than anybody changes his
 * mind, and of the range they use up next to nothing. What is beyond is not believed, and is no
 * offence: a clock is behind, and gets there. A limit on how far one may leap ahead of what is
 * known here would not do: two who were led there by different steps never believed each other.
 *
 * A user's statement says who put it, while it was one: he may take it back, and if several did
 * only who may everything (permit.h). Statements that both keep it and name different users make it
 * one of several, whatever their generations, and one that names nobody takes no name from it.
 *
 * So nobody takes it from him: what says that it is not kept any more comes with what he signed
 * (removal_right.h), and goes to others with it.
 *
 * A node knows them whether it keeps objects at the moment or not. At most KEEPING_MAX; those of
 * removed objects are forgotten after tombstone_s of the calendar, and where there is no room for
 * another, or for what a user signed, the oldest of them sooner. One other node has a part of that
 * room (teller.h). Private to core/node. */
#ifndef VELUM_NODE_KEEPING_H
#define VELUM_NODE_KEEPING_H

#include "core/node/object_peer.h"
#include "core/node/state.h"

#define KEEPING_MAX 100000u
#define KEEPING_HAS_MAX 4u /* other nodes that are remembered to have it */
#define KEEPING_HEARD_MAX 3u
#define KEEPING_SIGNED_MAX 20000u /* removals that are remembered with what was signed */
#define KEEPING_GENERATION_MAX (UINT64_MAX / 2)
#define KEEPING_GENERATIONS_S 1024u /* and as many times 1,024 whatever the clock says */
#define KEEPING_NOT_TOLD ((struct instant){INT64_MIN / 2}) /* longer ago than anything */

/* The owner that is no job. */
#define KEEPING_USER ((struct job_id){{0}})

struct keeping {
    struct digest name;
    struct job_id owner; /* KEEPING_USER: a user */
    uint64_t size;
    uint64_t generation; /* from 1 on */
    bool kept, passing;
    struct node_id by;    /* of a user's: who put it; zero: nobody knows. Not kept: who said so */
    struct bytes removal; /* not kept: what he signed; owned. Empty: nobody did */
    bool by_admin;        /* not kept: he may everything */
    uint64_t since_s;     /* by the calendar: when it was told here */
    /* Not journaled: the ticket it was written with; and (copies.c) who has said that it is whole
     * there, when keepers were told, and what was found when its keepers were ranked last. */
    uint64_t ticket;
    struct node_id has[KEEPING_HAS_MAX];
    uint32_t has_boot[KEEPING_HAS_MAX]; /* of its process then: another may have another disk */
    uint8_t has_count;
    struct node_id last; /* of them that went, or have it no more; zero: none */
    bool missing; /* one of them has not said that it has it, or has heard that it was removed */
    uint32_t heard[KEEPING_HEARD_MAX]; /* ends of the ids of those that know it was removed */
    struct instant told;
    uint64_t placed;             /* as objects.placings was then; 0: something has changed since */
    struct keeping *next, *prev; /* all of them, the latest first */
    struct keeping *next_same;   /* of the same name; the first of them is in the map */
    struct teller *teller;       /* who told of it, while it has not come (teller.h), or NULL */
    struct owner *of;            /* the job's (owners.h); NULL: a user's */
    struct keeping *next_owned, *prev_owned;
};

void keeping_free(struct node *n);
/* NULL: nobody ever said so here. */
struct keeping *keeping_find(const struct node *n, struct digest name, struct job_id owner);
/* The first statement about it; the others by next_same. */
struct keeping *keeping_about(const struct node *n, struct digest name);
/* Somebody wants it to be kept. */
bool keeping_is_kept(const struct node *n, struct digest name);
/* Somebody took it away, and nobody wants it. */
bool keeping_is_removed(const struct node *n, struct digest name);
/* The one who says so is here. Writes it when it is news. 0, or ERR_FULL: so many are kept. */
int keeping_say(struct node *n, struct digest name, uint64_t size, struct job_id owner, bool kept);
/* Of what is known here: it is not kept any more, as of this generation, for which there is that
 * removal, borrowed and looked at (removal_right.h). As keeping_learn. */
int keeping_take_back(struct node *n, const struct keeping *k, const struct keeping *gone);
/* The same, of what this user keeps (KEEPING_USER). */
int keeping_put(struct node *n, struct digest name, uint64_t size, struct node_id by);
/* The name that stands for several users. */
struct node_id keeping_several(void);
/* It as that node can read it; borrows. */
struct object_keep keeping_for(const struct node *n, struct node_id to, const struct keeping *k);
/* Whether what is known here is to be told who said this other of the same owner. */
bool keeping_holds_against(const struct keeping *k, const struct keeping *said);
/* The same, of what the job wants until it has a result. */
int keeping_pass(struct node *n, struct digest name, uint64_t size, struct job_id owner);
/* Somebody else has said so. 1: it was news and is written; 0: it was known; ERR_FULL, ERR_FORMAT
 * (a generation that cannot be). */
int keeping_learn(struct node *n, const struct keeping *k);
/* The same of what that node said, which is given as it is to be understood: one that cannot name
 * who put it, or several, means no other than is known here. ERR_FORMAT also for a generation that
 * is not believed, ERR_FULL also where that node told of too many that have not come, and for a
 * removal what removal_look says, or ERR_IDENTITY: he may not. */
int keeping_hear(struct node *n, struct node_id from, struct keeping *said);
/* It may be whole here now. */
void keeping_came(struct node *n, struct digest name);
/* Its owner is over: nothing is left of the statement, here and on the disk. It is freed. */
void keeping_drop(struct node *n, struct keeping *k);

int keeping_replay(struct node *n, struct bytes payload);
void keeping_snapshot(const struct keeping *k, struct buf *to); /* as one record */
/* Forgets what is old enough, at most so many. True when that was not all. */
bool keeping_forget(struct node *n, uint32_t most);

#endif
