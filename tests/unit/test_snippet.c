/* Snippets: C source that a worker compiles in its cage. Each is written to a file, and a worker in
 * a forked child is told to describe, load and run it, as a node would. */
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "core/host/sandbox_apart.h"
#include "core/host/sanitizer.h"
#include "core/host/snippet.h"
#include "core/kernel/angle.h"
#include "core/kernel/maths.h"
#include "core/kernel/power.h"
#include "core/kernel/root.h"
#include "core/object/name.h"
#include "tests/unit/cage_rig.h"

static char folder[64], file[96];
static const char *text; /* of the file */
static size_t text_len;
static char words[8192]; /* what the worker wrote on its standard error */

static void forget_folder(void)
{
    unlink(file);
    rmdir(folder);
}

static void write_bytes(const void *bytes, size_t len)
{
    if (!snippet_works())
        SKIP(SNIPPET_NOT_HERE);
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/velum-snippet-XXXXXX");
        REQUIRE(mkdtemp(folder) && chmod(folder, 0755) == 0);
        snprintf(file, sizeof file, "%s/it.c", folder);
        atexit(forget_folder);
    }
    text = bytes;
    text_len = len;
    FILE *f = fopen(file, "w");
    REQUIRE(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static void write_source(const char *source)
{
    write_bytes(source, strlen(source));
}

/* What a kernel has beside its leaf: N units of a u64 and a f64, leaves of 1000. */
#define KERNEL_OF(name, before, body)                                                              \
    "#include \"velum_kernel.h\"\n" before "\nstruct total { uint64_t n; double x; };\n"           \
    "static const struct velum_field fields[] = {\n"                                               \
    "    VELUM_FIELD(struct total, n, VELUM_U64, 1), VELUM_FIELD(struct total, x, VELUM_F64, "     \
    "1)};\n"                                                                                       \
    "static int plan(const struct velum_host *host, int argc, const char *const *argv,\n"          \
    "                struct velum_plan *out)\n"                                                    \
    "{\n"                                                                                          \
    "    uint64_t n;\n"                                                                            \
    "    if (argc != 1 || host->parse_u64(argv[0], 1000000, &n) < 0 || n == 0)\n"                  \
    "        return velum_refuse(out, \"N must be a whole number from 1 to 1000000\");\n"          \
    "    out->units = n;\n"                                                                        \
    "    out->leaf_units = 1000;\n"                                                                \
    "    return 0;\n"                                                                              \
    "}\n"                                                                                          \
    "static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)\n" \
    "{\n"                                                                                          \
    "    struct total *t = accumulator;\n" body "    return 0;\n"                                  \
    "}\n"                                                                                          \
    "static void merge(const struct velum_host *host, const struct velum_call *call, void "        \
    "*left,\n"                                                                                     \
    "                  const void *right)\n"                                                       \
    "{\n"                                                                                          \
    "    ((struct total *)left)->n += ((const struct total *)right)->n;\n"                         \
    "    ((struct total *)left)->x += ((const struct total *)right)->x;\n"                         \
    "}\n"                                                                                          \
    "static int show(const struct velum_host *host, const struct velum_call *call,\n"              \
    "                const void *accumulator, char *text, size_t cap)\n"                           \
    "{\n"                                                                                          \
    "    return host->put_u64(text, cap, ((const struct total *)accumulator)->n);\n"               \
    "}\n"                                                                                          \
    "VELUM_KERNEL(it) = {VELUM_KERNEL_HEAD, .name = \"" name "\", .usage = \"N\",\n"               \
    "    .summary = \"squares\", .limits = \"N from 1\", .accumulator_size = sizeof(struct "       \
    "total),\n"                                                                                    \
    "    .fields = fields, .fields_count = 2, .plan = plan, .leaf = leaf, .merge = merge,\n"       \
    "    .show = show};\n"

#define SQUARES                                                                                    \
    "    for (uint64_t i = call->first; i < call->first + call->count; i++)\n"                     \
    "        t->n += i * i, t->x += 1.0 / (double)(i + 1);\n"

static int end_with_words(int errors)
{
    const int status = end_worker();
    size_t len = 0;
    ssize_t n;
    while ((n = read(errors, words + len, sizeof words - 1 - len)) > 0)
        len += (size_t)n;
    words[len] = '\0';
    close(errors);
    return status;
}

static struct kernel_view view;

/* The end of the worker that describes the file; -1 where it said nothing of it. */
static int describe(void)
{
    struct frame f;
    struct order_describe m = {.origin = ORIGIN_SNIPPET};
    memset(&view, 0, sizeof view);
    text_copy(view.refused, sizeof view.refused, "(nothing was said)");
    const int errors = start_with_errors();
    expect(MESSAGE_WORKER_READY);
    text_copy(m.path, sizeof m.path, file);
    struct buf b = *payload();
    put_order_describe(&b, &m);
    send_order(MESSAGE_ORDER_DESCRIBE, 1, &b);
    if (next_report(&f) && f.type == MESSAGE_WORKER_DESCRIBED)
        CHECK_INT(read_kernel_view(f.payload, &view), 0);
    return end_with_words(errors);
}

/* What is wrong with the source, with the path of its file left out. */
static const char *refused(const char *source)
{
    static char reason[REASON_SIZE];
    write_source(source);
    CHECK_INT(describe(), 0);
    const size_t skip = strncmp(view.refused, file, strlen(file)) == 0 ? strlen(file) : 0;
    snprintf(reason, sizeof reason, "%s", view.refused + skip);
    return reason;
}

TEST(test_a_snippet_is_described)
{
    write_source(KERNEL_OF("it", "", SQUARES));
    CHECK_INT(describe(), 0);
    CHECK_STR(view.refused, "");
    CHECK_STR(words, "");
    CHECK_STR(view.name, "it");
    CHECK_STR(view.usage, "N");
    CHECK_INT(view.origin, ORIGIN_SNIPPET);
    CHECK_INT(view.accumulator_size, 16);
    const struct digest source = object_name_of((struct bytes){(const uint8_t *)text, text_len});
    CHECK(digest_equal(view.source, source));
}

TEST(test_errors_are_of_the_users_file)
{
    CHECK_STR(refused("int f(void)\n{\n    return 1 + wrong;\n}\n"),
              ":3:16: error: 'wrong' undeclared");
    CHECK(strncmp(words, file, strlen(file)) == 0 && words[strlen(words) - 1] == '\n');
    /* Twice in the line: no column is made up. */
    CHECK_STR(refused("int f(void)\n{\n    return wrong + wrong;\n}\n"),
              ":3: error: 'wrong' undeclared");
    CHECK_STR(refused("/* sinh */ double sinh(double);\ndouble f(void)\n{ return sinh(1); }\n"),
              ":1:19: error: undefined symbol 'sinh'");
    CHECK_STR(refused("/* sinh */\n#line 5\ndouble sinh(double);\ndouble f(void)\n{\n"
                      "    return sinh(1);\n}\n"),
              ":5:8: error: undefined symbol 'sinh'");
    CHECK_STR(refused("int f(void)\n{\n    int a = 3\n    return a;\n}\n"),
              ":4:5: error: ';' expected (got \"return\")");
    CHECK_STR(refused("int f(void)\n{\n    return 1;\n"), ":4: error: identifier expected");
    CHECK_STR(refused("#error \"never \x1b[31m\""), ":1: error: #error \"never \\u{1b}[31m\"");
    CHECK(strchr(words, '\x1b') == NULL);
    refused("#line 7 \"other.c\"\nint f(void) { return wrong; }\n");
    CHECK(strstr(view.refused, "other.c:7: error: 'wrong' undeclared") != NULL);
}

TEST(test_a_snippet_includes_nothing_of_the_machine)
{
    CHECK_STR(refused("#include </etc/passwd>\n"),
              ":1:11: error: include file '/etc/passwd' not found");
    CHECK(strncmp(words, file, strlen(file)) == 0);
    CHECK(strstr(words, "note: a snippet may include velum_kernel.h, stdint.h") != NULL);
    CHECK_STR(refused("#include \"/etc/passwd\"\n"),
              ":1: error: include file '/etc/passwd' not found");
    CHECK_STR(refused("#include \"-\"\n"), ":1: error: include file '-' not found");
    CHECK_STR(refused("#include <stdio.h>\n"), ":1:11: error: include file 'stdio.h' not found");
    CHECK_STR(refused("#include \"../../../../../etc/passwd\"\n"),
              ":1: error: include file '../../../../../etc/passwd' not found");
    CHECK_STR(refused("#pragma comment(lib, \"c\")\nint f(void);\nint f(void) { return 1; }\n"),
              ": error: library 'c' not found");
    CHECK_STR(refused("#include \"it.c\"\n"), ":1: error: #include recursion too deep");
    CHECK_STR(refused("__asm__(\".incbin \\\"/etc/passwd\\\"\");\n"),
              ":1: error: bad expression syntax [\"/etc/passwd\"]");
}

TEST(test_what_is_no_kernel_is_refused)
{
    static char large[SNIPPET_SOURCE_MAX + 1];
    CHECK_STR(refused(""), "it is empty");
    CHECK_STR(refused("int f(void) { return 1; }\n"),
              ": error: it defines no kernel: write one with VELUM_KERNEL(name)");
    CHECK(strstr(refused("int velum_kernel(void) { return 1; }\n"), "kernel ABI") != NULL);
    CHECK(strstr(refused("char velum_kernel[4];\n"), "kernel ABI 0") != NULL);
    CHECK_STR(refused("This is a letter, dear compiler.\n"),
              ":1:6: error: ';' expected (got \"is\")");
    CHECK_STR(refused(KERNEL_OF("Not a name", "", SQUARES)),
              ": error: its name is not 1 to 63 of a-z, 0-9 and -");
    CHECK_STR(refused("#include \"velum_kernel.h\"\n"
                      "VELUM_KERNEL(x) = {.abi = 99, .size = sizeof(struct velum_kernel)};\n"),
              ": error: it was built for kernel ABI 99, and this velum has ABI 1");
    CHECK_STR(refused("#include \"velum_kernel.h\"\n"
                      "VELUM_KERNEL(x) = {VELUM_KERNEL_HEAD, .name = (const char *)8};\n"),
              ": error: a pointer in its kernel leads nowhere");
    CHECK_STR(
        refused(KERNEL_OF("it",
                          "#undef VELUM_SOURCE_DIGEST\n#define VELUM_SOURCE_DIGEST "
                          "\"0123456789012345678901234567890123456789012345678901234567891234\"",
                          SQUARES)),
        ": error: its kernel names another source than its own: begin it with "
        "VELUM_KERNEL_HEAD");
    memset(large, ' ', sizeof large);
    write_bytes(large, sizeof large);
    CHECK_INT(describe(), 0);
    CHECK_STR(view.refused, "it is larger than 256 KiB");
    large[100] = '\0';
    write_bytes(large, sizeof large - 1);
    CHECK_INT(describe(), 0);
    CHECK_STR(view.refused, "it is no C source: it has a byte of zero");
}

#define TOO_LARGE                                                                                  \
    ": error: it needs more than the 256 MiB of memory that a snippet, or the compiler for it, "   \
    "may "                                                                                         \
    "have"

/* Whatever becomes of the compiler, the worker says it and ends by itself. */
TEST(test_a_compiler_that_is_led_astray_ends_with_a_sentence)
{
    static char deep[200000];
    CHECK_STR(refused("#define A B B B B B B B B\n#define B C C C C C C C C\n"
                      "#define C D D D D D D D D\n#define D E E E E E E E E\n"
                      "#define E F F F F F F F F\n#define F G G G G G G G G\n"
                      "#define G H H H H H H H H\n#define H I I I I I I I I\n"
                      "#define I 1+1+1+1+1+1+1+\nint x = A A A A 0;\n"),
              TOO_LARGE);
    CHECK_STR(refused("__asm__(\".rept 2000000000\\n.endr\");\n"),
              ": error: the compiler needs more than the second of processor time that it may have "
              "for it");
    memset(deep, '(', sizeof deep - 1);
    memcpy(deep, "int x = ", 8);
    CHECK_STR(refused(deep),
              ": error: the compiler crashed on it (signal 11); it may be nested too "
              "deeply, or too large");
    CHECK_STR(refused("int x = 1 / 0;\n"), ":1: error: division by zero in constant");
    CHECK_STR(refused("long long y = (-9223372036854775807LL - 1) / -1;\n"),
              ": error: it defines no kernel: write one with VELUM_KERNEL(name)");
}

TEST(test_data_that_is_too_large_is_refused)
{
    CHECK_STR(refused("char room[2147483647];\nchar *f(void) { return room; }\n"), TOO_LARGE);
    CHECK_STR(refused("char room[1000000000] = {1};\nchar *f(void) { return room; }\n"), TOO_LARGE);
    CHECK_STR(refused("__asm__(\".space 1000000000\");\n"), TOO_LARGE);
}

/* A source may say what the compiler is to do, and is not to hang it. */
TEST(test_options_in_a_source_do_no_harm)
{
    static const char *const options[] = {"-c",           "-run",      "-E",   "-shared", "-b",
                                          "-g",           "-bench",    "-v",   "-I/etc",  "-L/",
                                          "-lc",          "-o /tmp/x", "-M",   "-static", "-w",
                                          "@/etc/passwd", "-x none",   "-m32", "-nosuch"};
    char source[4096];
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        snprintf(source, sizeof source, "#pragma comment(option, \"%s\")\n%s", options[i],
                 KERNEL_OF("it", "", SQUARES));
        write_source(source);
        CHECK_INT(describe(), 0);
        CHECK(view.refused[0] ? strstr(view.refused, ": error: ") != NULL
                              : strcmp(view.name, "it") == 0);
        CHECK(strstr(words, "root:") == NULL && strstr(words, "bytes") == NULL);
    }
}

