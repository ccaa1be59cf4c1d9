#include "core/sim/sim_thief.h"

#include <string.h>

#include "core/node/peer.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_report.h"
#include "core/sim/sim_seal.h"

#define TURN_US ((uint64_t)60 * MS_US)
#define FACTS_MAX 4u
#define MARK UINT64_C(0x7468696566) /* of his titles: no process draws it */
#define WORDS "a thief says so"

static const struct node_id nobody = {{0xee, 0xee, 0xee}};

static uint64_t below(struct world *w, uint64_t bound)
{
    return prng_below(&w->thief, bound);
}

static void turn_later(struct world *w)
{
    world_later(w, 1 + (int64_t)below(w, w->plan.lasting ? 20 * TURN_US : TURN_US), HAPPEN_THIEF,
                SIM_EVERYBODY, 0, 0);
}

void sim_thief_begins(struct world *w)
{
    if (w->plan.thief)
        turn_later(w);
}

/* --- what he says --- */

static void put_fact(const struct sim_node *thief, enum fact_kind kind, struct bytes body,
                     struct buf *to)
{
    uint8_t certificate[SIM_CERTIFICATE_SIZE], text[64];
    struct signed_bytes s = {.certificate = {certificate, sizeof certificate}, .body = body};

    sim_certificate(thief->id, PARTY_NODE, certificate);
    sim_sign(thief->id, (struct bytes){text, signed_text(&s, SIGNED_FACT, text)}, s.signature);
    put_signed_fact(to, kind, &s);
}

static void put_list(struct world *w, const struct sim_node *thief, uint32_t job, uint32_t now,
                     struct buf *to)
{
    struct holders h = {.generation = now + (uint32_t)below(w, 3), .count = 2};
    uint8_t room[512];
    struct buf body;

    h.generation += h.generation == 0;
    h.ids[0] = below(w, 2) == 0 ? thief->id : nobody;
    h.ids[1] = node_id_equal(h.ids[0], nobody) ? thief->id : nobody;
    if (below(w, 2) == 0)
        h.ids[h.count++] = w->nodes[(thief->index + 1) % w->plan.nodes].id;
    buf_init_fixed(&body, room, sizeof room);
    put_holders_body(&body, w->jobs[job].id, &h);
    put_fact(thief, FACT_HOLDERS, buf_bytes(&body), to);
}

static void put_title(struct world *w, const struct sim_node *thief, uint32_t job, uint32_t now,
                      struct buf *to)
{
    static const uint8_t ahead[] = {0, 1, 1, 2, 100};
    struct claim c = {.boot = MARK, .node = thief->id};
    uint8_t room[512];
    struct buf body;

    c.epoch = now + ahead[below(w, sizeof ahead)];
    c.epoch += c.epoch == 0;
    buf_init_fixed(&body, room, sizeof room);
    put_claim_body(&body, w->jobs[job].id, &c);
    put_fact(thief, FACT_CLAIM, buf_bytes(&body), to);
}

static void put_end(struct world *w, const struct sim_node *thief, uint32_t job, struct buf *to)
{
    static const uint8_t states[] = {JOB_DONE, JOB_FAILED, JOB_CANCELLED, JOB_UNKNOWN};
    struct outcome o = {.state = states[below(w, sizeof states)], .error = WORDS};
    uint8_t room[1024];
    struct buf body;

    buf_init_fixed(&body, room, sizeof room);
    put_outcome_body(&body, w->jobs[job].id, &o);
    put_fact(thief, FACT_OUTCOME, buf_bytes(&body), to);
}

static void put_any(struct world *w, const struct sim_node *thief, const struct sim_node *to,
                    uint32_t job, uint32_t generation, struct buf *fact)
{
    const uint64_t lot = below(w, 5);

    if (lot < 2)
        put_list(w, thief, job, generation, fact);
    else if (lot < 4)
        put_title(w, thief, job, to->seen[job].claim.epoch, fact);
    else
        put_end(w, thief, job, fact);
}

/* --- to whom --- */

/* A link of control: objects have one of their own. */
static uint64_t link_between(const struct world *w, const struct sim_node *n, uint32_t other)
{
    for (uint32_t i = 0; i < n->ends_count; i++)
        if (sim_net_peer(w, n, n->ends[i].link) == other && !w->links[n->ends[i].index]->bulk)
            return n->ends[i].link;
    return 0;
}

static void say(struct world *w, struct sim_node *to, uint64_t link, uint8_t type,
                const struct buf *payload)
{
    struct event ev = {.kind = EVENT_FRAME};

    ev.frame.link = link;
    ev.frame.frame = (struct frame){type, 0, buf_bytes(payload)};
    if (!payload->failed)
        sim_node_event(w, to, &ev);
}

