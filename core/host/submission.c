#include "core/host/submission.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/wire/signed.h"
#include "core/wire/spec.h"

/* A node refuses what is more than 7 days ahead of its clock;
 * an hour is left for clocks that differ. */
#define NOT_AFTER_S (SPEC_NOT_AFTER_MAX_S - 3600)

void submission_join_args(struct submission *s, int argc, const char *const *argv)
{
    char joined[JOB_ARGS_SIZE] = "";
    for (int i = 0; i < argc; i++) {
        if (i > 0)
            text_append(joined, sizeof joined, " ");
        text_append(joined, sizeof joined, argv[i]);
    }
    text_sanitise(joined, strlen(joined), true, s->args, sizeof s->args);
}

static uint64_t planned_leaves(const struct plan *p)
{
    return p->units / p->leaf_units + (p->units % p->leaf_units != 0);
}

uint64_t submission_leaves(const struct submission *s)
{
    return planned_leaves(&s->plan);
}

uint64_t submission_all_leaves(const struct submission *s)
{
    return planned_leaves(&s->plan) + (s->plan.then[0] ? planned_leaves(&s->then) : 0);
}

int submission_then_inputs(const struct submission *s, uint16_t *count,
                           uint64_t sizes[STAGE_INPUTS_MAX])
{
    const uint64_t leaves = submission_leaves(s);
    if (leaves > STAGE_INPUTS_MAX)
        return ERR_TOO_LARGE;
    *count = (uint16_t)leaves;
    for (uint16_t i = 0; i < *count; i++)
        sizes[i] = STAGE_INPUT_UNKNOWN;
    return 0;
}

/* A snippet's source comes last, and it asks for a node that takes it in a cage that is good
 * enough, besides what its user wants. */
static int put_reads(const struct submission *s, struct wants *wants, struct stage_spec *stage,
                     struct buf *to)
{
    for (uint16_t i = 0; i < s->inputs_count; i++)
        put_stage_input(to, &s->inputs[i]);
    *wants = s->wants;
    if (s->source) {
        put_stage_input(to, s->source);
        if (to->failed || !(s->arch ? wants_plugin(wants, s->arch) : wants_source(wants)))
            return ERR_TOO_LARGE;
        if (s->compiler == COMPILER_CC && !wants_built(wants))
            return ERR_TOO_LARGE;
        stage->snippet = true;
        stage->compiler = s->compiler;
        stage->plugin = s->arch != NULL;
    }
    stage->inputs_count = (uint16_t)(s->inputs_count + stage->snippet);
    stage->inputs = buf_bytes(to);
    stage->demand = wants_demand(wants);
    return 0;
}

struct stage_spec submission_stage(const struct plan *p)
{
    struct stage_spec stage = {.source = p->source,
                               .params = {p->params, p->params_len},
                               .units = p->units,
                               .leaf_units = p->leaf_units,
                               .leaf_us = p->leaf_us,
                               .reduction = p->reduction,
                               .accumulator_size = p->accumulator_size};
    text_copy(stage.kernel, sizeof stage.kernel, p->kernel);
    return stage;
}

int submission_begin(struct job_spec *spec, struct node_id author)
{
    *spec = (struct job_spec){.author = author, .not_after_s = (int64_t)time(NULL) + NOT_AFTER_S};
    return getrandom(spec->nonce, sizeof spec->nonce, 0) == (ssize_t)sizeof spec->nonce
               ? 0
               : ERR_SYSTEM;
}

/* The stage behind the first, whose inputs are all that the first yields. */
static void put_then(const struct submission *s, struct job_spec *spec, struct buf *more)
{
    uint8_t raw[STAGE_NEED_BYTES];
    struct stage_spec stage = submission_stage(&s->then);
    struct buf needs;
    if (!s->plan.then[0])
        return;
    buf_init_fixed(&needs, raw, sizeof raw);
    put_stage_need(&needs, &(struct stage_need){.stage = 0, .place = 0});
    stage.needs = buf_bytes(&needs);
    stage.needs_count = 1;
    text_copy(stage.args, sizeof stage.args, s->args);
    stage.demand = wants_demand(&s->wants);
    put_stage(more, &stage);
    spec->more_count = 1;
    spec->more = buf_bytes(more);
}

static int encode_spec(const struct submission *s, struct identity *identity, struct buf *body)
{
    struct job_spec spec;
    struct wants wants;
    uint8_t inputs[STAGE_INPUTS_MAX * STAGE_INPUT_BYTES],
        behind[PARAMS_SIZE_MAX + 2 * JOB_ARGS_SIZE + 2 * LABELS_SIZE];
    struct buf inputs_buf, more;
    int rc = submission_begin(&spec, identity_id(identity));
    if (rc < 0)
        return rc;
    spec.open = spec.keep_going = s->open;
    spec.slots_max = s->slots_max;
    spec.timeout_us = s->timeout_us;
    spec.cpu_us = s->cpu_us;
    spec.check = s->check;
    spec.priority = s->priority;
    spec.waits = s->waits;
    buf_init_fixed(&inputs_buf, inputs, sizeof inputs);
    buf_init_fixed(&more, behind, sizeof behind);
    put_then(s, &spec, &more);
    /* Where the last stage yields a value people see its kernel (watch.c): such a job has the name
     * of the one they asked for. */
    text_copy(spec.name, sizeof spec.name,
              s->name[0] || !s->plan.then[0] ? s->name : s->plan.kernel);
    spec.stage = submission_stage(&s->plan);
    text_copy(spec.stage.args, sizeof spec.stage.args, s->args);
    rc = put_reads(s, &wants, &spec.stage, &inputs_buf);
    if (rc == 0)
        rc = put_spec(body, &spec);
    return rc < 0 ? rc : buf_result(body);
}

int submission_sign(struct identity *identity, struct bytes body, struct buf *to)
{
    struct signed_bytes sealed = {.certificate = identity_certificate(identity), .body = body};
    uint8_t text[64];
    size_t len = signed_text(&sealed, SIGNED_SPEC, text);
    int rc = identity_sign(identity, (struct bytes){text, len}, sealed.signature);
    if (rc < 0)
        return rc;
    put_signed(to, &sealed);
    return buf_result(to);
}

int submission_seal(const struct submission *s, struct identity *identity, struct buf *to)
{
    struct buf body;
    buf_init(&body, &host_memory, SPEC_SIZE_MAX);
    int rc = encode_spec(s, identity, &body);
    if (rc == 0)
        rc = submission_sign(identity, buf_bytes(&body), to);
    buf_clear(&body);
    return rc;
}
