/* Movers that die, hang, are not to be started or talk nonsense, as real processes. This program is
 * its own mover; a file in the folder tells it what kind. */
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "core/host/mover_cage.h"
#include "core/host/mover_memory.h"
#include "tests/unit/mover_orders.h"

/* The child of ours that is a mover. */
static pid_t mover_of(pid_t parent)
{
    pid_t found = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    while (dir && !found && (entry = readdir(dir))) {
        char path[64], name[64];
        int pid = 0, of = 0;
        snprintf(path, sizeof path, "/proc/%.20s/stat", entry->d_name);
        FILE *in = fopen(path, "re");
        if (!in)
            continue;
        if (fscanf(in, "%d (%63[^)]) %*c %d", &pid, name, &of) == 3 && of == parent)
            found = pid;
        fclose(in);
    }
    if (dir)
        closedir(dir);
    return found;
}

static void give_scan(void)
{
    struct buf b = rig_payload();
    rig_give(MESSAGE_MOVE_SCAN, &b);
}

/* The next answers are those to the orders from this one on, and each says that it failed. */
static void expect_failures(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct rig_answer *a = rig_take();
        CHECK_INT(a->request, first + i);
        CHECK_INT(rig_rc(a), ERR_IO);
    }
}

TEST(what_was_open_is_answered_and_another_serves)
{
    uint8_t data[1000] = {7};
    struct moved_found found;
    rig_open();
    struct moved_made made = rig_put(1, data, sizeof data);
    CHECK_INT(rig_append(2, data, sizeof data), 0);
    pid_t first = mover_of(getpid());
    REQUIRE(first > 0 && kill(first, SIGSTOP) == 0);
    const uint32_t request = rig.request + 1;
    for (int i = 0; i < 10; i++)
        give_scan();
    struct buf b = rig_payload();
    put_move_stream(&b, 2);
    rig_give(MESSAGE_MOVE_FINISH, &b);
    kill(first, SIGKILL);
    expect_failures(request, 10);
    struct rig_answer *a = rig_take();
    CHECK_INT(a->type, MESSAGE_MOVED_MADE);
    REQUIRE(read_moved_made(buf_bytes(&a->payload), &made) == 0);
    CHECK_INT(made.rc, ERR_IO);
    RIG_AWAIT(rig.renewed == 1);
    CHECK(strstr(rig.last_log, "died"));
    CHECK_INT(rig_scan(&found, NULL, 1), 0);
    CHECK(rig.found == 1 && found.whole);
    CHECK_INT(rig_files(), 1);
    rig_close();
}

/* What it was doing is not known to be done, and nobody is told that it is. */
TEST(one_that_was_stopped_is_replaced)
{
    uint8_t data[1000] = {7};
    struct moved_found found;
    rig.patience_us = 400 * MS_US;
    rig_open();
    (void)rig_put(1, data, sizeof data);
    pid_t first = mover_of(getpid());
    REQUIRE(first > 0 && kill(first, SIGSTOP) == 0);
    const uint32_t request = rig.request + 1;
    for (int i = 0; i < 10; i++)
        give_scan();
    expect_failures(request, 10);
    RIG_AWAIT(rig.renewed == 1);
    CHECK(strstr(rig.last_log, "has not answered for so long"));
    CHECK(kill(first, 0) != 0);
    CHECK_INT(rig_scan(&found, NULL, 1), 0);
    CHECK(rig.found == 1 && found.whole);
    rig_close();
    rig.patience_us = 0;
}

static void run_for_ms(int64_t ms)
{
    struct instant end = instant_plus_us(loop_clock(), ms * MS_US);
    while (instant_before(loop_clock(), end))
        rig_round(end);
}

/* It has nothing to answer; or it has answered, and its node was stopped and has not heard it. */
TEST(silence_that_is_no_fault_of_it_is_none)
{
    rig.patience_us = S_US;
    rig_open();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    run_for_ms(1500);
    give_scan();
    mover_crew_flush(rig.mover);
    poll(NULL, 0, 1500);
    CHECK_INT(rig_rc(rig_take()), 0);
    run_for_ms(200);
    CHECK_INT(rig.renewed, 0);
    rig_close();
    rig.patience_us = 0;
}

TEST(orders_while_there_is_none_fail_at_once)
{
    rig_open();
    RIG_AWAIT(rig_scan(NULL, NULL, 0) == 0);
    kill(mover_of(getpid()), SIGKILL);
    const uint32_t request = rig.request + 1;
    for (int i = 0; i < 3; i++)
        give_scan(); /* before anybody has noticed */
    expect_failures(request, 3);
    while (rig.renewed == 0) {
        give_scan();
        (void)rig_take();
        rig_round(instant_plus_us(loop_clock(), 1 * MS_US));
    }
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    rig_close();
}

