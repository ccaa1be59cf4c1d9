/* What the machine's own compiler builds of snippets: in a cage, kept in a folder, looked at before
 * it is used, and its first leaf compared with what libtcc's code gives. */
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "core/base/err.h"
#include "core/host/build_cage.h"
#include "core/host/builder.h"
#include "core/host/built_file.h"
#include "core/host/compiler.h"
#include "core/host/sanitizer.h"
#include "core/host/snippet.h"
#include "core/object/name.h"
#include "tests/unit/cage_rig.h"

static char folder[64], built[96], file[96], compiler[PATH_SIZE_MAX];
static struct digest source;
static uint64_t leaf_us; /* of workers that are loaded */

static void forget_folder(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    (void)!system(command);
}

static void init(void)
{
    if (SANITIZER || !snippet_works())
        SKIP("snippets are not compiled here");
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/velum-builder-XXXXXX");
        REQUIRE(mkdtemp(folder) && chmod(folder, 0755) == 0);
        snprintf(built, sizeof built, "%s/built", folder);
        snprintf(file, sizeof file, "%s/it.c", folder);
        atexit(forget_folder);
    }
    if (!compiler_open(built, compiler))
        SKIP("this machine has no compiler, or no cage for one");
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    REQUIRE(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* What becomes of this source. */
static int build(const char *text, char reason[REASON_SIZE])
{
    struct order_build m;
    write_text(file, text);
    source = object_name_of((struct bytes){(const uint8_t *)text, strlen(text)});
    m.source = source;
    text_copy(m.compiler, sizeof m.compiler, compiler);
    text_copy(m.path, sizeof m.path, file);
    text_copy(m.folder, sizeof m.folder, built);
    reason[0] = '\0';
    const int before = fcntl(2, F_DUPFD_CLOEXEC, 100), nothing = open("/dev/null", O_WRONLY);
    dup2(nothing, 2);
    const int rc = builder_build(&m, reason);
    dup2(before, 2);
    close(before);
    close(nothing);
    return rc;
}

/* A kernel of whose leaf, one unit, this is what it computes: u64 n and f64 x. */
#define KERNEL(before, body)                                                                       \
    "#include \"velum_kernel.h\"\n#include <math.h>\n#include <string.h>\n" before                 \
    "\nstruct total { uint64_t n; double x; };\n"                                                  \
    "static const struct velum_field fields[] = {VELUM_FIELD(struct total, n, VELUM_U64, 1),\n"    \
    "    VELUM_FIELD(struct total, x, VELUM_F64, 1)};\n"                                           \
    "static int plan(const struct velum_host *host, int argc, const char *const *argv,\n"          \
    "                struct velum_plan *out)\n"                                                    \
    "{ out->units = 100; out->leaf_units = 1; return 0; }\n"                                       \
    "static int leaf(const struct velum_host *host, struct velum_call *call, void *to)\n"          \
    "{ struct total *t = to; uint64_t u = call->first; double v = (double)u; " body                \
    "  return 0; }\n"                                                                              \
    "static void merge(const struct velum_host *host, const struct velum_call *call,\n"            \
    "                  void *left, const void *right)\n"                                           \
    "{ ((struct total *)left)->n += ((const struct total *)right)->n;\n"                           \
    "  ((struct total *)left)->x += ((const struct total *)right)->x; }\n"                         \
    "static int show(const struct velum_host *host, const struct velum_call *call,\n"              \
    "                const void *from, char *text, size_t cap)\n"                                  \
    "{ return host->put_u64(text, cap, ((const struct total *)from)->n); }\n"                      \
    "VELUM_KERNEL(it) = {VELUM_KERNEL_HEAD, .name = \"it\", .usage = \"\", .summary = \"s\",\n"    \
    "    .limits = \"none\", .accumulator_size = sizeof(struct total), .fields = fields,\n"        \
    "    .fields_count = 2, .plan = plan, .leaf = leaf, .merge = merge, .show = show};\n"

/* A worker that has what was built; alone, or beside libtcc's code. */
static struct worker_loaded load(bool alone)
{
    static char hex[ID_HEX_SIZE];
    struct order_load m = {.origin = ORIGIN_SNIPPET, .alone = alone, .leaf_us = leaf_us};
    id_hex(source.bytes, 2 * ID_SIZE, hex);
    const struct velum_kernel k = {.name = "it", .source = hex};
    built_file_path(built, source, m.built);
    start_worker();
    return load_order(&k, file, &m);
}

/* The first report of a run of this leaf; the worker ends. */
static struct frame run_leaf(uint64_t leaf)
{
    struct order_run run = {1, leaf, leaf + 1, 100, 1, 1000000};
    struct frame f = {0};
    struct buf b = *payload();
    put_order_run(&b, &run);
    send_order(MESSAGE_ORDER_RUN, 2, &b);
    REQUIRE(next_report(&f));
    CHECK_INT(end_worker(), 0);
    return f;
}

static struct bytes value_of(struct frame f)
{
    struct worker_progress p;
    REQUIRE(f.type == MESSAGE_WORKER_PROGRESS && read_worker_progress(f.payload, &p) == 0);
    REQUIRE(p.count == 1);
    return read_value(&p.rest).data;
}

/* Each of what the headers declare, where the two have functions of their own. */
#define EVERYTHING                                                                                 \
    "char a[16] = \"velum\", b[16]; memset(b, 0, 16); strncpy(b, a, 15); memmove(b + 1, b, 4);"    \
    "t->n = strlen(b) + strnlen(a, 3) + (uint64_t)(strchr(a, 'l') - a) * 7 +"                      \
    "  (uint64_t)(strrchr(a, 'm') - a) * 9 + (uint64_t)(strstr(a, \"lu\") - a) * 11 +"             \
    "  strspn(a, \"ev\") * 13 + strcspn(a, \"u\") * 17 + (strcmp(a, b) < 0) +"                     \
    "  (memcmp(a, b, 5) > 0) + (strncmp(a, b, 1) == 0) + (memchr(a, 'u', 5) == a + 3) +"           \
    "  (uint64_t)(v * 1e15);"                                                                      \
    "double y = (v - 49.5) * 0.37;"                                                                \
    "t->x = fmod(v * 1e9 + 0.1, 0.7) + floor(y) + ceil(y) * 3 + trunc(y) * 5 + round(y) * 7 +"     \
    "  sqrt(v) + fabs(y) + fmin(y, -0.0) + fmax(y, 0.3) + copysign(2.5, y) + floorf((float)y) +"   \
    "  fmodf((float)y, 0.3f) + sqrtf((float)v) + roundf((float)y) + fmod(5e-324 * v, 1.5e-323) +"  \
    "  fmod(y, 1e-310) * 1e300 + floor(-0.0) + ceil(-0.25) + asin(y / 20) + acosf(0.3f) +"         \
    "  log10(v + 1) + hypotf((float)y, 3) + sinf((float)y) + powf((float)v, 0.3f);"

/* The worker itself compares each with libtcc's. */
TEST(what_is_built_computes_what_libtcc_does)
{
    char reason[REASON_SIZE];
    init();
    CHECK_INT(build(KERNEL("", EVERYTHING), reason), 0);
    CHECK_STR(reason, "");
    for (uint64_t leaf = 0; leaf < 100; leaf += 11) {
        const struct worker_loaded l = load(false);
        CHECK_STR(l.reason, "");
        REQUIRE(l.ok && !l.unbuilt);
        CHECK_INT(run_leaf(leaf).type, MESSAGE_WORKER_PROGRESS);
    }
    REQUIRE(load(true).ok);
    CHECK_INT(value_of(run_leaf(3)).len, 16);
}

/* libtcc says no to all of them, and does not know its own; the others look. */
TEST(no_compiler_says_which_headers_there_are_but_libtcc)
{
    char reason[REASON_SIZE];
    init();
    CHECK_INT(build(KERNEL("#if __has_include(<math.h>)\n#define IS 1\n#else\n#define IS 0\n"
                           "#endif\n",
                           "t->n = IS;"),
                    reason),
              ERR_KERNEL);
    CHECK(strstr(reason, "it has __has_include, of which velum's compiler says no") != NULL);
}

TEST(a_first_leaf_that_differs_is_no_leaf)
{
    char reason[REASON_SIZE];
    struct worker_failed failed;
    init();
    CHECK_INT(build(KERNEL("#ifdef __TINYC__\n#define ODD 1\n#else\n#define ODD 2\n#endif",
                           "t->n = u * ODD;"),
                    reason),
              0);
    REQUIRE(load(false).ok);
    struct frame f = run_leaf(5);
    REQUIRE(f.type == MESSAGE_WORKER_FAILED && read_worker_failed(f.payload, &failed) == 0);
    CHECK(failed.differs);
    CHECK_INT(failed.leaf, 5);
    CHECK(!digest_equal(failed.digests[0], failed.digests[1]));
    /* Of leaf 0 both make the same. */
    REQUIRE(load(false).ok);
    CHECK_INT(run_leaf(0).type, MESSAGE_WORKER_PROGRESS);
    REQUIRE(load(true).ok);
    CHECK_INT(load_u64(value_of(run_leaf(5)).data), 10);
}

/* The answer that a run of so many leaves ends with. */
static struct frame run_to(uint64_t end)
{
    struct order_run run = {1, 0, end, end, 1, 1000000};
    struct worker_progress p;
    struct frame f = {0};
    struct buf b = *payload();
    put_order_run(&b, &run);
    send_order(MESSAGE_ORDER_RUN, 2, &b);
    do
        REQUIRE(next_report(&f));
    while (f.type == MESSAGE_WORKER_PROGRESS && read_worker_progress(f.payload, &p) == 0 &&
           !p.ended);
    CHECK_INT(end_worker(), 0);
    return f;
}

/* All leaves of 1,000 on differ, and one of the next is computed by both. */
TEST(later_leaves_are_compared_too)
{
    char reason[REASON_SIZE];
    struct worker_failed failed;
    init();
    CHECK_INT(build(KERNEL("#ifdef __TINYC__\n#define ODD 1\n#else\n#define ODD 2\n#endif",
                           "t->n = u < 1000 ? 7 : ODD;"),
                    reason),
              0);
    leaf_us = 1000000;
    REQUIRE(load(false).ok);
    struct frame f = run_to(200000);
    REQUIRE(f.type == MESSAGE_WORKER_FAILED && read_worker_failed(f.payload, &failed) == 0);
    CHECK(failed.differs);
    CHECK(failed.leaf >= 1000);
    CHECK(!digest_equal(failed.digests[0], failed.digests[1]));
    leaf_us = 0;
    REQUIRE(load(false).ok);
    CHECK_INT(run_to(2000).type, MESSAGE_WORKER_PROGRESS);
}

/* Nothing is lost by that: libtcc's code is there. */
TEST(a_worker_does_without_what_is_gone_or_no_plugin)
{
    char reason[REASON_SIZE], path[PATH_SIZE_MAX];
    init();
    CHECK_INT(build(KERNEL("", "t->n = u + 1;"), reason), 0);
    built_file_path(built, source, path);
    write_text(path, "no plugin");
    struct worker_loaded l = load(false);
    CHECK(l.ok && l.unbuilt && l.reason[0]);
    CHECK_INT(load_u64(value_of(run_leaf(6)).data), 7);
    REQUIRE(unlink(path) == 0);
    l = load(false);
    CHECK(l.ok && l.unbuilt && l.reason[0]);
    CHECK_INT(load_u64(value_of(run_leaf(6)).data), 7);
    l = load(true);
    CHECK(!l.ok && l.by_node);
    end_worker();
}

/* A power cut may leave one empty, and a disk give back something else. */
TEST(a_file_that_is_no_plugin_is_built_anew)
{
    const char *const left[] = {"", "no plugin"};
    char reason[REASON_SIZE], path[PATH_SIZE_MAX];
    init();
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        CHECK_INT(build(KERNEL("", "t->n = u + 3;"), reason), 0);
        built_file_path(built, source, path);
        write_text(path, left[i]);
        CHECK_INT(build(KERNEL("", "t->n = u + 3;"), reason), 0);
        REQUIRE(load(true).ok);
        CHECK_INT(load_u64(value_of(run_leaf(5)).data), 8);
    }
}

