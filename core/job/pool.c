#include "core/job/pool.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/job/border.h"
#include "core/job/pool_inside.h"

/* `free` is kept in step with chunks at once and with the cover lazily: before it is looked at,
 * what the cover has gained since is taken out. When memory runs out while it changes it is only
 * marked stale and later built again from the cover and the chunks, so that no leaf is ever
 * forgotten. Free runs lie between chunks and covered values, which bounds their number. */

#define FREE_RUNS_MAX (2u * (POOL_CHUNKS_MAX + COVER_VALUES_MAX))
#define CAREFUL_RUNS_MAX 1024u
#define CAREFUL_DEATH_LEAVES 4096u /* behind the last report, after a worker's death */
#define CAREFUL_LOSS_LEAVES 64u    /* the same, after the loss of a node */
#define LENGTH_UNKNOWN 4u          /* leaves aim at 1 ms */

int pool_new(struct pool **out, const struct alloc *a, const struct cover *cover)
{
    struct pool *p = alloc_zeroed(a, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    p->alloc = a;
    p->cover = cover;
    p->shape = cover_shape(cover);
    p->stage_states = &p->one_stage;
    p->one_stage = shape_count(p->shape) == 1 ? STAGE_OPEN : STAGE_SHUT;
    if (pool_reserve(p, shape_count(p->shape)) < 0) {
        alloc_free(a, p, sizeof *p);
        return ERR_NO_MEMORY;
    }
    p->stages = shape_count(p->shape);
    p->leaves = p->shape->end;
    p->stale = true;
    p->pace.goal_us = POOL_CHUNK_GOAL_US;
    map_init(&p->by_grant, a, sizeof(uint64_t), POOL_CHUNKS_MAX);
    runset_init(&p->free, a, FREE_RUNS_MAX + p->stages);
    runset_init(&p->ahead, a, FREE_RUNS_MAX + p->stages);
    runset_init(&p->careful, a, CAREFUL_RUNS_MAX);
    poison_init(&p->poison, a);
    p->poison.shape = p->shape;
    *out = p;
    return 0;
}

int pool_reserve(struct pool *p, uint32_t stages)
{
    void *states = p->stage_states == &p->one_stage ? NULL : p->stage_states;
    uint32_t cap = 2 * p->stages_cap < stages ? stages : 2 * p->stages_cap;
    if (stages <= 1 || stages <= p->stages_cap)
        return 0;
    int rc = alloc_grow(p->alloc, &states, p->stages_cap, cap, 1);
    if (rc < 0)
        return rc;
    if (p->stage_states == &p->one_stage)
        *(uint8_t *)states = p->one_stage;
    p->stage_states = states;
    p->stages_cap = cap;
    return 0;
}

void pool_more(struct pool *p)
{
    ensure(shape_count(p->shape) <= p->stages_cap || shape_count(p->shape) == 1);
    p->stages = shape_count(p->shape);
    p->leaves = p->shape->end;
    p->free.count_max = p->ahead.count_max = FREE_RUNS_MAX + p->stages;
}

void pool_tasks_of(struct pool *p, struct pool_tasks tasks)
{
    p->tasks = tasks;
}

void pool_set_pace(struct pool *p, struct pool_pace pace)
{
    if (pace.goal_us < p->pace.goal_us)
        p->spare_at = (struct instant){0};
    if (pace.least_us < p->pace.least_us)
        p->trim_at = (struct instant){0};
    p->pace = pace;
}

void pool_look_at(struct pool *p, const struct cover *cover)
{
    p->cover = cover;
    p->stale = true;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->count; i++)
        alloc_free(p->alloc, p->list[i], sizeof(struct entry));
    alloc_free(p->alloc, p->list, p->cap * sizeof(struct entry *));
    map_clear(&p->by_grant);
    runset_clear(&p->free);
    runset_clear(&p->ahead);
    runset_clear(&p->careful);
    poison_clear(&p->poison);
    if (p->stage_states != &p->one_stage)
        alloc_free(p->alloc, p->stage_states, p->stages_cap);
    alloc_free(p->alloc, p, sizeof *p);
}

