/* Stories of snippets, kernels whose C source is an object: it comes to whoever computes them, and
 * a node that cannot compile, or must not, has no part in them. */
#include "core/base/err.h"
#include "tests/lib/story_source.h"

static void init(uint32_t count)
{
    init_asking(count, LABEL_COMPILES);
    for (uint32_t i = 0; i < count; i++)
        story.nodes[i].compiles = true;
}

static uint32_t compiled_at_all(void)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < story.count; i++)
        sum += story.compiled[i];
    return sum;
}

TEST(the_source_comes_to_whoever_computes)
{
    uint32_t far = 0;
    struct job_view v;

    init(6);
    parts_add(300, false);
    start();
    submitted(0, 0);
    v = story_result(&story, 0, story_job(&story, 1), 30 * S_US);
    story_check_graph(&v, &made, few);
    for (uint32_t i = 0; i < story.count; i++)
        far += story.compiled[i] > 0 && i > 0;
    CHECK(far >= 3); /* more than there are copies of what a user puts */
    CHECK_INT(story.wrong_maps, 0);
    CHECK_INT(story.maps[0], 0); /* it is no input of the kernel's */
    CHECK(story_end(&story));
}

/* What a snippet yields is read by a stage of another kernel. */
TEST(a_worker_does_not_turn_from_a_snippet_to_another_kernel)
{
    struct job_view v;

    init(1);
    parts_add(1, false);
    parts_need(parts_add(1, false), 0, 0);
    start();
    submitted(0, 0);
    v = story_result(&story, 0, story_job(&story, 1), 30 * S_US);
    story_check_graph(&v, &made, few);
    CHECK_INT(story.loads, 0);
    CHECK_INT(compiled_at_all(), 1);
    CHECK(story_end(&story));
}

TEST(a_node_without_a_compiler_has_no_part_in_it)
{
    struct job_view v;

    init(3);
    story.nodes[1].compiles = false;
    story.nodes[2].tier = TIER_S1;
    parts_add(60, false);
    start();
    on = ""; /* and the job does not say that it needs one */
    submitted(1, 0);
    v = story_result(&story, 1, story_job(&story, 1), 30 * S_US);
    story_check_graph(&v, &made, few);
    CHECK(story.compiled[0] > 0);
    CHECK_INT(story.compiled[1] + story.compiled[2], 0);
    CHECK(story_end(&story));
}

TEST(where_no_node_compiles_the_job_is_refused_in_words)
{
    struct reply_error e;

    init(2);
    story.nodes[0].compiles = story.nodes[1].compiles = false;
    parts_add(6, false);
    start();
    e = submitted(0, 6);
    CHECK(strstr(e.what, "no node has a C compiler and tier S2 or better") != NULL);
    CHECK(strstr(e.what, "without a C compiler") != NULL);
    CHECK(story_end(&story));
}

TEST(where_a_node_cannot_read_it_the_job_is_refused_in_words)
{
    struct reply_error e;

    init(3);
    story.nodes[2].level = 2;
    parts_add(6, false);
    start();
    e = submitted(0, 1);
    CHECK(strstr(e.what, "snippets need feature level 3 of every node, and n2 runs velum") != NULL);
    CHECK(story_end(&story));
}

TEST(what_the_compiler_says_fails_the_job)
{
    struct job_view v;

    init(2);
    parts_add(6, false);
    start();
    story.no_kernel = "sum.c:3:5: error: ';' expected";
    submitted(0, 0);
    v = story_result(&story, 0, story_job(&story, 1), 60 * S_US);
    CHECK_INT(v.state, JOB_FAILED);
    CHECK(strstr(v.error, story.no_kernel) != NULL);
    CHECK(story_end(&story));
}

/* --- what a command asks --- */

