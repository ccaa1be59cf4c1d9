#include "core/base/err.h"
#include "core/wire/feature.h"
#include "core/wire/found.h"
#include "core/wire/output.h"
#include "core/wire/spec.h"
#include "tests/lib/check.h"

static uint8_t raw[80000];

static struct job_spec sample(void)
{
    struct job_spec s = {.not_after_s = 0x0102030405060708, .name = "n", .slots_max = 4};
    memset(s.author.bytes, 0xa1, ID_SIZE);
    memset(s.nonce, 0xb2, sizeof s.nonce);
    s.timeout_us = 5;
    memcpy(s.stage.kernel, "pi", 3);
    memset(s.stage.source.bytes, 0xc3, ID_SIZE);
    memcpy(s.stage.args, "400", 4);
    s.stage.params = bytes_of_text("PP");
    s.stage.units = 400;
    s.stage.leaf_units = 256;
    s.stage.accumulator_size = 16;
    return s;
}

static struct bytes encode(const struct job_spec *s)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, s), 0);
    return buf_bytes(&b);
}

TEST(test_spec_golden_bytes)
{
    static const uint8_t head[] = {
        1,    0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1,
        0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xa1,
        0xa1, 0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2, 0xb2, 0xb2, 0xb2, 0xb2, 0xb2, 0xb2, 0xb2,
        0xb2, 0xb2, 0xb2, 0xb2, 0xb2, 0xb2, 0xb2, 8,    7,    6,    5,    4,    3,    2,
        1,    1,    0,    'n',  0,    0,    0,    0,    4,    0,    0,    0,    5,    0,
        0,    0,    0,    0,    0,    0,    1,    0,    2,    0,    'p',  'i'};
    static const uint8_t tail[] = {3, 0, 52, 48, 48, 2, 0, 0, 0, 80, 80, 144, 1, 0, 0, 0, 0, 0, 0,
                                   0, 1, 0,  0,  0,  0, 0, 0, 0, 16, 0,  0,   0, 0, 0, 0, 0, 0, 0};
    struct job_spec s = sample();
    struct bytes body = encode(&s);
    CHECK_INT(body.len, sizeof head + ID_SIZE + sizeof tail);
    CHECK_MEM(body.data, head, sizeof head);
    for (size_t i = 0; i < ID_SIZE; i++)
        CHECK_INT(body.data[sizeof head + i], 0xc3);
    CHECK_MEM(body.data + sizeof head + ID_SIZE, tail, sizeof tail);
    char hex[ID_HEX_SIZE];
    id_hex(spec_id(body).bytes, 64, hex);
    CHECK_STR(hex, "e6e771dabf29c541a5cb1b6f50e644b7332e75441bc7e6236e1a4d99e18e3949");
}

TEST(test_spec_round_trip)
{
    struct job_spec s = sample();
    struct job_spec got;
    CHECK_INT(read_spec(encode(&s), &got), 0);
    CHECK(node_id_equal(got.author, s.author));
    CHECK_MEM(got.nonce, s.nonce, sizeof s.nonce);
    CHECK(got.not_after_s == s.not_after_s && got.slots_max == 4 && got.timeout_us == 5);
    CHECK_STR(got.name, "n");
    CHECK_STR(got.stage.kernel, "pi");
    CHECK_STR(got.stage.args, "400");
    CHECK(digest_equal(got.stage.source, s.stage.source));
    CHECK(bytes_equal(got.stage.params, s.stage.params));
    CHECK(got.stage.units == 400 && got.stage.leaf_units == 256);
    CHECK(got.stage.accumulator_size == 16 && got.stage.reduction == REDUCE_FOLD);
    CHECK_INT(spec_leaves(&got.stage), 2);
}

TEST(test_spec_truncated_anywhere_or_too_long_is_refused)
{
    struct job_spec s = sample();
    struct job_spec got;
    struct bytes body = encode(&s);
    for (size_t n = 0; n < body.len; n++)
        CHECK_INT(read_spec((struct bytes){body.data, n}, &got), ERR_FORMAT);
    raw[body.len] = 0;
    CHECK_INT(read_spec((struct bytes){body.data, body.len + 1}, &got), ERR_FORMAT);
    CHECK_INT(read_spec((struct bytes){raw, SPEC_SIZE_MAX + 1}, &got), ERR_TOO_LARGE);
}

