/* Pictures as kernel png is given them, the file it makes of them, and what both tests of such
 * files need of their format. Header only. */
#ifndef VELUM_TESTS_PNG_RIG_H
#define VELUM_TESTS_PNG_RIG_H

#include <stdlib.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/kernel/kernel.h"
#include "core/wire/input.h"
#include "core/wire/spec.h"
#include "tests/lib/check.h"

#define INPUTS_MAX STAGE_INPUTS_MAX
#define PIXELS_MAX ((size_t)1200000)

static uint8_t pixels[PIXELS_MAX], raw[2 * PIXELS_MAX], again[PIXELS_MAX], out[2 * PIXELS_MAX];
static size_t out_len;

static struct {
    uint8_t *bytes[INPUTS_MAX];
    uint64_t size[INPUTS_MAX];
    uint16_t count;
} given;

static _Alignas(64) uint8_t scratch[VELUM_MEMORY_MAX];

static inline void *memory(const struct velum_host *host, size_t size)
{
    (void)host;
    memset(scratch, 0xa5, sizeof scratch);
    return size <= sizeof scratch ? scratch : NULL;
}

static inline uint32_t inputs(const struct velum_host *host)
{
    (void)host;
    return given.count;
}

static inline const uint8_t *input(const struct velum_host *host, uint32_t index, uint64_t *size)
{
    (void)host;
    *size = index < given.count ? given.size[index] : 0;
    return index < given.count ? given.bytes[index] : NULL;
}

static inline int emit(const struct velum_host *host, const void *bytes, size_t size)
{
    (void)host;
    if (size > sizeof out - out_len)
        return -1;
    memcpy(out + out_len, bytes, size);
    out_len += size;
    return 0;
}

static struct kernel_plan plan;

static inline int leaf(uint64_t first, uint64_t count)
{
    struct velum_host host = *kernel_host_plain();
    char reason[REASON_SIZE];
    host.memory = memory;
    host.inputs = inputs;
    host.input = input;
    host.emit = emit;
    return kernel_leaf(kernel_find("png"), &host, (struct bytes){plan.params, plan.params_size},
                       first, count, NULL, reason);
}

static inline void store(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static inline void forget(void)
{
    while (given.count > 0)
        free(given.bytes[--given.count]);
}

/* The pixels in inputs of so many rows. */
static inline void give(uint32_t width, uint32_t height, uint32_t rows)
{
    forget();
    for (uint32_t row = 0; row < height; row += rows) {
        const uint32_t n = height - row < rows ? height - row : rows;
        const size_t size = (size_t)3 * width * n;
        uint8_t *bytes = malloc(24 + size);
        REQUIRE(bytes && given.count < INPUTS_MAX);
        memcpy(bytes, "rgbrows1", 8);
        store(bytes + 8, width);
        store(bytes + 12, height);
        store(bytes + 16, row);
        store(bytes + 20, n);
        memcpy(bytes + 24, pixels + (size_t)3 * width * row, size);
        given.bytes[given.count] = bytes;
        given.size[given.count++] = 24 + size;
    }
}

static inline bool encode(uint64_t leaf_units)
{
    REQUIRE(kernel_plan(kernel_find("png"), 0, NULL, given.count, given.size, &plan) == 0);
    CHECK_INT(plan.units, given.count);
    out_len = 0;
    for (uint64_t first = 0; first < plan.units; first += leaf_units)
        if (leaf(first, plan.units - first < leaf_units ? plan.units - first : leaf_units) < 0)
            return false;
    return true;
}

/* --- the format, by its definition --- */

static inline uint32_t adler_of(const uint8_t *p, size_t size)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (a + p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b * 65536 + a;
}

static inline int predicted(int kind, int left, int above, int corner)
{
    const int p = left + above - corner;
    const int l = abs(p - left), a = abs(p - above), c = abs(p - corner);
    switch (kind) {
    case 0:
        return 0;
    case 1:
        return left;
    case 2:
        return above;
    case 3:
        return (left + above) / 2;
    default:
        return l <= a && l <= c ? left : a <= c ? above : corner;
    }
}

static inline void unfilter(uint32_t width, uint32_t height)
{
    const size_t size = 3 * (size_t)width;
    for (size_t row = 0; row < height; row++)
        for (size_t i = 0; i < size; i++) {
            uint8_t *to = again + row * size + i;
            const int kind = raw[row * (size + 1)];
            REQUIRE(kind <= 4);
            *to = (uint8_t)(raw[row * (size + 1) + 1 + i] +
                            predicted(kind, i < 3 ? 0 : to[-3], row ? to[-(ptrdiff_t)size] : 0,
                                      row && i >= 3 ? to[-(ptrdiff_t)size - 3] : 0));
        }
}

/* --- pictures --- */

static struct prng prng;

static inline uint32_t below(uint32_t n)
{
    return (uint32_t)prng_below(&prng, n);
}

static inline void paint(uint32_t kind, size_t size)
{
    const uint32_t step = 1 + below(7);
    for (size_t i = 0; i < size; i++)
        switch (kind) {
        case 0: /* black */
            pixels[i] = 0;
            break;
        case 1: /* noise, which does not get smaller */
            pixels[i] = (uint8_t)prng_u64(&prng);
            break;
        case 2: /* a slope */
            pixels[i] = (uint8_t)(i * step / 16);
            break;
        case 3: /* rare things, of which some are very rare */
            pixels[i] = (uint8_t)(below(40) ? 7 : 1u << below(8));
            break;
        default: /* a pattern that repeats far away */
            pixels[i] = i < 3000 ? (uint8_t)prng_u64(&prng) : pixels[i - 2999];
        }
}

#endif
