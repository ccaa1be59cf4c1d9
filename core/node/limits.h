/* Bounds and times of a node that have one good value in a mesh of real machines, and that a short
 * run would never reach there: so that what happens at a bound happens at all, the simulator gives
 * nodes others. Whoever gives none gets node_limits_usual.
 *
 * None of them is a promise to another node: two nodes with different ones work together. */
#ifndef VELUM_NODE_LIMITS_H
#define VELUM_NODE_LIMITS_H

#include <stdint.h>

#define NODE_CONNECTIONS_MAX 1024

struct node_limits {
    uint32_t report_us;      /* of work between two reports of a worker */
    uint32_t coalesce_us;    /* a report waits so long for others of its node */
    uint32_t commit_us;      /* between two records of what nobody waits for */
    uint32_t collect_us;     /* a new coordinator waits for what is open, at most */
    uint32_t chunk_us;       /* a chunk should take so long */
    uint32_t round_us;       /* between two looks at slow timers */
    uint32_t news_us;        /* news of jobs wait so long for more of it */
    uint32_t forward_us;     /* a submission waits for the node it was sent on to */
    uint32_t merge_us;       /* merges that were sent are waited for */
    uint32_t patience_us;    /* with a holder that tells a waiting user nothing */
    uint32_t check_us;       /* between two slices of the look for damage in objects */
    uint32_t check_round_s;  /* all of them are looked at no more than once in so long */
    uint32_t sound_us;       /* what was found right is mapped so long without another look */
    uint32_t no_room_us;     /* then what found no room beside other open jobs is refused */
    uint32_t owners_us;      /* between two looks at the jobs that objects are kept for */
    uint32_t report_bytes;   /* of values in one report; a single run may have more */
    uint32_t batch_bytes;    /* of facts in one record; a single fact may have more */
    uint32_t frame_bytes;    /* of facts in one frame to another holder; the same */
    uint32_t page_bytes;     /* of one page of the directory, and one entry more */
    uint32_t unkept_bytes;   /* reported and not confirmed: no more work of the job is taken */
    uint32_t account_bytes;  /* of who counted which leaves of all jobs: see accounts.h */
    uint32_t open_bytes;     /* of the stages of all open jobs that run: see stages.h */
    uint32_t parcel_bytes;   /* of ledgers that wait for room on links: see parcel.h */
    uint32_t compact_bytes;  /* of a snapshot in one slice; a single job may have more */
    uint32_t compact_us;     /* between two slices of it */
    uint32_t round_jobs;     /* looked at in one round */
    uint32_t waits;          /* answers to others that wait for the disk; more are refused */
    uint32_t waits_run;      /* of what waited for the disk, in one step */
    uint32_t signatures;     /* that verified and are remembered, 1 to 64 */
    uint32_t fruitless_jobs; /* passed over in one go of giving out work */
    uint32_t acts;           /* revocations known here; see act_room.h */
    uint32_t connections;    /* of all kinds together: see crowd.h */
};

extern const struct node_limits node_limits_usual;

#endif