/* What is ordered in one round of the loop wakes the mover once. */
TEST(small_orders_wait_for_the_end_of_the_round)
{
    rig_open();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    give_scan();
    give_scan();
    loop_once(rig.loop, instant_plus_us(loop_clock(), 50 * MS_US));
    CHECK_INT(rig.taken, rig.count);
    mover_crew_flush(rig.mover);
    give_scan(); /* while it has something to do */
    for (int i = 0; i < 3; i++)
        CHECK_INT(rig_rc(rig_take()), 0);
    rig_close();
}

/* A mover that takes nothing: what is given waits here, and no call ever blocks. */
TEST(more_bytes_than_may_be_open_replace_the_mover)
{
    static uint8_t data[MOVE_BYTES_MAX];
    rig_open();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    pid_t first = mover_of(getpid());
    kill(first, SIGSTOP);
    const uint32_t request = rig.request + 1;
    const uint32_t fit = (uint32_t)(MOVE_OPEN_BYTES_MAX / (MOVE_BYTES_MAX + 12));
    struct instant from = loop_clock();
    for (uint32_t i = 0; i < fit; i++) {
        struct buf b = rig_payload();
        const struct move_stream m = {.stream = 1, .bytes = {data, sizeof data}};
        put_move_append(&b, &m);
        rig_give(MESSAGE_MOVE_APPEND, &b);
    }
    CHECK(instant_since_us(loop_clock(), from) < 2 * S_US);
    rig_round(instant_plus_us(loop_clock(), 50 * MS_US));
    CHECK_INT(rig.taken, rig.count); /* it only waits */
    struct buf b = rig_payload();
    const struct move_stream m = {.stream = 1, .bytes = {data, sizeof data}};
    put_move_append(&b, &m);
    rig_give(MESSAGE_MOVE_APPEND, &b);
    expect_failures(request, fit + 1);
    CHECK(strstr(rig.last_log, "more than it may have open"));
    RIG_AWAIT(rig.renewed == 1);
    CHECK_INT(rig_append(1, data, 10), 0);
    rig_close();
}

TEST(more_orders_than_may_be_open_replace_the_mover)
{
    rig_open();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    kill(mover_of(getpid()), SIGSTOP);
    const uint32_t request = rig.request + 1;
    for (uint32_t i = 0; i < MOVE_OPEN_ORDERS_MAX; i++)
        give_scan();
    rig_round(instant_plus_us(loop_clock(), 50 * MS_US));
    CHECK_INT(rig.taken, rig.count);
    give_scan();
    expect_failures(request, MOVE_OPEN_ORDERS_MAX + 1);
    RIG_AWAIT(rig.renewed == 1);
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    rig_close();
}

#define MANY 200u /* more than there are places in the shared memory */

/* In the middle of an answer, before it has been read, others are asked for, which find another
 * place than its own. */
static void ask_for_more(const struct digest *name, uint32_t i)
{
    struct buf b = rig_payload();
    const struct move_part m = {.name = *name, .offset = i * 1000, .length = MOVE_BYTES_MAX};
    put_move_read(&b, &m);
    rig_give(MESSAGE_MOVE_READ, &b);
}

static struct {
    struct digest name;
    const uint8_t *data;
    uint32_t asked, came, wrong;
} reading;

static void while_it_is_read(void *ctx, const struct frame *f)
{
    struct moved_bytes m;
    (void)ctx;
    for (int i = 0; i < 2 && reading.asked < MANY; i++)
        ask_for_more(&reading.name, reading.asked++);
    if (f->type != MESSAGE_MOVED_BYTES || read_moved_bytes(f->payload, &m) < 0 || m.rc != 0 ||
        m.bytes.len != MOVE_BYTES_MAX ||
        memcmp(m.bytes.data, reading.data + reading.came * 1000, m.bytes.len) != 0)
        reading.wrong++;
    reading.came++;
}

TEST(an_answer_stays_whole_while_others_are_asked_for)
{
    uint8_t *data = rig_bytes(MANY * 1000 + MOVE_BYTES_MAX, 1);
    rig_open();
    reading.name = rig_put(1, data, MANY * 1000 + MOVE_BYTES_MAX).name;
    reading.data = data;
    reading.asked = reading.came = reading.wrong = 0;
    rig.hears = while_it_is_read;
    ask_for_more(&reading.name, reading.asked++);
    RIG_AWAIT(reading.came == MANY);
    rig.hears = NULL;
    CHECK_INT(reading.wrong, 0);
    CHECK_INT(rig.renewed, 0);
    rig_close();
    free(data);
}

