/* Stories of removals that a user signs, and of those that nobody did: nodes believe what he
 * signed, whoever passes it on, and nothing else. */
#include <string.h>

#include "core/node/acts.h"
#include "core/node/calendar.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/objects.h"
#include "core/node/teller.h"
#include "tests/lib/story_owned.h"

#define DAY_S ((int64_t)24 * 3600)

static const struct keeping *at(uint32_t node, struct digest name)
{
    return keeping_find(story.nodes[node].core, name, KEEPING_USER);
}

struct word {
    uint8_t bytes[512];
    size_t len;
};

static struct word word_about(enum party party, uint8_t who, struct digest name,
                              uint64_t generation, int64_t at_s, struct job_id owner)
{
    const struct removal m = {name, generation, at_s, 1, {owner}};
    uint8_t room[REMOVAL_BODY_SIZE];
    struct word w;
    struct buf b;

    as(party, who);
    buf_init_fixed(&b, room, sizeof room);
    put_removal_body(&b, &m);
    w.len = story_removal(&story, buf_bytes(&b), w.bytes, sizeof w.bytes);
    return w;
}

/* What this user signs of what a user put. */
static struct word word_of(enum party party, uint8_t who, struct digest name, uint64_t generation,
                           int64_t at_s)
{
    return word_about(party, who, name, generation, at_s, KEEPING_USER);
}

static int64_t now_s(void)
{
    return STORY_WALL_S + story.now.us / S_US;
}

/* One node says something, with that word or none. */
static void tell(uint32_t from, uint32_t to, struct object_keep m, const struct word *w)
{
    uint8_t room[1024];
    struct buf b;

    m.size = SIZE;
    if (w != NULL)
        m.removal = (struct bytes){w->bytes, w->len};
    buf_init_fixed(&b, room, sizeof room);
    put_u16(&b, 1);
    put_object_keep(&b, &m);
    story_say(&story, from, to, MESSAGE_OBJECT_KEEP, 0, buf_bytes(&b));
    story_run(&story, S_US);
}

static void tell_all(struct object_keep m, const struct word *w)
{
    for (uint32_t i = 0; i < 3; i++)
        tell((i + 1) % 3, i, m, w);
    story_run(&story, 5 * S_US);
}

TEST(what_a_user_signed_goes_from_node_to_node)
{
    struct digest name;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    CHECK_INT(keepers(name), 3);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 1, name), 0);
    for (uint32_t i = 0; i < 3; i++) {
        const struct keeping *k = at(i, name);

        REQUIRE(k != NULL);
        CHECK(!k->kept && k->removal.len > 0 && !k->by_admin);
        CHECK(shelf_find(story.nodes[i].core->objects->shelf, name) == NULL);
    }
    CHECK(story_end(&story));
}

TEST(a_node_removes_nothing_by_its_own_word)
{
    struct object_keep m = {.generation = 2};

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    for (uint32_t i = 0; i < 3; i++) {
        tell_all(m, NULL);
        CHECK_INT(keepers(m.name), 3);
        m.generation += 1000;
    }
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, m.name), 0);
    CHECK_INT(keepers(m.name), 0);
    CHECK(story_end(&story));
}

/* Of another user, a reader, a node, of another object, of another generation, and forged. */
TEST(what_others_signed_removes_nothing)
{
    struct object_keep m = {.generation = 2};
    struct digest other = {{1, 2, 3}};
    struct word w;

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    w = word_of(PARTY_SUBMIT, BOB, m.name, 2, now_s());
    tell_all(m, &w);
    w = word_of(PARTY_NATIVE, BOB, m.name, 2, now_s());
    tell_all(m, &w);
    w = word_of(PARTY_READ, ALICE, m.name, 2, now_s());
    tell_all(m, &w);
    w = word_of(PARTY_NODE, ALICE, m.name, 2, now_s());
    tell_all(m, &w);
    w = word_of(PARTY_SUBMIT, ALICE, other, 2, now_s());
    tell_all(m, &w);
    w = word_of(PARTY_SUBMIT, ALICE, m.name, 3, now_s());
    tell_all(m, &w);
    w = word_of(PARTY_SUBMIT, ALICE, m.name, 2, now_s());
    w.bytes[w.len - SIGNATURE_SIZE - 1] = STORY_FORGED; /* where it begins */
    tell_all(m, &w);
    CHECK_INT(keepers(m.name), 3);
    w = word_of(PARTY_SUBMIT, ALICE, m.name, 2, now_s());
    tell_all(m, &w);
    CHECK_INT(keepers(m.name), 0);
    CHECK(story_end(&story));
}

