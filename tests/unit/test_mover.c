/* What a mover does with its files, as a real process. This program is its own mover. */
#include "tests/unit/mover_orders.h"

#define MIB ((size_t)1 << 20)

/* New objects */

TEST(sizes_around_a_piece_are_put_and_read_back)
{
    static const size_t sizes[] = {0,   1,       61440,   61441,       MIB - 1,
                                   MIB, MIB + 1, 2 * MIB, 3 * MIB + 7, 40 * MIB + 5};
    rig_open();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *data = rig_bytes(sizes[i], (uint32_t)i);
        struct digest name = rig_name_of(data, sizes[i], NULL);
        struct moved_made made = rig_put(i, data, sizes[i]);
        CHECK_INT(made.rc, 0);
        CHECK(digest_equal(made.name, name));
        CHECK_INT(made.size, sizes[i]);
        CHECK(!made.there);
        CHECK(rig_holds(name, data, sizes[i]));
        free(data);
    }
    CHECK_INT(rig_files(), 10 + 4); /* and their lists */
    rig_close();
}

TEST(the_list_can_be_read)
{
    struct digest list[5];
    struct bytes got;
    uint8_t *data = rig_bytes(5 * MIB - 3, 1);
    rig_open();
    struct digest name = rig_name_of(data, 5 * MIB - 3, list);
    CHECK_INT(rig_put(1, data, 5 * MIB - 3).rc, 0);
    CHECK_INT(rig_read(MESSAGE_MOVE_LIST, name, 0, sizeof list, &got), 0);
    CHECK_INT(got.len, sizeof list);
    CHECK_MEM(got.data, list, sizeof list);
    CHECK_INT(rig_read(MESSAGE_MOVE_LIST, name, 32, 33, &got), 0);
    CHECK_INT(rig_read(MESSAGE_MOVE_LIST, name, 32, sizeof list, &got), ERR_ARGUMENT);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, 5 * MIB - 3, 0, &got), 0);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, 5 * MIB - 3, 1, &got), ERR_ARGUMENT);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, UINT64_MAX, 2, &got), ERR_ARGUMENT);
    rig_close();
    free(data);
}

TEST(what_is_there_already_is_made_once)
{
    uint8_t *data = rig_bytes(MIB + 1, 1);
    rig_open();
    CHECK(!rig_put(1, data, MIB + 1).there);
    struct moved_made made = rig_put(2, data, MIB + 1);
    CHECK_INT(made.rc, 0);
    CHECK(made.there);
    CHECK_INT(made.size, MIB + 1);
    CHECK_INT(rig_files(), 2);
    rig_close();
    free(data);
}

TEST(nothing_is_left_of_an_aborted_or_dropped_one)
{
    struct bytes got;
    uint8_t *data = rig_bytes(2 * MIB, 1);
    struct buf b = rig_payload();
    rig_open();
    for (size_t at = 0; at < 2 * MIB - MOVE_BYTES_MAX; at += MOVE_BYTES_MAX)
        CHECK_INT(rig_append(7, data + at, MOVE_BYTES_MAX), 0);
    CHECK_INT(rig_files(), 2);
    put_move_stream(&b, 7);
    CHECK_INT(rig_rc(rig_ask(MESSAGE_MOVE_ABORT, &b)), 0);
    CHECK_INT(rig_files(), 0);
    CHECK_INT(rig_finish(7).rc, ERR_NOT_FOUND);
    struct moved_made made = rig_put(7, data, 2 * MIB);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, made.name), 0);
    CHECK_INT(rig_files(), 0);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 0, 1, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_read(MESSAGE_MOVE_LIST, made.name, 0, 1, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, made.name), 0);
    rig_close();
    free(data);
}

TEST(streams_side_by_side_are_bounded)
{
    uint8_t data[4] = {1, 2, 3, 4};
    struct buf b = rig_payload();
    rig_open();
    for (uint64_t i = 0; i < MOVE_STREAMS_MAX; i++)
        CHECK_INT(rig_append(i, data, sizeof data), 0);
    CHECK_INT(rig_append(MOVE_STREAMS_MAX, data, sizeof data), ERR_FULL);
    put_move_stream(&b, 3);
    CHECK_INT(rig_rc(rig_ask(MESSAGE_MOVE_ABORT, &b)), 0);
    CHECK_INT(rig_append(MOVE_STREAMS_MAX, data, sizeof data), 0);
    CHECK_INT(rig_finish(MOVE_STREAMS_MAX).rc, 0);
    rig_close();
}

