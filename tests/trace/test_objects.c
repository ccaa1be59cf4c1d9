/* Stories of objects at one node: users put them there, get them, list them and take them away. */
#include "core/base/err.h"
#include "core/node/keeping.h"
#include "core/node/objects.h"
#include "core/object/name.h"
#include "core/wire/move.h"
#include "tests/lib/story_objects.h"

#define BIG (3 * PIECE_SIZE + 7)

static struct story story;
static uint8_t bytes[BIG], got[BIG];

static void begin(uint64_t objects_bytes)
{
    story_init(&story, 1);
    story.ages.objects_bytes = objects_bytes;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    story_fill(bytes, sizeof bytes);
}

static struct digest put_whole(const uint8_t *data, uint64_t size)
{
    struct object_view told = {0};
    struct digest name = story_put_whole(&story, 0, data, size, 0, &told);

    CHECK_INT(told.flags, OBJECT_KEPT | OBJECT_WHOLE | OBJECT_OF_USER);
    return name;
}

static uint32_t listed(void)
{
    uint64_t user = story_user(&story, 0);
    struct request_objects m = {.all = false};
    uint32_t request, count = 0;
    uint8_t raw[128];
    struct buf b;

    buf_init_fixed(&b, raw, sizeof raw);
    put_request_objects(&b, &m);
    request = story_ask(&story, user, MESSAGE_REQUEST_OBJECTS, buf_bytes(&b));
    story_run(&story, 5 * MS_US);
    CHECK(story_has_ended(&story, user, request));
    for (uint32_t i = 0; i < story.answers_count; i++)
        count += story.answers[i].link == user && story.answers[i].request == request &&
                 story.answers[i].type == MESSAGE_REPLY_OBJECT;
    story_leave(&story, user);
    return count;
}

TEST(what_is_put_is_got)
{
    static const uint64_t sizes[] = {0, 1, 5000, OBJECT_DATA_MAX, PIECE_SIZE, PIECE_SIZE + 1, BIG};

    begin(1 << 30);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct digest name = put_whole(bytes, sizes[i]);
        uint64_t user = story_user(&story, 0);
        uint32_t request = story_get_begun(&story, user, name, 8 + i, 0);

        for (int k = 0; k < 20; k++) {
            story_get_more(&story, user, request, 400000);
            story_run(&story, 5 * MS_US);
            if (story_has_ended(&story, user, request))
                break;
        }
        CHECK(story_has_ended(&story, user, request));
        CHECK_INT(story_got(&story, user, request, got, sizeof got), sizes[i]);
        CHECK(memcmp(got, bytes, (size_t)sizes[i]) == 0);
        story_leave(&story, user);
        CHECK_INT(listed(), i + 1);
    }
    CHECK(story_end(&story));
}

TEST(a_get_goes_on_where_it_was_broken_off)
{
    struct digest name;
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    name = put_whole(bytes, BIG);
    user = story_user(&story, 0);
    request = story_get_begun(&story, user, name, 64, BIG - 10);
    story_get_more(&story, user, request, 100);
    story_run(&story, 5 * MS_US);
    CHECK(story_has_ended(&story, user, request));
    CHECK_INT(story_got(&story, user, request, got, sizeof got), 10);
    CHECK(memcmp(got, bytes + BIG - 10, 10) == 0);
    request = story_get_begun(&story, user, name, 64, BIG + 1);
    CHECK_INT(story_code_within(&story, user, request, 5 * MS_US), 2);
    CHECK(story_end(&story));
}

TEST(no_more_is_sent_than_was_asked_for)
{
    struct digest name;
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    name = put_whole(bytes, BIG);
    user = story_user(&story, 0);
    request = story_get_begun(&story, user, name, 64, 0);
    story_run(&story, 20 * MS_US);
    CHECK_INT(story_got(&story, user, request, got, sizeof got), 0);
    story_get_more(&story, user, request, 1000);
    story_run(&story, 20 * MS_US);
    CHECK_INT(story_got(&story, user, request, got, sizeof got), 1000);
    story_get_more(&story, user, request, OBJECT_CREDIT_MAX);
    story_get_more(&story, user, request, OBJECT_CREDIT_MAX);
    story_run(&story, 20 * MS_US);
    CHECK_INT(story_code(&story, user, request), 1);
    CHECK_INT(story.nodes[0].core->objects->gets_count, 0);
    CHECK(story_end(&story));
}

