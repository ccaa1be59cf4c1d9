#include "core/node/vouch.h"

#include "core/node/author_ask.h"
#include "core/node/authors.h"
#include "core/node/directory.h"
#include "core/node/ends.h"
#include "core/node/evidence.h"
#include "core/node/heir.h"
#include "core/node/jobs.h"
#include "core/node/link.h"

#define LOOK_US (5 * S_US)
#define ENTRIES_A_LOOK 256u
#define LOOKS_FOR_ROOM 4096u
#define ANSWER_US (2 * S_US)
#define MANY 64u /* doubted entries: what is told again and again is asked about too */

void vouches_init(struct node *n)
{
    map_init(&n->vouches.coordinators, n->alloc, ID_SIZE, JOBS_LIVE_MAX + 1);
    n->vouches.look_at = INSTANT_NEVER;
    evidence_init(n);
    ends_init(n);
}

void vouches_free(struct node *n)
{
    author_asks_free(n);
    evidence_free(n);
    tally_free(n, &n->vouches.coordinators);
}

/* --- counting --- */

static enum standing standing_of(const struct node *n, const struct entry *e)
{
    const struct job *j = job_find(n, e->id);
    uint32_t reach;

    if (j != NULL && j->ledger != NULL)
        return STANDING_HERE;
    if (!e->vouched)
        return STANDING_DOUBTED;
    reach = evidence_reach(n, e->coordinator);
    return reach > 0 && (e->standing == STANDING_VOUCHED ||
                         tally_of(&n->vouches.coordinators, e->coordinator) < reach)
               ? STANDING_VOUCHED
               : STANDING_DOUBTED;
}

void vouch_count(struct node *n, struct entry *e, struct node_id by)
{
    struct vouches *v = &n->vouches;

    e->standing = standing_of(n, e);
    e->counted = e->standing != STANDING_DOUBTED || v->doubted_counted < DOUBTED_COUNTED_MAX;
    if (e->standing == STANDING_VOUCHED)
        tally_more(n, &v->coordinators, e->coordinator);
    if (e->standing == STANDING_DOUBTED) {
        v->doubted++;
        v->doubted_counted += e->counted;
        v->look_at = instant_first(v->look_at, instant_plus_us(n->now, LOOK_US));
    }
    if (!e->counted)
        return;
    n->entries_live++;
    authors_more(n, by);
}

void vouch_uncount(struct node *n, struct entry *e, struct node_id by)
{
    struct vouches *v = &n->vouches;

    if (e->standing == STANDING_VOUCHED)
        tally_less(n, &v->coordinators, e->coordinator);
    if (e->standing == STANDING_DOUBTED) {
        v->doubted--;
        v->doubted_counted -= e->counted;
    }
    e->standing = STANDING_NONE;
    if (!e->counted)
        return;
    e->counted = false;
    n->entries_live--;
    authors_less(n, by);
}

static void count_anew(struct node *n, struct entry *e)
{
    struct job_view v;

    if (e->standing == STANDING_NONE || e->standing == standing_of(n, e) || !entry_view(e, &v))
        return;
    vouch_uncount(n, e, v.by);
    vouch_count(n, e, v.by);
}

void vouch_anew(struct node *n, struct node_id coordinator)
{
    for (struct entry *e = n->running.first; e != NULL; e = e->next)
        if (node_id_equal(e->coordinator, coordinator))
            count_anew(n, e);
    if (n->vouches.doubted > 0)
        n->vouches.look_at = n->now;
}

static void vouched_by(struct node *n, struct entry *e, struct node_id from)
{
    e->heard = n->now;
    if (e->vouched || !node_id_equal(from, e->coordinator))
        return;
    e->vouched = true;
    e->answered = false;
    e->boot = member_boot(n, from);
    count_anew(n, e);
}

void vouch_heard(struct node *n, struct node_id from, const struct peer_entry *p, bool news)
{
    struct entry *e = directory_find(n, p->view.id);

    if (e == NULL || e->standing == STANDING_NONE || job_state_is_final(p->view.state))
        return;
    if (node_id_equal(p->coordinator, e->coordinator) &&
        (news || node_id_equal(from, e->coordinator)))
        vouched_by(n, e, from);
}

