/* Who gets chunks: free slots of live nodes meet free leaves of the jobs that this node
 * coordinates. Grants are optimistic: a node that is full gives them back and is left alone for a
 * moment. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/assign.h"
#include "core/node/authors.h"
#include "core/node/directory.h"
#include "core/node/drain.h"
#include "core/node/fit.h"
#include "core/node/given.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/lead_check.h"
#include "core/node/lead_pool.h"
#include "core/node/lead_values.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/outcome.h"
#include "core/node/quarantine.h"
#include "core/node/record.h"
#include "core/node/seal.h"
#include "core/node/shares.h"
#include "core/node/site.h"
#include "core/node/speeds.h"
#include "core/node/stages.h"
#include "core/node/tell_stages.h"
#include "core/node/turns.h"
#include "core/node/unlike.h"

#define KNOCK_US (300 * MS_US)
#define KNOCKERS_MAX 64              /* with more jobs than this few knock */
#define TURNS_COME_US S_US           /* a node whose jobs were served since then gives turns */
#define NEW_LOOKS 4                  /* in one go, at the new jobs */
#define ASK_LOOKS 8                  /* at any, the same */
#define KNOCKS_APART_US (20 * MS_US) /* of all jobs together */
#define LINKS_WANTED_MAX 4           /* in one go */
#define HELP_LOOKS_MAX 256           /* at members, the same */
#define HELP_APART_US (4 * MS_US)    /* of all jobs together */
#define SPREAD_LOOKS_MAX 64          /* at nodes, in a row and in vain */
#define FEW_OF 8                     /* one part in so many of all looks in vain */

static struct node_id site_id(const struct node *n, const struct member *m)
{
    return m == NULL ? n->options.id : m->info->id;
}

/* Slots that this node believes to be free at this member, or (NULL) here. */
static uint32_t site_free(struct node *n, const struct member *m)
{
    uint32_t slots = m == NULL ? n->options.slots : m->info->slots;
    struct site *s;

#if VELUM_PLANT == 907 /* trace/test_drain: chunks are offered to whoever drains */
    if (m == NULL ? n->stopping : !member_is_there(m))
        return 0;
#else
    if (m == NULL ? n->stopping || drain_is_on(n) : !member_is_there(m) || member_idles(n, m))
        return 0;
#endif
    s = site_of(n, site_id(n, m));
    if (s == NULL || instant_before(n->now, s->busy_until) || s->outstanding.slots >= slots)
        return 0;
    return slots - s->outstanding.slots;
}

/* The same, for this job: a node without its kernel has none. */
uint32_t assign_slots_free(struct job *j, const struct member *m)
{
    uint32_t slots = site_free(j->node, m);
    struct hand *h = slots == 0 ? NULL : lead_hand(j->lead, site_id(j->node, m));

    if (slots > 0 && level_lacks(j, site_id(j->node, m)) &&
        (h = lead_hand_make(j, site_id(j->node, m))) != NULL)
        lead_hand_lacks(j->lead, h, INSTANT_NEVER);
    return h != NULL && h->no_kernel ? 0 : slots;
}

/* How many chunks more the job may have at once. One at a doubtful node may never come back, so it
 * keeps no slot taken. */
uint32_t assign_slots_left(const struct job *j)
{
    uint32_t running;

    if (j->spec->slots_max == 0)
        return UINT32_MAX;
    running = pool_chunks_trusted(j->lead->pool) + lead_check_out(j);
    return running < j->spec->slots_max ? j->spec->slots_max - running : 0;
}

static uint64_t next_grant(struct lead *l)
{
    return lead_grant_base(&l->claim) | ++l->grant_counter;
}

