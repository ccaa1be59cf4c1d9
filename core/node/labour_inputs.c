#include "core/node/labour_inputs.h"

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/having.h"
#include "core/node/jobs.h"
#include "core/node/labour.h"
#include "core/node/link.h"
#include "core/node/merge_work.h"
#include "core/node/sound.h"
#include "core/node/stages.h"
#include "core/node/workers.h"
#include "core/wire/output.h"

#define AHEAD_MAX 8 /* inputs that are asked for at once */
#define PATIENCE_US (20 * S_US)
#define ASK_AGAIN_US (500 * MS_US)
#define EXPECT_US (100 * MS_US) /* so long what was not asked for may take to come */
#define GIVEN_HEAD 6u           /* index and length of one */
#define GIVEN_MAX ((size_t)STAGE_INPUTS_MAX * (GIVEN_HEAD + ACCUMULATOR_SIZE_MAX))

static struct shelf_object *whole(const struct node *n, struct digest name)
{
    struct shelf_object *o =
        n->objects == NULL || !n->objects->scanned ? NULL : shelf_find(n->objects->shelf, name);

    return o != NULL && o->whole ? o : NULL;
}

static struct digest name_of(const struct stage_inputs *e, uint16_t i)
{
    return stage_input_at(buf_bytes(&e->list), i).name;
}

static bool is_given(const struct stage_inputs *e, uint16_t i)
{
    return stage_input_is_given(buf_bytes(&e->list), i);
}

/* --- the table --- */

static struct stage_inputs *find(const struct job *j, uint32_t stage)
{
    struct stage_inputs *e = j->labour == NULL ? NULL : j->labour->inputs;

    while (e != NULL && e->stage != stage)
        e = e->next;
    return e;
}

/* For a chunk, or to merge values of the stage. */
static bool is_wanted(const struct job *j, uint32_t stage)
{
    for (const struct labour_chunk *c = j->labour->chunks; c != NULL; c = c->next_chunk)
        if (c->stage == stage)
            return true;
    return merge_work_wants(j->node, j, stage);
}

static void entry_free(struct job *j, struct stage_inputs *e)
{
    /* Where the node ends its shelf went first. */
    for (uint16_t i = 0; j->node->objects != NULL && i < e->pinned; i++) {
        struct shelf_object *o =
            is_given(e, i) ? NULL : shelf_find(j->node->objects->shelf, name_of(e, i));

        if (o != NULL)
            objects_unpin(j->node, o);
    }
    buf_clear(&e->list);
    buf_clear(&e->given);
    alloc_free(j->node->alloc, e, sizeof *e);
}

/* The first ones came last. */
static void drop_unused(struct job *j)
{
    struct stage_inputs **at = &j->labour->inputs, *e;
    uint32_t unused = 0;

    while ((e = *at) != NULL) {
        if (is_wanted(j, e->stage) || ++unused < STAGE_INPUTS_KEPT) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        entry_free(j, e);
    }
}

static void begin_looks(struct stage_inputs *e)
{
    e->sound = 0;
    e->sound_next = INSTANT_NEVER;
    e->looks_since = INSTANT_NEVER;
}

static struct stage_inputs *make(struct job *j, uint32_t stage)
{
    struct stage_inputs *e = node_alloc(j->node, sizeof *e);

    if (e == NULL)
        return NULL;
    drop_unused(j);
    e->stage = stage;
    buf_init(&e->list, j->node->alloc, (size_t)STAGE_INPUTS_MAX * STAGE_INPUT_BYTES);
    buf_init(&e->given, j->node->alloc, GIVEN_MAX);
    e->moved = j->node->now;
    begin_looks(e);
    e->next = j->labour->inputs;
    j->labour->inputs = e;
    return e;
}

/* --- what they are --- */

static void add_object(struct stage_inputs *e, struct stage_input in)
{
    put_stage_input(&e->list, &in);
    e->count++;
}

static void add_given(struct stage_inputs *e, struct bytes bytes)
{
    put_u16(&e->given, e->count);
    put_block(&e->given, bytes);
    add_object(e, (struct stage_input){.size = bytes.len});
}

