/* The specification of a flow's job. See flow_plan.h. */
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "cmd/flow_plan.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"

#define NOT_AFTER_S (SPEC_NOT_AFTER_MAX_S - 3600) /* an hour is left for clocks that differ */

/* What a stage borrows while it is encoded. */
struct room {
    struct buf needs, inputs;
};

static void put_reads(const struct flow_plan *p, const struct flow_stage *s, struct room *to)
{
    for (uint32_t i = 0; i < s->inputs_count; i++) {
        const struct flow_input *in = &s->inputs[i];
        if (in->stage == FLOW_NONE) {
            const struct stage_input made = flow_files_made(p->files, in->file);
            put_stage_input(&to->inputs, &made);
        } else {
#if VELUM_PLANT == 532 /* unit/test_flow_plan: the place of an output counts outputs only */
            const uint16_t place = (uint16_t)(to->needs.len / STAGE_NEED_BYTES);
#else
            const uint16_t place = (uint16_t)i;
#endif
            put_stage_need(&to->needs,
                           &(struct stage_need){p->flow->stages[in->stage].number, place});
        }
    }
    for (uint32_t i = 0; i < s->after_count; i++)
        put_stage_need(&to->needs,
                       &(struct stage_need){p->flow->stages[s->after[i]].number, NEED_ORDER});
}

static void join_args(const struct flow_stage *s, char to[JOB_ARGS_SIZE])
{
    char joined[JOB_ARGS_SIZE] = "";
    for (uint32_t i = 0; i < s->args_count; i++) {
        if (i > 0)
            text_append(joined, sizeof joined, " ");
        text_append(joined, sizeof joined, s->args[i]);
    }
    text_sanitise(joined, strlen(joined), true, to, JOB_ARGS_SIZE);
}

/* What it reads is in the room. */
static struct stage_spec spec_in(const struct flow_plan *p, uint32_t at, const struct room *room)
{
    const struct flow_stage *f = &p->flow->stages[at];
    const struct plan *plan = &p->list[at];
    struct stage_spec s = {.source = plan->source,
                           .params = {plan->params, plan->params_len},
                           .units = plan->units,
                           .leaf_units = plan->leaf_units,
                           .reduction = plan->reduction,
                           .accumulator_size = plan->accumulator_size,
                           .inputs = buf_bytes(&room->inputs),
                           .inputs_count = (uint16_t)(room->inputs.len / STAGE_INPUT_BYTES),
                           .needs = buf_bytes(&room->needs),
                           .needs_count = (uint16_t)(room->needs.len / STAGE_NEED_BYTES),
                           .retries = (uint8_t)f->retries,
                           .leaf_us = (uint64_t)f->leaf_us,
                           .demand = wants_demand(&f->wants)};
    text_copy(s.kernel, sizeof s.kernel, f->kernel);
    text_copy(s.name, sizeof s.name, f->name);
    join_args(f, s.args);
    return s;
}

static struct stage_spec spec_of(const struct flow_plan *p, uint32_t at, struct room *room)
{
    buf_reset(&room->needs);
    buf_reset(&room->inputs);
    put_reads(p, &p->flow->stages[at], room);
    return spec_in(p, at, room);
}

static void room_init(struct room *r)
{
    buf_init(&r->needs, &host_memory, SPEC_SIZE_MAX);
    buf_init(&r->inputs, &host_memory, SPEC_SIZE_MAX);
}

static void room_clear(struct room *r)
{
    buf_clear(&r->needs);
    buf_clear(&r->inputs);
}

static int put_nonce(struct job_spec *spec)
{
    return getrandom(spec->nonce, sizeof spec->nonce, 0) == (ssize_t)sizeof spec->nonce
               ? 0
               : ERR_SYSTEM;
}

int flow_plan_encode_one(const struct flow_plan *p, uint32_t stage, struct node_id author,
                         const char *name, const struct stage_input *inputs, uint16_t count,
                         struct buf *body)
{
    struct job_spec spec = {.author = author,
                            .not_after_s = (int64_t)time(NULL) + NOT_AFTER_S,
                            .slots_max = (uint32_t)p->flow->slots_max,
                            .timeout_us = (uint64_t)p->flow->timeout_us,
                            .priority = p->flow->priority,
                            .waits = p->flow->waits};
    struct room room;
    room_init(&room);
    for (uint16_t i = 0; i < count; i++)
        put_stage_input(&room.inputs, &inputs[i]);
    text_copy(spec.name, sizeof spec.name, name);
    spec.stage = spec_in(p, stage, &room);
    int rc = room.inputs.failed ? ERR_NO_MEMORY : put_nonce(&spec);
    if (rc == 0)
        rc = put_spec(body, &spec);
    room_clear(&room);
    return rc;
}

int flow_plan_encode(const struct flow_plan *p, struct node_id author, bool keep_going,
                     struct buf *body)
{
    const struct flow *f = p->flow;
    struct job_spec spec = {.author = author,
                            .not_after_s = (int64_t)time(NULL) + NOT_AFTER_S,
                            .keep_going = keep_going || f->keep_going,
                            .slots_max = (uint32_t)f->slots_max,
                            .timeout_us = (uint64_t)f->timeout_us,
                            .priority = f->priority,
                            .waits = f->waits,
                            .more_count = (uint16_t)(f->count - 1)};
    struct room first, room;
    struct buf more;
    bool failed = false;
    text_copy(spec.name, sizeof spec.name, f->name);
    buf_init(&more, &host_memory, SPEC_SIZE_MAX);
    room_init(&first);
    room_init(&room);
    spec.stage = spec_of(p, f->order[0], &first);
    for (uint32_t i = 1; i < f->count; i++) {
        const struct stage_spec s = spec_of(p, f->order[i], &room);
        failed = failed || room.needs.failed || room.inputs.failed;
        put_stage(&more, &s);
    }
    spec.more = buf_bytes(&more);
    failed = failed || more.failed || first.needs.failed || first.inputs.failed;
    int rc = put_nonce(&spec);
    if (rc == 0)
        rc = failed ? ERR_TOO_LARGE : put_spec(body, &spec);
    buf_clear(&more);
    room_clear(&first);
    room_clear(&room);
    return rc;
}

int flow_plan_refuse(const struct flow_plan *p, int rc)
{
    if (rc == ERR_TOO_LARGE) {
        talk_error("%.200s: its stages are more than a job takes: 60 KiB of them, 2^40 leaves in "
                   "all, 16384 leaves that collect",
                   p->path);
        talk_try("larger leaves (leaf = N), or two flows");
    } else {
        talk_error("%.200s: %s", p->path, err_sentence(rc));
        talk_try("velum flow --dry-run %.200s", p->path);
    }
    return CODE_MISUSE;
}
