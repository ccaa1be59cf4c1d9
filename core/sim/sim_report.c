#include "core/sim/sim_report.h"

#include "core/node/peer.h"
#include "core/sim/sim_clock.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_kill.h"
#include "core/sim/sim_net.h"
#include "core/wire/tree.h"

#define REFUSED_US (30 * S_US)

void sim_report_forget(struct world *w, struct sim_node *n, uint32_t job)
{
    struct reported *x;

    while ((x = n->seen[job].reported) != NULL) {
        n->seen[job].reported = x->next;
        alloc_free(w->alloc, x, sizeof *x);
    }
}

static void note_values(struct reported *x, const struct sim_job *j, struct reader *r)
{
    struct peer_report_chunk c;
    struct value v;

    read_peer_report_chunk(r, &c);
    for (uint16_t i = 0; i < c.values && !r->failed; i++) {
        v = read_value(r);
        if (r->failed || !shape_has(&j->shape, v.at))
            return;
        for (uint64_t leaf = tree_first(v.at);
             leaf < shape_end(&j->shape, v.at) && leaf < j->wanted; leaf++)
            x->leaves[leaf / 8] |= (uint8_t)(1u << leaf % 8);
    }
}

/* Sequence numbers begin again when the node forgot the job meanwhile. */
void sim_report_sent(struct world *w, struct sim_node *n, uint64_t link, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint32_t job = sim_job_by_id(w, read_job_id(&r));
    uint64_t seq = read_u64(&r);
    bool again = read_u8(&r) != 0;
    struct reported *x;
    uint16_t count;

    read_u64(&r);
    count = read_u16(&r);
    if (job == SIM_JOBS_MAX)
        return;
    for (x = n->seen[job].reported; again && x != NULL; x = x->next)
        if (x->seq == seq)
            x->link = link;
    if (again)
        return;
    if (n->seen[job].reported != NULL && seq <= n->seen[job].reported->seq)
        sim_report_forget(w, n, job);
    x = world_alloc(w, sizeof *x);
    if (x == NULL)
        return;
    x->seq = seq;
    x->link = link;
    x->next = n->seen[job].reported;
    n->seen[job].reported = x;
    for (uint16_t i = 0; i < count && !r.failed; i++)
        note_values(x, &w->jobs[job], &r);
}

static bool leaves_are_held(const struct world *w, uint32_t job, const struct reported *x,
                            uint32_t copies)
{
    for (uint32_t k = 0; k < sizeof x->leaves; k++)
        for (uint32_t bit = 0; bit < 8; bit++) {
            uint32_t have = 0;

            if (!(x->leaves[k] >> bit & 1) || sim_kill_may_drop(&w->jobs[job], 8 * k + bit))
                continue;
            for (uint32_t i = 0; i < w->plan.nodes; i++) {
                const struct held *h = &w->nodes[i].disk.held[job];

                have += h->outcome || (h->leaves[k] >> bit & 1);
            }
            if (have < copies)
                return false;
        }
    return true;
}

/* Nobody asks for it again who has refused it for so long: leaves that he never gave out, as those
 * of another who began the job too, and of whom he does not know (given.h). */
static bool may_be_forgotten(const struct world *w, const struct sim_node *n,
                             const struct reported *x)
{
    return x->at == n->index && w->now - x->at_since >= sim_clock_least_us(REFUSED_US);
}

/* What a worker's node may forget must be on enough disks: on two while nothing has gone wrong, on
 * one whatever happened; and what was kept long ago may have gone with a disk that was lost. */
void sim_report_kept(struct world *w, const struct sim_node *n, uint64_t link, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint32_t job = sim_job_by_id(w, read_job_id(&r)), to = sim_net_peer(w, n, link);
    uint64_t seq = read_u64(&r);

    if (job == SIM_JOBS_MAX || to == SIM_NODES_MAX || w->jobs[job].losses > 0)
        return;
    for (struct reported *x = w->nodes[to].seen[job].reported; x != NULL; x = x->next) {
        if (x->seq > seq || x->kept)
            continue;
        if (!may_be_forgotten(w, n, x) && !leaves_are_held(w, job, x, w->calm ? 2 : 1))
            world_fail(w, G5, "kept is said of leaves that too few disks have", n->index, job);
        x->kept = true;
    }
}

/* A new coordinator gets what nobody has confirmed before it hears what is open, or it would give
 * out again what is done. */
void sim_report_open(struct world *w, const struct sim_node *n, uint64_t link, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint32_t job = sim_job_by_id(w, read_job_id(&r));

    if (job == SIM_JOBS_MAX || w->jobs[job].stopped)
        return;
    for (const struct reported *x = n->seen[job].reported; x != NULL; x = x->next)
        if (x->seq > n->seen[job].kept && x->link != link)
            world_fail(w, G3, "a new coordinator is not told what was done", n->index, job);
}

/* What a broken connection had delivered is said again over the next one. */
void sim_report_arrives(struct world *w, const struct sim_node *n, uint64_t link,
                        struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint32_t job = sim_job_by_id(w, read_job_id(&r)), from = sim_net_peer(w, n, link);
    uint64_t seq = read_u64(&r);
    struct reported *x;

    if (job == SIM_JOBS_MAX || from == SIM_NODES_MAX)
        return;
    for (x = w->nodes[from].seen[job].reported; x != NULL && x->seq != seq; x = x->next)
        ;
    if (x == NULL)
        return;
    w->repeats += x->arrived >> n->index & 1;
    if (x->arrived == 0 || x->at != n->index) {
        x->at = n->index;
        x->at_since = w->now;
    }
    x->arrived |= 1u << n->index;
}
