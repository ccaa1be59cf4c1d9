#include "cmd/flow_bundle_spec.h"

#include "cmd/flow_bundle.h"
#include "cmd/flow_resume.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/host/memory.h"
#include "core/host/submission.h"

#define KEY_BYTES (FLOW_ENTRY_BYTES - 2)

static const struct flow_stage *stage_at(const struct flow_bundle_spec *b, uint32_t member)
{
    return &b->plan->flow->stages[b->members[member]];
}

/* The place of an output counts all that is named before it. */
static void put_reads(const struct flow_bundle_spec *b, const struct flow_stage *s,
                      struct flow_room *to)
{
    uint16_t place = 0;
    for (uint32_t i = 0; i < s->inputs_count; i++) {
        const struct flow_input *in = &s->inputs[i];
        const uint32_t number = in->stage == FLOW_NONE ? FLOW_NONE : b->number(b->ctx, in->stage);
        const uint32_t outputs =
            in->stage == FLOW_NONE ? 1 : flow_bundle_outputs(b->plan, in->stage);
        if (number != FLOW_NONE)
            put_stage_need(&to->needs, &(struct stage_need){number, place++});
#if VELUM_PLANT == 782 /* unit/test_flow_bundle: what collects is one thing, whoever computed it */
        place += number == FLOW_NONE;
        for (uint32_t k = 0; number == FLOW_NONE && k < outputs; k++) {
#else
        for (uint32_t k = 0; number == FLOW_NONE && k < outputs; k++, place++) {
#endif
            const struct stage_input made = in->stage == FLOW_NONE
                                                ? flow_files_made(b->plan->files, in->file)
                                                : b->yields(b->ctx, in->stage)[k];
            put_stage_input(&to->inputs, &made);
        }
    }
}

static struct stage_spec spec_of(const struct flow_bundle_spec *b, uint32_t member,
                                 struct flow_room *room)
{
    const struct flow_stage *s = stage_at(b, member);
    flow_room_reset(room);
    put_reads(b, s, room);
    for (uint32_t i = 0; i < s->after_count; i++) {
        const uint32_t number = b->number(b->ctx, s->after[i]);
        if (number != FLOW_NONE)
            put_stage_need(&room->needs, &(struct stage_need){number, NEED_ORDER});
    }
    return flow_plan_stage(b->plan, b->members[member], room);
}

static void put_entries(const struct flow_bundle_spec *b, struct buf *to)
{
    for (uint32_t i = 0; i < b->count; i++) {
        put_raw(to, b->key(b->ctx, b->members[i])->bytes, KEY_BYTES);
        put_u16(to, (uint16_t)flow_bundle_outputs(b->plan, b->members[i]));
    }
}

/* The one that keeps what the others yield. */
static int put_last(const struct flow_bundle_spec *b, struct flow_room *room, struct buf *to)
{
    uint64_t sizes[STAGE_INPUTS_MAX];
    char reason[REASON_SIZE];
    uint32_t outputs = 0;
    struct buf params;
    for (uint32_t i = 0; i < b->count; i++)
        outputs += flow_bundle_outputs(b->plan, b->members[i]);
    if (outputs > STAGE_INPUTS_MAX)
        return ERR_TOO_LARGE;
    for (uint32_t i = 0; i < outputs; i++)
        sizes[i] = STAGE_INPUT_UNKNOWN;
    int rc =
        builtin_plan(FLOW_BUNDLE_KERNEL, 0, NULL, (uint16_t)outputs, sizes, &room->plan, reason);
    buf_init_fixed(&params, room->plan.params, sizeof room->plan.params);
    put_entries(b, &params);
    room->plan.params_len = params.len;
    flow_room_reset(room);
    for (uint32_t i = 0; i < b->count; i++)
        put_stage_need(&room->needs, &(struct stage_need){i, (uint16_t)i});
    if (rc == 0)
        rc = buf_result(&params);
    if (rc < 0)
        return rc;
    struct stage_spec s = submission_stage(&room->plan);
    s.needs = buf_bytes(&room->needs);
    s.needs_count = (uint16_t)b->count;
    put_stage(to, &s);
    return buf_result(to);
}

static int put_others(const struct flow_bundle_spec *b, struct buf *to)
{
    struct flow_room room;
    int rc = 0;
    flow_room_init(&room);
    for (uint32_t i = 1; i < b->count && rc == 0; i++) {
        const struct stage_spec s = spec_of(b, i, &room);
        put_stage(to, &s);
        rc = room.needs.failed || room.inputs.failed ? ERR_TOO_LARGE : buf_result(to);
    }
    if (rc == 0 && b->count > 1)
        rc = put_last(b, &room, to);
    flow_room_clear(&room);
    return rc;
}

static void name_of(const struct flow_bundle_spec *b, char name[JOB_NAME_SIZE])
{
    struct digest key = *b->key(b->ctx, b->members[0]);
    struct sha256 sum;
    sha256_init(&sum);
    for (uint32_t i = 0; i < b->count; i++)
        sha256_add(&sum, b->key(b->ctx, b->members[i])->bytes, KEY_BYTES);
    if (b->count > 1)
        key = sha256_end(&sum);
    flow_resume_name_of(key, name);
}

int flow_bundle_encode(const struct flow_bundle_spec *b, struct node_id author, struct buf *body)
{
    char name[JOB_NAME_SIZE];
    struct flow_room first;
    struct job_spec spec;
    struct buf more;
    name_of(b, name);
    int rc = flow_plan_begin(&spec, b->plan->flow, author, name);
    flow_room_init(&first);
    buf_init(&more, &host_memory, SPEC_SIZE_MAX);
    spec.stage = spec_of(b, 0, &first);
    if (first.needs.failed || first.inputs.failed)
        rc = ERR_TOO_LARGE;
    if (rc == 0)
        rc = put_others(b, &more);
    spec.more = buf_bytes(&more);
    spec.more_count = (uint16_t)(b->count > 1 ? b->count : 0);
    if (rc == 0)
        rc = put_spec(body, &spec);
    buf_clear(&more);
    flow_room_clear(&first);
    return rc;
}