TEST(whoever_sends_more_than_he_may_is_refused)
{
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, UINT64_MAX);
    story_run(&story, MS_US);
    CHECK_INT(story_put_credit(&story, user, request), PUT_WINDOW);
    story.nodes[0].mover_silent = true;
    for (uint32_t i = 0; i < PUT_WINDOW / OBJECT_DATA_COST_MIN; i++)
        story_put_data(&story, user, request, (struct bytes){bytes, 1});
    story_run(&story, MS_US);
    CHECK(story_code(&story, user, request) <= 0);
    story_put_data(&story, user, request, (struct bytes){bytes, 1});
    story_run(&story, MS_US);
    CHECK_INT(story_code(&story, user, request), 1);
    CHECK_INT(story.nodes[0].core->objects->coming_bytes, 0);
    CHECK(story_end(&story));
}

TEST(a_put_whose_user_leaves_is_undone)
{
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, BIG);
    story_run(&story, MS_US);
    story_put_data(&story, user, request, (struct bytes){bytes, 1000});
    story_run(&story, MS_US);
    CHECK_INT(story.nodes[0].core->objects->coming_bytes, 1000);
    story_leave(&story, user);
    story_run(&story, 5 * MS_US);
    CHECK_INT(story.nodes[0].core->objects->puts_count, 0);
    CHECK_INT(story.nodes[0].core->objects->coming_bytes, 0);
    CHECK_INT(story.nodes[0].mover.bytes, 0);
    CHECK_INT(listed(), 0);
    CHECK(story_end(&story));
}

TEST(another_size_than_announced_is_no_object)
{
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, 1000);
    story_put_sent(&story, user, request, bytes, 999);
    CHECK_INT(story_code(&story, user, request), 1);
    request = story_put_begun(&story, user, 1000);
    story_put_sent(&story, user, request, bytes, 1001);
    CHECK_INT(story_code(&story, user, request), 1);
    CHECK_INT(story.nodes[0].mover.bytes, 0);
    CHECK_INT(listed(), 0);
    CHECK(story_end(&story));
}

TEST(what_is_kept_stays_and_what_does_not_fit_is_refused)
{
    struct digest first;
    uint64_t user;
    uint32_t request;

    begin(4 * PIECE_SIZE);
    first = put_whole(bytes, BIG);
    user = story_user(&story, 0);
    /* Announced or not: it is noticed before the limit is passed. */
    request = story_put_begun(&story, user, PIECE_SIZE);
    CHECK_INT(story_code_within(&story, user, request, MS_US), 1);
    request = story_put_begun(&story, user, UINT64_MAX);
    story_put_sent(&story, user, request, bytes + 1, PIECE_SIZE);
    CHECK_INT(story_code(&story, user, request), 1);
    CHECK(story.nodes[0].mover.bytes <= 4 * PIECE_SIZE);
    CHECK_INT(listed(), 1);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, first), 0);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, first), 3);
    CHECK_INT(listed(), 0);
    put_whole(bytes + 1, PIECE_SIZE);
    CHECK(story_end(&story));
}

TEST(what_was_used_least_goes_first)
{
    struct digest a, b;
    struct objects *s;

    begin(3 * PIECE_SIZE);
    a = put_whole(bytes, PIECE_SIZE);
    b = put_whole(bytes + 1, PIECE_SIZE);
    s = story.nodes[0].core->objects;
    shelf_keep(s->shelf, shelf_find(s->shelf, b), false);
    shelf_keep(s->shelf, shelf_find(s->shelf, a), false);
    put_whole(bytes + 2, PIECE_SIZE);
    put_whole(bytes + 3, PIECE_SIZE);
    CHECK(shelf_find(s->shelf, b) == NULL);
    CHECK(shelf_find(s->shelf, a) != NULL);
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), 3);
    CHECK(story_end(&story));
}

