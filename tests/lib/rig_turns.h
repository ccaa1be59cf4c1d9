/* A coordinator on a bench whose peer 0 takes chunks, computes them and reports them: whose turn it
 * is. Header only, because it checks. */
#ifndef VELUM_TESTS_RIG_TURNS_H
#define VELUM_TESTS_RIG_TURNS_H

#include "core/wire/frame.h"
#include "tests/lib/check.h"
#include "tests/lib/rig.h"

#define TURN_JOBS_MAX 250
#define TURN_US (500 * MS_US)

struct rig_turns {
    struct rig rig;
    struct rig_job jobs[TURN_JOBS_MAX];
    uint32_t jobs_count, knocks_refused;
    uint64_t seq;
};

/* A chunk that peer 0 was given. */
struct turn {
    uint32_t job;
    struct peer_chunk c;
    bool knock;
};

static inline void turns_start(struct rig_turns *t, uint32_t slots)
{
    t->jobs_count = t->knocks_refused = 0;
    t->seq = 0;
    rig_start(&t->rig, 1, false);
    rig_peer_up(&t->rig, 0, slots);
}

static inline void turns_stop(struct rig_turns *t)
{
    while (t->jobs_count > 0)
        rig_job_clear(&t->jobs[--t->jobs_count]);
    rig_stop(&t->rig);
}

static inline struct rig_job *turns_make(struct rig_turns *t, struct rig_spec s)
{
    struct rig_job *j = &t->jobs[t->jobs_count++];

    s.accumulator_size = 16;
    s.nonce = (uint8_t)t->jobs_count;
    rig_job_make(&t->rig, j, s);
    return j;
}

/* Gives its number. */
static inline uint32_t turns_submit(struct rig_turns *t, struct rig_spec s)
{
    rig_submit(&t->rig, 0, turns_make(t, s));
    return t->jobs_count - 1;
}

static inline uint32_t turns_job(const struct rig_turns *t, struct job_id id)
{
    uint32_t i = 0;

    while (i < t->jobs_count && !job_id_equal(t->jobs[i].id, id))
        i++;
    REQUIRE(i < t->jobs_count);
    return i;
}

static inline bool turn_next(struct rig_turns *t, struct turn *turn)
{
    const struct rig_sent *s;
    struct peer_grant g;

    while ((s = rig_take(&t->rig, 0, MESSAGE_GRANT)) != NULL) {
        REQUIRE(read_peer_grant(s->payload, &g) == 0);
        if (g.chunks == 0)
            continue;
        *turn = (struct turn){turns_job(t, g.job), read_peer_chunk(&g.rest),
                              (g.flags & GRANT_KNOCK) != 0};
        return true;
    }
    return false;
}

/* The time for it has passed. */
static inline void turn_report(struct rig_turns *t, struct turn turn, int64_t us)
{
    rig_report(&t->rig, 0, &t->jobs[turn.job],
               (struct rig_report){.seq = ++t->seq,
                                   .grant = turn.c.grant,
                                   .from = turn.c.first,
                                   .next = turn.c.end,
                                   .end = turn.c.end,
                                   .compute_us = (uint64_t)us,
                                   .flags = REPORT_ENDED,
                                   .values = true,
                                   .size = 16});
    rig_run(&t->rig, MS_US);
}

/* Peer 0 works for it, and its slot is free again. */
static inline void turn_work(struct rig_turns *t, struct turn turn, int64_t us)
{
    rig_run(&t->rig, us);
    turn_report(t, turn, us);
}

static inline void turn_back(struct rig_turns *t, struct turn turn, uint8_t reason)
{
    struct buf b;

    buf_init(&b, &t->rig.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, t->jobs[turn.job].id);
    put_u8(&b, reason);
    put_text(&b, "");
    put_u16(&b, 1);
    put_u64(&b, turn.c.grant);
    rig_frame(&t->rig, 0, MESSAGE_RETURN, &b);
    buf_clear(&b);
}

/* The slot's next: nobody is let in beside it. */
static inline struct turn turn_take(struct rig_turns *t)
{
    struct turn turn;

    for (;;) {
        REQUIRE(turn_next(t, &turn));
        if (!turn.knock)
            return turn;
        turn_back(t, turn, RETURN_FULL);
        t->knocks_refused++;
    }
}

#endif
