/* Stories of jobs of several stages that yield objects: for whom these are kept, and what becomes
 * of the job when they are lost with the nodes that had them. */
#include "core/base/err.h"
#include "core/job/ledger.h"
#include "core/job/pool.h"
#include "core/node/jobs.h"
#include "core/node/keeping.h"
#include "core/node/objects.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_collect.h"
#include "tests/lib/story_graph.h"
#include "tests/lib/story_worker.h"

#define OUTPUTS 12

static struct story story;
static struct node_limits limits;
static struct job_spec made; /* of the job that was made last */
static uint8_t input[STAGE_INPUT_BYTES];
static bool keeps_going;
static bool reads; /* its first stage reads this object */

static uint32_t of_much(uint64_t leaf)
{
    return 20000 + (uint32_t)leaf;
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    spec->keep_going = keeps_going;
    parts_spec(spec, "work");
    spec->stage.inputs = (struct bytes){input, sizeof input};
    spec->stage.inputs_count = reads;
    spec->stage.inputs.len *= reads;
    made = *spec;
}

static void begin(uint32_t count)
{
    story_init(&story, count);
    limits = node_limits_usual;
    limits.owners_us = 2 * S_US;
    story.ages.objects_bytes = 1 << 30;
    story.ages.limits = &limits;
    story.output = of_much;
    story.graphs = true;
    story.adjust = as_told;
    parts_begin();
    reads = keeps_going = false;
    story_start_all(&story, true);
    story_run(&story, 2 * S_US);
}

static uint64_t covered_at(uint32_t i, struct job_id id)
{
    const struct job *j = job_find(story.nodes[i].core, id);

    return j == NULL || j->ledger == NULL ? 0 : cover_leaves(ledger_cover(j->ledger));
}

static void cover(uint32_t i, struct job_id id, uint64_t leaves)
{
    for (int k = 0; k < 8000 && covered_at(i, id) < leaves; k++)
        story_run(&story, MS_US);
    CHECK(covered_at(i, id) >= leaves);
}

/* The coordinator of a new job, where nothing that is made or got comes about. It may not even hear
 * of it. */
static uint32_t submitted_beside(struct job_id *id, bool hears)
{
    uint32_t left;

    *id = story_submitted(&story, 0, 1);
    left = story_leader(&story, *id);
    if (!hears)
        story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, left);
    story.nodes[left].mover_silent = true;
    return left;
}

static void lose_all_but(uint32_t left)
{
    story_lose_others(&story, left);
    story_drop(&story, 0, 0, 0);
    story.nodes[left].mover_silent = false;
    story_mover_dies(&story, left);
}

static uint32_t kept_for(struct job_id id)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < story.count; i++)
        count += node_keeps_for(story.nodes[i].core, id);
    return count;
}

