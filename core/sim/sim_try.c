#include "core/sim/sim_try.h"

#include "core/base/text.h"

#define NODES_MIN 3

/* Counts what is taken from and given back to another allocator. */
struct counting {
    const struct alloc *below;
    size_t bytes, blocks;
};

static void *counting_resize(void *ctx, void *old, size_t old_size, size_t new_size)
{
    struct counting *c = ctx;
    void *p = c->below->resize(c->below->ctx, old, old_size, new_size);

    if (new_size == 0) {
        c->bytes -= old_size;
        c->blocks -= old != NULL;
        return NULL;
    }
    if (p == NULL)
        return NULL;
    c->bytes += new_size - old_size;
    c->blocks += old == NULL;
    return p;
}

static int try_once(const struct alloc *a, const struct sim_options *o, struct sim_result *r)
{
    struct counting count = {.below = a};
    struct alloc counted = {counting_resize, &count};
    int rc = sim_run(&counted, o, r);

    if (rc < 0 || r->failed || o->until > 0 || (count.bytes == 0 && count.blocks == 0))
        return rc;
    r->failed = true;
    r->promise = 8;
    text_copy(r->what, sizeof r->what, "G8 is broken: memory was not given back");
    return 0;
}

int sim_try(const struct alloc *a, const struct sim_options *o, bool twice, struct sim_result *r)
{
    struct sim_result again;
    int rc = try_once(a, o, r);

    if (rc < 0 || r->failed || !twice)
        return rc;
    rc = try_once(a, o, &again);
    if (rc < 0 || (again.hash == r->hash && again.events == r->events))
        return rc;
    r->failed = true;
    text_copy(r->what, sizeof r->what, "two runs of it differ");
    return 0;
}

static int try_smaller(const struct alloc *a, const struct sim_options *smaller,
                       struct sim_options *o, struct sim_result *r)
{
    struct sim_result result;
    int rc = try_once(a, smaller, &result);

    if (rc < 0 || !result.failed)
        return rc;
    *o = *smaller;
    *r = result;
    return 0;
}

int sim_shrink(const struct alloc *a, struct sim_options *o, struct sim_result *r)
{
    struct sim_options smaller;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && sim_fault_name(i) != NULL; i++) {
        smaller = *o;
        smaller.faults_off |= 1u << i;
        rc = try_smaller(a, &smaller, o, r);
    }
    for (uint32_t nodes = NODES_MIN; rc == 0 && nodes < r->nodes; nodes++) {
        smaller = *o;
        smaller.nodes = nodes;
        rc = try_smaller(a, &smaller, o, r);
    }
    return rc;
}
