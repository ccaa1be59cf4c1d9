/* Facts, as they come from other nodes and from the journal, damaged. */
#include "core/job/fact.h"

#include "tests/fuzz/fuzz.h"

static int put_body(const struct fact *f, struct buf *body)
{
    switch (f->kind) {
    case FACT_SPEC:
        return put_spec(body, &f->spec);
    case FACT_HOLDERS:
        put_holders_body(body, f->job, &f->holders);
        break;
    case FACT_CLAIM:
        put_claim_body(body, f->job, &f->claim);
        break;
    case FACT_CANCEL:
        put_cancel_body(body, f->job, &f->cancel);
        break;
    case FACT_STAGES:
        put_stages_begin(body, f->job, f->stages.author);
        put_append_begin(body, f->stages.append.first, f->stages.append.count);
        put_raw(body, f->stages.append.entries.data + f->stages.append.entries.at,
                reader_left(&f->stages.append.entries));
        break;
    case FACT_CLOSE:
        put_close_body(body, f->job, &f->close);
        break;
    case FACT_STAGE_CANCEL:
        put_stage_cancel_body(body, f->job, &f->stage_cancel);
        break;
    default:
        put_outcome_body(body, f->job, &f->outcome);
        break;
    }
    return buf_result(body);
}

/* The signed bytes stay as they were; the body is also written anew from what was understood. */
static int signed_again(const struct fact *f, struct bytes in, struct buf *out)
{
    struct signed_bytes s = f->sealed;
    struct buf body, whole;
    buf_init(&whole, &fuzz.heap.alloc, FUZZ_SIZE_MAX);
    put_signed_fact(&whole, (enum fact_kind)f->kind, &s);
    CHECK(bytes_equal(buf_bytes(&whole), in));
    buf_clear(&whole);
    buf_init(&body, &fuzz.heap.alloc, FUZZ_SIZE_MAX);
    int rc = put_body(f, &body);
    s.body = buf_bytes(&body);
    /* Only texts change, when they are made safe. */
    CHECK(f->kind == FACT_SPEC || f->kind == FACT_OUTCOME || bytes_equal(s.body, f->sealed.body));
    put_signed_fact(out, (enum fact_kind)f->kind, &s);
    buf_clear(&body);
    return rc < 0 ? rc : buf_result(out);
}

static int fact_again(struct bytes in, struct buf *out)
{
    static struct fact f;
    memset(&f, fuzz.fill, sizeof f);
    int rc = fact_read(in, &f);
    if (rc < 0)
        return rc;
    switch (f.kind) {
    case FACT_PARTIAL:
        put_partial_begin(out, &f.partial);
        rc = again_values(&f.partial.values, f.partial.count, out);
        CHECK_INT(rc, 0);
        CHECK(reader_done(&f.partial.values));
        return buf_result(out);
    case FACT_ATTEMPT:
        put_attempt(out, &f.attempt);
        return buf_result(out);
    case FACT_DIVERGENT:
        put_divergent(out, &f.divergence);
        return buf_result(out);
    case FACT_UNLIKE:
        put_unlike(out, &f.unlike);
        return buf_result(out);
    case FACT_RETIRED: {
        struct term terms[FACT_TERMS_MAX];
        for (uint8_t i = 0; i < f.terms.count; i++)
            terms[i] = read_term(&f.terms.list);
        CHECK(reader_done(&f.terms.list));
        put_retired(out, terms, f.terms.count);
        return buf_result(out);
    }
    case FACT_COUNTS: {
        struct leaf_count counts[FACT_COUNTS_MAX];
        for (uint16_t i = 0; i < f.counts.count; i++)
            counts[i] = read_leaf_count(&f.counts.list);
        CHECK(reader_done(&f.counts.list));
        put_counts(out, counts, f.counts.count);
        return buf_result(out);
    }
    default:
        return signed_again(&f, in, out);
    }
}

static void make_signed_kind(struct buf *out, struct fact *f)
{
    struct buf body;
    buf_init(&body, &fuzz.heap.alloc, FUZZ_SIZE_MAX);
    f->job = any_job();
    REQUIRE(put_body(f, &body) == 0);
    f->sealed.certificate = any_bytes(CERTIFICATE_SIZE_MAX);
    f->sealed.body = buf_bytes(&body);
    any_raw(f->sealed.signature, SIGNATURE_SIZE);
    put_signed_fact(out, (enum fact_kind)f->kind, &f->sealed);
    buf_clear(&body);
}

