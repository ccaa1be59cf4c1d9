/* Stories of jobs that read objects and collect what their leaves yield: on nodes with disks and
 * workers that do what they are told. */
#include "core/base/err.h"
#include "core/job/ledger.h"
#include "core/node/jobs.h"
#include "core/node/labour_output.h"
#include "core/node/making.h"
#include "core/node/objects.h"
#include "tests/lib/story_collect.h"
#include "tests/lib/story_copies.h"

#define LEAVES STORY_LEAVES
#define BIG_OUTPUT STORY_OUTPUT_MAX

static struct story story;
static uint8_t bytes[3 * PIECE_SIZE + 5];

static uint32_t of_all_sizes(uint64_t leaf)
{
    static const uint32_t sizes[] = {0,          1,    OUTPUT_INLINE_MAX, OUTPUT_INLINE_MAX + 1,
                                     BIG_OUTPUT, 4096, OUTPUT_PART_MAX,   OUTPUT_WINDOW + 1};

    return sizes[leaf % (sizeof sizes / sizeof *sizes)];
}

static uint32_t of_few_bytes(uint64_t leaf)
{
    return (uint32_t)(leaf * 5 % 100);
}

static uint32_t of_much(uint64_t leaf)
{
    return 100000 + (uint32_t)leaf;
}

static void begin(uint32_t count, uint64_t objects_bytes, uint32_t (*output)(uint64_t leaf))
{
    story_init(&story, count);
    story.ages.objects_bytes = objects_bytes;
    story_collect_begin(&story, output, false);
    story_fill(bytes, sizeof bytes);
}

static void compute_some(void)
{
    for (int k = 0; k < 2000 && story_leaves_computed(&story) < 4; k++)
        story_run(&story, MS_US);
    CHECK(story_leaves_computed(&story) >= 4 && story_leaves_computed(&story) < LEAVES);
}

/* A worker of some node that has a leaf under way, or NULL. */
static struct worker *at_work(uint32_t *node)
{
    for (*node = 0; *node < story.count; (*node)++)
        for (struct worker *w = story.nodes[*node].core->workers; w != NULL; w = w->next)
            if (w->chunk != NULL && w->chunk->state == SLOT_RUNNING)
                return w;
    return NULL;
}

TEST(outputs_of_all_sizes_come_in_the_order_of_leaves)
{
    struct job_id id;
    struct job_view v;

    begin(3, 1 << 30, of_all_sizes);
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 1, id, 20 * S_US);
    story_check_result(&story, 2, &v);
    for (uint32_t i = 0; i < story.count; i++)
        CHECK(makings_are_none(story.nodes[i].core));
    CHECK(story_end(&story));
}

TEST(a_short_list_is_in_the_result)
{
    struct job_id id;
    struct job_view v;

    begin(2, 0, of_few_bytes);
    for (uint32_t i = 0; i < story.count; i++)
        story.nodes[i].core->options.embedded = true; /* no objects are needed for it */
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 0, id, 20 * S_US);
    story_check_result(&story, 0, &v);
    CHECK(story_end(&story));
}

TEST(outputs_outlive_the_node_that_made_them)
{
    struct job_id id;
    struct job_view v;
    uint32_t lost;

    begin(4, 1 << 30, of_much);
    id = story_submitted(&story, 0, 1);
    compute_some();
    lost = (story_leader(&story, id) + 1) % 4;
    story_kill(&story, lost);
    v = story_result(&story, (lost + 1) % 4, id, 60 * S_US);
    story_check_result(&story, (lost + 2) % 4, &v);
    CHECK(story_end(&story));
}

TEST(a_coordinator_that_dies_leaves_outputs_behind)
{
    struct job_id id;
    struct job_view v;
    uint32_t leader, other;

    begin(4, 1 << 30, of_much);
    id = story_submitted(&story, 0, 1);
    compute_some();
    leader = story_leader(&story, id);
    other = (leader + 1) % 4;
    story_kill(&story, leader);
    v = story_result(&story, other, id, 60 * S_US);
    story_check_result(&story, other, &v);
    CHECK(story_end(&story));
}

