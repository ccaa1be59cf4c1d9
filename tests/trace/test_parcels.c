/* Stories of ledgers that are more than a link takes at once: they wait, within a bound, and each
 * is shown once. */
#include "core/mesh/mesh.h"
#include "core/node/link.h"
#include "core/node/state.h"
#include "tests/lib/story_copies.h"

static struct story story;

/* What it has of an ended job is something else. */
static void say_other(uint32_t from, uint32_t to, struct job_id id)
{
    struct peer_sync m = {.job = id, .digest = {{1}}};
    uint8_t bytes[256];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_peer_sync(&b, &m);
    story_say(&story, from, to, MESSAGE_SYNC, 0, buf_bytes(&b));
}

/* A link that takes little at a time has no room for the second: it is sent when there is. */
TEST(ended_jobs_that_are_shown_at_once_all_come)
{
    struct job_id ids[4];
    uint32_t before, each;

    story_begin_narrow(&story, 3);
    for (uint32_t i = 0; i < 4; i++)
        ids[i] = story_ended(&story, i + 1);
    story_run(&story, 10 * S_US);
    before = story.sent[MESSAGE_FACTS];
    say_other(1, 0, ids[0]);
    story_run(&story, 2 * S_US);
    each = story.sent[MESSAGE_FACTS] - before;
    CHECK(each > 0);
    before += each;
    for (uint32_t i = 0; i < 4; i++)
        say_other(1, 0, ids[i]);
    story_run(&story, 2 * S_US);
    CHECK_INT(story.sent[MESSAGE_FACTS] - before, 4 * each);
    CHECK(story_end(&story));
}

/* What is on its way to a node, by the count of the one that sends. */
static uint64_t on_the_way(uint32_t from, uint32_t to)
{
    const struct node *n = story.nodes[from].core;
    const struct member *m = mesh_find(n->mesh, story.nodes[to].id);
    const struct link_entry *l = link_find(n, m->link);

    return l->sent - l->counted;
}

static uint64_t most_on_the_way(uint32_t from, uint32_t to, int64_t us)
{
    uint64_t most = 0;

    for (int64_t at = 0; at < us; at += 50) {
        story_run(&story, 50);
        most = on_the_way(from, to) > most ? on_the_way(from, to) : most;
    }
    return most;
}

static uint64_t sent_to(uint32_t from, uint32_t to)
{
    const struct node *n = story.nodes[from].core;

    return link_find(n, mesh_find(n->mesh, story.nodes[to].id)->link)->sent;
}

/* A live job whose ledger is many frames, which one holder that does not lead it is to show to the
 * one that does. */
static struct job_id begin_large(uint32_t *leader, uint32_t *holder)
{
    struct job_id id;
    uint32_t other;

    story_begin_narrow(&story, 3);
    for (uint32_t i = 0; i < 3; i++)
        story.nodes[i].core->limits.frame_bytes = 256;
    id = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    *leader = story_leader(&story, id);
    *holder = *leader == 0 ? 1 : 0;
    other = 3 - *leader - *holder;
    for (uint64_t leaf = 0; leaf < 40; leaf += 2)
        story_say_leaf(&story, other, *leader, id, leaf);
    story_run(&story, S_US);
    return id;
}

/* A link whose queue is too long is closed; when it is there again the same would be sent again. */
TEST(a_large_ledger_is_shown_no_faster_than_it_is_taken)
{
    uint32_t leader, holder;
    struct job_id id = begin_large(&leader, &holder);
    uint64_t before = sent_to(holder, leader);

    say_other(leader, holder, id);
    CHECK(most_on_the_way(holder, leader, 2 * S_US) < 512 + 1024);
    CHECK(sent_to(holder, leader) - before > 3000);
    CHECK(story.nodes[holder].core->greetings == NULL);
    CHECK(story_end(&story));
}