static uint32_t ask(uint64_t user, uint8_t what, struct digest name)
{
    struct request_snippet m = {.what = what, .source = name};
    struct buf b, order;
    uint32_t request;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    buf_init(&order, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    if (what != SNIPPET_DESCRIBE)
        text_copy(m.kernel, sizeof m.kernel, "sum");
    if (what == SNIPPET_PLAN)
        REQUIRE(put_order_plan(&order, 0, NULL, 0, NULL) == 0);
    m.order = buf_bytes(&order);
    put_request_snippet(&b, &m);
    request = story_ask(&story, user, MESSAGE_REQUEST_SNIPPET, buf_bytes(&b));
    buf_clear(&b);
    buf_clear(&order);
    return request;
}

/* A node that does not have the source. */
static uint32_t stranger(void)
{
    uint32_t i = 0;

    while (story_whole_at(&story, i, source.name) != NULL)
        i++;
    REQUIRE(i < story.count);
    return i;
}

/* Its worker is ready, and has something to do. */
static const struct worker *worker_of(uint32_t i)
{
    const struct worker *w;

    story_worker_says(&story, i, story.nodes[i].core->workers->number, MESSAGE_WORKER_READY,
                      (struct bytes){NULL, 0});
    story_run(&story, 10 * MS_US);
    w = story.nodes[i].core->workers;
    while (w != NULL && w->aside == NULL)
        w = w->next;
    return w;
}

static void says_what_it_is(uint32_t i, uint32_t worker)
{
    struct kernel_view v = {.name = "sum", .path = "objects/x", .accumulator_size = 8};
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_kernel_view(&b, &v);
    story_worker_says(&story, i, worker, MESSAGE_WORKER_DESCRIBED, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, 10 * MS_US);
}

static void says_a_plan(uint32_t i, uint32_t worker, bool loads)
{
    const struct worker_loaded loaded = {.ok = true, .accumulator_size = 8};
    const struct worker_planned m = {.ok = true, .units = 3, .leaf_units = 1};
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_worker_loaded(&b, &loaded);
    if (loads)
        story_worker_says(&story, i, worker, MESSAGE_WORKER_LOADED, buf_bytes(&b));
    buf_reset(&b);
    put_worker_planned(&b, &m);
    story_worker_says(&story, i, worker, MESSAGE_WORKER_PLANNED, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, 10 * MS_US);
}

TEST(a_request_waits_until_the_source_is_there)
{
    const struct story_answer *a;
    struct kernel_view v;
    struct reply_plan plan;
    const struct worker *w;
    uint32_t far, request;
    uint64_t user;

    init(6);
    story.output = NULL;
    start();
    far = stranger();
    user = story_user(&story, far);
    request = ask(user, SNIPPET_DESCRIBE, source.name);
    story_run(&story, S_US);
    CHECK(story_whole_at(&story, far, source.name) != NULL);
    w = worker_of(far);
    REQUIRE(w != NULL);
    says_what_it_is(far, w->number);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && a->type == MESSAGE_REPLY_KERNEL);
    REQUIRE(read_kernel_view((struct bytes){a->data, a->len}, &v) == 0);
    CHECK(digest_equal(v.source, source.name) && v.origin == ORIGIN_SNIPPET && v.path[0] == 0);
    request = ask(user, SNIPPET_PLAN, source.name);
    story_run(&story, 100 * MS_US);
    w = worker_of(far);
    REQUIRE(w != NULL);
    CHECK_INT(story_whole_at(&story, far, source.name)->pins, 1);
    says_a_plan(far, w->number, true);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && a->type == MESSAGE_REPLY_PLAN);
    REQUIRE(read_reply_plan((struct bytes){a->data, a->len}, &plan) == 0);
    CHECK(digest_equal(plan.source, source.name) && plan.accumulator_size == 8 && plan.units == 3);
    CHECK_STR(plan.kernel, "sum");
    CHECK_INT(story_whole_at(&story, far, source.name)->pins, 0);
    CHECK(story_end(&story));
}

