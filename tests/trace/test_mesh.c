/* Stories of membership in virtual time. */
#include "core/base/err.h"
#include "tests/lib/mesh_hand.h"
#include "tests/lib/mesh_net.h"

static struct net net;

static int64_t ms_since(struct instant start, struct instant then)
{
    return instant_since_us(then, start) / MS_US;
}

TEST(four_start_at_once_and_all_know_each_other)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        net_init(&net, 4, seed);
        for (uint32_t i = 0; i < 4; i++)
            net_start(&net, i);
        for (uint32_t i = 0; i < 4; i++)
            for (uint32_t j = 0; j < 4; j++)
                net_hint(&net, i, j);
        CHECK(net_run_until(&net, net_agrees, 200 * MS_US));
        net_run(&net, 5 * S_US);
        CHECK(net_settled(&net));
        for (uint32_t i = 0; i < 4; i++)
            for (uint32_t j = 0; j < i; j++) {
                CHECK_INT(net_conns_between(&net, i, j), 1);
                CHECK_INT(net.nodes[i].sight[j].losses, 0);
                CHECK_INT(net.nodes[i].sight[j].suspects, 0);
            }
        CHECK_INT(net.garbage, 0);
        CHECK(net_end(&net));
    }
}

TEST(a_killed_node_is_suspect_at_once_and_dead_within_5_s)
{
    net_begin(&net, 4, 7);
    struct instant start = net.now;
    net_kill(&net, 2);
    net_run(&net, 6 * S_US);
    for (uint32_t i = 0; i < 4; i++) {
        if (i == 2)
            continue;
        CHECK_INT(net_state(&net, i, 2), NODE_DEAD);
        CHECK(ms_since(start, net.nodes[i].sight[2].suspect_at) <= 20);
        CHECK(ms_since(start, net.nodes[i].sight[2].dead_at) <= 5000);
        CHECK_INT(mesh_live_count(net.nodes[i].mesh), 3);
    }
    net_run(&net, 601 * S_US);
    CHECK_INT(net_state(&net, 0, 2), 0);
    CHECK_INT(mesh_count(net.nodes[0].mesh), 2);
    CHECK(net_end(&net));
}

TEST(a_reset_connection_is_replaced_without_suspicion)
{
    net_begin(&net, 4, 8);
    for (uint32_t round = 0; round < 50; round++) {
        net_break(&net, 0, 1);
        net_run(&net, 50 * MS_US);
        CHECK(net_link(&net, 0, 1) != 0);
    }
    net_run(&net, 5 * S_US);
    CHECK(net_settled(&net));
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t j = 0; j < 4; j++) {
            CHECK_INT(net.nodes[i].sight[j].suspects, 0);
            CHECK_INT(net.nodes[i].sight[j].aways, 0);
        }
    CHECK_INT(net_conns_between(&net, 0, 1), 1);
    CHECK(net_end(&net));
}

TEST(a_node_paused_for_10_s_comes_back)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        net_begin(&net, 4, seed);
        struct instant start = net.now;
        net_pause(&net, 1);
        net_run(&net, 10 * S_US);
        for (uint32_t i = 0; i < 4; i++) {
            if (i == 1)
                continue;
            CHECK_INT(net_state(&net, i, 1), NODE_DEAD);
            CHECK(ms_since(start, net.nodes[i].sight[1].suspect_at) <= 1500);
            CHECK(ms_since(start, net.nodes[i].sight[1].dead_at) <= 5000);
        }
        net_resume(&net, 1);
        CHECK(net_run_until(&net, net_settled, 2 * S_US));
        net_run(&net, 10 * S_US);
        CHECK(net_settled(&net));
        for (uint32_t i = 0; i < 4; i++) {
            CHECK_INT(net.nodes[1].sight[i].suspects, 0);
            CHECK_INT(net.nodes[i].sight[1].deads, i == 1 ? 0 : 1);
        }
        CHECK(net_end(&net));
    }
}

