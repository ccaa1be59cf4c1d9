#include "cmd/flow_kept.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/flow_ask.h"
#include "cmd/flow_bundle_spec.h"
#include "cmd/flow_resume.h"
#include "core/base/err.h"

#define NAME_BEGIN "flow-"

static int grow(void **list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return 0;
    const uint32_t more = *cap == 0 ? 64 : 2 * *cap;
    void *bigger = realloc(*list, more * size);
    if (!bigger)
        return ERR_NO_MEMORY;
    *list = bigger;
    *cap = more;
    return 0;
}

static int add_stage(struct flow_kept *k, const char *name, const struct flow_kept_stage *s)
{
    void *list = k->stages;
    if (grow(&list, k->stages_count, &k->stages_cap, sizeof *k->stages) < 0)
        return ERR_NO_MEMORY;
    k->stages = list;
    k->stages[k->stages_count] = *s;
    return flow_names_put(&k->names, name, k->stages_count++);
}

static int add_job(struct flow_kept *k, const struct job_view *v, bool alone)
{
    void *list = k->jobs;
    if (grow(&list, k->jobs_count, &k->jobs_cap, sizeof *k->jobs) < 0)
        return ERR_NO_MEMORY;
    k->jobs = list;
    k->jobs[k->jobs_count++] =
        (struct flow_kept_job){.id = v->id, .ended = v->state == JOB_DONE, .alone = alone};
    return 0;
}

/* All of a bundle. */
static int add_entries(struct flow_kept *k, const struct job_view *v)
{
    struct flow_kept_stage s = {.job = k->jobs_count};
    struct reader r = reader_of(v->params);
    struct digest key = {{0}};
    char name[JOB_NAME_SIZE];
    int rc = add_job(k, v, false);
    for (; rc == 0 && r.at < v->params.len; s.number++, s.at += s.outputs) {
        read_raw(&r, key.bytes, FLOW_ENTRY_BYTES - 2);
        s.outputs = read_u16(&r);
        if (r.failed || s.outputs == 0)
            break;
        flow_resume_name_of(key, name);
        rc = add_stage(k, name, &s);
    }
    return rc;
}

static int add_alone(struct flow_kept *k, const struct job_view *v)
{
    const struct flow_kept_stage s = {.job = k->jobs_count};
    int rc = add_job(k, v, true);
    return rc == 0 ? add_stage(k, v->name, &s) : rc;
}

/* Whether it is a bundle its parameters say, which are not in a listing. */
static int add(struct flow_kept *k, struct line *l, const struct job_view *v)
{
    struct job_entry e;
    if (strcmp(v->kernel, FLOW_BUNDLE_KERNEL) != 0)
        return add_alone(k, v);
    int rc = flow_ask_job(l, v->id, &e);
    if (rc == LINE_REFUSED) /* it is forgotten by now */
        return 0;
    if (rc < 0)
        return rc;
    rc = e.view.params.len > 0 ? add_entries(k, &e.view) : add_alone(k, &e.view);
    job_entry_clear(&e);
    return rc;
}

static bool is_kept(const struct job_view *v, struct node_id own, bool done)
{
    return strncmp(v->name, NAME_BEGIN, strlen(NAME_BEGIN)) == 0 && node_id_equal(v->by, own) &&
           (done ? v->state == JOB_DONE : !job_state_is_final(v->state));
}

int flow_kept_find(struct flow_kept *k, struct line *l, struct node_id own, const char *name)
{
    struct job_list jobs;
    *k = (struct flow_kept){0};
    flow_names_init(&k->names);
    int rc = flow_ask_jobs(l, name, &jobs);
    if (rc < 0)
        return rc;
    jobs_clear(&jobs);
    rc = flow_ask_jobs(l, "", &jobs);
    if (rc < 0)
        return rc;
    /* Of one stage the last counts: better one that is done. */
    for (int done = 0; done < 2; done++)
        for (size_t i = 0; i < jobs.count && rc == 0; i++)
            if (is_kept(&jobs.list[i].view, own, done))
                rc = add(k, l, &jobs.list[i].view);
    jobs_clear(&jobs);
    return rc;
}

const struct flow_kept_stage *flow_kept_stage(const struct flow_kept *k, struct digest key)
{
    char name[JOB_NAME_SIZE];
    uint32_t number;
    flow_resume_name_of(key, name);
    return flow_names_find(&k->names, name, &number) ? &k->stages[number] : NULL;
}

void flow_kept_clear(struct flow_kept *k)
{
    free(k->jobs);
    free(k->stages);
    flow_names_clear(&k->names);
}
