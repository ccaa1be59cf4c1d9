/* The specification of a flow's job. See flow_plan.h. */
#include <string.h>

#include "cmd/flow_plan.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/memory.h"
#include "core/host/submission.h"
#include "core/job/graph.h"

/* Of a specification, beside its head and the first stage: with its certificate it is a frame. */
#define MORE_BYTES_MAX ((size_t)52 << 10)
#define LIST_BESIDE 1024u /* what signs a list, at most */
#define KINDS_MAX 64

static void put_reads(const struct flow_plan *p, const struct flow_stage *s, struct flow_room *to)
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

struct stage_spec flow_plan_stage(const struct flow_plan *p, uint32_t at, struct flow_room *room)
{
    const struct flow_stage *f = &p->flow->stages[at];
    flow_plan_of(p, at, &room->plan);
    struct stage_spec s = submission_stage(&room->plan);
    const struct snippet *source = flow_source_of(p->sources, f);
    if (source) {
        const struct stage_input made = snippet_source(source);
        put_stage_input(&room->inputs, &made);
        s.snippet = true;
        s.compiler = f->compiler;
    }
    s.inputs = buf_bytes(&room->inputs);
    s.inputs_count = (uint16_t)(room->inputs.len / STAGE_INPUT_BYTES);
    s.needs = buf_bytes(&room->needs);
    s.needs_count = (uint16_t)(room->needs.len / STAGE_NEED_BYTES);
    s.retries = (uint8_t)f->retries;
    s.leaf_us = (uint64_t)f->leaf_us;
    s.demand = wants_demand(f->wants);
    text_copy(s.name, sizeof s.name, f->name);
    join_args(f, s.args);
    return s;
}

static struct stage_spec spec_of(const struct flow_plan *p, uint32_t at, struct flow_room *room)
{
    flow_room_reset(room);
    put_reads(p, &p->flow->stages[at], room);
    return flow_plan_stage(p, at, room);
}

void flow_room_reset(struct flow_room *r)
{
    buf_reset(&r->needs);
    buf_reset(&r->inputs);
}

void flow_room_init(struct flow_room *r)
{
    buf_init(&r->needs, &host_memory, SPEC_SIZE_MAX);
    buf_init(&r->inputs, &host_memory, SPEC_SIZE_MAX);
}

void flow_room_clear(struct flow_room *r)
{
    buf_clear(&r->needs);
    buf_clear(&r->inputs);
}

int flow_plan_begin(struct job_spec *spec, const struct flow *f, struct node_id author,
                    const char *name)
{
    int rc = submission_begin(spec, author);
    spec->slots_max = (uint32_t)f->slots_max;
    spec->timeout_us = (uint64_t)f->timeout_us;
    spec->cpu_us = (uint64_t)f->cpu_us;
    spec->check = (uint16_t)(f->check * (JOB_CHECK_MAX / 100));
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
    struct flow_room room;
    int rc = flow_plan_begin(&spec, p->flow, author, name);
    flow_room_init(&room);
    for (uint16_t i = 0; i < count; i++)
        put_stage_input(&room.inputs, &inputs[i]);
    spec.stage = flow_plan_stage(p, stage, &room);
    if (room.inputs.failed)
        rc = ERR_NO_MEMORY;
    if (rc == 0)
        rc = put_spec(body, &spec);
    flow_room_clear(&room);
    return rc;
}

/* --- stages behind the specification --- */

/* Stages that were written out, of which others need only say that they are like them. */
struct kinds {
    uint32_t stages[KINDS_MAX]; /* as they stand in the file; a ring */
    uint32_t count;
};

static bool is_like(const struct flow_plan *p, uint32_t a, uint32_t b)
{
    const struct flow_stage *s = &p->flow->stages[a], *t = &p->flow->stages[b];
    const struct flow_planned *x = &p->list[a], *y = &p->list[b];
#if VELUM_PLANT == 723 /* unit/test_flow_plan: what is appended asks of nodes what others ask */
    return strcmp(s->kernel, t->kernel) == 0;
#endif
    return s->wants == t->wants && s->retries == t->retries && s->leaf_us == t->leaf_us &&
           x->reduction == y->reduction && x->accumulator_size == y->accumulator_size &&
           digest_equal(x->source, y->source) && strcmp(s->kernel, t->kernel) == 0;
}

/* FLOW_NONE: it is to be written out, as are all that read objects. */
static uint32_t find_kind(const struct flow_plan *p, const struct kinds *k, uint32_t stage)
{
    const struct flow_stage *s = &p->flow->stages[stage];
    if (s->source > 0)
        return FLOW_NONE;
    for (uint32_t i = 0; i < s->inputs_count; i++)
        if (s->inputs[i].stage == FLOW_NONE)
            return FLOW_NONE;
    for (uint32_t i = 0; i < k->count && i < KINDS_MAX; i++)
        if (is_like(p, k->stages[i], stage))
            return k->stages[i];
    return FLOW_NONE;
}

static void remember_kind(const struct flow_plan *p, struct kinds *k, uint32_t stage)
{
    if (find_kind(p, k, stage) == FLOW_NONE)
        k->stages[k->count++ % KINDS_MAX] = stage;
}

static int append_one(const struct flow_plan *p, uint32_t at, struct kinds *k,
                      struct flow_room *room, struct lists *rest)
{
    const struct stage_spec s = spec_of(p, at, room);
    const uint32_t number = p->flow->stages[at].number, like = find_kind(p, k, at);
    if (room->needs.failed || room->inputs.failed)
        return ERR_TOO_LARGE;
    if (like == FLOW_NONE) {
        int rc = lists_add_whole(rest, number, &s);
        if (rc == 0)
            remember_kind(p, k, at);
        return rc;
    }
    const bool sized = p->list[like].units != s.units || p->list[like].leaf_units != s.leaf_units;
    return lists_add_like(rest, number, p->flow->stages[like].number, sized, &s);
}

