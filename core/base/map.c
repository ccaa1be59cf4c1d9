#include "core/base/map.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/id.h"

/* Linear probing with removal by backward shift: no tombstones, so the longest probe depends on
 * what is in the table only. It is at most three quarters full. */

#define MAP_KEY_MAX 32
#define MAP_SLOTS_FIRST ((size_t)8)

void map_init(struct map *m, const struct alloc *a, size_t key_size, size_t count_max)
{
    ensure(key_size >= 1 && key_size <= MAP_KEY_MAX);
    *m = (struct map){.alloc = a, .key_size = key_size, .count_max = count_max};
}

void map_clear(struct map *m)
{
    if (m->slots) {
        alloc_free(m->alloc, m->keys, m->slots * m->key_size);
        alloc_free(m->alloc, m->values, m->slots * sizeof *m->values);
    }
    map_init(m, m->alloc, m->key_size, m->count_max);
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0xbf58476d1ce4e5b9u;
    return h ^ (h >> 29);
}

/* Keys are read as little-endian words whatever the machine,
 * so that the order of a walk is the same everywhere. */
static inline uint64_t hash_words(const uint8_t *key, size_t size)
{
    uint64_t h = size * 0x9e3779b97f4a7c15u, rest = 0;
    for (; size >= 8; key += 8, size -= 8)
        h = mix(h, load_u64(key));
    for (size_t i = 0; i < size; i++)
        rest |= (uint64_t)key[i] << (8 * i);
    h = mix(h, rest);
    h *= 0x94d049bb133111ebu;
    return h ^ (h >> 32);
}

/* Most keys are ids, or numbers of links: for these there is nothing to count. */
static uint64_t hash_of(const uint8_t *key, size_t size)
{
    if (size == ID_SIZE)
        return hash_words(key, ID_SIZE);
    return size == sizeof(uint64_t) ? hash_words(key, sizeof(uint64_t)) : hash_words(key, size);
}

static size_t home_of(const struct map *m, const uint8_t *key)
{
    return (size_t)hash_of(key, m->key_size) & (m->slots - 1);
}

static uint8_t *key_at(const struct map *m, size_t slot)
{
    return m->keys + slot * m->key_size;
}

static bool key_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    if (size == ID_SIZE)
        return id_bytes_equal(a, b);
    return size == sizeof(uint64_t) ? load_u64(a) == load_u64(b) : memcmp(a, b, size) == 0;
}

/* The slot that holds the key, or the empty one where it would go. slots > 0. */
static size_t slot_of(const struct map *m, const uint8_t *key)
{
    size_t slot = home_of(m, key);
    while (m->values[slot] && !key_equal(key_at(m, slot), key, m->key_size))
        slot = (slot + 1) & (m->slots - 1);
    return slot;
}

void *map_get(const struct map *m, const void *key)
{
    return m->slots ? m->values[slot_of(m, key)] : NULL;
}

static void place(struct map *m, const uint8_t *key, void *value)
{
    size_t slot = slot_of(m, key);
    memcpy(key_at(m, slot), key, m->key_size);
    m->values[slot] = value;
}

static int grow(struct map *m)
{
    struct map bigger = *m;
    bigger.slots = m->slots ? m->slots * 2 : MAP_SLOTS_FIRST;
    bigger.keys = alloc_array(m->alloc, bigger.slots, m->key_size);
    if (!bigger.keys)
        return ERR_NO_MEMORY;
    bigger.values = alloc_array(m->alloc, bigger.slots, sizeof *m->values);
    if (!bigger.values) {
        alloc_free(m->alloc, bigger.keys, bigger.slots * m->key_size);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < m->slots; i++)
        if (m->values[i])
            place(&bigger, key_at(m, i), m->values[i]);
    map_clear(m);
    *m = bigger;
    return 0;
}

int map_put(struct map *m, const void *key, void *value)
{
    ensure(value);
    if (m->slots) {
        size_t slot = slot_of(m, key);
        if (m->values[slot]) {
            m->values[slot] = value;
            return 0;
        }
    }
    if (m->count >= m->count_max)
        return ERR_FULL;
    if (m->count >= m->slots / 4 * 3) {
        int rc = grow(m);
        if (rc < 0)
            return rc;
    }
    place(m, key, value);
    m->count++;
    return 0;
}

/* Closes the hole at `hole`: a later entry of the same run moves into it unless its home lies
 * behind the hole, where a search for it would no longer start early enough. */
static void shift_back(struct map *m, size_t hole)
{
    size_t mask = m->slots - 1;
    for (size_t slot = (hole + 1) & mask; m->values[slot]; slot = (slot + 1) & mask) {
        size_t from_home = (slot - home_of(m, key_at(m, slot))) & mask;
        size_t from_hole = (slot - hole) & mask;
        if (from_home < from_hole)
            continue;
        memcpy(key_at(m, hole), key_at(m, slot), m->key_size);
        m->values[hole] = m->values[slot];
        hole = slot;
    }
    m->values[hole] = NULL;
}

void *map_remove(struct map *m, const void *key)
{
    if (!m->slots)
        return NULL;
    size_t slot = slot_of(m, key);
    void *value = m->values[slot];
    if (value) {
        shift_back(m, slot);
        m->count--;
    }
    return value;
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->slots) {
        void *value = m->values[(*at)++];
        if (value)
            return value;
    }
    return NULL;
}
