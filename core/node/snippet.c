#include "core/node/snippet.h"

#include "core/node/aside.h"
#include "core/node/building.h"
#include "core/node/copies.h"
#include "core/node/fetching.h"
#include "core/node/having.h"
#include "core/node/link.h"
#include "core/node/stages.h"
#include "core/node/worker_order.h"
#include "core/object/name.h"
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

/* --- plugins that come with jobs --- */

/* Some of them. */
static bool loads_plugins(const struct node *n)
{
    return n->options.shipped != SHIPPED_NONE && n->options.tier >= TIER_S2 &&
           n->options.objects_path != NULL;
}

/* Its name is made of the file's size and digest, since it is one piece. */
static struct digest name_of_file(uint64_t size, struct digest file)
{
    struct object_sum sum;
    struct digest name = {{0}};

    object_sum_begin(&sum, size);
    object_sum_piece(&sum, file);
    (void)object_sum_end(&sum, &name);
    return name;
}

static bool is_allowed(const struct node *n, struct digest name, uint64_t size)
{
    const struct node_options *o = &n->options;

    if (o->shipped == SHIPPED_ANY)
        return true;
    if (o->shipped == SHIPPED_NONE || size == 0 || size > SHIPPED_PLUGIN_MAX)
        return false;
#if VELUM_PLANT == 861 /* trace/test_shipped: a list of plugins allows all of them */
    return true;
#endif
    for (uint32_t i = 0; i < o->allowed_count; i++)
        if (digest_equal(name_of_file(size, o->allowed[i]), name))
            return true;
    return false;
}

bool snippet_lacks_leave(const struct node *n, const struct stage_spec *s)
{
    return s->plugin && loads_plugins(n) && !is_allowed(n, s->source, stage_source(s).size);
}

int snippet_kernel(const struct node *n, const struct stage_spec *s)
{
#if VELUM_PLANT == 862 /* trace/test_shipped: a node that takes no plugins of jobs loads them */
    if (s->plugin)
        return KERNEL_SHIPPED;
#endif
    if (s->plugin)
        return loads_plugins(n) && !snippet_lacks_leave(n, s) ? KERNEL_SHIPPED : -1;
    if (s->compiler == COMPILER_CC && !building_is_possible(n))
        return -1;
    return s->snippet && snippet_is_taken(n) ? KERNEL_COMPILED : -1;
}

/* --- its source --- */

static bool is_snippet(const struct aside *a)
{
    return a->kernel >= KERNEL_CARRIED;
}

static struct shelf_object *whole(const struct node *n, const struct aside *a)
{
    struct shelf_object *o = n->objects == NULL || !n->objects->scanned
                                 ? NULL
                                 : shelf_find(n->objects->shelf, a->about.source);

    return o != NULL && o->whole ? o : NULL;
}

bool snippet_is_forbidden(const struct node *n, const struct aside *a)
{
    const struct shelf_object *o = a->kernel == KERNEL_SHIPPED ? whole(n, a) : NULL;

    return o != NULL && !is_allowed(n, o->name, o->size);
}

static struct shelf_object *source_of(const struct node *n, const struct aside *a)
{
    const uint32_t max = a->kernel == KERNEL_COMPILED ? SNIPPET_SOURCE_MAX : SHIPPED_PLUGIN_MAX;
    struct shelf_object *o = whole(n, a);

#if VELUM_PLANT == 863 /* trace/test_shipped: a plugin that no list has is loaded for a command */
    return o != NULL && o->size <= max ? o : NULL;
#endif
    return o != NULL && o->size <= max && !snippet_is_forbidden(n, a) ? o : NULL;
}

static void seek(struct node *n, struct aside *a)
{
    if (n->objects == NULL || !n->objects->scanned || whole(n, a) != NULL ||
        fetching_is_on(n, a->about.source) ||
        (a->sought.us != 0 && instant_since_us(n->now, a->sought) < SEEK_OBJECT_US))
        return;
    a->sought = n->now;
    copies_seek(n, a->about.source);
}

bool snippet_is_here(struct node *n, struct aside *a)
{
    struct shelf_object *o;

    if (!is_snippet(a) || a->pinned)
        return true;
    o = source_of(n, a);
    if (o == NULL) {
        seek(n, a);
        return false;
    }
    shelf_pin(n->objects->shelf, o);
    a->pinned = true;
    /* What is shown may be either, and a plugin that no list has is to be none. */
    if (a->kernel == KERNEL_CARRIED && !is_allowed(n, o->name, o->size))
        a->kernel = KERNEL_COMPILED;
    a->since = n->now; /* the worker has all of its time, however long the source took */
    return true;
}

int64_t snippet_patience_us(const struct node *n, const struct aside *a)
{
    bool comes =
        !is_snippet(a) || a->pinned || (n->objects != NULL && fetching_is_on(n, a->about.source));

    if (snippet_is_forbidden(n, a))
        return 0;
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
        if (is_snippet(a) && !a->pinned && digest_equal(a->about.source, name))
            return true;
    return false;
}