bool assign_send(struct job *j, struct node_id to, uint8_t flags, const struct chunk *chunk)
{
    struct node *n = j->node;
    struct hand *h = lead_hand_make(j, to);
    struct peer_grant g = {
        .job = j->id, .flags = flags, .report_us = j->lead->report_us, .chunks = 1};
    struct buf b;
    bool sent;

    if (h == NULL || !tell_stages(j, h, stage_of_leaf(j, chunk->end - 1)))
        return false;
    if (!node_is_self(n, to))
        job_seal(j);
    g.claim = ledger_claim_fact(j->ledger);
    if (!h->knows_spec)
        g.spec = ledger_spec_signed(j->ledger);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    put_peer_chunk(&b, &(struct peer_chunk){chunk->grant, chunk->first, chunk->end});
    put_u16(&b, 0);
    sent = !b.failed && send_node(n, to, MESSAGE_GRANT, 0, buf_bytes(&b));
    buf_clear(&b);
    h->knows_spec |= sent;
    if (sent) {
        given_note(j, h, chunk->first, chunk->end);
        unlike_tell(j, to);
        lead_values_ahead(j, stage_of_leaf(j, chunk->first), h);
    }
    return sent;
}

static bool is_full(const struct job *j, const struct hand *h)
{
    return instant_before(j->node->now, h->no_room_until);
}

bool assign_has_room(struct job *j)
{
    uint32_t full = 0, slots;

    for (uint32_t i = 0; i < j->lead->hands_count; i++)
        full += is_full(j, j->lead->hands[i]);
    return full < lead_eligible(j, &slots);
}

/* Free leaves for the node, about as many as it should have of the stage they are of. */
static bool take(struct job *j, const struct hand *h, struct node_id to, uint32_t slots,
                 struct chunk *out)
{
    struct lead *l = j->lead;
    uint64_t length;
    uint32_t stage;

    if (!pool_next(l->pool, to, &stage))
        return false;
    length =
        pool_length(l->pool, speeds_of(j, h, stage) * 1e6, speeds_usual(j, stage) * 1e6, slots);
    return pool_take(l->pool, to, next_grant(l), length, j->node->now, out);
}

/* One chunk for one node. False when there is none for it. */
static bool give(struct job *j, struct node_id to, uint8_t flags)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    const struct hand *h = lead_hand(l, to);
    struct site *s = site_of(n, to);
    struct chunk chunk;
    uint32_t slots;

    if (s == NULL || (h != NULL && h->no_kernel) || level_lacks(j, to))
        return false;
    /* Where all are full each is tried again, until the job fails for it. */
    if (h != NULL && is_full(j, h) && assign_has_room(j))
        return false;
    if (assign_slots_left(j) == 0)
        return false;
    slots = l->eligible_slots;
    if (j->spec->slots_max > 0 && slots > j->spec->slots_max)
        slots = j->spec->slots_max;
    if (!take(j, h, to, slots, &chunk) &&
        (l->care == FIT_CLOSE || !pool_spare(l->pool, to, next_grant(l), slots, n->now, &chunk)))
        return false;
    if (chunk.careful)
        flags |= GRANT_CAREFUL;
#if VELUM_PLANT != 447 /* trace/test_turns: a spare copy is granted like any other chunk */
    if (chunk.spare)
        flags |= GRANT_SPARE;
#endif
    if (!assign_send(j, to, flags, &chunk)) {
        pool_return(l->pool, chunk.grant);
        return false;
    }
    site_more(j, s, chunk.first);
    /* From now on it runs: others hear that with the first word about it. */
    if (!l->begun) {
        l->begun = true;
        directory_publish(j);
    }
    return true;
}

void assign_trim(struct job *j, struct node_id to, uint64_t grant, uint64_t end)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u64(&b, grant);
    put_u64(&b, end);
    send_node(j->node, to, MESSAGE_TRIM, 0, buf_bytes(&b));
}

void assign_cut(struct job *j)
{
    struct lead *l = j->lead;
    uint64_t end = cover_end(ledger_cover(j->ledger));

    if (end == l->cut_at)
        return;
    l->cut_at = end;
    for (uint32_t i = 0; i < pool_chunks(l->pool); i++) {
        const struct chunk *c = pool_chunk_at(l->pool, i);

#if VELUM_PLANT != 517 /* trace/test_search: work behind a match goes on */
        if (c->end > end)
            assign_trim(j, c->node, c->grant, end);
#endif
    }
}

