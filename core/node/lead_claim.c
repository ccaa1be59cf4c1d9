#include "core/node/lead_claim.h"

#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/labour_title.h"
#include "core/node/lead.h"
#include "core/node/left.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/seal.h"
#include "core/node/unlike.h"

/* Numbers of grants of one claim: two coordinators of one epoch do not share any. */
uint64_t lead_grant_base(const struct claim *c)
{
    return (uint64_t)(c->epoch & 0xffff) << 48 | (c->boot & 0xffff) << 32;
}

/* Greater than any that was seen, and than what this process may have claimed before it gave the
 * job up: it can come back from somebody who knows less of it. One that nobody here has heard of
 * was never given up. */
static uint32_t next_epoch(const struct job *j)
{
    const struct node *n = j->node;
    const struct claim *c = ledger_claim(j->ledger);
    uint32_t seen = c == NULL ? 0 : c->epoch;

#if VELUM_PLANT != 221 /* trace/test_places: a job got again is led with an old title */
    if ((c != NULL || directory_find(n, j->id) != NULL) && left_epoch(n, j->id) > seen)
        seen = left_epoch(n, j->id);
#endif
#if VELUM_PLANT == 22 /* sim: a takeover does not raise the epoch */
    return seen > 0 ? seen : 1;
#endif
    return seen + 1;
}

static int write_over(struct job *j, uint32_t epoch, bool full)
{
    struct node *n = j->node;
    struct buf body, fact;
    int rc;

    j->lead->claim = (struct claim){.epoch = epoch,
                                    .boot = n->options.boot,
                                    .node = n->options.id,
                                    .submitted_s = j->submitted_s > 0 ? j->submitted_s : 0,
                                    .elapsed_us = job_elapsed_us(j)};
#if VELUM_PLANT == 681 /* sim: a title says how late it is by its author's clock */
    j->lead->claim.elapsed_us = (uint64_t)n->now.us;
#endif
    buf_init(&body, n->alloc, 1024);
    buf_init(&fact, n->alloc, 8192);
    put_claim_body(&body, j->id, &j->lead->claim);
    rc = seal_later(j, FACT_CLAIM, buf_bytes(&body), &fact);
    if (rc == 0)
        rc = ledger_apply(j->ledger, buf_bytes(&fact));
    if (rc >= 0)
        record_fact(j, buf_bytes(&fact), full);
    buf_clear(&body);
    buf_clear(&fact);
    return rc < 0 ? rc : 0;
}

int lead_claim_write(struct job *j, bool full)
{
    return write_over(j, next_epoch(j), full);
}

void lead_claim_show(struct job *j, struct node_id to)
{
    bool self = node_is_self(j->node, to);
    struct hand *h = lead_hand_make(j, to);
    struct buf b;

    if (h == NULL)
        return;
    h->claim_due = member_works(j->node, to) && !self && !link_has_room(j->node, to);
    j->lead->claims_due += h->claim_due;
    if (h->claim_due)
        return;
    h->shown = lead_grant_base(&j->lead->claim) | j->lead->grant_counter;
    if (!self)
        job_seal(j);
    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    put_block(&b, ledger_claim_fact(j->ledger));
    if (!b.failed)
        send_node(j->node, to, MESSAGE_CLAIM, 0, buf_bytes(&b));
    buf_clear(&b);
    unlike_tell(j, to);
}

void lead_claims_show(struct job *j)
{
    struct lead *l = j->lead;
    bool any = l->claims_due > 0;

    l->claims_due = 0;
    for (uint32_t i = 0; any && i < l->hands_count; i++)
        if (l->hands[i]->claim_due)
            lead_claim_show(j, l->hands[i]->id);
}

int lead_claim_heed(struct job *j)
{
    const struct labour *l = j->labour;
    int rc = 0;

#if VELUM_PLANT != 297 /* trace/test_labour: a title that the own workers obey is not surpassed */
    if (l != NULL)
        labour_title_judge(j);
    if (l != NULL && l->claim_fact.len > 0)
        rc = ledger_apply(j->ledger, buf_bytes(&l->claim_fact));
#endif
    return rc < 0 ? rc : 0;
}

void lead_claim_show_all(struct job *j)
{
    struct node *n = j->node;

    lead_claim_show(j, n->options.id);
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++)
        lead_claim_show(j, mesh_at(n->mesh, i)->info->id);
}

int lead_claim_again(struct job *j, uint32_t above)
{
    int rc = write_over(j, above + 1, true);

    if (rc < 0)
        return rc;
    lead_claim_show_all(j);
    directory_publish(j);
    return 0;
}