TEST(test_spec_bounds)
{
    struct buf b;
    struct job_spec s;
    buf_init_fixed(&b, raw, sizeof raw);
    s = sample();
    s.stage.units = 0;
    CHECK_INT(put_spec(&b, &s), ERR_FORMAT);
    s = sample();
    s.stage.leaf_units = 0;
    CHECK_INT(put_spec(&b, &s), ERR_FORMAT);
    s = sample();
    s.stage.kernel[0] = 'P';
    CHECK_INT(put_spec(&b, &s), ERR_FORMAT);
    s = sample();
    s.stage.accumulator_size = ACCUMULATOR_SIZE_MAX + 1;
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    s = sample();
    s.stage.units = LEAVES_MAX + 1;
    s.stage.leaf_units = 1;
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    s.stage.units = LEAVES_MAX;
    CHECK_INT(put_spec(&b, &s), 0);
    s = sample();
    s.not_after_s = -1;
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    s = sample();
    s.timeout_us = UINT64_MAX;
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    buf_init_fixed(&b, raw, 20);
    s = sample();
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
}

static struct job_spec demanding(void)
{
    struct job_spec s = sample();
    s.waits = true;
    s.priority = -JOB_PRIORITY_MAX;
    s.stage.demand = (struct demand){.cpus = 3,
                                     .mem_bytes = 1u << 30,
                                     .on = bytes_of_text("gpu=1 arch=x86_64"),
                                     .prefer = bytes_of_text("disk=ssd")};
    return s;
}

TEST(test_spec_says_what_a_stage_asks_of_nodes)
{
    struct job_spec s = demanding(), got;
    struct bytes body = encode(&s);
    CHECK_INT(read_spec(body, &got), 0);
    CHECK(demand_equal(&got.stage.demand, &s.stage.demand));
    CHECK(got.waits && !got.keep_going && got.priority == -JOB_PRIORITY_MAX);
    for (size_t n = 0; n < body.len; n++)
        CHECK_INT(read_spec((struct bytes){body.data, n}, &got), ERR_FORMAT);
    s.priority = JOB_PRIORITY_MAX + 1;
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    s = demanding();
    s.stage.demand.on = bytes_of_text("gpu=");
    CHECK_INT(put_spec(&b, &s), ERR_FORMAT);
}

/* It stands behind the demand as it was before there were tiers. */
TEST(test_spec_says_the_least_tier_where_one_is_asked_for)
{
    struct job_spec s = demanding(), got;
    const size_t without = encode(&s).len;
    s.stage.demand.tier = TIER_S2;
    struct bytes body = encode(&s);
    CHECK_INT(body.len, without + 1);
    CHECK_INT(read_spec(body, &got), 0);
    CHECK(demand_equal(&got.stage.demand, &s.stage.demand));
    for (size_t n = 0; n < body.len; n++)
        CHECK_INT(read_spec((struct bytes){body.data, n}, &got), ERR_FORMAT);
    raw[body.len - 1] = TIER_UNKNOWN;
    CHECK_INT(read_spec(body, &got), ERR_FORMAT);
    raw[body.len - 1] = TIER_S3 + 1;
    CHECK_INT(read_spec(body, &got), ERR_VERSION);
}

/* It stands where nodes of before do not look for it, and these know by a flag that they do not. */
TEST(test_spec_says_how_much_processor_time_there_is_where_that_has_an_end)
{
    struct job_spec s = sample(), got;
    const size_t without = encode(&s).len;
    CHECK_INT(spec_level(&s), FEATURE_FIRST);
    s.cpu_us = 5000000;
    struct bytes body = encode(&s);
    CHECK_INT(body.len, without + 8);
    CHECK_INT(read_spec(body, &got), 0);
    CHECK_INT(got.cpu_us, 5000000);
    CHECK_INT(got.timeout_us, s.timeout_us);
    CHECK_INT(spec_level(&got), FEATURE_CPU_TIME);
    for (size_t n = 0; n < body.len; n++)
        CHECK_INT(read_spec((struct bytes){body.data, n}, &got), ERR_FORMAT);
    s.cpu_us = (uint64_t)INT64_MAX + 1;
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
}

