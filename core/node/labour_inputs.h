/* The inputs of stages that this node works for. Which they are the spec says of objects, and the
 * coordinator of what other stages yielded. Objects are got here whole before a worker is bound to
 * the stage, and pinned until the job, or that stage of it, is not worked for any more; what is
 * small is kept here.
 *
 * A worker maps objects as they lie on the disk, so none is given work before they are sound
 * (sound.h); what is worked on for long is looked at again before that ends. When a piece turns out
 * to be damaged the workers that map it are ended, and what they had not reported is done again.
 * Private to core/node. */
#ifndef VELUM_NODE_LABOUR_INPUTS_H
#define VELUM_NODE_LABOUR_INPUTS_H

#include "core/node/state.h"
#include "core/object/shelf.h"

#define STAGE_INPUTS_KEPT 16 /* stages of one job that are kept although they have no chunk here */

struct stage_inputs {
    uint32_t stage;
    /* How far its inputs are known: objects and stages in the order of their places. */
    uint16_t object, need, from; /* the next of either, and so many outputs of that stage */
    bool known;                  /* all are */
    uint16_t count;              /* of the list */
    struct buf list;             /* as in LOAD */
    struct buf given;            /* u16 index, block: as in INPUTS */
    uint16_t pinned;             /* the first of the list, which are here */
    bool no_room;                /* for the next, which others have */
    uint16_t sound;              /* of these, the first that are sound longer than until then: */
    struct instant sound_until;  /* all together are; zero: not all of them are */
    struct instant sound_next;   /* the first of them are */
    struct instant look_at;      /* they are looked at again */
    struct instant looks_since;  /* nothing else is waited for; INSTANT_NEVER: something is */
    bool doubted;                /* a worker did not load, and all inputs were looked at again */
    struct instant moved, sought, ask_at;
    struct stage_inputs *next;
};

/* A chunk of the stage has come: its coordinator tells on its own what others have yielded. */
void labour_inputs_expect(struct job *j, uint32_t stage);
/* All inputs of the stage are here, and sound. The others are asked for from now on. */
bool labour_inputs_are_here(struct job *j, uint32_t stage);
/* Of a stage whose inputs are all here; NULL: it has none. */
const struct stage_inputs *labour_inputs_of(const struct job *j, uint32_t stage);
/* INPUT_VALUES. */
int labour_inputs_values(struct node *n, struct node_id from, struct bytes payload);
/* Somebody has said that he has the object whole. */
bool labour_inputs_want(const struct node *n, struct digest name);
/* It is whole here now: chunks that wait for it may have it kept, whoever has removed it. */
void labour_inputs_came(struct node *n, const struct shelf_object *o);
/* Others say that it has this size, and then it does not fit here. */
void labour_inputs_no_room(struct node *n, struct digest name, uint64_t size);
/* A piece of the object is damaged: workers that map it are ended, and it is waited for. */
void labour_inputs_lost(struct node *n, struct digest name);
/* A worker of the stage did not load. True: that may be because of an input, which is looked for
 * before another does; false: they were all looked at, and it was not. */
bool labour_inputs_doubt(struct job *j, uint32_t stage);
/* Goes on with what is missing, for chunks and for merges; chunks of a stage of which an input is
 * to be had nowhere go back. */
void labour_inputs_tick(struct node *n);
/* When that has something to do for chunks of the job. */
struct instant labour_inputs_due(const struct job *j);
void labour_inputs_drop(struct job *j);

#endif
