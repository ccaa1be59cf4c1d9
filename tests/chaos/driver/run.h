/* Carries out a schedule on a mesh: each act at its time or as soon after as it can be done, and
 * what follows from it (the node that comes back, the cable that is put in again) at its own. Ends
 * with everything healed: all nodes running, no packet lost, no disk full, every clock right. */
#ifndef VELUM_CHAOS_RUN_H
#define VELUM_CHAOS_RUN_H

#include "tests/chaos/driver/jobs.h"
#include "tests/chaos/driver/schedule.h"

#define LATERS_MAX 256
#define WHAT_SIZE 1024

enum later_kind {
    LATER_START,    /* the nodes of `mask` come back */
    LATER_CONTINUE, /* from their pause */
    LATER_EMPTY,    /* the disk has space again */
    LATER_RIGHT,    /* the wall clock is right again */
    LATER_MEND,     /* the partition is over */
    LATER_PLUG      /* the cable is in again */
};

struct later {
    int64_t at_ms;
    enum later_kind kind;
    uint32_t mask;
};

struct run {
    const struct schedule *schedule;
    struct mesh *mesh;
    struct jobs *jobs;
    int64_t began_ms;
    uint32_t next; /* act */
    uint32_t laters;
    struct later later[LATERS_MAX];
    uint32_t last_joined;  /* the place of the newest node */
    int64_t held_since_ms; /* a replacement waits for the mesh since then; 0: none does */
    char missing[128];     /* what it waits for */
    char what[WHAT_SIZE];  /* what went wrong */
};

/* Keeps the sentence unless there is one already; false. */
bool run_fail(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* False with a sentence in what when the product or a tool failed. */
bool run_carry_out(struct run *r);

#endif