TEST(modes_are_for_the_owner_only)
{
    char path[512];
    struct stat st;
    static uint8_t data[MIB + 1];
    mode_t before = umask(0);
    rig_open();
    struct moved_made made = rig_put(1, data, MIB + 1);
    rig_path(made.name, "", path);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    rig_path(made.name, ".list", path);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    CHECK(stat(rig.folder, &st) == 0 && (st.st_mode & 07777) == 0700);
    rig_close();
    umask(before);
}

/* The scan */

TEST(a_scan_finds_what_is_whole_and_removes_what_was_coming)
{
    struct moved_found found[4];
    char path[512], text[300];
    uint8_t *data = rig_bytes(3 * MIB, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, 3 * MIB);
    for (int i = 0; i < 20; i++)
        CHECK_INT(rig_append(2, data, MOVE_BYTES_MAX), 0);
    rig_again();
    snprintf(text, sizeof text, "%s/notes.txt", rig.folder);
    int fd = open(text, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
    CHECK_INT(rig_files(), 5);
    CHECK_INT(rig_scan(found, NULL, 4), 0);
    CHECK_INT(rig.found, 1);
    CHECK(digest_equal(found[0].name, made.name));
    CHECK_INT(found[0].size, 3 * MIB);
    CHECK(found[0].whole);
    CHECK_INT(rig_files(), 3); /* the stream is gone, the notes are not ours */
    /* A list alone is removed, a list that is too short or gone is made anew. */
    rig_path(made.name, ".list", path);
    CHECK(truncate(path, 64) == 0);
    CHECK_INT(rig_scan(found, NULL, 4), 0);
    CHECK_INT(rig.found, 1);
    CHECK(unlink(path) == 0);
    CHECK_INT(rig_scan(found, NULL, 4), 0);
    CHECK_INT(rig.found, 1);
    CHECK_INT(rig_check(made.name, 0).rc, 0);
    rig_path(made.name, "", path);
    CHECK(unlink(path) == 0);
    CHECK_INT(rig_scan(found, NULL, 4), 0);
    CHECK_INT(rig.found, 0);
    CHECK_INT(rig_files(), 1);
    rig_close();
    free(data);
}

TEST(an_open_stream_survives_a_scan)
{
    uint8_t *data = rig_bytes(1000, 1);
    rig_open();
    CHECK_INT(rig_append(2, data, 1000), 0);
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    struct moved_made made = rig_finish(2);
    CHECK_INT(made.rc, 0);
    CHECK(rig_holds(made.name, data, 1000));
    rig_close();
    free(data);
}

/* To a scan they may be one of one piece, and longer than it; whoever knows the size is asked. */
TEST(bytes_without_a_list_that_are_not_what_they_are_called_go)
{
    struct moved_found found;
    uint8_t *data = rig_bytes(2 * MIB, 1);
    char path[512];
    rig_open();
    struct moved_made made = rig_put(1, data, 2 * MIB);
    rig_spoil(made.name, "", MIB + 5);
    rig_path(made.name, ".list", path);
    CHECK(unlink(path) == 0);
    CHECK_INT(rig_scan(&found, NULL, 1), 0);
    CHECK(rig.found == 1 && !found.whole);
    CHECK_INT(rig_check_of(made.name, 2 * MIB, 0).rc, ERR_DAMAGED);
    CHECK_INT(rig_files(), 0);
    rig_close();
    free(data);
}

/* Objects of others */

TEST(an_object_is_learned_written_and_sealed)
{
    const size_t size = 5 * MIB + 100;
    struct digest list[6];
    struct moved_found found;
    struct bytes got;
    uint8_t bits[1][16] = {{0}};
    uint8_t *data = rig_bytes(size, 1), *bad = rig_bytes(size, 2);
    rig_open();
    struct digest name = rig_name_of(data, size, list);
    const uint8_t *l = (const uint8_t *)list;
    CHECK_INT(rig_write(name, 0, data, 100), ERR_NOT_FOUND);
    CHECK_INT(rig_learn(name, size, 64, l + 64, 32), ERR_ARGUMENT);
    CHECK_INT(rig_learn(name, size, 0, l, 64), 0);
    CHECK_INT(rig_write(name, 0, data, 100), ERR_NOT_FOUND);
    CHECK_INT(rig_learn(name, size, 64, l + 64, sizeof list - 64), 0);
    CHECK_INT(rig_learn(name, size, 0, l, 64), ERR_EXISTS);
    CHECK(rig_has(name, ".part") && rig_has(name, ".list") && !rig_has(name, ".learn"));
    /* Pieces in any order, side by side, a wrong one among them. */
    CHECK_INT(rig_write_piece(name, data, size, 5), 0);
    CHECK_INT(rig_write(name, 0, data, 60000), 0);
    CHECK_INT(rig_write_piece(name, data, size, 3), 0);
    CHECK_INT(rig_write(name, 60001, data + 60001, 10), ERR_ARGUMENT);
    CHECK_INT(rig_write(name, 60000, data + 60000, 1440), 0);
    CHECK_INT(rig_write_piece(name, bad, size, 1), ERR_DAMAGED);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), ERR_NOT_FOUND);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, 3 * MIB, 1000, &got), 0);
    CHECK_MEM(got.data, data + 3 * MIB, 1000);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, 3 * MIB - 1, 1000, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, MIB, 10, &got), ERR_NOT_FOUND);
    /* A slice across the border of a piece, and beyond the end. */
    CHECK_INT(rig_write(name, MIB - 10, data, 20), ERR_ARGUMENT);
    CHECK_INT(rig_write(name, 5 * MIB, data, 101), ERR_ARGUMENT);
    CHECK_INT(rig_write(name, 6 * MIB, data, 1), ERR_ARGUMENT);
    /* Another life: the pieces are found. */
    rig_again();
    CHECK_INT(rig_scan(&found, bits, 1), 0);
    CHECK_INT(rig.found, 1);
    CHECK(!found.whole && digest_equal(found.name, name));
    CHECK_INT(found.size, size);
    CHECK_INT(bits[0][0], 1 << 5 | 1 << 3);
    for (uint64_t i = 0; i < 5; i++)
        if (i != 3)
            CHECK_INT(rig_write_piece(name, data, size, i), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
    CHECK(rig_has(name, "") && rig_has(name, ".list") && !rig_has(name, ".part"));
    CHECK(rig_holds(name, data, size));
    CHECK_INT(rig_write(name, 0, bad, 100), 0); /* it is here: nothing is written */
    CHECK(rig_holds(name, data, size));
    CHECK_INT(rig_scan(&found, NULL, 1), 0);
    CHECK(rig.found == 1 && found.whole);
    rig_close();
    free(data);
    free(bad);
}

