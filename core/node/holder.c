#include <string.h>

#include "core/base/err.h"
#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/greet.h"
#include "core/node/hearsay.h"
#include "core/node/holder.h"
#include "core/node/holder_tend.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/kill.h"
#include "core/node/lead.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/outcome.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/seal.h"
#include "core/node/submit.h"
#include "core/node/take.h"
#include "core/node/vouch.h"
#include "core/node/watch.h"

#define SILENCE_US (5 * S_US)
#define COMPARE_ENDED_US (2 * S_US)
#define COMPARE_NEWS_US (500 * MS_US)
#define LOOKS_MAX 1024         /* ended jobs that may be compared, in a round */
#define FACTS_USUAL_BYTES 4096 /* of a job that is shown: no need to grow towards it */
#define COMPARES_MAX 64        /* ended jobs in a round; what is left has the next one */

/* Who has retired is no part of an ended job's digest: it is told where two holders compare theirs
 * and know different things of that, so that one that missed it asks a node that has given the job
 * up only once. */
static void show_former(struct job *j, struct node_id to)
{
    struct buf fact;

    buf_init(&fact, j->node->alloc, FRAME_PAYLOAD_MAX);
    if (ledger_put_former(j->ledger, &fact))
        (void)parcel_frame(j->node, j->id, to, 0, false, 1, buf_bytes(&fact));
    j->node->memory_out |= fact.no_memory;
    buf_clear(&fact);
}

static void send_sync(struct job *j, struct node_id to, enum sync_answer answer)
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
    if (j->kept) {
        m.former = ledger_former_mark(j->ledger);
        m.whole = ledger_account_is_whole(j->ledger);
    }
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    send_node(j->node, to, MESSAGE_SYNC, 0, buf_bytes(&b));
}

/* Where both have seen it end there is nothing to say about what is equal. */
static void ask_sync(struct job *j, struct node_id to)
{
    send_sync(j, to, j->kept ? SYNC_ANSWER_DIFFERENCE : SYNC_ANSWER);
}

/* A former holder that is not known to have given the job up. */
static bool may_have_stayed(const struct job *j, struct node_id id)
{
    return !take_is_holder(j, id) && ledger_was_holder(j->ledger, id) &&
           !ledger_has_retired(j->ledger, id);
}

/* Holders before them too: in two halves of the mesh others were named, and who is named here no
 * more may have nobody else to hear it from. */
void holder_compare_all(struct job *j)
{
    const struct holders *h = ledger_holders(j->ledger);
    struct node_id ever[FACT_TERMS_MAX];
    uint32_t count = ledger_ever_holders(j->ledger, ever, FACT_TERMS_MAX);

    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        if (!node_is_self(j->node, h->ids[i]))
            ask_sync(j, h->ids[i]);
    for (uint32_t i = 0; i < count; i++)
        if (!node_is_self(j->node, ever[i]) && may_have_stayed(j, ever[i]))
            ask_sync(j, ever[i]);
}

/* News of an ended job are compared a little later, and once however many there are: whoever tells
 * them is telling the other holders too, and ledgers that are compared meanwhile differ for no
 * other reason, so that everybody would show everything to everybody. */
static void compare_news_later(struct job *j)
{
    struct node *n = j->node;

#if VELUM_PLANT == 230 /* trace/test_copies: what is new of an ended job is compared at once */
    holder_compare_all(j);
#endif
    if (j->changed)
        return;
    j->changed = true;
    j->changed_at = n->now;
    j->next_changed = NULL;
    j->prev_changed = n->changed_last;
    if (n->changed_last != NULL)
        n->changed_last->next_changed = j;
    else
        n->changed_first = j;
    n->changed_last = j;
}

void holder_changed_gone(struct job *j)
{
    struct node *n = j->node;

    if (!j->changed)
        return;
    j->changed = false;
    if (j->prev_changed != NULL)
        j->prev_changed->next_changed = j->next_changed;
    else
        n->changed_first = j->next_changed;
    if (j->next_changed != NULL)
        j->next_changed->prev_changed = j->prev_changed;
    else
        n->changed_last = j->prev_changed;
}

