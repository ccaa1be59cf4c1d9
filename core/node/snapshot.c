#include "core/node/snapshot.h"

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/events.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/keeping.h"
#include "core/node/record.h"
#include "core/node/stale.h"

#define VISITS_MAX 2048                  /* in one slice, also of what is written already */
#define ROWS_BYTES_MAX ((size_t)1 << 30) /* more than all jobs of a node may have */
#define ROWS_KEPT ((size_t)1 << 20)      /* a slice with a large job gives its memory back */

static bool is_written(const struct node *n, const struct job *j)
{
    return j->snapshot == n->snapshot.number;
}

/* Where rows go that follow what was stored up to now. */
static struct buf *rows_now(struct snapshot *s)
{
#if VELUM_PLANT == 385 /* trace/test_snapshot: who went just now comes before older tombstones */
    return &s->rows;
#else
    return s->section <= SECTION_TOMBSTONES ? &s->held_back : &s->rows;
#endif
}

static void write_job(struct job *j, struct buf *to)
{
    struct node *n = j->node;

    /* What a snapshot has must not be written again behind it: who reads both counts it twice. */
#if VELUM_PLANT != 242 /* trace/test_snapshot: a fact that waits for a sync is written twice */
    if (j->lead != NULL)
        record_close(j);
#endif
    job_snapshot(j, to);
    j->snapshot = n->snapshot.number;
}

/* --- the sections, each by its next thing; false at the end --- */

static bool next_calendar(struct node *n)
{
    calendar_snapshot(n, &n->snapshot.rows);
    return false;
}

/* One that is stored meanwhile may be there twice, which says no more than once. */
static bool next_act(struct node *n)
{
    const struct act_entry *e = n->snapshot.act_next;

    if (e == NULL)
        return false;
    n->snapshot.act_next = e->next;
#if VELUM_PLANT != 901 /* trace/test_acts: a journal written anew has no acts */
    act_snapshot(e, &n->snapshot.rows);
#endif
    return true;
}

static bool next_event(struct node *n)
{
    const struct held_note *h = n->snapshot.note_next;

#if VELUM_PLANT == 912 /* trace/test_events: a snapshot forgets who did what */
    return false;
#endif
    if (h == NULL || h->number > n->snapshot.note_last)
        return false;
    n->snapshot.note_next = h->next;
    events_snapshot(h, &n->snapshot.rows);
    return true;
}

static bool next_aside(struct node *n)
{
    struct job *j = n->snapshot.job_next;

    if (j == NULL)
        return false;
    n->snapshot.job_next = j->next_live;
    if (is_written(n, j))
        return true;
    stale_snapshot(j, &n->snapshot.rows);
    j->snapshot = n->snapshot.number;
    return true;
}

static bool next_tombstone(struct node *n)
{
    struct snapshot *s = &n->snapshot;

    if (s->stone_next < n->tombs.first)
        s->stone_next = n->tombs.first;
    if (s->stone_next >= s->stones_end)
        return false;
    forget_snapshot(tombs_at(&n->tombs, (uint32_t)(s->stone_next++ - n->tombs.first)), &s->rows);
    return true;
}

static bool next_live(struct node *n)
{
    struct job *j = n->snapshot.job_next;

    if (j == NULL)
        return false;
    n->snapshot.job_next = j->next_live;
    if (j->ledger != NULL && !is_written(n, j))
        write_job(j, &n->snapshot.rows);
    return true;
}

/* Jobs that ended since are at the end; whatever comes there from now on is written. */
static bool next_kept(struct node *n)
{
    struct job *j = n->snapshot.job_next;

    if (j == NULL || j->kept_number > n->snapshot.kept_last)
        return false;
    n->snapshot.job_next = j->next_kept;
    if (j->ledger != NULL && !is_written(n, j))
        write_job(j, &n->snapshot.rows);
    return true;
}

static bool next_object(struct node *n)
{
    struct keeping *k = n->snapshot.object_next;

    if (k == NULL)
        return false;
    n->snapshot.object_next = k->next;
    keeping_snapshot(k, &n->snapshot.rows);
    return true;
}

static bool (*const next_of[])(struct node *n) = {
    [SECTION_CALENDAR] = next_calendar, [SECTION_ACTS] = next_act,
    [SECTION_EVENTS] = next_event,      [SECTION_ASIDE] = next_aside,
    [SECTION_TOMBSTONES] = next_tombstone, [SECTION_LIVE] = next_live, [SECTION_KEPT] = next_kept,
    [SECTION_OBJECTS] = next_object,
};

