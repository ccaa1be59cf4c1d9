#include "core/base/prng.h"

#include "core/base/ensure.h"

static uint64_t rotate_left(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

/* splitmix64 spreads a small seed over the whole state, which must not be all zero. */
void prng_init(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        p->state[i] = z ^ (z >> 31);
    }
}

uint64_t prng_u64(struct prng *p)
{
    uint64_t *s = p->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Draws under the smallest mask that covers the bound and rejects the rest: fewer than two draws on
 * average, and no 64-bit division on boards. */
uint64_t prng_below(struct prng *p, uint64_t bound)
{
    ensure(bound > 0);
    uint64_t mask = bound - 1;
    for (unsigned shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    for (;;) {
        uint64_t v = prng_u64(p) & mask;
        if (v < bound)
            return v;
    }
}

bool prng_one_in(struct prng *p, uint64_t n)
{
    return prng_below(p, n) == 0;
}
