/* Stories of tables of acts that are full: a stolen admin's key keeps out neither its own
 * revocation nor what is said of nodes that there are. */
#include "core/node/act_room.h"
#include "core/node/snapshot.h"
#include "tests/lib/story_act.h"

#define ACTS 16u
#define ORDERS (ACTS / 4)

static const struct node_id thief = {{0xad, 1}};
static struct node_limits limits;

static void begin(void)
{
    limits = node_limits_usual;
    limits.acts = ACTS;
    story_init(&story, 3);
    story.ages.limits = &limits;
    story_start_all(&story, true);
    story_run(&story, 2 * S_US);
}

static void say(enum act_kind kind, struct node_id subject, int64_t after_s)
{
    const struct act_made m = act_make_by(thief, PARTY_USER, kind, subject, after_s, 1);

    act_say(1, 0, &m);
    act_say(0, 1, &m);
    story_run(&story, 10 * MS_US);
}

static int code_of(enum act_kind kind, struct node_id subject, int64_t after_s)
{
    const struct act_made m = act_make(kind, subject, after_s);
    uint64_t user = story_user(&story, 0);
    int code = story_code_within(&story, user, act_hand_in(user, &m), 6 * S_US);

    story_leave(&story, user);
    return code;
}

static void check_counts(uint32_t revoked, uint32_t orders)
{
    for (uint32_t i = 0; i < story.count; i++) {
        const struct acts *t = &story.nodes[i].core->acts;

        CHECK_INT(t->revoked_count, revoked);
        CHECK_INT(t->count, revoked + orders);
    }
}

static bool drains(uint32_t i, struct node_id id)
{
    return acts_draining(story.nodes[i].core, id);
}

static void start_anew(void)
{
    for (uint32_t i = 0; i < story.count; i++)
        story_compact(&story, i);
    story_run(&story, S_US);
    for (uint32_t i = 0; i < story.count; i++)
        story_kill(&story, i);
    for (uint32_t i = 0; i < story.count; i++)
        story_start_among(&story, i);
    story_run(&story, 5 * S_US);
}

TEST(who_fills_the_table_with_nodes_to_drain_is_revoked)
{
    begin();
    for (uint16_t i = 0; i < 3 * ACTS; i++)
        say(i % 2 == 0 ? ACT_DRAIN : ACT_RESUME, act_key(i), 20 + i);
    check_counts(0, ORDERS);
    CHECK_INT(code_of(ACT_REVOKE, thief, 0), 0);
    CHECK_INT(act_knowing(thief), 3);
    CHECK(story_end(&story));
}

/* However many he has revoked: by a node of his that says what no other would have taken of him. */
TEST(who_fills_the_table_with_revocations_is_revoked)
{
    begin();
    for (uint16_t i = 0; i <= 2 * ACTS; i++)
        say(ACT_REVOKE, act_key(i), 0);
    check_counts(2 * ACTS, 0);
    CHECK_INT(code_of(ACT_REVOKE, act_key(2 * ACTS), 0), 1);
    start_anew();
    CHECK_INT(code_of(ACT_REVOKE, thief, 0), 0);
    CHECK_INT(code_of(ACT_REVOKE, act_key(2 * ACTS), 0), 1);
    check_counts(2 * ACTS + 1, 0);
    start_anew();
    check_counts(2 * ACTS + 1, 0);
    CHECK_INT(act_knowing(thief), 3);
    for (uint16_t i = 0; i <= 2 * ACTS; i++)
        CHECK_INT(act_knowing(act_key(i)), i < 2 * ACTS ? 3 : 0);
    CHECK(story_end(&story));
}

/* None of them makes way, and none is refused: whoever is revoked in one half is so in both. */
TEST(halves_that_meet_with_full_tables_have_all_revocations)
{
    struct act_made m;

    begin();
    story_cut(&story, 0, 1);
    story_cut(&story, 0, 2);
    story_run(&story, S_US);
    for (uint16_t i = 0; i < 2 * ACTS + 2; i++) {
        const uint32_t at = i % 2;
        uint64_t user = story_user(&story, at);

        m = act_make(ACT_REVOKE, act_key(i), 0);
        CHECK_INT(story_code_within(&story, user, act_hand_in(user, &m), 6 * S_US),
                  i < 2 * ACTS ? 0 : 1);
        story_leave(&story, user);
    }
    story_mend(&story, 0, 1);
    story_mend(&story, 0, 2);
    story_run(&story, 60 * S_US);
    check_counts(2 * ACTS, 0);
    for (uint16_t i = 0; i < 2 * ACTS; i++)
        CHECK_INT(act_knowing(act_key(i)), 3);
    CHECK_INT(code_of(ACT_REVOKE, act_key(2 * ACTS), 0), 1);
    CHECK_INT(code_of(ACT_REVOKE, act_key(0), 0), 0); /* it is known */
    start_anew();
    check_counts(2 * ACTS, 0);
    CHECK(story_end(&story));
}

