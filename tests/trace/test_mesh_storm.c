/* Seeded trouble of every kind, then quiet: whatever happened, all must agree again soon. */
#include "tests/lib/mesh_net.h"

#include "tests/lib/check.h"

static struct net net;

static bool settled(struct net *n)
{
    return net_agrees(n) && net_links_agree(n);
}

static uint32_t any(uint32_t count)
{
    return (uint32_t)prng_below(&net.prng, count);
}

static void trouble(void)
{
    uint32_t a = any(net.count), b = any(net.count);
    struct net_node *node = &net.nodes[a];
    switch (any(9)) {
    case 0:
    case 1:
        net_break(&net, a, b);
        break;
    case 2:
        if (node->mesh)
            net_kill(&net, a);
        break;
    case 3:
        if (node->mesh && any(2))
            net_leave(&net, a);
        else if (node->mesh)
            net_power_off(&net, a);
        break;
    case 4:
    case 5:
        if (!node->mesh) {
            net_start(&net, a);
            net_hint(&net, a, b);
        }
        break;
    case 6:
        net_pause(&net, a);
        break;
    case 7:
        net_resume(&net, a);
        break;
    default:
        if (net.split)
            net_heal(&net);
        else
            net_split(&net, prng_u64(&net.prng));
    }
    if (node->mesh && !node->paused && any(3) == 0)
        mesh_set_load(node->mesh, any(3), any(1000), net.now);
    if (node->mesh && !node->paused && any(3) == 0)
        mesh_want_link(node->mesh, net.nodes[b].info.id, net.now);
}

static void calm_down(void)
{
    net_heal(&net);
    net.slow_percent = 0;
    for (uint32_t i = 0; i < net.count; i++) {
        net_resume(&net, i);
        if (!net.nodes[i].mesh)
            net_start(&net, i);
    }
    net_hint_all(&net);
}

static void storm(uint32_t count, uint64_t seed, uint32_t rounds)
{
    net_init(&net, count, seed);
    net.delay_max_us = (int64_t)(1 + seed % 30) * MS_US;
    net.slow_percent = seed % 3 == 0 ? 5 : 0;
    for (uint32_t i = 0; i < count; i++)
        net_start(&net, i);
    net_hint_all(&net);
    for (uint32_t k = 0; k < rounds; k++) {
        net_run(&net, (int64_t)prng_below(&net.prng, seed % 2 ? 300 * MS_US : 3 * S_US));
        trouble();
    }
    calm_down();
}

TEST(after_any_storm_all_agree_within_40_s)
{
    int64_t worst = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        uint32_t count = 2 + (uint32_t)(seed % 11);
        storm(count, seed, 60);
        struct instant start = net.now;
        bool held = net_run_until(&net, settled, 40 * S_US);
        int64_t ms = instant_since_us(net.now, start) / MS_US;
        worst = ms > worst ? ms : worst;
        if (!CHECK(held))
            printf("# seed %llu, %u nodes\n", (unsigned long long)seed, count);
        net_run(&net, 70 * S_US);
        if (!CHECK(settled(&net)))
            printf("# seed %llu, %u nodes, 70 s later\n", (unsigned long long)seed, count);
        CHECK_INT(net.garbage, 0);
        CHECK(net_end(&net));
    }
    printf("# slowest agreement after a storm: %lld ms\n", (long long)worst);
}

TEST(memory_running_out_once_is_survived)
{
    for (uint64_t at = 1; at < 400; at += 3) {
        net_init(&net, 5, at);
        net.heap.fail_at = 40 + at;
        for (uint32_t i = 0; i < 5; i++)
            net_start(&net, i);
        net_hint_all(&net);
        net_run(&net, 2 * S_US);
        for (uint32_t k = 0; k < 20; k++) {
            net_run(&net, 200 * MS_US);
            net_break(&net, any(5), any(5));
        }
        net_hint_all(&net);
        if (!CHECK(net_run_until(&net, settled, 60 * S_US)))
            printf("# allocation %llu failed\n", (unsigned long long)(40 + at));
        CHECK(net_end(&net));
    }
}

TEST(the_same_seed_gives_the_same_story)
{
    uint64_t sent[2] = {0, 0};
    struct instant end[2];
    for (uint32_t run = 0; run < 2; run++) {
        storm(7, 77, 40);
        net_run_until(&net, settled, 40 * S_US);
        end[run] = net.now;
        for (uint32_t i = 0; i < 7; i++)
            sent[run] = sent[run] * 31 + net.nodes[i].sent;
        CHECK(net_end(&net));
    }
    CHECK(sent[0] == sent[1]);
    CHECK_INT(end[0].us, end[1].us);
}

TEST_MAIN(after_any_storm_all_agree_within_40_s, memory_running_out_once_is_survived,
          the_same_seed_gives_the_same_story)
