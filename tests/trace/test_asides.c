/* Many plans, or shows, of one kernel in one message (core/wire/asides.h), and the worker that is
 * kept for the next. */
#include "core/node/aside.h"
#include "core/node/workers.h"
#include "core/wire/asides.h"
#include "tests/lib/check.h"
#include "tests/lib/story.h"

static struct story story;

static uint32_t ask(uint64_t user, uint16_t count)
{
    uint32_t request;
    size_t list, block;
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_request_asides_begin(&b, "work", (struct digest){{0}});
    list = put_asides_begin(&b, ASIDES_PLAN);
    for (uint16_t i = 0; i < count; i++) {
        block = put_aside_begin(&b);
        REQUIRE(put_order_plan(&b, 0, NULL, 0, NULL) == 0);
        put_aside_end(&b, block);
    }
    asides_count(&b, list, count);
    request = story_ask(&story, user, MESSAGE_REQUEST_ASIDES, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, 20 * MS_US);
    return request;
}

static void ready(void)
{
    story_worker_says(&story, 0, story.worker, MESSAGE_WORKER_READY, (struct bytes){NULL, 0});
    story_run(&story, 10 * MS_US);
}

static void answers(uint32_t worker, enum asides_what what, uint16_t count)
{
    const struct worker_planned m = {.ok = true, .units = 3, .leaf_units = 1};
    size_t list, block;
    struct buf b;

    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    list = put_asides_begin(&b, what);
    for (uint16_t i = 0; i < count; i++) {
        block = put_aside_begin(&b);
        if (what == ASIDES_PLAN)
            put_worker_planned(&b, &m);
        else
            put_worker_shown(&b, true, "3");
        put_aside_end(&b, block);
    }
    asides_count(&b, list, count);
    story_worker_says(&story, 0, worker, MESSAGE_WORKER_ASIDES, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, 10 * MS_US);
}

/* How many answers the user has had to this request. */
static uint16_t told(uint64_t user, uint32_t request)
{
    const struct story_answer *a = story_answer(&story, user, request);
    struct reply_asides reply;
    struct asides m;

    if (a == NULL || a->type != MESSAGE_REPLY_ASIDES)
        return 0;
    REQUIRE(read_reply_asides((struct bytes){a->data, a->len}, &reply) == 0);
    CHECK_STR(reply.kernel, "work");
    REQUIRE(read_asides(reply.list, &m) == 0);
    return m.count;
}

static struct worker *worker(uint32_t number)
{
    return worker_find(story.nodes[0].core, number);
}

static bool waits(uint32_t number)
{
    const struct worker *w = worker(number);

    return w != NULL && w->state == WORKER_ASIDE && w->aside == NULL;
}

static bool works(uint32_t number)
{
    const struct worker *w = worker(number);

    return w != NULL && w->state == WORKER_ASIDE && w->aside != NULL;
}

static bool is_gone(uint32_t number)
{
    const struct worker *w = worker(number);

    return w == NULL || w->state == WORKER_DYING;
}

/* A list of this user's is with this worker, which came for it. */
static uint32_t begin(uint64_t user, uint32_t *request)
{
    *request = ask(user, 3);
    ready();
    CHECK(works(story.worker));
    return story.worker;
}

TEST(the_worker_of_a_list_is_kept_for_the_next)
{
    uint32_t request, first;
    uint64_t user;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    first = begin(user, &request);
    answers(first, ASIDES_PLAN, 2);
    CHECK_INT(told(user, request), 2);
    CHECK(waits(first));
    for (int i = 0; i < 5; i++) {
        story_run(&story, 500 * MS_US);
        request = ask(user, 1);
        CHECK(works(first));
        answers(first, ASIDES_PLAN, 1);
        CHECK_INT(told(user, request), 1);
        CHECK(waits(first));
    }
    story_run(&story, 3 * S_US);
    CHECK(is_gone(first));
    CHECK(story_end(&story));
}

TEST(another_user_gets_another_worker)
{
    uint32_t request, first;
    uint64_t user, other;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    other = story_user(&story, 0);
    first = begin(user, &request);
    answers(first, ASIDES_PLAN, 3);
    CHECK(waits(first));
    (void)ask(other, 3);
    CHECK(!works(first));
    CHECK(story_end(&story));
}

TEST(a_user_who_leaves_leaves_no_worker)
{
    uint32_t request, first;
    uint64_t user;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    first = begin(user, &request);
    answers(first, ASIDES_PLAN, 3);
    CHECK(waits(first));
    story_leave(&story, user);
    story_run(&story, 10 * MS_US);
    CHECK(is_gone(first));
    CHECK(story_end(&story));
}

