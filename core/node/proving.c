#include "core/node/proving.h"

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/having.h"
#include "core/node/jobs.h"
#include "core/node/lead.h"
#include "core/node/lead_pool.h"
#include "core/node/link.h"
#include "core/node/linked.h"
#include "core/node/stages.h"
#include "core/wire/output.h"

#define ROUND_US (2 * S_US) /* then those that have not answered are asked again */
#define SCAN_WAIT_US (100 * MS_US)
#define FRAMES_A_LOOK 64u   /* of up to OBJECT_BATCH names */
#define RANKED_A_LOOK 1024u /* members ranked for outputs that no linked node has */

/* One output that is an object; leaves may share it. */
struct proven {
    struct digest name;
    uint64_t size;
    struct node_id at; /* the first that has it; zero: none */
    bool found;        /* in as many places as are needed */
};

struct proving {
    uint32_t of;        /* the stage that reads them; the number of stages: they are the result */
    struct map by_name; /* digest -> struct proven */
    struct proven *list;
    uint32_t count, left;
    struct instant began, round;
    uint32_t node, at; /* this round: the next linked node to ask, and about which on */
    uint32_t ranked;   /* and the next whose keepers are asked */
    uint64_t partings; /* of the node, when it began */
};

/* --- what there is to prove --- */

static uint32_t result_of(const struct job *j)
{
    return j->graph->count;
}

/* Goes through the outputs that are asked about. */
struct cursor {
    uint32_t of;   /* as in proving */
    uint32_t need; /* the next of its needs */
    uint32_t at;   /* where in the cover */
    uint64_t end;  /* behind the leaves of the present one */
};

/* False: what is left of its needs yields no outputs that it reads. */
static bool next_stage(const struct job *j, struct cursor *c, uint32_t *stage)
{
    struct stage_spec room;
    const struct stage_spec *s;

    if (c->of == result_of(j)) {
        *stage = graph_result(j->graph);
        return c->need++ == 0;
    }
    s = stage_spec_of(j, c->of, &room);
    while (c->need < s->needs_count) {
        struct stage_need need = stage_need_at(s->needs, (uint16_t)c->need++);

        *stage = need.stage;
        if (need.place != NEED_ORDER && !stage_folds(j, need.stage))
            return true;
    }
    return false;
}

static bool next_output(const struct job *j, struct cursor *c, struct output *o)
{
    const struct cover *cover = ledger_cover(j->ledger);
    uint32_t stage;

    for (;;) {
        while (c->at < cover_count(cover) && tree_first(cover_at(cover, c->at)->at) < c->end)
            if (read_output(cover_at(cover, c->at++)->data, o) == 0 && o->kind == OUTPUT_OBJECT)
                return true;
        if (!next_stage(j, c, &stage))
            return false;
        c->at = cover_index(cover, stage_leaves(j, stage).first);
        c->end = stage_leaves(j, stage).end;
    }
}

static uint32_t places_possible(const struct node *n)
{
    uint32_t count = n->objects != NULL;

    for (uint32_t i = 0; i < mesh_count(n->mesh) && count < 2; i++)
        count += mesh_at(n->mesh, i)->state == NODE_ALIVE &&
                 (n->objects == NULL || !having_never(n, mesh_at(n->mesh, i)->info->id));
    return count;
}

static void found(const struct node *n, struct proving *p, struct proven *x, struct node_id at)
{
    bool second = !node_id_is_zero(x->at) && !node_id_equal(x->at, at);

    if (node_id_is_zero(x->at))
        x->at = at;
    if (x->found || (!second && places_possible(n) > 1))
        return;
    x->found = true;
    p->left--;
}

/* It is time to do with those that there are. */
static void settle(struct proving *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct proven *x = &p->list[i];

        if (x->found || node_id_is_zero(x->at))
            continue;
        x->found = true;
        p->left--;
    }
}

static void free_all(struct node *n, struct proving *p)
{
    if (p == NULL)
        return;
    map_clear(&p->by_name);
    alloc_free(n->alloc, p->list, p->count * sizeof *p->list);
    alloc_free(n->alloc, p, sizeof *p);
}

/* What is asked about is wanted by stages only. */
static bool passes(const struct job *j, const struct proving *p)
{
    return p->of != result_of(j);
}

static int keep(const struct job *j, const struct proven *x, bool passing)
{
    return passing ? keeping_pass(j->node, x->name, x->size, j->id)
                   : keeping_say(j->node, x->name, x->size, j->id, true);
}

/* It is here: for this job too from now on. */
static bool is_here(struct job *j, const struct proven *x, bool passing)
{
    struct node *n = j->node;
    const struct shelf_object *o =
        n->objects == NULL || !n->objects->scanned ? NULL : shelf_find(n->objects->shelf, x->name);

    if (o == NULL || !o->whole || !member_keeps(n, n->options.id))
        return false;
    if (keeping_find(n, x->name, j->id) == NULL && keep(j, x, passing) == 0)
        copies_look_at(n, x->name);
    return keeping_find(n, x->name, j->id) != NULL;
}

