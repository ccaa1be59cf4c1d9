/* Sessions of libvelum: tasks that are added to a job while it runs, and taken as they end, with
 * the node inside and at running ones. */
#include "tests/unit/api_program.h"

#define TASKS 3000

static uint64_t sum_of(const struct velum_end *end)
{
    uint64_t sum = 0;
    REQUIRE(end->size >= 8);
    for (size_t i = 0; i < 8; i++)
        sum |= (uint64_t)((const uint8_t *)end->bytes)[i] << (8 * i);
    return sum;
}

static int64_t add(struct velum *v, int session, const char *kernel, uint64_t n, int64_t after)
{
    char number[24];
    const char *args[] = {number};
    struct velum_stage task = {
        .kernel = kernel, .argc = 1, .argv = args, .after_count = after >= 0, .after = &after};
    snprintf(number, sizeof number, "%llu", (unsigned long long)n);
    return velum_add(v, session, &task);
}

/* Takes until nothing is open; each exactly once. */
static void take_all(struct velum *v, int session, uint64_t count)
{
    static bool seen[TASKS];
    struct velum_end end;
    uint64_t taken = 0;
    int rc;
    memset(seen, 0, sizeof seen);
    while ((rc = velum_take(v, session, &end, 60000)) > 0) {
        uint64_t n = (uint64_t)end.task + 1;
        REQUIRE(end.task >= 0 && end.task < TASKS && !seen[end.task]);
        seen[end.task] = true;
        CHECK_INT(end.code, VELUM_DONE);
        CHECK(sum_of(&end) == n * (n + 1) / 2);
        taken++;
    }
    CHECK_INT(rc, 0);
    CHECK_INT(taken, count);
}

static void check_session(struct velum *v, enum velum_level level)
{
    const struct velum_session options = {.name = "many", .level = level};
    struct velum_progress p;
    struct velum_state s;
    int session = velum_open(v, &options);
    REQUIRE(session > 0);
    for (uint64_t i = 0; i < TASKS / 2; i++)
        CHECK(add(v, session, "sum", i + 1, i % 10 == 0 ? -1 : (int64_t)i - 1) == (int64_t)i);
    take_all(v, session, TASKS / 2);
    CHECK_INT(velum_wait(v, session, 0), VELUM_IN_PART);
    CHECK_INT(add(v, session, "sum", TASKS / 2 + 1, 7), TASKS / 2);
    CHECK_INT(velum_close(v, session), session);
    CHECK_INT(add(v, session, "sum", 1, -1), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "was closed"));
    CHECK_INT(velum_wait(v, session, 30000), session);
    CHECK_INT(velum_progress(v, session, &p), VELUM_DONE);
    CHECK_INT(p.added, TASKS / 2 + 1);
    CHECK_INT(p.sent, p.added);
    CHECK_INT(p.ended, p.added);
    CHECK_INT(velum_look(v, session, &s), VELUM_DONE);
    CHECK_STR(s.state, "done");
    CHECK_STR(velum_text(v, session), "1127251");
    velum_release(v, session);
}

TEST(tasks_with_the_node_inside)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    check_session(v, VELUM_SENT);
    velum_shutdown(v);
}

static void add_one(struct velum *v, int session, const char *kernel, const char *argument,
                    bool asks)
{
    const struct velum_stage task = {
        .kernel = kernel, .argc = 1, .argv = &argument, .asks_nothing = !asks};
    CHECK(velum_add(v, session, &task) >= 0);
}

static void take_so_many(struct velum *v, int session, int count)
{
    struct velum_end end;
    while (count-- > 0) {
        CHECK_INT(velum_take(v, session, &end, 30000), session);
        CHECK_INT(end.code, VELUM_DONE);
    }
    CHECK_INT(velum_wait(v, velum_close(v, session), 30000), session);
}

TEST(what_a_session_asks_of_nodes_is_met_or_said)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    struct velum_session o = {.asks = {.mem_bytes = 1 << 20, .on = "node=here", .priority = 3}};
    struct velum_end end;
    int session = velum_open(v, &o);
    for (int i = 0; i < 12; i++)
        add_one(v, session, "sum", i < 6 ? "10" : "11", i % 3 != 1);
    take_so_many(v, session, 12);
    o.asks.on = "gpu";
    session = velum_open(v, &o);
    add_one(v, session, "sum", "10", true);
    CHECK_INT(velum_take(v, session, &end, 30000), VELUM_NOWHERE);
    CHECK(says(v, VELUM_NOWHERE, "no node has 1 MiB of memory and gpu"));
    o.asks.cpus = 1025;
    CHECK_INT(velum_open(v, &o), VELUM_MISUSE);
    velum_shutdown(v);
}

TEST(a_task_that_asks_nothing_does_not_wait_for_what_its_session_asks)
{
    const struct velum_session o = {.asks = {.on = "gpu", .wait_for_capacity = 1}};
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    struct velum_end end;
    int session = velum_open(v, &o);
    add_one(v, session, "sum", "10", true);
    add_one(v, session, "sum", "10", false);
    CHECK_INT(velum_take(v, session, &end, 20000), session);
    CHECK_INT(end.task, 1);
    velum_shutdown(v);
}

