/* Who waits for news of a job: users of this node, and nodes whose users wait there. A node that
 * does not hold the job asks one that does, again and again for as long as its user waits: a node
 * that asks no more is forgotten there. When the holder goes or says nothing, it asks the next. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/author_ask.h"
#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/labour_end.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/place.h"
#include "core/node/request.h"
#include "core/node/seek.h"
#include "core/node/stages.h"
#include "core/node/unlike.h"
#include "core/node/vouch.h"
#include "core/node/watch.h"
#include "core/node/watchers.h"

#define ASK_AGAIN_US (4 * S_US)  /* while it does */
#define FORGET_US (10 * S_US)    /* a node that has not asked again */
#define PAUSE_US (500 * MS_US)   /* when nobody has it, before all are asked again */
#define NO_LINK_US (100 * MS_US) /* until a link may be there */
#define GIVE_UP_US (25 * S_US)   /* before the command gives this node up */
#define LOOKS_MAX 2048           /* watchers looked at in a round */

/* How many copies there are: what was counted or heard last, without those that are known to have
 * gone since. */
static void view_copies(const struct node *n, const struct job *j, struct job_view *v)
{
    const struct entry *e = directory_find(n, j->id);
    const struct holders *h = ledger_holders(j->ledger);
    struct job_view heard;

    v->durable = j->copies;
    v->machines = j->machines;
    if (j->copies > 0 && h != NULL) {
        place_left(n, h->ids, h->count, member_seems_gone, &v->durable, &v->machines);
    } else if (e != NULL && entry_view_now(n, e, &heard)) {
        v->durable = heard.durable;
        v->machines = heard.machines;
    }
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
    v->checked = heard.checked;
    v->unchecked = heard.unchecked;
    if (heard.state == JOB_WAITING && v->leaves_done == 0)
        v->state = JOB_WAITING;
    if (!job_state_is_final(heard.state))
        text_copy(v->error, sizeof v->error, heard.error); /* what it waits for */
    if (v->leaves_done < heard.leaves_done)
        v->leaves_done = heard.leaves_done;
    /* It may have counted leaves behind a match of which only this node knows so far. */
    if (v->leaves_done > v->leaves_total)
        v->leaves_done = v->leaves_total;
}

/* An outcome's counts are shown as soon as it is here, so that nothing done seems undone, and what
 * it says only once it is settled. */
static void view_counts(const struct outcome *o, struct job_view *v)
{
    v->leaves_done = o->leaves;
    /* Stages that were appended may not have come here yet. */
    if (v->leaves_total < o->leaves)
        v->leaves_total = o->leaves;
    v->nodes = o->nodes;
    v->retries = o->retries;
    v->duplicates = o->duplicates;
    v->redone_us = o->redone_us;
    v->cpu_us = o->cpu_us;
    v->checked = o->checked;
    v->unchecked = o->unchecked;
}

/* Whose kernel and arguments a job is known by: those of the stage whose output is its own, or of
 * the first, where the second only joins what that yields, as people never ask for it by name
 * (submission.c). A value is shown by the kernel that made it, so that one stays. */
static const struct stage_spec *known_by(const struct job *j, const struct stage_spec *result)
{
    const struct stage_spec *first = &j->spec->stage;

    return j->graph->count == 2 && !j->spec->open && result->reduction == REDUCE_COLLECT &&
                   first->name[0] == 0 && result->name[0] == 0 &&
                   strcmp(first->args, result->args) == 0
               ? first
               : result;
}

