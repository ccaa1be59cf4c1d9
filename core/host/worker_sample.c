#include "core/host/worker_sample.h"

#define ONE_OF_BITS 8
#define PILES_UP 2 /* times what the next comparison takes */

/* Numbers of leaves often rise by a power of two: its high bits are those that all have a part
 * in. */
static bool is_picked(uint64_t number)
{
    return number * 0x9e3779b97f4a7c15u >> (64 - ONE_OF_BITS) == 0;
}

bool sample_is_due(const struct sample *s, uint64_t number)
{
    const int64_t left_ns = s->computed_ns / SAMPLE_SHARE - s->with_ns;
#if VELUM_PLANT == 800 /* unit/test_builder: only the first leaf of a worker is compared */
    return false;
#endif
#if VELUM_PLANT == 801 /* unit/test_worker_sample: comparing takes what time it likes */
    return is_picked(number) || number % 4 == 0;
#endif
    if (s->plain_ns > left_ns || s->plain_ns + s->leaf_ns > s->limit_ns / 2)
        return false;
    return is_picked(number) || PILES_UP * s->plain_ns <= left_ns;
}

void sample_computed(struct sample *s, int64_t ns)
{
    s->leaf_ns = ns;
    s->computed_ns += ns;
}

void sample_compared(struct sample *s, int64_t ns, int64_t plain_ns, bool first)
{
    s->plain_ns = plain_ns;
    s->leaf_ns = ns;
    if (first)
        return;
    s->computed_ns += ns;
    s->with_ns += plain_ns;
}