/* --- what is free --- */

static void mark(struct pool *p, int rc)
{
    ensure(rc != ERR_FULL);
    if (rc < 0)
        p->stale = true;
}

/* Adds what the cover lacks of [first, end). */
int pool_free_uncovered(struct pool *p, uint64_t first, uint64_t end)
{
    uint64_t a;
    uint64_t b;
    int rc = 0;
    first = cover_covered_to(p->cover, first, end);
    while (rc == 0 && first < end && cover_gap(p->cover, first, &a, &b) && a < end) {
        rc = runset_add(&p->free, a, b < end ? b : end);
        first = cover_covered_to(p->cover, b, end);
    }
    return rc;
}

static int rebuild(struct pool *p)
{
    runset_reset(&p->free);
    runset_reset(&p->ahead);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < p->stages; i++)
        if (p->stage_states[i] == STAGE_OPEN)
            rc = pool_free_uncovered(p, shape_at(p->shape, i).first, shape_at(p->shape, i).end);
    for (uint32_t i = 0; rc == 0 && i < p->count; i++)
        rc = pool_tasks_take(p, p->list[i]->c.next, p->list[i]->c.end);
    return rc;
}

/* Takes out of one free run what is covered by now. */
static int take_covered(struct pool *p, struct run run)
{
    uint64_t at = run.first;
    int rc = 0;
    while (rc == 0 && at < run.end) {
        uint64_t a;
        uint64_t b;
        bool gap = cover_gap(p->cover, at, &a, &b);
        if (!gap || a > run.end)
            a = run.end;
        rc = runset_remove(&p->free, at, a);
        at = gap && a < run.end ? b : run.end;
    }
    return rc;
}

static int refresh(struct pool *p)
{
    uint64_t changes = cover_changes(p->cover);
    if (!p->stale && changes == p->cover_seen)
        return 0;
    int rc = 0;
    if (p->stale) {
        rc = rebuild(p);
    } else {
        struct run run;
        for (uint64_t at = 0; rc == 0 && runset_next(&p->free, at, &run); at = run.end)
            rc = take_covered(p, run);
    }
    mark(p, rc);
    if (rc < 0)
        return rc;
    p->stale = false;
    p->cover_seen = changes;
    return 0;
}

static struct entry *entry_of(const struct pool *p, uint64_t grant)
{
    return map_get(&p->by_grant, &grant);
}

static struct entry *twin_of(const struct pool *p, const struct entry *e)
{
    return e->has_twin ? entry_of(p, e->twin) : NULL;
}

uint32_t pool_stage_of(const struct pool *p, uint64_t leaf)
{
    uint32_t stage = 0;
    bool found = p->stages == 1 || shape_find(p->shape, leaf, &stage);
    ensure(found);
    return stage;
}

/* Nobody computes [first, end) for this chunk any more:
 * free, unless covered or the other copy has it. */
static void give_back(struct pool *p, const struct entry *e, uint64_t first, uint64_t end)
{
    if (first >= end || p->stale)
        return;
    int rc = pool_tasks_give_back(p, first, end);
    const struct entry *twin = twin_of(p, e);
    if (rc == 0 && twin)
        rc = pool_tasks_take(p, twin->c.next, twin->c.end);
    mark(p, rc);
}

void pool_open(struct pool *p, uint32_t stage)
{
    uint8_t was = p->stage_states[stage];
    if (was == STAGE_OPEN)
        return;
    p->stage_states[stage] = STAGE_OPEN;
    if (was == STAGE_CLOSED)
        p->stale = true;
    if (!p->stale)
        mark(p, pool_tasks_opened(p, shape_at(p->shape, stage)));
}

