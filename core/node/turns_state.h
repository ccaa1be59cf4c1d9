/* Whose turn it is among the jobs that this node coordinates, as turns.h and shares.h have it.
 * Private to core/node. */
#ifndef VELUM_NODE_TURNS_STATE_H
#define VELUM_NODE_TURNS_STATE_H

#include <stdbool.h>

#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/base/map.h"

struct job;

/* Lists of jobs that may be granted from. All of the node, in any order. Of each submitter, in the
 * order of their turns: all of them; those that go ahead of others because they are new, the one
 * that came last first; and those of a priority above the usual one. */
enum turn_kind { TURNS_SCAN, TURNS_ALL, TURNS_NEW, TURNS_HIGH, TURNS_KINDS };
struct turn_link {
    struct job *next, *prev;
    bool in;
};
struct turn_list {
    struct job *first, *last;
    uint32_t count;
};

/* What a submitter has had of the slots, by the jobs of his that this node coordinates. */
struct share {
    struct node_id id;
    uint32_t jobs;      /* so many of them */
    uint32_t slots_out; /* that their chunks have at the moment */
    uint64_t served_us; /* that they had slots for, up to `at`, each slot by itself */
    struct instant at;
    uint64_t rank_us; /* as of the last look at it: the least is next */
    uint64_t came;    /* of two alike the one that waits for longer */
    uint32_t place;   /* in the heap, and one; 0: it is not there */
    struct share *next_aside, *prev_aside;
    bool is_aside;
    struct turn_list list[TURNS_KINDS]; /* but for TURNS_SCAN */
    uint32_t ranked;                    /* so many jobs are not of the usual priority */
    bool ahead;                         /* the last turn went to one that is new */
    /* In one go of giving out work: where it is, and whether its new jobs found nothing. */
    uint64_t go;
    struct job *walk;
    bool new_tried;
};

struct turns {
    struct turn_list scan;
    struct job *cursor; /* see turns_scan */
    struct map shares;  /* node_id -> struct share */
    struct share **heap;
    uint32_t heap_count, heap_cap, heap_next;
    struct share *aside_first, *aside_last; /* those that could use nothing, see shares_aside */
    uint32_t aside_count;
    uint64_t came, go;
    uint64_t clock_us;     /* what the one who had the last turn had had: it only rises */
    struct instant served; /* when the last word came that some job was */
};

#endif