static void flip_bit(const char *path, off_t at)
{
    uint8_t byte;
    const int fd = open(path, O_RDWR);
    REQUIRE(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= 4;
    REQUIRE(pwrite(fd, &byte, 1, at) == 1 && close(fd) == 0);
}

/* Any bit: of its code, of its head, of the digest itself. */
TEST(a_flipped_bit_is_found_and_the_file_built_anew)
{
    char reason[REASON_SIZE], path[PATH_SIZE_MAX], other[PATH_SIZE_MAX];
    struct stat st;
    init();
    for (unsigned i = 0; i < 4; i++) {
        CHECK_INT(build(KERNEL("", "t->n = u + 4;"), reason), 0);
        built_file_path(built, source, path);
        REQUIRE(stat(path, &st) == 0);
        const off_t at[] = {9, st.st_size / 2, st.st_size - 40, st.st_size - 1};
        flip_bit(path, at[i]);
        struct worker_loaded l = load(true);
        CHECK(!l.ok && l.by_node && strstr(l.reason, "not those that were built"));
        end_worker();
        l = load(false);
        CHECK(l.ok && l.unbuilt);
        CHECK_INT(load_u64(value_of(run_leaf(6)).data), 10);
    }
    CHECK_INT(build(KERNEL("", "t->n = u + 4;"), reason), 0);
    CHECK(load(true).ok);
    end_worker();
    /* Under another source's name it is no better. */
    CHECK_INT(build(KERNEL("", "t->n = u + 5;"), reason), 0);
    built_file_path(built, source, other);
    REQUIRE(rename(path, other) == 0);
    CHECK(!load(true).ok);
    end_worker();
}

TEST(a_refusal_has_the_compilers_own_words)
{
    char reason[REASON_SIZE];
    init();
    CHECK_INT(build(KERNEL("#error no such luck\n", "t->n = u;"), reason), ERR_KERNEL);
    CHECK(strstr(reason, "it refuses the source") != NULL);
    CHECK(strstr(reason, "no such luck") != NULL && strchr(reason, '\n') == NULL);
}

static unsigned count_built(const char *ending)
{
    unsigned count = 0;
    const struct dirent *e;
    DIR *d = opendir(built);
    REQUIRE(d);
    while ((e = readdir(d)))
        count += strstr(e->d_name, ending) != NULL;
    closedir(d);
    return count;
}

/* One that refuses everything is no compiler. */
TEST(a_source_that_is_refused_does_not_mean_that_nothing_is_built)
{
    struct order_build m = {0};
    init();
    text_copy(m.compiler, sizeof m.compiler, compiler);
    text_copy(m.folder, sizeof m.folder, built);
    const unsigned before = count_built(".so");
    CHECK(builder_works(&m));
    CHECK_INT(count_built(".so"), before);
    text_copy(m.compiler, sizeof m.compiler, "/usr/bin/false");
    CHECK(!builder_works(&m));
    text_copy(m.compiler, sizeof m.compiler, "/usr/bin/none-of-that-name");
    CHECK(!builder_works(&m));
}

/* Whichever of them is called cc somewhere. */
TEST(gcc_and_clang_build)
{
    static const char *const names[] = {"/usr/bin/gcc", "/usr/bin/clang"};
    char reason[REASON_SIZE], text[sizeof KERNEL("", EVERYTHING) + 64];
    init();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (access(names[i], X_OK) != 0)
            continue;
        text_copy(compiler, sizeof compiler, names[i]);
        snprintf(text, sizeof text, "%s/* by %s */\n", KERNEL("", EVERYTHING), names[i]);
        CHECK_INT(build(text, reason), 0);
        CHECK_STR(reason, "");
        for (uint64_t leaf = 0; leaf < 100; leaf += 33) {
            const struct worker_loaded l = load(false);
            CHECK_STR(l.reason, "");
            REQUIRE(l.ok && !l.unbuilt);
            CHECK_INT(run_leaf(leaf).type, MESSAGE_WORKER_PROGRESS);
        }
    }
}

