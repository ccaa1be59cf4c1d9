/* The kernel grep against the system's own, over texts and patterns made from seeds, cut into
 * leaves of any size. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/kernel/kernel.h"
#include "core/wire/spec.h"
#include "tests/lib/check.h"

#define FILES_MAX 3
#define TEXT_MAX (1u << 22)
#define CASES 2000

static struct prng prng;
static uint8_t texts[FILES_MAX][TEXT_MAX];
static uint64_t sizes[FILES_MAX];
static uint32_t files;

static uint8_t ours[2 * TEXT_MAX], theirs[2 * TEXT_MAX];
static size_t ours_len, theirs_len;

/* --- the kernel, by itself --- */

static _Alignas(64) uint8_t scratch[VELUM_MEMORY_MAX];
static size_t scratch_used;
static uint32_t emits;

static void *memory(const struct velum_host *host, size_t size)
{
    (void)host;
    void *p = scratch + scratch_used;
    if (size > sizeof scratch - scratch_used)
        return NULL;
    scratch_used += (size + 63) / 64 * 64;
    return p;
}

static uint32_t inputs(const struct velum_host *host)
{
    (void)host;
    return files;
}

static const uint8_t *input(const struct velum_host *host, uint32_t index, uint64_t *size)
{
    (void)host;
    *size = index < files ? sizes[index] : 0;
    return index < files ? texts[index] : NULL;
}

static int emit(const struct velum_host *host, const void *bytes, size_t size)
{
    (void)host;
    if (size > sizeof ours - ours_len)
        return -1;
    memcpy(ours + ours_len, bytes, size);
    ours_len += size;
    emits++;
    return 0;
}

static struct kernel_plan plan;

static int make_plan(int argc, const char *const *argv)
{
    return kernel_plan(kernel_find("grep"), argc, argv, (uint16_t)files, sizes, &plan);
}

/* Leaf by leaf of that many units, as a mesh would put them together. */
static void run_kernel(uint64_t leaf_units)
{
    struct velum_host host = *kernel_host_plain();
    char reason[REASON_SIZE];
    host.memory = memory;
    host.inputs = inputs;
    host.input = input;
    host.emit = emit;
    ours_len = 0;
    emits = 0;
    for (uint64_t first = 0; first < plan.units; first += leaf_units) {
        const uint64_t left = plan.units - first;
        memset(scratch, 0xa5, 4096);
        scratch_used = 0;
        if (kernel_leaf(kernel_find("grep"), &host, (struct bytes){plan.params, plan.params_size},
                        first, left < leaf_units ? left : leaf_units, NULL, reason) < 0) {
            CHECK_STR(reason, "");
            return;
        }
    }
}

/* --- the system's --- */

/* Several of it run at once, each in a place of its own: on a busy machine a process waits longer
 * to begin than it runs. */
#define PLACES 16

static uint32_t place;
static pid_t started[PLACES];

static const char *name_of(uint32_t file)
{
    static char names[FILES_MAX + 1][32];
    snprintf(names[file], sizeof names[file], "grep-%u-%u", place, file);
    return names[file];
}

static void write_files(void)
{
    for (uint32_t i = 0; i < files; i++) {
        FILE *f = fopen(name_of(i), "wb");
        REQUIRE(f && fwrite(texts[i], 1, sizes[i], f) == sizes[i] && fclose(f) == 0);
    }
}

static void start_system(int argc, const char *const *argv)
{
    static const char *environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};
    const char *args[16] = {"grep", "-a", "-h"};
    posix_spawn_file_actions_t actions;
    int n = 3;
    for (int i = 0; i < argc; i++)
        args[n++] = argv[i];
    for (uint32_t i = 0; i < files; i++)
        args[n++] = name_of(i);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, name_of(FILES_MAX), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&started[place], "grep", &actions, NULL, (char *const *)(uintptr_t)args,
                     (char *const *)(uintptr_t)environment) != 0)
        started[place] = -1;
    posix_spawn_file_actions_destroy(&actions);
}

