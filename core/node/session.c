/* Sessions at the coordinator of an open job. */
#include "core/node/session.h"

#include <string.h>

#include "core/base/err.h"
#include "core/node/fit.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/seal.h"
#include "core/node/session_ahead.h"
#include "core/node/session_inside.h"
#include "core/node/stages.h"
#include "core/wire/session.h"

#define SESSIONS_MAX 64 /* of a job; the one that was silent for longest makes room */
#define MARKS_MAX 1024
#define END_HEAD 9u
#define WHYS_MAX 256u
#define ENDED_AGAIN ((uint32_t)1 << 31)
#define FRAME_ENDS_MAX 57344u
#define NO_ROOM_ANEW_US (10 * S_US) /* an author who was silent for so long did not wait for room */
#define ABSENT_US (10 * S_US)       /* a living author asks each second or so */
#define FEW_STAGES 8 /* what becomes of so many is likely known before more of them are sent */

/* One author's, or the same author's after it lost its way. */
struct session {
    struct session_to to;
    uint64_t sent, consumed;  /* bytes of answers */
    uint32_t number, low, at; /* the next of what became of stages */
    uint32_t taken, safe;     /* as they were told last */
    bool asked;               /* an answer is due, by `answer_by` */
    struct instant answer_by;
    bool prompt; /* its author waits for copies */
    struct instant heard;
    struct session *next;
};

/* With this batch so many stages are kept. */
struct mark {
    uint64_t batch;
    uint32_t stages;
};

/* Why a stage was given up. */
struct why {
    uint32_t stage;
    size_t size; /* with its end; 0: there is none */
    char *text;  /* owned */
};

struct sessions {
    struct session *list;
    uint32_t list_count;
    /* Stages, in the order in which that was heard, with ENDED_AGAIN where something else was
     * before. One for a stage, and one more for each of its needs that was given up and is
     * complete after all. */
    uint32_t *ended;
    uint32_t ended_count, ended_cap;
    struct why whys[WHYS_MAX];    /* stage i at i % WHYS_MAX: of those that were given up last */
    struct mark marks[MARKS_MAX]; /* a ring */
    uint32_t marks_first, marks_count;
    uint32_t safe;
    struct instant heard;
    bool no_room; /* the last list found none beside other open jobs, since then */
    struct instant no_room_since, no_room_seen;
};

int sessions_begin(struct job *j)
{
    struct sessions *s;

    if (!j->spec->open)
        return 0;
    s = node_alloc(j->node, sizeof *s);
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->heard = j->node->now;
    s->safe = j->graph->count;
    j->lead->sessions = s;
    return 0;
}

static void drop_first(struct job *j)
{
    struct sessions *all = j->lead->sessions;
    struct session *s = all->list;

    all->list = s->next;
    all->list_count--;
    alloc_free(j->node->alloc, s, sizeof *s);
}

void sessions_end(struct job *j)
{
    struct sessions *all = j->lead->sessions;

    if (all == NULL)
        return;
    while (all->list != NULL)
        drop_first(j);
    ahead_drop(j);
    for (uint32_t i = 0; i < WHYS_MAX; i++)
        alloc_free(j->node->alloc, all->whys[i].text, all->whys[i].size);
    alloc_free(j->node->alloc, all->ended, all->ended_cap * sizeof *all->ended);
    alloc_free(j->node->alloc, all, sizeof *all);
    j->lead->sessions = NULL;
}

/* --- what became of stages --- */

void sessions_note_why(struct job *j, uint32_t stage, const char *text)
{
    struct why *w;

    if (j->lead->sessions == NULL)
        return;
    w = &j->lead->sessions->whys[stage % WHYS_MAX];
    alloc_free(j->node->alloc, w->text, w->size);
    *w = (struct why){.stage = stage, .size = strlen(text) + 1};
    w->text = node_alloc(j->node, w->size);
    if (w->text == NULL)
        *w = (struct why){0};
    else
        memcpy(w->text, text, w->size);
}

static struct bytes why_of(const struct job *j, uint32_t stage)
{
    const struct why *w = &j->lead->sessions->whys[stage % WHYS_MAX];

    return w->size > 0 && w->stage == stage ? bytes_of_text(w->text) : (struct bytes){NULL, 0};
}

