/* Huffman codes as deflate has them (RFC 1951, 3.2.2): from how often each symbol comes, how long
 * its code is, and which. For png.c. */
#ifndef VELUM_PNG_HUFFMAN_H
#define VELUM_PNG_HUFFMAN_H

#include "plugins/velum_kernel.h"

#include <stdbool.h>

#define HUFFMAN_SYMBOLS_MAX 286u
#define HUFFMAN_BITS_MAX 15u

struct huffman {
    uint32_t count[HUFFMAN_SYMBOLS_MAX]; /* how often each symbol comes */
    uint16_t code[HUFFMAN_SYMBOLS_MAX];  /* its first bit is the lowest */
    uint8_t bits[HUFFMAN_SYMBOLS_MAX];   /* 0: it never comes */
};

/* Ascending, in place (Shell 1959). */
static void huffman_sort(uint64_t *list, uint32_t count)
{
    for (uint32_t gap = 121; gap > 0; gap /= 3)
        for (uint32_t i = gap; i < count; i++) {
            const uint64_t value = list[i];
            uint32_t at = i;
            for (; at >= gap && list[at - gap] > value; at -= gap)
                list[at] = list[at - gap];
            list[at] = value;
        }
}

/* Ascending counts of two symbols or more become the lengths of their codes, descending (Moffat and
 * Katajainen, In-Place Calculation of Minimum-Redundancy Codes, 1995). */
static void huffman_lengths(uint32_t *a, uint32_t count)
{
    uint32_t root = 0, leaf = 0;
    for (uint32_t next = 0; next + 1 < count; next++) {
        for (uint32_t child = 0; child < 2; child++) {
            const bool is_leaf = leaf < count && (root >= next || a[leaf] <= a[root]);
            const uint32_t weight = is_leaf ? a[leaf++] : a[root];
            if (!is_leaf)
                a[root++] = next; /* of which it becomes a child */
            a[next] = child == 0 ? weight : a[next] + weight;
        }
    }
    a[count - 2] = 0; /* the root's depth */
    for (uint32_t next = count - 2; next-- > 0;)
        a[next] = a[a[next]] + 1;
    uint32_t inner = count - 1, to = count, free = 1;
    for (uint32_t depth = 0; free > 0; depth++) {
        uint32_t used = 0;
        for (; inner > 0 && a[inner - 1] == depth; inner--)
            used++;
        for (; free > used; free--)
            a[--to] = depth;
        free = 2 * used;
    }
}

/* Sets the lengths, none above `most`: as long as the rarest symbol would have a longer one, counts
 * are halved, which makes them more alike. */
static void huffman_measure(struct huffman *h, uint32_t symbols, uint32_t most)
{
    uint64_t list[HUFFMAN_SYMBOLS_MAX];
    uint32_t lengths[HUFFMAN_SYMBOLS_MAX], count = 0;
    for (uint32_t i = 0; i < symbols; i++) {
        h->bits[i] = 0;
        if (h->count[i] > 0)
            list[count++] = (uint64_t)h->count[i] << 16 | i;
    }
    huffman_sort(list, count);
    lengths[0] = 1; /* of a symbol that is alone */
    for (uint32_t shift = 16; count > 1; shift++) {
        for (uint32_t i = 0; i < count; i++)
            lengths[i] = (uint32_t)((list[i] >> shift) + (shift > 16));
        huffman_lengths(lengths, count);
        if (lengths[0] <= most)
            break;
    }
    for (uint32_t i = 0; i < count; i++)
        h->bits[list[i] & 0xffff] = (uint8_t)lengths[i];
}

/* The codes that lengths come to: ascending by length, then by symbol. */
static void huffman_number(struct huffman *h, uint32_t symbols)
{
    uint32_t next = 0;
    for (uint32_t bits = 1; bits <= HUFFMAN_BITS_MAX; bits++, next *= 2)
        for (uint32_t i = 0; i < symbols; i++) {
            if (h->bits[i] != bits)
                continue;
            uint32_t code = 0;
            for (uint32_t bit = 0; bit < bits; bit++)
                code |= (next >> bit & 1) << (bits - 1 - bit);
            h->code[i] = (uint16_t)code;
            next++;
        }
}

static void huffman_make(struct huffman *h, uint32_t symbols, uint32_t most)
{
    huffman_measure(h, symbols, most);
    huffman_number(h, symbols);
}

#endif