void pool_close(struct pool *p, uint32_t stage)
{
    struct shape_stage s = shape_at(p->shape, stage);
    p->stage_states[stage] = STAGE_CLOSED;
    if (!p->stale)
        mark(p, runset_remove(&p->free, s.first, s.end));
    if (!p->stale)
        mark(p, runset_remove(&p->ahead, s.first, s.end));
    poison_absolve(&p->poison, s.first, s.end);
}

/* --- the chunk table --- */

static int list_room(struct pool *p)
{
    if (p->count < p->cap)
        return 0;
    void *list = p->list;
    uint32_t cap = p->cap ? p->cap * 2 : 8;
    int rc = alloc_grow(p->alloc, &list, p->cap, cap, sizeof *p->list);
    if (rc < 0)
        return rc;
    p->list = list;
    p->cap = cap;
    return 0;
}

struct entry *pool_entry_add(struct pool *p, const struct chunk *c)
{
    if (p->count >= POOL_CHUNKS_MAX || entry_of(p, c->grant) || list_room(p) < 0)
        return NULL;
    struct entry *e = alloc_zeroed(p->alloc, sizeof *e);
    if (!e)
        return NULL;
    e->c = *c;
    e->at = p->count;
    if (map_put(&p->by_grant, &c->grant, e) < 0) {
        alloc_free(p->alloc, e, sizeof *e);
        return NULL;
    }
    p->list[p->count++] = e;
    return e;
}

/* Ends a chunk; its unreported rest is free. */
static void entry_drop(struct pool *p, struct entry *e)
{
    give_back(p, e, e->c.next, e->c.end);
    struct entry *twin = twin_of(p, e);
    if (twin)
        twin->has_twin = false;
    if (e->c.spare) {
        p->spares--;
        p->spares_silent -= e->for_silent;
        p->spare_at = (struct instant){0};
    }
    p->trims -= e->c.trim_asked != UINT64_MAX;
    map_remove(&p->by_grant, &e->c.grant);
    p->list[e->at] = p->list[--p->count];
    p->list[e->at]->at = e->at;
    alloc_free(p->alloc, e, sizeof *e);
}

uint64_t pool_free_leaves(struct pool *p)
{
    return refresh(p) < 0 ? 0 : p->free.leaves;
}

uint32_t pool_chunks(const struct pool *p)
{
    return p->count;
}

uint32_t pool_chunks_trusted(const struct pool *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->count; i++)
        count += !p->list[i]->c.doubtful && !p->list[i]->c.computed;
    return count;
}

const struct chunk *pool_chunk_at(const struct pool *p, uint32_t i)
{
    ensure(i < p->count);
    return &p->list[i]->c;
}

const struct chunk *pool_find(const struct pool *p, uint64_t grant)
{
    const struct entry *e = entry_of(p, grant);
    return e ? &e->c : NULL;
}

bool pool_twin(const struct pool *p, uint64_t grant, uint64_t *twin)
{
    const struct entry *e = entry_of(p, grant);
    if (!e || !e->has_twin)
        return false;
    *twin = e->twin;
    return true;
}

uint32_t pool_chunks_of(const struct pool *p, struct node_id node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->count; i++)
        count += node_id_equal(p->list[i]->c.node, node) ? 1 : 0;
    return count;
}

/* --- giving out --- */

static uint64_t leaves_in(const struct pool *p, double leaves_per_s, int64_t us)
{
    double leaves = leaves_per_s * ((double)us / 1e6);
    return leaves < (double)p->leaves ? (uint64_t)leaves : p->leaves;
}

uint64_t pool_length(struct pool *p, double leaves_per_s, double usual_per_s, uint32_t slots)
{
    uint64_t fair = pool_free_leaves(p) / (2 * (uint64_t)(slots > 0 ? slots : 1));
    uint64_t wanted = LENGTH_UNKNOWN;
    uint64_t least = leaves_in(p, leaves_per_s > 0 ? leaves_per_s : usual_per_s, p->pace.least_us);
    if (leaves_per_s > 0)
        wanted = leaves_in(p, leaves_per_s, p->pace.goal_us);
    if (wanted > fair)
        wanted = fair;
#if VELUM_PLANT != 240 /* unit/test_pool: chunks become ever smaller for many slots */
    if (wanted < least)
        wanted = least;
#endif
    return wanted > 0 ? wanted : 1;
}

