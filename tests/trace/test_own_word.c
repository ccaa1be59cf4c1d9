/* What others say of a member, and what it says itself. Whoever lies here is one node of the mesh
 * with a link of its own to whom it tells; all else goes its honest way. */
#include "core/mesh/mesh_inside.h"
#include "tests/lib/mesh_hand.h"
#include "tests/lib/mesh_net.h"

#define THIEF 0u
#define FEW 5u   /* all are linked with each other */
#define MANY 40u /* most are not */
#define SEEDS (CHECK_SANITIZED ? 1u : 3u)
#define LIES_S (CHECK_SANITIZED ? 15u : 60u)

static struct net net;

/* What node i says of itself, so many statements further, and not true. */
static struct rumor lie_of(uint32_t i, uint32_t statements)
{
    struct rumor r = {.state = NODE_ALIVE, .info = *mesh_self(net.nodes[i].mesh)};
    r.info.incarnation += statements << MEMBER_LOAD_BITS;
    r.info.recovering = true;
    r.info.slots = 0;
    snprintf(r.info.labels, sizeof r.info.labels, "velum-drain");
    snprintf(r.info.addr, sizeof r.info.addr, "10.9.9.9:1");
    return r;
}

static void tell_rumor(struct mesh *to, uint64_t link, const struct rumor *r, struct instant at)
{
    uint8_t raw[2048];
    struct buf b;
    buf_init_fixed(&b, raw, sizeof raw);
    size_t start = rumor_list_begin(&b);
    put_rumor(&b, r);
    rumor_list_end(&b, start, 1);
    struct frame f = {.type = MESSAGE_RUMORS, .payload = buf_bytes(&b)};
    CHECK(!b.failed && mesh_frame(to, link, &f, at) >= 0);
}

/* False: the thief has no link to it. */
static bool lie_to(uint32_t to, const struct rumor *r)
{
    uint64_t link = net_link(&net, to, THIEF);
    if (link != 0)
        tell_rumor(net.nodes[to].mesh, link, r, net.now);
    return link != 0;
}

static bool knows_truth(uint32_t i, uint32_t of)
{
    const struct member *m = mesh_find(net.nodes[i].mesh, net.nodes[of].info.id);
    const struct member_info *self = mesh_self(net.nodes[of].mesh);
    return m && m->info->boot == self->boot && m->info->recovering == self->recovering &&
           m->info->slots == self->slots && strcmp(m->info->labels, self->labels) == 0 &&
           strcmp(m->info->addr, self->addr) == 0;
}

static bool all_know_truth(struct net *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        for (uint32_t of = 0; of < n->count; of++)
            if (i != of && !knows_truth(i, of))
                return false;
    return true;
}

static bool all_are_told(struct net *n)
{
    for (uint32_t i = 0; i < n->count; i++)
        for (uint32_t of = 0; of < n->count; of++)
            if (i != of && mesh_find(n->nodes[i].mesh, n->nodes[of].info.id)->incarnation !=
                               mesh_self(n->nodes[of].mesh)->incarnation)
                return false;
    return true;
}

static bool are_right(struct net *n)
{
    return all_know_truth(n) && all_are_told(n);
}

static const uint32_t leaps[] = {1, 2, 64, 65, 1000, 1u << 17, (1u << 18) - 1};
#define LEAPS (sizeof leaps / sizeof *leaps)

TEST(of_who_is_linked_nobody_else_is_believed)
{
    net_begin(&net, FEW, 1);
    for (uint32_t round = 0; round < LEAPS * 10; round++) {
        for (uint32_t to = 1; to < FEW; to++)
            for (uint32_t of = 1; of < FEW; of++) {
                const struct rumor r = lie_of(of, leaps[round % LEAPS]);
                CHECK(of == to || lie_to(to, &r));
                CHECK(of == to || knows_truth(to, of));
            }
        net_run(&net, 10 * MS_US);
        CHECK(all_know_truth(&net));
    }
    CHECK(net_run_until(&net, are_right, 5 * S_US));
    for (uint32_t i = 0; i < FEW; i++)
        for (uint32_t of = 0; of < FEW; of++)
            CHECK_INT(net.nodes[i].sight[of].suspects + net.nodes[i].sight[of].losses, 0);
    CHECK_INT(net.garbage, 0);
    CHECK(net_end(&net));
}