TEST(memory_that_is_lent_comes_back_and_rests_empty)
{
    struct mover_memory m;
    uint8_t *mapped;
    struct stat st;
    mover_memory_make(&m);
    if (m.fd < 0)
        SKIP("this system has no memory that can be sealed");
    for (int i = 0; i < (int)MOVE_PLACES; i++) {
        CHECK_INT(mover_memory_lend(&m), i);
        memset(mover_memory_at(&m, i), i, MOVE_PLACE_SIZE);
    }
    CHECK_INT(mover_memory_lend(&m), -1);
    for (int i = 0; i < (int)MOVE_PLACES; i++)
        CHECK(mover_memory_at(&m, i)[0] == i && mover_memory_at(&m, i)[MOVE_PLACE_SIZE - 1] == i);
    mover_memory_return(&m, 7);
    mover_memory_rest(&m);
    CHECK(fstat(m.fd, &st) == 0 && st.st_blocks > 0);
    CHECK(ftruncate(m.fd, 0) != 0);
    for (int i = 0; i < (int)MOVE_PLACES; i++)
        mover_memory_return(&m, i);
    mover_memory_rest(&m);
    CHECK(fstat(m.fd, &st) == 0 && st.st_blocks == 0);
    CHECK_INT(mover_memory_lend(&m), 0);
    mover_memory_clear(&m);
    CHECK(mover_memory_of(STDIN_FILENO, &mapped) == 0 && !mapped);
}

/* Kinds of movers that are none, see become_strange. */
static void open_strange(const char *kind)
{
    char path[300];
    rig_open();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    snprintf(path, sizeof path, "%s/%s", rig.folder, kind);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && close(fd) == 0);
    kill(mover_of(getpid()), SIGKILL);
    RIG_AWAIT(rig.renewed == 1);
}

static void close_strange(const char *kind)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", rig.folder, kind);
    CHECK_INT(unlink(path), 0);
    int rc;
    do
        rc = rig_scan(NULL, NULL, 0);
    while (rc == ERR_IO);
    CHECK_INT(rc, 0);
    rig_close();
}

static void try_nonsense(const char *kind)
{
    open_strange(kind);
    CHECK_INT(rig_scan(NULL, NULL, 0), ERR_IO);
    CHECK(strstr(rig.last_log, "answer"));
    close_strange(kind);
}

TEST(one_that_talks_nonsense_is_replaced)
{
    try_nonsense("garbage");
    try_nonsense("other-request");
    try_nonsense("other-type");
    try_nonsense("unasked");
    try_nonsense("no-place");
}

/* Only what is put in place may be answered later than what came behind it. */
TEST(one_that_answers_out_of_turn_is_replaced)
{
    open_strange("other-request");
    const uint32_t request = rig.request + 1;
    give_scan();
    give_scan();
    expect_failures(request, 2);
    CHECK(strstr(rig.last_log, "answer"));
    close_strange("other-request");
}

/* What is put in place is answered when its disk is ready, and nothing else waits for that. */
TEST(small_orders_do_not_wait_for_what_is_put_in_place)
{
    struct buf b = rig_payload();
    open_strange("no-disk");
    put_move_stream(&b, 1);
    rig_give(MESSAGE_MOVE_FINISH, &b);
    mover_crew_flush(rig.mover);
    give_scan();
    give_scan();
    CHECK_INT(rig_rc(rig_take()), 0);
    CHECK_INT(rig_rc(rig_take()), 0);
    kill(mover_of(getpid()), SIGKILL);
    CHECK_INT(rig_take()->type, MESSAGE_MOVED_MADE);
    close_strange("no-disk");
}

TEST(one_that_ends_at_once_is_started_ever_more_rarely)
{
    open_strange("ends");
    const uint32_t before = rig.renewed;
    struct instant end = instant_plus_us(loop_clock(), 1500 * MS_US);
    while (instant_before(loop_clock(), end))
        rig_round(end);
    CHECK(rig.renewed - before >= 2 && rig.renewed - before <= 4); /* 100, 200, 400, 800 ms */
    close_strange("ends");
}

/* The next one is given no memory, and everything goes through the pipes. */
TEST(one_that_cannot_map_the_memory_is_told_apart)
{
    const size_t size = 100000;
    uint8_t *data = rig_bytes(size, 5);
    open_strange("unmapped");
    RIG_AWAIT(rig.renewed == 2);
    CHECK(strstr(rig.last_log, "cannot map the memory"));
    rig.last_log[0] = 0;
    CHECK(rig_holds(rig_put(1, data, size).name, data, size));
    CHECK_INT(rig.renewed, 2);
    CHECK_STR(rig.last_log, "");
    close_strange("unmapped");
    free(data);
}