TEST(a_mover_that_dies_costs_leaves_that_are_computed_again)
{
    struct job_id id;
    struct job_view v;

    begin(2, 1 << 30, of_much);
    id = story_submitted(&story, 0, 1);
    for (int k = 0; k < 5; k++) {
        story_run(&story, 7 * MS_US);
        story_mover_dies(&story, (uint32_t)k % 2);
    }
    v = story_result(&story, 0, id, 60 * S_US);
    story_check_result(&story, 1, &v);
    CHECK(story_end(&story));
}

TEST(inputs_are_got_before_a_job_runs)
{
    struct object_view told;
    struct digest a, b;
    struct job_id id;
    struct job_view v;

    begin(3, 1 << 30, of_few_bytes);
    a = story_put_whole(&story, 0, bytes, sizeof bytes, 5 * S_US, &told);
    b = story_put_whole(&story, 1, bytes, 5, 5 * S_US, &told);
    story_add_input(a, sizeof bytes);
    story_add_input(b, 5);
    id = story_submitted(&story, 2, 1);
    v = story_result(&story, 2, id, 20 * S_US);
    story_check_result(&story, 0, &v);
    CHECK(v.nodes >= 1);
    /* Nobody pins them any more. */
    story_run(&story, 15 * S_US);
    for (uint32_t i = 0; i < story.count; i++) {
        const struct shelf_object *o = shelf_find(story.nodes[i].core->objects->shelf, a);

        CHECK(o == NULL || o->pins == 0);
    }
    CHECK(story_end(&story));
}

TEST(an_input_that_is_nowhere_fails_the_job_by_name)
{
    struct job_id id;
    struct job_view v;

    begin(2, 1 << 30, of_few_bytes);
    story_add_input((struct digest){{0xab, 0xcd, 0xef, 0x01}}, 77);
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 0, id, 150 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "input abcdef01 is on no node that can be asked") != NULL);
    CHECK_INT(story_leaves_computed(&story), 0);
    CHECK(story_end(&story));
}

/* The job knows how large it is. */
TEST(an_input_of_which_one_lies_that_it_does_not_fit_is_on_no_node)
{
    const struct digest name = {{0xab, 0xcd, 0xef, 0x01}};
    struct job_id id;
    struct job_view v;

    begin(2, 1 << 30, of_few_bytes);
    story_add_input(name, 77);
    id = story_submitted(&story, 0, 1);
    for (int k = 0; k < 140; k++) {
        story_says_has(&story, 0, 1, name, (uint64_t)1 << 40);
        story_says_has(&story, 1, 0, name, (uint64_t)1 << 40);
        story_run(&story, S_US);
    }
    v = story_result(&story, 0, id, 10 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "input abcdef01 is on no node that can be asked") != NULL);
    CHECK(story_end(&story));
}

/* Only the last node computes, and has not what a user has put; the others have. */
static struct digest put_beside_the_last(uint32_t count)
{
    struct object_view told;
    uint32_t last = count - 1;
    struct digest name;

    begin(count, 1 << 30, of_few_bytes);
    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, last);
    name = story_put_whole(&story, 0, bytes, sizeof bytes, 20 * S_US, &told);
    story_run(&story, 5 * S_US);
    CHECK(shelf_find(story.nodes[last].core->objects->shelf, name) == NULL);
    for (uint32_t i = 0; i < last; i++)
        story.nodes[i].core->options.slots = 0;
    story_add_input(name, sizeof bytes);
    return name;
}

/* Its links are well, and it says that it has it. */
TEST(an_input_of_which_nothing_comes_fails_the_job_by_name)
{
    struct job_id id;
    struct job_view v;

    (void)put_beside_the_last(2);
    story.nodes[0].mover_silent = true;
    id = story_submitted(&story, 1, 1);
    v = story_result(&story, 1, id, 300 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "is on no node that can be asked") != NULL);
    CHECK(story_end(&story));
}

