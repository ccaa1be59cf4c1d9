#include "core/base/err.h"
#include "core/job/fact.h"
#include "tests/lib/check.h"

static uint8_t raw[16384];
static uint8_t body_raw[8192];
static const struct job_id job = {{7, 7, 7}};

static struct node_id id_of(uint8_t n)
{
    struct node_id id;
    memset(id.bytes, n, sizeof id.bytes);
    return id;
}

static struct buf fresh(void)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    return b;
}

static struct bytes seal(enum fact_kind kind, const struct buf *body)
{
    struct signed_bytes s = {.certificate = bytes_of_text("cert"), .body = buf_bytes(body)};
    struct buf b = fresh();
    put_signed_fact(&b, kind, &s);
    CHECK_INT(buf_result(&b), 0);
    return buf_bytes(&b);
}

static void check_every_truncation(struct bytes whole)
{
    struct fact f;
    for (size_t n = 0; n < whole.len; n++)
        CHECK(fact_read((struct bytes){whole.data, n}, &f) < 0);
    CHECK_INT(fact_read(whole, &f), 0);
    raw[whole.len] = 0;
    CHECK_INT(fact_read((struct bytes){whole.data, whole.len + 1}, &f), ERR_FORMAT);
}

TEST(test_holders_and_claim)
{
    struct fact f;
    struct buf body;
    struct holders h = {.generation = 3, .count = 2, .ids = {id_of(2), id_of(1)}};
    buf_init_fixed(&body, body_raw, sizeof body_raw);
    put_holders_body(&body, job, &h);
    struct bytes fact = seal(FACT_HOLDERS, &body);
    check_every_truncation(fact);
    CHECK_INT(fact_read(fact, &f), 0);
    CHECK(f.kind == FACT_HOLDERS && job_id_equal(f.job, job));
    CHECK(f.holders.generation == 3 && f.holders.count == 2);
    CHECK(node_id_equal(f.holders.ids[0], id_of(2)));
    CHECK(bytes_equal(f.sealed.body, buf_bytes(&body)));

    h.ids[1] = h.ids[0]; /* twice the same */
    buf_reset(&body);
    put_holders_body(&body, job, &h);
    CHECK_INT(fact_read(seal(FACT_HOLDERS, &body), &f), ERR_FORMAT);
    h.count = 0;
    buf_reset(&body);
    put_holders_body(&body, job, &h);
    CHECK_INT(fact_read(seal(FACT_HOLDERS, &body), &f), ERR_FORMAT);

    struct claim c = {
        .epoch = 9, .boot = 8, .node = id_of(5), .submitted_s = 1760000000, .elapsed_us = 12345};
    buf_reset(&body);
    put_claim_body(&body, job, &c);
    fact = seal(FACT_CLAIM, &body);
    check_every_truncation(fact);
    CHECK_INT(fact_read(fact, &f), 0);
    CHECK_INT(claim_compare(&f.claim, &c), 0);
    CHECK_INT(f.claim.submitted_s, 1760000000);
    CHECK_INT(f.claim.elapsed_us, 12345);
    /* A claim's body in a cancel's clothes. */
    CHECK_INT(fact_read(seal(FACT_CANCEL, &body), &f), ERR_FORMAT);
}