/* Entries are stepped through by whoever takes them: each begins where the one before it ends. */
static void make_stages(struct buf *out)
{
    uint8_t room[4096], needs[3 * STAGE_NEED_BYTES];
    struct fact f = {.kind = FACT_STAGES};
    struct append *a = &f.stages.append;
    struct buf b;
    f.stages.author = any_node();
    a->first = (uint32_t)any_below(1000);
    a->count = (uint16_t)(1 + any_below(6));
    buf_init_fixed(&b, room, sizeof room);
    for (uint32_t i = a->first; i < a->first + a->count; i++) {
        struct stage_spec s = {.units = 1 + any_leaf(), .leaf_units = 1, .accumulator_size = 8};
        uint16_t count = (uint16_t)any_below(4);
        any_raw(needs, sizeof needs);
        any_name(s.kernel, sizeof s.kernel);
        any_name(s.name, sizeof s.name);
        if (i == 0 || any_below(3) == 0)
            put_append_whole(&b, i, &s);
        else if (any_below(3) == 0)
            put_append_named(&b, (uint32_t)any_below(i), any_below(2) == 0, &s);
        else if (any_below(2) == 0)
            put_append_like(&b, (uint32_t)any_below(i), any_bytes(100), count,
                            (struct bytes){needs, count * STAGE_NEED_BYTES});
        else if (any_below(2) == 0)
            put_append_rolled(&b, (uint32_t)any_below(i),
                              &(struct stage_spec){.units = 1 + any_below(APPEND_ROLLED_MAX),
                                                   .leaf_units = 1 + any_below(9),
                                                   .params = any_bytes(100)});
        else
            put_append_sized(&b, (uint32_t)any_below(i), 1 + any_leaf(), 1 + any_below(9),
                             any_bytes(100), count,
                             (struct bytes){needs, count * STAGE_NEED_BYTES});
    }
    a->entries = reader_of(buf_bytes(&b));
    make_signed_kind(out, &f);
}

static void make_close(struct buf *out)
{
    struct fact f = {.kind = FACT_CLOSE};
    f.close.author = any_node();
    f.close.count = 1 + (uint32_t)any_below(JOB_STAGES_MAX);
    make_signed_kind(out, &f);
}

static void make_stage_cancel(struct buf *out)
{
    uint8_t set[40];
    struct fact f = {.kind = FACT_STAGE_CANCEL};
    size_t len = 1 + (size_t)any_below(sizeof set);
    any_raw(set, sizeof set);
    set[0] |= 1;
    set[len - 1] |= 128;
    f.stage_cancel.by = any_node();
    f.stage_cancel.first = 8 * (uint32_t)any_below(1000);
    f.stage_cancel.set = (struct bytes){set, len};
    make_signed_kind(out, &f);
}

static void make_spec(struct buf *out)
{
    static struct fact f;
    f = (struct fact){.kind = FACT_SPEC};
    f.spec = (struct job_spec){.author = any_node(), .slots_max = any_u32()};
    any_text(f.spec.name, sizeof f.spec.name);
    any_name(f.spec.stage.kernel, sizeof f.spec.stage.kernel);
    any_text(f.spec.stage.args, sizeof f.spec.stage.args);
    f.spec.stage.params = any_bytes(PARAMS_SIZE_MAX);
    f.spec.stage.units = 1 + any_leaf();
    f.spec.stage.leaf_units = 1 + any_below(1000);
    make_signed_kind(out, &f);
}

static void make_holders(struct buf *out)
{
    struct fact f = {.kind = FACT_HOLDERS};
    f.holders.generation = any_u32() / 2;
    f.holders.count = (uint8_t)(1 + any_below(FACT_HOLDERS_MAX));
    for (uint8_t i = 0; i < f.holders.count; i++)
        f.holders.ids[i] = any_node();
    make_signed_kind(out, &f);
}

static void make_claim(struct buf *out)
{
    struct fact f = {.kind = FACT_CLAIM};
    f.claim.epoch = any_u32() / 2;
    f.claim.boot = any_u64();
    f.claim.node = any_node();
    f.claim.submitted_s = (int64_t)(any_u64() / 2);
    f.claim.elapsed_us = any_u64() / 2;
    make_signed_kind(out, &f);
}

static void make_cancel(struct buf *out)
{
    struct fact f = {.kind = FACT_CANCEL};
    f.cancel.by = any_node();
    f.cancel.state = any_bool() ? JOB_CANCELLED : JOB_TIMED_OUT;
    make_signed_kind(out, &f);
}

