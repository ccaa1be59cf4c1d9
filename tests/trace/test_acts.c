/* Stories of acts: every node comes to know them, however it is linked and whenever it comes, and
 * nobody's but an admin's counts. */
#include "core/node/record.h"
#include "core/node/snapshot.h"
#include "tests/lib/story_act.h"

#define DAY_S ((int64_t)24 * 3600)

static void begin(uint32_t count)
{
    story_begin(&story, count);
}

static void know_within(struct node_id id, uint32_t count, int64_t us)
{
    for (int64_t t = 0; t < us && act_knowing(id) < count; t += 5 * MS_US)
        story_run(&story, 5 * MS_US);
    CHECK_INT(act_knowing(id), count);
}

TEST(an_admins_act_is_known_and_kept_by_all)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);
    struct reply_act r;
    uint64_t user;

    begin(4);
    user = story_user(&story, 2);
    r = act_reply(user, act_hand_in(user, &m));
    CHECK(r.news);
    CHECK_INT(r.live, 4);
    CHECK_INT(r.known, 4);
    CHECK_STR(r.away, "");
    CHECK_INT(act_knowing(act_key(1)), 4);
    r = act_reply(user, act_hand_in(user, &m));
    CHECK(!r.news);
    CHECK_INT(r.known, 4);
    CHECK(story_end(&story));
}

/* Whose disk does not sync is named, though it heeds the act. */
TEST(who_has_not_kept_it_is_named)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);
    struct reply_act r;
    uint64_t user;

    begin(4);
    story.nodes[3].stuck = true;
    user = story_user(&story, 0);
    r = act_reply(user, act_hand_in(user, &m));
    CHECK_INT(r.live, 4);
    CHECK_INT(r.known, 3);
    CHECK_STR(r.away, "n3");
    CHECK_INT(act_knowing(act_key(1)), 4);
    CHECK(story_end(&story));
}

TEST(an_act_goes_through_a_chain)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);

    begin(5);
    for (uint32_t a = 0; a < 5; a++)
        for (uint32_t b = a + 2; b < 5; b++)
            story_cut(&story, a, b);
    story_run(&story, 100 * MS_US);
    act_give(0, &m);
    story_run(&story, 10 * MS_US);
    CHECK_INT(act_knowing(act_key(1)), 5);
    CHECK(story_end(&story));
}

/* Each half has acts of its own. */
TEST(parts_that_meet_again_tell_each_other)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);
    const struct act_made d = act_make(ACT_DRAIN, act_key(2), 0);

    begin(4);
    for (uint32_t a = 0; a < 2; a++)
        for (uint32_t b = 2; b < 4; b++)
            story_cut(&story, a, b);
    story_run(&story, 100 * MS_US);
    act_give(0, &m);
    act_give(2, &d);
    story_run(&story, 10 * S_US);
    CHECK_INT(act_knowing(act_key(1)), 1 + 1);
    CHECK(!acts_draining(story.nodes[0].core, act_key(2)));
    for (uint32_t a = 0; a < 2; a++)
        for (uint32_t b = 2; b < 4; b++)
            story_mend(&story, a, b);
    know_within(act_key(1), 4, 60 * S_US);
    story_run(&story, S_US);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(acts_draining(story.nodes[i].core, act_key(2)));
    CHECK(story_end(&story));
}

/* Nothing is sent again that both have. */
TEST(who_was_down_learns_it_when_it_comes_back_and_nobody_hears_it_twice)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);
    uint32_t sent;

    begin(3);
    story_kill(&story, 2);
    act_give(0, &m);
    story_run(&story, 5 * S_US);
    CHECK_INT(act_knowing(act_key(1)), 2);
    story_start_among(&story, 2);
    know_within(act_key(1), 3, 10 * S_US);
    story_kill(&story, 1);
    story.nodes[1].keeps_disk = story.nodes[2].keeps_disk = true;
    story_run(&story, 5 * S_US);
    story_start_among(&story, 1);
    know_within(act_key(1), 3, 10 * S_US);
    story_run(&story, S_US);
    story_cut(&story, 0, 2);
    story_run(&story, S_US);
    sent = story.sent[MESSAGE_ACT];
    story_mend(&story, 0, 2);
    story_run(&story, 60 * S_US);
    REQUIRE(story_linked(&story, 0, 2));
    CHECK_INT(story.sent[MESSAGE_ACT] - sent, 2);
    CHECK(story_end(&story));
}