/* The one that is heard first brings nothing. */
TEST(an_input_that_does_not_come_from_one_node_is_got_from_another)
{
    struct job_id id;
    struct job_view v;

    (void)put_beside_the_last(3);
    story.nodes[0].mover_silent = true;
    story_drop(&story, MESSAGE_OBJECT_HAVE, 1, 2);
    id = story_submitted(&story, 2, 1);
    story_run(&story, 3 * S_US);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    v = story_result(&story, 2, id, 40 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    CHECK(story_end(&story));
}

/* The one that has it does not compute. */
TEST(an_input_that_finds_no_room_fails_the_job_by_that)
{
    struct object_view told;
    struct digest a;
    struct job_id id;
    struct job_view v;

    story_init(&story, 3);
    story.output = of_few_bytes;
    story.adjust = story_collects;
    story_collect.inputs = 0;
    for (uint32_t i = 0; i < 3; i++) {
        story.ages.objects_bytes = i == 0 ? 1 << 30 : sizeof bytes - 1;
        story_start_among(&story, i);
    }
    story_run(&story, 2 * S_US);
    a = story_put_whole(&story, 0, bytes, sizeof bytes, 20 * S_US, &told);
    story.nodes[0].core->options.slots = 0;
    story_add_input(a, sizeof bytes);
    id = story_submitted(&story, 1, 1);
    v = story_result(&story, 1, id, 150 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "does not fit this node") != NULL);
    CHECK(story_end(&story));
}

TEST(outputs_that_find_no_room_fail_the_job_by_that)
{
    struct job_id id;
    struct job_view v;

    begin(2, 150000, of_much);
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 0, id, 120 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "quota of objects, 150000 bytes") != NULL);
    CHECK(story_end(&story));
}

/* It would fail the same leaves again and again while the other one waits for copies of what it has
 * made. */
TEST(outputs_that_find_no_room_on_one_node_are_made_on_another)
{
    struct job_id id;
    struct job_view v;

    story_init(&story, 2);
    story.output = of_much;
    story.adjust = story_collects;
    story.ages.objects_bytes = 150000;
    story_start(&story, 0);
    story.ages.objects_bytes = 1 << 30;
    story_start(&story, 1);
    story_hint(&story, 1, 0);
    story_run(&story, 2 * S_US);
    id = story_submitted(&story, 1, 1);
    v = story_result(&story, 1, id, 20 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    story_check_result(&story, 1, &v);
    CHECK(story_end(&story));
}

TEST(outputs_for_which_no_disk_has_room_fail_the_job_by_that)
{
    struct job_id id;
    struct job_view v;

    begin(2, 1 << 30, of_much);
    for (uint32_t i = 0; i < 2; i++)
        story.nodes[i].mover.fails = ERR_NO_SPACE;
    id = story_submitted(&story, 0, 1);
    v = story_result(&story, 0, id, 120 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "no room for its output on this node's disk") != NULL);
    CHECK(story_end(&story));
}

/* It would fail the same leaves twenty times within a moment. */
TEST(outputs_that_one_node_cannot_write_are_made_on_another)
{
    struct job_id id;
    struct job_view v;

    begin(2, 1 << 30, of_much);
    story.nodes[0].mover.fails = ERR_IO;
    id = story_submitted(&story, 1, 1);
    v = story_result(&story, 1, id, 300 * S_US);
    CHECK_STR(v.error, "");
    CHECK_INT(v.state, JOB_DONE);
    CHECK(v.retries < 5);
    CHECK(story_end(&story));
}

