#include "core/node/reserve.h"

#include "core/node/copies.h"
#include "core/node/jobs.h"
#include "core/node/link.h"
#include "core/node/stages.h"

#define STAGES_A_LOOK 1024u /* that are passed over */
#define KEPT_A_LOOK 256u
#define ASKED_MAX 64u
#define ANSWER_US (200 * MS_US)

/* Half of the statements there may be is for what users put, and for what stages make. */
#define STATEMENTS_MAX (KEEPING_MAX / 2)

#define TOLD_MAX 4 /* more than keep an object */

/* An object that is not here, and who was told to keep it: each answers, also while it has not
 * stored that yet, and must not be told for it again. */
struct asked {
    struct stage_input in;
    uint8_t told_count;
    struct node_id told[TOLD_MAX];
};

struct reserve {
    uint32_t stage; /* the next, */
    uint16_t input; /* and of its inputs */
    uint16_t asked_count;
    struct instant asked_at;
    struct asked *asked; /* room for ASKED_MAX, which are there once each; NULL: none is */
};

static void ask(struct job *j, struct stage_input in)
{
    struct reserve *r = j->lead->reserve;

    for (uint16_t i = 0; i < r->asked_count; i++)
        if (digest_equal(r->asked[i].in.name, in.name))
            return;
    if (r->asked == NULL)
        r->asked = node_alloc(j->node, ASKED_MAX * sizeof *r->asked);
    if (r->asked == NULL)
        return;
    r->asked[r->asked_count++] = (struct asked){.in = in};
    r->asked_at = j->node->now;
    copies_ask_keepers(j->node, in.name, j->id);
}

/* True when it is to be kept from now on. */
static bool reserve(struct job *j, struct stage_input in)
{
    struct node *n = j->node;
    const struct shelf_object *o;

    if (keeping_find(n, in.name, j->id) != NULL || n->keeping_count >= STATEMENTS_MAX)
        return false;
    o = shelf_find(n->objects->shelf, in.name);
    if (o == NULL || !o->whole) {
        ask(j, in);
        return false;
    }
    if (keeping_say(n, in.name, o->size, j->id, true) < 0)
        return false;
    copies_look_at(n, in.name);
    return true;
}

/* Inputs of the present stage; false when there are more of them than there is room for now. */
static bool reserve_stage(struct job *j, uint32_t *kept)
{
    struct reserve *r = j->lead->reserve;
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(j, r->stage, &room);

    if (s->inputs_count == 0 || stage_is_complete(j, r->stage))
        return true;
    for (; r->input < s->inputs_count; r->input++) {
        if (r->asked_count == ASKED_MAX || *kept == KEPT_A_LOOK)
            return false;
        *kept += reserve(j, stage_input_at(s->inputs, r->input));
    }
    return true;
}

/* There may be many jobs, and most ask about nothing for most of their time. */
static void forget_asked(const struct node *n, struct reserve *r)
{
    alloc_free(n->alloc, r->asked, ASKED_MAX * sizeof *r->asked);
    r->asked = NULL;
    r->asked_count = 0;
}

static bool begin(struct job *j)
{
    struct lead *l = j->lead;

    if (l->reserve == NULL)
        l->reserve = node_alloc(j->node, sizeof *l->reserve);
    return l->reserve != NULL;
}

void reserve_look(struct job *j)
{
    struct node *n = j->node;
    struct reserve *r;
    uint32_t kept = 0;

#if VELUM_PLANT == 805 /* trace/test_owners: what waiting stages are to read goes with its user */
    return;
#endif
    if (!j->wants_objects || j->lead->finishing || n->objects == NULL || !n->objects->scanned ||
        !begin(j))
        return;
    r = j->lead->reserve;
    if (r->asked != NULL && instant_since_us(n->now, r->asked_at) >= ANSWER_US)
        forget_asked(n, r);
    for (uint32_t i = 0; i < STAGES_A_LOOK && r->stage < j->graph->count; i++) {
        if (!reserve_stage(j, &kept))
            return;
        r->stage++;
        r->input = 0;
    }
}

static bool is_news(struct asked *a, struct node_id to)
{
    for (uint8_t i = 0; i < a->told_count; i++)
        if (node_id_equal(a->told[i], to))
            return false;
    if (a->told_count == TOLD_MAX)
        return false;
    a->told[a->told_count++] = to;
    return true;
}

void reserve_heard(struct node *n, struct node_id from, const struct object_have *m)
{
    const struct job *j = m->loose ? job_find(n, m->owner) : NULL;
    struct reserve *r = j == NULL || j->lead == NULL ? NULL : j->lead->reserve;

    for (uint16_t i = 0; r != NULL && i < r->asked_count; i++) {
        struct asked *a = &r->asked[i];

#if VELUM_PLANT != 766 /* trace/test_owners: a keeper is told again with each of its answers */
        if (digest_equal(a->in.name, m->name) && is_news(a, from))
#else
        if (digest_equal(a->in.name, m->name))
#endif
            copies_keep_there(n, from, m->name, a->in.size, j->id, false);
    }
}

void reserve_end(struct job *j)
{
    struct lead *l = j->lead;

    if (l->reserve != NULL && l->reserve->asked != NULL)
        forget_asked(j->node, l->reserve);
    alloc_free(j->node->alloc, l->reserve, sizeof *l->reserve);
    l->reserve = NULL;
}
