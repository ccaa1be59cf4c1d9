/* Stories of the copies of ended jobs: they outlive any sequence of single losses, and what is told
 * of them is true. */
#include "core/job/ledger.h"
#include "core/node/directory.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/lead.h"
#include "core/node/peer.h"
#include "core/node/place.h"
#include "tests/lib/story_copies.h"

static struct story story;

TEST(an_ended_job_outlives_any_sequence_of_single_losses)
{
    struct job_id id;

    story_begin(&story, 7);
    id = story_ended(&story, 1);
    story_all_tell(&story, id, JOB_CANCELLED, 3);
    while (story_nodes_up(&story) > 1) {
        uint32_t copies;

        story_kill(&story, story_one_that(&story, true, id));
        story_run(&story, 20 * S_US);
        copies = story_nodes_up(&story) < 3 ? story_nodes_up(&story) : 3;
        CHECK_INT(story_holders_up(&story, id), copies);
        story_all_tell(&story, id, JOB_CANCELLED, copies);
    }
    CHECK(story_end(&story));
}

TEST(a_holder_that_comes_back_without_its_disk_gets_ended_jobs_again)
{
    struct job_id id;
    uint32_t lost;

    story_begin(&story, 3);
    id = story_ended(&story, 1);
    lost = 1;
    story_kill(&story, lost);
    story_run(&story, S_US);
    story_start(&story, lost);
    story_hint(&story, lost, 0);
    story_run(&story, 5 * S_US);
    CHECK(story_holds(&story, lost, id));
    story_all_tell(&story, id, JOB_CANCELLED, 3);
    CHECK(story_end(&story));
}

TEST(the_log_of_an_ended_job_goes_along)
{
    struct job_id id;
    uint32_t leader, keeper, others = 0;
    struct buf b;

    story_begin(&story, 6);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    leader = story_leader(&story, id);
    for (keeper = 0; keeper == leader || !story_holds(&story, keeper, id); keeper++)
        ;
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_job_id(&b, id);
    put_u8(&b, 1);
    put_block(&b, bytes_of_text("said before its end"));
    story_say(&story, leader, keeper, MESSAGE_LOG, 0, buf_bytes(&b));
    buf_clear(&b);
    CHECK(job_id_equal(story_ended(&story, 1), id));
    for (uint32_t i = 0; i < 6; i++)
        if (i != keeper && story_holds(&story, i, id))
            story_kill(&story, i);
    story_run(&story, 15 * S_US);
    for (uint32_t i = 0; i < 6; i++) {
        const struct job *j =
            story.nodes[i].core == NULL ? NULL : job_find(story.nodes[i].core, id);

        if (j == NULL || i == keeper)
            continue;
        CHECK_INT(j->log_len, strlen("said before its end"));
        others++;
    }
    CHECK_INT(others, 2);
    CHECK(story_end(&story));
}

/* Nobody can take a copy: what is told is what is left. */
TEST(copies_of_the_dead_are_not_counted)
{
    struct job_id id;
    uint32_t stranger;

    story_begin(&story, 4);
    id = story_ended(&story, 1);
    stranger = story_one_that(&story, false, id);
    for (uint32_t i = 0; i < story.count; i++)
        story.nodes[i].stuck = true;
    story_kill(&story, story_one_that(&story, true, id));
    story_run(&story, 12 * S_US);
    {
        const struct entry *e = directory_find(story.nodes[stranger].core, id);
        struct job_view v;

        REQUIRE(e != NULL && entry_view_now(story.nodes[stranger].core, e, &v));
        CHECK_INT(v.durable, 2);
        CHECK_INT(v.machines, 2);
    }
    CHECK(story_end(&story));
}

/* It missed the word of who counted last, because it was counting itself. */
TEST(a_holder_that_counts_too_many_counts_again)
{
    struct job_id id;
    uint32_t holder, stranger;

    story_begin(&story, 5);
    id = story_ended(&story, 1);
    holder = story_one_that(&story, true, id);
    stranger = story_one_that(&story, false, id);
    job_find(story.nodes[holder].core, id)->copies = 4;
    story_kill(&story, stranger);
    story_run(&story, 20 * S_US);
    story_all_tell(&story, id, JOB_CANCELLED, 3);
    CHECK(story_end(&story));
}

TEST(a_disk_that_works_again_gets_its_place_back)
{
    struct job_id id;

    story_begin(&story, 3);
    id = story_ended(&story, 1);
    story.nodes[2].fails = true;
    (void)story_submit(&story, story_user(&story, 0), 2);
    story_run(&story, 20 * S_US);
    story_all_tell(&story, id, JOB_CANCELLED, 2);
    (void)story_ask_id(&story, story_user(&story, 0), MESSAGE_REQUEST_KILL, story_job(&story, 2));
    story_run(&story, 20 * S_US);
    story.nodes[2].fails = false;
    story_run(&story, 20 * S_US);
    story_all_tell(&story, id, JOB_CANCELLED, 3);
    CHECK(story_end(&story));
}

