#include "core/verify/tally.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/verify/outputs.h"

enum { RECORD_FACTS = 1, RECORD_GONE = 2, RECORD_STALE = 6, RECORD_LAST = 9 };
enum { KIND_SPEC = 1, KIND_OUTCOME = 5, KIND_PARTIAL = 6, KIND_DIVERGENT = 8, KIND_COUNTS = 10 };
enum { KIND_STAGES = 11, KIND_CLOSE = 12, KIND_STAGE_CANCEL = 13, KIND_UNLIKE = 14 };

enum { STALE_BACK = 0, STALE_ASIDE = 1, STALE_DROPPED = 2 };

#define FACT_MAX 65536
#define TEXT_MAX 1024
#define FLAG_OPEN 2u
#define FLAG_CPU_TIME 8u
#define FLAG_CHECK 16u

void tally_init(struct tally *t, const struct alloc *a, struct job_id job, tally_merge *merge,
                void *merge_ctx)
{
    *t = (struct tally){.alloc = a, .job = job, .merge = merge, .merge_ctx = merge_ctx};
    spans_init(&t->named, a);
    spans_init(&t->hollow, a);
    stages_init(&t->stages, a);
}

void tally_clear(struct tally *t)
{
    spans_clear(&t->named);
    spans_clear(&t->hollow);
    stages_clear(&t->stages);
}

static void problem(struct tally *t, enum tally_fault fault, uint64_t first, uint64_t end)
{
    if (t->problems_count < TALLY_PROBLEMS_MAX)
        t->problems[t->problems_count] = (struct tally_problem){fault, first, end};
    t->problems_count++;
}

/* The body of signed bytes. */
static struct bytes read_signed_body(struct reader *r)
{
    (void)read_view(r, read_u16(r));
    return read_block(r, FACT_MAX);
}

static void skip_text(struct reader *r)
{
    (void)read_view(r, read_u16(r));
}

/* A node that left the holders and came back has the job anew: its journal says the specification
 * once more, and what it said before counts no longer. */
static void begin_again(struct tally *t)
{
    spans_clear(&t->named);
    spans_init(&t->named, t->alloc);
    spans_clear(&t->hollow);
    spans_init(&t->hollow, t->alloc);
    stages_clear(&t->stages);
    t->known = t->joined = false;
    t->joined_leaves = t->joined_unnamed = t->joined_nodes = 0;
    t->state = TALLY_OPEN;
    t->result_len = 0;
    t->leaves_counted = 0;
    t->closed = 0;
}

static void take_spec(struct tally *t, struct bytes body)
{
    struct digest d = sha256_of(body.data, body.len);
    struct reader r = reader_of(body);
    if (memcmp(d.bytes, t->job.bytes, ID_SIZE) != 0) {
        problem(t, TALLY_ID, 0, 0);
        return;
    }
    begin_again(t);
    (void)read_view(&r, 1 + ID_SIZE + 16 + 8); /* version, author, nonce, not_after */
    skip_text(&r);
    const uint32_t flags = read_u32(&r);
    t->open = (flags & FLAG_OPEN) != 0;
    (void)read_view(&r, 4 + 8); /* slots, timeout */
    if (flags & FLAG_CPU_TIME)
        (void)read_u64(&r);
    if (flags & FLAG_CHECK)
        (void)read_u16(&r);
    uint16_t stages = read_u16(&r);
    int rc = stages_read(&t->stages, &r, stages, t->merge, t->merge_ctx);
    if (rc == ERR_NO_MEMORY)
        t->error = rc;
    else if (rc < 0)
        problem(t, TALLY_FORMAT, 0, 0);
    t->leaves = t->stages.leaves;
    t->known = rc == 0;
    if (t->known && t->aside == TALLY_ASIDE)
        t->aside = TALLY_ASIDE_TOO;
}

/* What the author of an open job appends. Those that are known are told again by every holder. The
 * disk may have refused the record with some and taken a later one: without those nobody can say
 * what is meant by the rest, until another holder tells them. */
static void take_stages(struct tally *t, struct bytes body)
{
    struct reader r = reader_of(body);
    (void)read_view(&r, 1 + ID_SIZE + ID_SIZE); /* kind, job, author */
    int rc = stages_more(&t->stages, &r, t->merge, t->merge_ctx);
    if (rc == ERR_NO_MEMORY)
        t->error = rc;
#if VELUM_PLANT != 639 /* unit/test_verify_stages: stages that a disk refused are called damage */
    else if (rc < 0 && rc != ERR_NOT_FOUND)
#else
    else if (rc < 0)
#endif
        problem(t, TALLY_FORMAT, 0, 0);
#if VELUM_PLANT != 529 /* unit/test_verify_stages: what was appended need not be computed */
    t->leaves = t->stages.leaves;
#endif
}

