/* Objects of one piece, which are one file, as real processes. This program is its own mover. */
#include "tests/unit/mover_orders.h"

#define MIB ((size_t)1 << 20)
#define SMALL 5000u
#define LONG 200000u /* in several slices, and more than a stream holds */

static const size_t sizes[] = {0, 1, 61440, 65536, 65537, MIB - 1, MIB};
#define SIZES (sizeof sizes / sizeof *sizes)

static uint8_t *data;

static void begin(void)
{
    free(data);
    data = rig_bytes(3 * MIB, 1);
    rig_open();
}

static struct digest name_of(size_t size)
{
    return object_name_of((struct bytes){data, size});
}

static struct stat file_of(struct digest name)
{
    char path[512];
    struct stat st = {0};
    rig_path(name, "", path);
    CHECK(stat(path, &st) == 0);
    return st;
}

static void make_older(struct digest name)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    char path[512];
    rig_path(name, "", path);
    CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void cut_to(struct digest name, const char *ending, off_t size)
{
    char path[512];
    rig_path(name, ending, path);
    REQUIRE(truncate(path, size) == 0);
}

static int read_of_size(struct digest name, uint64_t size, uint64_t offset, uint32_t length)
{
    const struct move_part m = {.name = name, .size = size, .offset = offset, .length = length};
    struct bytes got;
    return rig_read_part(MESSAGE_MOVE_READ, &m, &got);
}

static bool lists(struct digest name, size_t size)
{
    const uint32_t length = (uint32_t)object_list_size(size);
    const struct digest digest = sha256_of(data, size);
    struct bytes got;
    return rig_read(MESSAGE_MOVE_LIST, name, 0, length, &got) == 0 && got.len == length &&
           (length == 0 || memcmp(got.data, digest.bytes, length) == 0) &&
           rig_read(MESSAGE_MOVE_LIST, name, 0, length + 1, &got) == ERR_ARGUMENT;
}

/* What an earlier version wrote beside each. */
static void write_list(struct digest name, struct digest digest)
{
    char path[512];
    rig_path(name, ".list", path);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    REQUIRE(fd >= 0 && write(fd, digest.bytes, ID_SIZE) == ID_SIZE);
    close(fd);
}

static int learn(struct digest name, size_t size)
{
    const struct digest digest = sha256_of(data, size);
    return rig_learn(name, size, 0, digest.bytes, (size_t)object_list_size(size));
}

TEST(it_is_one_file_and_its_list_is_made_when_it_is_wanted)
{
    begin();
    for (size_t i = 0; i < SIZES; i++)
        CHECK(digest_equal(rig_put(i, data, sizes[i]).name, name_of(sizes[i])));
    CHECK_INT(rig_files(), (int)SIZES);
    for (int life = 0; life < 2; life++) {
        for (size_t i = 0; i < SIZES; i++) {
            CHECK(rig_holds(name_of(sizes[i]), data, sizes[i]));
            CHECK(lists(name_of(sizes[i]), sizes[i]));
            CHECK_INT(rig_check(name_of(sizes[i]), 0).rc, 0);
        }
        rig_again(); /* nothing is remembered there */
    }
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig.found, SIZES);
    CHECK_INT(rig_files(), (int)SIZES);
    rig_close();
}

TEST(the_list_of_each_of_many_is_its_own)
{
    enum { MANY = 40 }; /* of which some begin with the same byte */
    begin();
    for (size_t i = 0; i < MANY; i++) {
        CHECK_INT(rig_put(i, data, 1000 + i).rc, 0);
        CHECK(lists(name_of(1000 + i / 2), 1000 + i / 2));
    }
    for (size_t i = 0; i < MANY; i++)
        CHECK(lists(name_of(1000 + i), 1000 + i));
    rig_close();
}

TEST(bytes_that_come_bit_by_bit_are_held_and_then_written)
{
    static const size_t steps[] = {997, 4096, 30000, 61440};
    for (size_t i = 0; i < 4; i++) {
        struct buf b = rig_payload();
        begin();
        for (uint64_t stream = 1; stream <= 2; stream++)
            for (size_t at = 0; at < LONG; at += steps[i]) {
                const size_t n = LONG - at < steps[i] ? LONG - at : steps[i];
                REQUIRE(rig_append(stream, data + at, n) == 0);
                REQUIRE(rig_files() == (int)stream - (at + n <= 65536));
            }
        put_move_stream(&b, 1);
        CHECK_INT(rig_rc(rig_ask(MESSAGE_MOVE_ABORT, &b)), 0);
        CHECK(digest_equal(rig_finish(2).name, name_of(LONG)));
        CHECK(rig_files() == 1 && rig_holds(name_of(LONG), data, LONG));
        rig_close();
    }
}

