#include "core/node/drain.h"
#include "core/node/place.h"

#include <string.h>

#include "core/base/sha256.h"
#include "core/node/jobs.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/seal.h"
#include "core/node/warrant.h"

#define LOOK_US (500 * MS_US) /* between two looks at a list that is not urgent */
#define RANKED_MAX 16

struct ranked {
    struct node_id id;
    struct digest machine, rank;
};

bool holders_have(const struct holders *h, struct node_id id)
{
    for (uint8_t i = 0; i < h->count; i++)
        if (node_id_equal(h->ids[i], id))
            return true;
    return false;
}

bool holders_contain(const struct holders *h, const struct holders *these)
{
    for (uint8_t i = 0; i < these->count; i++)
        if (!holders_have(h, these->ids[i]))
            return false;
    return true;
}

static void holders_add(struct holders *h, struct node_id id)
{
    if (h->count < FACT_HOLDERS_MAX && !holders_have(h, id))
        h->ids[h->count++] = id;
}

bool holders_lack(const struct node *n, const struct holders *h)
{
    for (uint8_t i = 0; i < h->count; i++)
        if (!node_is_self(n, h->ids[i]) && !member_keeps(n, h->ids[i]))
            return true;
    return false;
}

/* --- rank --- */

static void rank_insert(struct ranked *list, uint32_t *count, const struct ranked *r)
{
    uint32_t i;

    if (*count == RANKED_MAX && memcmp(r->rank.bytes, list[RANKED_MAX - 1].rank.bytes, ID_SIZE) < 0)
        return;
    i = *count < RANKED_MAX ? (*count)++ : RANKED_MAX - 1;
    for (; i > 0 && memcmp(r->rank.bytes, list[i - 1].rank.bytes, ID_SIZE) > 0; i--)
        list[i] = list[i - 1];
    list[i] = *r;
}

static struct ranked rank_of(const struct node *n, struct job_id job, struct node_id id)
{
    uint8_t text[2 * ID_SIZE];

    memcpy(text, job.bytes, ID_SIZE);
    memcpy(text + ID_SIZE, id.bytes, ID_SIZE);
    return (struct ranked){
        .id = id, .machine = member_machine(n, id), .rank = sha256_of(text, sizeof text)};
}

/* One that is only doubted stays where it is, but gets nothing new. */
static bool may_hold(const struct node *n, const struct member *m, const struct holders *now)
{
    return m->state == NODE_ALIVE
               ? !m->info->recovering
               : now != NULL && holders_have(now, m->info->id) && member_keeps(n, m->info->id);
}

static bool self_may_hold(const struct node *n)
{
#if VELUM_PLANT == 906 /* trace/test_drain: whoever drains goes on to keep objects */
    return member_keeps(n, n->options.id) && !n->stopping;
#endif
    return member_keeps(n, n->options.id) && !n->stopping && !drain_is_on(n);
}

/* Soon after the own start present holders may not have been met yet. */
static bool unmet_may_hold(const struct node *n, struct node_id id)
{
    return !node_is_self(n, id) && mesh_find(n->mesh, id) == NULL && member_keeps(n, id);
}

/* Whether the node can read what a job of this level has. */
static bool can_read(const struct node *n, struct node_id id, uint64_t level)
{
    return level <= FEATURE_FIRST || !level_is_below(n, id, level);
}

uint32_t place_count(const struct node *n, uint64_t level, const struct holders *now)
{
    uint32_t count = self_may_hold(n);

    for (uint32_t i = 0; i < mesh_count(n->mesh) && count < COPIES_MAX; i++)
        count += may_hold(n, mesh_at(n->mesh, i), now) &&
                 can_read(n, mesh_at(n->mesh, i)->info->id, level);
    for (uint8_t i = 0; i < now->count && count < COPIES_MAX; i++)
        count += unmet_may_hold(n, now->ids[i]);
    return count;
}

