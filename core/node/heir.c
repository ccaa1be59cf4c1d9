#include "core/node/heir.h"

#include <string.h>

#include "core/node/directory.h"
#include "core/node/link.h"
#include "core/node/place.h"
#include "core/wire/feature.h"

bool heir_knows(const struct entry *e, struct node_id id)
{
    for (uint8_t i = 0; i < e->known_count; i++)
        if (node_id_equal(e->known[i], id))
            return true;
    return false;
}

/* It is told to lead it, or known to have it. */
static bool has_part(const struct entry *e, struct node_id id)
{
    return node_id_equal(e->coordinator, id) || heir_knows(e, id);
}

void heir_taken(struct entry *e, const struct peer_entry *p)
{
    if (p->by_others)
        return;
    e->known_count = p->holders_count;
    memcpy(e->known, p->holders, sizeof e->known);
}

static bool is_there(const struct node *n, struct node_id id)
{
    return !node_id_is_zero(id) && !node_is_self(n, id) && !member_is_gone(n, id);
}

static bool all_are_gone(const struct node *n, const struct entry *e)
{
    for (uint8_t i = 0; i < e->known_count; i++)
        if (is_there(n, e->known[i]))
            return false;
    return !is_there(n, e->coordinator);
}

void heir_ask(struct node *n, struct job_id job, struct node_id to)
{
    const struct peer_sync m = {.job = job, .answer = SYNC_ANSWER};
    uint8_t bytes[256];
    struct buf b;

    if (!is_there(n, to))
        return;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    send_node(n, to, MESSAGE_SYNC, 0, buf_bytes(&b));
}

static void ask_ranked(struct node *n, const struct entry *e)
{
    struct vouches *v = &n->vouches;
    struct heir_ask *a = &v->heirs[v->heirs_next++ % HEIR_ASKED_MAX];
    const struct holders ranked = place_wanted(n, e->id, FEATURE_FIRST, NULL, false);

    *a = (struct heir_ask){.job = e->id, .since = n->now};
    for (uint8_t i = 0; i < ranked.count && i < HEIR_RANKED_MAX; i++) {
        const struct node_id id = ranked.ids[i];

        a->ranked[a->count++] = id;
        if (!has_part(e, id))
            heir_ask(n, e->id, id);
    }
}

static bool is_asked(const struct node *n, struct job_id job, struct node_id id)
{
    for (uint32_t i = 0; i < HEIR_ASKED_MAX; i++) {
        const struct heir_ask *a = &n->vouches.heirs[i];

        if (a->count == 0 || !job_id_equal(a->job, job) ||
            instant_since_us(n->now, a->since) >= HEIR_ASK_US)
            continue;
        for (uint8_t k = 0; k < a->count; k++)
            if (node_id_equal(a->ranked[k], id))
                return true;
    }
    return false;
}

bool heir_says(const struct node *n, const struct entry *e, struct node_id from,
               const struct peer_entry *p)
{
#if VELUM_PLANT == 1103 /* trace/test_heirs: who told of a job first says for ever who leads it */
    return false;
#endif
    return !node_id_equal(p->coordinator, e->coordinator) && is_asked(n, e->id, from);
}

static void ask(struct node *n, struct entry *e)
{
    struct vouches *v = &n->vouches;

    if (e->heir_asked.us != 0 && instant_since_us(n->now, e->heir_asked) < HEIR_ASK_US)
        return;
    if (!window_take(&v->heirs_asked, n->now, HEIR_ASKS_MAX))
        return;
    e->heir_asked = n->now;
    heir_ask(n, e->id, e->coordinator);
    for (uint8_t i = 0; i < e->known_count; i++)
        if (!node_id_equal(e->known[i], e->coordinator))
            heir_ask(n, e->id, e->known[i]);
    ask_ranked(n, e);
}

bool heir_leads(struct node *n, struct job_id job, struct node_id id, struct node_id other)
{
    struct entry *e = directory_find(n, job);

    if (e == NULL || e->ended)
        return false;
    if (!has_part(e, other))
        return node_id_equal(e->coordinator, id);
    if (!has_part(e, id))
        ask(n, e);
    return false;
}

bool heir_allows(struct node *n, struct entry *e, struct node_id from, struct peer_entry *p)
{
#if VELUM_PLANT == 1054 /* trace/test_hearsay: who says so leads a job */
    return true;
#endif
    if (has_part(e, from) || all_are_gone(n, e) || heir_says(n, e, from, p))
        return true;
    p->by_others = true;
    if (has_part(e, p->coordinator))
        return true;
    ask(n, e);
    p->coordinator = e->coordinator;
    return job_state_is_final(p->view.state);
}