TEST(test_cancel_and_outcome)
{
    struct fact f;
    struct buf body;
    struct cancel c = {.by = id_of(4), .state = JOB_TIMED_OUT};
    buf_init_fixed(&body, body_raw, sizeof body_raw);
    put_cancel_body(&body, job, &c);
    struct bytes fact = seal(FACT_CANCEL, &body);
    check_every_truncation(fact);
    CHECK_INT(fact_read(fact, &f), 0);
    CHECK(f.cancel.state == JOB_TIMED_OUT && node_id_equal(f.cancel.by, id_of(4)));
    c.state = JOB_DONE;
    buf_reset(&body);
    put_cancel_body(&body, job, &c);
    CHECK_INT(fact_read(seal(FACT_CANCEL, &body), &f), ERR_FORMAT);

    struct outcome o = {.state = JOB_DONE, .error = "e\x1b", .leaves = 1, .nodes = 2, .retries = 3};
    o.accumulator = bytes_of_text("acc");
    o.digest.bytes[0] = 1;
    o.duplicates = 4;
    o.redone_us = 5;
    o.cpu_us = 6;
    o.elapsed_us = 7;
    buf_reset(&body);
    put_outcome_body(&body, job, &o);
    fact = seal(FACT_OUTCOME, &body);
    check_every_truncation(fact);
    CHECK_INT(fact_read(fact, &f), 0);
    CHECK(f.outcome.state == JOB_DONE && digest_equal(f.outcome.digest, o.digest));
    CHECK(bytes_equal(f.outcome.accumulator, o.accumulator));
    CHECK_STR(f.outcome.error, "e\\u{1b}");
    CHECK(f.outcome.leaves == 1 && f.outcome.nodes == 2 && f.outcome.retries == 3);
    CHECK(f.outcome.duplicates == 4 && f.outcome.redone_us == 5);
    CHECK(f.outcome.cpu_us == 6 && f.outcome.elapsed_us == 7);
    CHECK_INT(f.outcome.failed_count, 0);
    o.state = JOB_RUNNING;
    buf_reset(&body);
    put_outcome_body(&body, job, &o);
    CHECK_INT(fact_read(seal(FACT_OUTCOME, &body), &f), ERR_FORMAT);

    uint8_t given_up[4 * (FACT_FAILED_MAX + 1)];
    for (uint32_t i = 0; i <= FACT_FAILED_MAX; i++)
        store_u32(given_up + 4u * i, 3 * i);
    o.state = JOB_FAILED;
    o.failed = (struct bytes){given_up, sizeof given_up};
    for (o.failed_count = 1; o.failed_count <= FACT_FAILED_MAX + 1; o.failed_count++) {
        buf_reset(&body);
        put_outcome_body(&body, job, &o);
        CHECK_INT(fact_read(seal(FACT_OUTCOME, &body), &f),
                  o.failed_count <= FACT_FAILED_MAX ? 0 : ERR_FORMAT);
        if (o.failed_count <= FACT_FAILED_MAX)
            CHECK(f.outcome.failed_count == o.failed_count &&
                  outcome_failed(&f.outcome, (uint16_t)(o.failed_count - 1)) ==
                      3u * (o.failed_count - 1u));
    }
    o.failed_count = 2;
    store_u32(given_up, 3);
    buf_reset(&body);
    put_outcome_body(&body, job, &o);
    CHECK_INT(fact_read(seal(FACT_OUTCOME, &body), &f), ERR_FORMAT); /* not ascending */
}

/* Behind the stages that were given up, or none: then their count is there all the same. */
TEST(test_an_outcome_says_what_was_checked)
{
    struct outcome o = {.state = JOB_FAILED, .checks = true, .checked = 8, .unchecked = 9};
    struct fact f;
    struct buf body;
    uint8_t given_up[4];
    buf_init_fixed(&body, body_raw, sizeof body_raw);
    store_u32(given_up, 3);
    o.failed = (struct bytes){given_up, sizeof given_up};
    for (o.failed_count = 0; o.failed_count < 2; o.failed_count++) {
        buf_reset(&body);
        put_outcome_body(&body, job, &o);
        check_every_truncation(seal(FACT_OUTCOME, &body));
        CHECK_INT(fact_read(seal(FACT_OUTCOME, &body), &f), 0);
        CHECK(f.outcome.checks && f.outcome.checked == 8 && f.outcome.unchecked == 9);
        CHECK_INT(f.outcome.failed_count, o.failed_count);
        body.len -= 8;
        CHECK_INT(fact_read(seal(FACT_OUTCOME, &body), &f), ERR_FORMAT);
        body.len -= 8; /* a count of none, and nothing behind it, is none */
        CHECK_INT(fact_read(seal(FACT_OUTCOME, &body), &f), o.failed_count == 0 ? ERR_FORMAT : 0);
    }
    o = (struct outcome){.state = JOB_FAILED};
    buf_reset(&body);
    put_outcome_body(&body, job, &o);
    CHECK(fact_read(seal(FACT_OUTCOME, &body), &f) == 0 && !f.outcome.checks);
}

