/* What a node has of objects: against a naive model that walks lists, by random steps; and at its
 * bounds. */
#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/object/name.h"
#include "core/object/shelf.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

#define MODEL_MAX 300

struct model {
    struct digest names[MODEL_MAX];
    uint64_t sizes[MODEL_MAX], used[MODEL_MAX];
    uint32_t pins[MODEL_MAX];
    bool kept[MODEL_MAX];
    uint32_t count;
    uint64_t uses;
};

static struct digest random_name(struct prng *p)
{
    struct digest d;
    for (size_t i = 0; i < sizeof d.bytes; i += 8)
        store_u64(d.bytes + i, prng_u64(p));
    return d;
}

/* One of many that begin alike. */
static struct digest similar_name(struct prng *p)
{
    struct digest d = random_name(p);
    for (size_t i = 0; i < 4; i++)
        d.bytes[i] &= 3;
    memset(d.bytes + 4, 0, 12);
    return d;
}

static uint64_t model_bytes(const struct model *m)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->count; i++)
        sum += m->sizes[i];
    return sum;
}

/* The one that may go and was used first; count when none may. */
static uint32_t model_oldest(const struct model *m)
{
    uint32_t best = m->count;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->pins[i] == 0 && !m->kept[i] && (best == m->count || m->used[i] < m->used[best]))
            best = i;
    return best;
}

static void model_remove(struct model *m, uint32_t i)
{
    uint32_t last = --m->count;
    m->names[i] = m->names[last];
    m->sizes[i] = m->sizes[last];
    m->used[i] = m->used[last];
    m->pins[i] = m->pins[last];
    m->kept[i] = m->kept[last];
}

static void compare_all(const struct shelf *s, const struct model *m)
{
    const struct shelf_object *o = NULL, *before = NULL;
    uint32_t count = 0, kept = 0;
    while ((o = shelf_next(s, before ? &before->name : NULL)) != NULL) {
        CHECK(!before || memcmp(before->name.bytes, o->name.bytes, ID_SIZE) < 0);
        before = o;
        count++;
        kept += o->kept && o->whole;
    }
    CHECK_INT(count, m->count);
    CHECK_INT(shelf_count(s), m->count);
    CHECK_INT(shelf_kept(s), kept);
    CHECK_INT(shelf_bytes(s), model_bytes(m));
}

static void compare_next(const struct shelf *s, const struct model *m, struct digest after)
{
    const struct digest *best = NULL;
    const struct shelf_object *o = shelf_next(s, &after);
    for (uint32_t i = 0; i < m->count; i++)
        if (memcmp(m->names[i].bytes, after.bytes, ID_SIZE) > 0 &&
            (!best || memcmp(m->names[i].bytes, best->bytes, ID_SIZE) < 0))
            best = &m->names[i];
    CHECK((o == NULL) == (best == NULL));
    CHECK(!o || !best || digest_equal(o->name, *best));
}

static void compare_prefix(const struct shelf *s, const struct model *m, struct digest name)
{
    char hex[ID_HEX_SIZE];
    struct shelf_object *o;
    uint32_t count = 0;
    int rc;
    id_hex(name.bytes, 8, hex);
    for (uint32_t i = 0; i < m->count; i++)
        count += memcmp(m->names[i].bytes, name.bytes, 4) == 0;
    rc = shelf_by_prefix(s, hex, &o);
    CHECK_INT(rc, count == 0 ? ERR_NOT_FOUND : count == 1 ? 0 : ERR_ARGUMENT);
    CHECK(rc != 0 || memcmp(o->name.bytes, name.bytes, 4) == 0);
}

