#include "core/sim/sim_pool.h"

#include <stddef.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 18)

struct sim_pool_block {
    struct sim_pool_block *next;
};

struct sim_pool_chunk {
    struct sim_pool_chunk *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

static size_t class_of(size_t size)
{
    return (size - 1) / SIM_POOL_STEP;
}

static void *take(struct sim_pool *p, size_t size)
{
    size_t class = class_of(size), bytes = (class + 1) * SIM_POOL_STEP;
    struct sim_pool_block *b = p->free[class];
    void *out;

    if (b != NULL) {
        p->free[class] = b->next;
        return b;
    }
    if (p->rest_bytes < bytes) {
        struct sim_pool_chunk *c =
            p->below->resize(p->below->ctx, NULL, 0, sizeof *c + CHUNK_BYTES);

        if (c == NULL)
            return NULL;
        c->next = p->chunks;
        p->chunks = c;
        p->rest = c->bytes;
        p->rest_bytes = CHUNK_BYTES;
    }
    out = p->rest;
    p->rest += bytes;
    p->rest_bytes -= bytes;
    return out;
}

static void give_back(struct sim_pool *p, void *old, size_t size)
{
    struct sim_pool_block *b = old;

    if (size > SIM_POOL_LARGEST) {
        p->below->resize(p->below->ctx, old, size, 0);
        return;
    }
    b->next = p->free[class_of(size)];
    p->free[class_of(size)] = b;
}

static void *pool_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct sim_pool *p = ctx;
    void *out;

    if (old == NULL && new_size == 0)
        return NULL;
    if (old_size > SIM_POOL_LARGEST && new_size > SIM_POOL_LARGEST)
        return p->below->resize(p->below->ctx, old, old_size, new_size);
    if (old != NULL && new_size > 0 && class_of(old_size) == class_of(new_size))
        return old;
    out = new_size == 0                  ? NULL
          : new_size <= SIM_POOL_LARGEST ? take(p, new_size)
                                         : p->below->resize(p->below->ctx, NULL, 0, new_size);
    if (new_size > 0 && out == NULL)
        return NULL;
    if (old != NULL && out != NULL)
        memcpy(out, old, old_size < new_size ? old_size : new_size);
    if (old != NULL)
        give_back(p, old, old_size);
    return out;
}

void sim_pool_init(struct sim_pool *p, const struct alloc *below)
{
    *p = (struct sim_pool){.alloc = {pool_resize, p}, .below = below};
}

void sim_pool_clear(struct sim_pool *p)
{
    for (struct sim_pool_chunk *c = p->chunks, *next; c != NULL; c = next) {
        next = c->next;
        p->below->resize(p->below->ctx, c, sizeof *c + CHUNK_BYTES, 0);
    }
    sim_pool_init(p, p->below);
}
