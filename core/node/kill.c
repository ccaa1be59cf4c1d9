/* Cancelling with proof: the cancel is a fact; `killed` is only said once every holder ever named
 * has synced it. What the directory says of a job is one node's word, so holders are asked whatever
 * it says. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/kill.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/record.h"
#include "core/node/seal.h"
#include "core/node/seek.h"

#define KILL_WAIT_US (5 * S_US)
#define SEND_AGAIN_US (500 * MS_US)
#define KILLS_MAX 1024

static void kill_remove(struct node *n, struct kill_wait *k)
{
    struct kill_wait **at;

    for (at = &n->kills; *at != k; at = &(*at)->next)
        ;
    *at = k->next;
    bytes_free(n, k->fact);
    alloc_free(n->alloc, k, sizeof *k);
}

static bool has_ended_otherwise(uint8_t state)
{
    return job_state_is_final((enum job_state)state) && state != JOB_CANCELLED;
}

static uint32_t waiting_for(const struct kill_wait *k)
{
    uint32_t count = 0;

#if VELUM_PLANT == 28 /* sim: killed is said when the first holder has answered */
    if (k->proof)
        return 0;
#endif
    for (uint32_t i = 0; i < k->asked_count; i++)
        count += !k->asked[i].answered;
    return count;
}

static void say_who_is_away(const struct node *n, const struct kill_wait *k, char *to, size_t cap)
{
    char name[NODE_NAME_SIZE];

    for (uint32_t i = 0; i < k->asked_count; i++) {
        if (k->asked[i].answered)
            continue;
        member_name(n, k->asked[i].id, name);
        text_append(to, cap, to[0] != 0 ? ", " : "");
        text_append(to, cap, name);
    }
    if (k->more)
        text_append(to, cap, to[0] != 0 ? ", others" : "others");
}

/* Nobody who has the job has answered: without an entry there is none, with one that has ended its
 * word is all there is. */
static void kill_fails(struct node *n, const struct kill_wait *k, struct reply_killed *m)
{
    const struct entry *e = directory_find(n, k->job);

    if (e == NULL) {
        reply_error(n, k->link, k->request, 3, "no such job", "velum ps -a lists them");
    } else if (job_state_is_final((enum job_state)e->state)) {
        m->outcome = KILL_ENDED;
        m->state = e->state;
    } else {
        reply_error(n, k->link, k->request, 7,
                    "no node that holds this job has answered, so it is not known to be cancelled",
                    "velum nodes shows who is away; then kill it again");
    }
}

static void kill_answer(struct node *n, struct kill_wait *k)
{
    struct reply_killed m = {.outcome = KILL_DONE, .state = JOB_CANCELLED};
    struct buf b;

    if (link_find(n, k->link) == NULL) {
        kill_remove(n, k);
        return;
    }
    if (has_ended_otherwise(k->state)) {
        m.outcome = KILL_ENDED;
        m.state = k->state;
    } else if (!k->proof) {
        m.state = 0;
        kill_fails(n, k, &m);
    } else if (waiting_for(k) > 0 || k->more) {
        m.outcome = KILL_CANCELLING;
        say_who_is_away(n, k, m.away, sizeof m.away);
    } else {
        directory_killed(n, k->job);
    }
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_reply_killed(&b, &m);
    if (m.state != 0)
        send_link(n, k->link, MESSAGE_REPLY_KILLED, k->request, buf_bytes(&b));
    buf_clear(&b);
    kill_remove(n, k);
}

static bool send_cancel(struct node *n, struct job_id job, struct bytes fact, uint32_t token,
                        struct node_id to)
{
    struct buf b;
    bool sent;

    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, job);
    put_block(&b, fact);
    sent = !b.failed && send_node(n, to, MESSAGE_CANCEL, token, buf_bytes(&b));
    buf_clear(&b);
    return sent;
}

static void kill_send(struct node *n, const struct kill_wait *k, struct kill_asked *to)
{
    to->sent = send_cancel(n, k->job, k->fact, k->token, to->id);
}

