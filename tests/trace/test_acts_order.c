/* Stories of admins who revoke each other, and of what a revoked one says: all nodes come to the
 * same, in whatever order they hear of it. */
#include "tests/lib/story_act.h"

/* --- all orders --- */

#define ACTS 5
#define ORDERS 120

struct order {
    struct act_made acts[ACTS];
    int at[ACTS];
};

static void swap(int *a, int *b)
{
    const int was = *a;

    *a = *b;
    *b = was;
}

/* The one that follows; false behind the last. */
static bool next_order(int at[ACTS])
{
    int i = ACTS - 2, k = ACTS - 1;

    while (i >= 0 && at[i] > at[i + 1])
        i--;
    if (i < 0)
        return false;
    while (at[k] < at[i])
        k--;
    swap(&at[i], &at[k]);
    for (i++, k = ACTS - 1; i < k; i++, k--)
        swap(&at[i], &at[k]);
    return true;
}

static void look(uint64_t sums[ACT_SUMS])
{
    const struct node *n = story.nodes[0].core;

    for (uint16_t i = 1; i <= 3; i++)
        CHECK(acts_revoked(n, act_key(i)));
    CHECK(!acts_revoked(n, act_key(4)));
    CHECK(!acts_draining(n, act_key(4)));
    memcpy(sums, n->acts.sums, sizeof n->acts.sums);
}

/* What node 0 comes to that hears them in that order, and what its next process does. */
static void come_to(const struct order *o, uint64_t sums[2][ACT_SUMS])
{
    story_init(&story, 2);
    story_start_all(&story, true);
    story_run(&story, S_US);
    for (int i = 0; i < ACTS; i++)
        act_say(1, 0, &o->acts[o->at[i]]);
    story_run(&story, 10 * MS_US);
    look(sums[0]);
    story_kill(&story, 1);
    story_kill(&story, 0);
    story_start(&story, 0);
    look(sums[1]);
    CHECK(story_end(&story));
}

/* Two admins revoke each other, the second of them a third key and twice the first, and says that a
 * node is to drain. */
TEST(two_who_revoke_each_other_are_both_revoked_in_all_orders)
{
    const struct node_id first = act_key(1), second = act_key(2);
    uint64_t sums[2][ACT_SUMS], those[2][ACT_SUMS];
    struct order o = {.at = {0, 1, 2, 3, 4}};
    int orders = 1;

    o.acts[0] = act_make_by(first, PARTY_USER, ACT_REVOKE, second, 10, 1);
    o.acts[1] = act_make_by(second, PARTY_USER, ACT_REVOKE, first, 11, 2);
    o.acts[2] = act_make_by(second, PARTY_USER, ACT_REVOKE, first, 12, 3);
    o.acts[3] = act_make_by(second, PARTY_USER, ACT_REVOKE, act_key(3), 12, 4);
    o.acts[4] = act_make_by(second, PARTY_USER, ACT_DRAIN, act_key(4), 13, 5);
    come_to(&o, those);
    CHECK_INT(memcmp(those[0], those[1], sizeof those[0]), 0);
    while (next_order(o.at)) {
        come_to(&o, sums);
        CHECK_INT(memcmp(sums, those, sizeof sums), 0);
        orders++;
    }
    CHECK_INT(orders, ORDERS);
}

/* --- a mesh --- */

static void check_same(uint32_t count)
{
    const struct acts *first = &story.nodes[0].core->acts;
    uint32_t sent;

    for (uint32_t i = 1; i < count; i++)
        CHECK_INT(memcmp(story.nodes[i].core->acts.sums, first->sums, sizeof first->sums), 0);
    sent = story.sent[MESSAGE_ACT];
    story_run(&story, 200 * S_US);
    CHECK_INT(story.sent[MESSAGE_ACT] - sent, 0);
}

TEST(so_are_two_who_do_so_at_the_same_moment)
{
    const struct node_id first = act_key(1), second = act_key(2);
    const struct act_made a = act_make_by(first, PARTY_USER, ACT_REVOKE, second, 0, 1);
    const struct act_made b = act_make_by(second, PARTY_USER, ACT_REVOKE, first, 1, 2);

    story_begin(&story, 4);
    act_say(1, 0, &a);
    act_say(2, 3, &b);
    story_run(&story, S_US);
    CHECK_INT(act_knowing(first), 4);
    CHECK_INT(act_knowing(second), 4);
    check_same(4);
    CHECK(story_end(&story));
}

/* Node 2 hears of what a thief says before it hears that he is one. */
TEST(what_a_thief_undid_where_he_was_not_known_comes_back)
{
    const struct node_id thief = act_key(9);
    const struct act_made drain = act_make(ACT_DRAIN, act_key(1), 0);
    const struct act_made gone = act_make(ACT_REVOKE, thief, 10);
    const struct act_made resume = act_make_by(thief, PARTY_USER, ACT_RESUME, act_key(1), 20, 3);

    story_begin(&story, 3);
    act_give(0, &drain);
    story_run(&story, S_US);
    story_cut(&story, 0, 2);
    story_cut(&story, 0, 1);
    story_run(&story, S_US);
    act_give(0, &gone);
    act_say(1, 2, &resume);
    story_run(&story, S_US);
    CHECK(acts_draining(story.nodes[0].core, act_key(1)));
    CHECK(!acts_draining(story.nodes[2].core, act_key(1)));
    story_mend(&story, 0, 2);
    story_mend(&story, 0, 1);
    story_run(&story, 60 * S_US);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(acts_revoked(story.nodes[i].core, thief));
        CHECK(acts_draining(story.nodes[i].core, act_key(1)));
    }
    check_same(3);
    CHECK(story_end(&story));
}

/* And the node itself that it was about works again, or drains again. */
TEST(a_node_that_a_thief_had_drain_takes_work_again)
{
    const struct node_id thief = act_key(9);
    const struct act_made gone = act_make(ACT_REVOKE, thief, 10);
    struct act_made drain;

    story_begin(&story, 2);
    drain = act_make_by(thief, PARTY_USER, ACT_DRAIN, story.nodes[1].id, 20, 1);
    act_say(0, 1, &drain);
    story_run(&story, S_US);
    CHECK(story.nodes[1].core->drain.on);
    act_give(0, &gone);
    story_run(&story, S_US);
    CHECK(!story.nodes[1].core->drain.on);
    check_same(2);
    CHECK(story_end(&story));
}

TEST_MAIN(two_who_revoke_each_other_are_both_revoked_in_all_orders,
          so_are_two_who_do_so_at_the_same_moment,
          what_a_thief_undid_where_he_was_not_known_comes_back,
          a_node_that_a_thief_had_drain_takes_work_again)