/* Its exit status, with what it printed in `theirs`. */
static int finish_system(void)
{
    int status = -1;
    theirs_len = 0;
    if (started[place] < 0 || waitpid(started[place], &status, 0) < 0)
        return -1;
    FILE *f = fopen(name_of(FILES_MAX), "rb");
    if (!f)
        return -1;
    theirs_len = fread(theirs, 1, sizeof theirs, f);
    fclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_gnu(void)
{
    const char *ask[] = {"--version"};
    files = 0;
    start_system(1, ask);
    return finish_system() == 0 && theirs_len > 8 && memcmp(theirs, "grep (GNU", 9) == 0;
}

/* --- texts and patterns --- */

static uint32_t below(uint32_t n)
{
    return (uint32_t)prng_below(&prng, n);
}

static uint8_t letter(void)
{
    static const char common[] = "aaabbbcABC_ .1-";
    static const uint8_t rare[] = {0,   '\r', '\t', 0x80, 0xff, 0xc3, 'Z', '\\', '*', '[', ']',
                                   '{', '}',  '(',  ')',  '|',  '^',  '$', '+',  '?', '/', '~'};
    return below(12) > 0 ? (uint8_t)common[below(sizeof common - 1)] : rare[below(sizeof rare)];
}

static void make_text(uint32_t file)
{
    const uint32_t lines = below(30);
    uint64_t n = 0;
    for (uint32_t i = 0; i < lines; i++) {
        const uint32_t len = below(8) > 0 ? below(12) : below(200);
        for (uint32_t j = 0; j < len; j++)
            texts[file][n++] = letter();
        if (below(6) == 0)
            texts[file][n++] = '\r';
        texts[file][n++] = '\n';
    }
    if (n > 0 && below(3) == 0)
        n--; /* no newline at the end */
    sizes[file] = n;
}

struct pattern {
    char text[900];
    size_t len;
    bool extended;
    int depth;
};

static void add(struct pattern *p, const char *text)
{
    const size_t n = strlen(text);
    if (p->len + n < sizeof p->text) {
        memcpy(p->text + p->len, text, n + 1);
        p->len += n;
    }
}

/* An operator, with its backslash where it needs one. */
static void add_op(struct pattern *p, const char *op)
{
    if (!p->extended)
        add(p, "\\");
    add(p, op);
}

static void add_literal(struct pattern *p)
{
    char text[3] = {0};
    const char c = (char)letter();
    if (c == 0) {
        add(p, "a");
        return;
    }
    if (strchr("\\*[].^$", c) || (p->extended && strchr("(){}|+?", c)))
        text[0] = '\\';
    if (text[0] == '\\' && c == ']')
        text[0] = 0; /* is no operator: a backslash before it is a stray one */
    text[text[0] != 0] = c;
    add(p, text);
}

static void add_bracket(struct pattern *p)
{
    static const char *const items[] = {
        "a",         "b",         "A-C",       "a-c",       "[:alpha:]",  "[:digit:]",
        "[:space:]", "_",         "[:punct:]", "[:upper:]", "[=a=]",      "[.-.]",
        "[:word:]",  "\\",        "*",         "[:cntrl:]", "[:xdigit:]", "[:lower:]",
        "[:blank:]", "[:graph:]", "[:print:]", "[:alnum:]", "\x80-\xff",  "."};
    add(p, below(3) == 0 ? "[^" : "[");
    if (below(10) == 0)
        add(p, "]");
    for (uint32_t n = 1 + below(3); n > 0; n--) {
        const uint32_t i = below(sizeof items / sizeof *items);
        add(p, items[i][1] == ':' && items[i][2] == 'w' ? "c" : items[i]);
    }
    if (below(10) == 0)
        add(p, "-");
    add(p, "]");
}

static void add_alternatives(struct pattern *p);

static void add_repetition(struct pattern *p)
{
    char text[32];
    const uint32_t low = below(4);
    switch (below(6)) {
    case 0:
        add(p, "*");
        return;
    case 1:
        add_op(p, "+");
        return;
    case 2:
        add_op(p, "?");
        return;
    default:
        snprintf(text, sizeof text,
                 below(2) ? (low % 2 ? "%u,%u" : "%u,") : (below(2) ? "%u" : ",%u"), low,
                 low + below(4));
        add_op(p, "{");
        add(p, text);
        add_op(p, "}");
    }
}

static void add_piece(struct pattern *p)
{
    static const char *const escapes[] = {"\\w", "\\W", "\\s", "\\S"};
    const uint32_t kind = below(16);
    if (kind < 8) {
        add_literal(p);
    } else if (kind < 10) {
        add(p, ".");
    } else if (kind < 12) {
        add_bracket(p);
    } else if (kind == 12) {
        add(p, escapes[below(4)]);
    } else if (kind < 15 && p->depth < 3) {
        p->depth++;
        add_op(p, "(");
        add_alternatives(p);
        add_op(p, ")");
        p->depth--;
    } else {
        add(p, "a");
    }
    if (below(4) == 0)
        add_repetition(p);
}

static void add_branch(struct pattern *p)
{
    static const char *const borders[] = {"\\<", "\\>", "\\b", "\\B"};
    if (below(8) == 0)
        add(p, "^");
    for (uint32_t n = 1 + below(4); n > 0; n--) {
        if (below(15) == 0)
            add(p, borders[below(4)]);
        /* What begins a branch must not begin with what could be read as a repetition. */
        add(p, below(3) ? "" : "b");
        add_piece(p);
    }
    if (below(8) == 0)
        add(p, "$");
}

static void add_alternatives(struct pattern *p)
{
    add_branch(p);
    while (below(5) == 0) {
        add_op(p, "|");
        add_branch(p);
    }
}

static void make_pattern(struct pattern *p, bool fixed)
{
    p->len = 0;
    p->text[0] = '\0';
    p->depth = 0;
    if (!fixed) {
        add_alternatives(p);
        if (below(12) == 0) {
            add(p, "\n");
            add_alternatives(p);
        }
        return;
    }
    for (uint32_t n = below(6); n > 0; n--) {
        char text[2] = {(char)letter(), '\0'};
        add(p, below(15) ? text : "\n");
    }
}

/* --- the tests --- */

static void tell_case(int argc, const char *const *argv, uint64_t leaf_units)
{
    printf("# leaf %llu:", (unsigned long long)leaf_units);
    for (int i = 0; i < argc; i++)
        printf(" '%s'", argv[i]);
    printf("\n# ours %zu bytes, theirs %zu\n", ours_len, theirs_len);
}

/* What the system's grep has printed is `theirs`, with that status. */
static void agree(int status, int argc, const char *const *argv, uint64_t leaf_units)
{
    if (make_plan(argc, argv) < 0) {
        if (!CHECK(status == 2))
            printf("# refused: %s\n", plan.reason), tell_case(argc, argv, 0);
        return;
    }
    run_kernel(leaf_units ? leaf_units : plan.leaf_units);
    const bool same = ours_len == theirs_len && memcmp(ours, theirs, ours_len) == 0;
    if (!CHECK(status == 0 || status == 1) || !CHECK(same))
        tell_case(argc, argv, leaf_units);
}

/* A pattern with its options, and texts for it. Returns how many arguments there are. */
static int make_case(uint64_t seed, const char *argv[6], uint64_t *leaf_units)
{
    static struct pattern p;
    int argc = 0;
    prng_init(&prng, seed);
    const uint32_t way = below(5);
    files = 1 + below(4) / 2;
    for (uint32_t i = 0; i < files; i++)
        make_text(i);
    p.extended = way > 2;
    make_pattern(&p, way == 0);
    argv[argc++] = way == 0 ? "-F" : p.extended ? "-E" : "-G";
    if (below(4) == 0)
        argv[argc++] = "-i";
    if (below(5) == 0)
        argv[argc++] = "-v";
    if (below(8) == 0)
        argv[argc++] = "-x";
    argv[argc++] = "--";
    argv[argc++] = p.text;
    *leaf_units = 1 + below(below(2) ? 8 : 400);
    return argc;
}

static uint32_t cases_with_lines, cases_without;

static void start_case(uint64_t seed)
{
    const char *argv[6];
    uint64_t leaf_units;
    int argc = make_case(seed, argv, &leaf_units);
    write_files();
    start_system(argc, argv);
}

static void finish_case(uint64_t seed)
{
    const char *argv[6];
    uint64_t leaf_units;
    const int failures = check_state.failures, status = finish_system();
    int argc = make_case(seed, argv, &leaf_units);
    agree(status, argc, argv, leaf_units);
    if (check_state.failures > failures)
        printf("# seed %llu\n", (unsigned long long)seed);
    *(ours_len > 0 ? &cases_with_lines : &cases_without) += 1;
}

TEST(test_the_lines_of_the_systems_grep)
{
    if (!is_gnu())
        SKIP("there is no GNU grep to compare with");
    for (uint64_t seed = 1; seed <= CASES; seed += PLACES) {
        for (place = 0; place < PLACES; place++)
            start_case(seed + place);
        for (place = 0; place < PLACES; place++)
            finish_case(seed + place);
    }
    place = 0;
    /* Or the patterns would say little. */
    CHECK(cases_with_lines > CASES / 3 && cases_without > CASES / 20);
}

/* A pattern against one text, in leaves of several sizes. */
static void compare_from(uint64_t leaf_units, int argc, const char *const *argv)
{
    write_files();
    start_system(argc, argv);
    const int status = finish_system();
    for (uint64_t leaf = leaf_units; leaf <= 4096; leaf *= 8)
        agree(status, argc, argv, leaf);
    agree(status, argc, argv, 0);
}

static void compare(uint32_t file_count, int argc, const char *const *argv)
{
    files = file_count;
    compare_from(1, argc, argv);
}

static void put_file(uint32_t i, const char *text, size_t len)
{
    memcpy(texts[i], text, len);
    sizes[i] = len;
}

TEST(test_files_of_every_shape)
{
    static const char *const patterns[] = {"a", "", "^", "$", "b$", "^a", "x", "a*", "\n*a"};
    if (!is_gnu())
        SKIP("there is no GNU grep to compare with");
    for (uint32_t i = 0; i < 8; i++) {
        const char *with[] = {"-G", patterns[i]}, *without[] = {"-v", patterns[i]};
        for (int way = 0; way < 2; way++) {
            const char *const *argv = way ? without : with;
            put_file(0, "", 0);
            compare(1, 2, argv);
            put_file(0, "a", 1);
            compare(1, 2, argv);
            put_file(0, "\n", 1);
            compare(1, 2, argv);
            put_file(0, "a\r\nb\r\n\r\nab", 10);
            compare(1, 2, argv);
            put_file(0, "a\0b\n\0\nb\0", 8);
            compare(1, 2, argv);
            /* The end of a file ends a line; empty files add none. */
            put_file(0, "ab\nb", 4);
            put_file(1, "", 0);
            put_file(2, "a\nx", 3);
            compare(3, 2, argv);
        }
    }
}

TEST(test_lines_longer_than_a_leaf)
{
    if (!is_gnu())
        SKIP("there is no GNU grep to compare with");
    memset(texts[0], 'a', 20000);
    memcpy(texts[0] + 7000, "needle\n", 7);
    memcpy(texts[0] + 12000, "\nneedle", 7);
    sizes[0] = 20000;
    files = 1;
    compare_from(512, 2, (const char *[]){"-F", "needle"});
    compare_from(512, 2, (const char *[]){"-v", "needle"});
    compare_from(512, 2, (const char *[]){"-E", "a{200}needle$"});
    compare_from(512, 2, (const char *[]){"-E", "^needlea+$"});
}

/* More states than the table has, and a text that the quick search finds nearly everywhere. */
TEST(test_hard_patterns)
{
    if (!is_gnu())
        SKIP("there is no GNU grep to compare with");
    prng_init(&prng, 7);
    sizes[0] = 400000;
    files = 1;
    for (uint64_t i = 0; i < sizes[0]; i++)
        texts[0][i] = below(500) == 0 ? '\n' : (uint8_t)('a' + below(2));
    compare_from(8192, 2, (const char *[]){"-E", "(a|b)*a(a|b){14}ba$"});
    compare_from(8192, 2, (const char *[]){"-E", "a[ab]{13}bbbb[ab]{9}aaa"});
    memset(texts[0], 'a', sizes[0]);
    texts[0][sizes[0] / 2] = '\n';
    compare_from(
        8192, 2,
        (const char *[]){"-F", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaba"});
    texts[0][sizes[0] - 2] = 'b';
    compare_from(
        8192, 2,
        (const char *[]){"-F", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaba"});
}

/* A pattern that costs the length of its program at each byte must still end soon. */
TEST(test_time_is_linear)
{
    char nested[200] = "(a*)*";
    files = 1;
    for (int i = 0; i < 20; i++)
        text_append(nested, sizeof nested, "(a*)*");
    text_append(nested, sizeof nested, "[bc]");
    sizes[0] = TEXT_MAX / 4;
    memset(texts[0], 'a', sizes[0]);
    REQUIRE(make_plan(2, (const char *[]){"-E", nested}) == 0);
    run_kernel(plan.leaf_units);
    CHECK_INT(ours_len, 0);
}

static void refused(const char *pattern, const char *words, const char *option)
{
    const char *argv[] = {option, "--", pattern};
    CHECK_INT(make_plan(3, argv), ERR_ARGUMENT);
    if (!CHECK(strstr(plan.reason, words) != NULL))
        printf("# \"%s\": \"%s\" has no \"%s\"\n", pattern, plan.reason, words);
}

TEST(test_patterns_that_are_refused)
{
    static char longest[1100];
    files = 1;
    sizes[0] = 10;
    refused("[a", "[ without ]", "-G");
    refused("[[:foo:]]", "[:alpha:]", "-G");
    refused("[:space:]", "[[:space:]]", "-G");
    refused("[z-a]", "[z-a]", "-G");
    refused("[[.ab.]]", "[.", "-G");
    refused("\\(a", "not closed", "-G");
    refused("a\\)", "not open", "-G");
    refused("(a", "not closed", "-E");
    refused("a)", "not open", "-E");
    refused("*a", "nothing before", "-E");
    refused("a|+", "nothing before", "-E");
    refused("\\{2\\}", "nothing before", "-G");
    refused("a\\{x", "no repetition", "-G");
    refused("a{256}", "above 255", "-E");
    refused("a{3,2}", "below its beginning", "-E");
    refused("a\\", "ends in a backslash", "-E");
    refused("\\(a\\)\\1", "refers back", "-G");
    refused("\\q", "backslash", "-G");
    refused("\\<*", "border of a word", "-G");
    refused("((((a{9}){9}){9}){9}){9}", "too long", "-E");
    memset(longest, '(', 65);
    refused(longest, "64 levels", "-E");
    memset(longest, 'x', 1024);
    refused(longest, "1023", "-F");
}

TEST(test_arguments)
{
    const char *counting[] = {"-ic", "x"}, *odd[] = {"-q", "x"}, *two[] = {"x", "y"};
    files = 1;
    sizes[0] = 10;
    CHECK_INT(make_plan(2, counting), ERR_ARGUMENT);
    CHECK(strstr(plan.reason, "wc -l") != NULL);
    CHECK_INT(make_plan(2, odd), ERR_ARGUMENT);
    CHECK(strstr(plan.reason, "-E, -F, -G, -i, -v and -x") != NULL);
    CHECK_INT(make_plan(2, two), ERR_ARGUMENT);
    CHECK(strstr(plan.reason, "PATTERN FILE") != NULL);
    CHECK_INT(make_plan(0, two), ERR_ARGUMENT);
    files = 0;
    CHECK_INT(make_plan(1, two), ERR_ARGUMENT);
    CHECK(strstr(plan.reason, "reads files") != NULL);
}

/* A leaf has 256 KiB or as many times two of them as keep the leaves below their bound. */
TEST(test_plan_by_sizes)
{
    static const struct {
        uint64_t size, units, leaf_units;
    } wants[] = {{0, 1, 1 << 18},
                 {1, 2, 1 << 18},
                 {(uint64_t)1 << 31, (uint64_t)1 << 32, 1 << 18},
                 {((uint64_t)1 << 31) + 1, ((uint64_t)1 << 32) + 2, 1 << 19},
                 {(uint64_t)1 << 46, (uint64_t)1 << 47, (uint64_t)1 << 33}};
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++) {
        files = 2;
        sizes[0] = sizes[1] = wants[i].size;
        REQUIRE(make_plan(1, (const char *[]){"x"}) == 0);
        CHECK_INT(plan.units, wants[i].units);
        CHECK_INT(plan.leaf_units, wants[i].leaf_units);
    }
}

/* Where sizes are not known, units are shares of all bytes, and leaves of any number of them make
 * the same lines. */
TEST(test_shares_of_what_is_not_there_yet)
{
    static uint8_t whole[TEXT_MAX];
    const uint64_t unknown[] = {VELUM_SIZE_UNKNOWN, 5, VELUM_SIZE_UNKNOWN};
    const char *words[] = {"the", "fox", "lines", "", "a longer line with more words in it"};
    struct kernel_plan blind;
    files = 3;
    for (uint32_t i = 0; i < files; i++) {
        static char lines[4000];
        size_t len = 0;
        while (len < 3000 * i + 50)
            len += (size_t)snprintf(lines + len % 3000, 100, "%s %u\n", words[below(5)], below(50));
        put_file(i, lines, len < sizeof lines ? len : 3000);
    }
    REQUIRE(kernel_plan(kernel_find("grep"), 1, (const char *[]){"1"}, 3, unknown, &blind) == 0);
    CHECK(blind.units == 64 && blind.leaf_units == 1);
    REQUIRE(make_plan(1, (const char *[]){"1"}) == 0);
    run_kernel(plan.leaf_units);
    const size_t whole_len = ours_len;
    memcpy(whole, ours, ours_len);
    CHECK(whole_len > 0);
    plan = blind;
    for (uint64_t leaf = 1; leaf <= 64; leaf += 1 + below(9)) {
        run_kernel(leaf);
        CHECK(ours_len == whole_len && memcmp(ours, whole, whole_len) == 0);
    }
}

/* Lines that follow each other leave in one piece. */
TEST(test_neighbours_leave_together)
{
    files = 1;
    put_file(0, "a\na\na\nb\na\na\n", 12);
    REQUIRE(make_plan(1, (const char *[]){"a"}) == 0);
    run_kernel(plan.leaf_units);
    CHECK_INT(ours_len, 10);
    CHECK_INT(emits, 2);
}

TEST_MAIN(test_the_lines_of_the_systems_grep, test_files_of_every_shape,
          test_lines_longer_than_a_leaf, test_shares_of_what_is_not_there_yet, test_hard_patterns,
          test_time_is_linear, test_patterns_that_are_refused, test_arguments, test_plan_by_sizes,
          test_neighbours_leave_together)