TEST(an_admin_removes_what_anybody_put)
{
    struct object_keep m = {.generation = 2};
    struct word w;

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    w = word_of(PARTY_USER, BOB, m.name, 2, now_s());
    tell(1, 0, m, &w);
    CHECK(!keeping_is_kept(story.nodes[0].core, m.name));
    story_run(&story, 5 * S_US);
    CHECK_INT(keepers(m.name), 0);
    CHECK(story_end(&story));
}

TEST(a_removal_of_before_says_nothing_of_what_was_put_again)
{
    struct object_keep m = {.generation = 2};
    struct word old;

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, m.name), 0);
    REQUIRE(at(1, m.name)->removal.len <= sizeof old.bytes);
    old.len = at(1, m.name)->removal.len;
    memcpy(old.bytes, at(1, m.name)->removal.data, old.len);
    (void)put(PARTY_SUBMIT, ALICE, 1);
    CHECK_INT(keepers(m.name), 3);
    tell_all(m, &old);
    m.generation = 4;
    tell_all(m, &old);
    CHECK_INT(keepers(m.name), 3);
    CHECK(story_end(&story));
}

/* All have forgotten it, and generations begin anew. */
TEST(a_removal_that_all_have_forgotten_says_nothing_any_more)
{
    struct object_keep m = {.generation = 2};
    struct word old;

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    old = word_of(PARTY_SUBMIT, ALICE, m.name, 2, now_s() - 31 * DAY_S);
    tell_all(m, &old);
    CHECK_INT(keepers(m.name), 3);
    CHECK(story_end(&story));
}

/* It is dated by who signs. A node whose clock is behind takes it for all; one whose clock is ahead
 * says that it does not, and nothing is removed. */
TEST(what_a_user_signs_goes_by_his_clock_and_not_by_the_nodes)
{
    struct digest name;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    story.nodes[1].wall_off_s = 400 * DAY_S;
    story_run(&story, S_US);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 1, name), 4);
    CHECK_INT(keepers(name), 3);
    story.nodes[1].wall_off_s = -400 * DAY_S;
    story_run(&story, S_US);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 1, name), 0);
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

/* As velum rm does on a machine whose clock is behind, of the node there. */
static int hand_in(uint32_t node, struct digest name, int64_t at_s)
{
    const struct word w = word_of(PARTY_SUBMIT, ALICE, name, 2, at_s);
    struct request_rm m = {.how = RM_SIGNED, .removal = {w.bytes, w.len}};
    uint8_t room[REQUEST_RM_SIZE];
    struct buf b;
    int code;

    id_hex(name.bytes, 2 * ID_SIZE, m.ref);
    buf_init_fixed(&b, room, sizeof room);
    put_request_rm(&b, &m);
    const uint64_t user = story_user(&story, node);
    code = story_code_within(&story, user,
                             story_ask(&story, user, MESSAGE_REQUEST_RM, buf_bytes(&b)), S_US);
    story_leave(&story, user);
    story_run(&story, 5 * S_US);
    return code;
}

