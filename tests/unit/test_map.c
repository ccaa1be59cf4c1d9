#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/map_halt.h"
#include "cmd/map_input.h"
#include "cmd/map_item.h"
#include "cmd/map_level.h"
#include "cmd/map_log.h"
#include "cmd/map_pace.h"
#include "cmd/map_result.h"
#include "cmd/map_roll.h"
#include "cmd/map_words.h"
#include "core/base/err.h"
#include "core/base/text.h"
#include "tests/lib/check.h"

static char message[MAP_MESSAGE_SIZE];
static char *list[64];

/* Splits at spaces. */
static int words_of(const char *line)
{
    static char copy[4096];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        list[count++] = at;
    return count;
}

/* --- words --- */

static const char *filled(const char *words, const struct map_input *in)
{
    static struct map_words made;
    static char text[8192];
    char copy[1024];
    char *argv[64];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        argv[count++] = at;
    if (map_words_make(&made, count, argv, in) < 0)
        return "refused";
    text[0] = 0;
    for (int i = 0; i < made.count; i++) {
        text_append(text, sizeof text, i ? "|" : "");
        text_append(text, sizeof text, made.list[i]);
    }
    return text;
}

TEST(placeholders_are_those_of_gnu_parallel)
{
    const struct map_input one = {.seq = 7, .count = 1, .values = {"dir/sub/file.tar.gz"}};
    const struct map_input two = {.seq = 8, .count = 2, .values = {"a b", "c/d.e"}};
    const struct map_input odd = {.seq = 9, .count = 1, .values = {".bashrc"}};
    const struct map_input root = {.seq = 9, .count = 1, .values = {"/x"}};
    CHECK_STR(filled("-n 3", &one), "-n|3|dir/sub/file.tar.gz");
    CHECK_STR(filled("{} x", &one), "dir/sub/file.tar.gz|x");
    CHECK_STR(filled("{.} {/} {//} {/.} {#}", &one),
              "dir/sub/file.tar|file.tar.gz|dir/sub|file.tar|7");
    CHECK_STR(filled("<{/.}>{#}<{//}>", &one), "<file.tar>7<dir/sub>");
    CHECK_STR(filled("", &two), "a b|c/d.e");
    CHECK_STR(filled("{} =", &two), "a b|c/d.e|=");
    CHECK_STR(filled("={}=", &two), "=a b c/d.e=");
    CHECK_STR(filled("{2/.}{1} {2//}", &two), "da b|c");
    CHECK_STR(filled("{3}", &two), "");
    CHECK_STR(filled("{.} {/.} {//}", &odd), ".bashrc|.bashrc|.");
    CHECK_STR(filled("{//} {/}", &root), "/|x");
    /* Not one of them: just text. */
    CHECK_STR(filled("{x} {0} {#2} {1#} { } {", &odd), "{x}|{0}|{#2}|{1#}|{|}|{|.bashrc");
}

TEST(a_source_that_is_not_there_is_named)
{
    int count = words_of("a{2}b {1/.}{17//} {}");
    CHECK_INT(map_words_beyond(count, list, 1), 2);
    CHECK_INT(map_words_beyond(count, list, 2), 17);
    CHECK_INT(map_words_beyond(count, list, 17), 0);
}

TEST(words_have_bounds)
{
    static char value[MAP_VALUE_MAX + 1];
    struct map_input in = {.seq = 1, .count = 1, .values = {value}};
    memset(value, 'v', MAP_VALUE_MAX);
    CHECK_INT(strlen(filled("", &in)), MAP_VALUE_MAX);
    CHECK_STR(filled("x{}", &in), "refused");
    value[1] = 0;
    char many[256] = "";
    for (int i = 0; i < ARGS_COUNT_MAX - 1; i++)
        text_append(many, sizeof many, "x ");
    CHECK_INT(strlen(filled(many, &in)), 2 * ARGS_COUNT_MAX - 1);
    text_append(many, sizeof many, "y");
    CHECK_STR(filled(many, &in), "refused");
}

/* --- inputs --- */