TEST(a_short_pause_is_refuted)
{
    net_begin(&net, 4, 3);
    net_pause(&net, 1);
    net_run(&net, 2 * S_US);
    CHECK_INT(net_state(&net, 0, 1), NODE_SUSPECT);
    net_resume(&net, 1);
    CHECK(net_run_until(&net, net_settled, 500 * MS_US));
    net_run(&net, 10 * S_US);
    CHECK_INT(net.nodes[0].sight[1].deads, 0);
    CHECK_INT(net.nodes[0].sight[1].losses, 0);
    CHECK(net_end(&net));
}

/* Most have no link to it, and hear both only from others. */
TEST(a_refutation_reaches_those_without_a_link)
{
    uint32_t far = 0;

    net_begin(&net, 24, 12);
    net_pause(&net, 1);
    net_run(&net, 2 * S_US);
    for (uint32_t i = 0; i < 24; i++)
        far += i != 1 && net_link(&net, i, 1) == 0 && net_state(&net, i, 1) == NODE_SUSPECT;
    CHECK(far > 5);
    net_resume(&net, 1);
    CHECK(net_run_until(&net, net_settled, S_US));
    net_run(&net, 10 * S_US);
    for (uint32_t i = 0; i < 24; i++)
        CHECK_INT(net.nodes[i].sight[1].deads, 0);
    CHECK(net_end(&net));
}

TEST(a_partition_of_a_minute_heals)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        net_begin(&net, 6, seed);
        net_split(&net, 0x07);
        net_run(&net, 8 * S_US);
        for (uint32_t i = 0; i < 6; i++)
            for (uint32_t j = 0; j < 6; j++)
                if (i != j)
                    CHECK_INT(net_state(&net, i, j), (i < 3) == (j < 3) ? NODE_ALIVE : NODE_DEAD);
        net_run(&net, 52 * S_US);
        net_heal(&net);
        CHECK(net_run_until(&net, net_settled, 9 * S_US));
        net_run(&net, 10 * S_US);
        CHECK(net_settled(&net));
        CHECK(net_end(&net));
    }
}

TEST(a_partition_longer_than_memory_heals)
{
    net_begin(&net, 4, 5);
    net_split(&net, 0x03);
    net_run(&net, 700 * S_US);
    CHECK_INT(net_state(&net, 0, 2), 0);
    net_heal(&net);
    CHECK(net_run_until(&net, net_settled, 301 * S_US));
    CHECK(net_end(&net));
}

TEST(a_node_cut_off_from_one_other_is_away_for_it)
{
    net_begin(&net, 4, 6);
    net.nodes[1].mute_dials = true;
    net.nodes[0].mute_dials = true;
    net_break(&net, 0, 1);
    net_run(&net, 8 * S_US);
    CHECK_INT(net_state(&net, 0, 1), NODE_AWAY);
    CHECK_INT(net_state(&net, 1, 0), NODE_AWAY);
    CHECK_INT(net_state(&net, 2, 1), NODE_ALIVE);
    CHECK_INT(net.nodes[0].sight[1].suspects, 0);
    net.nodes[1].mute_dials = net.nodes[0].mute_dials = false;
    CHECK(net_run_until(&net, net_settled, 35 * S_US));
    CHECK(net_end(&net));
}

TEST(power_loss_is_found_by_silence)
{
    net_begin(&net, 4, 9);
    struct instant start = net.now;
    net_power_off(&net, 3);
    net_run(&net, 6 * S_US);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_INT(net_state(&net, i, 3), NODE_DEAD);
        CHECK(ms_since(start, net.nodes[i].sight[3].suspect_at) <= 1500);
        CHECK(ms_since(start, net.nodes[i].sight[3].dead_at) <= 5000);
    }
    CHECK(net_end(&net));
}