/* The part of the free run that one chunk may have: leaves with a history are not mixed with
 * others. False when this node gets nothing of its beginning. */
static bool cut_by_history(const struct pool *p, struct node_id node, struct run *run,
                           bool *careful)
{
    struct run c;
    *careful = runset_contains(&p->careful, run->first) || poison_alone(&p->poison, run->first);
    if (poison_refuses(&p->poison, run->first, node) ||
        (poison_condemns(&p->poison, run->first) && run->first >= cover_judged(p->cover)))
        return false;
    if (poison_alone(&p->poison, run->first)) {
        run->end = run->first + 1;
        return true;
    }
    if (runset_next(&p->careful, run->first, &c)) {
        uint64_t border = *careful ? c.end : c.first;
        run->end = border < run->end ? border : run->end;
    }
    run->end = poison_next_alone(&p->poison, run->first, run->end);
    return true;
}

static bool find_free(const struct pool *p, struct node_id node, struct run *found, bool *careful)
{
    struct run run;
#if VELUM_PLANT == 254 /* unit/test_pool: new ground is given out that there is no room for */
    uint64_t end = p->leaves;
#else
    uint64_t end = cover_frontier(p->cover);
#endif
    for (uint64_t at = 0; runset_next(&p->free, at, &run) && run.first < end; at = run.first + 1) {
        uint32_t stage = pool_stage_of(p, run.first);
        uint64_t stage_end = shape_at(p->shape, stage).end;
        if (!pool_suits_node(p, stage, node)) {
            run.first = stage_end - 1; /* all of it is passed over */
            continue;
        }
        run.end = run.end < end ? run.end : end;
#if VELUM_PLANT != 473 /* unit/test_pool_stages: a chunk goes on into the next stage */
        run.end = run.end < stage_end ? run.end : stage_end;
#endif
        if (cut_by_history(p, node, &run, careful)) {
            *found = run;
            return true;
        }
    }
    return false;
}

void pool_set_eligible(struct pool *p, uint32_t nodes)
{
    p->poison.eligible_nodes = nodes;
}

/* How far a chunk goes that begins with this leaf: into tasks without a history of their own. */
static uint64_t go_on(const struct pool *p, uint64_t first, bool careful, uint64_t length)
{
    uint64_t most = p->leaves;
    struct run c;
    if (runset_next(&p->careful, first, &c))
        most = careful ? c.end : c.first;
    most = poison_next_alone(&p->poison, first + 1, most);
    return pool_tasks_reach(p, first, most, length);
}

bool pool_next(struct pool *p, struct node_id node, uint32_t *stage)
{
    struct run run;
    bool careful;
    if (refresh(p) < 0 || !find_free(p, node, &run, &careful))
        return false;
    *stage = pool_stage_of(p, run.first);
    return true;
}

bool pool_take(struct pool *p, struct node_id node, uint64_t grant, uint64_t length,
               struct instant now, struct chunk *out)
{
    struct run run;
    bool careful;
    if (refresh(p) < 0 || !find_free(p, node, &run, &careful))
        return false;
    uint64_t end = run.first + border_length(run.first, run.end, length > 0 ? length : 1);
    if (end == run.first + 1 && !poison_alone(&p->poison, run.first))
        end = go_on(p, run.first, careful, length > 0 ? length : 1);
    struct chunk c = {.grant = grant, .node = node, .first = run.first, .next = run.first};
    c.end = end;
    c.granted = c.reported = now;
    c.careful = careful;
    c.trim_asked = UINT64_MAX;
    struct entry *e = pool_entry_add(p, &c);
    if (!e)
        return false;
#if VELUM_PLANT == 36 /* sim: the leaf behind a chunk is taken with it */
    mark(p, runset_remove(&p->free, c.first, c.end + 1));
#else
    mark(p, pool_tasks_take(p, c.first, c.end));
#endif
    *out = e->c;
    return true;
}

