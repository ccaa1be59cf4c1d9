#include "core/job/recheck.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/prng.h"
#include "core/base/sha256.h"

#define VALUES_FIRST 4u

void recheck_init(struct recheck *r, const struct alloc *a, const struct shape *shape,
                  uint64_t secret)
{
    *r = (struct recheck){.alloc = a, .shape = shape, .secret = secret};
    /* Some have no value left. */
    map_init(&r->by_grant, a, sizeof(uint64_t), (size_t)2 * RECHECK_VALUES_MAX);
    map_init(&r->by_again, a, sizeof(uint64_t), (size_t)2 * RECHECK_VALUES_MAX);
}

static void forget(struct recheck *r, struct recheck_chunk *c)
{
    ensure(c->again.grant == 0);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        r->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    else
        r->last = c->prev;
    map_remove(&r->by_grant, &c->grant);
    r->values -= c->count;
    alloc_free(r->alloc, c->values, c->cap * sizeof *c->values);
    alloc_free(r->alloc, c, sizeof *c);
}

static void come_back(struct recheck *r, struct recheck_chunk *c)
{
    if (c->again.grant == 0)
        return;
    map_remove(&r->by_again, &c->again.grant);
    c->again.grant = 0;
    r->out--;
}

void recheck_clear(struct recheck *r)
{
    while (r->first != NULL) {
        come_back(r, r->first);
        forget(r, r->first);
    }
    map_clear(&r->by_grant);
    map_clear(&r->by_again);
}

bool recheck_picks(const struct recheck *r, uint64_t grant, uint32_t per_mille)
{
    struct prng p;

    prng_init(&p, r->secret ^ grant);
    return prng_below(&p, 1000) < per_mille;
}

/* --- what is told --- */

static uint64_t leaves_of(const struct recheck *r, struct tree_node at)
{
    return shape_end(r->shape, at) - tree_first(at);
}

static struct recheck_chunk *chunk_of(struct recheck *r, uint64_t grant, struct node_id author)
{
    struct recheck_chunk *c = map_get(&r->by_grant, &grant);

    if (c != NULL)
        return c;
    c = alloc_zeroed(r->alloc, sizeof *c);
    if (c == NULL)
        return NULL;
    c->grant = grant;
    c->author = author;
    if (map_put(&r->by_grant, &grant, c) < 0) {
        alloc_free(r->alloc, c, sizeof *c);
        return NULL;
    }
    c->prev = r->last;
    if (r->last != NULL)
        r->last->next = c;
    else
        r->first = c;
    r->last = c;
    return c;
}

static bool has_room(struct recheck *r, struct recheck_chunk *c)
{
    void *values = c->values;
    uint32_t cap = c->cap == 0 ? VALUES_FIRST : 2 * c->cap;

    if (r->values >= RECHECK_VALUES_MAX)
        return false;
    if (c->count < c->cap)
        return true;
    if (alloc_grow(r->alloc, &values, c->cap, cap, sizeof *c->values) < 0)
        return false;
    c->values = values;
    c->cap = cap;
    return true;
}

/* What the new value holds is part of it. */
static void drop_held(struct recheck *r, struct recheck_chunk *c, struct tree_node at)
{
    while (c->count > 0 && tree_holds(at, c->values[c->count - 1].at)) {
        c->left -= !c->values[c->count - 1].done;
        c->count--;
        r->values--;
    }
}

/* Each leaf once, though later values hold it again. */
static void miss(struct recheck *r, struct recheck_chunk *c, struct tree_node at)
{
    uint64_t first = tree_first(at), end = shape_end(r->shape, at);

    if (c != NULL && first < c->missed_to)
        first = c->missed_to;
    r->missed += first < end ? end - first : 0;
    if (c != NULL)
        c->missed_to = end;
}

void recheck_told(struct recheck *r, uint64_t grant, struct node_id author, const struct value *v,
                  bool none, struct instant now)
{
    struct recheck_chunk *c = chunk_of(r, grant, author);

    /* Told once more of one that is looked at already: it says the same. */
    if (c != NULL && (c->over || c->again.grant != 0))
        return;
    if (c != NULL) {
#if VELUM_PLANT != 847 /* unit/test_recheck: values that were folded into another stay apart */
        drop_held(r, c, v->at);
#endif
        c->since = now;
    }
    if (c == NULL || !has_room(r, c)) {
        miss(r, c, v->at);
        return;
    }
    c->values[c->count++] = (struct recheck_value){
        .at = v->at, .digest = sha256_of(v->data.data, v->data.len), .none = none};
    c->left++;
    r->values++;
}

void recheck_over(struct recheck *r, uint64_t grant, struct instant now)
{
    struct recheck_chunk *c = map_get(&r->by_grant, &grant);

    if (c == NULL || c->over)
        return;
    c->over = true;
    c->since = c->over_at = now;
    if (c->left == 0)
        forget(r, c);
}

void recheck_settle(struct recheck *r, recheck_open *is_open, void *ctx, struct instant now)
{
    struct recheck_chunk *c, *next;

    for (c = r->first; c != NULL; c = next) {
        next = c->next;
        if (!c->over && !is_open(ctx, c->grant))
            recheck_over(r, c->grant, now);
    }
}

/* --- again --- */

/* The leaves to be computed now: those of all values from the first that has no answer on. One that
 * did not come to all of them goes on with one value alone. */
