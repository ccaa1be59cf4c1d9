#include "cmd/flow_many.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/flow_ask.h"
#include "cmd/flow_bundle.h"
#include "cmd/flow_bundle_spec.h"
#include "cmd/flow_kept.h"
#include "cmd/flow_resume.h"
#include "cmd/flow_yield.h"
#include "cmd/follow.h"
#include "cmd/interrupt.h"
#include "cmd/pour.h"
#include "cmd/stage_list.h"
#include "cmd/submit.h"
#include "core/base/err.h"
#include "core/host/memory.h"

#define NAP_MIN_US (5 * MS_US)
#define NAP_MAX_US (250 * MS_US)
#define RUNNING_MAX 1000u /* jobs at a time; a user has at most 10,000 */
#define RUNNING_MIN 2u
#define TRIES_MAX 3 /* of a stage whose job was there, or had no fault of it */

enum step { TO_COME, RUNNING, DONE, FAILED, BLOCKED };

struct stage {
    uint8_t step, tries;
    bool found;          /* its job was there before this command */
    bool alone;          /* it gets a job of its own */
    uint32_t run;        /* its job, or FLOW_NONE */
    uint32_t number, at; /* there, and its first output */
    struct digest key;
    struct stage_input *yields; /* once somebody reads them */
};

/* A job of some stages. */
struct run {
    uint8_t step; /* TO_COME, RUNNING, or DONE also of one that is nothing any more */
    bool alone;
    struct job_id job;
    uint32_t *members;
    uint32_t count, cap;
    uint8_t *list; /* of its outputs, once one was read */
    size_t list_len;
};

struct many {
    const struct call *call;
    const struct flow_plan *plan;
    struct line *line;
    struct node_id own;
    struct stage *stages; /* as they stand in the file */
    struct run *runs;
    uint32_t runs_count, runs_cap;
    uint32_t last;      /* the stage that gives the result */
    uint32_t beginning; /* the run whose job is being made */
    uint32_t running_max;
    bool stale; /* some that are to come have no run */
    bool keep_going;
    int failure; /* the exit code of the first stage that failed, or 0 */
};

static const struct flow_stage *stage_at(const struct many *m, uint32_t i)
{
    return &m->plan->flow->stages[i];
}

static uint32_t needs_count(const struct flow_stage *s)
{
    return s->inputs_count + s->after_count;
}

static uint32_t need_at(const struct flow_stage *s, uint32_t i)
{
    return i < s->inputs_count ? s->inputs[i].stage : s->after[i - s->inputs_count];
}

/* --- what stages are --- */

/* What a stage reads of others is what they are, which is known before anything runs. */
static void make_keys(struct many *m)
{
    struct stage_input inputs[STAGE_INPUTS_MAX];
    struct plan plan;
    for (uint32_t k = 0; k < m->plan->flow->count; k++) {
        const uint32_t i = m->plan->flow->order[k];
        const struct flow_stage *s = stage_at(m, i);
        for (uint32_t n = 0; n < s->inputs_count; n++)
            inputs[n] = s->inputs[n].stage == FLOW_NONE
                            ? flow_files_made(m->plan->files, s->inputs[n].file)
                            : (struct stage_input){.name = m->stages[s->inputs[n].stage].key,
                                                   .size = STAGE_INPUT_UNKNOWN};
        flow_plan_of(m->plan, i, &plan);
        m->stages[i].key = flow_resume_key(&plan, flow_plan_leaf_is_open(m->plan, i) ? s : NULL,
                                           inputs, s->inputs_count);
    }
}

/* --- runs --- */

/* FLOW_NONE: no memory. */
static uint32_t add_run(struct many *m, uint8_t step, bool alone)
{
    if (m->runs_count == m->runs_cap) {
        const uint32_t cap = m->runs_cap == 0 ? 64 : 2 * m->runs_cap;
        struct run *runs = realloc(m->runs, cap * sizeof *runs);
        if (!runs)
            return FLOW_NONE;
        m->runs = runs;
        m->runs_cap = cap;
    }
    m->runs[m->runs_count] = (struct run){.step = step, .alone = alone};
    return m->runs_count++;
}

static int add_member(struct many *m, uint32_t run, uint32_t stage)
{
    struct run *r = &m->runs[run];
    if (r->count == r->cap) {
        const uint32_t cap = r->cap == 0 ? 8 : 2 * r->cap;
        uint32_t *members = realloc(r->members, cap * sizeof *members);
        if (!members)
            return ERR_NO_MEMORY;
        r->members = members;
        r->cap = cap;
    }
    r->members[r->count++] = stage;
    m->stages[stage].run = run;
    return 0;
}

