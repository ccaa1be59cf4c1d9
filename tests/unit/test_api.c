/* libvelum as a program uses it: inside, at real nodes, and in the loop of somebody else. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/time.h>

#include "core/host/role.h"
#include "plugins/velum_kernel.h"
#include "tests/unit/api_node.h"

#define PI_ONE_BILLION "3.14159265358979"

/* --- kernels of this program's own --- */

struct total {
    uint64_t sum;
};

static const struct velum_field fields[] = {VELUM_FIELD(struct total, sum, VELUM_U64, 1)};

static int squares_plan(const struct velum_host *host, int argc, const char *const *argv,
                        struct velum_plan *out)
{
    if (argc != 1 || host->parse_u64(argv[0], 1000000, &out->units) < 0 || out->units == 0)
        return velum_refuse(out, "N must be a whole number from 1 to 1000000");
    out->leaf_units = 4096;
    return 0;
}

static int squares_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct total *t = accumulator;
    (void)host;
    for (uint64_t i = call->first; i < call->first + call->count; i++)
        t->sum += i * i;
    return 0;
}

static void squares_merge(const struct velum_host *host, const struct velum_call *call, void *left,
                          const void *right)
{
    (void)host;
    (void)call;
    ((struct total *)left)->sum += ((const struct total *)right)->sum;
}

static int squares_show(const struct velum_host *host, const struct velum_call *call,
                        const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct total *)accumulator)->sum);
}

static int grumpy_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    (void)host;
    (void)accumulator;
    return velum_fail(call, "not on a Monday");
}

static int crash_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    (void)host;
    (void)call;
    (void)accumulator;
    abort();
}

#define OWN(kernel_name, kernel_leaf)                                                              \
    {                                                                                              \
        VELUM_KERNEL_HEAD, .name = (kernel_name), .usage = "N", .summary = "of this test",         \
                           .limits = "N to 1000000", .accumulator_size = sizeof(struct total),     \
                           .fields_count = 1, .fields = fields, .plan = squares_plan,              \
                           .leaf = (kernel_leaf), .merge = squares_merge, .show = squares_show     \
    }

static const struct velum_kernel squares = OWN("squares", squares_leaf);
static const struct velum_kernel grumpy = OWN("grumpy", grumpy_leaf);
static const struct velum_kernel crash = OWN("crash", crash_leaf);

/* --- helpers --- */

static struct velum *open_at(enum velum_where where, const char *addr)
{
    struct velum *v;
    struct velum_options o = {.where = where, .addr = addr, .slots = 2};
    int rc = velum_init(&v, &o);
    if (rc != VELUM_DONE)
        printf("# velum_init: %s\n", velum_sentence(v, rc));
    REQUIRE(rc == VELUM_DONE);
    return v;
}

static bool says(struct velum *v, int code, const char *part)
{
    const char *sentence = velum_sentence(v, code);
    bool held = strstr(sentence, part) != NULL;
    if (!held)
        printf("# it says: %s\n", sentence);
    return held;
}

static int code_of(struct velum *v, int operation)
{
    struct velum_state s;
    return velum_look(v, operation, &s) == VELUM_DONE ? s.code : 1;
}

