/* One fact at a time, into the job it is about. */
#include "core/node/take.h"

#include "core/base/err.h"
#include "core/node/accounts.h"
#include "core/node/events.h"
#include "core/node/forget.h"
#include "core/node/given.h"
#include "core/node/hearsay.h"
#include "core/node/jobs.h"
#include "core/node/kill_right.h"
#include "core/node/lead_pool.h"
#include "core/node/link.h"
#include "core/node/place.h"
#include "core/node/record.h"
#include "core/node/seal.h"
#include "core/node/stages.h"
#include "core/node/unlike.h"
#include "core/node/warrant.h"

#define LEAP_MAX 4096u /* of generations and epochs that strangers to the job tell */

/* Applies one fact, making the job when it is a SPEC: *at is the job, NULL when there is none.
 * `gained` learns what a PARTIAL newly covers; it may be NULL. */
static int take_fact(struct node *n, struct job **at, struct job_id id, struct bytes bytes,
                     const struct fact *f, struct runset *gained)
{
    struct job *j = *at;
    int rc;

    if (f->kind == FACT_SPEC && (j == NULL || j->ledger == NULL)) {
        struct bytes spec_signed = {bytes.data + 2, bytes.len - 2};

        if (!job_id_equal(f->job, id))
            return ERR_FORMAT;
        rc = j == NULL ? job_create(n, spec_signed, true, at) : job_add_ledger(j, bytes);
        return rc == 0 ? LEDGER_NEW : rc;
    }
    if (j != NULL && (f->kind == FACT_STAGES || f->kind == FACT_CLOSE)) {
        rc = stages_take(j, bytes, f);
        if (j->kept)
            forget_weigh(j);
        return j->ledger != NULL || rc < 0 ? rc : LEDGER_KNOWN;
    }
    if (j == NULL || j->ledger == NULL)
        return ERR_NOT_FOUND;
    j->contested |= (f->kind == FACT_CLAIM && ledger_claim(j->ledger) != NULL) ||
                    (f->kind == FACT_HOLDERS && ledger_holders(j->ledger) != NULL);
    if (f->kind == FACT_CLAIM)
        given_rival(j, f->claim.node);
    if (f->kind == FACT_HOLDERS && !n->replaying)
        warrant_authors(j);
    /* Who counted what may still be told. */
    if (f->kind == FACT_PARTIAL && f->partial.count > 0 && job_is_final(j))
        return LEDGER_KNOWN;
    rc = n->replaying ? ledger_apply_own(j->ledger, bytes, f)
                      : ledger_apply_read(j->ledger, bytes, f, gained);
#if VELUM_PLANT != 478 /* trace/test_graph: values that another holder tells open no stage */
    if (f->kind == FACT_PARTIAL && j->lead != NULL)
        lead_values_told(j, f->partial);
#endif
    if (f->kind == FACT_PARTIAL || f->kind == FACT_COUNTS)
        accounts_changed(j);
    return rc;
}

int take_replayed(struct node *n, struct job_id id, struct bytes bytes)
{
    struct fact f;
    struct job *j = job_find(n, id);
    int rc = fact_read(bytes, &f);

#if VELUM_PLANT != 449 /* trace/test_forget: what came again later is not there after a restart */
    if (rc == 0 && f.kind == FACT_SPEC)
        forget_replayed_until(n, id);
#endif
    if (rc == 0)
        rc = tombstone_of(n, id) != NULL ? ERR_EXISTS : take_fact(n, &j, id, bytes, &f, NULL);
    if (rc > 0 && f.kind == FACT_SPEC && j != NULL)
        j->replayed = j->unsealed = true;
    return rc;
}

bool take_is_holder(const struct job *j, struct node_id id)
{
    const struct holders *h = j->ledger == NULL ? NULL : ledger_holders(j->ledger);

    return h != NULL && holders_have(h, id);
}

/* Facts without a signature are believed from those only who may have them: the coordinator and the
 * holders the job ever had. */