TEST(a_job_that_is_killed_leaves_nothing_in_the_making)
{
    struct job_id id;
    uint64_t user;
    uint32_t request;

    begin(2, 1 << 30, of_much);
    id = story_submitted(&story, 0, 1);
    compute_some();
    user = story_user(&story, 1);
    request = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    CHECK_INT(story_code_within(&story, user, request, S_US), 0);
    CHECK_INT(story_killed(&story, user, request), KILL_DONE);
    story_run(&story, 12 * S_US);
    for (uint32_t i = 0; i < story.count; i++) {
        CHECK(makings_are_none(story.nodes[i].core));
        CHECK_INT(story.nodes[i].core->objects->coming_bytes, 0);
    }
    CHECK(story_end(&story));
}

TEST(a_leaf_waits_until_it_is_written_down_that_its_output_is_kept)
{
    struct job_id id;

    begin(3, 1 << 30, of_much);
    id = story_submitted(&story, 0, 1);
    for (uint32_t i = 0; i < story.count; i++)
        story.nodes[i].stuck = true;
    story_run(&story, 20 * S_US);
    CHECK_INT(story_leaves_counted(&story, id), 0);
    CHECK(story_end(&story));
}

TEST(a_leaf_waits_until_another_node_has_its_output)
{
    struct job_id id;
    struct job_view v;

    begin(3, 1 << 30, of_much);
    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, STORY_USER);
    id = story_submitted(&story, 0, 1);
    story_run(&story, 5 * S_US);
    CHECK_INT(story_leaves_counted(&story, id), 0);
    /* The workers do not wait for that. */
    CHECK(story_leaves_computed(&story) > 3);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    v = story_result(&story, 0, id, 60 * S_US);
    story_check_result(&story, 1, &v);
    CHECK(story_end(&story));
}

static uint32_t of_little(uint64_t leaf)
{
    return 2000 + (uint32_t)leaf;
}

/* Counted one by one, against what the worker's node keeps in mind. */
static uint32_t outputs_ahead(const struct node *n, const struct worker *w)
{
    uint32_t count = 0;

    for (int state = MAKING_NAMED; state <= MAKING_WRITTEN; state++)
        for (const struct making *m = n->objects->makings.queues[state].first; m != NULL;
             m = m->queue.next)
            count += m->who == w->number;
    CHECK_INT(w->outputs_unsettled, count);
    return count;
}

static uint32_t most_ahead(void)
{
    uint32_t most = 0, here;

    for (uint32_t i = 0; i < story.count; i++)
        for (const struct worker *w = story.nodes[i].core->workers; w != NULL; w = w->next) {
            here = outputs_ahead(story.nodes[i].core, w);
            most = here > most ? here : most;
        }
    return most;
}

TEST(a_worker_is_ahead_of_the_copies_by_so_many_outputs_only)
{
    struct job_id id;
    uint64_t counted;

    begin(2, 1 << 30, of_little);
    story.adjust = story_collects_many;
    id = story_submitted(&story, 0, 1);
    story_run_until_counted(&story, id, 200);
    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, STORY_USER);
    story_run(&story, 5 * S_US);
    CHECK_INT(most_ahead(), LABOUR_OUTPUTS_AHEAD + 1);
    counted = story_leaves_counted(&story, id);
    CHECK(counted >= 200 && counted < 5000);
    story_run(&story, 4 * S_US);
    CHECK_INT(story_leaves_counted(&story, id), counted);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    story_run(&story, 5 * S_US);
    CHECK(story_leaves_counted(&story, id) > counted + 32);
    CHECK(story_end(&story));
}

static void of_a_second(struct job_spec *spec, uint32_t number)
{
    story_collects_many(spec, number);
    spec->stage.leaf_us = S_US;
}

