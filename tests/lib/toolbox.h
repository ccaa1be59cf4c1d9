/* A node that leads a job with five peers, one of which was stolen: everything the thief says goes
 * over a link of his own, with a certificate that is good. */
#ifndef VELUM_TESTS_TOOLBOX_H
#define VELUM_TESTS_TOOLBOX_H

#include <string.h>

#include "core/node/jobs.h"
#include "core/node/place.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define PEERS 5u
#define HONEST 0
#define LEAVES 64u

static struct rig rig;
static struct rig_job job;
static uint64_t seqs[RIG_PEERS_MAX];
static uint32_t thief; /* holds nothing of the job */

static inline const struct job *here(void)
{
    return job_find(rig.node, job.id);
}

/* The node leads a job, and everything goes to peers. */
static inline void begin(void)
{
    memset(seqs, 0, sizeof seqs);
    rig_start(&rig, 1, false);
    rig.strict = true;
    for (uint32_t i = 0; i < PEERS; i++)
        rig_peer_up(&rig, i, 1);
    rig_job_make(&rig, &job, (struct rig_spec){.accumulator_size = 16, .leaves = LEAVES});
    rig_submit(&rig, HONEST, &job);
    rig_run(&rig, 50 * MS_US);
    thief = 1;
    while (holders_have(ledger_holders(here()->ledger), rig.peers[thief].id))
        thief++;
}

static inline void end(void)
{
    rig_job_clear(&job);
    rig_stop(&rig);
}

static inline void report(uint32_t peer, struct rig_report m)
{
    m.seq = ++seqs[peer];
    m.size = 16;
    rig_report(&rig, peer, &job, m);
}

/* Honest nodes finish what they are given, whatever the thief does. */
static inline void work(int64_t us)
{
    struct peer_chunk c;

    for (int64_t at = 0; at < us; at += 20 * MS_US) {
        for (uint32_t i = 0; i < PEERS; i++)
            if (i != thief && rig_take_grant(&rig, i, &c) && c.end > c.first)
                report(i, (struct rig_report){.grant = c.grant,
                                              .from = c.first,
                                              .next = c.end,
                                              .end = c.end,
                                              .compute_us = 1000,
                                              .flags = REPORT_ENDED,
                                              .values = true});
        rig_run(&rig, 20 * MS_US);
    }
}

static inline void say(uint8_t type, const struct buf *payload)
{
    rig_frame(&rig, thief, type, payload);
}

static inline bool is_in(void)
{
    return mesh_find(rig.node->mesh, rig.peers[thief].id)->link != 0;
}

#endif
