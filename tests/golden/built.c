/* What the compiler of a node's machine has to do with snippets: the orders of a builder and its
 * answer, workers that load what it built, and a job that says whose code it wants. */
#include "core/base/ensure.h"
#include "core/base/text.h"
#include "core/wire/message.h"
#include "core/wire/signed.h"
#include "core/wire/spec.h"
#include "tests/golden/golden.h"

const char *golden_code_of(const struct stage_spec *s)
{
    static const char *const words[] = {", a snippet", ", a snippet by tcc", ", a snippet by cc"};
    return s->snippet ? words[s->compiler] : "";
}

bool golden_is_built(uint8_t type)
{
    return type == MESSAGE_ORDER_BUILD || type == MESSAGE_WORKER_BUILT;
}

void golden_put_built(uint8_t type, struct buf *b)
{
    const struct order_build order = {.source = golden_digest(1),
                                      .compiler = "/usr/bin/cc",
                                      .path = "/state/objects/0101",
                                      .folder = "/state/built"};
    const struct worker_built built = {.reason = "/usr/bin/cc: it refuses the source"};
    if (type == MESSAGE_ORDER_BUILD)
        put_order_build(b, &order);
    else
        put_worker_built(b, &built);
}

int golden_tell_built(uint8_t type, struct bytes payload, FILE *to)
{
    struct order_build order;
    struct worker_built built;
    char hex[9];
    int rc;
    if (type == MESSAGE_WORKER_BUILT) {
        rc = read_worker_built(payload, &built);
        fprintf(to, " ok=%d reason=\"%s\"", built.ok, built.reason);
        return rc;
    }
    rc = read_order_build(payload, &order);
    id_hex(order.source.bytes, 8, hex);
    fprintf(to, " source=%s compiler=\"%s\" path=\"%s\" folder=\"%s\"", hex, order.compiler,
            order.path, order.folder);
    return rc;
}

static void put_job(struct buf *b, uint8_t compiler)
{
    const struct stage_input source = {golden_digest(1), 321};
    const struct stage_spec s = {.inputs_count = 1,
                                 .demand = {.tier = TIER_S2, .on = bytes_of_text(LABEL_BUILDS)},
                                 .compiler = compiler};
    golden_put_source_job("golden-5", &s, &source, b);
}

bool golden_put_builts(size_t i, struct buf *frame)
{
    static const uint8_t types[] = {MESSAGE_REQUEST_SUBMIT, MESSAGE_REQUEST_SUBMIT,
                                    MESSAGE_ORDER_LOAD, MESSAGE_WORKER_LOADED,
                                    MESSAGE_WORKER_FAILED};
    const struct worker_loaded loaded = {
        .accumulator_size = 8, .ok = true, .unbuilt = true, .reason = "it is gone"};
    const struct worker_failed failed = {.run = 12, .leaf = 4, .reason = "two", .differs = true};
    if (i >= sizeof types)
        return golden_put_unlikes(i - sizeof types, frame);
    size_t start = frame_begin(frame, types[i], types[i] >= MESSAGE_REQUEST_SUBMIT ? 7 : 0);
    if (types[i] == MESSAGE_REQUEST_SUBMIT)
        put_job(frame, i == 0 ? COMPILER_TCC : COMPILER_CC);
    else if (types[i] == MESSAGE_ORDER_LOAD)
        golden_put_source_load(ORIGIN_SNIPPET, "/state/built/0101.so", frame);
    else if (types[i] == MESSAGE_WORKER_LOADED)
        put_worker_loaded(frame, &loaded);
    else
        put_worker_failed(frame, &failed);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