static int add(struct job *j, struct proving *p, uint32_t *used, const struct output *o)
{
    struct proven *x = &p->list[*used];

    if (map_get(&p->by_name, &o->name) != NULL)
        return 0;
    x->name = o->name;
    x->size = o->size;
    (*used)++;
    p->left++;
    if (is_here(j, x, passes(j, p)))
        found(j->node, p, x, j->node->options.id);
    return map_put(&p->by_name, &x->name, x);
}

static struct proving *begin(struct job *j, uint32_t of)
{
    struct node *n = j->node;
    struct proving *p = node_alloc(n, sizeof *p);
    struct cursor c = {.of = of};
    uint32_t used = 0;
    struct output o;

    if (p == NULL)
        return NULL;
    p->of = of;
    while (next_output(j, &c, &o))
        p->count++;
    p->began = p->round = n->now;
    p->partings = n->partings;
    map_init(&p->by_name, n->alloc, ID_SIZE, p->count);
    p->list = p->count == 0 ? NULL : alloc_array(n->alloc, p->count, sizeof *p->list);
    n->memory_out |= p->count > 0 && p->list == NULL;
    for (c = (struct cursor){.of = of}; !n->memory_out && next_output(j, &c, &o);)
        n->memory_out |= add(j, p, &used, &o) < 0;
    if (n->memory_out) {
        p->count = p->list == NULL ? 0 : p->count;
        free_all(n, p);
        return NULL;
    }
    return p;
}

/* --- asking --- */

/* The next names from *at on, as one question. 0: there is none left. */
static uint16_t put_names(const struct job *j, uint32_t *at, struct buf *b)
{
    const struct proving *p = j->lead->proving;
    uint16_t count = 0;

    put_object_seek_begin(b, j->id);
    for (; *at < p->count && count < OBJECT_BATCH; (*at)++) {
        if (p->list[*at].found || p->list[*at].size == 0)
            continue;
        put_digest(b, p->list[*at].name);
        count++;
    }
    return count;
}

static bool ask_some(struct job *j, struct node_id to, uint32_t *at)
{
    struct buf b;
    bool any;

    buf_init(&b, j->node->alloc, FRAME_PAYLOAD_MAX);
    any = put_names(j, at, &b) > 0;
    j->node->memory_out |= b.failed;
    if (any && !b.failed)
        send_node(j->node, to, MESSAGE_OBJECT_SEEK, 0, buf_bytes(&b));
    buf_clear(&b);
    return any;
}

static void ask_linked(struct job *j)
{
    struct node *n = j->node;
    struct proving *p = j->lead->proving;

    for (uint32_t frames = 0; p->node < linked_count(n) && frames < FRAMES_A_LOOK; frames++) {
        if (p->at < p->count)
            ask_some(j, linked_at(n, p->node)->info->id, &p->at);
        if (p->at < p->count)
            continue;
        p->at = 0;
        p->node++;
    }
}

/* Those that should have it, who may have no link yet. */
static void ask_keepers(struct job *j)
{
    struct proving *p = j->lead->proving;
    uint32_t hashes = 0, cost = mesh_count(j->node->mesh) + 1;

    for (; p->ranked < p->count && hashes < RANKED_A_LOOK; p->ranked++) {
        const struct proven *x = &p->list[p->ranked];

        if (x->found || x->size == 0)
            continue;
        hashes += cost;
        copies_ask_keepers(j->node, x->name, j->id);
    }
}

static bool is_asked(const struct job *j)
{
    const struct proving *p = j->lead->proving;

    return p->node >= linked_count(j->node) && p->ranked >= p->count;
}

static void ask(struct job *j)
{
    struct proving *p = j->lead->proving;

    if (is_asked(j) && instant_since_us(j->node->now, p->round) >= ROUND_US) {
        p->node = p->at = p->ranked = 0;
        p->round = j->node->now;
    }
    ask_linked(j);
    if (instant_since_us(j->node->now, p->began) >= ROUND_US)
        ask_keepers(j);
    else
        p->ranked = p->count;
}

void proving_heard(struct node *n, struct node_id from, const struct object_have *m)
{
    struct job *j = job_find(n, m->owner);
    struct proving *p = j == NULL || j->lead == NULL ? NULL : j->lead->proving;
    struct proven *x = p == NULL ? NULL : map_get(&p->by_name, &m->name);

    if (x == NULL || (!m->whole && !m->loose))
        return;
    if (m->loose)
        copies_keep_there(n, from, m->name, x->size, j->id, passes(j, p));
    if (m->whole)
        found(n, p, x, from);
    job_mark_busy(j);
}

/* --- what is lost --- */

struct cover *proving_cover(const struct job *j)
{
    return j->lead != NULL && j->lead->found != NULL ? j->lead->found : ledger_cover(j->ledger);
}

int proving_value(struct job *j, const struct value *v)
{
    return j->lead->found == NULL ? 0 : cover_insert(j->lead->found, v);
}

