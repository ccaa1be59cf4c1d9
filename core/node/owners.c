#include "core/node/owners.h"

#include "core/base/err.h"
#include "core/node/calendar.h"
#include "core/node/directory.h"
#include "core/node/forget.h"
#include "core/node/jobs.h"
#include "core/node/level.h"
#include "core/node/link.h"
#include "core/node/objects.h"
#include "core/node/seek.h"
#include "core/wire/feature.h"

#define OWNERS_A_LOOK 512u
#define DROPS_A_LOOK 256u
#define GO_ON_US (5 * MS_US)
#define ANSWER_WAIT_US (2 * S_US)
#define CALM_US (10 * S_US)      /* so soon after healing all holders have the same outcome */
#define UNKNOWN_US (3600 * S_US) /* looked for by this process */

/* --- whether it is over --- */

enum owner_state {
    OWNER_WANTS,
    OWNER_OVER,
    OWNER_UNSURE,  /* it has a result, and whether that is still kept only its holders know */
    OWNER_UNKNOWN, /* nothing here says anything of it */
};

/* For a while now, and as far as the members know that there are. */
static bool all_are_there(const struct node *n)
{
    for (uint32_t i = 0; i < mesh_count(n->mesh); i++) {
        enum node_state state = mesh_at(n->mesh, i)->state;

        if (state != NODE_ALIVE && state != NODE_LEFT)
            return false;
    }
    return instant_since_us(n->now, n->view_changed) >= CALM_US &&
           instant_since_us(n->now, n->started) >= CALM_US;
}

/* A result holds; any other outcome may still give way to one. */
static enum owner_state of_outcome(const struct node *n, uint8_t state, enum owner_state of_result)
{
    if (state == JOB_DONE)
        return of_result;
#if VELUM_PLANT == 462 /* trace/test_owners: what a killed job made goes while somebody is away */
    return OWNER_OVER;
#endif
    return all_are_there(n) ? OWNER_OVER : OWNER_WANTS;
}

static enum owner_state state_of(const struct node *n, struct job_id job)
{
    const struct job *j = job_find(n, job);
    const struct entry *e;

    if (j != NULL && j->ledger != NULL)
        return j->settled ? of_outcome(n, job_final_state(j), OWNER_WANTS) : OWNER_WANTS;
    if (tombstone_of(n, job) != NULL)
        return OWNER_OVER;
    e = directory_find(n, job);
    if (e == NULL)
        return OWNER_UNKNOWN;
    if (!job_state_is_final((enum job_state)e->state))
        return OWNER_WANTS;
#if VELUM_PLANT != 1011 /* trace/test_owners: what a job made goes when one says it has ended */
    if (e->shown == SHOWN_NOTHING)
        return OWNER_UNSURE;
#endif
    if (e->shown == SHOWN_GONE)
        return OWNER_OVER;
    return of_outcome(n, e->state, OWNER_UNSURE);
}

bool owner_is_over(const struct node *n, struct job_id job)
{
    return state_of(n, job) == OWNER_OVER;
}

bool owner_has_ended(const struct node *n, struct job_id job)
{
    const struct job *j = job_find(n, job);
    const struct entry *e = directory_find(n, job);

    if (j != NULL && j->ledger != NULL)
        return job_is_final(j);
    return tombstone_of(n, job) != NULL ||
           (e != NULL && job_state_is_final((enum job_state)e->state));
}

bool owner_has_result(const struct node *n, struct job_id job)
{
    const struct job *j = job_find(n, job);
    const struct entry *e = directory_find(n, job);

#if VELUM_PLANT == 665 /* graphs: what passed between stages stays when there is a result */
    return false;
#endif
    if (j != NULL && j->ledger != NULL)
        return j->settled && job_final_state(j) == JOB_DONE;
    return e != NULL && e->state == JOB_DONE && e->shown != SHOWN_NOTHING;
}

/* --- the table --- */

static struct owner *find(const struct node *n, struct job_id job)
{
    return map_get(&n->owners, &job);
}

uint32_t node_keeps_for(const struct node *n, struct job_id job)
{
    const struct owner *o = find(n, job);
    uint32_t count = 0;

    for (const struct keeping *k = o == NULL ? NULL : o->first; k != NULL; k = k->next_owned)
        count++;
    return count;
}

static void forget_answers(struct node *n, struct owner *o)
{
    if (o->answers != NULL)
        alloc_free(n->alloc, o->answers, sizeof *o->answers);
    o->answers = NULL;
}

static void insert(struct owner *o, struct keeping *k)
{
    k->of = o;
    k->prev_owned = k->passing ? o->last : NULL;
    k->next_owned = k->passing ? NULL : o->first;
    *(k->prev_owned == NULL ? &o->first : &k->prev_owned->next_owned) = k;
    *(k->next_owned == NULL ? &o->last : &k->next_owned->prev_owned) = k;
    o->since_s = k->since_s > o->since_s ? k->since_s : o->since_s;
}

