/* libvelum: tasks that read files and objects, and results that are bytes. */
#include "core/api/handle.h"
#include "core/host/sanitizer.h"
#include "core/host/snippet.h"
#include "core/wire/message.h"
#include "core/wire/object_request.h"
#include "tests/unit/api_program.h"

#define SIZE ((size_t)2000000)
#define LEAF 16384u /* so many leaves that the list of their outputs is an object too */

static char text[SIZE + 32], wanted[SIZE + 32], back[2 * SIZE];
static size_t text_size, wanted_size;

/* Lines with numbers; those with a 7 in them are wanted. */
static void make_text(void)
{
    text_size = wanted_size = 0;
    for (int i = 0; text_size < SIZE; i++) {
        char *line = text + text_size;
        int len = snprintf(line, 32, "%d\n", i * 37);
        text_size += (size_t)len;
        if (!strchr(line, '7'))
            continue;
        memcpy(wanted + wanted_size, line, (size_t)len);
        wanted_size += (size_t)len;
    }
}

static const char *file_of(const char *name, const void *bytes, size_t size)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", api_home, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
    return path;
}

static const char *const seven[] = {"7"};

static struct velum_task grep_of(const struct velum_input *inputs, int count)
{
    return (struct velum_task){.kernel = "grep",
                               .argc = 1,
                               .argv = seven,
                               .leaf_units = LEAF,
                               .inputs_count = count,
                               .inputs = inputs};
}

/* `count` times what is wanted is what the job yields, into memory and into a file. */
static void check_result(struct velum *v, int job, size_t count)
{
    struct velum_state s;
    size_t size;
    char path[128];
    REQUIRE(velum_wait(v, job, -1) == job);
    CHECK_INT(strlen(velum_text(v, job)), 64);
    CHECK(velum_bytes(v, job, &size) == NULL && size == 0);
    CHECK_INT(velum_look(v, job, &s), VELUM_DONE);
    CHECK_INT(s.bytes, count * wanted_size);
    int result = velum_wait(v, velum_result(v, job), -1);
    REQUIRE(result > 0);
    const char *bytes = velum_bytes(v, result, &size);
    REQUIRE(size == count * wanted_size);
    for (size_t i = 0; i < count; i++)
        CHECK_MEM(bytes + i * wanted_size, wanted, wanted_size);
    CHECK_INT(velum_look(v, result, &s), VELUM_DONE);
    CHECK_INT(s.bytes_done, count * wanted_size);
    velum_release(v, result);
    snprintf(path, sizeof path, "%s/out", api_home);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && write(fd, "head", 4) == 4);
    result = velum_wait(v, velum_result_fd(v, job, fd), -1);
    REQUIRE(result > 0);
    CHECK_INT(pread(fd, back, sizeof back, 4), (long long)(count * wanted_size));
    CHECK_MEM(back, wanted, wanted_size);
    velum_release(v, result);
    close(fd);
}