TEST(a_compiler_takes_in_no_file_of_the_machine)
{
    char reason[REASON_SIZE], text[4096], own[128];
    init();
    const unsigned before = count_built(".so");
    snprintf(own, sizeof own, "%s/secret", folder);
    write_text(own, "secret");
    /* The one below /usr is on every Debian; so might be one that somebody put there. */
    const char *const files[] = {"/etc/passwd",
                                 "/etc/hostname",
                                 "/proc/self/maps",
                                 "/dev/zero",
                                 own,
                                 "/usr/share/common-licenses/GPL-3"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(text, sizeof text, "%s__asm__(\".incbin \\\"%s\\\", 0, 4\");\n",
                 KERNEL("", "t->n = u;"), files[i]);
        CHECK_INT(build(text, reason), ERR_KERNEL);
        CHECK(strstr(reason, "it refuses the source") != NULL);
    }
    CHECK_INT(count_built(".so"), before);
    CHECK_INT(count_built("work-"), 0);
}

TEST(what_a_compiler_makes_is_looked_at)
{
    char reason[REASON_SIZE];
    init();
    CHECK_INT(build(KERNEL("static volatile int v;\n"
                           "__attribute__((constructor)) static void f(void) { v = 1; }",
                           "t->n = u;"),
                    reason),
              ERR_KERNEL);
    CHECK(strstr(reason, "constructors") != NULL);
    CHECK(build(KERNEL("int puts(const char *);", "t->n = (uint64_t)puts(\"x\");"), reason) < 0);
    CHECK(strstr(reason, "puts") != NULL);
}