static struct frame ask_plan(int argc, const char *const *argv)
{
    struct buf b = *payload();
    REQUIRE(put_order_plan(&b, argc, argv, 0, NULL) == 0);
    send_order(MESSAGE_ORDER_PLAN, 3, &b);
    return expect(MESSAGE_WORKER_PLANNED);
}

/* A worker that is left running, and what it says of loading the file by this name. */
static int load_as(const char *name, struct worker_loaded *said)
{
    struct velum_kernel k = {.name = name};
    struct order_load m = {.origin = ORIGIN_SNIPPET};
    static char hex[ID_HEX_SIZE];
    const struct digest source = object_name_of((struct bytes){(const uint8_t *)text, text_len});
    id_hex(source.bytes, 2 * ID_SIZE, hex);
    k.source = hex;
    const int errors = start_with_errors();
    *said = load_order(&k, file, &m);
    return errors;
}

static int load(const char *name)
{
    struct worker_loaded l;
    const int errors = load_as(name, &l);
    CHECK_STR(l.reason, "");
    REQUIRE(l.ok);
    return errors;
}

/* Any other node would find the same: that is not this machine's doing. */
TEST(test_a_source_that_is_another_kernels_is_its_authors_fault)
{
    struct worker_loaded l;
    write_source(KERNEL_OF("it", "", SQUARES));
    int errors = load_as("other", &l);
    CHECK(!l.ok && !l.by_node);
    CHECK_STR(l.reason, "its source defines a kernel of another name, it");
    CHECK_INT(end_with_words(errors), 0);
    write_source("int f(void) { return wrong; }\n");
    errors = load_as("it", &l);
    CHECK(!l.ok && !l.by_node);
    CHECK(strstr(l.reason, ":1:22: error: 'wrong' undeclared") != NULL);
    CHECK_INT(end_with_words(errors), 0);
    unlink(file);
    errors = load_as("it", &l);
    CHECK(!l.ok && l.by_node);
    CHECK_STR(l.reason, "No such file or directory");
    CHECK_INT(end_with_words(errors), 0);
}

