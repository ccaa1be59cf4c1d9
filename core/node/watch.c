/* Who waits for news of a job: users of this node, and nodes whose users wait there. A node that
 * does not hold the job asks one that does; when that one goes, it asks the next. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/watch.h"

#define ASK_AGAIN_US (2 * S_US)
#define GIVE_UP_US (30 * S_US)
#define WATCHERS_MAX 16384

/* How many copies there are: what this node counted as coordinator, else what was last heard. */
static void view_copies(const struct node *n, const struct job *j, struct job_view *v)
{
    const struct entry *e = directory_find(n, j->id);
    struct job_view heard;

    v->durable = j->copies;
    v->machines = j->machines;
    if (j->copies > 0 || e == NULL || !entry_view(e, &heard))
        return;
    v->durable = heard.durable;
    v->machines = heard.machines;
}

/* A holder that does not coordinate has the values itself, and the rest from the coordinator's last
 * word, which goes round every second. */
static void view_heard(const struct node *n, const struct job *j, struct job_view *v)
{
    const struct entry *e = directory_find(n, j->id);
    struct job_view heard;

    if (ledger_cover(j->ledger) != NULL)
        v->leaves_done = cover_leaves(ledger_cover(j->ledger));
    if (e == NULL || !entry_view(e, &heard))
        return;
    v->nodes = heard.nodes;
    v->retries = heard.retries;
    v->duplicates = heard.duplicates;
    v->redone_us = heard.redone_us;
    v->cpu_us = heard.cpu_us;
    if (v->leaves_done < heard.leaves_done)
        v->leaves_done = heard.leaves_done;
}

/* What the ledger or the coordination here says; without them false. */
bool job_view_here(struct node *n, struct job_id id, struct job_view *v)
{
    struct job *j = job_find(n, id);
    const struct outcome *o;
    const struct stage_spec *s;

    memset(v, 0, sizeof *v);
    if (j == NULL || j->ledger == NULL)
        return false;
    s = &j->spec.stage;
    v->id = id;
    text_copy(v->name, sizeof v->name, j->spec.name);
    text_copy(v->kernel, sizeof v->kernel, s->kernel);
    text_copy(v->args, sizeof v->args, s->args);
    v->source = s->source;
    v->by = j->spec.author;
    v->units = s->units;
    v->leaf_units = s->leaf_units;
    v->leaves_total = job_leaves(j);
    v->params = s->params;
    v->submitted_s = j->submitted_s;
    v->elapsed_us = job_elapsed_us(j);
    v->state = JOB_RUNNING;
    o = ledger_outcome(j->ledger);
    view_copies(n, j, v);
    if (j->lead != NULL)
        lead_view(j, v);
    else if (o == NULL)
        view_heard(n, j, v);
    if (o == NULL || !j->settled)
        return true;
    v->state = (enum job_state)o->state;
    v->leaves_done = o->leaves;
    v->nodes = o->nodes;
    v->retries = o->retries;
    v->duplicates = o->duplicates;
    v->redone_us = o->redone_us;
    v->cpu_us = o->cpu_us;
    v->elapsed_us = o->elapsed_us;
    v->digest = o->digest;
    v->result = o->state == JOB_DONE ? o->accumulator : (struct bytes){NULL, 0};
    text_copy(v->error, sizeof v->error, o->error);
    return true;
}