static int open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 512; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static bool has_children(void)
{
    return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

/* --- inside --- */

TEST(the_three_lines_of_the_manual)
{
    struct velum *v;
    new_home();
    CHECK_INT(velum_init(&v, NULL), VELUM_DONE);
    CHECK_STR(velum_text(v, velum_wait(v, velum_spawn(v, "pi", "1000000000", NULL), -1)),
              PI_ONE_BILLION);
    CHECK_INT(velum_is_inside(v), 1);
    velum_shutdown(v);
    CHECK(!has_children());
    end_home();
}

TEST(a_job_is_looked_at_and_released)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    struct velum_state s;
    size_t size;
    int job = velum_spawn(v, "sum", "1000000", NULL);
    REQUIRE(job > 0);
    CHECK(velum_text(v, job) == NULL);
    CHECK_INT(code_of(v, job), VELUM_IN_PART);
    CHECK_INT(velum_wait(v, job, -1), job);
    CHECK_INT(velum_wait(v, job, 0), job);
    CHECK_STR(velum_text(v, job), "500000500000");
    CHECK(velum_bytes(v, job, &size) != NULL);
    CHECK(size > 0);
    CHECK_INT(velum_look(v, job, &s), VELUM_DONE);
    CHECK_INT(s.code, VELUM_DONE);
    CHECK_STR(s.state, "done");
    CHECK_INT(strlen(s.id), 64);
    CHECK_INT(s.durable, 0);
    CHECK_INT(s.leaves, s.leaves_done);
    CHECK(s.units > 0 && s.leaves > 0 && s.elapsed_us > 0);
    velum_release(v, job);
    CHECK_INT(velum_wait(v, job, 0), VELUM_MISUSE);
    CHECK(velum_text(v, job) == NULL);
    /* The place is used again; the number is not. */
    int next = velum_spawn(v, "noop", "1", NULL);
    CHECK(next > 0 && next != job);
    CHECK_INT(velum_wait(v, job, 0), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "no such operation"));
    velum_shutdown(v);
}

TEST(kernels_of_the_program_run_in_its_workers)
{
    struct velum *v;
    CHECK_INT(velum_init(&v, NULL), VELUM_DONE);
    CHECK_INT(velum_is_inside(v), 1);
    CHECK_STR(velum_text(v, velum_wait(v, velum_spawn(v, "squares", "1000000", NULL), -1)),
              "333332833333500000");
    int rc = velum_spawn(v, "squares", "0", NULL);
    CHECK_INT(rc, VELUM_MISUSE);
    CHECK(says(v, rc, "N must be a whole number"));
    velum_shutdown(v);
    CHECK_INT(velum_register(&squares), VELUM_MISUSE);
    CHECK(says(NULL, VELUM_MISUSE, "velum_init was called before"));
}

TEST(a_kernel_that_fails_says_why)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int job = velum_spawn(v, "grumpy", "10", NULL);
    CHECK_INT(velum_wait(v, job, -1), VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "not on a Monday"));
    int other = velum_spawn(v, "crash", "10", NULL);
    CHECK_INT(velum_wait(v, other, -1), VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "SIGABRT"));
    /* The first one still has its own reason. */
    CHECK_INT(velum_wait(v, job, -1), VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "not on a Monday"));
    CHECK(strstr(velum_text(v, velum_wait(v, job, -1)), "Monday"));
    /* And the node goes on. */
    CHECK(velum_wait(v, velum_spawn(v, "noop", "1", NULL), -1) > 0);
    velum_shutdown(v);
}

TEST(what_cannot_be_is_refused_at_once)
{
    const char *many[300] = {0};
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    struct velum_task t = {.kernel = "pi"};
    CHECK_INT(velum_spawn(v, "pie", "10", NULL), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "no kernel \"pie\""));
    CHECK(says(v, VELUM_MISUSE, "try: pi"));
    CHECK_INT(velum_spawn(v, "pi", "ten", NULL), VELUM_MISUSE);
    CHECK_INT(velum_spawn(v, NULL, NULL), VELUM_MISUSE);
    CHECK_INT(velum_submit(v, &t), VELUM_MISUSE);
    for (int i = 0; i < 300; i++)
        many[i] = "1";
    t.argv = many;
    t.argc = 300;
    CHECK_INT(velum_submit(v, &t), VELUM_MISUSE);
    t.argc = 1;
    t.name = "Not A Name";
    CHECK_INT(velum_submit(v, &t), VELUM_MISUSE);
    CHECK_INT(velum_submit(v, NULL), VELUM_MISUSE);
    CHECK_INT(velum_get(v, "not a reference"), VELUM_MISUSE);
    CHECK_INT(velum_put(v, NULL, 1), VELUM_MISUSE);
    CHECK_INT(velum_put_fd(v, -1), VELUM_MISUSE);
    /* Nothing was left behind by any of them. */
    CHECK_INT(velum_process(v), 0);
    CHECK_INT(velum_next(v), 0);
    /* A code goes through every call. */
    CHECK_INT(velum_wait(v, VELUM_GONE, -1), VELUM_GONE);
    CHECK_INT(velum_kill(v, VELUM_GONE, -1), VELUM_GONE);
    CHECK_STR(velum_text(v, VELUM_GONE), velum_sentence(NULL, VELUM_GONE));
    velum_release(v, VELUM_GONE);
    velum_shutdown(v);
    velum_shutdown(NULL);
    CHECK_INT(velum_wait(NULL, 1, 0), VELUM_MISUSE);
    CHECK_INT(velum_fd(NULL), -1);
    CHECK_INT(velum_timeout(NULL), -1);
}

