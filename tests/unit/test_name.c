/* How an object gets its name. */
#include "core/base/bytes.h"
#include "core/object/name.h"
#include "tests/lib/check.h"

/* Made once by another program, from the drawing in name.h. */
static const char *const golden[] = {
    /* no bytes */
    "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc",
    /* "a" */
    "52553b56e604210d071d9b8c874e45a2a27d5d19532065da62e9d2234e5df6a7",
    /* 1 MiB of zeroes */
    "ce1f1cc582679c03b5aced27697b61a14ee236da7df2b281ae496db800d3cd77",
    /* 1 MiB + 1 of zeroes */
    "c3fb395d10f630ab3907d5ed43bb6f43b4c0a5526bedb27ffa15ff897a093e63"};

static struct digest name_of(const uint8_t *data, uint64_t size)
{
    struct object_sum s;
    struct digest name;
    object_sum_begin(&s, size);
    for (uint64_t i = 0; i < object_pieces(size); i++)
        object_sum_piece(&s, sha256_of(data + i * PIECE_SIZE, object_piece_length(size, i)));
    CHECK(object_sum_end(&s, &name));
    return name;
}

static void check_golden(struct digest name, const char *hex)
{
    char text[ID_HEX_SIZE];
    id_hex(name.bytes, 64, text);
    CHECK_STR(text, hex);
}

TEST(test_names_are_those_of_the_drawing)
{
    static uint8_t zeroes[PIECE_SIZE + 1];
    check_golden(name_of(zeroes, 0), golden[0]);
    check_golden(name_of((const uint8_t *)"a", 1), golden[1]);
    check_golden(name_of(zeroes, PIECE_SIZE), golden[2]);
    check_golden(name_of(zeroes, PIECE_SIZE + 1), golden[3]);
}

TEST(test_pieces)
{
    CHECK_INT(object_pieces(0), 0);
    CHECK_INT(object_pieces(1), 1);
    CHECK_INT(object_pieces(PIECE_SIZE), 1);
    CHECK_INT(object_pieces(PIECE_SIZE + 1), 2);
    CHECK_INT(object_pieces(OBJECT_SIZE_MAX), OBJECT_SIZE_MAX / PIECE_SIZE);
    CHECK_INT(object_piece_length(1, 0), 1);
    CHECK_INT(object_piece_length(PIECE_SIZE, 0), PIECE_SIZE);
    CHECK_INT(object_piece_length(PIECE_SIZE + 5, 0), PIECE_SIZE);
    CHECK_INT(object_piece_length(PIECE_SIZE + 5, 1), 5);
    CHECK_INT(object_list_size(PIECE_SIZE + 5), 64);
}

TEST(test_too_few_or_too_many_pieces_make_no_name)
{
    struct digest piece = {{1}}, name, good;
    struct object_sum s;
    object_sum_begin(&s, PIECE_SIZE + 1);
    object_sum_piece(&s, piece);
    CHECK(!object_sum_end(&s, &name));
    object_sum_begin(&s, PIECE_SIZE + 1);
    object_sum_piece(&s, piece);
    object_sum_piece(&s, piece);
    CHECK(object_sum_end(&s, &good));
    object_sum_begin(&s, PIECE_SIZE + 1);
    for (int i = 0; i < 3; i++)
        object_sum_piece(&s, piece);
    CHECK(!object_sum_end(&s, &name));
    object_sum_begin(&s, 0);
    object_sum_piece(&s, piece);
    CHECK(!object_sum_end(&s, &name));
}

TEST(test_the_order_of_pieces_and_the_size_are_part_of_the_name)
{
    struct digest a = {{1}}, b = {{2}}, ab, ba, longer;
    struct object_sum s;
    object_sum_begin(&s, PIECE_SIZE + 1);
    object_sum_piece(&s, a);
    object_sum_piece(&s, b);
    CHECK(object_sum_end(&s, &ab));
    object_sum_begin(&s, PIECE_SIZE + 1);
    object_sum_piece(&s, b);
    object_sum_piece(&s, a);
    CHECK(object_sum_end(&s, &ba));
    object_sum_begin(&s, PIECE_SIZE + 2);
    object_sum_piece(&s, a);
    object_sum_piece(&s, b);
    CHECK(object_sum_end(&s, &longer));
    CHECK(!digest_equal(ab, ba));
    CHECK(!digest_equal(ab, longer));
}

TEST_MAIN(test_names_are_those_of_the_drawing, test_pieces,
          test_too_few_or_too_many_pieces_make_no_name,
          test_the_order_of_pieces_and_the_size_are_part_of_the_name)
