/* Streams that get their names one by one and are finished together. */
#include "tests/unit/mover_orders.h"

#define SEVERAL 20u
#define SIZE 5000u

static void give_finish(uint64_t stream, enum move_finish way)
{
    struct buf b = rig_payload();
    put_move_finish(&b, stream, way);
    rig_give(MESSAGE_MOVE_FINISH, &b);
}

static struct moved_made take_made(void)
{
    struct rig_answer *a = rig_take();
    struct moved_made made = {0};
    CHECK_INT(a->type, MESSAGE_MOVED_MADE);
    REQUIRE(read_moved_made(buf_bytes(&a->payload), &made) == 0);
    return made;
}

static struct moved_made name_stream(uint64_t stream)
{
    give_finish(stream, MOVE_FINISH_NAME);
    return take_made();
}

TEST(one_that_has_its_name_only_is_no_object_yet)
{
    uint8_t *data = rig_bytes(SIZE, 1);
    struct bytes got;
    rig_open();
    CHECK_INT(rig_append(7, data, SIZE), 0);
    const struct moved_made named = name_stream(7);
    CHECK(named.rc == 0 && named.size == SIZE && !named.there);
    CHECK(digest_equal(named.name, object_name_of((struct bytes){data, SIZE})));
    CHECK(!rig_has(named.name, "") && !rig_has(named.name, ".list"));
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, named.name, 0, 1, &got), ERR_NOT_FOUND);
    const struct moved_made made = rig_finish(7);
    CHECK(made.rc == 0 && made.size == SIZE && digest_equal(made.name, named.name));
    CHECK(rig_holds(made.name, data, SIZE));
    CHECK_INT(rig_files(), 1);
    rig_close();
    free(data);
}

TEST(nothing_is_appended_to_one_that_has_its_name)
{
    uint8_t data[3] = {1, 2, 3};
    rig_open();
    CHECK_INT(rig_append(7, data, 3), 0);
    CHECK_INT(name_stream(7).rc, 0);
    CHECK_INT(rig_append(7, data, 3), ERR_ARGUMENT);
    const struct moved_made made = rig_finish(7);
    CHECK(made.rc == 0 && made.size == 3);
    CHECK(rig_holds(made.name, data, 3));
    rig_close();
}

TEST(nothing_is_left_of_one_that_has_its_name_and_is_aborted_or_outlives_its_mover)
{
    uint8_t data[3] = {1, 2, 3};
    struct buf b = rig_payload();
    rig_open();
    CHECK_INT(rig_append(7, data, 3), 0);
    CHECK_INT(name_stream(7).rc, 0);
    put_move_stream(&b, 7);
    CHECK_INT(rig_rc(rig_ask(MESSAGE_MOVE_ABORT, &b)), 0);
    CHECK_INT(rig_files(), 0);
    CHECK_INT(rig_append(8, data, 3), 0);
    CHECK_INT(name_stream(8).rc, 0);
    rig_again();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig.found, 0);
    CHECK_INT(rig_files(), 0);
    rig_close();
}

/* Some have their name before, others get it then. */
TEST(several_are_finished_together_and_answered_in_their_order)
{
    uint8_t *data = rig_bytes(SIZE + SEVERAL, 2);
    rig_open();
    for (uint32_t i = 0; i < SEVERAL; i++) {
        CHECK_INT(rig_append(i, data + i, SIZE), 0);
        CHECK(i % 3 == 0 || name_stream(i).rc == 0);
    }
    struct moved_made made[SEVERAL];
    const uint32_t first = rig.request + 1;
    for (uint32_t i = 0; i < SEVERAL; i++)
        give_finish(i, MOVE_FINISH);
    for (uint32_t i = 0; i < SEVERAL; i++) {
        made[i] = take_made();
        CHECK_INT(rig.answers[rig.taken - 1].request, first + i);
    }
    for (uint32_t i = 0; i < SEVERAL; i++)
        CHECK(made[i].rc == 0 && rig_holds(made[i].name, data + i, SIZE));
    CHECK_INT(rig_files(), SEVERAL);
    rig_close();
    free(data);
}