static void step(struct shelf *s, struct model *m, struct prng *p, uint64_t bytes_max)
{
    uint32_t i = m->count > 0 ? (uint32_t)prng_below(p, m->count) : 0;
    struct shelf_object *o = m->count > 0 ? shelf_find(s, m->names[i]) : NULL;
    uint64_t size = prng_below(p, bytes_max / 20);
    struct digest name;
    switch (prng_below(p, 8)) {
    case 0:
    case 1:
        name = similar_name(p);
        while (shelf_victim(s, size) != NULL) {
            uint32_t oldest = model_oldest(m);
            REQUIRE(oldest < m->count);
            CHECK(digest_equal(shelf_victim(s, size)->name, m->names[oldest]));
            shelf_remove(s, shelf_victim(s, size));
            model_remove(m, oldest);
        }
        if (m->count == MODEL_MAX) {
            CHECK_INT(shelf_add(s, name, size, (struct instant){0}, &o), ERR_FULL);
        } else if (model_bytes(m) + size > bytes_max) {
            CHECK(!shelf_fits(s, size));
            CHECK_INT(shelf_add(s, name, size, (struct instant){0}, &o), ERR_NO_SPACE);
        } else {
            CHECK(shelf_fits(s, size));
            CHECK_INT(shelf_add(s, name, size, (struct instant){0}, &o), 0);
            CHECK_INT(shelf_add(s, name, size, (struct instant){0}, &o), ERR_EXISTS);
            m->names[m->count] = name;
            m->sizes[m->count] = size;
            m->pins[m->count] = 0;
            m->kept[m->count] = false;
            m->used[m->count++] = ++m->uses;
        }
        break;
    case 2:
        if (o != NULL)
            shelf_use(s, o), m->used[i] = ++m->uses;
        break;
    case 3:
        if (o != NULL && prng_below(p, 2) == 0)
            shelf_sealed(s, o);
        else if (o != NULL && prng_below(p, 4) == 0)
            shelf_lost(s, o);
        if (o != NULL)
            shelf_pin(s, o), m->pins[i]++;
        break;
    case 4:
        if (o != NULL && m->pins[i] > 0)
            shelf_unpin(s, o), m->pins[i]--, m->used[i] = ++m->uses;
        break;
    case 5:
        if (o != NULL)
            m->kept[i] = prng_below(p, 4) == 0, shelf_keep(s, o, m->kept[i]),
            m->used[i] = ++m->uses;
        break;
    case 6:
        name = similar_name(p);
        compare_next(s, m, name);
        compare_prefix(s, m, name);
        if (o != NULL)
            compare_next(s, m, o->name), compare_prefix(s, m, o->name);
        break;
    default:
        if (o != NULL && m->pins[i] == 0 && prng_below(p, 3) == 0)
            shelf_remove(s, o), model_remove(m, i);
        break;
    }
}

TEST(test_random_steps_agree_with_a_model)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        static struct model m;
        uint64_t bytes_max = 1000 + seed % 60 * 100;
        struct prng p;
        struct heap heap;
        struct shelf *s;
        memset(&m, 0, sizeof m);
        heap_init(&heap);
        prng_init(&p, seed);
        REQUIRE(shelf_new(&s, &heap.alloc, MODEL_MAX, bytes_max) == 0);
        for (int i = 0; i < 5000; i++) {
            step(s, &m, &p, bytes_max);
            if (i % 250 == 0)
                compare_all(s, &m);
        }
        compare_all(s, &m);
        shelf_free(s);
        CHECK(heap_is_empty(&heap));
    }
}

TEST(test_pieces_come_and_go)
{
    struct heap heap;
    struct shelf *s;
    struct shelf_object *o;
    heap_init(&heap);
    REQUIRE(shelf_new(&s, &heap.alloc, 10, UINT64_MAX) == 0);
    REQUIRE(shelf_add(s, (struct digest){{1}}, 19 * (uint64_t)PIECE_SIZE + 1, (struct instant){0},
                      &o) == 0);
    CHECK_INT(o->pieces, 20);
    CHECK_INT(shelf_piece(s, o, 0), 0);
    CHECK_INT(shelf_listed(s, o), 0);
    CHECK_INT(shelf_piece(s, o, 19), 1);
    CHECK_INT(shelf_piece(s, o, 19), 0);
    CHECK_INT(o->have, 1);
    for (uint64_t i = 0; i < 19; i++)
        CHECK_INT(shelf_piece(s, o, i), 1);
    CHECK_INT(o->have, 20);
    shelf_sealed(s, o);
    CHECK(o->whole && o->map == NULL);
    CHECK_INT(shelf_piece_lost(s, o, 7), 0);
    CHECK(!o->whole);
    CHECK_INT(o->have, 19);
    CHECK_INT(shelf_piece_lost(s, o, 7), 0);
    CHECK_INT(o->have, 19);
    CHECK_INT(shelf_piece(s, o, 8), 0);
    CHECK_INT(shelf_piece(s, o, 7), 1);
    REQUIRE(shelf_add(s, (struct digest){{2}}, 0, (struct instant){0}, &o) == 0);
    CHECK_INT(shelf_listed(s, o), 0);
    CHECK_INT(o->pieces, 0);
    shelf_free(s);
    CHECK(heap_is_empty(&heap));
}

