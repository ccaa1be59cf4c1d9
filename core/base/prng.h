/* A seeded generator for jitter, sampling and simulation: xoshiro256** seeded by splitmix64
 * (Blackman and Vigna, 2018). Never for keys or nonces. */
#ifndef VELUM_BASE_PRNG_H
#define VELUM_BASE_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *p, uint64_t seed);
uint64_t prng_u64(struct prng *p);
/* Uniform in [0, bound), without modulo bias; bound > 0. */
uint64_t prng_below(struct prng *p, uint64_t bound);
/* True once in `n` on average, n > 0. */
bool prng_one_in(struct prng *p, uint64_t n);

#endif
