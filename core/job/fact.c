#include "core/job/fact.h"

#include <stddef.h>
#include <string.h>

#include "core/base/err.h"
#include "core/wire/field.h"

#define FACT_VERSION 1

int claim_compare(const struct claim *a, const struct claim *b)
{
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch ? -1 : 1;
    if (a->boot != b->boot)
        return a->boot < b->boot ? -1 : 1;
    return node_id_compare(a->node, b->node);
}

static void read_holders(struct reader *r, struct holders *h)
{
    h->generation = read_u32(r);
    r->failed |= h->generation > FACT_COUNTER_MAX;
    h->count = read_choice(r, 1, FACT_HOLDERS_MAX);
    for (uint8_t i = 0; i < h->count; i++) {
        h->ids[i] = read_node_id(r);
        for (uint8_t k = 0; k < i; k++)
            if (node_id_equal(h->ids[k], h->ids[i]))
                r->failed = true;
    }
}

static void read_claim(struct reader *r, struct claim *c)
{
    uint64_t submitted;

    c->epoch = read_u32(r);
    r->failed |= c->epoch > FACT_COUNTER_MAX;
    c->boot = read_u64(r);
    c->node = read_node_id(r);
    submitted = read_u64(r);
    c->elapsed_us = read_u64(r);
    r->failed |= submitted > INT64_MAX || c->elapsed_us > INT64_MAX;
    c->submitted_s = r->failed ? 0 : (int64_t)submitted;
}

static void read_cancel(struct reader *r, struct cancel *c)
{
    c->by = read_node_id(r);
    c->state = read_u8(r);
    if (c->state != JOB_CANCELLED && c->state != JOB_TIMED_OUT)
        r->failed = true;
}

static void read_stage_cancel(struct reader *r, struct stage_cancel *c)
{
    c->by = read_node_id(r);
    c->first = read_u32(r);
    c->set = read_block(r, STAGE_CANCEL_SET_MAX);
    r->failed |= c->set.len == 0 || c->first % 8 != 0 || c->first >= JOB_STAGES_MAX;
    if (r->failed)
        return;
    r->failed |= c->set.data[0] == 0 || c->set.data[c->set.len - 1] == 0 ||
                 stage_cancel_last(c) >= JOB_STAGES_MAX ||
                 stage_cancel_last(c) / STAGE_CANCEL_SPAN != c->first / STAGE_CANCEL_SPAN;
}

/* Stages that were given up. */
static void read_failed(struct reader *r, struct outcome *o)
{
    o->failed_count = read_u16(r);
    o->failed = read_view(r, 4u * (size_t)o->failed_count);
    r->failed |= o->failed_count > FACT_FAILED_MAX;
    for (uint16_t i = 1; !r->failed && i < o->failed_count; i++)
        r->failed |= outcome_failed(o, i - 1) >= outcome_failed(o, i);
}

static void read_outcome(struct reader *r, struct outcome *o)
{
    o->state = read_choice(r, JOB_DONE, JOB_UNKNOWN);
    o->digest = read_digest(r);
    o->accumulator = read_block(r, ACCUMULATOR_SIZE_MAX);
    read_safe_text(r, false, o->error, sizeof o->error);
    o->leaves = read_u64(r);
    o->nodes = read_u32(r);
    o->retries = read_u32(r);
    o->duplicates = read_u64(r);
    o->redone_us = read_u64(r);
    o->cpu_us = read_u64(r);
    o->elapsed_us = read_u64(r);
    o->checks = false;
    o->checked = o->unchecked = 0;
    if (reader_done(r)) {
        o->failed_count = 0;
        o->failed = (struct bytes){NULL, 0};
        return;
    }
    read_failed(r, o);
    o->checks = o->failed_count == 0 || !reader_done(r);
    o->checked = o->checks ? read_u64(r) : 0;
    o->unchecked = o->checks ? read_u64(r) : 0;
}

static void read_close(struct reader *r, struct close_fact *c)
{
    c->author = read_node_id(r);
    c->count = read_u32(r);
    r->failed |= c->count == 0 || c->count > JOB_STAGES_MAX;
}