static void run_of(const struct recheck *r, struct recheck_chunk *c,
                   const struct recheck_rules *rules)
{
    uint32_t i = 0;
    uint64_t end;

    while (c->values[i].done ||
           (c->dispute.open && !tree_equal(c->values[i].at, c->dispute.told.at)))
        i++;
    c->again.first = tree_first(c->values[i].at);
    c->again.end = shape_end(r->shape, c->values[i].at);
    for (i++; c->tries == 0 && i < c->count && !c->values[i].done; i++) {
        end = shape_end(r->shape, c->values[i].at);
        if (tree_first(c->values[i].at) != c->again.end ||
            !rules->is_run(rules->ctx, c->again.first, end))
            break;
        c->again.end = end;
    }
    c->again.next = c->again.first;
}

const struct chunk *recheck_take(struct recheck *r, struct node_id node, uint64_t grant,
                                 const struct recheck_rules *rules, struct instant now)
{
    struct recheck_chunk *c = r->first;

    while (c != NULL && (!c->over || c->again.grant != 0 || !rules->suits(rules->ctx, c, node)))
        c = c->next;
    if (c == NULL || map_put(&r->by_again, &grant, c) < 0)
        return NULL;
    c->again = (struct chunk){.grant = grant, .node = node, .granted = now, .reported = now};
    run_of(r, c, rules);
    c->left_then = c->left;
    r->out++;
    return &c->again;
}

struct recheck_chunk *recheck_find(const struct recheck *r, uint64_t grant)
{
    return map_get(&r->by_again, &grant);
}

struct recheck_chunk *recheck_at(const struct recheck *r, struct node_id node)
{
    struct recheck_chunk *c = r->first;

    while (c != NULL && (c->again.grant == 0 || !node_id_equal(c->again.node, node)))
        c = c->next;
    return c;
}

struct recheck_chunk *recheck_waiting(const struct recheck *r, const struct recheck_chunk *after)
{
    struct recheck_chunk *c = after == NULL ? r->first : after->next;

    while (c != NULL && (!c->over || c->again.grant != 0))
        c = c->next;
    return c;
}

static void set_done(struct recheck_chunk *c, struct recheck_value *v)
{
    v->done = true;
    c->left--;
}

/* The only one that can be of this tree node, or hold it: the last that begins no later. */
static struct recheck_value *told_of(struct recheck_chunk *c, struct tree_node at)
{
    uint32_t low = 0, high = c->count, mid;

    while (low < high) {
        mid = low + (high - low) / 2;
        if (tree_first(c->values[mid].at) <= tree_first(at))
            low = mid + 1;
        else
            high = mid;
    }
    return low == 0 || c->values[low - 1].done ? NULL : &c->values[low - 1];
}

/* Below it a search has found something where nothing was to be found. */
static bool is_refuted(const struct recheck_value *told, const struct value *v, bool none)
{
    return told->none && !none && tree_holds(told->at, v->at);
}

enum recheck_answer recheck_answer(struct recheck *r, struct recheck_chunk *c,
                                   const struct value *v, bool none, struct recheck_value *what)
{
    struct recheck_value *told = told_of(c, v->at);

    if (told == NULL)
        return RECHECK_NOTHING;
    *what = *told;
    if (is_refuted(told, v, none))
        return RECHECK_DIFFERS;
    if (!tree_equal(told->at, v->at))
        return RECHECK_NOTHING;
#if VELUM_PLANT != 834 /* unit/test_recheck: what was computed again is not compared */
    if (!digest_equal(told->digest, sha256_of(v->data.data, v->data.len)))
        return RECHECK_DIFFERS;
#endif
    set_done(c, told);
    r->checked += leaves_of(r, v->at);
    return RECHECK_EQUAL;
}

void recheck_dispute(struct recheck *r, struct recheck_chunk *c, const struct recheck_value *told,
                     struct digest found, struct instant now)
{
    c->dispute = (struct recheck_dispute){true, *told, c->again.node, found, now};
    come_back(r, c);
    c->tries = 1;
    c->since = now;
}

void recheck_back(struct recheck *r, struct recheck_chunk *c, bool refused, struct instant now)
{
    come_back(r, c);
    /* Where some had their answer the others are asked for one by one. */
    if (c->left < c->left_then)
        c->tries = 1;
#if VELUM_PLANT != 941 /* unit/test_recheck: who has no time for a check has tried it */
    else if (!refused || instant_since_us(now, c->over_at) >= RECHECK_REFUSED_US)
#else
    else
#endif
        c->tries++;
    c->since = now;
    if (!c->dispute.open && (c->left == 0 || c->tries >= RECHECK_TRIES_MAX))
        recheck_give_up(r, c);
}

void recheck_give_up(struct recheck *r, struct recheck_chunk *c)
{
    come_back(r, c);
    for (uint32_t i = 0; i < c->count; i++)
        r->missed += c->values[i].done ? 0 : leaves_of(r, c->values[i].at);
    forget(r, c);
}

void recheck_cut(struct recheck *r, uint64_t end)
{
    struct recheck_chunk *c, *next;

    for (c = r->first; c != NULL; c = next) {
        next = c->next;
        for (uint32_t i = 0; i < c->count; i++)
            if (!c->values[i].done && tree_first(c->values[i].at) >= end) {
                set_done(c, &c->values[i]);
                c->dispute.open &= !tree_equal(c->values[i].at, c->dispute.told.at);
            }
        if (c->left == 0 && c->over && c->again.grant == 0)
            forget(r, c);
    }
}

bool recheck_is_disputed(const struct recheck *r)
{
    for (const struct recheck_chunk *c = r->first; c != NULL; c = c->next)
        if (c->dispute.open)
            return true;
    return false;
}

uint32_t recheck_left(const struct recheck *r)
{
    return (uint32_t)r->by_grant.count;
}