/* As another process of each, which may be tried a few times in a second. */
TEST(of_who_is_linked_nobody_else_knows_the_process)
{
    net_begin(&net, FEW, 2);
    for (uint32_t round = 0; round < 200; round++) {
        const uint32_t to = 1 + round % (FEW - 1), of = 1 + (round + 1) % (FEW - 1);
        struct rumor r = lie_of(of, leaps[round % LEAPS]);
        r.info.boot += round + 1;
        CHECK(lie_to(to, &r));
        net_run(&net, 10 * MS_US);
        CHECK(all_know_truth(&net));
    }
    CHECK(net_run_until(&net, net_settled, 5 * S_US));
    CHECK(net_end(&net));
}

static void lies_among_many(uint64_t seed, uint32_t leap, uint64_t boots)
{
    uint32_t liars_believed = 0;

    net_begin(&net, MANY, seed);
    for (uint32_t of = 1; of < MANY; of++) {
        struct rumor r = lie_of(of, leap);
        r.info.boot += boots;
        for (uint32_t to = 1; to < MANY; to++)
            if (to != of && lie_to(to, &r)) {
                liars_believed += !knows_truth(to, of);
                CHECK(net_link(&net, to, of) == 0 || knows_truth(to, of));
            }
    }
    /* What is further away than honest words go is believed of nobody. */
    CHECK((liars_believed > 0) == (leap <= HEARSAY_RISE_MAX));
    CHECK(net_run_until(&net, are_right, 10 * S_US));
    net_run(&net, 5 * S_US);
    CHECK(are_right(&net) && net_settled(&net));
    CHECK_INT(net.garbage, 0);
    CHECK(net_end(&net));
}

