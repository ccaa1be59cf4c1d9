/* Snippets: what commands ask about them, and the jobs and orders that have one. */
#include "core/wire/snippet.h"

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"
#include "core/wire/signed.h"
#include "core/wire/spec.h"
#include "tests/golden/golden.h"

void golden_put_snippet(uint8_t what, struct buf *b)
{
    static const char *const words[] = {"790", "x"};
    struct request_snippet m = {.what = what, .source = golden_digest(1)};
    uint8_t room[512];
    struct buf order;
    buf_init_fixed(&order, room, sizeof room);
    if (snippet_what(&m) == SNIPPET_PLAN)
        ensure(put_order_plan(&order, 2, words, 0, NULL) == 0);
    if (what == SNIPPET_SHOW)
        put_block(&order, bytes_of_text("8 bytes."));
    if (what == SNIPPET_SHOW)
        m.params = bytes_of_text("\1\2\3\4");
    if (snippet_what(&m) != SNIPPET_DESCRIBE)
        text_copy(m.kernel, sizeof m.kernel, "sum");
    m.order = buf_bytes(&order);
    put_request_snippet(b, &m);
}

const char *golden_kind(const struct stage_spec *s)
{
    return s->plugin ? ", a plugin" : golden_code_of(s);
}

int golden_tell_snippet(struct bytes payload, FILE *to)
{
    struct request_snippet m;
    char hex[9];
    int rc = read_request_snippet(payload, &m);
    if (rc < 0)
        return rc;
    id_hex(m.source.bytes, 8, hex);
    fprintf(to, " what=%u source=%s kernel=\"%s\" reduction=%u params=", (unsigned)m.what, hex,
            m.kernel, (unsigned)m.reduction);
    golden_write_hex(m.params, to);
    fprintf(to, " order=");
    golden_write_hex(m.order, to);
    return 0;
}

void golden_put_source_job(const char *name, const struct stage_spec *stage,
                           const struct stage_input *inputs, struct buf *b)
{
    struct job_spec s = {.author = golden_node(9), .not_after_s = 1800000000, .stage = *stage};
    struct signed_bytes sealed = {.certificate = bytes_of_text("a certificate, DER")};
    uint8_t list_room[2 * STAGE_INPUT_BYTES], room[2048];
    struct buf list, body;
    text_copy(s.name, sizeof s.name, name);
    text_copy(s.stage.kernel, sizeof s.stage.kernel, "sum");
    text_copy(s.stage.args, sizeof s.stage.args, "790");
    s.stage.source = golden_digest(1);
    s.stage.units = 790;
    s.stage.leaf_units = 100;
    s.stage.accumulator_size = 8;
    s.stage.snippet = true;
    buf_init_fixed(&list, list_room, sizeof list_room);
    for (uint16_t i = 0; i < stage->inputs_count; i++)
        put_stage_input(&list, &inputs[i]);
    s.stage.inputs = buf_bytes(&list);
    buf_init_fixed(&body, room, sizeof room);
    ensure(put_spec(&body, &s) == 0);
    sealed.body = buf_bytes(&body);
    put_signed(b, &sealed);
}

/* It reads one object, and the last of its inputs is its source. */
static void put_job(bool plugin, struct buf *b)
{
    const struct stage_input inputs[] = {{golden_digest(2), 123456}, {golden_digest(1), 321}};
    const struct stage_spec s = {.params = bytes_of_text("\1\2\3\4"),
                                 .inputs_count = 2,
                                 .demand = {.tier = TIER_S2, .on = bytes_of_text(LABEL_COMPILES)},
                                 .plugin = plugin};
    golden_put_source_job("golden-4", &s, inputs, b);
}

void golden_put_source_load(uint8_t origin, const char *built, struct buf *b)
{
    struct order_load load = {.kernel = "sum",
                              .source = golden_digest(1),
                              .origin = origin,
                              .path = "/state/objects/0101",
                              .params = bytes_of_text("\1\2\3\4")};
    text_copy(load.built, sizeof load.built, built);
    put_order_load(b, &load);
}

bool golden_put_snippets(size_t i, struct buf *frame)
{
    static const uint8_t types[] = {MESSAGE_REQUEST_SNIPPET, MESSAGE_REQUEST_SNIPPET,
                                    MESSAGE_REQUEST_SUBMIT, MESSAGE_ORDER_LOAD,
                                    MESSAGE_ORDER_DESCRIBE,
                                    /* Of plugins that come with their jobs. */
                                    MESSAGE_REQUEST_SNIPPET, MESSAGE_REQUEST_SNIPPET,
                                    MESSAGE_REQUEST_SUBMIT, MESSAGE_ORDER_LOAD, MESSAGE_ORDER_LOAD};
    static const uint8_t asked[] = {SNIPPET_PLAN, SNIPPET_SHOW, [5] = SHIPPED_DESCRIBE,
                                    SHIPPED_PLAN};
    static const uint8_t origins[] = {[3] = ORIGIN_SNIPPET, [8] = ORIGIN_SHIPPED, ORIGIN_CARRIED};
    const struct order_describe describe = {.origin = ORIGIN_SNIPPET,
                                            .path = "/state/objects/0101"};
    if (i >= sizeof types)
        return golden_put_builts(i - sizeof types, frame);
    size_t start = frame_begin(frame, types[i], types[i] >= MESSAGE_REQUEST_SUBMIT ? 7 : 0);
    if (types[i] == MESSAGE_REQUEST_SNIPPET)
        golden_put_snippet(asked[i], frame);
    else if (types[i] == MESSAGE_REQUEST_SUBMIT)
        put_job(i > 4, frame);
    else if (types[i] == MESSAGE_ORDER_LOAD)
        golden_put_source_load(origins[i], "", frame);
    else
        put_order_describe(frame, &describe);
    frame_end(frame, start);
    ensure(!frame->failed);
    return true;
}
