/* libvelum at real nodes on loopback, and as one. */
#include <sys/socket.h>
#include <sys/un.h>

#include "core/host/memory.h"
#include "core/wire/message.h"
#include "core/wire/object_request.h"
#include "tests/unit/api_program.h"

TEST(at_a_running_node)
{
    char text[65];
    const char *args[] = {"1000"};
    struct velum_task durable = {.kernel = "sum", .argc = 1, .argv = args, .level = VELUM_DURABLE};
    struct velum_state s;
    int port = a_port();
    new_home();
    pid_t node = start_node(port);
    struct velum *v = open_at(VELUM_AT_NODE, NULL);
    CHECK_INT(velum_is_inside(v), 0);
    int job = velum_submit(v, &durable);
    CHECK_INT(velum_look(v, job, &s), VELUM_DONE);
    CHECK_INT(s.durable, 1);
    CHECK_INT(strlen(s.id), 64);
    CHECK_INT(velum_wait(v, job, -1), job);
    CHECK_STR(velum_text(v, job), "500500");
    /* By its address, that is by mutual TLS or the control socket of that port. */
    struct velum *other = open_at(VELUM_ANYWHERE, addr_of(port));
    CHECK_STR(
        velum_text(other, velum_wait(other, velum_spawn(other, "pi", "1000000000", NULL), -1)),
        PI_ONE_BILLION);
    /* The node is not this program: it does not have its kernels, whatever they are called. */
    job = velum_spawn(v, "squares", "10", NULL);
    int rc = velum_wait(v, job, -1);
    CHECK(rc < 0);
    CHECK(says(v, rc, "squares"));
    CHECK_INT(velum_look(v, job, &s), VELUM_DONE);
    CHECK_INT(s.no_kernel, 1);
    /* Objects, by the whole reference and by its beginning. */
    int put = velum_wait(v, velum_put(v, "some bytes", 10), -1);
    REQUIRE(put > 0);
    snprintf(text, sizeof text, "%s", velum_text(v, put));
    CHECK_INT(strlen(text), 64);
    text[12] = 0;
    size_t size;
    int got = velum_wait(other, velum_get(other, text), -1);
    REQUIRE(got > 0);
    const void *bytes = velum_bytes(other, got, &size);
    CHECK_INT(size, 10);
    CHECK_MEM(bytes, "some bytes", 10);
    CHECK_STR(velum_text(other, got), velum_text(v, put));
    rc = velum_wait(v, velum_get(v, "0123456789abcdef"), -1);
    CHECK_INT(rc, VELUM_NOT_FOUND);
    CHECK(says(v, rc, "0123456789abcdef: no such object"));
    job = velum_spawn(v, "sleep", "60000", NULL);
    CHECK_INT(velum_wait(v, job, 100), VELUM_IN_PART);
    CHECK_INT(velum_kill(v, job, 10000), VELUM_DONE);
    CHECK_INT(velum_wait(v, job, 10000), VELUM_CANCELLED);
    velum_shutdown(other);
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

static int a_file(const uint8_t *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/file-XXXXXX", api_home);
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    unlink(path);
    REQUIRE(size == 0 || write(fd, bytes, size) == (ssize_t)size);
    REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

#define LARGE ((size_t)9000001)

TEST(objects_from_and_into_files_and_memory)
{
    static uint8_t bytes[LARGE], back[LARGE];
    int port = a_port(), pipes[2];
    struct velum_state s;
    size_t size;
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 11);
    new_home();
    pid_t node = start_node(port);
    struct velum *v = open_at(VELUM_AT_NODE, NULL);
    int from = a_file(bytes, LARGE), to = a_file(NULL, 0);
    int of_file = velum_put_fd(v, from), of_memory = velum_put(v, bytes, LARGE);
    CHECK_INT(velum_wait(v, of_memory, -1), of_memory);
    CHECK_INT(velum_wait(v, of_file, -1), of_file);
    CHECK_STR(velum_text(v, of_file), velum_text(v, of_memory));
    CHECK_INT(velum_look(v, of_file, &s), VELUM_DONE);
    CHECK_INT(s.bytes, LARGE);
    CHECK_INT(s.bytes_done, LARGE);
    int one = velum_get(v, velum_text(v, of_file)),
        two = velum_get_fd(v, velum_text(v, of_file), to);
    CHECK_INT(velum_wait(v, two, -1), two);
    CHECK_INT(velum_wait(v, one, -1), one);
    REQUIRE(pread(to, back, LARGE, 0) == (ssize_t)LARGE);
    CHECK_MEM(back, bytes, LARGE);
    const void *got = velum_bytes(v, one, &size);
    REQUIRE(size == LARGE);
    CHECK_MEM(got, bytes, LARGE);
    /* Nothing at all is an object too. */
    int empty = velum_wait(v, velum_put(v, NULL, 0), -1);
    REQUIRE(empty > 0);
    CHECK(velum_wait(v, velum_get(v, velum_text(v, empty)), -1) > 0);
    REQUIRE(pipe(pipes) == 0);
    CHECK_INT(velum_put_fd(v, pipes[0]), VELUM_FAILED);
    /* Half way, it is let go. */
    int third = velum_get(v, velum_text(v, of_file));
    CHECK_INT(velum_kill(v, third, 0), VELUM_DONE);
    CHECK_INT(velum_wait(v, third, 0), VELUM_CANCELLED);
    CHECK(velum_wait(v, velum_spawn(v, "noop", "1", NULL), -1) > 0);
    velum_shutdown(v);
    close(from);
    close(to);
    close(pipes[0]);
    close(pipes[1]);
    end_node(node, SIGTERM);
    end_home();
}

TEST(two_handles_at_once)
{
    int port = a_port();
    new_home();
    pid_t node = start_node(port);
    struct velum *in = open_at(VELUM_INSIDE, NULL), *at = open_at(VELUM_AT_NODE, NULL);
    int a = velum_spawn(in, "squares", "100000", NULL), b = velum_spawn(at, "sum", "1000", NULL);
    CHECK_INT(velum_wait(at, b, -1), b);
    CHECK_INT(velum_wait(in, a, -1), a);
    CHECK_STR(velum_text(at, b), "500500");
    CHECK_STR(velum_text(in, a), "333328333350000");
    velum_shutdown(in);
    CHECK(velum_wait(at, velum_spawn(at, "noop", "1", NULL), -1) > 0);
    velum_shutdown(at);
    end_node(node, SIGTERM);
    end_home();
}

/* SIGPIPE would end this program too if the library let it through. */
TEST(a_node_that_dies_is_looked_for_again)
{
    struct velum_state s;
    int port = a_port();
    new_home();
    pid_t node = start_node(port);
    struct velum *v = open_at(VELUM_AT_NODE, addr_of(port));
    const char *args[] = {"1500", "50"};
    struct velum_task t = {.kernel = "sleep", .argc = 2, .argv = args, .level = VELUM_DURABLE};
    int job = velum_submit(v, &t);
    REQUIRE(job > 0);
    end_node(node, SIGKILL);
    CHECK_INT(velum_wait(v, job, 200), VELUM_IN_PART);
    /* What is started while there is none waits for one. */
    int late = velum_spawn(v, "sum", "1000", NULL);
    CHECK(late > 0);
    node = start_node(port);
    CHECK_INT(velum_wait(v, late, 20000), late);
    CHECK_STR(velum_text(v, late), "500500");
    CHECK_INT(velum_wait(v, job, 20000), job);
    CHECK_INT(velum_look(v, job, &s), VELUM_DONE);
    CHECK_INT(s.durable, 1);
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

/* Its state is not under VELUM_HOME, so it is reached by mutual TLS. */
static pid_t start_far_node(int port)
{
    char data[128];
    snprintf(data, sizeof data, "%s/elsewhere", api_home);
    setenv("API_DATA", data, 1);
    pid_t pid = start_node(port);
    unsetenv("API_DATA");
    return pid;
}

/* The first of these writes is answered with a reset, and the next ones would raise SIGPIPE. */
TEST(writes_to_a_dead_node_raise_nothing)
{
    int port = a_port(), jobs[4];
    sigset_t pending;
    new_home();
    pid_t node = start_far_node(port);
    struct velum *v = open_at(VELUM_AT_NODE, NULL);
    CHECK(velum_wait(v, velum_spawn(v, "sum", "10", NULL), -1) > 0);
    end_node(node, SIGKILL);
    for (int i = 0; i < 4; i++) {
        jobs[i] = velum_spawn(v, "sum", "1000", NULL);
        CHECK(jobs[i] > 0);
        nap_ms(30);
    }
    sigpending(&pending);
    CHECK_INT(sigismember(&pending, SIGPIPE), 0);
    node = start_far_node(port);
    for (int i = 0; i < 4; i++)
        CHECK_STR(velum_text(v, velum_wait(v, jobs[i], 20000)), "500500");
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

TEST(another_node_of_the_mesh_takes_over)
{
    int first = a_port(), second = a_port();
    new_home();
    pid_t a = start_node(first), b = start_node(second);
    struct velum *v = open_at(VELUM_AT_NODE, addr_of(first));
    const char *args[] = {"1500", "50"};
    struct velum_task t = {.kernel = "sleep", .argc = 2, .argv = args, .level = VELUM_DURABLE};
    struct velum_state s = {0};
    for (long long end = now_ms() + 10000; s.durable < 2 && now_ms() < end;) {
        const char *one[] = {"1"};
        struct velum_task small = {.kernel = "sum", .argc = 1, .argv = one, .level = VELUM_DURABLE};
        int job = velum_wait(v, velum_submit(v, &small), 10000);
        REQUIRE(job > 0);
        REQUIRE(velum_look(v, job, &s) == VELUM_DONE);
        velum_release(v, job);
    }
    REQUIRE(s.durable == 2);
    int job = velum_submit(v, &t);
    CHECK_INT(velum_wait(v, job, 200), VELUM_IN_PART);
    end_node(a, SIGKILL);
    CHECK_INT(velum_wait(v, job, 20000), job);
    CHECK_STR(velum_text(v, job), "1500");
    velum_shutdown(v);
    end_node(b, SIGTERM);
    end_home();
}

/* A node of a few lines: to the first request, a GET, it tells ten other bytes than were asked
 * for. */
static _Noreturn void lie(int listening, struct digest name)
{
    const struct object_view view = {.name = name, .size = 10, .here = 10, .copies = 1};
    static uint8_t in[FRAME_PAYLOAD_MAX];
    struct frame asked;
    struct buf payload, out;
    size_t len = 0;
    int fd = accept(listening, NULL, NULL);
    do {
        ssize_t n = read(fd, in + len, sizeof in - len);
        if (n <= 0)
            _exit(1);
        len += (size_t)n;
    } while (frame_take((struct bytes){in, len}, &asked) <= 0);
    buf_init(&payload, &host_memory, 1000);
    buf_init(&out, &host_memory, 4000);
    put_object_view(&payload, &view);
    frame_put(&out, MESSAGE_REPLY_OBJECT, asked.request, buf_bytes(&payload));
    frame_put(&out, MESSAGE_REPLY_PIECE, asked.request, bytes_of_text("a lie, all"));
    frame_put(&out, MESSAGE_REPLY_END, asked.request, (struct bytes){0});
    if (write(fd, out.data, out.len) != (ssize_t)out.len)
        _exit(1);
    while (read(fd, in, sizeof in) > 0) /* until the program has gone */
        ;
    _exit(0);
}

TEST(wrong_bytes_are_no_object)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const char *ref = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct digest name;
    char path[96];
    int status, port = a_port(), fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    new_home();
    snprintf(path, sizeof path, "%s/nodes", api_home);
    REQUIRE(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/nodes/%d", api_home, port);
    REQUIRE(mkdir(path, 0700) == 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%.80s/control", path);
    REQUIRE(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 4) == 0);
    REQUIRE(id_parse_prefix(ref, name.bytes) == 64);
    pid_t liar = fork();
    if (liar == 0)
        lie(fd, name);
    struct velum *v = open_at(VELUM_AT_NODE, NULL);
    int rc = velum_wait(v, velum_get(v, ref), 10000);
    CHECK_INT(rc, VELUM_FAILED);
    CHECK(says(v, rc, ref));
    velum_shutdown(v);
    CHECK_INT(waitpid(liar, &status, 0), liar);
    CHECK_INT(status, 0);
    close(fd);
    end_home();
}

/* --- as a node --- */

static int nodes_alive(struct velum *v)
{
    struct velum_state s = {0};
    const char *one[] = {"1"};
    struct velum_task small = {.kernel = "sum", .argc = 1, .argv = one, .level = VELUM_DURABLE};
    int job = velum_wait(v, velum_submit(v, &small), 10000);
    if (velum_look(v, job, &s) == VELUM_DONE)
        velum_release(v, job);
    return (int)s.durable;
}

/* The same file but for a byte behind its end: another program. */
static const char *another_program(void)
{
    static char path[128];
    char command[512];
    snprintf(path, sizeof path, "%s/other", api_home);
    snprintf(command, sizeof command, "cp '%s' '%s' && echo >>'%s'", api_program, path, path);
    REQUIRE(system(command) == 0);
    return path;
}

/* A node of another program keeps the job's ledger like every other, and computes nothing of it,
 * though its kernel has the same name. */
TEST(programs_are_nodes_of_one_mesh)
{
    int ports[3] = {a_port(), a_port(), a_port()}, files = open_files(), status;
    uint32_t most = 0;
    new_home();
    pid_t same = start_child("__serve", ports[1]);
    api_other = another_program();
    pid_t another = start_child("__serve", ports[0]);
    api_other = NULL;
    struct velum *v;
    struct velum_options o = {.where = VELUM_AS_NODE, .port = (uint16_t)ports[2], .slots = 1};
    REQUIRE(velum_init(&v, &o) == VELUM_DONE);
    CHECK_INT(velum_is_inside(v), 1);
    for (long long end = now_ms() + 20000; nodes_alive(v) < 3 && now_ms() < end;)
        CHECK_INT(velum_serve(v, 50), VELUM_DONE);
    CHECK_INT(nodes_alive(v), 3);
    const char *args[] = {"300"};
    struct velum_task t = {.kernel = "naps", .argc = 1, .argv = args, .progress_ms = 20};
    struct velum_state s;
    int job = velum_submit(v, &t);
    while (velum_wait(v, job, 20) == VELUM_IN_PART) {
        REQUIRE(velum_look(v, job, &s) == VELUM_DONE);
        /* In the beginning it may hold some that it has not refused yet. */
        if (2 * s.leaves_done > s.leaves)
            most = s.nodes > most ? s.nodes : most;
    }
    CHECK_STR(velum_text(v, job), "300");
    CHECK_INT(most, 2);
    /* Objects are kept by a mover of this program's own. */
    int put = velum_wait(v, velum_put(v, "bytes", 5), -1);
    REQUIRE(put > 0);
    CHECK(velum_wait(v, velum_get(v, velum_text(v, put)), -1) > 0);
    /* And tasks read them. */
    const char *pattern[] = {"y"};
    const struct velum_input in = {.ref = velum_text(v, put)};
    const struct velum_task grep = {
        .kernel = "grep", .argc = 1, .argv = pattern, .inputs_count = 1, .inputs = &in};
    int found = velum_wait(v, velum_result(v, velum_wait(v, velum_submit(v, &grep), -1)), -1);
    size_t size = 0;
    const void *line = velum_bytes(v, found, &size);
    CHECK(size == 6 && memcmp(line, "bytes\n", 6) == 0);
    /* And a command, or another program, finds this one. */
    struct velum *other = NULL;
    struct velum_options there = {.where = VELUM_AT_NODE, .addr = addr_of(ports[1])};
    REQUIRE(velum_init(&other, &there) == VELUM_DONE);
    CHECK(velum_wait(other, velum_spawn(other, "sum", "10", NULL), -1) > 0);
    velum_shutdown(other);
    velum_shutdown(v);
    CHECK_INT(open_files(), files);
    kill(same, SIGTERM);
    CHECK_INT(waitpid(same, &status, 0), same);
    CHECK_INT(status, 0);
    end_node(another, SIGTERM);
    CHECK(!has_children());
    end_home();
}

TEST(a_node_that_cannot_be_says_why)
{
    int port = a_port();
    new_home();
    pid_t node = start_node(port);
    struct velum *v;
    struct velum_options o = {.where = VELUM_AS_NODE, .port = (uint16_t)port};
    CHECK(velum_init(&v, &o) < 0);
    CHECK(says(v, VELUM_FAILED, "node"));
    velum_shutdown(v);
    o.name = "No Such Name!";
    CHECK_INT(velum_init(&v, &o), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "name"));
    velum_shutdown(v);
    end_node(node, SIGTERM);
    CHECK(!has_children());
    end_home();
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        at_a_running_node,
        objects_from_and_into_files_and_memory,
        two_handles_at_once,
        a_node_that_dies_is_looked_for_again,
        writes_to_a_dead_node_raise_nothing,
        another_node_of_the_mesh_takes_over,
        wrong_bytes_are_no_object,
        programs_are_nodes_of_one_mesh,
        a_node_that_cannot_be_says_why,
    };
    return api_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
