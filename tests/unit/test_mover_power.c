/* Lists that a power cut took, as real processes: they are not synced, or hold what the disk had
 * there before. This program is its own mover. */
#include "tests/unit/mover_orders.h"

#define MIB ((size_t)1 << 20)
#define SIZE (3 * MIB + 9)

enum left { LEFT_NOTHING, LEFT_EMPTY, LEFT_SOME, LEFT_ZEROS, LEFTS };

static void take_list(struct digest name, enum left left)
{
    char path[512];
    rig_path(name, ".list", path);
    if (left == LEFT_NOTHING) {
        CHECK(unlink(path) == 0);
        return;
    }
    CHECK(truncate(path, left == LEFT_SOME ? 3 * (off_t)sizeof name : 0) == 0);
    if (left == LEFT_ZEROS)
        CHECK(truncate(path, 4 * (off_t)sizeof name) == 0);
}

TEST(an_object_that_was_synced_is_whole_without_its_list)
{
    for (enum left left = 0; left < LEFTS; left++) {
        struct moved_found found;
        struct digest list[4];
        struct bytes got;
        uint8_t *data = rig_bytes(SIZE, 1);
        rig_open();
        struct digest name = rig_name_of(data, SIZE, list);
        CHECK_INT(rig_put(1, data, SIZE).rc, 0);
        take_list(name, left);
        rig_again();
        CHECK_INT(rig_scan(&found, NULL, 1), 0);
        CHECK(rig.found == 1 && found.whole && found.size == SIZE);
        CHECK(rig_holds(name, data, SIZE));
        CHECK_INT(rig_read(MESSAGE_MOVE_LIST, name, 0, sizeof list, &got), 0);
        CHECK_MEM(got.data, list, sizeof list);
        CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, name), 0);
        rig_close();
        free(data);
    }
}

TEST(what_was_coming_is_learned_anew)
{
    for (enum left left = 0; left < LEFTS; left++) {
        struct digest list[4];
        uint8_t *data = rig_bytes(SIZE, 1);
        rig_open();
        struct digest name = rig_name_of(data, SIZE, list);
        CHECK_INT(rig_learn(name, SIZE, 0, (const uint8_t *)list, sizeof list), 0);
        CHECK_INT(rig_write_piece(name, data, SIZE, 2), 0);
        take_list(name, left);
        rig_again();
        CHECK_INT(rig_scan(NULL, NULL, 0), 0);
        CHECK_INT(rig.found, 0);
        CHECK_INT(rig_files(), 0);
        CHECK_INT(rig_learn(name, SIZE, 0, (const uint8_t *)list, sizeof list), 0);
        for (uint64_t i = 0; i < 4; i++)
            CHECK_INT(rig_write_piece(name, data, SIZE, i), 0);
        CHECK_INT(rig_name_order(MESSAGE_MOVE_SEAL, name), 0);
        CHECK(rig_holds(name, data, SIZE));
        CHECK_INT(rig_name_order(MESSAGE_MOVE_DROP, name), 0);
        rig_close();
        free(data);
    }
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        an_object_that_was_synced_is_whole_without_its_list,
        what_was_coming_is_learned_anew,
    };
    if (argc > 1 && strcmp(argv[1], "__mover") == 0)
        return mover_main(true);
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