static void send_run(uint64_t units)
{
    struct order_run run = {1, 0, 1, units, 1000, 1000000};
    struct buf b = *payload();
    put_order_run(&b, &run);
    send_order(MESSAGE_ORDER_RUN, 2, &b);
}

TEST(test_a_snippet_computes)
{
    struct worker_progress m;
    struct worker_planned planned;
    write_source(KERNEL_OF("it", "", SQUARES));
    const int errors = load("it");
    REQUIRE(read_worker_planned(ask_plan(1, (const char *[]){"1000"}).payload, &planned) == 0);
    CHECK(planned.ok);
    CHECK_INT(planned.units, 1000);
    REQUIRE(read_worker_planned(ask_plan(1, (const char *[]){"x"}).payload, &planned) == 0);
    CHECK(!planned.ok);
    CHECK_STR(planned.reason, "N must be a whole number from 1 to 1000000");
    send_run(1000);
    REQUIRE(read_worker_progress(expect(MESSAGE_WORKER_PROGRESS).payload, &m) == 0);
    REQUIRE(m.count == 1);
    const struct value v = read_value(&m.rest);
    uint64_t n = 0;
    double x = 0, got;
    for (uint64_t i = 0; i < 1000; i++)
        n += i * i, x += 1.0 / (double)(i + 1);
    CHECK_INT(load_u64(v.data.data), n);
    const uint64_t bits = load_u64(v.data.data + 8);
    memcpy(&got, &bits, sizeof got);
    CHECK(got == x);
    CHECK_INT(end_with_words(errors), 0);
}

