/* What a node keeps of jobs that have ended: their facts, and little else. */
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/peer.h"
#include "tests/lib/check.h"
#include "tests/lib/story_copies.h"

static struct story story;

static struct job_id end_one(uint32_t number)
{
    struct job_id id = story_submitted(&story, 0, number);
    uint64_t user = story_user(&story, 0);

    story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    story_run(&story, S_US);
    story_leave(&story, user);
    return id;
}

/* One specification in the ledger, none beside it, and no room for other holders. */
TEST(an_ended_job_has_no_room_for_what_only_a_running_one_needs)
{
    struct job_id id;
    struct job *j;

    story_begin(&story, 3);
    id = end_one(1);
    for (uint32_t i = 0; i < 3; i++) {
        j = job_find(story.nodes[i].core, id);
        if (j == NULL)
            continue;
        CHECK(j->shrunk && j->lead == NULL);
        CHECK(j->own_spec == NULL && j->replicas == NULL);
        CHECK(j->spec == ledger_spec(j->ledger));
    }
    CHECK(story_end(&story));
}

/* What it must keep: itself, and the ledger with what it read (specification, outcome, the holders,
 * the one fact that names them and who signed it, and where former ones would be), half a KiB of
 * its own, and four facts with a certificate and a signature each. A second specification or room
 * for eight holders does not fit. What goes with a job is what it had. */
TEST(an_ended_job_takes_so_much_memory)
{
    const size_t read = sizeof(struct job_spec) + sizeof(struct outcome) +
                        2 * sizeof(struct holders) + sizeof(struct node_id) + 16;
    const size_t most = sizeof(struct job) + read + 512 + 4 * (size_t)512;
    struct job_id id;
    size_t before;

    story_init(&story, 1);
    story_start(&story, 0);
    story_run(&story, S_US);
    id = end_one(1);
    before = story.heap.live_bytes;
    job_free(job_find(story.nodes[0].core, id));
    CHECK(before - story.heap.live_bytes > sizeof(struct job) + sizeof(struct job_spec));
    CHECK(before - story.heap.live_bytes <= most);
    CHECK(story_end(&story));
}

#define MANY 200u
#define IN_A_ROUND 64u

/* Something of no consequence that node 0 does not know yet. */
static void tell_news(struct job_id id)
{
    struct leaf_count c = {.author = story.nodes[1].id, .leaves = 1};
    uint8_t bytes[512];
    struct buf fact, b;

    buf_init_fixed(&fact, bytes, sizeof bytes);
    put_counts(&fact, &c, 1);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_facts_begin(&b, id, 0, false, 1);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, 1, 0, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&b);
}

/* Each is compared with two other holders, which have the same and say nothing. */
TEST(news_of_many_ended_jobs_take_several_rounds)
{
    struct job_id ids[MANY];
    uint32_t before, most = 0, all;

    story_begin(&story, 3);
    for (uint32_t k = 0; k < MANY; k++)
        ids[k] = story_ended(&story, 1 + k);
    story_run(&story, 10 * S_US);
    for (uint32_t k = 0; k < MANY; k++)
        tell_news(ids[k]);
    all = story.sent[MESSAGE_SYNC];
    for (int i = 0; i < 100; i++) {
        before = story.sent[MESSAGE_SYNC];
        story_run(&story, 25 * MS_US);
        before = story.sent[MESSAGE_SYNC] - before;
        most = before > most ? before : most;
    }
    CHECK_INT(story.sent[MESSAGE_SYNC] - all, MANY * 2);
    CHECK(most <= IN_A_ROUND * 2);
    CHECK(story_end(&story));
}

/* A retired holder is told of once, to those who do not know it yet. */
TEST(what_all_know_of_former_holders_is_not_told_again)
{
    struct job_id id;
    uint32_t lost, facts, syncs;
    uint64_t user;

    story_begin(&story, 5);
    id = story_submitted(&story, 0, 1);
    lost = story_leader(&story, id);
    story_kill(&story, lost);
    story_run(&story, 40 * S_US);
    user = story_user(&story, lost == 0 ? 1 : 0);
    story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    story_run(&story, 10 * S_US);
    story_leave(&story, user);
    story_start(&story, lost);
    story_hint(&story, lost, (lost + 1) % 5);
    story_run(&story, 40 * S_US);
    facts = story.sent[MESSAGE_FACTS];
    syncs = story.sent[MESSAGE_SYNC];
    for (uint32_t i = 0; i < 5; i++)
        for (uint32_t k = 0; k < i; k++) {
            story_cut(&story, i, k);
            story_run(&story, 100 * MS_US);
            story_mend(&story, i, k);
            story_run(&story, S_US);
        }
    CHECK(story.sent[MESSAGE_SYNC] > syncs);
    CHECK_INT(story.sent[MESSAGE_FACTS], facts);
    CHECK(story_end(&story));
}

