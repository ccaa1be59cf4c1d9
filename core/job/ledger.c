#include "core/job/ledger.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/job/ledger_inside.h"

/* The bytes a signed fact may have, with room to spare. */
#define FACT_SIZE_MAX ((size_t)SPEC_SIZE_MAX + 8192)

int ledger_keep(struct ledger *l, struct buf *to, struct bytes fact)
{
    struct buf fresh;
    buf_init(&fresh, l->alloc, FACT_SIZE_MAX);
    put_raw(&fresh, fact.data, fact.len);
    int rc = buf_result(&fresh);
    if (rc < 0) {
        buf_clear(&fresh);
        return rc;
    }
    buf_clear(to);
    *to = fresh;
    return 0;
}

int ledger_new(struct ledger **out, const struct alloc *a, struct bytes spec_fact)
{
    struct ledger *l = alloc_zeroed(a, sizeof *l);
    if (!l)
        return ERR_NO_MEMORY;
    l->alloc = a;
    account_init(&l->account, a);
    int rc = ledger_keep(l, &l->spec_fact, spec_fact);
    if (rc < 0)
        goto out;
    struct fact f;
    rc = fact_read(buf_bytes(&l->spec_fact), &f);
    if (rc == 0 && f.kind != FACT_SPEC)
        rc = ERR_FORMAT;
    if (rc < 0)
        goto out;
    l->job = f.job;
    l->spec = f.spec;
    rc = graph_init(&l->graph, a, &l->spec);
    if (rc == 0)
        rc = cover_new(&l->cover, a, &l->graph.shape);
    if (rc == 0 && l->spec.stage.reduction == REDUCE_SEARCH)
        cover_search(l->cover, l->spec.stage.leaf_units);
    /* Of an open job any stage may have one more reader. */
    if (rc == 0 && !l->spec.open)
        rc = spent_init(&l->spent, a, &l->graph);
out:
    if (rc < 0) {
        ledger_free(l);
        return rc;
    }
    *out = l;
    return 0;
}

static void drop_cover(struct ledger *l)
{
    cover_free(l->cover);
    l->cover = NULL;
    spent_clear(&l->spent);
    alloc_free(l->alloc, l->attempts, l->attempts_cap * sizeof *l->attempts);
    l->attempts = NULL;
    l->attempts_count = l->attempts_cap = 0;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    drop_cover(l);
    account_clear(&l->account);
    if (l->graph.count > 0)
        graph_clear(&l->graph);
    buf_clear(&l->spec_fact);
    for (uint32_t i = 0; i < l->variants_count; i++)
        buf_clear(&l->variants[i].fact);
    alloc_free(l->alloc, l->variants, l->variants_cap * sizeof *l->variants);
    chain_clear(l);
    buf_clear(&l->claim_fact);
    buf_clear(&l->cancel_fact);
    buf_clear(&l->close_fact);
    buf_clear(&l->outcome_fact);
    cancels_clear(l);
    unlike_clear(l);
    alloc_free(l->alloc, l->terms, l->terms_cap * sizeof *l->terms);
    alloc_free(l->alloc, l, sizeof *l);
}

size_t ledger_bytes(const struct ledger *l)
{
    size_t bytes = sizeof *l + l->spec_fact.cap + l->claim_fact.cap + l->cancel_fact.cap +
                   l->close_fact.cap + l->outcome_fact.cap + l->variants_cap * sizeof *l->variants +
                   l->terms_cap * sizeof *l->terms;

    for (uint32_t i = 0; i < l->variants_count; i++)
        bytes += l->variants[i].fact.cap;
    return bytes + chain_bytes(l) + cancels_bytes(l) + unlike_bytes(l) + graph_bytes(&l->graph);
}

void ledger_shrink(struct ledger *l)
{
    l->digested = false;
    ledger_name_rest(l);
    drop_cover(l);
}

/* --- holders --- */

static bool has_id(const struct node_id *ids, uint32_t count, struct node_id id)
{
    for (uint32_t i = 0; i < count; i++)
        if (node_id_equal(ids[i], id))
            return true;
    return false;
}

/* The eight lowest ids of both, ascending: what is cut off does not depend on the order in which
 * sets are joined. Joining what adds no id changes nothing, the order of rank stays.
 * True when *a has changed. */