/* As it is when a mover was killed in the middle. */
TEST(what_another_mover_began_is_gone_on_with)
{
    const size_t size = 3 * MIB;
    struct digest list[3];
    struct bytes got;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct digest name = rig_name_of(data, size, list);
    CHECK_INT(rig_learn(name, size, 0, (const uint8_t *)list, sizeof list), 0);
    CHECK_INT(rig_write_piece(name, data, size, 1), 0);
    rig_again();
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, MIB, 10, &got), 0);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, name, 0, 10, &got), ERR_NOT_FOUND);
    rig_again();
    CHECK_INT(rig_learn(name, size, 0, (const uint8_t *)list, sizeof list), ERR_EXISTS);
    rig_again();
    CHECK_INT(rig_write_piece(name, data, size, 0), 0);
    CHECK_INT(rig_write_piece(name, data, size, 2), 0);
    rig_again();
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
    CHECK(rig_holds(name, data, size));
    rig_close();
    free(data);
}

/* Slices follow each other without waiting for answers. */
TEST(answers_keep_their_order_while_pieces_are_hashed)
{
    enum { PIECES = 40, SLICES = 18, WINDOW = 100 };
    static struct digest list[PIECES];
    const size_t size = PIECES * MIB;
    uint8_t *data = rig_bytes(size, 1);
    uint32_t given = 0, taken = 0;
    rig_open();
    struct digest name = rig_name_of(data, size, list);
    CHECK_INT(rig_learn(name, size, 0, (uint8_t *)list, sizeof list), 0);
    const uint32_t first = rig.request + 1;
    data[7 * MIB + 5] ^= 1;
    data[20 * MIB + 5] ^= 1;
    while (taken < PIECES * SLICES) {
        if (given < PIECES * SLICES && given - taken < WINDOW) {
            /* Two pieces side by side, slice by slice. */
            const uint64_t piece = given / (2 * SLICES) * 2 + given % 2;
            const uint64_t at = piece * MIB + given % (2 * SLICES) / 2 * MOVE_BYTES_MAX;
            const uint64_t left = (piece + 1) * MIB - at;
            struct buf b = rig_payload();
            const struct move_part m = {
                .name = name,
                .offset = at,
                .bytes = {data + at, left < MOVE_BYTES_MAX ? (size_t)left : MOVE_BYTES_MAX}};
            put_move_write(&b, &m);
            rig_give(MESSAGE_MOVE_WRITE, &b);
            given++;
            continue;
        }
        struct rig_answer *a = rig_take();
        const uint32_t slice = taken % (2 * SLICES) / 2;
        const uint32_t piece = taken / (2 * SLICES) * 2 + taken % 2;
        const bool bad = slice == SLICES - 1 && (piece == 7 || piece == 20);
        CHECK_INT(a->request, first + taken);
        CHECK_INT(rig_rc(a), bad ? ERR_DAMAGED : 0);
        taken++;
    }
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), ERR_NOT_FOUND);
    data[7 * MIB + 5] ^= 1;
    data[20 * MIB + 5] ^= 1;
    CHECK_INT(rig_write_piece(name, data, size, 7), 0);
    CHECK_INT(rig_write_piece(name, data, size, 20), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
    CHECK(rig_holds(name, data, size));
    rig_close();
    free(data);
}

