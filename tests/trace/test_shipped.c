/* Stories of plugins that come with their jobs: the file is an object, as a snippet's source is,
 * and a node loads it where its settings agree to that. */
#include "core/base/err.h"
#include "tests/lib/story_source.h"

#define LARGE (SHIPPED_PLUGIN_MAX - 1)

static void init(uint32_t count)
{
    init_asking(count, LABEL_LOADS);
    is_plugin = true;
    for (uint32_t i = 0; i < count; i++)
        story.nodes[i].shipped = SHIPPED_ANY;
}

TEST(a_plugin_comes_to_whoever_computes)
{
    uint32_t far = 0;
    struct job_view v;

    init(6);
    parts_add(300, false);
    start();
    submitted(0, 0);
    v = story_result(&story, 0, story_job(&story, 1), 30 * S_US);
    story_check_graph(&v, &made, few);
    for (uint32_t i = 0; i < story.count; i++) {
        far += story.shipped[i] > 0 && i > 0;
        CHECK_INT(story.shipped[i], story.compiled[i]);
    }
    CHECK(far >= 3); /* more than there are copies of what a user puts */
    CHECK_INT(story.wrong_maps, 0);
    CHECK_INT(story.maps[0], 0); /* it is no input of the kernel's */
    CHECK(story_end(&story));
}

TEST(a_node_that_does_not_agree_has_no_part_in_it)
{
    struct bytes text = bytes_of_text(SOURCE_TEXT);
    struct job_view v;

    init(4);
    story.nodes[0].shipped = SHIPPED_NONE;
    story.nodes[0].compiles = true;
    story.nodes[1].shipped = SHIPPED_LISTED; /* something else */
    story.nodes[2].shipped = SHIPPED_LISTED;
    story.nodes[2].allowed = sha256_of(text.data, text.len);
    story.nodes[3].tier = TIER_S1;
    parts_add(60, false);
    start();
    on = ""; /* and the job does not say what it needs */
    submitted(0, 0);
    v = story_result(&story, 0, story_job(&story, 1), 30 * S_US);
    story_check_graph(&v, &made, few);
    CHECK(story.shipped[2] > 0);
    CHECK_INT(story.compiled[0] + story.compiled[1] + story.compiled[3], 0);
    CHECK(story_end(&story));
}

TEST(where_no_node_agrees_the_job_is_refused_in_words)
{
    struct reply_error e;

    init(2);
    story.nodes[0].shipped = story.nodes[1].shipped = SHIPPED_NONE;
    parts_add(6, false);
    start();
    e = submitted(0, 6);
    CHECK(strstr(e.what, "no node has leave for plugins of jobs and tier S2 or better") != NULL);
    CHECK(strstr(e.what, "without leave for plugins of jobs") != NULL);
    CHECK(story_end(&story));
}

TEST(where_no_list_has_it_the_job_fails_in_words)
{
    struct job_view v;

    init(2);
    story.nodes[0].shipped = story.nodes[1].shipped = SHIPPED_LISTED;
    parts_add(6, false);
    start();
    submitted(0, 0);
    v = story_result(&story, 0, story_job(&story, 1), 30 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, "a node loads only plugins that its plugin_allow names") != NULL);
    CHECK(story_end(&story));
}

TEST(where_a_node_cannot_read_it_the_job_is_refused_in_words)
{
    struct reply_error e;

    init(3);
    story.nodes[2].level = 3;
    parts_add(6, false);
    start();
    e = submitted(0, 1);
    CHECK(strstr(e.what, "plugins that travel need feature level 4 of every node, and n2 runs") !=
          NULL);
    CHECK(story_end(&story));
}

TEST(a_job_that_says_who_compiles_it_has_no_plugin)
{
    struct reply_error e;

    init(3);
    story.nodes[2].level = 3;
    is_plugin = false;
    compiler = COMPILER_TCC;
    parts_add(6, false);
    start();
    e = submitted(0, 1);
    CHECK(strstr(e.what,
                 "snippets that say who compiles them need feature level 4 of every node") != NULL);
    CHECK(story_end(&story));
}

