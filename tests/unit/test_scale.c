/* Membership with 16 and with 128 nodes: the figures that are promised, and that what a node sends
 * grows with the logarithm of their number at most. */
#include "core/sim/scale.h"

#include "core/host/memory.h"
#include "tests/lib/check.h"
#include "tests/lib/heap.h"

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
    REQUIRE(scale_run(&host_memory, &o, r) == 0);
    printf(
        "# %u nodes: idle %.0f, busy %.0f, joining %.0f, back %.0f bytes/s a node; %llu events\n",
        nodes, a_second(r->idle.bytes, &r->idle), a_second(r->busy.bytes, &r->busy),
        a_second(r->joining.bytes, &r->joining), a_second(r->back.bytes, &r->back),
        (unsigned long long)r->events);
    print_times("join", &r->join);
    print_times("rumor", &r->rumor);
    print_times("slot", &r->slot);
    print_times("busy slot", &r->busy_after);
    print_times("suspected", &r->suspected);
    print_times("dead", &r->dead);
    print_times("refused", &r->refused);
}

static void check_promises(const struct scale_result *r, int64_t dead_us)
{
    CHECK_INT(r->join.missing, 0);
    CHECK(r->join.most_us <= 5000000);
    CHECK(r->rumor.missing == 0 && r->rumor.p99_us <= 100000);
    CHECK(r->slot.missing == 0 && r->slot.p99_us <= 1000000);
    CHECK_INT(r->busy_after.missing, 0);
    CHECK(r->suspected.missing == 0 && r->suspected.p99_us < 1500000);
    CHECK(r->dead.missing == 0 && r->dead.p99_us < dead_us);
    CHECK(r->refused.missing == 0 && r->refused.p99_us <= 100000);
    CHECK_INT(r->false_deaths, 0);
}

TEST(what_a_node_sends_grows_with_log_n_at_most)
{
    struct scale_result few, many;
    measure(16, 0, 0, &few);
    measure(128, 1, 20000000, &many);
    check_promises(&few, 5000000);
    check_promises(&many, 8000000);
    /* log2 128 / log2 16 is 1.75, and links 13 / 7; twice is too little for N log N. */
    CHECK(a_second(many.idle.bytes, &many.idle) <= 2.2 * a_second(few.idle.bytes, &few.idle));
    CHECK(a_second(many.busy.bytes, &many.busy) <= 2.2 * a_second(few.busy.bytes, &few.busy));
    CHECK(a_second(many.busy.frames, &many.busy) <= 2.2 * a_second(few.busy.frames, &few.busy));
    /* Eight nodes come back to the many and one to the few: whole tables must not go over each link
     * that the ring then needs. */
    CHECK(a_second(many.back.bytes, &many.back) <= 8 * a_second(few.back.bytes, &few.back));
}

TEST(stalls_and_delays_kill_nobody_in_1000_node_hours)
{
    struct scale_result r;
    struct scale_options o = {
        .seed = 1, .nodes = 4, .rounds = 1, .unrest_us = 250 * (int64_t)3600 * 1000000};
    REQUIRE(scale_run(&host_memory, &o, &r) == 0);
    printf("# %.0f node-hours, %llu events: %llu false suspicions, %llu false deaths\n",
           (double)r.unrest_node_us / 3.6e9, (unsigned long long)r.events,
           (unsigned long long)r.false_suspicions, (unsigned long long)r.false_deaths);
    CHECK(r.unrest_node_us >= (uint64_t)1000 * 3600 * 1000000);
    CHECK_INT(r.false_deaths, 0);
}

TEST(the_same_seed_measures_the_same)
{
    struct scale_result r[2];
    struct scale_options o = {.seed = 9, .nodes = 12, .rounds = 2, .unrest_us = 1000000};
    for (int i = 0; i < 2; i++)
        REQUIRE(scale_run(&host_memory, &o, &r[i]) == 0);
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

TEST_MAIN(what_a_node_sends_grows_with_log_n_at_most,
          stalls_and_delays_kill_nobody_in_1000_node_hours, the_same_seed_measures_the_same,
          memory_that_runs_out_is_said)