TEST(a_list_of_something_else_is_refused)
{
    const size_t size = 3 * MIB;
    struct digest list[3];
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct digest name = rig_name_of(data, size, list);
    list[1].bytes[4] ^= 1;
    CHECK_INT(rig_learn(name, size, 0, (uint8_t *)list, sizeof list), ERR_DAMAGED);
    CHECK_INT(rig_files(), 0);
    list[1].bytes[4] ^= 1;
    CHECK_INT(rig_learn(name, size + 1, 0, (uint8_t *)list, sizeof list), 0); /* one more comes */
    CHECK_INT(rig_learn(name, size + 1, 96, (uint8_t *)list, 33), ERR_ARGUMENT);
    CHECK_INT(rig_learn(name, size + 1, 96, (uint8_t *)list, 32), ERR_DAMAGED);
    CHECK_INT(rig_files(), 0);
    CHECK_INT(rig_learn(name, size, 0, (uint8_t *)list, sizeof list), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, name), 0);
    CHECK_INT(rig_files(), 0);
    rig_close();
    free(data);
}

TEST(the_object_without_bytes_is_learned_and_sealed)
{
    rig_open();
    struct digest name = rig_name_of(NULL, 0, NULL);
    CHECK_INT(rig_learn(name, 0, 0, NULL, 0), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    CHECK_INT(rig.found, 1);
    CHECK_INT(rig_check(name, 0).rc, 0);
    rig_close();
}

TEST(an_object_that_is_put_while_it_comes_is_whole)
{
    const size_t size = 2 * MIB + 5;
    struct digest list[3];
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct digest name = rig_name_of(data, size, list);
    CHECK_INT(rig_learn(name, size, 0, (uint8_t *)list, sizeof list), 0);
    CHECK_INT(rig_write_piece(name, data, size, 1), 0);
    CHECK_INT(rig_write(name, 0, data, 1000), 0);
    struct moved_made made = rig_put(1, data, size);
    CHECK(made.rc == 0 && !made.there);
    CHECK_INT(rig_files(), 2);
    CHECK(rig_holds(name, data, size));
    CHECK_INT(rig_write(name, 1000, data + 1000, 1000), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
    rig_close();
    free(data);
}

/* Damage */

TEST(a_damaged_piece_is_found_given_up_and_got_again)
{
    const size_t size = 6 * MIB + 9;
    struct moved_found found;
    struct bytes got;
    uint8_t bits[1][16] = {{0}};
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    struct moved_checked c = rig_check(made.name, 0);
    CHECK(c.rc == 0 && c.next > 0 && c.bad == UINT64_MAX);
    rig_spoil(made.name, "", 4 * MIB + 77);
    uint64_t at = 0;
    do {
        c = rig_check(made.name, at);
        CHECK(c.rc == 0 && c.next > at);
        at = c.next;
    } while (c.rc == 0 && c.bad == UINT64_MAX && at < 7);
    CHECK_INT(c.bad, 4);
    CHECK_INT(c.next, 5);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 4 * MIB, 10, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 3 * MIB, 10, &got), 0);
    for (at = 0; at < 7; at = c.next) {
        c = rig_check(made.name, at);
        REQUIRE(c.rc == 0 && c.bad == UINT64_MAX && c.next > at);
    }
    /* The same after a restart. */
    rig_again();
    CHECK_INT(rig_scan(&found, bits, 1), 0);
    CHECK(!found.whole);
    CHECK_INT(bits[0][0], 0x7f & ~(1 << 4));
    CHECK_INT(rig_write_piece(made.name, data, size, 4), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, made.name), 0);
    CHECK(rig_holds(made.name, data, size));
    rig_close();
    free(data);
}

