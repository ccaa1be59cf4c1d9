/* The table of members against one that is searched from end to end, and what a member costs. */
#include "core/mesh/ring.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define NODES 700

static struct heap heap;
static struct profiles *profiles;
static struct members members;
static struct node_id ids[NODES];
static uint32_t ids_count;

static void begin(void)
{
    heap_init(&heap);
    REQUIRE(profiles_new(&profiles, &heap.alloc) == 0);
    members_init(&members, &heap.alloc, profiles);
    ids_count = 0;
}

static void end(void)
{
    members_clear(&members);
    profiles_free(profiles);
    CHECK(heap_is_empty(&heap));
}

static struct member_info person(struct node_id id)
{
    struct member_info info = {.id = id, .boot = 1, .incarnation = 1 << MEMBER_LOAD_BITS};
    snprintf(info.name, sizeof info.name, "node-%u", (unsigned)ids_count);
    snprintf(info.addr, sizeof info.addr, "10.0.0.1:8001");
    return info;
}

/* Hashes; or, where `narrow`, ids that differ in their last bytes only. */
static struct node_id any_id(struct prng *p, bool narrow)
{
    struct node_id id = {{0}};
    for (size_t i = narrow ? ID_SIZE - 2 : 0; i < ID_SIZE; i++)
        id.bytes[i] = (uint8_t)prng_u64(p);
    return id;
}

static bool is_known(struct node_id id)
{
    for (uint32_t i = 0; i < ids_count; i++)
        if (node_id_equal(ids[i], id))
            return true;
    return false;
}

static struct peer *add(struct node_id id)
{
    struct member_info info = person(id);
    struct peer *p;
    REQUIRE(members_add(&members, &info, &p) == 0);
    members_set_state(&members, p, NODE_ALIVE);
    ids[ids_count++] = id;
    return p;
}

static void fill(struct prng *p, bool narrow, uint32_t count)
{
    while (ids_count < count) {
        struct node_id id = any_id(p, narrow);
        if (!is_known(id))
            add(id);
    }
}

static void check_places(struct prng *p, bool narrow)
{
    for (uint32_t i = 0; i + 1 < members.count; i++)
        CHECK(node_id_compare(members_at(&members, i)->m.info->id,
                              members_at(&members, i + 1)->m.info->id) < 0);
    for (uint32_t i = 0; i < ids_count; i++) {
        const struct peer *found = members_find(&members, ids[i]);
        CHECK(found && node_id_equal(found->m.info->id, ids[i]));
    }
    for (uint32_t i = 0; i < 200; i++) {
        struct node_id id = any_id(p, narrow);
        uint32_t after = 0;
        for (uint32_t k = 0; k < ids_count; k++)
            after += node_id_compare(ids[k], id) <= 0;
        CHECK(is_known(id) || members_find(&members, id) == NULL);
        CHECK_INT(members_after(&members, id), after);
    }
}

TEST(every_member_is_found_whatever_the_ids_look_like)
{
    struct prng p;
    prng_init(&p, 1);
    for (int narrow = 0; narrow < 2; narrow++) {
        begin();
        check_places(&p, narrow);
        for (uint32_t count = 1; count <= NODES; count = count * 3 + 1) {
            fill(&p, narrow, count);
            check_places(&p, narrow);
        }
        while (ids_count > 0) {
            uint32_t i = (uint32_t)prng_below(&p, ids_count);
            members_remove(&members, members_find(&members, ids[i]));
            ids[i] = ids[--ids_count];
            if (ids_count % 100 == 50)
                check_places(&p, narrow);
        }
        CHECK_INT(members.count, 0);
        end();
    }
}

/* At a power of two among the live ones, ahead or behind; by counting them one after another. */
static bool should_stand(struct node_id self, struct node_id id)
{
    uint32_t ahead = 1, live = 0;
    for (uint32_t i = 0; i < members.count; i++) {
        const struct peer *p = members_at(&members, i);
        if (!node_state_is_live(p->m.state))
            continue;
        live++;
        /* Between self and it, going up and around. */
        bool above_self = node_id_compare(p->m.info->id, self) > 0;
        bool below_it = node_id_compare(p->m.info->id, id) < 0;
        bool wraps = node_id_compare(id, self) < 0;
        ahead += wraps ? above_self || below_it : above_self && below_it;
    }
    uint32_t behind = live + 1 - ahead;
    return live <= 8 || (ahead & (ahead - 1)) == 0 || (behind & (behind - 1)) == 0;
}