TEST(one_that_cannot_be_started_is_told)
{
    const struct mover_crew_events events = {NULL, rig_on_answer, rig_on_renewed};
    rig.count = rig.taken = rig.renewed = 0;
    REQUIRE(loop_new(&rig.loop) == 0);
    int fd = open("no-program", O_CREAT | O_RDWR, 0600);
    REQUIRE(mover_crew_open(&rig.mover, rig.loop, fd, "objects-x", false, rig_patience_us(),
                            &rig_log, &events) == 0);
    CHECK_INT(rig_scan(NULL, NULL, 0), ERR_IO);
    CHECK(strstr(rig.last_log, "cannot be started"));
    CHECK_INT(rig.renewed, 0);
    mover_crew_close(rig.mover);
    rig.mover = NULL;
    CHECK(mover_crew_open(&rig.mover, rig.loop, fd, "no-program", false, rig_patience_us(),
                          &rig_log, &events) < 0);
    CHECK(mover_crew_open(&rig.mover, rig.loop, fd, "not/there", false, rig_patience_us(), &rig_log,
                          &events) < 0);
    loop_free(rig.loop);
    close(fd);
}

/* Two on one folder, as after a node that was killed while its mover hung: they take turns. */
TEST(the_next_waits_until_the_last_has_ended)
{
    rig_open();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    struct mover_crew *first = rig.mover;
    const struct mover_crew_events events = {NULL, rig_on_answer, rig_on_renewed};
    REQUIRE(mover_crew_open(&rig.mover, rig.loop, rig.executable, rig.folder, false,
                            rig_patience_us(), &rig_log, &events) == 0);
    give_scan();
    struct instant end = instant_plus_us(loop_clock(), 100 * MS_US);
    while (instant_before(loop_clock(), end))
        rig_round(end);
    CHECK_INT(rig.taken, rig.count);
    mover_crew_close(first);
    CHECK_INT(rig_rc(rig_take()), 0);
    rig_close();
}

static bool gone_within_ms(pid_t pid, int ms)
{
    for (int i = 0; i < ms && kill(pid, 0) == 0; i++)
        poll(NULL, 0, 1);
    return kill(pid, 0) != 0;
}

TEST(it_dies_with_its_node)
{
    int say[2];
    pid_t mover = 0;
    REQUIRE(pipe(say) == 0);
    pid_t node = fork();
    if (node == 0) {
        rig_open_in("objects-of-another");
        (void)rig_scan(NULL, NULL, 0);
        pid_t mine = mover_of(getpid());
        (void)!write(say[1], &mine, sizeof mine);
        for (;;)
            pause();
    }
    REQUIRE(read(say[0], &mover, sizeof mover) == sizeof mover && mover > 0);
    CHECK(kill(mover, 0) == 0);
    kill(mover, SIGSTOP); /* not even then does it stay */
    kill(node, SIGKILL);
    waitpid(node, NULL, 0);
    CHECK(gone_within_ms(mover, 5000));
    close(say[0]);
    close(say[1]);
}