/* All of them, "1:a,x 2:a,y". */
static const char *all_of(struct map_inputs *m)
{
    static char text[8192];
    struct map_input in;
    int rc;
    text[0] = 0;
    while ((rc = map_inputs_next(m, &in, message)) == 1) {
        size_t at = strlen(text);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%llu:", at ? " " : "",
                               (unsigned long long)in.seq);
        for (size_t i = 0; i < in.count; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? "," : "", in.values[i]);
    }
    if (rc != 0)
        snprintf(text, sizeof text, "%d %s", rc, message);
    return text;
}

static const char *inputs(const char *line, bool null)
{
    struct map_inputs *m = NULL;
    if (map_inputs_open(&m, words_of(line), list, null, message) < 0)
        return message;
    const char *text = all_of(m);
    map_inputs_close(m);
    return text;
}

static void write_file(const char *name, const char *bytes, size_t len)
{
    FILE *f = fopen(name, "w");
    REQUIRE(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

TEST(sources_give_every_combination)
{
    struct map_inputs *m = NULL;
    CHECK_STR(inputs("::: a b c", false), "1:a 2:b 3:c");
    CHECK_STR(inputs("::: a b ::: x y z", false), "1:a,x 2:a,y 3:a,z 4:b,x 5:b,y 6:b,z");
    CHECK_STR(inputs(":::", false), "");
    CHECK_STR(inputs("::: a b :::", false), "");
    REQUIRE(map_inputs_open(&m, words_of("::: a b ::: x y z"), list, false, message) == 0);
    CHECK_INT(map_inputs_total(m), 6);
    CHECK_INT(map_inputs_sources(m), 2);
    CHECK_INT(map_inputs_fd(m), -1);
    map_inputs_close(m);
}

TEST(files_give_their_lines)
{
    write_file("lines", "one\n\ntwo words\nlast", 19);
    write_file("nulls", "a\nb\0c\0", 6);
    write_file("empty", "", 0);
    CHECK_STR(inputs(":::: lines", false), "1:one 2: 3:two words 4:last");
    CHECK_STR(inputs(":::: nulls", true), "1:a\nb 2:c");
    CHECK_STR(inputs(":::: empty", false), "");
    CHECK_STR(inputs("::: x :::: lines", false), "1:x,one 2:x, 3:x,two words 4:x,last");
    CHECK_STR(inputs(":::: nulls empty", true), "");
    CHECK_STR(inputs(":::: nulls ::: 1", true), "1:a\nb,1 2:c,1");
    CHECK_STR(inputs(":::: missing", false), "missing: No such file or directory");
    CHECK_STR(inputs("::::", false), "::::: a file is missing");
    CHECK(strstr(inputs(":::+ a", false), "no mark of inputs") != NULL);
}

TEST(a_line_that_is_too_long_is_named)
{
    static char long_line[MAP_VALUE_MAX + 5] = "a\n";
    memset(long_line + 2, 'x', MAP_VALUE_MAX);
    write_file("fits", long_line, MAP_VALUE_MAX + 2);
    CHECK_INT(strlen(inputs(":::: fits", false)), 6 + MAP_VALUE_MAX);
    long_line[MAP_VALUE_MAX + 2] = 'x';
    write_file("long", long_line, MAP_VALUE_MAX + 3);
    CHECK(strstr(inputs(":::: long", false), "long, line 2: longer than") != NULL);
    CHECK(strstr(inputs("::: 1 :::: long", false), "long: a line is longer") != NULL);
    write_file("zero", "a\0b\n", 4);
    CHECK(strstr(inputs(":::: zero", false), "zero, line 1: a zero byte") != NULL);
}

/* What has come can be taken while more is still to come. */
TEST(a_pipe_is_read_as_it_comes)
{
    struct map_inputs *m = NULL;
    struct map_input in;
    char name[64];
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    snprintf(name, sizeof name, ":::: /dev/fd/%d", ends[0]);
    REQUIRE(map_inputs_open(&m, words_of(name), list, false, message) == 0);
    CHECK_INT(map_inputs_next(m, &in, message), MAP_LATER);
    REQUIRE(write(ends[1], "one\ntw", 6) == 6);
    CHECK_INT(map_inputs_next(m, &in, message), 1);
    CHECK_STR(in.values[0], "one");
    CHECK_INT(map_inputs_next(m, &in, message), MAP_LATER);
    CHECK(map_inputs_fd(m) >= 0);
    CHECK_INT(map_inputs_total(m), 0);
    REQUIRE(write(ends[1], "o", 1) == 1);
    close(ends[1]);
    CHECK_INT(map_inputs_next(m, &in, message), 1);
    CHECK_STR(in.values[0], "two");
    CHECK_INT(map_inputs_next(m, &in, message), 0);
    CHECK_INT(map_inputs_next(m, &in, message), 0);
    map_inputs_close(m);
    close(ends[0]);
}

/* --- halting --- */

static bool halts(const char *text, uint64_t failed, uint64_t succeeded, uint64_t total)
{
    struct map_halt h;
    return CHECK(map_halt_parse(text, &h)) && map_halt_reached(&h, failed, succeeded, total);
}

TEST(halting_is_read_as_gnu_parallel_writes_it)
{
    static const char *const wrong[] = {"",           "soon",        "soon,",        "later,fail=1",
                                        "soon,fail",  "soon,fail=",  "now,fail=0",   "now,fail=0%",
                                        "now,done=x", "now,done=1x", "now,done=101%"};
    struct map_halt h;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(!map_halt_parse(wrong[i], &h));
    CHECK(map_halt_parse("now,success=3", &h) && h.now && h.what == HALT_SUCCESS && h.count == 3);
    CHECK(!halts("never", 9, 9, 9));
    CHECK(!halts("soon,fail=2", 1, 50, 100) && halts("soon,fail=2", 2, 0, 100));
    CHECK(!halts("now,success=2", 9, 1, 0) && halts("now,success=2", 0, 2, 0));
    CHECK(!halts("now,done=4", 1, 2, 0) && halts("now,done=4", 2, 2, 0));
    CHECK(!halts("soon,fail=10%", 9, 0, 100) && halts("soon,fail=10%", 10, 0, 100));
    CHECK(!halts("soon,fail=10%", 10, 0, 0));
}

/* --- the job log --- */

static struct map_log *open_log(bool resume)
{
    struct map_log *l = NULL;
    REQUIRE(map_log_open(&l, "log", resume, message) == 0);
    return l;
}

static void add(struct map_log *l, uint64_t seq, int code, const char *command)
{
    const struct map_log_line line = {.seq = seq,
                                      .job = "abcd",
                                      .started_us = 1700000000123456,
                                      .elapsed_us = 2500999,
                                      .bytes = 4,
                                      .code = code,
                                      .command = command};
    CHECK_INT(map_log_add(l, &line), 0);
    CHECK_INT(map_log_write(l), 0);
}

TEST(a_job_log_says_what_was_done)
{
    char text[512] = "";
    unlink("log");
    struct map_log *l = open_log(false);
    CHECK_INT(map_log_past(l, 1), MAP_PAST_NONE);
    add(l, 3, 0, "pi 3");
    add(l, 1, 1, "pi 1");
    add(l, 1500, 0, "pi 1500");
    map_log_close(l);
    FILE *f = fopen("log", "r");
    REQUIRE(f && fgets(text, sizeof text, f));
    CHECK_STR(text, "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n");
    REQUIRE(fgets(text, sizeof text, f));
    CHECK_STR(text, "3\tabcd\t1700000000.123\t2.500\t0\t4\t0\t0\tpi 3\n");
    fclose(f);
    l = open_log(true);
    CHECK_INT(map_log_past(l, 1), MAP_PAST_FAILED);
    CHECK_INT(map_log_past(l, 2), MAP_PAST_NONE);
    CHECK_INT(map_log_past(l, 3), MAP_PAST_DONE);
    CHECK_INT(map_log_past(l, 1500), MAP_PAST_DONE);
    CHECK_INT(map_log_past(l, 1501), MAP_PAST_NONE);
    CHECK_INT(map_log_past(l, UINT64_MAX), MAP_PAST_NONE);
    CHECK(map_log_is_same(l, 3, "pi 3") && !map_log_is_same(l, 3, "pi 4"));
    add(l, 1, 0, "pi 1");
    map_log_close(l);
    l = open_log(true);
    CHECK_INT(map_log_past(l, 1), MAP_PAST_DONE);
    map_log_close(l);
}

/* A crash may cut the last line anywhere. */
TEST(a_torn_line_is_cut_off)
{
    unlink("log");
    struct map_log *l = open_log(false);
    add(l, 1, 0, "sum 1");
    map_log_close(l);
    int fd = open("log", O_RDWR);
    off_t whole = lseek(fd, 0, SEEK_END);
    REQUIRE(whole > 0);
    for (off_t len = 0; len < whole; len++) {
        REQUIRE(ftruncate(fd, len) == 0);
        l = open_log(true);
        CHECK_INT(map_log_past(l, 1), MAP_PAST_NONE);
        add(l, 1, 0, "sum 1");
        map_log_close(l);
        CHECK_INT(lseek(fd, 0, SEEK_END), whole);
        l = open_log(true);
        CHECK_INT(map_log_past(l, 1), MAP_PAST_DONE);
        map_log_close(l);
    }
    close(fd);
}

static long size_of_log(void)
{
    struct stat s;
    return stat("log", &s) == 0 ? (long)s.st_size : -1;
}

static void allow_bytes(rlim_t bytes)
{
    struct rlimit limit;
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* The disk has room for a part of the second line, and then for more again. */
TEST(a_line_that_found_no_room_is_not_in_the_log)
{
    const struct map_log_line second = {.seq = 2, .job = "abcd", .command = "sum 2"};
    unlink("log");
    struct map_log *l = open_log(false);
    add(l, 1, 0, "sum 1");
    long before = size_of_log();
    signal(SIGXFSZ, SIG_IGN);
    allow_bytes((rlim_t)before + 10);
    CHECK_INT(map_log_add(l, &second), 0);
    CHECK_INT(map_log_write(l), ERR_IO);
    CHECK_INT(size_of_log(), before);
    allow_bytes(RLIM_INFINITY);
    signal(SIGXFSZ, SIG_DFL);
    add(l, 3, 0, "sum 3");
    map_log_close(l);
    l = open_log(true);
    CHECK_INT(map_log_past(l, 1), MAP_PAST_DONE);
    CHECK_INT(map_log_past(l, 2), MAP_PAST_NONE);
    CHECK_INT(map_log_past(l, 3), MAP_PAST_DONE);
    map_log_close(l);
}

TEST(a_log_knows_its_own_file)
{
    write_file("log", "", 0);
    write_file("other", "", 0);
    int same = open("log", O_RDONLY), other = open("other", O_RDONLY);
    REQUIRE(same >= 0 && other >= 0);
    CHECK(map_log_is_file("./log", same));
    CHECK(!map_log_is_file("log", other) && !map_log_is_file("log", -1));
    CHECK(!map_log_is_file("missing", same));
    close(same);
    close(other);
}

TEST(a_file_that_is_no_job_log_stays_as_it_is)
{
    struct map_log *l = NULL, *other = NULL;
    write_file("log", "some\ntext\n", 10);
    CHECK_INT(map_log_open(&l, "log", false, message), ERR_EXISTS);
    CHECK(map_log_open(&l, "log", true, message) < 0);
    CHECK(strstr(message, "log: line 1: this is no job log") != NULL);
    CHECK_INT(size_of_log(), 10);
    /* One line without its end is not what a crash left of a log. */
    write_file("log", "precious", 8);
    CHECK(map_log_open(&l, "log", true, message) < 0);
    CHECK(strstr(message, "log: line 1: this is no job log") != NULL);
    CHECK_INT(size_of_log(), 8);
    unlink("log");
    l = open_log(false);
    CHECK_INT(map_log_open(&other, "log", true, message), ERR_BUSY);
    map_log_close(l);
    CHECK(map_log_open(&l, ".", true, message) < 0);
    CHECK(map_log_open(&l, "missing/log", false, message) < 0);
}

/* --- results that wait --- */

TEST(a_result_is_read_back_in_parts)
{
    struct map_result r = {0};
    char part[8] = "";
    CHECK_INT(map_result_text(&r, "0123456789"), 0);
    CHECK(r.there && !r.is_bytes && r.size == 10);
    CHECK_INT(map_result_read(&r, 0, part, 7), 7);
    CHECK_INT(map_result_read(&r, 7, part, 7), 3);
    CHECK(memcmp(part, "789", 3) == 0);
    CHECK_INT(map_result_read(&r, 10, part, 7), 0);
    CHECK_INT(map_result_read(&r, 11, part, 7), 0);
    map_result_clear(&r);
    CHECK(!r.there);
    CHECK_INT(map_result_bytes(&r, NULL, 0), 0);
    CHECK(r.there && r.is_bytes && map_result_read(&r, 0, part, 7) == 0);
    map_result_clear(&r);
}

TEST(a_result_in_a_file_leaves_none_behind)
{
    struct map_result r = {0};
    char part[8] = "", folder[64];
    snprintf(folder, sizeof folder, "%s", "results");
    REQUIRE(mkdir(folder, 0700) == 0);
    setenv("TMPDIR", folder, 1);
    REQUIRE(map_result_file(&r, 5) == 0);
    CHECK_INT(rmdir(folder), 0); /* nothing is in it */
    REQUIRE(write(r.fd, "abc", 3) == 3);
    CHECK_INT(map_result_read(&r, 1, part, 8), 2);
    CHECK_INT(map_result_read(&r, 3, part, 8), ERR_IO); /* shorter than was said */
    map_result_clear(&r);
    CHECK_INT(map_result_file(&r, 5), ERR_SYSTEM);
    CHECK(!r.there);
    unsetenv("TMPDIR");
}

static struct instant at_ms(int64_t ms)
{
    return (struct instant){ms * MS_US + 1};
}

TEST(short_inputs_are_many_at_a_time_and_long_ones_few)
{
    struct map_pace p;
    map_pace_begin(&p, 4, 16, at_ms(0));
    CHECK_INT(map_pace_window(&p, at_ms(900)), 4);
    CHECK_INT(map_pace_window(&p, at_ms(1100)), 4); /* never fewer */
    map_pace_ended(&p, 4, at_ms(1200));
    CHECK_INT(map_pace_window(&p, at_ms(1200)), 8);
    map_pace_ended(&p, 7, at_ms(1210)); /* not all that were under way */
    CHECK_INT(map_pace_window(&p, at_ms(1210)), 8);
    map_pace_ended(&p, 1, at_ms(1220));
    map_pace_ended(&p, 16, at_ms(1230));
    CHECK_INT(map_pace_window(&p, at_ms(1230)), 16); /* never more */
    map_pace_ended(&p, 16, at_ms(2000));
    CHECK_INT(map_pace_window(&p, at_ms(2000)), 16);
    map_pace_ended(&p, 1, at_ms(2900));
    CHECK_INT(map_pace_window(&p, at_ms(3100)), 8);
    CHECK_INT(map_pace_window(&p, at_ms(9000)), 4);
}

TEST(a_number_that_was_given_stays)
{
    struct map_pace p;
    map_pace_begin(&p, 3, 3, at_ms(0));
    map_pace_ended(&p, 30, at_ms(1));
    CHECK_INT(map_pace_window(&p, at_ms(1)), 3);
    CHECK_INT(map_pace_window(&p, at_ms(5000)), 3);
}

/* Of how many leaves at once they are short enough is known from those before them. */
TEST(inputs_of_several_short_leaves_are_rolled)
{
    struct map_roll r = {.began = at_ms(0)};
    CHECK(!map_roll_takes(&r, 2));
    map_roll_ended(&r, 40, at_ms(1));
    CHECK(!map_roll_takes(&r, 2)); /* that is nothing to judge by yet */
    map_roll_ended(&r, 24, at_ms(16));
    CHECK(map_roll_takes(&r, 6) && !map_roll_takes(&r, 7) && !map_roll_takes(&r, 1));
    map_roll_ended(&r, 6400, at_ms(26));
    CHECK(map_roll_takes(&r, 63));
    for (int i = 1; i <= 64; i++) /* now they take long */
        map_roll_ended(&r, 1, at_ms(26 + i));
    CHECK(!map_roll_takes(&r, 2));
}

/* Nodes that are older refuse them; those that are gone say nothing. */
TEST(inputs_are_rolled_where_every_node_reads_that)
{
    struct node_view v = {.state = NODE_ALIVE, .tier = TIER_S0};
    CHECK(map_level_reads(&v));
    v.tier = TIER_UNKNOWN;
    CHECK(!map_level_reads(&v));
    v.state = NODE_AWAY;
    CHECK(!map_level_reads(&v));
    v.state = NODE_DEAD;
    CHECK(map_level_reads(&v));
    v.state = NODE_LEFT;
    CHECK(map_level_reads(&v));
}

static const char *const some_words[] = {"a b", "", "c"};

/* An item of three words and two values. */
static struct map_item *some_item(struct map_items *t, uint64_t seq)
{
    static struct map_words words;
    const struct map_input in = {.seq = seq, .count = 2, .values = {"", "x\ny"}};
    struct map_item *it = map_items_take(t, seq);
    words.count = 3;
    memcpy(words.list, some_words, sizeof some_words);
    CHECK_INT(map_item_words(it, &words, &in), 0);
    it->state = ITEM_RUNNING;
    return it;
}

TEST(an_input_keeps_its_words_until_it_is_dropped)
{
    struct map_items t;
    const char *argv[ARGS_COUNT_MAX];
    REQUIRE(map_items_open(&t, 2, false) == 0);
    struct map_item *one = some_item(&t, 1), *two = some_item(&t, 2);
    CHECK(one != two && t.free_count == 0);
    CHECK_INT(map_item_argv(one, argv), 3);
    for (int i = 0; i < 3; i++)
        CHECK_STR(argv[i], some_words[i]);
    CHECK_STR(map_item_command(one, "sum"), "sum a b  c");
    CHECK_STR(map_item_label(one), " x\\u{a}y");
    map_items_drop(&t, one);
    CHECK(map_items_take(&t, 3) == one && one->seq == 3);
    map_items_close(&t);
}

TEST(an_input_that_is_a_job_is_found_by_its_operation)
{
    struct map_items t;
    REQUIRE(map_items_open(&t, 4, true) == 0);
    for (uint64_t i = 1; i <= 3; i++)
        map_items_job(&t, some_item(&t, i), (int)(10 * i));
    CHECK(map_items_of(&t, 20) == map_items_at(&t, 2));
    map_items_no_job(&t, map_items_at(&t, 2));
    CHECK(map_items_of(&t, 20) == NULL);
    CHECK(map_items_of(&t, 10) == map_items_at(&t, 1) && map_items_of(&t, 30)->seq == 3);
    map_items_drop(&t, map_items_at(&t, 3));
    map_items_drop(&t, map_items_at(&t, 1));
    CHECK(t.jobs == NULL);
    map_items_close(&t);
}

TEST_MAIN(short_inputs_are_many_at_a_time_and_long_ones_few, a_number_that_was_given_stays,
          inputs_of_several_short_leaves_are_rolled, inputs_are_rolled_where_every_node_reads_that,
          an_input_keeps_its_words_until_it_is_dropped,
          an_input_that_is_a_job_is_found_by_its_operation, a_result_is_read_back_in_parts,
          a_result_in_a_file_leaves_none_behind, placeholders_are_those_of_gnu_parallel,
          a_source_that_is_not_there_is_named, words_have_bounds, sources_give_every_combination,
          files_give_their_lines, a_line_that_is_too_long_is_named, a_pipe_is_read_as_it_comes,
          halting_is_read_as_gnu_parallel_writes_it, a_job_log_says_what_was_done,
          a_torn_line_is_cut_off, a_line_that_found_no_room_is_not_in_the_log,
          a_log_knows_its_own_file, a_file_that_is_no_job_log_stays_as_it_is)
