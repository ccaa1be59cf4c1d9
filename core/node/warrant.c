#include "core/node/warrant.h"

#include "core/base/err.h"
#include "core/node/answers.h"
#include "core/node/events.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/lead_claim.h"
#include "core/node/link.h"
#include "core/node/offence.h"
#include "core/node/place.h"
#include "core/node/record.h"
#include "core/node/seal.h"
#include "core/node/take.h"

#define ANSWERS_MAX 8u     /* a second, to what is not believed of a job */
#define ANSWERS_OWN_MAX 4u /* of them so many to its author, who may want nobody else to get any */

bool warrant_is_with(const struct job *j, struct node_id id)
{
    const struct claim *c = ledger_claim(j->ledger);

    return take_is_holder(j, id) || (c != NULL && node_id_equal(c->node, id));
}

bool warrant_is(const struct job *j, const struct fact *f, struct node_id from)
{
#if VELUM_PLANT == 946 /* trace/test_toolbox: any node of the mesh may end a job */
    return true;
#endif
    return ledger_holders(j->ledger) == NULL || take_may_tell(j, f->by) || warrant_is_with(j, from);
}

/* One of those who look after the present list: the coordinator, or of a job that has ended the
 * first of its holders that is there. */
static bool may_write(const struct job *j)
{
    const struct node *n = j->node;
    const struct holders *h = ledger_holders(j->ledger);

    if (!j->kept)
        return j->lead != NULL;
    for (uint8_t i = 0; i < h->count; i++)
        if (node_is_self(n, h->ids[i]) || member_works(n, h->ids[i]))
            return node_is_self(n, h->ids[i]) && member_keeps(n, h->ids[i]);
    return false;
}

/* What is further ahead than anybody in good faith can be is not gone after. */
static void hear(struct surpassing *s, uint32_t told, uint32_t now)
{
    if (told >= now && told > s->told && told - now <= CLAIM_AHEAD_MAX)
        s->told = told;
}

/* Whether a number is to be written, and above which one. */
static bool goes_beyond(const struct node *n, struct surpassing *s, uint32_t now, uint32_t *above)
{
    const uint32_t step = now + SURPASS_MAX - 1;

#if VELUM_PLANT == 1040 /* trace/test_leaps: numbers rise as fast as somebody wants */
    *above = s->told;
    return s->told >= now;
#endif
    if (s->told < now || (s->at.us != 0 && instant_since_us(n->now, s->at) < S_US))
        return false;
    s->at = n->now;
    *above = s->told < step ? s->told : step;
    return true;
}

static void surpass_list(struct job *j)
{
    const struct holders *now = ledger_holders(j->ledger);
    uint32_t above;

#if VELUM_PLANT == 975 /* trace/test_toolbox: whoever believes a thief stays with his list */
    return;
#endif
    if (now == NULL || !may_write(j) ||
        !goes_beyond(j->node, &j->lists_told, now->generation, &above) ||
        place_again(j, above) < 0 || !j->kept)
        return;
    record_unwritten(j);
    keep_unsure(j);
}

static void surpass_claim(struct job *j)
{
    const struct claim *now = ledger_claim(j->ledger);
    uint32_t above;

#if VELUM_PLANT == 976 /* trace/test_toolbox: a worker that obeys a thief is his */
    return;
#endif
    if (j->lead != NULL && now != NULL && goes_beyond(j->node, &j->claims_told, now->epoch, &above))
        (void)lead_claim_again(j, above);
}

void warrant_tend(struct job *j)
{
    surpass_list(j);
    surpass_claim(j);
}

static void surpass(struct job *j, const struct fact *f)
{
    const struct claim *claim = ledger_claim(j->ledger);

    if (f->kind == FACT_HOLDERS)
        hear(&j->lists_told, f->holders.generation, ledger_holders(j->ledger)->generation);
    else if (f->kind == FACT_CLAIM && claim != NULL && claim_compare(&f->claim, claim) > 0)
        hear(&j->claims_told, f->claim.epoch, claim->epoch);
    warrant_tend(j);
}

/* Whoever tells his list tells those first that led to it. */
static bool is_list_ahead(const struct job *j, const struct fact *f)
{
#if VELUM_PLANT == 1141 /* trace/test_doubt: old lists are answered in the place of the last one */
    return f->kind == FACT_HOLDERS;
#endif
    return f->kind == FACT_HOLDERS &&
           f->holders.generation >= ledger_holders(j->ledger)->generation;
}

void warrant_answer(struct job *j, const struct fact *f, struct node_id from)
{
    struct node *n = j->node;
    uint32_t answers;

    event_forged(n, from, j->id, ERR_IDENTITY);
    answers = window_count(&j->answers, n->now);
#if VELUM_PLANT != 1033 /* trace/test_doubt: who is told by strangers asks nobody about it */
    if (instant_since_us(n->now, j->compared) >= S_US && answers_may(n, from, ANSWER_COMPARE)) {
        j->compared = n->now;
        holder_compare_all(j);
    }
#endif
    if (answers >= (node_id_equal(f->by, from) ? ANSWERS_OWN_MAX : ANSWERS_MAX) ||
        !answers_may(n, from, ANSWER_WORD))
        return;
    j->answers.count++;
    /* Of one that has ended all goes to its holders with a greater list. */
    if (!j->kept || (is_list_ahead(j, f) && answers_may(n, from, ANSWER_COPY)))
        surpass(j, f);
    holder_send_titles(j, from);
}

/* Of a fact that is kept here. It was signed by this node, or long ago: it is no word of who tells
 * something now. */
static bool signer_of(struct job *j, struct bytes fact, struct node_id *by)
{
    struct node *n = j->node;
    const struct node_id teller = n->teller;
    struct signer signer;
    struct fact f;
    bool known;

    offence_of_others(n);
    known = fact_read(fact, &f) == 0 && fact_signer(n, &f, &signer) == 0;
    n->teller = teller;
    if (known)
        *by = signer.id;
    return known;
}

bool warrant_ended(struct job *j, struct node_id id)
{
    struct node_id by;

#if VELUM_PLANT == 1064 /* trace/test_accounts: who ended a job alone names nobody to others */
    return false;
#endif
    if (!job_is_final(j))
        return false;
    job_seal(j);
    return signer_of(j, ledger_outcome_fact(j->ledger), &by) && node_id_equal(by, id);
}

void warrant_authors(struct job *j)
{
    struct bytes fact;
    struct node_id by;
    uint32_t at = 0;

    if (!ledger_list_unsigned(j->ledger, &at, &fact))
        return;
    job_seal(j);
    for (; ledger_list_unsigned(j->ledger, &at, &fact); at++)
        if (signer_of(j, fact, &by))
            ledger_list_signed(j->ledger, at, by);
}