/* Whoever compares again meanwhile is not shown the beginning of it again. */
TEST(a_ledger_that_is_on_its_way_is_not_begun_again)
{
    uint32_t leader, holder, facts, once;
    struct job_id id = begin_large(&leader, &holder);
    const struct node *n = story.nodes[holder].core;

    facts = story.sent[MESSAGE_FACTS];
    say_other(leader, holder, id);
    story_run(&story, 2 * S_US);
    once = story.sent[MESSAGE_FACTS] - facts;
    facts = story.sent[MESSAGE_FACTS];
    say_other(leader, holder, id);
    story_run(&story, 150);
    REQUIRE(n->parcel_bytes > 0);
    while (n->parcel_bytes > 0) {
        say_other(leader, holder, id);
        story_run(&story, 50);
    }
    CHECK(story.sent[MESSAGE_FACTS] - facts >= once);
    CHECK(story.sent[MESSAGE_FACTS] - facts <= once + 2);
    CHECK(story_end(&story));
}

/* How many wait; together they are what the node counts. */
static uint32_t parcels_of(const struct node *n)
{
    uint32_t count = 0;
    size_t sum = 0;

    for (const struct greeting *g = n->greetings; g != NULL; g = g->next) {
        count += !parcel_is_empty(&g->parcel);
        sum += g->parcel.facts.cap;
    }
    CHECK_INT(n->parcel_bytes, sum);
    return count;
}

static uint32_t most_parcels(const struct node *n, int64_t us)
{
    uint32_t most = 0;

    for (int64_t at = 0; at < us; at += 50) {
        story_run(&story, 50);
        most = parcels_of(n) > most ? parcels_of(n) : most;
    }
    return most;
}

/* Each of these nodes is to be shown each of the jobs. */
static uint32_t show_all(const struct job_id *ids, uint32_t count, uint32_t *most)
{
    uint32_t before = story.sent[MESSAGE_FACTS];

    for (uint32_t i = 1; i < story.count; i++)
        for (uint32_t k = 0; k < count; k++)
            say_other(i, 0, ids[k]);
    *most = most_parcels(story.nodes[0].core, 2 * S_US);
    return story.sent[MESSAGE_FACTS] - before;
}

TEST(what_waits_for_all_nodes_together_is_bounded_and_comes_in_the_end)
{
    struct job_id ids[3];
    uint32_t most, frames;

    story_begin_narrow(&story, 3);
    for (uint32_t i = 0; i < 3; i++) {
        story.nodes[i].core->limits.frame_bytes = 256;
        ids[i] = story_ended(&story, i + 1);
    }
    story_run(&story, 10 * S_US);
    frames = show_all(ids, 3, &most);
    CHECK_INT(most, 2);
    story.nodes[0].core->limits.parcel_bytes = 1;
    CHECK_INT(show_all(ids, 3, &most), frames);
    CHECK_INT(most, 1);
    CHECK(story.nodes[0].core->greetings == NULL);
    CHECK_INT(story.nodes[0].core->parcel_bytes, 0);
    CHECK(story_end(&story));
}

/* Nobody waits for room that a node holds which is not there any more. */
TEST(what_waited_for_a_node_that_dies_makes_room)
{
    struct job_id id;
    struct node *n;
    uint32_t before;

    story_begin_narrow(&story, 3);
    for (uint32_t i = 0; i < 3; i++)
        story.nodes[i].core->limits.frame_bytes = 256;
    id = story_ended(&story, 1);
    story_run(&story, 10 * S_US);
    n = story.nodes[0].core;
    n->limits.parcel_bytes = 1;
    story_pause(&story, 1);
    say_other(1, 0, id);
    story_run(&story, MS_US);
    REQUIRE(parcels_of(n) == 1);
    before = story.sent[MESSAGE_FACTS];
    say_other(2, 0, id);
    story_run(&story, 100 * MS_US);
    CHECK_INT(story.sent[MESSAGE_FACTS] - before, 0);
    story_kill(&story, 1);
    story_run(&story, S_US);
    CHECK(story.sent[MESSAGE_FACTS] - before > 2);
    CHECK_INT(n->parcel_bytes, 0);
    CHECK(story_end(&story));
}

TEST_MAIN(ended_jobs_that_are_shown_at_once_all_come,
          a_large_ledger_is_shown_no_faster_than_it_is_taken,
          a_ledger_that_is_on_its_way_is_not_begun_again,
          what_waits_for_all_nodes_together_is_bounded_and_comes_in_the_end,
          what_waited_for_a_node_that_dies_makes_room)
