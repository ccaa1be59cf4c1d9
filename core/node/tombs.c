#include "core/node/tombs.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/ensure.h"
#include "core/base/err.h"

#define BLOCKS_FIRST 4u
#define SLOTS_FIRST 64u

void tombs_init(struct tombs *t, const struct alloc *a, uint32_t count_max)
{
    *t = (struct tombs){.alloc = a, .count_max = count_max};
}

static struct tombstone **block_of(const struct tombs *t, uint64_t number)
{
    return &t->blocks[number / TOMBS_BLOCK % t->blocks_cap];
}

static struct tombstone *at_number(const struct tombs *t, uint64_t number)
{
    return &(*block_of(t, number))[number % TOMBS_BLOCK];
}

void tombs_clear(struct tombs *t)
{
    for (uint32_t i = 0; i < t->blocks_cap; i++)
        alloc_free(t->alloc, t->blocks[i], TOMBS_BLOCK * sizeof **t->blocks);
    alloc_free(t->alloc, t->blocks, t->blocks_cap * sizeof *t->blocks);
    alloc_free(t->alloc, t->slots, t->slots_count * sizeof *t->slots);
    tombs_init(t, t->alloc, t->count_max);
}

uint32_t tombs_count(const struct tombs *t)
{
    return (uint32_t)(t->end - t->first);
}

/* Ids are digests: any of their bits will do. */
static uint32_t home_of(const struct tombs *t, const struct job_id *id)
{
    return (uint32_t)load_u64(id->bytes + 8) & (t->slots_count - 1);
}

/* Numbers leave the slots as their rest by this, plus one: 0 marks an empty slot. */
#define NUMBERS_APART ((uint64_t)UINT32_MAX)

static uint32_t slot_value(uint64_t number)
{
    return (uint32_t)(number % NUMBERS_APART) + 1;
}

/* The number a slot stands for: the one of those kept that leaves this rest. */
static uint64_t number_in(const struct tombs *t, uint32_t slot)
{
    uint64_t rest = t->slots[slot] - 1, first = t->first % NUMBERS_APART;

    return t->first + (rest + NUMBERS_APART - first) % NUMBERS_APART;
}

/* The slot that holds the id, or the empty one where it would go. */
static uint32_t slot_of(const struct tombs *t, const struct job_id *id)
{
    uint32_t slot = home_of(t, id);

    while (t->slots[slot] != 0 && !job_id_equal(at_number(t, number_in(t, slot))->id, *id))
        slot = (slot + 1) & (t->slots_count - 1);
    return slot;
}

const struct tombstone *tombs_find(const struct tombs *t, struct job_id id)
{
    uint32_t slot;

    if (t->first == t->end)
        return NULL;
    slot = slot_of(t, &id);
    return t->slots[slot] == 0 ? NULL : at_number(t, number_in(t, slot));
}

const struct tombstone *tombs_at(const struct tombs *t, uint32_t i)
{
    ensure(i < tombs_count(t));
    return at_number(t, t->first + i);
}

static int slots_grow(struct tombs *t)
{
    struct tombs bigger = *t;

    bigger.slots_count = t->slots_count == 0 ? SLOTS_FIRST : t->slots_count * 2;
    bigger.slots = alloc_array(t->alloc, bigger.slots_count, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return ERR_NO_MEMORY;
    for (uint64_t k = t->first; k < t->end; k++)
        bigger.slots[slot_of(&bigger, &at_number(t, k)->id)] = slot_value(k);
    alloc_free(t->alloc, t->slots, t->slots_count * sizeof *t->slots);
    *t = bigger;
    return 0;
}

/* Twice the ring; the blocks in use go where the greater ring has them. */
static int blocks_grow(struct tombs *t)
{
    struct tombs bigger = *t;

    bigger.blocks_cap = t->blocks_cap == 0 ? BLOCKS_FIRST : t->blocks_cap * 2;
    bigger.blocks = alloc_array(t->alloc, bigger.blocks_cap, sizeof *bigger.blocks);
    if (bigger.blocks == NULL)
        return ERR_NO_MEMORY;
    for (uint64_t k = t->first / TOMBS_BLOCK; k * TOMBS_BLOCK < t->end; k++)
        *block_of(&bigger, k * TOMBS_BLOCK) = *block_of(t, k * TOMBS_BLOCK);
    alloc_free(t->alloc, t->blocks, t->blocks_cap * sizeof *t->blocks);
    *t = bigger;
    return 0;
}

/* A block for the next number. */
static int block_ready(struct tombs *t)
{
    struct tombstone **block;

    if (t->end % TOMBS_BLOCK != 0 && t->end != t->first)
        return 0;
    if (t->end / TOMBS_BLOCK - t->first / TOMBS_BLOCK >= t->blocks_cap && blocks_grow(t) < 0)
        return ERR_NO_MEMORY;
    block = block_of(t, t->end);
    if (*block == NULL)
        *block = alloc_array(t->alloc, TOMBS_BLOCK, sizeof **block);
    return *block == NULL ? ERR_NO_MEMORY : 0;
}

int tombs_add(struct tombs *t, const struct tombstone *stone)
{
    if (tombs_find(t, stone->id) != NULL)
        return 0;
    if (tombs_count(t) >= t->count_max)
        tombs_drop_oldest(t);
    if (tombs_count(t) >= t->slots_count / 4 * 3 && slots_grow(t) < 0)
        return ERR_NO_MEMORY;
    if (block_ready(t) < 0)
        return ERR_NO_MEMORY;
    *at_number(t, t->end) = *stone;
    t->slots[slot_of(t, &stone->id)] = slot_value(t->end);
    t->end++;
    return 0;
}

/* Those behind it in the same run of slots move up, so that probing still finds them. */
static void slot_empty(struct tombs *t, uint32_t hole)
{
    uint32_t mask = t->slots_count - 1;

    for (uint32_t at = (hole + 1) & mask; t->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = home_of(t, &at_number(t, number_in(t, at))->id);

        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        t->slots[hole] = t->slots[at];
        hole = at;
    }
    t->slots[hole] = 0;
}

void tombs_drop_oldest(struct tombs *t)
{
    struct tombstone **block = block_of(t, t->first);

    ensure(t->first < t->end);
    slot_empty(t, slot_of(t, &at_number(t, t->first)->id));
    t->first++;
    if (t->first % TOMBS_BLOCK != 0 && t->first != t->end)
        return;
    alloc_free(t->alloc, *block, TOMBS_BLOCK * sizeof **block);
    *block = NULL;
}