static void take_out(const struct keeping *k)
{
    struct owner *o = k->of;

    *(k->prev_owned == NULL ? &o->first : &k->prev_owned->next_owned) = k->next_owned;
    *(k->next_owned == NULL ? &o->last : &k->next_owned->prev_owned) = k->prev_owned;
}

int owner_add(struct node *n, struct keeping *k)
{
    struct owner *o = find(n, k->owner);

    if (o == NULL) {
        o = node_alloc(n, sizeof *o);
        if (o == NULL)
            return ERR_NO_MEMORY;
        *o = (struct owner){.job = k->owner, .unknown_since = INSTANT_NEVER};
        if (map_put(&n->owners, &o->job, o) < 0) {
            alloc_free(n->alloc, o, sizeof *o);
            n->memory_out = true;
            return ERR_NO_MEMORY;
        }
    }
    insert(o, k);
    return 0;
}

void owner_sort(struct keeping *k)
{
    struct owner *o = k->of;

    take_out(k);
    insert(o, k);
}

void owner_remove(struct node *n, struct keeping *k)
{
    struct owner *o = k->of;

    if (o == NULL)
        return;
    take_out(k);
    k->of = NULL;
    if (o->first != NULL)
        return;
    map_remove(&n->owners, &o->job);
    forget_answers(n, o);
    alloc_free(n->alloc, o, sizeof *o);
}

void owners_free(struct node *n)
{
    struct owner *o;
    size_t at = 0;

    while ((o = map_next(&n->owners, &at)) != NULL) {
        forget_answers(n, o);
        alloc_free(n->alloc, o, sizeof *o);
    }
    map_clear(&n->owners);
}

/* --- asking --- */

static void send(struct node *n, struct node_id to, struct job_id job, enum owner_word word)
{
    struct object_owner m = {job, word};
    uint8_t bytes[64];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_object_owner(&b, &m);
    send_node(n, to, MESSAGE_OBJECT_OWNER, 0, buf_bytes(&b));
}

static void ask(struct node *n, struct owner *o)
{
    struct owner_answers *a = node_alloc(n, sizeof *a);

    o->ask_at = instant_plus_us(n->now, n->limits.owners_us);
    if (a == NULL)
        return;
    o->answers = a;
    a->count = seek_candidates(n, o->job, a->who);
    for (uint32_t i = 0; i < a->count; i++)
        send(n, a->who[i], o->job, OWNER_ASK);
}

/* Only who holds it, or has held it, has a word in this. */
static enum owner_word word_on(const struct node *n, struct node_id to, struct job_id job)
{
    const struct job *j = job_find(n, job);

    if (j == NULL || j->ledger == NULL)
        return tombstone_of(n, job) != NULL ? OWNER_GONE : OWNER_NOTHING;
    if (!j->settled || level_is_below(n, to, FEATURE_OWNER_ENDED))
        return OWNER_KNOWN;
    return job_final_state(j) == JOB_DONE ? OWNER_DONE : OWNER_ENDED;
}

int owner_frame(struct node *n, struct node_id from, struct bytes payload)
{
    struct object_owner m;
    struct owner *o;

    if (read_object_owner(payload, &m) < 0)
        return ERR_FORMAT;
    if (m.word == OWNER_ASK) {
        send(n, from, m.job, word_on(n, from, m.job));
        return 0;
    }
    o = find(n, m.job);
    for (uint32_t i = 0; o != NULL && o->answers != NULL && i < o->answers->count; i++)
        if (node_id_equal(o->answers->who[i], from))
            o->answers->word[i] = m.word;
    return 0;
}

static uint32_t said(const struct owner_answers *a, enum owner_word word)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < a->count; i++)
        count += a->word[i] == word;
    return count;
}

/* One alone may be a liar, while those who know better are away. */
bool owner_word_is_enough(const struct node *n, uint32_t count)
{
#if VELUM_PLANT == 1014 /* trace/test_owners: one liar makes go what a job made */
    return count > 0;
#endif
    return count >= OWNERS_AGREE || (count > 0 && all_are_there(n));
}

static bool unknown_for_long(const struct node *n, struct owner *o)
{
    uint64_t kept_s = (uint64_t)n->options.keep_s + n->options.tombstone_s;

    if (o->unknown_since.us == INSTANT_NEVER.us)
        o->unknown_since = n->now;
    return calendar_since(n, o->since_s) >= kept_s &&
           instant_since_us(n->now, o->unknown_since) >= UNKNOWN_US;
}

static void note_shown(struct node *n, struct job_id job, enum end_shown shown)
{
    struct entry *e = directory_find(n, job);

    if (e != NULL && job_state_is_final((enum job_state)e->state))
        e->shown = shown;
}

