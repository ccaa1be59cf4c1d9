/* Trying plugins. This program is its own worker: it behaves as the name of the file says. */
#include "core/host/probe.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/host/memory.h"
#include "core/host/spawner.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"

static void say_view(const char *name, uint8_t source, const char *refused)
{
    struct kernel_view v = {.origin = ORIGIN_BUILTIN, .accumulator_size = 8};
    struct buf b, whole;
    snprintf(v.name, sizeof v.name, "%s", name);
    snprintf(v.path, sizeof v.path, "/a/lie");
    snprintf(v.refused, sizeof v.refused, "%s", refused);
    v.source.bytes[0] = source;
    buf_init(&b, &host_memory, FRAME_PAYLOAD_MAX);
    buf_init(&whole, &host_memory, 1 << 20);
    put_kernel_view(&b, &v);
    frame_put(&whole, MESSAGE_WORKER_DESCRIBED, 0, buf_bytes(&b));
    if (write(1, whole.data, whole.len) < 0)
        _exit(9);
    buf_clear(&b);
    buf_clear(&whole);
}

static void describe(const char *path)
{
    const char *file = strrchr(path, '/');
    file = file ? file + 1 : path;
    if (strncmp(file, "crash", 5) == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    if (strncmp(file, "hang", 4) == 0)
        for (;;)
            pause();
    if (strncmp(file, "exit", 4) == 0)
        _exit(3);
    if (strncmp(file, "badname", 7) == 0)
        say_view("Not A Name", 1, "");
    else if (strncmp(file, "no", 2) == 0)
        say_view("", 0, "it wants libc.so.6");
    else if (strncmp(file, "pi", 2) == 0)
        say_view("pi", file[2] == '2' ? 2 : 1, "");
    else if (strncmp(file, "twin", 4) == 0)
        say_view("twin", 5, "");
    else if (strncmp(file, "stay", 4) == 0) {
        say_view("stay", 6, "");
        for (;;)
            pause();
    } else {
        say_view("good", 7, "");
    }
    _exit(0);
}

static int worker(void)
{
    uint8_t in[4096];
    size_t have = 0;
    struct frame order;
    char path[PATH_SIZE_MAX];
    for (;;) {
        ssize_t got = read(0, in + have, sizeof in - have);
        if (got <= 0)
            return 1;
        have += (size_t)got;
        if (frame_take((struct bytes){in, have}, &order) > 0)
            break;
    }
    struct reader r = reader_of(order.payload);
    read_text(&r, path, sizeof path);
    if (order.type != MESSAGE_ORDER_DESCRIBE || !reader_done(&r))
        return 2;
    describe(path);
    return 0;
}

static char *program;
static char folder[64];
static struct kernel_view got[PROBE_PLUGINS_MAX];
static uint32_t got_count;
static char message[PROBE_MESSAGE_SIZE];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/velum-probe-XXXXXX");
    REQUIRE(mkdtemp(folder));
}

static void make_file(const char *name, mode_t mode)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    fchmod(fd, mode);
    close(fd);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

static void on_found(void *ctx, const struct kernel_view *v)
{
    (void)ctx;
    got[got_count++] = *v;
}

static const char *weak; /* why no plugin may be tried */

static int probe(const char *dir)
{
    struct spawner s;
    struct kernel_view builtin = {.name = "pi"};
    builtin.source.bytes[0] = 1;
    got_count = 0;
    message[0] = '\0';
    REQUIRE(spawner_fork(&s, program) == 0);
    int rc = probe_plugins(&s, dir, weak, &builtin, 1, on_found, NULL, message);
    CHECK(s.fd >= 0 && s.pid > 0);
    spawner_close(&s);
    return rc;
}

static const struct kernel_view *view_of(const char *name)
{
    for (uint32_t i = 0; i < got_count; i++)
        if (strcmp(got[i].name, name) == 0)
            return &got[i];
    return NULL;
}

static void check_refused(const char *name, const char *why)
{
    const struct kernel_view *v = view_of(name);
    CHECK(v != NULL);
    if (!v)
        return;
    if (!CHECK(v->refused[0] && strstr(v->refused, why)))
        printf("# %s: %s\n", name, v->refused);
}

