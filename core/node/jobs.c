#include <string.h>

#include "core/base/err.h"
#include "core/node/accounts.h"
#include "core/node/acts.h"
#include "core/node/events.h"
#include "core/node/forget.h"
#include "core/node/greet.h"
#include "core/node/holder.h"
#include "core/node/joblog.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/keeping.h"
#include "core/node/labour.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/permit.h"
#include "core/node/record.h"
#include "core/node/seal.h"
#include "core/node/snapshot.h"
#include "core/node/stages.h"
#include "core/node/stale.h"
#include "core/node/take.h"
#include "core/node/workers.h"

#define ELAPSED_US_MAX ((uint64_t)366 * 24 * 3600 * 1000000) /* more is not believed */

struct job *job_find(const struct node *n, struct job_id id)
{
    return map_get(&n->jobs, &id);
}

struct bytes job_spec_signed(const struct job *j)
{
    return j->ledger != NULL ? ledger_spec_signed(j->ledger) : buf_bytes(&j->spec_signed);
}

uint64_t job_leaves(const struct job *j)
{
    return j->graph->shape.leaves;
}

uint8_t job_final_state(const struct job *j)
{
    const struct outcome *o = j->ledger == NULL ? NULL : ledger_outcome(j->ledger);

    return o == NULL ? 0 : o->state;
}

bool job_is_final(const struct job *j)
{
    return job_final_state(j) != 0;
}

uint64_t job_elapsed_us(const struct job *j)
{
    int64_t us = instant_since_us(j->node->now, j->known);

    return us > 0 ? (uint64_t)us : 0;
}

/* A wall clock that jumped is not believed: no job is older than a submission may be ahead. */
static uint64_t elapsed_by_wall(const struct job *j)
{
    int64_t s = j->node->wall_s - j->submitted_s - 1; /* both are rounded down */

    return j->submitted_s > 0 && s > 0 && s <= SPEC_NOT_AFTER_MAX_S ? (uint64_t)s * 1000000 : 0;
}

void job_learn_age(struct job *j, bool restarted)
{
    const struct claim *c = j->ledger == NULL ? NULL : ledger_claim(j->ledger);
    uint64_t us;

    if (c == NULL)
        return;
    if (c->submitted_s > 0)
        j->submitted_s = c->submitted_s;
    j->restarted |= restarted;
    us = c->elapsed_us < ELAPSED_US_MAX ? c->elapsed_us : ELAPSED_US_MAX;
#if VELUM_PLANT == 299 /* trace/test_submit: a wall clock ends jobs */
    us = restarted && elapsed_by_wall(j) > us ? elapsed_by_wall(j) : us;
#endif
    if (us > job_elapsed_us(j))
        j->known = (struct instant){j->node->now.us - (int64_t)us};
}

uint64_t job_shown_us(const struct job *j)
{
    uint64_t us = job_elapsed_us(j), wall_us = j->restarted ? elapsed_by_wall(j) : 0;

    return us > wall_us ? us : wall_us;
}

