/* Stories of nodes that learn that their date was wrong, and greet each other once more. */
#include "tests/lib/check.h"
#include "tests/lib/mesh_net.h"

static struct net net;

/* The two know each other's date, over one connection, and nobody has thought ill of anybody. */
static void check_met(uint32_t a, uint32_t b)
{
    CHECK(net_settled(&net));
    CHECK_INT(net_conns_between(&net, a, b), 1);
    CHECK_INT(net_date(&net, a, b), net.nodes[b].calendar_s);
    CHECK_INT(net_date(&net, b, a), net.nodes[a].calendar_s);
    for (uint32_t i = 0; i < net.count; i++)
        for (uint32_t j = 0; j < net.count; j++) {
            CHECK_INT(net.nodes[i].sight[j].suspects, 0);
            CHECK_INT(net.nodes[i].sight[j].aways, 0);
            CHECK_INT(net.nodes[i].sight[j].deads, 0);
        }
    CHECK_INT(net.garbage, 0);
}

TEST(who_meets_anew_says_hello_at_once_and_only_there)
{
    uint64_t other, link;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        net_begin(&net, 4, seed);
        link = net_link(&net, 0, 1);
        other = net_link(&net, 0, 2);
        net_meet_anew(&net, 0, 1, 100 + seed);
        CHECK_INT(net_link(&net, 0, 1), 0);
        net_run(&net, 20 * MS_US);
        CHECK(net_link(&net, 0, 1) != 0 && net_link(&net, 0, 1) != link);
        net_run(&net, 5 * S_US);
        check_met(0, 1);
        CHECK_INT(net_link(&net, 0, 2), other);
        CHECK_INT(net_date(&net, 2, 0), 0);
        CHECK_INT(net.nodes[0].sight[1].losses, 1);
        CHECK_INT(net.nodes[1].sight[0].losses, 1);
        CHECK(net_end(&net));
    }
}

/* Either may hear the other's GOODBYE before it has said its own, or both have said theirs. */
TEST(two_that_meet_each_other_anew_at_once_have_one_link)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        net_begin(&net, 3, seed);
        net.delay_max_us = 20 * MS_US;
        net_meet_anew(&net, 0, 1, 100 + seed);
        net_run(&net, (int64_t)prng_below(&net.prng, 40 * MS_US));
        net_meet_anew(&net, 1, 0, 200 + seed);
        net_run(&net, 5 * S_US);
        check_met(0, 1);
        CHECK(net_end(&net));
    }
}

TEST(many_are_met_anew_in_one_go)
{
    net_begin(&net, 8, 3);
    for (uint32_t i = 1; i < 8; i++)
        net_meet_anew(&net, 0, i, 100);
    net_run(&net, 5 * S_US);
    for (uint32_t i = 1; i < 8; i++)
        check_met(0, i);
    CHECK(net_end(&net));
}

/* Of two that dial each other, one may be linked over one connection while the other has only said
 * HELLO: with the date that is wrong. */
TEST(a_greeting_that_is_half_said_is_said_anew)
{
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        bool both = seed % 2 == 0;

        net_init(&net, 2, seed);
        net.delay_max_us = 20 * MS_US;
        for (uint32_t i = 0; i < 2; i++)
            net_start(&net, i);
        net_hint(&net, 0, 1);
        net_hint(&net, 1, 0);
        net_run(&net, (int64_t)prng_below(&net.prng, 100 * MS_US));
        if (net_link(&net, 0, 1) != 0)
            net_meet_anew(&net, 0, 1, 100 + seed);
        if (both && net_link(&net, 1, 0) != 0)
            net_meet_anew(&net, 1, 0, 200 + seed);
        net_run(&net, 5 * S_US);
        check_met(0, 1);
        CHECK(net_end(&net));
    }
}

TEST(one_that_is_away_is_dialled_and_met_when_it_can_be)
{
    uint32_t dials;

    net_begin(&net, 4, 6);
    net.nodes[0].mute_dials = net.nodes[1].mute_dials = true;
    net_break(&net, 0, 1);
    net_run(&net, 8 * S_US);
    REQUIRE(net_state(&net, 0, 1) == NODE_AWAY);
    dials = net.nodes[0].dials;
    for (uint32_t k = 0; k < 100; k++) {
        net_meet_anew(&net, 0, 1, 100 + k);
        net_run(&net, MS_US);
    }
    CHECK(net.nodes[0].dials <= dials + 2);
    CHECK_INT(net_state(&net, 0, 1), NODE_AWAY);
    net.nodes[1].mute_dials = net.nodes[0].mute_dials = false;
    CHECK(net_run_until(&net, net_settled, 35 * S_US));
    CHECK_INT(net_date(&net, 1, 0), net.nodes[0].calendar_s);
    CHECK_INT(net.nodes[0].sight[1].suspects, 0);
    CHECK_INT(net.nodes[0].sight[1].deads, 0);
    CHECK(net_end(&net));
}

TEST_MAIN(who_meets_anew_says_hello_at_once_and_only_there,
          two_that_meet_each_other_anew_at_once_have_one_link, many_are_met_anew_in_one_go,
          a_greeting_that_is_half_said_is_said_anew,
          one_that_is_away_is_dialled_and_met_when_it_can_be)