/* There are two slots: two such tasks never run at once. Those behind the first are of another
 * kernel than that. */
TEST(tasks_of_a_session_take_the_slots_that_it_says)
{
    const struct velum_session o = {.asks = {.cpus = 2}};
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    const long long since = now_ms();
    int session = velum_open(v, &o);
    add_one(v, session, "sum", "100", true);
    for (int i = 0; i < 6; i++)
        add_one(v, session, "sleep", "120", true);
    take_so_many(v, session, 7);
    CHECK(now_ms() - since >= 6 * 120);
    velum_shutdown(v);
}

TEST(tasks_at_two_nodes)
{
    int port = a_port(), other = a_port();
    new_home();
    pid_t first = start_node(port), second = start_node(other);
    struct velum *v = open_at(VELUM_AT_NODE, addr_of(other));
    check_session(v, VELUM_DURABLE);
    velum_shutdown(v);
    end_node(first, SIGTERM);
    end_node(second, SIGTERM);
    end_home();
}

/* What was sent and not answered goes out again, and what became of tasks is told once. */
TEST(a_node_that_comes_back_goes_on)
{
    const struct velum_session options = {.level = VELUM_DURABLE};
    struct velum_progress p = {0};
    int port = a_port();
    new_home();
    pid_t node = start_node(port);
    struct velum *v = open_at(VELUM_AT_NODE, addr_of(port));
    int session = velum_open(v, &options);
    REQUIRE(session > 0);
    for (uint64_t i = 0; i < 400; i++)
        CHECK(add(v, session, "sum", i + 1, -1) == (int64_t)i);
    while (p.safe < 400 && velum_serve(v, 1) == VELUM_DONE)
        CHECK_INT(velum_progress(v, session, &p), VELUM_DONE);
    end_node(node, SIGKILL);
    for (uint64_t i = 400; i < 500; i++)
        CHECK(add(v, session, "sum", i + 1, -1) == (int64_t)i);
    (void)velum_serve(v, 50);
    node = start_node(port);
    take_all(v, session, 500);
    CHECK_INT(velum_wait(v, velum_close(v, session), 30000), session);
    velum_shutdown(v);
    end_node(node, SIGTERM);
    end_home();
}

/* Short ones that come one by one are computed ahead of the list that has them; in the end all are
 * in a list. */
TEST(tasks_one_by_one_are_not_signed_one_by_one)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int session = velum_open(v, NULL);
    struct velum_progress p;
    struct velum_end end;
    uint32_t ahead = 0;
    for (int64_t i = 0; i < 500; i++) {
        CHECK(add(v, session, "sum", 10, -1) == i);
        CHECK_INT(velum_take(v, session, &end, 30000), session);
        CHECK_INT(end.task, i);
        CHECK_INT(end.code, VELUM_DONE);
        CHECK(sum_of(&end) == 55);
        CHECK_INT(velum_progress(v, session, &p), VELUM_DONE);
        ahead += p.sent < p.ended;
    }
    CHECK(ahead > 250);
    /* One that needs another goes in the list with all before it. */
    CHECK(add(v, session, "sum", 10, 499) == 500);
    CHECK_INT(velum_take(v, session, &end, 30000), session);
    CHECK_INT(velum_wait(v, velum_close(v, session), 30000), session);
    CHECK_INT(velum_progress(v, session, &p), VELUM_DONE);
    CHECK_INT(p.sent, 501);
    CHECK_STR(velum_text(v, session), "55");
    velum_shutdown(v);
}

/* Each adds its own number to what the two before it came to. */
TEST(a_task_reads_what_others_came_to)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int session = velum_open(v, NULL);
    uint64_t want[40];
    struct velum_end end;
    for (int64_t i = 0; i < 40; i++) {
        char number[24];
        const char *args[] = {number};
        const int64_t before[] = {i - 2, i - 1};
        const struct velum_stage task = {.kernel = "adds",
                                         .argc = 1,
                                         .argv = args,
                                         .inputs_count = i < 2 ? 0 : 2,
                                         .inputs = before};
        snprintf(number, sizeof number, "%lld", (long long)i + 1);
        want[i] = (uint64_t)i + 1 + (i < 2 ? 0 : want[i - 1] + 3 * want[i - 2]);
        CHECK(velum_add(v, session, &task) == i);
    }
    for (int k = 0; k < 40; k++) {
        CHECK_INT(velum_take(v, session, &end, 30000), session);
        CHECK_INT(end.code, VELUM_DONE);
        CHECK(sum_of(&end) == want[end.task]);
    }
    CHECK_INT(velum_wait(v, velum_close(v, session), 30000), session);
    velum_shutdown(v);
}

