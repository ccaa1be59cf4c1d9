#include "core/wire/view.h"

#include "core/base/err.h"
#include "core/wire/field.h"

const char *job_state_name(enum job_state s)
{
    switch (s) {
    case JOB_WAITING:
        return "waiting";
    case JOB_RUNNING:
        return "running";
    case JOB_DONE:
        return "done";
    case JOB_FAILED:
        return "failed";
    case JOB_CANCELLED:
        return "cancelled";
    case JOB_TIMED_OUT:
        return "timed-out";
    case JOB_DIVERGENT:
        return "divergent";
    case JOB_UNKNOWN:
        return "unknown";
    }
    return "unknown";
}

bool job_state_is_final(enum job_state s)
{
    return s >= JOB_DONE && s <= JOB_UNKNOWN;
}

const char *node_state_name(enum node_state s)
{
    switch (s) {
    case NODE_ALIVE:
        return "alive";
    case NODE_SUSPECT:
        return "suspect";
    case NODE_AWAY:
        return "away";
    case NODE_DEAD:
        return "dead";
    case NODE_LEFT:
        return "left";
    case NODE_RECOVERING:
        return "recovering";
    case NODE_DRAINING:
        return "draining";
    }
    return "unknown";
}

void put_job_view(struct buf *b, const struct job_view *v)
{
    put_job_id(b, v->id);
    put_text(b, v->name);
    put_text(b, v->kernel);
    put_digest(b, v->source);
    put_text(b, v->args);
    put_u8(b, (uint8_t)v->state);
    put_node_id(b, v->by);
    put_u64(b, v->units);
    put_u64(b, v->leaf_units);
    put_u64(b, v->leaves_total);
    put_u64(b, v->leaves_done);
    put_u32(b, v->nodes);
    put_u32(b, v->retries);
    put_u64(b, v->duplicates);
    put_u64(b, v->redone_us);
    put_u32(b, v->durable);
    put_u32(b, v->machines);
    put_u64(b, v->elapsed_us);
    put_u64(b, v->cpu_us);
    put_u64(b, (uint64_t)v->submitted_s);
    put_digest(b, v->digest);
    put_block(b, v->result);
    put_block(b, v->params);
    put_u8(b, v->reduction);
    put_text(b, v->error);
    if (v->tier[0] || v->checks)
        put_text(b, v->tier);
    if (v->checks) {
        put_u64(b, v->checked);
        put_u64(b, v->unchecked);
    }
}

/* What few jobs have: why only one compiler's code computes it, and how many leaves were checked.
 * Without the latter the former is not empty. */
static void read_rare(struct reader *r, struct job_view *v)
{
    bool more = !r->failed && reader_left(r) > 0;
    v->tier[0] = '\0';
    if (more)
        read_safe_text(r, true, v->tier, sizeof v->tier);
    v->checks = more && !r->failed && reader_left(r) > 0;
    v->checked = v->checks ? read_u64(r) : 0;
    v->unchecked = v->checks ? read_u64(r) : 0;
    r->failed |= more && !v->checks && v->tier[0] == '\0';
}

int read_job_view(struct bytes payload, struct job_view *v)
{
    struct reader r = reader_of(payload);
    v->id = read_job_id(&r);
    read_safe_text(&r, true, v->name, sizeof v->name);
    read_safe_text(&r, true, v->kernel, sizeof v->kernel);
    v->source = read_digest(&r);
    read_safe_text(&r, true, v->args, sizeof v->args);
    v->state = (enum job_state)read_choice(&r, JOB_WAITING, JOB_UNKNOWN);
    v->by = read_node_id(&r);
    v->units = read_u64(&r);
    v->leaf_units = read_u64(&r);
    v->leaves_total = read_u64(&r);
    v->leaves_done = read_u64(&r);
    v->nodes = read_u32(&r);
    v->retries = read_u32(&r);
    v->duplicates = read_u64(&r);
    v->redone_us = read_u64(&r);
    v->durable = read_u32(&r);
    v->machines = read_u32(&r);
    v->elapsed_us = read_u64(&r);
    v->cpu_us = read_u64(&r);
    v->submitted_s = (int64_t)read_u64(&r);
    v->digest = read_digest(&r);
    v->result = read_block(&r, ACCUMULATOR_SIZE_MAX);
    v->params = read_block(&r, PARAMS_SIZE_MAX);
    v->reduction = read_u8(&r);
    read_safe_text(&r, false, v->error, sizeof v->error);
    read_rare(&r, v);
    if (v->leaves_total > LEAVES_MAX || v->leaves_done > v->leaves_total)
        r.failed = true;
    return reader_result(&r);
}

void put_node_view(struct buf *b, const struct node_view *v)
{
    put_node_id(b, v->id);
    put_text(b, v->name);
    put_text(b, v->addr);
    put_u8(b, (uint8_t)v->state);
    put_text(b, v->arch);
    put_text(b, v->version);
    put_u32(b, v->slots);
    put_u32(b, v->busy);
    put_u32(b, v->load_percent);
    put_u64(b, v->memory_bytes);
    put_u64(b, v->speed_units_s);
    put_u64(b, v->seen_us);
    put_u64(b, v->lag_us);
    put_flag(b, v->self);
    put_flag(b, v->coordinator);
    put_text(b, v->labels);
    if (v->tier == TIER_UNKNOWN && !v->tells_held)
        return;
    put_u8(b, v->tier);
    put_u8(b, v->tier_lacks);
    if (!v->tells_held)
        return;
    put_u32(b, v->held.jobs);
    put_u32(b, v->held.jobs_only);
    put_u32(b, v->held.objects);
    put_u32(b, v->held.objects_only);
}

