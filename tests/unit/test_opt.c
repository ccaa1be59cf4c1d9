#include "cmd/opt.h"

#include "core/base/err.h"
#include "tests/lib/check.h"

static const struct opt rows[] = {
    {.name = "detach", .letter = 'd', .kind = OPT_SWITCH, .effect = "e"},
    {.name = "name", .letter = 'n', .kind = OPT_TEXT, .value = "NAME", .effect = "e"},
    {.name = "leaf", .kind = OPT_NUMBER, .value = "N", .min = 1, .max = 100, .effect = "e"},
    {.name = "timeout", .kind = OPT_SPAN, .value = "TIME", .effect = "e"},
    {.name = "progress", .kind = OPT_CHOICE, .value = "bar|line|none", .effect = "e"},
    {.name = "view", .kind = OPT_MAYBE, .value = "one|two", .effect = "e"},
    {.name = "peer", .kind = OPT_TEXT, .repeats = true, .value = "ADDR", .effect = "e"},
    {0},
};

static struct opts opts;
static char message[OPT_MESSAGE_SIZE], hint[OPT_MESSAGE_SIZE];
static char *words[16];
static int foreign_from;

static int parse(const char *line)
{
    static char copy[512];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        words[count++] = at;
    return opt_parse(&opts, rows, foreign_from, count, words, message, hint);
}

TEST(test_arguments_and_options_mix)
{
    CHECK_INT(parse("pi -d 400 --name=nightly --leaf 7 x"), 3);
    CHECK_STR(words[0], "pi");
    CHECK_STR(words[1], "400");
    CHECK_STR(words[2], "x");
    CHECK(opt_given(&opts, "detach"));
    CHECK_STR(opt_text(&opts, "name", NULL), "nightly");
    CHECK_INT(opt_number(&opts, "leaf", 0), 7);
    CHECK(!opt_given(&opts, "timeout"));
    CHECK_INT(opt_number(&opts, "timeout", 5), 5);
}

TEST(test_a_value_that_may_be_missing_is_behind_its_sign)
{
    CHECK_INT(parse("--view one"), 1);
    CHECK_STR(words[0], "one");
    CHECK(opt_given(&opts, "view"));
    CHECK(opt_text(&opts, "view", "none") == NULL);
    CHECK_INT(parse("--view=two"), 0);
    CHECK_STR(opt_text(&opts, "view", NULL), "two");
    CHECK_INT(parse("--view=three"), ERR_ARGUMENT);
    CHECK_STR(message, "--view takes one of one|two, not \"three\"");
    CHECK_INT(parse("--view="), ERR_ARGUMENT);
}

TEST(test_a_negative_number_is_an_argument)
{
    CHECK_INT(parse("pi -5 -.5"), 3);
    CHECK_STR(words[1], "-5");
    CHECK_INT(parse("-"), 1);
}

TEST(test_two_dashes_end_the_options)
{
    CHECK_INT(parse("-d -- --name -x"), 2);
    CHECK_STR(words[0], "--name");
    CHECK(!opt_given(&opts, "name"));
}

/* What is like a name is taken for a slip. */
TEST(test_words_behind_a_kernel_are_its_own)
{
    foreign_from = 1;
    CHECK_INT(parse("hash --cost 4 -d --salt=x file --name n"), 5);
    CHECK_STR(words[1], "--cost");
    CHECK_STR(words[2], "4");
    CHECK_STR(words[3], "--salt=x");
    CHECK(opt_given(&opts, "detach"));
    CHECK_STR(opt_text(&opts, "name", NULL), "n");
    /* What stands behind one without a = is its value, even if it looks like an option of ours. */
    CHECK_INT(parse("hash --salt -d --cost --name --top=1 -d"), 6);
    CHECK_STR(words[2], "-d");
    CHECK_STR(words[4], "--name");
    CHECK(opt_given(&opts, "detach") && !opt_given(&opts, "name"));
    CHECK_INT(parse("hash --salt"), 2);
    CHECK_INT(parse("hash --nmae n"), ERR_ARGUMENT);
    CHECK_STR(hint, "--name");
    CHECK_INT(parse("hash --help"), 1);
    CHECK_INT(parse("hash -- --name"), 2);
    CHECK_INT(parse("--cost hash"), ERR_ARGUMENT);
    foreign_from = 0;
    CHECK_INT(parse("hash --cost"), ERR_ARGUMENT);
}

TEST(test_letters_behind_a_kernel_are_its_own)
{
    foreign_from = 1;
    CHECK_INT(parse("grep -iv foo -d file -nN"), 4);
    CHECK_STR(words[1], "-iv");
    CHECK_STR(words[2], "foo");
    CHECK(opt_given(&opts, "detach"));
    CHECK_STR(opt_text(&opts, "name", NULL), "N");
    /* Of a word with one letter that is none, none counts. */
    CHECK_INT(parse("grep -di"), 2);
    CHECK(!opt_given(&opts, "detach"));
    CHECK_INT(parse("-i grep"), ERR_ARGUMENT);
    foreign_from = 0;
    CHECK_INT(parse("grep -i"), ERR_ARGUMENT);
}

TEST(test_short_options_join)
{
    CHECK_INT(parse("-dnfoo bar"), 1);
    CHECK(opt_given(&opts, "detach"));
    CHECK_STR(opt_text(&opts, "name", NULL), "foo");
    CHECK_INT(parse("-dn foo"), 0);
    CHECK_STR(opt_text(&opts, "name", NULL), "foo");
}

