#include "core/sim/sim_tight.h"

#include <stddef.h>

/* A few jobs would be one slice, and nothing would ever happen between two. */
#define SLICE_BYTES 200
#define SLICE_APART_US 30000

/* What a tight limit is drawn from. The greatest is often what is usual, or beyond it: a timer that
 * comes late is as good a surprise as an early one. */
struct range {
    size_t at; /* in struct node_limits */
    uint32_t least, most;
};

#define RANGE(field, least, most)                                                                  \
    {                                                                                              \
        offsetof(struct node_limits, field), least, most                                           \
    }
static const struct range ranges[] = {
    RANGE(report_us, 200, 100000),
    RANGE(coalesce_us, 0, 40000),
    RANGE(collect_us, 100, 400000),
    RANGE(chunk_us, 1000, 800000),
    RANGE(round_us, 1000, 120000),
    RANGE(news_us, 0, 100000),
    RANGE(forward_us, 2000, 3000000),
    RANGE(merge_us, 2000, 5000000),
    RANGE(patience_us, 20000, 3000000),
    RANGE(report_bytes, 1, 2000),
    RANGE(batch_bytes, 1, 2000),
    RANGE(frame_bytes, 1, 4000),
    RANGE(page_bytes, 1, 2000),
    RANGE(unkept_bytes, 1, 4000),
    RANGE(account_bytes, 0, 2000),
    RANGE(round_jobs, 1, 3),
    RANGE(signatures, 1, 4),
    RANGE(fruitless_jobs, 1, 2),
    RANGE(compact_bytes, 1, 2000),
    RANGE(compact_us, 0, 60000),
    RANGE(waits, 1, 60),
    RANGE(waits_run, 1, 8),
};

static const struct range sound = RANGE(sound_us, 5000, 20000000);
static const struct range parcel = RANGE(parcel_bytes, 1, 4000);

void sim_tight_not(struct sim_node *n)
{
    n->limits = node_limits_usual;
    n->limits.compact_bytes = SLICE_BYTES;
    n->limits.compact_us = SLICE_APART_US;
    n->ready_workers = 1;
    n->segment_bytes = SIM_SEGMENT_BYTES;
    n->early = false;
}

/* Near the least as often as near the most. */
static uint32_t draw(struct prng *p, const struct range *r)
{
    uint64_t most = r->most;

    while (most > r->least && prng_one_in(p, 2))
        most = r->least + (most - r->least) / 4;
    return (uint32_t)(r->least + prng_below(p, most - r->least + 1));
}

void sim_tight_draw(struct sim_node *n, uint64_t seed)
{
    struct prng p;

    sim_tight_not(n);
    prng_init(&p, seed);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        uint32_t value = draw(&p, &ranges[i]);

        if (prng_one_in(&p, 2))
            *(uint32_t *)((char *)&n->limits + ranges[i].at) = value;
    }
    n->ready_workers = (uint32_t)prng_below(&p, n->slots + 1);
    n->segment_bytes = SIM_SEGMENT_BYTES >> prng_below(&p, 3);
    n->early = prng_one_in(&p, 2);
    n->limits.sound_us = draw(&p, &sound);
    n->limits.parcel_bytes = draw(&p, &parcel);
}