/* A job that ends goes from those that run to the end of those that are kept, so these come later.
 */
static void section_begin(struct node *n, enum snapshot_section section)
{
    struct snapshot *s = &n->snapshot;

    s->section = section;
    s->job_next = section == SECTION_ASIDE  ? n->stale_jobs
                  : section == SECTION_LIVE ? n->live_jobs
                  : section == SECTION_KEPT ? n->kept_first
                                            : NULL;
#if VELUM_PLANT == 383 /* trace/test_snapshot: a job that ends while slices are made is left out */
    s->kept_last = section == SECTION_CALENDAR ? n->kept_counter : s->kept_last;
#else
    s->kept_last = n->kept_counter;
#endif
    s->act_next = section == SECTION_ACTS ? n->acts.first : NULL;
    s->object_next = section == SECTION_OBJECTS ? n->keeping_first : NULL;
}

/* --- slices --- */

void snapshot_begin(struct node *n)
{
    struct snapshot *s = &n->snapshot;

    if (s->running)
        return;
#if VELUM_PLANT != 576 /* trace/test_snapshot: a snapshot does not wait for the one before */
    s->again = s->out_ticket != 0;
    if (s->again)
        return;
#endif
    s->running = s->first = true;
#if VELUM_PLANT == 388 /* trace/test_snapshot: one that was given up is half of the next */
    s->first = s->number == 0;
#endif
    s->number++;
    s->due = n->now;
    s->stone_next = n->tombs.first;
    s->stones_end = n->tombs.end;
    s->note_next = n->events == NULL ? NULL : n->events->first;
    s->note_last = n->events == NULL ? 0 : n->events->number;
    buf_init(&s->rows, n->alloc, ROWS_BYTES_MAX);
    buf_init(&s->held_back, n->alloc, ROWS_BYTES_MAX);
    section_begin(n, SECTION_CALENDAR);
}

void snapshot_answered(struct node *n, uint64_t ticket)
{
    struct snapshot *s = &n->snapshot;

    if (s->out_ticket == 0 || ticket < s->out_ticket)
        return;
    s->out_ticket = 0;
    if (s->again)
        snapshot_begin(n);
}

void snapshot_clear(struct node *n)
{
    struct snapshot *s = &n->snapshot;

    if (!s->running)
        return;
    s->running = false;
    buf_clear(&s->rows);
    buf_clear(&s->held_back);
}

/* The host forgets what it has of it. */
static void give_up(struct node *n)
{
    struct action *a = actions_add(n->out, ACTION_SNAPSHOT, (struct bytes){NULL, 0});

    log_line(n->options.log, LOG_WARNING, "no memory to write the journal anew: it stays as it is");
    if (a != NULL)
        a->first = true;
    snapshot_clear(n);
}

static bool has_failed(const struct snapshot *s)
{
    return s->rows.failed || s->held_back.failed;
}

/* As the next slice, or with the last one. */
static void rows_send(struct node *n, struct buf *rows, enum action_kind kind)
{
    struct snapshot *s = &n->snapshot;
    struct action *a;

    if (kind == ACTION_SNAPSHOT && rows->len == 0)
        return;
    a = actions_add(n->out, kind, buf_bytes(rows));
    if (a == NULL) {
        rows->failed = true;
        return;
    }
    a->first = s->first;
    s->first = false;
    if (kind == ACTION_COMPACT) {
        a->ticket = s->out_ticket = ++n->ticket_last;
        record_compacted(n, a->ticket);
    }
    if (rows->cap > ROWS_KEPT)
        buf_clear(rows), buf_init(rows, n->alloc, ROWS_BYTES_MAX);
    else
        buf_reset(rows);
}

/* False when that was the last section. */
static bool section_over(struct node *n)
{
    struct snapshot *s = &n->snapshot;

    if (s->section == SECTION_TOMBSTONES && s->held_back.len > 0) {
        rows_send(n, &s->rows, ACTION_SNAPSHOT);
        rows_send(n, &s->held_back, ACTION_SNAPSHOT);
    }
    if (s->section == SECTION_OBJECTS)
        return false;
    section_begin(n, s->section + 1);
    return true;
}

/* False at the end of everything. What was stored since the last slice goes along and is not
 * counted: however much that is, there is progress. */