TEST(both_dial_and_one_connection_stays)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        net_init(&net, 2, seed);
        net.delay_max_us = 20 * MS_US;
        net_start(&net, 0);
        net_start(&net, 1);
        net_hint(&net, 0, 1);
        net_hint(&net, 1, 0);
        net_run(&net, 5 * S_US);
        CHECK(net_settled(&net));
        CHECK_INT(net_conns_between(&net, 0, 1), 1);
        for (uint32_t i = 0; i < 2; i++) {
            CHECK_INT(net.nodes[i].sight[1 - i].losses, 0);
            CHECK(net.nodes[i].sight[1 - i].links <= 2);
            CHECK_INT(net.nodes[i].sight[1 - i].suspects, 0);
        }
        CHECK(net_end(&net));
    }
}

TEST(both_dial_after_a_break_and_one_connection_stays)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        net_begin(&net, 2, seed);
        net.delay_max_us = 20 * MS_US;
        net_break(&net, 0, 1);
        net_run(&net, 5 * S_US);
        CHECK(net_settled(&net));
        CHECK_INT(net_conns_between(&net, 0, 1), 1);
        CHECK(net.nodes[0].sight[1].losses <= 1 && net.nodes[1].sight[0].losses <= 1);
        CHECK_INT(net.nodes[0].sight[1].suspects + net.nodes[1].sight[0].suspects, 0);
        CHECK(net_end(&net));
    }
}

TEST(a_restarted_node_replaces_its_old_self)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        net_begin(&net, 4, seed);
        /* Its incarnation is high, so that its new process must go above it. */
        for (uint32_t k = 0; k < 20; k++) {
            mesh_set_load(net.nodes[2].mesh, k % 2, 1000, net.now);
            net_run(&net, 150 * MS_US);
        }
        bool dead_first = seed % 2 == 0;
        net_kill(&net, 2);
        net_run(&net, dead_first ? 10 * S_US : 100 * MS_US);
        net_start(&net, 2);
        net_hint(&net, 2, 0);
        CHECK(net_run_until(&net, net_settled, 3 * S_US));
        net_run(&net, 10 * S_US);
        CHECK(net_settled(&net));
        for (uint32_t i = 0; i < 4; i++) {
            if (i == 2)
                continue;
            const struct member *m = mesh_find(net.nodes[i].mesh, net.nodes[2].info.id);
            CHECK(m->info->boot == net.nodes[2].info.boot);
            CHECK(m->incarnation == mesh_self(net.nodes[2].mesh)->incarnation);
            CHECK_INT(net.nodes[i].sight[2].deads, dead_first);
        }
        CHECK(net_end(&net));
    }
}

TEST(a_node_that_is_reached_elsewhere_says_so)
{
    net_begin(&net, 4, 11);
    mesh_set_addr(net.nodes[1].mesh, "elsewhere:8001", net.now);
    net_run(&net, 5 * S_US);
    CHECK(net_settled(&net));
    for (uint32_t i = 0; i < 4; i++)
        if (i != 1)
            CHECK_STR(mesh_find(net.nodes[i].mesh, net.nodes[1].info.id)->info->addr,
                      "elsewhere:8001");
    CHECK(net_end(&net));
}

TEST(a_node_that_leaves_is_left_at_once_and_forgotten_after_a_minute)
{
    net_begin(&net, 4, 10);
    net_leave(&net, 0);
    net_run(&net, 20 * MS_US);
    for (uint32_t i = 1; i < 4; i++) {
        CHECK_INT(net_state(&net, i, 0), NODE_LEFT);
        CHECK_INT(mesh_live_count(net.nodes[i].mesh), 3);
    }
    net_run(&net, 50 * S_US);
    CHECK_INT(net_state(&net, 1, 0), NODE_LEFT);
    net_run(&net, 12 * S_US);
    for (uint32_t i = 1; i < 4; i++) {
        CHECK_INT(net_state(&net, i, 0), 0);
        CHECK_INT(net.nodes[i].sight[0].suspects, 0);
    }
    net_start(&net, 0);
    net_hint(&net, 0, 1);
    CHECK(net_run_until(&net, net_settled, 3 * S_US));
    CHECK(net_end(&net));
}