int spec_verify(struct node *n, struct bytes spec_signed, struct job_spec *spec, struct job_id *id,
                bool fresh, char *why, size_t cap)
{
    struct reader r = reader_of(spec_signed);
    struct signed_bytes s;
    struct signer author;
    uint8_t text[64];
    size_t len;
    int rc;

    read_signed(&r, &s);
    if (!reader_done(&r) || read_spec(s.body, spec) < 0) {
        text_copy(why, cap, "the job's specification is malformed");
        return ERR_FORMAT;
    }
    *id = spec_id(s.body);
    len = signed_text(&s, SIGNED_SPEC, text);
    rc = seal_verify(n, &s, (struct bytes){text, len}, &author);
    if (rc < 0 || !party_is_user((enum party)author.party) ||
        !node_id_equal(author.id, spec->author)) {
        text_copy(why, cap, "the job is not signed by a user of this mesh");
        return rc < 0 ? rc : ERR_IDENTITY;
    }
    if (acts_revoked(n, author.id)) {
        text_copy(why, cap, "the key of the job's author was revoked");
        return ERR_PERMISSION;
    }
    if (!permit_spec(author.party, spec)) {
        text_copy(why, cap, "the role of the job's author does not allow C source or plugins");
        return ERR_PERMISSION;
    }
    if (fresh && author.not_after_s < n->wall_s) {
        text_copy(why, cap, "the certificate of the job's author has expired");
        return ERR_IDENTITY;
    }
#if VELUM_PLANT == 1078 /* trace/test_submit: a job may be dated so far ahead as anybody likes */
    if (fresh && spec->not_after_s < n->wall_s) {
#else
    if (fresh && (spec->not_after_s < n->wall_s ||
                  spec->not_after_s > n->wall_s + SPEC_NOT_AFTER_MAX_S + 24 * 3600)) {
#endif
        text_copy(why, cap,
                  "the job's last date has passed or is too far ahead: the clock where it was "
                  "submitted, or the one here, is wrong by a day or more");
        return ERR_TIMEOUT;
    }
    return 0;
}

static void own_spec_free(struct job *j)
{
    if (j->own_graph != NULL)
        graph_clear(j->own_graph);
    alloc_free(j->node->alloc, j->own_graph, sizeof *j->own_graph);
    alloc_free(j->node->alloc, j->own_spec, sizeof *j->own_spec);
    j->own_spec = NULL;
    j->own_graph = NULL;
}

int job_add_ledger(struct job *j, struct bytes spec_fact)
{
    int rc = ledger_new(&j->ledger, j->node->alloc, spec_fact);

    if (rc < 0) {
        j->ledger = NULL;
        return rc;
    }
    /* It may be at work on stages that come as facts later. */
    if (j->own_graph != NULL && ledger_lend(j->ledger, j->own_graph) < 0) {
        ledger_free(j->ledger);
        j->ledger = NULL;
        return ERR_NO_MEMORY;
    }
    j->spec = ledger_spec(j->ledger);
    j->graph = ledger_graph(j->ledger);
    own_spec_free(j);
    buf_clear(&j->spec_signed);
    job_set_live(j, true);
    snapshot_holds_new(j);
    return 0;
}

/* Keeps the signed bytes, and what they say. */
static int own_spec_read(struct job *j, struct bytes spec_signed)
{
    struct job_spec *own = node_alloc(j->node, sizeof *own);
    struct graph *graph = node_alloc(j->node, sizeof *graph);
    struct reader r;
    struct signed_bytes s;
    int rc = ERR_NO_MEMORY;

    if (own == NULL || graph == NULL)
        goto out;
    buf_reset(&j->spec_signed);
    put_raw(&j->spec_signed, spec_signed.data, spec_signed.len);
    rc = buf_result(&j->spec_signed);
    if (rc < 0)
        goto out;
    r = reader_of(buf_bytes(&j->spec_signed));
    read_signed(&r, &s);
    rc = reader_done(&r) ? read_spec(s.body, own) : ERR_FORMAT;
    if (rc == 0)
        rc = graph_init(graph, j->node->alloc, own);
    if (rc < 0)
        goto out;
    j->id = spec_id(s.body);
    j->spec = j->own_spec = own;
    j->graph = j->own_graph = graph;
    own = NULL;
    graph = NULL;
out:
    alloc_free(j->node->alloc, own, sizeof *own);
    alloc_free(j->node->alloc, graph, sizeof *graph);
    return rc;
}

int job_drop_ledger(struct job *j)
{
    struct ledger *l = j->ledger;
    struct graph *own;
    int rc = own_spec_read(j, ledger_spec_signed(l));

    if (rc < 0)
        return rc;
    own = j->own_graph;
    rc = graph_take_over(own, j->spec, ledger_graph(l));
    if (rc < 0) {
        j->spec = ledger_spec(l);
        j->graph = ledger_graph(l);
        own_spec_free(j);
        return rc;
    }
    j->ledger = NULL;
    accounts_changed(j);
    job_set_live(j, false);
    record_clear(j);
    ledger_free(l);
    return 0;
}

int job_create(struct node *n, struct bytes spec_signed, bool with_ledger, struct job **out)
{
    struct job *j = node_alloc(n, sizeof *j);
    struct buf fact;
    int rc;

    *out = NULL;
    if (j == NULL)
        return ERR_NO_MEMORY;
    j->node = n;
    j->known = n->now;
    j->submitted_s = n->wall_s;
    buf_init(&j->spec_signed, n->alloc, SPEC_SIZE_MAX + 8192);
    buf_init(&fact, n->alloc, SPEC_SIZE_MAX + 8192);
    rc = own_spec_read(j, spec_signed);
    if (rc == 0)
        rc = stages_bind(j);
    if (rc < 0)
        goto out;
    if (with_ledger) {
        put_u8(&fact, FACT_SPEC);
        put_u8(&fact, 1);
        put_raw(&fact, spec_signed.data, spec_signed.len);
        rc = fact.failed ? buf_result(&fact) : job_add_ledger(j, buf_bytes(&fact));
        if (rc < 0)
            goto out;
    }
    ensure(map_get(&n->jobs, &j->id) == NULL);
    rc = map_put(&n->jobs, &j->id, j);
    if (rc < 0)
        goto out;
    *out = j;
    j = NULL;
out:
    buf_clear(&fact);
    job_free(j);
    return rc;
}

/* The node may already work for the job without holding it. */
int job_take(struct node *n, struct bytes spec_signed, struct job **out)
{
    struct buf fact;
    int rc;

    *out = NULL;
    buf_init(&fact, n->alloc, SPEC_SIZE_MAX + 8192);
    put_u8(&fact, FACT_SPEC);
    put_u8(&fact, 1);
    put_raw(&fact, spec_signed.data, spec_signed.len);
    rc = buf_result(&fact);
    if (rc == 0) {
        struct reader r = reader_of(spec_signed);
        struct signed_bytes s;

        read_signed(&r, &s);
        *out = job_find(n, spec_id(s.body));
    }
    if (rc == 0 && *out != NULL && (*out)->ledger != NULL)
        rc = 1;
    else if (rc == 0)
        rc = *out == NULL ? job_create(n, spec_signed, true, out)
                          : job_add_ledger(*out, buf_bytes(&fact));
    buf_clear(&fact);
    return rc;
}

void job_set_live(struct job *j, bool live)
{
    struct node *n = j->node;

    if (j->live == live)
        return;
    j->live = live;
#if VELUM_PLANT != 668 /* trace/test_append_bounds: what an ended job had counts for ever */
    stages_weigh(j);
#endif
    if (live) {
        j->prev_live = NULL;
        j->next_live = n->live_jobs;
        if (n->live_jobs != NULL)
            n->live_jobs->prev_live = j;
        n->live_jobs = j;
        n->live_count++;
        return;
    }
    if (n->round_cursor == j)
        n->round_cursor = j->next_live;
    greet_live_gone(n, j);
    snapshot_live_gone(n, j);
    if (j->prev_live != NULL)
        j->prev_live->next_live = j->next_live;
    else
        n->live_jobs = j->next_live;
    if (j->next_live != NULL)
        j->next_live->prev_live = j->prev_live;
    n->live_count--;
}

void job_mark_busy(struct job *j)
{
    if (j->busy)
        return;
    j->busy = true;
    j->next_busy = j->node->busy_jobs;
    j->node->busy_jobs = j;
}

void job_go_on_later(struct job *j)
{
    if (j->later)
        return;
    j->later = true;
    j->next_later = j->node->later_jobs;
    j->node->later_jobs = j;
}

void jobs_go_on(struct node *n)
{
    struct job *j;

    while ((j = n->later_jobs) != NULL) {
        n->later_jobs = j->next_later;
        j->later = false;
        job_mark_busy(j);
    }
}

static void job_unkeep(struct job *j);

static void job_settle_not(struct job *j)
{
    struct job **at = &j->node->busy_jobs;

    while (j->busy && *at != j)
        at = &(*at)->next_busy;
    if (j->busy)
        *at = j->next_busy;
    j->busy = false;
    for (at = &j->node->later_jobs; j->later && *at != j;)
        at = &(*at)->next_later;
    if (j->later)
        *at = j->next_later;
    j->later = false;
}

void job_unlist(struct job *j)
{
    job_set_live(j, false);
    job_settle_not(j);
}

/* Takes it out of every list of the node, the map included when it is in there. */
void job_free(struct job *j)
{
    struct node *n;

    if (j == NULL)
        return;
    n = j->node;
    if (map_get(&n->jobs, &j->id) == j)
        map_remove(&n->jobs, &j->id);
    keep_drop(j);
    lead_end(j);
    labour_drop(j);
    workers_release(n, j);
    job_unkeep(j);
    record_clear(j);
    job_unlist(j);
    stages_free(j);
    ledger_free(j->ledger);
    j->ledger = NULL;
    accounts_changed(j);
    own_spec_free(j);
    buf_clear(&j->spec_signed);
    joblog_free(j);
    alloc_free(n->alloc, j, sizeof *j);
}

void jobs_free(struct node *n)
{
    size_t at = 0;
    struct job *j;

    while ((j = map_next(&n->jobs, &at)) != NULL) {
        job_free(j);
        at = 0;
    }
    map_clear(&n->jobs);
    stale_free(n);
    tombs_clear(&n->tombs);
}

/* Finished jobs in the order in which they ended. */
static void job_keep(struct job *j)
{
    struct node *n = j->node;

    j->kept = true;
    j->settled_at = n->now;
    j->kept_number = ++n->kept_counter;
    if (n->compare_next == NULL)
        n->compare_next = j;
    j->next_kept = NULL;
    j->prev_kept = n->kept_last;
    if (n->kept_last != NULL)
        n->kept_last->next_kept = j;
    else
        n->kept_first = j;
    n->kept_last = j;
    n->kept_count++;
    accounts_kept(j);
    forget_weigh(j);
    keep_look_again(n, S_US);
}

static void job_unkeep(struct job *j)
{
    struct node *n = j->node;

    if (!j->kept)
        return;
    j->kept = false;
    forget_weigh(j);
    holder_changed_gone(j);
    greet_kept_gone(n, j);
    keep_kept_gone(n, j);
    accounts_kept_gone(j);
    snapshot_kept_gone(n, j);
    if (n->compare_next == j)
        n->compare_next = j->next_kept;
    if (j->prev_kept != NULL)
        j->prev_kept->next_kept = j->next_kept;
    else
        n->kept_first = j->next_kept;
    if (j->next_kept != NULL)
        j->next_kept->prev_kept = j->prev_kept;
    else
        n->kept_last = j->prev_kept;
    n->kept_count--;
}

void job_after_outcome(struct job *j)
{
    struct node *n = j->node;

    if (j->shrunk || !j->settled || !job_is_final(j))
        return;
    job_set_live(j, false);
    ledger_shrink(j->ledger);
    labour_drop(j);
    workers_release(n, j);
    joblog_end(j);
    j->shrunk = true;
    job_keep(j);
    n->kept_more |= !n->replaying;
}

static void put_settled(struct buf *b, const struct job *j)
{
    put_job_id(b, j->id);
    put_u32(b, j->copies);
    put_u32(b, j->machines);
    put_u64(b, j->ended_s);
}

static void store_settled(const struct job *j)
{
    uint8_t bytes[64];
    uint64_t ticket;
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_settled(&b, j);
    store_record(j->node, RECORD_SETTLED, buf_bytes(&b), &ticket);
}

void job_settle(struct job *j, uint32_t copies, uint32_t machines, uint64_t ended_s)
{
    if (j->settled || !job_is_final(j))
        return;
    j->settled = true;
    j->ended_s = ended_s > 0 ? ended_s : calendar_now(j->node);
    j->settled_here = !j->node->replaying;
    job_recount(j, copies, machines);
}

void job_recount(struct job *j, uint32_t copies, uint32_t machines)
{
    j->copies = copies;
    j->machines = machines;
    store_settled(j);
}

void job_ended_later(struct job *j, uint64_t s)
{
    j->ended_s += s;
    store_settled(j);
}

static int replay_settled(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint32_t copies = read_u32(&r), machines = read_u32(&r);
    uint64_t ended_s = read_u64(&r);
    struct job *j = job_find(n, id);

    if (!reader_done(&r))
        return ERR_FORMAT;
    if (j != NULL && j->ledger != NULL) {
        job_settle(j, copies, machines, ended_s);
        j->copies = copies;
        j->machines = machines;
        j->ended_s = ended_s;
        job_after_outcome(j);
    }
    return 0;
}

static int replay_facts(struct node *n, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint16_t count = read_u16(&r);
    int rc;

    for (uint16_t i = 0; i < count && !r.failed; i++) {
        struct bytes fact = read_block(&r, FRAME_PAYLOAD_MAX);

        if (r.failed)
            break;
        rc = take_replayed(n, id, fact);
        if (rc == ERR_NO_MEMORY || rc == ERR_VERSION)
            return rc;
    }
    return reader_done(&r) ? 0 : ERR_FORMAT;
}

int jobs_replay(struct node *n, uint16_t type, struct bytes payload)
{
    if (type == RECORD_FACTS)
        return replay_facts(n, payload);
    if (type == RECORD_SETTLED)
        return replay_settled(n, payload);
    if (type == RECORD_LOG)
        return joblog_replay(n, payload);
    if (type == RECORD_GONE)
        return forget_replay(n, payload);
    if (type == RECORD_STALE)
        return stale_replay(n, payload);
    if (type == RECORD_OBJECT)
        return keeping_replay(n, payload);
    if (type == RECORD_CALENDAR)
        return calendar_replay(n, payload);
    if (type == RECORD_ACT)
        return acts_replay(n, payload);
    if (type == RECORD_EVENT)
        return events_replay(n, payload);
    return ERR_VERSION;
}

/* One record of type RECORD_FACTS holds at most a frame's worth of facts. */
void job_snapshot(struct job *j, struct buf *to)
{
    struct buf facts;
    struct reader r;
    size_t length_at = 0, count_at = 0;
    uint16_t count = 0;

    buf_init(&facts, j->node->alloc, LEDGER_BYTES_MAX);
    ledger_snapshot_own(j->ledger, &facts);
    r = reader_of(facts.failed ? (struct bytes){0} : buf_bytes(&facts));
    while (reader_left(&r) > 0 && !r.failed) {
        struct bytes fact = read_block(&r, FRAME_PAYLOAD_MAX);

        if (count == 0 || to->len - length_at + fact.len > FRAME_PAYLOAD_MAX / 2) {
            put_u16(to, RECORD_FACTS);
            length_at = to->len;
            put_u32(to, 0);
            put_job_id(to, j->id);
            count_at = to->len;
            put_u16(to, 0);
            count = 0;
        }
        put_block(to, fact);
        if (to->failed)
            break;
        count++;
        store_u16(to->data + count_at, count);
        patch_u32(to, length_at, (uint32_t)(to->len - length_at - 4));
    }
    /* Half a job in place of the whole would be a lie: then there is no snapshot. */
    to->no_memory |= facts.no_memory;
    to->failed |= facts.failed;
    buf_clear(&facts);
    if (!j->settled)
        return;
    put_u16(to, RECORD_SETTLED);
    put_u32(to, ID_SIZE + 16);
    put_settled(to, j);
    joblog_snapshot(j, to);
}