/* Its members are to come, in other runs. */
static void dissolve(struct many *m, struct run *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        struct stage *s = &m->stages[r->members[i]];
        free(s->yields);
        s->yields = NULL;
        s->run = FLOW_NONE;
        s->found = false;
        if (s->step != FAILED && s->step != BLOCKED)
            s->step = TO_COME;
    }
    r->count = 0;
    r->step = DONE;
    m->stale = true;
}

/* What it yielded is kept nowhere any more. Once more is enough: 0, or an exit code. */
static int run_anew(struct many *m, struct run *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (++m->stages[r->members[i]].tries > TRIES_MAX)
            return line_report_about(m->line, stage_at(m, r->members[i])->name, ERR_NOT_FOUND);
    dissolve(m, r);
    return 0;
}

/* --- what is there already --- */

static int adopt(struct many *m, const struct flow_kept *k, uint32_t *run_of)
{
    for (uint32_t i = 0; i < m->plan->flow->count; i++) {
        struct stage *s = &m->stages[i];
        const struct flow_kept_stage *kept = flow_kept_stage(k, s->key);
        if (!kept ||
            (!k->jobs[kept->job].alone && kept->outputs != flow_bundle_outputs(m->plan, i)))
            continue;
        const struct flow_kept_job *job = &k->jobs[kept->job];
        uint32_t *run = &run_of[kept->job];
        if (*run == FLOW_NONE) {
            *run = add_run(m, job->ended ? DONE : RUNNING, job->alone);
            if (*run == FLOW_NONE)
                return ERR_NO_MEMORY;
            m->runs[*run].job = job->id;
        }
        if (i == m->last && !job->alone) /* its result is asked for as that of a job */
            continue;
        if (add_member(m, *run, i) < 0)
            return ERR_NO_MEMORY;
        s->found = true;
        s->step = m->runs[*run].step;
        s->number = kept->number;
        s->at = kept->at;
    }
    return 0;
}

static int find_kept(struct many *m)
{
    struct flow_kept kept;
    char name[JOB_NAME_SIZE];
    flow_resume_name_of(m->stages[m->last].key, name);
    int rc = flow_kept_find(&kept, m->line, m->own, name);
    uint32_t *run_of = rc == 0 ? malloc((kept.jobs_count + 1) * sizeof *run_of) : NULL;
    if (rc == 0 && !run_of)
        rc = ERR_NO_MEMORY;
    for (uint32_t i = 0; rc == 0 && i < kept.jobs_count; i++)
        run_of[i] = FLOW_NONE;
    if (rc == 0)
        rc = adopt(m, &kept, run_of);
    free(run_of);
    flow_kept_clear(&kept);
    return rc < 0 ? line_report(m->line, rc) : 0;
}

/* --- what is to run --- */

static void block_stages(struct many *m)
{
    for (uint32_t k = 0; k < m->plan->flow->count; k++) {
        const uint32_t i = m->plan->flow->order[k];
        const struct flow_stage *s = stage_at(m, i);
        for (uint32_t n = 0; n < needs_count(s) && m->stages[i].step == TO_COME; n++)
            if (need_at(s, n) != FLOW_NONE && (m->stages[need_at(s, n)].step == FAILED ||
                                               m->stages[need_at(s, n)].step == BLOCKED))
                m->stages[i].step = BLOCKED;
    }
}

static int add_bundle(struct many *m, const struct flow_bundles *b, uint32_t which)
{
    const struct flow_bundle *from = &b->list[which];
    const uint32_t run = add_run(m, TO_COME, from->alone);
    uint32_t at = 0;
    if (run == FLOW_NONE)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < from->count; i++) {
        const uint32_t stage = b->members[from->first + i];
        if (add_member(m, run, stage) < 0)
            return ERR_NO_MEMORY;
        m->stages[stage].number = i;
        m->stages[stage].at = at;
        at += flow_bundle_outputs(m->plan, stage);
    }
    return 0;
}