bool vouch_passes_on(const struct node *n, const struct entry *e)
{
    if (e->ended)
        return ends_passes_on(e);
    return e->standing != STANDING_DOUBTED || instant_since_us(n->now, e->heard) < VOUCH_AFTER_US;
}

/* --- room --- */

static struct entry *next_entry(struct node *n)
{
    struct vouches *v = &n->vouches;
    struct entry *e = v->next != NULL ? v->next : n->running.first;

    if (e != NULL)
        v->next = e->next;
    return e;
}

void vouch_entry_gone(struct node *n, const struct entry *e)
{
    if (n->vouches.next == e)
        n->vouches.next = e->next;
    ends_entry_gone(n, e);
}

bool vouch_has_room(struct node *n, struct node_id from, struct node_id coordinator)
{
    struct vouches *v = &n->vouches;
    const bool doubted = !node_id_equal(from, coordinator) ||
                         tally_of(&v->coordinators, coordinator) >= evidence_reach(n, coordinator);

    if (n->running.count < JOBS_LIVE_MAX)
        return true;
    for (uint32_t i = 0; !doubted && v->doubted > 0 && i < LOOKS_FOR_ROOM; i++) {
        struct entry *e = next_entry(n);

        if (e == NULL || e->standing != STANDING_DOUBTED)
            continue;
        directory_drop(n, e->id);
        return true;
    }
    return false;
}

/* --- asking --- */

static void ask_end(struct node *n, struct vouch_ask *a)
{
    struct vouches *v = &n->vouches;

    *a = v->asks[--v->asks_count];
}

/* The next that the entry names. False when that was the last. */
static bool next_named(const struct node *n, const struct entry *e, struct vouch_ask *a)
{
    while (a->next <= e->holders_count) {
        const struct node_id id = a->next == 0 ? e->coordinator : e->holders[a->next - 1];
        const struct member *m = mesh_find(n->mesh, id);

        a->next++;
        a->denied |= node_is_self(n, id);
        if (node_id_is_zero(id) || node_is_self(n, id) || member_is_gone(n, id))
            continue;
        a->who = id;
        a->since = n->now;
        a->out = false;
        if (m != NULL && !m->info->recovering)
            return true;
        a->silent = true;
    }
    return false;
}

/* Nobody that it names has it, or all are gone. */
static bool is_made_up(const struct node *n, const struct entry *e, const struct vouch_ask *a)
{
    if (a->silent)
        return false;
    return a->denied || n->vouches.doubted >= JOBS_LIVE_MAX / 2 ||
           instant_since_us(n->now, e->heard) >= VOUCH_GONE_US;
}

static void send_question(struct node *n, struct vouch_ask *a)
{
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, a->job);
    put_u32(&b, 0);
    a->out = send_node(n, a->who, MESSAGE_WATCH, 0, buf_bytes(&b));
}

/* False when nobody is left, and the question has its answer. */
static bool ask_next(struct node *n, struct vouch_ask *a)
{
    struct entry *e = directory_find(n, a->job);

    if (e != NULL && e->standing == STANDING_DOUBTED && next_named(n, e, a)) {
        send_question(n, a);
        return true;
    }
    if (e != NULL && e->standing == STANDING_DOUBTED) {
        e->since = n->now;
        if (is_made_up(n, e, a))
            directory_drop(n, a->job);
    }
    ask_end(n, a);
    return false;
}

static struct vouch_ask *ask_about(struct node *n, struct job_id id)
{
    struct vouches *v = &n->vouches;

    for (uint32_t i = 0; i < v->asks_count; i++)
        if (job_id_equal(v->asks[i].job, id))
            return &v->asks[i];
    return NULL;
}

