/* PLAN and SHOW for users. */
#include "core/node/aside.h"

#include "core/base/err.h"
#include "core/node/link.h"
#include "core/node/workers.h"

#define ASIDES_MAX 64

static void aside_free(struct node *n, struct aside *a)
{
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

int aside_add(struct node *n, struct aside *a)
{
    struct aside **end = &n->asides;
    uint32_t count = 0;

    for (; *end != NULL; end = &(*end)->next)
        count++;
    if (count >= ASIDES_MAX) {
        aside_free(n, a);
        return ERR_FULL;
    }
    a->next = NULL;
    a->since = n->now;
    *end = a;
    n->serve_wanted = true;
    return 0;
}

void aside_link_down(struct node *n, uint64_t link)
{
    for (struct aside *a = n->asides; a != NULL; a = a->next)
        if (a->link == link)
            a->link = 0;
}

void aside_fail(struct node *n, const struct aside *a, const char *why)
{
    if (a->link != 0)
        reply_error(n, a->link, a->request, 1, why, "");
}

static void aside_planned(struct node *n, const struct aside *a, struct bytes payload)
{
    const struct node_kernel *k = &n->kernels[a->kernel];
    struct worker_planned m;
    struct reply_plan reply = {
        .source = k->source, .reduction = k->reduction, .accumulator_size = k->accumulator_size};
    struct buf b;

    if (read_worker_planned(payload, &m) < 0) {
        reply_error(n, a->link, a->request, 1, "the worker's answer is malformed", "");
        return;
    }
    if (!m.ok) {
        reply_error(n, a->link, a->request, 2, m.reason, "");
        return;
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

void aside_frame(struct node *n, struct worker *w, const struct frame *f)
{
    struct aside *a = w->aside;
    struct worker_loaded loaded;

    if (f->type == MESSAGE_WORKER_LOADED) {
        if (read_worker_loaded(f->payload, &loaded) == 0 && loaded.ok)
            return;
        aside_fail(n, a, "the kernel does not load in a worker");
    } else if (f->type !=
               (a->order == MESSAGE_ORDER_PLAN ? MESSAGE_WORKER_PLANNED : MESSAGE_WORKER_SHOWN)) {
        aside_fail(n, a, "the worker answered something that was not asked");
    } else if (a->link != 0 && a->order == MESSAGE_ORDER_PLAN) {
        aside_planned(n, a, f->payload);
    } else if (a->link != 0) {
        aside_shown(n, a, f->payload);
    }
    w->aside = NULL;
    aside_end(n, a);
    worker_kill(n, w);
}

void aside_too_long(struct node *n, struct aside *a)
{
    char what[VIEW_ERROR_SIZE] = "the kernel ";

    text_append(what, sizeof what, n->kernels[a->kernel].name);
    text_append(what, sizeof what, " gave no answer within 10 s, so its worker was ended");
    aside_fail(n, a, what);
    a->link = 0;
}

void aside_limits(struct node *n)
{
    struct aside *a, *next;

    for (a = n->asides; a != NULL; a = next) {
        next = a->next;
        if (a->given || instant_since_us(n->now, a->since) <= ASIDE_LIMIT_US)
            continue;
        aside_fail(n, a, "no worker of this node could be started");
        aside_end(n, a);
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