/* As whoever coordinates will look at it: what cannot be is refused before anything runs. */
static int check_rest(const struct job_spec *spec, const struct lists *rest)
{
    struct graph g;
    int rc = graph_init(&g, &host_memory, spec);
    size_t bytes = 0;
    for (const struct list_out *o = rest->head; o && rc == 0; o = o->next) {
        struct append list = {o->first, o->count, reader_of(buf_bytes(&o->bytes))};
        rc = graph_append(&g, spec, buf_bytes(&o->bytes), &list);
        bytes += o->bytes.len + LIST_BESIDE;
    }
    graph_clear(&g);
    return rc == 0 && bytes > GRAPH_LISTS_BYTES_MAX ? ERR_FULL : rc;
}

/* So many stages, as their numbers are, as fit a specification. */
static int put_stages(const struct flow_plan *p, struct flow_room *room, struct kinds *k,
                      struct buf *more, uint32_t *count)
{
    const struct flow *f = p->flow;
    remember_kind(p, k, f->order[0]);
    for (*count = 1; *count < f->count && *count < SPEC_STAGES_MAX; ++*count) {
        const size_t before = more->len;
        const struct stage_spec s = spec_of(p, f->order[*count], room);
        put_stage(more, &s);
        if (more->failed || room->needs.failed || room->inputs.failed)
            return ERR_NO_MEMORY;
        if (more->len > MORE_BYTES_MAX) {
            more->len = before;
            return 0;
        }
        remember_kind(p, k, f->order[*count]);
    }
    return 0;
}

static int encode(const struct flow_plan *p, struct job_spec *spec, struct flow_room *first,
                  struct buf *more, struct flow_job *job)
{
    const struct flow *f = p->flow;
    struct kinds kinds = {.count = 0};
    struct flow_room room;
    uint32_t count;
    flow_room_init(&room);
    spec->stage = spec_of(p, f->order[0], first);
    int rc = first->needs.failed || first->inputs.failed ? ERR_TOO_LARGE : 0;
    if (rc == 0)
        rc = put_stages(p, &room, &kinds, more, &count);
    if (rc == 0) {
        spec->more = buf_bytes(more);
        spec->more_count = (uint16_t)(count - 1);
        spec->open = count < f->count;
        for (; count < f->count && rc == 0; count++) {
            rc = append_one(p, f->order[count], &kinds, &room, &job->rest);
            job->at = rc < 0 ? f->order[count] : FLOW_NONE;
        }
    }
    flow_room_clear(&room);
    return rc;
}

/* A job asks for so many different things of nodes at most. */
static bool ask_few(const struct flow *f)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->wants_count; i++) {
        const struct demand d = wants_demand(f->wants[i]);
        count += !demand_is_empty(&d);
    }
    return count <= DEMANDS_MAX;
}

int flow_plan_encode(const struct flow_plan *p, struct node_id author, bool keep_going,
                     struct flow_job *job)
{
    struct job_spec spec;
    struct flow_room first;
    struct buf more;
    buf_init(&job->body, &host_memory, SPEC_SIZE_MAX);
    lists_init(&job->rest);
    job->at = FLOW_NONE;
    buf_init(&more, &host_memory, 2 * SPEC_SIZE_MAX);
    flow_room_init(&first);
    int rc =
        ask_few(p->flow) ? flow_plan_begin(&spec, p->flow, author, p->flow->name) : ERR_NOT_FOUND;
    spec.keep_going = keep_going || p->flow->keep_going;
    if (rc == 0)
        rc = encode(p, &spec, &first, &more, job);
    if (rc == 0)
        rc = put_spec(&job->body, &spec);
    if (rc == 0 && job->rest.head)
        rc = check_rest(&spec, &job->rest);
    buf_clear(&more);
    flow_room_clear(&first);
    return rc;
}

void flow_job_clear(struct flow_job *job)
{
    buf_clear(&job->body);
    lists_clear(&job->rest);
}

int flow_plan_refuse(const struct flow_plan *p, const struct flow_job *job, int rc)
{
    char about[FLOW_ABOUT_SIZE] = "";
    if (job && job->at != FLOW_NONE && rc == ERR_TOO_LARGE) {
        flow_about(p->path, &p->flow->stages[job->at], true, about);
        talk_error("%swhat it reads and waits for is longer than a stage may say", about);
        talk_try("fewer, or a stage between that joins some");
    } else if (job && rc == ERR_NOT_FOUND) {
        talk_error("%.200s: its stages ask for %u different things of nodes (cpus, mem, on, "
                   "prefer and min-tier together), and those of a job for at most %u",
                   p->path, (unsigned)p->flow->wants_count, DEMANDS_MAX);
        talk_try("the same for more of them, or velum flow --resume, where each stage is a job");
    } else if (rc == ERR_TOO_LARGE || rc == ERR_FULL) {
        talk_error("%.200s: its stages are more than a job takes: %u of them, 48 MiB, 2^40 leaves "
                   "in all, %u leaves that collect",
                   p->path, FLOW_STAGES_MAX, COLLECT_LEAVES_MAX);
        talk_try("larger leaves (leaf = N), velum flow --resume, where each stage is a job, or two "
                 "flows");
    } else {
        talk_error("%.200s: %s", p->path, err_sentence(rc));
        talk_try("velum flow --dry-run %.200s", p->path);
    }
    return CODE_MISUSE;
}
