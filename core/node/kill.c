/* Cancelling with proof: the cancel is a fact; `killed` is only said once every holder ever named
 * has synced it. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/kill.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/seal.h"

#define KILL_WAIT_US (5 * S_US)
#define LIKELY_MAX 16 /* in a larger mesh only these beside the holders */
#define SEND_AGAIN_US (500 * MS_US)

static void kill_remove(struct node *n, struct kill_wait *k)
{
    struct kill_wait **at;

    for (at = &n->kills; *at != k; at = &(*at)->next)
        ;
    *at = k->next;
    bytes_free(n, k->fact);
    alloc_free(n->alloc, k, sizeof *k);
}

static void kill_answer(struct node *n, struct kill_wait *k)
{
    struct reply_killed m = {.outcome = KILL_DONE, .state = JOB_CANCELLED};
    char name[NODE_NAME_SIZE];
    struct buf b;

    if (k->waiting_count > 0 || !k->proof)
        m.outcome = KILL_CANCELLING;
    if (k->state != 0 && k->state != JOB_CANCELLED) {
        m.outcome = KILL_ENDED;
        m.state = k->state;
    }
    for (uint32_t i = 0; i < k->waiting_count; i++) {
        member_name(n, k->waiting[i].id, name);
        if (i > 0)
            text_append(m.away, sizeof m.away, ", ");
        text_append(m.away, sizeof m.away, name);
    }
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_reply_killed(&b, &m);
    if (link_find(n, k->link) != NULL)
        send_link(n, k->link, MESSAGE_REPLY_KILLED, k->request, buf_bytes(&b));
    buf_clear(&b);
    kill_remove(n, k);
}

static void kill_send(struct node *n, const struct kill_wait *k, struct node_id to)
{
    struct buf b;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, k->job);
    put_block(&b, k->fact);
    if (!b.failed)
        send_node(n, to, MESSAGE_CANCEL, k->token, buf_bytes(&b));
    buf_clear(&b);
}

static void kill_ask(struct node *n, struct kill_wait *k, struct node_id id, bool likely)
{
    for (uint32_t i = 0; i < k->asked_count; i++)
        if (node_id_equal(k->asked[i].id, id))
            return;
    if (k->asked_count == KILL_HOLDERS_MAX)
        return;
    k->asked[k->asked_count++] = (struct kill_asked){id, likely};
    k->waiting[k->waiting_count++] = (struct kill_asked){id, likely};
    kill_send(n, k, id);
}

static int make_cancel(struct node *n, struct job_id id, struct node_id by, enum job_state state,
                       struct buf *fact)
{
    struct cancel c = {.by = by, .state = (uint8_t)state};
    struct buf body;
    int rc;

    buf_init(&body, n->alloc, 1024);
    put_cancel_body(&body, id, &c);
    rc = seal_fact(n, FACT_CANCEL, buf_bytes(&body), fact);
    buf_clear(&body);
    return rc;
}

void kill_begin(struct node *n, uint64_t link, uint32_t request, struct job_id id,
                struct node_id by)
{
    const struct entry *e = directory_find(n, id);
    struct kill_wait *k;
    struct buf fact;

    if (e == NULL) {
        bool gone = map_get(&n->tombstones, &id) != NULL;

        reply_error(n, link, request, gone ? 9 : 3,
                    gone ? "this job has ended and is gone" : "no such job",
                    "velum ps -a lists them");
        return;
    }
    k = node_alloc(n, sizeof *k);
    if (k == NULL)
        return;
    buf_init(&fact, n->alloc, 8192);
    if (make_cancel(n, id, by, JOB_CANCELLED, &fact) < 0)
        n->memory_out = true;
    k->fact = bytes_copy(n, buf_bytes(&fact));
    buf_clear(&fact);
    k->link = link;
    k->request = request;
    k->token = ++n->token_counter;
    k->job = id;
    k->until = instant_plus_us(n->now, KILL_WAIT_US);
    k->sent = n->now;
    k->state = job_state_is_final((enum job_state)e->state) ? e->state : 0;
    k->next = n->kills;
    n->kills = k;
    if (k->state != 0 && k->state != JOB_CANCELLED) {
        kill_answer(n, k);
        return;
    }
    for (uint8_t i = 0; i < e->holders_count; i++)
        kill_ask(n, k, e->holders[i], false);
    /* Another part of the mesh may have taken the same job in without a word of it here. */
    for (uint32_t i = 0; i < mesh_count(n->mesh) && i < LIKELY_MAX; i++)
        if (member_works(n, mesh_at(n->mesh, i)->info.id))
            kill_ask(n, k, mesh_at(n->mesh, i)->info.id, true);
    kill_ask(n, k, n->options.id, true);
}

