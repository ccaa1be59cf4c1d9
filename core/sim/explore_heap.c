#include "core/sim/explore_heap.h"

#include <string.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

#define HEAP_BYTES EXPLORE_HEAP_BYTES
#define GRAIN 16u
#define GRAINS (HEAP_BYTES / GRAIN)
#define SMALL_MAX 1024u
#define CLASSES (SMALL_MAX / GRAIN + 1 + 11)
#define CLOCK_SPAN ((int64_t)1 << 40)

/* At the beginning of the block, so that it is put aside with the rest. A block in use has one
 * grain before it that says how long it is; its bit is set in `starts`. */
struct head {
    uint32_t top;
    uint32_t free[CLASSES]; /* offsets of the grains before free blocks; 0: none */
    uint64_t starts[GRAINS / 64];
};

struct grain {
    uint32_t room, size, next, unused;
};

static struct head *head_of(const struct explore_heap *h)
{
    return (struct head *)(void *)h->base;
}

static struct grain *grain_at(const struct explore_heap *h, uint32_t offset)
{
    return (struct grain *)(void *)(h->base + offset);
}

static uint32_t class_of(size_t size, uint32_t *room)
{
    uint32_t at = SMALL_MAX / GRAIN + 1;

    if (size <= SMALL_MAX) {
        *room = (uint32_t)(size + GRAIN - 1) / GRAIN * GRAIN;
        return *room / GRAIN;
    }
    for (*room = 2 * SMALL_MAX; *room < size; *room *= 2)
        at++;
    return at;
}

static void *take(struct explore_heap *h, size_t size)
{
    struct head *head = head_of(h);
    uint32_t room, class, offset;
    struct grain *g;

    if (size > HEAP_BYTES / 4) {
        h->full = true;
        return NULL;
    }
    class = class_of(size, &room);
    offset = head->free[class];
    if (offset == 0 && head->top + GRAIN + room > HEAP_BYTES) {
        h->full = true;
        return NULL;
    }
    if (offset != 0) {
        head->free[class] = grain_at(h, offset)->next;
    } else {
        offset = head->top;
        head->top += GRAIN + room;
    }
    g = grain_at(h, offset);
    *g = (struct grain){.room = room, .size = (uint32_t)size};
    head->starts[offset / GRAIN / 64] |= (uint64_t)1 << offset / GRAIN % 64;
    return g + 1;
}

static void give_back(struct explore_heap *h, void *p)
{
    struct head *head = head_of(h);
    struct grain *g = (struct grain *)p - 1;
    uint32_t offset = (uint32_t)((uint8_t *)g - h->base), room, class = class_of(g->room, &room);

    ensure(room == g->room);
    memset(p, 0, room);
    *g = (struct grain){.room = room, .next = head->free[class]};
    head->free[class] = offset;
    head->starts[offset / GRAIN / 64] &= ~((uint64_t)1 << offset / GRAIN % 64);
}

static void *resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct explore_heap *h = ctx;
    struct grain *g = old == NULL ? NULL : (struct grain *)old - 1;
    void *p;

    if (new_size == 0) {
        if (old != NULL)
            give_back(h, old);
        return NULL;
    }
    if (g != NULL && new_size <= g->room) {
        if (new_size < old_size)
            memset((uint8_t *)old + new_size, 0, old_size - new_size);
        g->size = (uint32_t)new_size;
        return old;
    }
    p = take(h, new_size);
    if (p != NULL && old != NULL) {
        memcpy(p, old, old_size < new_size ? old_size : new_size);
        give_back(h, old);
    }
    return p;
}

int explore_heap_init(struct explore_heap *h, const struct alloc *a)
{
    *h = (struct explore_heap){.given = a};
    h->alloc = (struct alloc){resize, h};
    h->base = alloc_zeroed(a, HEAP_BYTES);
    h->order = alloc_array(a, GRAINS, sizeof *h->order);
    h->blocks = alloc_array(a, GRAINS, sizeof *h->blocks);
    if (h->base == NULL || h->order == NULL || h->blocks == NULL)
        return ERR_NO_MEMORY;
    explore_heap_reset(h);
    return 0;
}

