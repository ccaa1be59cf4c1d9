#include "core/sim/sim.h"

#include <string.h>

#include "core/base/err.h"
#include "core/sim/sim_author.h"
#include "core/sim/sim_carrier.h"
#include "core/sim/sim_check.h"
#include "core/sim/sim_collect.h"
#include "core/sim/sim_demand.h"
#include "core/sim/sim_disk.h"
#include "core/sim/sim_fault.h"
#include "core/sim/sim_growth.h"
#include "core/sim/sim_kernel.h"
#include "core/sim/sim_net.h"
#include "core/sim/sim_node.h"
#include "core/sim/sim_objects.h"
#include "core/sim/sim_plan.h"
#include "core/sim/sim_scene.h"
#include "core/sim/sim_theft.h"
#include "core/sim/sim_thief.h"
#include "core/sim/sim_user.h"
#include "core/sim/sim_verify.h"
#include "core/sim/sim_worker.h"

/* After the healing: what was lost may run again, and then this long. */
#define LIVENESS_US (10 * S_US)
/* And this long until every node tells the same. */
#define AGREEMENT_US (10 * S_US)
/* And this long until every job is where it should be: who does not come back is declared dead, new
 * holders get what they lack, former ones give it up. */
#define PLACING_US (30 * S_US)
/* Ledgers are compared so often, and then where they are kept. */
#define LOOK_US (10 * MS_US)
#define PLACES_US (50 * MS_US)
/* Holders of a job do not forget it in the same instant. */
#define FORGETTING_US (10 * S_US)
/* Of the jobs that ended in seasons before, about so many are asked for again. */
#define OLD_JOBS_ASKED 4

#define SAMPLE_US (50 * MS_US) /* whether ledgers differ is looked at so often, once healed */

struct progress {
    bool asked;         /* every node is asked by a user of its own */
    uint32_t users_own; /* users before these */
    bool jobs_over;
    int64_t limit, look_at;
    int64_t placing, places_at;       /* the limit of that, and when to look next */
    int64_t sample_at, unequal_since; /* -1: they are equal */
};

static void hint(struct world *w, struct sim_node *n, uint32_t at)
{
    struct event ev = {.kind = EVENT_HINT};
    char addr[ADDR_SIZE];

    sim_net_addr(at, addr);
    ev.hint.addr = addr;
    sim_node_event(w, n, &ev);
}

/* A node that does not run cannot be told anything: it is told when it goes on. */
static bool waits_for_node(const struct happening *h)
{
    return h->kind == HAPPEN_TICK || h->kind == HAPPEN_STORED || h->kind == HAPPEN_ROOM ||
           h->kind == HAPPEN_WORKER_SAYS || h->kind == HAPPEN_DIAL_ANSWER ||
           h->kind == HAPPEN_HINT || h->kind == HAPPEN_MOVED;
}

static void happen_at_node(struct world *w, const struct happening *h)
{
    struct sim_node *n = &w->nodes[h->node];

    if (n->core == NULL || n->boot != h->boot) {
        if (h->kind == HAPPEN_DIAL_ANSWER)
            sim_net_dial_over(w, (uint32_t)h->a);
        return;
    }
    if (n->paused_until > w->now && waits_for_node(h)) {
        if (h->kind == HAPPEN_TICK)
            world_tick_later(w, n, n->paused_until - w->now);
        else
            world_later(w, n->paused_until - w->now, h->kind, h->node, h->a, h->b);
        return;
    }
    switch (h->kind) {
    case HAPPEN_TICK:
        sim_node_tick(w, n);
        break;
    case HAPPEN_STORED:
        sim_disk_synced(w, n);
        break;
    case HAPPEN_ROOM:
        sim_disk_room(w, n, (enum room)h->a);
        break;
    case HAPPEN_ORDER:
        sim_worker_order_arrives(w, n, (uint32_t)h->a);
        break;
    case HAPPEN_LEAF:
        sim_worker_leaf(w, n, (uint32_t)h->a, h->b);
        break;
    case HAPPEN_WORKER_SAYS:
        sim_worker_speaks(w, n, (uint32_t)h->a);
        break;
    case HAPPEN_DIAL_ANSWER:
        sim_net_dial_answered(w, (uint32_t)h->a);
        break;
    case HAPPEN_MOVED:
        sim_objects_moved(w, n);
        break;
    default:
        hint(w, n, (uint32_t)h->a);
        break;
    }
}

