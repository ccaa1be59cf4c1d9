#include "core/node/stale.h"

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/labour.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/snapshot.h"
#include "core/node/watch.h"
#include "core/node/workers.h"

#define DAY_S 86400u

static void put_step(struct buf *b, struct job_id id, enum stale_step step)
{
    put_job_id(b, id);
    put_u8(b, (uint8_t)step);
}

static void store_step(struct node *n, struct job_id id, enum stale_step step)
{
    uint8_t bytes[64];
    uint64_t ticket;
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_step(&b, id, step);
    store_record(n, RECORD_STALE, buf_bytes(&b), &ticket);
}

static bool was_away(const struct node *n)
{
#if VELUM_PLANT == 162 /* trace/test_stale: a node that was away for weeks goes on */
    return false;
#else
    return n->calendar.away_s > n->options.tombstone_s;
#endif
}

struct job *stale_find(const struct node *n, struct job_id id)
{
    return map_get(&n->stale, &id);
}

static int list_add(struct node *n, struct job *j)
{
    int rc = map_put(&n->stale, &j->id, j);

    if (rc < 0)
        return rc;
    j->prev_live = NULL;
    j->next_live = n->stale_jobs;
    if (j->next_live != NULL)
        j->next_live->prev_live = j;
    n->stale_jobs = j;
    return 0;
}

static void list_remove(struct node *n, struct job *j)
{
    snapshot_aside_gone(n, j);
    map_remove(&n->stale, &j->id);
    if (j->prev_live != NULL)
        j->prev_live->next_live = j->next_live;
    else
        n->stale_jobs = j->next_live;
    if (j->next_live != NULL)
        j->next_live->prev_live = j->prev_live;
}

static void drop(struct node *n, struct job *j)
{
    list_remove(n, j);
    job_free(j);
}

/* The record means the copy that is set aside where there is one, so that one goes first. */
void stale_given_up(struct node *n, struct job_id id)
{
    struct job *older = stale_find(n, id);

    if (older != NULL) {
        snapshot_before_move(n, id);
        store_step(n, id, STALE_DROPPED);
        drop(n, older);
    }
    store_step(n, id, STALE_DROPPED);
}

/* Out of everything that looks at jobs, its ledger untouched; an older copy that was set aside
 * before makes room. False when there is none. */
static bool set_aside(struct job *j)
{
    struct node *n = j->node;
    struct job *older = stale_find(n, j->id);

    if (older != NULL)
        drop(n, older);
    lead_end(j);
    labour_drop(j);
    workers_release(n, j);
    record_clear(j);
    job_unlist(j);
    map_remove(&n->jobs, &j->id);
    directory_drop(n, j->id);
    if (list_add(n, j) == 0)
        return true;
    job_free(j);
    return false;
}

static void say(const struct node *n, uint64_t behind_s, uint32_t count, uint32_t lost)
{
    log_line(n->options.log, LOG_WARNING,
             "this node was away for %u days, longer than the names of finished jobs are kept: %u "
             "old jobs are set aside; velum ps --stale lists them",
             (unsigned)(behind_s / DAY_S), (unsigned)count);
    if (lost > 0)
        log_line(n->options.log, LOG_WARNING, "%u more old jobs did not fit and are dropped",
                 (unsigned)lost);
}

/* Those it only works for are their coordinators' business, and what it did for them so long ago is
 * nobody's. */
static void drop_labour(struct node *n)
{
    struct job *j, *next;

    for (j = n->labour_jobs; j != NULL; j = next) {
        next = j->next_labour;
        if (j->ledger != NULL)
            continue;
        labour_drop(j);
        workers_release(n, j);
        job_free(j);
    }
}

static void set_all_aside(struct node *n)
{
    uint32_t count = 0, lost = 0;
    struct job *j, *next;

    for (j = n->live_jobs; j != NULL; j = next) {
        struct job_id id = j->id;
        bool fits;

        next = j->next_live;
#if VELUM_PLANT == 689 /* trace/test_stale: an old job whose end was never told goes on */
        if (job_is_final(j))
            continue;
#endif
        if (j->settled)
            continue;
        snapshot_before_move(n, id);
        fits = set_aside(j);
        store_step(n, id, fits ? STALE_ASIDE : STALE_DROPPED);
        watch_job(n, id);
        count += fits;
        lost += !fits;
    }
    drop_labour(n);
    if (count + lost > 0)
        say(n, n->calendar.away_s, count, lost);
}

