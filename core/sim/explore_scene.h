/* A state of the whole: the states of its nodes by number, what is on its way between them, and
 * which faults are still to come. And what may happen next in it.
 *
 * Called by explore.c. */
#ifndef VELUM_SIM_EXPLORE_SCENE_H
#define VELUM_SIM_EXPLORE_SCENE_H

#include "core/sim/explore.h"
#include "core/sim/explore_part.h"

#define EXPLORE_QUEUES (EXPLORE_NODES * (EXPLORE_NODES - 1))
#define EXPLORE_EAGER_MAX 256

/* No padding: two are the same exactly when their bytes are. */
struct scene {
    uint32_t part[EXPLORE_NODES];
    uint32_t queue[EXPLORE_QUEUES]; /* things: the frames on their way, as numbers */
    uint8_t ticks[EXPLORE_NODES];   /* left */
    uint8_t crashes, cuts, lapses;  /* left */
    uint8_t blocked;                /* bit i + j - 1: no way between i and j */
    uint8_t calm;                   /* nothing has gone wrong yet */
    uint8_t told;                   /* the user was told that the job is safe */
    uint8_t idle;                   /* so often nothing could be done but wait */
    uint8_t unused[2];
};

/* Choices by number. Each is legal in some scenes only. */
enum {
    CHOICE_DELIVER = 0, /* + queue */
    CHOICE_SYNC = CHOICE_DELIVER + EXPLORE_QUEUES,
    CHOICE_LEAF = CHOICE_SYNC + EXPLORE_NODES,
    CHOICE_PROGRESS_END = CHOICE_LEAF + EXPLORE_NODES, /* those before are work, not trouble */
    CHOICE_TICK = CHOICE_PROGRESS_END,
    CHOICE_CRASH = CHOICE_TICK + EXPLORE_NODES, /* + node; and once more for the late ones */
    CHOICE_RESTART = CHOICE_CRASH + 2 * EXPLORE_NODES,
    CHOICE_CUT = CHOICE_RESTART + EXPLORE_NODES, /* + 1..6: the ways that are blocked */
    CHOICE_HEAL = CHOICE_CUT + 7,
    CHOICE_LAPSE,
    CHOICES,
    CHOICE_WAIT = CHOICES /* what the straight run does when there is nothing else */
};

/* A frame of membership, which arrives at once. */
struct eager_frame {
    uint32_t to, from, frame;
};

struct stage {
    struct parts parts;
    struct world *w;
    struct scene now;
    struct buf queue; /* scratch */
    struct eager_frame eager[EXPLORE_EAGER_MAX];
    uint32_t eager_first, eager_count;
};

/* 0 or ERR_NO_MEMORY. Three nodes that know each other, and a user's submission at one. */
int stage_open(struct stage *s, const struct alloc *a, struct world *w,
               const struct explore_scope *scope, struct scene *first);
void stage_close(struct stage *s);
/* False when the choice is not legal there. */
bool stage_choose(struct stage *s, const struct scene *from, uint32_t choice, struct scene *to);
/* What the straight run does there: the first work there is; otherwise it waits, and when that has
 * not helped for six seconds everything heals. False: the job has ended there. */
bool stage_default(struct stage *s, const struct scene *at, uint32_t *choice);
/* Everything heals at once. */
void stage_heal(struct stage *s, const struct scene *from, struct scene *to);
/* "node 2 gets GRANT from node 0" */
void stage_describe(struct stage *s, const struct scene *at, uint32_t choice, char *to, size_t cap);

#endif
