/* PLAN and SHOW for users, one by one and in lists. */
#include "core/node/aside.h"

#include "core/base/err.h"
#include "core/node/link.h"
#include "core/node/snippet.h"
#include "core/node/stages.h"
#include "core/node/workers.h"
#include "core/wire/asides.h"

#define ASIDES_MAX 64

static void aside_free(struct node *n, struct aside *a)
{
    snippet_end(n, a);
    bytes_free(n, a->params);
    bytes_free(n, a->payload);
    alloc_free(n->alloc, a, sizeof *a);
}

void aside_end(struct node *n, struct aside *a)
{
    struct aside **at;

    for (at = &n->asides; *at != NULL; at = &(*at)->next) {
        if (*at == a) {
            *at = a->next;
            break;
        }
    }
    aside_free(n, a);
}

void aside_begin(struct node *n, const struct aside *wanted)
{
    struct aside **end = &n->asides, *a;
    uint32_t count = 0;

    for (; *end != NULL; end = &(*end)->next)
        count++;
    if (count >= ASIDES_MAX) {
        reply_error(n, wanted->link, wanted->request, 1,
                    "too many requests wait for a worker of this node", REPLY_TRY_AGAIN);
        return;
    }
    a = node_alloc(n, sizeof *a);
    if (a == NULL)
        return;
    *a = *wanted;
    a->params = bytes_copy(n, wanted->params);
    a->payload = bytes_copy(n, wanted->payload);
    a->next = NULL;
    a->since = n->now;
    *end = a;
    n->serve_wanted = true;
}

void aside_link_down(struct node *n, uint64_t link)
{
    for (struct aside *a = n->asides; a != NULL; a = a->next)
        if (a->link == link)
            a->link = 0;
    for (struct worker *w = n->workers; w != NULL; w = w->next)
        if (aside_is_kept(w) && w->kept_link == link)
            worker_kill(n, w);
}

void aside_fail(struct node *n, const struct aside *a, const char *why)
{
    if (a->link != 0)
        reply_error(n, a->link, a->request, 1, why, "");
}

/* False: the worker answers what makes no sense. */
static bool aside_planned(struct node *n, const struct aside *a, struct bytes payload)
{
    const struct aside_kernel *k = &a->about;
    struct worker_planned m;
    struct reply_plan reply = {
        .source = k->source, .reduction = k->reduction, .accumulator_size = k->accumulator_size};
    struct buf b;

    if (read_worker_planned(payload, &m) < 0) {
        reply_error(n, a->link, a->request, 1, "the worker's answer is malformed", "");
        return false;
    }
    if (!m.ok) {
        reply_error(n, a->link, a->request, 2, m.reason, "");
        return true;
    }
    text_copy(reply.kernel, sizeof reply.kernel, k->name);
    text_copy(reply.then, sizeof reply.then, k->then);
    reply.params = m.params;
    reply.units = m.units;
    reply.leaf_units = m.leaf_units;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_reply_plan(&b, &reply);
    send_link(n, a->link, MESSAGE_REPLY_PLAN, a->request, buf_bytes(&b));
    buf_clear(&b);
    return true;
}

static void aside_shown(struct node *n, const struct aside *a, struct bytes payload)
{
    char text[SHOW_SIZE_MAX];
    struct buf b;
    bool ok = false;

    if (read_worker_shown(payload, &ok, text) < 0 || !ok) {
        reply_error(n, a->link, a->request, 1, "the kernel cannot show this result", "");
        return;
    }
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_text(&b, text);
    send_link(n, a->link, MESSAGE_REPLY_TEXT, a->request, buf_bytes(&b));
    buf_clear(&b);
}

/* Of a snippet; nothing of the words of a worker is what the node goes by. */
static void aside_described(struct node *n, const struct aside *a, struct bytes payload)
{
    struct kernel_view v;
    struct buf b;

    if (read_kernel_view(payload, &v) < 0) {
        reply_error(n, a->link, a->request, 1, "the worker's answer is malformed", "");
        return;
    }
    v.origin = a->kernel == KERNEL_SHIPPED ? ORIGIN_PLUGIN : ORIGIN_SNIPPET;
    v.source = a->about.source;
    v.path[0] = 0;
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_kernel_view(&b, &v);
    send_link(n, a->link, MESSAGE_REPLY_KERNEL, a->request, buf_bytes(&b));
    buf_clear(&b);
}

/* --- lists --- */