int pool_adopt(struct pool *p, struct node_id node, uint64_t grant, uint64_t next, uint64_t end,
               struct instant now)
{
    if (!pool_tasks_run(p, next, end))
        return ERR_FORMAT;
    int rc = refresh(p);
    if (rc < 0)
        return rc;
    if (!pool_tasks_are_free(p, next, end) || entry_of(p, grant))
        return ERR_EXISTS;
    struct chunk c = {.grant = grant, .node = node, .first = next, .next = next, .end = end};
    c.granted = c.reported = now;
    c.trim_asked = UINT64_MAX;
    if (!pool_entry_add(p, &c))
        return p->count >= POOL_CHUNKS_MAX ? ERR_FULL : ERR_NO_MEMORY;
    mark(p, pool_tasks_take(p, next, end));
    return 0;
}

/* --- what is heard of chunks --- */

/* The worker stops at `end` now: what is behind it is free. */
static void shorten(struct pool *p, struct entry *e, uint64_t end)
{
    uint64_t old = e->c.end;
    if (end >= old)
        return;
#if VELUM_PLANT == 35 /* sim: a trim loses the leaf at the border */
    e->c.end = end;
    give_back(p, e, end + 1, old);
#else
    e->c.end = end;
    give_back(p, e, end, old);
#endif
}

void pool_counted(struct pool *p, uint64_t grant, uint64_t from, uint64_t next, uint64_t before)
{
    const struct entry *e = entry_of(p, grant);
    if (!p->stale && e && e->c.next <= from && next <= e->c.end && p->cover_seen == before)
        p->cover_seen = cover_changes(p->cover);
}

int pool_report(struct pool *p, uint64_t grant, uint64_t next, uint64_t end, uint64_t compute_us,
                bool ended, struct instant now)
{
    struct entry *e = entry_of(p, grant);
    if (!e)
        return ERR_NOT_FOUND;
    if (next > end || next > e->c.end)
        return ERR_FORMAT;
    shorten(p, e, end);
    uint64_t from = e->c.next;
    if (next > from) {
        e->c.next = next;
        poison_absolve(&p->poison, from, next);
        /* Being careful too long costs a little; the set is bounded, so failure is harmless. */
        (void)runset_remove(&p->careful, from, next);
        /* Reported but not in the cover: it was at its bound. The leaves are to be had again. */
#if VELUM_PLANT != 37 /* unit/test_pool: leaves that the cover had no room for are lost */
        give_back(p, e, from, next);
#endif
    }
    e->c.compute_us += compute_us;
    e->c.reported = now;
    if (e->c.trim_asked != UINT64_MAX && e->c.end <= e->c.trim_asked) {
        e->c.trim_asked = UINT64_MAX;
        p->trims--;
    }
    if (ended)
        entry_drop(p, e);
    return 0;
}

int pool_return(struct pool *p, uint64_t grant)
{
    struct entry *e = entry_of(p, grant);
    if (!e)
        return ERR_NOT_FOUND;
    entry_drop(p, e);
    return 0;
}

/* Something died in the chunk: the next try reports every leaf near the place. */
static void be_careful(struct pool *p, const struct entry *e, uint64_t window)
{
    uint64_t end = e->c.end - e->c.next > window ? e->c.next + window : e->c.end;
    p->retries++;
    /* Without room the next try is less careful; the death is counted all the same. */
    (void)runset_add(&p->careful, e->c.next, end);
}

