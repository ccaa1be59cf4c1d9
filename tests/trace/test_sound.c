/* Stories of objects that change on the disk before a worker maps them, or while one does: no
 * worker is given what is not what its name says, as long ago as that was looked at last. */
#include "core/base/err.h"
#include "core/node/damage.h"
#include "core/node/fetching.h"
#include "core/node/jobs.h"
#include "core/node/sound.h"
#include "core/wire/move.h"
#include "tests/lib/story_collect.h"

#define BIG (9 * PIECE_SIZE + 7) /* more than the mover looks at in one slice */

static struct story story;
static struct node_limits limits;
static uint8_t bytes[BIG];
static int64_t leaf_us;

static uint32_t of_little(uint64_t leaf)
{
    return 100 + (uint32_t)leaf;
}

static int64_t as_told(uint8_t param)
{
    (void)param;
    return leaf_us;
}

/* What is looked at for damage as such is so every check_us. */
static void begin_with(uint32_t count, int64_t sound_us, int64_t check_us)
{
    story_init(&story, count);
    limits = node_limits_usual;
    limits.sound_us = (uint32_t)sound_us;
    limits.check_us = (uint32_t)check_us;
    story.ages = (struct node_options){.objects_bytes = 1 << 30, .limits = &limits};
    leaf_us = STORY_LEAF_US;
    story.leaf_us = as_told;
    story_collect_begin(&story, of_little, true);
    story_fill(bytes, sizeof bytes);
}

static void begin(uint32_t count)
{
    begin_with(count, node_limits_usual.sound_us, 3600 * S_US);
}

/* Two copies of it, which jobs read from now on. */
static struct digest put(uint64_t size)
{
    struct object_view told;
    struct digest name = story_put_whole(&story, 0, bytes, size, 20 * S_US, &told);

    story_run(&story, 5 * S_US);
    story_add_input(name, size);
    return name;
}

static struct shelf_object *at(uint32_t i, struct digest name)
{
    return shelf_find(story.nodes[i].core->objects->shelf, name);
}

static void damage(uint32_t i, uint64_t piece)
{
    CHECK(sim_mover_rot(&story.nodes[i].mover, 8 * (piece * PIECE_SIZE + 5) + 3, NULL));
    sim_mover_forget(&story.nodes[i].mover);
}

/* Of what is on the disk of node 0 nothing was looked at, and this piece is damaged. */
static void restart_damaged(uint64_t piece)
{
    story_kill(&story, 0);
    damage(0, piece);
    story_start_among(&story, 0);
    story_run(&story, 2 * S_US);
}

static struct objects *objects_of(uint32_t i)
{
    return story.nodes[i].core->objects;
}

/* The worker of this node that maps something; 0: none does. */
static uint32_t mapper(uint32_t i)
{
    for (const struct worker *w = story.nodes[i].core->workers; w != NULL; w = w->next)
        if (w->state == WORKER_BOUND && w->has_files)
            return w->number;
    return 0;
}

static void is_done(struct job_id id)
{
    struct job_view v = story_result(&story, 0, id, 60 * S_US);

    story_check_result(&story, 0, &v);
    CHECK_INT(v.retries, 0);
    CHECK_INT(story.wrong_maps, 0);
}

static void run_until(bool (*holds)(void), int64_t us)
{
    for (; us > 0 && !holds(); us -= MS_US / 10)
        story_run(&story, MS_US / 10);
    CHECK(holds());
}

static bool is_looked_at(void)
{
    return objects_of(0)->sounding_is_on;
}

static bool is_mapped(void)
{
    return story.maps[0] > 0;
}

TEST(what_changed_before_a_restart_is_got_anew_before_a_worker_maps_it)
{
    begin(2);
    struct digest name = put(BIG);
    story_kill(&story, 0);
    damage(0, 0);
    damage(0, 9);
    story_start_among(&story, 0);
    story_run(&story, 2 * S_US);
    CHECK_INT(sim_mover_damaged(&story.nodes[0].mover), 2);
    is_done(story_submitted(&story, 0, 1));
    story_run(&story, 10 * S_US);
    CHECK(at(0, name)->whole);
    CHECK_INT(sim_mover_damaged(&story.nodes[0].mover), 0);
    is_done(story_submitted(&story, 0, 2));
    CHECK(story.maps[0] > 0);
    CHECK(story_end(&story));
}