static void compare_news(struct node *n)
{
    uint32_t left = COMPARES_MAX;
    struct job *j;

#if VELUM_PLANT == 568 /* trace/test_ended: all news of ended jobs are compared in one round */
    left = UINT32_MAX;
#endif
    while (left-- > 0 && (j = n->changed_first) != NULL &&
           instant_since_us(n->now, j->changed_at) >= COMPARE_NEWS_US) {
        holder_changed_gone(j);
#if VELUM_PLANT != 231 /* trace/test_copies: what is new of an ended job is compared never */
        holder_compare_all(j);
#endif
    }
}

/* Whoever knew it already says nothing more; who told it, and all else, need not hear it. */
static void pass_former_on(struct job *j, struct node_id from)
{
    const struct holders *h = ledger_holders(j->ledger);

#if VELUM_PLANT == 567 /* trace/test_places: who has retired is known to one holder only */
    return;
#endif
    for (uint8_t i = 0; h != NULL && i < h->count; i++)
        if (!node_is_self(j->node, h->ids[i]) &&
            (!j->node->told_all_former || !node_id_equal(h->ids[i], from)))
            show_former(j, h->ids[i]);
}

/* Looks at what a fact changed. An outcome that another node has told already is settled. */
static void facts_arrived(struct job *j, struct node_id from)
{
    if (j->lead != NULL && job_is_final(j))
        outcome_adopt(j);
    job_learn_age(j, false);
#if VELUM_PLANT != 222 /* trace/test_places: a leaving node gives up what came while it left */
    keep_news(j);
#endif
    /* News of an ended job: holders that were compared before do not have it yet, and this node may
     * be a holder no more. */
    if (j->kept && j->node->told_more)
        compare_news_later(j);
    if (j->kept && j->node->told_former)
        pass_former_on(j, from);
    if (j->kept)
        keep_look_again(j->node, 0);
    lead_advance(j);
    if (j->lead == NULL)
        directory_stand_in(j);
    if (j->lead == NULL)
        directory_settles(j);
    else
        replicas_follow(j);
    watch_job(j->node, j->id);
    job_mark_busy(j);
}

int holder_take_fact(struct node *n, struct job_id id, struct node_id from, struct bytes fact,
                     struct buf *news, uint16_t *news_count)
{
    struct job *j = job_find(n, id);

    return take_told(n, &j, id, from, fact, news, news_count);
}

/* Not all of a batch was taken. */
static void send_refused(struct node *n, struct job_id id, struct node_id to, uint64_t batch,
                         bool unread)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, id);
    put_u64(&b, batch);
    put_u8(&b, unread ? ANSWER_UNREAD : ANSWER_REFUSED);
    send_node(n, to, MESSAGE_FACTS_KEPT, 0, buf_bytes(&b));
}

/* "I do not have that job": the asker need not wait for this node. With a state: it has ended here
 * and is gone. */
static void send_unknown(struct node *n, struct job_id id, struct node_id to, uint8_t gone)
{
    struct peer_sync m = {.job = id, .gone = gone};
    uint8_t bytes[256];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    send_node(n, to, MESSAGE_SYNC, 0, buf_bytes(&b));
}

/* Facts on their way into one record. */
static void news_begin(struct buf *news, struct job_id id)
{
    buf_reset(news);
    put_job_id(news, id);
    put_u16(news, 0);
}

static int news_store(struct node *n, struct buf *news, uint16_t *count, uint64_t *ticket)
{
    int rc = 0;

    n->memory_out |= news->failed;
    if (*count > 0 && !news->failed) {
        store_u16(news->data + ID_SIZE, *count);
        rc = store_record(n, RECORD_FACTS, buf_bytes(news), ticket);
    }
    *count = 0;
    return news->failed ? ERR_NO_MEMORY : rc;
}

/* All the facts of a frame; those that are new become records, *ticket that of the last one. Gives
 * how many were refused, or an error; *unread: one of these is of a later generation. */