static void happen(struct world *w, const struct happening *h)
{
    if (h->node < SIM_NODES_MAX) {
        happen_at_node(w, h);
        return;
    }
    switch (h->kind) {
    case HAPPEN_DELIVER:
        sim_net_deliver(w, (uint32_t)h->a, (uint32_t)h->b);
        break;
    case HAPPEN_DIAL:
        sim_net_dial_arrives(w, (uint32_t)h->a);
        break;
    case HAPPEN_FAULT:
        if (h->a != 0)
            sim_fault_open(w);
        else
            sim_plan_fault(w);
        break;
    case HAPPEN_SPACE:
        sim_disk_space(&w->nodes[h->a]);
        break;
    case HAPPEN_FLAP:
        sim_fault_flaps(w, h->a, h->b);
        break;
    case HAPPEN_SCENE:
        sim_scene_goes_on(w);
        break;
    case HAPPEN_RESTART:
        sim_node_start(w, &w->nodes[h->a]);
        break;
    case HAPPEN_USER:
        sim_user_turn(w, (uint32_t)h->a, h->b);
        break;
    case HAPPEN_THEFT:
        sim_theft_turn(w);
        break;
    case HAPPEN_THIEF:
        sim_thief_turn(w);
        break;
    case HAPPEN_CARRY:
        sim_carrier_turn(w, (uint32_t)h->a, h->b);
        break;
    default:
        sim_plan_heal(w);
        break;
    }
}

/* --- the end --- */

/* Some disk still has it, and a node that can run it has not gone for good. */
static bool may_end(const struct world *w, uint32_t job)
{
    const struct sim_job *j = &w->jobs[job];
    bool eligible = false;

    for (uint32_t i = 0; i < w->plan.nodes; i++)
        eligible |= !w->nodes[i].dead_for_good && (j->builtin || !w->nodes[i].lacks_kernel) &&
                    sim_demand_met(j, &w->nodes[i]);
    return eligible && sim_check_survives(w, job);
}

static bool users_are_done(const struct world *w, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (!w->users[i].done && may_end(w, w->users[i].job))
            return false;
    return true;
}

/* Of old jobs there are ever more, so only some of them. */
static bool is_asked_for(struct world *w, uint32_t job)
{
    uint32_t old = w->plan.jobs_old;

    return (job >= old || old <= OLD_JOBS_ASKED || world_chance(w, old / OLD_JOBS_ASKED)) &&
           w->jobs[job].acknowledged && may_end(w, job);
}

static void ask_everybody(struct world *w, struct progress *p)
{
    p->asked = true;
    p->users_own = w->users_count;
    p->limit = w->now + AGREEMENT_US;
    /* Of a job that had ended the outcome may be lost with a journal; and what it reads, when it
     * runs again, with an object. */
    if (w->rots > 0 && w->stuff.rots > 0)
        p->limit += sim_plan_work_us(w);
    for (uint32_t job = 0; job < w->plan.jobs; job++)
        p->limit += sim_author_again_us(&w->jobs[job]);
    p->placing = w->now + PLACING_US;
    for (uint32_t job = 0; job < w->plan.jobs; job++) {
        if (!is_asked_for(w, job))
            continue;
        for (uint32_t i = 0; i < w->plan.nodes; i++)
            if (sim_node_is_up(w, i))
                sim_user_add(w, USER_WATCHES, job, i, true, 0);
    }
}

/* For whoever replays it: what each node has of the job, on its disk too, and what it tells. */
static void trace_copies(struct world *w, uint32_t job)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct held *h = &w->nodes[i].disk.held[job];
        struct node_holding held = {0};
        uint32_t copies = 0, machines = 0;
        char digest[17], list[FACT_HOLDERS_MAX * 8 + 1] = "";
        size_t at = 0;
        bool holds, tells;

        if (!sim_node_is_up(w, i))
            continue;
        holds = node_holds(w->nodes[i].core, w->jobs[job].id, &held);
        tells = node_tells(w->nodes[i].core, w->jobs[job].id, &copies, &machines);
        id_hex(held.ledger.bytes, 16, digest);
        for (uint8_t k = 0; k < held.holders.count; k++, at += 7) {
            list[at] = ' ';
            memcpy(list + at + 1, "node", 4);
            list[at + 5] = (char)('0' + sim_node_of(w, held.holders.ids[k]) / 10);
            list[at + 6] = (char)('0' + sim_node_of(w, held.holders.ids[k]) % 10);
        }
        world_trace(
            w,
            "node%u %s job %u: ledger %s, state %u, holders%s of generation %u; its disk has%s"
            "%s%s; it tells %s, %u copies on %u machines",
            (unsigned)i, holds ? "keeps" : "has not", (unsigned)job, digest, (unsigned)held.state,
            list, (unsigned)held.holders.generation, h->spec ? " spec" : "",
            h->cancel ? " cancel" : "", h->outcome ? " outcome" : "", tells ? "of it" : "nothing",
            (unsigned)copies, (unsigned)machines);
    }
}