/* One output of a stage that is needed. */
static int add_output(const struct job *j, struct stage_inputs *e, uint32_t of, struct bytes value)
{
    struct output o;

    if (e->count == STAGE_INPUTS_MAX)
        return ERR_FORMAT;
    if (stage_folds(j, of)) {
        if (value.len != j->graph->stages[of].accumulator_size)
            return ERR_FORMAT;
        add_given(e, value);
        return 0;
    }
    if (read_output(value, &o) < 0)
        return ERR_FORMAT;
    if (o.kind == OUTPUT_BYTES)
        add_given(e, o.bytes);
    else
        add_object(e, (struct stage_input){.name = o.name, .size = o.size});
    return 0;
}

/* The next stage whose outputs take their place among the inputs; false: none, or objects come
 * first. */
static bool next_need(const struct stage_spec *s, const struct stage_inputs *e,
                      struct stage_need *need)
{
    if (e->need == s->needs_count)
        return false;
    *need = stage_need_at(s->needs, e->need);
#if VELUM_PLANT == 663 /* graphs: objects come before what stages yielded, whatever their places */
    return e->object == s->inputs_count && need->place != NEED_ORDER;
#endif
    return need->place == e->object + e->need;
}

static uint32_t outputs_of(const struct job *j, uint32_t stage)
{
    struct shape_stage in = stage_leaves(j, stage);

    return stage_folds(j, stage) ? 1 : (uint32_t)(in.end - in.first);
}

static void ask(struct job *j, struct stage_inputs *e, uint32_t stage)
{
    struct peer_input m = {.job = j->id, .stage = stage, .from = e->from};
    uint8_t bytes[64];
    struct buf b;

    if (instant_before(j->node->now, e->ask_at))
        return;
    e->ask_at = instant_plus_us(j->node->now, ASK_AGAIN_US);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_input(&b, &m, false);
    send_node(j->node, j->labour->claim.node, MESSAGE_INPUT_WANT, 0, buf_bytes(&b));
}

/* Goes as far as is known, and asks for what is not. */
static void go_through(struct job *j, struct stage_inputs *e)
{
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(j, e->stage, &room);
    struct stage_need need;

    while (!e->known) {
        if (next_need(s, e, &need)) {
            if (e->from < outputs_of(j, need.stage)) {
                ask(j, e, need.stage);
                return;
            }
            e->need++;
            e->from = 0;
        } else if (e->object < s->inputs_count) {
            add_object(e, stage_input_at(s->inputs, e->object++));
        } else {
            e->known = true;
        }
    }
}

static void find_out(struct job *j, struct stage_inputs *e)
{
    go_through(j, e);
#if VELUM_PLANT == 776 /* trace/test_starved: what found no room is looked at, if more is awaited */
    if (!e->known)
        return;
#endif
    if (!e->list.failed && !e->given.failed)
        return;
    /* The node ends with this step, in which what found no room must not be looked at. */
    j->node->memory_out = true;
#if VELUM_PLANT != 640 /* trace/test_starved: an input that found no room is looked at */
    e->known = false;
    e->count = (uint16_t)(e->list.len / STAGE_INPUT_BYTES);
#endif
}

static int take_values(struct job *j, struct stage_inputs *e, struct peer_input m)
{
    int rc = 0;

    for (uint16_t i = 0; i < m.count && rc == 0 && e->from < outputs_of(j, m.stage); i++) {
        struct bytes value = read_block(&m.rest, ACCUMULATOR_SIZE_MAX);

        rc = m.rest.failed ? ERR_FORMAT : add_output(j, e, m.stage, value);
        if (rc == 0)
            e->from++;
    }
    e->moved = j->node->now;
    e->ask_at = instant_plus_us(e->moved, EXPECT_US);
    find_out(j, e);
    j->node->serve_wanted = true;
    return rc;
}