/* What is read of a job may be read long after it has ended. */
static int check_count(const struct many *m, uint32_t bundles)
{
    if (bundles <= FLOW_FEW_MAX)
        return 0;
    talk_error("%.200s: its stages need each other in such a way that they would be %u jobs, and "
               "nodes keep the last %u that have ended",
               m->plan->path, (unsigned)bundles, FLOW_FEW_MAX);
    talk_try("velum flow without --resume, which makes one job of all");
    return CODE_MISUSE;
}

/* All that are to come get runs, also those that had some: what fell back may need them. */
static int bundle(struct many *m)
{
    const uint32_t count = m->plan->flow->count;
    uint8_t *places = calloc(count, 1);
    struct flow_bundles b = {0};
    int rc = places ? 0 : ERR_NO_MEMORY;
    for (uint32_t i = 0; i < m->runs_count; i++)
        if (m->runs[i].step == TO_COME)
            dissolve(m, &m->runs[i]);
    block_stages(m);
    for (uint32_t i = 0; i < count && rc == 0; i++)
        places[i] = m->stages[i].step != TO_COME         ? FLOW_ELSEWHERE
                    : m->stages[i].alone || i == m->last ? FLOW_TO_BE_ALONE
                                                         : FLOW_TO_BUNDLE;
    if (rc == 0)
        rc = flow_bundles_make(&b, m->plan, places, flow_bundle_size(count));
    const int code = rc < 0 ? line_report(m->line, rc) : check_count(m, b.count);
    for (uint32_t i = 0; i < b.count && rc == 0 && code == 0; i++)
        rc = add_bundle(m, &b, i);
    flow_bundles_clear(&b);
    free(places);
    m->stale = false;
    return code == 0 && rc < 0 ? line_report(m->line, rc) : code;
}

/* --- what stages yield --- */

static int take_from(struct many *m, struct run *r, uint32_t stage, const struct job_view *v)
{
    struct stage *s = &m->stages[stage];
    const bool folds = m->plan->list[stage].reduction != REDUCE_COLLECT;
    const uint32_t outputs = flow_bundle_outputs(m->plan, stage);
    s->yields = calloc(outputs, sizeof *s->yields);
    if (!s->yields)
        return line_report(m->line, ERR_NO_MEMORY);
    if (r->alone && folds)
        return flow_yield_bytes(m->line, v->result, s->yields);
    int code = r->list ? 0 : pour_list(m->line, v, &r->list, &r->list_len);
    return code != 0 ? code
                     : flow_yield_list(m->line, (struct bytes){r->list, r->list_len},
                                       r->alone ? 0 : s->at, outputs, s->yields);
}

/* Of a stage that is done, unless it turns out that it is to run again. 0 or an exit code. */
static int take_yields(struct many *m, uint32_t stage)
{
    struct run *r = &m->runs[m->stages[stage].run];
    struct job_entry e = {0};
    if (m->stages[stage].yields)
        return 0;
    if (r->list)
        return take_from(m, r, stage, &e.view);
    int rc = flow_ask_job(m->line, r->job, &e);
    if (flow_job_is_gone(m->line, rc))
        return run_anew(m, r);
    if (rc < 0)
        return line_report(m->line, rc);
    const int code = e.view.state != JOB_DONE || e.view.result.len == 0
                         ? run_anew(m, r)
                         : take_from(m, r, stage, &e.view);
    job_entry_clear(&e);
    return code;
}

/* All that the members read of others. */
static int take_inputs(struct many *m, uint32_t run)
{
    int code = 0;
    for (uint32_t i = 0; i < m->runs[run].count && code == 0; i++) {
        const struct flow_stage *s = stage_at(m, m->runs[run].members[i]);
        for (uint32_t n = 0; n < s->inputs_count && code == 0 && !m->stale; n++)
            if (s->inputs[n].stage != FLOW_NONE && m->stages[s->inputs[n].stage].run != run)
                code = take_yields(m, s->inputs[n].stage);
    }
    return code;
}

/* --- a run --- */

static uint32_t number_of(void *ctx, uint32_t stage)
{
    const struct many *m = ctx;
    return m->stages[stage].run == m->beginning ? m->stages[stage].number : FLOW_NONE;
}

static const struct stage_input *yields_of(void *ctx, uint32_t stage)
{
    const struct many *m = ctx;
    return m->stages[stage].yields;
}

static const struct digest *key_of(void *ctx, uint32_t stage)
{
    const struct many *m = ctx;
    return &m->stages[stage].key;
}

