#include "core/job/ledger_inside.h"

#define SNAPSHOT_PARTIAL_BYTES ((size_t)32 << 10)
#define VALUE_HEAD_SIZE 13 /* level, index, length */
#define SIGNED_AT 2        /* behind kind and version */

const struct job_spec *ledger_spec(const struct ledger *l)
{
    return &l->spec;
}

const struct graph *ledger_graph(const struct ledger *l)
{
    return &l->graph;
}

struct bytes ledger_spec_fact(const struct ledger *l)
{
    return buf_bytes(&l->spec_fact);
}

struct bytes ledger_spec_signed(const struct ledger *l)
{
    return (struct bytes){l->spec_fact.data + SIGNED_AT, l->spec_fact.len - SIGNED_AT};
}

const struct holders *ledger_holders(const struct ledger *l)
{
    return l->variants_count > 0 ? &l->holders : NULL;
}

const struct claim *ledger_claim(const struct ledger *l)
{
    return l->claim_fact.len > 0 ? &l->claim : NULL;
}

struct bytes ledger_claim_fact(const struct ledger *l)
{
    return buf_bytes(&l->claim_fact);
}

const struct cancel *ledger_cancel(const struct ledger *l)
{
    return l->cancel_fact.len > 0 ? &l->cancel : NULL;
}

struct bytes ledger_cancel_fact(const struct ledger *l)
{
    return buf_bytes(&l->cancel_fact);
}

const struct outcome *ledger_outcome(const struct ledger *l)
{
    return l->shown.state != 0 ? &l->shown : NULL;
}

struct bytes ledger_outcome_fact(const struct ledger *l)
{
    if (l->divergent && l->outcome_state != JOB_DIVERGENT)
        return (struct bytes){0};
    return buf_bytes(&l->outcome_fact);
}

uint32_t ledger_spent_after(const struct ledger *l, uint32_t known)
{
    return spent_after(&l->spent, known);
}

struct cover *ledger_cover(struct ledger *l)
{
    return l->cover;
}

/* A block whose length is known only when its contents are there. */
static size_t block_begin(struct buf *to)
{
    put_u32(to, 0);
    return to->len;
}

static void block_end(struct buf *to, size_t start)
{
    if (!to->failed)
        patch_u32(to, start - 4, (uint32_t)(to->len - start));
}

static void put_fact_block(struct buf *to, struct bytes fact)
{
    if (fact.len > 0)
        put_block(to, fact);
}

/* What is spent follows from the values of those that read it. */
static bool is_told(const struct ledger *l, uint32_t i)
{
    return cover_at(l->cover, i)->data.data != NULL;
}

/* Values [i, ...) of the cover that fit one fact; returns where the next fact begins. */
static uint32_t put_cover_slice(const struct ledger *l, uint32_t i, struct buf *to)
{
    struct partial p = {.compute_us = l->compute_us};
    uint32_t count = cover_count(l->cover);
    uint32_t end = i;
    size_t size = 0;
    while (end < count && (end == i || size < SNAPSHOT_PARTIAL_BYTES)) {
        size_t more = VALUE_HEAD_SIZE + cover_at(l->cover, end)->data.len;
        if (end > i && size + more > SNAPSHOT_PARTIAL_BYTES)
            break;
        size += more;
        p.count = (uint16_t)(p.count + is_told(l, end++));
    }
    if (p.count == 0)
        return end;
    size_t start = block_begin(to);
    put_partial_begin(to, &p);
    for (; i < end; i++)
        if (is_told(l, i))
            put_value(to, cover_at(l->cover, i));
    block_end(to, start);
    return end;
}

bool ledger_put_former(const struct ledger *l, struct buf *to)
{
    struct term terms[FACT_TERMS_MAX];
    uint8_t count = terms_to_tell(l, terms);

    if (count == 0)
        return false;
    size_t start = block_begin(to);
    put_retired(to, terms, count);
    block_end(to, start);
    return true;
}

bool ledger_former_is(const struct ledger *l, const struct terms *told)
{
    struct term terms[FACT_TERMS_MAX];
    uint8_t count = terms_to_tell(l, terms);
    struct reader r = told->list;
    bool same = count == told->count;

    for (uint8_t i = 0; same && i < count; i++) {
        struct term t = read_term(&r);

        same = node_id_equal(t.id, terms[i].id) && t.named == terms[i].named &&
               t.retired == terms[i].retired;
    }
    return same;
}