static bool join_holders(struct holders *a, const struct holders *b)
{
    struct node_id all[2 * FACT_HOLDERS_MAX];
    uint8_t count = 0;
    for (uint8_t i = 0; i < a->count + b->count; i++) {
        struct node_id id = i < a->count ? a->ids[i] : b->ids[i - a->count];
        if (has_id(all, count, id))
            continue;
        uint8_t k = count++;
        for (; k > 0 && node_id_compare(all[k - 1], id) > 0; k--)
            all[k] = all[k - 1];
        all[k] = id;
    }
    count = count < FACT_HOLDERS_MAX ? count : FACT_HOLDERS_MAX;
    bool changed = count != a->count;
    for (uint8_t i = 0; i < count; i++)
        changed = changed || !has_id(a->ids, a->count, all[i]);
    if (!changed)
        return false;
    a->count = count;
    memcpy(a->ids, all, count * sizeof *all);
    return true;
}

/* Whether the union needs variant i: it has an id of it that no other variant has. */
static bool is_needed(const struct ledger *l, uint32_t i)
{
    for (uint8_t n = 0; n < l->holders.count; n++) {
        struct node_id id = l->holders.ids[n];
        bool elsewhere = false;
        for (uint32_t k = 0; k < l->variants_count && !elsewhere; k++) {
            const struct holders *h = &l->variants[k].holders;
            elsewhere = k != i && has_id(h->ids, h->count, id);
        }
        if (!elsewhere)
            return true;
    }
    return false;
}

/* A place behind those there are. */
static int variant_room(struct ledger *l)
{
    uint32_t cap = l->variants_cap == 0 ? 1 : HOLDERS_VARIANTS_MAX;
    void *list = l->variants;
    if (l->variants_count < l->variants_cap)
        return 0;
    int rc = alloc_grow(l->alloc, &list, l->variants_cap, cap, sizeof *l->variants);
    if (rc < 0)
        return rc;
    l->variants = list;
    l->variants_cap = cap;
    return 0;
}

/* Keeps the bytes of one more fact of this generation. Of nine sets that cover eight ids one is
 * not needed, so there is always a place to make. */
static int keep_variant(struct ledger *l, const struct holders *h, struct bytes fact,
                        struct node_id by)
{
    int rc = variant_room(l);
    if (rc < 0)
        return rc;
    struct holders_variant *v = &l->variants[l->variants_count];
    rc = ledger_keep(l, &v->fact, fact);
    if (rc < 0)
        return rc;
    v->holders = *h;
    v->by = by;
    l->variants_count++;
    join_holders(&l->holders, h);
    for (uint32_t i = 0; i < l->variants_count && l->variants_count == HOLDERS_VARIANTS_MAX; i++) {
        if (is_needed(l, i))
            continue;
        buf_clear(&l->variants[i].fact);
        l->variants[i] = l->variants[--l->variants_count];
        l->variants[l->variants_count] = (struct holders_variant){0};
    }
    ensure(l->variants_count < HOLDERS_VARIANTS_MAX);
    return 0;
}

/* The list of a greater generation. What one author writes twice brings nobody in who wrote one. */
static int replace_list(struct ledger *l, const struct fact *f, struct bytes fact)
{
    struct node_id by = f->by;
    struct buf kept = {0};
    int rc = l->variants_cap > 0 ? 0 : variant_room(l);
    if (rc == 0)
        rc = chain_room(l, l->variants_count);
    if (rc == 0)
        rc = ledger_keep(l, &kept, fact);
    if (rc < 0)
        return rc;
    if (l->variants_count == 1 && list_is_of(&l->variants[0], f)) {
        by = node_id_is_zero(by) ? l->variants[0].by : by;
        buf_clear(&l->variants[--l->variants_count].fact);
    }
    while (l->variants_count > 0)
        chain_take(l, &l->variants[--l->variants_count]);
    l->variants[0] = (struct holders_variant){.fact = kept, .holders = f->holders, .by = by};
    l->variants_count = 1;
    l->holders = f->holders;
    chain_prune(l);
    return LEDGER_NEW;
}

/* One of a generation that was replaced: what it says that is news is whom it names. So they are
 * the last to be remembered: while anything of it is still to be done it is no known one. */
static int learn_late(struct ledger *l, const struct fact *f, struct bytes fact)
{
#if VELUM_PLANT == 1157 /* unit/test_chain: a list that found no memory is known the next time */
    int named = terms_named(l, &f->holders);
    int rc = chain_learn(l, &f->holders, fact, f->by);
    return rc < 0 ? rc : named;
#else
    int rc = chain_learn(l, &f->holders, fact, f->by);
    return rc < 0 ? rc : terms_named(l, &f->holders);
#endif
}

