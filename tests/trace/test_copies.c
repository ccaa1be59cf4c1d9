/* Stories of the copies of ended jobs: they outlive any sequence of single losses, and what is told
 * of them is true. */
#include "core/job/ledger.h"
#include "core/node/directory.h"
#include "core/node/greet.h"
#include "core/node/jobs.h"
#include "core/node/keep.h"
#include "core/node/lead.h"
#include "core/node/link.h"
#include "core/node/peer.h"
#include "core/node/place.h"
#include "core/node/record.h"
#include "core/node/replica.h"
#include "core/node/seal.h"
#include "core/wire/tree.h"
#include "tests/lib/rig.h"
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

/* It refuses to be called, though it is not dead for all yet. */
TEST(a_copy_at_a_node_that_was_killed_is_counted_no_more)
{
    struct job_id id;
    uint32_t lost;

    story_begin(&story, 4);
    id = story_ended(&story, 1);
    story_all_tell(&story, id, JOB_CANCELLED, 3);
    for (uint32_t i = 0; i < story.count; i++)
        story.nodes[i].stuck = true;
    lost = story_one_that(&story, true, id);
    story_kill(&story, lost);
    story_run(&story, 400 * MS_US);
    story_all_tell(&story, id, JOB_CANCELLED, 2);
    CHECK(story_end(&story));
}

static bool is_tended(struct job_id id)
{
    bool any = false;

    for (uint32_t i = 0; i < story.count; i++) {
        const struct job *j =
            story.nodes[i].core == NULL ? NULL : job_find(story.nodes[i].core, id);

        any |= j != NULL && j->tending == TEND_COPIES;
    }
    return any;
}

/* Another is chosen as soon as it is known to be dead. */
TEST(a_copy_is_not_waited_for_at_a_node_that_dies_before_it_has_it)
{
    struct job_id id;
    uint32_t next;

    story_begin(&story, 4);
    id = story_ended(&story, 1);
    story_all_tell(&story, id, JOB_CANCELLED, 3);
    next = story_one_that(&story, false, id);
    story_drop(&story, MESSAGE_FACTS, STORY_USER, next);
    story_kill(&story, story_one_that(&story, true, id));
    for (int k = 0; k < 8000 && !is_tended(id); k++)
        story_run(&story, MS_US);
    CHECK(is_tended(id));
    story_run(&story, 100 * MS_US);
    story_kill(&story, next);
    story_run(&story, 7 * S_US);
    story_all_tell(&story, id, JOB_CANCELLED, 2);
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

/* What one node has heard of an ended job, said by another: ended or counted by somebody else. */
static void say_ended(uint32_t from, uint32_t to, struct job_id id, enum job_state state,
                      uint32_t epoch, uint64_t version, uint32_t copies)
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
    p.view.state = state;
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_u8(&b, 0);
    put_u16(&b, 1);
    put_peer_entry(&b, &p);
    story_say(&story, from, to, MESSAGE_DIRECTORY, 0, buf_bytes(&b));
    buf_clear(&b);
}

static void say_count(uint32_t from, uint32_t to, struct job_id id, uint32_t epoch,
                      uint64_t version, uint32_t copies)
{
    say_ended(from, to, id, JOB_CANCELLED, epoch, version, copies);
}

static uint32_t copies_heard(uint32_t i, struct job_id id)
{
    const struct entry *e = directory_find(story.nodes[i].core, id);
    struct job_view v = {0};

    CHECK(e != NULL && entry_view(e, &v));
    return v.durable;
}