/* Nobody can make two specs that mean the same: what asks for nothing is not written. */
/* The first input is the kernel's, the last is its source. */
static struct job_spec of_snippet(uint8_t inputs[2 * STAGE_INPUT_BYTES], uint64_t size)
{
    struct job_spec s = sample();
    struct buf b;
    buf_init_fixed(&b, inputs, 2 * STAGE_INPUT_BYTES);
    put_stage_input(&b, &(struct stage_input){{{0xd4}}, 7});
    put_stage_input(&b, &(struct stage_input){s.stage.source, size});
    s.stage.inputs = buf_bytes(&b);
    s.stage.inputs_count = 2;
    s.stage.demand.tier = TIER_S2;
    s.stage.snippet = true;
    return s;
}

TEST(test_spec_of_a_snippet_names_its_source)
{
    uint8_t inputs[2 * STAGE_INPUT_BYTES];
    struct job_spec s = of_snippet(inputs, SNIPPET_SOURCE_MAX), got;
    struct bytes body = encode(&s);
    CHECK_INT(read_spec(body, &got), 0);
    CHECK(got.stage.snippet && digest_equal(stage_source(&got.stage).name, s.stage.source));
    CHECK_INT(spec_level(&got), FEATURE_SNIPPETS);
    for (uint8_t compiler = COMPILER_AUTO; compiler <= COMPILER_CC; compiler++) {
        raw[body.len - 1] = (uint8_t)(1 + compiler);
        CHECK_INT(read_spec(body, &got), 0);
        CHECK(got.stage.snippet && got.stage.compiler == compiler);
        CHECK_INT(spec_level(&got), compiler == 0 ? FEATURE_SNIPPETS : FEATURE_COMPILER);
        s.stage.compiler = compiler;
        CHECK_INT(raw[encode(&s).len - 1], 1 + compiler);
    }
    raw[body.len - 1] = 9; /* what a later generation may say there */
    CHECK_INT(read_spec(body, &got), ERR_VERSION);
    s.stage.snippet = false;
    s.stage.demand.tier = TIER_UNKNOWN;
    CHECK_INT(read_spec(encode(&s), &got), 0);
    CHECK(!got.stage.snippet);
    CHECK_INT(spec_level(&got), FEATURE_FIRST);
}

static int put_anew(const struct job_spec *s)
{
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    return put_spec(&b, s);
}

/* It is a larger file, and takes a level more of those that read it. */
TEST(test_spec_of_a_plugin_that_travels)
{
    uint8_t inputs[2 * STAGE_INPUT_BYTES];
    struct job_spec s = of_snippet(inputs, SHIPPED_PLUGIN_MAX), got;
    struct bytes body;
    s.stage.plugin = true;
    body = encode(&s);
    CHECK_INT(read_spec(body, &got), 0);
    CHECK(got.stage.snippet && got.stage.plugin);
    CHECK_INT(spec_level(&got), FEATURE_SHIPPED);
    raw[body.len - 1] = 1; /* C source is not as long */
    CHECK_INT(read_spec(body, &got), ERR_FORMAT);
    s = of_snippet(inputs, SHIPPED_PLUGIN_MAX + 1);
    s.stage.plugin = true;
    CHECK_INT(put_anew(&s), ERR_FORMAT);
    s.stage.snippet = false;
    CHECK_INT(put_anew(&s), ERR_FORMAT);
}

