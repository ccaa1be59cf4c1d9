/* A simulated mesh: the unchanged production core of several nodes in one process and one thread,
 * over a simulated clock, network, disk, workers and users. Everything follows from one seed, so a
 * failure replays exactly.
 *
 * Owns everything it simulates. Never reads a clock or a random device and includes no part of the
 * host. Called by sim_try.c.
 *
 * A run has three parts. While faults happen (delays, resets, partitions, crashes, pauses, killed
 * workers) everything that is said and written is checked (sim_check.h). Then all is healed. Then
 * every job that may end must end, and every live node must tell the same outcome.
 *
 * A lasting run goes through these parts again and again, with one fault in some 25 s and new jobs
 * each time, so that what grows, wears out or comes late has time to show. What ended long ago is
 * still asked for, and a node that died for good is replaced by a new one. */
#ifndef VELUM_SIM_SIM_H
#define VELUM_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/journal/store.h"

#define SIM_WHAT_SIZE 512
#define SIM_NODES_LIMIT 16 /* nodes of one mesh */
#define SIM_JOB_LEAVES 1024
#define SIM_SCENE_NODES_MIN 3 /* a scene loses nodes, and something must be left */

/* Whoever wants to see what the disks are told, call by call (tests/crash). */
struct sim_tap {
    void *ctx;
    /* The store that this node's journal uses from now on instead of `below`; at every start. */
    struct store (*over)(void *ctx, uint32_t node, const struct store *below);
    /* Everything so far is durable, and the node is told so next. */
    void (*synced)(void *ctx, uint32_t node);
};

enum sim_scene {
    SIM_SCENE_NONE,
    SIM_SCENE_WIPE,
    SIM_SCENE_SHIP,
    SIM_SCENE_REVOKE,
    SIM_SCENE_DRAIN
};
enum sim_wiped { SIM_WIPED_NOT, SIM_WIPED_BUSY, SIM_WIPED_IDLE };

struct sim_options {
    uint64_t seed;
    enum sim_scene scene; /* one story (sim_scene.h) instead of faults by lot */
    uint32_t nodes;       /* 0: the seed decides */
    const char *job;      /* "pi 1000000": the one job of the run, as sim_job_check takes it */
    bool graphs;          /* every run has objects, and graphs that read them; not in a scene */
    bool thief;           /* sim_thief.h; not in a scene */
    bool lasting;         /* 10 to 60 minutes with all of it again and again */
    uint32_t faults_off;  /* bit i: fault i never happens; the draws stay the same */
    uint64_t until;       /* stop quietly after this many events; 0: at the end */
    const struct log_sink *trace; /* every event and action, one line each; NULL: nobody looks */
    const struct sim_tap *tap;    /* NULL: nobody taps */
};

struct sim_result {
    bool failed;
    char
        what[SIM_WHAT_SIZE]; /* when failed: begins with the promise that is broken, if it is one */
    uint8_t promise;         /* its number, 1 to 12; 0 when none is */
    uint64_t hash;           /* of all events and actions: equal for equal seeds */
    uint64_t events;
    int64_t virtual_us;
    uint32_t nodes, jobs, crashes;
    uint32_t seasons;     /* healed and found whole; 1, but for a lasting run */
    uint32_t misplaced;   /* of these, where some job was not yet where it should be */
    uint64_t injected;    /* faults that happened */
    uint32_t faults;      /* bit i: the seed has fault i */
    enum sim_wiped wiped; /* of the scene: before somebody was told the outcome, or after that */
    bool sailed;          /* of the scene: every node was replaced before the job ended */
    int64_t cut_us;       /* of the scene: until the revoked node had no link, and 1; 0: it had */
    uint32_t drained;     /* of the scene: so many nodes were empty */
    uint64_t repeats;     /* reports that arrived a second time */
    uint64_t beside;      /* records stored between two slices of a snapshot */
    uint64_t cut_off;     /* processes that ended between two slices */
    uint32_t acknowledged;
    int64_t unequal_us; /* the longest that ledgers of holders differed after a healing */
};

/* The kinds of faults by number from 0; NULL past the last. */
const char *sim_fault_name(uint32_t fault);
/* Several of them that go together, by number from 0: their name and which they are. NULL past the
 * last. */
const char *sim_fault_group(uint32_t group, uint32_t *faults);
/* 0 when the text is a kernel that the simulator knows and arguments it takes, of at most so many
 * leaves; otherwise ERR_NOT_FOUND (the kernel) or ERR_ARGUMENT, and the reason. */
int sim_job_check(const char *text, uint64_t leaves_max, char reason[SIM_WHAT_SIZE]);
/* Runs one seed. 0 (look at result->failed), or ERR_NO_MEMORY. */
int sim_run(const struct alloc *a, const struct sim_options *options, struct sim_result *result);

#endif
