/* Jobs scattered over 128 whole node cores: the figures that are promised, also when nodes die and
 * when several jobs share the slots. VELUM_CHAOS: 512. */
#include "core/sim/scatter.h"

#include <stdlib.h>

#include "tests/lib/check.h"
#include "tests/lib/heap.h"

static int run(const struct scatter_options *o, struct scatter_result *r, uint64_t fail_at)
{
    struct heap heap;
    heap_init(&heap);
    heap.fail_at = fail_at;
    int rc = scatter_measure(&heap.alloc, o, r);
    CHECK(fail_at == 0 || (rc < 0) == (heap.failures > 0));
    CHECK(heap_is_empty(&heap));
    return rc;
}

static void check_figures(const struct scatter_result *r)
{
    struct scale_figure figures[SCATTER_FIGURES];
    scatter_figures(r, figures);
    for (uint32_t i = 0; i < SCATTER_FIGURES; i++) {
        const struct scale_figure *f = &figures[i];
        printf("# %u nodes: %s, %s: %.3f %s, and %.3f is the bound\n", r->nodes,
               r->runs[i / (SCATTER_FIGURES / SCATTER_RUNS)].name, f->name, f->seen, f->unit,
               f->bound);
        CHECK(f->held);
    }
    CHECK(r->wrong == NULL);
}

TEST(a_job_uses_all_slots_of_many_nodes)
{
    struct scatter_options o = {.seed = 1,
                                .nodes = CHECK_SANITIZED ? 64 : 128,
                                .job = CHECK_SANITIZED ? "simsum 25000" : "simsum 50000"};
    struct scatter_result r;
    if (getenv("VELUM_CHAOS")) {
        o.nodes = 512;
        o.job = "simsum 400000";
    }
    REQUIRE(run(&o, &r, 0) == 0);
    check_figures(&r);
    for (uint32_t i = 0; i < SCATTER_RUNS; i++) {
        CHECK_INT(r.runs[i].right, r.runs[i].jobs);
        CHECK(r.runs[i].computed >= r.runs[i].leaves);
        CHECK(r.runs[i].took_us >= r.runs[i].ideal_us);
    }
    CHECK(r.runs[1].killed >= o.nodes / 100);
    CHECK(r.runs[1].computed > r.runs[1].leaves);
}

TEST(a_kernel_that_is_built_in_folds_at_the_coordinator)
{
    struct scatter_options o = {.seed = 2, .nodes = 17, .job = "pi 1000000000"};
    struct scatter_result r;
    REQUIRE(run(&o, &r, 0) == 0);
    for (uint32_t i = 0; i < SCATTER_RUNS; i++) {
        CHECK_INT(r.runs[i].right, r.runs[i].jobs);
        CHECK(r.runs[i].computed >= r.runs[i].leaves);
    }
    CHECK(r.wrong == NULL);
}

TEST(the_same_seed_measures_the_same)
{
    struct scatter_result r[2];
    struct scatter_options o = {.seed = 9, .nodes = 17, .job = "simsum 3000"};
    for (int i = 0; i < 2; i++)
        REQUIRE(run(&o, &r[i], 0) == 0);
    CHECK(r[0].events == r[1].events);
    CHECK(memcmp(r[0].runs, r[1].runs, sizeof r[0].runs) == 0);
}

TEST(memory_that_runs_out_is_said)
{
    struct scatter_options o = {.seed = 3, .nodes = 4, .job = "simsum 20"};
    struct scatter_result r;
    for (uint64_t at = 1; at < 5000; at = at + 1 + at / 4)
        run(&o, &r, at);
}

TEST_MAIN(a_job_uses_all_slots_of_many_nodes, a_kernel_that_is_built_in_folds_at_the_coordinator,
          the_same_seed_measures_the_same, memory_that_runs_out_is_said)