static void tell(struct world *w, const struct sim_node *thief, struct sim_node *to, uint64_t link,
                 uint32_t job, uint32_t generation)
{
    const uint16_t count = (uint16_t)(1 + below(w, FACTS_MAX));
    uint8_t bytes[4096], room[1024];
    struct buf b, fact;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_facts_begin(&b, w->jobs[job].id, below(w, 2) * 1000000, false, count);
    for (uint16_t i = 0; i < count; i++) {
        buf_init_fixed(&fact, room, sizeof room);
        put_any(w, thief, to, job, generation, &fact);
        put_block(&b, buf_bytes(&fact));
    }
    say(w, to, link, MESSAGE_FACTS, &b);
}

static void show(struct world *w, const struct sim_node *thief, struct sim_node *to, uint64_t link,
                 uint32_t job)
{
    uint8_t bytes[2048], room[1024];
    struct buf b, fact;

    buf_init_fixed(&b, bytes, sizeof bytes);
    buf_init_fixed(&fact, room, sizeof room);
    put_title(w, thief, job, to->seen[job].claim.epoch, &fact);
    put_job_id(&b, w->jobs[job].id);
    put_block(&b, buf_bytes(&fact));
    say(w, to, link, MESSAGE_CLAIM, &b);
}

static struct peer_entry any_entry(struct world *w, const struct sim_node *thief, uint32_t job)
{
    static const uint8_t states[] = {JOB_RUNNING,   JOB_RUNNING,   JOB_DONE,   JOB_FAILED,
                                     JOB_CANCELLED, JOB_DIVERGENT, JOB_UNKNOWN};
    struct peer_entry p = {.version = below(w, 1u << 20), .epoch = (uint32_t)below(w, 200)};

    p.view.id = w->jobs[job].id;
    if (below(w, 3) == 0)
        store_u32(p.view.id.bytes, (uint32_t)below(w, 8));
    p.view.state = states[below(w, sizeof states)];
    p.view.units = p.view.leaf_units = p.view.leaves_total = 1;
    p.view.by = thief->id;
    p.ended_s = job_state_is_final(p.view.state) ? below(w, 4) : 0;
    p.coordinator = below(w, 2) == 0 ? thief->id : w->nodes[below(w, w->plan.nodes)].id;
    p.holders[p.holders_count++] = below(w, 2) == 0 ? thief->id : nobody;
    if (below(w, 2) == 0)
        p.holders[p.holders_count++] = w->nodes[below(w, w->plan.nodes)].id;
    return p;
}

static void rumour(struct world *w, const struct sim_node *thief, struct sim_node *to,
                   uint64_t link, uint32_t job)
{
    const uint16_t count = (uint16_t)(1 + below(w, FACTS_MAX));
    uint8_t bytes[8192];
    bool ends = false;
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u8(&b, below(w, 2) == 0);
    put_u16(&b, count);
    for (uint16_t i = 0; i < count; i++) {
        const struct peer_entry p = any_entry(w, thief, job);

        ends |= job_state_is_final(p.view.state) && job_id_equal(p.view.id, w->jobs[job].id);
        put_peer_entry(&b, &p);
    }
    /* Who obeys him drops what it did for him. */
    if (ends)
        sim_report_forget(w, to, job);
    say(w, to, link, MESSAGE_DIRECTORY, &b);
}

void sim_thief_turn(struct world *w)
{
    const uint32_t job = (uint32_t)below(w, w->plan.jobs);
    const struct sim_node *thief = &w->nodes[below(w, w->plan.nodes)];
    struct sim_node *to = &w->nodes[below(w, w->plan.nodes)];
    const uint64_t lot = below(w, 4);
    struct node_holding held = {0};
    uint64_t link;
    bool knows;

    if (w->healed)
        return;
    turn_later(w);
    if (w->jobs[job].submissions == 0 || !sim_node_is_up(w, to->index) || thief == to ||
        (w->ever_holders[job] >> thief->index & 1) != 0)
        return;
    link = link_between(w, to, thief->index);
    knows = node_holds(to->core, w->jobs[job].id, &held);
    if (link == 0 || (!knows && to->disk.held[job].spec))
        return;
    if (lot == 0)
        rumour(w, thief, to, link, job);
    else if (lot == 1)
        show(w, thief, to, link, job);
    else
        tell(w, thief, to, link, job, held.holders.generation);
}

static bool is_his(const struct fact *f)
{
    if (f->kind == FACT_OUTCOME)
        return strcmp(f->outcome.error, WORDS) == 0;
    if (f->kind == FACT_CLAIM)
        return f->claim.boot == MARK;
    for (uint8_t i = 0; f->kind == FACT_HOLDERS && i < f->holders.count; i++)
        if (node_id_equal(f->holders.ids[i], nobody))
            return true;
    return false;
}

void sim_thief_written(struct world *w, const struct sim_node *n, uint32_t job,
                       const struct fact *f)
{
    if (!w->plan.thief)
        return;
    if (is_his(f))
        world_fail(w, G9, "what a thief said of a job is believed", n->index, job);
    for (uint8_t i = 0; f->kind == FACT_HOLDERS && i < f->holders.count; i++)
        if (sim_node_of(w, f->holders.ids[i]) < SIM_NODES_MAX)
            w->ever_holders[job] |= 1u << sim_node_of(w, f->holders.ids[i]);
}