/* One list is under way when its user leaves. */
TEST(what_nobody_waits_for_keeps_no_worker)
{
    uint32_t request, first;
    uint64_t user;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    first = begin(user, &request);
    story_leave(&story, user);
    story_run(&story, 10 * MS_US);
    answers(first, ASIDES_PLAN, 3);
    CHECK(is_gone(first));
    CHECK(story_end(&story));
}

TEST(a_worker_that_says_what_was_not_asked_is_ended)
{
    uint32_t request, number;
    uint64_t user;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    for (int i = 0; i < 4; i++) {
        number = begin(user, &request);
        if (i == 0)
            answers(number, ASIDES_SHOW, 3);
        else if (i == 1)
            answers(number, ASIDES_PLAN, 4);
        else if (i == 2)
            answers(number, ASIDES_PLAN, 0);
        else
            story_worker_says(&story, 0, number, MESSAGE_WORKER_PLANNED, (struct bytes){NULL, 0});
        story_run(&story, 10 * MS_US);
        CHECK_INT(story_code(&story, user, request), 1);
        CHECK(is_gone(number));
    }
    number = begin(user, &request);
    answers(number, ASIDES_PLAN, 3);
    CHECK(waits(number));
    answers(number, ASIDES_PLAN, 3);
    CHECK(is_gone(number));
    CHECK(story_end(&story));
}

TEST(only_a_few_workers_wait)
{
    uint32_t request, waiting = 0, numbers[8];
    uint64_t users[8];

    story_begin(&story, 1);
    story.nodes[0].core->options.slots = 8; /* otherwise they make room for others before */
    for (uint32_t i = 0; i < 8; i++) {
        users[i] = story_user(&story, 0);
        numbers[i] = begin(users[i], &request);
        answers(numbers[i], ASIDES_PLAN, 3);
        CHECK_INT(told(users[i], request), 3);
    }
    for (uint32_t i = 0; i < 8; i++)
        waiting += waits(numbers[i]);
    CHECK_INT(waiting, ASIDE_KEPT_MAX);
    CHECK(story_end(&story));
}

TEST(lists_that_are_none_are_refused)
{
    static const uint8_t kinds[][3] = {{2, 1, 0}, {0, 0, 0}, {0, 1, 0}, {0, 1, 4}};
    uint64_t user;
    struct buf b;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
        put_request_asides_begin(&b, "work", (struct digest){{0}});
        put_raw(&b, kinds[i], sizeof kinds[i]);
        uint32_t request = story_ask(&story, user, MESSAGE_REQUEST_ASIDES, buf_bytes(&b));
        buf_clear(&b);
        story_run(&story, 100 * MS_US);
        CHECK(story_code(&story, user, request) > 0);
    }
    CHECK(story.nodes[0].core->asides == NULL);
    CHECK(story_end(&story));
}

TEST(a_kernel_of_another_source_is_none)
{
    struct digest other = {{9}};
    const struct story_answer *a;
    struct reply_error e;
    size_t list, block;
    uint64_t user;
    struct buf b;

    story_begin(&story, 1);
    user = story_user(&story, 0);
    buf_init(&b, &story.heap.alloc, FRAME_PAYLOAD_MAX);
    put_request_asides_begin(&b, "work", other);
    list = put_asides_begin(&b, ASIDES_SHOW);
    block = put_aside_begin(&b);
    put_aside_show(&b, &(struct aside_show){{NULL, 0}, {NULL, 0}});
    put_aside_end(&b, block);
    asides_count(&b, list, 1);
    uint32_t request = story_ask(&story, user, MESSAGE_REQUEST_ASIDES, buf_bytes(&b));
    buf_clear(&b);
    story_run(&story, 100 * MS_US);
    a = story_answer(&story, user, request);
    REQUIRE(a != NULL && a->type == MESSAGE_REPLY_ERROR);
    REQUIRE(read_reply_error((struct bytes){a->data, a->len}, &e) == 0);
    CHECK(e.no_kernel);
    CHECK(story_end(&story));
}

TEST_MAIN(the_worker_of_a_list_is_kept_for_the_next, another_user_gets_another_worker,
          a_user_who_leaves_leaves_no_worker, what_nobody_waits_for_keeps_no_worker,
          a_worker_that_says_what_was_not_asked_is_ended, only_a_few_workers_wait,
          lists_that_are_none_are_refused, a_kernel_of_another_source_is_none)
