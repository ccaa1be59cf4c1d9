#include "core/node/room.h"

#include "core/base/err.h"
#include "core/node/copies.h"
#include "core/node/having.h"
#include "core/node/link.h"
#include "core/node/place.h"
#include "core/node/put.h"

static struct room_full *find(const struct node *n, struct node_id id)
{
    struct objects *s = n->objects;

    for (uint32_t i = 0; i < s->fulls_count; i++)
        if (node_id_equal(s->fulls[i].id, id))
            return &s->fulls[i];
    return NULL;
}

static bool is_full(const struct node *n, struct node_id id, uint64_t size)
{
    const struct room_full *f = find(n, id);

#if VELUM_PLANT == 654 /* trace/test_object_room: a node without room is waited for */
    return false;
#endif
    return f != NULL && size >= f->size;
}

bool room_lacks(const struct node *n, struct node_id id, uint64_t size)
{
    return having_never(n, id) || is_full(n, id, size);
}

uint32_t room_possible(const struct node *n, uint64_t size)
{
    uint32_t count = 1;

    for (uint32_t i = 0; i < mesh_count(n->mesh) && count < COPIES_MAX; i++)
        count += mesh_at(n->mesh, i)->state == NODE_ALIVE &&
                 !room_lacks(n, mesh_at(n->mesh, i)->info->id, size);
    return count;
}

static void changed(struct node *n)
{
    copies_look_anew(n);
    puts_look(n);
    n->objects->makings_due = true;
}

/* A smaller one may fit still. */
static void note(struct node *n, struct node_id id, uint64_t size)
{
    struct objects *s = n->objects;
    struct room_full *f = find(n, id);
    bool news = f == NULL || size < f->size;

    if (f == NULL && s->fulls_count == OBJECT_FULLS_MAX)
        return;
    if (f == NULL)
        f = &s->fulls[s->fulls_count++];
    if (news)
        *f = (struct room_full){.id = id, .size = size};
    f->until = instant_plus_us(n->now, ROOM_AGAIN_US);
    if (news)
        changed(n);
}

static void drop(struct node *n, struct room_full *f)
{
    *f = n->objects->fulls[--n->objects->fulls_count];
    changed(n);
}

void room_found(struct node *n, struct node_id id, uint64_t size)
{
    if (is_full(n, id, size))
        drop(n, find(n, id));
}

int room_frame(struct node *n, struct node_id from, struct bytes payload)
{
    uint64_t size;

    if (read_object_full(payload, &size) < 0)
        return ERR_FORMAT;
    if (n->objects != NULL)
        note(n, from, size);
    return 0;
}

void room_tell(struct node *n, struct digest name, uint64_t size)
{
    uint8_t bytes[8];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_object_full(&b, size);
    for (const struct keeping *k = keeping_about(n, name); k != NULL; k = k->next_same)
        for (uint8_t i = 0; i < k->has_count && k->kept; i++)
            send_node(n, k->has[i], MESSAGE_OBJECT_FULL, 0, buf_bytes(&b));
}

void room_forget(struct node *n)
{
    n->objects->without_count = n->objects->fulls_count = 0;
}

void room_tick(struct node *n)
{
#if VELUM_PLANT != 655 /* trace/test_object_room: a node that had no room is never asked again */
    for (uint32_t i = n->objects->fulls_count; i-- > 0;)
        if (instant_reached(n->now, n->objects->fulls[i].until))
            drop(n, &n->objects->fulls[i]);
#endif
}

struct instant room_due(const struct node *n)
{
    struct instant due = INSTANT_NEVER;

    for (uint32_t i = 0; n->objects != NULL && i < n->objects->fulls_count; i++)
        due = instant_first(due, n->objects->fulls[i].until);
    return due;
}
