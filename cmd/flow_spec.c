/* The specification of a flow's job. See flow_plan.h. */
#include <string.h>

#include "cmd/flow_plan.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/host/submission.h"

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
    struct stage_spec s = submission_stage(&p->list[at]);
    s.inputs = buf_bytes(&room->inputs);
    s.inputs_count = (uint16_t)(room->inputs.len / STAGE_INPUT_BYTES);
    s.needs = buf_bytes(&room->needs);
    s.needs_count = (uint16_t)(room->needs.len / STAGE_NEED_BYTES);
    s.retries = (uint8_t)f->retries;
    s.leaf_us = (uint64_t)f->leaf_us;
    s.demand = wants_demand(&f->wants);
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

/* What the whole file says of its job. */
static int begin(struct job_spec *spec, const struct flow *f, struct node_id author,
                 const char *name)
{
    int rc = submission_begin(spec, author);
    spec->slots_max = (uint32_t)f->slots_max;
    spec->timeout_us = (uint64_t)f->timeout_us;
    spec->priority = f->priority;
    spec->waits = f->waits;
    text_copy(spec->name, sizeof spec->name, name);
    return rc;
}

int flow_plan_encode_one(const struct flow_plan *p, uint32_t stage, struct node_id author,
                         const char *name, const struct stage_input *inputs, uint16_t count,
                         struct buf *body)
{
    struct job_spec spec;
    struct room room;
    int rc = begin(&spec, p->flow, author, name);
    room_init(&room);
    for (uint16_t i = 0; i < count; i++)
        put_stage_input(&room.inputs, &inputs[i]);
    spec.stage = spec_in(p, stage, &room);
    if (room.inputs.failed)
        rc = ERR_NO_MEMORY;
    if (rc == 0)
        rc = put_spec(body, &spec);
    room_clear(&room);
    return rc;
}

int flow_plan_encode(const struct flow_plan *p, struct node_id author, bool keep_going,
                     struct buf *body)
{
    const struct flow *f = p->flow;
    struct job_spec spec;
    struct room first, room;
    struct buf more;
    bool failed = false;
    int rc = begin(&spec, f, author, f->name);
    spec.keep_going = keep_going || f->keep_going;
    spec.more_count = (uint16_t)(f->count - 1);
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
