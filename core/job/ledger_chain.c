/* Lists of holders that were replaced, as far as they are needed to see that the present one may be
 * believed: see ledger.h. Who wrote a list was a holder by then. So for the author of the present
 * one the earliest list that is kept and names him is needed, for its author the same, and so on.
 * Who stands in none of them, or wrote the earliest himself, was named before there was any.
 *
 * A list of the first generation is never needed: who knows any list knows of no earlier one. */
#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/job/ledger_inside.h"

uint32_t ledger_chain_count(const struct ledger *l)
{
    return l->chain.count;
}

size_t chain_bytes(const struct ledger *l)
{
    size_t bytes = l->chain.cap * sizeof *l->chain.lists;

    for (uint32_t i = 0; i < l->chain.count; i++)
        bytes += l->chain.lists[i].fact.cap;
    return bytes;
}

void chain_clear(struct ledger *l)
{
    for (uint32_t i = 0; i < l->chain.count; i++)
        buf_clear(&l->chain.lists[i].fact);
    alloc_free(l->alloc, l->chain.lists, l->chain.cap * sizeof *l->chain.lists);
    l->chain = (struct chain){0};
}

bool chain_keeps(const struct ledger *l, struct bytes fact)
{
    for (uint32_t i = 0; i < l->chain.count; i++)
        if (bytes_equal(buf_bytes(&l->chain.lists[i].fact), fact))
            return true;
    return false;
}

bool list_is_of(const struct holders_variant *v, const struct fact *f)
{
    struct fact had;

    if (!node_id_is_zero(v->by) && !node_id_is_zero(f->by))
        return node_id_equal(v->by, f->by);
    ensure(fact_read(buf_bytes(&v->fact), &had) == 0);
    return bytes_equal(had.sealed.certificate, f->sealed.certificate);
}

static bool names(const struct holders *h, struct node_id id)
{
    for (uint8_t i = 0; i < h->count; i++)
        if (node_id_equal(h->ids[i], id))
            return true;
    return false;
}

static bool may_be_needed(const struct holders *h)
{
    return h->generation > 1;
}

static void drop(struct chain *c, uint32_t i)
{
    buf_clear(&c->lists[i].fact);
    memmove(c->lists + i, c->lists + i + 1, (c->count - i - 1) * sizeof *c->lists);
    c->count--;
}

/* Marks the lists that made him a holder. Of one whose author nobody has looked up all before it
 * may be among them. */
static void mark(const struct chain *c, struct node_id id, bool needed[LEDGER_CHAIN_MAX])
{
    uint32_t i;

    for (;;) {
        for (i = 0; i < c->count && !names(&c->lists[i].holders, id); i++)
            ;
        if (i == c->count || needed[i] || node_id_equal(c->lists[i].by, id))
            return;
        needed[i] = true;
        id = c->lists[i].by;
        if (node_id_is_zero(id))
            break;
    }
    while (i-- > 0)
        needed[i] = true;
}

void chain_prune(struct ledger *l)
{
    bool needed[LEDGER_CHAIN_MAX] = {0};

    for (uint32_t i = 0; i < l->variants_count; i++) {
#if VELUM_PLANT != 971 /* unit/test_chain: of an author that is not known nothing is kept */
        if (node_id_is_zero(l->variants[i].by))
            return;
#endif
        mark(&l->chain, l->variants[i].by, needed);
    }
    for (uint32_t i = l->chain.count; i-- > 0;)
        if (!needed[i])
            drop(&l->chain, i);
    if (l->chain.count == 0)
        chain_clear(l);
}

int chain_room(struct ledger *l, uint32_t more)
{
    uint32_t cap = l->chain.count + (l->holders.generation > 1 ? more : 0);
    void *lists = l->chain.lists;
    int rc;

    cap = cap < LEDGER_CHAIN_MAX ? cap : LEDGER_CHAIN_MAX;
    if (cap <= l->chain.cap)
        return 0;
    rc = alloc_grow(l->alloc, &lists, l->chain.cap, cap, sizeof *l->chain.lists);
    if (rc < 0)
        return rc;
    l->chain.lists = lists;
    l->chain.cap = cap;
    return 0;
}

/* By generation; those of one in the order in which they come. */
static void insert(struct ledger *l, const struct holders_variant *v)
{
    struct chain *c = &l->chain;
    uint32_t i;

    if (c->count == LEDGER_CHAIN_MAX)
        drop(c, 0);
    for (i = c->count++; i > 0; i--) {
        if (c->lists[i - 1].holders.generation <= v->holders.generation)
            break;
        c->lists[i] = c->lists[i - 1];
    }
    c->lists[i] = *v;
}

void chain_take(struct ledger *l, struct holders_variant *v)
{
    if (may_be_needed(&v->holders))
        insert(l, v);
    else
        buf_clear(&v->fact);
    *v = (struct holders_variant){0};
}

/* It is needed if the list that comes next is by one whom it names. */
int chain_learn(struct ledger *l, const struct holders *h, struct bytes fact, struct node_id by)
{
    struct holders_variant v = {.holders = *h, .by = by};
    int rc;

    if (!may_be_needed(h) || l->chain.count == LEDGER_CHAIN_MAX || chain_keeps(l, fact))
        return 0;
    rc = chain_room(l, 1);
    if (rc == 0)
        rc = ledger_keep(l, &v.fact, fact);
    if (rc < 0)
        return rc;
    insert(l, &v);
    return 0;
}

/* The chain's come first. */
static struct holders_variant *list_at(const struct ledger *l, uint32_t at)
{
    uint32_t chained = l->chain.count;

    if (at < chained)
        return &l->chain.lists[at];
    return at - chained < l->variants_count ? &l->variants[at - chained] : NULL;
}

bool ledger_list_unsigned(const struct ledger *l, uint32_t *at, struct bytes *fact)
{
    const struct holders_variant *v;

    for (; (v = list_at(l, *at)) != NULL; (*at)++) {
        if (!node_id_is_zero(v->by))
            continue;
        *fact = buf_bytes(&v->fact);
        return true;
    }
    return false;
}

void ledger_list_signed(struct ledger *l, uint32_t at, struct node_id by)
{
    struct holders_variant *v = list_at(l, at);

    ensure(v != NULL);
    v->by = by;
}
