#include "core/node/offence.h"

#include "core/base/err.h"
#include "core/node/door.h"
#include "core/node/events.h"
#include "core/node/link.h"

struct offender {
    struct node_id id;
    uint32_t points;
    struct instant fades; /* when the next one does */
    struct instant until; /* it is barred; long ago: never was */
    int64_t barred_us;    /* the last time, so long */
};

struct offences {
    bool told; /* of this frame one was counted already */
    uint32_t count;
    struct offender list[OFFENDERS_MAX];
};

void offences_free(struct node *n)
{
    if (n->offences != NULL)
        alloc_free(n->alloc, n->offences, sizeof *n->offences);
    n->offences = NULL;
}

static struct offender *find(const struct node *n, struct node_id id)
{
    struct offences *s = n->offences;

    for (uint32_t i = 0; s != NULL && i < s->count; i++)
        if (node_id_equal(s->list[i].id, id))
            return &s->list[i];
    return NULL;
}

static void fade(const struct node *n, struct offender *o)
{
    while (o->points > 0 && instant_reached(n->now, o->fades)) {
        o->points--;
        o->fades = instant_plus_us(o->fades, OFFENCE_FADE_US);
    }
}

static bool is_barred(const struct node *n, const struct offender *o)
{
    return o->barred_us > 0 && instant_before(n->now, o->until);
}

/* The place of the one with the least against it: who is barred has the most. */
static struct offender *place(struct node *n, struct offences *s)
{
    struct offender *least = NULL;

    if (s->count < OFFENDERS_MAX)
        return &s->list[s->count++];
    for (uint32_t i = 0; i < s->count; i++) {
        struct offender *o = &s->list[i];

        fade(n, o);
        if (!is_barred(n, o) && (least == NULL || o->points < least->points))
            least = o;
    }
    return least;
}

static struct offender *offender(struct node *n, struct node_id id)
{
    struct offender *o = find(n, id);

    if (o != NULL)
        return o;
    if (n->offences == NULL)
        n->offences = node_alloc(n, sizeof *n->offences);
    o = n->offences == NULL ? NULL : place(n, n->offences);
    if (o != NULL)
        *o = (struct offender){.id = id};
    return o;
}

/* What is left of the last time. */
static int64_t held_against_us(const struct node *n, const struct offender *o)
{
    int64_t us = o->barred_us, since_us = instant_since_us(n->now, o->until);

    for (; us > 0 && since_us >= OFFENCE_FORGIVEN_US; since_us -= OFFENCE_FORGIVEN_US)
        us /= 2;
    return us;
}

static void bar(struct node *n, struct offender *o)
{
    char name[NODE_NAME_SIZE];
    const int64_t before_us = held_against_us(n, o);

    o->barred_us = before_us < OFFENCE_BARRED_US ? OFFENCE_BARRED_US : 2 * before_us;
    if (o->barred_us > OFFENCE_BARRED_MAX)
        o->barred_us = OFFENCE_BARRED_MAX;
    o->until = instant_plus_us(n->now, o->barred_us);
    o->points = 0;
    member_name(n, o->id, name);
    log_line(n->options.log, LOG_WARNING,
             "shut out for %lld s: %s says what no node says (velum revoke %s does so for good)",
             (long long)(o->barred_us / S_US), name, name);
    event_note(n, EVENT_NOTE_LINK, o->id, NULL, "shut out for a while: it says what no node says");
    door_cut(n, o->id);
}

void offence_begin(struct node *n, struct node_id from)
{
    n->teller = from;
    if (n->offences != NULL)
        n->offences->told = false;
}

void offence_of_others(struct node *n)
{
    n->teller = (struct node_id){{0}};
}

void offence_came(struct node *n, int rc)
{
    struct offender *o;

    if ((rc != ERR_FORMAT && rc != ERR_SIGNATURE) || node_id_is_zero(n->teller))
        return;
    o = offender(n, n->teller);
    if (n->offences != NULL)
        n->offences->told = true;
    if (o == NULL || is_barred(n, o))
        return;
    fade(n, o);
    if (o->points == 0)
        o->fades = instant_plus_us(n->now, OFFENCE_FADE_US);
    o->points++;
}

void offence_end(struct node *n, int rc)
{
    struct offender *o;

    if (n->offences == NULL || !n->offences->told)
        offence_came(n, rc);
    o = find(n, n->teller);
    n->teller = (struct node_id){{0}};
#if VELUM_PLANT != 944 /* trace/test_toolbox: whatever a peer says, it goes on */
    if (o != NULL && o->points > OFFENCE_MAX)
        bar(n, o);
#endif
}

bool offence_bars(const struct node *n, struct node_id id)
{
    const struct offender *o = find(n, id);

    return o != NULL && is_barred(n, o);
}