/* A mover that says nothing is no matter. */
TEST(what_was_made_here_is_mapped_without_a_look)
{
    begin(2);
    put(BIG);
    story.nodes[0].mover_silent = story.nodes[1].mover_silent = true;
    is_done(story_submitted(&story, 0, 1));
    CHECK(story.maps[0] > 0 && story.maps[1] > 0);
    story.nodes[0].mover_silent = story.nodes[1].mover_silent = false;
    CHECK(story_end(&story));
}

TEST(what_was_found_right_long_ago_is_looked_at_again)
{
    begin_with(2, 20 * S_US, 3600 * S_US);
    put(BIG);
    story_run(&story, 30 * S_US);
    damage(0, 4);
    is_done(story_submitted(&story, 0, 1));
    story_run(&story, 5 * S_US);
    CHECK_INT(sim_mover_damaged(&story.nodes[0].mover), 0);
    CHECK(story_end(&story));
}

/* Nobody waits for it: what is looked at in the background counts as well. */
TEST(what_was_looked_at_for_damage_is_mapped_without_another_look)
{
    begin_with(2, node_limits_usual.sound_us, S_US);
    put(BIG);
    story_kill(&story, 0);
    story_start_among(&story, 0);
    story_run(&story, 10 * S_US);
    story.nodes[0].mover_silent = story.nodes[1].mover_silent = true;
    is_done(story_submitted(&story, 0, 1));
    CHECK(story.maps[0] > 0);
    story.nodes[0].mover_silent = story.nodes[1].mover_silent = false;
    CHECK(story_end(&story));
}

/* One look serves all, and all wait for it. */
TEST(two_jobs_wait_for_the_same_look)
{
    struct job_id first, second;

    begin(2);
    put(BIG);
    restart_damaged(9);
    story.nodes[0].mover_us = 300 * MS_US;
    first = story_submitted(&story, 0, 1);
    run_until(is_looked_at, S_US);
    second = story_submitted(&story, 0, 2);
    story_run(&story, 100 * MS_US);
    CHECK_INT(objects_of(0)->soundings_count, 1);
    CHECK_INT(story.maps[0], 0);
    is_done(first);
    is_done(second);
    CHECK_INT(sim_mover_damaged(&story.nodes[0].mover), 0);
    CHECK(story_end(&story));
}

TEST(several_objects_take_turns)
{
    begin(2);
    put(BIG);
    put(1000);
    story_kill(&story, 0);
    story_start_among(&story, 0);
    story_run(&story, 2 * S_US);
    story.nodes[0].mover_us = 50 * MS_US;
    struct job_id id = story_submitted(&story, 0, 1);
    run_until(is_looked_at, S_US);
    CHECK_INT(objects_of(0)->soundings_count, 2);
    CHECK_INT(objects_of(0)->orders_open, 1);
    is_done(id);
    CHECK(story_end(&story));
}

TEST(a_mover_that_dies_while_it_looks_is_asked_again)
{
    begin(2);
    put(BIG);
    restart_damaged(3);
    story.nodes[0].mover_silent = true;
    struct job_id id = story_submitted(&story, 0, 1);
    run_until(is_looked_at, S_US);
    story_mover_dies(&story, 0);
    CHECK_INT(story.maps[0], 0);
    story.nodes[0].mover_silent = false;
    story_run(&story, 100 * MS_US);
    is_done(id);
    CHECK_INT(sim_mover_damaged(&story.nodes[0].mover), 0);
    CHECK(story_end(&story));
}

