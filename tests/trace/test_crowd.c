/* Stories of a node that has as many connections as it may: with one more another goes; which one
 * that is, and that nobody is taken for dead because of it. */
#include "core/node/crowd.h"

#include "core/mesh/mesh_wire.h"
#include "core/node/bulk.h"
#include "core/node/linked.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"
#include "tests/lib/story_inside.h"

#define MANY 24

static struct story story;

static void begin(uint32_t count, uint32_t connections)
{
    static struct node_limits limits;

    limits = node_limits_usual;
    limits.connections = connections;
    story_init(&story, count);
    story.ages.limits = &limits;
    story.ages.objects_bytes = (uint64_t)1 << 20;
    story_start_all(&story, false);
    story_run(&story, 8 * S_US);
}

/* Of node 0. */
static uint64_t user(void)
{
    story_run(&story, MS_US);
    return story_user(&story, 0);
}

static bool is_open(uint64_t link)
{
    return story_conn_of(&story, link)->open[1];
}

/* It was told so, and why. */
static void check_went(uint64_t link)
{
    const struct story_answer *a = story_answer(&story, link, 0);
    struct goodbye g;

    CHECK(!is_open(link));
    CHECK(a != NULL && a->type == MESSAGE_GOODBYE);
    if (a != NULL)
        CHECK(read_goodbye((struct bytes){a->data, a->len}, &g) == 0 && g.reason == GOODBYE_IDLE);
}

static size_t connections(void)
{
    const struct node *n = story.nodes[0].core;

    return n->links.count + bulk_count(n);
}

TEST(of_users_the_one_that_was_not_heard_for_longest_goes)
{
    uint64_t u[8];

    begin(2, 6);
    for (int i = 0; i < 5; i++)
        u[i] = user();
    CHECK_INT(connections(), 6);
    story_run(&story, MS_US);
    story_ask(&story, u[0], MESSAGE_REQUEST_KERNELS, (struct bytes){NULL, 0});
    for (int i = 5; i < 8; i++) {
        u[i] = user();
        CHECK_INT(connections(), 6);
    }
    check_went(u[1]);
    check_went(u[2]);
    check_went(u[3]);
    CHECK(is_open(u[0]) && is_open(u[4]) && is_open(u[5]) && is_open(u[6]) && is_open(u[7]));
    CHECK(story_linked(&story, 0, 1));
    CHECK(story_end(&story));
}

TEST(who_waits_for_news_of_a_job_goes_after_those_who_do_not)
{
    struct job_id job;
    uint64_t u[9];

    begin(2, 6);
    job = story_submitted(&story, 0, 1);
    story_run(&story, S_US);
    for (int i = 0; i < 5; i++)
        u[i] = user();
    story_watch(&story, u[0], job);
    story_run(&story, S_US);
    for (int i = 1; i < 5; i++)
        story_ask(&story, u[i], MESSAGE_REQUEST_KERNELS, (struct bytes){NULL, 0});
    for (int i = 5; i < 8; i++)
        u[i] = user();
    CHECK(is_open(u[0]));
    /* Where all of them wait, it is the first of these. */
    for (int i = 4; i < 8; i++) {
        CHECK(is_open(u[i]));
        story_watch(&story, u[i], job);
    }
    u[8] = user();
    CHECK(is_open(u[8]));
    check_went(u[0]);
    CHECK_INT(connections(), 6);
    CHECK(story_end(&story));
}

static uint32_t alive(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < MANY; i++)
        for (uint32_t k = 0; k < mesh_count(story.nodes[i].core->mesh); k++)
            count += mesh_at(story.nodes[i].core->mesh, k)->state == NODE_ALIVE;
    return count;
}

/* The first command has been silent for longer than any of them. */
TEST(nodes_that_nobody_needs_go_before_commands_and_standing_links_never)
{
    const struct node *n;
    struct instant used;
    uint32_t others, standing;
    uint64_t first, last = 0;

    begin(MANY, 20);
    n = story.nodes[0].core;
    story_run(&story, 5 * S_US);
    CHECK_INT(connections(), 20);
    first = user();
    for (others = 0; mesh_idle_link(n->mesh, &used) != 0 && others < 20; others++) {
        last = user();
        CHECK_INT(connections(), 20);
        CHECK(is_open(first) && is_open(last));
        CHECK_INT(alive(), MANY * (MANY - 1));
    }
    CHECK(others > 2 && others < 20);
    standing = linked_count(n);
    CHECK(standing > 2);
    last = user();
    check_went(first);
    CHECK(is_open(last));
    CHECK_INT(linked_count(n), standing);
    story_run(&story, 20 * S_US);
    CHECK_INT(alive(), MANY * (MANY - 1));
    CHECK(connections() <= 20);
    CHECK(story_end(&story));
}

/* Node 1 dials for objects. */
static uint64_t bulk(void)
{
    uint32_t index = story_conn_make(&story, 1, 0);
    const uint64_t link = 2 * (uint64_t)index + 1;

    story.conns[index].bulk = true;
    story_run(&story, MS_US);
    story_link_up(&story, story_other_end(link), 0);
    return link;
}

TEST(bulk_links_without_work_go_before_commands)
{
    uint64_t u[5], objects;

    begin(2, 6);
    for (int i = 0; i < 4; i++)
        u[i] = user();
    objects = bulk();
    CHECK(is_open(objects));
    CHECK_INT(connections(), 6);
    u[4] = user();
    CHECK(!is_open(objects));
    for (int i = 0; i < 5; i++)
        CHECK(is_open(u[i]));
    CHECK_INT(connections(), 6);
    /* And one that comes is let in as others are. */
    objects = bulk();
    CHECK(is_open(objects));
    check_went(u[0]);
    CHECK(story_end(&story));
}

/* A second user, where there is room for one. */
TEST(where_only_standing_links_are_left_the_new_one_is_closed)
{
    uint64_t u;

    begin(2, 1);
    CHECK(story_linked(&story, 0, 1));
    u = user();
    CHECK(!is_open(u));
    CHECK(story_linked(&story, 0, 1));
    CHECK(story_end(&story));
}

TEST(so_many_there_may_be_in_earnest)
{
    uint64_t first, second, last = 0;

    begin(2, node_limits_usual.connections);
    first = user();
    second = user();
    for (uint32_t i = 0; i < node_limits_usual.connections - 3; i++)
        last = story_user(&story, 0);
    CHECK_INT(connections(), 1024);
    CHECK(is_open(first));
    last = story_user(&story, 0);
    check_went(first);
    CHECK(is_open(second) && is_open(last));
    CHECK_INT(connections(), 1024);
    CHECK(story_end(&story));
}

TEST_MAIN(of_users_the_one_that_was_not_heard_for_longest_goes,
          who_waits_for_news_of_a_job_goes_after_those_who_do_not,
          nodes_that_nobody_needs_go_before_commands_and_standing_links_never,
          bulk_links_without_work_go_before_commands,
          where_only_standing_links_are_left_the_new_one_is_closed, so_many_there_may_be_in_earnest)
