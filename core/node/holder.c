/* Facts: keeping them for a coordinator, comparing ledgers with other holders, and taking over when
 * the coordinator is gone. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/outcome.h"
#include "core/node/record.h"
#include "core/node/watch.h"

#define SILENCE_US (5 * S_US)
#define SYNC_FACTS_MAX 49152

/* Applies one fact, making the job when it is a SPEC. What was new is added to news (as a block),
 * if given. */
int holder_take_fact(struct node *n, struct job_id id, struct bytes fact, struct buf *news,
                     uint16_t *news_count)
{
    struct job *j = job_find(n, id);
    struct fact f;
    int rc;

    rc = fact_read(fact, &f);
    if (rc < 0)
        return rc;
    if (news != NULL) {
        rc = fact_verify(n, &f);
        if (rc < 0)
            return rc;
    }
    if (f.kind == FACT_SPEC && (j == NULL || j->ledger == NULL)) {
        struct bytes spec_signed = {fact.data + 2, fact.len - 2};

        if (!job_id_equal(f.job, id) || map_get(&n->tombstones, &id) != NULL)
            return ERR_FORMAT;
        rc = j == NULL ? job_create(n, spec_signed, true, &j) : job_add_ledger(j, fact);
        if (rc == 0)
            rc = LEDGER_NEW;
        if (rc > 0 && news == NULL)
            j->replayed = j->unsealed = true;
    } else {
        if (j == NULL || j->ledger == NULL)
            return ERR_NOT_FOUND;
        if (f.kind == FACT_PARTIAL && job_is_final(j))
            return LEDGER_KNOWN;
        rc = ledger_apply(j->ledger, fact);
    }
    if (rc > 0 && news != NULL) {
        put_block(news, fact);
        (*news_count)++;
    }
    return rc;
}

/* Looks at what a fact changed. An outcome that another node has told already is settled. */
static void facts_arrived(struct job *j)
{
    if (j->lead != NULL && job_is_final(j))
        outcome_adopt(j);
    lead_advance(j);
    if (j->lead == NULL && directory_find(j->node, j->id) == NULL)
        directory_stand_in(j);
    if (j->lead == NULL)
        directory_settles(j);
    watch_job(j->node, j->id);
    job_mark_busy(j);
}

int holder_facts(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint64_t batch = read_u64(&r);
    uint16_t count = read_u16(&r), news_count = 0;
    struct buf news;
    struct job *j;
    size_t count_at;
    uint64_t ticket = n->ticket_last;
    bool missing = false;
    int rc = 0;

    buf_init(&news, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&news, id);
    count_at = news.len;
    put_u16(&news, 0);
    for (uint16_t i = 0; i < count && !r.failed; i++) {
        struct bytes fact = read_block(&r, FRAME_PAYLOAD_MAX);

        if (r.failed)
            break;
        rc = holder_take_fact(n, id, fact, &news, &news_count);
        if (rc == ERR_NO_MEMORY)
            goto out;
        missing |= rc < 0;
    }
    n->memory_out |= news.failed;
    rc = news.failed ? ERR_NO_MEMORY : reader_done(&r) ? 0 : ERR_FORMAT;
    if (news_count > 0 && !news.failed) {
        store_u16(news.data + count_at, news_count);
        rc = store_record(n, RECORD_FACTS, buf_bytes(&news), &ticket);
    }
    /* A fact that could not be taken must not look kept: silence makes the sender show everything
     * again. */
#if VELUM_PLANT == 1 /* a copy is confirmed before it is synced */
    ticket = 0;
#endif
    if (rc == 0 && !missing)
        wait_add(n, (struct wait){.ticket = ticket,
                                  .kind = WAIT_FACTS_KEPT,
                                  .job = id,
                                  .node = from,
                                  .number = batch});
    j = job_find(n, id);
    if (j != NULL) {
        j->replayed = false;
        j->heard = n->now;
        if (j->ledger != NULL && news_count > 0)
            facts_arrived(j);
    }
out:
    buf_clear(&news);
    return rc;
}

int holder_facts_kept(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint64_t batch = read_u64(&r);
    struct job *j;

    if (!reader_done(&r))
        return ERR_FORMAT;
    j = job_find(n, id);
    if (j != NULL && j->lead != NULL)
        record_kept(j, from, batch);
    return 0;
}