TEST(one_that_fails_takes_no_other_with_it)
{
    uint8_t data[4] = {1, 2, 3, 4};
    rig_open();
    CHECK_INT(rig_append(1, data, 4), 0);
    CHECK_INT(rig_append(3, data, 4), 0); /* the same object */
    CHECK_INT(rig_append(4, data, 2), 0);
    give_finish(1, MOVE_FINISH);
    give_finish(2, MOVE_FINISH); /* there is none */
    give_finish(3, MOVE_FINISH);
    give_finish(4, MOVE_FINISH);
    const struct moved_made first = take_made(), second = take_made(), third = take_made();
    const struct moved_made fourth = take_made();
    CHECK(first.rc == 0 && third.rc == 0 && digest_equal(first.name, third.name));
    CHECK(rig_holds(first.name, data, 4));
    CHECK_INT(second.rc, ERR_NOT_FOUND);
    CHECK(fourth.rc == 0 && rig_holds(fourth.name, data, 2));
    CHECK_INT(rig_files(), 2);
    rig_close();
}

TEST(one_that_is_dropped_is_in_its_place_before)
{
    uint8_t data[3] = {1, 2, 3};
    const struct digest name = object_name_of((struct bytes){data, 3});
    struct buf b = rig_payload();
    rig_open();
    CHECK_INT(rig_append(1, data, 3), 0);
    give_finish(1, MOVE_FINISH);
    put_move_name(&b, name);
    rig_give(MESSAGE_MOVE_DROP, &b);
    CHECK_INT(take_made().rc, 0);
    CHECK_INT(rig_rc(rig_take()), 0);
    CHECK_INT(rig_files(), 0);
    rig_close();
}

static void take_any(void)
{
    struct moved_made made;
    struct rig_answer *a = rig_take();
    if (a->type == MESSAGE_MOVED_MADE)
        CHECK(read_moved_made(buf_bytes(&a->payload), &made) == 0 && made.rc == 0);
    else
        CHECK_INT(rig_rc(a), 0);
}

TEST(those_that_are_on_their_way_take_no_room_from_the_next)
{
    uint8_t data[2] = {0};
    struct buf b = rig_payload();
    const struct move_stream next = {.stream = MOVE_STREAMS_MAX, .bytes = {data, 1}};
    rig_open();
    for (uint8_t i = 0; i < MOVE_STREAMS_MAX; i++) {
        data[0] = i;
        CHECK_INT(rig_append(i, data, sizeof data), 0);
    }
    for (uint64_t i = 0; i < MOVE_STREAMS_MAX; i++)
        give_finish(i, MOVE_FINISH);
    put_move_append(&b, &next);
    rig_give(MESSAGE_MOVE_APPEND, &b);
    for (uint32_t i = 0; i <= MOVE_STREAMS_MAX; i++)
        take_any();
    CHECK_INT(rig_finish(MOVE_STREAMS_MAX).rc, 0);
    CHECK_INT(rig_files(), (int)MOVE_STREAMS_MAX + 1);
    rig_close();
}

/* Both are on their way at once, and the one that came from elsewhere has lost its file. */
TEST(one_that_cannot_be_put_in_its_place_takes_the_same_that_can_not_with_it)
{
    uint8_t *data = rig_bytes(SIZE, 3);
    struct digest list[1];
    const struct digest name = rig_name_of(data, SIZE, list);
    char path[512];
    struct buf b = rig_payload();
    rig_open();
    CHECK_INT(rig_learn(name, SIZE, 0, list[0].bytes, ID_SIZE), 0);
    CHECK_INT(rig_write_piece(name, data, SIZE, 0), 0);
    CHECK_INT(rig_append(1, data, SIZE), 0);
    rig_path(name, ".part", path);
    REQUIRE(unlink(path) == 0);
    put_move_name(&b, name);
    rig_give(MESSAGE_MOVE_SEAL, &b);
    give_finish(1, MOVE_FINISH);
    CHECK_INT(rig_rc(rig_take()), ERR_NOT_FOUND);
    CHECK_INT(take_made().rc, 0);
    CHECK(rig_holds(name, data, SIZE) && rig_has(name, ""));
    CHECK_INT(rig_files(), 1);
    rig_close();
    free(data);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        one_that_has_its_name_only_is_no_object_yet,
        nothing_is_appended_to_one_that_has_its_name,
        nothing_is_left_of_one_that_has_its_name_and_is_aborted_or_outlives_its_mover,
        several_are_finished_together_and_answered_in_their_order,
        one_that_fails_takes_no_other_with_it,
        one_that_is_dropped_is_in_its_place_before,
        those_that_are_on_their_way_take_no_room_from_the_next,
        one_that_cannot_be_put_in_its_place_takes_the_same_that_can_not_with_it,
    };
    if (argc > 1 && strcmp(argv[1], "__mover") == 0)
        return mover_main(true);
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
