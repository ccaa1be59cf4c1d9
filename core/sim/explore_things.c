#include "core/sim/explore_things.h"

#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 20)
#define NUMBERS_MAX ((uint32_t)1 << 30)

struct things_chunk {
    struct things_chunk *next;
    size_t size, used;
    uint8_t bytes[];
};

uint64_t things_hash(struct bytes b)
{
    uint64_t h = b.len * 0x9e3779b97f4a7c15ull, v;
    size_t at = 0;

    for (; at + 8 <= b.len; at += 8) {
        memcpy(&v, b.data + at, 8);
        h = (h ^ v) * 0x9fb21c651e98df25ull;
        h ^= h >> 31;
    }
    for (; at < b.len; at++)
        h = (h ^ b.data[at]) * 0x100000001b3ull;
    h *= 0xd6e8feb86659fd93ull;
    return h ^ h >> 32;
}

void things_init(struct things *s, const struct alloc *a)
{
    *s = (struct things){.alloc = a};
}

void things_clear(struct things *s)
{
    struct things_chunk *c;

    if (s->alloc == NULL)
        return;
    while ((c = s->chunks) != NULL) {
        s->chunks = c->next;
        alloc_free(s->alloc, c, sizeof *c + c->size);
    }
    alloc_free(s->alloc, s->list, s->cap * sizeof *s->list);
    alloc_free(s->alloc, s->table, s->table_size * sizeof *s->table);
}

static uint8_t *keep(struct things *s, struct bytes b)
{
    struct things_chunk *c = s->chunks;
    size_t room = (b.len + 7) / 8 * 8, size = room > CHUNK_BYTES ? room : CHUNK_BYTES;

    if (c == NULL || c->size - c->used < room) {
        c = s->alloc->resize(s->alloc->ctx, NULL, 0, sizeof *c + size);
        if (c == NULL)
            return NULL;
        *c = (struct things_chunk){.next = s->chunks, .size = size};
        s->chunks = c;
    }
    memcpy(c->bytes + c->used, b.data, b.len);
    c->used += room;
    return c->bytes + c->used - room;
}

static bool grow(struct things *s)
{
    uint32_t size = s->table_size == 0 ? 1024 : s->table_size * 2, at;
    uint32_t cap = s->cap == 0 ? 1024 : s->cap * 2;
    void *list = s->list;
    uint32_t *table;

    if (s->count + 1 >= s->cap) {
        if (s->count >= NUMBERS_MAX ||
            alloc_grow(s->alloc, &list, s->cap, cap, sizeof *s->list) < 0)
            return false;
        s->list = list;
        s->cap = cap;
        if (s->count == 0)
            s->count = 1;
    }
    if (s->count * 2 < s->table_size)
        return true;
    table = alloc_array(s->alloc, size, sizeof *table);
    if (table == NULL)
        return false;
    for (uint32_t i = 1; i < s->count; i++) {
        for (at = (uint32_t)things_hash(s->list[i]) & (size - 1); table[at] != 0;
             at = (at + 1) & (size - 1))
            ;
        table[at] = i;
    }
    alloc_free(s->alloc, s->table, s->table_size * sizeof *s->table);
    s->table = table;
    s->table_size = size;
    return true;
}

uint32_t things_put(struct things *s, struct bytes b, bool *is_new)
{
    uint32_t at;
    uint8_t *kept;

    *is_new = false;
    if (b.len == 0 || s->full)
        return 0;
    if (!grow(s)) {
        s->full = true;
        return 0;
    }
    for (at = (uint32_t)things_hash(b) & (s->table_size - 1); s->table[at] != 0;
         at = (at + 1) & (s->table_size - 1))
        if (bytes_equal(s->list[s->table[at]], b))
            return s->table[at];
    kept = keep(s, b);
    if (kept == NULL) {
        s->full = true;
        return 0;
    }
    *is_new = true;
    s->list[s->count] = (struct bytes){kept, b.len};
    s->table[at] = s->count;
    return s->count++;
}

struct bytes things_get(const struct things *s, uint32_t number)
{
    return number == 0 ? (struct bytes){NULL, 0} : s->list[number];
}

/* --- memo --- */

static uint32_t place(uint64_t key, uint32_t size)
{
    key = (key ^ key >> 32) * 0xd6e8feb86659fd93ull;
    return (uint32_t)(key >> 32) & (size - 1);
}

void memo_init(struct memo *m, const struct alloc *a)
{
    *m = (struct memo){.alloc = a};
}

void memo_clear(struct memo *m)
{
    if (m->alloc != NULL)
        alloc_free(m->alloc, m->slots, m->size * sizeof *m->slots);
}

static struct memo_slot *slot_of(struct memo_slot *slots, uint32_t size, uint64_t key)
{
    uint32_t at = place(key, size);

    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

const struct memo_slot *memo_get(const struct memo *m, uint64_t key)
{
    const struct memo_slot *s = m->size == 0 ? NULL : slot_of(m->slots, m->size, key);

    return s == NULL || s->key == 0 ? NULL : s;
}

void memo_put(struct memo *m, uint64_t key, uint32_t a, uint32_t b)
{
    uint32_t size = m->size == 0 ? 4096 : m->size * 2;
    struct memo_slot *slots, *s;

    if (m->count * 2 >= m->size) {
        slots = alloc_array(m->alloc, size, sizeof *slots);
        if (slots == NULL) {
            m->full = true;
            return;
        }
        for (uint32_t i = 0; i < m->size; i++)
            if (m->slots[i].key != 0)
                *slot_of(slots, size, m->slots[i].key) = m->slots[i];
        alloc_free(m->alloc, m->slots, m->size * sizeof *slots);
        m->slots = slots;
        m->size = size;
    }
    s = slot_of(m->slots, m->size, key);
    m->count += s->key == 0;
    *s = (struct memo_slot){key, a, b};
}