int labour_inputs_values(struct node *n, struct node_id from, struct bytes payload)
{
    struct peer_input m;
    struct stage_spec room;
    struct stage_need need;
    struct job *j;
    int rc = 0;

    if (read_peer_input(payload, &m, true) < 0)
        return ERR_FORMAT;
    j = job_find(n, m.job);
    if (j == NULL || j->labour == NULL || !node_id_equal(from, j->labour->claim.node))
        return 0;
    for (struct stage_inputs *e = j->labour->inputs; e != NULL && rc == 0; e = e->next) {
        if (e->known || !next_need(stage_spec_of(j, e->stage, &room), e, &need))
            continue;
#if VELUM_PLANT != 477 /* trace/test_graph: what any stage yielded is taken for what is awaited */
        if (need.stage != m.stage || e->from != m.from)
            continue;
#endif
#if VELUM_PLANT != 1136 /* trace/test_graph: one value of a stage that folds is taken for all */
        if ((uint32_t)m.from + m.count > outputs_of(j, m.stage))
            continue;
#endif
        rc = take_values(j, e, m);
    }
    return rc;
}

/* --- objects among them --- */

static bool is_object(const struct job *j, uint32_t stage, struct digest name)
{
    struct stage_spec room;
    const struct stage_spec *s = stage_spec_of(j, stage, &room);

    for (uint16_t i = 0; i < s->inputs_count; i++)
        if (digest_equal(stage_input_at(s->inputs, i).name, name))
            return true;
    return false;
}

/* From now on it is kept for the job too, also when the user has taken his input away; what other
 * stages yielded only until the job has a result. */
static void keep(struct job *j, uint32_t stage, const struct shelf_object *o)
{
#if VELUM_PLANT != 466 /* trace/test_owners: the inputs of a job stay for the user alone */
    int rc;

    if (j->spec->open || is_object(j, stage, o->name))
        rc = keeping_say(j->node, o->name, o->size, j->id, true);
    else
        rc = keeping_pass(j->node, o->name, o->size, j->id);
    if (rc == 0)
        copies_look_at(j->node, o->name);
#endif
}

/* Pinned one after the other, so that what came early is still there when the last one comes. */
static void pin(struct job *j, struct stage_inputs *e)
{
    struct shelf_object *o;

    for (; e->pinned < e->count; e->pinned++) {
        if (is_given(e, e->pinned))
            continue;
        o = whole(j->node, name_of(e, e->pinned));
        if (o == NULL)
            return;
        shelf_pin(j->node->objects->shelf, o);
        keep(j, e->stage, o);
        e->moved = j->node->now;
        e->no_room = false;
    }
}

/* --- whether they are sound --- */

/* All have been: as long as the first of them that is not any more, or, where looking took long,
 * long enough for some work. */
static void all_are_sound(const struct node *n, struct stage_inputs *e)
{
    int64_t took_us = instant_since_us(n->now, e->looks_since), left_us;

    e->sound_until = e->sound_next;
    if (instant_before(e->sound_until, instant_plus_us(n->now, SOUND_AS_LONG * took_us)))
        e->sound_until = instant_plus_us(n->now, SOUND_AS_LONG * took_us);
    left_us = instant_since_us(e->sound_until, n->now);
    e->look_at = instant_plus_us(n->now, left_us - left_us / 4);
    begin_looks(e);
}

static void look_ahead(struct node *n, struct stage_inputs *e, struct instant beyond)
{
    for (uint16_t i = e->sound; i < e->pinned && i < e->sound + AHEAD_MAX; i++) {
        struct shelf_object *o = is_given(e, i) ? NULL : whole(n, name_of(e, i));

        if (o != NULL && !instant_before(beyond, o->sound_until) && sound_look(n, o))
            e->moved = n->now;
    }
}

/* Goes as far as they are sound, beyond until when they are known to be. */
static void look_at_all(struct node *n, struct stage_inputs *e)
{
    struct instant beyond = instant_before(n->now, e->sound_until) ? e->sound_until : n->now;
    const struct shelf_object *o;

    e->looks_since = instant_first(e->looks_since, n->now);
    for (; e->sound < e->pinned; e->sound++) {
        if (is_given(e, e->sound))
            continue;
        o = whole(n, name_of(e, e->sound));
        if (o == NULL) {
            e->looks_since = INSTANT_NEVER;
            break;
        }
#if VELUM_PLANT != 695 /* trace/test_sound: what lies on the disk is mapped without a look at it */
        if (!instant_before(beyond, o->sound_until))
            break;
#endif
        e->sound_next = instant_first(e->sound_next, o->sound_until);
        e->moved = n->now;
    }
    if (!e->known || e->pinned < e->count)
        e->looks_since = INSTANT_NEVER; /* what it waits for is not the looks */
    if (e->known && e->sound == e->count)
        all_are_sound(n, e);
    else
        look_ahead(n, e, beyond);
}