TEST(dialling_oneself_is_noticed_and_forgotten)
{
    net_init(&net, 1, 1);
    net_start(&net, 0);
    char addr[MESH_ADDR_SIZE];
    snprintf(addr, sizeof addr, "alias.%.200s", net.nodes[0].info.addr);
    mesh_hint(net.nodes[0].mesh, addr, net.now);
    net_run(&net, 100 * S_US);
    CHECK_INT(net.nodes[0].dials, 1);
    CHECK_INT(mesh_count(net.nodes[0].mesh), 0);
    CHECK_INT(mesh_due(net.nodes[0].mesh).us == INSTANT_NEVER.us, 1);
    CHECK(net_end(&net));
}

static void another_version(uint16_t min, uint16_t max, const char *named)
{
    REQUIRE(hand_open(0) == 0);
    mesh_link_up(hand.mesh, 1, 0, person(9).id, begin_at);
    CHECK_INT(hand.sent_type[0], MESSAGE_HELLO);
    struct hello h = {.version_min = min, .version_max = max, .self = person(9)};
    CHECK_INT(hand_hello(1, h), ERR_VERSION);
    CHECK_INT(hand.sent_type[1], MESSAGE_GOODBYE);
    struct goodbye g = {0};
    CHECK_INT(read_goodbye((struct bytes){hand.sent[1], hand.sent_len[1]}, &g), 0);
    CHECK_INT(g.reason, GOODBYE_VERSION);
    CHECK_INT(g.version_min, MESH_VERSION_MIN);
    CHECK_INT(g.version_max, MESH_VERSION_MAX);
    CHECK(strstr(hand.log, named) != NULL);
    CHECK(mesh_link_peer(hand.mesh, 1) == NULL);
    CHECK_INT(mesh_count(hand.mesh), 0);
    mesh_free(hand.mesh);
    CHECK(heap_is_empty(&hand.heap));
}

TEST(another_protocol_version_gets_a_goodbye_that_names_both)
{
    char higher[64], lower[64];
    snprintf(higher, sizeof higher, "protocol 7 to 9, this one %d to %d", MESH_VERSION_MIN,
             MESH_VERSION_MAX);
    snprintf(lower, sizeof lower, "protocol 0 to 0, this one %d to %d", MESH_VERSION_MIN,
             MESH_VERSION_MAX);
    another_version(7, 9, higher);
    another_version(0, 0, lower);
}

/* Of two that overlap, neither refuses: an older and a newer node are one mesh. */
TEST(a_node_that_speaks_more_versions_is_met)
{
    REQUIRE(hand_open(0) == 0);
    mesh_link_up(hand.mesh, 1, 0, person(9).id, begin_at);
    struct hello h = {.version_min = 0, .version_max = 9, .features = 7, .self = person(9)};
    CHECK_INT(hand_hello(1, h), 0);
    CHECK(mesh_link_peer(hand.mesh, 1) != NULL);
    mesh_free(hand.mesh);
    CHECK(heap_is_empty(&hand.heap));
}

/* The other side of the same: it was this node that was refused. */
static void a_version_goodbye(uint16_t min, uint16_t max, const char *named)
{
    uint8_t raw[64];
    struct buf b;
    struct goodbye g = {GOODBYE_VERSION, min, max};
    REQUIRE(hand_open(0) == 0);
    mesh_link_up(hand.mesh, 1, 0, person(9).id, begin_at);
    buf_init_fixed(&b, raw, sizeof raw);
    put_goodbye(&b, &g);
    struct frame f = {.type = MESSAGE_GOODBYE, .payload = buf_bytes(&b)};
    CHECK_INT(mesh_frame(hand.mesh, 1, &f, begin_at), 0);
    CHECK(strstr(hand.log, named) != NULL);
    CHECK(mesh_link_peer(hand.mesh, 1) == NULL);
    mesh_free(hand.mesh);
    CHECK(heap_is_empty(&hand.heap));
}

TEST(a_goodbye_for_the_version_names_both)
{
    a_version_goodbye(2, 3, "protocol 2 to 3, this one 1 to 1");
    a_version_goodbye(0, 0, "protocol 0 to 0, this one 1 to 1");
}

