#include "core/node/forget.h"

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/keeping.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/stages.h"

#define JOBS_A_LOOK 64u
#define STONES_A_LOOK 4096u
#define GO_ON_US (5 * MS_US) /* where one look was not enough */
#define DAY_S 86400u

const struct tombstone *tombstone_of(const struct node *n, struct job_id id)
{
    return tombs_find(&n->tombs, id);
}

static void put_stone(struct buf *b, const struct tombstone *t)
{
    put_job_id(b, t->id);
    put_u8(b, t->state);
    put_u8(b, t->why);
    put_u32(b, t->ended_s);
    put_u32(b, t->gone_s);
}

static uint32_t in_32_bits(uint64_t v)
{
    return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

/* By the wall clock of whoever first coordinated it. */
static uint32_t ended_for_people(const struct job *j)
{
    const struct outcome *o = j->ledger == NULL ? NULL : ledger_outcome(j->ledger);

    if (o == NULL || j->submitted_s <= 0)
        return 0;
    return in_32_bits((uint64_t)j->submitted_s + o->elapsed_us / 1000000);
}

void job_bury(struct job *j, uint8_t state, enum gone_why why)
{
    struct node *n = j->node;
    struct tombstone t = {.id = j->id,
                          .gone_s = in_32_bits(calendar_now(n)),
                          .ended_s = ended_for_people(j),
                          .state = state,
                          .why = (uint8_t)why};
    uint8_t bytes[64];
    uint64_t ticket;
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_stone(&b, &t);
    if (tombs_add(&n->tombs, &t) < 0)
        n->memory_out = true;
    store_record(n, RECORD_GONE, buf_bytes(&b), &ticket);
}

static bool is_too_old(const struct node *n, const struct job *j)
{
#if VELUM_PLANT == 161 /* trace/test_forget: the age of a job begins anew with each start */
    return instant_since_us(n->now, j->settled_at) >= (int64_t)n->options.keep_s * S_US;
#else
    return !n->options.embedded && calendar_since(n, j->ended_s) >= n->options.keep_s;
#endif
}

void forget_weigh(struct job *j)
{
    struct node *n = j->node;
    size_t bytes = 0;

    if (j->kept)
        bytes = sizeof *j + stages_bytes(j) + ledger_bytes(j->ledger);
    n->kept_bytes += bytes;
    n->kept_bytes -= j->kept_bytes;
    j->kept_bytes = bytes;
    n->kept_more |= j->kept && !n->replaying;
}

/* Why it is to go, or 0. */
static enum gone_why why_not_kept(const struct node *n, const struct job *j)
{
    if (n->kept_count > n->options.keep_jobs)
        return GONE_NUMBER;
#if VELUM_PLANT != 630 /* trace/test_append_bounds: what finished jobs need has no bound */
    if (n->kept_bytes > n->options.keep_bytes && j->next_kept != NULL)
        return GONE_MEMORY;
#endif
    return is_too_old(n, j) ? GONE_AGE : 0;
}

bool forget_jobs(struct node *n, uint32_t most)
{
    enum gone_why why;
    struct job *j;

    for (uint32_t i = 0; (j = n->kept_first) != NULL; i++) {
        why = why_not_kept(n, j);
        if (why == 0)
            return false;
        if (i == most)
            return true;
        job_bury(j, job_final_state(j), why);
        job_free(j);
    }
    return false;
}

/* The journal needs no word of it: the record that made it says when, and a snapshot has it no
 * more. */
static bool forget_stones(struct node *n, uint32_t most)
{
    for (uint32_t i = 0; tombs_count(&n->tombs) > 0; i++) {
        if (calendar_since(n, tombs_at(&n->tombs, 0)->gone_s) < n->options.tombstone_s)
            return false;
        if (i == most)
            return true;
        tombs_drop_oldest(&n->tombs);
    }
    return false;
}

bool forget_is_past(const struct node *n, uint64_t ended_s)
{
    return !n->options.embedded &&
           calendar_since(n, ended_s) >= (uint64_t)n->options.keep_s + n->options.tombstone_s;
}

static uint64_t left_s(const struct node *n, uint64_t since_s, uint64_t limit_s)
{
    uint64_t age_s = calendar_since(n, since_s);

    return age_s < limit_s ? limit_s - age_s : 0;
}

/* When something is due, at the latest for the calendar's own look. */
static int64_t next_look_us(const struct node *n)
{
    const struct node_options *o = &n->options;
    uint64_t s = o->calendar_look_s, due_s;

    if (n->kept_first != NULL && (due_s = left_s(n, n->kept_first->ended_s, o->keep_s)) < s)
        s = due_s;
    if (tombs_count(&n->tombs) > 0 &&
        (due_s = left_s(n, tombs_at(&n->tombs, 0)->gone_s, o->tombstone_s)) < s)
        s = due_s;
    return s == 0 ? S_US : (int64_t)s * S_US;
}

/* Behind the step in which a job has ended, so that whoever told it still has it to look at. */
static void forget_behind(struct node *n)
{
    n->kept_more = n->kept_more && forget_jobs(n, JOBS_A_LOOK);
}

void forget_tick(struct node *n)
{
    bool more;

    forget_behind(n);
    if (!instant_reached(n->now, n->forget_at))
        return;
    calendar_look(n);
    more = forget_jobs(n, JOBS_A_LOOK);
    more |= forget_stones(n, STONES_A_LOOK);
#if VELUM_PLANT != 322 /* trace/test_object_links: what was removed is remembered for ever */
    more |= keeping_forget(n, STONES_A_LOOK);
#endif
    more |= directory_forget(n);
    n->forget_at = instant_plus_us(n->now, more ? GO_ON_US : next_look_us(n));
}

void forget_jumped(struct node *n, uint64_t by_s)
{
#if VELUM_PLANT != 163 /* trace/test_forget: what ended at a node that was away is old at once */
    for (struct job *j = n->kept_first; j != NULL; j = j->next_kept) {
        if (!j->settled_here || by_s < n->options.calendar_look_s)
            continue;
        job_ended_later(j, by_s);
        directory_ended_later(j);
    }
#endif
    forget_now(n);
}

void forget_now(struct node *n)
{
    forget_jobs(n, UINT32_MAX);
    if (!n->options.embedded)
        n->forget_at = n->now;
}

static void append_number(char *to, size_t cap, uint64_t v)
{
    char digits[24];

    text_of_u64(v, digits);
    text_append(to, cap, digits);
}

struct gone gone_of(const struct tombstone *t)
{
    return (struct gone){.ended_s = t->ended_s, .state = t->state, .why = t->why};
}

void gone_sentence(const struct node *n, const struct gone *g, char to[GONE_SENTENCE_SIZE])
{
    char date[TEXT_DATE_SIZE];
    uint64_t days = n->options.keep_s / DAY_S;

    text_copy(to, GONE_SENTENCE_SIZE, "this job has ended");
    if (job_state_is_final((enum job_state)g->state)) {
        text_append(to, GONE_SENTENCE_SIZE, " as ");
        text_append(to, GONE_SENTENCE_SIZE, job_state_name((enum job_state)g->state));
    }
    if (g->ended_s > 0) {
        text_of_date(g->ended_s, date);
        text_append(to, GONE_SENTENCE_SIZE, " on ");
        text_append(to, GONE_SENTENCE_SIZE, date);
    }
    text_append(to, GONE_SENTENCE_SIZE, " and is gone");
    if (g->why == GONE_AGE) {
        text_append(to, GONE_SENTENCE_SIZE, ": finished jobs are kept for ");
        append_number(to, GONE_SENTENCE_SIZE, days > 0 ? days : n->options.keep_s);
        text_append(to, GONE_SENTENCE_SIZE, days == 1 ? " day" : days > 0 ? " days" : " s");
    } else if (g->why == GONE_NUMBER) {
        text_append(to, GONE_SENTENCE_SIZE, ": of finished jobs the last ");
        append_number(to, GONE_SENTENCE_SIZE, n->options.keep_jobs);
        text_append(to, GONE_SENTENCE_SIZE, " are kept");
    } else if (g->why == GONE_MEMORY) {
        text_append(to, GONE_SENTENCE_SIZE, ": finished jobs are kept in ");
        append_number(to, GONE_SENTENCE_SIZE, n->options.keep_bytes >> 20);
        text_append(to, GONE_SENTENCE_SIZE, " MiB of memory, the oldest go first");
    } else if (g->why == GONE_TOLD) {
        text_append(to, GONE_SENTENCE_SIZE, ": the other nodes that kept it have forgotten it");
    } else if (g->why == GONE_DROPPED) {
        text_append(to, GONE_SENTENCE_SIZE, ": an old copy of it was dropped by hand");
    }
}

void reply_gone(struct node *n, uint64_t link, uint32_t request, struct job_id id)
{
    struct gone g = gone_of(tombstone_of(n, id));
    char what[GONE_SENTENCE_SIZE];

    gone_sentence(n, &g, what);
    reply_error(n, link, request, 9, what, GONE_HINT);
}

int forget_replay(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct tombstone t = {.id = read_job_id(&r)};
    struct job *j;
    int rc;

    t.state = read_u8(&r);
    t.why = read_u8(&r);
    t.ended_s = read_u32(&r);
    t.gone_s = read_u32(&r);
    if (!reader_done(&r))
        return ERR_FORMAT;
    calendar_reached(n, t.gone_s);
    rc = tombs_add(&n->tombs, &t);
    j = job_find(n, t.id);
    if (j != NULL)
        job_free(j);
    return rc;
}

void forget_replayed_until(struct node *n, struct job_id id)
{
    while (tombs_find(&n->tombs, id) != NULL)
        tombs_drop_oldest(&n->tombs);
}

void forget_snapshot(const struct tombstone *t, struct buf *to)
{
    put_u16(to, RECORD_GONE);
    put_u32(to, ID_SIZE + 10);
    put_stone(to, t);
}