/* --- an earlier version's --- */

TEST(one_with_a_list_beside_it_is_the_same)
{
    struct moved_found found;
    for (int way = 0; way < 2; way++) {
        begin();
        const struct digest name = rig_put(1, data, SMALL).name;
        rig_again();
        write_list(name, way == 0 ? sha256_of(data, SMALL) : name);
        CHECK(rig_holds(name, data, SMALL));
        CHECK(lists(name, SMALL));
        CHECK(rig_check(name, 0).rc == 0 && rig_check(name, 0).bad == UINT64_MAX);
        CHECK_INT(rig_files(), 2);
        CHECK_INT(rig_scan(&found, NULL, 1), 0);
        CHECK(rig.found == 1 && found.whole && found.size == SMALL);
        CHECK_INT(rig_files(), 1);
        write_list(name, name);
        CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, name), 0);
        CHECK_INT(rig_files(), 0);
        rig_close();
    }
}

TEST(of_a_part_with_a_list_nothing_is_left_unless_all_of_it_came)
{
    for (int way = 0; way < 2; way++) {
        char from[512], to[512];
        begin();
        const struct digest name = rig_put(1, data, LONG).name;
        rig_path(name, "", from);
        rig_path(name, ".part", to);
        REQUIRE(rename(from, to) == 0);
        write_list(name, sha256_of(data, LONG));
        if (way == 0)
            rig_spoil(name, ".part", LONG - 1);
        rig_again();
        CHECK_INT(rig_scan(NULL, NULL, 0), 0);
        CHECK_INT(rig.found, way);
        CHECK_INT(rig_files(), way);
        CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), way == 1 ? 0 : ERR_NOT_FOUND);
        CHECK_INT(rig_holds(name, data, LONG), way);
        rig_close();
    }
}

/* --- objects of others --- */

TEST(it_is_learned_written_and_sealed_as_one_file)
{
    begin();
    for (size_t i = 1; i < SIZES; i++) {
        const struct digest name = name_of(sizes[i]);
        CHECK_INT(learn(name, sizes[i]), 0);
        CHECK_INT(learn(name, sizes[i]), ERR_EXISTS);
        CHECK_INT(rig_files(), (int)i - 1);
        CHECK(lists(name, sizes[i])); /* for others that want it too */
        CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), ERR_NOT_FOUND);
        data[sizes[i] - 1] ^= 1;
        CHECK_INT(rig_write_piece(name, data, sizes[i], 0), ERR_DAMAGED);
        data[sizes[i] - 1] ^= 1;
        CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), ERR_NOT_FOUND);
        CHECK_INT(rig_write_piece(name, data, sizes[i], 0), 0);
        CHECK(rig_has(name, ".part"));
        CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
        CHECK(rig_holds(name, data, sizes[i]) && lists(name, sizes[i]));
        CHECK_INT(rig_files(), (int)i);
    }
    rig_close();
}

TEST(a_digest_that_does_not_make_the_name_is_refused)
{
    uint8_t digest[ID_SIZE + 1] = {0};
    begin();
    const struct digest name = name_of(SMALL), right = sha256_of(data, SMALL);
    memcpy(digest, right.bytes, ID_SIZE);
    CHECK_INT(rig_learn(name, SMALL, 0, digest, 10), 0);
    CHECK_INT(rig_learn(name, SMALL, 10, digest + 10, 23), ERR_ARGUMENT);
    CHECK_INT(rig_learn(name, SMALL, 0, digest, 10), 0);
    CHECK_INT(rig_learn(name, SMALL, 10, digest + 10, 22), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, name), 0);
    CHECK_INT(learn(name, SMALL + 1), ERR_DAMAGED);
    CHECK_INT(rig_write_piece(name, data, SMALL, 0), ERR_NOT_FOUND);
    CHECK_INT(rig_learn(name, 0, 0, NULL, 0), ERR_DAMAGED);
    CHECK_INT(rig_files(), 0);
    rig_close();
}

