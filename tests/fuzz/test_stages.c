/* How far the stages of a job are, as a command hears it, old jobs that were set aside, and what a
 * worker is to describe, damaged. */
#include "core/wire/order.h"
#include "core/wire/request.h"
#include "tests/fuzz/fuzz.h"

static struct stage_view any_view(void)
{
    struct stage_view v = {.number = any_u32(), .blocked_by = any_u32()};
    v.state = (enum stage_view_state)(STAGE_VIEW_WAITING + any_below(STAGE_VIEW_CANCELLED));
    v.leaves = any_leaf();
    v.done = any_leaf();
    any_text(v.name, sizeof v.name);
    any_name(v.kernel, sizeof v.kernel);
    any_text(v.args, sizeof v.args);
    v.needs_count = (uint16_t)any_below(40);
    v.needs = any_bytes(v.needs_count * STAGE_NEED_BYTES);
    v.needs_count = (uint16_t)(v.needs.len / STAGE_NEED_BYTES);
    v.needs.len = v.needs_count * STAGE_NEED_BYTES;
    return v;
}

static void make_stages(struct buf *out)
{
    const uint16_t count = (uint16_t)any_below(5);
    put_u16(out, count);
    for (uint16_t i = 0; i < count; i++) {
        const struct stage_view v = any_view();
        put_stage_view(out, &v);
    }
}

static int stages_again(struct bytes in, struct buf *out)
{
    struct reader r;
    uint16_t count;
    if (read_reply_stages(in, &count, &r) < 0)
        return ERR_FORMAT;
    put_u16(out, count);
    for (uint16_t i = 0; i < count && !r.failed; i++) {
        static struct stage_view v;
        memset(&v, fuzz.fill, sizeof v);
        read_stage_view(&r, &v);
        if (r.failed)
            break;
        CHECK(stage_state_name(v.state)[0] != '?');
        put_stage_view(out, &v);
    }
    return again_end(&r, out);
}

static void make_stale(struct buf *out)
{
    const struct request_stale m = {(enum stale_what)any_below(STALE_DROP + 1), any_job()};
    put_request_stale(out, &m);
}

static void make_describe(struct buf *out)
{
    static struct order_describe m;
    m.origin = any_bool() ? ORIGIN_PLUGIN : ORIGIN_SNIPPET;
    any_text(m.path, sizeof m.path);
    put_order_describe(out, &m);
}

FUZZ_AGAIN(stale, request_stale, read_request_stale, put_request_stale)
FUZZ_AGAIN(describe, order_describe, read_order_describe, put_order_describe)

TEST(damaged_words_about_stages_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"STAGES", stages_again, make_stages, false, 5000},
        {"STALE", stale_again, make_stale, true, 5000},
        {"DESCRIBE", describe_again, make_describe, true, 5000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_words_about_stages_are_refused_or_mean_one_thing)