TEST(who_believed_a_lie_hears_the_truth_within_seconds)
{
    for (uint32_t i = 0; i < LEAPS; i++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
            lies_among_many(seed, leaps[i], 0);
}

TEST(who_believed_in_another_process_hears_the_truth_within_seconds)
{
    for (uint32_t i = 0; i < 3; i++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
            lies_among_many(seed, leaps[i], i + 1);
}

/* Without a pause, as long as it goes. */
TEST(a_minute_of_lies_ends_with_them)
{
    net_begin(&net, MANY, 9);
    for (uint32_t round = 0; round < 10 * LIES_S; round++) {
        for (uint32_t of = 1; of < MANY; of++) {
            const struct rumor r = lie_of(of, 1 + round % 64);
            for (uint32_t to = 1; to < MANY; to++)
                if (to != of && net_link(&net, to, of) != 0 && lie_to(to, &r))
                    CHECK(knows_truth(to, of));
                else if (to != of)
                    lie_to(to, &r);
        }
        net_run(&net, 100 * MS_US);
    }
    CHECK(net_run_until(&net, are_right, 10 * S_US));
    for (uint32_t i = 0; i < MANY; i++)
        for (uint32_t of = 0; of < MANY; of++)
            CHECK_INT(net.nodes[i].sight[of].deads, 0);
    CHECK(net_end(&net));
}

/* Its process has said much while the other half could not hear it. */
TEST(who_said_much_while_apart_is_known_after_it)
{
    const uint64_t half = (1ull << (MANY / 2)) - 1;

    net_begin(&net, MANY, 3);
    net_split(&net, half);
    for (uint32_t round = 0; round < 300; round++) {
        mesh_set_recovering(net.nodes[5].mesh, round % 2 == 0, net.now);
        net_run(&net, 100 * MS_US);
    }
    mesh_set_labels(net.nodes[5].mesh, "ssd", net.now);
    net_heal(&net);
    CHECK(net_run_until(&net, are_right, 10 * S_US));
    CHECK(net_run_until(&net, net_settled, 10 * S_US));
    CHECK(net_end(&net));
}

TEST(the_numbers_of_a_process_go_round)
{
    net_init(&net, MANY, 4);
    for (uint32_t i = 0; i < MANY; i++) {
        net.nodes[i].info.incarnation = UINT32_MAX - i % 2;
        net_start(&net, i);
    }
    net_hint_all(&net);
    REQUIRE(net_run_until(&net, net_settled, 10 * S_US));
    net_run(&net, 5 * S_US);
    for (uint32_t i = 0; i < MANY; i++)
        mesh_set_labels(net.nodes[i].mesh, "ssd", net.now);
    CHECK(net_run_until(&net, are_right, 2 * S_US));
    CHECK(mesh_self(net.nodes[0].mesh)->incarnation < UINT32_MAX / 2);
    /* A suspicion is refuted there as anywhere. */
    net_forget(&net);
    net_pause(&net, 1);
    net_run(&net, 2 * S_US);
    net_resume(&net, 1);
    CHECK(net_run_until(&net, net_settled, 1 * S_US));
    net_run(&net, 10 * S_US);
    for (uint32_t i = 0; i < MANY; i++)
        CHECK_INT(net.nodes[i].sight[1].deads, 0);
    CHECK(net_end(&net));
}

TEST(the_last_number_of_a_load_is_followed_by_the_first)
{
    net_init(&net, FEW, 6);
    for (uint32_t i = 0; i < FEW; i++) {
        net.nodes[i].info.incarnation = UINT32_MAX;
        net_start(&net, i);
    }
    net_hint_all(&net);
    REQUIRE(net_run_until(&net, net_settled, 10 * S_US));
    mesh_set_load(net.nodes[2].mesh, 2, 0, net.now);
    net_run(&net, 200 * MS_US);
    for (uint32_t i = 0; i < FEW; i++)
        CHECK(i == 2 || mesh_find(net.nodes[i].mesh, net.nodes[2].info.id)->busy == 2);
    CHECK(net_end(&net));
}

/* Also over links that were opened when they were needed. */
TEST(whoever_is_linked_is_told_at_once)
{
    net_begin(&net, MANY, 5);
    for (uint32_t i = 1; i < MANY; i++)
        mesh_want_link(net.nodes[0].mesh, net.nodes[i].info.id, net.now);
    net_run(&net, 100 * MS_US);
    mesh_set_recovering(net.nodes[0].mesh, true, net.now);
    /* Once over the network, and not by way of others. */
    net_run(&net, net.delay_max_us);
    for (uint32_t i = 1; i < MANY; i++) {
        CHECK(net_link(&net, i, 0) != 0);
        CHECK(knows_truth(i, 0));
    }
    CHECK(net_end(&net));
}

/* --- by hand --- */

static void meet(uint8_t id, uint32_t incarnation)
{
    struct hello h = {
        .version_min = 1, .version_max = 1, .features = MESH_FEATURES, .self = person(id)};
    h.self.incarnation = incarnation;
    mesh_link_up(hand.mesh, id, 0, h.self.id, begin_at);
    REQUIRE(hand_hello(id, h) >= 0);
}

static const struct member *hand_find(uint8_t id)
{
    return mesh_find(hand.mesh, person(id).id);
}

static void hand_end(void)
{
    mesh_free(hand.mesh);
    CHECK(heap_is_empty(&hand.heap));
}

TEST(a_hello_counts_more_than_what_others_said)
{
    struct rumor r = {.state = NODE_ALIVE, .info = person(9)};

    REQUIRE(hand_open(0) == 0);
    meet(8, 1);
    r.info.incarnation = UINT32_MAX / 2;
    r.info.recovering = true;
    tell_rumor(hand.mesh, 8, &r, begin_at);
    CHECK(hand_find(9) && hand_find(9)->info->recovering);
    meet(9, 1);
    CHECK(!hand_find(9)->info->recovering);
    CHECK_INT(hand_find(9)->incarnation, 1);
    /* And so does what it says then. */
    r.info.incarnation = 2;
    tell_rumor(hand.mesh, 9, &r, begin_at);
    CHECK_INT(hand_find(9)->incarnation, 2);
    hand_end();
}

TEST(what_changes_during_a_greeting_is_told_behind_it)
{
    struct rumor_list list;
    struct rumor r = {.state = 0};

    REQUIRE(hand_open(0) == 0);
    mesh_link_up(hand.mesh, 9, 0, person(9).id, begin_at);
    mesh_set_recovering(hand.mesh, true, begin_at);
    struct hello h = {
        .version_min = 1, .version_max = 1, .features = MESH_FEATURES, .self = person(9)};
    hand.sent_count = 0;
    REQUIRE(hand_hello(9, h) >= 0);
    for (uint32_t i = 0; i < hand.sent_count; i++)
        if (hand.sent_type[i] == MESSAGE_RUMORS &&
            read_rumors((struct bytes){hand.sent[i], hand.sent_len[i]}, &list) == 0)
            rumor_list_next(&list, &r);
    CHECK(node_id_equal(r.info.id, person(5).id) && r.info.recovering);
    hand_end();
}

TEST(of_who_is_not_linked_the_newer_word_counts)
{
    struct rumor r = {.state = NODE_ALIVE, .info = person(9)};

    REQUIRE(hand_open(0) == 0);
    meet(8, 1);
    for (uint32_t statement = 3; statement > 0; statement--) {
        r.info.incarnation = statement << MEMBER_LOAD_BITS;
        r.info.recovering = statement == 3;
        tell_rumor(hand.mesh, 8, &r, begin_at);
        CHECK(hand_find(9)->info->recovering);
    }
    hand_end();
}

/* Each is passed on to all; who says too many is not heard. */
TEST(news_of_others_over_one_link_have_a_bound)
{
    struct rumor r = {.state = NODE_ALIVE, .info = person(9)};
    uint32_t taken = 0;

    REQUIRE(hand_open(0) == 0);
    meet(8, 1);
    for (uint32_t i = 0; i < 5000; i++) {
        r.info.incarnation = i;
        tell_rumor(hand.mesh, 8, &r, begin_at);
        taken += hand_find(9)->incarnation == i;
    }
    CHECK(taken >= 1024 && taken <= 1100);
    hand_end();
}

TEST(statements_of_one_member_rise_so_far_in_a_second)
{
    struct rumor r = {.state = NODE_ALIVE, .info = person(9)};

    REQUIRE(hand_open(0) == 0);
    meet(8, 1);
    for (uint32_t i = 0; i < 1000; i++) {
        r.info.incarnation = i << MEMBER_LOAD_BITS;
        tell_rumor(hand.mesh, 8, &r, begin_at);
    }
    CHECK_INT(member_statement(hand_find(9)->incarnation), 2 * HEARSAY_RISE_MAX);
    r.info.incarnation = (2 * HEARSAY_RISE_MAX + 1) << MEMBER_LOAD_BITS;
    tell_rumor(hand.mesh, 8, &r, instant_plus_us(begin_at, S_US));
    CHECK_INT(member_statement(hand_find(9)->incarnation), 2 * HEARSAY_RISE_MAX + 1);
    hand_end();
}

/* A generation that does not tell each of its links is believed to others, as it was. */
TEST(who_does_not_speak_to_each_link_is_believed_to_others)
{
    struct rumor r = {.state = NODE_ALIVE, .info = person(9)};
    struct hello h = {.version_min = 1, .version_max = 1, .features = 6, .self = person(9)};

    REQUIRE(hand_open(0) == 0);
    meet(8, 1);
    mesh_link_up(hand.mesh, 9, 0, h.self.id, begin_at);
    REQUIRE(hand_hello(9, h) >= 0);
    r.info.incarnation = 1 << MEMBER_LOAD_BITS;
    r.info.recovering = true;
    tell_rumor(hand.mesh, 8, &r, begin_at);
    CHECK(hand_find(9)->info->recovering);
    hand_end();
}

TEST_MAIN(of_who_is_linked_nobody_else_is_believed, of_who_is_linked_nobody_else_knows_the_process,
          who_believed_a_lie_hears_the_truth_within_seconds,
          who_believed_in_another_process_hears_the_truth_within_seconds,
          a_minute_of_lies_ends_with_them, who_said_much_while_apart_is_known_after_it,
          the_numbers_of_a_process_go_round, the_last_number_of_a_load_is_followed_by_the_first,
          whoever_is_linked_is_told_at_once, a_hello_counts_more_than_what_others_said,
          what_changes_during_a_greeting_is_told_behind_it,
          of_who_is_not_linked_the_newer_word_counts, news_of_others_over_one_link_have_a_bound,
          statements_of_one_member_rise_so_far_in_a_second,
          who_does_not_speak_to_each_link_is_believed_to_others)