/* As it is when a mover was killed in the middle. */
TEST(what_another_mover_began_is_gone_on_with_when_all_of_it_came)
{
    begin();
    const struct digest name = name_of(LONG);
    for (int scans = 0; scans < 2; scans++) {
        CHECK_INT(learn(name, LONG), 0);
        CHECK_INT(rig_write(name, 0, data, 60000), 0);
        rig_again();
        if (scans)
            CHECK_INT(rig_scan(NULL, NULL, 0), 0);
        CHECK_INT(rig_write(name, 60000, data + 60000, 1), ERR_NOT_FOUND);
        CHECK_INT(rig_files(), 0);
        CHECK_INT(learn(name, LONG), 0);
        CHECK_INT(rig_write_piece(name, data, LONG, 0), 0);
        rig_again();
        if (scans)
            CHECK_INT(rig_scan(NULL, NULL, 0), 0);
        CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
        CHECK(rig_holds(name, data, LONG));
        CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, name), 0);
    }
    rig_close();
}

/* --- damage --- */

TEST(one_that_is_damaged_is_given_up_and_got_again)
{
    begin();
    const struct digest name = rig_put(1, data, LONG).name;
    for (int way = 0; way < 2; way++) {
        rig_spoil(name, "", LONG - 1);
        if (way == 0) {
            CHECK_INT(read_of_size(name, LONG, 0, 10), ERR_DAMAGED);
        } else {
            const struct moved_checked c = rig_check_of(name, LONG, 0);
            CHECK(c.rc == 0 && c.bad == 0 && c.next == 1);
        }
        CHECK_INT(read_of_size(name, LONG, 0, 10), ERR_NOT_FOUND);
        CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), ERR_NOT_FOUND);
        CHECK_INT(rig_write_piece(name, data, LONG, 0), 0);
        CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
        CHECK(rig_holds(name, data, LONG));
    }
    rig_spoil(name, "", 7);
    rig_again();
    CHECK_INT(read_of_size(name, LONG, 0, 10), ERR_DAMAGED);
    rig_again();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK(rig.found == 0 && rig_files() == 0);
    rig_close();
}

/* Its list is asked for first, by whoever wants it; and what is wrong may be the length. */
TEST(nothing_is_left_of_one_whose_length_is_not_known_to_be_right)
{
    for (int way = 0; way < 6; way++) {
        struct bytes got;
        begin();
        const struct digest name = rig_put(1, data, SMALL).name;
        if (way < 2) {
            rig_spoil(name, "", 7);
            rig_again();
        } else {
            cut_to(name, "", way < 5 ? SMALL - 1 : 0);
        }
        if (way == 0 || way == 2)
            CHECK_INT(rig_read(MESSAGE_MOVE_LIST, name, 0, ID_SIZE, &got), ERR_NOT_FOUND);
        else if (way == 1)
            CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, 0, 10, &got), ERR_NOT_FOUND);
        else if (way == 3)
            CHECK_INT(read_of_size(name, SMALL, 0, 10), ERR_NOT_FOUND);
        else
            CHECK_INT(rig_check_of(name, SMALL, 0).rc, ERR_DAMAGED);
        CHECK_INT(rig_files(), 0);
        rig_close();
    }
}

TEST(nothing_is_left_of_one_of_several_pieces_that_was_cut_to_less_than_one)
{
    begin();
    for (uint64_t from = 0; from < 3; from += 2) {
        const struct digest name = rig_put(1, data, 3 * MIB).name;
        cut_to(name, "", 1000);
        CHECK_INT(rig_check_of(name, 3 * MIB, from).rc, ERR_DAMAGED);
        CHECK_INT(rig_files(), 0);
    }
    rig_close();
}

TEST(a_scan_finds_none_of_several_pieces_that_was_cut_to_less_than_one)
{
    char path[512];
    begin();
    const struct digest name = rig_put(1, data, PIECE_SIZE + 7).name;
    rig_path(name, "", path);
    CHECK_INT(truncate(path, 10), 0);
    rig_again();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig.found, 0);
    CHECK_INT(rig_files(), 0);
    rig_close();
}