TEST(test_what_was_looked_at_is_sound_until_a_piece_is_lost)
{
    struct heap heap;
    struct shelf *s;
    struct shelf_object *o;
    heap_init(&heap);
    REQUIRE(shelf_new(&s, &heap.alloc, 10, UINT64_MAX) == 0);
    REQUIRE(shelf_add(s, (struct digest){{1}}, PIECE_SIZE + 1, (struct instant){9}, &o) == 0);
    CHECK_INT(o->sound_until.us, 0);
    shelf_sealed(s, o);
    CHECK_INT(o->sound_until.us, 0);
    shelf_sound(o, (struct instant){70});
    shelf_sound(o, (struct instant){60});
    CHECK_INT(o->sound_until.us, 70);
    CHECK_INT(shelf_piece_lost(s, o, 1), 0);
    CHECK_INT(o->sound_until.us, 0);
    CHECK_INT(shelf_piece(s, o, 1), 1);
    shelf_sealed(s, o);
    CHECK_INT(o->sound_until.us, 0);
    shelf_sound(o, (struct instant){80});
    shelf_doubt(o);
    CHECK_INT(o->sound_until.us, 0);
    shelf_sound(o, (struct instant){90});
    shelf_lost(s, o);
    CHECK_INT(o->sound_until.us, 0);
    shelf_free(s);
    CHECK(heap_is_empty(&heap));
}

TEST(test_prefixes)
{
    struct heap heap;
    struct shelf *s;
    struct shelf_object *a, *b, *found;
    heap_init(&heap);
    REQUIRE(shelf_new(&s, &heap.alloc, 10, 100) == 0);
    CHECK_INT(shelf_by_prefix(s, "00000000", &found), ERR_NOT_FOUND);
    REQUIRE(shelf_add(s, (struct digest){{0xab, 0xcd, 0xef, 0x01}}, 1, (struct instant){0}, &a) ==
            0);
    REQUIRE(shelf_add(s, (struct digest){{0xab, 0xcd, 0xef, 0x02}}, 1, (struct instant){0}, &b) ==
            0);
    CHECK_INT(shelf_by_prefix(s, "abcdef01", &found), 0);
    CHECK(found == a);
    CHECK_INT(shelf_by_prefix(s, "abcdef02", &found), 0);
    CHECK(found == b);
    CHECK_INT(shelf_by_prefix(s, "abcdef0", &found), ERR_ARGUMENT);
    CHECK_INT(shelf_by_prefix(s, "abcdef03", &found), ERR_NOT_FOUND);
    CHECK_INT(shelf_by_prefix(s, "abcdef00", &found), ERR_NOT_FOUND);
    CHECK_INT(shelf_by_prefix(s, "xyz", &found), ERR_FORMAT);
    shelf_free(s);
    CHECK(heap_is_empty(&heap));
}

TEST(test_after_a_start_the_order_is_that_of_use)
{
    static const uint64_t used[] = {50, 10, 40, 40, 20, 30, 5};
    static const uint8_t order[] = {7, 2, 5, 6, 3, 4, 1};
    struct heap heap;
    struct shelf *s;
    struct shelf_object *o;
    heap_init(&heap);
    REQUIRE(shelf_new(&s, &heap.alloc, 10, 7) == 0);
    for (uint8_t i = 0; i < 7; i++) {
        REQUIRE(shelf_add(s, (struct digest){{(uint8_t)(i + 1)}}, 1, (struct instant){0}, &o) == 0);
        o->used = used[i];
    }
    shelf_order(s);
    o = shelf_find(s, (struct digest){{2}});
    shelf_pin(s, o);
    shelf_unpin(s, o);
    CHECK(o->used > 50);
    for (uint8_t i = 0; i < 7; i++) {
        o = shelf_victim(s, 1 + i);
        REQUIRE(o != NULL);
        CHECK_INT(o->name.bytes[0], i == 6 ? 2 : order[i == 0 ? 0 : i + 1]);
        shelf_remove(s, o);
    }
    shelf_free(s);
    CHECK(heap_is_empty(&heap));
}