TEST(objects_need_a_node)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int rc = velum_wait(v, velum_put(v, "x", 1), -1);
    CHECK_INT(rc, VELUM_FAILED);
    CHECK(says(v, rc, "keeps no objects"));
    velum_shutdown(v);
}

TEST(no_node_is_no_end)
{
    struct velum *v;
    struct velum_options o = {.where = VELUM_AT_NODE};
    new_home();
    CHECK_INT(velum_init(&v, &o), VELUM_NO_NODE);
    CHECK(says(v, VELUM_NO_NODE, "no node of yours"));
    CHECK(says(v, VELUM_NO_NODE, "try: velum node"));
    CHECK_INT(velum_spawn(v, "pi", "1", NULL), VELUM_NO_NODE);
    CHECK_INT(velum_process(v), VELUM_NO_NODE);
    CHECK_INT(velum_next(v), 0);
    velum_shutdown(v);
    const char *nobody = addr_of(a_port());
    o = (struct velum_options){.addr = nobody};
    CHECK_INT(velum_init(&v, &o), VELUM_NO_NODE);
    velum_shutdown(v);
    o.addr = "no address at all:";
    CHECK_INT(velum_init(&v, &o), VELUM_MISUSE);
    velum_shutdown(v);
    setenv("VELUM_ADDR", nobody, 1);
    CHECK_INT(velum_init(&v, NULL), VELUM_NO_NODE);
    velum_shutdown(v);
    o = (struct velum_options){.where = VELUM_INSIDE};
    CHECK_INT(velum_init(&v, &o), VELUM_DONE);
    velum_shutdown(v);
    o.where = (enum velum_where)9;
    CHECK_INT(velum_init(&v, &o), VELUM_MISUSE);
    velum_shutdown(v);
    end_home();
}

TEST(killed_inside)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int job = velum_spawn(v, "sleep", "60000", "1000", NULL);
    CHECK_INT(velum_wait(v, job, 50), VELUM_IN_PART);
    CHECK_INT(velum_kill(v, job, 5000), VELUM_DONE);
    CHECK_INT(velum_wait(v, job, 5000), VELUM_CANCELLED);
    CHECK(says(v, VELUM_CANCELLED, "cancelled"));
    /* Once more, and one that is done. */
    CHECK_INT(velum_kill(v, job, 5000), VELUM_DONE);
    job = velum_wait(v, velum_spawn(v, "noop", "1", NULL), -1);
    CHECK_INT(velum_kill(v, job, 5000), VELUM_DONE);
    CHECK_INT(velum_wait(v, job, 0), job);
    /* Only asked; the end comes by itself. */
    job = velum_spawn(v, "sleep", "60000", NULL);
    int asked = velum_kill(v, job, 0);
    CHECK(asked == VELUM_IN_PART || asked == VELUM_DONE);
    CHECK_INT(velum_wait(v, job, 5000), VELUM_CANCELLED);
    velum_shutdown(v);
}