static void all_start(bool compact)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);
    const struct act_made d = act_make(ACT_DRAIN, act_key(2), 5);
    const struct act_made late = act_make(ACT_RESUME, act_key(2), 4);

    story_init(&story, 2);
    story_start_all(&story, true);
    story_run(&story, 2 * S_US);
    act_give(1, &m);
    act_give(1, &d);
    act_give(1, &late);
    story_run(&story, 100 * MS_US);
    for (uint32_t i = 0; i < 2 && compact; i++)
        story_compact(&story, i);
    story_run(&story, S_US);
    story_kill(&story, 0);
    story_kill(&story, 1);
    story_start(&story, 0);
    story_start(&story, 1);
    CHECK_INT(act_knowing(act_key(1)), 2);
    CHECK(acts_draining(story.nodes[1].core, act_key(2)));
    CHECK_INT(story.nodes[1].core->acts.count, 2);
    CHECK(story_end(&story));
}

TEST(a_restart_forgets_none)
{
    all_start(false);
}

TEST(a_journal_written_anew_has_them_all)
{
    all_start(true);
}

TEST(of_drain_and_resume_the_latest_counts_in_whatever_order_they_come)
{
    const struct act_made d = act_make(ACT_DRAIN, act_key(2), 0);
    const struct act_made r = act_make(ACT_RESUME, act_key(2), 1);
    uint64_t user;

    begin(2);
    act_give(0, &r);
    story_run(&story, 10 * MS_US);
    user = story_user(&story, 0);
    CHECK_INT(story_code_within(&story, user, act_hand_in(user, &d), 6 * S_US), 1);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(!acts_draining(story.nodes[i].core, act_key(2)));
        CHECK_INT(story.nodes[i].core->acts.count, 1);
    }
    CHECK(story_end(&story));
}

TEST(nobodys_but_an_admins_counts)
{
    static const enum party others[] = {PARTY_NODE, PARTY_SUBMIT, PARTY_NATIVE, PARTY_READ,
                                        PARTY_ISSUER};
    struct act_made m;
    uint64_t user;

    begin(2);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        story.as = party_is_user(others[i]) ? others[i] : PARTY_USER;
        user = story_user(&story, 0);
        m = act_make_by(story_user_id(), others[i], ACT_REVOKE, act_key(1), 0, 1);
        act_say(1, 0, &m);
        CHECK_INT(story_code_within(&story, user, act_hand_in(user, &m), S_US), 4);
    }
    story_run(&story, S_US);
    CHECK_INT(act_knowing(act_key(1)), 0);
    CHECK(story_end(&story));
}

/* A day is what a wrong clock may be off. */
TEST(an_act_that_is_handed_in_is_of_about_now)
{
    static const int64_t off_s[] = {DAY_S + 60, -DAY_S - 60, DAY_S - 60, -DAY_S + 60, INT64_MAX};
    uint64_t user;

    begin(2);
    user = story_user(&story, 0);
    for (uint16_t i = 0; i < sizeof off_s / sizeof *off_s; i++) {
        const int64_t at_s = off_s[i] == INT64_MAX ? INT64_MAX - STORY_WALL_S : off_s[i];
        const struct act_made m = act_make(ACT_REVOKE, act_key(i), at_s);
        const bool near = i == 2 || i == 3;

        CHECK_INT(story_code_within(&story, user, act_hand_in(user, &m), S_US), near ? 0 : 4);
        CHECK_INT(act_knowing(act_key(i)), near ? 2 : 0);
    }
    CHECK(story_end(&story));
}

/* A thief may have an admin's key of old, and another user's that is good. */
TEST(an_act_is_handed_in_by_who_signed_it)
{
    const struct node_id thief = act_key(9);
    const struct act_made m = act_make_by(thief, PARTY_USER, ACT_REVOKE, act_key(1), -60, 1);
    uint64_t user;

    begin(2);
    for (uint32_t i = 0; i < 2; i++) {
        story.as = i == 0 ? PARTY_READ : PARTY_USER;
        user = story_user(&story, 0);
        CHECK_INT(story_code_within(&story, user, act_hand_in(user, &m), S_US), 4);
    }
    CHECK_INT(act_knowing(act_key(1)), 0);
    CHECK(story_end(&story));
}