/* Everybody had time to answer. True when it is over. */
static bool answered(struct node *n, struct owner *o, enum owner_state state)
{
    const struct entry *e = directory_find(n, o->job);
    uint32_t gone = said(o->answers, OWNER_GONE), done = said(o->answers, OWNER_DONE);
    uint32_t ended = said(o->answers, OWNER_ENDED), known = said(o->answers, OWNER_KNOWN);

    forget_answers(n, o);
    if (known + done + ended > 0 || (state == OWNER_UNSURE && gone == 0))
        o->unknown_since = INSTANT_NEVER;
    if (known > 0)
        return false;
    if (owner_word_is_enough(n, e != NULL && e->state == JOB_DONE ? done : ended))
        note_shown(n, o->job, SHOWN_ENDED);
    if (done > 0)
        return false;
    if (ended > 0)
        return owner_word_is_enough(n, ended + gone) && all_are_there(n);
    if (gone == 0)
        return state != OWNER_UNSURE && unknown_for_long(n, o);
    if (owner_word_is_enough(n, gone))
        note_shown(n, o->job, SHOWN_GONE);
    return owner_word_is_enough(n, gone);
}

/* --- looking --- */

static void drop(struct node *n, struct keeping *k)
{
    struct shelf_object *o = n->objects == NULL ? NULL : shelf_find(n->objects->shelf, k->name);
    struct digest name = k->name;
    bool kept = k->kept;

    keeping_drop(n, k);
    if (o != NULL && kept && !keeping_is_kept(n, name))
        objects_let_go(n, o);
}

/* True when that was all of them, and it is gone. */
static bool drop_some(struct node *n, struct owner *o, uint32_t *room)
{
#if VELUM_PLANT == 469 /* sim: what a job that is over wanted is kept */
    return false;
#endif
    o->over = true;
    for (; *room > 0; (*room)--) {
        bool last = o->first->next_owned == NULL;

        drop(n, o->first);
        if (last)
            return true;
    }
    return false;
}

/* The same, of what passed between the stages of one that has a result. */
static bool drop_passing(struct node *n, struct owner *o, uint32_t *room)
{
    for (; o->last->passing; (*room)--) {
        bool last = o->last == o->first;

        if (*room == 0) {
            o->over = true;
            return false;
        }
        drop(n, o->last);
        if (last)
            return true;
    }
    return false;
}

/* True when it is gone. */
static bool look(struct node *n, struct owner *o, uint32_t *room)
{
    enum owner_state state = state_of(n, o->job);

    o->over = false;
    if (state == OWNER_OVER)
        return drop_some(n, o, room);
#if VELUM_PLANT == 657 /* graphs: what passes between stages goes before it was read */
    if (drop_passing(n, o, room))
        return true;
#endif
#if VELUM_PLANT != 631 /* trace/test_graph_lost: what passed between stages stays with the result */
    if (owner_has_result(n, o->job) && drop_passing(n, o, room))
        return true;
#endif
    if (o->over)
        return false;
    if (state == OWNER_WANTS) {
        forget_answers(n, o);
        o->unknown_since = INSTANT_NEVER;
    } else if (o->answers != NULL) {
        if (answered(n, o, state))
            return drop_some(n, o, room);
        return owner_has_result(n, o->job) && drop_passing(n, o, room);
    } else if (instant_reached(n->now, o->ask_at)) {
        ask(n, o);
        n->owners_asked = true;
    }
    return false;
}

/* What is under way in this look of the table waits for its end, so that each has its turn. */
void owners_tick(struct node *n)
{
    uint32_t room = DROPS_A_LOOK;
    struct owner *o;

    if (n->owners.count == 0 || !instant_reached(n->now, n->owners_at))
        return;
    for (uint32_t i = 0; i < OWNERS_A_LOOK && room > 0; i++) {
        size_t at = n->owners_look;

        o = map_next(&n->owners, &n->owners_look);
        if (o == NULL) {
            n->owners_look = 0;
            n->owners_at = instant_plus_us(n->now, n->owners_asked ? ANSWER_WAIT_US
                                                                   : (int64_t)n->limits.owners_us);
            n->owners_asked = false;
            return;
        }
        if (look(n, o, &room) || o->over)
            n->owners_look = at; /* another has moved to its place, or it is not through */
    }
    n->owners_at = instant_plus_us(n->now, GO_ON_US);
}

void owner_doubted(struct node *n, struct job_id job)
{
    struct owner *o = find(n, job);

    if (o == NULL || o->answers != NULL)
        return;
    o->ask_at = n->now;
    n->owners_at = instant_first(n->owners_at, instant_plus_us(n->now, ANSWER_WAIT_US));
}

struct instant owners_due(const struct node *n)
{
    return n->owners.count == 0 ? INSTANT_NEVER : n->owners_at;
}
