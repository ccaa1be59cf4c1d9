#include "core/sim/sim_kill.h"

#include "core/node/peer.h"
#include "core/sim/sim_author.h"
#include "core/sim/sim_graph.h"
#include "core/wire/request.h"

void sim_kill_ask(struct world *w, const struct sim_user *u, struct buf *to)
{
    struct sim_job *j = &w->jobs[u->job];
    struct request_kill m = {.job = j->id, .alone = u->kind == USER_KILLS_STAGE, .stage = u->stage};
    const struct cancel all = {.by = j->spec.author, .state = JOB_CANCELLED};
    uint8_t set[1], body_bytes[128], fact_bytes[1024];
    const struct stage_cancel alone = stage_cancel_of(j->spec.author, u->stage, set);
    struct buf body, fact;

    if (m.alone)
        j->stages_asked |= (uint8_t)(1u << u->stage);
    else
        j->kill_asked = true;
    buf_init_fixed(&body, body_bytes, sizeof body_bytes);
    buf_init_fixed(&fact, fact_bytes, sizeof fact_bytes);
    if (m.alone)
        put_stage_cancel_body(&body, j->id, &alone);
    else
        put_cancel_body(&body, j->id, &all);
    sim_author_fact(j, m.alone ? FACT_STAGE_CANCEL : FACT_CANCEL, buf_bytes(&body), &fact);
    m.fact = buf_bytes(&fact);
    put_request_kill(to, &m);
}

void sim_kill_learn(struct held *h, const struct stage_cancel *c)
{
    for (uint32_t i = 0; i < SIM_STAGES_MAX; i++)
        if (stage_cancel_has(c, i))
            h->cancelled |= (uint8_t)(1u << i);
}

bool sim_kill_is_kept(const struct sim_user *u, const struct held *h)
{
    return h->cancel || h->outcome ||
           (u->kind == USER_KILLS_STAGE && (h->cancelled >> u->stage & 1) != 0);
}

void sim_kill_proved(struct world *w, const struct sim_user *u)
{
    struct sim_job *j = &w->jobs[u->job];

    /* The same bytes, submitted again elsewhere, may be a job that the kill did not know of. */
    if (j->acknowledged && j->submissions == 1)
        j->stages_proved |= (uint8_t)(1u << u->stage);
}

/* Disks that are lost may have been all that had it. */
void sim_kill_granted(struct world *w, const struct sim_node *n, uint32_t job, struct bytes payload)
{
    const struct sim_job *j = &w->jobs[job];
    struct peer_grant g;

    if (j->stages_proved == 0 || j->losses > 0 || w->forgetful || read_peer_grant(payload, &g) < 0)
        return;
    for (uint16_t i = 0; i < g.chunks; i++) {
        struct peer_chunk c = read_peer_chunk(&g.rest);

        for (uint32_t k = 0; k < j->stages; k++) {
            struct shape_stage s = shape_at(&j->shape, k);

            if ((j->stages_proved >> k & 1) != 0 && c.first < s.end && s.first < c.end)
                world_fail(w, G6, "a leaf of a stage that was killed is given out", n->index, job);
        }
    }
}

void sim_kill_goes_back(struct world *w, const struct held *to)
{
    for (uint32_t i = 0; i < w->plan.jobs; i++) {
        struct sim_job *j = &w->jobs[i];

        if (!to[i].spec || to[i].outcome)
            continue;
        j->kill_proved &= to[i].cancel;
        j->stages_proved &= to[i].cancelled;
    }
}

/* Needs come before what needs them. */
static uint8_t killed_or_behind(const struct sim_job *j)
{
    uint8_t set = j->stages_asked;

    for (uint32_t i = 0; i < j->stages; i++) {
        struct stage_spec s = sim_graph_spec(j, i);

        for (uint16_t k = 0; k < s.needs_count; k++)
            set |= (uint8_t)(((unsigned)set >> stage_need_at(s.needs, k).stage & 1u) << i);
    }
    return set;
}

bool sim_kill_may_drop(const struct sim_job *j, uint64_t leaf)
{
    uint32_t stage;

    return j->stages_asked != 0 && shape_find(&j->shape, leaf, &stage) &&
           (killed_or_behind(j) >> stage & 1) != 0;
}
