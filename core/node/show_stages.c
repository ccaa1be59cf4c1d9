#include "core/node/show_stages.h"

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/stage_views.h"

#define PATIENCE_US (3 * S_US)
#define WAITS_MAX 1024

/* --- asking --- */

static void wait_remove(struct node *n, struct stages_wait *w)
{
    struct stages_wait **at;

    for (at = &n->stages_waits; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    alloc_free(n->alloc, w, sizeof *w);
}

static void no_answer(struct node *n, const struct stages_wait *w)
{
    reply_error(n, w->link, w->request, 7, "none of the nodes that hold this job answers",
                "velum nodes shows who is away");
}

/* Asks the next of those that may know. False: there is none. */
static bool ask_next(struct node *n, struct stages_wait *w)
{
    const struct entry *e = directory_find(n, w->job);

    while (e != NULL && !w->begun && w->tried <= e->holders_count) {
        struct node_id id = w->tried == 0 ? e->coordinator : e->holders[w->tried - 1];

        w->tried++;
#if VELUM_PLANT != 448 /* trace/test_graph: who coordinated a job is asked though it is gone */
        if (node_is_self(n, id) || !member_works(n, id))
            continue;
#endif
        w->at = id;
        w->since = n->now;
        send_node(n, id, MESSAGE_STAGES, w->token, (struct bytes){w->job.bytes, ID_SIZE});
        return true;
    }
    return false;
}

static void go_on(struct node *n, struct stages_wait *w)
{
    if (ask_next(n, w))
        return;
    no_answer(n, w);
    wait_remove(n, w);
}

static void wait_add(struct node *n, uint64_t link, uint32_t request, struct job_id id)
{
    struct stages_wait *w;
    uint32_t count = 0;

    for (w = n->stages_waits; w != NULL; w = w->next)
        count++;
    w = count >= WAITS_MAX ? NULL : node_alloc(n, sizeof *w);
    if (w == NULL) {
        reply_error(n, link, request, 1, "too many wait for a job's stages at this node",
                    "try again");
        return;
    }
    *w = (struct stages_wait){.token = ++n->token_counter,
                              .link = link,
                              .request = request,
                              .job = id,
                              .next = n->stages_waits};
    n->stages_waits = w;
    go_on(n, w);
}

void show_stages(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct job *j = job_find(n, id);
    const struct entry *e = directory_find(n, id);
    bool holds = j != NULL && j->ledger != NULL;

    if (!reader_done(&r))
        reply_malformed(n, link, request);
    else if (holds &&
             (j->lead != NULL || job_is_final(j) || e == NULL || !member_works(n, e->coordinator)))
        stage_views_tell(n, &(struct views_to){.link = link, .request = request, .job = id}, j);
    else if (e != NULL)
        wait_add(n, link, request, id);
    else
        reply_error(n, link, request, 3, "this node knows no such job",
                    "velum ps --all lists those it knows");
}

int show_stages_peer(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct views_to to = {.node = from, .request = request, .job = read_job_id(&r)};
    struct job *j = job_find(n, to.job);

    if (!reader_done(&r))
        return ERR_FORMAT;
    if (j != NULL && j->ledger != NULL)
        stage_views_tell(n, &to, j);
    else
        stage_views_unknown(n, &to);
    return 0;
}

/* They come in order, each once, and a frame has some: so whoever tells them comes to an end. */
static bool go_on_from(uint32_t *next, struct bytes told)
{
    struct stage_view v;
    struct reader r;
    uint16_t count;

    if (read_reply_stages(told, &count, &r) < 0 || count == 0)
        return false;
    for (; count > 0; count--, (*next)++) {
        read_stage_view(&r, &v);
        if (r.failed || v.number != *next || *next >= JOB_STAGES_MAX)
            return false;
    }
    return reader_done(&r);
}

int show_stages_told(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint8_t told = read_u8(&r);
    struct stages_wait *w;

    if (r.failed || told > VIEWS_LAST)
        return ERR_FORMAT;
    for (w = n->stages_waits; w != NULL && w->token != request; w = w->next)
        ;
    if (w == NULL || !job_id_equal(w->job, id) || !node_id_equal(w->at, from))
        return 0;
    if (told == VIEWS_UNKNOWN) {
        go_on(n, w);
        return 0;
    }
    payload = (struct bytes){payload.data + r.at, payload.len - r.at};
#if VELUM_PLANT != 634 /* trace/test_graph: who tells of stages may do so without end */
    if (!go_on_from(&w->told, payload)) {
        reply_error(n, w->link, w->request, 1,
                    "the node that leads this job tells of stages that cannot be",
                    "velum nodes shows which version it runs");
        wait_remove(n, w);
        return 0;
    }
#endif
    w->begun = true;
    send_link(n, w->link, MESSAGE_REPLY_STAGES, w->request, payload);
    w->since = n->now;
    if (told == VIEWS_MORE)
        return 0;
    reply_end(n, w->link, w->request);
    wait_remove(n, w);
    return 0;
}

void show_stages_tick(struct node *n)
{
    struct stages_wait *w, *next;

    for (w = n->stages_waits; w != NULL; w = next) {
        next = w->next;
        if (link_find(n, w->link) == NULL)
            wait_remove(n, w);
        else if (!member_works(n, w->at) || instant_since_us(n->now, w->since) >= PATIENCE_US)
            go_on(n, w);
    }
}

void show_stages_free(struct node *n)
{
    while (n->stages_waits != NULL)
        wait_remove(n, n->stages_waits);
}