/* No byte of it comes out, and no other piece is lost by it. */
TEST(a_damaged_piece_is_not_read_but_given_up)
{
    const size_t size = 6 * MIB + 9;
    struct bytes got;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    rig_spoil(made.name, "", 4 * MIB + 77);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 3 * MIB, 10, &got), 0);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 5 * MIB - 10, 10, &got), ERR_DAMAGED);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 5 * MIB - 10, 10, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 3 * MIB + 10, 10, &got), 0);
    CHECK(memcmp(got.data, data + 3 * MIB + 10, 10) == 0);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 6 * MIB, 9, &got), 0);
    CHECK_INT(rig_write_piece(made.name, data, size, 4), 0);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, made.name), 0);
    CHECK(rig_holds(made.name, data, size));
    rig_close();
    free(data);
}

/* Nothing is given up by that: whoever finds it wrong asks for it to be compared. */
TEST(what_is_wanted_as_it_is_is_not_compared)
{
    const size_t size = 6 * MIB + 9;
    struct bytes got;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    CHECK_INT(rig_read_as_is(made.name, 3 * MIB - 5, 20, &got), 0);
    CHECK(got.len == 20 && memcmp(got.data, data + 3 * MIB - 5, 20) == 0);
    CHECK_INT(rig_read_as_is(made.name, size - 5, 6, &got), ERR_ARGUMENT);
    rig_spoil(made.name, "", 4 * MIB + 77);
    data[4 * MIB + 77] ^= 0x40;
    for (int i = 0; i < 2; i++) {
        CHECK_INT(rig_read_as_is(made.name, 4 * MIB + 70, 100, &got), 0);
        CHECK(got.len == 100 && memcmp(got.data, data + 4 * MIB + 70, 100) == 0);
    }
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 4 * MIB, 10, &got), ERR_DAMAGED);
    /* It is a part now, and there is a hole where that piece was. */
    CHECK_INT(rig_read_as_is(made.name, 4 * MIB, 10, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_read_as_is(made.name, 4 * MIB - 5, 10, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_read_as_is(made.name, 5 * MIB - 5, 10, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_read_as_is(made.name, 5 * MIB, 10, &got), 0);
    CHECK(memcmp(got.data, data + 5 * MIB, 10) == 0);
    rig_close();
    free(data);
}

TEST(what_is_wanted_as_it_is_and_was_cut_off_is_given_up)
{
    const size_t size = 3 * MIB + 9;
    char path[512];
    struct bytes got;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    rig_path(made.name, "", path);
    REQUIRE(truncate(path, 1000) == 0);
    CHECK_INT(rig_read_as_is(made.name, MIB, 10, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_files(), 0);
    rig_close();
    free(data);
}

/* Whoever asked gets it anew from another node; an object that is right is not given up because
 * somebody asks for more than there is. */
TEST(an_object_whose_file_was_cut_is_given_up)
{
    const size_t size = 3 * MIB + 9;
    char path[512];
    struct bytes got;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 3 * MIB, 10, &got), ERR_ARGUMENT);
    CHECK(rig_holds(made.name, data, size));
    rig_path(made.name, "", path);
    REQUIRE(truncate(path, 1000) == 0);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, MIB, 10, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_files(), 0);
    rig_close();
    free(data);
}