/* What was read to its end meanwhile need not be computed again. */
static int spend_as_the_ledger(const struct job *j, struct cover *found)
{
    struct lead *l = j->lead;
    uint32_t next;

    while ((next = ledger_spent_after(j->ledger, l->found_spent)) > 0) {
        if (cover_spend(found, next - 1) < 0)
            return ERR_NO_MEMORY;
        l->found_spent = next;
    }
    return 0;
}

void proving_values_came(struct job *j)
{
    struct lead *l = j->lead;
    const struct cover *all = ledger_cover(j->ledger);

    if (l->found == NULL)
        return;
    if (spend_as_the_ledger(j, l->found) < 0)
        j->node->memory_out = true;
    if (cover_leaves(l->found) < cover_leaves(all))
        return;
    lead_pool_whole(j);
    cover_free(l->found);
    l->found = NULL;
}

static bool is_lost(const struct proving *p, struct bytes value)
{
    const struct proven *x;
    struct output o;

    if (read_output(value, &o) < 0 || o.kind != OUTPUT_OBJECT)
        return false;
    x = map_get(&p->by_name, &o.name);
    return x != NULL && !x->found;
}

/* Puts what is still there of it into the other cover. */
static int put_rest(const struct job *j, const struct value *v, struct cover *rest)
{
    if (v->data.data == NULL)
        return cover_spend(rest, stage_of_leaf(j, tree_first(v->at)));
    return is_lost(j->lead->proving, v->data) ? 0 : cover_insert(rest, v);
}

/* The pool gives out what is not in the cover that it is shown. At the end nothing runs that it
 * would have to know of. */
static int give_out_again(struct job *j)
{
    struct lead *l = j->lead;
    const struct cover *all = proving_cover(j);
    struct cover *rest = NULL;
    int rc = cover_new(&rest, j->node->alloc, cover_shape(all));

    for (uint32_t i = 0; i < cover_count(all) && rc >= 0; i++)
        rc = put_rest(j, cover_at(all, i), rest);
    if (rc >= 0 && l->proving->of == result_of(j))
        rc = lead_pool_anew(j, rest);
    else if (rc >= 0)
        rc = lead_pool_lacks(j, rest);
    if (rc < 0) {
        cover_free(rest);
        return rc;
    }
    l->found_spent = l->found == NULL ? l->spent_seen : l->found_spent;
    cover_free(l->found);
    l->found = rest;
    j->node->assign_wanted = true;
    return 0;
}

static bool is_late(const struct job *j)
{
    return instant_since_us(j->node->now, j->lead->proving->began) >= PROVING_LOST_US &&
           is_asked(j);
}

/* Goes on with what is asked about. */
static enum proved go_on(struct job *j)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    uint32_t lost;

    if (is_late(j))
        settle(l->proving);
    if (l->proving->left == 0)
        return PROVED_ALL;
    if (!is_late(j)) {
        ask(j);
        return PROVED_NOT_YET;
    }
    lost = l->proving->left;
    if (give_out_again(j) < 0) {
        n->memory_out = true;
        return PROVED_NOT_YET;
    }
    log_line(n->options.log, LOG_WARNING,
             "%u outputs of a job are on no node any more, and are computed again", (unsigned)lost);
    return PROVED_LOST;
}

static void end(struct job *j)
{
    free_all(j->node, j->lead->proving);
    j->lead->proving = NULL;
}

void proving_doubt(struct job *j, uint32_t stage)
{
    struct node *n = j->node;

#if VELUM_PLANT == 554 /* trace/test_graph_lost: what is lost between stages stays lost */
    return;
#endif
    if (j->lead->proving == NULL && (n->objects == NULL || n->objects->scanned))
        j->lead->proving = begin(j, stage);
}

void proving_tend(struct job *j)
{
    struct lead *l = j->lead;
    enum proved is;

    if (l->proving == NULL || l->proving->of == result_of(j))
        return;
    is = go_on(j);
    if (is == PROVED_NOT_YET)
        return;
    if (is == PROVED_LOST)
        l->no_input_since = (struct instant){0};
    end(j);
}

enum proved proving_look(struct job *j)
{
    struct node *n = j->node;
    struct lead *l = j->lead;
    enum proved is;

    if (l->proving != NULL && l->proving->of != result_of(j))
        end(j);
    if (l->proving == NULL && l->proved_once && l->proved == n->partings)
        return PROVED_ALL;
    if (n->objects != NULL && !n->objects->scanned) {
        l->list_again = instant_plus_us(n->now, SCAN_WAIT_US); /* what is here is not known yet */
        return PROVED_NOT_YET;
    }
    if (l->proving == NULL)
        l->proving = begin(j, result_of(j));
    if (l->proving == NULL)
        return PROVED_NOT_YET;
#if VELUM_PLANT == 467 /* trace/test_lost: what is lost with its nodes stays in the result */
    l->proving->left = 0;
#endif
    is = go_on(j);
    if (is == PROVED_NOT_YET)
        return is;
    l->proved = l->proving->partings;
    l->proved_once = is == PROVED_ALL;
    end(j);
    return is;
}

void proving_drop(struct job *j)
{
    free_all(j->node, j->lead->proving);
    cover_free(j->lead->found);
    j->lead->proving = NULL;
    j->lead->found = NULL;
}