TEST(one_whose_file_is_too_long_is_cut)
{
    struct moved_found found;
    begin();
    const struct digest name = rig_put(1, data, SMALL).name;
    for (size_t more = 7; more < 3 * MIB; more += 2 * MIB) {
        rig_grow(name, "", more);
        CHECK_INT(read_of_size(name, SMALL, 0, SMALL), 0);
        CHECK_INT(file_of(name).st_size, SMALL);
        for (size_t said = SMALL - 1; said <= 2 * MIB; said += MIB) { /* and no node is believed */
            const struct moved_checked c = rig_check_of(name, said, 2);
            CHECK(c.rc == 0 && c.cut == 0 && c.bad == UINT64_MAX);
        }
        rig_grow(name, "", more);
        rig_again();
        CHECK_INT(rig_scan(&found, NULL, 1), 0);
        CHECK(rig.found == 1 && found.size == SMALL + more && found.bits.len == 0);
        CHECK_INT(found.whole, SMALL + more <= MIB);
        CHECK_INT(rig_check_of(name, SMALL, 1).cut, more);
        CHECK_INT(rig_scan(&found, NULL, 1), 0);
        CHECK(rig.found == 1 && found.whole && found.size == SMALL);
        CHECK(rig_holds(name, data, SMALL));
    }
    rig_close();
}

/* --- one that is here already --- */

/* But it counts as used. */
TEST(what_is_here_already_is_not_written_again)
{
    begin();
    for (size_t i = 0; i < 4; i++) { /* those that a stream holds */
        const struct digest name = rig_put(1, data, sizes[i]).name;
        const struct stat before = file_of(name);
        make_older(name);
        const struct moved_made made = rig_put(2, data, sizes[i]);
        CHECK(made.rc == 0 && made.there && digest_equal(made.name, name));
        CHECK(file_of(name).st_ino == before.st_ino);
        CHECK(file_of(name).st_mtime >= before.st_mtime);
        CHECK_INT(rig_files(), (int)i + 1);
    }
    rig_close();
}

TEST(what_is_here_and_damaged_is_written_again)
{
    begin();
    for (int way = 0; way < 3; way++) {
        const struct digest name = rig_put(1, data, SMALL).name;
        if (way == 0)
            rig_spoil(name, "", 7);
        else if (way == 1)
            cut_to(name, "", SMALL - 1);
        else
            rig_grow(name, "", 1);
        CHECK_INT(rig_put(2, data, SMALL).rc, 0);
        CHECK(file_of(name).st_size == SMALL && rig_holds(name, data, SMALL));
    }
    rig_close();
}

TEST(what_goes_after_it_was_seen_to_be_here_is_written_all_the_same)
{
    struct buf b = rig_payload();
    struct moved_made made;
    begin();
    const struct digest name = rig_put(1, data, SMALL).name;
    CHECK_INT(rig_append(2, data, SMALL), 0);
    put_move_finish(&b, 2, MOVE_FINISH_NAME);
    REQUIRE(read_moved_made(buf_bytes(&rig_ask(MESSAGE_MOVE_FINISH, &b)->payload), &made) == 0);
    CHECK(made.rc == 0 && made.there);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, name), 0);
    CHECK_INT(rig_files(), 0);
    made = rig_finish(2);
    CHECK(made.rc == 0 && !made.there);
    CHECK(rig_holds(name, data, SMALL));
    rig_close();
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        it_is_one_file_and_its_list_is_made_when_it_is_wanted,
        the_list_of_each_of_many_is_its_own,
        bytes_that_come_bit_by_bit_are_held_and_then_written,
        one_with_a_list_beside_it_is_the_same,
        of_a_part_with_a_list_nothing_is_left_unless_all_of_it_came,
        it_is_learned_written_and_sealed_as_one_file,
        a_digest_that_does_not_make_the_name_is_refused,
        what_another_mover_began_is_gone_on_with_when_all_of_it_came,
        one_that_is_damaged_is_given_up_and_got_again,
        nothing_is_left_of_one_whose_length_is_not_known_to_be_right,
        nothing_is_left_of_one_of_several_pieces_that_was_cut_to_less_than_one,
        a_scan_finds_none_of_several_pieces_that_was_cut_to_less_than_one,
        one_whose_file_is_too_long_is_cut,
        what_is_here_already_is_not_written_again,
        what_is_here_and_damaged_is_written_again,
        what_goes_after_it_was_seen_to_be_here_is_written_all_the_same,
    };
    if (argc > 1 && strcmp(argv[1], "__mover") == 0)
        return mover_main(true);
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