/* The node's clock is as wrong as his; that one of two certificates is newer says so. */
static void hand_in_by_clocks_that_are_behind(int64_t *begins_s)
{
    struct digest name;
    int64_t first_s;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    first_s = *begins_s = now_s() - 20 * DAY_S;
    story.nodes[1].wall_off_s = -31 * DAY_S;
    story_run(&story, S_US);
    CHECK_INT(hand_in(1, name, now_s() - 31 * DAY_S), 4);
    CHECK_INT(hand_in(0, name, now_s() - 31 * DAY_S), 4);
    CHECK_INT(keepers(name), 3);
    CHECK_INT(hand_in(1, name, first_s - ACT_OFF_S - 1), 4);
    CHECK_INT(hand_in(1, name, first_s - ACT_OFF_S), 0);
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

TEST(a_clock_that_is_behind_removes_nothing_here_that_others_keep)
{
    hand_in_by_clocks_that_are_behind(&story.users_begin_s);
    hand_in_by_clocks_that_are_behind(&story.nodes_begin_s);
}

/* Whoever hears late forgets when the others do. */
TEST(it_is_forgotten_so_long_after_it_was_signed)
{
    struct object_keep m = {.generation = 2};
    struct word w;

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    w = word_of(PARTY_SUBMIT, ALICE, m.name, 2, now_s());
    story_run(&story, 100 * S_US);
    tell_all(m, &w);
    for (uint32_t i = 0; i < 3; i++) {
        REQUIRE(at(i, m.name) != NULL);
        CHECK(at(i, m.name)->since_s <= calendar_now(story.nodes[i].core) - 100);
    }
    CHECK_INT(keepers(m.name), 0);
    CHECK(story_end(&story));
}

/* The one who heard it is alone with it, and ends, before the others are back. */
TEST(it_is_shown_to_others_after_a_restart_and_from_a_snapshot)
{
    for (uint32_t compacts = 0; compacts < 2; compacts++) {
        struct digest name;

        begin();
        name = put(PARTY_SUBMIT, ALICE, 0);
        story_kill(&story, 1);
        story_kill(&story, 2);
        CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 0);
        if (compacts > 0)
            story_compact(&story, 0);
        story_run(&story, S_US);
        story_kill(&story, 0);
        for (uint32_t i = 0; i < 3; i++)
            start(i);
        story_run(&story, 30 * S_US);
        CHECK_INT(keepers(name), 0);
        REQUIRE(at(2, name) != NULL);
        CHECK(at(2, name)->removal.len > 0);
        CHECK(story_end(&story));
    }
}

/* A lie that came first, of somebody and of nobody. */
TEST(what_is_said_before_anything_is_known_gives_way_to_who_keeps_it)
{
    for (uint32_t is_signed = 0; is_signed < 2; is_signed++) {
        struct object_keep m = {.generation = 1000};
        struct word w;

        begin();
        m.name = put(PARTY_SUBMIT, ALICE, 0);
        CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, m.name), 0);
        CHECK(story_end(&story));

        begin();
        w = word_of(PARTY_SUBMIT, BOB, m.name, m.generation, now_s());
        tell(0, 1, m, is_signed > 0 ? &w : NULL);
        tell(0, 2, m, is_signed > 0 ? &w : NULL);
        (void)put(PARTY_SUBMIT, ALICE, 0);
        story_run(&story, 10 * S_US);
        CHECK_INT(keepers(m.name), 3);
        CHECK_INT(take(PARTY_SUBMIT, ALICE, 1, m.name), 0);
        CHECK_INT(keepers(m.name), 0);
        CHECK(story_end(&story));
    }
}

static int take_unsigned(enum party party, uint8_t who, uint32_t node, struct digest name)
{
    uint64_t user;
    uint32_t request;
    int code;

    as(party, who);
    user = story_user(&story, node);
    request = story_rm(&story, user, name, RM_UNSIGNED, (struct bytes){NULL, 0});
    code = story_code_within(&story, user, request, S_US);
    story_leave(&story, user);
    story_run(&story, 5 * S_US);
    return code;
}