TEST(test_spec_of_a_snippet_that_cannot_be_is_refused)
{
    uint8_t inputs[2 * STAGE_INPUT_BYTES];
    struct job_spec s = of_snippet(inputs, SNIPPET_SOURCE_MAX + 1);
    CHECK_INT(put_anew(&s), ERR_FORMAT);
    s = of_snippet(inputs, 0);
    CHECK_INT(put_anew(&s), ERR_FORMAT);
    s = of_snippet(inputs, 9);
    CHECK_INT(put_anew(&s), 0);
    s.stage.source.bytes[3] ^= 1; /* what it is called is not what it is */
    CHECK_INT(put_anew(&s), ERR_FORMAT);
    s = of_snippet(inputs, 9);
    s.stage.demand.tier = TIER_S1;
    CHECK_INT(put_anew(&s), ERR_FORMAT);
    s = of_snippet(inputs, 9);
    s.stage.inputs_count = 0;
    s.stage.inputs.len = 0;
    CHECK_INT(put_anew(&s), ERR_FORMAT);
}

/* Behind its one object, which is place 0, is place 1: the source takes none. */
TEST(test_spec_of_a_snippet_counts_no_place_for_its_source)
{
    uint8_t inputs[2 * STAGE_INPUT_BYTES], need[STAGE_NEED_BYTES], behind[512];
    struct job_spec s = of_snippet(inputs, 9);
    struct stage_spec second = s.stage;
    struct buf b, more;
    for (uint16_t place = 0; place < 3; place++) {
        buf_init_fixed(&b, need, sizeof need);
        put_stage_need(&b, &(struct stage_need){0, place});
        second.needs = buf_bytes(&b);
        second.needs_count = 1;
        buf_init_fixed(&more, behind, sizeof behind);
        put_stage(&more, &second);
        s.more = buf_bytes(&more);
        s.more_count = 1;
        CHECK_INT(put_anew(&s), place < 2 ? 0 : ERR_FORMAT);
    }
}

TEST(test_spec_with_an_empty_demand_is_refused)
{
    struct job_spec s = sample(), got;
    s.stage.retries = 1;
    s.stage.demand.cpus = 2;
    struct bytes body = encode(&s);
    CHECK_INT(read_spec(body, &got), 0);
    raw[body.len - 14] = 0; /* cpus; nothing else is asked for */
    CHECK_INT(read_spec(body, &got), ERR_FORMAT);
}

TEST(an_open_job_is_no_search)
{
    struct job_spec s = sample(), got;
    uint8_t room[4096];
    struct buf b;
    s.open = true;
    CHECK_INT(read_spec(encode(&s), &got), 0);
    CHECK(got.open && !got.keep_going);
    s.stage.reduction = REDUCE_SEARCH;
    s.stage.accumulator_size = 32;
    buf_init_fixed(&b, room, sizeof room);
    CHECK_INT(put_spec(&b, &s), ERR_VERSION);
}

TEST(test_spec_of_a_later_generation_is_another_version)
{
    struct job_spec s = sample();
    struct job_spec got;
    struct bytes body = encode(&s);
    size_t flags_at = 1 + 32 + 16 + 8 + 3;
    size_t places[] = {0, flags_at, body.len - 11};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        uint8_t was = raw[places[i]];
        raw[places[i]] = 32;
        CHECK_INT(read_spec(body, &got), ERR_VERSION);
        raw[places[i]] = was;
        CHECK_INT(read_spec(body, &got), 0);
    }
    raw[flags_at] = 1;
    CHECK(read_spec(body, &got) == 0 && got.keep_going);
    raw[flags_at + 4 + 4 + 8] = 0; /* stages */
    CHECK_INT(read_spec(body, &got), ERR_FORMAT);
}

/* --- several stages --- */

static uint8_t more_raw[SPEC_SIZE_MAX], needs_raw[1024][STAGE_NEED_BYTES * 4];
static struct buf more;

/* One more stage behind those there are, which needs these. */
static void add_stage(struct job_spec *s, uint64_t units, uint8_t reduction, int needs_count,
                      const struct stage_need *needs)
{
    struct stage_spec stage = {.units = units, .leaf_units = 1, .reduction = reduction};
    struct buf b;
    if (s->more_count == 0)
        buf_init_fixed(&more, more_raw, sizeof more_raw);
    memcpy(stage.kernel, "sum", 4);
    stage.accumulator_size = reduction == REDUCE_FOLD ? 8 : 0;
    buf_init_fixed(&b, needs_raw[s->more_count], sizeof needs_raw[0]);
    for (int i = 0; i < needs_count; i++)
        put_stage_need(&b, &needs[i]);
    stage.needs_count = (uint16_t)needs_count;
    stage.needs = buf_bytes(&b);
    put_stage(&more, &stage);
    s->more_count++;
    s->more = buf_bytes(&more);
}

