#include "core/node/quarantine.h"

#include "core/node/drain.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/linked.h"

struct quarantined {
    struct node_id id;
    struct instant until;
};

struct quarantine {
    uint32_t count, next;
    struct quarantined list[QUARANTINE_MAX]; /* a ring */
};

void quarantine_free(struct node *n)
{
    if (n->quarantine != NULL)
        alloc_free(n->alloc, n->quarantine, sizeof *n->quarantine);
    n->quarantine = NULL;
}

bool quarantine_has(const struct node *n, struct node_id id)
{
    const struct quarantine *q = n->quarantine;

    for (uint32_t i = 0; q != NULL && i < q->count; i++)
        if (node_id_equal(q->list[i].id, id) && instant_before(n->now, q->list[i].until))
            return true;
    return false;
}

bool quarantine_any(const struct node *n)
{
    return n->quarantine != NULL;
}

bool member_idles(const struct node *n, const struct member *m)
{
    return member_drains(m) || quarantine_has(n, m->info->id);
}

/* Whoever counts slots looks again. */
static void change(struct node *n)
{
    n->sites_stale = true;
    n->members_changes++;
    n->assign_wanted = true;
}

void quarantine_add(struct node *n, struct node_id id)
{
    struct quarantine *q;
    char name[NODE_NAME_SIZE];

    if (node_is_self(n, id) || quarantine_has(n, id))
        return;
    if (n->quarantine == NULL)
        n->quarantine = node_alloc(n, sizeof *n->quarantine);
    q = n->quarantine;
    if (q == NULL)
        return;
    q->list[q->next] = (struct quarantined){id, instant_plus_us(n->now, QUARANTINE_US)};
    q->next = (q->next + 1) % QUARANTINE_MAX;
    q->count += q->count < QUARANTINE_MAX;
    member_name(n, id, name);
    log_line(n->options.log, LOG_WARNING,
             "quarantine: %s told what two others did not come to; it gets no work of jobs that "
             "this node coordinates for a day (velum revoke %s shuts it out)",
             name, name);
    change(n);
}

void quarantine_say(struct job *j, char *text, size_t cap)
{
    const struct node *n = j->node;
    char name[NODE_NAME_SIZE];
    uint32_t slots;

#if VELUM_PLANT == 1129 /* trace/test_check: a job waits for who is in quarantine without a word */
    return;
#endif
    if (!quarantine_any(n) || lead_eligible(j, &slots) > 0)
        return;
    for (uint32_t i = 0; i < linked_count(n); i++) {
        const struct member *m = linked_at(n, i);
        const struct hand *h = lead_hand(j->lead, m->info->id);

        if (!member_is_there(m) || !quarantine_has(n, m->info->id) || (h != NULL && h->no_kernel))
            continue;
        member_name(n, m->info->id, name);
        text_append(text, cap, "none but ");
        text_append(text, cap, name);
        text_append(text, cap,
                    " could run it, which gets no work for a day: it told what two others did not "
                    "come to");
        return;
    }
}