/* Nothing is taken, rather than here alone. */
TEST(a_command_of_before_is_refused_what_somebody_put)
{
    struct digest name;

    begin();
    name = put(PARTY_SUBMIT, ALICE, 0);
    CHECK_INT(take_unsigned(PARTY_SUBMIT, ALICE, 0, name), 1);
    CHECK_INT(take_unsigned(PARTY_SUBMIT, BOB, 0, name), 4);
    CHECK_INT(keepers(name), 3);
    CHECK(story_end(&story));
}

TEST(what_nobody_is_known_to_have_put_goes_without_a_signature)
{
    struct object_keep m = {.generation = 4};

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, m.name), 0);
    m.kept = true;
    m.generation = 3;
    tell_all(m, NULL);
    CHECK(keepers(m.name) > 0);
    m.kept = false;
    m.generation = 4;
    tell_all(m, NULL);
    CHECK_INT(keepers(m.name), 0);
    CHECK(story_end(&story));
}

/* It could not read the word. */
TEST(a_node_of_before_is_told_without_the_word)
{
    const struct keeping *k;
    struct node *n;
    struct digest name;

    begin_with(FEATURE_REMOVAL - 1);
    name = put(PARTY_SUBMIT, ALICE, 0);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 0);
    n = story.nodes[0].core;
    k = at(0, name);
    REQUIRE(k != NULL && !k->kept);
    CHECK(keeping_for(n, story.nodes[1].core->options.id, k).removal.len > 0);
    CHECK(keeping_for(n, story.nodes[2].core->options.id, k).removal.len == 0);
    CHECK(!keeping_is_kept(story.nodes[1].core, name));
    CHECK(story_end(&story));
}

/* What a job made goes as its author says, and not as a node does. */
TEST(nobody_takes_a_jobs_objects_without_a_word)
{
    struct object_keep m = {.owner = {{77}}, .generation = 1, .kept = true};

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    tell(1, 0, m, NULL);
    REQUIRE(keeping_find(story.nodes[0].core, m.name, m.owner) != NULL);
    m.kept = false;
    m.generation = 2;
    tell(1, 0, m, NULL);
    CHECK(keeping_find(story.nodes[0].core, m.name, m.owner)->kept);
    CHECK(story_end(&story));
}

/* A job of the same content needs it still. */
TEST(what_was_signed_of_what_a_user_put_says_nothing_of_a_jobs)
{
    struct object_keep m = {.owner = {{77}}, .generation = 1, .kept = true};
    struct word w;

    begin();
    m.name = put(PARTY_SUBMIT, ALICE, 0);
    tell_all(m, NULL);
    m.kept = false;
    m.generation = 2;
    w = word_of(PARTY_USER, BOB, m.name, 2, now_s());
    tell_all(m, &w);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(keeping_find(story.nodes[i].core, m.name, m.owner)->kept);
    w = word_about(PARTY_USER, BOB, m.name, 2, now_s(), m.owner);
    tell_all(m, &w);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(!keeping_find(story.nodes[i].core, m.name, m.owner)->kept);
    m.owner = KEEPING_USER;
    tell_all(m, &w);
    CHECK_INT(keepers(m.name), 3);
    CHECK(story_end(&story));
}

static bool has_named(struct digest name, struct job_id owner)
{
    const struct keeping *k = keeping_find(story.nodes[0].core, name, owner);
    struct signed_bytes s;
    struct removal m;

    return k != NULL && read_removal(k->removal, &s, &m) == 0 && removal_names(&m, owner) &&
           !removal_names(&m, (struct job_id){{78}});
}

/* One word of all that he may take back, and of nothing else. */
TEST(a_removal_names_whoever_keeps_what_goes)
{
    struct object_keep m = {.owner = {{77}}, .generation = 2};
    struct digest name;

    begin();
    m.name = name = put(PARTY_SUBMIT, ALICE, 0);
    tell_all(m, NULL);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 0);
    CHECK(has_named(name, KEEPING_USER));
    CHECK(!has_named(name, m.owner));
    CHECK_INT(keepers(name), 0);
    CHECK(story_end(&story));
}

