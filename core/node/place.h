/* Which nodes should hold a job: the first by rendezvous rank of all that live, linked or not, so
 * that a job is found by computing; and the way from the list there is to that one. A list grows by
 * who should be in it, and shrinks to them only when they have synced everything, so that no copy
 * is given up before another is there. Private to core/node. */
#ifndef VELUM_NODE_PLACE_H
#define VELUM_NODE_PLACE_H

#include "core/node/state.h"

/* How many holders a job has where there are enough nodes. */
#define COPIES_MAX 3

/* A better rank takes over only when the mesh has been the same for so long. */
#define PLACE_CALM_US (3 * S_US)

/* The best by rank among live members that can store, and whose feature level is this or not known,
 * one node a machine first: at most COPIES_MAX, fewer in a small mesh. `now`, which may be NULL:
 * present holders among them count for as long as they are not gone. With `self` this node is one
 * of them whatever its rank. */
struct holders place_wanted(const struct node *n, struct job_id job, uint64_t level,
                            const struct holders *now, bool self);
/* Something that is so of a node. */
typedef bool place_says(const struct node *n, struct node_id id);
/* The same, of an object of this size. */
typedef bool place_lacks(const struct node *n, struct node_id id, uint64_t size);
/* The same for an object: the rank of its name is found as that of a job's id is, and those that
 * `lacks` names are not ranked. */
struct holders place_keepers(const struct node *n, struct digest name, uint64_t size,
                             place_lacks *lacks);
/* How many that would be without `self`: nobody is ranked for it. */
uint32_t place_count(const struct node *n, uint64_t level, const struct holders *now);
/* The first of them: who is to take a new job in. */
struct node_id place_first(const struct node *n, struct job_id job, uint64_t level);

bool holders_have(const struct holders *h, struct node_id id);
/* Every id of `these` is in `h`. */
bool holders_contain(const struct holders *h, const struct holders *these);
/* One of them, other than this node, is gone or cannot store. */
bool holders_lack(const struct node *n, const struct holders *h);
/* Those of `wanted`, and all of `now` that can still store. */
struct holders place_grown(const struct node *n, const struct holders *now,
                           const struct holders *wanted);
/* Writes this list as the next generation, where it differs, and tells those who are in it no more.
 * 0, also when it is the present one, or an error. */
int place_write(struct job *j, const struct holders *next, bool full);

/* Writes the present list as the next generation above that of another list, which is not believed.
 * 0, or an error. */
int place_again(struct job *j, uint32_t above);

/* The coordinator's care for the list, called again and again: replaces holders that are gone or
 * cannot store at once, others when the mesh is calm. */
void place_tend(struct job *j);
/* The list a job begins with, or that a new coordinator finds: this node is in it. */
int place_begin(struct job *j, bool full);

/* The machines of some holders, each once. */
struct machines {
    uint32_t count;
    struct digest seen[HOLDERS_MAX + 1];
};
void machines_add(struct machines *m, struct digest machine);

/* Of so many copies that were counted on these holders, what is left for certain: those of holders
 * that have gone since are not. */
void place_left(const struct node *n, const struct node_id *holders, uint32_t count,
                place_says *is_gone, uint32_t *copies, uint32_t *machines);
/* Of an ended job: its copies were counted on another list than the one it has now. Those that are
 * new count when whoever brings them about has counted again. */
void place_list_replaced(struct job *j, const struct holders *before);

#endif