uint64_t ledger_former_mark(struct ledger *l)
{
    struct term terms[FACT_TERMS_MAX];
    uint64_t mark = 0;
    uint8_t count;

    if (l->marked)
        return l->former_mark;
    count = terms_to_tell(l, terms);
    for (uint8_t i = 0; i < count; i++) {
        const struct term *t = &terms[i];
        const uint64_t words[] = {load_u64(t->id.bytes), (uint64_t)t->named << 32 | t->retired};

        for (size_t k = 0; k < 2; k++) {
            mark = (mark ^ words[k]) * 0x9e3779b97f4a7c15u;
            mark ^= mark >> 29;
        }
    }
    l->former_mark = mark;
    l->marked = true;
    return mark;
}

static void put_name(struct buf *to, struct node_id author, struct run of)
{
    size_t start = block_begin(to);
    put_partial_run(to, author, of.first, of.end);
    block_end(to, start);
}

static void put_account(const struct account *a, struct buf *to)
{
    for (uint32_t i = 0; i < a->count; i++)
        put_name(to, a->runs[i].author, a->runs[i].run);
    if (a->counts_count == 0)
        return;
    size_t start = block_begin(to);
    put_counts(to, a->counts, a->counts_count);
    block_end(to, start);
}

/* A job that has ended may have no values where this is read: what is counted here, though nobody
 * knows by whom, must be counted there too. */
static void put_nameless(const struct ledger *l, struct buf *to)
{
    struct run part = {0, 0};
    while (ledger_nameless(l, part.end, &part))
        put_name(to, (struct node_id){0}, part);
}

static void put_stages(const struct ledger *l, struct buf *to)
{
#if VELUM_PLANT != 636 /* sim: a snapshot forgets what was appended */
    for (uint32_t i = 0; i < l->graph.lists_count; i++)
        put_fact_block(to, graph_list_fact(&l->graph, i));
#endif
#if VELUM_PLANT != 522 /* unit/test_ledger_stages: a snapshot forgets that the job is closed */
    put_fact_block(to, buf_bytes(&l->close_fact));
#endif
}

static void put_values(const struct ledger *l, struct buf *to)
{
    for (uint32_t i = 0; l->cover && i < cover_count(l->cover);)
        i = put_cover_slice(l, i, to);
}

/* What neither stands before its outcome nor behind it for a reason. */
static void put_terms_and_stages(const struct ledger *l, struct buf *to)
{
    /* Before what is said of their leaves. */
    put_stages(l, to);
#if VELUM_PLANT != 970 /* unit/test_chain: a snapshot forgets how the holders came about */
    for (uint32_t i = 0; i < l->chain.count; i++)
        put_fact_block(to, buf_bytes(&l->chain.lists[i].fact));
#endif
    for (uint32_t i = 0; i < l->variants_count; i++)
        put_fact_block(to, buf_bytes(&l->variants[i].fact));
#if VELUM_PLANT != 140 /* unit/test_ledger: a snapshot forgets who was a holder before */
    (void)ledger_put_former(l, to);
#endif
    put_fact_block(to, buf_bytes(&l->claim_fact));
#if VELUM_PLANT != 30 /* sim: a snapshot leaves out the cancel */
    put_fact_block(to, buf_bytes(&l->cancel_fact));
#endif
#if VELUM_PLANT != 715 /* unit/test_ledger_cancels: a snapshot forgets which stages are cancelled */
    for (uint32_t i = 0; i < cancels_count(l); i++)
        put_fact_block(to, cancels_fact(l, i));
#endif
    if (l->evidence_kept) {
        size_t start = block_begin(to);
        put_divergent(to, &l->evidence);
        block_end(to, start);
    }
    if (l->unlike != NULL) {
        size_t start = block_begin(to);
        unlike_put(l, to);
        block_end(to, start);
    }
}

void ledger_titles(const struct ledger *l, struct buf *to)
{
    put_fact_block(to, buf_bytes(&l->outcome_fact));
    put_terms_and_stages(l, to);
}

static void put_attempts(const struct ledger *l, struct buf *to)
{
    for (uint32_t i = 0; i < l->attempts_count; i++) {
        size_t start = block_begin(to);
        put_attempt(to, &l->attempts[i]);
        block_end(to, start);
    }
}