static int apply_holders(struct ledger *l, const struct fact *f, struct bytes fact)
{
    const struct holders *h = &f->holders;
    if (l->variants_count > 0 && h->generation < l->holders.generation)
        return learn_late(l, f, fact);
    int rc = terms_named(l, h), named = rc;
    if (rc < 0)
        return rc;
    if (l->variants_count == 0 || h->generation > l->holders.generation)
        return replace_list(l, f, fact);
#if VELUM_PLANT == 33 /* unit/test_ledger: of two sets of holders the last to arrive stays */
    struct holders joined = *h;
    l->holders = *h;
#else
    struct holders joined = l->holders;
#endif
    if (!join_holders(&joined, h))
        return named;
    rc = keep_variant(l, h, fact, f->by);
    return rc < 0 ? rc : LEDGER_NEW;
}

/* --- claim, cancel --- */

static int apply_claim(struct ledger *l, const struct claim *c, struct bytes fact)
{
#if VELUM_PLANT == 34 /* unit/test_ledger: a stale claim replaces a greater one */
    if (l->claim_fact.len > 0 && claim_compare(c, &l->claim) == 0)
#else
    if (l->claim_fact.len > 0 && claim_compare(c, &l->claim) <= 0)
#endif
        return LEDGER_KNOWN;
    int rc = ledger_keep(l, &l->claim_fact, fact);
    if (rc < 0)
        return rc;
    l->claim = *c;
    return LEDGER_NEW;
}

static int cancel_compare(const struct cancel *a, const struct cancel *b)
{
    int by_rank = outcome_rank(a->state) - outcome_rank(b->state);
#if VELUM_PLANT == 935 /* fuzz/targets/ledger: of two like cancels the first to come stays */
    return by_rank;
#else
    return by_rank != 0 ? by_rank : node_id_compare(a->by, b->by);
#endif
}

static int apply_cancel(struct ledger *l, const struct cancel *c, struct bytes fact)
{
    if (l->cancel_fact.len > 0 && cancel_compare(c, &l->cancel) <= 0)
        return LEDGER_KNOWN;
    int rc = ledger_keep(l, &l->cancel_fact, fact);
    if (rc < 0)
        return rc;
    l->cancel = *c;
    return LEDGER_NEW;
}

/* --- outcome and divergence --- */

#define DIVERGED "two runs of the same leaves gave different values"

/* What the ledger shows of itself once it is divergent, whatever signed outcome is kept. */
static int diverge(struct ledger *l, const struct divergence *d)
{
    static const char why[] = DIVERGED;
    bool was = l->divergent;
    if (d && l->evidence_kept)
        return LEDGER_KNOWN;
    if (d) {
        l->evidence = *d;
        l->evidence_kept = true;
    }
    l->divergent = true;
    if (!was && l->shown.state != JOB_DIVERGENT) {
        l->shown.state = JOB_DIVERGENT;
        l->shown.digest = (struct digest){0};
        l->shown.accumulator = (struct bytes){0};
        memcpy(l->shown.error, why, sizeof why);
    }
    return was ? LEDGER_NEW : LEDGER_DIVERGED;
}

static int diverge_at(struct ledger *l, struct tree_node at, struct digest a, struct digest b,
                      struct node_id author)
{
    struct divergence d = {.at = shape_canonical(&l->graph.shape, at)};
    bool ordered = memcmp(a.bytes, b.bytes, ID_SIZE) < 0;
    d.digests[0] = ordered ? a : b;
    d.digests[1] = ordered ? b : a;
    d.authors[ordered ? 1 : 0] = author;
    return diverge(l, &d);
}

int ledger_contradicted(struct ledger *l, struct bytes a, struct bytes b)
{
    int rc = diverge_at(l, shape_root(&l->graph.shape, 0), sha256_of(a.data, a.len),
                        sha256_of(b.data, b.len), (struct node_id){0});
    if (l->outcome_state != JOB_DIVERGENT)
        text_copy(l->shown.error, sizeof l->shown.error,
                  "its author said two different things of the same stages");
    return rc == LEDGER_NEW ? LEDGER_KNOWN : rc;
}

static int body_compare(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int rc = memcmp(a.data, b.data, n);
    return rc != 0 ? rc : (a.len > b.len) - (a.len < b.len);
}