void job_view_of(struct job *j, struct job_view *v)
{
    const struct node *n = j->node;
    struct stage_spec room;
    /* The one whose output is shown as the job's. */
    const struct stage_spec *s = stage_spec_of(j, graph_result(j->graph), &room);
    const struct stage_spec *asked = known_by(j, s);
    const struct outcome *o;

    memset(v, 0, sizeof *v);
    v->id = j->id;
    text_copy(v->name, sizeof v->name, j->spec->name);
    text_copy(v->kernel, sizeof v->kernel, asked->kernel);
    text_copy(v->args, sizeof v->args, asked->args);
    v->source = asked->source;
    v->by = j->spec->author;
#if VELUM_PLANT == 635 /* trace/test_graph: units of a graph are those of its last stage */
    v->units = s->units;
#else
    v->units = j->graph->all_units;
#endif
    v->leaf_units = j->graph->all_leaf_units;
    v->leaves_total = ledger_leaves(j->ledger);
    v->params = s->params;
    v->reduction = s->reduction;
    v->submitted_s = j->submitted_s;
    v->elapsed_us = job_shown_us(j);
    v->state = JOB_RUNNING;
    unlike_say(j, v->tier, sizeof v->tier);
    v->checks = j->spec->check > 0;
    o = ledger_outcome(j->ledger);
    view_copies(n, j, v);
    if (j->lead != NULL)
        lead_view(j, v);
    else if (o == NULL)
        view_heard(n, j, v);
#if VELUM_PLANT != 190 /* trace/test_holder: an outcome's counts wait until it is settled */
    if (o != NULL)
        view_counts(o, v);
#endif
#if VELUM_PLANT == 24 /* sim: an outcome is told before it is settled */
    if (o == NULL)
        return;
#else
    if (o == NULL || !j->settled)
        return;
#endif
    v->state = (enum job_state)o->state;
    v->elapsed_us = o->elapsed_us;
    v->digest = o->digest;
    v->result = o->state == JOB_DONE ? o->accumulator : (struct bytes){NULL, 0};
    text_copy(v->error, sizeof v->error, o->error);
}

/* What the ledger or the coordination here says; without them false. */
bool job_view_here(struct node *n, struct job_id id, struct job_view *v)
{
    struct job *j = job_find(n, id);

    memset(v, 0, sizeof *v);
    if (j == NULL || j->ledger == NULL)
        return false;
    job_view_of(j, v);
    return true;
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

static bool interval_is_over(const struct node *n, const struct watcher *w)
{
    return !w->sent_any || (w->interval_ms > 0 &&
                            instant_since_us(n->now, w->sent) >= (int64_t)w->interval_ms * MS_US);
}

/* Tells a watcher when it is due; true when that was the last word. */
static bool watcher_tell(struct node *n, struct watcher *w, const struct job_view *v)
{
    bool final = job_state_is_final(v->state);

    if (final || interval_is_over(n, w))
        send_view(n, w, v);
    return final;
}

static void refuse(struct node *n, const struct watcher *w, uint8_t exit_code, const char *what,
                   const char *hint)
{
    reply_error(n, w->link, w->request, exit_code, what, hint);
}

/* Whether there is nobody left to ask, or no time: true when the user was told so. */
static bool nobody_has_it(struct node *n, struct watcher *w)
{
    bool unknown = directory_find(n, w->job) == NULL && !w->found;
    bool sure = !w->seek.asking && !w->seek.later && seek_is_sure(n, w->job, &w->seek);
    bool late = unknown && instant_since_us(n->now, w->since) > SEEK_UNKNOWN_US;
    char what[GONE_SENTENCE_SIZE];

    if (tombstone_of(n, w->job) != NULL)
        w->seek.gone = gone_of(tombstone_of(n, w->job));
    if (w->seek.gone.state != 0 && (sure || late)) {
        gone_sentence(n, &w->seek.gone, what);
        refuse(n, w, 9, what, GONE_HINT);
        return true;
    }
    if (unknown && (sure || late)) {
        request_no_such_job(n, w->link, w->request);
        return true;
    }
    if (instant_since_us(n->now, w->since) > GIVE_UP_US) {
        refuse(n, w, 7, "no node that holds this job has answered for 25 s",
               "velum nodes shows who is away; the job goes on when they return");
        return true;
    }
    return false;
}

/* True when the watcher is done with. */
static bool ask_holder(struct node *n, struct watcher *w)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, w->job);
    put_u32(&b, w->interval_ms);
    return seek_ask(n, w->job, &w->seek, MESSAGE_WATCH, 0, buf_bytes(&b)) == SEEK_NOBODY &&
           nobody_has_it(n, w);
}

