#include "core/sim/scale_plan.h"

#include "core/base/instant.h"
#include "core/mesh/mesh.h"

#define DEAD_NODES 16 /* up to so many, death takes 5 s */
#define UNREST_NODE_US (256 * (int64_t)120 * S_US)
#define JOINING 16 /* of many, in a second */
#define UNREST_MAX_US (120 * S_US)

/* How often 16 is doubled until there are as many nodes: log2 (N / 16), but exact for any N. */
static double doublings(uint32_t nodes)
{
    double whole = 0, n = DEAD_NODES;

    for (; n * 2 <= nodes; n *= 2)
        whole += 1;
    /* Between two powers of two the straight line lies below the logarithm: never too lenient. */
    return nodes <= DEAD_NODES ? 0 : whole + (nodes - n) / n;
}

/* log2 N, by the same line. */
static double log2_of(uint32_t nodes)
{
    return nodes < DEAD_NODES ? 4 : 4 + doublings(nodes);
}

struct scale_plan scale_plan_of(uint32_t nodes)
{
    int64_t doubled_us = (int64_t)(doublings(nodes) * 1e6);
    int64_t unrest_us = UNREST_NODE_US / nodes;
    struct scale_plan p = {.join_limit_us = 120 * S_US,
                           .settle_us = 75 * S_US,
                           .idle_us = 20 * S_US,
                           .spread_rounds = 8,
                           .busy_begin_us = 30 * MS_US,
                           .busy_warm_us = 5 * S_US,
                           .busy_us = 20 * S_US,
                           .busy_after = true,
                           .victims = SCALE_VICTIMS_MAX,
                           .silent_us = 9 * S_US + 3 * doubled_us,
                           .back_us = 20 * S_US,
                           .unrest_us = unrest_us < UNREST_MAX_US ? unrest_us : UNREST_MAX_US};

    p.refused_us = p.silent_us;
    if (nodes <= SCALE_WHOLE_MAX)
        return p;
    p.known = nodes - JOINING;
    p.join_limit_us = 20 * S_US;
    p.settle_us = 8 * S_US;
    p.idle_us = 5 * S_US;
    p.spread_rounds = 2;
    /* As long as the pause between two loads of one node: from the beginning there are then as many
     * at any time as there ever are, however short the measurement. */
    p.busy_begin_us = mesh_load_pause_us(nodes);
    p.busy_warm_us = 1 * S_US;
    p.busy_us = 3 * S_US;
    p.busy_after = false;
    p.victims = 4; /* whose deaths are heard by 10,000 over 28 links at once */
    p.silent_us = 7 * S_US + doubled_us;
    p.refused_us = 2 * S_US;
    p.back_us = 5 * S_US;
    p.unrest_us = 1 * S_US;
    return p;
}

static double a_second(uint64_t amount, const struct scale_load *load)
{
    return load->node_us > 0 ? (double)amount * 1e6 / (double)load->node_us : 0;
}

static struct scale_figure of_times(const char *name, const struct scale_times *t, double bound)
{
    struct scale_figure f = {name, "s", (double)t->p99_us / 1e6, bound, true};

    f.held = t->missing == 0 && f.seen <= bound;
    return f;
}

static struct scale_figure of_amount(const char *name, const char *unit, double seen, double bound)
{
    return (struct scale_figure){name, unit, seen, bound, seen <= bound};
}

uint32_t scale_figures(const struct scale_result *r, struct scale_figure figures[SCALE_FIGURES])
{
    double log2_n = log2_of(r->nodes), more = doublings(r->nodes);
    uint32_t held = 0, i = 0;

    figures[i++] = of_times("join p99", &r->join, 5 + more);
    figures[i++] = of_times("rumor p99", &r->rumor, 0.1);
    figures[i++] = of_times("slot p99", &r->slot, 1);
    figures[i++] = of_times("suspected p99", &r->suspected, 1.5);
    figures[i++] = of_times("dead p99", &r->dead, 5 + more);
    figures[i++] = of_times("refused p99", &r->refused, 0.1);
    figures[i++] = of_amount("idle", "frames/s", a_second(r->idle.frames, &r->idle), 4 * log2_n);
    figures[i++] = of_amount("idle", "bytes/s", a_second(r->idle.bytes, &r->idle), 130 * log2_n);
    figures[i++] = of_amount("busy", "frames/s", a_second(r->busy.frames, &r->busy), 30 * log2_n);
    figures[i++] = of_amount("busy", "bytes/s", a_second(r->busy.bytes, &r->busy), 14e3 * log2_n);
    figures[i++] = of_amount("a join", "bytes", (double)r->joining.bytes / (double)r->join.count,
                             256.0 * r->nodes * 2 * log2_n);
    figures[i++] = of_amount("false deaths", "", (double)r->false_deaths, 0);
    for (i = 0; i < SCALE_FIGURES; i++)
        held += figures[i].held;
    return held;
}