/* His own link was closed: nobody answers. */
TEST(who_was_revoked_hands_in_nothing_that_he_says_he_signed_before)
{
    const struct act_made gone =
        act_make_by(act_key(3), PARTY_USER, ACT_REVOKE, story_user_id(), 0, 1);
    const struct act_made before = act_make(ACT_REVOKE, act_key(1), -60);
    uint64_t user, reader;

    begin(2);
    user = story_user(&story, 0);
    story.as = PARTY_READ;
    story.who = 1;
    reader = story_user(&story, 0);
    act_say(1, 0, &gone);
    story_run(&story, 10 * MS_US);
    CHECK(acts_revoked(story.nodes[0].core, story_user_id()));
    CHECK_INT(story_code_within(&story, user, act_hand_in(user, &before), S_US), -1);
    CHECK_INT(story_code_within(&story, reader, act_hand_in(reader, &before), S_US), 4);
    CHECK_INT(act_knowing(act_key(1)), 0);
    CHECK(story_end(&story));
}

TEST(whose_certificate_has_ended_hands_in_nothing_that_he_says_he_signed_before)
{
    const struct act_made before = act_make(ACT_REVOKE, act_key(1), -60);
    const struct act_made now = act_make(ACT_REVOKE, act_key(2), -60);
    uint64_t user;

    begin(2);
    story.certificates_end_s = STORY_WALL_S;
    user = story_user(&story, 0);
    CHECK_INT(story_code_within(&story, user, act_hand_in(user, &before), S_US), 4);
    CHECK_INT(act_knowing(act_key(1)), 0);
    story.certificates_end_s = STORY_WALL_S + 3600;
    CHECK_INT(story_code_within(&story, user, act_hand_in(user, &now), S_US), 0);
    CHECK_INT(act_knowing(act_key(2)), 2);
    CHECK(story_end(&story));
}

/* It protects, and cannot wait for a clock. */
TEST(a_node_whose_clock_is_behind_learns_of_a_revocation_at_once)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);

    begin(3);
    story.nodes[2].wall_off_s = -3 * DAY_S;
    act_give(0, &m);
    story_run(&story, 100 * MS_US);
    CHECK_INT(act_knowing(act_key(1)), 3);
    CHECK(story_end(&story));
}

static bool drains(uint32_t i)
{
    return acts_draining(story.nodes[i].core, act_key(2));
}

/* Its links stand all the time. */
TEST(what_was_refused_for_its_time_comes_again_until_the_clock_is_right)
{
    const struct act_made d = act_make(ACT_DRAIN, act_key(2), 0);
    uint32_t sent;

    begin(3);
    story.nodes[2].wall_off_s = -3 * DAY_S;
    act_give(0, &d);
    story_run(&story, 200 * S_US);
    CHECK(drains(0) && drains(1) && !drains(2));
    story.nodes[2].wall_off_s = 0;
    story_run(&story, ACTS_AGAIN_US + S_US);
    CHECK(drains(2));
    sent = story.sent[MESSAGE_ACT];
    story_run(&story, 200 * S_US);
    CHECK_INT(story.sent[MESSAGE_ACT] - sent, 0);
    CHECK(story_end(&story));
}

/* What he did before stays. */
TEST(who_was_revoked_drains_nobody_any_more)
{
    const struct node_id thief = act_key(9);
    const struct act_made gone = act_make(ACT_REVOKE, thief, 10);
    const struct act_made before = act_make_by(thief, PARTY_USER, ACT_DRAIN, act_key(1), 9, 1);
    const struct act_made after = act_make_by(thief, PARTY_USER, ACT_DRAIN, act_key(2), 11, 1);

    begin(3);
    act_give(0, &gone);
    story_run(&story, 10 * MS_US);
    act_say(1, 0, &after);
    act_say(1, 0, &before);
    story_run(&story, S_US);
    CHECK_INT(act_knowing(thief), 3);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(acts_draining(story.nodes[i].core, act_key(1)));
        CHECK(!acts_draining(story.nodes[i].core, act_key(2)));
    }
    CHECK(story_end(&story));
}

/* All come to have the same act of several, or sums would differ at each meeting. */
TEST(of_two_revocations_of_one_key_the_earlier_counts_everywhere)
{
    const struct act_made late = act_make(ACT_REVOKE, act_key(1), 10);
    const struct act_made early = act_make_by(act_key(3), PARTY_USER, ACT_REVOKE, act_key(1), 5, 2);

    begin(3);
    act_say(1, 0, &late);
    act_say(0, 2, &early);
    story_run(&story, S_US);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_INT(acts_revocation(story.nodes[i].core, act_key(1))->at_s, STORY_WALL_S + 5);
        CHECK_INT(memcmp(story.nodes[i].core->acts.sums, story.nodes[0].core->acts.sums,
                         sizeof story.nodes[i].core->acts.sums),
                  0);
    }
    CHECK(story_end(&story));
}