void stale_look(struct node *n)
{
    if (was_away(n))
        set_all_aside(n);
    else if (n->live_jobs != NULL)
        return;
    calendar_caught_up(n);
}

/* --- what users do about them --- */

/* 0, or ERR_EXISTS when the mesh has the job, or ERR_FULL. */
static int bring_back(struct node *n, struct job *j)
{
    int rc = job_find(n, j->id) != NULL ? ERR_EXISTS : map_put(&n->jobs, &j->id, j);

    if (rc < 0)
        return rc;
    list_remove(n, j);
    j->replayed = false;
    j->heard = n->now;
    job_set_live(j, true);
    return 0;
}

static void list(struct node *n, uint64_t link, uint32_t request)
{
    struct job_view v;
    struct job *j;
    size_t at = 0;
    struct buf b;

    while ((j = map_next(&n->stale, &at)) != NULL) {
        job_view_of(j, &v);
        v.state = JOB_WAITING;
        buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
        put_job_view(&b, &v);
        if (!b.failed)
            send_link(n, link, MESSAGE_REPLY_JOB, request, buf_bytes(&b));
        buf_clear(&b);
    }
    reply_end(n, link, request);
}

static void user_drops(struct node *n, uint64_t link, uint32_t request, struct job *j)
{
    snapshot_before_move(n, j->id);
    store_step(n, j->id, STALE_DROPPED);
    drop(n, j);
    reply_end(n, link, request);
}

static void user_restores(struct node *n, uint64_t link, uint32_t request, struct job *j)
{
    if (tombstone_of(n, j->id) != NULL) {
        reply_gone(n, link, request, j->id);
        return;
    }
    snapshot_before_move(n, j->id);
    if (directory_find(n, j->id) != NULL || bring_back(n, j) < 0) {
        reply_error(n, link, request, 1, "the mesh knows this job: the old copy adds nothing to it",
                    "velum show JOB; velum stale drop JOB forgets the old copy");
        return;
    }
    store_step(n, j->id, STALE_BACK);
    job_learn_age(j, true);
    directory_publish(j);
    job_mark_busy(j);
    reply_end(n, link, request);
}

void stale_request(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct request_stale m;
    struct job *j;

    if (read_request_stale(payload, &m) < 0) {
        reply_malformed(n, link, request);
        return;
    }
    if (m.what == STALE_LIST) {
        list(n, link, request);
        return;
    }
    j = stale_find(n, m.job);
    if (j == NULL)
        reply_error(n, link, request, 3, "no old job of that id is set aside at this node",
                    "velum ps --stale lists them");
    else if (m.what == STALE_DROP)
        user_drops(n, link, request, j);
    else
        user_restores(n, link, request, j);
}

/* --- the journal --- */

int stale_replay(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint8_t step = read_u8(&r);
    struct job *j;

    if (!reader_done(&r) || step > STALE_DROPPED)
        return ERR_FORMAT;
    if (step == STALE_ASIDE) {
        j = job_find(n, id);
        if (j != NULL && j->ledger != NULL)
            set_aside(j);
        return 0;
    }
    j = stale_find(n, id);
#if VELUM_PLANT != 165 /* trace/test_stale: what was given up is there after a restart */
    if (step == STALE_DROPPED && j == NULL)
        job_free(job_find(n, id));
#endif
    if (step == STALE_DROPPED && j != NULL)
        drop(n, j);
    else if (step == STALE_BACK && j != NULL && bring_back(n, j) == 0)
        j->replayed = true;
    return 0;
}

void stale_snapshot(struct job *j, struct buf *to)
{
    job_snapshot(j, to);
    put_u16(to, RECORD_STALE);
    put_u32(to, ID_SIZE + 1);
    put_step(to, j->id, STALE_ASIDE);
}

void stale_free(struct node *n)
{
    struct job *j;
    size_t at = 0;

    while ((j = map_next(&n->stale, &at)) != NULL) {
        drop(n, j);
        at = 0;
    }
    map_clear(&n->stale);
}
