/* Stories of snippets that a node's machine builds with a compiler of its own while their jobs run:
 * workers go over to what was built, and back where it is not what it should be. */
#include "tests/lib/story_source.h"

#define LEAVES 300

static void init(uint32_t count)
{
    init_asking(count, LABEL_COMPILES);
    for (uint32_t i = 0; i < count; i++)
        story.nodes[i].compiles = story.nodes[i].builds = true;
}

/* What becomes of a job of so many leaves. */
static struct job_view outcome(uint64_t leaves)
{
    parts_add(leaves, false);
    start();
    submitted(0, 0);
    return story_result(&story, 0, story_job(&story, 1), 30 * S_US);
}

static void run(uint64_t leaves)
{
    struct job_view v = outcome(leaves);

    story_check_graph(&v, &made, few);
}

static uint32_t bound_workers(bool built)
{
    uint32_t count = 0;

    for (const struct worker *w = story.nodes[0].core->workers; w != NULL; w = w->next)
        count += w->state == WORKER_BOUND && w->built == built;
    return count;
}

/* Their next leaf may take twice the time. */
static uint32_t comparing_workers(void)
{
    uint32_t count = 0;

    for (const struct worker *w = story.nodes[0].core->workers; w != NULL; w = w->next)
        count += w->compares;
    return count;
}

TEST(what_is_built_takes_the_place_of_libtccs_code)
{
    init(1);
    run(LEAVES);
    CHECK_INT(story.nodes[0].builders, 1);
    CHECK(story.nodes[0].plain > 0 && story.nodes[0].built > 0);
    CHECK_INT(bound_workers(false), 0);
    CHECK_INT(comparing_workers(), 0);
    CHECK(story_end(&story));
}

TEST(a_short_job_is_worth_no_compiler)
{
    init(1);
    run(20);
    CHECK_INT(story.nodes[0].builders, 0);
    CHECK_INT(story.nodes[0].built, 0);
    CHECK(story_end(&story));
}

TEST(what_is_refused_or_not_wanted_stays_with_libtcc)
{
    init(1);
    story.nodes[0].refuses_build = true;
    run(LEAVES);
    CHECK_INT(story.nodes[0].builders, 1);
    CHECK_INT(story.nodes[0].built, 0);
    CHECK(story_end(&story));
    init(1);
    compiler = COMPILER_TCC;
    run(LEAVES);
    CHECK_INT(story.nodes[0].builders, 0);
    CHECK_INT(story.nodes[0].built, 0);
    CHECK(story_end(&story));
}

TEST(a_job_that_wants_it_waits_for_what_is_built)
{
    init(2);
    compiler = COMPILER_CC;
    story.nodes[1].builds = false;
    run(20);
    CHECK_INT(story.nodes[0].builders, 1);
    CHECK_INT(story.nodes[0].plain + story.nodes[1].plain, 0);
    CHECK(story.nodes[0].built > 0);
    CHECK_INT(story.nodes[1].built, 0);
    CHECK_INT(comparing_workers(), 0);
    CHECK(story_end(&story));
}

TEST(a_job_that_wants_what_the_compiler_refuses_fails_and_says_why)
{
    struct job_view v;

    init(1);
    compiler = COMPILER_CC;
    story.nodes[0].refuses_build = true;
    v = outcome(20);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "it is refused") != NULL);
    CHECK_INT(story.nodes[0].builders, 1);
    CHECK_INT(story.nodes[0].built + story.nodes[0].plain, 0);
    CHECK(story_end(&story));
}

static void run_losing(uint8_t wanted, uint64_t leaves)
{
    init(1);
    compiler = wanted;
    story.nodes[0].builds_lost = 2;
    run(leaves);
    CHECK_INT(story.nodes[0].builders, 3);
    CHECK(story.nodes[0].built > 0);
    CHECK(story_end(&story));
}

/* It was killed, or the system had no room for it: a source has nothing to do with that. */
static const char *labels_of(uint32_t i, uint32_t as_seen_by)
{
    return mesh_find(story.nodes[as_seen_by].core->mesh, story.nodes[i].id)->info->labels;
}