static int take_all(struct node *n, struct job_id id, struct node_id from, struct reader *r,
                    uint64_t *ticket, bool *unread)
{
    uint16_t count = read_u16(r), news_count = 0;
    struct job *j = job_find(n, id);
    bool any = false;
    struct buf news;
    int rc = 0, refused = 0;

    /* Naming runs may make a fact longer, by RUNS_NAMED_MAX short ones at most. */
    buf_init(&news, n->alloc, 3 * FRAME_PAYLOAD_MAX);
    news_begin(&news, id);
    for (uint16_t i = 0; i < count && !r->failed && rc != ERR_NO_MEMORY; i++) {
        struct bytes fact = read_block(r, FRAME_PAYLOAD_MAX);

        if (r->failed)
            break;
        rc = take_told(n, &j, id, from, fact, &news, &news_count);
        any |= news_count > 0;
        refused += rc < 0;
        *unread |= rc == ERR_VERSION;
        if (news.len < FRAME_PAYLOAD_MAX || rc == ERR_NO_MEMORY)
            continue;
        rc = news_store(n, &news, &news_count, ticket);
        news_begin(&news, id);
    }
    if (rc != ERR_NO_MEMORY)
        rc = reader_done(r) ? 0 : ERR_FORMAT;
    if (news_count > 0 || news.failed) {
        int stored = news_store(n, &news, &news_count, ticket);
        rc = rc == ERR_NO_MEMORY ? rc : stored;
    }
    buf_clear(&news);
    if (rc == 0 && any)
        facts_arrived(j, from);
    return rc < 0 ? rc : refused;
}

int holder_take_lists(struct job *j, struct node_id from, struct bytes lists)
{
    struct reader r = reader_of(lists);
    uint64_t ticket = 0;
    bool unread = false;
    int rc = take_all(j->node, j->id, from, &r, &ticket, &unread);

    /* Those behind one that is missing are sent again, when their leaves come back. */
    return rc < 0 ? rc : unread ? ERR_VERSION : 0;
}

/* NULL: nothing of it was refused. */
static struct node_id *gap_of(struct job *j, struct node_id from)
{
    for (size_t i = 0; i < sizeof j->gaps / sizeof j->gaps[0]; i++)
        if (node_id_equal(j->gaps[i], from))
            return &j->gaps[i];
    return NULL;
}

/* So many nodes tell of one job at a time only after partitions of partitions: one more takes the
 * first one's place. */
static void gap_add(struct job *j, struct node_id from)
{
    struct node_id *place = gap_of(j, from);

#if VELUM_PLANT == 772 /* trace/test_holder: who else was refused is forgotten */
    place = &j->gaps[0];
#endif
    if (place == NULL)
        place = gap_of(j, (struct node_id){0});
    *(place == NULL ? &j->gaps[0] : place) = from;
}

/* A fact that could not be taken must not look kept, neither by this batch nor by a later one: the
 * coordinator hears that and shows everything once more. */
static void answer_facts(struct node *n, struct job_id id, struct node_id from, uint64_t batch,
                         uint64_t ticket, int refused, bool unread)
{
    struct job *j = job_find(n, id);
    struct wait w = {
        .ticket = ticket, .kind = WAIT_FACTS_KEPT, .job = id, .node = from, .number = batch};

    w.boot = member_boot(n, from);
#if VELUM_PLANT != 27 /* trace/test_holder: a batch that was not taken whole is called kept */
    if (refused != 0 && j != NULL)
        gap_add(j, from);
#endif
    /* Without room to wait for the disk it is refused too, so that it is shown again later. */
    if (j == NULL || gap_of(j, from) != NULL || (batch > 0 && wait_add(n, w) == ERR_FULL))
        send_refused(n, id, from, batch, unread);
}

/* How the job stands with others is known from those only who have it. */
static void has_answered(struct job *j, struct node_id from)
{
#if VELUM_PLANT != 1053 /* trace/test_ended: an empty frame of anybody lets a node lead again */
    if (j->ledger != NULL && !take_may_tell(j, from))
        return;
#endif
    j->replayed = false;
    j->heard = j->node->now;
}