static uint64_t sum_of(const char *source)
{
    struct worker_progress m;
    struct worker_planned planned;
    write_source(source);
    const int errors = load("it");
    REQUIRE(read_worker_planned(ask_plan(1, (const char *[]){"1"}).payload, &planned) == 0);
    send_run(1);
    REQUIRE(read_worker_progress(expect(MESSAGE_WORKER_PROGRESS).payload, &m) == 0);
    REQUIRE(m.count == 1);
    const struct value v = read_value(&m.rest);
    CHECK_INT(end_with_words(errors), 0);
    return load_u64(v.data.data);
}

/* Where two roundings, to 64 bits and then to 53, give another number than one. */
TEST(test_floating_constants_are_folded_as_doubles)
{
    CHECK_INT(sum_of(KERNEL_OF("it", "",
                               "    t->n = (1.0 + 0x1.001p-53 > 1.0) + 2 * (0x1p53 + 0x1.001p0 > "
                               "0x1p53) + 4 * (1.0 - 0x1.001p-54 < 1.0);\n")),
              7);
}

#define PAIRS 100 /* 25 of each operator */

/* The same for every run. */
static double any_double(uint64_t *state, int below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    const double size = 1 + (double)(*state >> 12) * 0x1p-52;
    return ldexp(size, -(int)((*state >> 5) % (unsigned)below));
}