static void take_close(struct tally *t, struct bytes body)
{
    struct reader r = reader_of(body);
    (void)read_view(&r, 1 + ID_SIZE + ID_SIZE); /* kind, job, author */
    t->closed = read_u32(&r);
    if (r.failed)
        problem(t, TALLY_FORMAT, 0, 0);
}

/* This journal does not have all that was appended. */
static bool lacks_stages(const struct tally *t)
{
    return t->open && (t->stages.told > t->stages.count ||
                       (t->state == TALLY_DONE && t->leaves_counted > t->stages.leaves));
}

int tally_rank(uint8_t state)
{
    static const uint8_t ranks[TALLY_STATE_MAX + 1] = {0, 0, 0, 5, 3, 1, 2, 6, 4};
    return state > TALLY_STATE_MAX ? 0 : ranks[state];
}

/* Whether it can be the value of a search over these leaves: a match among them, or zeros. */
static bool is_found(const struct tally_stage *s, struct bytes data, uint64_t first, uint64_t end)
{
    uint64_t unit, leaf;
    if (s->fold.leaf_units == 0 || data.len != s->kernel.value_size || data.len <= 8)
        return false;
    unit = load_u64(data.data);
    leaf = unit / s->fold.leaf_units;
    for (size_t i = 8; unit == UINT64_MAX && i < data.len; i++)
        if (data.data[i] != 0)
            return false;
    return unit == UINT64_MAX || (unit < s->units && first <= leaf && leaf < end);
}

static bool is_value(const struct tally_stage *s, struct bytes data, uint64_t first, uint64_t end)
{
    if (s->collects)
        return end - first == 1 && outputs_value(data);
    if (s->fold.leaf_units > 0)
        return is_found(s, data, first, end);
    return data.len == s->kernel.value_size;
}

/* A search is the only stage of its job, and a result of it says how far it went. */
static void end_at_match(struct tally *t, struct bytes result)
{
    struct tally_stage *s = &t->stages.list[0];
    t->leaves = t->stages.leaves;
    s->told = s->end;
    if (t->state != TALLY_DONE || !is_found(s, result, 0, s->fold.leaves))
        return;
#if VELUM_PLANT == 519 /* unit/test_verify_search: a match needs no more than its own leaf */
    s->told = t->leaves = 1;
#else
    s->told = t->leaves = fold_told(&s->fold, result, t->leaves);
#endif
}

static void take_outcome(struct tally *t, struct bytes body)
{
    struct reader r = reader_of(body);
    (void)read_view(&r, 1 + ID_SIZE);
    uint8_t state = read_u8(&r);
    struct digest digest = read_digest(&r);
    struct bytes result = read_block(&r, FOLD_VALUE_MAX);
    skip_text(&r);
    uint64_t leaves = read_u64(&r);
    if (r.failed || tally_rank(state) == 0) {
        problem(t, TALLY_FORMAT, 0, 0);
        return;
    }
    if (state == TALLY_DONE && t->state == TALLY_DONE && !digest_equal(digest, t->digest))
        problem(t, TALLY_TWO, 0, 0);
    if (tally_rank(state) <= tally_rank(t->state))
        return;
    t->state = state;
    end_at_match(t, result);
    t->digest = digest;
    t->leaves_counted = leaves;
    t->result_len = (uint32_t)result.len;
    if (result.len > 0)
        memcpy(t->result, result.data, result.len);
}

static void twice(void *ctx, uint64_t first, uint64_t end)
{
    problem(ctx, TALLY_TWICE, first, end);
}

static void known(void *ctx, uint64_t first, uint64_t end)
{
    (void)ctx, (void)first, (void)end;
}

static void add_span(struct tally *t, struct spans *to, struct span what)
{
    if (what.first < what.end && spans_add(to, what, to == &t->named ? twice : known, t) < 0)
        t->error = ERR_NO_MEMORY;
}

/* The first hole in the values of a stage at or after `at`, in the row. */
static bool value_hole(const struct tally_stage *s, uint64_t at, uint64_t *first, uint64_t *end)
{
    bool found = fold_hole(&s->fold, at - s->first, first, end);
    *first += s->first;
    *end += s->first;
    return found;
}

/* A name counts where there is a value. The disk may have refused the record with the value and
 * taken a later one with the name: whoever reads this journal computes the leaf again. Once there
 * is a result, it vouches for what its journal was not told leaf by leaf. */
