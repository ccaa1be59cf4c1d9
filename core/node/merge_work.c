/* Merges granted to this node. */
#include "core/node/merge_work.h"

#include "core/base/err.h"
#include "core/node/labour_report.h"
#include "core/node/link.h"
#include "core/node/stages.h"
#include "core/node/workers.h"

#define OWN_MAX 3
#define OUTSIDE_MAX 20
#define ANSWER_US (10 * S_US)

bool merge_work_waits(const struct node *n, const struct job *j)
{
    for (const struct merge_work *m = n->merges; m != NULL; m = m->next)
        if (m->job == j)
            return true;
    return false;
}

bool merge_work_wants(const struct node *n, const struct job *j, uint32_t stage)
{
    for (const struct merge_work *m = n->merges; m != NULL; m = m->next)
        if (m->job == j && m->stage == stage)
            return true;
    return false;
}

static uint32_t stage_of_value(const struct job *j, const struct value *v)
{
    return stage_of_leaf(j, tree_first(v->at));
}

/* Pairs of one stage that folds, as a worker gets them. */
static int read_pairs(const struct job *j, struct reader *r, uint16_t count, struct buf *to,
                      uint32_t *stage)
{
    for (uint16_t i = 0; i < 2 * count; i++) {
        struct value v = read_value(r);
        uint32_t its;

        if (r->failed)
            return ERR_FORMAT;
        if (!graph_value(j->graph, &v))
            return stages_missing(j, tree_first(v.at) + 1);
        its = stage_of_value(j, &v);
        if (!stage_folds(j, its) || (i > 0 && its != *stage))
            return ERR_FORMAT;
        *stage = its;
        put_value(to, &v);
    }
    return 0;
}

/* It has some already: those of the same stage were sent again, and a worker answers what it was
 * given. Others wait for what their stage reads, which may be what these will bring about: a
 * coordinator that asks for these does not wait for those any more. */
static bool stay(struct node *n, const struct job *j, uint32_t stage)
{
    const struct merge_work *m = n->merges;

    while (m != NULL && m->job != j)
        m = m->next;
#if VELUM_PLANT == 731 /* trace/test_graph_merges: merges without inputs keep others out */
    return m != NULL;
#endif
    return m != NULL && !(m->stage != stage && merge_work_take_back(n, j, m->stage));
}

static void add(struct job *j, uint32_t stage, struct bytes order)
{
    struct node *n = j->node;
    struct merge_work *m = node_alloc(n, sizeof *m);

    if (m == NULL)
        return;
    m->job = j;
    m->stage = stage;
    m->number = n->merge_counter;
    m->payload = bytes_copy(n, order);
    m->next = n->merges;
    n->merges = m;
    n->serve_wanted = true;
}

int merge_work_take(struct job *j, struct reader *r)
{
    uint16_t count = read_u16(r);
    uint32_t stage = 0;
    struct buf b;
    int rc;

    if (r->failed || count > MERGE_COUNT_MAX)
        return ERR_FORMAT;
    if (count == 0)
        return 0;
    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    put_order_merge_begin(&b, ++j->node->merge_counter, count);
    rc = read_pairs(j, r, count, &b, &stage);
    if (rc == 0 && !b.failed && !stay(j->node, j, stage))
        add(j, stage, buf_bytes(&b));
    buf_clear(&b);
    return rc;
}

bool merge_work_is_given(const struct node *n, const struct worker *w)
{
    for (const struct merge_work *m = n->merges; m != NULL; m = m->next)
        if (m->worker == w->number)
            return true;
    return false;
}

static void remove_at(struct node *n, struct merge_work **at)
{
    struct merge_work *m = *at;

    *at = m->next;
    bytes_free(n, m->payload);
    alloc_free(n->alloc, m, sizeof *m);
}

bool merge_work_end(struct node *n, const struct worker *w, uint64_t number, uint32_t *stage)
{
    for (struct merge_work **at = &n->merges; *at != NULL; at = &(*at)->next) {
        if ((*at)->worker != w->number || (*at)->number != number)
            continue;
        *stage = (*at)->stage;
        remove_at(n, at);
        return true;
    }
    return false;
}

/* True when it is not tried again. Like a leaf it is to blame for deaths of its own doing only. */
static bool worker_died(struct merge_work *m, uint8_t flags)
{
    m->worker = 0;
    m->too_long = false;
    if (flags & REPORT_OWN_DOING)
        m->own++;
    else
        m->outside++;
    return m->own >= OWN_MAX || m->outside >= OUTSIDE_MAX;
}

void merge_work_lost(struct node *n, const struct worker *w, uint8_t flags, const char *cause)
{
    struct merge_work **at = &n->merges, *m;

    while ((m = *at) != NULL) {
        bool slow = m->too_long;
        uint8_t why = slow ? REPORT_OWN_DOING : flags;

        if (m->worker != w->number || !worker_died(m, why)) {
            at = &m->next;
            continue;
        }
        labour_report_merge_failed(m->job, why & REPORT_OWN_DOING,
                                   slow ? "a merge ran longer than its limit of 10 s" : cause);
        remove_at(n, at);
    }
}

void merge_work_again(struct node *n, const struct worker *w)
{
    for (struct merge_work *m = n->merges; m != NULL; m = m->next)
        if (m->worker == w->number)
            m->worker = 0;
}

void merge_work_limits(struct node *n)
{
    for (struct merge_work *m = n->merges; m != NULL; m = m->next) {
        struct worker *w = m->worker == 0 ? NULL : worker_find(n, m->worker);

        if (w == NULL)
            continue;
        /* It waits behind a leaf, which has a limit of its own. */
        if (w->chunk != NULL)
            m->given_at = n->now;
        if (instant_since_us(n->now, m->given_at) <= ANSWER_US)
            continue;
        m->too_long = true;
        worker_kill(n, w);
    }
}

bool merge_work_take_back(struct node *n, const struct job *j, uint32_t stage)
{
    struct merge_work **at = &n->merges;

    while (*at != NULL && ((*at)->job != j || (*at)->stage != stage || (*at)->worker != 0))
        at = &(*at)->next;
    if (*at == NULL)
        return false;
    remove_at(n, at);
    return true;
}

void merge_work_release(struct node *n, const struct job *j)
{
    struct merge_work **at = &n->merges, *m;

    while ((m = *at) != NULL) {
        if (m->job == j)
            remove_at(n, at);
        else
            at = &m->next;
    }
}