static bool has_size(struct digest name, size_t size)
{
    char path[512];
    struct stat st;
    rig_path(name, "", path);
    return stat(path, &st) == 0 && (size_t)st.st_size == size;
}

/* All of it is there: it is not given up for what somebody has written behind it. */
TEST(an_object_whose_file_is_too_long_is_cut)
{
    const size_t size = 2 * MIB + 9;
    struct bytes got;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    for (size_t more = 7; more < 3 * MIB; more *= 1000) {
        rig_grow(made.name, "", more);
        struct moved_checked c = rig_check_of(made.name, size, 0);
        CHECK(c.rc == 0 && c.bad == UINT64_MAX && c.next > 0);
        CHECK_INT(c.cut, more);
        CHECK(has_size(made.name, size));
    }
    CHECK_INT(rig_check_of(made.name, size, 0).cut, 0);
    CHECK(rig_holds(made.name, data, size));
    /* Whoever reads it says its size too. */
    struct move_part m = {.name = made.name, .size = size, .offset = 2 * MIB, .length = 9};
    rig_grow(made.name, "", 5);
    CHECK_INT(rig_read_part(MESSAGE_MOVE_READ, &m, &got), 0);
    CHECK(got.len == 9 && memcmp(got.data, data + 2 * MIB, 9) == 0);
    CHECK(has_size(made.name, size));
    rig_grow(made.name, "", 2 * MIB);
    m.offset = 0, m.length = 3 * ID_SIZE;
    CHECK_INT(rig_read_part(MESSAGE_MOVE_LIST, &m, &got), 0);
    CHECK(has_size(made.name, size));
    rig_close();
    free(data);
}

/* A scan knows no sizes: it leaves the object to whoever does. */
TEST(what_was_appended_while_no_mover_ran_is_cut)
{
    const size_t size = 2 * MIB + 9;
    struct moved_found found;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    for (size_t more = 7; more < 3 * MIB; more += 2 * MIB) {
        const bool fits_the_list = more < MIB - 9;
        rig_grow(made.name, "", more);
        rig_again();
        CHECK_INT(rig_scan(&found, NULL, 1), 0);
        CHECK_INT(rig.found, 1);
        CHECK_INT(found.size, size + more);
        CHECK(found.whole == fits_the_list && found.bits.len == 0);
        CHECK_INT(rig_check_of(made.name, size, 3).cut, more);
        CHECK_INT(rig_scan(&found, NULL, 1), 0);
        CHECK(rig.found == 1 && found.whole && found.size == size);
        CHECK(rig_holds(made.name, data, size));
    }
    rig_close();
    free(data);
}

/* A node that is wrong about it takes nothing away. */
TEST(an_object_is_not_cut_to_a_size_that_it_has_not)
{
    const size_t size = 2 * MIB + 9;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    struct moved_checked c = rig_check_of(made.name, size - 1, 0);
    CHECK(c.rc == 0 && c.cut == 0 && c.bad == UINT64_MAX);
    c = rig_check_of(made.name, MIB, 0);
    CHECK(c.rc == 0 && c.cut == 0 && c.bad == UINT64_MAX);
    CHECK(rig_holds(made.name, data, size));
    rig_close();
    free(data);
}

TEST(what_is_too_long_when_it_is_sealed_is_cut)
{
    const size_t size = MIB + 9;
    struct digest list[2];
    uint8_t *data = rig_bytes(size, 1);
    struct digest name = rig_name_of(data, size, list);
    rig_open();
    CHECK_INT(rig_learn(name, size, 0, (const uint8_t *)list, sizeof list), 0);
    CHECK_INT(rig_write_piece(name, data, size, 0), 0);
    CHECK_INT(rig_write_piece(name, data, size, 1), 0);
    rig_grow(name, ".part", 100);
    CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
    CHECK(has_size(name, size));
    CHECK(rig_holds(name, data, size));
    rig_close();
    free(data);
}