void sessions_note(struct job *j, uint32_t stage)
{
    struct sessions *s = j->lead->sessions;
    struct ready_stage *r = &j->lead->ready.stages[stage];
    void *list;
    uint32_t cap;

    if (s == NULL || r->state == STAGE_WAITING || r->state == STAGE_READY)
        return;
#if VELUM_PLANT == 633 /* trace/test_append_bounds: what failed and is complete then is not told */
    if (r->told > 0)
        return;
#endif
    /* What was complete may be computed again, when it was lost: it comes to the same. */
    if (r->told == r->state + 1 || r->told == STAGE_DONE + 1)
        return;
    if (s->ended_count == s->ended_cap) {
        list = s->ended;
        cap = s->ended_cap == 0 ? 64 : 2 * s->ended_cap;
        if (alloc_grow(j->node->alloc, &list, s->ended_cap, cap, sizeof *s->ended) < 0) {
            j->node->memory_out = true;
            return;
        }
        s->ended = list;
        s->ended_cap = cap;
    }
    s->ended[s->ended_count++] = stage | (r->told > 0 ? ENDED_AGAIN : 0);
    r->told = (uint8_t)(r->state + 1);
    job_mark_busy(j);
}

static uint32_t open_stages(const struct job *j)
{
    const struct ready *r = &j->lead->ready;

    return r->count - r->done - r->failed - r->blocked;
}

bool sessions_abandoned(const struct job *j)
{
    const struct sessions *s = j->lead->sessions;

#if VELUM_PLANT == 524 /* trace/test_append: an open job whose author is gone waits for ever */
    s = NULL;
#endif
    return s != NULL && open_stages(j) == 0 && !ledger_is_whole(j->ledger) &&
           instant_since_us(j->node->now, s->heard) > SESSION_ABANDONED_US;
}

void sessions_say_absent(const struct job *j, char *text, size_t cap)
{
    const struct sessions *s = j->lead->sessions;
    char seconds[24];

    if (s == NULL || ledger_is_whole(j->ledger) ||
        instant_since_us(j->node->now, s->heard) < ABSENT_US)
        return;
#if VELUM_PLANT == 726 /* trace/test_append: that the author of an open job is gone is not shown */
    return;
#endif
    text_of_u64((uint64_t)(instant_since_us(j->node->now, s->heard) / S_US), seconds);
    text_append(text, cap, "its author is silent for ");
    text_append(text, cap, seconds);
    text_append(text, cap,
                " s and has not said how many stages there are: it ends as timed out when those "
                "that are here have");
}

/* --- answering --- */

static void end_of(const struct job *j, uint32_t stage, struct session_stage *out)
{
    struct value v = {.data = {NULL, 0}};
    enum ready_state state = (enum ready_state)(j->lead->ready.stages[stage].told - 1);

    *out = (struct session_stage){
        .stage = stage,
        .state = state == STAGE_DONE                        ? STAGE_END_DONE
                 : state != STAGE_FAILED                    ? STAGE_END_BLOCKED
                 : j->lead->ready.stages[stage].too_long    ? STAGE_END_TIMED_OUT
                 : ledger_stage_cancelled(j->ledger, stage) ? STAGE_END_CANCELLED
                                                            : STAGE_END_FAILED};
    if (state == STAGE_DONE && stage_folds(j, stage) &&
        cover_root(ledger_cover(j->ledger), stage, &v))
        out->value = v.data;
    if (state == STAGE_FAILED)
        out->value = why_of(j, stage);
}

static uint16_t put_ends(const struct job *j, struct session *s, struct buf *to)
{
    const struct sessions *all = j->lead->sessions;
    uint16_t count = 0;
    struct session_stage end;

    for (; s->at < all->ended_count && count < UINT16_MAX; s->at++) {
        if (all->ended[s->at] < s->low)
            continue;
        end_of(j, all->ended[s->at] & ~ENDED_AGAIN, &end);
        if (to->len + END_HEAD + end.value.len > FRAME_ENDS_MAX)
            break;
        put_session_end(to, &end);
        count++;
    }
    return count;
}

static void send_to(struct job *j, const struct session *s, struct bytes payload)
{
    struct node *n = j->node;

    if (s->to.link == 0)
        send_node(n, s->to.node, MESSAGE_SESSION_TOLD, s->to.request, payload);
    else if (link_find(n, s->to.link) != NULL)
        send_link(n, s->to.link, MESSAGE_REPLY_SESSION, s->to.request, payload);
}

static struct instant later(const struct job *j, const struct session *s)
{
    return instant_plus_us(j->node->now, s->prompt ? 0 : j->node->limits.coalesce_us);
}

/* That a few stages were taken is told with what became of them, if that comes soon. */
static bool is_due(const struct job *j, const struct session *s)
{
    if (!s->asked && s->taken == j->graph->count && s->safe == j->lead->sessions->safe)
        return false;
    if (instant_reached(j->node->now, s->answer_by))
        return true;
    record_look_by(j->node, s->answer_by);
    return false;
}