static double come_to(double a, char op, double b)
{
    volatile double x = a, y = b; /* nothing of it is left to this test's compiler */
    return op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y;
}

static double come_to_long(double a, char op, double b)
{
    volatile long double x = a, y = b;
    return (double)(op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y);
}

/* Pairs whose long double, rounded to double, is another number, where this machine's long double
 * has such pairs; *sum is what comes of them as doubles. */
static void write_pairs(char *to, size_t cap, uint64_t *sum)
{
    uint64_t state = 1, bits;
    size_t len = 0;
    for (unsigned i = 0; i < PAIRS;) {
        const char op = "+-*/"[i % 4];
        const double a = any_double(&state, 4), b = any_double(&state, 60);
        const double is = come_to(a, op, b);
        if (LDBL_MANT_DIG == 64 && come_to_long(a, op, b) == is)
            continue;
        len += (size_t)snprintf(to + len, cap - len, "%a %c %a, ", a, op, b);
        REQUIRE(len < cap);
        memcpy(&bits, &is, sizeof bits);
        *sum = 31 * *sum + bits;
        i++;
    }
}

/* For each of these a compiler that folds in long double is wrong. */
TEST(test_constants_come_to_what_variables_do)
{
    static char pairs[PAIRS * 64], source[sizeof pairs + 8192];
    uint64_t sum = 0;
    write_pairs(pairs, sizeof pairs, &sum);
    snprintf(source, sizeof source,
             KERNEL_OF("it", "static const double pairs[] = {%s};\n",
                       "    for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {\n"
                       "        union { double d; uint64_t u; } bits = {pairs[i]};\n"
                       "        t->n = 31 * t->n + bits.u;\n"
                       "    }\n"),
             pairs);
    CHECK_INT(sum_of(source), sum);
}