static void make_outcome(struct buf *out)
{
    struct fact f = {.kind = FACT_OUTCOME};
    uint8_t failed[16];
    f.outcome = (struct outcome){.state = (uint8_t)(JOB_DONE + any_below(6)),
                                 .digest = any_digest(),
                                 .accumulator = any_bytes(ACCUMULATOR_SIZE_MAX),
                                 .leaves = any_u64(),
                                 .nodes = any_u32(),
                                 .retries = any_u32(),
                                 .duplicates = any_u64(),
                                 .redone_us = any_u64(),
                                 .cpu_us = any_u64(),
                                 .elapsed_us = any_u64(),
                                 .failed_count = (uint16_t)any_below(4)};
    for (uint32_t i = 0; i < 4; i++)
        store_u32(failed + 4u * i, 7 * i + (uint32_t)any_below(7));
    f.outcome.failed = (struct bytes){failed, sizeof failed};
    any_text(f.outcome.error, sizeof f.outcome.error);
    make_signed_kind(out, &f);
}

static void make_partial(struct buf *out)
{
    struct partial p = {.stage = (uint16_t)any_u64(),
                        .author = any_node(),
                        .upto = any_leaf(),
                        .compute_us = any_u64(),
                        .count = (uint16_t)any_size(60)};
    p.from = any_below(p.upto + 1);
    put_partial_begin(out, &p);
    any_values(out, p.count);
}

static void make_attempt(struct buf *out)
{
    struct attempt a = {(uint16_t)any_u64(), any_leaf(), any_node(), any_bool(), ""};
    any_text(a.cause, sizeof a.cause);
    put_attempt(out, &a);
}

static void make_retired(struct buf *out)
{
    struct term terms[FACT_TERMS_MAX];
    uint8_t count = (uint8_t)(1 + any_below(FACT_TERMS_MAX));
    for (uint8_t i = 0; i < count; i++)
        terms[i] = (struct term){any_node(), any_u32() / 2, any_u32() / 2};
    put_retired(out, terms, count);
}

static void make_counts(struct buf *out)
{
    struct leaf_count counts[FACT_COUNTS_MAX];
    uint16_t count = (uint16_t)(1 + any_below(FACT_COUNTS_MAX));
    for (uint16_t i = 0; i < count; i++) {
        counts[i] = (struct leaf_count){any_node(), 1 + any_below(LEAVES_MAX / FACT_COUNTS_MAX)};
        counts[i].author.bytes[0] = (uint8_t)i;
    }
    put_counts(out, counts, count);
}

static void make_divergent(struct buf *out)
{
    struct divergence d = {.stage = (uint16_t)any_u64(),
                           .at.level = (uint8_t)any_below(LEVEL_MAX + 1),
                           .digests = {any_digest(), any_digest()},
                           .authors = {any_node(), any_node()}};
    d.at.index = any_u64() % (LEAVES_MAX >> d.at.level);
    d.digests[0].bytes[0] = 1;
    d.digests[1].bytes[0] = 2;
    put_divergent(out, &d);
}

static void make_unlike(struct buf *out)
{
    struct unlike u = {
        .leaf = any_leaf(), .digests = {any_digest(), any_digest()}, .author = any_node()};
    u.digests[0].bytes[0] = 1;
    u.digests[1].bytes[0] = 2;
    u.author.bytes[0] = 1;
    any_text(u.compiler, sizeof u.compiler);
    put_unlike(out, &u);
}

TEST(damaged_facts_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"SPEC", fact_again, make_spec, false, 12000},
        {"HOLDERS", fact_again, make_holders, true, 12000},
        {"CLAIM", fact_again, make_claim, true, 12000},
        {"CANCEL", fact_again, make_cancel, true, 12000},
        {"OUTCOME", fact_again, make_outcome, false, 12000},
        {"PARTIAL", fact_again, make_partial, true, 12000},
        {"ATTEMPT", fact_again, make_attempt, false, 12000},
        {"DIVERGENT", fact_again, make_divergent, true, 12000},
        {"RETIRED", fact_again, make_retired, true, 12000},
        {"COUNTS", fact_again, make_counts, true, 12000},
        {"STAGES", fact_again, make_stages, true, 12000},
        {"CLOSE", fact_again, make_close, true, 12000},
        {"STAGE_CANCEL", fact_again, make_stage_cancel, true, 12000},
        {"UNLIKE", fact_again, make_unlike, false, 12000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_facts_are_refused_or_mean_one_thing)
