/* Stories of jobs whose leaves are computed again on another node (core/node/lead_check.h). */
#include <string.h>

#include "core/node/jobs.h"
#include "core/node/lead_check.h"
#include "core/node/quarantine.h"
#include "core/node/watch.h"
#include "tests/lib/check.h"
#include "tests/lib/parts.h"
#include "tests/lib/story_worker.h"

#define LEAVES 96u
#define ALL 1000u

static struct story story;
static uint16_t check;
static int64_t leaf_us;

static uint32_t none(uint64_t leaf)
{
    (void)leaf;
    return 0;
}

static int64_t as_long(uint8_t param)
{
    (void)param;
    return leaf_us;
}

static void as_told(struct job_spec *spec, uint32_t number)
{
    (void)number;
    spec->slots_max = 0;
    spec->check = check;
    parts_spec(spec, "work");
}

static struct job_id begin(uint32_t nodes, uint16_t per_mille, uint64_t leaves, int64_t us)
{
    check = per_mille;
    leaf_us = us;
    story_init(&story, nodes);
    story.output = none;
    story.graphs = true;
    story.adjust = as_told;
    story.leaf_us = as_long;
    parts_begin();
    (void)parts_add(leaves, false);
    story_start_all(&story, false);
    story_run(&story, 3 * S_US);
    return story_job(&story, 1);
}

static void end(void)
{
    CHECK(story_end(&story));
}

static struct job_view run(uint32_t nodes, uint16_t per_mille)
{
    begin(nodes, per_mille, LEAVES, STORY_LEAF_US);
    return story_result(&story, 0, story_submitted(&story, 0, 1), 20 * S_US);
}

TEST(all_leaves_are_checked_before_the_result_is_told_and_it_is_the_same)
{
    uint8_t plain[64];
    size_t len;
    struct job_view v = run(3, 0);
    CHECK(v.state == JOB_DONE && !v.checks && story_leaves_computed(&story) < 2 * LEAVES);
    len = v.result.len;
    REQUIRE(len > 0 && len <= sizeof plain);
    memcpy(plain, v.result.data, len);
    end();
    v = run(3, ALL);
    CHECK_INT(v.state, JOB_DONE);
    CHECK(v.checks && v.checked >= LEAVES && v.unchecked == 0);
    CHECK(v.result.len == len && memcmp(v.result.data, plain, len) == 0);
    CHECK(story_leaves_computed(&story) >= 2 * LEAVES);
    end();
}

TEST(of_two_nodes_each_checks_the_other)
{
    const struct job_view v = run(2, ALL);
    CHECK(v.state == JOB_DONE && v.checked >= LEAVES && v.unchecked == 0);
    end();
}

TEST(a_part_of_the_leaves_is_checked)
{
    struct job_view v;
    begin(4, 300, 4000, STORY_LEAF_US);
    v = story_result(&story, 0, story_submitted(&story, 0, 1), 60 * S_US);
    CHECK(v.state == JOB_DONE && v.checked > 200 && v.checked < 2500 && v.unchecked == 0);
    end();
}

TEST(one_node_alone_checks_nothing_and_says_so)
{
    const struct job_view v = run(1, ALL);
    CHECK(v.state == JOB_DONE && v.checked == 0);
    CHECK_INT(v.unchecked, LEAVES);
    end();
}

TEST(a_node_that_lies_is_found_and_named)
{
    struct job_view v;
    begin(3, ALL, LEAVES, STORY_LEAF_US);
    story.nodes[2].miscounts = true;
    v = story_result(&story, 0, story_submitted(&story, 0, 1), 20 * S_US);
    CHECK_INT(v.state, JOB_DIVERGENT);
    CHECK(strncmp(v.error, "lea", 3) == 0 && strstr(v.error, "n2") != NULL);
    CHECK(strstr(v.error, "agrees with") != NULL && strstr(v.error, "without that node") != NULL);
    CHECK(strstr(v.error, ", or its plugin was built by another compiler") != NULL);
    end();
}

/* Its coordinator gives it no leaf of any other job. */
TEST(who_was_found_to_lie_gets_nothing_more_to_compute)
{
    uint32_t leader, number = 2, tried = 0;
    struct job_view v;
    struct job_id id;

    begin(4, ALL, LEAVES, STORY_LEAF_US);
    id = story_submitted(&story, 0, 1);
    while ((leader = story_leader(&story, id)) == 3)
        id = story_submitted(&story, 0, number++);
    story.nodes[3].miscounts = true;
    id = story_submitted(&story, 0, number++);
    while (story_leader(&story, id) != leader)
        id = story_submitted(&story, 0, number++);
    v = story_result(&story, 0, id, 20 * S_US);
    REQUIRE(v.state == JOB_DIVERGENT);
    CHECK(quarantine_has(story.nodes[leader].core, story.nodes[3].id));
    for (; tried < 3; number++) {
        id = story_submitted(&story, 0, number);
        if (story_leader(&story, id) != leader)
            continue;
        v = story_result(&story, 0, id, 20 * S_US);
        CHECK(v.state == JOB_DONE && v.checked >= LEAVES && v.unchecked == 0);
        tried++;
    }
    /* It is the only one that has the kernel. */
    for (uint32_t i = 0; i < 3; i++)
        story.nodes[i].core->kernels[0].name[0] = 'x';
    while (story_leader(&story, id = story_submitted(&story, 0, number++)) != leader)
        continue;
    story_run(&story, 2 * S_US);
    job_view_of(job_find(story.nodes[leader].core, id), &v);
    CHECK(!job_state_is_final(v.state));
    CHECK(strstr(v.error, "none but n3 could run it, which gets no work for a day") == v.error);
    end();
}