TEST(a_hello_in_anothers_name_is_refused)
{
    REQUIRE(hand_open(0) == 0);
    mesh_link_up(hand.mesh, 1, 0, person(9).id, begin_at);
    struct hello h = {.version_min = 1, .version_max = 1, .self = person(8)};
    CHECK_INT(hand_hello(1, h), ERR_IDENTITY);
    CHECK_INT(mesh_count(hand.mesh), 0);
    mesh_free(hand.mesh);
    CHECK(heap_is_empty(&hand.heap));
}

/* What the accused had said last, others know: a word on what it was before would be past. */
static uint32_t accused_of(uint8_t id)
{
    struct rumor_list list;
    struct rumor r;
    for (uint32_t i = 0; i < hand.sent_count; i++)
        if (hand.sent_type[i] == MESSAGE_RUMORS &&
            read_rumors((struct bytes){hand.sent[i], hand.sent_len[i]}, &list) == 0)
            while (rumor_list_next(&list, &r))
                if (r.state == NODE_SUSPECT && r.info.id.bytes[0] == id)
                    return r.info.incarnation;
    return 0;
}

TEST(an_accusation_is_repeated_of_the_state_that_was_accused)
{
    struct rumor r = {.state = NODE_SUSPECT, .info = person(9), .accusers_count = 1};
    uint8_t raw[1024];
    struct buf b;
    REQUIRE(hand_open(0) == 0);
    for (uint8_t i = 8; i <= 9; i++) {
        struct hello h = {.version_min = 1, .version_max = 1, .self = person(i)};
        mesh_link_up(hand.mesh, i, 0, h.self.id, begin_at);
        REQUIRE(hand_hello(i, h) >= 0);
    }
    r.info.incarnation = 7;
    r.accusers[0] = person(8).id;
    buf_init_fixed(&b, raw, sizeof raw);
    size_t start = rumor_list_begin(&b);
    put_rumor(&b, &r);
    rumor_list_end(&b, start, 1);
    struct frame f = {.type = MESSAGE_RUMORS, .payload = buf_bytes(&b)};
    CHECK(mesh_frame(hand.mesh, 8, &f, begin_at) >= 0);
    for (hand.sent_count = 0; accused_of(9) == 0 && mesh_due(hand.mesh).us <= 4 * S_US;) {
        hand.sent_count = 0;
        mesh_tick(hand.mesh, mesh_due(hand.mesh));
    }
    CHECK_INT(accused_of(9), 7);
    mesh_free(hand.mesh);
    CHECK(heap_is_empty(&hand.heap));
}

TEST(a_link_without_hello_is_closed_after_2_s)
{
    REQUIRE(hand_open(0) == 0);
    mesh_link_up(hand.mesh, 1, 0, person(9).id, begin_at);
    while (hand.closes == 0 && mesh_due(hand.mesh).us <= 10 * S_US)
        mesh_tick(hand.mesh, mesh_due(hand.mesh));
    CHECK_INT(hand.closed, 1);
    CHECK_INT(mesh_due(hand.mesh).us, INSTANT_NEVER.us);
    mesh_free(hand.mesh);
    CHECK(heap_is_empty(&hand.heap));
}

TEST(sixty_four_nodes_hold_about_2_log_n_links)
{
    net_begin(&net, 64, 11);
    uint32_t links = 0;
    net_run(&net, 70 * S_US);
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t mine = 0;
        for (uint32_t j = 0; j < 64; j++)
            mine += i != j && net_link(&net, i, j) != 0;
        CHECK(mine >= 11 && mine <= 14);
        links += mine;
    }
    CHECK(links <= 64 * 12);
    struct instant start = net.now;
    net_kill(&net, 5);
    net_pause(&net, 40);
    net_run(&net, 9 * S_US);
    for (uint32_t i = 0; i < 64; i++) {
        if (i == 5 || i == 40)
            continue;
        CHECK_INT(net_state(&net, i, 5), NODE_DEAD);
        CHECK_INT(net_state(&net, i, 40), NODE_DEAD);
        CHECK(ms_since(start, net.nodes[i].sight[5].dead_at) <= 7000);
        CHECK(ms_since(start, net.nodes[i].sight[40].dead_at) <= 7000);
    }
    CHECK(net_end(&net));
}