/* One answer. False: nothing more goes out now. */
static bool answer(struct job *j, struct session *s)
{
    struct session_answer m = {
        .job = j->id, .taken = j->graph->count, .safe = j->lead->sessions->safe};
    bool room = s->sent - s->consumed < SESSION_WINDOW;
    struct buf ends, b;

    if ((!room || s->at == j->lead->sessions->ended_count) && !is_due(j, s))
        return false;
    buf_init(&ends, j->node->alloc, FRAME_PAYLOAD_MAX);
    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    m.number = ++s->number;
    m.durable = record_durable(j, 1, &m.machines);
    m.count = room ? put_ends(j, s, &ends) : 0;
    put_session_answer(&b, &m);
    put_raw(&b, ends.data, ends.len);
    if (b.failed || ends.failed) {
        j->node->memory_out = true;
    } else {
        s->asked = false;
        s->answer_by = later(j, s);
        s->taken = m.taken;
        s->safe = m.safe;
        s->sent += b.len;
        send_to(j, s, buf_bytes(&b));
    }
    room = !b.failed && !ends.failed && m.count > 0;
    buf_clear(&ends);
    buf_clear(&b);
    return room;
}

void sessions_settle(struct job *j)
{
    struct sessions *all = j->lead == NULL ? NULL : j->lead->sessions;

    if (all == NULL || j->lead->collecting || ledger_cover(j->ledger) == NULL)
        return;
    while (all->marks_count > 0 && batch_is_kept(j, all->marks[all->marks_first].batch)) {
        all->safe = all->marks[all->marks_first].stages;
        all->marks_first = (all->marks_first + 1) % MARKS_MAX;
        all->marks_count--;
    }
    for (struct session *s = all->list; s != NULL; s = s->next)
        while (answer(j, s))
            ;
}

/* --- asking --- */

static struct session *session_of(struct job *j, const struct session_to *to)
{
    struct sessions *all = j->lead->sessions;
    struct session *s, **at, **oldest = NULL;

    for (s = all->list; s != NULL; s = s->next)
        if (s->to.link == to->link && s->to.request == to->request &&
            (to->link != 0 || node_id_equal(s->to.node, to->node)))
            return s;
    for (at = &all->list; *at != NULL && all->list_count >= SESSIONS_MAX; at = &(*at)->next)
        if (oldest == NULL || instant_before((*at)->heard, (*oldest)->heard))
            oldest = at;
    if (oldest != NULL) {
        s = *oldest;
        *oldest = s->next;
    } else {
        s = node_alloc(j->node, sizeof *s);
        all->list_count += s != NULL;
    }
    if (s == NULL)
        return NULL;
    *s = (struct session){.to = *to, .next = all->list};
    all->list = s;
    return s;
}

/* What a batch of this step makes safe. With the ring full an older promise becomes this one. */
static void mark(struct job *j)
{
    struct sessions *all = j->lead->sessions;
    uint32_t last = (all->marks_first + all->marks_count - 1) % MARKS_MAX;
    struct mark m = {j->batch_last + (j->fresh_count > 0), j->graph->count};

    if (all->marks_count == MARKS_MAX ||
        (all->marks_count > 0 && all->marks[last].batch == m.batch)) {
        all->marks[last] = m;
        return;
    }
    all->marks[(all->marks_first + all->marks_count++) % MARKS_MAX] = m;
}

/* What its author may only have said by mistake is refused here. Where another coordinator took it,
 * the job diverges. */
static int check_said(const struct job *j, const struct fact *f, struct bytes fact)
{
    uint32_t closed = ledger_closed(j->ledger), count = j->graph->count;
    const struct append *a = &f->stages.append;

    if (ledger_keeps(j->ledger, f->kind, fact))
        return 0;
#if VELUM_PLANT == 675 /* trace/test_append_bounds: an author who closes once more is refused */
    if (f->kind == FACT_CLOSE)
        return closed > 0 || f->close.count < count ? ERR_EXISTS : 0;
#endif
    /* He signs it anew each time that he says it, and no signature is like another. */
    if (f->kind == FACT_CLOSE)
        return (closed > 0 ? f->close.count != closed : f->close.count < count) ? ERR_EXISTS : 0;
    if (a->first < count)
        return ERR_EXISTS;
    return closed > 0 && a->first + a->count > closed ? ERR_EXISTS : 0;
}

