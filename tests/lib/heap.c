#include "tests/lib/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ensure.h"

/* The size goes before the block, so that a wrong old_size is found where it happens. */
#define HEADER ((size_t)16)

static void release(struct heap *h, uint8_t *p, size_t size)
{
    size_t written;
    memcpy(&written, p - HEADER, sizeof written);
    ensure(written == size);
    h->live_blocks--;
    h->live_bytes -= size;
    /* Use after free shows as nonsense even without a sanitizer. */
    memset(p, 0xdd, size);
    free(p - HEADER);
}

static bool must_fail(const struct heap *h, size_t live_bytes)
{
    if (h->fail_at && h->calls == h->fail_at)
        return true;
    if (h->fail_from && h->calls >= h->fail_from)
        return true;
    return h->bytes_max && live_bytes > h->bytes_max;
}

/* Always moves, so that a pointer kept across a growth is found. */
static void *heap_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct heap *h = ctx;
    ensure(old || old_size == 0);
    if (new_size == 0) {
        if (old)
            release(h, old, old_size);
        return NULL;
    }
    h->calls++;
    uint8_t *raw = NULL;
    if (!must_fail(h, h->live_bytes - old_size + new_size))
        raw = malloc(HEADER + new_size);
    if (!raw) {
        h->failures++;
        return NULL;
    }
    memcpy(raw, &new_size, sizeof new_size);
    memset(raw + HEADER, 0xcc, new_size);
    h->live_blocks++;
    h->live_bytes += new_size;
    if (old) {
        memcpy(raw + HEADER, old, old_size < new_size ? old_size : new_size);
        release(h, old, old_size);
    }
    if (h->live_bytes > h->peak_bytes)
        h->peak_bytes = h->live_bytes;
    return raw + HEADER;
}

static void *plain_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size > 0)
        return realloc(old, new_size);
    free(old);
    return NULL;
}

const struct alloc heap_plain = {plain_resize, NULL};

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
    h->alloc = (struct alloc){.resize = heap_resize, .ctx = h};
}

bool heap_is_empty(const struct heap *h)
{
    if (h->live_blocks == 0 && h->live_bytes == 0)
        return true;
    printf("# %zu blocks with %zu bytes were not freed\n", h->live_blocks, h->live_bytes);
    return false;
}