static int submit(struct many *m, uint32_t run)
{
    struct run *r = &m->runs[run];
    const struct flow_bundle_spec spec = {.plan = m->plan,
                                          .members = r->members,
                                          .count = r->count,
                                          .number = number_of,
                                          .yields = yields_of,
                                          .key = key_of,
                                          .ctx = m};
    struct reply_submitted ack;
    struct buf body;
    m->beginning = run;
    buf_init(&body, &host_memory, SPEC_SIZE_MAX);
    int rc = flow_bundle_encode(&spec, m->own, &body);
    int code =
        rc < 0 ? flow_plan_refuse(m->plan, NULL, rc) : submit_spec(buf_bytes(&body), m->line, &ack);
    buf_clear(&body);
    if (code == 0)
        r->job = ack.job;
    return code;
}

static void tell(const struct many *m, const struct run *r)
{
    char id[9], more[32] = "";
    id_hex(r->job.bytes, 8, id);
    if (r->count > 1)
        snprintf(more, sizeof more, " and %u more", (unsigned)(r->count - 1));
    talk_line("[%s]%s: job %s", stage_at(m, r->members[0])->name, more, id);
}

static int begin(struct many *m, uint32_t run)
{
    int code = take_inputs(m, run);
    if (code != 0 || m->stale)
        return code;
    code = submit(m, run);
    if (code != 0)
        return code;
    m->runs[run].step = RUNNING;
    for (uint32_t i = 0; i < m->runs[run].count; i++)
        m->stages[m->runs[run].members[i]].step = RUNNING;
    tell(m, &m->runs[run]);
    return 0;
}

static void fail(struct many *m, uint32_t stage, const struct job_view *v)
{
    m->stages[stage].step = FAILED;
    talk_line("[%s]", stage_at(m, stage)->name);
    const int code = follow_failure(v, !line_is_embedded(m->line));
    if (m->failure == 0)
        m->failure = code;
}

/* Which of several have failed; the others get jobs of their own. */
static int find_failed(struct many *m, struct run *r, const struct job_view *v)
{
    struct stage_list all = {0};
    bool any = false;
    int rc = stage_list_fetch(m->line, r->job, &all);
    for (uint32_t i = 0; rc == 0 && i < r->count; i++) {
        struct stage *s = &m->stages[r->members[i]];
        s->alone = true;
        if (s->number < all.count && all.list[s->number].state == STAGE_VIEW_FAILED) {
            fail(m, r->members[i], v);
            any = true;
        }
    }
    stage_list_clear(&all);
    if (rc < 0)
        return line_report(m->line, rc);
    if (any)
        dissolve(m, r);
    return any ? 0 : run_anew(m, r);
}

/* It has ended and is not done. */
static int take_failure(struct many *m, struct run *r, const struct job_view *v)
{
    if (v->state == JOB_FAILED && !r->alone)
        return find_failed(m, r, v);
    for (uint32_t i = 0; i < r->count; i++)
        if (i == 0)
            fail(m, r->members[i], v);
        else
            m->stages[r->members[i]].step = FAILED;
    dissolve(m, r);
    return 0;
}

static int take_end(struct many *m, struct run *r, const struct job_view *v)
{
    if (v->state != JOB_DONE)
        return take_failure(m, r, v);
    if (v->result.len == 0)
        return run_anew(m, r);
    r->step = DONE;
    for (uint32_t i = 0; i < r->count; i++)
        m->stages[r->members[i]].step = DONE;
    return 0;
}

static int look(struct many *m, struct run *r)
{
    struct job_entry e;
    int rc = flow_ask_job(m->line, r->job, &e);
    if (flow_job_is_gone(m->line, rc))
        return run_anew(m, r);
    if (rc < 0)
        return line_report(m->line, rc);
    const int code = job_state_is_final(e.view.state) ? take_end(m, r, &e.view) : 0;
    job_entry_clear(&e);
    return code;
}

/* --- all of them --- */

static bool is_ready(const struct many *m, uint32_t run)
{
    for (uint32_t i = 0; i < m->runs[run].count; i++) {
        const struct flow_stage *s = stage_at(m, m->runs[run].members[i]);
        for (uint32_t n = 0; n < needs_count(s); n++) {
            const uint32_t need = need_at(s, n);
            if (need != FLOW_NONE && m->stages[need].run != run && m->stages[need].step != DONE)
                return false;
        }
    }
    return true;
}