TEST(files_and_references_at_a_running_node)
{
    int port = a_port();
    new_home();
    make_text();
    pid_t node = start_node(port);
    struct velum *v = open_at(VELUM_AT_NODE, NULL);
    const int open_before = open_files();
    int put = velum_wait(v, velum_put(v, text, text_size), -1);
    REQUIRE(put > 0);
    struct velum_input inputs[3] = {{.path = file_of("in", text, text_size)},
                                    {.ref = velum_text(v, put)},
                                    {.path = "/dev/null"}};
    struct velum_task task = grep_of(inputs, 2);
    task.level = VELUM_DURABLE;
    int job = velum_submit(v, &task);
    REQUIRE(job > 0);
    check_result(v, job, 2);
    /* A beginning of a reference, and the same object twice. */
    char beginning[16];
    snprintf(beginning, sizeof beginning, "%.12s", velum_text(v, put));
    inputs[0] = inputs[1] = (struct velum_input){.ref = beginning};
    task.level = VELUM_SENT;
    check_result(v, velum_submit(v, &task), 2);
    CHECK_INT(open_files(), open_before);
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

TEST(inputs_that_cannot_be_are_named)
{
    int port = a_port();
    new_home();
    pid_t node = start_node(port);
    const int open_before = open_files();
    struct velum *v = open_at(VELUM_AT_NODE, NULL);
    struct velum_input in[2] = {{.path = file_of("in", "seven 7\n", 8)}, {.path = "/not/there"}};
    struct velum_task task = grep_of(in, 2);
    CHECK_INT(velum_submit(v, &task), VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "/not/there: No such file"));
    in[1].path = "/dev/null";
    CHECK_INT(velum_submit(v, &task), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "/dev/null is no ordinary file"));
    in[1] = (struct velum_input){.ref = "hello"};
    CHECK_INT(velum_submit(v, &task), VELUM_MISUSE);
    in[1].path = "both";
    CHECK_INT(velum_submit(v, &task), VELUM_MISUSE);
    task.inputs_count = 257;
    CHECK_INT(velum_submit(v, &task), VELUM_MISUSE);
    /* A pattern is refused before anything is sent, as the sizes of files are known. */
    static const char *const wrong[] = {"\\("};
    task.inputs_count = 1;
    task.argv = wrong;
    CHECK_INT(velum_submit(v, &task), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "parenthesis"));
    /* What nobody has is known when it was looked for. */
    in[1] = (struct velum_input){.ref = "0123456789abcdef"};
    task = grep_of(in, 2);
    int rc = velum_wait(v, velum_submit(v, &task), -1);
    CHECK_INT(rc, VELUM_NOT_FOUND);
    CHECK(says(v, rc, "0123456789abcdef: no such object"));
    /* One that is let go while its inputs are on their way. */
    task = grep_of(in, 1);
    int job = velum_submit(v, &task);
    CHECK_INT(velum_kill(v, job, 0), VELUM_DONE);
    CHECK_INT(velum_wait(v, job, 0), VELUM_CANCELLED);
    /* And one that is released. */
    velum_release(v, velum_submit(v, &task));
    job = velum_wait(v, velum_submit(v, &task), -1);
    REQUIRE(job > 0);
    int result = velum_wait(v, velum_result(v, job), -1);
    size_t size;
    CHECK(result > 0 && velum_bytes(v, result, &size) && size == 8);
    /* Every operation is told once, also where others were needed for it. */
    int told = 0;
    while (velum_next(v))
        told++;
    CHECK_INT(told, 0);
    CHECK_INT(velum_result(v, result), VELUM_MISUSE);
    CHECK_INT(velum_result(v, velum_wait(v, velum_spawn(v, "sum", "10", NULL), -1)), VELUM_MISUSE);
    velum_shutdown(v);
    CHECK_INT(open_files(), open_before);
    end_node(node, SIGTERM);
    end_home();
}

TEST(inside_a_program_with_a_folder_of_its_own)
{
    struct velum_options o = {.where = VELUM_INSIDE, .slots = 2};
    struct velum *v;
    char left[256];
    new_home();
    make_text();
    setenv("TMPDIR", api_home, 1);
    struct velum_input in = {.path = file_of("in", text, text_size)};
    struct velum_task task = grep_of(&in, 1);
    REQUIRE(velum_init(&v, &o) == VELUM_DONE);
    CHECK_INT(velum_submit(v, &task), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "keeps no objects"));
    velum_shutdown(v);
    o.keep_objects = 1;
    REQUIRE(velum_init(&v, &o) == VELUM_DONE);
    const long long began = now_ms();
    check_result(v, velum_submit(v, &task), 1);
    CHECK(now_ms() - began < 10000); /* hundreds of answers, and none waits for the next timer */
    velum_shutdown(v);
    snprintf(left, sizeof left, "test -z \"$(ls -d '%s'/velum-run-* 2>/dev/null)\"", api_home);
    CHECK_INT(system(left), 0);
    CHECK(!has_children());
    unsetenv("TMPDIR");
    end_home();
}

TEST(a_handle_ends_while_a_job_reads_its_inputs)
{
    struct velum_options o = {.where = VELUM_INSIDE, .slots = 2, .keep_objects = 1};
    static const char *const leaves[] = {"100000"};
    struct velum_state s = {0};
    struct velum *v;
    new_home();
    struct velum_input in = {.path = file_of("in", "bytes", 5)};
    struct velum_task task = {.kernel = "naps",
                              .argc = 1,
                              .argv = leaves,
                              .progress_ms = 10,
                              .inputs_count = 1,
                              .inputs = &in};
    REQUIRE(velum_init(&v, &o) == VELUM_DONE);
    int job = velum_submit(v, &task);
    REQUIRE(job > 0);
    while (velum_wait(v, job, 10) == VELUM_IN_PART && velum_look(v, job, &s) == 0 &&
           s.leaves_done == 0)
        ;
    CHECK(s.leaves_done > 0);
    velum_shutdown(v);
    CHECK(!has_children());
    end_home();
}