/* True when somebody still waits: the run has failed. */
static bool report_unfinished(struct world *w, const struct progress *p, const char *what)
{
    uint32_t from = p->asked ? p->users_own : 0;

    for (uint32_t i = from; i < w->users_count; i++) {
        const struct sim_user *u = &w->users[i];

        if (!u->done && may_end(w, u->job)) {
            trace_copies(w, u->job);
            world_fail(w, G3, what, u->node, u->job);
            return true;
        }
    }
    return false;
}

/* Nobody who was asked need tell anything of it any more. */
static bool is_forgotten(const struct world *w, const struct sim_user *u)
{
    return w->plan.keep_s > 0 && !sim_check_survives(w, u->job);
}

/* Halves that told different outcomes have some time to learn of each other. */
static bool they_differ(const struct world *w, const struct progress *p)
{
    for (uint32_t i = p->users_own; i < w->users_count; i++)
        if (!is_forgotten(w, &w->users[i]) && w->users[i].state != w->jobs[w->users[i].job].told)
            return true;
    return false;
}

/* Every node tells the same outcome of a job, and a job that may end well did. */
static void check_agreement(struct world *w, const struct progress *p)
{
    uint8_t told[SIM_JOBS_MAX] = {0};

    for (uint32_t i = p->users_own; i < w->users_count && !w->failed; i++) {
        const struct sim_user *u = &w->users[i];
        const struct sim_job *j = &w->jobs[u->job];

        if (is_forgotten(w, u))
            continue;
        if (told[u->job] != 0 && told[u->job] != u->state)
            world_fail(w, G6, "two nodes tell different outcomes in the end", u->node, u->job);
        told[u->job] = u->state;
        if (w->plan.scene != SIM_SCENE_NONE)
            sim_scene_judge(w, u->node, u->job, u->state);
        /* What was told where a single copy was all there could be may be gone with that disk. */
        if (u->state != j->told && j->losses == 0)
            world_fail(w, G6, "an outcome that was told is not the one in the end", u->node,
                       u->job);
        if (u->state == JOB_DONE && j->poison_times == UINT32_MAX && j->poison < j->wanted)
            world_fail(w, G1, "done although a leaf cannot be computed", u->node, u->job);
    }
}

/* The holders that are named last. False when nobody up keeps the job. */
static bool last_holders(const struct world *w, uint32_t job, struct holders *out)
{
    struct node_holding held;

    out->generation = 0;
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (sim_node_is_up(w, i) && node_holds(w->nodes[i].core, w->jobs[job].id, &held) &&
            held.holders.generation > out->generation)
            *out = held.holders;
    return out->generation > 0;
}

/* Whether two of its last holders that are up have not the same ledger. Looked at very often, so
 * each node is asked once. */
static bool ledger_differs(const struct world *w, uint32_t job)
{
    struct node_holding held[SIM_NODES_MAX];
    uint32_t keepers = 0, last = SIM_NODES_MAX;
    const struct digest *ledger = NULL;

    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        if (!sim_node_is_up(w, i) || !node_holds(w->nodes[i].core, w->jobs[job].id, &held[i]))
            continue;
        keepers |= 1u << i;
        if (held[i].holders.generation > (keepers >> last & 1 ? held[last].holders.generation : 0))
            last = i;
    }
    for (uint8_t k = 0; keepers >> last & 1 && k < held[last].holders.count; k++) {
        uint32_t i = sim_node_of(w, held[last].holders.ids[k]);

        if (i == SIM_NODES_MAX || !sim_node_is_up(w, i))
            continue;
        if ((keepers >> i & 1) == 0 || (ledger != NULL && !digest_equal(held[i].ledger, *ledger)))
            return true;
        ledger = &held[i].ledger;
    }
    return false;
}