static int read_body(struct fact *f)
{
    struct reader r = reader_of(f->sealed.body);
    if (read_u8(&r) != f->kind)
        return ERR_FORMAT;
    f->job = read_job_id(&r);
    switch (f->kind) {
    case FACT_HOLDERS:
        read_holders(&r, &f->holders);
        break;
    case FACT_CLAIM:
        read_claim(&r, &f->claim);
        break;
    case FACT_CANCEL:
        read_cancel(&r, &f->cancel);
        break;
    case FACT_STAGES:
        f->stages.author = read_node_id(&r);
        return read_append(&r, &f->stages.append);
    case FACT_CLOSE:
        read_close(&r, &f->close);
        break;
    case FACT_STAGE_CANCEL:
        read_stage_cancel(&r, &f->stage_cancel);
        break;
    default:
        read_outcome(&r, &f->outcome);
        break;
    }
    return reader_result(&r);
}

static int read_signed_fact(struct reader *r, struct fact *f)
{
    read_signed(r, &f->sealed);
    if (!reader_done(r))
        return ERR_FORMAT;
    if (f->kind != FACT_SPEC)
        return read_body(f);
    f->job = spec_id(f->sealed.body);
    return read_spec(f->sealed.body, &f->spec);
}

static void read_partial(struct reader *r, struct partial *p)
{
    p->stage = read_u16(r);
    p->author = read_node_id(r);
    p->from = read_u64(r);
    p->upto = read_u64(r);
    p->compute_us = read_u64(r);
    p->count = read_u16(r);
    if (p->from > p->upto || p->upto > LEAVES_MAX)
        r->failed = true;
    p->values = *r;
    for (uint16_t i = 0; i < p->count && !r->failed; i++)
        read_value(r);
}

static void read_attempt(struct reader *r, struct attempt *a)
{
    a->stage = read_u16(r);
    a->leaf = read_u64(r);
    a->author = read_node_id(r);
    a->own_doing = read_flag(r);
    read_safe_text(r, true, a->cause, sizeof a->cause);
    if (a->leaf >= LEAVES_MAX)
        r->failed = true;
}

static void read_divergent(struct reader *r, struct divergence *d)
{
    d->stage = read_u16(r);
    d->at.level = read_u8(r);
    d->at.index = read_u64(r);
    for (size_t i = 0; i < 2; i++)
        d->digests[i] = read_digest(r);
    for (size_t i = 0; i < 2; i++)
        d->authors[i] = read_node_id(r);
    if (d->at.level > LEVEL_MAX || d->at.index >= LEAVES_MAX >> d->at.level ||
        memcmp(d->digests[0].bytes, d->digests[1].bytes, ID_SIZE) >= 0)
        r->failed = true;
}

static void read_unlike(struct reader *r, struct unlike *u)
{
    u->leaf = read_u64(r);
    for (size_t i = 0; i < 2; i++)
        u->digests[i] = read_digest(r);
    u->author = read_node_id(r);
    read_safe_text(r, true, u->compiler, sizeof u->compiler);
    r->failed |= u->leaf >= LEAVES_MAX || digest_equal(u->digests[0], u->digests[1]) ||
                 node_id_is_zero(u->author);
}

int unlike_compare(const struct unlike *a, const struct unlike *b)
{
    int rc = 0;

    if (a->leaf != b->leaf)
        return a->leaf < b->leaf ? -1 : 1;
    rc = node_id_compare(a->author, b->author);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = memcmp(a->digests[i].bytes, b->digests[i].bytes, ID_SIZE);
    return rc != 0 ? rc : strcmp(a->compiler, b->compiler);
}

struct term read_term(struct reader *r)
{
    struct term t;

    t.id = read_node_id(r);
    t.named = read_u32(r);
    t.retired = read_u32(r);
    r->failed |= t.named > FACT_COUNTER_MAX || t.retired > FACT_COUNTER_MAX;
    return t;
}

static void read_retired(struct reader *r, struct terms *t)
{
    struct node_id ids[FACT_TERMS_MAX];

    t->count = read_choice(r, 1, FACT_TERMS_MAX);
    t->list = *r;
    for (uint8_t i = 0; i < t->count && !r->failed; i++) {
        ids[i] = read_term(r).id;
        for (uint8_t k = 0; k < i; k++)
            r->failed |= node_id_equal(ids[k], ids[i]);
    }
}

struct leaf_count read_leaf_count(struct reader *r)
{
    struct leaf_count c;

    c.author = read_node_id(r);
    c.leaves = read_u64(r);
    r->failed |= c.leaves == 0 || c.leaves > LEAVES_MAX;
    return c;
}