/* Its limit is one for computing. */
TEST(a_worker_that_waits_for_copies_of_its_outputs_is_not_blamed)
{
    struct job_id id;

    begin(2, 1 << 30, of_little);
    story.adjust = of_a_second;
    id = story_submitted(&story, 0, 1);
    story_run_until_counted(&story, id, 200);
    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, STORY_USER);
    story_run(&story, 9 * S_US);
    CHECK_INT(most_ahead(), LABOUR_OUTPUTS_AHEAD + 1);
    CHECK_INT(story_told(&story, 0, id).retries, 0);
    story_drop(&story, 0, STORY_USER, STORY_USER);
    story_run(&story, 5 * S_US);
    CHECK_INT(story_told(&story, 0, id).retries, 0);
    CHECK(story_end(&story));
}

static struct digest output_name(uint64_t leaf)
{
    uint32_t size = story.output(leaf);

    for (uint32_t k = 0; k < size; k++)
        story_collect.got[k] = story_output_byte(leaf, k);
    return object_name_of((struct bytes){story_collect.got, size});
}

/* The only copy of it, found damaged while the report that names it waits for another. All slots
 * are taken, so nobody makes a second one to pass the time. */
TEST(an_output_that_is_lost_before_it_has_a_copy_is_made_again)
{
    uint32_t i = 0, whole = 0;
    struct digest name;
    struct job_id id;

    begin(2, 1 << 30, of_little);
    story.adjust = story_collects_many;
    name = output_name(0);
    story_drop(&story, MESSAGE_OBJECT_KEEP, STORY_USER, STORY_USER);
    id = story_submitted(&story, 0, 1);
    story_run(&story, 2 * S_US);
    while (i < story.count && story_whole_at(&story, i, name) == NULL)
        i++;
    REQUIRE(i < story.count);
    for (uint64_t bit = 7; bit < 800000; bit += 8 * 1000 + 8)
        CHECK(sim_mover_rot(&story.nodes[i].mover, bit, NULL));
    CHECK(story_get_whole(&story, i, name, bytes, sizeof bytes) != 0);
    CHECK(!story_is_counted(&story, id, 0));
    story_drop(&story, 0, STORY_USER, STORY_USER);
    for (int k = 0; k < 60000 && !story_is_counted(&story, id, 0); k++)
        story_run(&story, MS_US);
    CHECK(story_is_counted(&story, id, 0));
    for (uint32_t k = 0; k < story.count; k++)
        whole += story_whole_at(&story, k, name) != NULL;
    CHECK(whole > 0);
    CHECK(story_end(&story));
}

/* 0: an object that nobody has; 1: of a leaf that is not its; 2, 3: other numbers of bytes; 4: more
 * of them, when it is said often, than the node has taken. */
static void put_lie(struct buf *b, const struct worker *w, int lie, uint8_t *type)
{
    struct output o = {.kind = OUTPUT_OBJECT, .size = 5000, .name = {{1, 2, 3}}};
    struct worker_output part = {.run = w->chunk->grant, .leaf = w->chunk->next};
    uint8_t raw[64];
    struct buf x;

    if (lie == 0) {
        buf_init_fixed(&x, raw, sizeof raw);
        put_output(&x, &o);
        put_worker_progress_begin(b, part.run, part.leaf + 1, 10, 0, false, 1);
        put_value(b, &(struct value){{0, part.leaf}, buf_bytes(&x)});
        *type = MESSAGE_WORKER_PROGRESS;
    } else if (lie == 1 || lie == 4) {
        part.leaf = lie == 1 ? w->chunk->end : part.leaf;
        part.bytes = (struct bytes){bytes, lie == 1 ? 2000 : OUTPUT_PART_MAX};
        put_worker_output(b, &part);
        *type = MESSAGE_WORKER_OUTPUT;
    } else {
        part.size = lie == 2 ? 4999 : OUTPUT_SIZE_MAX;
        put_worker_output_end(b, &part);
        *type = MESSAGE_WORKER_OUTPUT_END;
    }
}

