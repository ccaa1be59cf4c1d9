#include "core/node/action.h"

#include <string.h>

#include "core/base/err.h"

#define ACTIONS_MAX 1000000u
#define ACTIONS_ARENA_MAX ((size_t)1 << 30)

void actions_init(struct actions *a, const struct alloc *alloc)
{
    *a = (struct actions){.alloc = alloc};
    buf_init(&a->arena, alloc, ACTIONS_ARENA_MAX);
}

void actions_clear(struct actions *a)
{
    alloc_free(a->alloc, a->list, a->cap * sizeof *a->list);
    buf_clear(&a->arena);
    *a = (struct actions){.alloc = a->alloc};
}

void actions_reset(struct actions *a)
{
    a->count = 0;
    /* A burst must not keep its memory for ever: an idle node is small. */
    if (a->arena.cap > ((size_t)1 << 20))
        buf_clear(&a->arena), buf_init(&a->arena, a->alloc, ACTIONS_ARENA_MAX);
    else
        buf_reset(&a->arena);
}

struct bytes actions_payload(const struct actions *a, const struct action *action)
{
    if (action->lent != NULL)
        return (struct bytes){action->lent, action->payload_len};
    if (a->arena.data == NULL)
        return (struct bytes){NULL, 0};
    return (struct bytes){a->arena.data + action->payload_at, action->payload_len};
}

static int actions_make_room(struct actions *a)
{
    size_t cap;
    void *list = a->list;

    if (a->count < a->cap)
        return 0;
    if (a->count >= ACTIONS_MAX)
        return ERR_FULL;
    cap = a->cap == 0 ? 16 : a->cap * 2;
    if (alloc_grow(a->alloc, &list, a->cap, cap, sizeof *a->list) < 0)
        return ERR_NO_MEMORY;
    a->list = list;
    a->cap = cap;
    return 0;
}

struct action *actions_begin(struct actions *a, enum action_kind kind)
{
    struct action *action;

    if (actions_make_room(a) < 0)
        return NULL;
    action = &a->list[a->count];
    /* An address is long and nearly never there: its end is its first byte. */
    memset(action, 0, offsetof(struct action, addr));
    action->addr[0] = '\0';
    action->kind = kind;
    action->payload_at = a->arena.len;
    return action;
}

bool actions_end(struct actions *a, struct action *action)
{
    action->payload_len = a->arena.len - action->payload_at;
    a->count += !a->arena.failed;
    return !a->arena.failed;
}

struct action *actions_add(struct actions *a, enum action_kind kind, struct bytes payload)
{
    struct action *action = actions_begin(a, kind);

    if (action == NULL)
        return NULL;
    put_raw(&a->arena, payload.data, payload.len);
    return actions_end(a, action) ? action : NULL;
}

struct action *actions_add_lent(struct actions *a, enum action_kind kind, struct bytes payload)
{
    struct action *action = actions_begin(a, kind);

    if (action == NULL || !actions_end(a, action))
        return NULL;
    action->lent = payload.data;
    action->payload_len = payload.len;
    return action;
}