TEST(test_spec_of_several_stages_says_who_needs_whom)
{
    static const struct stage_need both[] = {{1, 0}, {0, 1}, {0, NEED_ORDER}};
    struct job_spec s = sample(), got;
    struct stage_spec stage;
    struct reader r;
    add_stage(&s, 7, REDUCE_COLLECT, 0, NULL);
    memcpy(s.stage.name, "first", 6);
    s.stage.retries = 3;
    s.stage.leaf_us = 5000000;
    add_stage(&s, 9, REDUCE_FOLD, 3, both);
    CHECK_INT(read_spec(encode(&s), &got), 0);
    CHECK_STR(got.stage.name, "first");
    CHECK(got.stage.retries == 3 && got.stage.leaf_us == 5000000 && got.stage.needs_count == 0);
    REQUIRE(got.more_count == 2);
    r = reader_of(got.more);
    read_next_stage(&r, &stage);
    CHECK(stage.units == 7 && stage.reduction == REDUCE_COLLECT && stage.needs_count == 0);
    read_next_stage(&r, &stage);
    CHECK(stage.units == 9 && stage.needs_count == 3 && reader_done(&r));
    for (uint16_t i = 0; i < 3; i++) {
        CHECK_INT(stage_need_at(stage.needs, i).stage, both[i].stage);
        CHECK_INT(stage_need_at(stage.needs, i).place, both[i].place);
    }
    struct bytes body = encode(&s);
    for (size_t n = 0; n < body.len; n++)
        CHECK_INT(read_spec((struct bytes){body.data, n}, &got), ERR_FORMAT);
}

TEST(test_a_job_has_a_bound_of_different_demands)
{
    struct job_spec s = sample();
    struct stage_spec stage = {.kernel = "sum", .units = 1, .leaf_units = 1, .accumulator_size = 8};
    struct buf b;
    buf_init_fixed(&more, more_raw, sizeof more_raw);
    s.stage.demand.cpus = 1;
    for (uint32_t i = 0; i < 2 * DEMANDS_MAX; i++) {
        stage.demand.cpus = (uint16_t)(1 + i % DEMANDS_MAX);
        put_stage(&more, &stage);
    }
    s.more_count = 2 * DEMANDS_MAX;
    s.more = buf_bytes(&more);
    encode(&s);
    stage.demand.mem_bytes = 1;
    put_stage(&more, &stage);
    s.more_count++;
    s.more = buf_bytes(&more);
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
}

static int with_needs(int count, const struct stage_need *needs)
{
    struct job_spec s = sample();
    struct buf b;
    add_stage(&s, 5, REDUCE_COLLECT, 0, NULL);
    add_stage(&s, 9, REDUCE_FOLD, count, needs);
    buf_init_fixed(&b, raw, sizeof raw);
    return put_spec(&b, &s);
}

TEST(test_spec_needs_are_bounded_and_in_order)
{
    CHECK_INT(with_needs(1, (struct stage_need[]){{1, 0}}), 0);
    CHECK_INT(with_needs(1, (struct stage_need[]){{2, 0}}), ERR_FORMAT); /* itself */
    CHECK_INT(with_needs(1, (struct stage_need[]){{3, 0}}), ERR_FORMAT);
    CHECK_INT(with_needs(1, (struct stage_need[]){{2, NEED_ORDER}}), ERR_FORMAT);
    CHECK_INT(with_needs(1, (struct stage_need[]){{1, 1}}), ERR_FORMAT); /* no such place */
    CHECK_INT(with_needs(2, (struct stage_need[]){{1, 0}, {0, 0}}), ERR_FORMAT);
    CHECK_INT(with_needs(2, (struct stage_need[]){{1, 1}, {0, 0}}), ERR_FORMAT);
    CHECK_INT(with_needs(2, (struct stage_need[]){{1, NEED_ORDER}, {0, 0}}), ERR_FORMAT);
    CHECK_INT(with_needs(2, (struct stage_need[]){{1, 0}, {1, 1}}), 0);
}