bool take_may_tell(const struct job *j, struct node_id from)
{
    const struct claim *c = ledger_claim(j->ledger);

#if VELUM_PLANT == 201 /* trace/test_holder: unsigned facts are believed from anybody */
    if (c != NULL)
        return true;
#endif
    return (c != NULL && node_id_equal(c->node, from)) || take_is_holder(j, from) ||
           ledger_was_holder(j->ledger, from);
}

static bool is_unsigned(enum fact_kind kind)
{
    return kind == FACT_PARTIAL || kind == FACT_ATTEMPT || kind == FACT_DIVERGENT ||
           kind == FACT_RETIRED || kind == FACT_COUNTS || kind == FACT_UNLIKE;
}

static bool is_cancel(enum fact_kind kind)
{
    return kind == FACT_CANCEL || kind == FACT_STAGE_CANCEL;
}

/* It says who counted leaves, and brings no values. */
static bool is_names(const struct fact *f)
{
    return f->kind == FACT_COUNTS || (f->kind == FACT_PARTIAL && f->partial.count == 0);
}

/* Puts a fact as this node's journal keeps it: a PARTIAL names only leaves that nothing in this
 * journal names before, so whoever reads it can count each once. Gives the number of facts. */
static uint16_t put_news(struct buf *news, struct bytes bytes, const struct fact *f,
                         const struct runset *gained)
{
    struct partial p = f->partial;
    struct buf run;
    uint8_t room[128];

#if VELUM_PLANT == 200 /* sim: a fact is journaled as it was told, whatever was counted before */
    if (f->kind != FACT_PARTIAL || p.upto >= p.from) {
#else
    if (f->kind != FACT_PARTIAL || p.from == p.upto ||
        (gained->count == 1 && gained->leaves == p.upto - p.from)) {
#endif
        put_block(news, bytes);
        return 1;
    }
    p.upto = gained->count > 0 ? gained->runs[0].end : p.from;
    p.from = gained->count > 0 ? gained->runs[0].first : p.from;
    put_u32(news, (uint32_t)bytes.len);
    put_partial_begin(news, &p);
    put_raw(news, p.values.data + p.values.at, reader_left(&p.values));
    for (uint32_t i = 1; i < gained->count; i++) {
        buf_init_fixed(&run, room, sizeof room);
        put_partial_run(&run, p.author, gained->runs[i].first, gained->runs[i].end);
        put_block(news, buf_bytes(&run));
    }
    return gained->count > 1 ? (uint16_t)gained->count : 1;
}

/* A holder with a cancel takes no further partial: with all of them it is certain that no result
 * comes about any more. */
static bool is_late(const struct job *j, const struct fact *f)
{
#if VELUM_PLANT == 146 /* sim: a holder with a cancel goes on taking partials */
    return false;
#endif
    return f->kind == FACT_PARTIAL && f->partial.count > 0 && j != NULL && j->ledger != NULL &&
           !job_is_final(j) && ledger_cancel(j->ledger) != NULL;
}

static uint64_t changes_of(const struct job *j)
{
    struct cover *c = j == NULL || j->ledger == NULL ? NULL : ledger_cover(j->ledger);

    return c == NULL ? 0 : cover_changes(c);
}

/* Holders show each other the same facts again and again: what the ledger keeps byte for byte need
 * not be read to know that it is no news. */
static bool is_kept(struct job *j, struct bytes bytes)
{
    uint8_t kind = bytes.len > 0 ? bytes.data[0] : 0;

    if (j == NULL || j->ledger == NULL ||
        (kind != FACT_SPEC && kind != FACT_CLAIM && kind != FACT_CANCEL && kind != FACT_OUTCOME &&
         kind != FACT_STAGE_CANCEL) ||
        !ledger_keeps(j->ledger, (enum fact_kind)kind, bytes))
        return false;
    j->contested |= kind == FACT_CLAIM;
    return true;
}

/* Most of what is shown of an ended job says once more who counted its leaves. */
static bool is_named(const struct job *j, const struct fact *f)
{
    return f->kind == FACT_PARTIAL && j != NULL && j->ledger != NULL && j->lead == NULL &&
           ledger_has_names(j->ledger, &f->partial);
}

static bool is_beyond(uint32_t now, uint32_t told, bool is_with)
{
#if VELUM_PLANT == 948 /* trace/test_toolbox: a title may be so great that none is greater */
    return false;
#endif
#if VELUM_PLANT == 1041 /* trace/test_leaps: who was away refuses its own coordinator's list */
    is_with = false;
#endif
    return told > now + LEAP_MAX && (!is_with || told > TITLE_FAR_MAX);
}

/* One far ahead is somebody who wants to end all of them; but who has the job would have refused
 * such a one, and this node may have been away while the numbers rose. */
static bool is_leap(const struct job *j, const struct fact *f, struct node_id from)
{
    const struct holders *h = ledger_holders(j->ledger);
    const struct claim *c = ledger_claim(j->ledger);
    bool is_with = warrant_is_with(j, from) || warrant_is_with(j, f->by);

    if (f->kind == FACT_HOLDERS && h != NULL)
        return is_beyond(h->generation, f->holders.generation, is_with);
    return f->kind == FACT_CLAIM && c != NULL && is_beyond(c->epoch, f->claim.epoch, is_with);
}

/* Who may cancel goes by the job as well; of who may give it away or end it, see is_foreign. */
static int verify(struct node *n, const struct job *j, struct node_id from, struct fact *f)
{
    struct signer by;
    int rc;

    if (j != NULL && j->ledger != NULL && is_cancel(f->kind))
        return kill_right(j, from, f);
    rc = fact_verify(n, f);
    if (rc < 0 || (f->kind != FACT_HOLDERS && f->kind != FACT_CLAIM && f->kind != FACT_OUTCOME))
        return rc;
    rc = fact_signer(n, f, &by);
    if (rc < 0)
        return rc;
    f->by = by.id;
    return j != NULL && j->ledger != NULL && is_leap(j, f, from) ? ERR_IDENTITY : 0;
}

/* A list, a title or an end that was verified, and is not believed of who signed it. */
static bool is_foreign(const struct job *j, const struct fact *f, struct node_id from)
{
#if VELUM_PLANT == 972 /* trace/test_toolbox: any node of the mesh makes itself a holder of a job */
    if (f->kind == FACT_HOLDERS)
        return false;
#endif
#if VELUM_PLANT == 973 /* thief: any node of the mesh makes itself its coordinator */
    if (f->kind == FACT_CLAIM)
        return false;
#endif
    return !node_id_is_zero(f->by) && j != NULL && j->ledger != NULL && !warrant_is(j, f, from);
}

/* Whether it is believed: 0, or an error. *moot: it is not, but that decides nothing. */
static int judge(struct node *n, struct job *j, struct job_id id, struct node_id from,
                 struct fact *f, bool *moot)
{
    int rc = verify(n, j, from, f);

    event_forged(n, from, id, rc);
    if (rc == 0 && is_foreign(j, f, from)) {
        warrant_answer(j, f, from);
        if (f->kind == FACT_OUTCOME)
            hearsay_doubted(j, from);
        /* It goes no further, but need not come again: who brings it may be in good faith. Only of
         * an end that the job does not have here nobody shall think that it is kept. */
        *moot = f->kind != FACT_OUTCOME || job_is_final(j);
        return ERR_IDENTITY;
    }
    /* That its time ran out, or somebody cancelled it, in another half. */
#if VELUM_PLANT != 1142 /* trace/test_doubt: who has a cancel that is refused never leaves a job */
    *moot = rc == ERR_IDENTITY && is_cancel(f->kind) && j != NULL && job_is_final(j);
#endif
    if (rc < 0 || !is_unsigned(f->kind) ||
        (j != NULL && j->ledger != NULL && take_may_tell(j, from)))
        return rc;
    if (j != NULL && j->ledger != NULL && is_names(f) && warrant_ended(j, from))
        return 0;
    /* Of an ended job it decides nothing: who was a holder when nobody here heard of it may still
     * give the job up. Nor does it say who counted leaves: receipts come from holders, and from
     * whose end is believed. */
    *moot = j != NULL && job_is_final(j);
#if VELUM_PLANT == 569 /* trace/test_accounts: any member says who counted an ended job's leaves */
    if (*moot && is_names(f))
        return 0;
#endif
    return ERR_IDENTITY;
}

/* The last one that is told is the present one there; one that is kept here led to it. */
static void told_list(struct job *j, const struct holders *h, bool kept)
{
    j->node->told_old = h->generation < ledger_holders(j->ledger)->generation && !kept;
}

/* One fact of another node; what is new goes to news as a block or more, which are counted. */
int take_told(struct node *n, struct job **at, struct job_id id, struct node_id from,
              struct bytes bytes, struct buf *news, uint16_t *news_count)
{
    struct job *j = *at;
    struct holders before;
    struct runset gained;
    uint64_t changes;
    struct fact f;
    bool kept, moot = false;
    int rc;

    if (is_kept(j, bytes))
        return LEDGER_KNOWN;
    rc = fact_read(bytes, &f);
    if (rc == 0 && is_named(j, &f))
        return LEDGER_KNOWN;
    before.generation = before.count = 0;
    if (rc == 0 && f.kind == FACT_HOLDERS && j != NULL && j->ledger != NULL &&
        ledger_holders(j->ledger) != NULL)
        before = *ledger_holders(j->ledger);
    kept = rc == 0 && j != NULL && j->ledger != NULL && ledger_keeps(j->ledger, f.kind, bytes);
    if (rc == 0 && !kept)
        rc = judge(n, j, id, from, &f, &moot);
    if (moot && rc < 0)
        return LEDGER_KNOWN;
    if (rc == 0 && is_late(j, &f)) {
        n->told_late = true;
        rc = ERR_CANCELLED;
    }
    runset_init(&gained, n->alloc, RUNS_NAMED_MAX);
    changes = changes_of(j);
    if (rc == 0)
        rc = take_fact(n, at, id, bytes, &f, &gained);
    j = *at;
#if VELUM_PLANT == 638 /* trace/test_append_bounds: what was refused is written */
    if (rc > 0 || rc == ERR_FULL)
#else
    /* At its bound the cover may have taken a part of it. */
    if (rc > 0 || (rc == ERR_FULL && (gained.count > 0 || changes_of(j) != changes)))
#endif
        *news_count = (uint16_t)(*news_count + put_news(news, bytes, &f, &gained));
    runset_clear(&gained);
#if VELUM_PLANT != 276 /* trace/test_copies: copies counted on an old list stand for the new */
    if (rc > 0 && f.kind == FACT_HOLDERS && j != NULL)
        place_list_replaced(j, &before);
#endif
    if (rc >= 0 && f.kind == FACT_HOLDERS && j != NULL && j->ledger != NULL)
        told_list(j, &f.holders, kept);
    if (rc > 0 && f.kind == FACT_RETIRED) {
        n->told_former = true;
        n->told_all_former = j != NULL && ledger_former_is(j->ledger, &f.terms);
    }
    n->told_more |= rc > 0 && f.kind != FACT_RETIRED;
    /* Whom a kill need not ask any more, and what compilers do, the other holders learn from the
     * coordinator. */
    if (rc > 0 && (f.kind == FACT_RETIRED || f.kind == FACT_UNLIKE) && j->lead != NULL)
        record_fact(j, bytes, false);
    if (rc > 0 && f.kind == FACT_UNLIKE && j->lead != NULL)
        unlike_tell_all(j);
    return rc;
}
