#include "core/sim/scatter.h"

#include "core/base/instant.h"

#define LINK_US 1000           /* at most four dials in four milliseconds */
#define LEAST_A_SLOT_US 125    /* the last chunks: 8,000 a second of all slots together */
#define REPORT_US 25000        /* of work between two reports, where nodes are few */
#define REPORT_A_NODE_US 500   /* and where they are many: 2,000 a second of all together */
#define REPORTS_A_SECOND 10000 /* these, and those that say that a chunk has ended */
#define SYNCS_A_SECOND 1000    /* of the disk, each with a frame to each of two other holders */
#define SLOW_LEAF_US 15000
#define START_US 150000    /* submission, first links, and telling the user */
#define TAKEOVER_US 500000 /* to notice a dead coordinator, and to ask what is open */

static double log2_of(uint32_t nodes)
{
    double log2_n = 0;

    for (; nodes > 1; nodes /= 2)
        log2_n++;
    return log2_n + 1;
}

/* Several jobs share slots by offers that come back: a tenth. */
static double done_bound(const struct scatter_result *r, const struct scatter_run *run)
{
    double us = START_US + (double)r->nodes * LINK_US;

    us += 2.0 * r->nodes * r->slots * LEAST_A_SLOT_US + SLOW_LEAF_US;
    us += (double)run->ideal_us * (run->jobs > 1 ? 1.1 : 1);
    us += run->killed > 0 ? TAKEOVER_US : 0;
    return us / 1e6;
}

/* What a slot had not reported when its node died. */
static double twice_bound(const struct scatter_result *r, const struct scatter_run *run)
{
    double report_us = (double)r->nodes * REPORT_A_NODE_US;

    report_us = report_us > REPORT_US ? report_us : REPORT_US;
    return run->killed * r->slots * (report_us + SLOW_LEAF_US) / 10000;
}

static void figures_of(const struct scatter_result *r, const struct scatter_run *run,
                       struct scale_figure *f)
{
    double reports = run->reports * run->jobs, facts = 2 * SYNCS_A_SECOND * run->jobs;
    uint32_t coordinators = run->jobs + (run->killed > 0);
    double twice = (double)run->computed - (double)run->leaves, nodes = r->nodes, offers;

    f[0] = (struct scale_figure){"wrong", "jobs", run->jobs - run->right, 0, false};
    f[1] =
        (struct scale_figure){"done", "s", (double)run->took_us / 1e6, done_bound(r, run), false};
    f[2] = (struct scale_figure){"reports", "a second", run->reports, REPORTS_A_SECOND, false};
    /* A node with one slot free is offered chunks for all when it says so, once a second. */
    offers = run->jobs > 1 ? nodes * r->slots : 0;
    f[3] = (struct scale_figure){"grants", "a second", run->grants,
                                 1.25 * run->reports + 100 + offers, false};
    /* KEPT and a grant for a report, facts for a sync; and it may hold the other jobs, too. */
    f[4] = (struct scale_figure){"coordinator", "frames/s", run->coordinator.frames,
                                 2 * reports + facts, false};
    f[5] = (struct scale_figure){"most of others", "frames/s", run->most.frames,
                                 (coordinators > 1 ? 2 * reports : 0) + facts + 100, false};
    f[6] = (struct scale_figure){"others", "frames/s", run->mean.frames,
                                 (3 * reports + 2 * facts) / nodes + 8 * log2_of(r->nodes), false};
    f[7] = (struct scale_figure){"twice", "leaves", twice, twice_bound(r, run), false};
    for (uint32_t i = 0; i < 8; i++)
        f[i].held = f[i].seen <= f[i].bound;
}

uint32_t scatter_figures(const struct scatter_result *r,
                         struct scale_figure figures[SCATTER_FIGURES])
{
    uint32_t held = 0;

    for (uint32_t i = 0; i < SCATTER_RUNS; i++)
        figures_of(r, &r->runs[i], &figures[8 * i]);
    for (uint32_t i = 0; i < SCATTER_FIGURES; i++)
        held += figures[i].held;
    return held;
}