#define OF_DOUBLE(before, body) KERNEL_OF("it", before, "    t->x = " body ";\n")

/* Of libtcc on x86-64 alone; a number that is exact all the same is none of it. */
TEST(test_constants_too_small_to_be_normal_are_refused)
{
    static const char *const well[] = {
        OF_DOUBLE("#include <float.h>\n", "DBL_TRUE_MIN + 4e-320 - 0x1p-1060 * 3"),
        OF_DOUBLE("", "0x1p-1022 / 8 + 1e-310"),
        OF_DOUBLE("static volatile double v = 0x1.8p-1060;\n", "v * 0.7 + 1e-40f"),
    };
    for (size_t i = 0; i < sizeof well / sizeof *well; i++) {
        write_source(well[i]);
        CHECK_INT(describe(), 0);
        CHECK_STR(view.refused, "");
    }
#if defined __x86_64__
    CHECK_STR(refused(OF_DOUBLE("", "-0x0.0000025abb745p-1022 * 0x1.6666666666666p-1")),
              ": error: constants in it come to less than the smallest normal number, where "
              "compilers differ: write that number itself, or compute it from a variable");
    CHECK(strstr(refused(OF_DOUBLE("", "1e-300 / 3e17")), "smallest normal") != NULL);
#endif
}

TEST(test_long_double_is_refused)
{
    CHECK_STR(refused("int f(int x)\n{\n    long /*\n */ const double y = x;\n    return y;\n}"),
              ":4:11: error: long double is another type on every machine: use double");
    CHECK(strstr(refused("double long x;\n"), ":1:8: error: long double is") != NULL);
    CHECK_STR(refused("double x = 0xEL + 1 +\n    1.5e-3L;\n"),
              ":2:5: error: a constant of long double is another number on every machine: leave "
              "the L away");
    CHECK(strstr(refused("double x = .5l;\n"), ":1:12: error: a constant of") != NULL);
    CHECK(strstr(refused("double x = 0x1p3L;\n"), ":1:12: error: a constant of") != NULL);
    write_source(KERNEL_OF("it",
                           "/* long double 1.5L */ static const char *const c = \"long double\";",
                           "    long double_of = 0xEL + 15L + (c != 0); t->x = (long)3 * "
                           "(double)double_of;\n"));
    CHECK_INT(describe(), 0);
    CHECK_STR(view.refused, "");
}

#define MATHS                                                                                      \
    "    for (uint64_t i = call->first; i < call->first + call->count; i++) {\n"                   \
    "        const double v = (double)i / 7 - 60;\n"                                               \
    "        const double r[] = {sin(v), cos(v), tan(v), atan2(v, 3), exp(v), log(i), log2(i),\n"  \
    "                            pow(i, 0.3), cbrt(v), sqrt(v), atan(v), exp2(v),\n"              \
    "                            asin(v / 60), acos(v / 60), log10(i), hypot(v, 2),\n"            \
    "                            sinf((float)v), powf((float)v, 3.f), acosf(0.3f)};\n"            \
    "        for (int k = 0; k < 19; k++) {\n"                                                     \
    "            union { double d; uint64_t u; } bits = {r[k]};\n"                                 \
    "            t->n = 31 * t->n + bits.u;\n"                                                     \
    "        }\n"                                                                                  \
    "    }\n"