TEST(test_spec_inputs_are_counted_with_what_other_stages_yield)
{
    struct job_spec s = sample();
    struct buf b;
    add_stage(&s, STAGE_INPUTS_MAX, REDUCE_COLLECT, 0, NULL);
    add_stage(&s, 3, REDUCE_FOLD, 1, (struct stage_need[]){{1, 0}});
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, &s), 0);
    s = sample();
    add_stage(&s, STAGE_INPUTS_MAX, REDUCE_COLLECT, 0, NULL);
    add_stage(&s, 3, REDUCE_FOLD, 2, (struct stage_need[]){{1, 0}, {0, 1}});
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
}

TEST(test_spec_what_all_stages_collect_is_bounded)
{
    struct job_spec s = sample();
    struct buf b;
    add_stage(&s, COLLECT_LEAVES_MAX - 5, REDUCE_COLLECT, 0, NULL);
    add_stage(&s, 5, REDUCE_COLLECT, 0, NULL);
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, &s), 0);
    add_stage(&s, 1, REDUCE_COLLECT, 0, NULL);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
}

TEST(test_spec_all_stages_lie_in_one_row)
{
    struct job_spec s = sample();
    struct buf b;
    s.stage.units = LEAVES_MAX / 2;
    s.stage.leaf_units = 1;
    add_stage(&s, LEAVES_MAX / 2, REDUCE_FOLD, 0, NULL);
    buf_init_fixed(&b, raw, sizeof raw);
    CHECK_INT(put_spec(&b, &s), 0);
    add_stage(&s, 1, REDUCE_FOLD, 0, NULL);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    s = sample();
    s.stage.retries = STAGE_RETRIES_MAX + 1;
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
}

TEST(test_spec_has_as_many_stages_as_fit)
{
    struct job_spec s = sample(), got;
    struct buf b;
    int rc = 0, count = 0;
    while (rc == 0) {
        add_stage(&s, 1, REDUCE_FOLD, 0, NULL);
        buf_init_fixed(&b, raw, sizeof raw);
        rc = more.failed ? ERR_TOO_LARGE : put_spec(&b, &s);
        if (rc == 0) {
            CHECK_INT(read_spec(buf_bytes(&b), &got), 0);
            CHECK_INT(got.more_count, ++count);
        }
    }
    CHECK_INT(rc, ERR_TOO_LARGE);
    CHECK(count > 800);
}

/* 256 inputs at most, each of a size that an object can have. */
static struct job_spec with_inputs(uint16_t count, uint64_t size)
{
    static uint8_t inputs[(STAGE_INPUTS_MAX + 1) * STAGE_INPUT_BYTES];
    struct job_spec s = sample();
    struct buf b;
    buf_init_fixed(&b, inputs, sizeof inputs);
    for (uint16_t i = 0; i < count; i++)
        put_stage_input(&b, &(struct stage_input){.name = {{(uint8_t)i}}, .size = size});
    s.stage.inputs = buf_bytes(&b);
    s.stage.inputs_count = count;
    return s;
}

static struct job_spec collecting(void)
{
    struct job_spec s = with_inputs(3, 77);
    s.stage.reduction = REDUCE_COLLECT;
    s.stage.accumulator_size = 0;
    return s;
}

