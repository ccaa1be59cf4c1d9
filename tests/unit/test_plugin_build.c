/* Plugins made by the system's compiler: what their source may include, and what stays behind. */
#include "core/host/plugin_build.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/plugin.h"
#include "tests/lib/check.h"

#define KERNEL                                                                                     \
    "#include \"velum_kernel.h\"\n#include <math.h>\n#include <string.h>\n"                        \
    "struct total { double x; };\n"                                                                \
    "static const struct velum_field fields[] = {VELUM_FIELD(struct total, x, VELUM_F64, 1)};\n"   \
    "static int plan(const struct velum_host *h, int n, const char *const *a, struct velum_plan "  \
    "*out)\n{\n    return 0;\n}\n"                                                                 \
    "static int leaf(const struct velum_host *h, struct velum_call *c, void *to)\n"                \
    "{\n    ((struct total *)to)->x = sin(c->first) + floor(exp(c->count)) + strlen(c->reason);\n" \
    "    return 0;\n}\n"                                                                           \
    "static void merge(const struct velum_host *h, const struct velum_call *c, void *l, const "    \
    "void *r)\n{\n}\n"                                                                             \
    "static int show(const struct velum_host *h, const struct velum_call *c, const void *from,\n"  \
    "                char *text, size_t cap)\n{\n    return 0;\n}\n"                               \
    "VELUM_KERNEL(it) = {VELUM_KERNEL_HEAD, .name = \"it\", .usage = \"\", .summary = \"\",\n"     \
    "    .limits = \"\", .accumulator_size = 8, .fields = fields, .fields_count = 1,\n"            \
    "    .plan = plan, .leaf = leaf, .merge = merge, .show = show};\n"

static char here[512], source[600], message[PLUGIN_BUILD_MESSAGE_SIZE];

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    REQUIRE(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void begin(void)
{
    if (!here[0]) {
        REQUIRE(getcwd(here, sizeof here) != NULL);
        snprintf(source, sizeof source, "%s/it.c", here);
        mkdir("tmp", 0700);
        mkdir("bin", 0700);
        char tmp[600];
        snprintf(tmp, sizeof tmp, "%s/tmp", here);
        setenv("TMPDIR", tmp, 1);
    }
    unlink("it.so");
    message[0] = 0;
}

static bool is_left(const char *folder)
{
    DIR *d = opendir(folder);
    bool found = false;
    REQUIRE(d != NULL);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        found = found || e->d_name[0] != '.';
    closedir(d);
    return found;
}

/* The source is the kernel with this before it. */
static int build(const char *before)
{
    char text[4096];
    begin();
    snprintf(text, sizeof text, "%s%s", before, KERNEL);
    write_file("it.c", text);
    const int rc = plugin_build(source, "it.so", message);
    if (rc == ERR_NOT_FOUND)
        SKIP("no C compiler is installed");
    CHECK(!is_left("tmp"));
    CHECK((access("it.so", F_OK) == 0) == (rc == 0));
    return rc;
}

/* The functions of the headers are bound to those that a snippet gets. */
TEST(a_plugin_calls_what_the_headers_declare)
{
    const struct velum_kernel *k = NULL;
    char reason[REASON_SIZE] = "";
    CHECK_INT(build(""), 0);
    CHECK_INT(plugin_load("it.so", &k, reason), 0);
    CHECK_STR(reason, "");
    struct velum_call call = {.first = 2, .count = 3, .reason = (char[]){"four"}};
    double x = 0;
    REQUIRE(k != NULL && k->leaf(NULL, &call, &x) == 0);
    CHECK(x > 24.9092974268256 && x < 24.9092974268258); /* sin(2) + 20 + 4 */
}

/* As libtcc's code has it, which is the same kernel. */
TEST(numbers_wrap_and_types_may_lie_over_each_other)
{
    static const char leaf[] =
        "#include \"velum_kernel.h\"\n#include <math.h>\n#include <string.h>\n"
        "static int it_wraps(int64_t a) { return a + 3 < a; }\n"
        "static int it_lies(float *f, uint32_t *u)\n{\n    *f = 1;\n    *u = 0;\n"
        "    return *f == 0;\n}\n"
        "static double of(uint64_t first)\n{\n    float f;\n"
        "    return it_wraps((int64_t)first) + 2 * it_lies(&f, (uint32_t *)(void *)&f);\n}\n"
        "#define sin(x) (of(x) - 20 - strlen(c->reason))\n";
    const struct velum_kernel *k = NULL;
    char reason[REASON_SIZE] = "";
    CHECK_INT(build(leaf), 0);
    CHECK_INT(plugin_load("it.so", &k, reason), 0);
    struct velum_call call = {.first = INT64_MAX - 1, .count = 3, .reason = (char[]){""}};
    double x = 0;
    REQUIRE(k != NULL && k->leaf(NULL, &call, &x) == 0);
    CHECK(x == 3);
}

TEST(nothing_is_included_that_the_digest_does_not_cover)
{
    char before[1024];
    write_file("mine.h", "#define MINE 1\n");
    write_file("velum_kernel.h", "#error \"an old copy of somebody\"\n");
    CHECK_INT(build(""), 0);
    CHECK_INT(build("#include \"mine.h\"\n"), ERR_KERNEL);
    CHECK_INT(build("#include <stdio.h>\n"), ERR_KERNEL);
    begin();
    snprintf(before, sizeof before, "#include \"%s/mine.h\"\n", here);
    CHECK_INT(build(before), ERR_KERNEL);
    CHECK(strstr(message, "it includes ") && strstr(message, "/mine.h, and may include "));
    snprintf(before, sizeof before, "#include \"../../mine.h\"\n");
    CHECK_INT(build(before), ERR_KERNEL);
    CHECK(strstr(message, "/../../mine.h, and may include "));
    /* Nor by who compiles at last, and differs from who only looks. */
    const char *const macros[] = {"__OPTIMIZE__", "__PIC__"};
    for (unsigned i = 0; i < sizeof macros / sizeof *macros; i++) {
        snprintf(before, sizeof before, "#ifdef %s\n#include \"%s/mine.h\"\n#endif\n", macros[i],
                 here);
        CHECK_INT(build(before), ERR_KERNEL);
    }
    setenv("CPATH", here, 1);
    CHECK_INT(build("#include <mine.h>\n"), ERR_KERNEL);
    unsetenv("CPATH");
    CHECK(strstr(message, "/mine.h, and may include "));
    unlink("mine.h");
    unlink("velum_kernel.h");
}

/* Ctrl-C while the compiler runs, which gets it too. */
TEST(who_is_interrupted_leaves_nothing)
{
    char path[1024], *was = getenv("PATH");
    begin();
    write_file("it.c", KERNEL);
    write_file("bin/cc", "#!/bin/sh\nkill -INT $PPID\nexec sleep 20\n");
    REQUIRE(chmod("bin/cc", 0755) == 0);
    snprintf(path, sizeof path, "%s/bin:%s", here, was ? was : "");
    char *before = strdup(was ? was : "");
    setenv("PATH", path, 1);
    CHECK_INT(plugin_build(source, "it.so", message), ERR_CANCELLED);
    setenv("PATH", before, 1);
    free(before);
    CHECK(!is_left("tmp"));
    CHECK(access("it.so", F_OK) != 0);
}

TEST_MAIN(a_plugin_calls_what_the_headers_declare, numbers_wrap_and_types_may_lie_over_each_other,
          nothing_is_included_that_the_digest_does_not_cover, who_is_interrupted_leaves_nothing)