TEST(test_partial_attempt_divergent)
{
    struct fact f;
    struct buf b = fresh();
    struct partial p = {.author = id_of(3), .from = 4, .upto = 8, .compute_us = 99, .count = 2};
    put_partial_begin(&b, &p);
    put_value(&b, &(struct value){{1, 2}, bytes_of_text("ab")});
    put_value(&b, &(struct value){{1, 3}, bytes_of_text("cd")});
    check_every_truncation(buf_bytes(&b));
    CHECK_INT(fact_read(buf_bytes(&b), &f), 0);
    CHECK(f.partial.from == 4 && f.partial.upto == 8 && f.partial.compute_us == 99);
    read_value(&f.partial.values);
    CHECK(read_value(&f.partial.values).at.index == 3);
    b = fresh();
    p = (struct partial){.from = 9, .upto = 8};
    put_partial_begin(&b, &p);
    CHECK_INT(fact_read(buf_bytes(&b), &f), ERR_FORMAT);

    b = fresh();
    struct attempt a = {.leaf = 12, .author = id_of(1), .own_doing = true, .cause = "SIGSEGV"};
    put_attempt(&b, &a);
    check_every_truncation(buf_bytes(&b));
    CHECK_INT(fact_read(buf_bytes(&b), &f), 0);
    CHECK(f.attempt.leaf == 12 && f.attempt.own_doing);
    CHECK_STR(f.attempt.cause, "SIGSEGV");

    b = fresh();
    struct divergence d = {.at = {2, 1}};
    d.digests[1].bytes[0] = 1;
    put_divergent(&b, &d);
    check_every_truncation(buf_bytes(&b));
    CHECK_INT(fact_read(buf_bytes(&b), &f), 0);
    CHECK(f.divergence.at.level == 2 && digest_equal(f.divergence.digests[1], d.digests[1]));
    b = fresh();
    d.digests[1].bytes[0] = 0; /* equal digests diverge from nothing */
    put_divergent(&b, &d);
    CHECK_INT(fact_read(buf_bytes(&b), &f), ERR_FORMAT);
}

TEST(test_retired)
{
    struct term two[] = {{id_of(3), 1, 4}, {id_of(5), 2, 0}};
    struct fact f;
    struct buf b = fresh();
    put_retired(&b, two, 2);
    check_every_truncation(buf_bytes(&b));
    CHECK_INT(fact_read(buf_bytes(&b), &f), 0);
    CHECK_INT(f.terms.count, 2);
    CHECK_INT(read_term(&f.terms.list).retired, 4);
    CHECK_INT(read_term(&f.terms.list).named, 2);
    b = fresh();
    two[1].id = two[0].id; /* nobody twice */
    put_retired(&b, two, 2);
    CHECK_INT(fact_read(buf_bytes(&b), &f), ERR_FORMAT);
    b = fresh();
    put_retired(&b, two, 0);
    CHECK_INT(fact_read(buf_bytes(&b), &f), ERR_FORMAT);
}

