/* The crew against real processes. This program is its own worker; see crew_worker.h. */
#include "core/host/crew.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/memory.h"
#include "core/host/spawner.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"
#include "tests/unit/crew_worker.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define SEEN_MAX 2048

struct seen {
    bool ready, ended;
    pid_t pid;
    enum worker_end end;
    int status;
    uint64_t cpu_us;
    uint32_t frames; /* not counting READY */
    uint32_t frames_at_end, output_at_end;
    uint32_t last_request;
    size_t output;
    char text[512];
};

static char *program;
static struct loop *l;
static struct crew *c;
static struct seen seen[SEEN_MAX];
static uint32_t ended_count;

static void on_frame(void *ctx, uint32_t number, const struct frame *frame)
{
    struct seen *s = &seen[number];
    (void)ctx;
    CHECK(!s->ended);
    if (frame->type == MESSAGE_WORKER_READY && frame->payload.len == 4) {
        s->ready = true;
        s->pid = (pid_t)load_u32(frame->payload.data);
        return;
    }
    s->frames++;
    s->last_request = frame->request;
    size_t n = frame->payload.len < sizeof s->text ? frame->payload.len : sizeof s->text - 1;
    if (n)
        memcpy(s->text, frame->payload.data, n);
    s->text[n] = '\0';
}

static void on_output(void *ctx, uint32_t number, struct bytes text)
{
    (void)ctx;
    CHECK(!seen[number].ended);
    seen[number].output += text.len;
}

static void on_exited(void *ctx, uint32_t number, enum worker_end end, int status, uint64_t cpu_us)
{
    struct seen *s = &seen[number];
    (void)ctx;
    CHECK(!s->ended);
    s->ended = true;
    s->end = end;
    s->status = status;
    s->cpu_us = cpu_us;
    ended_count++;
}

static pid_t spawner_pid; /* of the first */

