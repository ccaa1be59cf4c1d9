#include "core/node/heir.h"

#include <string.h>

#include "core/node/link.h"

bool heir_knows(const struct entry *e, struct node_id id)
{
    for (uint8_t i = 0; i < e->known_count; i++)
        if (node_id_equal(e->known[i], id))
            return true;
    return false;
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

static void ask(struct node *n, struct entry *e)
{
    struct vouches *v = &n->vouches;

    if (instant_since_us(n->now, v->heirs_since) >= S_US) {
        v->heirs_since = n->now;
        v->heirs_asked = 0;
    }
    if (v->heirs_asked == HEIR_ASKS_MAX ||
        (e->heir_asked.us != 0 && instant_since_us(n->now, e->heir_asked) < HEIR_ASK_US))
        return;
    v->heirs_asked++;
    e->heir_asked = n->now;
    heir_ask(n, e->id, e->coordinator);
    for (uint8_t i = 0; i < e->known_count; i++)
        if (!node_id_equal(e->known[i], e->coordinator))
            heir_ask(n, e->id, e->known[i]);
}

bool heir_allows(struct node *n, struct entry *e, struct node_id from, struct peer_entry *p)
{
#if VELUM_PLANT == 1054 /* trace/test_hearsay: who says so leads a job */
    return true;
#endif
    if (node_id_equal(from, e->coordinator) || heir_knows(e, from) || all_are_gone(n, e))
        return true;
    p->by_others = true;
    if (node_id_equal(p->coordinator, e->coordinator) || heir_knows(e, p->coordinator))
        return true;
    ask(n, e);
    p->coordinator = e->coordinator;
    return job_state_is_final(p->view.state);
}
