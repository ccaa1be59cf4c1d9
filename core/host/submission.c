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

uint64_t submission_leaves(const struct submission *s)
{
    uint64_t units = s->plan.units, size = s->plan.leaf_units;
    return units / size + (units % size != 0);
}

static void put_inputs(const struct submission *s, struct buf *to)
{
    for (uint16_t i = 0; i < s->inputs_count; i++)
        put_stage_input(to, &s->inputs[i]);
}

static int encode_spec(const struct submission *s, struct identity *identity, struct buf *body)
{
    const struct plan *p = &s->plan;
    struct job_spec spec = {.author = identity_id(identity),
                            .not_after_s = (int64_t)time(NULL) + NOT_AFTER_S,
                            .slots_max = s->slots_max,
                            .timeout_us = s->timeout_us,
                            .priority = s->priority,
                            .waits = s->waits};
    struct stage_spec *stage = &spec.stage;
    uint8_t inputs[STAGE_INPUTS_MAX * STAGE_INPUT_BYTES];
    struct buf inputs_buf;
    buf_init_fixed(&inputs_buf, inputs, sizeof inputs);
    put_inputs(s, &inputs_buf);
    text_copy(spec.name, sizeof spec.name, s->name);
    text_copy(stage->kernel, sizeof stage->kernel, p->kernel);
    text_copy(stage->args, sizeof stage->args, s->args);
    stage->source = p->source;
    stage->params = (struct bytes){p->params, p->params_len};
    stage->units = p->units;
    stage->leaf_units = p->leaf_units;
    stage->reduction = p->reduction;
    stage->accumulator_size = p->accumulator_size;
    stage->inputs_count = s->inputs_count;
    stage->inputs = buf_bytes(&inputs_buf);
    stage->demand = wants_demand(&s->wants);
    if (getrandom(spec.nonce, sizeof spec.nonce, 0) != (ssize_t)sizeof spec.nonce)
        return ERR_SYSTEM;
    int rc = put_spec(body, &spec);
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