/* It is read to its end all the same. */
TEST(what_is_removed_while_it_is_read_is_read_to_its_end)
{
    struct digest name;
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    name = put_whole(bytes, BIG);
    user = story_user(&story, 0);
    request = story_get_begun(&story, user, name, 64, 0);
    story_get_more(&story, user, request, 1000);
    story_run(&story, 5 * MS_US);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    story_get_more(&story, user, request, OBJECT_CREDIT_MAX);
    story_run(&story, 20 * MS_US);
    CHECK(story_has_ended(&story, user, request));
    CHECK_INT(story_got(&story, user, request, got, sizeof got), BIG);
    CHECK(shelf_find(story.nodes[0].core->objects->shelf, name) == NULL);
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), 0);
    CHECK(story_end(&story));
}

TEST(the_death_of_the_mover_is_told)
{
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, BIG);
    story_run(&story, MS_US);
    story_put_data(&story, user, request, (struct bytes){bytes, 1000});
    story_run(&story, MS_US);
    story_mover_dies(&story, 0);
    story_run(&story, MS_US);
    CHECK_INT(story_code(&story, user, request), 1);
    CHECK_INT(story.nodes[0].core->objects->coming_bytes, 0);
    put_whole(bytes, BIG);
    CHECK(story_end(&story));
}

TEST(what_was_there_is_found_and_asked_for_before_that)
{
    struct digest name;
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    name = put_whole(bytes, BIG);
    story_kill(&story, 0);
    story_start(&story, 0);
    user = story_user(&story, 0);
    request = story_get_begun(&story, user, name, 64, 0);
    CHECK(!story.nodes[0].core->objects->scanned);
    story_run(&story, 5 * MS_US);
    story_get_more(&story, user, request, OBJECT_CREDIT_MAX);
    story_run(&story, 20 * MS_US);
    CHECK(story_has_ended(&story, user, request));
    CHECK_INT(story_got(&story, user, request, got, sizeof got), BIG);
    CHECK(story_end(&story));
}

/* What was put is kept after a restart, and after its journal was written anew; what was removed
 * is not. */
TEST(what_is_kept_is_written_down)
{
    struct digest kept, gone;
    struct objects *s;

    story_init(&story, 1);
    story.ages.objects_bytes = 1 << 30;
    story.nodes[0].keeps_disk = true;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    kept = put_whole(bytes, 1000);
    gone = put_whole(bytes, 2000);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, gone), 0);
    put_whole(bytes, 2000);
    CHECK_INT(keeping_find(story.nodes[0].core, gone, KEEPING_USER)->generation, 3);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, gone), 0);
    story_compact(&story, 0);
    story_run(&story, 10 * MS_US);
    story_kill(&story, 0);
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    s = story.nodes[0].core->objects;
    REQUIRE(shelf_find(s->shelf, kept) != NULL);
    CHECK(shelf_find(s->shelf, kept)->kept);
    CHECK(shelf_find(s->shelf, gone) == NULL);
    CHECK(!keeping_is_kept(story.nodes[0].core, gone));
    CHECK_INT(keeping_find(story.nodes[0].core, gone, KEEPING_USER)->generation, 4);
    CHECK(story_end(&story));
}

TEST(of_two_statements_the_later_holds_and_keeping_wins)
{
    struct keeping k = {.name = {{7}}, .size = 5, .generation = 3, .kept = false};
    struct node *n;

    begin(1 << 30);
    n = story.nodes[0].core;
    n->replaying = true; /* nothing is written outside a step */
    struct actions quiet;
    actions_init(&quiet, &story.heap.alloc);
    n->out = &quiet;
    CHECK_INT(keeping_learn(n, &k), 1);
    CHECK_INT(keeping_learn(n, &k), 0);
    k.generation = 2;
    k.kept = true;
    CHECK_INT(keeping_learn(n, &k), 0);
    k.generation = 3;
    CHECK_INT(keeping_learn(n, &k), 1);
    CHECK(keeping_is_kept(n, k.name));
    k.kept = false;
    CHECK_INT(keeping_learn(n, &k), 0);
    k.generation = 0;
    CHECK_INT(keeping_learn(n, &k), ERR_FORMAT);
    k.generation = KEEPING_GENERATION_MAX + 1;
    CHECK_INT(keeping_learn(n, &k), ERR_FORMAT);
    n->out = NULL;
    n->replaying = false;
    actions_clear(&quiet);
    CHECK(story_end(&story));
}

