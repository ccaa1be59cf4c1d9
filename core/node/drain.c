#include "core/node/drain.h"

#include "core/base/err.h"
#include "core/node/acts.h"
#include "core/node/copies.h"
#include "core/node/having.h"
#include "core/node/holder_tend.h"
#include "core/node/keep.h"
#include "core/node/labour.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/objects.h"
#include "core/node/put.h"
#include "core/node/quarantine.h"
#include "core/node/seal.h"
#include "core/node/stop.h"

#define LOOK_US (500 * MS_US)
#define OWN_ACT_S 60 /* so old, or so wrong, the time of an act by the own key may be */
/* Whoever comes back empty stays so long, so that it can be told to take work again. */
#define LEAVE_US (5 * S_US)
#define LOOKS_MAX 4096 /* at statements about objects, to see which are nowhere else */

bool drain_is_on(const struct node *n)
{
    return n->drain.on;
}

bool member_drains(const struct member *m)
{
    return m->info->recovering &&
           labels_have(bytes_of_text(m->info->labels), bytes_of_text(LABEL_DRAINS));
}

static bool node_drains(const struct node *n, struct node_id id)
{
    const struct member *m;

    if (node_is_self(n, id))
        return n->drain.on;
    m = mesh_find(n->mesh, id);
    return m != NULL && member_drains(m);
}

bool member_takes(const struct node *n, struct node_id id)
{
    return member_works(n, id) && !node_drains(n, id) && !quarantine_has(n, id);
}

/* Most of the time nobody drains, and nobody is looked at. */
uint32_t drain_slots(const struct node *n, uint32_t *members)
{
    const bool any = !digest_is_zero(n->keepers) || quarantine_any(n);
    uint32_t slots = 0;

    *members = 0;
    for (uint32_t i = 0; any && i < linked_count(n); i++) {
        const struct member *m = linked_at(n, i);

        if (!member_is_there(m) || !member_idles(n, m))
            continue;
        slots += m->info->slots;
        ++*members;
    }
    return slots;
}

/* --- this node --- */

/* Whoever goes cannot wait for a second one that the mesh may not have. */
uint32_t drain_others_least(const struct node *n)
{
#if VELUM_PLANT == 905 /* trace/test_drain: the last copy but one is kept by whoever drains */
    return 2;
#endif
    return n->drain.on ? 1 : 2;
}

static void say_labels(struct node *n)
{
    if (!n->drain.on)
        labels_remove(n->options.labels, LABEL_DRAINS);
    else if (!labels_add(n->options.labels, LABEL_DRAINS))
        log_line(n->options.log, LOG_WARNING,
                 "no room among the labels to say that this node drains: others see it recovering");
    mesh_set_labels(n->mesh, n->options.labels, n->now);
}

/* Who should hold what is another question now. */
static void look_anew(struct node *n)
{
    n->view_changed = n->now;
    keep_look_again(n, 0);
    copies_look_anew(n);
    holder_tend_all(n);
    n->assign_wanted = n->sites_stale = true;
    n->members_changes++;
}

static void set(struct node *n, bool on, bool leaves)
{
    bool news = n->drain.on != on;

    n->drain.leaves = on && leaves;
    n->drain.look_at = instant_plus_us(n->now, LOOK_US);
    if (!news)
        return;
    n->drain.on = on;
    n->drain.empty = false;
    say_labels(n);
    log_line(n->options.log, LOG_WARNING,
             on ? "this node drains: it takes nothing new and gives away what it has"
                : "this node takes work again");
    if (on)
        labour_hand_back(n);
    look_anew(n);
}

void drain_look(struct node *n)
{
    const struct drain *d = &n->drain;
    const struct act *a = acts_order(n, n->options.id);
    enum act_kind kind = a == NULL ? ACT_RESUME : a->kind;

#if VELUM_PLANT == 1027 /* trace/test_drain: an order of last week ends what the own key said now */
    if (a == NULL && (d->own == ACT_DRAIN || d->own == ACT_LEAVE))
#else
    if ((d->own == ACT_DRAIN || d->own == ACT_LEAVE) && (a == NULL || a->at_s <= d->own_at_s))
#endif
        kind = d->own;
    set(n, kind != ACT_RESUME, kind == ACT_LEAVE);
}

static void own_said(struct node *n, const struct act *said)
{
    const struct act *a = acts_order(n, n->options.id);

    n->drain.own = said->kind;
    n->drain.own_at_s = a != NULL && a->at_s > said->at_s ? a->at_s : said->at_s;
    drain_look(n);
}