TEST(time_runs_out)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    const char *args[] = {"60000"};
    struct velum_task t = {.kernel = "sleep", .argc = 1, .argv = args, .timeout_ms = 200};
    int job = velum_submit(v, &t);
    long long start = now_ms();
    CHECK_INT(velum_wait(v, job, 30), VELUM_IN_PART);
    CHECK(now_ms() - start >= 30);
    CHECK_INT(velum_wait(v, job, 0), VELUM_IN_PART);
    CHECK_INT(velum_wait(v, job, 10000), VELUM_TIME_OUT);
    CHECK(says(v, VELUM_TIME_OUT, "timed-out"));
    velum_shutdown(v);
}

static struct velum *to_wake;

static void wake_it(int number)
{
    (void)number;
    velum_wake(to_wake);
}

TEST(a_wait_is_ended_by_a_signal_handler)
{
    struct sigaction action = {.sa_handler = wake_it}, before;
    struct itimerval soon = {.it_value = {.tv_usec = 50000}};
    struct velum *v = to_wake = open_at(VELUM_INSIDE, NULL);
    int job = velum_spawn(v, "sleep", "600", NULL);
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_INT(velum_wait(v, job, -1), VELUM_INTERRUPTED);
    CHECK_INT(velum_wait(v, job, -1), job);
    sigaction(SIGALRM, &before, NULL);
    velum_shutdown(v);
}

/* --- what a library must not do --- */

TEST(signals_descriptors_and_children_are_as_before)
{
    struct sigaction before[32], after;
    sigset_t mask_before, mask_after;
    int files = open_files();
    sigprocmask(SIG_BLOCK, NULL, &mask_before);
    for (int i = 1; i < 32; i++)
        sigaction(i, NULL, &before[i]);
    for (int i = 0; i < 20; i++) {
        struct velum *v = open_at(VELUM_INSIDE, NULL);
        if (i % 4 == 0)
            CHECK(velum_wait(v, velum_spawn(v, "noop", "1", NULL), -1) > 0);
        velum_shutdown(v);
    }
    for (int i = 1; i < 32; i++) {
        sigaction(i, NULL, &after);
        CHECK(before[i].sa_handler == after.sa_handler);
    }
    sigprocmask(SIG_BLOCK, NULL, &mask_after);
    CHECK_MEM(&mask_before, &mask_after, sizeof mask_before);
    CHECK_INT(open_files(), files);
    CHECK(!has_children());
}

/* The spawner hears when the thread ends that made it; its program has not. */
static void *open_in_thread(void *out)
{
    *(struct velum **)out = open_at(VELUM_INSIDE, NULL);
    return NULL;
}

TEST(the_thread_that_opened_may_end)
{
    struct velum *v = NULL;
    struct velum_state s;
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, open_in_thread, &v) == 0);
    pthread_join(thread, NULL);
    REQUIRE(v);
    int job = velum_spawn(v, "sleep", "300", NULL);
    CHECK_INT(velum_wait(v, job, 10000), job);
    CHECK_INT(velum_look(v, job, &s), VELUM_DONE);
    CHECK_INT(s.retries, 0);
    velum_shutdown(v);
}

/* --- in another loop --- */