void ledger_snapshot(const struct ledger *l, struct buf *to)
{
    put_fact_block(to, buf_bytes(&l->spec_fact));
    /* It may travel in parts: nobody shall begin to lead a job that has ended. */
    put_fact_block(to, buf_bytes(&l->outcome_fact));
    put_terms_and_stages(l, to);
    put_values(l, to);
    put_account(&l->account, to);
#if VELUM_PLANT != 290 /* unit/test_account: of an ended job leaves without a name are not told */
    if (l->shown.state != 0)
        put_nameless(l, to);
#endif
    put_attempts(l, to);
}

void ledger_snapshot_own(const struct ledger *l, struct buf *to)
{
#if VELUM_PLANT == 455 /* unit/test_account: what has no name yet is named in the own journal */
    ledger_snapshot(l, to);
    return;
#endif
    put_fact_block(to, buf_bytes(&l->spec_fact));
    put_terms_and_stages(l, to);
    put_values(l, to);
    put_fact_block(to, buf_bytes(&l->outcome_fact));
    put_account(&l->account, to);
    put_attempts(l, to);
}

/* The order of rank is left out: holders of a union do not agree about it before the next
 * generation is written. */
static void put_holders_sorted(struct buf *b, const struct ledger *l)
{
    struct holders h = l->holders;
    for (uint8_t i = 1; i < h.count; i++) {
        struct node_id id = h.ids[i];
        uint8_t k = i;
        for (; k > 0 && node_id_compare(h.ids[k - 1], id) > 0; k--)
            h.ids[k] = h.ids[k - 1];
        h.ids[k] = id;
    }
    put_holders_body(b, l->job, &h);
}

static void digest_titles(const struct ledger *l, struct sha256 *s)
{
    uint8_t raw[768];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    put_job_id(&b, l->job);
    if (l->variants_count > 0)
        put_holders_sorted(&b, l);
    if (l->claim_fact.len > 0)
        put_claim_body(&b, l->job, &l->claim);
    /* One that comes after an outcome says nothing any more. */
    if (l->cancel_fact.len > 0 && l->shown.state == 0)
        put_cancel_body(&b, l->job, &l->cancel);
        /* A holder that was told the end before the stages must get them all the same. */
#if VELUM_PLANT == 637 /* unit/test_ledger_stages: stages that an ended job lacks stay away */
    if (l->spec.open && l->shown.state == 0) {
#else
    if (l->spec.open && !l->divergent) {
#endif
        put_digest(&b, l->stages_digest);
        put_u32(&b, l->closed);
    }
    sha256_add(s, b.data, b.len);
    if (!l->divergent)
        unlike_digest(l, s);
    if (l->shown.state == 0)
        cancels_digest(l, s);
    /* Whom a kill must ask: while there is none. */
    for (uint32_t i = 0; i < l->terms_count && l->shown.state == 0; i++)
        if (l->terms[i].retired <= l->terms[i].named)
            sha256_add(s, l->terms[i].id.bytes, ID_SIZE);
}

static void digest_attempts(const struct ledger *l, struct sha256 *s)
{
    for (uint32_t i = 0; i < l->attempts_count; i++) {
        uint8_t raw[512];
        struct buf b;
        buf_init_fixed(&b, raw, sizeof raw);
        put_attempt(&b, &l->attempts[i]);
        sha256_add(s, b.data, b.len);
    }
}

/* Over what facts say, not over their signatures: two signatures of one statement differ. With an
 * outcome, cover, attempts and former holders no longer count, because one holder may have dropped
 * them already; and of a divergent job only that it is, because holders may have seen different
 * evidence. */
struct digest ledger_digest(struct ledger *l)
{
    if (l->digested)
        return l->digest;
    struct sha256 s;
    sha256_init(&s);
    digest_titles(l, &s);
    uint8_t state = l->shown.state;
    sha256_add(&s, &state, 1);
    if (!l->divergent && state != 0) {
        sha256_add(&s, l->outcome_body.data, l->outcome_body.len);
    } else if (!l->divergent && l->cover) {
        struct digest cover = cover_digest(l->cover);
        sha256_add(&s, cover.bytes, ID_SIZE);
        digest_attempts(l, &s);
    }
    l->digest = sha256_end(&s);
    /* The cover of a job that runs also changes from outside. */
    l->digested = state != 0;
    return l->digest;
}