/* --- what a command asks --- */

static uint32_t ask(uint64_t user, uint8_t what, const char *kernel)
{
    struct request_snippet m = {.what = what, .source = source.name};
    uint8_t room[512], order_room[64];
    struct buf b, order;

    buf_init_fixed(&b, room, sizeof room);
    buf_init_fixed(&order, order_room, sizeof order_room);
    text_copy(m.kernel, sizeof m.kernel, kernel);
    if (what == SHIPPED_PLAN)
        REQUIRE(put_order_plan(&order, 0, NULL, 0, NULL) == 0);
    m.order = buf_bytes(&order);
    put_request_snippet(&b, &m);
    return story_ask(&story, user, MESSAGE_REQUEST_SNIPPET, buf_bytes(&b));
}

static uint32_t describe(uint64_t user)
{
    return ask(user, SHIPPED_DESCRIBE, "");
}

/* Three nodes have it, and it is larger than C source may be. */
TEST(a_large_one_comes_to_the_node_that_is_asked)
{
    static uint8_t bytes[LARGE];
    uint64_t user;

    init(5);
    story.output = NULL;
    start_with((struct bytes){bytes, sizeof bytes});
    for (uint32_t i = 0; i < story.count; i++) {
        user = story_user(&story, i);
        (void)describe(user);
        story_run(&story, 2 * S_US);
        CHECK(sim_mover_has(&story.nodes[i].mover, source.name));
        story_leave(&story, user);
    }
    CHECK(story_end(&story));
}

TEST(a_node_that_loads_none_says_so)
{
    uint64_t user;
    uint32_t request;

    init(2);
    story.nodes[1].shipped = SHIPPED_NONE;
    story.output = NULL;
    start();
    user = story_user(&story, 1);
    request = describe(user);
    CHECK_INT(story_code_within(&story, user, request, S_US), 6);
    CHECK(strstr(error_of(user, request).what, "its plugin_jobs is none") != NULL);
    CHECK(story_end(&story));
}

/* It comes here all the same: what is in a list is known of a file by its bytes. */
TEST(a_node_whose_list_lacks_it_says_so)
{
    uint64_t user;
    uint32_t request;

    init(2);
    story.nodes[1].shipped = SHIPPED_LISTED;
    story.output = NULL;
    start();
    user = story_user(&story, 1);
    request = describe(user);
    CHECK_INT(story_code_within(&story, user, request, 2 * S_US), 6);
    CHECK(strstr(error_of(user, request).what, "only plugins that its plugin_allow names") != NULL);
    CHECK(story_end(&story));
}

/* In words, and with what could bring it. */
TEST(a_plugin_that_nobody_has_is_told)
{
    struct reply_error e;
    uint64_t user;
    uint32_t request;

    init(2);
    story.output = NULL;
    start();
    source.name = (struct digest){{7}};
    user = story_user(&story, 1);
    request = describe(user);
    CHECK_INT(story_code_within(&story, user, request, 5 * S_US), 1);
    e = error_of(user, request);
    CHECK(strstr(e.what, "the plugin 07000000 is not to be had from any node") != NULL);
    CHECK_STR(e.hint, "the same command again, which puts the file again");
    request = ask(user, SHIPPED_PLAN, "work");
    CHECK_INT(story_code_within(&story, user, request, 5 * S_US), 2);
    e = error_of(user, request);
    CHECK(strncmp(e.hint, "velum put FILE.so", 17) == 0);
    CHECK(story_end(&story));
}

TEST_MAIN(a_plugin_comes_to_whoever_computes, a_node_that_does_not_agree_has_no_part_in_it,
          where_no_node_agrees_the_job_is_refused_in_words,
          where_no_list_has_it_the_job_fails_in_words,
          where_a_node_cannot_read_it_the_job_is_refused_in_words,
          a_job_that_says_who_compiles_it_has_no_plugin, a_node_that_loads_none_says_so,
          a_node_whose_list_lacks_it_says_so, a_large_one_comes_to_the_node_that_is_asked,
          a_plugin_that_nobody_has_is_told)