/* It is named in place of one that died, and syncs nothing. */
TEST(a_new_holder_counts_when_it_has_synced)
{
    struct job_id id;
    uint32_t stuck;

    story_begin(&story, 4);
    id = story_ended(&story, 1);
    stuck = story_one_that(&story, false, id);
    story.nodes[stuck].stuck = true;
    story_kill(&story, story_one_that(&story, true, id));
    story_run(&story, 12 * S_US);
    CHECK_INT(story_holders_up(&story, id), 3);
    story_all_tell(&story, id, JOB_CANCELLED, 2);
    CHECK(story_end(&story));
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

static uint32_t who_is(struct node_id id)
{
    uint32_t k = 0;

    while (!node_id_equal(story.nodes[k].id, id))
        REQUIRE(++k < story.count);
    return k;
}

/* As one node knows it. */
static uint32_t coordinator_of(uint32_t i, struct job_id id)
{
    const struct entry *e = directory_find(story.nodes[i].core, id);

    REQUIRE(e != NULL);
    return who_is(e->coordinator);
}

/* The coordinator that ended it had a title that nobody has kept. */
TEST(whoever_counts_copies_is_heard_after_a_title_was_lost)
{
    struct job_id id;
    uint32_t author, stranger, copies, machines;

    story_begin(&story, 5);
    id = story_ended(&story, 1);
    stranger = story_one_that(&story, false, id);
    author = coordinator_of(stranger, id);
    for (uint32_t i = 0; i < story.count; i++)
        if (i != author)
            say_count(author, i, id, 9, 40, 3);
    story_kill(&story, author);
    story_run(&story, 20 * S_US);
    CHECK(node_tells(story.nodes[stranger].core, id, &copies, &machines));
    CHECK_INT(copies, 3);
    CHECK_INT(machines, 3);
    CHECK(story_end(&story));
}

static uint32_t first_holder(struct job_id id)
{
    const struct job *j = job_find(story.nodes[story_one_that(&story, true, id)].core, id);

    return who_is(ledger_holders(j->ledger)->ids[0]);
}

/* It was told with the one copy it had, and that disk was lost. So was that of the holder who would
 * be the first to look after the job. */
TEST(a_job_is_kept_though_all_have_heard_of_an_outcome_that_is_lost)
{
    struct job_id id;
    uint32_t stranger, first;

    story_begin(&story, 5);
    id = story_ended(&story, 1);
    stranger = story_one_that(&story, false, id);
    for (uint32_t i = 0; i < story.count; i++)
        say_ended(stranger == i ? story_one_that(&story, true, id) : stranger, i, id, JOB_DONE, 9,
                  40, 1);
    first = first_holder(id);
    story_kill(&story, first);
    story_start(&story, first);
    story_hint(&story, first, stranger);
    story_run(&story, 20 * S_US);
    CHECK_INT(story_holders_up(&story, id), 3);
    for (uint32_t i = 0; i < story.count; i++)
        if (story.nodes[i].core != NULL && story_holds(&story, i, id))
            CHECK_INT(job_find(story.nodes[i].core, id)->copies, 3);
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

/* Whoever tells it is telling the others too: a comparison meanwhile would only make everybody show
 * everything to everybody. */
TEST(what_is_new_of_an_ended_job_is_compared_once)
{
    struct job_id id;
    uint32_t syncs;

    story_begin(&story, 6);
    id = story_ended(&story, 1);
    story_run(&story, 10 * S_US);
    syncs = story.sent[MESSAGE_SYNC];
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t lost = story_one_that(&story, true, id);

        story_kill(&story, lost);
        story_run(&story, 8 * S_US);
        story_start(&story, lost);
        story_hint(&story, lost, (lost + 1) % story.count);
        story_run(&story, 20 * S_US);
    }
    CHECK_INT(story_holders_up(&story, id), 3);
    /* Each time three holders compare with two others and with the one that is back, at its death
     * and at its return; few differ then, and are answered. Where both dial at once, as two that
     * are introduced to each other may, they meet on two links. */
    CHECK(story.sent[MESSAGE_SYNC] - syncs <= 3u * 2 * 3 * 3 + 3u * 6 + 3u * 2 * 3);
    CHECK(story_end(&story));
}

/* Neither is forgotten for the other, whichever found no room first, and nothing else is compared
 * again: of two nodes that each owe the other something, both would be told only the rest. */
TEST(all_that_found_no_room_is_sent)
{
    struct job *older, *newer;
    uint32_t facts, syncs;
    struct node *n;

    for (int newer_first = 0; newer_first < 2; newer_first++) {
        story_begin(&story, 3);
        story_ended(&story, 1);
        story_ended(&story, 2);
        story_run(&story, 10 * S_US);
        n = story.nodes[0].core;
        older = n->kept_first;
        REQUIRE(older != NULL && older->next_kept != NULL);
        newer = older->next_kept;
        facts = story.sent[MESSAGE_FACTS];
        syncs = story.sent[MESSAGE_SYNC];
        greet_kept_again(n, story.nodes[1].id, newer_first ? newer : older, false);
        greet_kept_again(n, story.nodes[1].id, newer_first ? older : newer, false);
        story_run(&story, 2 * S_US);
        CHECK_INT(story.sent[MESSAGE_FACTS] - facts, 2);
        CHECK_INT(story.sent[MESSAGE_SYNC] - syncs, 0);
        CHECK(n->greetings == NULL);
        CHECK(story_end(&story));
    }
}

/* A list that nobody else was told, and no link comes up that would be a reason to compare. */
TEST(what_one_holder_hears_of_an_ended_job_the_others_hear)
{
    struct holders list;
    struct buf body, fact, b;
    struct job_id id;
    uint32_t holder, author, stranger;

    story_begin(&story, 5);
    id = story_ended(&story, 1);
    story_run(&story, 10 * S_US);
    holder = story_one_that(&story, true, id);
    stranger = story_one_that(&story, false, id);
    author = holder + 1;
    while (!story_holds(&story, author, id))
        author++;
    list = *ledger_holders(job_find(story.nodes[holder].core, id)->ledger);
    list.generation = 9;
    buf_init(&body, &story.heap.alloc, 1024);
    buf_init(&fact, &story.heap.alloc, 8192);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_holders_body(&body, id, &list);
    CHECK_INT(seal_fact(story.nodes[author].core, FACT_HOLDERS, buf_bytes(&body), &fact), 0);
    put_facts_begin(&b, id, 0, false, 1);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, stranger, holder, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&body);
    buf_clear(&fact);
    buf_clear(&b);
    story_run(&story, 2 * S_US);
    for (uint32_t i = 0; i < story.count; i++)
        if (story_holds(&story, i, id))
            CHECK_INT(ledger_holders(job_find(story.nodes[i].core, id)->ledger)->generation, 9);
    CHECK(story_end(&story));
}