TEST(of_two_nodes_that_differ_nobody_can_say_which_one_lies)
{
    struct job_view v;
    begin(2, ALL, LEAVES, STORY_LEAF_US);
    story.nodes[1].miscounts = true;
    v = story_result(&story, 0, story_submitted(&story, 0, 1), 20 * S_US);
    CHECK_INT(v.state, JOB_DIVERGENT);
    CHECK(strstr(v.error, " came to one value on ") != NULL);
    CHECK(strstr(v.error, "--on node=") != NULL);
    CHECK(strstr(v.error, ", or its plugin was built by another compiler") != NULL);
    end();
}

static uint32_t index_of(struct node_id id)
{
    uint32_t i = 0;
    while (!node_id_equal(story.nodes[i].id, id))
        i++;
    return i;
}

/* The first check that is out at another node than its coordinator and the one that asks. */
static bool find_checker(struct job_id id, uint32_t *at)
{
    const struct job *j = job_find(story.nodes[story_leader(&story, id)].core, id);
    const struct recheck *r = j == NULL || j->lead == NULL ? NULL : lead_check_all(j);
    const struct recheck_chunk *c = r == NULL ? NULL : r->first;
    for (; c != NULL; c = c->next) {
        if (c->again.grant == 0)
            continue;
        *at = index_of(c->again.node);
        if (*at != 0 && *at != story_leader(&story, id))
            return true;
    }
    return false;
}

TEST(a_node_that_dies_at_a_check_is_replaced)
{
    struct job_view v;
    struct job_id id;
    uint32_t at = 0;
    begin(4, ALL, 12, 300 * MS_US);
    id = story_submitted(&story, 0, 1);
    for (int i = 0; i < 2000 && !find_checker(id, &at); i++)
        story_run(&story, 10 * MS_US);
    REQUIRE(at != 0);
    story_kill(&story, at);
    v = story_result(&story, 0, id, 60 * S_US);
    CHECK(v.state == JOB_DONE && v.checked >= 12 && v.unchecked == 0);
    end();
}

/* Nobody else has lost it, so it is not dead. What it computes comes too late. */
TEST(a_node_that_only_the_coordinator_cannot_reach_holds_no_result)
{
    struct job_view v;
    struct job_id id;
    uint32_t at = 0, leader;
    begin(4, ALL, 12, 300 * MS_US);
    id = story_submitted(&story, 0, 1);
    for (int i = 0; i < 2000 && !find_checker(id, &at); i++)
        story_run(&story, 10 * MS_US);
    REQUIRE(at != 0);
    leader = story_leader(&story, id);
    story.cut[leader][at] = story.cut[at][leader] = true;
    v = story_result(&story, leader, id, 60 * S_US);
    CHECK(v.state == JOB_DONE && v.checked >= 12 && v.unchecked == 0);
    end();
}

TEST(who_takes_over_begins_without_checks_and_the_job_ends)
{
    struct job_view v;
    struct job_id id;
    uint32_t leader;
    begin(4, ALL, 48, 50 * MS_US);
    id = story_submitted(&story, 0, 1);
    story_run(&story, 400 * MS_US);
    leader = story_leader(&story, id);
    story_kill(&story, leader);
    v = story_result(&story, leader == 0 ? 1 : 0, id, 60 * S_US);
    CHECK(v.state == JOB_DONE && v.checks);
    CHECK(v.leaves_done == 48);
    end();
}

/* What the dead one had computed of the first stage is gone with it, and not what others have of
 * the second, which needs it. Who computes that for the first time is given what it reads. */
TEST(nothing_is_checked_before_what_it_reads_is_complete)
{
    struct job_view v;
    struct job_id id;
    uint32_t leader, late;
    begin(5, ALL, 4, 10 * MS_US);
    parts_need(parts_add(48, false), 0, 0);
    id = story_submitted(&story, 0, 2);
    leader = story_leader(&story, id);
    late = leader == 4 ? 3 : 4;
    story_pause(&story, late);
    story_drop(&story, MESSAGE_FACTS, leader, STORY_USER);
    for (int i = 0; i < 1000 && story_leaves_computed(&story) < 48; i++)
        story_run(&story, 5 * MS_US);
    story_kill(&story, leader);
    story_drop(&story, 0, 0, 0);
    story_resume(&story, late);
    v = story_result(&story, leader == 0 ? 1 : 0, id, 60 * S_US);
    CHECK_INT(v.state, JOB_DONE);
    CHECK_STR(v.error, "");
    CHECK(v.checked > 0);
    end();
}

TEST_MAIN(all_leaves_are_checked_before_the_result_is_told_and_it_is_the_same,
          of_two_nodes_each_checks_the_other, a_part_of_the_leaves_is_checked,
          one_node_alone_checks_nothing_and_says_so, a_node_that_lies_is_found_and_named,
          who_was_found_to_lie_gets_nothing_more_to_compute,
          of_two_nodes_that_differ_nobody_can_say_which_one_lies,
          a_node_that_dies_at_a_check_is_replaced,
          a_node_that_only_the_coordinator_cannot_reach_holds_no_result,
          who_takes_over_begins_without_checks_and_the_job_ends,
          nothing_is_checked_before_what_it_reads_is_complete)