static void snapshot_frame(struct job *j, struct node_id to, uint64_t batch, uint16_t count,
                           struct bytes facts)
{
    struct buf b;

    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, j->id);
    put_u64(&b, batch);
    put_u16(&b, count);
    put_raw(&b, facts.data, facts.len);
    if (b.failed)
        j->node->memory_out = true;
    else
        send_node(j->node, to, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&b);
}

/* Everything this node keeps of the job, in as many frames as it takes; only the last one carries
 * the batch number (0 before it, which nobody waits for). */
void holder_send_snapshot(struct job *j, struct node_id to, uint64_t batch)
{
    struct buf facts;
    struct reader r;
    size_t start = 0;
    uint16_t count = 0;

    job_seal(j);
    buf_init(&facts, j->node->alloc, COVER_BYTES_MAX * 2);
    ledger_snapshot(j->ledger, &facts);
    r = reader_of(buf_bytes(&facts));
    while (reader_left(&r) > 0 && !r.failed) {
        size_t before = r.at;

        read_block(&r, FRAME_PAYLOAD_MAX);
        if (count > 0 && r.at - start > SYNC_FACTS_MAX) {
            snapshot_frame(j, to, 0, count, (struct bytes){facts.data + start, before - start});
            start = before;
            count = 0;
        }
        count++;
    }
    if (facts.failed)
        j->node->memory_out = true;
    else
        snapshot_frame(j, to, batch, count, (struct bytes){facts.data + start, facts.len - start});
    buf_clear(&facts);
}

static void send_sync(struct job *j, struct node_id to, bool answer)
{
    const struct claim *c = ledger_claim(j->ledger);
    struct peer_sync m = {.job = j->id, .digest = ledger_digest(j->ledger), .answer = answer};
    uint8_t bytes[256];
    struct buf b;

    if (c != NULL) {
        m.epoch = c->epoch;
        m.boot = c->boot;
        m.coordinator = c->node;
    }
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    send_node(j->node, to, MESSAGE_SYNC, 0, buf_bytes(&b));
}

/* "I do not have that job": the asker need not wait for this node. */
static void send_unknown(struct node *n, struct job_id id, struct node_id to)
{
    struct peer_sync m = {.job = id};
    uint8_t bytes[256];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    send_node(n, to, MESSAGE_SYNC, 0, buf_bytes(&b));
}

void holder_compare(struct job *j, struct node_id other)
{
    send_sync(j, other, true);
}

static bool holds(const struct job *j, struct node_id id)
{
    const struct holders *h = j->ledger == NULL ? NULL : ledger_holders(j->ledger);

    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        if (node_id_equal(h->ids[i], id))
            return true;
    return false;
}

/* A peer is reachable: with every job that both hold, compare. */
void holder_peer_up(struct node *n, struct node_id id)
{
    size_t at = 0;
    struct job *j;

    while ((j = map_next(&n->jobs, &at)) != NULL) {
        if (j->ledger == NULL)
            continue;
        job_mark_busy(j);
        if (!j->live)
            continue;
        /* Whoever holds it now may be named in a fact that did not come here: everybody is asked.
         */
        if (j->lead != NULL && holds(j, id))
            record_replica_up(j, id);
        else
            send_sync(j, id, true);
    }
}

/* Another holder shows its ledger's digest. Facts only get added, so sending everything where the
 * digests differ brings both to the same view. */
int holder_sync(struct node *n, struct node_id from, struct bytes payload)
{
    static const struct digest nothing;
    struct peer_sync m;
    struct job *j;
    int rc = read_peer_sync(payload, &m);

    if (rc < 0)
        return rc;
    j = job_find(n, m.job);
    if (j == NULL || j->ledger == NULL) {
        if (m.answer)
            send_unknown(n, m.job, from);
        return 0;
    }
    j->replayed = false;
    /* One that has nothing of the job is only told when it should have it. */
    if (!digest_equal(m.digest, ledger_digest(j->ledger)) &&
        (!digest_equal(m.digest, nothing) || holds(j, from)))
        holder_send_snapshot(j, from, 0);
    if (m.answer)
        send_sync(j, from, false);
    job_mark_busy(j);
    return 0;
}

/* The coordinator is the author of the greatest claim, while it is the same process and not
 * suspected. */
