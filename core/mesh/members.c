#include "core/mesh/members.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/text.h"

#define MEMBERS_FIRST_CAP 16
#define CARED_FIRST_CAP 16
#define RING_ALL_MAX 8 /* up to so many others everybody is standing */
#define RING_GONE_MAX                                                                              \
    64 /* up to so many that are gone, a place in the ring is found by computing */

bool node_state_is_live(enum node_state s)
{
    return s == NODE_ALIVE || s == NODE_SUSPECT || s == NODE_AWAY;
}

void members_init(struct members *t, const struct alloc *a, struct profiles *profiles)
{
    *t = (struct members){.alloc = a, .profiles = profiles};
}

void members_clear(struct members *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        struct peer *p = t->list[i].peer;
        profiles_release(t->profiles, p->m.info);
        members_uncare(t, p);
    }
    for (struct peers_block *b = t->blocks, *next; b; b = next) {
        next = b->next;
        alloc_free(t->alloc, b, sizeof *b);
    }
    alloc_free(t->alloc, t->list, t->cap * sizeof *t->list);
    alloc_free(t->alloc, t->cared, t->cared_cap * sizeof *t->cared);
    members_init(t, t->alloc, t->profiles);
}

/* --- places --- */

uint64_t member_key(struct node_id id)
{
    const uint8_t *b = id.bytes;
    return (uint64_t)b[0] << 56 | (uint64_t)b[1] << 48 | (uint64_t)b[2] << 40 |
           (uint64_t)b[3] << 32 | (uint64_t)b[4] << 24 | (uint64_t)b[5] << 16 |
           (uint64_t)b[6] << 8 | b[7];
}

/* Ids are hashes: where one of them is follows from its value, nearly. */
static uint32_t guess_place(const struct members *t, uint64_t key)
{
    uint64_t count = t->count, at = (key >> 32) * count >> 32;
    uint64_t there = t->list[at].key;
    uint64_t off = ((there > key ? there - key : key - there) >> 32) * count >> 32;
    if (there > key)
        return (uint32_t)(off < at ? at - off : 0);
    return (uint32_t)(at + off < count ? at + off : count - 1);
}