/* Slots are idle and nothing is free: the largest chunks give up their tails. */
static void trim_for(struct job *j, uint32_t idle)
{
    struct lead *l = j->lead;
    const struct chunk *c;
    uint64_t grant, end;

    for (uint32_t out = pool_trims(l->pool); out < idle; out++) {
        if (!pool_trim(l->pool, j->node->now, &grant, &end))
            return;
        c = pool_find(l->pool, grant);
        ensure(c != NULL);
        assign_trim(j, c->node, grant, end);
    }
}

/* Whether a site of the list still has a free slot; it leaves the list when not. */
static bool still_free(struct node *n, uint32_t at)
{
    struct site *s;

    if (site_free(n, n->free_sites[at]) > 0)
        return true;
    s = site_of(n, site_id(n, n->free_sites[at]));
    if (s != NULL)
        s->listed = false;
    n->free_sites[at] = n->free_sites[--n->free_count];
    return false;
}

/* Where others want slots too, a turn is one chunk: what is free at once is shared. */
static bool had_its_turn(const struct node *n, bool given)
{
    return given && shares_wanting(n) > 1;
}

/* Rounds over the nodes with free slots, one chunk each, until so many in a row can take none, or
 * all: what it costs follows from what is given, not from how large the mesh is. Returns idle slots
 * among them that this job could use. */
static uint32_t spread(struct job *j, bool *given)
{
    struct node *n = j->node;
    uint32_t idle = 0, misses = 0, most;

    while (misses < n->free_count && misses < SPREAD_LOOKS_MAX && assign_slots_left(j) > 0 &&
           !had_its_turn(n, *given)) {
        uint32_t at = n->free_at % n->free_count, slots;

        if (!still_free(n, at))
            continue;
        n->free_at = at + 1;
        slots = assign_slots_free(j, n->free_sites[at]);
        if (slots > 0 && give(j, site_id(n, n->free_sites[at]), 0)) {
            *given = true;
            idle = misses = 0;
            continue;
        }
        idle += slots > 0 ? fit_idle(j, n->free_sites[at], slots) : 0;
        misses++;
    }
    most = assign_slots_left(j);
    return idle < most ? idle : most;
}

static bool could_help(const struct job *j, const struct member *m)
{
    const struct hand *h = lead_hand(j->lead, m->info->id);

    return m->state == NODE_ALIVE && m->link == 0 && m->busy < m->info->slots &&
           !member_idles(j->node, m) && (h == NULL || !h->no_kernel) && fit_some(j, m);
}

/* In a large mesh most nodes have no link to this one. Where leaves are free and no slot is, those
 * that say that they are idle are dialled, and get chunks once they are there. They are looked at
 * in turn, a few at a time, so that nodes that cannot be reached do not stand in the way of others
 * for ever, and nobody's network is flooded with connections. */
static void call_for_help(struct job *j)
{
    struct node *n = j->node;
    uint32_t count = mesh_count(n->mesh), called = 0;

    if (assign_slots_left(j) == 0 || !linked_lacks(n) || instant_before(n->now, n->help_at))
        return;
    n->help_at = instant_plus_us(n->now, HELP_APART_US);
    for (uint32_t i = 0; i < count && i < HELP_LOOKS_MAX && called < LINKS_WANTED_MAX; i++) {
        const struct member *m = mesh_at(n->mesh, n->help_next++ % count);

        if (!could_help(j, m))
            continue;
        mesh_want_link(n->mesh, m->info->id, n->now);
        called++;
    }
}

/* Into so many shares all slots of the mesh go: one for each submitter, shared by his jobs. */
static uint64_t shares_of_mesh(const struct job *j)
{
    uint64_t submitters = authors_count(j->node);
    uint64_t jobs = authors_jobs(j->node, j->spec->author);

#if VELUM_PLANT == 537 /* trace/test_shares: the one job of a submitter knocks like one of all */
    submitters = 1;
    jobs = directory_live(j->node);
#endif
    return (submitters > 0 ? submitters : 1) * (jobs > 0 ? jobs : 1);
}