TEST(a_damaged_list_is_made_anew_by_whoever_reads)
{
    const size_t size = 2 * MIB + 1;
    struct digest list[3];
    struct bytes got;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    (void)rig_name_of(data, size, list);
    rig_spoil(made.name, ".list", 40);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, MIB, 1000, &got), 0);
    CHECK(memcmp(got.data, data + MIB, 1000) == 0);
    rig_spoil(made.name, ".list", 40);
    CHECK_INT(rig_read(MESSAGE_MOVE_LIST, made.name, 0, sizeof list, &got), 0);
    CHECK(memcmp(got.data, list, sizeof list) == 0);
    rig_spoil(made.name, ".list", 40);
    rig_spoil(made.name, "", 2 * MIB);
    CHECK_INT(rig_read(MESSAGE_MOVE_READ, made.name, 2 * MIB, 1, &got), ERR_NOT_FOUND);
    CHECK_INT(rig_files(), 0);
    rig_close();
    free(data);
}

TEST(what_is_put_again_takes_the_place_of_what_is_damaged)
{
    const size_t size = 2 * MIB + 1;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    rig_spoil(made.name, "", MIB);
    made = rig_put(2, data, size);
    CHECK(made.rc == 0 && made.there);
    CHECK(rig_holds(made.name, data, size));
    CHECK_INT(rig_files(), 2);
    rig_close();
    free(data);
}

TEST(a_damaged_list_is_mended_or_the_object_given_up)
{
    const size_t size = 3 * MIB;
    uint8_t *data = rig_bytes(size, 1);
    rig_open();
    struct moved_made made = rig_put(1, data, size);
    rig_spoil(made.name, ".list", 40);
    struct moved_checked c = rig_check(made.name, 1); /* where only the pieces are compared */
    CHECK(c.rc == 0 && c.bad == UINT64_MAX);
    CHECK_INT(c.next, 1);
    c = rig_check(made.name, 0);
    CHECK(c.rc == 0 && c.bad == UINT64_MAX && c.next > 0);
    rig_spoil(made.name, ".list", 40);
    c = rig_check(made.name, 0);
    CHECK(c.rc == 0 && c.bad == UINT64_MAX);
    CHECK(rig_holds(made.name, data, size));
    /* Both: nothing says which piece is wrong. */
    rig_spoil(made.name, ".list", 40);
    rig_spoil(made.name, "", 40);
    CHECK_INT(rig_check(made.name, 0).rc, ERR_DAMAGED);
    CHECK_INT(rig_files(), 0);
    CHECK_INT(rig_check(made.name, 0).rc, ERR_NOT_FOUND);
    rig_close();
    free(data);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        sizes_around_a_piece_are_put_and_read_back,
        the_list_can_be_read,
        what_is_there_already_is_made_once,
        nothing_is_left_of_an_aborted_or_dropped_one,
        streams_side_by_side_are_bounded,
        modes_are_for_the_owner_only,
        a_scan_finds_what_is_whole_and_removes_what_was_coming,
        an_open_stream_survives_a_scan,
        bytes_without_a_list_that_are_not_what_they_are_called_go,
        an_object_is_learned_written_and_sealed,
        what_another_mover_began_is_gone_on_with,
        answers_keep_their_order_while_pieces_are_hashed,
        a_list_of_something_else_is_refused,
        the_object_without_bytes_is_learned_and_sealed,
        an_object_that_is_put_while_it_comes_is_whole,
        a_damaged_piece_is_found_given_up_and_got_again,
        a_damaged_piece_is_not_read_but_given_up,
        what_is_wanted_as_it_is_is_not_compared,
        what_is_wanted_as_it_is_and_was_cut_off_is_given_up,
        an_object_whose_file_was_cut_is_given_up,
        an_object_whose_file_is_too_long_is_cut,
        what_was_appended_while_no_mover_ran_is_cut,
        an_object_is_not_cut_to_a_size_that_it_has_not,
        what_is_too_long_when_it_is_sealed_is_cut,
        a_damaged_list_is_made_anew_by_whoever_reads,
        what_is_put_again_takes_the_place_of_what_is_damaged,
        a_damaged_list_is_mended_or_the_object_given_up,
    };
    if (argc > 1 && strcmp(argv[1], "__mover") == 0)
        return mover_main(true);
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