static const struct replica *replica_at(uint32_t leader, struct job_id id, uint32_t who)
{
    const struct job *j = job_find(story.nodes[leader].core, id);

    for (uint8_t i = 0; i < j->replicas_count; i++)
        if (node_id_equal(j->replicas[i].id, story.nodes[who].id))
            return &j->replicas[i];
    return NULL;
}

static bool catches_up(uint32_t leader, struct job_id id, uint32_t who)
{
    const struct replica *r = replica_at(leader, id, who);

    return r != NULL && r->catching;
}

static bool is_whole(uint32_t leader, struct job_id id, uint32_t who)
{
    const struct replica *r = replica_at(leader, id, who);

    return r != NULL && r->whole;
}

static bool has_all(uint32_t leader, struct job_id id, uint32_t who)
{
    const struct job *j = job_find(story.nodes[leader].core, id);

    return replica_is_up(j, story.nodes[who].id) &&
           replica_has(j, story.nodes[who].id, j->batch_last);
}

static bool comes_within(bool (*what)(uint32_t leader, struct job_id id, uint32_t who),
                         uint32_t leader, struct job_id id, uint32_t who, int64_t us)
{
    for (int64_t at = 0; at < us && !what(leader, id, who); at += 50)
        story_run(&story, 50);
    return what(leader, id, who);
}

/* Its link takes little at a time, and the job goes on meanwhile. What it confirms it has. */
TEST(a_holder_that_catches_up_confirms_only_what_it_has)
{
    struct digest all, its;
    struct job_id id;
    uint32_t leader, late, other;

    story_begin_narrow(&story, 3);
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    leader = story_leader(&story, id);
    late = leader == 0 ? 1 : 0;
    other = 3 - leader - late;
    story_kill(&story, late);
    for (uint64_t leaf = 0; leaf < 20; leaf += 2)
        story_say_leaf(&story, other, leader, id, leaf);
    story_run(&story, 100 * MS_US);
    story_start(&story, late);
    story_hint(&story, late, leader);
    REQUIRE(comes_within(catches_up, leader, id, late, 5 * S_US));
    story_say_leaf(&story, other, leader, id, 30);
    REQUIRE(comes_within(is_whole, leader, id, late, 5 * S_US));
    story_say_leaf(&story, other, leader, id, 40);
    story_run(&story, 10 * MS_US); /* into its batch */
    REQUIRE(comes_within(has_all, leader, id, late, 5 * S_US));
    all = ledger_digest(job_find(story.nodes[leader].core, id)->ledger);
    its = ledger_digest(job_find(story.nodes[late].core, id)->ledger);
    CHECK_MEM(&its, &all, sizeof all);
    CHECK(story_end(&story));
}

/* Nothing else happens that would make anybody look. */
static void disk_becomes(bool full, bool silent)
{
    uint32_t holder, stranger;
    struct job_id id;

    story_begin(&story, 4);
    id = story_ended(&story, 1);
    story_run(&story, 30 * S_US);
    holder = story_one_that(&story, true, id);
    stranger = story_one_that(&story, false, id);
    REQUIRE(holder < 4 && stranger < 4);
    story.nodes[holder].core->disk_full = full;
    story.nodes[holder].core->disk_silent = silent;
    story_run(&story, 30 * S_US);
    CHECK(story_holds(&story, stranger, id));
    CHECK(story_end(&story));
}

TEST(a_holder_that_cannot_write_is_replaced_by_nodes_at_rest)
{
    disk_becomes(true, false);
}

TEST(a_holder_whose_disk_does_not_answer_is_replaced)
{
    disk_becomes(false, true);
}

TEST_MAIN(a_holder_that_cannot_write_is_replaced_by_nodes_at_rest,
          a_holder_whose_disk_does_not_answer_is_replaced,
          a_holder_that_catches_up_confirms_only_what_it_has,
          an_ended_job_outlives_any_sequence_of_single_losses,
          a_holder_that_comes_back_without_its_disk_gets_ended_jobs_again,
          the_log_of_an_ended_job_goes_along, copies_of_the_dead_are_not_counted,
          a_new_holder_counts_when_it_has_synced,
          a_copy_at_a_node_that_was_killed_is_counted_no_more,
          a_holder_that_counts_too_many_counts_again,
          a_copy_is_not_waited_for_at_a_node_that_dies_before_it_has_it,
          a_disk_that_works_again_gets_its_place_back, of_two_counts_everybody_takes_the_same,
          a_job_is_kept_though_all_have_heard_of_an_outcome_that_is_lost,
          a_holder_that_nobody_meets_again_is_replaced,
          whoever_counts_copies_is_heard_after_a_title_was_lost,
          the_death_of_a_node_that_held_much_is_no_storm,
          what_is_new_of_an_ended_job_is_compared_once, all_that_found_no_room_is_sent,
          what_one_holder_hears_of_an_ended_job_the_others_hear)