static void open_crew(uint32_t workers_max)
{
    struct spawner s;
    struct crew_options o = {.workers_max = workers_max, .memory_bytes = (uint64_t)1 << 30};
    struct crew_events e = {NULL, on_frame, on_output, on_exited};
    memset(seen, 0, sizeof seen);
    ended_count = 0;
    REQUIRE(spawner_fork(&s, program) == 0);
    spawner_pid = s.pid;
    REQUIRE(loop_new(&l) == 0);
    REQUIRE(crew_open(&c, l, &s, &o, &e) == 0);
    CHECK_INT(s.fd, -1);
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 4096; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static bool gone_within_ms(pid_t pid, int ms)
{
    struct instant end = instant_plus_us(loop_clock(), ms * MS_US);
    while (!is_gone(pid) && instant_before(loop_clock(), end))
        poll(NULL, 0, 1);
    return is_gone(pid);
}

static void close_crew(void)
{
    struct instant from = loop_clock();
    crew_close(c);
    loop_free(l);
    CHECK(instant_since_us(loop_clock(), from) < 500 * MS_US);
    errno = 0;
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

/* Runs the loop until the expression holds, at most 10 s. */
#define AWAIT(x)                                                                                   \
    do {                                                                                           \
        struct instant await_end = instant_plus_us(loop_clock(), 10 * S_US);                       \
        while (!(x) && instant_before(loop_clock(), await_end))                                    \
            loop_once(l, instant_plus_us(loop_clock(), 100 * MS_US));                              \
        REQUIRE(x);                                                                                \
    } while (0)

static void order(uint32_t number, uint8_t what, uint8_t more)
{
    uint8_t payload[2] = {what, more};
    CHECK_INT(crew_order(c, number, MESSAGE_ORDER_PLAN, 77, (struct bytes){payload, 2}), 0);
}

TEST(echo_of_large_frames_sent_before_it_is_ready)
{
    static uint8_t payload[FRAME_PAYLOAD_MAX];
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    CHECK_INT(crew_start(c, 1), ERR_EXISTS);
    for (uint32_t i = 1; i <= 10; i++) {
        memset(payload, 'a' + (int)i, sizeof payload);
        CHECK_INT(crew_order(c, 1, MESSAGE_ORDER_PLAN, i, (struct bytes){payload, sizeof payload}),
                  0);
    }
    AWAIT(seen[1].frames == 10);
    CHECK(seen[1].ready);
    CHECK_INT(seen[1].last_request, 10);
    CHECK_INT(seen[1].text[0], 'a' + 10);
    CHECK_INT(crew_order(c, 99, MESSAGE_ORDER_PLAN, 1, (struct bytes){NULL, 0}), 0);
    CHECK_INT(crew_kill(c, 99), ERR_NOT_FOUND);
    close_crew();
    CHECK(is_gone(seen[1].pid));
    CHECK(is_gone(spawner_pid));
}

TEST(orders_are_bounded)
{
    static uint8_t payload[FRAME_PAYLOAD_MAX];
    int rc = 0;
    int taken = 0;
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    AWAIT(seen[1].ready);
    kill(seen[1].pid, SIGSTOP);
    for (int i = 0; i < 100 && rc == 0; i++) {
        rc = crew_order(c, 1, MESSAGE_ORDER_PLAN, 1, (struct bytes){payload, sizeof payload});
        taken += rc == 0;
    }
    CHECK_INT(rc, ERR_FULL);
    CHECK(taken >= 15 && taken <= 18);
    kill(seen[1].pid, SIGCONT);
    AWAIT(seen[1].frames == (uint32_t)taken);
    close_crew();
}

TEST(causes_of_death)
{
    open_crew(8);
    for (uint32_t i = 1; i <= 6; i++)
        CHECK_INT(crew_start(c, i), 0);
    order(1, DO_CRASH, 0);
    order(2, DO_EXIT, 7);
    order(3, DO_EXIT, 0);
    order(6, DO_HALF, 0);
    AWAIT(seen[4].ready && seen[5].ready);
    CHECK_INT(crew_kill(c, 4), 0);
    CHECK_INT(crew_kill(c, 4), 0);
    kill(seen[5].pid, SIGKILL);
    AWAIT(ended_count == 6);
    CHECK_INT(seen[1].end, WORKER_SIGNALLED);
    CHECK_INT(seen[1].status, SIGSEGV);
    CHECK_INT(seen[2].end, WORKER_EXITED);
    CHECK_INT(seen[2].status, 7);
    CHECK_INT(seen[3].end, WORKER_EXITED);
    CHECK_INT(seen[3].status, 0);
    CHECK_INT(seen[4].end, WORKER_KILLED);
    CHECK_INT(seen[5].end, WORKER_KILLED_OUTSIDE);
    CHECK_INT(seen[6].end, WORKER_EXITED);
    CHECK_INT(crew_kill(c, 4), ERR_NOT_FOUND);
    close_crew();
}

TEST(the_end_of_a_worker_tells_what_it_took)
{
    open_crew(8);
    CHECK_INT(crew_start(c, 1), 0);
    CHECK_INT(crew_start(c, 2), 0);
    order(1, DO_WORK, 0);
    order(2, DO_EXIT, 0);
    AWAIT(ended_count == 2);
    CHECK(seen[1].cpu_us >= 60000);
    CHECK(seen[2].cpu_us < seen[1].cpu_us);
    close_crew();
}

TEST(killed_before_it_was_ready)
{
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    CHECK_INT(crew_kill(c, 1), 0);
    AWAIT(seen[1].ended);
    CHECK_INT(seen[1].end, WORKER_KILLED);
    close_crew();
}

TEST(the_last_words_come_before_the_end)
{
    open_crew(4);
    for (uint32_t i = 1; i <= 50; i++) {
        CHECK_INT(crew_start(c, i), 0);
        order(i, DO_LAST_WORD, 0);
        AWAIT(seen[i].ended);
        CHECK_INT(seen[i].frames, 60);
        CHECK_INT(seen[i].last_request, 59);
        CHECK_INT(seen[i].output, 7);
        CHECK_INT(seen[i].status, 5);
    }
    close_crew();
}

TEST(garbage_and_floods_are_killed)
{
    open_crew(4);
    for (uint32_t i = 1; i <= 3; i++)
        CHECK_INT(crew_start(c, i), 0);
    order(1, DO_GARBAGE, 0);
    order(2, DO_WRONG, 0);
    order(3, DO_FLOOD, 0);
    AWAIT(ended_count == 3);
    for (uint32_t i = 1; i <= 3; i++)
        CHECK_INT(seen[i].end, WORKER_GARBAGE);
    CHECK(seen[3].frames < 200000);
    close_crew();
}

TEST(what_leaves_yield_is_no_flood)
{
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    order(1, DO_YIELD, 0);
    AWAIT(seen[1].frames == 200 * 16 + 1 || seen[1].ended);
    CHECK(!seen[1].ended);
    close_crew();
}

TEST(talk_is_capped_but_never_blocks_the_worker)
{
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    order(1, DO_TALK, 0);
    AWAIT(seen[1].frames == 1);
    CHECK(seen[1].output >= (1 << 20) - 65536);
    CHECK(seen[1].output <= 2 << 20); /* two windows at most */
    close_crew();
}

TEST(a_worker_is_confined)
{
    char want[512];
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    order(1, DO_LIMITS, 0);
    AWAIT(seen[1].frames == 1);
    snprintf(want, sizeof want,
             "core=0 files=16 size=0 memory=%lu locked=0 stack=8388608 nice=10 group=1 open=3 "
             "cwd=/ umask=77 env=0 privs=1 dump=%d term=0 pipe=1",
             SANITIZED ? ~0ul : 1ul << 30, SANITIZED ? 1 : 0);
    if (!SANITIZED)
        CHECK_STR(seen[1].text, want);
    else
        CHECK(strstr(seen[1].text, "open=3 cwd=/ umask=77 env=0 privs=1"));
    close_crew();
}

TEST(what_a_worker_leaves_behind_dies_with_it)
{
    if (getuid() != 0)
        SKIP("RLIMIT_NPROC keeps a worker from making processes");
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    order(1, DO_FORK, 0);
    AWAIT(seen[1].frames == 1);
    pid_t child = (pid_t)load_u32((const uint8_t *)seen[1].text);
    CHECK(!is_gone(child));
    kill(seen[1].pid, SIGKILL);
    AWAIT(seen[1].ended);
    CHECK(gone_within_ms(child, 2000));
    close_crew();
}

static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *after = strrchr(text, ')');
    if (after)
        sscanf(after, ") %*c %d", &parent);
    return parent;
}

TEST(a_dead_spawner_is_replaced)
{
    open_crew(8);
    for (uint32_t i = 1; i <= 3; i++)
        CHECK_INT(crew_start(c, i), 0);
    AWAIT(seen[1].ready && seen[2].ready && seen[3].ready);
    kill(spawner_pid, SIGKILL);
    AWAIT(ended_count == 3);
    for (uint32_t i = 1; i <= 3; i++) {
        CHECK_INT(seen[i].end, WORKER_LOST);
        CHECK(gone_within_ms(seen[i].pid, 2000));
    }
    for (int round = 0; round < 3; round++) {
        uint32_t number = 10 + (uint32_t)round;
        CHECK_INT(crew_start(c, number), 0);
        order(number, DO_ECHO, 0);
        AWAIT(seen[number].frames == 1);
        pid_t second = parent_of(seen[number].pid);
        REQUIRE(second > 1 && second != spawner_pid && second != getpid());
        kill(second, SIGKILL);
        AWAIT(seen[number].ended);
        CHECK_INT(seen[number].end, WORKER_LOST);
    }
    close_crew();
}

TEST(a_stopped_spawner_does_not_hold_up_the_end)
{
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    AWAIT(seen[1].ready);
    kill(spawner_pid, SIGSTOP);
    close_crew();
    CHECK(is_gone(spawner_pid));
    CHECK(gone_within_ms(seen[1].pid, 2000));
}

TEST(signals_for_everybody_leave_the_spawner_alone)
{
    open_crew(4);
    CHECK_INT(crew_start(c, 1), 0);
    AWAIT(seen[1].ready);
    kill(spawner_pid, SIGTERM);
    kill(spawner_pid, SIGINT);
    kill(spawner_pid, SIGHUP);
    CHECK_INT(crew_start(c, 2), 0);
    AWAIT(seen[2].ready);
    CHECK_INT(parent_of(seen[2].pid), spawner_pid);
    CHECK_INT(ended_count, 0);
    close_crew();
}

/* The node of this test: a process that owns a crew and tells us its process ids. */
static _Noreturn void be_a_node(int to)
{
    pid_t ids[3];
    open_crew(4);
    crew_start(c, 1);
    crew_start(c, 2);
    while (!seen[1].ready || !seen[2].ready)
        loop_once(l, instant_plus_us(loop_clock(), S_US));
    ids[0] = seen[1].pid;
    ids[1] = seen[2].pid;
    ids[2] = spawner_pid;
    if (write(to, ids, sizeof ids) != (ssize_t)sizeof ids)
        _exit(1);
    for (;;)
        loop_once(l, INSTANT_NEVER);
}

TEST(workers_die_with_their_node)
{
    int tube[2];
    pid_t ids[3] = {0, 0, 0};
    REQUIRE(pipe2(tube, O_CLOEXEC) == 0);
    pid_t node = fork();
    if (node == 0)
        be_a_node(tube[1]);
    close(tube[1]);
    CHECK_INT(read(tube[0], ids, sizeof ids), sizeof ids);
    close(tube[0]);
    REQUIRE(ids[0] > 1 && ids[1] > 1 && ids[2] > 1);
    CHECK(!is_gone(ids[0]));
    kill(node, SIGKILL);
    waitpid(node, NULL, 0);
    for (int i = 0; i < 2; i++)
        CHECK(gone_within_ms(ids[i], 2000));
    /* Nobody may wait for an orphan here but pid 1, so a zombie of the spawner counts as gone. */
    struct instant end = instant_plus_us(loop_clock(), 2 * S_US);
    char path[64], state = 0;
    while (!is_gone(ids[2]) && state != 'Z' && instant_before(loop_clock(), end)) {
        char text[256];
        snprintf(path, sizeof path, "/proc/%d/stat", (int)ids[2]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = '\0';
        char *after = strrchr(text, ')');
        state = after ? after[2] : 0;
        if (fd >= 0)
            close(fd);
        poll(NULL, 0, 1);
    }
    CHECK(is_gone(ids[2]) || state == 'Z');
}

TEST(a_full_crew_refuses_and_lets_in_again)
{
    open_crew(2);
    CHECK_INT(crew_start(c, 1), 0);
    CHECK_INT(crew_start(c, 2), 0);
    CHECK_INT(crew_start(c, 3), ERR_FULL);
    order(1, DO_EXIT, 0);
    AWAIT(seen[1].ended);
    CHECK_INT(crew_start(c, 3), 0);
    AWAIT(seen[3].ready);
    close_crew();
}

TEST(no_descriptors_left_is_told_as_lost)
{
    struct rlimit before, tight;
    open_crew(8);
    CHECK_INT(crew_start(c, 1), 0);
    AWAIT(seen[1].ready);
    getrlimit(RLIMIT_NOFILE, &before);
    int next = dup(0);
    close(next);
    for (int room = 0; room < 6; room++) {
        tight = before;
        tight.rlim_cur = (rlim_t)(next + room);
        setrlimit(RLIMIT_NOFILE, &tight);
        CHECK_INT(crew_start(c, 2 + (uint32_t)room), 0);
        CHECK(!seen[2 + room].ended); /* never from inside the call */
        setrlimit(RLIMIT_NOFILE, &before);
        AWAIT(seen[2 + room].ended);
        CHECK_INT(seen[2 + room].end, WORKER_LOST);
        CHECK_INT(seen[2 + room].status, EMFILE);
    }
    close_crew();
}

TEST(a_thousand_starts_leak_nothing)
{
    int before = open_descriptors();
    open_crew(64);
    int opened = open_descriptors();
    struct instant from = loop_clock();
    uint32_t started = 0;
    while (ended_count < 1000) {
        while (started < 1000 && started - ended_count < 16) {
            CHECK_INT(crew_start(c, ++started), 0);
            order(started, DO_EXIT, 3);
        }
        loop_once(l, instant_plus_us(loop_clock(), 5 * S_US));
        REQUIRE(instant_since_us(loop_clock(), from) < 60 * S_US);
    }
    for (uint32_t i = 1; i <= 1000; i++)
        CHECK(seen[i].ready && seen[i].end == WORKER_EXITED && seen[i].status == 3);
    CHECK_INT(open_descriptors(), opened);
    if (getenv("CREW_FIGURES"))
        printf("# %.0f starts/s\n", 1000e6 / (double)instant_since_us(loop_clock(), from));
    close_crew();
    CHECK_INT(open_descriptors(), before);
}

TEST(many_at_once)
{
    open_crew(300);
    for (uint32_t i = 1; i <= 200; i++)
        CHECK_INT(crew_start(c, i), 0);
    for (uint32_t i = 1; i <= 200; i += 2)
        CHECK_INT(crew_kill(c, i), 0);
    AWAIT(ended_count == 100);
    for (uint32_t i = 2; i <= 200; i += 2)
        AWAIT(seen[i].ready);
    CHECK_INT(ended_count, 100);
    close_crew();
    for (uint32_t i = 2; i <= 200; i += 2)
        CHECK(is_gone(seen[i].pid));
}

/* Of all pipes that this process has an end of, one each. */
static size_t piped_bytes(void)
{
    size_t bytes = 0;
    for (int fd = 0; fd < 4096; fd++) {
        const int size = fcntl(fd, F_GETPIPE_SZ);
        bytes += size > 0 ? (size_t)size : 0;
    }
    return bytes;
}

/* The kernel gives a user's pipes 64 MiB together; a node may have 1,100 workers. */
TEST(pipes_of_many_workers_are_smaller_than_those_of_few)
{
    static uint8_t payload[50000];
    const size_t before = piped_bytes();
    size_t of_some;
    open_crew(200);
    for (uint32_t i = 1; i <= 100; i++)
        CHECK_INT(crew_start(c, i), 0);
    for (uint32_t i = 1; i <= 100; i++)
        AWAIT(seen[i].ready);
    of_some = piped_bytes();
    CHECK(of_some - before <= (size_t)26 << 20);
    for (uint32_t i = 101; i <= 160; i++)
        CHECK_INT(crew_start(c, i), 0);
    for (uint32_t i = 101; i <= 160; i++)
        AWAIT(seen[i].ready);
    CHECK(piped_bytes() - of_some <= 60 * (size_t)36 << 10);
    /* Frames that are larger than these go through them all the same. */
    payload[0] = DO_ECHO;
    for (int i = 0; i < 4; i++)
        CHECK_INT(
            crew_order(c, 160, MESSAGE_ORDER_PLAN, 77, (struct bytes){payload, sizeof payload}), 0);
    AWAIT(seen[160].frames == 4);
    close_crew();
}

TEST(from_start_to_ready)
{
    int64_t best_us = INT64_MAX;
    open_crew(4);
    for (uint32_t i = 1; i <= 50; i++) {
        struct instant from = loop_clock();
        CHECK_INT(crew_start(c, i), 0);
        AWAIT(seen[i].ready);
        int64_t took_us = instant_since_us(loop_clock(), from);
        best_us = took_us < best_us ? took_us : best_us;
        crew_kill(c, i);
        AWAIT(seen[i].ended);
    }
    if (getenv("CREW_FIGURES"))
        printf("# start to ready %lld us\n", (long long)best_us);
    CHECK(best_us < 100 * MS_US);
    close_crew();
}

TEST(a_released_spawner_serves_the_next_crew)
{
    struct spawner s;
    struct crew_options o = {.workers_max = 2};
    struct crew_events e = {NULL, on_frame, on_output, on_exited};
    open_crew(2);
    CHECK_INT(crew_start(c, 1), 0);
    order(1, DO_EXIT, 0);
    AWAIT(seen[1].ended);
    crew_release(c, &s);
    CHECK_INT(s.pid, spawner_pid);
    REQUIRE(crew_open(&c, l, &s, &o, &e) == 0);
    CHECK_INT(crew_start(c, 2), 0);
    AWAIT(seen[2].ready);
    CHECK_INT(parent_of(seen[2].pid), spawner_pid);
    close_crew();
}

int main(int argc, char **argv)
{
    static const struct check_test *const all[] = {
        &echo_of_large_frames_sent_before_it_is_ready,
        &orders_are_bounded,
        &causes_of_death,
        &the_end_of_a_worker_tells_what_it_took,
        &killed_before_it_was_ready,
        &the_last_words_come_before_the_end,
        &garbage_and_floods_are_killed,
        &what_leaves_yield_is_no_flood,
        &talk_is_capped_but_never_blocks_the_worker,
        &a_worker_is_confined,
        &what_a_worker_leaves_behind_dies_with_it,
        &a_dead_spawner_is_replaced,
        &a_stopped_spawner_does_not_hold_up_the_end,
        &signals_for_everybody_leave_the_spawner_alone,
        &workers_die_with_their_node,
        &a_full_crew_refuses_and_lets_in_again,
        &no_descriptors_left_is_told_as_lost,
        &a_thousand_starts_leak_nothing,
        &many_at_once,
        &pipes_of_many_workers_are_smaller_than_those_of_few,
        &from_start_to_ready,
        &a_released_spawner_serves_the_next_crew,
    };
    struct check_test tests[sizeof all / sizeof *all];
    if (argc > 1 && strcmp(argv[1], "__worker") == 0)
        return crew_worker();
    if (argc > 1 && strcmp(argv[1], "__spawner") == 0)
        spawner_main();
    program = argv[0];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tests[i] = *all[i];
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
