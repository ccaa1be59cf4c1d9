#include "core/node/labour_title.h"

#include "core/base/err.h"
#include "core/node/given.h"
#include "core/node/heir.h"
#include "core/node/jobs.h"
#include "core/node/labour_report.h"
#include "core/node/lead_claim.h"
#include "core/node/link.h"
#include "core/node/seal.h"
#include "core/node/warrant.h"

/* Whoever had a lesser one is not told what is open any more; this one is when it shows its own.
 * What nobody has confirmed goes to it in any case: it may have begun without showing any. */
static void obey(struct job *j, const struct claim *claim, struct bytes fact)
{
    struct labour *l = j->labour;
    const bool is_another = !node_id_equal(claim->node, l->claim.node);

#if VELUM_PLANT != 773 /* trace/test_labour: what is open is told to another than asked */
    if (claim_compare(claim, &l->claim) != 0)
        l->open_due = false;
#endif
    l->claim = *claim;
    buf_reset(&l->claim_fact);
    put_raw(&l->claim_fact, fact.data, fact.len);
#if VELUM_PLANT != 1140 /* trace/test_heirs: what one heard who leads no more nobody else hears */
    if (is_another)
        labour_report_anew(j);
#endif
}

void labour_title_judge(struct job *j)
{
    struct labour *l = j->labour;
    const struct claim *known = j->ledger == NULL ? NULL : ledger_claim(j->ledger);
    const struct fact f = {.kind = FACT_CLAIM, .by = l->claim.node};

    if (known == NULL || l->claim_fact.len == 0 || claim_compare(&l->claim, known) <= 0 ||
        warrant_is(j, &f, l->claim.node))
        return;
    obey(j, known, ledger_claim_fact(j->ledger));
}

/* One far ahead is somebody who wants to end all claims. But whose title is obeyed, or who has the
 * job, may have had to raise it while this node was away. */
static uint32_t epoch_max(const struct job *j, const struct fact *f, struct node_id from)
{
    const struct claim *known = j->ledger == NULL ? NULL : ledger_claim(j->ledger);
    const struct labour *l = j->labour;
    const uint32_t seen =
        known != NULL && known->epoch > l->claim.epoch ? known->epoch : l->claim.epoch;

    if (seen == 0)
        return TITLE_FAR_MAX;
#if VELUM_PLANT != 1043 /* trace/test_leaps: who was away refuses its own coordinator's title */
    if (node_id_equal(f->by, l->claim.node) ||
        (j->ledger != NULL && (warrant_is_with(j, from) || warrant_is_with(j, f->by))))
        return TITLE_FAR_MAX > seen + CLAIM_AHEAD_MAX ? TITLE_FAR_MAX : seen + CLAIM_AHEAD_MAX;
#endif
    return seen + CLAIM_AHEAD_MAX;
}

/* He shows it himself, which the one that is obeyed has no part in. */
static bool leads_instead(struct job *j, const struct fact *f, struct node_id from)
{
#if VELUM_PLANT == 1104 /* trace/test_heirs: a worker that a thief found first is his */
    return false;
#endif
    return j->ledger == NULL && node_id_equal(f->by, from) &&
           !node_id_equal(f->by, j->labour->claim.node) &&
           heir_leads(j->node, j->id, from, j->labour->claim.node);
}

static bool is_rival(struct job *j, struct node_id id)
{
    const struct labour_rival *r = &j->labour->rival;

    return j->ledger == NULL && node_id_equal(r->id, id) &&
           instant_since_us(j->node->now, r->since) < TITLE_RIVAL_US &&
           heir_leads(j->node, j->id, j->labour->claim.node, id);
}

int labour_title(struct job *j, struct node_id from, struct bytes fact)
{
    struct node *n = j->node;
    struct labour *l = j->labour;
    const struct claim *known;
    struct fact f;
    int rc;

    labour_title_judge(j);
    if (bytes_equal(fact, buf_bytes(&l->claim_fact)))
        return 1;
    known = j->ledger == NULL ? NULL : ledger_claim(j->ledger);
    rc = fact_read(fact, &f);
    if (rc < 0 || f.kind != FACT_CLAIM || !job_id_equal(f.job, j->id))
        return ERR_FORMAT;
    /* The own claim need not be signed yet. */
    rc = known != NULL && bytes_equal(fact, ledger_claim_fact(j->ledger)) ? 0 : fact_verify(n, &f);
    if (rc < 0)
        return rc;
    f.by = f.claim.node;
    if (known != NULL && claim_compare(&f.claim, known) < 0) {
        obey(j, known, ledger_claim_fact(j->ledger));
        return 0;
    }
#if VELUM_PLANT != 19 /* trace/test_labour: a coordinator of an older epoch is obeyed */
    if (l->claim_fact.len > 0 && claim_compare(&f.claim, &l->claim) < 0) {
        if (!leads_instead(j, &f, from))
            return 0;
        l->rival = (struct labour_rival){l->claim.node, n->now};
        obey(j, &f.claim, fact);
        return 1;
    }
#endif
    if (f.claim.epoch > epoch_max(j, &f, from))
        return ERR_FORMAT;
    if (is_rival(j, f.by))
        return ERR_IDENTITY;
#if VELUM_PLANT != 974 /* thief: who leads a job steps down for a title of anybody */
    if (j->ledger != NULL && !warrant_is(j, &f, from)) {
        warrant_answer(j, &f, from);
        return ERR_IDENTITY;
    }
#endif
    obey(j, &f.claim, fact);
    given_rival(j, f.claim.node);
    if (j->ledger != NULL && ledger_apply(j->ledger, fact) == LEDGER_NEW)
        job_mark_busy(j);
    return 1;
}

void labour_title_show(struct job *j, struct node_id to)
{
    const struct claim *known = j->ledger == NULL ? NULL : ledger_claim(j->ledger);
    struct buf b;

    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    if (known != NULL && claim_compare(known, &j->labour->claim) >= 0) {
        job_seal(j);
        put_block(&b, ledger_claim_fact(j->ledger));
    } else {
        put_block(&b, buf_bytes(&j->labour->claim_fact));
    }
    send_node(j->node, to, MESSAGE_CLAIM, 0, buf_bytes(&b));
    buf_clear(&b);
}