TEST(many_jobs_in_a_loop_of_the_program)
{
    enum { JOBS = 40 };
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int jobs[JOBS], ended = 0, next;
    bool told[JOBS] = {0};
    for (int i = 0; i < JOBS; i++) {
        char n[16];
        snprintf(n, sizeof n, "%d", 1000 + i);
        jobs[i] = velum_spawn(v, "sum", n, NULL);
        CHECK(jobs[i] > 0);
    }
    CHECK(velum_process(v) >= 0);
    for (long long end = now_ms() + 20000; ended < JOBS && now_ms() < end;) {
        struct pollfd p = {.fd = velum_fd(v), .events = POLLIN};
        REQUIRE(poll(&p, 1, velum_timeout(v)) >= 0);
        REQUIRE(velum_process(v) >= 0);
        while ((next = velum_next(v)) != 0) {
            for (int i = 0; i < JOBS; i++)
                if (jobs[i] == next) {
                    CHECK(!told[i]);
                    told[i] = true;
                }
            ended++;
        }
    }
    CHECK_INT(ended, JOBS);
    CHECK_STR(velum_text(v, jobs[0]), "500500");
    CHECK_INT(velum_next(v), 0);
    /* Nothing to do: nothing is readable, and nothing turns round. */
    struct pollfd p = {.fd = velum_fd(v), .events = POLLIN};
    int idle = 0;
    for (long long end = now_ms() + 500; now_ms() < end;) {
        int wait = velum_timeout(v);
        if (wait < 0 || wait > 100)
            wait = 100;
        idle += poll(&p, 1, wait) >= 0;
        velum_process(v);
    }
    CHECK(idle < 100);
    velum_shutdown(v);
}

/* --- at real nodes --- */

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
    int rc = velum_wait(v, velum_spawn(v, "squares", "10", NULL), -1);
    CHECK(rc < 0);
    CHECK(says(v, rc, "squares"));
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
    CHECK(says(v, rc, "no such object"));
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

static int flip_bytes(const char *folder)
{
    char command[256];
    snprintf(command, sizeof command,
             "for f in $(find '%s' -type f -size +90k); do printf X | dd of=\"$f\" bs=1 seek=70000 "
             "conv=notrunc status=none; done",
             folder);
    return system(command);
}

TEST(wrong_bytes_are_no_object)
{
    static uint8_t bytes[100000];
    char objects[128], ref[65];
    int port = a_port();
    new_home();
    pid_t node = start_node(port);
    struct velum *v = open_at(VELUM_AT_NODE, NULL);
    int put = velum_wait(v, velum_put(v, bytes, sizeof bytes), -1);
    REQUIRE(put > 0);
    snprintf(ref, sizeof ref, "%s", velum_text(v, put));
    snprintf(objects, sizeof objects, "%s/nodes/%d/objects", api_home, port);
    CHECK_INT(flip_bytes(objects), 0);
    int rc = velum_wait(v, velum_get(v, ref), -1);
    CHECK(rc < 0);
    CHECK(says(v, rc, ref));
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        the_three_lines_of_the_manual,
        a_job_is_looked_at_and_released,
        kernels_of_the_program_run_in_its_workers,
        a_kernel_that_fails_says_why,
        what_cannot_be_is_refused_at_once,
        objects_need_a_node,
        no_node_is_no_end,
        killed_inside,
        time_runs_out,
        a_wait_is_ended_by_a_signal_handler,
        signals_descriptors_and_children_are_as_before,
        the_thread_that_opened_may_end,
        many_jobs_in_a_loop_of_the_program,
        at_a_running_node,
        objects_from_and_into_files_and_memory,
        two_handles_at_once,
        a_node_that_dies_is_looked_for_again,
        another_node_of_the_mesh_takes_over,
        wrong_bytes_are_no_object,
    };
    struct velum *v;
    struct velum_options inside = {.where = VELUM_INSIDE, .slots = 1};
    const enum role role = role_of_arguments(argc, argv);
    api_program = argv[0];
    if (argc == 3 && strcmp(argv[1], "__node") == 0)
        return api_node_main(argv[2]);
    /* A worker of such a node has no variable; one of the library has, and ends in velum_init. */
    if (velum_register(&squares) < 0 || velum_register(&grumpy) < 0 || velum_register(&crash) < 0)
        return 1;
    if (role != ROLE_NONE && !getenv("VELUM_PROCESS"))
        return role_serve(role);
    if (velum_init(&v, &inside) < 0)
        return 1;
    velum_shutdown(v);
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