/* A job that has none has less, however many there are. */
static bool has_its_share(struct job *j)
{
    const struct lead *l = j->lead;
    uint32_t slots;

    lead_eligible(j, &slots);
    if (j->spec->slots_max > 0 && slots > j->spec->slots_max)
        slots = j->spec->slots_max;
    return pool_chunks(l->pool) > 0 && pool_chunks(l->pool) >= slots / shares_of_mesh(j);
}

/* The same for the jobs of this node together: they take turns on the slots that they have, but
 * other coordinators may have taken all. */
static bool all_have_their_share(const struct node *n)
{
    uint64_t jobs = directory_live(n), slots = n->options.slots + n->there_slots;

#if VELUM_PLANT == 353 /* trace/test_turns: many old jobs whose coordinator has no slot wait */
    return true;
#endif
    return n->slots_out > 0 && (n->slots_out + 1) * jobs > slots * turns_count(n);
}

/* All slots that its jobs have may run long leaves. */
static bool no_turns_come(const struct node *n)
{
#if VELUM_PLANT == 359 /* trace/test_turns: new jobs knock whose turn comes, and nobody else can */
    return true;
#endif
    return instant_since_us(n->now, n->turns.served) >= TURNS_COME_US;
}

/* There its jobs would only disturb each other. */
static bool all_slots_are_ours(struct node *n, const struct member *m)
{
    struct node_id id = site_id(n, m);
    const struct site *s = map_get(&n->sites, &id);

    return s != NULL && s->outstanding.slots >= (m == NULL ? n->options.slots : m->info->slots);
}

/* A member, or (NULL) this node behind them. */
static const struct member *picked(const struct node *n, uint32_t i)
{
    return i == mesh_count(n->mesh) ? NULL : mesh_at(n->mesh, i);
}

/* A job that has fewer slots than its share asks a full node to let it in by turn. The node
 * decides, by whom it has served most. It has little room for those who knock: where there are many
 * jobs, those whose turn comes without it leave that to others. */
static void knock(struct job *j, bool ahead)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    uint32_t count = mesh_count(n->mesh), pick;
    bool many = n->live_count > KNOCKERS_MAX, patient;
    const struct member *m;

#if VELUM_PLANT == 352 /* trace/test_turns: among many jobs a new one does not knock */
    ahead &= !many;
#endif
    patient = many && !(ahead && no_turns_come(n));
    if (instant_before(n->now, many && !ahead ? n->knock_old_at : n->knock_at) ||
        instant_since_us(n->now, l->knocked) < KNOCK_US ||
        instant_since_us(n->now, l->began) < KNOCK_US || has_its_share(j) ||
        (patient && all_have_their_share(n)))
        return;
    pick = (uint32_t)prng_below(&n->prng, (uint64_t)count + 1);
    for (uint32_t i = 0; i < count && i < HELP_LOOKS_MAX && !fit_some(j, picked(n, pick)); i++)
        pick = pick == count ? 0 : pick + 1;
    m = picked(n, pick);
    if (patient && all_slots_are_ours(n, m))
        return;
    l->knocked = n->now;
    n->knock_at = instant_plus_us(n->now, KNOCKS_APART_US);
    if (many && !ahead)
        n->knock_old_at = instant_plus_us(n->now, KNOCK_US);
    l->care = FIT_ANY;
    if (member_takes(n, site_id(n, m)))
        give(j, site_id(n, m), GRANT_KNOCK);
    l->care = FIT_FREE;
}

/* A node that may have the kernel and is only away may come back: the job waits for it. */
static bool somebody_may_have_it(const struct job *j)
{
    const struct node *n = j->node;
    const struct hand *h = lead_hand(j->lead, n->options.id);
    bool may = h == NULL || !h->no_kernel;

    for (uint32_t i = 0; i < mesh_count(n->mesh) && !may; i++) {
        const struct member *m = mesh_at(n->mesh, i);

        h = lead_hand(j->lead, m->info->id);
        may = m->state != NODE_LEFT && (h == NULL || !h->no_kernel);
    }
    return may;
}