void vouch_state(struct node *n, struct node_id from, struct job_id id, const struct job_view *v)
{
    struct vouch_ask *a = ask_about(n, id);
    struct entry *e = directory_find(n, id);

    if (a == NULL || !a->out || !node_id_equal(a->who, from))
        return;
    if (v == NULL || e == NULL || e->standing != STANDING_DOUBTED) {
        a->denied = true;
        (void)ask_next(n, a);
        return;
    }
    ask_end(n, a);
    if (job_state_is_final(v->state)) {
        directory_drop(n, id);
#if VELUM_PLANT != 1144 /* trace/test_vouch: a job that ended unheard is not known any more */
        heir_ask(n, id, from); /* it said so in its entry, which was not taken, and says it once */
#endif
        return;
    }
    /* Whatever it was said to have said. */
    e->version = e->epoch = 0;
    e->since = n->now;
    directory_author(n, e, v->by);
    vouched_by(n, e, from);
    e->answered = e->vouched && node_id_equal(from, e->coordinator);
}

void vouch_denied(struct node *n, struct node_id from, struct job_id id)
{
    struct entry *e = directory_find(n, id);

    if (e == NULL || !node_id_equal(from, e->coordinator))
        return;
    e->vouched = false;
    count_anew(n, e);
}

static void asks_tick(struct node *n)
{
    struct vouches *v = &n->vouches;

    for (uint32_t i = 0; i < v->asks_count;) {
        struct vouch_ask *a = &v->asks[i];

        if (!a->out)
            send_question(n, a);
        if (instant_since_us(n->now, a->since) < ANSWER_US) {
            i++;
            continue;
        }
        a->silent = true;
        i += ask_next(n, a);
    }
}

/* --- looking --- */

static bool is_due(const struct node *n, const struct entry *e)
{
#if VELUM_PLANT != 1056 /* trace/test_vouch: who leads many jobs is asked for them without end */
    if (e->vouched && e->answered)
        return false;
#endif
    return e->standing == STANDING_DOUBTED &&
           instant_since_us(n->now, e->since) >= VOUCH_AFTER_US &&
           (n->vouches.doubted > MANY || instant_since_us(n->now, e->heard) >= VOUCH_AFTER_US);
}

static void look(struct node *n, struct entry *e)
{
    struct vouches *v = &n->vouches;
    struct vouch_ask *a = &v->asks[v->asks_count];

    if (e->vouched &&
        (member_is_gone(n, e->coordinator) || member_boot(n, e->coordinator) != e->boot)) {
        e->vouched = false;
        e->since = n->now;
    }
    count_anew(n, e);
    if (e->vouched && e->standing == STANDING_DOUBTED)
        evidence_look(n, e);
    if (!is_due(n, e) || v->asks_count == VOUCH_ASKS_MAX || ask_about(n, e->id) != NULL)
        return;
    v->asks_count++;
    *a = (struct vouch_ask){.job = e->id};
    (void)ask_next(n, a);
}

void vouches_tick(struct node *n)
{
    struct vouches *v = &n->vouches;

    asks_tick(n);
    evidence_tick(n);
    ends_tick(n);
    author_asks_forget(n);
    if (v->view_seen.us != n->view_changed.us) {
        v->view_seen = n->view_changed;
        v->look_at = n->now;
    }
    if (!instant_reached(n->now, v->look_at))
        return;
    for (uint32_t i = 0; i < ENTRIES_A_LOOK; i++) {
        struct entry *e = next_entry(n);

        if (e != NULL)
            look(n, e);
        if (v->next == NULL) {
            evidence_looked(n);
            v->look_at = v->doubted > 0 ? instant_plus_us(n->now, LOOK_US) : INSTANT_NEVER;
            return;
        }
    }
}

struct instant vouches_due(const struct node *n)
{
    const struct vouches *v = &n->vouches;

    if (v->asks_count > 0 || v->view_seen.us != n->view_changed.us)
        return n->now;
    return instant_first(v->look_at, instant_first(evidence_due(n), ends_due(n)));
}

void vouch_revoked(struct node *n, struct node_id id)
{
    struct entry *e, *next;

    for (e = n->running.first; e != NULL; e = next) {
        next = e->next;
        if (e->standing != STANDING_HERE && node_id_equal(e->coordinator, id))
            directory_drop(n, e->id);
    }
}