TEST(test_two_compilers_that_differ_round_trip)
{
    struct unlike u = {.leaf = 7, .digests = {{{1}}, {{2}}}, .author = {{3}}, .compiler = "gcc"};
    struct fact f;
    struct buf b = fresh();
    put_unlike(&b, &u);
    REQUIRE(fact_read(buf_bytes(&b), &f) == 0);
    CHECK_INT(f.kind, FACT_UNLIKE);
    CHECK(!fact_is_signed(f.kind));
    CHECK_INT(unlike_compare(&u, &f.unlike), 0);
    for (int i = 0; i < 3; i++) {
        struct unlike bad = u;
        if (i == 0)
            bad.leaf = LEAVES_MAX;
        else if (i == 1)
            bad.digests[1] = bad.digests[0];
        else
            bad.author.bytes[0] = 0;
        b = fresh();
        put_unlike(&b, &bad);
        CHECK_INT(fact_read(buf_bytes(&b), &f), ERR_FORMAT);
    }
}

TEST(test_unknown_kinds_and_versions)
{
    struct fact f;
    static const uint8_t kinds[][2] = {{0, 1}, {15, 1}, {6, 2}, {255, 255}};
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(fact_read((struct bytes){kinds[i], 2}, &f), ERR_VERSION);
}

TEST(test_claims_are_ordered_by_epoch_boot_node)
{
    struct claim a = {.epoch = 1, .boot = 9, .node = {{9}}};
    struct claim b = {.epoch = 2};
    struct claim c = {.epoch = 2, .boot = 1};
    struct claim d = {.epoch = 2, .boot = 1, .node = {{1}}};
    CHECK(claim_compare(&a, &b) < 0 && claim_compare(&b, &c) < 0 && claim_compare(&c, &d) < 0);
    CHECK(claim_compare(&d, &a) > 0 && claim_compare(&d, &d) == 0);
}

TEST(test_stage_cancel)
{
    static uint8_t set[STAGE_CANCEL_SET_MAX];
    uint8_t one[1];
    struct fact f;
    struct buf body;
    struct stage_cancel c = stage_cancel_of(id_of(4), 77, one);
    CHECK(c.first == 72 && stage_cancel_last(&c) == 77);
    buf_init_fixed(&body, body_raw, sizeof body_raw);
    put_stage_cancel_body(&body, job, &c);
    struct bytes fact = seal(FACT_STAGE_CANCEL, &body);
    check_every_truncation(fact);
    CHECK_INT(fact_read(fact, &f), 0);
    CHECK(node_id_equal(f.stage_cancel.by, id_of(4)));
    for (uint32_t i = 60; i < 100; i++)
        CHECK(stage_cancel_has(&f.stage_cancel, i) == (i == 77));

    /* All of a span; then the same moved, so that it touches the next one. */
    memset(set, 0xff, sizeof set);
    c = (struct stage_cancel){.by = id_of(4), .first = STAGE_CANCEL_SPAN, .set = {set, sizeof set}};
    for (uint32_t k = 0; k < 2; k++) {
        buf_reset(&body);
        c.first = STAGE_CANCEL_SPAN + 8 * k;
        put_stage_cancel_body(&body, job, &c);
        CHECK_INT(fact_read(seal(FACT_STAGE_CANCEL, &body), &f), k == 0 ? 0 : ERR_FORMAT);
    }
    static const struct {
        uint32_t first;
        uint8_t set[2];
        uint8_t len;
    } wrong[] = {{4, {1}, 1},
                 {8, {0}, 1},
                 {8, {1, 0}, 2},
                 {8, {0, 1}, 2},
                 {8, {0}, 0},
                 {JOB_STAGES_MAX, {1}, 1},
                 {UINT32_MAX - 7, {1}, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        buf_reset(&body);
        c.first = wrong[i].first;
        c.set = (struct bytes){wrong[i].set, wrong[i].len};
        put_stage_cancel_body(&body, job, &c);
        CHECK_INT(fact_read(seal(FACT_STAGE_CANCEL, &body), &f), ERR_FORMAT);
    }
}

TEST_MAIN(test_stage_cancel, test_holders_and_claim, test_cancel_and_outcome,
          test_an_outcome_says_what_was_checked, test_partial_attempt_divergent, test_retired,
          test_two_compilers_that_differ_round_trip,
          test_unknown_kinds_and_versions, test_claims_are_ordered_by_epoch_boot_node)