static bool fail_if_nobody_can(struct job *j)
{
    char text[VIEW_ERROR_SIZE];

    if (j->node->stopping || somebody_may_have_it(j))
        return false;
    if (j->lead->cannot_why != NULL) {
        text_copy(text, sizeof text, "no node can run it: ");
        text_append(text, sizeof text, j->lead->cannot_why);
    } else if (j->graph->count > 1) {
        text_copy(text, sizeof text, "no node has the kernels of all its stages");
    } else {
        text_copy(text, sizeof text, "no node has the kernel \"");
        text_append(text, sizeof text, j->spec->stage.kernel);
        text_append(text, sizeof text, "\" with this source");
    }
    outcome_write(j, JOB_FAILED, (struct bytes){NULL, 0}, text);
    return true;
}

/* To slots that have nothing else to do: so many of them then have. */
static uint32_t give_checks(struct job *j, uint32_t idle, bool *given)
{
    uint32_t count = lead_check_assign(j, false);

    *given |= count > 0;
    return count < idle ? count : idle;
}

/* False when it could use none of the slots that are free. */
static bool assign_job(struct job *j)
{
    struct lead *l = j->lead;
    bool given = false;
    uint32_t idle, nodes;

    if (l == NULL || l->collecting || l->finishing || fail_if_nobody_can(j))
        return true;
    fit_look(j);
    nodes = lead_eligible(j, &l->eligible_slots);
    pool_set_eligible(l->pool, nodes);
    lead_pace(j, nodes, l->eligible_slots);
    if (lead_check_presses(j))
        given |= lead_check_assign(j, true) > 0;
    if (fit_chooses(j)) {
        l->care = FIT_CLOSE;
        spread(j, &given);
        l->care = FIT_FREE;
    }
    idle = spread(j, &given);
    if (idle > 0 || pool_free_leaves(l->pool) == 0)
        idle -= give_checks(j, idle, &given);
    if (idle > 0 && pool_free_leaves(l->pool) == 0)
        trim_for(j, idle);
    job_mark_busy(j);
    return given || idle > 0;
}

/* Where it is not listed. NULL: this node. */
static void list_free(struct node *n, const struct member *m, struct site *s)
{
    void *list = (void *)n->free_sites;
    uint32_t cap = n->free_cap == 0 ? 16 : n->free_cap * 2;

    if (n->free_count == n->free_cap) {
        if (alloc_grow(n->alloc, &list, n->free_cap, cap, sizeof *n->free_sites) < 0) {
            n->memory_out = true;
            return;
        }
        n->free_sites = list;
        n->free_cap = cap;
    }
    n->free_sites[n->free_count++] = m;
    s->listed = true;
}

static void look_at_site(struct node *n, const struct member *m)
{
    struct site *s = site_of(n, site_id(n, m));

    if (s == NULL)
        return;
    s->listed = false;
    if (site_free(n, m) > 0)
        list_free(n, m, s);
}

void site_may_be_free(struct node *n, struct site *s)
{
    const struct member *m = mesh_find(n->mesh, s->id);

    if (turns_count(n) == 0)
        n->sites_stale = true;
    if (s->listed || n->sites_stale)
        return;
    if (m != NULL ? member_is_there(m) : node_is_self(n, s->id))
        list_free(n, m, s);
}

/* Once for all jobs that are looked at: this node first, then the others, beginning anywhere, so
 * that with more of them than a job looks at none is left out for ever. Where there are many, those
 * that become free meanwhile are added one by one. */
static void list_free_sites(struct node *n)
{
    uint32_t count = linked_count(n), first;

    if (!n->sites_stale && count > SPREAD_LOOKS_MAX)
        return;
    n->sites_stale = false;
    n->free_count = n->free_at = 0;
    look_at_site(n, NULL);
    first = count > SPREAD_LOOKS_MAX ? (uint32_t)prng_below(&n->prng, count) : 0;
    for (uint32_t i = 0; i < count; i++)
        look_at_site(n, linked_at(n, (first + i) % count));
}