TEST(ten_minutes_of_delays_kill_nobody)
{
    net_begin(&net, 16, 12);
    net.slow_percent = 5;
    net_run(&net, 600 * S_US);
    uint32_t suspects = 0;
    for (uint32_t i = 0; i < 16; i++)
        for (uint32_t j = 0; j < 16; j++) {
            CHECK_INT(net.nodes[i].sight[j].deads, 0);
            suspects += net.nodes[i].sight[j].suspects;
        }
    printf("# false suspicions in 160 node-minutes, summed over observers: %u\n", suspects);
    net.slow_percent = 0;
    CHECK(net_run_until(&net, net_settled, 5 * S_US));
    CHECK(net_end(&net));
}

static int compare_ms(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

TEST(silence_is_suspect_within_1500_ms_and_dead_within_5_s)
{
    enum { RUNS = 100 };
    static int64_t suspect[RUNS], dead[RUNS], known[RUNS];
    for (uint32_t run = 0; run < RUNS; run++) {
        net_begin(&net, 16, 1000 + run);
        net.slow_percent = 5;
        net_run(&net, (int64_t)prng_below(&net.prng, 3 * S_US));
        net_forget(&net);
        struct instant start = net.now;
        uint32_t victim = run % 16;
        net_pause(&net, victim);
        net_run(&net, 8 * S_US);
        suspect[run] = dead[run] = INT64_MAX;
        for (uint32_t i = 0; i < 16; i++) {
            const struct sight *s = &net.nodes[i].sight[victim];
            if (i == victim)
                continue;
            CHECK(s->suspects > 0 && s->deads > 0);
            int64_t suspect_ms = ms_since(start, s->suspect_at);
            int64_t dead_ms = ms_since(start, s->dead_at);
            suspect[run] = suspect_ms < suspect[run] ? suspect_ms : suspect[run];
            dead[run] = dead_ms < dead[run] ? dead_ms : dead[run];
            known[run] = dead_ms > known[run] ? dead_ms : known[run];
        }
        CHECK(net_end(&net));
    }
    qsort(suspect, RUNS, sizeof *suspect, compare_ms);
    qsort(dead, RUNS, sizeof *dead, compare_ms);
    qsort(known, RUNS, sizeof *known, compare_ms);
    printf("# 16 nodes, 5 %% delayed, p50/p99 ms: suspect %lld/%lld dead %lld/%lld everywhere "
           "%lld/%lld\n",
           (long long)suspect[RUNS / 2], (long long)suspect[RUNS - 2], (long long)dead[RUNS / 2],
           (long long)dead[RUNS - 2], (long long)known[RUNS / 2], (long long)known[RUNS - 2]);
    CHECK(suspect[RUNS - 2] <= 1500);
    CHECK(known[RUNS - 2] <= 5000);
}

TEST(an_idle_node_sleeps_most_of_the_time)
{
    net_begin(&net, 4, 13);
    net_run(&net, 100 * S_US);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK(net.nodes[i].ticks <= 400);
        CHECK(net.nodes[i].sent <= 600);
    }
    printf("# idle with 3 peers, 100 s: %llu wake-ups, %llu frames sent\n",
           (unsigned long long)net.nodes[0].ticks, (unsigned long long)net.nodes[0].sent);
    CHECK(net_end(&net));
}

TEST(load_spreads_at_most_every_100_ms)
{
    net_begin(&net, 4, 14);
    for (uint32_t k = 1; k <= 100; k++) {
        mesh_set_load(net.nodes[0].mesh, k, 0, net.now);
        net_run(&net, 10 * MS_US);
    }
    net_run(&net, 200 * MS_US);
    for (uint32_t i = 1; i < 4; i++) {
        const struct member *m = mesh_find(net.nodes[i].mesh, net.nodes[0].info.id);
        CHECK_INT(m->busy, 100);
        CHECK(net.nodes[i].sight[0].loads >= 10 && net.nodes[i].sight[0].loads <= 12);
    }
    CHECK(net_end(&net));
    net_begin(&net, 32, 15);
    mesh_set_load(net.nodes[7].mesh, 2, 0, net.now);
    net_run(&net, 1 * S_US);
    for (uint32_t i = 0; i < 32; i++) {
        const struct member *m = mesh_find(net.nodes[i].mesh, net.nodes[7].info.id);
        CHECK(i == 7 || m->busy == 2);
    }
    CHECK(net_end(&net));
}