static int died(struct pool *p, uint64_t grant, enum death death, struct instant now)
{
    struct entry *e = entry_of(p, grant);
    if (!e)
        return ERR_NOT_FOUND;
    e->c.reported = now;
    uint32_t own = 0;
    if (e->c.next < e->c.end) {
        be_careful(p, e, CAREFUL_DEATH_LEAVES);
        own = poison_add(&p->poison, e->c.next, e->c.node, death);
    }
    entry_drop(p, e);
    return (int)own;
}

int pool_died(struct pool *p, uint64_t grant, bool own_doing, struct instant now)
{
    return died(p, grant, own_doing ? DEATH_OWN : DEATH_OUTSIDE, now);
}

int pool_died_of_memory(struct pool *p, uint64_t grant, struct instant now)
{
    return died(p, grant, DEATH_MEMORY, now);
}

void pool_memory(struct pool *p, struct poison_memory memory)
{
    p->poison.memory = memory;
}

void pool_eligible_of(struct pool *p, struct poison_eligible eligible)
{
    p->poison.eligible = eligible;
}

void pool_suit(struct pool *p, struct pool_suits suits)
{
    p->suits = suits;
}

bool pool_suits_node(const struct pool *p, uint32_t stage, struct node_id node)
{
    return !p->suits.of || p->suits.of(p->suits.ctx, stage, node);
}

void pool_retries_of(struct pool *p, struct poison_retries retries)
{
    p->poison.retries = retries;
}

uint32_t pool_lost(struct pool *p, struct node_id node, uint64_t boot, struct instant now,
                   int64_t *lost_us)
{
    uint32_t lost = 0;
    *lost_us = 0;
    for (uint32_t i = 0; i < p->count;) {
        struct entry *e = p->list[i];
        if (!node_id_equal(e->c.node, node)) {
            i++;
            continue;
        }
        lost++;
        *lost_us += instant_since_us(now, e->c.reported);
        if (e->c.next < e->c.end) {
            be_careful(p, e, CAREFUL_LOSS_LEAVES);
            poison_lost(&p->poison, e->c.next, (struct poison_loss){node, boot});
        }
        entry_drop(p, e);
    }
    return lost;
}

uint32_t pool_left(struct pool *p, struct node_id node)
{
    uint32_t had = 0;
    for (uint32_t i = 0; i < p->count;) {
        if (!node_id_equal(p->list[i]->c.node, node)) {
            i++;
            continue;
        }
        had++;
        entry_drop(p, p->list[i]);
    }
    return had;
}

void pool_not_lost(struct pool *p, struct node_id node, uint64_t boot)
{
    poison_not_lost(&p->poison, (struct poison_loss){node, boot});
}

uint32_t pool_lost_at(const struct pool *p, uint64_t leaf, struct node_id to[POOL_LOST_AT_MAX])
{
    struct poison_loss lost[POISON_LOSSES_MAX];
    uint32_t count = poison_losses(&p->poison, leaf, lost);
    for (uint32_t i = 0; i < count; i++)
        to[i] = lost[i].node;
    return count;
}

static void set_doubt(struct pool *p, struct node_id node, bool doubtful)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (node_id_equal(p->list[i]->c.node, node))
            p->list[i]->c.doubtful = doubtful;
    p->spare_at = (struct instant){0};
}

void pool_doubt(struct pool *p, struct node_id node)
{
    set_doubt(p, node, true);
}

void pool_heard(struct pool *p, struct node_id node)
{
    set_doubt(p, node, false);
}

bool pool_lost_many(const struct pool *p)
{
    return poison_has_losses(&p->poison);
}

bool pool_poisoned(struct pool *p, uint32_t eligible_nodes, bool sure, uint64_t *leaf, char *why,
                   size_t cap)
{
    return poison_judge(&p->poison,
                        (struct poison_court){eligible_nodes, sure, cover_judged(p->cover)}, leaf,
                        why, cap);
}

uint32_t pool_retries(const struct pool *p)
{
    return p->retries;
}
