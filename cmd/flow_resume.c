#include "cmd/flow_resume.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/flow_ask.h"
#include "cmd/flow_names.h"
#include "cmd/flow_yield.h"
#include "cmd/follow.h"
#include "cmd/interrupt.h"
#include "cmd/pour.h"
#include "cmd/submit.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/memory.h"

#define NAP_MIN_US (5 * MS_US)
#define NAP_MAX_US (250 * MS_US)
#define RUNNING_MAX 1000u /* jobs of stages at a time; a user has at most 10,000 */

enum step { TO_COME, RUNNING, DONE, FAILED, BLOCKED };

struct one {
    enum step step;
    bool found; /* its job was there before this command */
    bool anew;  /* that job's result is kept nowhere any more: it runs again */
    bool is_read;
    struct job_id job;
    char name[JOB_NAME_SIZE];
    struct stage_input *yields; /* where somebody reads them */
    uint32_t yields_count;
};

struct resume {
    const struct call *call;
    const struct flow_plan *plan;
    struct line *line;
    struct node_id own;
    struct one *list;     /* as the stages stand in the file */
    struct job_list jobs; /* those of the mesh, once `listed` */
    bool listed;
    struct flow_names begun; /* the last stage of each name that has a job */
    bool keep_going;
    int failure; /* the exit code of the first stage that failed, or 0 */
};

static const struct flow_stage *stage_at(const struct resume *r, uint32_t i)
{
    return &r->plan->flow->stages[i];
}

/* Each with its size, so that no two lists are the same bytes. */
static void add_args(struct sha256 *sum, const struct flow_stage *s)
{
    uint8_t raw[4];
    struct buf b;
    for (uint32_t i = 0; i < s->args_count; i++) {
        const size_t len = strlen(s->args[i]);
        buf_init_fixed(&b, raw, sizeof raw);
        put_u32(&b, (uint32_t)len);
        sha256_add(sum, b.data, b.len);
        sha256_add(sum, s->args[i], len);
    }
    buf_init_fixed(&b, raw, sizeof raw);
    put_u32(&b, s->args_count);
    sha256_add(sum, b.data, b.len);
}

struct digest flow_resume_key(const struct plan *plan, const struct flow_stage *open,
                              const struct stage_input *inputs, uint32_t count)
{
    uint8_t head[KERNEL_NAME_SIZE + ID_SIZE + 32], raw[STAGE_INPUT_BYTES];
    struct sha256 sum;
    struct buf b;
#if VELUM_PLANT == 885 /* unit/test_flow_plan: the size that a trial found is part of what it is */
    open = NULL;
#endif
    buf_init_fixed(&b, head, sizeof head);
    put_text(&b, plan->kernel);
    put_digest(&b, plan->source);
    put_u64(&b, plan->units);
    put_u64(&b, open ? 0 : plan->leaf_units);
    put_u32(&b, (uint32_t)plan->params_len);
    sha256_init(&sum);
    sha256_add(&sum, b.data, b.len);
    sha256_add(&sum, plan->params, plan->params_len);
    if (open)
        add_args(&sum, open);
#if VELUM_PLANT == 533 /* unit/test_flow_plan: what a stage reads is no part of what it is */
    count = 0;
#endif
    for (uint32_t i = 0; i < count; i++) {
        buf_init_fixed(&b, raw, sizeof raw);
        put_stage_input(&b, &inputs[i]);
        sha256_add(&sum, b.data, b.len);
    }
    return sha256_end(&sum);
}

void flow_resume_name_of(struct digest key, char name[JOB_NAME_SIZE])
{
    text_copy(name, JOB_NAME_SIZE, "flow-");
    id_hex(key.bytes, FLOW_KEY_DIGITS, name + strlen(name));
}

void flow_resume_name(const struct plan *plan, const struct flow_stage *open,
                      const struct stage_input *inputs, uint32_t count, char name[JOB_NAME_SIZE])
{
    flow_resume_name_of(flow_resume_key(plan, open, inputs, count), name);
}

/* --- what a stage yields --- */

static int take_yields(const struct resume *r, uint32_t i, const struct job_view *v)
{
    struct one *one = &r->list[i];
    const bool folds = r->plan->list[i].reduction != REDUCE_COLLECT;
    uint8_t *list = NULL;
    size_t len = 0;
    one->yields_count = folds ? 1 : (uint32_t)flow_plan_leaves(r->plan, i);
    one->yields = calloc(one->yields_count, sizeof *one->yields);
    if (!one->yields)
        return line_report(r->line, ERR_NO_MEMORY);
    if (v->result.len == 0)
        return line_report_about(r->line, stage_at(r, i)->name, ERR_NOT_FOUND);
    if (folds)
        return flow_yield_bytes(r->line, v->result, &one->yields[0]);
    int code = pour_list(r->line, v, &list, &len);
    if (code == 0)
        code =
            flow_yield_list(r->line, (struct bytes){list, len}, 0, one->yields_count, one->yields);
    free(list);
    return code;
}