static bool fill(struct node *n)
{
    struct snapshot *s = &n->snapshot;
    size_t before = s->rows.len;

    for (uint32_t i = 0; i < VISITS_MAX && !has_failed(s); i++) {
        if (!next_of[s->section](n)) {
            if (!section_over(n))
                return false;
            before = before < s->rows.len ? before : s->rows.len;
        }
        if (s->rows.len - before >= n->limits.compact_bytes)
            return true;
    }
    return true;
}

int snapshot_slice(struct node *n)
{
    struct snapshot *s = &n->snapshot;
    bool more;

    if (!s->running)
        return 0;
    more = fill(n);
    if (!has_failed(s))
        rows_send(n, &s->rows, more ? ACTION_SNAPSHOT : ACTION_COMPACT);
    if (has_failed(s)) {
        give_up(n);
        return ERR_NO_MEMORY;
    }
    s->due = instant_plus_us(n->now, n->limits.compact_us);
    if (!more)
        snapshot_clear(n);
    return more;
}

void snapshot_tick(struct node *n)
{
    if (instant_reached(n->now, snapshot_due(n)))
        (void)snapshot_slice(n);
}

struct instant snapshot_due(const struct node *n)
{
    return n->snapshot.running ? n->snapshot.due : INSTANT_NEVER;
}

/* --- what happens meanwhile --- */

/* It will be in what is written of its job. */
static bool is_to_come(const struct node *n, uint16_t type, struct bytes payload)
{
    struct reader r = reader_of(payload);
    const struct job *j;

#if VELUM_PLANT == 381 /* trace/test_snapshot: what is written later is written twice */
    return false;
#endif
#if VELUM_PLANT == 384 /* trace/test_snapshot: that a job is gone is left out */
    if (type == RECORD_GONE)
        return true;
#endif
    if (type != RECORD_FACTS && type != RECORD_SETTLED && type != RECORD_LOG)
        return false;
    j = job_find(n, read_job_id(&r));
    return j != NULL && j->ledger != NULL && !is_written(n, j);
}

void snapshot_stored(struct node *n, uint16_t type, struct bytes payload)
{
    struct snapshot *s = &n->snapshot;
    struct buf *to = rows_now(s);

#if VELUM_PLANT == 380 /* sim: what is stored between two slices is in none of them */
    return;
#endif
    if (!s->running || is_to_come(n, type, payload))
        return;
    put_u16(to, type);
    put_block(to, payload);
    if (has_failed(s))
        give_up(n);
}

void snapshot_holds_new(struct job *j)
{
#if VELUM_PLANT != 382 /* trace/test_snapshot: a job that comes while slices are made is left out */
    j->snapshot = j->node->snapshot.number;
#endif
}

void snapshot_before_move(struct node *n, struct job_id id)
{
    struct snapshot *s = &n->snapshot;
    struct job *j = stale_find(n, id);

#if VELUM_PLANT == 386 /* trace/test_snapshot: a job that is set aside meanwhile is left out */
    return;
#endif
    if (!s->running)
        return;
    if (j != NULL && !is_written(n, j)) {
        stale_snapshot(j, rows_now(s));
        j->snapshot = s->number;
    }
    j = job_find(n, id);
    if (j != NULL && j->ledger != NULL && !is_written(n, j))
        write_job(j, rows_now(s));
    if (has_failed(s))
        give_up(n);
}

static void job_gone(struct snapshot *s, const struct job *j, struct job *next)
{
    if (s->job_next == j)
        s->job_next = next;
}

void snapshot_live_gone(struct node *n, const struct job *j)
{
    if (n->snapshot.section == SECTION_LIVE)
        job_gone(&n->snapshot, j, j->next_live);
}

void snapshot_kept_gone(struct node *n, const struct job *j)
{
    if (n->snapshot.section == SECTION_KEPT)
        job_gone(&n->snapshot, j, j->next_kept);
}

void snapshot_aside_gone(struct node *n, const struct job *j)
{
    if (n->snapshot.section == SECTION_ASIDE)
        job_gone(&n->snapshot, j, j->next_live);
}

void snapshot_object_gone(struct node *n, const struct keeping *k)
{
    if (n->snapshot.object_next == k)
        n->snapshot.object_next = k->next;
}

void snapshot_note_gone(struct node *n, const struct held_note *h)
{
    if (n->snapshot.note_next == h)
        n->snapshot.note_next = h->next;
}
