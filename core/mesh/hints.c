#include "core/mesh/hints.h"

#include <string.h>

#include "core/base/text.h"

#define HINTS_FIRST_CAP 8
#define HINT_WAIT_FIRST_US (1 * S_US)
#define HINT_WAIT_MAX_US (30 * S_US)
#define GHOST_WAIT_MAX_US (300 * S_US)

void hints_init(struct hints *t, const struct alloc *a)
{
    *t = (struct hints){.alloc = a};
}

void hints_clear(struct hints *t)
{
    alloc_free(t->alloc, t->list, t->cap * sizeof *t->list);
    hints_init(t, t->alloc);
}

struct hint *hints_find_addr(const struct hints *t, const char *addr)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (strcmp(t->list[i].addr, addr) == 0)
            return &t->list[i];
    return NULL;
}

struct hint *hints_find_dial(const struct hints *t, uint32_t dial)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (dial && t->list[i].dial == dial)
            return &t->list[i];
    return NULL;
}

static bool failed_in_vain(const struct hint *h)
{
    return h->wait_us != 0 && h->dial == 0 && node_id_is_zero(h->met);
}

static bool is_less_use(const struct hint *a, const struct hint *b)
{
    bool of_the_dead = a->wait_max_us > b->wait_max_us;
    return of_the_dead ||
           (a->wait_max_us == b->wait_max_us && instant_before(a->failing, b->failing));
}

static struct hint *least_use(struct hints *t)
{
    struct hint *least = NULL;
    for (uint32_t i = 0; i < t->count; i++) {
        struct hint *h = &t->list[i];
        if (failed_in_vain(h) && (!least || is_less_use(h, least)))
            least = h;
    }
    return least;
}

static bool make_room(struct hints *t)
{
    if (t->count < t->cap)
        return true;
    if (t->count == HINTS_MAX) {
        struct hint *least = least_use(t);
        if (least)
            hints_forget(t, least);
        return least != NULL;
    }
    uint32_t cap = t->cap ? t->cap * 2 : HINTS_FIRST_CAP;
    void *list = t->list;
    if (alloc_grow(t->alloc, &list, t->cap, cap, sizeof *t->list) < 0)
        return false;
    t->list = list;
    t->cap = cap;
    return true;
}

struct hint *hints_add(struct hints *t, const char *addr, struct instant now)
{
    struct hint *h = hints_find_addr(t, addr);
    if (h)
        return h;
    struct hint fresh = {.due = now, .wait_max_us = HINT_WAIT_MAX_US};
    if (addr[0] == '\0' || !text_copy(fresh.addr, sizeof fresh.addr, addr) || !make_room(t))
        return NULL;
    h = &t->list[t->count++];
    *h = fresh;
    return h;
}

void hints_forget(struct hints *t, struct hint *h)
{
    uint32_t i = (uint32_t)(h - t->list);
    t->count--;
    memmove(h, h + 1, (t->count - i) * sizeof *h);
}

void hint_failed(struct hint *h, struct instant now)
{
    h->dial = 0;
    h->met = (struct node_id){0};
    if (h->wait_us == 0)
        h->failing = now;
    h->wait_us = h->wait_us ? h->wait_us * 2 : HINT_WAIT_FIRST_US;
    if (h->wait_us > h->wait_max_us)
        h->wait_us = h->wait_max_us;
    h->due = instant_plus_us(now, h->wait_us);
}

void hint_met(struct hint *h, struct node_id id)
{
    h->dial = 0;
    h->met = id;
    h->wait_us = 0;
    h->due = INSTANT_NEVER;
}

void hint_left_behind(struct hint *h)
{
    h->wait_max_us = GHOST_WAIT_MAX_US;
}