int holder_facts(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint64_t batch = read_u64(&r), ticket = n->ticket_last;
    bool first = read_u8(&r) != 0;
    const struct tombstone *t = tombstone_of(n, id);
    struct job *j = job_find(n, id);
    struct node_id *gap;
    bool unread = false;
    int rc;

#if VELUM_PLANT == 26 /* trace/test_holder: nobody looks at tombstones */
    t = NULL;
#endif
    if (t != NULL && !r.failed) {
        send_unknown(n, id, from, t->state);
        return 0;
    }
#if VELUM_PLANT == 709 /* trace/test_holder: what one sender's batch lacked another's fills */
    gap = j != NULL && first ? &j->gaps[0] : NULL;
#else
    gap = j != NULL && first ? gap_of(j, from) : NULL;
#endif
    if (gap != NULL)
        *gap = (struct node_id){0};
        /* What came first is in the journal first. */
#if VELUM_PLANT != 244 /* trace/test_coordinator: an outcome is written before what was counted */
    if (j != NULL && j->lead != NULL)
        record_close(j);
#endif
    n->told_old = n->told_late = n->told_former = n->told_more = false;
    n->told_all_former = false;
    rc = take_all(n, id, from, &r, &ticket, &unread);
#if VELUM_PLANT == 1 /* sim: a copy is confirmed before it is synced */
    ticket = 0;
#endif
    if (rc < 0)
        return rc;
    answer_facts(n, id, from, batch, ticket, rc, unread);
    j = job_find(n, id);
    if (j != NULL) {
        has_answered(j, from);
        if (n->told_late)
            kill_tell(j, from);
        /* Whoever looks after it there does not know who its holders are now. Shown, not compared:
         * the same old list would come back, and again, and leave the link no room for this. */
        if (j->kept && n->told_old)
            keep_correct(j, from);
    }
    return 0;
}

int holder_facts_kept(struct node *n, struct node_id from, struct bytes payload)
{
    struct reader r = reader_of(payload);
    struct job_id id = read_job_id(&r);
    uint64_t batch = read_u64(&r);
    uint8_t answer = read_u8(&r);
    struct job *j;

    if (!reader_done(&r))
        return ERR_FORMAT;
    j = job_find(n, id);
    if (j == NULL || (j->lead == NULL && j->tending == TEND_NONE))
        return 0;
    replica_kept(j, from, batch, answer);
    keep_advance(j);
    return 0;
}

/* In as many frames as it takes, as fast as the other node takes them. False: not all of this found
 * room, and another is on its way there, or too much to other nodes. */
static bool send_parts(struct job *j, struct node_id to,
                       void (*put)(const struct ledger *, struct buf *))
{
    struct parcel p = {.job = j->id};
    size_t room = greet_parcel_room(j->node, to);
    bool waits;

    if (level_lacks(j, to)) /* another process of it may ask again */
        return true;
    if (!link_has_room(j->node, to))
        return false;
    job_seal(j);
    buf_init(&p.facts, j->node->alloc, room);
    if (room >= FACTS_USUAL_BYTES)
        (void)buf_reserve(&p.facts, FACTS_USUAL_BYTES);
    put(j->ledger, &p.facts);
    if (p.facts.failed) {
        waits = !p.facts.no_memory && room < PARCEL_BYTES_MAX;
        j->node->memory_out |= p.facts.no_memory;
        parcel_clear(j->node, &p);
        return !waits;
    }
    return parcel_send(j->node, &p, to) || greet_parcel(j->node, to, &p);
}

void holder_send_snapshot(struct job *j, struct node_id to)
{
    (void)send_parts(j, to, ledger_snapshot); /* else the other asks again */
}

void holder_send_titles(struct job *j, struct node_id to)
{
    (void)send_parts(j, to, ledger_titles); /* else when it says the same again */
}

/* Nobody asks again for one that has ended. */
void holder_send_ended(struct job *j, struct node_id to, bool titles)
{
    bool sent = send_parts(j, to, titles ? ledger_titles : ledger_snapshot);

#if VELUM_PLANT != 120 /* trace/test_parcels: an ended job that finds no room is not sent later */
    if (!sent)
        greet_kept_again(j->node, to, j, titles);
#endif
}

void holder_compare(struct job *j, struct node_id other)
{
    ask_sync(j, other);
}

/* Whoever holds it now may be named in a fact that did not come here: everybody is asked. */
void holder_peer_up(struct job *j, struct node_id id)
{
    job_mark_busy(j);
    if (j->lead != NULL && take_is_holder(j, id))
        replicas_tick(j);
    else
        ask_sync(j, id);
}

