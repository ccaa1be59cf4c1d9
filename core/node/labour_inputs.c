#include "core/node/labour_inputs.h"

#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/having.h"
#include "core/node/labour.h"

#define AHEAD_MAX 8 /* inputs that are asked for at once */
#define PATIENCE_US (20 * S_US)

static struct shelf_object *whole(const struct node *n, struct digest name)
{
    struct shelf_object *o =
        n->objects == NULL || !n->objects->scanned ? NULL : shelf_find(n->objects->shelf, name);

    return o != NULL && o->whole ? o : NULL;
}

static struct digest name_of(const struct job *j, uint16_t i)
{
    return stage_input_at(j->spec->stage.inputs, i).name;
}

/* From now on it is kept for the job too: what is lost of its outputs can be computed again for as
 * long as it has a result, also when the user has taken his input away. */
static void keep(struct node *n, struct job_id job, const struct shelf_object *o)
{
#if VELUM_PLANT != 466 /* trace/test_owners: the inputs of a job stay for the user alone */
    if (keeping_say(n, o->name, o->size, job, true) == 0)
        copies_look_at(n, o->name);
#endif
}

/* Pinned one after the other, so that what came early is still there when the last one comes. */
static void pin(struct job *j)
{
    struct labour *l = j->labour;
    struct shelf_object *o;

    while (l->inputs_pinned < j->spec->stage.inputs_count &&
           (o = whole(j->node, name_of(j, l->inputs_pinned))) != NULL) {
        shelf_pin(j->node->objects->shelf, o);
        keep(j->node, j->id, o);
        l->inputs_pinned++;
        l->inputs_moved = j->node->now;
    }
}

static void seek(struct job *j)
{
    struct labour *l = j->labour;
    uint16_t end = j->spec->stage.inputs_count;

    if (l->inputs_sought.us != 0 &&
        instant_since_us(j->node->now, l->inputs_sought) < SEEK_OBJECT_US)
        return;
    l->inputs_sought = j->node->now;
    if (end > l->inputs_pinned + AHEAD_MAX)
        end = (uint16_t)(l->inputs_pinned + AHEAD_MAX);
    for (uint16_t i = l->inputs_pinned; i < end; i++) {
        if (whole(j->node, name_of(j, i)) != NULL)
            continue;
        if (fetching_is_on(j->node, name_of(j, i)))
            l->inputs_moved = j->node->now;
        else
            copies_seek(j->node, name_of(j, i));
    }
}

bool labour_inputs_are_here(struct job *j)
{
    struct labour *l = j->labour;

    if (l->inputs_pinned == j->spec->stage.inputs_count)
        return true;
    if (l->inputs_moved.us == 0)
        l->inputs_moved = j->node->now;
    pin(j);
    if (l->inputs_pinned == j->spec->stage.inputs_count)
        return true;
    if (j->node->objects != NULL && j->node->objects->scanned)
        seek(j);
    return false;
}

bool labour_inputs_want(const struct node *n, struct digest name)
{
    for (const struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (uint16_t i = j->labour->inputs_pinned;
             j->labour->chunks != NULL && i < j->spec->stage.inputs_count; i++)
            if (digest_equal(name_of(j, i), name))
                return true;
    return false;
}

static void give_back(struct job *j)
{
    struct digest name = name_of(j, j->labour->inputs_pinned);
    char why[REASON_SIZE], digits[9];

    id_hex(name.bytes, 8, digits);
    text_copy(why, sizeof why, "input ");
    text_append(why, sizeof why, digits);
    text_append(why, sizeof why, " is on no node that can be asked");
    having_say_last(j->node, name, why, sizeof why);
    labour_return_all(j, RETURN_NO_INPUT, why);
    j->labour->inputs_moved = (struct instant){0};
}

void labour_inputs_tick(struct node *n)
{
    struct job *j, *next;

    for (j = n->labour_jobs; j != NULL; j = next) {
        next = j->next_labour;
        if (j->labour->chunks == NULL || j->labour->inputs_pinned == j->spec->stage.inputs_count)
            continue;
        if (labour_inputs_are_here(j))
            n->serve_wanted = true;
        else if (instant_since_us(n->now, j->labour->inputs_moved) >= PATIENCE_US)
            give_back(j);
    }
}

void labour_inputs_drop(struct job *j)
{
    struct labour *l = j->labour;

    /* At the end of the node its objects go before its jobs. */
    for (uint16_t i = 0; i < l->inputs_pinned && j->node->objects != NULL; i++) {
        struct shelf_object *o = shelf_find(j->node->objects->shelf, name_of(j, i));

        if (o != NULL)
            objects_unpin(j->node, o);
    }
    l->inputs_pinned = 0;
}