TEST(beyond_the_limit_an_act_is_refused_and_those_there_stay)
{
    struct node_limits limits = node_limits_usual;
    struct act_made m;
    uint64_t user;

    limits.acts = 3;
    story_init(&story, 2);
    story.ages.limits = &limits;
    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
    user = story_user(&story, 0);
    for (uint16_t i = 0; i < 4; i++) {
        m = act_make(ACT_REVOKE, act_key(i), 0);
        CHECK_INT(story_code_within(&story, user, act_hand_in(user, &m), 6 * S_US), i < 3 ? 0 : 1);
    }
    for (uint16_t i = 0; i < 4; i++)
        CHECK_INT(act_knowing(act_key(i)), i < 3 ? 2 : 0);
    CHECK(story_end(&story));
}

/* As many as there may be, to one that has none and to one that lacks a single one. */
TEST(a_full_table_goes_to_who_is_new_and_one_act_to_who_lacks_one)
{
    struct act_made m;
    uint32_t sent;

    begin(3);
    story_kill(&story, 2);
    for (uint16_t i = 0; i < ACTS_MAX - 1; i++) {
        m = act_make(ACT_REVOKE, act_key(i), 0);
        act_say(1, 0, &m);
        if (i % 64 == 0)
            story_run(&story, 10 * MS_US);
    }
    story_run(&story, S_US);
    CHECK_INT(story.nodes[0].core->acts.count, ACTS_MAX - 1);
    story_start_among(&story, 2);
    story_run(&story, 10 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(story.nodes[i].core->acts.count, ACTS_MAX - 1);
    story_cut(&story, 0, 2);
    story_cut(&story, 1, 2);
    story_run(&story, S_US);
    m = act_make(ACT_REVOKE, act_key(ACTS_MAX), 0);
    act_give(0, &m);
    story_run(&story, 10 * S_US);
    CHECK_INT(act_knowing(act_key(ACTS_MAX)), 2);
    sent = story.sent[MESSAGE_ACT];
    story_mend(&story, 0, 2);
    know_within(act_key(ACTS_MAX), 3, 60 * S_US);
    CHECK(story.sent[MESSAGE_ACT] - sent <= 4);
    CHECK(story_end(&story));
}

TEST(a_node_that_does_not_know_acts_is_told_none)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);
    struct reply_act r;
    uint64_t user;

    story_init(&story, 3);
    story.nodes[2].level = FEATURE_ACTS - 1;
    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
    user = story_user(&story, 0);
    r = act_reply(user, act_hand_in(user, &m));
    CHECK_INT(r.known, 2);
    CHECK_STR(r.away, "n2");
    CHECK(!acts_revoked(story.nodes[2].core, act_key(1)));
    CHECK(story_end(&story));
}

/* Whoever is told that it is kept may rely on it. */
TEST(that_it_is_kept_is_said_when_it_is_synced)
{
    const struct act_made m = act_make(ACT_REVOKE, act_key(1), 0);
    uint32_t request;
    uint64_t user;

    begin(2);
    story.nodes[0].stuck = true;
    user = story_user(&story, 0);
    request = act_hand_in(user, &m);
    story_run(&story, S_US);
    CHECK_INT(act_knowing(act_key(1)), 2);
    CHECK_INT(story_code(&story, user, request), -1);
    CHECK_STR(act_reply(user, request).away, "n0");
    CHECK(story_end(&story));
}

TEST_MAIN(an_admins_act_is_known_and_kept_by_all, who_has_not_kept_it_is_named,
          an_act_goes_through_a_chain, parts_that_meet_again_tell_each_other,
          who_was_down_learns_it_when_it_comes_back_and_nobody_hears_it_twice,
          a_restart_forgets_none, a_journal_written_anew_has_them_all,
          of_drain_and_resume_the_latest_counts_in_whatever_order_they_come,
          nobodys_but_an_admins_counts, an_act_that_is_handed_in_is_of_about_now,
          an_act_is_handed_in_by_who_signed_it,
          who_was_revoked_hands_in_nothing_that_he_says_he_signed_before,
          whose_certificate_has_ended_hands_in_nothing_that_he_says_he_signed_before,
          a_node_whose_clock_is_behind_learns_of_a_revocation_at_once,
          what_was_refused_for_its_time_comes_again_until_the_clock_is_right,
          who_was_revoked_drains_nobody_any_more,
          of_two_revocations_of_one_key_the_earlier_counts_everywhere,
          beyond_the_limit_an_act_is_refused_and_those_there_stay,
          a_full_table_goes_to_who_is_new_and_one_act_to_who_lacks_one,
          a_node_that_does_not_know_acts_is_told_none, that_it_is_kept_is_said_when_it_is_synced)