static int replace_outcome(struct ledger *l, struct bytes bytes)
{
    int rc = ledger_keep(l, &l->outcome_fact, bytes);
    if (rc < 0)
        return rc;
    struct fact f;
    rc = fact_read(buf_bytes(&l->outcome_fact), &f);
    ensure(rc == 0);
    l->outcome_body = f.sealed.body;
    l->outcome_state = f.outcome.state;
    l->outcome_digest = f.outcome.digest;
    if (l->divergent && f.outcome.state != JOB_DIVERGENT)
        return LEDGER_NEW;
    l->shown = f.outcome;
    if (l->shown.state == JOB_DONE && l->spec.stage.reduction == REDUCE_SEARCH)
        account_cut(&l->account, ledger_leaves(l));
    if (f.outcome.state == JOB_DIVERGENT && !l->divergent)
        return diverge(l, NULL);
    return LEDGER_NEW;
}

static int apply_outcome(struct ledger *l, const struct fact *f, struct bytes bytes)
{
    if (l->outcome_fact.len == 0)
        return replace_outcome(l, bytes);
#if VELUM_PLANT == 214 /* unit/test_ledger: of two outcomes the later one stays */
    int by_rank = f->outcome.state != l->outcome_state;
#else
    int by_rank = outcome_rank(f->outcome.state) - outcome_rank(l->outcome_state);
#endif
    if (by_rank != 0)
        return by_rank > 0 ? replace_outcome(l, bytes) : LEDGER_KNOWN;
    if (f->outcome.state == JOB_DONE && !digest_equal(f->outcome.digest, l->outcome_digest))
        return diverge_at(l, shape_root(&l->graph.shape, graph_result(&l->graph)),
                          f->outcome.digest, l->outcome_digest, (struct node_id){0});
#if VELUM_PLANT == 32 /* unit/test_ledger: of two like outcomes the first to arrive stays */
    if (l->outcome_state == f->outcome.state)
        return LEDGER_KNOWN;
#endif
    /* Of two that say the same in other words one is kept, the same everywhere. */
    if (body_compare(f->sealed.body, l->outcome_body) >= 0)
        return LEDGER_KNOWN;
    return replace_outcome(l, bytes);
}

int ledger_missing(const struct ledger *l)
{
    return ledger_is_whole(l) ? ERR_FORMAT : ERR_FULL;
}

static int apply_divergent(struct ledger *l, const struct divergence *d)
{
    if (d->stage != 0 || !shape_has(&l->graph.shape, d->at))
        return tree_first(d->at) >= l->graph.shape.end ? ledger_missing(l) : ERR_FORMAT;
    return diverge(l, d);
}

/* --- partials and attempts --- */

static int check_values(const struct ledger *l, const struct partial *p)
{
    struct reader r = p->values;
#if VELUM_PLANT == 208 /* unit/test_account: leaves behind the last one are believed */
    if (p->stage != 0)
#else
    if (p->stage != 0 || p->upto > l->graph.shape.end)
#endif
        return ledger_missing(l);
    for (uint16_t i = 0; i < p->count; i++) {
        struct value v = read_value(&r);
        if (!graph_value(&l->graph, &v))
            return tree_first(v.at) >= l->graph.shape.end ? ledger_missing(l) : ERR_FORMAT;
    }
    return 0;
}

/* Also after one that was there: what is spent by it may not all have been dropped. */
int ledger_put(struct ledger *l, const struct value *v)
{
    int rc = cover_insert(l->cover, v), dropped;
    if (rc < 0 || !shape_is_root(&l->graph.shape, v->at) || shape_is_apart(&l->graph.shape, v->at))
        return rc;
#if VELUM_PLANT == 553 /* unit/test_spent: of what was read to its end the values stay */
    return rc;
#endif
    dropped = spent_look(&l->spent, l->cover, graph_stage_of(&l->graph, tree_first(v->at)));
    return dropped < 0 ? dropped : rc;
}

static int insert_value(struct ledger *l, const struct value *v, struct node_id author)
{
    int rc = ledger_put(l, v);
    if (rc != ERR_DAMAGED)
        return rc;
    struct value there;
    ensure(cover_meets(l->cover, v->at, &there));
    return diverge_at(l, v->at, sha256_of(v->data.data, v->data.len),
                      sha256_of(there.data.data, there.data.len), author);
}

/* Goes on after a value that does not fit: each value is a true statement of its own. */
static int insert_values(struct ledger *l, const struct partial *p)
{
    struct reader r = p->values;
    int result = LEDGER_KNOWN;
    bool full = false;
    for (uint16_t i = 0; i < p->count; i++) {
        struct value v = read_value(&r);
        int rc = insert_value(l, &v, p->author);
        if (rc == ERR_FULL)
            full = true;
        else if (rc < 0)
            return rc;
        else if (rc > result)
            result = rc;
    }
    return full && result != LEDGER_DIVERGED ? ERR_FULL : result;
}