void explore_heap_clear(struct explore_heap *h)
{
    if (h->given == NULL)
        return;
    alloc_free(h->given, h->base, HEAP_BYTES);
    alloc_free(h->given, h->order, GRAINS * sizeof *h->order);
    alloc_free(h->given, h->blocks, GRAINS * sizeof *h->blocks);
}

void explore_heap_reset(struct explore_heap *h)
{
    struct head *head = head_of(h);

    memset(h->base, 0, head->top == 0 ? HEAP_BYTES : head->top);
    head->top = (uint32_t)(sizeof *head + GRAIN - 1) / GRAIN * GRAIN;
    h->full = false;
}

uint32_t explore_heap_used(const struct explore_heap *h)
{
    return head_of(h)->top;
}

/* --- digest --- */

static void mix(uint64_t to[2], uint64_t v)
{
    to[0] = (to[0] ^ v) * 0x9fb21c651e98df25ull;
    to[0] ^= to[0] >> 32;
    to[1] = (to[1] + v) * 0xd6e8feb86659fd93ull;
    to[1] ^= to[1] >> 29;
}

/* The offset of the grain before the block that the address lies in; 0: none. */
static uint32_t block_of(const struct explore_heap *h, uint32_t offset)
{
    const struct head *head = head_of(h);
    uint32_t at = offset / GRAIN, word = at / 64;
    uint64_t bits = head->starts[word] & (~(uint64_t)0 >> (63 - at % 64));

    while (bits == 0) {
        if (word == 0)
            return 0;
        bits = head->starts[--word];
    }
    for (at = 63; !(bits >> at & 1); at--)
        ;
    return (word * 64 + at) * GRAIN;
}

/* One more block, if it is new. Gives when it was met. */
static uint32_t meet(struct explore_heap *h, uint32_t block, uint32_t *count)
{
    uint32_t *order = &h->order[block / GRAIN];

    if (*order < h->stamp) {
        *order = h->stamp + *count;
        h->blocks[(*count)++] = block;
    }
    return *order - h->stamp;
}

static void mix_word(struct explore_heap *h, uint64_t v, int64_t now, uint32_t *count,
                     uint64_t out[2])
{
    uint64_t offset = v - (uint64_t)(uintptr_t)h->base;
    int64_t since = (int64_t)(v - (uint64_t)EXPLORE_CLOCK);
    uint32_t block;

    if (offset < HEAP_BYTES) {
        block = block_of(h, (uint32_t)offset);
        /* What was freed, or the end of the block before: it is not looked at. */
        if (block == 0 || offset < block + GRAIN ||
            offset > block + GRAIN + grain_at(h, block)->room) {
            mix(out, 0x70ad);
            return;
        }
        mix(out, 0x901e7e8000000000ull + meet(h, block, count));
        mix(out, offset - block);
    } else if (since > -CLOCK_SPAN && since < CLOCK_SPAN) {
        mix(out, 0x71e0000000000000ull + (v - (uint64_t)now));
    } else {
        mix(out, v);
    }
}

void explore_heap_digest(struct explore_heap *h, const void *root, int64_t now, uint64_t out[2])
{
    uint32_t count = 0;

    if (h->stamp > UINT32_MAX - 2 * GRAINS) {
        memset(h->order, 0, GRAINS * sizeof *h->order);
        h->stamp = 0;
    }
    h->stamp += GRAINS;
    out[0] = 0xcbf29ce484222325ull;
    out[1] = 0x84222325cbf29ce4ull;
    meet(h, (uint32_t)((const uint8_t *)root - h->base) - GRAIN, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct grain *g = grain_at(h, h->blocks[i]);
        const uint8_t *p = (const uint8_t *)(g + 1);
        uint64_t v;

        mix(out, g->size);
        for (uint32_t k = 0; k < g->size; k += 8) {
            memcpy(&v, p + k, sizeof v);
            mix_word(h, v, now, &count, out);
        }
    }
}