static void name_leaves(struct tally *t, const struct tally_stage *s, struct span what)
{
    while (what.first < what.end && t->error == 0) {
        struct span counted = what, hollow = {what.end, what.end, what.author};
        uint64_t first, end;
        if (t->state == TALLY_OPEN && value_hole(s, what.first, &first, &end) && first < what.end) {
            counted.end = hollow.first = first;
            hollow.end = end < what.end ? end : what.end;
        }
        add_span(t, &t->named, counted);
        add_span(t, &t->hollow, hollow);
        what.first = hollow.end;
    }
}

/* False when some of it are no leaves. */
static bool name_run(struct tally *t, struct span what)
{
    while (what.first < what.end) {
        const struct tally_stage *s = stages_at(&t->stages, what.first);
        struct span part = what;
        if (!s || s->first > what.first)
            return false;
        part.end = s->end < what.end ? s->end : what.end;
        name_leaves(t, s, part);
        what.first = part.end;
    }
    return true;
}

static void vouch_for(struct tally *t, struct span part)
{
    uint64_t limit = part.end;
    while (spans_hole(&t->named, part.first, limit, &part.first, &part.end)) {
        add_span(t, &t->named, part);
        part.first = part.end;
    }
}

static void vouch(struct tally *t)
{
    for (size_t i = 0; i < t->hollow.count; i++)
        vouch_for(t, t->hollow.list[i]);
}

/* Of a job that goes on, when no more stages come to it: what was read to its end was there. */
static void vouch_for_spent(struct tally *t)
{
    if (t->open && t->closed != t->stages.count)
        return;
    stages_look(&t->stages);
    for (size_t i = 0; i < t->hollow.count; i++) {
        struct span rest = t->hollow.list[i];
        while (rest.first < rest.end) {
            const struct tally_stage *s = stages_at(&t->stages, rest.first);
            struct span part = rest;
            part.end = s->end < rest.end ? s->end : rest.end;
            if (stage_is_spent(s))
                vouch_for(t, part);
            rest.first = part.end;
        }
    }
}

static void take_value(struct tally *t, struct reader *r)
{
    uint8_t level = read_u8(r);
    uint64_t index = read_u64(r), first, end;
    struct bytes data = read_block(r, FOLD_VALUE_MAX);
    struct tally_stage *s = r->failed ? NULL : stages_node(&t->stages, level, index, &first, &end);
    if (!s && t->open && !r->failed && level <= 40 && index << level >= t->stages.end)
        return;
    if (!s || !is_value(s, data, first, end)) {
        r->failed = true;
        return;
    }
    int rc = fold_take(&s->fold, first, end, data);
    if (rc < 0)
        t->error = rc;
    else if (rc >= FOLD_UNEQUAL)
        problem(t, rc == FOLD_WRONG ? TALLY_WRONG : TALLY_UNEQUAL, s->first + first,
                s->first + end);
}

static void take_partial(struct tally *t, struct reader *r)
{
    (void)read_u16(r);
    struct span what = {.author = read_node_id(r)};
    what.first = read_u64(r);
    what.end = read_u64(r);
    (void)read_u64(r);
    uint16_t count = read_u16(r);
    for (uint16_t i = 0; i < count && !r->failed && t->error == 0; i++)
        take_value(t, r);
    if (!r->failed && t->open && what.first <= what.end && what.end > t->stages.end)
        return;
    if (r->failed || what.first > what.end || what.end > t->stages.end) {
        r->failed = true;
        return;
    }
    if (!t->joined && !name_run(t, what))
        r->failed = true;
}

static uint64_t named_leaves(const struct tally *t)
{
    uint64_t sum = t->joined_leaves;
    for (size_t i = 0; i < t->named.count; i++)
        sum += t->named.list[i].end - t->named.list[i].first;
    return sum;
}

/* Of two accounts of one ended job the one that knows of more leaves stays; one that says which
 * leaves, where both know of as many. */
static void take_counts(struct tally *t, struct reader *r)
{
    uint16_t count = read_u16(r);
    uint64_t sum = 0, unnamed = 0, leaves;
    for (uint16_t i = 0; i < count && !r->failed; i++) {
        struct node_id author = read_node_id(r);
        leaves = read_u64(r);
        if (!r->failed && t->open && leaves > t->leaves - sum)
            return;
        r->failed |= leaves > t->leaves - sum;
        sum += r->failed ? 0 : leaves;
        unnamed += node_id_is_zero(author) ? leaves : 0;
    }
    if (r->failed || t->state == TALLY_OPEN || sum <= named_leaves(t))
        return;
    spans_clear(&t->named);
    spans_clear(&t->hollow);
    t->joined = true;
    t->joined_leaves = sum;
    t->joined_unnamed = unnamed;
    t->joined_nodes = unnamed > 0 ? count - 1u : count;
}