static void read_counts(struct reader *r, struct counts *c)
{
    struct node_id before = {0};

    c->count = read_u16(r);
    c->list = *r;
    r->failed |= c->count == 0 || c->count > FACT_COUNTS_MAX;
    for (uint16_t i = 0; i < c->count && !r->failed; i++) {
        struct leaf_count one = read_leaf_count(r);

        r->failed |= i > 0 && node_id_compare(before, one.author) >= 0;
        before = one.author;
        c->leaves += one.leaves;
    }
    r->failed |= c->leaves > LEAVES_MAX;
}

bool fact_is_signed(uint8_t kind)
{
    return kind <= FACT_OUTCOME || (kind >= FACT_STAGES && kind <= FACT_STAGE_CANCEL);
}

/* A fact is as large as a specification, and most are of a small kind. */
static size_t kind_size(uint8_t kind)
{
    const struct fact *f = NULL;

    switch (kind) {
    case FACT_PARTIAL:
        return sizeof f->partial;
    case FACT_HOLDERS:
        return sizeof f->holders;
    case FACT_CLAIM:
        return sizeof f->claim;
    case FACT_CANCEL:
        return sizeof f->cancel;
    case FACT_DIVERGENT:
        return sizeof f->divergence;
    case FACT_RETIRED:
        return sizeof f->terms;
    case FACT_COUNTS:
        return sizeof f->counts;
    case FACT_UNLIKE:
        return sizeof f->unlike;
    default:
        return sizeof *f - offsetof(struct fact, spec);
    }
}

int fact_read(struct bytes encoded, struct fact *f)
{
    struct reader r = reader_of(encoded);
    uint8_t kind = read_u8(&r);
    memset(f, 0, offsetof(struct fact, spec) + kind_size(kind));
    f->kind = kind;
    uint8_t version = read_u8(&r);
    if (r.failed)
        return ERR_FORMAT;
    if (version != FACT_VERSION || f->kind < FACT_SPEC || f->kind > FACT_UNLIKE)
        return ERR_VERSION;
    if (f->kind == FACT_PARTIAL)
        read_partial(&r, &f->partial);
    else if (f->kind == FACT_ATTEMPT)
        read_attempt(&r, &f->attempt);
    else if (f->kind == FACT_DIVERGENT)
        read_divergent(&r, &f->divergence);
    else if (f->kind == FACT_RETIRED)
        read_retired(&r, &f->terms);
    else if (f->kind == FACT_COUNTS)
        read_counts(&r, &f->counts);
    else if (f->kind == FACT_UNLIKE)
        read_unlike(&r, &f->unlike);
    else
        return read_signed_fact(&r, f);
    return reader_result(&r);
}

static void put_body_head(struct buf *b, enum fact_kind kind, struct job_id job)
{
    put_u8(b, (uint8_t)kind);
    put_job_id(b, job);
}

void put_holders_body(struct buf *b, struct job_id job, const struct holders *h)
{
    put_body_head(b, FACT_HOLDERS, job);
    put_u32(b, h->generation);
    put_u8(b, h->count);
    for (uint8_t i = 0; i < h->count; i++)
        put_node_id(b, h->ids[i]);
}

void put_claim_body(struct buf *b, struct job_id job, const struct claim *c)
{
    put_body_head(b, FACT_CLAIM, job);
    put_u32(b, c->epoch);
    put_u64(b, c->boot);
    put_node_id(b, c->node);
    put_u64(b, (uint64_t)c->submitted_s);
    put_u64(b, c->elapsed_us);
}

void put_cancel_body(struct buf *b, struct job_id job, const struct cancel *c)
{
    put_body_head(b, FACT_CANCEL, job);
    put_node_id(b, c->by);
    put_u8(b, c->state);
}

void put_stage_cancel_body(struct buf *b, struct job_id job, const struct stage_cancel *c)
{
    put_body_head(b, FACT_STAGE_CANCEL, job);
    put_node_id(b, c->by);
    put_u32(b, c->first);
    put_block(b, c->set);
}

void put_outcome_body(struct buf *b, struct job_id job, const struct outcome *o)
{
    put_body_head(b, FACT_OUTCOME, job);
    put_u8(b, o->state);
    put_digest(b, o->digest);
    put_block(b, o->accumulator);
    put_text(b, o->error);
    put_u64(b, o->leaves);
    put_u32(b, o->nodes);
    put_u32(b, o->retries);
    put_u64(b, o->duplicates);
    put_u64(b, o->redone_us);
    put_u64(b, o->cpu_us);
    put_u64(b, o->elapsed_us);
    if (o->failed_count > 0 || o->checks) {
        put_u16(b, o->failed_count);
        put_raw(b, o->failed.data, 4u * (size_t)o->failed_count);
    }
    if (o->checks) {
        put_u64(b, o->checked);
        put_u64(b, o->unchecked);
    }
}