/* Other open jobs may end. 0, or ERR_BUSY: its author has asked for long enough. */
static int no_room(struct job *j)
{
    struct sessions *s = j->lead->sessions;
    struct instant now = j->node->now;

    if (!s->no_room || instant_since_us(now, s->no_room_seen) > NO_ROOM_ANEW_US)
        s->no_room_since = now;
    s->no_room = true;
    s->no_room_seen = now;
    return instant_since_us(now, s->no_room_since) < j->node->limits.no_room_us ? 0 : ERR_BUSY;
}

/* 1; or 0: not now; or an error: never. */
static int may_take(struct job *j, const struct fact *f, size_t bytes)
{
    const struct append *a = &f->stages.append;

    if (f->kind != FACT_STAGES || a->first < j->graph->count)
        return 1;
#if VELUM_PLANT != 525 /* trace/test_append_bounds: an author may append without end */
    if (open_stages(j) + a->count > SESSION_OPEN_MAX)
        return 0;
#endif
    if (a->first > j->graph->count) /* what comes before it was lost on its way */
        return 0;
    return stages_have_room(j->node, bytes) ? 1 : no_room(j);
}

/* Whether nodes can read it; and meet what it asks for, where as with a spec the node that its
 * author is connected to looks: another may know fewer. 1, or ERR_UNSUPPORTED with words. */
static int can_run(const struct job *j, const struct session_to *to, const struct fact *f,
                   struct reply_error *why)
{
    if (f->kind != FACT_STAGES || f->stages.append.first != j->graph->count)
        return 1;
    why->exit_code = 1;
    text_copy(why->hint, sizeof why->hint,
              "update velum there; or give a job no more stages than its specification has room "
              "for, some 600 short ones");
    if (!level_can_append(j, &f->stages.append, why->what, sizeof why->what))
        return ERR_UNSUPPORTED;
#if VELUM_PLANT == 729 /* trace/test_append: what no node has is asked for all the same */
    return 1;
#endif
    if (to->link == 0 || fit_can_append(j, &f->stages.append, why->what, sizeof why->what))
        return 1;
    why->exit_code = 6;
    text_copy(why->hint, sizeof why->hint,
              "ask for less (velum nodes), or let the job wait for such a node: in a flow "
              "wait-for-capacity = yes");
    return ERR_UNSUPPORTED;
}

/* Stages, or the end. What cannot be taken now is left: the answer says how many there are. What
 * can never be is an error: ERR_FULL where the job has all that one may have. */
static int take(struct job *j, const struct session_to *to, const struct session_ask *m,
                struct reply_error *why)
{
    struct fact f;
    int rc = fact_read(m->fact, &f);

    if (rc == 0 && f.kind != FACT_STAGES && f.kind != FACT_CLOSE)
        rc = ERR_FORMAT;
    if (rc == 0 && !ledger_keeps(j->ledger, f.kind, m->fact))
        rc = fact_verify(j->node, &f);
    if (rc == 0)
        rc = check_said(j, &f, m->fact);
    if (rc == 0)
        rc = may_take(j, &f, m->fact.len);
    if (rc > 0)
        rc = can_run(j, to, &f, why);
    if (rc <= 0)
        return rc;
    rc = stages_take(j, m->fact, &f);
    if (rc == LEDGER_NEW) {
        j->lead->sessions->no_room = false;
#if VELUM_PLANT != 526 /* trace/test_append: what is appended is written nowhere */
        record_fact(j, m->fact, m->level == SESSION_DURABLE);
#endif
        mark(j);
        ahead_listed(j);
    }
    lead_advance(j);
    return rc < 0 ? rc : 0;
}

int session_hear(struct job *j, const struct session_to *to, const struct session_ask *m,
                 struct reply_error *why)
{
    uint32_t count = j->graph->count;
    struct session *s;
    int rc = 0;

    if (j->lead->sessions == NULL)
        return ERR_FORMAT;
    if (m->fact.len > 0 && !j->lead->finishing)
        rc = take(j, to, m, why);
    if (rc < 0 || j->lead == NULL)
        return rc;
    s = session_of(j, to);
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->heard = j->lead->sessions->heard = j->node->now;
    s->prompt = m->level == SESSION_DURABLE;
    if (j->graph->count == count || j->graph->count - count > FEW_STAGES)
        s->answer_by = j->node->now;
    else if (!s->asked)
        s->answer_by = later(j, s);
    s->asked = true;
    s->low = m->low > s->low ? m->low : s->low;
    if (m->consumed > s->consumed && m->consumed <= s->sent)
        s->consumed = m->consumed;
    job_mark_busy(j);
    return 0;
}
