/* Names of what comes in parts, computed beside that. */
#include <stdlib.h>

#include "core/host/hash_stream.h"
#include "core/object/name.h"
#include "tests/lib/check.h"

#define MIB ((size_t)1 << 20)
#define LONGEST (9 * MIB + 5)

static uint8_t *some_bytes(void)
{
    uint8_t *data = malloc(LONGEST);
    uint32_t x = 1;
    REQUIRE(data != NULL);
    for (size_t i = 0; i < LONGEST; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = (uint8_t)(x >> 24);
    }
    return data;
}

static void add_all(struct hash_stream *s, const uint8_t *data, size_t size, size_t part)
{
    for (size_t at = 0; at < size; at += part)
        CHECK_INT(
            hash_stream_add(s, (struct bytes){data + at, size - at < part ? size - at : part}), 0);
}

TEST(the_name_is_the_same_whatever_the_size_and_the_parts)
{
    static const size_t sizes[] = {0,       1,           61440,   MIB - 1, MIB,         MIB + 1,
                                   2 * MIB, 2 * MIB + 1, 3 * MIB, 4 * MIB, 5 * MIB + 7, LONGEST};
    static const size_t parts[] = {61440, 1000003, 5 * MIB};
    struct hash_stream *s;
    struct digest name;
    uint8_t *data = some_bytes();
    REQUIRE(hash_stream_new(&s) == 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            hash_stream_begin(s, sizes[i]);
            add_all(s, data, sizes[i], parts[k]);
            CHECK(hash_stream_end(s, &name));
            CHECK(digest_equal(name, object_name_of((struct bytes){data, sizes[i]})));
        }
    hash_stream_free(s);
    free(data);
}

TEST(what_is_not_whole_has_no_name_and_is_forgotten)
{
    struct hash_stream *s;
    struct digest name;
    uint8_t *data = some_bytes();
    REQUIRE(hash_stream_new(&s) == 0);
    hash_stream_begin(s, LONGEST);
    add_all(s, data, LONGEST - 1, MIB);
    CHECK(!hash_stream_end(s, &name));
    hash_stream_begin(s, LONGEST);
    add_all(s, data, 5 * MIB, MIB);
    hash_stream_begin(s, 3 * MIB);
    add_all(s, data + 1, 3 * MIB, MIB);
    CHECK(hash_stream_end(s, &name));
    CHECK(digest_equal(name, object_name_of((struct bytes){data + 1, 3 * MIB})));
    hash_stream_begin(s, LONGEST);
    add_all(s, data, 7 * MIB, MIB);
    hash_stream_free(s);
    free(data);
}

/* Pieces first whose digests are known, then bytes. */
TEST(pieces_that_were_hashed_already_are_part_of_the_name)
{
    struct hash_stream *s;
    struct digest name;
    uint8_t *data = some_bytes();
    REQUIRE(hash_stream_new(&s) == 0);
    for (uint64_t first = 0; first <= 10; first++) {
        hash_stream_begin(s, LONGEST);
        for (uint64_t i = 0; i < first; i++)
            CHECK(hash_stream_add_piece(
                s, sha256_of(data + i * MIB, object_piece_length(LONGEST, i))));
        if (first < 10)
            add_all(s, data + first * MIB, LONGEST - first * MIB, 61440);
        CHECK(!hash_stream_add_piece(s, (struct digest){{0}}));
        CHECK(hash_stream_end(s, &name));
        CHECK(digest_equal(name, object_name_of((struct bytes){data, LONGEST})));
    }
    hash_stream_begin(s, 3 * MIB);
    add_all(s, data, MIB, MIB); /* it waits for its pair */
    CHECK(!hash_stream_add_piece(s, sha256_of(data + MIB, MIB)));
    add_all(s, data + MIB, 2 * MIB, MIB);
    CHECK(hash_stream_end(s, &name));
    CHECK(digest_equal(name, object_name_of((struct bytes){data, 3 * MIB})));
    hash_stream_free(s);
    free(data);
}

TEST_MAIN(pieces_that_were_hashed_already_are_part_of_the_name,
          the_name_is_the_same_whatever_the_size_and_the_parts,
          what_is_not_whole_has_no_name_and_is_forgotten)