void put_stages_begin(struct buf *b, struct job_id job, struct node_id author)
{
    put_body_head(b, FACT_STAGES, job);
    put_node_id(b, author);
}

void put_close_body(struct buf *b, struct job_id job, const struct close_fact *c)
{
    put_body_head(b, FACT_CLOSE, job);
    put_node_id(b, c->author);
    put_u32(b, c->count);
}

static void put_fact_head(struct buf *b, enum fact_kind kind)
{
    put_u8(b, (uint8_t)kind);
    put_u8(b, FACT_VERSION);
}

void put_signed_fact(struct buf *b, enum fact_kind kind, const struct signed_bytes *s)
{
    put_fact_head(b, kind);
    put_signed(b, s);
}

void put_partial_begin(struct buf *b, const struct partial *p)
{
    put_fact_head(b, FACT_PARTIAL);
    put_u16(b, p->stage);
    put_node_id(b, p->author);
    put_u64(b, p->from);
    put_u64(b, p->upto);
    put_u64(b, p->compute_us);
    put_u16(b, p->count);
}

void put_partial_run(struct buf *b, struct node_id author, uint64_t first, uint64_t end)
{
    struct partial p = {.author = author, .from = first, .upto = end};

    put_partial_begin(b, &p);
}

void put_attempt(struct buf *b, const struct attempt *a)
{
    put_fact_head(b, FACT_ATTEMPT);
    put_u16(b, a->stage);
    put_u64(b, a->leaf);
    put_node_id(b, a->author);
    put_flag(b, a->own_doing);
    put_text(b, a->cause);
}

void put_divergent(struct buf *b, const struct divergence *d)
{
    put_fact_head(b, FACT_DIVERGENT);
    put_u16(b, d->stage);
    put_u8(b, d->at.level);
    put_u64(b, d->at.index);
    for (size_t i = 0; i < 2; i++)
        put_digest(b, d->digests[i]);
    for (size_t i = 0; i < 2; i++)
        put_node_id(b, d->authors[i]);
}

void put_unlike(struct buf *b, const struct unlike *u)
{
    put_fact_head(b, FACT_UNLIKE);
    put_u64(b, u->leaf);
    for (size_t i = 0; i < 2; i++)
        put_digest(b, u->digests[i]);
    put_node_id(b, u->author);
    put_text(b, u->compiler);
}

void put_retired(struct buf *b, const struct term *terms, uint8_t count)
{
    put_fact_head(b, FACT_RETIRED);
    put_u8(b, count);
    for (uint8_t i = 0; i < count; i++) {
        put_node_id(b, terms[i].id);
        put_u32(b, terms[i].named);
        put_u32(b, terms[i].retired);
    }
}

void put_counts(struct buf *b, const struct leaf_count *counts, uint16_t count)
{
    put_fact_head(b, FACT_COUNTS);
    put_u16(b, count);
    for (uint16_t i = 0; i < count; i++) {
        put_node_id(b, counts[i].author);
        put_u64(b, counts[i].leaves);
    }
}

uint32_t outcome_failed(const struct outcome *o, uint16_t i)
{
    return load_u32(o->failed.data + 4u * (size_t)i);
}

bool stage_cancel_has(const struct stage_cancel *c, uint32_t stage)
{
    uint32_t at = stage - c->first;

    return stage >= c->first && at / 8 < c->set.len && (c->set.data[at / 8] >> at % 8 & 1) != 0;
}

uint32_t stage_cancel_last(const struct stage_cancel *c)
{
    uint32_t last = c->first + 8 * (uint32_t)c->set.len - 1;

    while (last > c->first && !stage_cancel_has(c, last))
        last--;
    return last;
}

struct stage_cancel stage_cancel_of(struct node_id by, uint32_t stage, uint8_t room[1])
{
    room[0] = (uint8_t)(1u << stage % 8);
    return (struct stage_cancel){.by = by, .first = stage - stage % 8, .set = {room, 1}};
}

int outcome_rank(uint8_t state)
{
    static const uint8_t ranks[JOB_UNKNOWN + 1] = {
        [JOB_CANCELLED] = 1, [JOB_TIMED_OUT] = 2, [JOB_FAILED] = 3,
        [JOB_UNKNOWN] = 4,   [JOB_DONE] = 5,      [JOB_DIVERGENT] = 6};

    return state > JOB_UNKNOWN ? 0 : ranks[state];
}