TEST(another_compilers_work_is_thrown_away)
{
    char reason[REASON_SIZE], path[PATH_SIZE_MAX], tag[128];
    init();
    CHECK_INT(build(KERNEL("", "t->n = u + 2;"), reason), 0);
    built_file_path(built, source, path);
    REQUIRE(compiler_open(built, compiler) && access(path, F_OK) == 0);
    snprintf(tag, sizeof tag, "%s/compiler", built);
    write_text(tag, "0000000000000000000000000000000000000000000000000000000000000000");
    REQUIRE(compiler_open(built, compiler));
    CHECK(access(path, F_OK) != 0);
}

TEST(so_many_are_kept_and_no_more)
{
    char path[PATH_SIZE_MAX];
    init();
    for (unsigned i = 0; i < 10; i++) {
        const struct timespec when[2] = {{.tv_sec = 100 + i}, {.tv_sec = 100 + i}};
        memset(&source, (int)i, sizeof source);
        built_file_path(built, source, path);
        write_text(path, "x");
        REQUIRE(utimensat(AT_FDCWD, path, when, 0) == 0);
    }
    compiler_make_room(built, 3);
    CHECK_INT(count_built(".so"), 3);
    CHECK(access(path, F_OK) == 0);
}

/* --- its end --- */

/* No compiler is ever done with it, and none needs memory for it. */
#define ENDLESS                                                                                    \
    "#if __INCLUDE_LEVEL__ < 40\n#include \"snippet.c\"\n#include \"snippet.c\"\n#endif\n"