/* What was here and is not any more too. That somebody was asked is no progress: he may say that
 * he has it, and bring nothing. */
static void seek(struct job *j, struct stage_inputs *e)
{
    struct instant came;
    uint16_t end = e->count;

    if (e->sought.us != 0 && instant_since_us(j->node->now, e->sought) < SEEK_OBJECT_US)
        return;
    e->sought = j->node->now;
    if (end > e->pinned + AHEAD_MAX)
        end = (uint16_t)(e->pinned + AHEAD_MAX);
    for (uint16_t i = e->sound; i < end; i++) {
        if (is_given(e, i) || whole(j->node, name_of(e, i)) != NULL)
            continue;
        came = fetching_came(j->node, name_of(e, i));
        if (instant_before(e->moved, came))
            e->moved = came;
        if (!fetching_is_on(j->node, name_of(e, i)))
            copies_seek(j->node, name_of(e, i));
    }
}

static bool are_here(const struct node *n, const struct stage_inputs *e)
{
    return e->known && e->pinned == e->count && instant_before(n->now, e->sound_until);
}

void labour_inputs_expect(struct job *j, uint32_t stage)
{
    struct stage_inputs *e;

    if (!j->graph->stages[stage].reads || find(j, stage) != NULL)
        return;
    e = make(j, stage);
    if (e != NULL)
        e->ask_at = instant_plus_us(j->node->now, EXPECT_US);
}

bool labour_inputs_are_here(struct job *j, uint32_t stage)
{
    struct stage_inputs *e;

    if (!j->graph->stages[stage].reads)
        return true;
    e = find(j, stage);
    if (e == NULL)
        e = make(j, stage);
    if (e == NULL || are_here(j->node, e))
        return e != NULL;
    find_out(j, e);
    pin(j, e);
    look_at_all(j->node, e);
    if (are_here(j->node, e))
        return true;
    if (j->node->objects != NULL && j->node->objects->scanned)
        seek(j, e);
    return false;
}

const struct stage_inputs *labour_inputs_of(const struct job *j, uint32_t stage)
{
    return find(j, stage);
}

static bool has(const struct stage_inputs *e, uint16_t from, struct digest name)
{
    for (uint16_t i = from; i < e->count; i++)
        if (!is_given(e, i) && digest_equal(name_of(e, i), name))
            return true;
    return false;
}

bool labour_inputs_want(const struct node *n, struct digest name)
{
    for (const struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (const struct stage_inputs *e = j->labour->inputs; e != NULL; e = e->next)
            if (!are_here(n, e) && is_wanted(j, e->stage) && has(e, 0, name))
                return true;
    return false;
}

void labour_inputs_came(struct node *n, const struct shelf_object *o)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (struct stage_inputs *e = j->labour->inputs; e != NULL; e = e->next)
            if (is_wanted(j, e->stage) && has(e, e->pinned, o->name))
                keep(j, e->stage, o);
}

static void look_again(const struct node *n, struct stage_inputs *e)
{
    e->sound_until = e->sought = (struct instant){0};
    e->moved = n->now;
    begin_looks(e);
}

/* What they have computed since that piece changed may be wrong. */
static void end_workers(struct job *j, uint32_t stage)
{
    for (struct worker *w = j->node->workers; w != NULL; w = w->next)
        if (w->state == WORKER_BOUND && w->job == j && w->stage == stage && w->has_files)
            labour_take_back(j->node, w);
}

void labour_inputs_lost(struct node *n, struct digest name)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (struct stage_inputs *e = j->labour->inputs; e != NULL; e = e->next) {
            if (!has(e, 0, name))
                continue;
            look_again(n, e);
            e->doubted = false;
#if VELUM_PLANT != 692 /* trace/test_sound: a worker goes on with an input that is damaged */
            end_workers(j, e->stage);
#endif
        }
}