TEST(in_a_weak_cage_none_is_tried)
{
    make_folder();
    make_file("good.so", 0644);
    make_file("crash.so", 0644);
    make_file("loose.so", 0666);
    weak = "the cage is of tier S1";
    CHECK_INT(probe(folder), 3);
    weak = NULL;
    check_refused("good.so", "the cage is of tier S1");
    check_refused("crash.so", "the cage is of tier S1");
    check_refused("loose.so", "others may write to it");
    remove_folder();
}

TEST(every_plugin_is_named_with_its_reason)
{
    char path[512], to[512];
    make_folder();
    static const char *const files[] = {
        "good.so", "crash.so", "hang.so",  "exit.so", "badname.so", "no-libc.so", "pi.so",
        "pi2.so",  "twin1.so", "twin2.so", "stay.so", "hang2.so",   "readme.txt", ".hidden.so"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        make_file(files[i], 0644);
    make_file("loose.so", 0666);
    snprintf(path, sizeof path, "%s/link.so", folder);
    snprintf(to, sizeof to, "%s/good.so", folder);
    REQUIRE(symlink(to, path) == 0);
    struct instant from = loop_clock();
    CHECK_INT(probe(folder), 14);
    CHECK(instant_since_us(loop_clock(), from) < 4 * S_US); /* two hang, side by side */
    CHECK_INT(got_count, 14);
    const struct kernel_view *good = view_of("good");
    REQUIRE(good);
    CHECK_STR(good->refused, "");
    CHECK_STR(good->path, to);
    CHECK_INT(good->origin, ORIGIN_PLUGIN);
    CHECK(view_of("stay") && !view_of("stay")->refused[0]);
    CHECK(view_of("pi") && !view_of("pi")->refused[0]); /* the built-in's own source */
    CHECK(view_of("twin") && strstr(view_of("twin")->path, "twin1.so"));
    check_refused("crash.so", "signal 11");
    check_refused("hang.so", "within 2 s");
    check_refused("hang2.so", "within 2 s");
    check_refused("exit.so", "exit code 3");
    check_refused("badname.so", "not allowed");
    check_refused("no-libc.so", "libc.so.6");
    check_refused("pi2.so", "built-in");
    check_refused("twin2.so", "twin1.so");
    check_refused("loose.so", "others may write");
    check_refused("link.so", "regular");
    CHECK_STR(got[0].name, "badname.so"); /* sorted by file name */
    remove_folder();
}

TEST(folders_that_cannot_be_used)
{
    char name[300];
    make_folder();
    CHECK_INT(probe(folder), 0);
    CHECK(probe("/nowhere/at/all") < 0);
    CHECK(strstr(message, "/nowhere/at/all"));
    chmod(folder, 0777);
    CHECK(probe(folder) < 0);
    CHECK(strstr(message, folder) && strstr(message, "chmod"));
    chmod(folder, 0700);
    for (int i = 0; i <= PROBE_PLUGINS_MAX; i++) {
        snprintf(name, sizeof name, "%d.so", i);
        make_file(name, 0600);
    }
    CHECK(probe(folder) < 0);
    CHECK(strstr(message, "256"));
    remove_folder();
}

TEST(a_relative_folder_and_an_odd_name)
{
    make_folder();
    make_file("a\033[31m.so", 0666);
    REQUIRE(chdir(folder) == 0);
    CHECK_INT(probe("."), 1);
    CHECK(got[0].refused[0]);
    CHECK(!strchr(got[0].name, '\033'));
    REQUIRE(chdir("/") == 0);
    remove_folder();
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "__worker") == 0)
        return worker();
    if (argc > 1 && strcmp(argv[1], "__spawner") == 0)
        spawner_main();
    const struct check_test tests[] = {every_plugin_is_named_with_its_reason,
                                       in_a_weak_cage_none_is_tried, folders_that_cannot_be_used,
                                       a_relative_folder_and_an_odd_name};
    program = argv[0];
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