/* The worker that makes the plan: a new one, or one that has the source. */
static uint32_t plan_from(uint64_t user, struct digest name, bool anew)
{
    const uint32_t request = ask(user, SNIPPET_PLAN, name);
    const struct story_answer *a;
    struct reply_plan plan;
    uint32_t number = 0;

    story_run(&story, 100 * MS_US);
    if (anew)
        REQUIRE(worker_of(0) != NULL);
    for (const struct worker *w = story.nodes[0].core->workers; w != NULL; w = w->next)
        number = w->aside != NULL ? w->number : number;
    REQUIRE(number != 0);
    says_a_plan(0, number, anew);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && a->type == MESSAGE_REPLY_PLAN);
    REQUIRE(read_reply_plan((struct bytes){a->data, a->len}, &plan) == 0);
    CHECK(digest_equal(plan.source, name));
    CHECK_INT(plan.accumulator_size, 8);
    return number;
}

/* 200 stages of one source are compiled once; another user, and another source, have a worker of
 * their own. */
TEST(one_worker_plans_all_that_one_user_has_of_a_source)
{
    const struct bytes text = bytes_of_text("another source");
    struct object_view told;
    struct digest second;
    uint64_t user, other;
    uint32_t first;

    init(1);
    story.output = NULL;
    start();
    second = story_put_whole(&story, 0, text.data, text.len, 0, &told);
    user = story_user(&story, 0);
    other = story_user(&story, 0);
    first = plan_from(user, source.name, true);
    for (int i = 0; i < 3; i++)
        CHECK_INT(plan_from(user, source.name, false), first);
    CHECK(plan_from(user, second, true) != first);
    CHECK(plan_from(other, source.name, true) != first);
    story_run(&story, 2 * S_US); /* nobody asks for more */
    for (const struct worker *w = story.nodes[0].core->workers; w != NULL; w = w->next)
        CHECK(w->state != WORKER_ASIDE);
    CHECK(story_end(&story));
}

TEST(a_source_that_nobody_has_is_told)
{
    const struct digest none = {{7}};
    struct reply_error e;
    uint64_t user;
    uint32_t request;

    init(2);
    story.output = NULL;
    start();
    user = story_user(&story, 1);
    request = ask(user, SNIPPET_SHOW, none);
    CHECK_INT(story_code_within(&story, user, request, 5 * S_US), 1); /* no block behind it */
    request = ask(user, SNIPPET_DESCRIBE, none);
    CHECK_INT(story_code_within(&story, user, request, 2 * S_US), -1);
    CHECK_INT(story_code_within(&story, user, request, 3 * S_US), 1);
    e = error_of(user, request);
    CHECK(strstr(e.what, "the C source 07000000 is not to be had from any node") != NULL);
    CHECK_STR(e.hint, "the same command again, which puts the file again");
    CHECK(story_end(&story));
}

TEST(a_node_that_takes_no_c_says_why)
{
    struct reply_error e;
    uint64_t user;
    uint32_t request;

    init(2);
    story.nodes[1].tier = TIER_S1;
    story.output = NULL;
    start();
    user = story_user(&story, 1);
    request = ask(user, SNIPPET_DESCRIBE, source.name);
    CHECK_INT(story_code_within(&story, user, request, S_US), 6);
    e = error_of(user, request);
    CHECK(strstr(e.what, "that needs a cage of tier S2, and its own is S1") != NULL);
    CHECK(story_end(&story));
}

TEST_MAIN(the_source_comes_to_whoever_computes,
          a_worker_does_not_turn_from_a_snippet_to_another_kernel,
          a_node_without_a_compiler_has_no_part_in_it,
          where_no_node_compiles_the_job_is_refused_in_words,
          where_a_node_cannot_read_it_the_job_is_refused_in_words,
          what_the_compiler_says_fails_the_job, a_request_waits_until_the_source_is_there,
          one_worker_plans_all_that_one_user_has_of_a_source,
          a_source_that_nobody_has_is_told, a_node_that_takes_no_c_says_why)