/* The first whose key is not less. From the guess in growing steps, then by halves. */
static uint32_t key_place(const struct members *t, uint64_t key)
{
    if (t->count == 0)
        return 0;
    uint32_t at = guess_place(t, key), low = 0, high = t->count, step = 1;
    if (t->list[at].key < key) {
        for (low = at + 1; step < high - at && t->list[at + step].key < key; step *= 2)
            low = at + step + 1;
        if (step < high - at)
            high = at + step;
    } else {
        for (high = at; step <= at && t->list[at - step].key >= key; step *= 2)
            high = at - step;
        if (step <= at)
            low = at - step + 1;
    }
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (t->list[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Two with the same key are as good as never there, but then the whole id decides. */
uint32_t members_place(const struct members *t, struct node_id id)
{
    uint64_t key = member_key(id);
    uint32_t i = key_place(t, key);
    while (i < t->count && t->list[i].key == key &&
           node_id_compare(t->list[i].peer->m.info->id, id) < 0)
        i++;
    return i;
}

static bool is_at(const struct members *t, uint32_t i, struct node_id id)
{
    return i < t->count && node_id_equal(t->list[i].peer->m.info->id, id);
}

uint32_t members_after(const struct members *t, struct node_id after)
{
    uint32_t i = members_place(t, after);
    return is_at(t, i, after) ? i + 1 : i;
}

struct peer *members_find(const struct members *t, struct node_id id)
{
    uint64_t key = member_key(id);
    for (uint32_t i = key_place(t, key); i < t->count && t->list[i].key == key; i++)
        if (is_at(t, i, id))
            return t->list[i].peer;
    return NULL;
}

struct peer *members_at(const struct members *t, uint32_t i)
{
    ensure(i < t->count);
    return t->list[i].peer;
}

/* --- peers --- */

/* By a quarter, because the table of a large mesh is the largest thing there is. */
static int make_room(struct members *t)
{
    if (t->count == MESH_MEMBERS_MAX)
        return ERR_FULL;
    if (t->count < t->cap)
        return 0;
    uint32_t cap = t->cap ? t->cap + t->cap / 4 : MEMBERS_FIRST_CAP;
    void *list = t->list;
    int rc = alloc_grow(t->alloc, &list, t->cap, cap, sizeof *t->list);
    if (rc < 0)
        return rc;
    t->list = list;
    t->cap = cap;
    return 0;
}

static struct peer *peer_take(struct members *t)
{
    if (!t->peers_free) {
        struct peers_block *b = alloc_zeroed(t->alloc, sizeof *b);
        if (!b)
            return NULL;
        b->next = t->blocks;
        t->blocks = b;
        for (uint32_t i = PEERS_BLOCK; i-- > 0;) {
            b->peers[i].free_next = t->peers_free;
            t->peers_free = &b->peers[i];
        }
    }
    struct peer *p = t->peers_free;
    t->peers_free = p->free_next;
    *p = (struct peer){0};
    return p;
}

static void peer_give_back(struct members *t, struct peer *p)
{
    p->free_next = t->peers_free;
    t->peers_free = p;
}

static void take_load(struct peer *p, const struct member_info *info)
{
    p->m.incarnation = info->incarnation;
    p->m.busy = info->busy;
    p->m.speed_units_s = info->speed_units_s;
}

int members_add(struct members *t, const struct member_info *info, struct peer **out)
{
    int rc = make_room(t);
    if (rc < 0)
        return rc;
    const struct profile *profile = profiles_hold(t->profiles, info);
    struct peer *p = profile ? peer_take(t) : NULL;
    if (!p) {
        profiles_release(t->profiles, profile);
        return ERR_NO_MEMORY;
    }
    p->m.info = profile;
    take_load(p, info);
    uint32_t i = members_place(t, info->id);
    ensure(!is_at(t, i, info->id));
    memmove(t->list + i + 1, t->list + i, (t->count - i) * sizeof *t->list);
    t->list[i] = (struct member_slot){member_key(info->id), p};
    t->count++;
    *out = p;
    return 0;
}

void members_remove(struct members *t, struct peer *p)
{
    uint32_t i = members_place(t, p->m.info->id);
    ensure(i < t->count && t->list[i].peer == p);
    members_set_state(t, p, (enum node_state)0);
    members_uncare(t, p);
    for (uint32_t k = 0; k < RING_CLASSES; k++)
        for (unsigned way = 0; way < 2; way++)
            if (t->ring[way][k] == p)
                t->ring[way][k] = NULL;
    t->count--;
    memmove(t->list + i, t->list + i + 1, (t->count - i) * sizeof *t->list);
    profiles_release(t->profiles, p->m.info);
    peer_give_back(t, p);
}

/* --- what is known of them --- */

static uint64_t mix(uint64_t h)
{
    h ^= h >> 30;
    h *= 0xbf58476d1ce4e5b9u;
    h ^= h >> 27;
    h *= 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

static uint64_t digest_in(struct node_id id, uint64_t boot, uint32_t incarnation)
{
    uint64_t h = load_u64(id.bytes);
    h = mix(h ^ load_u64(id.bytes + 8));
    h = mix(h ^ boot);
    return mix(h ^ member_statement(incarnation));
}

static uint64_t digest_of(const struct peer *p)
{
    return node_state_is_live(p->m.state)
               ? digest_in(p->m.info->id, p->m.info->boot, p->m.incarnation)
               : 0;
}

int members_set_info(struct members *t, struct peer *p, const struct member_info *info)
{
    if (p->m.info->boot == info->boot &&
        member_statement(p->m.incarnation) == member_statement(info->incarnation)) {
        take_load(p, info);
        return 0;
    }
    return members_set_word(t, p, info);
}

int members_set_word(struct members *t, struct peer *p, const struct member_info *info)
{
    const struct profile *profile = profiles_hold(t->profiles, info);
    if (!profile)
        return ERR_NO_MEMORY;
    t->digest -= digest_of(p);
    profiles_release(t->profiles, p->m.info);
    p->m.info = profile;
    take_load(p, info);
    t->digest += digest_of(p);
    return 0;
}

void members_set_state(struct members *t, struct peer *p, enum node_state state)
{
    t->digest -= digest_of(p);
    t->live -= node_state_is_live(p->m.state);
    t->alive -= p->m.state == NODE_ALIVE;
    t->suspects -= p->m.state == NODE_SUSPECT;
    p->m.state = state;
    t->live += node_state_is_live(state);
    t->alive += state == NODE_ALIVE;
    t->suspects += state == NODE_SUSPECT;
    t->digest += digest_of(p);
}

uint64_t members_digest(const struct members *t, const struct member_info *self)
{
    return t->digest + digest_in(self->id, self->boot, self->incarnation);
}

/* --- care --- */

static int make_room_for_care(struct members *t)
{
    if (t->cared_count < t->cared_cap)
        return 0;
    uint32_t cap = t->cared_cap ? t->cared_cap * 2 : CARED_FIRST_CAP;
    void *list = t->cared;
    int rc = alloc_grow(t->alloc, &list, t->cared_cap, cap, sizeof *t->cared);
    if (rc < 0)
        return rc;
    t->cared = list;
    t->cared_cap = cap;
    return 0;
}

struct care *members_care(struct members *t, struct peer *p)
{
    if (p->care || make_room_for_care(t) < 0)
        return p->care;
    struct care *c = alloc_zeroed(t->alloc, sizeof *c);
    if (!c)
        return NULL;
    c->dial_due = INSTANT_NEVER;
    c->place = t->cared_count;
    t->cared[t->cared_count++] = p;
    p->care = c;
    return c;
}

const struct care *care_of(const struct peer *p)
{
    static const struct care none = {.dial_due = {INT64_MAX}};
    return p->care ? p->care : &none;
}

void members_uncare(struct members *t, struct peer *p)
{
    struct care *c = p->care;
    if (!c)
        return;
    struct peer *last = t->cared[--t->cared_count];
    t->cared[c->place] = last;
    last->care->place = c->place;
    members_acquit(t, p);
    alloc_free(t->alloc, c, sizeof *c);
    p->care = NULL;
}

bool members_accuse(struct members *t, struct peer *p, const struct rumor *r)
{
    struct care *c = members_care(t, p);
    if (!c)
        return false;
    if (!c->accusation)
        c->accusation = alloc_zeroed(t->alloc, sizeof *c->accusation);
    if (!c->accusation)
        return false;
    *c->accusation = *r;
    return true;
}

void members_acquit(struct members *t, struct peer *p)
{
    if (!p->care || !p->care->accusation)
        return;
    alloc_free(t->alloc, p->care->accusation, sizeof *p->care->accusation);
    p->care->accusation = NULL;
}