/* Later or not, made-up nodes keep out none that is there; nor do others keep their place. */
TEST(what_is_said_of_members_has_room_before_what_is_said_of_others)
{
    begin();
    for (uint16_t i = 0; i < ORDERS; i++)
        say(ACT_DRAIN, act_key(i), 20 + i);
    check_counts(0, ORDERS);
    CHECK_INT(code_of(ACT_DRAIN, story.nodes[1].id, 5), 0);
    CHECK_INT(code_of(ACT_DRAIN, story.nodes[2].id, 6), 0);
    check_counts(0, ORDERS);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(drains(i, story.nodes[1].id) && drains(i, story.nodes[2].id));
        CHECK(!drains(i, act_key(0)) && !drains(i, act_key(1)));
        CHECK(drains(i, act_key(2)) && drains(i, act_key(3)));
    }
    for (uint16_t i = 0; i < ORDERS; i++)
        say(ACT_DRAIN, act_key(ORDERS + i), 50 + i);
    check_counts(0, ORDERS);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(drains(i, story.nodes[1].id) && drains(i, story.nodes[2].id));
    start_anew();
    check_counts(0, ORDERS);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(drains(i, story.nodes[1].id) && drains(i, story.nodes[2].id));
    CHECK(story_end(&story));
}

/* First what does not count, then what was undone of nodes that are not there. */
TEST(of_what_is_said_of_others_goes_first_what_was_undone)
{
    begin();
    say(ACT_RESUME, act_key(0), 30);
    CHECK_INT(code_of(ACT_RESUME, act_key(1), 3), 0);
    CHECK_INT(code_of(ACT_DRAIN, act_key(2), 1), 0);
    CHECK_INT(code_of(ACT_DRAIN, act_key(3), 2), 0);
    check_counts(0, ORDERS);
    CHECK_INT(code_of(ACT_REVOKE, thief, 10), 0);
    CHECK_INT(code_of(ACT_DRAIN, act_key(4), 4), 0);
    CHECK_INT(code_of(ACT_DRAIN, act_key(5), 5), 0);
    check_counts(1, ORDERS);
    for (uint16_t i = 2; i <= 5; i++)
        CHECK(drains(0, act_key(i)) && drains(2, act_key(i)));
    CHECK_INT(code_of(ACT_RESUME, act_key(6), 9), 1);
    CHECK_INT(code_of(ACT_DRAIN, act_key(7), 0), 1);
    CHECK(story_end(&story));
}

/* Each had as many as there may be, of the same second, and of other nodes. */
TEST(parts_that_meet_with_full_tables_come_to_the_same)
{
    struct act_made m;
    uint32_t sent;

    begin();
    story_cut(&story, 0, 1);
    story_cut(&story, 0, 2);
    story_run(&story, S_US);
    for (uint16_t i = 0; i < 2 * ORDERS; i++) {
        m = act_make(ACT_DRAIN, act_key(i), 5);
        act_give(i < ORDERS ? 0 : 1, &m);
        story_run(&story, 10 * MS_US);
    }
    check_counts(0, ORDERS);
    story_mend(&story, 0, 1);
    story_mend(&story, 0, 2);
    story_run(&story, 60 * S_US);
    for (uint32_t i = 1; i < 3; i++)
        CHECK_INT(memcmp(story.nodes[i].core->acts.sums, story.nodes[0].core->acts.sums,
                         sizeof story.nodes[i].core->acts.sums),
                  0);
    check_counts(0, ORDERS);
    sent = story.sent[MESSAGE_ACT];
    story_run(&story, 200 * S_US);
    CHECK_INT(story.sent[MESSAGE_ACT] - sent, 0);
    CHECK(story_end(&story));
}

TEST_MAIN(who_fills_the_table_with_nodes_to_drain_is_revoked,
          who_fills_the_table_with_revocations_is_revoked,
          halves_that_meet_with_full_tables_have_all_revocations,
          what_is_said_of_members_has_room_before_what_is_said_of_others,
          of_what_is_said_of_others_goes_first_what_was_undone,
          parts_that_meet_with_full_tables_come_to_the_same)