TEST(it_ends_when_it_is_closed)
{
    rig_open();
    CHECK_INT(rig_scan(NULL, NULL, 0), 0);
    kill(mover_of(getpid()), SIGSTOP);
    struct instant from = loop_clock();
    rig_close();
    CHECK(instant_since_us(loop_clock(), from) < 500 * MS_US);
    errno = 0;
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

/* The cage */

static int connects(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return 0;
    return errno;
}

static int in_the_cage(void)
{
    int folder = open("caged", O_RDONLY | O_DIRECTORY);
    cage_enter(folder);
    if (openat(folder, "mine", O_CREAT | O_RDWR, 0600) < 0 ||
        renameat(folder, "mine", folder, "still-mine") != 0 ||
        unlinkat(folder, "still-mine", 0) != 0)
        return 1;
    if (open("/proc/self/exe", O_RDONLY) >= 0 || open("outside", O_CREAT | O_RDWR, 0600) >= 0)
        return 2; /* no Landlock here */
    if (mkdirat(folder, "sub", 0700) == 0 || openat(folder, "../outside", O_RDONLY) >= 0)
        return 3;
    int error = connects();
    return error == EACCES || error == ENETUNREACH ? 0 : 4;
}

TEST(nothing_outside_the_folder_can_be_reached)
{
    int status = -1;
    REQUIRE(mkdir("caged", 0700) == 0);
    pid_t child = fork();
    if (child == 0)
        _exit(in_the_cage());
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        SKIP("this kernel has no Landlock");
    if (WEXITSTATUS(status) == 4)
        SKIP("this kernel's Landlock knows no network, and no namespace could be made");
    CHECK_INT(WEXITSTATUS(status), 0);
}

static bool kind_is(const char *kind)
{
    return faccessat(3, kind, F_OK, 0) == 0;
}

/* One whose disk does not answer. */
static int become_slow(void)
{
    uint8_t in[4096], room[64], done[16];
    size_t have = 0;
    struct frame f;
    struct buf out, payload;
    buf_init_fixed(&payload, done, sizeof done);
    put_moved_done(&payload, 0);
    for (;;) {
        const ssize_t n = read(0, in + have, sizeof in - have);
        if (n <= 0)
            return 0;
        have += (size_t)n;
        for (int size; (size = frame_take((struct bytes){in, have}, &f)) > 0;) {
            buf_init_fixed(&out, room, sizeof room);
            frame_put(&out, MESSAGE_MOVED_DONE, f.request, buf_bytes(&payload));
            if (f.type != MESSAGE_MOVE_FINISH)
                (void)!write(1, out.data, out.len);
            have -= (size_t)size;
            memmove(in, in + size, have);
        }
    }
}

static int become_strange(void)
{
    uint8_t in[256], room[64], done[16];
    struct buf out, payload;
    buf_init_fixed(&out, room, sizeof room);
    buf_init_fixed(&payload, done, sizeof done);
    put_moved_done(&payload, 0);
    if (kind_is("ends"))
        return 0;
    if (kind_is("unasked"))
        frame_put(&out, MESSAGE_MOVED_DONE, 0, buf_bytes(&payload));
    else if (read(0, in, sizeof in) < FRAME_HEADER_SIZE)
        return 0;
    const uint32_t request = load_u32(in + 8);
    if (kind_is("garbage"))
        put_raw(&out, "Dear node, how are you today?", 29);
    else if (kind_is("other-request"))
        frame_put(&out, MESSAGE_MOVED_DONE, request + 1, buf_bytes(&payload));
    else if (kind_is("no-place")) {
        const struct move_at at = {MESSAGE_MOVED_DONE, 3, 4};
        buf_reset(&payload);
        put_move_at(&payload, &at);
        frame_put(&out, MESSAGE_MOVED_AT, request, buf_bytes(&payload));
    } else if (kind_is("other-type"))
        frame_put(&out, MESSAGE_MOVED_BYTES, request, buf_bytes(&payload));
    (void)!write(1, out.data, out.len);
    for (;;)
        pause();
}

/* In the place of the memory that the node shares, some as large and sealed as that, which cannot
 * be written. */
static void spoil_memory(void)
{
    struct stat st;
    int fd;
    if (fcntl(4, F_GET_SEALS) < 0 || fstat(4, &st) != 0)
        return;
    fd = memfd_create("spoiled", MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, st.st_size) != 0 || dup2(fd, 4) != 4 || close(fd) != 0)
        _exit(1);
    if (fcntl(4, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        _exit(1);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        what_was_open_is_answered_and_another_serves,
        one_that_was_stopped_is_replaced,
        silence_that_is_no_fault_of_it_is_none,
        orders_while_there_is_none_fail_at_once,
        small_orders_wait_for_the_end_of_the_round,
        more_bytes_than_may_be_open_replace_the_mover,
        more_orders_than_may_be_open_replace_the_mover,
        an_answer_stays_whole_while_others_are_asked_for,
        memory_that_is_lent_comes_back_and_rests_empty,
        one_that_talks_nonsense_is_replaced,
        one_that_answers_out_of_turn_is_replaced,
        small_orders_do_not_wait_for_what_is_put_in_place,
        one_that_ends_at_once_is_started_ever_more_rarely,
        one_that_cannot_map_the_memory_is_told_apart,
        one_that_cannot_be_started_is_told,
        the_next_waits_until_the_last_has_ended,
        it_dies_with_its_node,
        it_ends_when_it_is_closed,
        nothing_outside_the_folder_can_be_reached,
    };
    if (argc > 1 && strcmp(argv[1], "__mover") == 0) {
        static const char *const kinds[] = {"garbage", "other-request", "other-type",
                                            "unasked", "no-place",      "ends"};
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (kind_is(kinds[i]))
                return become_strange();
        if (kind_is("no-disk"))
            return become_slow();
        if (kind_is("unmapped"))
            spoil_memory();
        return mover_main(true);
    }
    signal(SIGPIPE, SIG_IGN); /* as a node does: movers die here */
    return check_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