/* One more than each bound. */
TEST(test_bounds)
{
    struct heap heap;
    struct shelf *s;
    struct shelf_object *o;
    heap_init(&heap);
    REQUIRE(shelf_new(&s, &heap.alloc, 2, 100) == 0);
    CHECK_INT(shelf_add(s, (struct digest){{1}}, 101, (struct instant){0}, &o), ERR_NO_SPACE);
    CHECK(!shelf_fits(s, 101));
    CHECK_INT(shelf_add(s, (struct digest){{1}}, 60, (struct instant){0}, &o), 0);
    shelf_keep(s, o, true);
    CHECK(!shelf_fits(s, 41));
    CHECK(shelf_fits(s, 40));
    CHECK(shelf_victim(s, 41) == NULL);
    CHECK_INT(shelf_add(s, (struct digest){{2}}, 40, (struct instant){0}, &o), 0);
    CHECK(shelf_victim(s, 0) == o);
    CHECK_INT(shelf_add(s, (struct digest){{3}}, 0, (struct instant){0}, &o), ERR_FULL);
    shelf_free(s);
    CHECK(heap_is_empty(&heap));
}

/* Ascending, and with all their first bits in common: the worst there is for a table or a tree. */
static struct digest counted_name(uint32_t i)
{
    struct digest d = {{0}};
    d.bytes[28] = (uint8_t)(i >> 24);
    d.bytes[29] = (uint8_t)(i >> 16);
    d.bytes[30] = (uint8_t)(i >> 8);
    d.bytes[31] = (uint8_t)i;
    return d;
}

TEST(test_a_million_objects_whose_names_begin_alike)
{
    struct heap heap;
    struct shelf *s;
    struct shelf_object *o;
    uint32_t i = 0;
    heap_init(&heap);
    REQUIRE(shelf_new(&s, &heap.alloc, SHELF_OBJECTS_MAX, UINT64_MAX) == 0);
    for (; i < SHELF_OBJECTS_MAX; i++)
        REQUIRE(shelf_add(s, counted_name(i), 1, (struct instant){0}, &o) == 0);
    CHECK_INT(shelf_add(s, counted_name(i), 1, (struct instant){0}, &o), ERR_FULL);
    CHECK(shelf_find(s, counted_name(i)) == NULL);
    CHECK(shelf_find(s, counted_name(i - 1)) == o);
    /* 144 of the C library for each block of this size. */
    CHECK(heap.live_bytes <= (size_t)SHELF_OBJECTS_MAX * 128 + 4096);
    for (i = 0; (o = shelf_next(s, o && i > 0 ? &o->name : NULL)) != NULL; i++)
        REQUIRE(digest_equal(o->name, counted_name(i)));
    CHECK_INT(i, SHELF_OBJECTS_MAX);
    for (i = 0; (o = shelf_victim(s, UINT64_MAX)) != NULL; i++) {
        REQUIRE(digest_equal(o->name, counted_name(i)));
        shelf_remove(s, o);
    }
    CHECK_INT(i, SHELF_OBJECTS_MAX);
    CHECK_INT(shelf_bytes(s), 0);
    shelf_free(s);
    CHECK(heap_is_empty(&heap));
}

/* The n-th allocation fails, for every n: what could not be done has left everything as it was. */
TEST(test_without_memory_nothing_changes)
{
    for (uint64_t n = 1;; n++) {
        struct heap heap;
        struct shelf *s = NULL;
        struct shelf_object *a = NULL, *b = NULL;
        heap_init(&heap);
        heap.fail_at = n;
        if (shelf_new(&s, &heap.alloc, 10, UINT64_MAX) == 0) {
            int rc = shelf_add(s, counted_name(1), PIECE_SIZE, (struct instant){0}, &a);
            CHECK_INT(shelf_count(s), rc == 0);
            CHECK(rc == 0 || rc == ERR_NO_MEMORY);
            CHECK_INT(shelf_bytes(s), rc == 0 ? PIECE_SIZE : 0);
            if (rc == 0 && shelf_listed(s, a) < 0)
                CHECK(!a->listed && a->map == NULL);
            if (shelf_add(s, counted_name(2), PIECE_SIZE, (struct instant){0}, &b) == 0) {
                shelf_sealed(s, b);
                CHECK_INT(b->whole, shelf_piece_lost(s, b, 0) < 0);
                CHECK_INT(b->have, b->whole);
            }
        }
        shelf_free(s);
        CHECK(heap_is_empty(&heap));
        if (!heap.failures)
            break;
    }
}

TEST_MAIN(test_random_steps_agree_with_a_model, test_pieces_come_and_go,
          test_what_was_looked_at_is_sound_until_a_piece_is_lost, test_prefixes,
          test_after_a_start_the_order_is_that_of_use, test_bounds,
          test_a_million_objects_whose_names_begin_alike, test_without_memory_nothing_changes)
