/* The compression function of SHA-2 (FIPS 180-4, 6.2.2 and 6.4.2), which is the same for words of
 * 32 bits and of 64 but for some numbers. Private to sha256.c and sha512.c, each of which has
 * defined before it includes this:
 *
 *   SHA2_WORD                    uint32_t or uint64_t
 *   SHA2_ROUNDS                  how many words round_constants[] has, a multiple of 16
 *   SHA2_SUM_A(x), SHA2_SUM_E(x) the large sigmas of the standard, 0 and 1
 *   SHA2_MIX_0(x), SHA2_MIX_1(x) the small ones; all four by rotate_right of here
 *   big_endian                   SHA2_WORD of the bytes at a place */
#ifndef VELUM_BASE_SHA2_ROUNDS_H
#define VELUM_BASE_SHA2_ROUNDS_H

#include <string.h>

static inline SHA2_WORD rotate_right(SHA2_WORD v, unsigned n)
{
    return v >> n | v << (8 * sizeof v - n);
}

/* One round on a register file that rotates by renaming: eight rounds bring every name back to its
 * place, and no value is ever moved. */
#define ROUND(a, b, c, d, e, f, g, h, i)                                                           \
    do {                                                                                           \
        SHA2_WORD t = (h) + SHA2_SUM_E(e) + ((g) ^ ((e) & ((f) ^ (g)))) +                          \
                      round_constants[(base) + (i)] + w[i];                                        \
        (d) += t;                                                                                  \
        (h) = t + SHA2_SUM_A(a) + (((a) & (b)) | ((c) & ((a) | (b))));                             \
    } while (0)

/* Sixteen rounds, then the next sixteen words of the schedule in place: sixteen of it live at a
 * time, which matters on boards. */
static void sixteen_rounds(SHA2_WORD s[8], const SHA2_WORD w[16], size_t base)
{
    SHA2_WORD a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (size_t i = 0; i < 16; i += 8) {
        ROUND(a, b, c, d, e, f, g, h, i);
        ROUND(h, a, b, c, d, e, f, g, i + 1);
        ROUND(g, h, a, b, c, d, e, f, i + 2);
        ROUND(f, g, h, a, b, c, d, e, i + 3);
        ROUND(e, f, g, h, a, b, c, d, i + 4);
        ROUND(d, e, f, g, h, a, b, c, i + 5);
        ROUND(c, d, e, f, g, h, a, b, i + 6);
        ROUND(b, c, d, e, f, g, h, a, i + 7);
    }
    const SHA2_WORD out[8] = {a, b, c, d, e, f, g, h};
    memcpy(s, out, sizeof out);
}

static void next_words(SHA2_WORD w[16])
{
    for (size_t i = 0; i < 16; i++)
        w[i] += SHA2_MIX_0(w[(i + 1) % 16]) + w[(i + 9) % 16] + SHA2_MIX_1(w[(i + 14) % 16]);
}

static void take_block(SHA2_WORD state[8], const uint8_t *block)
{
    SHA2_WORD w[16], s[8];
    for (size_t i = 0; i < 16; i++)
        w[i] = big_endian(block + sizeof(SHA2_WORD) * i);
    memcpy(s, state, sizeof s);
    for (size_t base = 0; base < SHA2_ROUNDS; base += 16) {
        if (base > 0)
            next_words(w);
        sixteen_rounds(s, w, base);
    }
    for (size_t i = 0; i < 8; i++)
        state[i] += s[i];
}

#undef ROUND

#endif
