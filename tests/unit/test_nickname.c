/* Default names of nodes. */
#include "core/host/nickname.h"

#include "core/base/text.h"
#include "tests/lib/check.h"

TEST(every_name_is_allowed_and_no_two_words_are_one)
{
    static char seen[4096][NICKNAME_SIZE];
    size_t count = 0;
    for (int a = 0; a < 64; a++)
        for (int b = 0; b < 64; b++) {
            struct node_id id = {{(uint8_t)a, (uint8_t)b}};
            name_of_node(id, seen[count]);
            CHECK(text_is_name(seen[count]));
            CHECK(strlen(seen[count]) <= 20);
            count++;
        }
    /* Equal words would show in the first row or the first column. */
    for (size_t i = 0; i < 64; i++)
        for (size_t j = 0; j < i; j++) {
            CHECK(strcmp(seen[i], seen[j]) != 0);
            CHECK(strcmp(seen[i * 64], seen[j * 64]) != 0);
        }
}

TEST(the_same_id_has_the_same_name)
{
    struct node_id id = {{200, 77, 3}};
    char a[NICKNAME_SIZE], b[NICKNAME_SIZE];
    name_of_node(id, a);
    name_of_node(id, b);
    CHECK_STR(a, b);
    CHECK(strchr(a, '-'));
}

TEST_MAIN(every_name_is_allowed_and_no_two_words_are_one, the_same_id_has_the_same_name)
