#include "core/node/drain.h"
#include "core/node/holder_tend.h"

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/hearsay.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/submit.h"
#include "core/node/take.h"

#define ORPHAN_US (3 * S_US) /* whoever leads it has time to say so */
#define HEAR_END_US (300 * S_US) /* after a start an end that is told is waited for so long */
#define SURE_US (3 * S_US)   /* after a start, whoever holds a job too can be met */

static bool coordinator_is_well(const struct job *j, const struct claim *c)
{
    const struct node *n = j->node;
    const struct member *m;

    if (node_is_self(n, c->node))
        return j->lead != NULL;
    /* One of an older generation, which was alone with what it has of it. */
    if (level_lacks(j, c->node))
        return false;
    m = mesh_find(n->mesh, c->node);
    if (m == NULL)
        return !member_is_gone(n, c->node);
    return (m->state == NODE_ALIVE || m->state == NODE_AWAY) && m->info->boot == c->boot &&
           !m->info->recovering;
}

bool holder_others_are_gone(const struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);

    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        if (!node_is_self(j->node, h->ids[i]) && !member_is_gone(j->node, h->ids[i]))
            return false;
    return true;
}

/* Who is dead it has by hearsay, from one node that may be cut off from all others. */
static bool has_just_started(const struct node *n)
{
#if VELUM_PLANT == 484 /* trace/test_ended: the first word on who is dead is taken for the last */
    return false;
#endif
    return instant_since_us(n->now, n->started) < SURE_US;
}

/* Others say that it has ended, and one of them is there to be asked for its end, which none of
 * them has shown in vain. */
static bool end_can_be_heard(const struct job *j)
{
    const struct node *n = j->node;
    struct peer_entry e;

#if VELUM_PLANT == 457 /* trace/test_ended: who comes back leads a job that others say has ended */
    return false;
#endif
    if (!hearsay_end_comes(j, &e) || instant_since_us(n->now, n->started) >= HEAR_END_US)
        return false;
    for (uint8_t i = 0; i < e.holders_count; i++)
        if (!node_is_self(n, e.holders[i]) && !member_is_gone(n, e.holders[i]))
            return true;
    return !node_is_self(n, e.coordinator) && !member_is_gone(n, e.coordinator);
}

/* One that drains, or whose disk takes nothing, leaves the title to those whose does. */
static bool another_could_lead(const struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);

    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        if (!node_is_self(j->node, h->ids[i]) && member_works(j->node, h->ids[i]) &&
            member_keeps(j->node, h->ids[i]))
            return true;
    return false;
}

/* True when this node is the one to claim: the first holder by rank that is there. One that is
 * there and does nothing for a second is stepped over: claims settle who wins. */
static bool is_next_in_rank(const struct job *j, const struct claim *c)
{
    const struct node *n = j->node;
    const struct holders *h = ledger_holders(j->ledger);
    int64_t patience_us = 0;

    for (uint8_t i = 0; h != NULL && i < h->count; i++) {
        if (node_is_self(n, h->ids[i]))
            return instant_since_us(n->now, j->unled_since) >= patience_us;
        if (c != NULL && node_id_equal(h->ids[i], c->node))
            continue;
        if (member_works(n, h->ids[i]) && member_keeps(n, h->ids[i]))
            patience_us += S_US;
    }
    return !take_is_holder(j, n->options.id);
}

static void claim_now(struct job *j)
{
    int rc = lead_begin(j, ledger_holders(j->ledger) == NULL);

    if (rc < 0)
        log_line(j->node->options.log, LOG_WARNING, "cannot coordinate: %s", err_sentence(rc));
}

/* Power was lost when only its specification was on the disk: nobody was told that the job is safe,
 * and maybe nobody else has it. */
static void tend_orphan(struct job *j)
{
    struct node *n = j->node;

    if (!submit_nobody_has(j) || !member_keeps(n, n->options.id)) {
        j->unled_since = (struct instant){0};
        return;
    }
    if (j->unled_since.us == 0)
        j->unled_since = n->now;
    if (instant_since_us(n->now, j->unled_since) < ORPHAN_US)
        return;
    j->replayed = false;
    claim_now(j);
}

void holder_tend(struct job *j)
{
    struct node *n = j->node;
    const struct claim *c;

    if (j->ledger == NULL || n->stopping)
        return;
    holder_catch_up(j);
    if (j->lead == NULL && job_is_final(j))
        directory_settles(j);
    if (j->settled)
        return;
    c = ledger_claim(j->ledger);
    if (j->lead != NULL) {
#if VELUM_PLANT != 270 /* trace/test_rivals: a coordinator does not step down for a greater title */
        if (c != NULL && claim_compare(c, &j->lead->claim) > 0)
            lead_end(j);
#endif
        return;
    }
    /* Others look to the author of the greatest claim, holder or not. */
    if (c != NULL && node_is_self(n, c->node) && c->boot == n->options.boot) {
        claim_now(j);
        return;
    }
    if (ledger_holders(j->ledger) == NULL) {
#if VELUM_PLANT != 293 /* trace/test_submit: a job of which only the spec is left waits */
        tend_orphan(j);
#endif
        return;
    }
    /* A former holder is all that is left when the present ones are gone. */
    if ((!take_is_holder(j, n->options.id) && !holder_others_are_gone(j)) ||
        (c != NULL && coordinator_is_well(j, c))) {
        j->unled_since = (struct instant){0};
        return;
    }
#if VELUM_PLANT != 25 /* sim: a replayed job is led before another of its holders has answered */
    if (j->replayed && (!holder_others_are_gone(j) || end_can_be_heard(j) || has_just_started(n)))
        return;
#endif
    if ((!member_keeps(n, n->options.id) || drain_is_on(n)) && another_could_lead(j))
        return;
    if (j->unled_since.us == 0)
        j->unled_since = n->now;
    if (is_next_in_rank(j, c))
        claim_now(j);
}

/* Only where a member that is known to be well coordinates it, and this node is a holder, nothing
 * but silence can come up without an event. */
struct instant holder_tend_due(const struct job *j)
{
    const struct node *n = j->node;
    const struct claim *c = ledger_claim(j->ledger);

    if (j->lead != NULL || job_is_final(j) || c == NULL || mesh_find(n->mesh, c->node) == NULL ||
        !coordinator_is_well(j, c) || !take_is_holder(j, n->options.id))
        return n->now;
    return holder_catch_up_due(j);
}

void holder_tend_all(struct node *n)
{
    for (struct job *j = n->live_jobs; j != NULL; j = j->next_live)
        job_mark_busy(j);
}