static uint64_t sum_of_maths(void)
{
    const struct velum_maths *m = &maths_table;
    uint64_t n = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        const double v = (double)i / 7 - 60, x = (double)i;
        const double r[] = {m->sin(v),      m->cos(v),       m->tan(v),  m->atan2(v, 3),
                            m->exp(v),      m->log(x),       m->log2(x), m->pow(x, 0.3),
                            m->cbrt(v),     m->sqrt(v),      m->atan2(v, 1),
                            m->pow(2, v),
                            angle_asin(v / 60),
                            angle_acos(v / 60),
                            power_log10(x),
                            root_hypot(v, 2),
                            (float)m->sin((float)v),
                            (float)m->pow((float)v, 3),
                            (float)angle_acos((double)0.3f)};
        for (int k = 0; k < 19; k++) {
            uint64_t bits;
            memcpy(&bits, &r[k], sizeof bits);
            n = 31 * n + bits;
        }
    }
    return n;
}

/* To the last bit, and what is no number too. */
TEST(test_math_is_that_of_the_table)
{
    struct worker_progress m;
    write_source(KERNEL_OF("it", "#include <math.h>\n", MATHS));
    const int errors = load("it");
    send_run(1000);
    REQUIRE(read_worker_progress(expect(MESSAGE_WORKER_PROGRESS).payload, &m) == 0);
    REQUIRE(m.count == 1);
    const struct value v = read_value(&m.rest);
    CHECK(load_u64(v.data.data) == sum_of_maths());
    CHECK_INT(end_with_words(errors), 0);
}

/* The end of a worker whose leaf does this; what it said is in `words`. */
static int end_of_leaf(const char *source)
{
    struct frame f;
    write_source(source);
    const int errors = load("it");
    send_run(1000);
    CHECK(!next_report(&f));
    const int status = end_with_words(errors);
    child.orders = -1;
    return status;
}

TEST(test_what_a_leaf_does_ends_it_by_name)
{
    if (SANITIZER)
        SKIP("a build with a sanitizer has no walls");
    CHECK_INT(end_of_leaf(KERNEL_OF("it", "", "    t->n = 1 / (call->first * 2);\n")), -SIGFPE);
    CHECK_INT(end_of_leaf(KERNEL_OF("it", "", "    *(volatile int *)8 = 1;\n")), -SIGSEGV);
    CHECK_INT(end_of_leaf(KERNEL_OF("it", "", "    *(volatile uint8_t *)(void *)leaf = 0xc3;\n")),
              -SIGSEGV);
    CHECK_INT(end_of_leaf(KERNEL_OF("it", "static uint8_t code[16] = {0xc3};",
                                    "    ((void (*)(void))(void *)code)();\n")),
              -SIGSEGV);
    CHECK_INT(end_of_leaf(KERNEL_OF("it",
                                    "static int down(int n) { char room[4096]; room[n & 7] = n;"
                                    " return down(n + 1) + room[3]; }",
                                    "    t->n = down(1);\n")),
              -SIGSEGV);
#if defined(__x86_64__)
    CHECK_INT(
        end_of_leaf(KERNEL_OF("it", "", "    __asm__ volatile(\"mov $110, %eax; syscall\");\n")),
        -SIGSYS);
    CHECK_STR(words, "killed: forbidden system call getppid (110)\n");
    CHECK_INT(
        end_of_leaf(KERNEL_OF("it", "", "    __asm__ volatile(\"mov $20, %eax; int $0x80\");\n")),
        -SIGSYS);
    CHECK(strstr(words, "of another machine's manner") != NULL);
    CHECK_INT(end_of_leaf(KERNEL_OF("it", "", "    __asm__ volatile(\"ud2\");\n")), -SIGILL);
#endif
}

TEST_MAIN(test_a_snippet_is_described, test_errors_are_of_the_users_file,
          test_a_snippet_includes_nothing_of_the_machine, test_what_is_no_kernel_is_refused,
          test_a_compiler_that_is_led_astray_ends_with_a_sentence,
          test_data_that_is_too_large_is_refused, test_options_in_a_source_do_no_harm,
          test_a_snippet_computes, test_math_is_that_of_the_table,
          test_floating_constants_are_folded_as_doubles, test_constants_come_to_what_variables_do,
          test_constants_too_small_to_be_normal_are_refused, test_long_double_is_refused,
          test_a_source_that_is_another_kernels_is_its_authors_fault,
          test_what_a_leaf_does_ends_it_by_name)