/* A job for which two holders that are up have not the same ledger; SIM_JOBS_MAX when none. */
static uint32_t ledgers_differ(const struct world *w)
{
    for (uint32_t job = 0; job < w->plan.jobs; job++)
        /* Holders forget when their own calendars say so. */
        if (!sim_check_is_past(w, job, -FORGETTING_US) && ledger_differs(w, job))
            return job;
    return SIM_JOBS_MAX;
}

/* Every node tells the truth about how many copies there are. */
static bool copies_are_told(const struct world *w, uint32_t job, const struct holders *last)
{
    uint32_t seen = 0, copies, machines, places = 0;

    for (uint8_t k = 0; k < last->count; k++) {
        uint32_t at = w->nodes[sim_node_of(w, last->ids[k])].machine;

        places += (seen >> at & 1) == 0;
        seen |= 1u << at;
    }
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (sim_node_is_up(w, i) &&
            node_tells(w->nodes[i].core, w->jobs[job].id, &copies, &machines) &&
            (copies != last->count || machines != places))
            return false;
    return true;
}

static bool outcome_is_left(const struct world *w, uint32_t job)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        if (sim_node_is_up(w, i) && w->nodes[i].disk.held[job].outcome)
            return true;
    return false;
}

/* What is wrong with where this job is kept in the end: NULL when nothing is. */
static const char *misplaced(const struct world *w, uint32_t job)
{
    struct node_holding held;
    struct holders last;
    uint32_t up = 0;

    /* One that nobody is left to run waits for somebody, also when whoever had ended it took that
     * along before anybody was told. */
    if (w->jobs[job].ended_at == 0 || (w->jobs[job].told == 0 && !outcome_is_left(w, job)))
        return NULL;
    /* Once its time is over each of them forgets it in its own time, and nobody copies it. */
    if (sim_check_is_past(w, job, -FORGETTING_US) || !last_holders(w, job, &last))
        return NULL;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        bool named = false, holds;

        if (!sim_node_is_up(w, i))
            continue;
        up++;
        holds = node_holds(w->nodes[i].core, w->jobs[job].id, &held);
        for (uint8_t k = 0; k < last.count; k++)
            named |= node_id_equal(last.ids[k], w->nodes[i].id);
        if (named && !w->nodes[i].disk.held[job].outcome)
            return "a holder has no copy of an ended job in the end";
        if (holds && !named)
            return "a former holder keeps a job in the end";
    }
    if (last.count < (up < 3 ? up : 3))
        return "an ended job has too few holders in the end";
    if (last.count > 3)
        return "an ended job has too many holders in the end";
    return copies_are_told(w, job, &last) ? NULL : "copies are counted wrongly in the end";
}

/* The first job that is not where it should be: SIM_JOBS_MAX when none. */
static uint32_t misplaced_job(const struct world *w)
{
    for (uint32_t job = 0; job < w->plan.jobs; job++)
        if (misplaced(w, job) != NULL)
            return job;
    return SIM_JOBS_MAX;
}

/* True when every job is where it should be, or the time for that is over. */
static bool are_placed(struct world *w, struct progress *p)
{
    uint32_t job;

    if (w->now < p->places_at)
        return false;
    p->places_at = w->now + PLACES_US;
    job = misplaced_job(w);
    if (job == SIM_JOBS_MAX)
        return true;
    if (w->now >= p->placing) {
        trace_copies(w, job);
        world_fail(w, G2, misplaced(w, job), UINT32_MAX, job);
        return true;
    }
    p->limit = p->placing;
    return false;
}

/* From the healing on, or from when they began to differ. */
static void measure(struct world *w, struct progress *p)
{
    if (!w->healed || w->now < p->sample_at)
        return;
    if (p->sample_at == 0)
        p->unequal_since = w->now;
    p->sample_at = w->now + SAMPLE_US;
    if (ledgers_differ(w) == SIM_JOBS_MAX)
        p->unequal_since = -1;
    else if (p->unequal_since < 0)
        p->unequal_since = w->now;
    if (p->unequal_since >= 0 && w->now - p->unequal_since > w->unequal_us)
        w->unequal_us = w->now - p->unequal_since;
}