int read_node_view(struct bytes payload, struct node_view *v)
{
    struct reader r = reader_of(payload);
    v->id = read_node_id(&r);
    read_safe_text(&r, true, v->name, sizeof v->name);
    read_safe_text(&r, true, v->addr, sizeof v->addr);
    v->state = (enum node_state)read_choice(&r, NODE_ALIVE, NODE_DRAINING);
    read_safe_text(&r, true, v->arch, sizeof v->arch);
    read_safe_text(&r, true, v->version, sizeof v->version);
    v->slots = read_u32(&r);
    v->busy = read_u32(&r);
    v->load_percent = read_u32(&r);
    v->memory_bytes = read_u64(&r);
    v->speed_units_s = read_u64(&r);
    v->seen_us = read_u64(&r);
    v->lag_us = read_u64(&r);
    v->self = read_flag(&r);
    v->coordinator = read_flag(&r);
    read_safe_text(&r, true, v->labels, sizeof v->labels);
    v->tier = v->tier_lacks = 0;
    /* Not all nodes say. */
    if (!r.failed && reader_left(&r) > 0) {
        v->tier = read_choice(&r, reader_left(&r) > 2 ? TIER_UNKNOWN : TIER_S0, TIER_S3);
        v->tier_lacks = read_u8(&r);
    }
    v->tells_held = !r.failed && reader_left(&r) > 0;
    v->held = (struct node_held){0};
    if (v->tells_held) {
        v->held.jobs = read_u32(&r);
        v->held.jobs_only = read_u32(&r);
        v->held.objects = read_u32(&r);
        v->held.objects_only = read_u32(&r);
    }
    return reader_result(&r);
}

const char *stage_state_name(enum stage_view_state s)
{
    static const char *const names[] = {"?",      "waiting", "ready",   "running",  "done",
                                        "failed", "blocked", "stopped", "cancelled"};

    return (size_t)s < sizeof names / sizeof names[0] ? names[s] : names[0];
}

void put_stage_view(struct buf *b, const struct stage_view *v)
{
    put_u32(b, v->number);
    put_text(b, v->name);
    put_text(b, v->kernel);
    put_text(b, v->args);
    put_u8(b, (uint8_t)v->state);
    put_u32(b, v->blocked_by);
    put_u64(b, v->leaves);
    put_u64(b, v->done);
    put_u16(b, v->needs_count);
    put_raw(b, v->needs.data, v->needs.len);
}

void read_stage_view(struct reader *r, struct stage_view *v)
{
    v->number = read_u32(r);
    read_safe_text(r, true, v->name, sizeof v->name);
    read_safe_text(r, true, v->kernel, sizeof v->kernel);
    read_safe_text(r, true, v->args, sizeof v->args);
    v->state = (enum stage_view_state)read_choice(r, STAGE_VIEW_WAITING, STAGE_VIEW_CANCELLED);
    v->blocked_by = read_u32(r);
    v->leaves = read_u64(r);
    v->done = read_u64(r);
    v->needs_count = read_u16(r);
    v->needs = read_view(r, (size_t)v->needs_count * STAGE_NEED_BYTES);
}

void put_kernel_view(struct buf *b, const struct kernel_view *v)
{
    put_text(b, v->name);
    put_digest(b, v->source);
    put_u8(b, v->origin);
    put_text(b, v->path);
    put_text(b, v->usage);
    put_text(b, v->summary);
    put_u8(b, v->reduction);
    put_u16(b, v->files_from);
    put_text(b, v->then);
    put_u32(b, v->accumulator_size);
    put_text(b, v->refused);
}

void put_kernel_manual(struct buf *b, const struct kernel_view *v)
{
    put_u32(b, v->memory);
    put_text(b, v->limits);
    put_text(b, v->manual);
}

int read_kernel_view(struct bytes payload, struct kernel_view *v)
{
    struct reader r = reader_of(payload);
    read_safe_text(&r, true, v->name, sizeof v->name);
    v->source = read_digest(&r);
    v->origin = read_choice(&r, ORIGIN_BUILTIN, ORIGIN_SNIPPET);
    read_safe_text(&r, true, v->path, sizeof v->path);
    read_safe_text(&r, false, v->usage, sizeof v->usage);
    read_safe_text(&r, true, v->summary, sizeof v->summary);
    v->reduction = read_u8(&r);
    v->files_from = read_u16(&r);
    read_safe_text(&r, true, v->then, sizeof v->then);
    v->accumulator_size = read_u32(&r);
    read_safe_text(&r, true, v->refused, sizeof v->refused);
    v->memory = 0;
    v->limits[0] = v->manual[0] = 0;
    if (!r.failed && reader_left(&r) > 0) {
        v->memory = read_u32(&r);
        read_safe_text(&r, true, v->limits, sizeof v->limits);
        read_safe_text(&r, false, v->manual, sizeof v->manual);
    }
    if (v->accumulator_size > ACCUMULATOR_SIZE_MAX)
        r.failed = true;
    return reader_result(&r);
}
