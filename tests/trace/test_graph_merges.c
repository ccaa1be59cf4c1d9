/* Stories of a stage that was begun, and what it reads is not there: whoever coordinates now had
 * heard of the stage, and not of what that came from, which is computed again. What waits for it
 * must not stand in its way. */
#include "core/job/ledger.h"
#include "core/job/pool.h"
#include "core/node/jobs.h"
#include "core/node/merge_work.h"
#include "core/node/stages.h"
#include "core/wire/tree.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/rig.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_worker.h"

#define LEAVES 2 /* of the first stage */

static struct story story;
static struct job_spec made; /* of the job that was made last */

static uint32_t none(uint64_t leaf)
{
    (void)leaf;
    return 0;
}

static int64_t slow_at_first(uint8_t param)
{
    return param == 0 ? 200 * MS_US : STORY_LEAF_US;
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    parts_spec(spec, "work");
    made = *spec;
}

/* The second stage reads the value of the first. */
static void begin(uint32_t count, uint8_t first)
{
    story_init(&story, count);
    story.output = none;
    story.graphs = true;
    story.leaf_us = slow_at_first;
    story.adjust = as_told;
    parts_begin();
    parts_add(LEAVES, false)->param = first;
    parts_need(parts_add(4, false), 0, 0);
    story_start_all(&story, false);
    story_run(&story, 2 * S_US);
}

/* The value of a leaf of the first or second stage, as workers compute it. */
static uint64_t leaf_value(uint32_t stage, uint64_t leaf)
{
    uint64_t first = story_seed((struct bytes){&parts[0].param, 1}), seed;
    uint8_t bytes[8];

    if (stage == 0)
        return story_leaf_value(first, leaf);
    store_u64(bytes, story_join(story_leaf_value(first, 0), story_leaf_value(first, 1)));
    seed = story_seed((struct bytes){&parts[1].param, 1});
    return story_leaf_value(story_seed_bytes(seed, (struct bytes){bytes, 8}), leaf);
}

/* The first two leaves of the stage, which are a pair. */
static void put_pair(struct buf *b, const struct job *j, uint32_t stage)
{
    uint64_t first = stage_leaves(j, stage).first;
    uint8_t bytes[8];

    for (uint64_t leaf = 0; leaf < 2; leaf++) {
        store_u64(bytes, leaf_value(stage, leaf));
        put_value(b, &(struct value){{0, first + leaf}, {bytes, 8}});
    }
}

/* Another holder tells the coordinator of both. */
static void tell_pair(uint32_t from, uint32_t to, const struct job *j, uint32_t stage)
{
    struct partial p = {.count = 2};
    struct buf fact, b;

    buf_init(&fact, &story.heap.alloc, 1024);
    buf_init(&b, &story.heap.alloc, 2048);
    put_partial_begin(&fact, &p);
    put_pair(&fact, j, stage);
    put_facts_begin(&b, j->id, 1, false, 1);
    put_block(&b, buf_bytes(&fact));
    story_say(&story, from, to, MESSAGE_FACTS, 0, buf_bytes(&b));
    buf_clear(&fact);
    buf_clear(&b);
}

/* The coordinator asks for both to be merged. */
static void grant_pair(uint32_t from, uint32_t to, const struct job *j, uint32_t stage)
{
    struct peer_grant g = {.job = j->id, .report_us = 1000};
    struct buf b;

    g.claim = ledger_claim_fact(j->ledger);
    g.spec = ledger_spec_signed(j->ledger);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_peer_grant_begin(&b, &g);
    put_u16(&b, 1);
    put_pair(&b, j, stage);
    story_say(&story, from, to, MESSAGE_GRANT, 0, buf_bytes(&b));
    buf_clear(&b);
}

/* The coordinator before had given out the second stage, and what it read is lost with it. */
TEST(values_whose_inputs_are_not_there_are_merged_when_these_are)
{
    uint32_t leader;
    struct job_view v;
    struct job_id id;
    struct job *j;

    begin(2, 0);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    j = job_find(story.nodes[leader].core, id);
    CHECK_INT(ready_at(&j->lead->ready, 0), STAGE_READY);
    tell_pair(1 - leader, leader, j, 1);
    story_run(&story, 100 * MS_US);
    CHECK_INT(ready_at(&j->lead->ready, 1), STAGE_WAITING);
    CHECK_INT(cover_leaves(ledger_cover(j->ledger)), 2);
    v = story_result(&story, leader, id, 2 * S_US);
    story_check_graph(&v, &made, none);
    CHECK(story_end(&story));
}