/* At a holder: the cancel is kept, and said to be kept once it is synced. */
int kill_cancel(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct bytes fact = read_block(&r, FRAME_PAYLOAD_MAX);
    struct job *j = job_find(n, id);
    uint64_t ticket = n->ticket_last;
    uint16_t count = 0;
    struct buf record;
    int rc;

    if (!reader_done(&r))
        return ERR_FORMAT;
    buf_init(&record, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&record, id);
    put_u16(&record, 1);
    if (j != NULL && j->ledger != NULL && !job_is_final(j)) {
        rc = holder_take_fact(n, id, fact, &record, &count);
        if (rc < 0) {
            buf_clear(&record);
            return rc == ERR_NO_MEMORY ? rc : 0;
        }
        if (count > 0)
            store_record(n, RECORD_FACTS, buf_bytes(&record), &ticket);
        if (j->lead != NULL && count > 0)
            record_fact(j, ledger_cancel_fact(j->ledger), false);
        lead_advance(j);
    }
    buf_clear(&record);
#if VELUM_PLANT == 5 /* the cancel is confirmed before it is synced */
    ticket = 0;
#endif
    return wait_add(
        n,
        (struct wait){
            .ticket = ticket, .kind = WAIT_CANCELLED, .job = id, .node = from, .request = request});
}

/* Takes the answer of one that was waited for: true when it is one. That it does not have the job
 * ends the waiting only for one that need not have it. */
static bool kill_was_waiting(struct kill_wait *k, struct node_id from, bool known)
{
    for (uint32_t i = 0; i < k->waiting_count; i++) {
        if (!node_id_equal(k->waiting[i].id, from) || (!known && !k->waiting[i].likely))
            continue;
        k->waiting[i] = k->waiting[--k->waiting_count];
        return true;
    }
    return false;
}

/* A holder has synced the cancel, or tells that the job had ended. One that does not have the job
 * proves nothing: it may be about to get it. Holders it names that were not asked yet are asked
 * too. */
int kill_cancelled(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    bool known = read_u8(&r) != 0;
    uint8_t state = read_u8(&r), count = read_u8(&r);
    struct kill_wait *k;

    if (count > KILL_HOLDERS_MAX || reader_left(&r) != (size_t)count * ID_SIZE)
        return ERR_FORMAT;
    for (k = n->kills; k != NULL && k->token != request; k = k->next)
        ;
    if (k == NULL || !job_id_equal(k->job, id) || !kill_was_waiting(k, from, known))
        return 0;
    k->proof |= known;
    if (state != 0 && state != JOB_CANCELLED)
        k->state = state;
    for (uint8_t i = 0; i < count; i++)
        kill_ask(n, k, read_node_id(&r), false);
    if (k->waiting_count == 0)
        kill_answer(n, k);
    return 0;
}

void kill_tick(struct node *n)
{
    struct kill_wait *k, *next;

    for (k = n->kills; k != NULL; k = next) {
        next = k->next;
        if (instant_reached(n->now, k->until)) {
            kill_answer(n, k);
        } else if (instant_since_us(n->now, k->sent) > SEND_AGAIN_US) {
            k->sent = n->now;
            for (uint32_t i = 0; i < k->waiting_count; i++)
                kill_send(n, k, k->waiting[i].id);
        }
    }
}

void kill_link_down(struct node *n, uint64_t link)
{
    for (struct kill_wait *k = n->kills; k != NULL; k = k->next)
        if (k->link == link)
            k->link = 0;
}

void kills_free(struct node *n)
{
    while (n->kills != NULL)
        kill_remove(n, n->kills);
}

/* The coordinator itself ends the job: its time ran out. */
int cancel_here(struct job *j, struct node_id by, enum job_state state)
{
    struct buf fact;
    int rc;

    buf_init(&fact, j->node->alloc, 8192);
    rc = make_cancel(j->node, j->id, by, state, &fact);
    if (rc == 0)
        rc = ledger_apply(j->ledger, buf_bytes(&fact));
    if (rc > 0) {
        record_fact(j, buf_bytes(&fact), true);
        lead_advance(j);
    }
    buf_clear(&fact);
    return rc < 0 ? rc : 0;
}

void kill_late(struct node *n, int64_t late_us)
{
    for (struct kill_wait *k = n->kills; k != NULL; k = k->next)
        k->until = instant_plus_us(k->until, late_us);
}
