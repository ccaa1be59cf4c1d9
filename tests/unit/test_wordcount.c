/* The kernels wordcount and wordmerge, one behind the other, against a count by the book. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/kernel/kernel.h"
#include "core/wire/input.h"
#include "tests/lib/check.h"

#define FILES_MAX 300
#define BYTES_MAX (8u << 20)

struct file {
    const uint8_t *bytes;
    uint64_t size;
};

/* What a leaf reads, what it yields, and its scratch memory. */
static struct {
    struct file files[FILES_MAX];
    uint32_t count;
    uint8_t *out;
    size_t len, room;
    _Alignas(64) uint8_t memory[VELUM_MEMORY_MAX];
    size_t memory_cap;
} world;

static char text[BYTES_MAX], expected[4 * BYTES_MAX];
static struct kernel_plan plan;
static char reason[REASON_SIZE];

static uint32_t inputs(const struct velum_host *host)
{
    (void)host;
    return world.count;
}

static const uint8_t *input(const struct velum_host *host, uint32_t index, uint64_t *size)
{
    (void)host;
    *size = index < world.count ? world.files[index].size : 0;
    return index < world.count ? world.files[index].bytes : NULL;
}

static void *memory(const struct velum_host *host, size_t size)
{
    (void)host;
    memset(world.memory, 0xa5, sizeof world.memory);
    return size <= world.memory_cap ? world.memory : NULL;
}

static int emit(const struct velum_host *host, const void *bytes, size_t size)
{
    (void)host;
    if (size > world.room - world.len)
        return ERR_TOO_LARGE;
    if (size > 0)
        memcpy(world.out + world.len, bytes, size);
    world.len += size;
    return 0;
}

static void give(const struct file *files, uint32_t count)
{
    world.count = count;
    memcpy(world.files, files, count * sizeof *files);
}

static int plan_of(const char *kernel, bool blind)
{
    uint64_t sizes[STAGE_INPUTS_MAX];
    for (uint32_t i = 0; i < world.count; i++)
        sizes[i] = blind ? VELUM_SIZE_UNKNOWN : world.files[i].size;
    return kernel_plan(kernel_find(kernel), 0, NULL, (uint16_t)world.count, sizes, &plan);
}

/* The leaf's output; the caller's to free. */
static int leaf(const char *kernel, uint64_t first, uint64_t count, struct file *out)
{
    struct velum_host host = *kernel_host_plain();
    host.inputs = inputs;
    host.input = input;
    host.memory = memory;
    host.emit = emit;
    world.memory_cap = kernel_find(kernel)->memory;
    world.room = 4 * BYTES_MAX;
    world.out = malloc(world.room);
    world.len = 0;
    REQUIRE(world.out);
    reason[0] = '\0';
    int rc = kernel_leaf(kernel_find(kernel), &host, (struct bytes){plan.params, plan.params_size},
                         first, count, NULL, reason);
    *out = (struct file){world.out, world.len};
    return rc;
}

/* All leaves of a kernel over what is given; outputs go to `to`. Returns how many. */
static uint32_t run_stage(const char *kernel, bool blind, uint64_t leaf_units, struct file *to)
{
    uint32_t count = 0;
    REQUIRE(plan_of(kernel, blind) == 0);
    if (leaf_units == 0)
        leaf_units = plan.leaf_units;
    for (uint64_t at = 0; at < plan.units; at += leaf_units) {
        const uint64_t units = plan.units - at < leaf_units ? plan.units - at : leaf_units;
        REQUIRE(count < FILES_MAX && leaf(kernel, at, units, &to[count]) == 0);
        count++;
    }
    return count;
}

static void free_all(struct file *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free((void *)(uintptr_t)list[i].bytes);
}

/* --- by the book --- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Cuts words out of [0, size) of text, in place. */
static size_t cut(char *at, size_t size, char **words)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        if (is_letter(at[i]) && (i == 0 || !is_letter(at[i - 1])))
            words[count++] = at + i;
    }
    for (size_t i = 0; i < size; i++)
        if (!is_letter(at[i]))
            at[i] = '\0';
    return count;
}