static _Noreturn void be_builder(int orders)
{
    const int nothing = open("/dev/null", O_RDWR);
    setpgid(0, 0);
    dup2(orders, 0);
    dup2(nothing, 1);
    dup2(nothing, 2);
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    _exit(builder_main());
}

static pid_t start_builder(const char *text)
{
    struct order_build m = {
        .source = object_name_of((struct bytes){(const uint8_t *)text, strlen(text)})};
    int orders[2];
    write_text(file, text);
    text_copy(m.compiler, sizeof m.compiler, compiler);
    text_copy(m.path, sizeof m.path, file);
    text_copy(m.folder, sizeof m.folder, built);
    REQUIRE(pipe2(orders, O_CLOEXEC) == 0);
    const pid_t pid = fork();
    if (pid == 0)
        be_builder(orders[0]);
    struct buf b = *payload();
    put_order_build(&b, &m);
    child.orders = orders[1];
    send_order(MESSAGE_ORDER_BUILD, 1, &b);
    close(orders[0]);
    return pid;
}

/* Of the group of processes, as /proc has them. */
static unsigned count_group(pid_t group)
{
    unsigned count = 0;
    const struct dirent *e;
    DIR *d = opendir("/proc");
    REQUIRE(d);
    while ((e = readdir(d)))
        if (atoi(e->d_name) > 0 && getpgid(atoi(e->d_name)) == group)
            count++;
    closedir(d);
    return count;
}