static void watcher_remove(struct node *n, struct watcher *w)
{
    struct watcher **at;

    for (at = &n->watchers; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
    alloc_free(n->alloc, w, sizeof *w);
}

static void send_view(struct node *n, struct watcher *w, const struct job_view *v)
{
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    if (w->kind == WATCHER_NODE) {
        put_u8(&b, 1);
        put_job_id(&b, v->id);
        put_u64(&b, 0);
    }
    put_job_view(&b, v);
    if (b.failed)
        n->memory_out = true;
    else if (w->kind == WATCHER_USER)
        send_link(n, w->link, MESSAGE_REPLY_JOB, w->request, buf_bytes(&b));
    else
        send_node(n, w->node, MESSAGE_STATE, w->request, buf_bytes(&b));
    buf_clear(&b);
    w->sent = n->now;
    w->sent_any = true;
}

/* Tells a watcher when it is due; true when that was the last word. */
static bool watcher_tell(struct node *n, struct watcher *w, const struct job_view *v)
{
    bool final = job_state_is_final(v->state);
    bool due = !w->sent_any || (w->interval_ms > 0 && instant_since_us(n->now, w->sent) >=
                                                          (int64_t)w->interval_ms * MS_US);

    if (final || due)
        send_view(n, w, v);
    return final;
}

/* A holder to ask: the coordinator first, then the others, each failure moving on to the next. */
static bool pick_holder(const struct node *n, const struct watcher *w, struct node_id *to)
{
    const struct entry *e = directory_find(n, w->job);
    uint32_t skip = w->failures;

    if (e == NULL)
        return false;
    if (skip == 0 && member_works(n, e->coordinator) && !node_is_self(n, e->coordinator)) {
        *to = e->coordinator;
        return true;
    }
    for (uint8_t i = 0; i < e->holders_count; i++) {
        struct node_id id = e->holders[(i + skip) % e->holders_count];

        if (member_works(n, id) && !node_is_self(n, id)) {
            *to = id;
            return true;
        }
    }
    return false;
}

static void ask_holder(struct node *n, struct watcher *w)
{
    uint8_t bytes[64];
    struct buf b;

    w->asked = n->now;
    if (!pick_holder(n, w, &w->asked_whom))
        return;
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, w->job);
    put_u32(&b, w->interval_ms);
    send_node(n, w->asked_whom, MESSAGE_WATCH, 0, buf_bytes(&b));
}

/* First word to a new watcher, or a question to a holder. True when the watcher is done with. */
static bool watcher_begin(struct node *n, struct watcher *w)
{
    struct job_view v;

    if (job_view_here(n, w->job, &v))
        return watcher_tell(n, w, &v);
    if (w->kind == WATCHER_USER)
        ask_holder(n, w);
    return false;
}

void watch_add(struct node *n, struct watcher w)
{
    struct watcher *copy;
    uint32_t count = 0;

    for (copy = n->watchers; copy != NULL; copy = copy->next)
        count++;
    copy = count >= WATCHERS_MAX ? NULL : node_alloc(n, sizeof *copy);
    if (copy == NULL) {
        if (w.kind == WATCHER_USER)
            reply_error(n, w.link, w.request, 1, "too many are waiting at this node", "");
        return;
    }
    *copy = w;
    copy->since = n->now;
    copy->next = n->watchers;
    n->watchers = copy;
    if (watcher_begin(n, copy))
        watcher_remove(n, copy);
}

void watch_job(struct node *n, struct job_id id)
{
    struct watcher *w, *next;
    struct job_view v;
    bool here = false, looked = false;

    for (w = n->watchers; w != NULL; w = next) {
        next = w->next;
        if (!job_id_equal(w->job, id))
            continue;
        if (!looked) {
            here = job_view_here(n, id, &v);
            looked = true;
        }
        if (here && watcher_tell(n, w, &v))
            watcher_remove(n, w);
        else if (!here && w->kind == WATCHER_USER &&
                 instant_since_us(n->now, w->asked) > 50 * MS_US)
            ask_holder(n, w);
    }
}