TEST(test_spec_with_inputs)
{
    struct job_spec s = collecting(), got;
    struct bytes body = encode(&s);
    struct buf b;
    CHECK_INT(read_spec(body, &got), 0);
    CHECK(got.stage.reduction == REDUCE_COLLECT && got.stage.inputs_count == 3);
    CHECK(bytes_equal(got.stage.inputs, s.stage.inputs));
    for (uint16_t i = 0; i < 3; i++) {
        CHECK_INT(stage_input_at(got.stage.inputs, i).size, 77);
        CHECK_INT(stage_input_at(got.stage.inputs, i).name.bytes[0], i);
    }
    for (size_t n = 0; n < body.len; n++)
        CHECK_INT(read_spec((struct bytes){body.data, n}, &got), ERR_FORMAT);
    s = with_inputs(STAGE_INPUTS_MAX, STAGE_INPUT_SIZE_MAX);
    CHECK_INT(read_spec(encode(&s), &got), 0);
    buf_init_fixed(&b, raw, sizeof raw);
    s = with_inputs(STAGE_INPUTS_MAX + 1, 1);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    s = with_inputs(1, STAGE_INPUT_SIZE_MAX + 1);
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    s = with_inputs(2, 1);
    s.stage.inputs_count = 1;
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
}

TEST(test_spec_of_a_collect)
{
    struct buf b;
    struct job_spec s = collecting();
    buf_init_fixed(&b, raw, sizeof raw);
    s.stage.units = COLLECT_LEAVES_MAX;
    s.stage.leaf_units = 1;
    CHECK_INT(put_spec(&b, &s), 0);
    s.stage.units++;
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    s = collecting();
    s.stage.accumulator_size = 8;
    CHECK_INT(put_spec(&b, &s), ERR_FORMAT);
    s = collecting();
    s.stage.reduction = 3;
    CHECK_INT(put_spec(&b, &s), ERR_VERSION);
}

static struct job_spec searching(void)
{
    struct job_spec s = sample();
    s.stage.reduction = REDUCE_SEARCH;
    s.stage.units = 95;
    s.stage.leaf_units = 10;
    return s;
}

TEST(test_spec_of_a_search)
{
    struct job_spec s = searching(), got;
    struct buf b;
    CHECK_INT(read_spec(encode(&s), &got), 0);
    CHECK_INT(got.stage.reduction, REDUCE_SEARCH);
    buf_init_fixed(&b, raw, sizeof raw);
    s.stage.accumulator_size = FOUND_HEAD; /* with room for the unit alone */
    CHECK_INT(put_spec(&b, &s), ERR_FORMAT);
    s = searching();
    s.stage.units = LEAVES_MAX * 10;
    CHECK_INT(put_spec(&b, &s), 0);
    s.stage.units++;
    CHECK_INT(put_spec(&b, &s), ERR_TOO_LARGE);
    for (int i = 0; i < 2; i++) { /* it is the only stage of its job */
        struct job_spec fold = sample(), seek = searching(), first = i ? seek : fold;
        struct buf behind;
        uint8_t bytes[512];
        buf_init_fixed(&behind, bytes, sizeof bytes);
        put_stage(&behind, i ? &fold.stage : &seek.stage);
        first.more_count = 1;
        first.more = buf_bytes(&behind);
        buf_init_fixed(&b, raw, sizeof raw);
        CHECK_INT(put_spec(&b, &first), ERR_VERSION);
    }
}

/* Whether it may be the value of a node of level 1, leaves 2 and 3: units 20 to 39. */
static bool may_be_found(uint64_t unit, uint8_t first_byte, size_t size)
{
    static uint8_t value[32];
    struct job_spec s = searching();
    store_u64(value, unit);
    memset(value + 8, 0, sizeof value - 8);
    value[8] = first_byte;
    return stage_value(&s.stage, &(struct value){{1, 1}, {value, size}});
}

TEST(test_values_of_a_search)
{
    struct job_spec s = searching();
    uint8_t found[16] = {94}, none[16];
    CHECK(may_be_found(20, 1, 16) && may_be_found(39, 0, 16));
    CHECK(!may_be_found(19, 1, 16) && !may_be_found(40, 1, 16));
    CHECK(!may_be_found(20, 1, 15) && !may_be_found(20, 1, 17));
    CHECK(may_be_found(FOUND_NONE, 0, 16) && !may_be_found(FOUND_NONE, 1, 16));
    struct value last = {{0, 9}, {found, 16}};
    CHECK(stage_value(&s.stage, &last));
    found[0] = 95; /* there are only so many units */
    CHECK(!stage_value(&s.stage, &last));
    memset(none, 255, 8);
    memset(none + 8, 0, 8);
    CHECK_INT(spec_leaves_of(&s.stage, (struct bytes){none, 16}), 10);
    found[0] = 40;
    CHECK_INT(spec_leaves_of(&s.stage, (struct bytes){found, 16}), 5);
    s.stage.reduction = REDUCE_FOLD;
    CHECK_INT(spec_leaves_of(&s.stage, (struct bytes){found, 16}), 10);
}