static int apply_values(struct ledger *l, const struct partial *p)
{
    int rc;
    if (!l->cover)
        return LEDGER_KNOWN;
    rc = insert_values(l, p);
    if (!node_id_is_zero(p->author))
        l->compute_us += rc == LEDGER_NEW ? p->compute_us : 0;
    else if (p->compute_us > l->compute_us)
        l->compute_us = p->compute_us;
    return rc;
}

/* Of a search leaves behind the match may have been counted before that was known. When the journal
 * is written anew the match comes first, and they are there by their names only. */
static enum naming naming_of(const struct ledger *l, const struct partial *p)
{
#if VELUM_PLANT != 483 /* unit/test_ledger_search: names behind a match are lost at a restart */
    if (l->own && p->count == 0 && l->shown.state == 0 && l->graph.count == 1 &&
        l->spec.stage.reduction == REDUCE_SEARCH)
        return NAMING_OWN;
#endif
    return l->shown.state != 0 ? NAMING_TOLD : NAMING_COVERED;
}

static int apply_partial(struct ledger *l, const struct partial *p, struct runset *gained)
{
    int rc = check_values(l, p);
    if (rc < 0)
        return rc;
    rc = apply_values(l, p);
    if (rc == LEDGER_DIVERGED || (rc < 0 && rc != ERR_FULL))
        return rc;
    /* Others know what a job that has ended was made of, whether its values came here or not. */
    bool ended = l->shown.state != 0;
    if (ended && p->count > 0)
        return rc;
    int named =
        ledger_name_leaves(l, p->author, (struct run){p->from, p->upto}, naming_of(l, p), gained);
    /* That nobody is named for what has a value here is told of every ended job anyway. */
    if (named == LEDGER_NEW && ended && node_id_is_zero(p->author) && l->cover &&
        cover_overlap(l->cover, p->from, p->upto) == p->upto - p->from)
        named = LEDGER_KNOWN;
    return named < 0 || (named > 0 && rc == LEDGER_KNOWN) ? named : rc;
}

/* Of a job that runs, which leaves are counted must be known. */
static int apply_counts(struct ledger *l, const struct counts *c)
{
    if (c->leaves > l->graph.shape.leaves)
        return ledger_missing(l);
    return l->shown.state == 0 ? LEDGER_KNOWN : account_take(&l->account, c);
}

static int attempt_compare(const struct attempt *a, const struct attempt *b)
{
    if (a->leaf != b->leaf)
        return a->leaf < b->leaf ? -1 : 1;
    int rc = node_id_compare(a->author, b->author);
    if (rc != 0)
        return rc;
    if (a->own_doing != b->own_doing)
        return a->own_doing ? -1 : 1;
    return strcmp(a->cause, b->cause);
}

static void drop_attempt(struct ledger *l, uint32_t i)
{
    memmove(l->attempts + i, l->attempts + i + 1,
            (l->attempts_count - i - 1) * sizeof *l->attempts);
    l->attempts_count--;
}

/* The least three of a leaf and the least 64 of all: which ones stay does not depend on the order
 * in which they came. Room for one more than the bound is there. */
static bool insert_attempt(struct ledger *l, uint32_t i, const struct attempt *a)
{
    memmove(l->attempts + i + 1, l->attempts + i, (l->attempts_count - i) * sizeof *l->attempts);
    l->attempts[i] = *a;
    l->attempts_count++;
    uint32_t of_leaf = 0;
    for (uint32_t k = 0; k < l->attempts_count; k++) {
        if (l->attempts[k].leaf != a->leaf || ++of_leaf <= ATTEMPTS_A_LEAF)
            continue;
        drop_attempt(l, k);
        return k != i;
    }
    if (l->attempts_count > ATTEMPTS_MAX)
        l->attempts_count--;
    return i < l->attempts_count;
}