static int take_fact(struct tally *t, struct bytes fact)
{
    struct reader r = reader_of(fact);
    uint8_t kind = read_u8(&r), version = read_u8(&r);
    if (version != 1 || kind == 0 || kind > KIND_UNLIKE)
        return ERR_VERSION;
    if (kind == KIND_SPEC)
        take_spec(t, read_signed_body(&r));
    else if (!t->known)
        return 0; /* without the specification nobody can say what it means */
    else if (kind == KIND_OUTCOME)
        take_outcome(t, read_signed_body(&r));
    else if (kind == KIND_PARTIAL)
        take_partial(t, &r);
    else if (kind == KIND_COUNTS)
        take_counts(t, &r);
    else if (kind == KIND_STAGES)
        take_stages(t, read_signed_body(&r));
    else if (kind == KIND_CLOSE)
        take_close(t, read_signed_body(&r));
    else if (kind == KIND_DIVERGENT)
        t->state = TALLY_DIVERGENT;
    if (r.failed)
        problem(t, TALLY_FORMAT, 0, 0);
    return t->error;
}

/* A node gives a copy up: the one that was set aside where there is one, else what it has. It may
 * be told of the job again later. */
static void take_step(struct tally *t, uint8_t step)
{
    if (step == STALE_ASIDE)
        t->aside = TALLY_ASIDE;
    else if (step == STALE_BACK)
        t->aside = TALLY_NOT_ASIDE;
#if VELUM_PLANT != 444 /* unit/test_verify: a copy that was given up is counted on */
    else if (step == STALE_DROPPED && t->aside != TALLY_ASIDE_TOO)
        t->known = false;
#endif
    if (step == STALE_DROPPED)
        t->aside = TALLY_NOT_ASIDE;
}

bool tally_record_job(uint16_t type, struct bytes payload, struct job_id *job)
{
    struct reader r = reader_of(payload);
    *job = read_job_id(&r);
    return (type == RECORD_FACTS || type == RECORD_GONE) && !r.failed;
}

int tally_record(struct tally *t, uint16_t type, struct bytes payload)
{
    struct reader r = reader_of(payload);
    int rc = 0;
    if (type < RECORD_FACTS || type > RECORD_LAST)
        return ERR_VERSION;
    if (!job_id_equal(read_job_id(&r), t->job) || t->gone)
        return 0;
    if (type == RECORD_GONE) {
        t->gone = true;
        t->state = read_u8(&r);
    }
    if (type == RECORD_STALE)
        take_step(t, read_u8(&r));
    if (type != RECORD_FACTS)
        return 0;
    uint16_t count = read_u16(&r);
    for (uint16_t i = 0; i < count && rc == 0; i++) {
        struct bytes fact = read_block(&r, FACT_MAX);
        if (r.failed)
            break;
        rc = take_fact(t, fact);
    }
    if (r.failed)
        problem(t, TALLY_FORMAT, 0, 0);
    return rc;
}

/* Within one stage. */
static bool hole_of(const struct tally *t, const struct tally_stage *s, uint64_t at,
                    uint64_t *first, uint64_t *end)
{
    uint64_t value_first, value_end;
#if VELUM_PLANT != 646 /* unit/test_verify_stages: values that nobody reads any more are missed */
    if (stage_is_spent(s))
        return false;
#endif
    while (spans_hole(&t->named, at, s->told, first, end)) {
        if (!value_hole(s, *first, &value_first, &value_end))
            return false;
        if (value_first < *end) {
            *first = value_first;
            *end = value_end < *end ? value_end : *end;
            return true;
        }
        at = *end;
    }
    return false;
}

bool tally_hole(const struct tally *t, uint64_t at, uint64_t *first, uint64_t *end)
{
#if VELUM_PLANT == 253 /* unit/test_verify: counts that do not add up are believed */
    if (t->joined)
#else
    if (t->joined && t->joined_leaves == t->leaves)
#endif
        return false;
    for (const struct tally_stage *s = stages_at(&t->stages, at); s;
         s = stages_at(&t->stages, at)) {
        at = at > s->first ? at : s->first;
#if VELUM_PLANT == 475 /* unit/test_verify_stages: only the first stage is looked at */
        if (s != t->stages.list)
            return false;
#endif
        if (hole_of(t, s, at, first, end))
            return true;
        at = s->end;
    }
    return false;
}