bool labour_inputs_doubt(struct job *j, uint32_t stage)
{
    struct stage_inputs *e = find(j, stage);
    bool missing = false;

    for (uint16_t i = 0; e != NULL && i < e->count; i++)
        missing |= !is_given(e, i) && whole(j->node, name_of(e, i)) == NULL;
    if (e == NULL || (!missing && e->doubted))
        return false;
    e->doubted |= !missing;
    for (uint16_t i = 0; i < e->count && !missing; i++)
        if (!is_given(e, i))
            shelf_doubt(whole(j->node, name_of(e, i)));
    look_again(j->node, e);
    return true;
}

/* The first that it waits for. */
static struct digest awaited(const struct job *j, const struct stage_inputs *e, bool *here)
{
    uint16_t i = e->sound;

    while (i + 1 < e->count && (is_given(e, i) || whole(j->node, name_of(e, i)) != NULL))
        i++;
    *here = whole(j->node, name_of(e, i)) != NULL;
    return name_of(e, i);
}

/* The job knows its size. */
static bool waits_for(const struct stage_inputs *e, struct digest name, uint64_t size)
{
    struct stage_input in;

    if (e->pinned >= e->count)
        return false;
    in = stage_input_at(buf_bytes(&e->list), e->pinned);
#if VELUM_PLANT == 685 /* trace/test_collect: who lies about a size takes the room of an input */
    return digest_equal(in.name, name);
#endif
    return digest_equal(in.name, name) && in.size == size;
}

void labour_inputs_no_room(struct node *n, struct digest name, uint64_t size)
{
    for (struct job *j = n->labour_jobs; j != NULL; j = j->next_labour)
        for (struct stage_inputs *e = j->labour->inputs; e != NULL; e = e->next)
            if (waits_for(e, name, size))
                e->no_room = true;
}

/* What is missing, for the coordinator and whoever reads the job's error. */
static void give_back(struct job *j, struct stage_inputs *e)
{
    struct stage_spec room;
    struct stage_need need;
    char why[REASON_SIZE] = "", digits[9];
    struct digest name;
    bool here;

    if (e->known) {
        name = awaited(j, e, &here);
        id_hex(name.bytes, 8, digits);
        text_copy(why, sizeof why, "input ");
        text_append(why, sizeof why, digits);
        text_append(why, sizeof why,
                    here ? " cannot be read from this node's disk"
                    : e->no_room
                        ? " does not fit this node: its disk is full, or its limit for objects"
                        : " is on no node that can be asked");
        if (!here && !e->no_room)
            having_say_last(j->node, name, why, sizeof why);
    } else if (next_need(stage_spec_of(j, e->stage, &room), e, &need)) {
        text_copy(why, sizeof why, "the coordinator does not tell the output of ");
        stage_append_name(j, need.stage, why, sizeof why);
    }
    labour_return_stage(j, e->stage, RETURN_NO_INPUT, why);
    e->moved = j->node->now;
}

struct instant labour_inputs_due(const struct job *j)
{
    struct instant due = INSTANT_NEVER;

    for (const struct stage_inputs *e = j->labour->inputs; e != NULL; e = e->next)
        if (is_wanted(j, e->stage))
            due = instant_first(due, are_here(j->node, e) ? e->look_at : j->node->now);
    return due;
}

static void go_on(struct job *j, struct stage_inputs *e)
{
    struct node *n = j->node;

    if (are_here(n, e)) {
#if VELUM_PLANT != 693 /* trace/test_sound: what is worked on for long is looked at when it waits */
        if (instant_reached(n->now, e->look_at))
            look_at_all(n, e);
#endif
    } else if (labour_inputs_are_here(j, e->stage)) {
        n->serve_wanted = true;
    } else if (instant_since_us(n->now, e->moved) >= PATIENCE_US) {
        give_back(j, e);
    }
}

void labour_inputs_tick(struct node *n)
{
    struct job *j, *next;

    for (j = n->labour_jobs; j != NULL; j = next) {
        next = j->next_labour;
        for (struct stage_inputs *e = j->labour->inputs; e != NULL; e = e->next)
            if (is_wanted(j, e->stage))
                go_on(j, e);
    }
}

void labour_inputs_drop(struct job *j)
{
    struct stage_inputs *e;

    while ((e = j->labour->inputs) != NULL) {
        j->labour->inputs = e->next;
        entry_free(j, e);
    }
}
