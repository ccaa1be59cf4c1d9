#include "core/mesh/suspicion.h"

#include "core/base/ensure.h"

#define SUSPICION_MIN_US (3 * S_US)
#define SUSPICION_NODES 16 /* the minimum holds up to here */
#define SUSPICION_MAX_TIMES 6

void suspicion_begin(struct suspicion *s, struct instant now)
{
    *s = (struct suspicion){.start = now};
}

bool suspicion_accuse(struct suspicion *s, struct node_id accuser)
{
#if VELUM_PLANT != 50 /* unit/test_suspicion: one accuser counts as several */
    for (uint32_t i = 0; i < s->accusers_count; i++)
        if (node_id_equal(s->accusers[i], accuser))
            return false;
#endif
    if (s->accusers_count == MESH_ACCUSERS_MAX)
        return false;
    s->accusers[s->accusers_count++] = accuser;
    return true;
}

/* Of the way from the maximum down to the minimum, in thousandths: log(c + 1) / log(k + 1). */
static int64_t shrink_permille(uint32_t confirmations, uint32_t expected)
{
    static const int64_t table[SUSPICION_CONFIRMATIONS_MAX][SUSPICION_CONFIRMATIONS_MAX] = {
        {0, 0, 0}, {0, 631, 0}, {0, 500, 792}};
    ensure(expected <= SUSPICION_CONFIRMATIONS_MAX);
    return confirmations >= expected ? 1000 : table[expected - 1][confirmations];
}

int64_t suspicion_timeout_us(const struct suspicion *s, uint32_t nodes, uint32_t possible)
{
    int64_t min_us = SUSPICION_MIN_US;
    uint32_t n = SUSPICION_NODES;
    if (nodes > MESH_MEMBERS_MAX)
        nodes = MESH_MEMBERS_MAX;
    for (; n <= nodes / 2; n *= 2)
        min_us += S_US;
    /* Between two powers of two by a straight line, just below the logarithm. */
    if (nodes > n)
        min_us += S_US * (nodes - n) / n;
    int64_t max_us = min_us * SUSPICION_MAX_TIMES;
    uint32_t expected =
        possible < SUSPICION_CONFIRMATIONS_MAX ? possible : SUSPICION_CONFIRMATIONS_MAX;
    uint32_t confirmations = s->accusers_count > 0 ? s->accusers_count - 1 : 0;
    return max_us - (max_us - min_us) * shrink_permille(confirmations, expected) / 1000;
}

void health_worse(struct health *h)
{
    if (h->score < HEALTH_SCORE_MAX)
        h->score++;
}

void health_better(struct health *h)
{
    if (h->score > 0)
        h->score--;
}

int64_t health_stretch_us(const struct health *h, int64_t us)
{
    return us * (1 + (int64_t)h->score);
}