static void kill_ask(struct node *n, struct kill_wait *k, struct node_id id, bool likely)
{
    struct kill_asked *x = k->asked;

    while (x < k->asked + k->asked_count && !node_id_equal(x->id, id))
        x++;
    if (x == k->asked + k->asked_count) {
        if (k->asked_count == KILL_HOLDERS_MAX) {
            k->more = true;
            return;
        }
        k->asked_count++;
        *x = (struct kill_asked){.id = id, .likely = likely};
        kill_send(n, k, x);
        return;
    }
    x->likely &= likely;
    if (!x->likely && x->answered && !x->kept) {
        x->answered = false;
        kill_send(n, k, x);
    }
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

/* Holders are waited for, away or not. A coordinator need not be one of them, and may have lost
 * the job since; one that is gone hands nothing out. */
static void kill_ask_named(struct node *n, struct kill_wait *k)
{
    const struct entry *e = directory_find(n, k->job);

    if (e == NULL || k->named)
        return;
    k->named = true;
    for (uint8_t i = 0; i < e->holders_count; i++)
        kill_ask(n, k, e->holders[i], false);
    if (!node_id_is_zero(e->coordinator) && !member_is_gone(n, e->coordinator))
        kill_ask(n, k, e->coordinator, true);
}

/* Another part of the mesh may have taken the same job in without a word of it here; where there is
 * no word at all, anybody may have it, linked or not. */
static void kill_ask_likely(struct node *n, struct kill_wait *k)
{
    struct node_id list[SEEK_MAX];
    uint32_t count = seek_ranked(n, k->job, list);

    for (uint32_t i = 0; i < count; i++)
        if (member_works(n, list[i]) || !k->named)
            kill_ask(n, k, list[i], true);
    kill_ask(n, k, n->options.id, true);
}

static uint32_t kills_count(const struct node *n)
{
    uint32_t count = 0;

    for (const struct kill_wait *k = n->kills; k != NULL; k = k->next)
        count++;
    return count;
}

void kill_begin(struct node *n, uint64_t link, uint32_t request, struct job_id id,
                struct node_id by)
{
    struct kill_wait *k;
    struct buf fact;

    if (directory_find(n, id) == NULL && tombstone_of(n, id) != NULL) {
        reply_gone(n, link, request, id);
        return;
    }
    if (kills_count(n) >= KILLS_MAX) {
        reply_error(n, link, request, 1, "too many jobs are being killed at this node",
                    "try again");
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
    k->since = k->sent = n->now;
    k->next = n->kills;
    n->kills = k;
    kill_ask_named(n, k);
    kill_ask_likely(n, k);
}

void kill_tell(const struct job *j, struct node_id to)
{
    (void)send_cancel(j->node, j->id, ledger_cancel_fact(j->ledger), 0, to);
}

/* Whoever coordinates must know at once, and need not have been asked. Only what is new here goes
 * on, so that it ends. */
static void kill_pass_on(const struct job *j, struct node_id from)
{
    const struct claim *c = ledger_claim(j->ledger);

    if (j->lead == NULL && c != NULL && !node_is_self(j->node, c->node) &&
        !node_id_equal(c->node, from))
        kill_tell(j, c->node);
}

bool kill_forbids(const struct node *n, struct job_id id)
{
    for (uint32_t i = 0; i < KILL_UNSEEN_MAX; i++)
        if (job_id_equal(n->unseen_killed[i], id))
            return true;
    return false;
}

static void remember_unseen(struct node *n, struct job_id id)
{
    if (!kill_forbids(n, id))
        n->unseen_killed[n->unseen_killed_next++ % KILL_UNSEEN_MAX] = id;
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
    struct fact f;
    bool has;
    int rc;

    /* Other kinds are believed from some nodes only, which is not looked at here. */
#if VELUM_PLANT == 203 /* trace/test_holder: other facts come in as a cancel */
    if (!reader_done(&r) || fact_read(fact, &f) < 0)
#else
    if (!reader_done(&r) || fact_read(fact, &f) < 0 || f.kind != FACT_CANCEL)
#endif
        return ERR_FORMAT;
    buf_init(&record, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&record, id);
    put_u16(&record, 1);
    if (j != NULL && j->ledger != NULL && !job_is_final(j)) {
        if (j->lead != NULL)
            record_close(j); /* what came first is in the journal first */
        rc = holder_take_fact(n, id, fact, &record, &count);
        if (rc < 0) {
            buf_clear(&record);
            return rc == ERR_NO_MEMORY ? rc : 0;
        }
        if (count > 0) {
            store_record(n, RECORD_FACTS, buf_bytes(&record), &ticket);
            keep_news(j);
        }
        if (j->lead != NULL && count > 0)
            record_fact(j, ledger_cancel_fact(j->ledger), false);
        else if (count > 0)
            kill_pass_on(j, from);
        lead_advance(j);
    }
    buf_clear(&record);
#if VELUM_PLANT == 5 /* sim: the cancel is confirmed before it is synced */
    ticket = 0;
#endif
    /* What is answered is what is here now: a job that arrives while this waits for the disk has
     * not taken the cancel. */
    has = j == NULL || j->ledger == NULL ? tombstone_of(n, id) != NULL
                                         : job_is_final(j) || ledger_cancel(j->ledger) != NULL;
#if VELUM_PLANT == 407 /* trace/test_kill: what only looks like a cancel forbids a job */
    if (!has)
#else
    if (!has && job_id_equal(f.job, id) && fact_verify(n, &f) == 0)
#endif
        remember_unseen(n, id);
    /* Where there is no room to wait it goes without an answer: the cancel is not proved here. */
    (void)wait_add(n, (struct wait){.ticket = ticket,
                                    .kind = WAIT_CANCELLED,
                                    .job = id,
                                    .node = from,
                                    .number = has,
                                    .request = request});
    return 0;
}

/* Takes the answer of one that was waited for: true when it is one. That it does not have the job
 * ends the waiting only for one that need not have it. */
static bool kill_was_waiting(struct kill_wait *k, struct node_id from, bool known)
{
    for (uint32_t i = 0; i < k->asked_count; i++) {
        struct kill_asked *x = &k->asked[i];

        if (!node_id_equal(x->id, from) || x->answered || (!known && !x->likely))
            continue;
        x->answered = true;
        x->kept = known;
        return true;
    }
    return false;
}

/* Whether there is nothing more to wait for. Where nobody asked had the job and there are others,
 * or the directory may yet tell of it, that is given a second. */
static bool kill_is_over(const struct node *n, const struct kill_wait *k)
{
    int64_t waited_us = instant_since_us(n->now, k->since);

    if (has_ended_otherwise(k->state) || waited_us >= KILL_WAIT_US)
        return true;
    if (k->named || k->proof)
        return waiting_for(k) == 0;
    return waited_us > SEEK_UNKNOWN_US || (waiting_for(k) == 0 && mesh_count(n->mesh) < SEEK_MAX);
}

/* A holder has synced the cancel, or tells that the job had ended. One that does not have the job
 * proves nothing: it may be about to get it. Holders it names that were not asked yet are asked
 * too. */
int kill_cancelled(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint8_t known = read_u8(&r), state = read_u8(&r), count = read_u8(&r);
    struct kill_wait *k;

    if (count > KILL_HOLDERS_MAX || reader_left(&r) != (size_t)count * ID_SIZE)
        return ERR_FORMAT;
    for (k = n->kills; k != NULL && k->token != request; k = k->next)
        ;
    if (k == NULL || !job_id_equal(k->job, id) || !kill_was_waiting(k, from, known != 0))
        return 0;
    k->proof |= known != 0;
    k->more |= known == 2;
    if (has_ended_otherwise(state))
        k->state = state;
#if VELUM_PLANT == 29 /* trace/test_kill: holders that an answer names are not asked */
    count = 0;
#endif
    for (uint8_t i = 0; i < count; i++)
        kill_ask(n, k, read_node_id(&r), false);
    if (kill_is_over(n, k))
        kill_answer(n, k);
    return 0;
}

void kill_tick(struct node *n)
{
    struct kill_wait *k, *next;
    bool again;

    for (k = n->kills; k != NULL; k = next) {
        next = k->next;
        again = instant_since_us(n->now, k->sent) > SEND_AGAIN_US;
        if (again)
            k->sent = n->now;
        kill_ask_named(n, k);
        for (uint32_t i = 0; i < k->asked_count; i++)
            if (!k->asked[i].answered && (again || !k->asked[i].sent))
                kill_send(n, k, &k->asked[i]);
        if (kill_is_over(n, k))
            kill_answer(n, k);
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
        k->since = instant_plus_us(k->since, late_us);
}
