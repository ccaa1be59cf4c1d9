/* Stories of puts that are broken off, and of those that go on with them. */
#include "core/base/err.h"
#include "core/node/objects.h"
#include "core/object/name.h"
#include "tests/lib/story_objects.h"

#define BIG (3 * PIECE_SIZE + 7)
#define PART ((uint64_t)2 * PIECE_SIZE + 1000)

static struct story story;
static uint8_t bytes[BIG];
static const struct digest key = {{1, 2, 3}};

static void begin(uint64_t objects_bytes)
{
    story_init(&story, 1);
    story.ages.objects_bytes = objects_bytes;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
    story_fill(bytes, sizeof bytes);
}

static uint64_t coming(void)
{
    return story.nodes[0].core->objects->coming_bytes;
}

/* Within the credit, without the end. */
static void send_part(uint64_t user, uint32_t request, uint64_t from, uint64_t to)
{
    uint64_t spent = 0;

    while (from < to) {
        const uint64_t n = to - from < OBJECT_DATA_MAX ? to - from : OBJECT_DATA_MAX;
        const uint64_t cost = n < OBJECT_DATA_COST_MIN ? OBJECT_DATA_COST_MIN : n;

        if (spent + cost > story_put_credit(&story, user, request)) {
            story_run(&story, MS_US);
            continue;
        }
        story_put_data(&story, user, request, (struct bytes){bytes + from, (size_t)n});
        spent += cost;
        from += n;
    }
}

static void break_off(struct digest of)
{
    const uint64_t user = story_user(&story, 0);
    const uint32_t request = story_put_keyed(&story, user, BIG, of);

    story_run(&story, MS_US);
    CHECK_INT(story_put_there(&story, user, request), 0);
    send_part(user, request, 0, PART);
    story_leave(&story, user);
    story_run(&story, 5 * MS_US);
}

static void put_rest(uint64_t there)
{
    const uint64_t user = story_user(&story, 0);
    const uint32_t request = story_put_keyed(&story, user, BIG, key);
    struct object_view v = {0};

    story_run(&story, MS_US);
    REQUIRE(story_put_there(&story, user, request) == there);
    send_part(user, request, there, BIG);
    story_put_data(&story, user, request, (struct bytes){NULL, 0});
    story_run(&story, 10 * MS_US);
    CHECK_INT(story_code(&story, user, request), 0);
    CHECK(story_object_view(&story, user, request, &v));
    CHECK_INT(v.size, BIG);
    CHECK(digest_equal(v.name, object_name_of((struct bytes){bytes, BIG})));
    CHECK_INT(coming(), 0);
    story_leave(&story, user);
}

TEST(a_put_goes_on_where_it_was_broken_off)
{
    begin(1 << 30);
    break_off(key);
    CHECK_INT(coming(), PART);
    put_rest(PART);
    put_rest(0); /* nothing is left of the first any more */
    CHECK(story_end(&story));
}

TEST(another_file_or_another_size_begins_at_its_first_byte)
{
    const struct digest other = {{4}};
    uint64_t user;
    uint32_t request;

    begin(1 << 30);
    break_off(key);
    user = story_user(&story, 0);
    request = story_put_keyed(&story, user, BIG + 1, key);
    story_run(&story, MS_US);
    CHECK_INT(story_put_there(&story, user, request), 0);
    request = story_put_keyed(&story, user, BIG, other);
    story_run(&story, MS_US);
    CHECK_INT(story_put_there(&story, user, request), 0);
    story_leave(&story, user);
    put_rest(PART);
    CHECK(story_end(&story));
}

TEST(what_a_user_left_goes_after_a_while)
{
    begin(1 << 30);
    break_off(key);
    story_run(&story, 590 * S_US);
    CHECK_INT(coming(), PART);
    story_run(&story, 20 * S_US);
    CHECK_INT(coming(), 0);
    CHECK_INT(story.nodes[0].mover.bytes, 0);
    put_rest(0);
    CHECK(story_end(&story));
}

TEST(what_a_user_left_makes_room)
{
    const uint64_t user_bytes = BIG;
    struct object_view told;

    begin(user_bytes + PIECE_SIZE);
    break_off(key);
    (void)story_put_whole(&story, 0, bytes, BIG, 0, &told);
    CHECK_INT(coming(), 0);
    CHECK(story_end(&story));
}

TEST(so_many_that_were_left_make_place_for_others)
{
    begin(1 << 30);
    for (uint32_t i = 0; i < PUTS_MAX + 3; i++) {
        const uint64_t user = story_user(&story, 0);
        const uint32_t request =
            story_put_keyed(&story, user, BIG, (struct digest){{1, (uint8_t)i}});

        story_run(&story, MS_US);
        CHECK(story_code(&story, user, request) <= 0);
        story_put_data(&story, user, request, (struct bytes){bytes, 1000});
        story_leave(&story, user);
        story_run(&story, MS_US);
    }
    CHECK_INT(coming(), PUTS_MAX * 1000);
    CHECK(story_end(&story));
}

/* --- the node, or its mover, ends before the user --- */