/* A put waits for what its node's disk says. */
TEST(a_put_is_told_when_it_is_written_down)
{
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    story.nodes[0].stuck = true;
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, 100);
    story_put_sent(&story, user, request, bytes, 100);
    CHECK_INT(sim_mover_whole(&story.nodes[0].mover), 1);
    CHECK(story_answer(&story, user, request)->type == MESSAGE_REPLY_CREDIT);
    CHECK(story_end(&story));
}

TEST(only_so_many_are_put_at_a_time)
{
    uint64_t user;
    uint32_t request = 0;

    begin(1 << 30);
    user = story_user(&story, 0);
    for (uint32_t i = 0; i < PUTS_MAX; i++)
        request = story_put_begun(&story, user, UINT64_MAX);
    story_run(&story, MS_US);
    CHECK(story_code(&story, user, request) <= 0);
    request = story_put_begun(&story, user, UINT64_MAX);
    CHECK_INT(story_code_within(&story, user, request, MS_US), 1);
    CHECK(story_end(&story));
}

TEST(a_node_without_room_for_objects_says_so)
{
    uint64_t user;

    begin(0);
    user = story_user(&story, 0);
    CHECK_INT(story_code_within(&story, user, story_put_begun(&story, user, 5), MS_US), 1);
    CHECK(story_end(&story));
}

TEST(a_full_disk_is_told)
{
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    story.nodes[0].mover.bytes_max = 100000;
    user = story_user(&story, 0);
    request = story_put_begun(&story, user, BIG);
    story_put_sent(&story, user, request, bytes, BIG);
    CHECK_INT(story_code(&story, user, request), 1);
    CHECK_INT(story.nodes[0].mover.bytes, 0);
    CHECK(story_end(&story));
}

/* Nobody could be told that it is kept. */
TEST(a_journal_without_room_takes_no_object)
{
    uint64_t user;

    begin(1 << 30);
    story.nodes[0].core->disk_full = true;
    user = story_user(&story, 0);
    CHECK_INT(story_code_within(&story, user, story_put_begun(&story, user, 5), MS_US), 1);
    story.nodes[0].core->disk_full = false;
    put_whole(bytes, 5);
    CHECK(story_end(&story));
}

/* It was removed once, and they are through before that it is kept again is written down. */
TEST(several_wait_for_what_is_put_again)
{
    struct object_view v;
    struct digest name;
    uint64_t user[3];
    uint32_t request[3];

    begin(1 << 30);
    name = put_whole(bytes, 0);
    CHECK_INT(story_ref_code(&story, 0, MESSAGE_REQUEST_RM, name), 0);
    for (uint32_t i = 0; i < 3; i++) {
        user[i] = story_user(&story, 0);
        request[i] = story_get_begun(&story, user[i], name, 64, 0);
    }
    story_run(&story, 5 * MS_US);
    CHECK(digest_equal(put_whole(bytes, 0), name));
    for (uint32_t i = 0; i < 3; i++) {
        CHECK(story_has_ended(&story, user[i], request[i]));
        REQUIRE(story_object_view(&story, user[i], request[i], &v));
        CHECK(digest_equal(v.name, name));
        CHECK_INT(v.size, 0);
    }
    CHECK_INT(listed(), 1);
    CHECK(story_end(&story));
}

TEST_MAIN(several_wait_for_what_is_put_again, a_journal_without_room_takes_no_object,
          what_is_put_is_got, a_get_goes_on_where_it_was_broken_off,
          no_more_is_sent_than_was_asked_for, whoever_sends_more_than_he_may_is_refused,
          a_put_whose_user_leaves_is_undone, another_size_than_announced_is_no_object,
          what_is_kept_stays_and_what_does_not_fit_is_refused, what_was_used_least_goes_first,
          what_is_removed_while_it_is_read_is_read_to_its_end, the_death_of_the_mover_is_told,
          what_was_there_is_found_and_asked_for_before_that, what_is_kept_is_written_down,
          of_two_statements_the_later_holds_and_keeping_wins, a_put_is_told_when_it_is_written_down,
          only_so_many_are_put_at_a_time, a_node_without_room_for_objects_says_so,
          a_full_disk_is_told)