/* As sort | uniq -c prints them. Returns the length. */
static size_t by_the_book(const struct file *files, uint32_t count)
{
    static char copy[BYTES_MAX + FILES_MAX];
    size_t len = 0, words_count, to = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(copy + len, files[i].bytes, files[i].size);
        len += files[i].size;
        copy[len++] = '\0';
    }
    char **words = calloc(len / 2 + 1, sizeof *words);
    REQUIRE(words);
    words_count = cut(copy, len, words);
    qsort(words, words_count, sizeof *words, compare_texts);
    for (size_t i = 0, same; i < words_count; i += same) {
        for (same = 1; i + same < words_count && strcmp(words[i], words[i + same]) == 0;)
            same++;
        to += (size_t)snprintf(expected + to, sizeof expected - to, "%7zu %s\n", same, words[i]);
    }
    free(words);
    return to;
}

/* Both stages over the files, with leaves of so many shares and letters (0: as planned), come to
 * what the book says. */
static void counts_right(const struct file *files, uint32_t count, bool blind, uint64_t shares,
                         uint64_t letters)
{
    static struct file counted[FILES_MAX], lists[FILES_MAX];
    give(files, count);
    const uint32_t leaves = run_stage("wordcount", blind, shares, counted);
    CHECK(leaves <= STAGE_INPUTS_MAX);
    give(counted, leaves);
    const uint32_t parts = run_stage("wordmerge", true, letters, lists);
    const size_t wanted = by_the_book(files, count);
    size_t at = 0;
    for (uint32_t i = 0; i < parts; at += lists[i++].size)
        REQUIRE(at + lists[i].size <= wanted &&
                memcmp(expected + at, lists[i].bytes, lists[i].size) == 0);
    CHECK_INT(at, wanted);
    free_all(counted, leaves);
    free_all(lists, parts);
}

static struct file file_of(const char *what)
{
    return (struct file){(const uint8_t *)what, strlen(what)};
}

/* --- stories --- */

TEST(words_are_runs_of_letters)
{
    const struct file files[] = {file_of("the cat, the dog; The end.\n"), file_of(""),
                                 file_of("abcdefgh abcdefghi abcdefg abcdefgh abcdefghz\n"),
                                 file_of("no-newline at_the\xc3\xa9nd end"),
                                 file_of("end of 12 34\n\n\n   the")};
    counts_right(files, 5, false, 0, 0);
    counts_right(files, 5, true, 0, 1);
    counts_right(files, 2, true, 3, 2);
    const struct file none[] = {file_of(""), file_of("12 34 -- \n")};
    counts_right(none, 2, false, 0, 0);
    counts_right(none, 1, false, 0, 0);
}

/* Words from few and from many letters; some are as long as a share and longer. */
static size_t write_words(struct prng *p, size_t size)
{
    size_t len = 0;
    while (len < size) {
        const uint64_t kind = prng_below(p, 200);
        size_t letters = 1 + prng_below(p, kind == 0 ? 3000 : kind < 20 ? 12 : 5);
        const uint64_t among = kind % 3 == 0 ? 26 : 2;
        while (letters-- > 0 && len < size)
            text[len++] = (char)((prng_below(p, 4) == 0 ? 'A' : 'a') + (char)prng_below(p, among));
        for (uint64_t blanks = prng_below(p, 3); blanks > 0 && len < size; blanks--)
            text[len++] = (char)prng_below(p, 65);
    }
    return len;
}

TEST(any_text_in_any_shares_comes_to_the_same)
{
    struct prng p;
    prng_init(&p, 7);
    for (int i = 0; i < 40; i++) {
        const size_t len = write_words(&p, 1 + prng_below(&p, 60000));
        const size_t cut_at = prng_below(&p, len + 1);
        const struct file files[] = {{(uint8_t *)text, cut_at},
                                     {(uint8_t *)text + cut_at, len - cut_at}};
        counts_right(files, 2, i % 2 == 0, i % 4 < 2 ? 0 : 1 + prng_below(&p, 64),
                     1 + prng_below(&p, 52));
    }
}