#define WHOLE_PIECES ((uint64_t)2 * PIECE_SIZE) /* of PART */

static void start_again(uint64_t objects_bytes)
{
    story_kill(&story, 0);
    story.ages.objects_bytes = objects_bytes;
    story.nodes[0].keeps_disk = true;
    story_start(&story, 0);
    story_run(&story, 10 * MS_US);
}

static void send_and_stay(void)
{
    const uint64_t user = story_user(&story, 0);
    const uint32_t request = story_put_keyed(&story, user, BIG, key);

    story_run(&story, MS_US);
    send_part(user, request, 0, PART);
    story_run(&story, 5 * MS_US);
}

TEST(a_put_goes_on_when_the_node_is_back)
{
    begin(1 << 30);
    send_and_stay();
    start_again(1 << 30);
    CHECK_INT(coming(), WHOLE_PIECES);
    put_rest(WHOLE_PIECES);
    start_again(1 << 30);
    CHECK_INT(coming(), 0);
    put_rest(0);
    CHECK(story_end(&story));
}

TEST(what_a_user_left_goes_on_when_the_node_is_back)
{
    begin(1 << 30);
    break_off(key);
    start_again(1 << 30);
    start_again(1 << 30);
    put_rest(WHOLE_PIECES);
    CHECK(story_end(&story));
}

TEST(a_put_goes_on_when_there_is_another_mover)
{
    begin(1 << 30);
    send_and_stay();
    story_mover_dies(&story, 0);
    story_run(&story, 10 * MS_US);
    CHECK_INT(coming(), WHOLE_PIECES);
    put_rest(WHOLE_PIECES);
    CHECK(story_end(&story));
}

static bool is_lost(void *ctx)
{
    uint32_t *asked = ctx;

    return (*asked)++ > 0;
}

TEST(what_power_took_of_it_is_sent_again)
{
    uint32_t asked = 0;

    begin(1 << 30);
    send_and_stay();
    sim_mover_power(&story.nodes[0].mover, is_lost, &asked);
    start_again(1 << 30);
    CHECK_INT(coming(), WHOLE_PIECES);
    put_rest(PIECE_SIZE);
    CHECK(story_end(&story));
}

/* The time before the node ended counts too. */
TEST(what_was_left_goes_when_it_is_old)
{
    begin(1 << 30);
    send_and_stay();
    story.nodes[0].mover.left_age_s = 590;
    start_again(1 << 30);
    CHECK_INT(coming(), WHOLE_PIECES);
    story_run(&story, 5 * S_US);
    CHECK_INT(coming(), WHOLE_PIECES);
    story_run(&story, 10 * S_US);
    CHECK_INT(coming(), 0);
    CHECK_INT(story.nodes[0].mover.bytes, 0);
    put_rest(0);
    CHECK(story_end(&story));
}

TEST(what_was_left_goes_where_there_is_no_room_for_it)
{
    begin(1 << 30);
    send_and_stay();
    start_again(WHOLE_PIECES - 1);
    CHECK_INT(coming(), 0);
    CHECK_INT(story.nodes[0].mover.bytes, 0);
    CHECK(story_end(&story));
}

/* While that is looked at, which is a piece at a time here. */
TEST(users_that_come_and_go_while_it_is_looked_at)
{
    begin(1 << 30);
    send_and_stay();
    story.nodes[0].mover_us = 20 * MS_US;
    start_again(1 << 30);
    for (int i = 0; i < 5; i++) {
        const uint64_t user = story_user(&story, 0);

        (void)story_put_keyed(&story, user, BIG, key);
        story_run(&story, (5 + 7 * i) * (int64_t)MS_US);
        story_leave(&story, user);
        story_run(&story, 3 * (int64_t)i * MS_US);
    }
    story_run(&story, 50 * MS_US);
    story.nodes[0].mover_us = 0;
    CHECK_INT(coming(), WHOLE_PIECES);
    put_rest(WHOLE_PIECES);
    CHECK(story_end(&story));
}

/* Before the scan has said what there is. */
TEST(a_user_who_is_quicker_than_the_scan_goes_on_too)
{
    begin(1 << 30);
    send_and_stay();
    story_kill(&story, 0);
    story.nodes[0].keeps_disk = true;
    story_start(&story, 0);
    put_rest(WHOLE_PIECES);
    CHECK_INT(story.nodes[0].core->objects->puts_count, 0);
    CHECK(story_end(&story));
}

TEST_MAIN(a_put_goes_on_where_it_was_broken_off,
          another_file_or_another_size_begins_at_its_first_byte,
          what_a_user_left_goes_after_a_while, what_a_user_left_makes_room,
          so_many_that_were_left_make_place_for_others, a_put_goes_on_when_the_node_is_back,
          what_a_user_left_goes_on_when_the_node_is_back, a_put_goes_on_when_there_is_another_mover,
          what_power_took_of_it_is_sent_again, what_was_left_goes_when_it_is_old,
          what_was_left_goes_where_there_is_no_room_for_it,
          users_that_come_and_go_while_it_is_looked_at,
          a_user_who_is_quicker_than_the_scan_goes_on_too)