static bool may_differ(const struct job *j)
{
    const struct claim *c = ledger_claim(j->ledger);
    const struct holders *h = ledger_holders(j->ledger);

    return j->contested || (c != NULL && c->epoch > 1) || (h != NULL && h->generation > 1);
}

void holder_compare_ended(struct node *n)
{
    uint32_t looks = LOOKS_MAX, left = COMPARES_MAX;
    struct job *j;

    while (looks-- > 0 && left > 0 && (j = n->compare_next) != NULL &&
           instant_since_us(n->now, j->settled_at) >= COMPARE_ENDED_US) {
        n->compare_next = j->next_kept;
        if (!may_differ(j))
            continue;
        holder_compare_all(j);
        left--;
    }
    compare_news(n);
}

void holder_peer_kept(struct job *j, struct node_id id)
{
    if (take_is_holder(j, id) || may_have_stayed(j, id))
        ask_sync(j, id);
}

struct instant holder_compare_due(const struct node *n)
{
    struct instant due = INSTANT_NEVER;

#if VELUM_PLANT == 621 /* trace/test_idle: a node looks all the time whether to compare a job */
    if (n->compare_next != NULL)
        return n->now;
#endif
    if (n->compare_next != NULL)
        due = instant_plus_us(n->compare_next->settled_at, COMPARE_ENDED_US);
    if (n->changed_first != NULL)
        due = instant_first(due, instant_plus_us(n->changed_first->changed_at, COMPARE_NEWS_US));
    return due;
}

/* Those who may tell are not there: of one that was killed when it had only the spec they are not
 * known, and of one that comes back all may be gone. Then those whom others call holders of the
 * ended job are some. */
static bool was_of_orphan(const struct job *j, struct node_id id)
{
    bool orphan = ledger_holders(j->ledger) == NULL && ledger_claim(j->ledger) == NULL;

#if VELUM_PLANT == 459 /* trace/test_forget: of whom only the spec is left hears of no end */
    return false;
#endif
#if VELUM_PLANT != 740 /* trace/test_forget: who comes back hears of no end from later holders */
    orphan |= j->replayed && holder_others_are_gone(j);
#endif
    return orphan && hearsay_forgotten(j, id);
}

/* Another holder has had it, seen it end, and shrunk it to its name: nothing of it is brought back
 * to life here, and whoever led it to its end once more waits for no copy there. */
static void end_forgotten(struct job *j, struct node_id from, uint8_t state)
{
    struct node *n = j->node;
    struct job_id id = j->id;

#if VELUM_PLANT == 223 /* trace/test_holder: a forgotten end waits for a copy of others */
    if (job_is_final(j))
        return;
#endif
    if (j->settled || !job_state_is_final((enum job_state)state) ||
        (!take_may_tell(j, from) && !was_of_orphan(j, from)))
        return;
    job_bury(j, state, GONE_TOLD);
    job_free(j);
    watch_job(n, id);
}

/* What has ended there, with everybody's name, differs in its titles only: who its holders are. All
 * else is what the digest does not speak of, or what the outcome stands for. */
static bool has_all_but_titles(const struct peer_sync *m)
{
#if VELUM_PLANT == 508 /* trace/test_accounts: whoever differs is shown the titles only */
    return true;
#endif
    return m->whole;
}

/* Another holder shows its ledger's digest. Facts only get added, so sending everything where the
 * digests differ brings both to the same view. */