/* Each is what the worker may say of it; its words for people are made safe by who reads them. */
static bool answers_read(struct bytes list, const struct aside *a)
{
    char text[SHOW_SIZE_MAX];
    struct worker_planned planned;
    struct asides m, asked;
    bool ok = read_asides(a->payload, &asked) == 0 && read_asides(list, &m) == 0 &&
              m.what == asked.what && m.count <= asked.count;

    for (uint16_t i = 0; ok && i < m.count; i++) {
        struct bytes answer = read_aside(&m.rest);
        bool shown;

        ok = (m.what == ASIDES_PLAN ? read_worker_planned(answer, &planned)
                                    : read_worker_shown(answer, &shown, text)) == 0;
    }
    return ok;
}

static bool aside_listed(struct node *n, const struct aside *a, struct bytes list)
{
    const struct aside_kernel *k = &a->about;
    struct reply_asides reply = {.source = k->source,
                                 .reduction = k->reduction,
                                 .accumulator_size = k->accumulator_size,
                                 .list = list};
    struct buf b;

    if (!answers_read(list, a)) {
        aside_fail(n, a, "the worker's answer is malformed");
        return false;
    }
    if (a->link == 0)
        return false;
    text_copy(reply.kernel, sizeof reply.kernel, k->name);
    text_copy(reply.then, sizeof reply.then, k->then);
    buf_init(&b, n->alloc, FRAME_PAYLOAD_MAX);
    put_reply_asides(&b, &reply);
    if (b.failed)
        n->memory_out = true;
    else
        send_link(n, a->link, MESSAGE_REPLY_ASIDES, a->request, buf_bytes(&b));
    buf_clear(&b);
    return true;
}

bool aside_is_kept(const struct worker *w)
{
    return w->state == WORKER_ASIDE && w->aside == NULL;
}

struct instant aside_kept_due(const struct node *n)
{
    struct instant due = INSTANT_NEVER;

    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        if (aside_is_kept(w))
            due = instant_first(due, instant_plus_us(w->since, ASIDE_KEPT_US));
    return due;
}

/* C source is compiled for each of its workers, and whoever asks for one plan by it mostly asks for
 * many, one behind the other. */
static bool is_for_many(const struct aside *a)
{
    return a->order == MESSAGE_ORDER_ASIDES ||
           (a->order == MESSAGE_ORDER_PLAN && a->kernel == KERNEL_COMPILED);
}

static bool has_kernel_of(const struct worker *w, const struct aside *a)
{
#if VELUM_PLANT == 875 /* trace/test_snippet: a worker that is kept plans by any source */
    return w->kernel == a->kernel;
#endif
    return w->kernel == a->kernel &&
           (a->kernel != KERNEL_COMPILED || digest_equal(w->source, a->about.source));
}

struct worker *aside_worker(const struct node *n, const struct aside *a)
{
    if (!is_for_many(a))
        return NULL;
    for (struct worker *w = n->workers; w != NULL; w = w->next)
#if VELUM_PLANT == 703 /* trace/test_asides: a worker that is kept serves whoever comes */
        if (aside_is_kept(w) && has_kernel_of(w, a))
#else
        if (aside_is_kept(w) && has_kernel_of(w, a) && w->kept_link == a->link)
#endif
            return w;
    return NULL;
}

bool aside_may_wait(const struct node *n, const struct aside *a)
{
    uint32_t count = 0;

    if (a->kernel != KERNEL_COMPILED || !is_for_many(a))
        return false;
    for (const struct worker *w = n->workers; w != NULL; w = w->next)
        count += w->state == WORKER_ASIDE && w->aside != NULL && is_for_many(w->aside) &&
                 w->aside->link == a->link && has_kernel_of(w, a);
    return count >= ASIDE_KEPT_MAX;
}

/* Its list is done. */
static void keep(struct node *n, struct worker *w, uint64_t link)
{
    uint32_t kept = 0;

    for (const struct worker *other = n->workers; other != NULL; other = other->next)
        kept += other != w && aside_is_kept(other);
    if (kept >= ASIDE_KEPT_MAX) {
        worker_kill(n, w);
        return;
    }
    w->kept_link = link;
    w->since = n->now;
    n->serve_wanted = true; /* another list may wait for a worker */
}

/* --- what a worker says --- */

static uint8_t answer_of(uint8_t order)
{
    return order == MESSAGE_ORDER_PLAN       ? MESSAGE_WORKER_PLANNED
           : order == MESSAGE_ORDER_SHOW     ? MESSAGE_WORKER_SHOWN
           : order == MESSAGE_ORDER_DESCRIBE ? MESSAGE_WORKER_DESCRIBED
                                             : MESSAGE_WORKER_ASIDES;
}

