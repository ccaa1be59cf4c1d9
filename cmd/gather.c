#include "cmd/gather.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/wire/message.h"
#include "core/wire/view.h"

struct other {
    char name[NODE_NAME_SIZE], addr[VIEW_ADDR_SIZE];
    enum node_state state;
};

struct others {
    struct other *list;
    size_t count, cap;
};

static int grow(void **list, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 64;
    void *larger = realloc(*list, more * size);
    if (!larger)
        return ERR_NO_MEMORY;
    *list = larger;
    *cap = more;
    return 0;
}

static void take(void *ctx, const struct object_view *v)
{
    struct gathered *g = ctx;
    void *list = g->list;
    if (g->rc == 0 && g->count >= GATHER_MAX)
        g->rc = ERR_FULL;
    if (g->rc == 0 && g->count == g->cap)
        g->rc = grow(&list, &g->cap, sizeof *g->list);
    g->list = list;
    if (g->rc < 0)
        return;
    g->list[g->count] = *v;
    if (g->others) {
        g->list[g->count].here = g->list[g->count].age_s = 0;
        g->list[g->count].flags &= OBJECT_KEPT | OBJECT_OF_USER;
    }
    g->count++;
}

static int compare(const void *a, const void *b)
{
    const struct object_view *x = a, *y = b;
    return memcmp(x->name.bytes, y->name.bytes, ID_SIZE);
}

/* Who knows of more copies knows more. */
static void join(struct object_view *v, const struct object_view *other)
{
    v->flags |= other->flags;
    v->here = v->here > other->here ? v->here : other->here;
    v->copies = v->copies > other->copies ? v->copies : other->copies;
    v->machines = v->machines > other->machines ? v->machines : other->machines;
    v->age_s = v->age_s > other->age_s ? v->age_s : other->age_s;
    if (other->jobs > v->jobs) {
        v->jobs = other->jobs;
        v->job = other->job;
    }
}

static void merge(struct gathered *g)
{
    size_t to = 0;
    if (g->count > 0)
        qsort(g->list, g->count, sizeof *g->list, compare);
    for (size_t i = 0; i < g->count; i++) {
        if (to > 0 && compare(&g->list[to - 1], &g->list[i]) == 0)
            join(&g->list[to - 1], &g->list[i]);
        else
            g->list[to++] = g->list[i];
    }
    g->count = to;
}

/* That one node has no such object is no fault. */
static int ask(struct gathered *g, struct line *l, const char *ref)
{
    int rc = objects_each(l, false, ref, take, g);
    if (rc == LINE_REFUSED && line_refusal(l) == CODE_NOT_FOUND)
        rc = 0;
    merge(g);
    return rc < 0 ? rc : g->rc;
}

static int list_others(struct line *l, struct others *a)
{
    struct node_view v;
    struct frame frame;
    int rc = line_send(l, MESSAGE_REQUEST_NODES, (struct bytes){0});
    while (rc >= 0 && (rc = line_item(l, MESSAGE_REPLY_NODE, &frame)) == 1) {
        void *list = a->list;
        rc = read_node_view(frame.payload, &v);
        if (rc == 0 && (v.self || v.state == NODE_LEFT))
            continue;
        if (rc == 0 && a->count == a->cap)
            rc = grow(&list, &a->cap, sizeof *a->list);
        a->list = list;
        if (rc < 0)
            break;
        struct other *o = &a->list[a->count++];
        text_copy(o->name, sizeof o->name, v.name);
        text_copy(o->addr, sizeof o->addr, v.addr);
        o->state = v.state;
    }
    return rc;
}

bool visit_others(const struct call *c, struct line *l,
                  bool (*visit)(void *ctx, struct line *other), void *ctx)
{
    struct others a = {0};
    bool stop = list_others(l, &a) < 0, done = false;
    for (size_t i = 0; !stop && !done && i < a.count; i++) {
        struct line_options where = {.quiet = true, .addr = a.list[i].addr};
        struct line *other = NULL;
        if (a.list[i].state != NODE_ALIVE && a.list[i].state != NODE_DRAINING)
            continue;
        done = line_open(&other, c, &where) == 0 && visit(ctx, other);
        line_close(other);
    }
    free(a.list);
    return done;
}

static void ask_other(struct gathered *g, const struct call *c, const struct other *o,
                      const char *ref)
{
    struct line_options where = {.quiet = true, .addr = o->addr};
    struct line *l = NULL;
    int code = o->state == NODE_DEAD ? CODE_NO_NODE : line_open(&l, c, &where);
    if (code == 0 && ask(g, l, ref) == 0) {
        line_close(l);
        return;
    }
    talk_line("%s at %s could not be asked", o->name, o->addr);
    g->away++;
    line_close(l);
}

int gather(struct gathered *g, const struct call *c, struct line *l, const char *ref, bool dead_too)
{
    struct others a = {0};
    *g = (struct gathered){0};
    int rc = ask(g, l, ref);
    if (rc == 0)
        rc = list_others(l, &a);
    g->others = true;
    for (size_t i = 0; rc == 0 && g->rc == 0 && i < a.count; i++)
        if (dead_too || a.list[i].state != NODE_DEAD)
            ask_other(g, c, &a.list[i], ref);
    free(a.list);
    return rc < 0 ? rc : g->rc;
}

#define CANDIDATES_MAX 16u

static int refuse_several(const struct gathered *g, const char *verb, const char *ref)
{
    char name[ID_HEX_SIZE], size[VIEW_NUMBER_SIZE];
    talk_error("%s: %zu objects begin so", ref, g->count);
    for (size_t i = 0; i < g->count && i < CANDIDATES_MAX; i++) {
        id_hex(g->list[i].name.bytes, 2 * ID_SIZE, name);
        view_bytes(g->list[i].size, size);
        talk_line("  %s  %s", name, size);
    }
    talk_try("velum %s with more of its digits", verb);
    return CODE_MISUSE;
}

int gather_name(const struct call *c, struct line *l, const char *verb, char ref[OBJECT_REF_SIZE])
{
    struct gathered g = {0};
    int code = CODE_DONE, rc;
    if (strlen(ref) == 2 * ID_SIZE)
        return CODE_DONE;
    rc = gather(&g, c, l, ref, false);
    if (rc < 0) {
        code = line_report_about(l, ref, rc);
    } else if (g.count == 0) {
        talk_error("%s: no such object", ref);
        talk_try("velum objects --all");
        code = CODE_NOT_FOUND;
    } else if (g.count > 1) {
        code = refuse_several(&g, verb, ref);
    } else {
        id_hex(g.list[0].name.bytes, 2 * ID_SIZE, ref);
    }
    gathered_clear(&g);
    return code;
}

void gathered_clear(struct gathered *g)
{
    free(g->list);
}