TEST(a_worker_that_lies_about_its_output_ends_and_no_leaf_is_lost)
{
    struct job_id id;
    struct job_view v;
    struct worker *w;
    uint32_t node;
    uint8_t type;
    struct buf b;

    for (int lie = 0; lie < 5; lie++) {
        begin(2, 1 << 30, of_much);
        id = story_submitted(&story, 0, 1);
        for (int k = 0; (w = at_work(&node)) == NULL && k < 1000; k++)
            story_run(&story, MS_US);
        REQUIRE(w != NULL);
        buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
        put_lie(&b, w, lie, &type);
        for (uint32_t sent = 0; sent <= OUTPUT_WINDOW; sent += OUTPUT_PART_MAX)
            if (sent == 0 || lie == 4)
                story_worker_says(&story, node, w->number, type, buf_bytes(&b));
        buf_clear(&b);
        CHECK(w->state == WORKER_DYING);
        v = story_result(&story, 0, id, 60 * S_US);
        story_check_result(&story, 1, &v);
        CHECK(story_end(&story));
    }
}

/* One that is bound to the job, and has no chunk now. */
static struct worker *at_rest(uint32_t *node)
{
    for (*node = 0; *node < story.count; (*node)++)
        for (struct worker *w = story.nodes[*node].core->workers; w != NULL; w = w->next)
            if (w->state == WORKER_BOUND && w->chunk == NULL)
                return w;
    return NULL;
}

/* It would cost its node a look at each, and its job nothing. */
TEST(a_worker_that_sends_output_without_a_chunk_ends)
{
    struct worker_output m = {.run = 1, .bytes = {bytes, 1000}};
    struct job_id id;
    struct job_view v;
    struct worker *w;
    uint32_t node;
    struct buf b;

    for (int end = 0; end < 2; end++) {
        begin(2, 1 << 30, of_much);
        id = story_submitted(&story, 0, 1);
        for (int k = 0; (w = at_rest(&node)) == NULL && k < 20000; k++)
            story_run(&story, MS_US / 10);
        REQUIRE(w != NULL);
        buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
        if (end == 0)
            put_worker_output(&b, &m);
        else
            put_worker_output_end(&b, &m);
        story_worker_says(&story, node, w->number,
                          end == 0 ? MESSAGE_WORKER_OUTPUT : MESSAGE_WORKER_OUTPUT_END,
                          buf_bytes(&b));
        buf_clear(&b);
        CHECK(w->state == WORKER_DYING);
        v = story_result(&story, 0, id, 60 * S_US);
        story_check_result(&story, 1, &v);
        CHECK(story_end(&story));
    }
}

TEST_MAIN(a_leaf_waits_until_it_is_written_down_that_its_output_is_kept,
          a_worker_is_ahead_of_the_copies_by_so_many_outputs_only,
          an_output_that_is_lost_before_it_has_a_copy_is_made_again,
          a_leaf_waits_until_another_node_has_its_output,
          a_worker_that_lies_about_its_output_ends_and_no_leaf_is_lost,
          a_worker_that_sends_output_without_a_chunk_ends,
          outputs_of_all_sizes_come_in_the_order_of_leaves, a_short_list_is_in_the_result,
          outputs_outlive_the_node_that_made_them, a_coordinator_that_dies_leaves_outputs_behind,
          a_mover_that_dies_costs_leaves_that_are_computed_again, inputs_are_got_before_a_job_runs,
          an_input_that_is_nowhere_fails_the_job_by_name,
          an_input_of_which_one_lies_that_it_does_not_fit_is_on_no_node,
          an_input_of_which_nothing_comes_fails_the_job_by_name,
          an_input_that_does_not_come_from_one_node_is_got_from_another,
          an_input_that_finds_no_room_fails_the_job_by_that,
          outputs_that_find_no_room_fail_the_job_by_that,
          outputs_that_find_no_room_on_one_node_are_made_on_another,
          outputs_for_which_no_disk_has_room_fail_the_job_by_that,
          outputs_that_one_node_cannot_write_are_made_on_another,
          a_worker_that_waits_for_copies_of_its_outputs_is_not_blamed,
          a_job_that_is_killed_leaves_nothing_in_the_making)