/* True when every job has ended, is told alike everywhere, and is where it should be. */
static bool jobs_are_over(struct world *w, struct progress *p)
{
    uint32_t differs;

    if (p->limit == 0)
        p->limit = w->healed_at + sim_plan_work_us(w) + LIVENESS_US;
    if (w->now > p->limit && report_unfinished(w, p,
                                               p->asked ? "a node does not tell the outcome"
                                                        : "an acknowledged job does not end"))
        return true;
    if (!p->asked && users_are_done(w, 0, w->users_count))
        ask_everybody(w, p);
    if (!p->asked || !users_are_done(w, p->users_own, w->users_count))
        return false;
    if (they_differ(w, p) && w->now < p->limit - S_US) {
        for (uint32_t i = p->users_own; i < w->users_count; i++)
            sim_user_ask_again(w, i);
        return false;
    }
    if (w->now < p->look_at && w->now < p->limit - S_US)
        return false;
    p->look_at = w->now + LOOK_US;
    differs = ledgers_differ(w);
    if (differs < SIM_JOBS_MAX && w->now < p->limit - S_US)
        return false;
    if (differs < SIM_JOBS_MAX) {
        trace_copies(w, differs);
        world_fail(w, G6, "the ledgers of two holders differ", UINT32_MAX, differs);
    }
    return w->failed || are_placed(w, p);
}

/* True when there is nothing left to wait for. */
static bool is_over(struct world *w, struct progress *p)
{
    bool objects_over = sim_objects_over(w);

    if (!w->healed)
        return false;
    p->jobs_over = p->jobs_over || jobs_are_over(w, p);
    if (!w->failed && (!p->jobs_over || !objects_over))
        return false;
    /* What stood before a blocked way has come by then: it is no growth. */
    if (!w->failed && w->plan.lasting && w->now < w->healed_at + S_US)
        return false;
    check_agreement(w, p);
    sim_verify(w);
    if (w->plan.lasting)
        sim_check_growth(w);
    w->seasons++;
    *p = (struct progress){0};
    return w->failed || !sim_plan_again(w);
}

static void world_clear(struct world *w)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++)
        sim_node_clear(w, &w->nodes[i]);
    for (uint32_t i = 0; i < w->plan.jobs; i++)
        sim_job_clear(w, &w->jobs[i]);
    sim_net_clear(w);
    sim_objects_clear(w);
    actions_clear(&w->actions);
    alloc_free(w->alloc, w->heap, w->heap_cap * sizeof *w->heap);
}

static void run(struct world *w, uint64_t until)
{
    struct progress p = {0};
    struct happening h;

    while (!w->failed && !is_over(w, &p)) {
        if (!world_next(w, &h)) {
            world_fail(w, G3, "nothing happens any more", UINT32_MAX, UINT32_MAX);
            return;
        }
        w->now = h.at;
        w->events++;
        if (++w->season_events > SIM_EVENTS_MAX)
            world_fail(w, G3, "too many events: something runs in circles", h.node, UINT32_MAX);
        if (until > 0 && w->events >= until)
            return;
        happen(w, &h);
        sim_scene_watch(w);
        measure(w, &p);
    }
}

int sim_run(const struct alloc *a, const struct sim_options *options, struct sim_result *result)
{
    struct world *w = world_new(a);
    bool out_of_memory;

    *result = (struct sim_result){0};
    if (w == NULL)
        return ERR_NO_MEMORY;
    w->trace = options->trace;
    w->tap = options->tap;
    w->hash = 0xcbf29ce484222325ull;
    prng_init(&w->prng, options->seed);
    sim_plan_make(w, options);
    run(w, options->until);
    result->failed = w->failed;
    text_copy(result->what, sizeof result->what, w->what);
    result->promise = w->promise;
    result->hash = w->hash;
    result->events = w->events;
    result->virtual_us = w->now;
    result->unequal_us = w->unequal_us;
    result->nodes = w->plan.nodes;
    result->jobs = w->plan.jobs;
    result->crashes = w->crashes;
    result->seasons = w->seasons;
    result->misplaced = w->misplaced;
    result->injected = w->faults;
    result->repeats = w->repeats;
    result->beside = w->beside;
    result->cut_off = w->cut_off;
    result->wiped = w->story.wiped;
    result->sailed = w->story.sailed;
    result->cut_us = w->story.cut_us;
    result->drained = w->story.drained;
    for (uint32_t i = 0; sim_fault_name(i) != NULL; i++)
        result->faults |= (uint32_t)sim_plan_has(w, i) << i;
    for (uint32_t i = 0; i < w->plan.jobs; i++)
        result->acknowledged += w->jobs[i].acknowledged;
    world_clear(w);
    out_of_memory = w->out_of_memory;
    world_free(w);
    return out_of_memory ? ERR_NO_MEMORY : 0;
}