TEST(test_values_of_a_stage)
{
    uint8_t few[] = {OUTPUT_BYTES, 1, 0, 0, 0, 0, 0, 0, 0, 'x'};
    struct job_spec fold = sample(), collect = collecting();
    struct value v = {.data = {raw, 16}};
    CHECK(stage_value(&fold.stage, &v));
    v.at = (struct tree_node){1, 0};
    CHECK(stage_value(&fold.stage, &v));
    v.at = (struct tree_node){0, 2};
    CHECK(!stage_value(&fold.stage, &v));
    v = (struct value){.data = {raw, 15}};
    CHECK(!stage_value(&fold.stage, &v));
    v = (struct value){.data = {few, sizeof few}};
    CHECK(stage_value(&collect.stage, &v));
    CHECK(!stage_value(&fold.stage, &v));
    v.at = (struct tree_node){1, 0}; /* of two leaves */
    CHECK(!stage_value(&collect.stage, &v));
    v = (struct value){.data = {few, sizeof few - 1}};
    CHECK(!stage_value(&collect.stage, &v));
}

TEST(test_spec_with_any_flipped_bit_is_another_job_or_refused)
{
    struct job_spec s = sample();
    struct job_spec got;
    struct bytes body = encode(&s);
    struct job_id id = spec_id(body);
    for (size_t i = 0; i < body.len * 8; i++) {
        raw[i / 8] ^= (uint8_t)(1 << i % 8);
        read_spec(body, &got);
        CHECK(!job_id_equal(spec_id(body), id));
        raw[i / 8] ^= (uint8_t)(1 << i % 8);
    }
}

TEST(test_spec_texts_are_made_safe_but_the_bytes_stay)
{
    struct job_spec s = sample();
    struct job_spec got;
    s.name[0] = '\n';
    s.stage.args[1] = 0x7f;
    struct bytes body = encode(&s);
    CHECK_INT(read_spec(body, &got), 0);
    CHECK_STR(got.name, "\\u{a}");
    CHECK_STR(got.stage.args, "4\\u{7f}0");
}

TEST_MAIN(test_a_job_has_a_bound_of_different_demands, test_spec_what_all_stages_collect_is_bounded,
          test_spec_of_several_stages_says_who_needs_whom, test_spec_needs_are_bounded_and_in_order,
          test_spec_inputs_are_counted_with_what_other_stages_yield,
          test_spec_all_stages_lie_in_one_row, test_spec_has_as_many_stages_as_fit,
          test_spec_with_inputs, test_spec_of_a_collect, test_spec_of_a_search,
          test_values_of_a_search, test_values_of_a_stage, test_spec_golden_bytes,
          test_spec_round_trip, test_spec_truncated_anywhere_or_too_long_is_refused,
          test_spec_bounds, test_spec_says_what_a_stage_asks_of_nodes,
          test_spec_says_the_least_tier_where_one_is_asked_for,
          test_spec_says_how_much_processor_time_there_is_where_that_has_an_end,
          test_spec_of_a_snippet_names_its_source, test_spec_of_a_plugin_that_travels,
          test_spec_of_a_snippet_that_cannot_be_is_refused,
          test_spec_of_a_snippet_counts_no_place_for_its_source,
          test_spec_with_an_empty_demand_is_refused,
          test_spec_of_a_later_generation_is_another_version, an_open_job_is_no_search,
          test_spec_with_any_flipped_bit_is_another_job_or_refused,
          test_spec_texts_are_made_safe_but_the_bytes_stay)