/* Two nodes hold no copy: one of them is cut off from all who live, and takes them for dead. */
TEST(the_first_word_on_who_is_dead_is_not_the_last)
{
    uint32_t left, strangers[2], count = 0;
    bool led = false;
    struct job_id id;

    story_init(&story, 5);
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    left = story_leader(&story, id);
    for (uint32_t i = 0; i < 5; i++)
        if (!story_holds(&story, i, id) && count < 2)
            strangers[count++] = i;
    REQUIRE(count == 2);
    story_kill(&story, left);
    for (uint32_t i = 0; i < 5; i++)
        if (i != strangers[1])
            story_cut(&story, strangers[1], i);
    story_run(&story, 8 * S_US);
    story_mend(&story, strangers[1], left);
    story_drop(&story, MESSAGE_SYNC, STORY_USER, left);
    story.drop.type_too = MESSAGE_FACTS;
    story_start(&story, left);
    story_hint(&story, left, strangers[0]);
    story_run(&story, 200);
    story_hint(&story, left, strangers[1]);
    for (int k = 0; k < 2000; k++) {
        story_run(&story, MS_US);
        led |= story_leads(&story, left, id);
    }
    CHECK(!led);
    CHECK(story_end(&story));
}

/* Four nodes; it ended while the one that led it was away, whose place another took. */
static struct job_id ended_without(uint32_t *left, uint32_t *stranger)
{
    struct job_id id;

    story_init(&story, 4);
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    *stranger = story_stranger(&story, id);
    *left = story_leader(&story, id);
    story_kill(&story, *left);
    story_run(&story, 15 * S_US);
    story_ask_id(&story, story_user(&story, *stranger), MESSAGE_REQUEST_KILL, id);
    story_run(&story, S_US);
    CHECK(story_holds(&story, *stranger, id));
    return id;
}

static void kill_but(uint32_t left, uint32_t stranger)
{
    for (uint32_t i = 0; i < 4; i++)
        if (i != left && i != stranger)
            story_kill(&story, i);
    story_run(&story, 10 * S_US);
}

/* What a holder knows is on its way when it asks what the one that comes back knows. */
TEST(who_comes_back_leads_no_job_that_has_ended)
{
    uint32_t left, stranger, claims;
    struct job_id id = ended_without(&left, &stranger);

    kill_but(left, stranger);
    claims = story.sent[MESSAGE_CLAIM];
    story_start(&story, left);
    story_hint(&story, left, stranger);
    story_run(&story, 10 * S_US);
    CHECK_INT(story.sent[MESSAGE_CLAIM], claims);
    CHECK_INT(job_final_state(job_find(story.nodes[left].core, id)), JOB_CANCELLED);
    CHECK(story_end(&story));
}

/* The holders whom it knows have died, and the one that took a place is slow to answer: but it was
 * said that the job has ended. */
TEST(who_has_heard_that_a_job_has_ended_waits_for_its_end)
{
    uint32_t left, stranger, claims;
    struct job_id id = ended_without(&left, &stranger);

    claims = story.sent[MESSAGE_CLAIM];
    story_drop(&story, MESSAGE_SYNC, STORY_USER, left);
    story.drop.type_too = MESSAGE_FACTS;
    story_start(&story, left);
    story_hint(&story, left, stranger);
    story_run(&story, S_US);
    kill_but(left, stranger);
    CHECK_INT(story.sent[MESSAGE_CLAIM], claims);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    story.drop.type_too = 0;
    story_run(&story, 5 * S_US);
    CHECK_INT(job_final_state(job_find(story.nodes[left].core, id)), JOB_CANCELLED);
    CHECK(story_end(&story));
}