/* More different words than the memory of a leaf holds: it yields several runs. */
TEST(more_words_than_fit_are_counted_all_the_same)
{
    size_t len = 0;
    for (uint32_t i = 0; i < 200000; i++) {
        uint32_t n = i % 70000;
        for (int k = 0; k < 4; k++, n /= 26)
            text[len++] = (char)('a' + (n * 7 + 3) % 26);
        text[len++] = ' ';
    }
    const struct file file = {(uint8_t *)text, len};
    counts_right(&file, 1, false, 0, 0);
    counts_right(&file, 1, true, 64, 5);
}

TEST(shares_and_letters_are_planned_by_the_inputs)
{
    struct file files[STAGE_INPUTS_MAX];
    for (uint32_t i = 0; i < STAGE_INPUTS_MAX; i++)
        files[i] = (struct file){NULL, 1 << 20};
    give(files, 3);
    CHECK(plan_of("wordcount", false) == 0 && plan.units == 6 && plan.leaf_units == 1);
    CHECK(plan_of("wordcount", true) == 0 && plan.units == 64);
    CHECK(plan_of("wordmerge", true) == 0 && plan.units == 52 && plan.leaf_units == 52);
    give(files, STAGE_INPUTS_MAX);
    CHECK(plan_of("wordcount", false) == 0 && plan.units == STAGE_INPUTS_MAX);
    CHECK(plan_of("wordmerge", true) == 0 && plan.leaf_units == 2);
    give(files, 0);
    CHECK_INT(plan_of("wordcount", false), ERR_ARGUMENT);
    CHECK_STR(plan.reason, "wordcount takes files only: wordcount FILE...");
    CHECK_INT(plan_of("wordmerge", false), ERR_ARGUMENT);
}

/* Whatever the bytes are, a leaf that merges reads nothing outside and says no. */
TEST(what_was_not_counted_is_refused)
{
    static const char *const bad[] = {"a 1\n", "12345678", "x", "a 1\nb 2\n"};
    struct file out;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct file file = file_of(bad[i]);
        give(&file, 1);
        REQUIRE(plan_of("wordmerge", true) == 0);
        CHECK_INT(leaf("wordmerge", 0, 52, &out), ERR_KERNEL);
        CHECK_STR(reason, "an input is not what wordcount counted");
        free_all(&out, 1);
    }
    struct prng p;
    prng_init(&p, 11);
    for (int i = 0; i < 3000; i++) {
        /* A run whose lines are broken somewhere; in memory of its own, so that a read behind it is
         * seen by the sanitizer. */
        static const char lines[] = "Ab 3\nabcdefghij 12\nb 7\nbcdefghijk 1\n";
        const size_t size = sizeof lines - 1 + 8;
        uint8_t *run = malloc(size);
        REQUIRE(run);
        memcpy(run, lines, sizeof lines - 1);
        velum_store_u64(run + sizeof lines - 1, sizeof lines - 1);
        for (uint64_t n = prng_below(&p, 4); n > 0; n--)
            run[prng_below(&p, size)] = (uint8_t) "ab 1\n\xff\0zZ9"[prng_below(&p, 11)];
        const struct file file = {run, size};
        give(&file, 1);
        const int rc = leaf("wordmerge", prng_below(&p, 52), 1, &out);
        CHECK(rc == 0 || rc == ERR_KERNEL);
        free_all(&out, 1);
        free(run);
    }
}

TEST(units_that_are_not_there_are_refused)
{
    const struct file file = file_of("a b c\n");
    struct file out;
    give(&file, 1);
    REQUIRE(plan_of("wordcount", false) == 0 && plan.units == 1);
    CHECK_INT(leaf("wordcount", 0, 2, &out), ERR_KERNEL);
    CHECK_STR(reason, "there are fewer shares than that: leave out units");
    free_all(&out, 1);
    CHECK_INT(leaf("wordmerge", 51, 2, &out), ERR_KERNEL);
    free_all(&out, 1);
}

TEST_MAIN(words_are_runs_of_letters, any_text_in_any_shares_comes_to_the_same,
          more_words_than_fit_are_counted_all_the_same,
          shares_and_letters_are_planned_by_the_inputs, what_was_not_counted_is_refused,
          units_that_are_not_there_are_refused)