/* Five nodes, of which two have nothing of a job of Alice's. One of these keeps an object for it,
 * and the other lies to it: it is in its directory that the job is Bob's. */
struct alices {
    struct job_id job;
    uint32_t keeper, thief;
};

static struct alices begin_alices(void)
{
    struct alices a = {.keeper = STORY_USER, .thief = STORY_USER};
    struct node *n;

    story_init(&story, 5);
    story.ages.objects_bytes = (uint64_t)1 << 30;
    for (uint32_t i = 0; i < 5; i++)
        start(i);
    story_run(&story, 8 * S_US);
    as(PARTY_SUBMIT, ALICE);
    a.job = story_submitted(&story, 0, 1);
    story_run(&story, 2 * S_US);
    for (uint32_t i = 0; i < 5; i++)
        if (!story_holds(&story, i, a.job))
            *(a.keeper == STORY_USER ? &a.keeper : &a.thief) = i;
    n = story.nodes[a.keeper].core;
    CHECK(job_find(n, a.job) == NULL && job_find(story.nodes[a.thief].core, a.job) == NULL);
    as(PARTY_SUBMIT, BOB);
    directory_author(n, directory_find(n, a.job), story_who(&story));
    return a;
}

/* It was not asked by the thief's leave, and he answers first. */
static void lies(const struct alices *a)
{
    struct job_view v = {.id = a->job, .state = JOB_RUNNING};
    uint8_t room[4096];
    struct buf b;

    as(PARTY_SUBMIT, BOB);
    v.by = story_who(&story);
    buf_init_fixed(&b, room, sizeof room);
    put_u8(&b, 1);
    put_job_id(&b, a->job);
    put_u64(&b, 0);
    put_job_view(&b, &v);
    story_say(&story, a->thief, a->keeper, MESSAGE_STATE, 0, buf_bytes(&b));
}

static void tell_again_and_again(const struct alices *a, struct object_keep m, const struct word *w)
{
    for (int i = 0; i < 5; i++) {
        tell(a->thief, a->keeper, m, w);
        lies(a);
        story_run(&story, S_US);
    }
}

TEST(whose_a_job_is_those_say_who_have_it)
{
    struct alices a = begin_alices();
    struct object_keep m = {.name = {{9}}, .owner = a.job, .generation = 1, .kept = true};
    const struct node *n = story.nodes[a.keeper].core;
    struct word bob = word_about(PARTY_SUBMIT, BOB, m.name, 2, now_s(), a.job);
    struct word alice = word_about(PARTY_SUBMIT, ALICE, m.name, 3, now_s(), a.job);

    tell(a.thief, a.keeper, m, NULL);
    CHECK(keeping_is_kept(n, m.name));
    m.kept = false;
    m.generation = 2;
    tell_again_and_again(&a, m, &bob);
    CHECK(keeping_is_kept(n, m.name));
    m.generation = 3;
    tell_again_and_again(&a, m, &alice);
    CHECK(!keeping_is_kept(n, m.name));
    CHECK(story_end(&story));
}

TEST(what_was_said_before_a_jobs_objects_were_known_gives_way_when_they_are)
{
    struct alices a = begin_alices();
    struct object_keep m = {.name = {{9}}, .owner = a.job, .generation = 5};
    const struct node *n = story.nodes[a.keeper].core;
    struct word bob = word_about(PARTY_SUBMIT, BOB, m.name, 5, now_s(), a.job);

    tell(a.thief, a.keeper, m, &bob);
    REQUIRE(keeping_find(n, m.name, m.owner) != NULL);
    m.kept = true;
    m.generation = 1;
    tell_again_and_again(&a, m, NULL);
    CHECK(keeping_is_kept(n, m.name));
    CHECK(story_end(&story));
}