static void note_read(struct resume *r)
{
    for (uint32_t k = 0; k < r->plan->flow->count; k++)
        for (uint32_t n = 0; n < stage_at(r, k)->inputs_count; n++)
            if (stage_at(r, k)->inputs[n].stage != FLOW_NONE)
                r->list[stage_at(r, k)->inputs[n].stage].is_read = true;
}

/* --- a stage's job --- */

static void run_anew(struct one *one)
{
    one->step = TO_COME;
    one->anew = true;
}

/* It has ended. 0 or an exit code. */
static int take_end(struct resume *r, uint32_t i, const struct job_view *v)
{
    struct one *one = &r->list[i];
    if (v->state == JOB_DONE && v->result.len == 0 && !one->anew) {
        run_anew(one);
        return 0;
    }
    if (v->state == JOB_DONE) {
        one->step = DONE;
        return one->is_read ? take_yields(r, i, v) : 0;
    }
    one->step = FAILED;
    talk_line("[%s]", stage_at(r, i)->name);
    const int code = follow_failure(v, !line_is_embedded(r->line));
    if (r->failure == 0)
        r->failure = code;
    return 0;
}

static uint32_t gather_inputs(const struct resume *r, uint32_t i,
                              struct stage_input to[STAGE_INPUTS_MAX])
{
    const struct flow_stage *s = stage_at(r, i);
    uint32_t count = 0;
    for (uint32_t k = 0; k < s->inputs_count; k++) {
        const struct flow_input *in = &s->inputs[k];
        if (in->stage == FLOW_NONE) {
            to[count++] = flow_files_made(r->plan->files, in->file);
            continue;
        }
        const struct one *from = &r->list[in->stage];
        memcpy(to + count, from->yields, from->yields_count * sizeof *to);
        count += from->yields_count;
    }
    return count;
}

static int submit(struct resume *r, uint32_t i, const char *name, const struct stage_input *inputs,
                  uint32_t count)
{
    struct reply_submitted ack;
    struct buf body;
    buf_init(&body, &host_memory, SPEC_SIZE_MAX);
    int rc = flow_plan_encode_one(r->plan, i, r->own, name, inputs, (uint16_t)count, &body);
    int code =
        rc < 0 ? flow_plan_refuse(r->plan, NULL, rc) : submit_spec(buf_bytes(&body), r->line, &ack);
    buf_clear(&body);
    if (code == 0)
        r->list[i].job = ack.job;
    return code;
}

/* --- what is there already --- */

/* The latest of them of that name that this user submitted and that is done or may be. */
static bool find_in(const struct resume *r, const struct job_list *jobs, const char *name,
                    struct job_id *job)
{
    bool found = false;
    for (size_t i = 0; i < jobs->count; i++) {
        const struct job_view *v = &jobs->list[i].view;
        if (strcmp(v->name, name) != 0 || !node_id_equal(v->by, r->own) ||
            (job_state_is_final(v->state) && v->state != JOB_DONE))
            continue;
        *job = v->id;
        found = true;
    }
    return found;
}

/* 1, 0 or < 0. */
static int ask_for(struct resume *r, const char *name, struct job_id *job)
{
    struct job_list found;
    int rc = flow_ask_jobs(r->line, name, &found);
    if (rc < 0)
        return rc;
    rc = find_in(r, &found, name, job);
    jobs_clear(&found);
    return rc;
}

/* A stage of this very flow that is the same. */
static bool find_twin(const struct resume *r, const char *name, struct job_id *job)
{
    uint32_t i;
    if (!flow_names_find(&r->begun, name, &i) ||
        (r->list[i].step != RUNNING && r->list[i].step != DONE))
        return false;
    *job = r->list[i].job;
    return true;
}

/* 1, 0 or < 0. A node waits half a second for word of a name that it has not heard of, as another
 * node may have been told of it just now. So only the first name is asked for that is new, and
 * what is listed behind that wait answers for all others. */
static int find_job(struct resume *r, const char *name, struct job_id *job)
{
    int rc = 0;
    if (!r->listed) {
        rc = ask_for(r, name, job);
        if (rc == 0)
            rc = flow_ask_jobs(r->line, "", &r->jobs);
        r->listed = rc == 0;
        return rc;
    }
    if (find_twin(r, name, job) || find_in(r, &r->jobs, name, job))
        return 1;
    return r->jobs.left_off > 0 ? ask_for(r, name, job) : 0;
}

static int begin(struct resume *r, uint32_t i)
{
    struct stage_input inputs[STAGE_INPUTS_MAX];
    struct plan plan;
    char id[9];
    const uint32_t count = gather_inputs(r, i, inputs);
    struct one *one = &r->list[i];
    flow_plan_of(r->plan, i, &plan);
    flow_resume_name(&plan, flow_plan_leaf_is_open(r->plan, i) ? stage_at(r, i) : NULL, inputs,
                     count, one->name);
    const int rc = one->anew ? 0 : find_job(r, one->name, &one->job);
    if (rc < 0)
        return line_report(r->line, rc);
    one->found = rc > 0;
    one->step = RUNNING;
    int code = one->found ? 0 : submit(r, i, one->name, inputs, count);
    if (code == 0 && flow_names_put(&r->begun, one->name, i) < 0)
        code = line_report(r->line, ERR_NO_MEMORY);
    id_hex(one->job.bytes, 8, id);
    if (code == 0)
        talk_line("[%s] job %s%s", stage_at(r, i)->name, id,
                  one->found ? " was there already" : "");
    return code;
}

