#include "core/sim/sim_demand.h"

#include "core/base/text.h"

#define ASKS_ONE_IN 4
#define GIB ((uint64_t)1 << 30)

void sim_demand_node(const struct sim_node *n, struct node_options *o)
{
    o->memory_bytes = GIB << n->index % 3;
    text_copy(o->labels, sizeof o->labels, n->index % 2 == 0 ? "half=even" : "half=odd");
    if (n->index % 3 == 0)
        labels_add(o->labels, "third");
    o->tier = TIER_S2 + n->index % 2;
    o->compiles = !n->lacks_kernel;
    o->shipped = n->lacks_kernel ? SHIPPED_NONE : SHIPPED_ANY;
}

void sim_demand_job(struct sim_job *j)
{
    struct demand *d = &j->spec.stage.demand;

    if (j->leaf_us % ASKS_ONE_IN != 1)
        return;
    j->spec.waits = true;
    j->spec.priority = (int8_t)((int)(j->leaf_us / 20 % 5) - 2);
    switch (j->leaf_us / ASKS_ONE_IN % 5) {
    case 0:
        d->on = bytes_of_text("half=even");
        break;
    case 1:
        d->mem_bytes = 2 * GIB;
        break;
    case 2:
        d->cpus = 2;
        break;
    case 3:
        d->mem_bytes = GIB / 2;
        d->prefer = bytes_of_text("half=odd");
        break;
    default:
        d->on = bytes_of_text("third half arch=simulated");
        d->cpus = 2;
        break;
    }
}

static bool node_meets(const struct demand *d, const struct sim_node *n)
{
    struct node_options o = {0};
    struct offer offer = {.slots = n->slots, .labels = o.labels, .arch = "simulated", .name = ""};

    sim_demand_node(n, &o);
    if (o.compiles)
        (void)labels_add(o.labels, LABEL_COMPILES);
    if (o.shipped != SHIPPED_NONE)
        (void)labels_add(o.labels, LABEL_LOADS "=any");
    offer.memory_bytes = o.memory_bytes;
    offer.tier = o.tier;
    return demand_misses(d, &offer) == 0;
}

/* Looked at with every event, once a run is healed; most jobs ask for nothing. */
bool sim_demand_met(const struct sim_job *j, const struct sim_node *n)
{
    const struct demand *d = &j->spec.stage.demand;

    return demand_is_empty(d) || node_meets(d, n);
}

uint32_t sim_demand_slowness(const struct world *w, const struct sim_job *j)
{
    uint32_t least = 0;

    if (demand_is_empty(&j->spec.stage.demand))
        return 1;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct sim_node *n = &w->nodes[i];

        if (!n->dead_for_good && (j->builtin || !n->lacks_kernel) && sim_demand_met(j, n) &&
            (least == 0 || n->slowness < least))
            least = n->slowness;
    }
    return least > 0 ? least : 1;
}