/* What it makes up is not here, and never comes. */
static void tell_of_many(uint32_t from, uint32_t to, uint32_t first, uint32_t count)
{
    uint8_t room[OBJECT_BATCH * 128];
    struct object_keep m = {.size = SIZE, .generation = 1, .kept = true};
    struct buf b;

    while (count > 0) {
        const uint32_t some = count < OBJECT_BATCH ? count : OBJECT_BATCH;

        buf_init_fixed(&b, room, sizeof room);
        put_u16(&b, (uint16_t)some);
        for (uint32_t i = 0; i < some; i++, first++) {
            m.name = (struct digest){
                {0xfa, (uint8_t)(first >> 16), (uint8_t)(first >> 8), (uint8_t)first}};
            put_object_keep(&b, &m);
        }
        REQUIRE(!b.failed);
        story_say(&story, from, to, MESSAGE_OBJECT_KEEP, 0, buf_bytes(&b));
        count -= some;
    }
}

TEST(one_node_takes_a_part_of_the_room_and_leaves_the_rest_to_others)
{
    struct digest name;
    struct node *n;

    begin();
    n = story.nodes[0].core;
    name = put(PARTY_SUBMIT, ALICE, 1);
    CHECK_INT(n->keeping_count, 1);
    tell_of_many(1, 0, 0, TELLER_MAX + 100);
    CHECK_INT(n->keeping_count, TELLER_MAX + 1);
    tell_of_many(2, 0, TELLER_MAX + 50, 10);
    CHECK_INT(n->keeping_count, TELLER_MAX + 11);
    CHECK_INT(take(PARTY_SUBMIT, ALICE, 0, name), 0);
    bytes[0]++;
    name = put(PARTY_SUBMIT, ALICE, 0);
    CHECK(keeping_is_kept(n, name));
    CHECK(story_end(&story));
}

/* They count no more. */
TEST(what_has_come_or_is_not_kept_any_more_leaves_its_teller_room)
{
    struct object_keep m = {.generation = 2};
    struct node *n;

    begin();
    n = story.nodes[0].core;
    for (uint32_t i = 0; i < 3; i++, bytes[0]++) {
        (void)put(PARTY_SUBMIT, ALICE, 1);
        CHECK_INT(n->objects->tellers.count, 0);
    }
    tell_of_many(1, 0, 0, 1);
    CHECK_INT(n->objects->tellers.count, 1);
    m.name = (struct digest){{0xfa}};
    tell(1, 0, m, NULL);
    CHECK_INT(n->objects->tellers.count, 0);
    CHECK(story_end(&story));
}

TEST_MAIN(one_node_takes_a_part_of_the_room_and_leaves_the_rest_to_others,
          what_has_come_or_is_not_kept_any_more_leaves_its_teller_room,
          what_was_signed_of_what_a_user_put_says_nothing_of_a_jobs,
          a_removal_names_whoever_keeps_what_goes, what_a_user_signed_goes_from_node_to_node,
          a_node_removes_nothing_by_its_own_word, what_others_signed_removes_nothing,
          an_admin_removes_what_anybody_put, a_removal_of_before_says_nothing_of_what_was_put_again,
          a_removal_that_all_have_forgotten_says_nothing_any_more,
          what_a_user_signs_goes_by_his_clock_and_not_by_the_nodes,
          a_clock_that_is_behind_removes_nothing_here_that_others_keep,
          it_is_forgotten_so_long_after_it_was_signed,
          it_is_shown_to_others_after_a_restart_and_from_a_snapshot,
          what_is_said_before_anything_is_known_gives_way_to_who_keeps_it,
          a_command_of_before_is_refused_what_somebody_put,
          what_nobody_is_known_to_have_put_goes_without_a_signature,
          a_node_of_before_is_told_without_the_word, nobody_takes_a_jobs_objects_without_a_word,
          whose_a_job_is_those_say_who_have_it,
          what_was_said_before_a_jobs_objects_were_known_gives_way_when_they_are)