/* It was submitted twice, in two halves. The one that comes back was alone with it, knows none of
 * those who tell that it has ended, and does not believe them: nobody else is there to be heard. */
TEST(who_was_shown_an_end_in_vain_leads_until_it_may_believe_it)
{
    struct job_id id;

    story_init(&story, 3);
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
    story_cut(&story, 0, 1);
    story_cut(&story, 0, 2);
    story_run(&story, 10 * S_US);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    CHECK_INT(ledger_holders(job_find(story.nodes[0].core, id)->ledger)->count, 1);
    story_kill(&story, 0);
    CHECK(job_id_equal(story_submitted(&story, 1, 1), id));
    story_ask_id(&story, story_user(&story, 1), MESSAGE_REQUEST_KILL, id);
    story_run(&story, 2 * S_US);
    CHECK(story_holds(&story, 2, id));
    story_mend(&story, 0, 1);
    story_mend(&story, 0, 2);
    story_start(&story, 0);
    story_hint(&story, 0, 1);
    story_run(&story, 2 * S_US);
    CHECK(!job_is_final(job_find(story.nodes[0].core, id)));
    story_run(&story, 6 * S_US);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_INT(job_final_state(job_find(story.nodes[i].core, id)), JOB_CANCELLED);
    CHECK(story_end(&story));
}

/* Six nodes, of which the holders can be met by nobody for a while: the one that comes back meets
 * only one that holds no copy. */
static struct job_id back_with_a_stranger(uint32_t *left, uint32_t *other)
{
    struct job_id id;

    story_init(&story, 6);
    story_start_all(&story, true);
    story_run(&story, 8 * S_US);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    *left = story_leader(&story, id);
    story_kill(&story, *left);
    story_run(&story, 15 * S_US);
    *other = story_stranger(&story, id) == *left ? story_one_that(&story, false, id)
                                                 : story_stranger(&story, id);
    CHECK(*other != *left && !story_holds(&story, *other, id));
    for (uint32_t i = 0; i < 6; i++)
        if (i != *left && i != *other)
            story_cut(&story, *left, i);
    story_start(&story, *left);
    story_hint(&story, *left, *other);
    return id;
}

static void leads_not(uint32_t left, struct job_id id, int64_t us)
{
    for (int64_t at = 0; at < us; at += MS_US) {
        story_run(&story, MS_US);
        REQUIRE(!story_leads(&story, left, id));
    }
}

TEST(the_word_of_a_node_without_a_copy_lets_nobody_lead)
{
    uint32_t left, other;
    struct job_id id = back_with_a_stranger(&left, &other);
    uint32_t claims = story.sent[MESSAGE_CLAIM];

    leads_not(left, id, 10 * S_US);
    CHECK_INT(story.sent[MESSAGE_CLAIM], claims);
    CHECK(story_end(&story));
}

/* It has nothing of the job, and answers as if it had: by a frame of no facts, and by saying what
 * it was shown. */
TEST(nor_does_that_of_one_who_tells_what_he_does_not_know)
{
    uint32_t left, other;
    struct job_id id = back_with_a_stranger(&left, &other);
    struct peer_sync same = {.job = id};
    uint8_t bytes[256];
    struct buf b;

    leads_not(left, id, 4 * S_US);
    CHECK(job_find(story.nodes[left].core, id)->replayed);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_facts_begin(&b, id, 0, false, 0);
    story_say(&story, other, left, MESSAGE_FACTS, 0, buf_bytes(&b));
    leads_not(left, id, 2 * S_US);
    same.digest = ledger_digest(job_find(story.nodes[left].core, id)->ledger);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &same);
    story_say(&story, other, left, MESSAGE_SYNC, 0, buf_bytes(&b));
    leads_not(left, id, 10 * S_US);
    CHECK(job_find(story.nodes[left].core, id)->replayed);
    CHECK(story_end(&story));
}

/* Jobs of three nodes that ended when three others had come in the place of one of them. */
#define LEFT 2u
#define LEFT_JOBS 8u

static void end_all(const struct job_id *ids)
{
    for (uint32_t k = 0; k < LEFT_JOBS; k++)
        story_ask_id(&story, story_user(&story, 0), MESSAGE_REQUEST_KILL, ids[k]);
    story_run(&story, 10 * S_US);
}