/* First word to a new watcher, or a question to a holder. True when the watcher is done with. */
static bool watcher_begin(struct node *n, struct watcher *w)
{
    struct job_view v;

    if (job_view_here(n, w->job, &v))
        return watcher_tell(n, w, &v);
    return w->kind == WATCHER_USER && ask_holder(n, w);
}

/* A user who only looks waits for the end as well, and one who looks again and again, as a command
 * with many jobs on one link does, would be so many watchers by then. The latest look stands for
 * those before it. */
static void drop_looks(struct node *n, const struct watcher *w)
{
    struct watcher *old, *next;

    for (old = watchers_of(n, w->job); old != NULL; old = next) {
        next = old->next_same;
        if (old->kind == WATCHER_USER && old->link == w->link && old->interval_ms == 0)
            watcher_remove(n, old);
    }
}

/* A node that finds no room is told how the job is, and asks again by itself. */
void watch_add(struct node *n, struct watcher w)
{
    struct watcher *copy;

    w.since = w.heard = n->now;
#if VELUM_PLANT != 588 /* trace/test_watch: each look at a job waits for its end */
    if (w.kind == WATCHER_USER && w.interval_ms == 0)
        drop_looks(n, &w);
#endif
    if (!watchers_have_room(n, w.kind)) {
        if (w.kind == WATCHER_USER)
            refuse(n, &w, 1, "too many are waiting at this node",
                   REPLY_TRY_AGAIN ", or another node");
        else
            watcher_begin(n, &w);
        return;
    }
    copy = watcher_add(n, &w);
    if (copy != NULL && watcher_begin(n, copy))
        watcher_remove(n, copy);
}

static bool has_answered(const struct watcher *w)
{
    return w->seek.asking && w->found && !instant_before(w->heard, w->seek.asked);
}

/* News of a job is worth a question where none is out; of its end, also to a holder that has
 * answered before. */
static bool watcher_hears_news(struct node *n, struct watcher *w)
{
    const struct entry *e = directory_find(n, w->job);
    bool ended = e != NULL && job_state_is_final((enum job_state)e->state);

    return w->kind == WATCHER_USER && (!w->seek.asking || (ended && has_answered(w))) &&
           instant_since_us(n->now, w->seek.asked) > 50 * MS_US && ask_holder(n, w);
}

void watch_job(struct node *n, struct job_id id)
{
    struct watcher *w, *next;
    struct job_view v;
    bool here = false, looked = false;

    for (w = watchers_of(n, id); w != NULL; w = next) {
        next = w->next_same;
        if (!looked) {
            here = job_view_here(n, id, &v);
            looked = true;
        }
        if (here ? watcher_tell(n, w, &v) : watcher_hears_news(n, w))
            watcher_remove(n, w);
    }
}

/* "I do not have that job", and whether it existed. */
static void send_without(struct node *n, struct job_id id, struct node_id to, uint32_t request)
{
    const struct tombstone *t = tombstone_of(n, id);
    struct gone g = {0};
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_u8(&b, t != NULL ? 2 : 0);
    put_job_id(&b, id);
    put_u64(&b, 0);
    if (t != NULL) {
        g = gone_of(t);
        put_gone(&b, &g);
    }
    send_node(n, to, MESSAGE_STATE, request, buf_bytes(&b));
}

int watch_frame(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct watcher w = {.kind = WATCHER_NODE, .node = from, .request = request};
    struct watcher *old, *next;
    struct job *j;

    w.job = read_job_id(&r);
    w.interval_ms = read_u32(&r);
    if (!reader_done(&r))
        return ERR_FORMAT;
    for (old = watchers_of(n, w.job); old != NULL; old = next) {
        next = old->next_same;
        if (old->kind == WATCHER_NODE && node_id_equal(old->node, from))
            watcher_remove(n, old);
    }
    j = job_find(n, w.job);
    if (j != NULL && j->ledger != NULL)
        watch_add(n, w);
    else
        send_without(n, w.job, from, request);
    return 0;
}

/* A node's word to a user that waits for it. True when that was the last one. */
static bool watcher_hears(struct node *n, struct watcher *w, uint8_t known, struct node_id from,
                          const struct job_view *v, const struct gone *g)
{
    if (known == 1) {
        w->found = true;
        w->heard = w->since = n->now;
        return watcher_tell(n, w, v);
    }
    if (known == 2)
        w->seek.gone = *g;
    seek_without(&w->seek, from);
    return ask_holder(n, w);
}