TEST(outputs_that_others_read_are_kept_for_their_job)
{
    struct job_id id;
    uint32_t leader;

    begin(3);
    parts_add(OUTPUTS, true);
    parts_need(parts_add(40, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    leader = story_leader(&story, id);
    cover(leader, id, OUTPUTS + 1);
    CHECK(covered_at(leader, id) < OUTPUTS + 40);
    CHECK(kept_for(id) >= 2 * OUTPUTS);
    CHECK_INT(story_result(&story, 1, id, 30 * S_US).state, JOB_DONE);
    CHECK(kept_for(id) >= 2 * OUTPUTS);
    CHECK(story_end(&story));
}

/* The stage was complete, and its leaves are given out again. */
TEST(outputs_of_the_last_stage_that_are_lost_are_computed_again)
{
    struct collected c;
    struct job_id id;
    struct job_view v;
    uint64_t computed, had;
    uint32_t left;

    begin(4);
    parts_add(3, false);
    parts_need(parts_add(OUTPUTS, true), 0, 0);
    left = submitted_beside(&id, false);
    cover(left, id, 3 + OUTPUTS / 2);
    had = covered_at(left, id);
    CHECK(had < 3 + OUTPUTS);
    computed = story_leaves_computed(&story);
    lose_all_but(left);
    v = story_result(&story, left, id, 120 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    REQUIRE(read_collected(v.result, &c) == 0);
    CHECK_INT(c.leaves, OUTPUTS);
    /* All outputs, and nothing of the stage before. */
    CHECK(story_leaves_computed(&story) - computed >= OUTPUTS - 1);
    CHECK(kept_for(id) >= 2 * OUTPUTS);
    CHECK(story_end(&story));
}

/* What they were made of is read once more, and nothing else is done twice. */
TEST(outputs_that_are_lost_before_they_were_read_are_computed_again)
{
    struct job_id id;
    struct job_view v;
    uint64_t computed;
    uint32_t left;

    begin(4);
    parts_add(3, false);
    parts_need(parts_add(OUTPUTS, true), 0, 0);
    parts_need(parts_add(8, false), 1, 0);
    left = submitted_beside(&id, true);
    cover(left, id, 3 + OUTPUTS);
    computed = story_leaves_computed(&story);
    lose_all_but(left);
    v = story_result(&story, left, id, 120 * S_US);
    story_check_graph(&v, &made, of_much);
    CHECK_INT(story_leaves_computed(&story) - computed, OUTPUTS + 8);
    CHECK(story_end(&story));
}

/* What they were made of is lost as well: stage by stage, as far back as there is a loss. */
TEST(a_chain_of_outputs_that_are_lost_is_computed_again)
{
    struct job_id id;
    struct job_view v;
    uint64_t computed;
    uint32_t left;

    begin(4);
    parts_add(5, true);
    parts_need(parts_add(4, true), 0, 0);
    parts_need(parts_add(6, true), 1, 0);
    parts_need(parts_add(2, false), 2, 0);
    left = submitted_beside(&id, true);
    cover(left, id, 15);
    computed = story_leaves_computed(&story);
    lose_all_but(left);
    v = story_result(&story, left, id, 240 * S_US);
    story_check_graph(&v, &made, of_much);
    CHECK(story_leaves_computed(&story) - computed >= 17);
    CHECK(story_end(&story));
}

/* All stages were complete, and the last one misses what it reads when it is computed anew. */
TEST(outputs_of_the_last_stage_are_lost_together_with_what_it_read)
{
    struct collected c;
    struct job_id id;
    struct job_view v;
    uint32_t left;

    begin(4);
    parts_add(5, true);
    parts_need(parts_add(4, true), 0, 0);
    left = submitted_beside(&id, true);
    /* A node has gone meanwhile: so they are asked about, and nobody answers. */
    story_drop(&story, MESSAGE_OBJECT_HAVE, STORY_USER, left);
    story_kill(&story, (left + 1) % 4);
    cover(left, id, 9);
    lose_all_but(left);
    v = story_result(&story, left, id, 240 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    REQUIRE(read_collected(v.result, &c) == 0);
    CHECK_INT(c.leaves, 4);
    CHECK(story_end(&story));
}

/* Its next process knows nothing of what the one before has given out. */
TEST(outputs_that_are_lost_with_their_coordinator_are_computed_again)
{
    struct job_id id;
    struct job_view v;
    uint32_t left;

    begin(4);
    parts_add(OUTPUTS, true);
    parts_need(parts_add(8, false), 0, 0);
    left = submitted_beside(&id, true);
    cover(left, id, OUTPUTS);
    lose_all_but(left);
    story_kill(&story, left);
    story_start(&story, left);
    for (uint32_t i = 0; i < story.count; i++)
        story_hint(&story, left, i);
    v = story_result(&story, left, id, 120 * S_US);
    story_check_graph(&v, &made, of_much);
    CHECK(story_end(&story));
}

static uint32_t chunks_of(const struct job *j, uint32_t stage)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < pool_chunks(j->lead->pool); i++)
        count += graph_stage_of(j->graph, pool_chunk_at(j->lead->pool, i)->first) == stage;
    return count;
}

/* Something is given out again, but nothing of what was given up. */
TEST(a_stage_that_failed_rests_while_what_another_lost_is_computed_again)
{
    const struct job *j;
    uint32_t left, tried = 0;
    bool again = false;
    struct job_id id;
    struct job_view v;

    begin(4);
    keeps_going = true;
    parts_add(OUTPUTS, true);
    parts_add(40, false);
    parts[1].param = STORY_FAILING;
    parts_need(parts_add(8, false), 0, 0);
    left = submitted_beside(&id, true);
    cover(left, id, OUTPUTS);
    for (int k = 0; k < 4000; k++) {
        j = job_find(story.nodes[left].core, id);
        if (ready_at(&j->lead->ready, 1) == STAGE_FAILED && chunks_of(j, 1) == 0)
            break;
        story_run(&story, 5 * MS_US);
    }
    CHECK_INT(ready_at(&j->lead->ready, 1), STAGE_FAILED);
    lose_all_but(left);
    for (int k = 0; k < 6000 && !job_is_final(j); k++) {
        story_run(&story, 10 * MS_US);
        if (job_is_final(j) || j->lead == NULL)
            break;
        again |= j->lead->found != NULL;
        tried += chunks_of(j, 1);
    }
    CHECK(again);
    CHECK_INT(tried, 0);
    v = story_result(&story, left, id, 60 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, " of stage 1 ended its worker") != NULL);
    CHECK_INT(v.leaves_done, OUTPUTS + 8);
    CHECK(story_end(&story));
}

/* One of the nodes has neither the input nor what was made of it, but knows of both; and of so many
 * leaves that others have computed with that. */
static void lose_inputs_too(uint64_t computed)
{
    static uint8_t bytes[70000];
    char text[64] = "input ";
    const uint32_t left = 2;
    struct object_view told;
    struct digest name;
    struct job_id id;
    struct job_view v;
    struct buf b;

    begin(4);
    story_fill(bytes, sizeof bytes);
    story_drop(&story, MESSAGE_BULK_BYTES, STORY_USER, left);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, 15 * S_US, &told);
    reads = true;
    buf_init_fixed(&b, input, sizeof input);
    put_stage_input(&b, &(struct stage_input){.name = name, .size = sizeof bytes});
    parts_add(OUTPUTS, true);
    parts_need(parts_add(40, false), 0, 0);
    id = story_submitted(&story, 0, 1);
    REQUIRE(story_holds(&story, left, id));
    cover(left, id, OUTPUTS + computed);
    story_lose_others(&story, left);
    story_drop(&story, 0, 0, 0);
    v = story_result(&story, left, id, 240 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    id_hex(name.bytes, 8, text + strlen(text));
    CHECK(strstr(v.error, text) != NULL);
    CHECK(strstr(v.error, "had it last") != NULL);
    CHECK(story_end(&story));
}

TEST(outputs_whose_inputs_are_lost_too_fail_the_job_by_name)
{
    lose_inputs_too(0);
}

/* What was computed with them is still to be merged, and that finds no input either, again and
 * again. */
TEST(merges_that_wait_for_what_is_lost_keep_no_job_from_failing)
{
    for (uint64_t computed = 1; computed < 40; computed += 6)
        lose_inputs_too(computed);
}

/* The coordinator cannot get what the stage reads: leaves are computed by others, and so they merge
 * what is left to be merged. */
TEST(merges_whose_inputs_are_not_to_be_had_go_back)
{
    static uint8_t bytes[70000];
    struct object_view told;
    struct digest name;
    uint32_t number = 0, left = 0;
    struct job_id id;
    struct job_view v;
    struct buf b;

    begin(4);
    story_fill(bytes, sizeof bytes);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, 15 * S_US, &told);
    while (shelf_find(story.nodes[left].core->objects->shelf, name) != NULL)
        REQUIRE(++left < story.count);
    story_drop(&story, MESSAGE_OBJECT_HAVE, STORY_USER, left);
    reads = true;
    buf_init_fixed(&b, input, sizeof input);
    put_stage_input(&b, &(struct stage_input){.name = name, .size = sizeof bytes});
    parts_add(40, false);
    do {
        id = story_submitted(&story, 0, ++number);
    } while (story_leader(&story, id) != left);
    v = story_result(&story, left, id, 60 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    CHECK(shelf_find(story.nodes[left].core->objects->shelf, name) == NULL);
    CHECK(story_end(&story));
}

/* Objects that lie anywhere and are kept, each once, and whether so many nodes have each. */
static uint32_t objects_kept(uint32_t *copies)
{
    static struct digest names[256];
    uint32_t count = 0, least = UINT32_MAX;

    for (uint32_t i = 0; i < story.count; i++)
        for (struct keeping *k = story.nodes[i].core->keeping_first; k != NULL; k = k->next) {
            uint32_t at = 0, here = 0;

            while (at < count && !digest_equal(names[at], k->name))
                at++;
            if (at < count)
                continue;
            REQUIRE(count < 256);
            names[count++] = k->name;
            for (uint32_t n = 0; n < story.count; n++) {
                const struct shelf_object *o =
                    shelf_find(story.nodes[n].core->objects->shelf, k->name);

                here += o != NULL && o->whole && o->kept;
            }
            least = here < least ? here : least;
        }
    *copies = least;
    return count;
}

TEST(what_passed_between_stages_goes_once_there_is_a_result)
{
    struct job_id id;
    uint32_t copies;

    begin(4);
    parts_add(OUTPUTS, true);
    parts_need(parts_add(7, true), 0, 0);
    parts_need(parts_add(5, true), 1, 0);
    id = story_submitted(&story, 0, 1);
    cover(story_leader(&story, id), id, OUTPUTS + 7 + 1);
    story_run(&story, 5 * S_US);
    CHECK_INT(story_result(&story, 1, id, 30 * S_US).state, JOB_DONE);
    story_run(&story, 30 * S_US);
    CHECK_INT(objects_kept(&copies), 5);
    CHECK(copies >= 2);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(shelf_count(story.nodes[i].core->objects->shelf) <= 5);
    /* Nor does it come back from the disk. */
    for (uint32_t i = 0; i < story.count; i++) {
        story_kill(&story, i);
        story_start(&story, i);
    }
    for (uint32_t i = 1; i < story.count; i++)
        story_hint(&story, i, 0);
    story_run(&story, 60 * S_US);
    CHECK_INT(objects_kept(&copies), 5);
    CHECK(copies >= 2);
    CHECK(story_end(&story));
}

/* Two stages yield the same bytes, and what they yield is one object each. */
TEST(what_passed_stays_where_the_result_is_the_same)
{
    struct job_id id;
    uint32_t copies;

    begin(4);
    parts_add(6, true);
    parts_add(6, true)->param = 0;
    parts_need(&parts[1], 0, NEED_ORDER);
    id = story_submitted(&story, 0, 1);
    CHECK_INT(story_result(&story, 1, id, 30 * S_US).state, JOB_DONE);
    story_run(&story, 30 * S_US);
    CHECK_INT(objects_kept(&copies), 6);
    CHECK(copies >= 2);
    CHECK(story_end(&story));
}

TEST_MAIN(merges_that_wait_for_what_is_lost_keep_no_job_from_failing,
          merges_whose_inputs_are_not_to_be_had_go_back,
          what_passed_between_stages_goes_once_there_is_a_result,
          what_passed_stays_where_the_result_is_the_same,
          a_stage_that_failed_rests_while_what_another_lost_is_computed_again,
          outputs_whose_inputs_are_lost_too_fail_the_job_by_name,
          outputs_that_others_read_are_kept_for_their_job,
          outputs_of_the_last_stage_that_are_lost_are_computed_again,
          outputs_that_are_lost_before_they_were_read_are_computed_again,
          a_chain_of_outputs_that_are_lost_is_computed_again,
          outputs_of_the_last_stage_are_lost_together_with_what_it_read,
          outputs_that_are_lost_with_their_coordinator_are_computed_again)
