/* Cancelling with proof: the cancel is a fact; `killed` is only said once every holder ever named
 * has synced it. What the directory says of a job is one node's word, so holders are asked whatever
 * it says. */
#include <string.h>

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/directory.h"
#include "core/node/events.h"
#include "core/node/forget.h"
#include "core/node/holder.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/kill.h"
#include "core/node/kill_right.h"
#include "core/node/lead.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/permit.h"
#include "core/node/record.h"
#include "core/node/request.h"
#include "core/node/seal.h"
#include "core/node/seek.h"
#include "core/node/stages.h"

#define KILL_WAIT_US (5 * S_US)
#define SEND_AGAIN_US (500 * MS_US)
#define KILLS_MAX 1024
#define KNOWN_REFUSED 3

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

static void note(struct node *n, uint64_t link, enum event_note_kind kind, struct job_id job,
                 const char *text)
{
    const struct link_entry *l = link_find(n, link);

    if (l != NULL)
        event_note(n, kind, l->id, job.bytes, text);
}

/* Nobody who has the job has answered: without an entry there is none, with one that has ended its
 * word is all there is. */
static void kill_fails(struct node *n, const struct kill_wait *k, struct reply_killed *m)
{
    const struct entry *e = directory_find(n, k->job);

    if (k->refused) {
        note(n, k->link, EVENT_NOTE_REFUSED, k->job, "kill of what is another's");
        reply_error(n, k->link, k->request, 4, "this job is somebody else's",
                    "its author can end it, or an admin of the mesh");
    } else if (e == NULL) {
        request_no_such_job(n, k->link, k->request);
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
    } else if (!k->alone) {
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

static int make_stage_cancel(struct node *n, struct job_id id, const struct stage_cancel *c,
                             struct buf *fact)
{
    struct buf body;
    int rc;

    buf_init(&body, n->alloc, 1024 + STAGE_CANCEL_SET_MAX);
    put_stage_cancel_body(&body, id, c);
    rc = buf_result(&body);
    if (rc == 0)
        rc = seal_fact(n, FACT_STAGE_CANCEL, buf_bytes(&body), fact);
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

/* Only where its job is known here to have all its stages, and not so many. */
static bool is_no_stage(const struct node *n, const struct request_kill *m)
{
    const struct job *j = job_find(n, m->job);

    return m->alone && j != NULL && j->ledger != NULL && ledger_is_whole(j->ledger) &&
           m->stage >= j->graph->count;
}

/* The user's own word goes to the holders, each of which judges it. */
static bool is_signed(struct node *n, uint64_t link, uint32_t request, const struct request_kill *m)
{
    if (m->fact.len == 0)
        reply_error(n, link, request, 1, "this command is of an older velum: it signs no kill",
                    "update it; velum nodes lists the versions");
    else if (kill_right_asked(n, m) == 0)
        return true;
    else
        reply_error(n, link, request, 4, "the kill is not signed by a user who may end jobs now",
                    "velum doctor, which looks at your certificate");
    if (m->fact.len > 0)
        note(n, link, EVENT_NOTE_FORGED, m->job, "a kill that is not signed by who may end jobs");
    return false;
}

void kill_begin(struct node *n, uint64_t link, uint32_t request, const struct request_kill *m)
{
    struct job_id id = m->job;
    char why[VIEW_ERROR_SIZE];
    struct kill_wait *k;

    if (!is_signed(n, link, request, m))
        return;
    if (is_no_stage(n, m)) {
        reply_error(n, link, request, 3, "this job has no such stage", "velum show JOB lists them");
        return;
    }
    if (directory_find(n, id) == NULL && tombstone_of(n, id) != NULL) {
        reply_gone(n, link, request, id);
        return;
    }
    if (m->alone &&
        !level_all_have(n, FEATURE_STAGE_CANCEL, "kills of single stages", why, sizeof why)) {
        reply_error(n, link, request, 1, why, "update that node, or kill the whole job");
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
    k->fact = bytes_copy(n, m->fact);
    k->link = link;
    k->request = request;
    k->token = ++n->token_counter;
    k->job = id;
    k->alone = m->alone;
    k->stage = m->stage;
    k->since = k->sent = n->now;
    k->next = n->kills;
    n->kills = k;
    kill_ask_named(n, k);
    kill_ask_likely(n, k);
    event_note(n, EVENT_NOTE_KILLED, permit_asking(n, link).id, id.bytes,
               m->alone ? "one stage of it" : "");
}

void kill_tell(const struct job *j, struct node_id to)
{
    (void)send_cancel(j->node, j->id, ledger_cancel_fact(j->ledger), 0, to);
}

/* Whoever coordinates must know at once, and need not have been asked. Only what is new here goes
 * on, so that it ends. */
static void kill_pass_on(const struct job *j, struct node_id from, struct bytes fact)
{
    const struct claim *c = ledger_claim(j->ledger);

    if (c != NULL && !node_is_self(j->node, c->node) && !node_id_equal(c->node, from))
        (void)send_cancel(j->node, j->id, fact, 0, c->node);
}

static bool unseen_forbids(const struct kill_unseens *u, struct job_id id, struct node_id author)
{
    for (uint32_t i = 0; i < KILL_UNSEEN_MAX; i++) {
        const struct kill_unseen *x = &u->list[i];

        if (job_id_equal(x->job, id) && (x->of_all || node_id_equal(x->by, author)))
            return true;
    }
    return false;
}

bool kill_forbids(const struct node *n, struct job_id id, struct node_id author)
{
    return unseen_forbids(&n->unseen_killed[false], id, author) ||
           unseen_forbids(&n->unseen_killed[true], id, author);
}

/* Anybody may name jobs that there are not: that pushes no admin's word out. */
static void remember_unseen(struct node *n, struct job_id id, const struct signer *by)
{
    struct kill_unseen x = {.job = id, .by = by->id, .of_all = by->party == PARTY_USER};
#if VELUM_PLANT == 953 /* trace/test_kill: kills of what there is not push out an admin's */
    struct kill_unseens *u = &n->unseen_killed[false];
#else
    struct kill_unseens *u = &n->unseen_killed[x.of_all];
#endif

    if (!kill_forbids(n, id, by->id))
        u->list[u->next++ % KILL_UNSEEN_MAX] = x;
}

/* Many facts that say that a stage near this one is cancelled become one. */
static void join_stage_cancels(struct job *j, uint32_t stage)
{
    struct stage_cancel all = ledger_stage_cancels(j->ledger, stage);
    struct buf fact;

#if VELUM_PLANT != 716 /* trace/test_kill_stage: each kill of a stage keeps its own fact */
    if (!ledger_stage_cancels_apart(j->ledger, stage))
        return;
#else
    return;
#endif
    all.by = j->node->options.id;
    buf_init(&fact, j->node->alloc, FRAME_PAYLOAD_MAX);
    if (make_stage_cancel(j->node, j->id, &all, &fact) < 0 ||
        ledger_apply(j->ledger, buf_bytes(&fact)) < 0)
        j->node->memory_out |= fact.no_memory;
    else
        record_fact(j, buf_bytes(&fact), false);
    buf_clear(&fact);
}

/* What a coordinator has taken goes to the other holders, too. */
static void took_cancel(struct job *j, struct node_id from, struct bytes fact, const struct fact *f)
{
    keep_news(j);
    if (j->lead == NULL) {
        kill_pass_on(j, from, fact);
        return;
    }
    record_fact(j, fact, false);
    if (f->kind == FACT_STAGE_CANCEL)
        join_stage_cancels(j, stage_cancel_last(&f->stage_cancel));
}

/* 1: it was new here; *ticket is that of its record. 0: it was not, or cannot be taken. */
static int take_cancel(struct job *j, struct node_id from, struct bytes fact, const struct fact *f,
                       uint64_t *ticket)
{
    struct node *n = j->node;
    uint16_t count = 0;
    struct buf record;
    int rc;

    buf_init(&record, n->alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&record, j->id);
    put_u16(&record, 1);
    if (j->lead != NULL)
        record_close(j); /* what came first is in the journal first */
    rc = holder_take_fact(n, j->id, from, fact, &record, &count);
    if (rc >= 0 && count > 0) {
        store_record(n, RECORD_FACTS, buf_bytes(&record), ticket);
        took_cancel(j, from, fact, f);
    }
    buf_clear(&record);
    if (rc >= 0)
        lead_advance(j);
    return rc < 0 ? rc : count;
}

/* What may be said of a stage that is to be cancelled: 0, or 1 and behind it the state of the
 * stage, or of its job where that has ended. */
static uint64_t answer_of_stage(const struct job *j, uint32_t stage)
{
    uint8_t state = 0;

    if (stage >= j->graph->count)
        return 0;
    if (stage_is_complete(j, stage))
        state = JOB_DONE;
    else if (ledger_stage_cancelled(j->ledger, stage))
        state = JOB_CANCELLED;
    else
        state = job_final_state(j);
    return state == 0 ? 0 : (uint64_t)state << 8 | 1;
}

/* What is answered is what is here now: a job that arrives while this waits for the disk has not
 * taken the cancel. */
static uint64_t answer_of(const struct node *n, const struct job *j, struct job_id id,
                          const struct fact *f)
{
    if (j == NULL || j->ledger == NULL)
        return tombstone_of(n, id) != NULL;
    if (f->kind == FACT_STAGE_CANCEL)
        return answer_of_stage(j, stage_cancel_last(&f->stage_cancel));
    return job_is_final(j) || ledger_cancel(j->ledger) != NULL;
}

/* Who does not know of this answer has signed the cancel himself, being of old: to him this node
 * does not have the job. */
static void say_refused(struct node *n, struct node_id to, uint32_t request, struct job_id id,
                        const struct fact *f)
{
    struct signer by;
    uint8_t bytes[ID_SIZE + 3];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, id);
    put_u8(&b, fact_signer(n, f, &by) == 0 && kill_is_users(&by, f) ? KNOWN_REFUSED : 0);
    put_u8(&b, 0);
    put_u8(&b, 0);
    send_node(n, to, MESSAGE_CANCELLED, request, buf_bytes(&b));
}

/* A submission of it may be under way, of a user who has taken it back. */
static void forbid(struct node *n, struct job_id id, const struct fact *f)
{
    struct signer by;

#if VELUM_PLANT == 407 /* trace/test_kill: what only looks like a cancel forbids a job */
    by = (struct signer){.party = PARTY_USER};
    remember_unseen(n, id, &by);
#else
    if (f->kind == FACT_CANCEL && job_id_equal(f->job, id) && fact_signer(n, f, &by) == 0 &&
        kill_is_users(&by, f) && !acts_revoked(n, by.id))
        remember_unseen(n, id, &by);
#endif
}

/* At a holder: the cancel is kept, and said to be kept once it is synced. */
int kill_cancel(struct node *n, struct node_id from, uint32_t request, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    struct bytes fact = read_block(&r, FRAME_PAYLOAD_MAX);
    struct job *j = job_find(n, id);
    uint64_t ticket = n->ticket_last, number;
    struct fact f;
    int rc = 0;

    /* Other kinds are believed from some nodes only, which is not looked at here. */
    if (!reader_done(&r) || fact_read(fact, &f) < 0 ||
        (f.kind != FACT_CANCEL && f.kind != FACT_STAGE_CANCEL))
        return ERR_FORMAT;
    if (j != NULL && j->ledger != NULL && kill_right(j, from, &f) < 0) {
        say_refused(n, from, request, id, &f);
        return 0;
    }
    if (j != NULL && j->ledger != NULL && !job_is_final(j))
        rc = take_cancel(j, from, fact, &f, &ticket);
    /* A stage that this node has not heard of yet, among others: it is asked again. */
    if (rc < 0)
        return rc == ERR_NO_MEMORY ? rc : 0;
#if VELUM_PLANT == 5 /* sim: the cancel is confirmed before it is synced */
    ticket = 0;
#endif
    number = answer_of(n, job_find(n, id), id, &f);
    if (number == 0)
        forbid(n, id, &f);
    /* Where there is no room to wait it goes without an answer: the cancel is not proved here. */
    (void)wait_add(n, (struct wait){.ticket = ticket,
                                    .kind = WAIT_CANCELLED,
                                    .job = id,
                                    .node = from,
                                    .number = number,
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

/* This node may have named holders itself since it was asked: a coordinator that has just met one.
 */
static void kill_ask_own(struct node *n, struct kill_wait *k)
{
    const struct job *j = job_find(n, k->job);
    struct node_id list[KILL_HOLDERS_MAX];
    uint32_t count;

#if VELUM_PLANT == 767 /* trace/test_kill_stage: who is named meanwhile is not waited for */
    return;
#endif
    if (j == NULL || j->ledger == NULL)
        return;
    count = ledger_ever_holders(j->ledger, list, KILL_HOLDERS_MAX);
    for (uint32_t i = 0; i < count && i < KILL_HOLDERS_MAX; i++)
        kill_ask(n, k, list[i], false);
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
    return waited_us > SEEK_UNKNOWN_US || (waiting_for(k) == 0 && mesh_count(n->mesh) < SEEK_MAX &&
                                             !mesh_is_calling(n->mesh));
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
    k->refused |= known == KNOWN_REFUSED;
    k->proof |= known == 1 || known == 2;
    k->more |= known == 2;
    if (has_ended_otherwise(state))
        k->state = state;
#if VELUM_PLANT == 29 /* trace/test_kill: holders that an answer names are not asked */
    count = 0;
#endif
    for (uint8_t i = 0; i < count; i++)
        kill_ask(n, k, read_node_id(&r), false);
    kill_ask_own(n, k);
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
        kill_ask_own(n, k);
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
