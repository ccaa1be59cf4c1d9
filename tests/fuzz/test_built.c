/* What nodes and workers say of snippets that the machine's compiler builds: damaged, and whole. */
#include "core/wire/order.h"
#include "tests/fuzz/fuzz.h"

static void make_build(struct buf *out)
{
    struct order_build m = {.source = any_digest(), .path = "/objects/1", .folder = "/built"};
    any_name(m.compiler, sizeof m.compiler);
    put_order_build(out, &m);
}

static void make_built(struct buf *out)
{
    struct worker_built m = {.ok = any_bool()};
    m.broken = !m.ok && any_bool();
    any_text(m.reason, sizeof m.reason);
    put_worker_built(out, &m);
}

static void make_load(struct buf *out)
{
    struct order_load m = {.source = any_digest(), .origin = ORIGIN_SNIPPET, .alone = any_bool()};
    any_name(m.kernel, sizeof m.kernel);
    any_name(m.path, sizeof m.path);
    any_name(m.built, sizeof m.built);
    m.leaf_us = m.alone || any_bool() ? 0 : any_u64();
    m.params = any_bytes(PARAMS_SIZE_MAX);
    put_order_load(out, &m);
}

static void make_loaded(struct buf *out)
{
    struct worker_loaded m = {.accumulator_size = (uint32_t)any_below(ACCUMULATOR_SIZE_MAX + 1),
                              .by_node = any_bool()};
    m.ok = !m.by_node && any_bool();
    m.unbuilt = m.ok && any_bool();
    any_text(m.reason, sizeof m.reason);
    put_worker_loaded(out, &m);
}

static void make_failed(struct buf *out)
{
    struct worker_failed m = {.run = any_u64(), .leaf = any_leaf(), .differs = any_bool()};
    any_text(m.reason, sizeof m.reason);
    if (any_bool())
        m.digests[0] = any_digest();
    put_worker_failed(out, &m);
}

FUZZ_AGAIN(build, order_build, read_order_build, put_order_build)
FUZZ_AGAIN(built, worker_built, read_worker_built, put_worker_built)
FUZZ_AGAIN(load, order_load, read_order_load, put_order_load)
FUZZ_AGAIN(loaded, worker_loaded, read_worker_loaded, put_worker_loaded)
FUZZ_AGAIN(failed, worker_failed, read_worker_failed, put_worker_failed)

TEST(damaged_words_about_what_was_built_are_refused_or_mean_one_thing)
{
    static const struct codec codecs[] = {
        {"BUILD", build_again, make_build, true, 4000},
        {"BUILT", built_again, make_built, false, 4000},
        {"LOAD", load_again, make_load, true, 4000},
        {"LOADED", loaded_again, make_loaded, false, 4000},
        {"FAILED", failed_again, make_failed, false, 4000},
    };
    fuzz_codecs(codecs, sizeof codecs / sizeof *codecs);
}

TEST_MAIN(damaged_words_about_what_was_built_are_refused_or_mean_one_thing)
