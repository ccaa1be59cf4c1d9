/* The inverse of deflate, with zlib's head and sum around it (RFC 1950 and 1951), for pictures that
 * are drawn. Nothing is trusted: what is wrong ends in ERR_FORMAT, and nothing is written where
 * there is no room. Only for picture.c. */
#ifndef VELUM_CMD_INFLATE_H
#define VELUM_CMD_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

#define INFLATE_BITS_MAX 15
#define INFLATE_FAST_BITS 9

/* A code: short ones are found by their bits at once, longer ones by counting. */
struct inflate_code {
    uint16_t fast[1 << INFLATE_FAST_BITS]; /* symbol << 4 | bits; 0: none, or longer */
    uint16_t count[INFLATE_BITS_MAX + 1];  /* symbols, by length */
    uint16_t symbol[288];                  /* ascending by length, then by number */
};

struct inflate {
    struct bytes in;
    size_t at; /* the next byte of in */
    uint64_t bits;
    unsigned bits_count;
    int (*put)(void *ctx, struct bytes bytes); /* < 0 stops */
    void *ctx;
    uint32_t a, b; /* of the sum */
    size_t len;    /* in window, which are yet to be put from `told` on */
    size_t told;
    struct inflate_code literals, distances;
    uint8_t window[3 * 32768];
};

/* Puts all that is in `in`, a part at a time. 0, ERR_FORMAT, or what put returned. */
int inflate_run(struct inflate *f, struct bytes in, int (*put)(void *ctx, struct bytes bytes),
                void *ctx);

#endif
