/* Stories of acts that a node cannot believe when it hears of them, and can later: it asks for them
 * again while its links stand, and no more often than that is worth. */
#include "tests/lib/story_act.h"

#define HOUR_S ((int64_t)3600)

/* Node 1 does not know who certified this admin. */
static const struct node_id renewed = {{0xad, 1}};

static void begin(void)
{
    story_begin(&story, 3);
    story.nodes[1].stranger = renewed;
    story_run(&story, S_US);
}

static void say_to_both(const struct act_made *m)
{
    act_say(2, 0, m);
    act_say(0, 2, m);
    story_run(&story, 10 * S_US);
    CHECK_INT(act_knowing(act_key(1)), 2);
    CHECK(!acts_revoked(story.nodes[1].core, act_key(1)));
}

static void new_roots(uint32_t i)
{
    struct event ev = {.kind = EVENT_ROOTS,
                       .roots = {.version = 7, .bytes = bytes_of_text("roots")}};

    story_step(&story, &story.nodes[i], &ev);
}

TEST(what_was_refused_before_the_roots_came_is_asked_for_when_they_are_here)
{
    const struct act_made m = act_make_by(renewed, PARTY_USER, ACT_REVOKE, act_key(1), 0, 1);

    begin();
    say_to_both(&m);
    story.nodes[1].stranger = (struct node_id){{0}};
    new_roots(1);
    story_run(&story, S_US);
    CHECK_INT(act_knowing(act_key(1)), 3);
    CHECK(story_end(&story));
}

TEST(what_was_refused_is_asked_for_when_the_clock_was_set)
{
    const struct act_made m = act_make_by(renewed, PARTY_USER, ACT_REVOKE, act_key(1), 0, 1);

    begin();
    say_to_both(&m);
    story_run(&story, HOUR_S * S_US); /* the next look by itself is far away */
    CHECK_INT(act_knowing(act_key(1)), 2);
    story.nodes[1].wall_off_s = HOUR_S;
    story.nodes[1].stranger = (struct node_id){{0}};
    story_run(&story, ACTS_AGAIN_US + S_US);
    CHECK_INT(act_knowing(act_key(1)), 3);
    CHECK(story_end(&story));
}

/* Four times in the first quarter of an hour, then every 16 minutes. */
TEST(what_never_holds_is_asked_for_more_and_more_seldom)
{
    const struct act_made m = act_make_by(renewed, PARTY_USER, ACT_REVOKE, act_key(1), 0, 1);
    uint32_t sent;

    begin();
    say_to_both(&m);
    sent = story.sent[MESSAGE_ACT];
    story_run(&story, 3 * HOUR_S * S_US);
    /* To two peers, each of which says it again. */
    CHECK(story.sent[MESSAGE_ACT] - sent >= 4 * 12 && story.sent[MESSAGE_ACT] - sent <= 4 * 16);
    story.nodes[1].stranger = (struct node_id){{0}};
    story_run(&story, ACT_AGAIN_MAX_US + S_US);
    CHECK_INT(act_knowing(act_key(1)), 3);
    sent = story.sent[MESSAGE_ACT];
    story_run(&story, HOUR_S * S_US);
    CHECK_INT(story.sent[MESSAGE_ACT] - sent, 0);
    CHECK(story_end(&story));
}

/* The root of who signed the first has ended before, and node 0 alone had not heard of that. */
TEST(a_revocation_that_is_said_once_more_counts_where_the_first_did_not)
{
    const struct node_id old = {{0xad, 2}};
    const struct act_made first = act_make_by(old, PARTY_USER, ACT_REVOKE, act_key(1), 0, 1);
    const struct act_made second = act_make(ACT_REVOKE, act_key(1), 20);
    struct reply_act r;
    uint64_t user;

    story_begin(&story, 3);
    for (uint32_t i = 1; i < 3; i++) {
        story.nodes[i].ended = old;
        story.nodes[i].ended_s = STORY_WALL_S - HOUR_S;
    }
    act_say(1, 0, &first);
    story_run(&story, 10 * S_US);
    CHECK_INT(act_knowing(act_key(1)), 1);
    user = story_user(&story, 0);
    r = act_reply(user, act_hand_in(user, &second));
    CHECK_INT(r.known, 3);
    CHECK_INT(act_knowing(act_key(1)), 3);
    /* When node 0 hears of it as well, all have the same. */
    story.nodes[0].ended = old;
    story.nodes[0].ended_s = STORY_WALL_S - HOUR_S;
    new_roots(0);
    story_run(&story, S_US);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(acts_revocation(story.nodes[i].core, act_key(1))->at_s, STORY_WALL_S + 20);
    CHECK(story_end(&story));
}

TEST_MAIN(what_was_refused_before_the_roots_came_is_asked_for_when_they_are_here,
          what_was_refused_is_asked_for_when_the_clock_was_set,
          what_never_holds_is_asked_for_more_and_more_seldom,
          a_revocation_that_is_said_once_more_counts_where_the_first_did_not)