TEST(test_unknown_option_names_itself_and_the_nearest)
{
    CHECK_INT(parse("--detahc"), ERR_ARGUMENT);
    CHECK(strstr(message, "--detahc") != NULL);
    CHECK_STR(hint, "--detach");
    CHECK_INT(parse("--zzzzzzzz"), ERR_ARGUMENT);
    CHECK_STR(hint, "");
    CHECK_INT(parse("--nam=x"), ERR_ARGUMENT);
    CHECK_STR(hint, "--name");
    CHECK_INT(parse("-z"), ERR_ARGUMENT);
    CHECK(strstr(message, "-z") != NULL);
}

TEST(test_values_are_checked)
{
    CHECK_INT(parse("--leaf 0"), ERR_ARGUMENT);
    CHECK(strstr(message, "from 1 to 100") != NULL);
    CHECK_INT(parse("--leaf 101"), ERR_ARGUMENT);
    CHECK_INT(parse("--leaf -1"), ERR_ARGUMENT);
    CHECK_INT(parse("--leaf 5x"), ERR_ARGUMENT);
    CHECK_INT(parse("--leaf 99999999999999999999999"), ERR_ARGUMENT);
    CHECK_INT(parse("--leaf 100"), 0);
    CHECK_INT(parse("--timeout soon"), ERR_ARGUMENT);
    CHECK_INT(parse("--timeout 0"), ERR_ARGUMENT);
    CHECK_INT(parse("--timeout 1.5s"), 0);
    CHECK_INT(opt_number(&opts, "timeout", 0), 1500000);
    CHECK_INT(parse("--progress spinner"), ERR_ARGUMENT);
    CHECK(strstr(message, "bar|line|none") != NULL);
    CHECK_INT(parse("--progress ba"), ERR_ARGUMENT);
    CHECK_INT(parse("--progress none"), 0);
    CHECK_INT(parse("--name="), ERR_ARGUMENT);
}

TEST(test_a_missing_or_needless_value)
{
    CHECK_INT(parse("--name"), ERR_ARGUMENT);
    CHECK(strstr(message, "--name needs NAME") != NULL);
    CHECK_INT(parse("--detach=yes"), ERR_ARGUMENT);
    CHECK_INT(parse("-n"), ERR_ARGUMENT);
}

TEST(test_help_is_written_from_the_rows)
{
    static const struct opt own[] = {
        {.name = "count", .letter = 'c', .kind = OPT_NUMBER, .value = "N", .effect = "so many"},
        {.name = "plain", .kind = OPT_MAYBE, .value = "HOW", .effect = "or how", .repeats = true},
        {.name = "dry", .kind = OPT_SWITCH, .effect = "nothing is done"},
        {.name = NULL}};
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    REQUIRE(to);
    opt_usage(own, to);
    opt_usage(NULL, to);
    fclose(to);
    CHECK_STR(text, "  -c, --count N                      so many\n"
                    "      --plain[=HOW]                  or how (again for more)\n"
                    "      --dry                          nothing is done\n");
    free(text);
}

TEST(test_what_is_not_given_is_what_it_is_otherwise)
{
    CHECK_INT(parse("--name x"), 0);
    CHECK_STR(opt_text(&opts, "name", "y"), "x");
    CHECK_STR(opt_text(&opts, "addr", "y"), "y");
    CHECK_INT(opt_number(&opts, "leaf", 5), 5);
}

TEST(test_repeats)
{
    CHECK_INT(parse("-dd"), ERR_ARGUMENT);
    CHECK(strstr(message, "twice") != NULL);
    CHECK_INT(parse("--name a --name b"), ERR_ARGUMENT);
    CHECK(strstr(message, "twice") != NULL);
    CHECK_INT(parse("--peer a --peer b"), 0);
    CHECK_INT(opts.count, 2);
    CHECK_STR(opts.values[0].text, "a");
    CHECK_STR(opts.values[1].text, "b");
    CHECK_STR(opt_text(&opts, "peer", NULL), "b");
}

TEST(test_common_rows_are_known_everywhere)
{
    CHECK_INT(parse("--addr 127.0.0.1:9 -h"), 0);
    CHECK(opt_given(&opts, "help"));
    CHECK_STR(opt_text(&opts, "addr", NULL), "127.0.0.1:9");
}

TEST(test_more_options_than_the_table_holds_are_refused)
{
    static char *many[2 * OPT_VALUES_MAX + 2];
    static char flag[] = "--peer=a";
    for (int i = 0; i <= OPT_VALUES_MAX; i++)
        many[i] = flag;
    CHECK_INT(opt_parse(&opts, rows, 0, OPT_VALUES_MAX + 1, many, message, hint), ERR_ARGUMENT);
    CHECK_INT(opt_parse(&opts, rows, 0, OPT_VALUES_MAX, many, message, hint), 0);
}

TEST_MAIN(test_help_is_written_from_the_rows, test_what_is_not_given_is_what_it_is_otherwise,
          test_words_behind_a_kernel_are_its_own, test_letters_behind_a_kernel_are_its_own,
          test_arguments_and_options_mix, test_a_value_that_may_be_missing_is_behind_its_sign,
          test_a_negative_number_is_an_argument, test_two_dashes_end_the_options,
          test_short_options_join, test_unknown_option_names_itself_and_the_nearest,
          test_values_are_checked, test_a_missing_or_needless_value, test_repeats,
          test_common_rows_are_known_everywhere, test_more_options_than_the_table_holds_are_refused)