static bool any_slot_free(struct node *n)
{
    while (n->free_count > 0 && !still_free(n, n->free_count - 1))
        ;
    return n->free_count > 0;
}

/* The turn of a job, or of one of the same submitter that goes before it. False when neither could
 * use a slot that is free. */
static bool assign_instead(struct job *j, bool ahead)
{
    struct job *higher = turns_instead(j);
    bool used = (higher != j && assign_job(higher)) || assign_job(j);

    if (used)
        turns_had(j, ahead);
    return used;
}

/* The jobs of a submitter that came last go ahead of his others. False when the first few of them
 * can use nothing. */
static bool assign_new(struct share *s)
{
    struct job *j = turns_new(s, NULL), *next;

    for (uint32_t i = 0; i < NEW_LOOKS && j != NULL; i++, j = next) {
        next = turns_new(s, j);
        /* One that runs behind another has the usual turns only, for that one. */
        if (turns_instead(j) == j && assign_job(j)) {
            turns_had(j, true);
            return true;
        }
    }
    return false;
}

/* It has leaves free and no slot that is: it may be let in by turn somewhere, or others may come.
 */
static void ask_around(struct job *j, bool ahead)
{
    if (assign_instead(j, ahead) || pool_free_leaves(j->lead->pool) == 0)
        return;
    if (turns_instead(j) == j)
        knock(j, ahead);
    call_for_help(j);
}

static void ask_for_some(struct node *n)
{
    uint32_t count = turns_count(n);
    const struct share *s = shares_scan(n);
    struct job *j = s == NULL ? NULL : turns_new(s, NULL), *next;

    for (uint32_t i = 0; i < NEW_LOOKS && j != NULL; i++, j = next) {
        next = turns_new(s, j);
        ask_around(j, true);
    }
    for (uint32_t i = 0; i < ASK_LOOKS && i < count && (j = turns_scan(n)) != NULL; i++)
        ask_around(j, false);
}

/* One look at a job of the submitter, or at those of them that are new. False: there are no more in
 * this go. */
static bool look_at_next(struct node *n, struct share *s, uint32_t *fruitless)
{
    const uint64_t go = n->turns.go;
    struct job *j;

    if (turns_ahead(s, go)) {
        if (!assign_new(s))
            turns_no_new(s);
        return true;
    }
    j = turns_next(s, go);
    if (j == NULL)
        return false;
    if (assign_instead(j, false))
        return true;
    ++*fruitless;
#if VELUM_PLANT == 355 /* trace/test_turns: who cannot use a slot that is free loses its turn */
    turns_pass(j);
#endif
    /* Also where no node meets what it asks for: those behind it are looked at. */
    if (pool_free_leaves(j->lead->pool) == 0 || j->lead->unmet)
        turns_pass(j);
    return true;
}

/* The turn of a submitter. False when none of his jobs took a slot, of so many as are looked at. */
static bool serve(struct node *n, struct share *s, uint32_t *left, uint32_t *fruitless)
{
    const uint32_t had = s->slots_out, most = n->limits.fruitless_jobs;
    const uint32_t until = shares_wanting(n) > 1 ? *fruitless + most / FEW_OF + 1 : most;

    while (*left > 0 && *fruitless < most && *fruitless < until && look_at_next(n, s, fruitless)) {
        if (s->slots_out > had) {
            turns_again(s);
            return true;
        }
        --*left;
    }
    return false;
}

/* Submitters take turns while slots are free. Of jobs that can use none of them only so many are
 * looked at in one go. */
static void take_turns(struct node *n)
{
    uint32_t left = turns_count(n), fruitless = 0;
    struct share *s;

    if (!any_slot_free(n))
        return;
    shares_go(n);
    while (left > 0 && fruitless < n->limits.fruitless_jobs && any_slot_free(n) &&
           (s = shares_next(n)) != NULL)
        if (!serve(n, s, &left, &fruitless))
            shares_aside(n, s);
}

void assign_all(struct node *n)
{
    n->assign_wanted = false;
    if (turns_count(n) == 0)
        return;
    list_free_sites(n);
    take_turns(n);
    ask_for_some(n);
}