TEST(a_node_that_dies_while_inputs_are_on_their_way)
{
    int port = a_port();
    new_home();
    make_text();
    pid_t node = start_node(port);
    struct velum *v = open_at(VELUM_AT_NODE, addr_of(port));
    struct velum_input in = {.path = file_of("in", text, text_size)};
    struct velum_task task = grep_of(&in, 1);
    int job = velum_submit(v, &task);
    for (int i = 0; i < 3; i++)
        velum_wait(v, job, 1);
    end_node(node, SIGKILL);
    node = start_node(port);
    check_result(v, job, 1);
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

/* The sum of `what` for each i below N. */
static const char *source_of(const char *what)
{
    static char source[2048];
    int len = snprintf(
        source, sizeof source,
        "#include \"velum_kernel.h\"\nstruct total { uint64_t n; };\n"
        "static const struct velum_field fields[] = {VELUM_FIELD(struct total, n, VELUM_U64, 1)};\n"
        "static int plan(const struct velum_host *host, int argc, const char *const *argv,\n"
        "                struct velum_plan *out)\n{\n"
        "    out->leaf_units = 100;\n"
        "    return argc == 1 && host->parse_u64(argv[0], 1000000, &out->units) == 0\n"
        "               ? 0 : velum_refuse(out, \"one number\");\n}\n"
        "static int leaf(const struct velum_host *host, struct velum_call *call, void *to)\n{\n"
        "    for (uint64_t i = call->first; i < call->first + call->count; i++)\n"
        "        ((struct total *)to)->n += %s;\n    return 0;\n}\n"
        "static void merge(const struct velum_host *host, const struct velum_call *call, void *l,\n"
        "                  const void *r)\n{\n"
        "    ((struct total *)l)->n += ((const struct total *)r)->n;\n}\n"
        "static int show(const struct velum_host *host, const struct velum_call *call,\n"
        "                const void *from, char *text, size_t cap)\n{\n"
        "    return host->put_u64(text, cap, ((const struct total *)from)->n);\n}\n"
        "VELUM_KERNEL(sums) = {VELUM_KERNEL_HEAD, .name = \"sums\", .usage = \"N\",\n"
        "    .summary = \"sums\", .limits = \"N\", .accumulator_size = 8, .fields = fields,\n"
        "    .fields_count = 1, .plan = plan, .leaf = leaf, .merge = merge, .show = show};\n",
        what);
    return file_of("sums.c", source, (size_t)len);
}

/* Each time the file is what it is now. */
TEST(a_kernel_may_be_a_file_of_C_source)
{
    const struct velum_options o = {.where = VELUM_INSIDE, .slots = 2, .keep_objects = 1};
    struct velum *v = NULL;
    struct velum_state s;
    if (SANITIZER || !snippet_works()) /* their processes cannot have the walls of tier S2 */
        SKIP(SNIPPET_NOT_HERE);
    new_home();
    REQUIRE(velum_init(&v, &o) == VELUM_DONE);
    const char *file = source_of("i * i");
    for (int again = 0; again < 2; again++) {
        int job = velum_wait(v, velum_spawn(v, file, "1000", NULL), -1);
        REQUIRE(job > 0);
        CHECK_STR(velum_text(v, job), "332833500");
        velum_release(v, job);
    }
    int job = velum_wait(v, velum_spawn(v, source_of("i + 7"), "1000", NULL), -1);
    REQUIRE(job > 0);
    CHECK_STR(velum_text(v, job), "506500");
    const char *many = "1000";
    const struct velum_task nothing = {.kernel = file, .argc = 1, .argv = &many, .inputs_count = 2};
    CHECK_INT(velum_submit(v, &nothing), VELUM_MISUSE);
    CHECK_INT(velum_wait(v, velum_spawn(v, file, "many", NULL), -1), VELUM_MISUSE);
    CHECK(strstr(velum_sentence(v, VELUM_MISUSE), "one number") != NULL);
    CHECK(v->source != NULL); /* it is not put again for that */
    struct velum_task one = {.kernel = file, .argc = 1, .argv = &many, .tier = "tcc"};
    job = velum_wait(v, velum_submit(v, &one), -1);
    REQUIRE(job > 0);
    CHECK_STR(velum_text(v, job), "506500");
    one.tier = "gcc";
    CHECK_INT(velum_submit(v, &one), VELUM_MISUSE);
    job = velum_spawn(v, source_of("wrong"), "1000", NULL);
    CHECK_INT(velum_wait(v, job, -1), VELUM_MISUSE);
    CHECK_INT(velum_look(v, job, &s), VELUM_DONE);
    CHECK(strstr(s.error, "/sums.c:14:") && strstr(s.error, "error: 'wrong' undeclared"));
    unlink(file);
    CHECK_INT(velum_spawn(v, file, "1000", NULL), VELUM_FAILED);
    CHECK(strstr(velum_sentence(v, VELUM_FAILED), "/sums.c: No such file") != NULL);
    velum_shutdown(v);
    v = NULL;
    const struct velum_options bare = {.where = VELUM_INSIDE};
    REQUIRE(velum_init(&v, &bare) == VELUM_DONE);
    CHECK_INT(velum_spawn(v, source_of("i"), "1000", NULL), VELUM_MISUSE);
    CHECK(strstr(velum_sentence(v, VELUM_MISUSE), "keep_objects") != NULL);
    velum_shutdown(v);
    end_home();
}

/* More at a time than a node takes objects, or requests for a plan. */
TEST(many_tasks_of_one_source_put_it_once)
{
    enum { MANY = 100 };
    const struct velum_options o = {.where = VELUM_INSIDE, .slots = 2, .keep_objects = 1};
    struct velum *v = NULL;
    int jobs[MANY];
    if (SANITIZER || !snippet_works())
        SKIP(SNIPPET_NOT_HERE);
    new_home();
    REQUIRE(velum_init(&v, &o) == VELUM_DONE);
    const char *file = source_of("i");
    for (int i = 0; i < MANY; i++)
        jobs[i] = velum_spawn(v, file, "100", NULL);
    for (int i = 0; i < MANY; i++) {
        REQUIRE(velum_wait(v, jobs[i], -1) == jobs[i]);
        CHECK_STR(velum_text(v, jobs[i]), "4950");
    }
    velum_shutdown(v);
    end_home();
}

/* As many objects as a node takes at a time, of which no byte comes, and one more. */
static struct velum *fill_node(void)
{
    enum { PUTS = 64 };
    struct velum *v = open_at(VELUM_AT_NODE, NULL);
    const long long end = now_ms() + NODE_WAIT_MS;
    uint8_t room[128];
    struct buf payload;
    buf_init_fixed(&payload, room, sizeof room);
    const struct request_put ask = {.size = 1};
    put_request_put(&payload, &ask);
    for (uint32_t i = 1; i <= PUTS; i++) /* these requests are none of an operation's */
        CHECK_INT(ask_send(v->ask, MESSAGE_REQUEST_PUT, UINT32_MAX - i, buf_bytes(&payload)), 0);
    CHECK(velum_put(v, text, text_size) > 0);
    for (; v->full_since.us == INSTANT_NEVER.us && now_ms() < end; nap_ms(1))
        CHECK_INT(velum_process(v), VELUM_DONE);
    return v;
}

/* Who has waited too long is told so, and others have their turn when there is room. */
TEST(what_a_full_node_has_no_room_for_waits)
{
    int port = a_port();
    new_home();
    make_text();
    pid_t node = start_node(port);
    struct velum *other = fill_node(), *v = open_at(VELUM_AT_NODE, NULL);
    struct velum_input in = {.path = file_of("in", text, text_size)};
    struct velum_task task = grep_of(&in, 1);
    v->full_max_us = 300 * MS_US;
    int job = velum_submit(v, &task);
    const long long began = now_ms();
    CHECK_INT(velum_wait(v, job, 20000), VELUM_FAILED);
    CHECK(now_ms() - began >= 300);
    CHECK(says(v, VELUM_FAILED, "no room"));
    v->full_max_us = HANDLE_FULL_MAX_US;
    job = velum_submit(v, &task);
    CHECK_INT(velum_wait(v, job, 200), VELUM_IN_PART);
    CHECK(v->full_since.us != INSTANT_NEVER.us);
    int killed = velum_submit(v, &task);
    CHECK_INT(velum_wait(v, killed, 20), VELUM_IN_PART);
    CHECK_INT(velum_kill(v, killed, 0), VELUM_DONE);
    CHECK_INT(velum_wait(v, killed, 0), VELUM_CANCELLED);
    velum_shutdown(other);
    check_result(v, job, 1);
    CHECK(v->full_since.us == INSTANT_NEVER.us);
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        files_and_references_at_a_running_node,         inputs_that_cannot_be_are_named,
        inside_a_program_with_a_folder_of_its_own,      a_handle_ends_while_a_job_reads_its_inputs,
        a_node_that_dies_while_inputs_are_on_their_way, a_kernel_may_be_a_file_of_C_source,
        many_tasks_of_one_source_put_it_once,           what_a_full_node_has_no_room_for_waits,
    };
    return api_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