/* Once over all runs: `running` of them, and whether anything has happened. */
static int go_round(struct many *m, uint32_t *running, bool *moved)
{
    int code = m->stale ? bundle(m) : 0;
    *running = 0;
    *moved = false;
    for (uint32_t i = 0; i < m->runs_count && code == 0; i++) {
        const uint8_t before = m->runs[i].step;
        if (before == TO_COME && *running < m->running_max && !m->stale &&
            (m->failure == 0 || m->keep_going) && is_ready(m, i))
            code = begin(m, i);
        else if (before == RUNNING)
            code = look(m, &m->runs[i]);
        *running += m->runs[i].step == RUNNING;
        *moved = *moved || m->runs[i].step != before;
    }
    *moved = *moved || m->stale;
    return code;
}

static int run_all(struct many *m)
{
    int64_t nap_us = NAP_MIN_US;
    uint32_t running;
    bool moved;
    interrupt_catch();
    for (;;) {
        const int code = go_round(m, &running, &moved);
        if (code == CODE_INTERRUPTED) /* in the middle of a question, which has said so */
            talk_try(
                "the same command again: what was submitted goes on, and it goes on from there");
        if (code != 0)
            return code;
        if (running == 0 && !moved)
            return m->failure;
        if (interrupt_came())
            return flow_interrupted();
        nap_us = moved ? NAP_MIN_US : nap_us * 2 < NAP_MAX_US ? nap_us * 2 : NAP_MAX_US;
        if (running > 0)
            nanosleep(&(struct timespec){.tv_nsec = nap_us * 1000}, NULL);
    }
}

static int print_result(struct many *m)
{
    const char *progress = opt_text(m->call->opts, "progress", NULL);
    const struct pour_options o = {.progress = progress_kind_of(progress, talk_is_terminal())};
    uint32_t found = 0;
    struct job_entry e;
    for (uint32_t i = 0; i < m->plan->flow->count; i++)
        found += m->stages[i].found;
    talk_line("%u of %u stages were there already", (unsigned)found,
              (unsigned)m->plan->flow->count);
    int rc = flow_ask_job(m->line, m->runs[m->stages[m->last].run].job, &e);
    if (rc < 0)
        return line_report(m->line, rc);
    const int code = follow_outcome(m->line, &e, opt_given(m->call->opts, "json"), &o);
    job_entry_clear(&e);
    return code;
}

/* A slot that goes from job to job begins a worker each time, so there is one for each. */
static int bound_running(struct many *m)
{
    int code = flow_ask_slots(m->line, &m->running_max);
    if (m->running_max < RUNNING_MIN)
        m->running_max = RUNNING_MIN;
    if (m->running_max > RUNNING_MAX)
        m->running_max = RUNNING_MAX;
    return code;
}

/* What is listed as done may be kept no more. */
static int check_last(struct many *m)
{
    const struct stage *s = &m->stages[m->last];
    if (s->run == FLOW_NONE || s->step != DONE)
        return 0;
    m->runs[s->run].step = RUNNING;
    return look(m, &m->runs[s->run]);
}

static void clear(struct many *m)
{
    for (uint32_t i = 0; m->stages && i < m->plan->flow->count; i++)
        free(m->stages[i].yields);
    for (uint32_t i = 0; i < m->runs_count; i++) {
        free(m->runs[i].members);
        free(m->runs[i].list);
    }
    free(m->stages);
    free(m->runs);
}

int flow_many(const struct call *c, const struct flow_plan *p, struct line *l)
{
    const struct identity *identity = line_identity(l);
    if (!identity)
        return CODE_NOT_ALLOWED;
    /* Its id, as the identity itself goes with the node. */
    struct many m = {.call = c,
                     .plan = p,
                     .line = l,
                     .own = identity_id(identity),
                     .stages = calloc(p->flow->count, sizeof *m.stages),
                     .last = p->flow->order[p->flow->count - 1],
                     .stale = true,
                     .keep_going = p->flow->keep_going || opt_given(c->opts, "keep-going")};
    if (!m.stages)
        return line_report(l, ERR_NO_MEMORY);
    for (uint32_t i = 0; i < p->flow->count; i++)
        m.stages[i].run = FLOW_NONE;
    make_keys(&m);
    int code = find_kept(&m);
    if (code == 0)
        code = check_last(&m);
    if (code == 0)
        code = bound_running(&m);
    if (code == 0)
        code = run_all(&m);
    if (code == 0)
        code = print_result(&m);
    clear(&m);
    return code;
}