/* 0: that node does not have it, 1: a view follows, 2: it existed and is gone there. Holders forget
 * by their own count, so that another may still have it. */
int watch_state(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint8_t known = read_u8(&r);
    struct job_id id = read_job_id(&r);
    struct gone g = {0};
    struct watcher *w, *next;
    struct job_view v;

    read_u64(&r);
    if (known == 2)
        g = read_gone(&r);
    if (r.failed || known > 2 || (known == 2 && !job_state_is_final((enum job_state)g.state)) ||
        (known == 1 && read_job_view((struct bytes){r.data + r.at, r.len - r.at}, &v) < 0))
        return ERR_FORMAT;
    if (known == 1 && !job_id_equal(v.id, id))
        return ERR_FORMAT;
    labour_end_state(n, from, id, known != 1 || job_state_is_final(v.state));
    vouch_state(n, from, id, known == 1 ? &v : NULL);
    if (known == 1)
        author_told(n, from, id, v.by);
    for (w = watchers_of(n, id); w != NULL; w = next) {
        next = w->next_same;
        if (w->kind == WATCHER_USER && seek_awaits(&w->seek, from) &&
            watcher_hears(n, w, known, from, &v, &g))
            watcher_remove(n, w);
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
        if (w->kind == WATCHER_NODE ? node_id_equal(w->node, id)
                                    : seek_awaits(&w->seek, id) && ask_holder(n, w))
            watcher_remove(n, w);
    }
}

/* Asks again where that is due. A holder that answers is asked again for as long as it does. True
 * when the watcher is done with. */
static bool user_tick(struct node *n, struct watcher *w)
{
    int64_t asked_us = instant_since_us(n->now, w->seek.asked);

    if (has_answered(w))
        return asked_us > ASK_AGAIN_US && ask_holder(n, w);
    if (nobody_has_it(n, w))
        return true;
    if (w->seek.asking)
        return seek_gives_up(n, &w->seek, n->limits.patience_us) && ask_holder(n, w);
    if (asked_us <= (w->seek.later ? NO_LINK_US : PAUSE_US))
        return false;
    if (!w->seek.later && (directory_find(n, w->job) != NULL || w->found))
        seek_again(&w->seek);
    return ask_holder(n, w);
}

/* A node waits for as long as it asks again, and the job is here. */
static bool node_tick(struct node *n, const struct watcher *w, bool here)
{
    if (!here)
        send_without(n, w->job, w->node, w->request);
    return !here || instant_since_us(n->now, w->heard) > FORGET_US;
}

/* True when the watcher is done with. */
static bool watcher_tick(struct node *n, struct watcher *w)
{
    struct job *j = job_find(n, w->job);
    bool here = j != NULL && j->ledger != NULL;
    struct job_view v;

    /* Nobody makes a view of a job that is not to be told. */
    if (here && (j->settled || interval_is_over(n, w))) {
        job_view_of(j, &v);
        if (watcher_tell(n, w, &v))
            return true;
    }
    return w->kind == WATCHER_NODE ? node_tick(n, w, here) : !here && user_tick(n, w);
}

void watch_tick(struct node *n)
{
    struct watcher *w = n->watch_next != NULL ? n->watch_next : n->watchers;
    uint32_t left = LOOKS_MAX;

#if VELUM_PLANT == 572 /* trace/test_watch: all watchers are looked at in one round */
    left = UINT32_MAX;
#endif
    for (; w != NULL && left > 0; left--) {
        n->watch_next = w->next;
        if (watcher_tick(n, w))
            watcher_remove(n, w);
        w = n->watch_next;
    }
    n->watch_next = w;
}

void watch_late(struct node *n, int64_t late_us)
{
    for (struct watcher *w = n->watchers; w != NULL; w = w->next) {
        w->since = instant_plus_us(w->since, late_us);
        w->heard = instant_plus_us(w->heard, late_us);
        w->seek.asked = instant_plus_us(w->seek.asked, late_us);
    }
}