/* What one node has heard of an ended job, said by another: counted by somebody else. */
static void say_count(uint32_t from, uint32_t to, struct job_id id, uint32_t epoch,
                      uint64_t version, uint32_t copies)
{
    const struct entry *e = directory_find(story.nodes[to].core, id);
    struct peer_entry p = {.version = version, .epoch = epoch};
    struct buf b;

    REQUIRE(e != NULL && entry_view(e, &p.view));
    p.coordinator = e->coordinator;
    p.ended_s = e->ended_s;
    p.holders_count = e->holders_count;
    memcpy(p.holders, e->holders, sizeof p.holders);
    p.view.durable = copies;
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    story_say(&story, from, to, MESSAGE_DIRECTORY, 0, buf_bytes(&b));
    buf_clear(&b);
}

static uint32_t copies_heard(uint32_t i, struct job_id id)
{
    const struct entry *e = directory_find(story.nodes[i].core, id);
    struct job_view v = {0};

    CHECK(e != NULL && entry_view(e, &v));
    return v.durable;
}

TEST(of_two_counts_everybody_takes_the_same)
{
    struct job_id id;
    uint32_t a, b;

    story_begin(&story, 5);
    id = story_ended(&story, 1);
    a = story_one_that(&story, false, id);
    for (b = a + 1; story_holds(&story, b, id); b++)
        ;
    say_count(b, a, id, 9, 40, 2);
    say_count(b, a, id, 9, 40, 3);
    say_count(a, b, id, 9, 40, 3);
    say_count(a, b, id, 9, 40, 2);
    CHECK_INT(copies_heard(a, id), 3);
    CHECK_INT(copies_heard(b, id), 3);
    CHECK(story_end(&story));
}

/* The coordinator that ended it had a title that nobody has kept. */
TEST(whoever_counts_copies_is_heard_after_a_title_was_lost)
{
    struct job_id id;
    uint32_t stranger, copies, machines;

    story_begin(&story, 5);
    id = story_ended(&story, 1);
    stranger = story_one_that(&story, false, id);
    for (uint32_t i = 0; i < story.count; i++)
        say_count(stranger == i ? story_one_that(&story, true, id) : stranger, i, id, 9, 40, 3);
    story_kill(&story, story_one_that(&story, true, id));
    story_run(&story, 20 * S_US);
    CHECK(node_tells(story.nodes[stranger].core, id, &copies, &machines));
    CHECK_INT(copies, 3);
    CHECK_INT(machines, 3);
    CHECK(story_end(&story));
}

/* Everybody was down when it died: nobody can tell that it has. */
TEST(a_holder_that_nobody_meets_again_is_replaced)
{
    struct job_id id;
    uint32_t lost, copies, machines;

    story_init(&story, 4);
    for (uint32_t i = 0; i < story.count; i++) {
        story.nodes[i].keeps_disk = true;
        story_start(&story, i);
        story_hint(&story, i, 0);
    }
    story_run(&story, 2 * S_US);
    id = story_ended(&story, 1);
    lost = story_one_that(&story, true, id);
    for (uint32_t i = 0; i < story.count; i++)
        story_kill(&story, i);
    story_run(&story, S_US);
    for (uint32_t i = 0; i < story.count; i++) {
        if (i == lost)
            continue;
        story_start(&story, i);
        story_hint(&story, i, (lost + 1) % story.count);
    }
    story_run(&story, 20 * S_US);
    CHECK(node_tells(story.nodes[(lost + 1) % story.count].core, id, &copies, &machines));
    CHECK_INT(copies, 3);
    CHECK_INT(story_holders_up(&story, id), 3);
    CHECK(story_end(&story));
}

TEST(the_death_of_a_node_that_held_much_is_no_storm)
{
    enum { JOBS = 300 };
    static struct job_id ids[JOBS];
    uint32_t most = 0, before, after;

    story_begin(&story, 6);
    for (uint32_t k = 0; k < JOBS; k++)
        ids[k] = story_ended(&story, 1 + k);
    story_run(&story, 10 * S_US);
    story_kill(&story, 5);
    for (int i = 0; i < 500; i++) {
        before = story.sent[MESSAGE_FACTS];
        story_run(&story, 50 * MS_US);
        after = story.sent[MESSAGE_FACTS] - before;
        most = after > most ? after : most;
    }
    /* Each of five keepers begins at most so many in a round; each sends to two or three, twice. */
    CHECK(most <= 5u * TENDED_MAX * 6);
    for (uint32_t k = 0; k < JOBS; k++)
        CHECK_INT(story_holders_up(&story, ids[k]), 3);
    for (uint32_t i = 0; i < 5; i++)
        CHECK_INT(story.nodes[i].core->tended_count, 0);
    CHECK(story_end(&story));
}

TEST_MAIN(an_ended_job_outlives_any_sequence_of_single_losses,
          a_holder_that_comes_back_without_its_disk_gets_ended_jobs_again,
          the_log_of_an_ended_job_goes_along, copies_of_the_dead_are_not_counted,
          a_holder_that_counts_too_many_counts_again, a_disk_that_works_again_gets_its_place_back,
          of_two_counts_everybody_takes_the_same, a_holder_that_nobody_meets_again_is_replaced,
          whoever_counts_copies_is_heard_after_a_title_was_lost,
          the_death_of_a_node_that_held_much_is_no_storm)