uint64_t tally_refolded(const struct tally *t)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < t->stages.count; i++)
        sum += t->stages.list[i].fold.refolded;
    return sum;
}

uint32_t tally_stage_of(const struct tally *t, uint64_t *leaf)
{
    const struct tally_stage *s = stages_at(&t->stages, *leaf);
    if (!s || *leaf < s->first)
        return 0;
    *leaf -= s->first;
    return (uint32_t)(s - t->stages.list);
}

uint64_t tally_leaves(const struct tally *t, uint64_t *unnamed)
{
    uint64_t sum = t->leaves, first, end;
    *unnamed = 0;
    for (uint64_t at = 0; tally_hole(t, at, &first, &end); at = end)
        sum -= end - first;
    if (t->joined) {
        sum = sum > t->joined_leaves ? sum : t->joined_leaves;
        *unnamed = sum - (t->joined_leaves - t->joined_unnamed);
        return sum;
    }
    uint64_t named = 0;
    for (size_t i = 0; i < t->named.count; i++)
        if (!node_id_is_zero(t->named.list[i].author))
            named += t->named.list[i].end - t->named.list[i].first;
    *unnamed = sum > named ? sum - named : 0;
    return sum;
}

bool tally_is_whole(const struct tally *t)
{
    uint64_t first, end;
    return t->known && !lacks_stages(t) && !tally_hole(t, 0, &first, &end);
}

/* The digest of a result that is a list is the list's name. */
static void check_list(struct tally *t, const struct tally_stage *s)
{
    struct bytes result = {t->result, t->result_len};
    struct digest said, made;
    uint64_t said_size, made_size;
    if (!outputs_result(result, s->fold.leaves, &said, &said_size) ||
        !digest_equal(said, t->digest))
        problem(t, TALLY_DIGEST, 0, 0);
    else if (outputs_name(&s->fold, &made, &made_size) &&
             (!digest_equal(made, said) || made_size != said_size))
        problem(t, TALLY_RESULT, s->first, s->end);
}

/* The result is the output of the last stage. */
static void check_result(struct tally *t)
{
    const struct tally_stage *s = &t->stages.list[t->stages.count - 1];
    uint8_t root[FOLD_VALUE_MAX];
    uint32_t len;
    if (lacks_stages(t))
        return;
    if (t->leaves_counted != t->leaves)
        problem(t, TALLY_COUNT, t->leaves_counted, t->leaves_counted);
    if (s->collects) {
        check_list(t, s);
        return;
    }
    len = fold_root(&s->fold, root);
    if (s->fold.leaf_units > 0 &&
        !is_found(s, (struct bytes){t->result, t->result_len}, 0, s->fold.leaves))
        problem(t, TALLY_RESULT, 0, t->leaves);
    if (!digest_equal(sha256_of(t->result, t->result_len), t->digest))
        problem(t, TALLY_DIGEST, 0, 0);
    if (len > 0 && (len != t->result_len || memcmp(root, t->result, len) != 0))
        problem(t, TALLY_RESULT, s->first, s->end);
}

int tally_end(struct tally *t)
{
    if (t->error < 0)
        return t->error;
    if (t->known && !t->gone && t->state == TALLY_OPEN)
        vouch_for_spent(t);
    if (t->known && !t->gone && t->state == TALLY_DONE) {
        if (t->stages.list[0].fold.leaf_units > 0) {
            spans_cut(&t->named, t->leaves);
            spans_cut(&t->hollow, t->leaves);
        }
        vouch(t);
        check_result(t);
    }
    return t->error;
}

const char *tally_fault_sentence(enum tally_fault fault)
{
    static const char *const sentences[] = {
        [TALLY_FORMAT] = "a fact about the job does not read",
        [TALLY_ID] = "the specification is not the one the job's id names",
        [TALLY_TWICE] = "counted twice",
        [TALLY_MISSING] = "not counted",
        [TALLY_UNEQUAL] = "two different values",
        [TALLY_WRONG] = "the value is not what its parts fold to",
        [TALLY_RESULT] = "the result is not what the values fold to",
        [TALLY_DIGEST] = "the digest is not that of the result",
        [TALLY_COUNT] = "the result was made of another number of leaves",
        [TALLY_TWO] = "two different results",
    };
    return sentences[fault];
}

bool tally_fault_has_leaves(enum tally_fault fault)
{
    return fault == TALLY_TWICE || fault == TALLY_MISSING || fault == TALLY_UNEQUAL ||
           fault == TALLY_WRONG;
}