/* Rendezvous hashing (Thaler and Ravishankar, 1998). */
static uint32_t rank_all(const struct node *n, struct job_id job, const struct holders *now,
                         uint64_t size, place_lacks *lacks, struct ranked *list)
{
    uint32_t count = 0;
    struct ranked r;

    if (self_may_hold(n)) {
        r = rank_of(n, job, n->options.id);
        rank_insert(list, &count, &r);
    }
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        const struct member *m = mesh_at(n->mesh, i);

        if (!may_hold(n, m, now) || (lacks != NULL && lacks(n, m->info->id, size)))
            continue;
        r = rank_of(n, job, m->info->id);
        rank_insert(list, &count, &r);
    }
    for (uint8_t i = 0; now != NULL && i < now->count; i++) {
        if (!unmet_may_hold(n, now->ids[i]))
            continue;
        r = rank_of(n, job, now->ids[i]);
        rank_insert(list, &count, &r);
    }
    return count;
}

/* The first pass takes one node a machine, the second fills up. */
static struct holders best_of(const struct node *n, const struct ranked *list, uint32_t count,
                              bool self)
{
    struct digest machines[COPIES_MAX];
    struct holders out = {0};

    if (self) {
        machines[0] = n->options.machine;
        holders_add(&out, n->options.id);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < count && out.count < COPIES_MAX; i++) {
            bool skip = holders_have(&out, list[i].id);

            for (uint8_t k = 0; k < out.count && pass == 0; k++)
                skip |= digest_equal(machines[k], list[i].machine);
            if (skip)
                continue;
            machines[out.count] = list[i].machine;
            holders_add(&out, list[i].id);
        }
    }
    return out;
}

struct holders place_wanted(const struct node *n, struct job_id job, uint64_t level,
                            const struct holders *now, bool self)
{
    struct ranked list[RANKED_MAX];
#if VELUM_PLANT == 744 /* trace/test_levels: who cannot read a job is to keep it */
    level = 0;
#endif
    uint32_t count =
        rank_all(n, job, now, level, level > FEATURE_FIRST ? level_is_below : NULL, list);

    return best_of(n, list, count, self);
}

struct holders place_keepers(const struct node *n, struct digest name, uint64_t size,
                             place_lacks *lacks)
{
    struct ranked list[RANKED_MAX];
    struct job_id as;
    uint32_t count;

    memcpy(as.bytes, name.bytes, ID_SIZE);
    count = rank_all(n, as, NULL, size, lacks, list);
    return best_of(n, list, count, false);
}

struct node_id place_first(const struct node *n, struct job_id job, uint64_t level)
{
    struct holders h = place_wanted(n, job, level, NULL, false);

    return h.count > 0 ? h.ids[0] : n->options.id;
}

struct holders place_grown(const struct node *n, const struct holders *now,
                           const struct holders *wanted)
{
    struct holders out = *wanted;

    for (uint8_t i = 0; now != NULL && i < now->count; i++)
        if (member_keeps(n, now->ids[i]))
            holders_add(&out, now->ids[i]);
    return out;
}

/* --- writing --- */

/* Who is not in the list any more gets no batches: it is told here, and else when it compares. */
static void tell_left_out(struct job *j, const struct holders *before, struct bytes fact)
{
    const struct holders *now = ledger_holders(j->ledger);
    struct buf b;

    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, j->id, 0, false, 1);
    put_block(&b, fact);
    j->node->memory_out |= b.no_memory;
    for (uint8_t i = 0; i < before->count && !b.failed; i++)
        if (!holders_have(now, before->ids[i]) && member_works(j->node, before->ids[i]))
            send_node(j->node, before->ids[i], MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&b);
}

static int write_list(struct job *j, const struct holders *next, uint32_t generation, bool full)
{
    struct node *n = j->node;
    const struct holders *now = ledger_holders(j->ledger);
    struct holders before = {0}, list = *next;
    struct buf body, fact;
    struct fact f;
    int rc;

    if (now != NULL)
        before = *now;
    list.generation = generation;
    buf_init(&body, n->alloc, 1024);
    buf_init(&fact, n->alloc, 8192);
    put_holders_body(&body, j->id, &list);
    /* Before there is a list that is not signed yet and not in the ledger. */
    warrant_authors(j);
    rc = seal_later(j, FACT_HOLDERS, buf_bytes(&body), &fact);
    if (rc == 0)
        rc = fact_read(buf_bytes(&fact), &f);
    if (rc == 0) {
        f.by = n->options.id;
        rc = ledger_apply_read(j->ledger, buf_bytes(&fact), &f, NULL);
    }
    if (rc >= 0) {
        place_list_replaced(j, &before);
        record_fact(j, buf_bytes(&fact), full);
        tell_left_out(j, &before, buf_bytes(&fact));
    }
    buf_clear(&body);
    buf_clear(&fact);
    return rc < 0 ? rc : 0;
}

