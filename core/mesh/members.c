#include "core/mesh/members.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

#define MEMBERS_FIRST_CAP 16
#define RING_ALL_MAX 8 /* up to so many others everybody is standing */

bool node_state_is_live(enum node_state s)
{
    return s == NODE_ALIVE || s == NODE_SUSPECT || s == NODE_AWAY;
}

void members_init(struct members *t, const struct alloc *a)
{
    *t = (struct members){.alloc = a};
}

void members_clear(struct members *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        alloc_free(t->alloc, t->list[i], sizeof(struct peer));
    alloc_free(t->alloc, t->list, t->cap * sizeof *t->list);
    members_init(t, t->alloc);
}

/* First index whose id is not less than `id`. */
static uint32_t place_of(const struct members *t, struct node_id id)
{
    uint32_t low = 0, high = t->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (node_id_compare(t->list[mid]->m.info.id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint32_t members_after(const struct members *t, struct node_id after)
{
    uint32_t i = place_of(t, after);
    return i < t->count && node_id_equal(t->list[i]->m.info.id, after) ? i + 1 : i;
}

struct peer *members_find(const struct members *t, struct node_id id)
{
    uint32_t i = place_of(t, id);
    return i < t->count && node_id_equal(t->list[i]->m.info.id, id) ? t->list[i] : NULL;
}

static int make_room(struct members *t)
{
    if (t->count == MESH_MEMBERS_MAX)
        return ERR_FULL;
    if (t->count < t->cap)
        return 0;
    uint32_t cap = t->cap ? t->cap * 2 : MEMBERS_FIRST_CAP;
    void *list = t->list;
    int rc = alloc_grow(t->alloc, &list, t->cap, cap, sizeof *t->list);
    if (rc < 0)
        return rc;
    t->list = list;
    t->cap = cap;
    return 0;
}

int members_add(struct members *t, const struct member_info *info, struct peer **out)
{
    int rc = make_room(t);
    if (rc < 0)
        return rc;
    struct peer *p = alloc_zeroed(t->alloc, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    p->m.info = *info;
    p->dial_due = INSTANT_NEVER;
    uint32_t i = place_of(t, info->id);
    ensure(i == t->count || !node_id_equal(t->list[i]->m.info.id, info->id));
    memmove(t->list + i + 1, t->list + i, (t->count - i) * sizeof *t->list);
    t->list[i] = p;
    t->count++;
    *out = p;
    return 0;
}

void members_remove(struct members *t, struct peer *p)
{
    uint32_t i = place_of(t, p->m.info.id);
    ensure(i < t->count && t->list[i] == p);
    members_set_state(t, p, (enum node_state)0);
    t->count--;
    memmove(t->list + i, t->list + i + 1, (t->count - i) * sizeof *t->list);
    alloc_free(t->alloc, p, sizeof *p);
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 30;
    h *= 0xbf58476d1ce4e5b9u;
    h ^= h >> 27;
    h *= 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

static uint64_t member_digest(const struct member_info *info)
{
    uint64_t h = load_u64(info->id.bytes);
    h = mix(h ^ load_u64(info->id.bytes + 8));
    h = mix(h ^ info->boot);
    return mix(h ^ member_statement(info->incarnation));
}

static uint64_t digest_of(const struct peer *p)
{
    return node_state_is_live(p->m.state) ? member_digest(&p->m.info) : 0;
}

void members_set_info(struct members *t, struct peer *p, const struct member_info *info)
{
    t->digest -= digest_of(p);
    p->m.info = *info;
    t->digest += digest_of(p);
}

void members_set_state(struct members *t, struct peer *p, enum node_state state)
{
    t->digest -= digest_of(p);
    t->live -= node_state_is_live(p->m.state);
    t->alive -= p->m.state == NODE_ALIVE;
    p->m.state = state;
    t->live += node_state_is_live(state);
    t->alive += state == NODE_ALIVE;
    t->digest += digest_of(p);
}

uint64_t members_digest(const struct members *t, const struct member_info *self)
{
    return t->digest + member_digest(self);
}

/* Whether the peer at this place of the ring is at a power of two ahead of self or behind. Position
 * 0 is the first live peer after self. */
static bool distance_is_standing(uint32_t position, uint32_t nodes)
{
    uint32_t ahead = position + 1, behind = nodes - ahead;
    return (ahead & (ahead - 1)) == 0 || (behind & (behind - 1)) == 0;
}

void members_ring(struct members *t, struct node_id self)
{
    uint32_t first = place_of(t, self), position = 0;
    for (uint32_t k = 0; k < t->count; k++) {
        struct peer *p = t->list[(first + k) % t->count];
        p->standing = false;
        if (!node_state_is_live(p->m.state))
            continue;
        p->standing = t->live <= RING_ALL_MAX || distance_is_standing(position, t->live + 1);
        position++;
    }
}