static void check_ring(struct prng *p)
{
    struct node_id self = any_id(p, false);
    uint32_t standing = 0;
    ring_mark(&members, self);
    for (uint32_t i = 0; i < members.count; i++) {
        const struct peer *peer = members_at(&members, i);
        bool is = care_of(peer)->standing;
        bool should = node_state_is_live(peer->m.state) && should_stand(self, peer->m.info->id);
        CHECK_INT(is, should);
        standing += is;
    }
    CHECK(standing <= 20 && members.cared_count <= standing + members.count - members.live + 400);
}

TEST(the_ring_is_at_powers_of_two_among_the_live)
{
    struct prng p;
    prng_init(&p, 2);
    begin();
    for (uint32_t count = 1; count <= 300; count += 1 + count / 4) {
        fill(&p, false, count);
        check_ring(&p);
    }
    /* Few are gone, then more than are worth computing with, then nearly all. */
    for (uint32_t gone = 0; gone < ids_count; gone++) {
        struct peer *peer = members_find(&members, ids[gone]);
        REQUIRE(members_care(&members, peer) != NULL);
        members_set_state(&members, peer, gone % 2 ? NODE_DEAD : NODE_LEFT);
        if (gone < 8 || gone % 16 == 0)
            check_ring(&p);
    }
    end();
}

TEST(a_member_costs_some_300_bytes)
{
    struct prng p;
    prng_init(&p, 3);
    begin();
    fill(&p, false, NODES);
    printf("# %llu bytes for each of %u members\n",
           (unsigned long long)(heap.live_bytes / members.count), (unsigned)members.count);
    CHECK(heap.live_bytes <= (uint64_t)300 * members.count);
    end();
}

TEST(one_member_too_many_is_refused)
{
    struct member_info info = person((struct node_id){{0}});
    struct peer *p;
    begin();
    for (uint32_t i = 0; i < MESH_MEMBERS_MAX; i++) {
        store_u32(info.id.bytes, i);
        REQUIRE(members_add(&members, &info, &p) == 0);
    }
    store_u32(info.id.bytes, MESH_MEMBERS_MAX);
    CHECK_INT(members_add(&members, &info, &p), ERR_FULL);
    CHECK_INT(members.count, MESH_MEMBERS_MAX);
    CHECK(members_find(&members, info.id) == NULL);
    end();
}

TEST(what_is_equal_is_kept_once)
{
    struct prng p;
    const struct profile *first, *again, *other;
    prng_init(&p, 4);
    begin();
    struct member_info info = person(any_id(&p, false));
    first = profiles_hold(profiles, &info);
    info.busy = 3;
    info.incarnation++;
    again = profiles_hold(profiles, &info);
    CHECK(first == again);
    info.recovering = true;
    other = profiles_hold(profiles, &info);
    CHECK(other != first && other->recovering && !first->recovering);
    profiles_release(profiles, first);
    CHECK(strcmp(again->addr, "10.0.0.1:8001") == 0);
    profiles_release(profiles, again);
    profiles_release(profiles, other);
    for (uint64_t at = 1; at < 50; at++) {
        heap.calls = 0;
        heap.fail_at = at;
        other = profiles_hold(profiles, &info);
        heap.fail_at = 0;
        profiles_release(profiles, other);
    }
    end();
}

TEST(a_changed_load_is_no_new_profile)
{
    struct prng p;
    prng_init(&p, 5);
    begin();
    struct node_id id = any_id(&p, false);
    struct peer *peer = add(id);
    struct member_info info = person(id);
    const struct profile *before = peer->m.info;
    uint64_t digest = members.digest;
    snprintf(info.name, sizeof info.name, "node-0");
    info.incarnation++;
    info.busy = 2;
    CHECK(members_set_info(&members, peer, &info) == 0);
    CHECK(peer->m.info == before && peer->m.busy == 2 && members.digest == digest);
    info.incarnation = 2 << MEMBER_LOAD_BITS;
    info.recovering = true;
    CHECK(members_set_info(&members, peer, &info) == 0);
    CHECK(peer->m.info->recovering && members.digest != digest);
    end();
}

TEST_MAIN(every_member_is_found_whatever_the_ids_look_like,
          the_ring_is_at_powers_of_two_among_the_live, a_member_costs_some_300_bytes,
          one_member_too_many_is_refused, what_is_equal_is_kept_once,
          a_changed_load_is_no_new_profile)