/* What waits for it goes to a node whose compiler does. */
TEST(a_compiler_that_does_not_work_takes_its_label_back)
{
    init(2);
    compiler = COMPILER_CC;
    on = LABEL_BUILDS " " LABEL_COMPILES;
    story.nodes[0].broken_build = true;
    run(20);
    CHECK_INT(story.nodes[0].builders, 1);
    CHECK_INT(story.nodes[0].built + story.nodes[0].plain, 0);
    CHECK(story.nodes[1].built > 0);
    story_run(&story, 2 * S_US);
    CHECK_STR(labels_of(0, 1), LABEL_COMPILES);
    CHECK(strstr(labels_of(1, 0), LABEL_BUILDS) != NULL);
    CHECK(story_end(&story));
}

/* The node has 1 GiB, and a build may take half of it. */
TEST(what_builds_waits_for_room_in_memory)
{
    init(1);
    mem = (uint64_t)600 << 20;
    run(LEAVES);
    CHECK_INT(story.nodes[0].builders, 0);
    CHECK(story_end(&story));
    init(1);
    mem = (uint64_t)400 << 20;
    run(LEAVES);
    CHECK_INT(story.nodes[0].builders, 1);
    CHECK(story.nodes[0].built > 0);
    CHECK(story_end(&story));
}

TEST(a_builder_that_is_lost_is_followed_by_another)
{
    run_losing(COMPILER_CC, 20);
    run_losing(COMPILER_AUTO, 3000);
}

TEST(builders_that_are_lost_again_and_again_are_no_compiler)
{
    struct job_view v;

    init(1);
    compiler = COMPILER_CC;
    story.nodes[0].builds_lost = 100;
    v = outcome(20);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "is ended again and again") != NULL);
    CHECK_INT(story.nodes[0].builders, 3);
    CHECK(story_end(&story));
}

/* Of the same source. */
static void next_job(void)
{
    uint64_t user = story_user(&story, 0);
    struct job_view v;

    story_submit(&story, user, 2);
    story_run(&story, S_US);
    v = story_result(&story, 0, story_job(&story, 2), 60 * S_US);
    story_check_graph(&v, &made, few);
    story_leave(&story, user);
}

/* The leaf is computed again, by libtcc's code, and nobody has died of it. */
TEST(where_the_first_leaf_differs_the_node_goes_back_to_libtcc)
{
    uint32_t slots;

    init(1);
    story.nodes[0].differs = true;
    slots = 2;
    run(LEAVES);
    CHECK_INT(story.nodes[0].builders, 1);
    CHECK(story.nodes[0].built > 0 && story.nodes[0].built <= slots);
    CHECK(story.nodes[0].plain > 0);
    CHECK_INT(bound_workers(true), 0);
    slots = story.nodes[0].built;
    next_job();
    CHECK_INT(story.nodes[0].builders, 1);
    CHECK_INT(story.nodes[0].built, slots);
    CHECK(story_end(&story));
}

static void run_liars(uint8_t wanted)
{
    struct job_view v;

    init(1);
    compiler = wanted;
    story.nodes[0].lies = true;
    v = outcome(20);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "two") != NULL);
    CHECK(story_end(&story));
}

/* Foreign code can write what a worker writes. */
TEST(a_leaf_that_says_so_and_was_computed_once_has_failed)
{
    run_liars(COMPILER_TCC);
    run_liars(COMPILER_CC);
}

TEST_MAIN(what_is_built_takes_the_place_of_libtccs_code, a_short_job_is_worth_no_compiler,
          what_is_refused_or_not_wanted_stays_with_libtcc,
          a_job_that_wants_it_waits_for_what_is_built,
          a_job_that_wants_what_the_compiler_refuses_fails_and_says_why,
          a_compiler_that_does_not_work_takes_its_label_back,
          what_builds_waits_for_room_in_memory, a_builder_that_is_lost_is_followed_by_another,
          builders_that_are_lost_again_and_again_are_no_compiler,
          where_the_first_leaf_differs_the_node_goes_back_to_libtcc,
          a_leaf_that_says_so_and_was_computed_once_has_failed)