TEST(an_address_in_another_mesh_is_named_once)
{
    CHECK_INT(hand_open(0), 0);
    mesh_hint(hand.mesh, "a:1", begin_at);
    uint32_t first = hand.dials;
    CHECK(first > 0);
    mesh_dial_foreign(hand.mesh, first);
    CHECK_STR(hand.log, "mesh: who answers at a:1 belongs to another mesh, or one of the two "
                        "clocks is wrong");
    mesh_dial_failed(hand.mesh, first, true, begin_at);
    mesh_tick(hand.mesh, instant_plus_us(begin_at, 2 * S_US));
    hand.log[0] = '\0';
    CHECK(hand.dials > first);
    mesh_dial_foreign(hand.mesh, hand.dials);
    mesh_dial_failed(hand.mesh, hand.dials, true, instant_plus_us(begin_at, 2 * S_US));
    CHECK_STR(hand.log, "");
    mesh_leave(hand.mesh, instant_plus_us(begin_at, 3 * S_US));
    mesh_free(hand.mesh);
    CHECK(heap_is_empty(&hand.heap));
}

TEST(memory_that_runs_out_costs_a_link_at_most)
{
    bool swept = false;
    for (uint64_t at = 1; at < 400 && !swept; at++) {
        if (hand_open(at) == 0) {
            mesh_hint(hand.mesh, "a:1", begin_at);
            for (uint8_t k = 1; k <= 20; k++) {
                struct hello h = {.version_min = 1, .version_max = 1, .self = person(k)};
                if (k == 5)
                    continue;
                mesh_link_up(hand.mesh, k, 0, person(k).id, begin_at);
                hand_hello(k, h);
            }
            mesh_leave(hand.mesh, begin_at);
            mesh_free(hand.mesh);
        }
        CHECK(heap_is_empty(&hand.heap));
        swept = hand.heap.failures == 0;
    }
    CHECK(swept);
}

TEST_MAIN(an_accusation_is_repeated_of_the_state_that_was_accused,
          four_start_at_once_and_all_know_each_other,
          a_killed_node_is_suspect_at_once_and_dead_within_5_s,
          a_reset_connection_is_replaced_without_suspicion, a_node_paused_for_10_s_comes_back,
          a_short_pause_is_refuted, a_refutation_reaches_those_without_a_link,
          a_partition_of_a_minute_heals, a_partition_longer_than_memory_heals,
          a_node_cut_off_from_one_other_is_away_for_it, power_loss_is_found_by_silence,
          both_dial_and_one_connection_stays, both_dial_after_a_break_and_one_connection_stays,
          a_restarted_node_replaces_its_old_self, a_node_that_is_reached_elsewhere_says_so,
          a_node_that_leaves_is_left_at_once_and_forgotten_after_a_minute,
          dialling_oneself_is_noticed_and_forgotten,
          another_protocol_version_gets_a_goodbye_that_names_both,
          a_node_that_speaks_more_versions_is_met, a_goodbye_for_the_version_names_both,
          a_hello_in_anothers_name_is_refused, a_link_without_hello_is_closed_after_2_s,
          sixty_four_nodes_hold_about_2_log_n_links, ten_minutes_of_delays_kill_nobody,
          silence_is_suspect_within_1500_ms_and_dead_within_5_s,
          an_idle_node_sleeps_most_of_the_time, load_spreads_at_most_every_100_ms,
          an_address_in_another_mesh_is_named_once, memory_that_runs_out_costs_a_link_at_most)
