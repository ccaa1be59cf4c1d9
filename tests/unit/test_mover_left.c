/* Puts with a key, of which a mover that ended has left something, as real processes. This program
 * is its own mover. */
#include <sys/time.h>

#include "core/host/mover_left.h"
#include "tests/unit/mover_orders.h"

#define MIB ((size_t)1 << 20)
#define SIZE (5 * MIB + 7)
#define CAME (4 * MIB + 1000)
#define THERE (3 * MIB) /* pieces behind the first are hashed by twos */

static const struct digest key = {{7, 8, 9}};
static uint8_t *data;

static void append(uint64_t stream, size_t from, size_t to)
{
    for (size_t at = from; at < to; at += MOVE_BYTES_MAX)
        REQUIRE(rig_append(stream, data + at,
                           to - at < MOVE_BYTES_MAX ? to - at : MOVE_BYTES_MAX) == 0);
}

/* What came of a put before its mover ended. */
static void leave(void)
{
    free(data);
    data = rig_bytes(SIZE, 1);
    rig_open();
    struct moved_keyed k = rig_keyed(1, key, SIZE, true);
    CHECK(k.rc == 0 && k.there == 0 && !k.more);
    append(1, 0, CAME);
    CHECK_INT(rig_keyed(1, key, SIZE, true).there, CAME);
    rig_again();
}

static void path_of(const char *ending, char to[512])
{
    char name[FOLDER_NAME_SIZE];
    left_name(key, SIZE, ending, name);
    snprintf(to, 512, "%s/%s", rig.folder, name);
}

/* Goes on in this stream, where so much is right. */
static void goes_on(uint64_t stream, uint64_t there)
{
    struct moved_keyed k = rig_keyed(stream, key, SIZE, true);
    CHECK(k.rc == 0 && !k.more);
    CHECK_INT(k.there, there);
    append(stream, k.there, SIZE);
    struct moved_made made = rig_finish(stream);
    CHECK_INT(made.rc, 0);
    CHECK(digest_equal(made.name, rig_name_of(data, SIZE, NULL)));
    CHECK(rig_holds(made.name, data, SIZE));
    CHECK_INT(rig_files(), 2);
    rig_close();
}

TEST(what_was_left_is_found_and_gone_on_with)
{
    leave();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    REQUIRE(rig.left_count == 1);
    CHECK(digest_equal(rig.left[0].key, key));
    CHECK_INT(rig.left[0].size, SIZE);
    CHECK_INT(rig.left[0].there, THERE);
    CHECK(rig.left[0].age_s < 60);
    /* Taken, and not looked at: it stays, and nothing is put behind it. */
    struct moved_keyed k = rig_keyed(5, key, SIZE, false);
    CHECK(k.rc == 0 && k.there == THERE && k.more);
    CHECK_INT(rig_append(5, data, 1), ERR_ARGUMENT);
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig.left_count, 0);
    goes_on(5, THERE);
}

TEST(what_is_damaged_of_it_is_cut_off)
{
    char path[512];
    uint8_t byte = 1;
    for (int way = 0; way < 3; way++) {
        leave();
        path_of(way == 0 ? "" : ".list", path);
        int fd = open(path, O_WRONLY);
        if (way == 0) /* of the second piece */
            CHECK(pwrite(fd, &byte, 1, MIB + 5) == 1);
        else if (way == 1) /* of the second digest */
            CHECK(pwrite(fd, &byte, 1, ID_SIZE + 5) == 1);
        else
            CHECK(ftruncate(fd, ID_SIZE + 1) == 0);
        close(fd);
        CHECK_INT(rig_scan(NULL, NULL, 0), 0);
        CHECK_INT(rig.left_count, 1);
        goes_on(1, MIB);
    }
}

/* Also when the power went in the middle of a line of zeros. */
TEST(what_was_never_written_is_cut_off)
{
    char path[512];
    leave();
    path_of("", path);
    CHECK(truncate(path, 0) == 0 && truncate(path, SIZE) == 0);
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig.left_count, 1);
    goes_on(1, 0);
}

TEST(it_does_not_become_younger_by_being_taken)
{
    char path[512];
    struct stat st;
    leave();
    path_of("", path);
    REQUIRE(stat(path, &st) == 0);
    struct timeval times[2] = {{st.st_atime, 0}, {st.st_mtime - 300, 0}};
    REQUIRE(utimes(path, times) == 0);
    CHECK_INT(rig_keyed(1, key, SIZE, false).there, THERE);
    rig_again();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    REQUIRE(rig.left_count == 1);
    CHECK(rig.left[0].age_s >= 300);
    times[1].tv_sec -= 301;
    REQUIRE(utimes(path, times) == 0);
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig.left_count, 0);
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig_files(), 0);
    rig_close();
}

TEST(bytes_without_their_digests_go)
{
    char path[512];
    leave();
    path_of(".list", path);
    REQUIRE(unlink(path) == 0);
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig.left_count, 0);
    CHECK_INT(rig_files(), 0);
    rig_close();
}

TEST(two_of_one_key_do_not_disturb_each_other)
{
    struct buf b = rig_payload();
    leave();
    CHECK_INT(rig_keyed(1, key, SIZE, true).there, THERE);
    CHECK_INT(rig_keyed(2, key, SIZE, true).there, 0);
    append(2, 0, SIZE);
    CHECK(digest_equal(rig_finish(2).name, rig_name_of(data, SIZE, NULL)));
    append(1, THERE, SIZE);
    CHECK(rig_finish(1).there);
    CHECK_INT(rig_keyed(3, key, SIZE, true).there, 0);
    append(3, 0, CAME);
    put_move_stream(&b, 3);
    CHECK_INT(rig_rc(rig_ask(MESSAGE_MOVE_ABORT, &b)), 0);
    CHECK_INT(rig_files(), 2);
    rig_close();
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        what_was_left_is_found_and_gone_on_with, what_is_damaged_of_it_is_cut_off,
        what_was_never_written_is_cut_off,       it_does_not_become_younger_by_being_taken,
        bytes_without_their_digests_go,          two_of_one_key_do_not_disturb_each_other,
    };
    if (argc > 1 && strcmp(argv[1], "__mover") == 0)
        return mover_main(true);
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