static int apply_attempt(struct ledger *l, const struct attempt *a)
{
    uint32_t stage;
    if (a->stage != 0 || !shape_find(&l->graph.shape, a->leaf, &stage))
        return a->leaf >= l->graph.shape.end ? ledger_missing(l) : ERR_FORMAT;
    if (!l->cover)
        return LEDGER_KNOWN;
    uint32_t i = 0;
    while (i < l->attempts_count && attempt_compare(&l->attempts[i], a) < 0)
        i++;
    if (i < l->attempts_count && attempt_compare(&l->attempts[i], a) == 0)
        return LEDGER_KNOWN;
    if (l->attempts_count == l->attempts_cap) {
        void *attempts = l->attempts;
        uint32_t cap = l->attempts_cap ? l->attempts_cap * 2 : 2;
        cap = cap > ATTEMPTS_MAX ? ATTEMPTS_MAX + 1 : cap;
        int rc = alloc_grow(l->alloc, &attempts, l->attempts_cap, cap, sizeof *l->attempts);
        if (rc < 0)
            return rc;
        l->attempts = attempts;
        l->attempts_cap = cap;
    }
    return insert_attempt(l, i, a) ? LEDGER_NEW : LEDGER_KNOWN;
}

int ledger_apply(struct ledger *l, struct bytes fact)
{
    return ledger_apply_counting(l, fact, NULL);
}

int ledger_apply_counting(struct ledger *l, struct bytes fact, struct runset *gained)
{
    struct fact f;
    int rc = fact_read(fact, &f);
    return rc < 0 ? rc : ledger_apply_read(l, fact, &f, gained);
}

int ledger_apply_own(struct ledger *l, struct bytes fact, const struct fact *f)
{
    l->own = true;
    int rc = ledger_apply_read(l, fact, f, NULL);
    l->own = false;
    return rc;
}

static int apply(struct ledger *l, struct bytes fact, const struct fact *f, struct runset *gained)
{
    switch (f->kind) {
    case FACT_HOLDERS:
        return apply_holders(l, f, fact);
    case FACT_CLAIM:
        return apply_claim(l, &f->claim, fact);
    case FACT_CANCEL:
        return apply_cancel(l, &f->cancel, fact);
    case FACT_OUTCOME:
        return apply_outcome(l, f, fact);
    case FACT_PARTIAL:
        return apply_partial(l, &f->partial, gained);
    case FACT_ATTEMPT:
        return apply_attempt(l, &f->attempt);
    case FACT_DIVERGENT:
        return apply_divergent(l, &f->divergence);
    case FACT_RETIRED:
        return terms_apply(l, &f->terms);
    case FACT_COUNTS:
        return apply_counts(l, &f->counts);
    case FACT_STAGES:
        return stages_apply(l, &f->stages, fact);
    case FACT_CLOSE:
        return close_apply(l, &f->close, fact);
    case FACT_STAGE_CANCEL:
        return cancels_apply(l, &f->stage_cancel, fact);
    case FACT_UNLIKE:
        return unlike_apply(l, &f->unlike);
    default:
        return LEDGER_KNOWN; /* the spec itself */
    }
}

int ledger_apply_read(struct ledger *l, struct bytes fact, const struct fact *f,
                      struct runset *gained)
{
    if (fact_is_signed(f->kind) && !job_id_equal(f->job, l->job))
        return ERR_FORMAT;
    int rc = apply(l, fact, f, gained);
#if VELUM_PLANT != 121 /* unit/test_ledger: the digest of an ended job stays what it was */
    l->digested &= rc == LEDGER_KNOWN;
#endif
#if VELUM_PLANT != 509 /* trace/test_ended: the mark of former holders stays what it was */
    l->marked &= rc == LEDGER_KNOWN;
#endif
    return rc;
}

bool ledger_keeps(const struct ledger *l, enum fact_kind kind, struct bytes fact)
{
    switch (kind) {
    case FACT_SPEC:
        return bytes_equal(buf_bytes(&l->spec_fact), fact);
    case FACT_HOLDERS:
        for (uint32_t i = 0; i < l->variants_count; i++)
            if (bytes_equal(buf_bytes(&l->variants[i].fact), fact))
                return true;
        return chain_keeps(l, fact);
    case FACT_CLAIM:
        return bytes_equal(buf_bytes(&l->claim_fact), fact);
    case FACT_CANCEL:
        return bytes_equal(buf_bytes(&l->cancel_fact), fact);
    case FACT_OUTCOME:
        return bytes_equal(buf_bytes(&l->outcome_fact), fact);
    case FACT_CLOSE:
        return bytes_equal(buf_bytes(&l->close_fact), fact);
    case FACT_STAGES:
        return stages_keeps(l, fact);
    case FACT_STAGE_CANCEL:
        return cancels_keep(l, fact);
    default:
        return false;
    }
}
