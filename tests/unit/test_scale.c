/* Membership with 16, 32 and 128 nodes: the figures that are promised, and that what a node sends
 * grows with the logarithm of their number at most. */
#include "core/sim/scale_plan.h"

#include <stdlib.h>

#include "tests/lib/check.h"
#include "tests/lib/heap.h"

/* Gives back all it took, whatever came of it. */
static int run(const struct scale_options *o, struct scale_result *r)
{
    struct heap heap;
    heap_init(&heap);
    int rc = scale_run(&heap.alloc, o, r);
    CHECK(heap_is_empty(&heap));
    return rc;
}

static double a_second(uint64_t amount, const struct scale_load *load)
{
    return (double)amount * 1e6 / (double)load->node_us;
}

static void print_times(const char *what, const struct scale_times *t)
{
    printf("# %-9s p50/p99/most ms %lld/%lld/%lld of %llu, %llu missing\n", what,
           (long long)(t->p50_us / 1000), (long long)(t->p99_us / 1000),
           (long long)(t->most_us / 1000), (unsigned long long)t->count,
           (unsigned long long)t->missing);
}

static void measure(uint32_t nodes, uint32_t rounds, int64_t unrest_us, struct scale_result *r)
{
    struct scale_options o = {
        .seed = nodes, .nodes = nodes, .rounds = rounds, .unrest_us = unrest_us};
    REQUIRE(run(&o, r) == 0);
    printf(
        "# %u nodes: idle %.0f, busy %.0f, joining %.0f, back %.0f bytes/s a node; %llu events\n",
        nodes, a_second(r->idle.bytes, &r->idle), a_second(r->busy.bytes, &r->busy),
        a_second(r->joining.bytes, &r->joining), a_second(r->back.bytes, &r->back),
        (unsigned long long)r->events);
    printf("# false suspicions: %llu in %.0f node-seconds\n",
           (unsigned long long)r->false_suspicions, (double)r->unrest_node_us / 1e6);
    print_times("join", &r->join);
    print_times("rumor", &r->rumor);
    print_times("slot", &r->slot);
    print_times("busy slot", &r->busy_after);
    print_times("suspected", &r->suspected);
    print_times("dead", &r->dead);
    print_times("refused", &r->refused);
}

static void check_promises(const struct scale_result *r, double dead_s)
{
    struct scale_figure figures[SCALE_FIGURES];
    scale_figures(r, figures);
    for (uint32_t i = 0; i < SCALE_FIGURES; i++) {
        if (!figures[i].held)
            printf("# %s: %.3f %s, and %.3f is the bound\n", figures[i].name, figures[i].seen,
                   figures[i].unit, figures[i].bound);
        CHECK(figures[i].held);
        if (strcmp(figures[i].name, "dead p99") == 0)
            CHECK(figures[i].bound == dead_s);
    }
    CHECK_INT(r->busy_after.missing, 0);
    CHECK(r->busy_after.most_us <= 2000000);
}

TEST(what_a_node_sends_grows_with_log_n_at_most)
{
    struct scale_result least, few, many;
    measure(16, 0, 0, &least);
    measure(32, 1, 20000000, &few);
    measure(128, 1, 20000000, &many);
    check_promises(&least, 5);
    check_promises(&few, 6);
    check_promises(&many, 8);
    /* log2 128 / log2 32 is 1.4, and links are 13 to 9. The loads of few are not yet paced, so that
     * busy ones are held against their bound, which is a constant times log2 N. */
    CHECK(a_second(many.idle.bytes, &many.idle) <= 1.5 * a_second(few.idle.bytes, &few.idle));
    CHECK(a_second(many.idle.frames, &many.idle) <= 1.5 * a_second(few.idle.frames, &few.idle));
    /* Eight nodes come back to the many and one to the fewest: whole tables must not go over each
     * link that the ring then needs. */
    CHECK(a_second(many.back.bytes, &many.back) <= 8 * a_second(least.back.bytes, &least.back));
    /* Each stands still for a second in twenty, which those that are linked with it may doubt; to
     * everybody else it must not be news. */
    CHECK(many.false_suspicions <= many.unrest_node_us / 20000000 * 14);
    /* Nobody keeps the links over which all came in, and few are dialled that the ring soon does
     * without. */
    CHECK(many.idle.links <= (uint64_t)128 * 14);
    CHECK(many.joining.links <= (uint64_t)128 * 40);
}

static void unrest(uint32_t nodes, uint64_t hours)
{
    struct scale_result r;
    struct scale_options o = {.seed = 1,
                              .nodes = nodes,
                              .rounds = 1,
                              .unrest_us = (int64_t)(hours / nodes) * 3600 * 1000000};
    REQUIRE(run(&o, &r) == 0);
    printf("# %u nodes, %.0f node-hours, %llu events; false suspicions: %llu, deaths: %llu\n",
           nodes, (double)r.unrest_node_us / 3.6e9, (unsigned long long)r.events,
           (unsigned long long)r.false_suspicions, (unsigned long long)r.false_deaths);
    CHECK(r.unrest_node_us >= hours * 3600 * 1000000);
    CHECK_INT(r.false_deaths, 0);
}

/* VELUM_CHAOS: ten times as many hours, most of them where news comes by rumor. */
TEST(stalls_and_delays_kill_nobody)
{
    unrest(4, CHECK_SANITIZED ? 100 : 1000);
    if (getenv("VELUM_CHAOS")) {
        unrest(16, 8000);
        unrest(64, 1024);
    }
}

TEST(the_same_seed_measures_the_same)
{
    struct scale_result r[2];
    struct scale_options o = {.seed = 9, .nodes = 12, .rounds = 2, .unrest_us = 1000000};
    for (int i = 0; i < 2; i++)
        REQUIRE(run(&o, &r[i]) == 0);
    CHECK(memcmp(&r[0], &r[1], sizeof r[0]) == 0);
}

TEST(memory_that_runs_out_is_said)
{
    for (uint64_t at = 1; at < 3000; at = at + 1 + at / 4) {
        struct heap heap;
        struct scale_options o = {.seed = 3, .nodes = 4, .rounds = 1, .unrest_us = 1000000};
        struct scale_result r;
        heap_init(&heap);
        heap.fail_at = at;
        int rc = scale_run(&heap.alloc, &o, &r);
        CHECK((rc < 0) == (heap.failures > 0));
        CHECK(heap_is_empty(&heap));
    }
}

TEST_MAIN(what_a_node_sends_grows_with_log_n_at_most, stalls_and_delays_kill_nobody,
          the_same_seed_measures_the_same, memory_that_runs_out_is_said)