static bool coordinator_is_well(const struct job *j, const struct claim *c)
{
    const struct node *n = j->node;
    const struct member *m;

    if (node_is_self(n, c->node))
        return j->lead != NULL;
    m = mesh_find(n->mesh, c->node);
    if (m == NULL)
        return !member_is_gone(n, c->node);
    return (m->state == NODE_ALIVE || m->state == NODE_AWAY) && m->info.boot == c->boot;
}

static bool others_are_gone(const struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);

    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        if (!node_is_self(j->node, h->ids[i]) && !member_is_gone(j->node, h->ids[i]))
            return false;
    return true;
}

/* True when this node is the one to claim: the first holder by rank that is there. One that is
 * there and does nothing for a second is stepped over: claims settle who wins. */
static bool is_next_in_rank(const struct job *j, const struct claim *c)
{
    const struct node *n = j->node;
    const struct holders *h = ledger_holders(j->ledger);
    int64_t patience_us = 0;

    for (uint8_t i = 0; h != NULL && i < h->count; i++) {
        if (node_is_self(n, h->ids[i]))
            return instant_since_us(n->now, j->unled_since) >= patience_us;
        if (c != NULL && node_id_equal(h->ids[i], c->node))
            continue;
        if (member_works(n, h->ids[i]))
            patience_us += S_US;
    }
    return false;
}

static void claim_now(struct job *j)
{
    int rc = lead_begin(j, false);

    if (rc < 0)
        log_line(j->node->options.log, LOG_WARNING, "cannot coordinate: %s", err_sentence(rc));
}

/* Where the ledger of a live job may be behind: others have told an outcome that is not here,
 * nobody has answered since a restart, or nothing was heard for long. Whoever should know is asked,
 * once a second; in silence every five. */
static void compare_ledgers(struct job *j)
{
    const struct node *n = j->node;
    const struct entry *e = directory_find(n, j->id);
    const struct holders *h = ledger_holders(j->ledger);
    const struct claim *c = ledger_claim(j->ledger);
    bool ended =
        e != NULL && job_state_is_final((enum job_state)e->state) && e->state != job_final_state(j);
    int64_t silence_us = instant_since_us(n->now, j->heard);

    /* An ended job is looked at until all say the same of it. */
    if (j->settled)
        job_set_live(j, ended);
    if ((j->settled && !ended) || (j->lead != NULL && !ended) ||
        instant_since_us(n->now, j->fetched) < S_US ||
        (!ended && !j->replayed && silence_us < SILENCE_US))
        return;
    j->fetched = j->heard = n->now;
    if (c != NULL && !node_is_self(n, c->node))
        send_sync(j, c->node, true);
    if (ended && !node_is_self(n, e->coordinator) &&
        (c == NULL || !node_id_equal(c->node, e->coordinator)))
        send_sync(j, e->coordinator, true);
    for (uint8_t i = 0; ended && i < e->holders_count; i++)
        if (!node_is_self(n, e->holders[i]))
            send_sync(j, e->holders[i], true);
    for (uint8_t i = 0; !ended && j->replayed && h != NULL && i < h->count; i++)
        if (!node_is_self(n, h->ids[i]))
            send_sync(j, h->ids[i], true);
}

void holder_tend(struct job *j)
{
    struct node *n = j->node;
    const struct claim *c;

    if (j->ledger == NULL || n->stopping)
        return;
    compare_ledgers(j);
    if (j->lead == NULL && job_is_final(j))
        directory_settles(j);
    if (j->settled)
        return;
    c = ledger_claim(j->ledger);
    if (j->lead != NULL) {
        if (c != NULL && claim_compare(c, &j->lead->claim) > 0)
            lead_end(j);
        return;
    }
    /* Others look to the author of the greatest claim, holder or not. */
    if (c != NULL && node_is_self(n, c->node) && c->boot == n->options.boot) {
        claim_now(j);
        return;
    }
    if (!holds(j, n->options.id) || (c != NULL && coordinator_is_well(j, c))) {
        j->unled_since = (struct instant){0};
        return;
    }
    if (j->replayed && !others_are_gone(j))
        return;
    if (j->unled_since.us == 0)
        j->unled_since = n->now;
    if (is_next_in_rank(j, c))
        claim_now(j);
}

void holder_tend_all(struct node *n)
{
    struct job *j, *next;

    for (j = n->live_jobs; j != NULL; j = next) {
        next = j->next_live;
        holder_tend(j);
    }
}