TEST(an_object_that_goes_while_it_is_looked_at_is_no_matter)
{
    begin(1);
    struct digest name = put(BIG);
    story_kill(&story, 0);
    story_start(&story, 0);
    story_run(&story, S_US);
    story.nodes[0].mover_us = 500 * MS_US;
    struct job_id id = story_submitted(&story, 0, 1);
    run_until(is_looked_at, S_US);
    uint64_t user = story_user(&story, 0);
    uint32_t request = story_ask_id(&story, user, MESSAGE_REQUEST_KILL, id);
    story_run(&story, 10 * MS_US);
    CHECK_INT(story_killed(&story, user, request), 0);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    CHECK(at(0, name) == NULL);
    CHECK_INT(objects_of(0)->soundings_count, 1);
    story_run(&story, 3 * S_US);
    CHECK_INT(objects_of(0)->soundings_count, 0);
    CHECK(!objects_of(0)->sounding_is_on);
    CHECK(story_end(&story));
}

/* What it computed since is not reported, and what maps it is not used again. */
TEST(a_worker_whose_input_turns_out_to_be_damaged_is_ended)
{
    begin(2);
    struct digest name = put(BIG);
    leaf_us = 700 * MS_US;
    struct job_id id = story_submitted(&story, 0, 1);
    run_until(is_mapped, S_US);
    story_run(&story, 100 * MS_US);
    CHECK(mapper(0) != 0);
    damage(0, 2);
    uint64_t user = story_user(&story, 0);
    story_get_more(&story, user, story_get_begun(&story, user, name, 64, 0), OBJECT_CREDIT_MAX);
    for (int i = 0; i < 10000 && at(0, name)->whole; i++)
        story_run(&story, MS_US / 10);
    CHECK(!at(0, name)->whole);
    CHECK_INT(mapper(0), 0);
    story_leave(&story, user);
    is_done(id);
    CHECK_INT(sim_mover_damaged(&story.nodes[0].mover), 0);
    CHECK(story_end(&story));
}

/* Its leaves are long, and nobody asks for the object meanwhile. */
TEST(what_is_worked_on_for_long_is_looked_at_before_it_is_not_sound_any_more)
{
    begin_with(2, 20 * S_US, 3600 * S_US);
    struct digest name = put(BIG);
    leaf_us = 30 * S_US;
    struct job_id id = story_submitted(&story, 0, 1);
    run_until(is_mapped, S_US);
    struct instant first = at(0, name)->sound_until;
    uint32_t before = mapper(0);
    CHECK(before != 0);
    damage(0, 8);
    for (int i = 0; i < 250 && sim_mover_damaged(&story.nodes[0].mover) > 0; i++)
        story_run(&story, 100 * MS_US);
    CHECK(instant_before(story.now, first));
    CHECK(mapper(0) != before);
    leaf_us = STORY_LEAF_US;
    is_done(id);
    CHECK(story_end(&story));
}

/* Gone from the disk behind the node's back. */
TEST(an_input_that_went_is_nobodys_fault)
{
    begin(2);
    struct digest name = put(1000);
    struct buf b;
    uint8_t raw[ID_SIZE];

    buf_init_fixed(&b, raw, sizeof raw);
    put_digest(&b, name);
    sim_mover_clear(&story.nodes[0].mover);
    sim_mover_init(&story.nodes[0].mover, &story.heap.alloc, UINT64_MAX);
    is_done(story_submitted(&story, 0, 1));
    story_run(&story, 5 * S_US);
    CHECK(at(0, name)->whole);
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), 1);
    CHECK(story_end(&story));
}

TEST_MAIN(what_changed_before_a_restart_is_got_anew_before_a_worker_maps_it,
          what_was_made_here_is_mapped_without_a_look,
          what_was_found_right_long_ago_is_looked_at_again,
          what_was_looked_at_for_damage_is_mapped_without_another_look,
          two_jobs_wait_for_the_same_look, several_objects_take_turns,
          a_mover_that_dies_while_it_looks_is_asked_again,
          an_object_that_goes_while_it_is_looked_at_is_no_matter,
          a_worker_whose_input_turns_out_to_be_damaged_is_ended,
          what_is_worked_on_for_long_is_looked_at_before_it_is_not_sound_any_more,
          an_input_that_went_is_nobodys_fault)