/* A copy of one that was made before is no order. */
static int judge_own(struct node *n, const struct signed_bytes *s, const struct act *a)
{
    struct signer by;
    uint8_t text[64];
    size_t len = signed_text(s, SIGNED_ACT, text);
    int rc = seal_verify(n, s, (struct bytes){text, len}, &by);

    if (rc < 0)
        return rc;
#if VELUM_PLANT == 904 /* trace/test_drain: any node drains any other */
    return by.party == PARTY_NODE ? 0 : ERR_IDENTITY;
#endif
    if (by.party != PARTY_NODE || !node_is_self(n, by.id) || !node_is_self(n, a->subject) ||
        a->kind == ACT_REVOKE)
        return ERR_IDENTITY;
    return a->at_s > n->wall_s + OWN_ACT_S || a->at_s < n->wall_s - OWN_ACT_S ? ERR_ARGUMENT : 0;
}

int drain_by_own_key(struct node *n, struct bytes act)
{
    struct signed_bytes s;
    struct act a;
    int rc = read_act(act, &s, &a);

    if (rc == 0)
        rc = judge_own(n, &s, &a);
    if (rc == 0)
        own_said(n, &a);
    return rc;
}

static bool is_held(const struct job *j)
{
    return j->ledger != NULL && !j->left_alone;
}

/* Nobody else is known to have it. */
static bool has_only(const struct job *j)
{
    return (j->settled && j->copies <= 1) || holder_others_are_gone(j);
}

/* Counts an object once, by the first statement about it. */
static bool is_only_here(const struct node *n, const struct keeping *first)
{
    const struct shelf_object *o = shelf_find(n->objects->shelf, first->name);
    uint32_t machines;

    if (o == NULL || !o->kept || !o->whole || keeping_about(n, first->name) != first)
        return false;
    for (const struct keeping *k = first; k != NULL; k = k->next_same)
        if (k->kept && having_count(n, o, k, &machines) <= 1)
            return true;
    return false;
}

struct node_held drain_held(const struct node *n)
{
    struct node_held held = {0};
    const struct job *j;
    uint32_t looks = 0;
    size_t at = 0;

    while ((j = map_next(&n->jobs, &at)) != NULL) {
        held.jobs += is_held(j);
        held.jobs_only += is_held(j) && has_only(j);
    }
    if (n->objects == NULL)
        return held;
    held.objects = shelf_kept(n->objects->shelf);
    if (held.objects == 0)
        held.objects = puts_open(n);
#if VELUM_PLANT != 960 /* trace/test_drain: who has not looked at its disk yet holds nothing */
    if (!n->objects->scanned && held.objects == 0)
        held.objects = 1;
#endif
    for (const struct keeping *k = n->keeping_first; k != NULL && looks < LOOKS_MAX; k = k->next) {
        held.objects_only += is_only_here(n, k);
        looks++;
    }
    return held;
}

static bool holds_jobs(const struct node *n)
{
    const struct job *j;
    size_t at = 0;

    while ((j = map_next(&n->jobs, &at)) != NULL)
        if (is_held(j))
            return true;
    return false;
}

static bool holds_objects(const struct node *n)
{
    return n->objects != NULL && (!n->objects->scanned || shelf_kept(n->objects->shelf) > 0);
}

/* What a user has begun to hand in, and was not told of. */
static bool has_asked(const struct node *n)
{
    return n->forwards != NULL || (n->objects != NULL && puts_open(n) > 0);
}

static bool is_empty(const struct node *n)
{
    return labour_is_idle(n) && n->merges == NULL && !holds_jobs(n) && !holds_objects(n) &&
           !has_asked(n);
}

bool node_is_drained(const struct node *n)
{
    return n->drain.on && n->drain.empty;
}

void drain_tick(struct node *n)
{
    struct drain *d = &n->drain;
    bool was = d->empty;

    if (!d->on || n->stopping || !instant_reached(n->now, d->look_at))
        return;
    d->look_at = instant_plus_us(n->now, LOOK_US);
    d->empty = is_empty(n);
    if (d->empty && !was)
        log_line(n->options.log, LOG_WARNING, "drained: nothing is left here%s",
                 d->leaves ? "" : ", and it may be stopped");
    if (d->empty && d->leaves && instant_since_us(n->now, n->started) >= LEAVE_US)
        stop_begin(n);
}

/* Whoever is empty has nothing to look for, but to leave. */
struct instant drain_due(const struct node *n)
{
    const struct drain *d = &n->drain;

    return d->on && !n->stopping && (!d->empty || d->leaves) ? d->look_at : INSTANT_NEVER;
}