/* As where the spawner and its node are killed with it: nobody else ends the compiler. */
TEST(a_compiler_does_not_outlive_a_builder_that_was_killed)
{
    unsigned left = 0;
    init();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t pid = start_builder(ENDLESS);
    /* It, who watches, and cc with its cc1; clang may be one alone. */
    for (unsigned i = 0; count_group(pid) < 4 && i < 1000; i++)
        usleep(1000);
    CHECK(count_group(pid) >= 3);
    REQUIRE(kill(pid, SIGKILL) == 0);
    for (unsigned i = 0; (left = count_group(pid)) > 0 && i < 2000; i++) {
        while (waitpid(-pid, NULL, WNOHANG) > 0)
            ;
        usleep(1000);
    }
    CHECK_INT(left, 0);
    (void)kill(-pid, SIGKILL);
    close(child.orders);
    compiler_remove_work(built);
}

/* --- the cage itself --- */

static bool fails(long rc)
{
    return rc < 0;
}

static int try_the_walls(void)
{
    const char *step = "";
    const int own = open(built, O_RDONLY | O_DIRECTORY);
    const pid_t parent = getppid();
    if (own < 0 || build_cage_enter(own, &step) != 0)
        return 100;
    if (!fails(open("/etc/passwd", O_RDONLY)) || !fails(open(file, O_RDONLY)))
        return 1;
    if (!fails(open("/usr/lib", O_RDONLY | O_TMPFILE, 0600)) || !fails(mkdir("below", 0700)))
        return 2;
    if (!fails(symlink("/etc/passwd", "link")) || !fails(link("/usr/bin/env", "env")))
        return 3;
    if (!fails(socket(AF_INET, SOCK_STREAM, 0)) || !fails(socket(AF_UNIX, SOCK_STREAM, 0)))
        return 4;
    if (!fails(kill(parent, 0)) || !fails(setsid()) || !fails(setpgid(0, 0)))
        return 5;
    if (!fails(ptrace(PTRACE_ATTACH, parent, NULL, NULL)) || !fails(unshare(CLONE_FILES)))
        return 6;
    if (!fails(syscall(SYS_memfd_create, "x", 0)) || !fails(chdir("/")))
        return 7;
    if (!fails(syscall(SYS_io_uring_setup, 1, NULL)) || !fails(syscall(SYS_bpf, 0, NULL, 0)))
        return 8;
    int ends[2];
    if (pipe(ends) != 0 || !fails(fcntl(ends[0], F_SETOWN, parent)) ||
        !fails(fcntl(ends[0], 10 /* F_SETSIG */, SIGUSR1)) || fails(fcntl(ends[0], F_GETFD)))
        return 12;
    const struct rlimit more = {2000, 2000};
    if (!fails(syscall(SYS_prlimit64, parent, RLIMIT_CPU, NULL, &more)) ||
        !fails(setrlimit(RLIMIT_CPU, &more)))
        return 9;
    if (fails(open("mine", O_CREAT | O_RDWR, 0600)) || !fails(chmod("mine", 0644)) ||
        !fails(fchmod(own, 0777)) || fails(unlink("mine")))
        return 10;
    if (fails(open("/usr/bin/env", O_RDONLY)) || getuid() == 0)
        return 11;
    return 0;
}

TEST(the_cage_of_a_compiler_holds)
{
    init();
    CHECK_INT(status_of(try_the_walls), 0);
}

TEST_MAIN(what_is_built_computes_what_libtcc_does,
          no_compiler_says_which_headers_there_are_but_libtcc, a_first_leaf_that_differs_is_no_leaf,
          later_leaves_are_compared_too, a_worker_does_without_what_is_gone_or_no_plugin,
          a_file_that_is_no_plugin_is_built_anew, a_flipped_bit_is_found_and_the_file_built_anew,
          a_refusal_has_the_compilers_own_words,
          a_source_that_is_refused_does_not_mean_that_nothing_is_built, gcc_and_clang_build,
          a_compiler_takes_in_no_file_of_the_machine, what_a_compiler_makes_is_looked_at,
          another_compilers_work_is_thrown_away, so_many_are_kept_and_no_more,
          a_compiler_does_not_outlive_a_builder_that_was_killed, the_cage_of_a_compiler_holds)