int holder_sync(struct node *n, struct node_id from, struct bytes payload)
{
    static const struct digest nothing;
    const struct tombstone *t;
    struct peer_sync m;
    struct job *j;
    bool differs;
    int rc = read_peer_sync(payload, &m);

    if (rc < 0)
        return rc;
    j = job_find(n, m.job);
    if (j == NULL || j->ledger == NULL) {
        t = tombstone_of(n, m.job);
        if (m.answer != SYNC_NO_ANSWER)
            send_unknown(n, m.job, from, t == NULL ? 0 : t->state);
        else if (digest_equal(m.digest, nothing))
            vouch_denied(n, from, m.job);
        return 0;
    }
    if (m.gone != 0) {
        if (j->kept && take_may_tell(j, from))
            keep_forgotten(j);
        end_forgotten(j, from, m.gone);
        return 0;
    }
    /* It gets its copy again from the one who counts them. */
    if (j->kept && take_is_holder(j, from) && digest_equal(m.digest, nothing)) {
        keep_unsure(j);
        return 0;
    }
    if (m.answer == SYNC_ANSWER && digest_equal(m.digest, nothing))
        directory_tell(n, j->id, from); /* who has nothing of it asks who leads it */
    differs = !digest_equal(m.digest, ledger_digest(j->ledger));
    /* One that has other facts sends them, and how it stands with the job is known then. */
#if VELUM_PLANT != 458 /* trace/test_ended: who hears that others know more leads what has ended */
#if VELUM_PLANT == 592 /* trace/test_ended: anybody without a copy lets a node lead after a start */
    if (digest_equal(m.digest, nothing) || !differs)
#else
    if ((digest_equal(m.digest, nothing) || !differs) && take_may_tell(j, from))
#endif
#endif
        j->replayed = false;
    /* One that has nothing of the job is only told when it should have it. */
    if (differs && (!digest_equal(m.digest, nothing) || take_is_holder(j, from))) {
        if (j->kept)
            holder_send_ended(j, from, has_all_but_titles(&m));
        else
            holder_send_snapshot(j, from);
    }
    differs |= !j->kept || m.former != ledger_former_mark(j->ledger);
#if VELUM_PLANT == 625 /* trace/test_ended: former holders are told however well they are known */
    differs |= m.former != 0;
#endif
#if VELUM_PLANT != 575 /* trace/test_places: who has retired is not told when holders compare */
    if (differs && j->kept && take_is_holder(j, from))
        show_former(j, from);
#endif
#if VELUM_PLANT == 624 /* trace/test_ended: whoever has the same of an ended job says so */
    differs = true;
#endif
    if (m.answer == SYNC_ANSWER || (m.answer == SYNC_ANSWER_DIFFERENCE && differs))
        send_sync(j, from, SYNC_NO_ANSWER);
    job_mark_busy(j);
    return 0;
}

/* The coordinator is the author of the greatest claim, while it is the same process and not
 * suspected. */
void holder_catch_up(struct job *j)
{
    const struct node *n = j->node;
    const struct holders *h = ledger_holders(j->ledger);
    const struct claim *c = ledger_claim(j->ledger);
    struct peer_entry e;
    bool ended = hearsay_end(j, &e), asks;
    int64_t silence_us = instant_since_us(n->now, j->heard);

    /* An ended job is looked at until all say the same of it. */
    if (j->settled)
        job_set_live(j, ended);
    if ((j->settled && !ended) || (j->lead != NULL && !ended) ||
        instant_since_us(n->now, j->fetched) < S_US ||
        (!ended && !j->replayed && silence_us < SILENCE_US))
        return;
    asks = ended && hearsay_may_ask(j);
    if (ended && !asks && !j->replayed && silence_us < SILENCE_US)
        return;
    j->fetched = j->heard = n->now;
    if (c != NULL && !node_is_self(n, c->node))
        ask_sync(j, c->node);
    if (asks && !node_is_self(n, e.coordinator) &&
        (c == NULL || !node_id_equal(c->node, e.coordinator)))
        ask_sync(j, e.coordinator);
    for (uint8_t i = 0; asks && i < e.holders_count; i++)
        if (!node_is_self(n, e.holders[i]))
            ask_sync(j, e.holders[i]);
    for (uint8_t i = 0; !ended && j->replayed && h != NULL && i < h->count; i++)
        if (!node_is_self(n, h->ids[i]))
            ask_sync(j, h->ids[i]);
}

struct instant holder_catch_up_due(const struct job *j)
{
    struct peer_entry e;
    struct instant due = instant_plus_us(j->fetched, S_US);
    struct instant silent = instant_plus_us(j->heard, SILENCE_US);

#if VELUM_PLANT == 623 /* trace/test_idle: a holder looks all the time at who coordinates */
    return j->node->now;
#endif
    if (j->replayed || hearsay_end(j, &e))
        return due;
    return instant_before(due, silent) ? silent : due;
}