/* True: the worker may do another. `why` of one that did not load. */
static bool aside_answered(struct node *n, const struct aside *a, const struct frame *f,
                           const char *why)
{
    if (f->type == MESSAGE_WORKER_LOADED)
        aside_fail(n, a, why[0] != 0 ? why : "the kernel does not load in a worker");
    else if (f->type != answer_of(a->order))
        aside_fail(n, a, "the worker answered something that was not asked");
    else if (a->order == MESSAGE_ORDER_ASIDES)
        return aside_listed(n, a, f->payload);
    else if (a->link != 0 && a->order == MESSAGE_ORDER_PLAN)
        return aside_planned(n, a, f->payload) && is_for_many(a);
    else if (a->link != 0 && a->order == MESSAGE_ORDER_DESCRIBE)
        aside_described(n, a, f->payload);
    else if (a->link != 0)
        aside_shown(n, a, f->payload);
    return false;
}

void aside_frame(struct node *n, struct worker *w, const struct frame *f)
{
    struct aside *a = w->aside;
    struct worker_loaded loaded = {0};
    uint64_t link;
    bool again;

    if (a != NULL && f->type == MESSAGE_WORKER_LOADED &&
        read_worker_loaded(f->payload, &loaded) == 0 && loaded.ok) {
        a->about.accumulator_size = w->accumulator_size = loaded.accumulator_size;
        return;
    }
    if (a == NULL) { /* nothing was asked */
        worker_kill(n, w);
        return;
    }
    link = a->link;
#if VELUM_PLANT != 876 /* trace/test_snippet: what a kernel yields is known for one plan */
    if (a->kernel == KERNEL_COMPILED && a->order == MESSAGE_ORDER_PLAN)
        a->about.accumulator_size = w->accumulator_size;
#endif
    again = aside_answered(n, a, f, loaded.reason);
    w->aside = NULL;
    aside_end(n, a);
    if (again)
        keep(n, w, link);
    else
        worker_kill(n, w);
}

/* The user hears which kernel hangs, and nothing when the worker ends. */
static void too_long(struct node *n, struct aside *a)
{
    char what[VIEW_ERROR_SIZE] = "the kernel ";

    text_append(what, sizeof what, a->about.name[0] != 0 ? a->about.name : "of this source");
    text_append(what, sizeof what, " gave no answer within 10 s, so its worker was ended");
    aside_fail(n, a, what);
    a->link = 0;
}

/* What could bring the source that is not to be had. Who asks what is in it has just put it, and
 * a job's may be either where nobody says which. */
static const char *what_to_put(const struct aside *a)
{
#if VELUM_PLANT == 884 /* trace/test_shipped: whose plugin is not to be had is told to put C */
    return "velum put FILE.c, where that source is its kernel; else velum kernels";
#endif
    if (a->about.name[0] == 0)
        return "the same command again, which puts the file again";
    if (a->kernel == KERNEL_SHIPPED)
        return "velum put FILE.so, where that is its plugin; else velum kernels";
    if (a->kernel == KERNEL_COMPILED)
        return "velum put FILE.c, where that source is its kernel; else velum kernels";
    return "velum put FILE.c, or the FILE.so of a plugin, where that is its kernel; else velum "
           "kernels";
}

static void never_began(struct node *n, struct aside *a)
{
    char what[VIEW_ERROR_SIZE];

    if (snippet_is_here(n, a)) {
        aside_fail(n, a, "no worker of this node could be started");
        return;
    }
    snippet_say_missing(n, a, what, sizeof what);
    if (a->link != 0 && snippet_is_forbidden(n, a))
        reply_error(n, a->link, a->request, 6, what,
                    "ask another node: --addr HOST:PORT, or name the plugin there: plugin_allow = "
                    "what sha256sum says of it");
    else if (a->link != 0)
        reply_error(n, a->link, a->request, a->about.name[0] == 0 ? 1 : REPLY_NO_KERNEL, what,
                    what_to_put(a));
}

void aside_limits(struct node *n)
{
    struct aside *a, *next;

    for (a = n->asides; a != NULL; a = next) {
        next = a->next;
        if (a->given)
            continue;
        n->serve_wanted |= !a->pinned && a->kernel >= KERNEL_CARRIED && snippet_is_here(n, a);
        if (instant_since_us(n->now, a->since) <= snippet_patience_us(n, a))
            continue;
        never_began(n, a);
        aside_end(n, a);
    }
    for (struct worker *w = n->workers; w != NULL; w = w->next) {
        if (w->state != WORKER_ASIDE)
            continue;
        if (w->aside != NULL && instant_since_us(n->now, w->aside->since) > ASIDE_LIMIT_US) {
            too_long(n, w->aside);
            worker_kill(n, w);
        }
#if VELUM_PLANT != 704 /* trace/test_asides: a worker waits for more lists for good */
        if (w->aside == NULL && instant_since_us(n->now, w->since) >= ASIDE_KEPT_US)
            worker_kill(n, w);
#endif
    }
}

void asides_free(struct node *n)
{
    struct aside *a;

    while ((a = n->asides) != NULL) {
        n->asides = a->next;
        aside_free(n, a);
    }
}