TEST(a_task_that_fails_stops_what_needs_it_only)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int session = velum_open(v, NULL), codes[4] = {1, 1, 1, 1};
    struct velum_end end;
    CHECK_INT(add(v, session, "squares", 3, -1), 0);
    CHECK_INT(add(v, session, "grumpy", 1, -1), 1);
    CHECK_INT(add(v, session, "squares", 4, 1), 2);
    CHECK_INT(add(v, session, "squares", 5, 0), 3);
    while (velum_take(v, session, &end, 30000) > 0) {
        codes[end.task] = end.code;
        CHECK((strstr(end.error, "not on a Monday") != NULL) == (end.task == 1));
        CHECK((end.error[0] == 0) == (end.task != 1));
    }
    CHECK_INT(codes[0], VELUM_DONE);
    CHECK_INT(codes[1], VELUM_FAILED);
    CHECK_INT(codes[2], VELUM_CANCELLED);
    CHECK_INT(codes[3], VELUM_DONE);
    CHECK_INT(velum_wait(v, velum_close(v, session), 30000), VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "not on a Monday"));
    velum_shutdown(v);
}

/* Each says two hundred times what it waits for. */
TEST(a_session_that_is_full_says_so)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int session = velum_open(v, NULL);
    int64_t number = add(v, session, "sum", 1, -1);
    const int64_t after[200] = {0};
    const char *args[] = {"1"};
    const struct velum_stage task = {
        .kernel = "sum", .argc = 1, .argv = args, .after_count = 200, .after = after};
    while (number >= 0)
        number = velum_add(v, session, &task);
    CHECK_INT(number, VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "36 MiB"));
    CHECK_INT(velum_kill(v, session, 10000), VELUM_DONE);
    velum_shutdown(v);
}

/* Its leaves alone are as many as all tasks of a job may have together. */
static void fill_one(struct velum *v)
{
    const char *number = "1099511627776";
    const struct velum_stage huge = {.kernel = "sum", .argc = 1, .argv = &number, .leaf_units = 1};
    struct velum_end end;
    int session = velum_open(v, NULL);
    CHECK_INT(add(v, session, "sum", 10, -1), 0);
    CHECK_INT(velum_take(v, session, &end, 30000), session);
    CHECK_INT(end.code, VELUM_DONE);
    CHECK_INT(velum_add(v, session, &huge), 1);
    CHECK_INT(velum_take(v, session, &end, 30000), VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "the job is full"));
    CHECK_INT(add(v, session, "sum", 10, -1), VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "the job is full"));
    velum_release(v, session);
}

/* Whichever of the nodes coordinates: one of two jobs at least is likely the other node's. */
TEST(a_job_that_its_node_finds_full_ends_with_its_words)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int port = a_port(), other = a_port();
    fill_one(v);
    velum_shutdown(v);
    new_home();
    pid_t first = start_node(port), second = start_node(other);
    v = open_at(VELUM_AT_NODE, addr_of(other));
    for (int i = 0; i < 8; i++)
        fill_one(v);
    velum_shutdown(v);
    end_node(first, SIGTERM);
    end_node(second, SIGTERM);
    end_home();
}

TEST(what_cannot_be_is_refused_at_once)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    const struct velum_session bad = {.name = "No Name"};
    struct velum_end end;
    CHECK_INT(velum_open(v, &bad), VELUM_MISUSE);
    int session = velum_open(v, NULL), job = velum_spawn(v, "sum", "10", NULL);
    CHECK_INT(add(v, session, "nothing", 1, -1), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "nothing"));
    CHECK_INT(add(v, session, "squares", 0, -1), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "N must be a whole number"));
    CHECK_INT(add(v, session, "sum", 1, 0), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "which is none before it"));
    CHECK_INT(add(v, session, "factor", 15, -1), VELUM_MISUSE);
    CHECK_INT(add(v, job, "sum", 1, -1), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "no session"));
    CHECK_INT(velum_take(v, session, &end, 0), 0);
    /* One without tasks is done when it is closed. */
    CHECK_INT(velum_wait(v, velum_close(v, session), -1), session);
    session = velum_open(v, NULL);
    CHECK_INT(add(v, session, "sum", 1, -1), 0);
    CHECK_INT(velum_take(v, session, &end, -1), session);
    CHECK_INT(velum_kill(v, session, 10000), VELUM_DONE);
    CHECK_INT(velum_wait(v, session, 10000), VELUM_CANCELLED);
    CHECK_INT(velum_take(v, session, &end, 0), VELUM_CANCELLED);
    velum_shutdown(v);
}

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        tasks_with_the_node_inside,
        tasks_at_two_nodes,
        a_node_that_comes_back_goes_on,
        tasks_one_by_one_are_not_signed_one_by_one,
        a_task_reads_what_others_came_to,
        a_task_that_fails_stops_what_needs_it_only,
        what_cannot_be_is_refused_at_once,
        a_session_that_is_full_says_so,
        a_job_that_its_node_finds_full_ends_with_its_words,
        what_a_session_asks_of_nodes_is_met_or_said,
        a_task_that_asks_nothing_does_not_wait_for_what_its_session_asks,
        tasks_of_a_session_take_the_slots_that_it_says,
    };
    return api_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
