/* Damaged lists of plans and shows, and what is asked of snippets. */
#include "core/wire/asides.h"
#include "core/wire/snippet.h"
#include "core/wire/spec.h"
#include "tests/fuzz/fuzz.h"

static int again(struct bytes in, struct buf *out)
{
    struct asides m;
    int rc = read_asides(in, &m);
    if (rc < 0)
        return rc;
    CHECK(m.count >= 1 && m.count <= ASIDES_COUNT_MAX && m.what <= ASIDES_SHOW);
    const size_t list = put_asides_begin(out, (enum asides_what)m.what);
    for (uint16_t i = 0; i < m.count; i++) {
        const size_t block = put_aside_begin(out);
        const struct bytes b = read_aside(&m.rest);
        put_raw(out, b.data, b.len);
        put_aside_end(out, block);
    }
    asides_count(out, list, m.count);
    return m.rest.failed ? ERR_FORMAT : 0;
}

static void make(struct buf *out)
{
    const uint16_t count = (uint16_t)(1 + any_below(any_bool() ? 5 : ASIDES_COUNT_MAX));
    const size_t list = put_asides_begin(out, any_bool() ? ASIDES_PLAN : ASIDES_SHOW);
    for (uint16_t i = 0; i < count; i++) {
        const size_t block = put_aside_begin(out);
        const struct bytes b = any_bytes(50);
        put_raw(out, b.data, b.len);
        put_aside_end(out, block);
    }
    asides_count(out, list, count);
}

static void make_show(struct buf *out)
{
    const struct aside_show m = {any_bytes(PARAMS_SIZE_MAX), any_bytes(ACCUMULATOR_SIZE_MAX)};
    put_aside_show(out, &m);
}

static int request_again(struct bytes in, struct buf *out)
{
    struct request_asides m;
    int rc = read_request_asides(in, &m);
    if (rc < 0)
        return rc;
    put_request_asides_begin(out, m.kernel, m.source);
    return again(m.list, out);
}

static void make_request(struct buf *out)
{
    char kernel[KERNEL_NAME_SIZE];
    put_request_asides_begin(out, any_text(kernel, sizeof kernel), any_digest());
    make(out);
}

static void make_reply(struct buf *out)
{
    static uint8_t raw[FRAME_PAYLOAD_MAX];
    struct reply_asides m = {.source = any_digest(),
                             .reduction = (uint8_t)any_u64(),
                             .accumulator_size = (uint32_t)any_below(ACCUMULATOR_SIZE_MAX + 1)};
    struct buf list;
    buf_init_fixed(&list, raw, sizeof raw);
    make(&list);
    m.list = buf_bytes(&list);
    any_text(m.kernel, sizeof m.kernel);
    any_name(m.then, sizeof m.then);
    put_reply_asides(out, &m);
}

static void make_snippet(struct buf *out)
{
    static uint8_t raw[FRAME_PAYLOAD_MAX];
    struct request_snippet m = {
        .what = (uint8_t)any_below(5), .source = any_digest(), .reduction = (uint8_t)any_below(3)};
    struct buf params;
    buf_init_fixed(&params, raw, sizeof raw);
    if (snippet_what(&m) != SNIPPET_DESCRIBE) {
        any_name(m.kernel, sizeof m.kernel);
        m.order = any_bytes(300);
    }
    if (m.what == SNIPPET_SHOW)
        put_raw(&params, m.order.data, m.order.len);
    m.params = buf_bytes(&params);
    put_request_snippet(out, &m);
}

FUZZ_AGAIN(snippet, request_snippet, read_request_snippet, put_request_snippet)
FUZZ_AGAIN(show, aside_show, read_aside_show, put_aside_show)
FUZZ_AGAIN(reply, reply_asides, read_reply_asides, put_reply_asides)

/* Jobs whose kernel is one, C source or a plugin. */
static int spec_again(struct bytes in, struct buf *out)
{
    static struct job_spec s;
    memset(&s, fuzz.fill, sizeof s);
    int rc = read_spec(in, &s);
    return rc < 0 ? rc : put_spec(out, &s);
}

static void make_spec(struct buf *out)
{
    static uint8_t room[STAGE_INPUT_BYTES];
    struct job_spec s = {.author = any_node()};
    struct stage_spec *stage = &s.stage;
    struct buf source;
    stage->units = stage->leaf_units = 1 + any_below(1000);
    any_name(stage->kernel, sizeof stage->kernel);
    stage->source = any_digest();
    stage->snippet = true;
    stage->plugin = any_bool();
    stage->demand.tier = TIER_S2;
    buf_init_fixed(&source, room, sizeof room);
    put_stage_input(&source, &(struct stage_input){stage->source, 1 + any_below(1000)});
    stage->inputs = buf_bytes(&source);
    stage->inputs_count = 1;
    REQUIRE(put_spec(out, &s) == 0);
}

TEST(damaged_lists_of_asides_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"list", again, make, true, 10000},
        {"SHOW in a list", show_again, make_show, true, 10000},
        {"ASIDES asked", request_again, make_request, false, 10000},
        {"ASIDES", reply_again, make_reply, false, 10000},
        {"SNIPPET", snippet_again, make_snippet, false, 10000},
        {"spec of a snippet", spec_again, make_spec, false, 10000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_lists_of_asides_are_refused_or_mean_one_thing)