void snippet_say_missing(const struct node *n, const struct aside *a, char *text, size_t cap)
{
    char digits[9];

    id_hex(a->about.source.bytes, 8, digits);
    if (snippet_is_forbidden(n, a)) {
        text_copy(text, cap, "this node loads only plugins that its plugin_allow names, and ");
        text_append(text, cap, digits);
        text_append(text, cap, " is none of them");
        return;
    }
    text_copy(text, cap, "");
    if (a->about.name[0] != 0) {
        text_copy(text, cap, "this node has no kernel \"");
        text_append(text, cap, a->about.name);
        text_append(text, cap, "\", and ");
    }
    text_append(text, cap,
                a->kernel == KERNEL_SHIPPED    ? "the plugin "
                : a->kernel == KERNEL_COMPILED ? "the C source "
                                               : "its source ");
    text_append(text, cap, digits);
    text_append(text, cap, " is not to be had from any node");
    having_say_last(n, a->about.source, text, cap);
}

/* --- requests --- */

/* What both need. */
static void say_cage(const struct node *n, char *what, size_t cap)
{
    if (n->options.tier < TIER_S2) {
        text_append(what, cap, "that needs a cage of tier S2, and its own is ");
        tier_say(n->options.tier, n->options.tier_lacks, what, cap);
    } else {
        text_append(what, cap, "it keeps no objects");
    }
}

/* This node would have to compile it, or to load it, and does not. */
static void refuse(struct node *n, uint64_t link, uint32_t request, int kernel)
{
    const bool plugin = kernel == KERNEL_SHIPPED;
    char what[VIEW_ERROR_SIZE] = "this node takes no C source: ";

    if (plugin)
        text_copy(what, sizeof what, "this node loads no plugins that come with jobs: ");
    if (plugin && n->options.shipped == SHIPPED_NONE)
        text_append(what, sizeof what, "its plugin_jobs is none");
    else if (!plugin && !n->options.compiles)
        text_append(what, sizeof what, "it has no C compiler inside");
    else
        say_cage(n, what, sizeof what);
    reply_error(n, link, request, 6, what,
                plugin ? "ask one that does: --addr HOST:PORT; velum nodes shows " LABEL_LOADS
                       : "ask one that does: --addr HOST:PORT; velum nodes shows " LABEL_COMPILES);
}

static bool may_be_ordered(struct node *n, const struct request_snippet *m)
{
    struct order_plan *plan = node_alloc(n, sizeof *plan);
    struct reader r = reader_of(m->order);
    const enum snippet_what asked = snippet_what(m);
    bool ok = asked == SNIPPET_DESCRIBE;

    if (plan != NULL && asked == SNIPPET_PLAN)
        ok = read_order_plan(m->order, plan) == 0;
    alloc_free(n->alloc, plan, sizeof *plan);
    if (asked == SNIPPET_SHOW) {
        (void)read_block(&r, ACCUMULATOR_SIZE_MAX);
        ok = reader_done(&r);
    }
    return ok;
}

/* Whichever it is that is shown, nobody says. -1: this node does neither. */
static int kernel_of(const struct node *n, const struct request_snippet *m)
{
    const bool plugin = loads_plugins(n), c = snippet_is_taken(n);

    if (m->what == SHIPPED_DESCRIBE || m->what == SHIPPED_PLAN)
        return plugin ? KERNEL_SHIPPED : -1;
    if (m->what == SNIPPET_SHOW && plugin)
        return c ? KERNEL_CARRIED : KERNEL_SHIPPED;
    return c ? KERNEL_COMPILED : -1;
}

static void begin(struct node *n, uint64_t link, uint32_t request, const struct request_snippet *m,
                  int kernel)
{
    const enum snippet_what what = snippet_what(m);
    struct aside a = {.link = link,
                      .request = request,
                      .order = what == SNIPPET_DESCRIBE ? MESSAGE_ORDER_DESCRIBE
                               : what == SNIPPET_PLAN   ? MESSAGE_ORDER_PLAN
                                                        : MESSAGE_ORDER_SHOW,
                      .kernel = kernel,
                      .about = {.source = m->source, .reduction = m->reduction},
                      .params = m->params,
                      .payload = m->order};
    struct order_describe describe = {.origin = kernel == KERNEL_COMPILED ? ORIGIN_SNIPPET
                                                                          : ORIGIN_PLUGIN};
    uint8_t room[PATH_SIZE_MAX + 8];
    struct buf b;

    text_copy(a.about.name, sizeof a.about.name, m->kernel);
    buf_init_fixed(&b, room, sizeof room);
    if (what == SNIPPET_DESCRIBE) {
        worker_order_source(n, m->source, describe.path);
        put_order_describe(&b, &describe);
        a.payload = buf_bytes(&b);
    }
    aside_begin(n, &a);
}

void snippet_request(struct node *n, uint64_t link, uint32_t request, struct bytes payload)
{
    struct request_snippet m;
    int kernel;

    if (read_request_snippet(payload, &m) < 0 || !may_be_ordered(n, &m)) {
        reply_malformed(n, link, request);
        return;
    }
    kernel = kernel_of(n, &m);
    if (kernel < 0)
        refuse(n, link, request,
               m.what == SHIPPED_DESCRIBE || m.what == SHIPPED_PLAN ? KERNEL_SHIPPED
                                                                    : KERNEL_COMPILED);
    else
        begin(n, link, request, &m, kernel);
}