int place_write(struct job *j, const struct holders *next, bool full)
{
    const struct holders *now = ledger_holders(j->ledger);

    if (now != NULL && now->count == next->count && holders_contain(now, next))
        return 0;
    return write_list(j, next, now == NULL ? 1 : now->generation + 1, full);
}

int place_again(struct job *j, uint32_t above)
{
    const struct holders same = *ledger_holders(j->ledger);

    return write_list(j, &same, above + 1, true);
}

int place_begin(struct job *j, bool full)
{
    const struct holders *now = ledger_holders(j->ledger);
    struct holders wanted = place_wanted(j->node, j->id, j->graph->level, now, true), next = wanted;

    /* The others of a list that is well stay, until better ones have everything. */
    if (now != NULL)
        next = place_grown(j->node, now, &wanted);
    if (now != NULL && holders_have(now, j->node->options.id) && !holders_lack(j->node, now) &&
        now->count >= wanted.count)
        return 0;
    return place_write(j, &next, full);
}

/* All that are wanted have synced what there was when they came in. */
static bool all_have_it(const struct job *j, const struct holders *wanted)
{
    bool all = true;

#if VELUM_PLANT == 141 /* trace/test_places: a list shrinks before the new holders have anything */
    return true;
#endif
    for (uint8_t i = 0; i < wanted->count; i++)
        all &= node_is_self(j->node, wanted->ids[i]) || replica_is_up(j, wanted->ids[i]);
    return all;
}

void place_tend(struct job *j)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    const struct holders *now = ledger_holders(j->ledger);
    bool lack = holders_lack(n, now), few;
    struct holders wanted, next;

    if (!lack && !instant_reached(n->now, l->place_at) && n->view_changed.us == l->view_seen.us)
        return;
    l->view_seen = n->view_changed;
    l->place_at = instant_plus_us(n->now, LOOK_US);
    wanted = place_wanted(n, j->id, j->graph->level, now, true);
    few = now->count < wanted.count;
    if (lack || few || !holders_have(now, n->options.id) ||
        (!holders_contain(now, &wanted) &&
         instant_since_us(n->now, n->view_changed) >= PLACE_CALM_US))
        next = place_grown(n, now, &wanted);
    else if (now->count > wanted.count && holders_contain(now, &wanted) && all_have_it(j, &wanted))
        next = wanted;
    else
        return;
    if (place_write(j, &next, true) == 0)
        replicas_follow(j);
}

/* --- what is left --- */

void machines_add(struct machines *m, struct digest machine)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (digest_equal(m->seen[i], machine))
            return;
    ensure(m->count < HOLDERS_MAX + 1);
    m->seen[m->count++] = machine;
}

void place_left(const struct node *n, const struct node_id *holders, uint32_t count,
                place_says *is_gone, uint32_t *copies, uint32_t *machines)
{
    struct machines left = {0};
    uint32_t gone = 0;

    for (uint32_t i = 0; i < count && i < HOLDERS_MAX; i++)
        gone += is_gone(n, holders[i]);
    /* Whoever counted knew their machines, which may not be known here yet. */
    if (gone == 0)
        return;
    for (uint32_t i = 0; i < count && i < HOLDERS_MAX; i++)
        if (!is_gone(n, holders[i]))
            machines_add(&left, member_machine(n, holders[i]));
    *copies -= gone < *copies ? gone : *copies;
    if (*machines > left.count)
        *machines = left.count;
    if (*machines > *copies)
        *machines = *copies;
}

void place_list_replaced(struct job *j, const struct holders *before)
{
    if (j->settled && j->copies > 0)
        place_left(j->node, before->ids, before->count, member_is_gone, &j->copies, &j->machines);
}