static void end_without_one(struct job_id *ids, bool before)
{
    story_init(&story, 6);
    for (uint32_t i = 0; i < 6; i++) {
        story.nodes[i].keeps_disk = true;
        if (i < 3)
            story_start_among(&story, i);
    }
    story_run(&story, 8 * S_US);
    for (uint32_t k = 0; k < LEFT_JOBS; k++)
        ids[k] = story_submitted(&story, 0, 1 + k);
    story_run(&story, S_US);
    if (before)
        end_all(ids);
    story_kill(&story, LEFT);
    for (uint32_t i = 3; i < 6; i++)
        story_start_among(&story, i);
    story_run(&story, 30 * S_US);
    if (!before)
        end_all(ids);
}

/* What it lists without asking anybody. */
static void is_told_at_the_one_left(const struct job_id *ids)
{
    for (uint32_t k = 0; k < LEFT_JOBS; k++) {
        const struct entry *e = directory_find(story.nodes[LEFT].core, ids[k]);
        uint32_t copies = 0, machines;

        CHECK(e != NULL && e->state == JOB_CANCELLED && !e->unsure);
        CHECK(node_tells(story.nodes[LEFT].core, ids[k], &copies, &machines));
        CHECK(copies >= 3); /* they move while it comes back */
    }
}

/* It comes back, and meets nobody whom it knows to have them. */
static void comes_back_and_leaves(const struct job_id *ids)
{
    uint32_t kept = 0;

    story_cut(&story, LEFT, 0);
    story_cut(&story, LEFT, 1);
    story_start_among(&story, LEFT);
    story_run(&story, 30 * S_US);
    for (uint32_t k = 0; k < LEFT_JOBS; k++)
        kept += story_holds(&story, LEFT, ids[k]);
    CHECK(kept < LEFT_JOBS);
}

/* It meets nobody whom it knows to have them. */
TEST(who_leaves_a_job_hears_how_it_ended)
{
    struct job_id ids[LEFT_JOBS];

    end_without_one(ids, false);
    comes_back_and_leaves(ids);
    is_told_at_the_one_left(ids);
    CHECK(story_end(&story));
}

TEST(and_who_keeps_it_now)
{
    struct job_id ids[LEFT_JOBS];

    end_without_one(ids, true);
    comes_back_and_leaves(ids);
    for (uint32_t k = 0; k < LEFT_JOBS; k++) {
        const struct entry *e = directory_find(story.nodes[LEFT].core, ids[k]);
        const struct entry *other = directory_find(story.nodes[3].core, ids[k]);

        REQUIRE(e != NULL && other != NULL);
        CHECK_INT(e->version, other->version);
        CHECK(memcmp(e->holders, other->holders, sizeof e->holders) == 0);
    }
    CHECK(story_end(&story));
}

/* Everybody tells it so before anybody shows it. */
TEST(an_end_is_safe_on_the_word_of_who_has_the_job_whoever_tells_it_after_him)
{
    struct job_id ids[LEFT_JOBS];

    end_without_one(ids, false);
    story_drop(&story, MESSAGE_FACTS, STORY_USER, LEFT);
    story_start_among(&story, LEFT);
    story_run(&story, S_US);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    story_run(&story, 1500 * MS_US);
    is_told_at_the_one_left(ids);
    CHECK(story_end(&story));
}

TEST_MAIN(the_first_word_on_who_is_dead_is_not_the_last, who_comes_back_leads_no_job_that_has_ended,
          who_has_heard_that_a_job_has_ended_waits_for_its_end,
          the_word_of_a_node_without_a_copy_lets_nobody_lead,
          nor_does_that_of_one_who_tells_what_he_does_not_know,
          who_was_shown_an_end_in_vain_leads_until_it_may_believe_it,
          an_ended_job_has_no_room_for_what_only_a_running_one_needs,
          an_ended_job_takes_so_much_memory, news_of_many_ended_jobs_take_several_rounds,
          what_all_know_of_former_holders_is_not_told_again, who_leaves_a_job_hears_how_it_ended,
          and_who_keeps_it_now,
          an_end_is_safe_on_the_word_of_who_has_the_job_whoever_tells_it_after_him)