int watch_frame(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct watcher w = {.kind = WATCHER_NODE, .node = from, .request = request};
    struct watcher *old, *next;
    struct job *j;
    struct buf b;

    w.job = read_job_id(&r);
    w.interval_ms = read_u32(&r);
    if (!reader_done(&r))
        return ERR_FORMAT;
    for (old = n->watchers; old != NULL; old = next) {
        next = old->next;
        if (old->kind == WATCHER_NODE && node_id_equal(old->node, from) &&
            job_id_equal(old->job, w.job))
            watcher_remove(n, old);
    }
    j = job_find(n, w.job);
    if (j != NULL && j->ledger != NULL) {
        watch_add(n, w);
        return 0;
    }
    buf_init(&b, n->alloc, 64);
    put_u8(&b, map_get(&n->tombstones, &w.job) != NULL ? 2 : 0);
    put_job_id(&b, w.job);
    put_u64(&b, 0);
    send_node(n, from, MESSAGE_STATE, request, buf_bytes(&b));
    buf_clear(&b);
    return 0;
}

static void watcher_fails(struct node *n, struct watcher *w, uint8_t exit_code, const char *what,
                          const char *hint)
{
    reply_error(n, w->link, w->request, exit_code, what, hint);
    watcher_remove(n, w);
}

/* 0: that node does not have it, 1: a view follows, 2: it existed and is gone. */
int watch_state(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint8_t known = read_u8(&r);
    struct job_id id = read_job_id(&r);
    struct watcher *w, *next;
    struct job_view v;

    read_u64(&r);
    if (r.failed ||
        (known == 1 && read_job_view((struct bytes){r.data + r.at, r.len - r.at}, &v) < 0))
        return ERR_FORMAT;
    for (w = n->watchers; w != NULL; w = next) {
        next = w->next;
        if (w->kind != WATCHER_USER || !job_id_equal(w->job, id))
            continue;
        if (known == 1 && watcher_tell(n, w, &v)) {
            watcher_remove(n, w);
        } else if (known == 1) {
            w->asked = n->now;
            w->since = n->now;
        } else if (known == 2) {
            watcher_fails(n, w, 9, "this job has ended and its result is gone", "");
        } else if (node_id_equal(from, w->asked_whom)) {
            w->failures++;
            w->asked = (struct instant){n->now.us - ASK_AGAIN_US + 100 * MS_US};
        }
    }
    return 0;
}

void watch_link_down(struct node *n, uint64_t link)
{
    struct watcher *w, *next;

    for (w = n->watchers; w != NULL; w = next) {
        next = w->next;
        if (w->kind == WATCHER_USER && w->link == link)
            watcher_remove(n, w);
    }
}

void watch_node_gone(struct node *n, struct node_id id)
{
    struct watcher *w, *next;

    for (w = n->watchers; w != NULL; w = next) {
        next = w->next;
        if (w->kind == WATCHER_NODE && node_id_equal(w->node, id)) {
            watcher_remove(n, w);
        } else if (w->kind == WATCHER_USER && node_id_equal(w->asked_whom, id)) {
            w->failures++;
            ask_holder(n, w);
        }
    }
}

void watch_tick(struct node *n)
{
    struct watcher *w, *next;
    struct job_view v;

    for (w = n->watchers; w != NULL; w = next) {
        next = w->next;
        if (job_view_here(n, w->job, &v)) {
            if (watcher_tell(n, w, &v))
                watcher_remove(n, w);
            continue;
        }
        if (w->kind != WATCHER_USER)
            continue;
        if (instant_since_us(n->now, w->since) > GIVE_UP_US)
            watcher_fails(n, w, 7, "no node that holds this job has answered for 30 s",
                          "velum nodes shows who is away; the job goes on when they return");
        else if (instant_since_us(n->now, w->asked) > ASK_AGAIN_US)
            w->failures++, ask_holder(n, w);
    }
}

void watchers_free(struct node *n)
{
    while (n->watchers != NULL)
        watcher_remove(n, n->watchers);
}

void watch_late(struct node *n, int64_t late_us)
{
    for (struct watcher *w = n->watchers; w != NULL; w = w->next) {
        w->since = instant_plus_us(w->since, late_us);
        w->asked = instant_plus_us(w->asked, late_us);
    }
}
