/* What will be done to a mesh and when: drawn whole from a seed before anything is done, so that a
 * failure is replayed by its seed. Knows nothing of processes.
 *
 * Swarm testing: a seed first draws which kinds of trouble there are in its run at all, then how
 * often each comes (the kinds that are always there would hide what the others do). */
#ifndef VELUM_CHAOS_SCHEDULE_H
#define VELUM_CHAOS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define NODES_MAX 8
#define ACTS_MAX 4096
#define LASTS_FOR_GOOD (-1)

enum act_kind {
    ACT_KILL,      /* the nodes of `mask` in the same instant; they come back after `for_ms` */
    ACT_WORKER,    /* a worker of each node of `mask` */
    ACT_SPAWNER,   /* the spawner of each node of `mask` */
    ACT_SUBMIT,    /* a small job to node `who` */
    ACT_SUBMITTER, /* the same; then the command that waits and the node die in one instant */
    ACT_PAUSE,     /* SIGSTOP to the nodes of `mask`, SIGCONT after `for_ms` */
    ACT_RESTART,   /* every node is killed; all come back after `for_ms` */
    ACT_FILL,      /* the disk of node `who` is full for `for_ms` */
    ACT_CLOCK,     /* the wall clock of node `who` is `seconds` wrong for `for_ms` */
    ACT_CUT,       /* no packet between the nodes of `mask` and the others for `for_ms` */
    ACT_ONE_WAY,   /* the nodes of `mask` hear nothing of the others, who hear them */
    ACT_RESET,     /* every connection of the nodes of `mask` is reset */
    ACT_LINK,      /* the cable of node `who` is out for `for_ms` */
    ACT_REPLACE,   /* the nodes of `mask` die in one instant with their disks; new ones come */
    ACT_KINDS
};

struct act {
    int32_t at_ms;
    enum act_kind kind;
    uint32_t mask;
    uint32_t who;
    int32_t for_ms; /* LASTS_FOR_GOOD */
    int64_t seconds;
};

struct schedule {
    uint64_t seed;
    uint32_t nodes;
    uint32_t kinds; /* a bit of each kind that is there */
    int32_t length_ms;
    uint32_t kills; /* how many SIGKILLs it plans at least */
    uint32_t count;
    struct act acts[ACTS_MAX];
};

struct schedule_wish {
    uint64_t seed;
    uint32_t nodes; /* 0: 4 to 8, drawn */
    uint32_t kinds; /* what may be there; with `swarm` some of them are left out */
    bool swarm;
    int32_t length_ms;
    uint32_t kills; /* until so many are planned, whatever the length; 0: by length */
};

void schedule_draw(struct schedule *s, const struct schedule_wish *w);
const char *act_name(enum act_kind kind);
void schedule_print(const struct schedule *s, FILE *to);

#endif