/* --- all of them --- */

/* The worst that is true of what the stage needs. */
static enum step needs_of(const struct resume *r, uint32_t i)
{
    const struct flow_stage *s = stage_at(r, i);
    enum step worst = DONE;
    for (uint32_t k = 0; k < s->inputs_count + s->after_count; k++) {
        const uint32_t need =
            k < s->inputs_count ? s->inputs[k].stage : s->after[k - s->inputs_count];
        const enum step step = need == FLOW_NONE ? DONE : r->list[need].step;
        if (step == FAILED || step == BLOCKED)
            return BLOCKED;
        worst = step == DONE ? worst : TO_COME;
    }
    return worst;
}

static int look(struct resume *r, uint32_t i)
{
    struct job_entry e;
    int rc = flow_ask_job(r->line, r->list[i].job, &e);
    if (flow_job_is_gone(r->line, rc) && !r->list[i].anew) { /* it runs again, once */
        run_anew(&r->list[i]);
        return 0;
    }
    if (rc < 0)
        return line_report(r->line, rc);
    const int code = job_state_is_final(e.view.state) ? take_end(r, i, &e.view) : 0;
    job_entry_clear(&e);
    return code;
}

/* Once over all stages: `running` of them, and whether anything has happened. */
static int go_round(struct resume *r, uint32_t *running, bool *moved)
{
    int code = 0;
    *running = 0;
    *moved = false;
    for (uint32_t k = 0; k < r->plan->flow->count && code == 0; k++) {
        const uint32_t i = r->plan->flow->order[k];
        struct one *one = &r->list[i];
        const enum step before = one->step;
        if (before == TO_COME && needs_of(r, i) == BLOCKED)
            one->step = BLOCKED;
        else if (before == TO_COME && *running < RUNNING_MAX && needs_of(r, i) == DONE &&
                 (r->failure == 0 || r->keep_going))
            code = begin(r, i);
        if (code == 0 && one->step == RUNNING)
            code = look(r, i);
        *running += one->step == RUNNING;
        *moved = *moved || one->step != before || (one->anew && one->step == TO_COME);
    }
    return code;
}

static int run_all(struct resume *r)
{
    int64_t nap_us = NAP_MIN_US;
    uint32_t running;
    bool moved;
    interrupt_catch();
    for (;;) {
        const int code = go_round(r, &running, &moved);
        if (code != 0)
            return code;
        if (running == 0 && !moved)
            return r->failure;
        if (interrupt_came())
            return flow_interrupted();
        nap_us = moved ? NAP_MIN_US : nap_us * 2 < NAP_MAX_US ? nap_us * 2 : NAP_MAX_US;
        if (running > 0)
            nanosleep(&(struct timespec){.tv_nsec = nap_us * 1000}, NULL);
    }
}

static int print_result(struct resume *r)
{
    const uint32_t last = r->plan->flow->order[r->plan->flow->count - 1];
    const char *progress = opt_text(r->call->opts, "progress", NULL);
    const struct pour_options o = {.progress = progress_kind_of(progress, talk_is_terminal())};
    uint32_t found = 0;
    struct job_entry e;
    for (uint32_t i = 0; i < r->plan->flow->count; i++)
        found += r->list[i].found;
    talk_line("%u of %u stages were there already", (unsigned)found,
              (unsigned)r->plan->flow->count);
    int rc = jobs_look(r->line, r->list[last].job, &e);
    if (rc < 0)
        return line_report(r->line, rc);
    const int code = follow_outcome(r->line, &e, opt_given(r->call->opts, "json"), &o);
    job_entry_clear(&e);
    return code;
}

int flow_resume(const struct call *c, const struct flow_plan *p, struct line *l)
{
    const struct identity *identity = line_identity(l);
    if (!identity)
        return CODE_NOT_ALLOWED;
    /* Its id, as the identity itself goes with the node. */
    struct resume r = {.call = c,
                       .plan = p,
                       .line = l,
                       .own = identity_id(identity),
                       .list = calloc(p->flow->count, sizeof *r.list),
                       .keep_going = p->flow->keep_going || opt_given(c->opts, "keep-going")};
    if (!r.list)
        return line_report(l, ERR_NO_MEMORY);
    flow_names_init(&r.begun);
    note_read(&r);
    int code = run_all(&r);
    if (code == 0)
        code = print_result(&r);
    for (uint32_t i = 0; i < p->flow->count; i++)
        free(r.list[i].yields);
    free(r.list);
    flow_names_clear(&r.begun);
    jobs_clear(&r.jobs);
    return code;
}