/* They were asked for by a coordinator that has lost what they need since, or by another one; the
 * first stage never ends by itself, and there is a slot beside its leaves. */
TEST(merges_that_wait_for_their_inputs_give_way_to_others)
{
    uint32_t leader, other;
    struct job_view v;
    struct node *n;
    struct job *j;

    begin(3, STORY_HANGING);
    j = job_find(story.nodes[0].core, story_submitted(&story, 0, 1));
    leader = story_leader(&story, j->id);
    other = (leader + 1) % 3;
    j = job_find(story.nodes[leader].core, j->id);
    n = story.nodes[other].core;
    rig_forget_given(story.nodes[leader].core, j->id);
    grant_pair(leader, other, j, 1);
    story_run(&story, 500 * MS_US);
    CHECK(merge_work_wants(n, job_find(n, j->id), 1));
    CHECK_INT(cover_leaves(ledger_cover(j->ledger)), 0);
    grant_pair(leader, other, j, 0);
    v = story_result(&story, leader, j->id, 2 * S_US);
    story_check_graph(&v, &made, none);
    CHECK(story_end(&story));
}

/* So many of its chunks the node has that no worker was given. */
static uint32_t waiting_at(uint32_t i, struct job_id id, uint32_t stage)
{
    const struct job *j = job_find(story.nodes[i].core, id);
    const struct labour_chunk *c = j == NULL || j->labour == NULL ? NULL : j->labour->chunks;
    uint32_t count = 0;

    for (; c != NULL; c = c->next_chunk)
        count += c->stage == stage && c->state == SLOT_QUEUED;
    return count;
}

/* Its only slot waits for what the coordinator has not told any more, and has not passed on. */
TEST(a_chunk_whose_inputs_went_with_its_coordinator_does_not_keep_its_slot)
{
    uint32_t leader, other;
    struct job_id id;
    struct job_view v;

    begin(2, 0);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    other = 1 - leader;
    story_drop(&story, MESSAGE_INPUT_VALUES, leader, other);
    story.drop.type_too = MESSAGE_FACTS;
    for (int k = 0; k < 2000 && waiting_at(other, id, 1) == 0; k++)
        story_run(&story, MS_US);
    CHECK_INT(waiting_at(other, id, 1), 1);
    story_kill(&story, leader);
    v = story_result(&story, other, id, 5 * S_US);
    story_check_graph(&v, &made, none);
    CHECK(story_end(&story));
}

/* The node says that it has this chunk of the second stage, and then that it lacks an input. */
static void lacks_input(uint32_t from, const struct job *j, uint64_t grant)
{
    uint64_t first = stage_leaves(j, 1).first;
    uint8_t bytes[256];
    struct buf b;

    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u32(&b, j->lead->claim.epoch);
    put_u16(&b, 1);
    put_u64(&b, grant);
    put_u64(&b, first);
    put_u64(&b, first + 1);
    story_say(&story, from, 1 - from, MESSAGE_OPEN, 0, buf_bytes(&b));
    CHECK(pool_find(j->lead->pool, grant) != NULL);
    buf_init_fixed(&b, bytes, sizeof bytes);
    put_job_id(&b, j->id);
    put_u8(&b, RETURN_NO_INPUT);
    put_text(&b, "an input is nowhere");
    put_u16(&b, 1);
    put_u64(&b, grant);
    story_say(&story, from, 1 - from, MESSAGE_RETURN, 0, buf_bytes(&b));
    CHECK(pool_find(j->lead->pool, grant) == NULL);
}

/* It is waited for as long as it takes. */
TEST(who_lacks_what_is_being_computed_does_not_fail_the_job)
{
    uint32_t leader;
    struct job *j;

    begin(2, STORY_HANGING);
    j = job_find(story.nodes[0].core, story_submitted(&story, 0, 1));
    leader = story_leader(&story, j->id);
    j = job_find(story.nodes[leader].core, j->id);
    story_run(&story, S_US);
    lacks_input(1 - leader, j, 77);
    CHECK_INT(j->lead->no_input_since.us, 0);
    story_run(&story, 61 * S_US);
    lacks_input(1 - leader, j, 78);
    story_run(&story, S_US);
    CHECK(!job_is_final(j));
    CHECK(story_end(&story));
}

TEST_MAIN(a_chunk_whose_inputs_went_with_its_coordinator_does_not_keep_its_slot,
          who_lacks_what_is_being_computed_does_not_fail_the_job,
          values_whose_inputs_are_not_there_are_merged_when_these_are,
          merges_that_wait_for_their_inputs_give_way_to_others)
