/* libvelum with the node inside the program: as a program uses it, and in the loop of another. */
#include <poll.h>
#include <pthread.h>
#include <sys/time.h>

#include "tests/unit/api_program.h"

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
    /* None of these says what was wrong with another. */
    CHECK_INT(velum_wait(v, 99999, 0), VELUM_MISUSE);
    CHECK_INT(velum_get(v, NULL), VELUM_MISUSE);
    CHECK_STR(velum_sentence(v, VELUM_MISUSE), "the reference is missing");
    CHECK_INT(velum_wait(v, 99999, 0), VELUM_MISUSE);
    CHECK_INT(velum_take(v, 99999, NULL, 0), VELUM_MISUSE);
    CHECK_STR(velum_sentence(v, VELUM_MISUSE), "where to put it is missing");
    CHECK_INT(velum_submit(v, NULL), VELUM_MISUSE);
    CHECK_STR(velum_sentence(v, VELUM_MISUSE), "the task is missing");
    CHECK_INT(velum_get_fd(v, "ffffffff", -1), VELUM_MISUSE);
    CHECK_STR(velum_sentence(v, VELUM_MISUSE), "the descriptor is missing");
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

TEST(what_a_task_asks_of_nodes_is_met_or_said)
{
    const char *args[] = {"1000"};
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    struct velum_task t = {.kernel = "sum", .argc = 1, .argv = args};
    t.asks.mem_bytes = 1 << 20;
    t.asks.on = "arch node=here";
    t.asks.prefer = "disk=ssd";
    t.asks.priority = -10;
    CHECK_STR(velum_text(v, velum_wait(v, velum_submit(v, &t), -1)), "500500");
    t.asks.mem_bytes = (uint64_t)1 << 50;
    CHECK_INT(velum_wait(v, velum_submit(v, &t), -1), VELUM_NOWHERE);
    CHECK(says(v, VELUM_NOWHERE, "no node has 1024 TiB of memory"));
    t.asks.mem_bytes = 0;
    t.asks.on = "gpu=";
    CHECK_INT(velum_submit(v, &t), VELUM_MISUSE);
    t.asks.on = NULL;
    t.asks.min_tier = "S4";
    CHECK_INT(velum_submit(v, &t), VELUM_MISUSE);
    t.asks.min_tier = "S3";
    CHECK_INT(velum_wait(v, velum_submit(v, &t), -1), VELUM_NOWHERE);
    CHECK(says(v, VELUM_NOWHERE, "no node has tier S3: the nearest is here of tier S"));
    t.asks.min_tier = NULL;
    t.tier = "tcc"; /* its kernel is no C source */
    CHECK_INT(velum_submit(v, &t), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "whose compiler makes the code of FILE.c"));
    t.tier = NULL;
    t.asks.priority = 11;
    CHECK_INT(velum_submit(v, &t), VELUM_MISUSE);
    velum_shutdown(v);
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

TEST(processor_time_runs_out)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    const char *args[] = {"100000000000"};
    struct velum_task t = {.kernel = "pi", .argc = 1, .argv = args, .cpu_ms = 100};
    CHECK_INT(velum_wait(v, velum_submit(v, &t), 20000), VELUM_FAILED);
    CHECK(says(v, VELUM_FAILED, "more than the 100 ms of processor time"));
    velum_shutdown(v);
}

/* The one node inside has nobody who could compute them again. */
TEST(leaves_that_are_to_be_checked_are_counted)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    const char *args[] = {"1000000"};
    struct velum_task t = {.kernel = "squares", .argc = 1, .argv = args, .check = 100};
    struct velum_state s;
    const int job = velum_submit(v, &t);
    CHECK_INT(velum_wait(v, job, -1), job);
    CHECK_INT(velum_look(v, job, &s), VELUM_DONE);
    CHECK(s.checked == 0 && s.leaves > 0 && s.unchecked == s.leaves);
    t.check = 101;
    CHECK_INT(velum_submit(v, &t), VELUM_MISUSE);
    CHECK(says(v, VELUM_MISUSE, "not 101"));
    t.check = 0;
    const int plain = velum_submit(v, &t);
    CHECK_INT(velum_wait(v, plain, -1), plain);
    CHECK_INT(velum_look(v, plain, &s), VELUM_DONE);
    CHECK(s.checked == 0 && s.unchecked == 0);
    velum_shutdown(v);
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

TEST(what_was_waited_for_is_not_told_again)
{
    struct velum *v = open_at(VELUM_INSIDE, NULL);
    int jobs[3], told = 0, next;
    for (int i = 0; i < 3; i++)
        jobs[i] = velum_spawn(v, "sum", "10", NULL);
    for (int i = 0; i < 3; i++)
        while (code_of(v, jobs[i]) == VELUM_IN_PART)
            CHECK_INT(velum_serve(v, 10), VELUM_DONE);
    CHECK_INT(velum_process(v), 3);
    /* They may have ended in any order. */
    for (int i = 0; i < 2; i++)
        CHECK_INT(velum_wait(v, jobs[i], 0), jobs[i]);
    CHECK_INT(velum_process(v), 1);
    while ((next = velum_next(v)) != 0 && told++ < 3)
        CHECK_INT(next, jobs[2]);
    CHECK_INT(told, 1);
    /* Nor what was released. */
    int last = velum_spawn(v, "sum", "10", NULL);
    while (code_of(v, last) == VELUM_IN_PART)
        CHECK_INT(velum_serve(v, 10), VELUM_DONE);
    velum_release(v, last);
    CHECK_INT(velum_next(v), 0);
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
    for (int i = 0; i < 100; i++) {
        struct velum *v = open_at(VELUM_INSIDE, NULL);
        if (i % 10 == 0)
            CHECK(velum_wait(v, velum_spawn(v, "noop", "1", NULL), -1) > 0);
        velum_shutdown(v);
    }
    for (int i = 1; i < 32; i++) {
        sigaction(i, NULL, &after);
        CHECK(before[i].sa_handler == after.sa_handler);
    }
    sigprocmask(SIG_BLOCK, NULL, &mask_after);
    for (int i = 1; i < 32; i++)
        CHECK_INT(sigismember(&mask_before, i), sigismember(&mask_after, i));
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
    int jobs[JOBS], ended = 0, readable = 0, next;
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
        int ready = poll(&p, 1, velum_timeout(v));
        REQUIRE(ready >= 0);
        readable += ready;
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
    CHECK(readable > 0);
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

int main(int argc, char **argv)
{
    const struct check_test tests[] = {
        the_three_lines_of_the_manual,
        a_job_is_looked_at_and_released,
        kernels_of_the_program_run_in_its_workers,
        a_kernel_that_fails_says_why,
        what_cannot_be_is_refused_at_once,
        what_a_task_asks_of_nodes_is_met_or_said,
        objects_need_a_node,
        no_node_is_no_end,
        killed_inside,
        time_runs_out, processor_time_runs_out, leaves_that_are_to_be_checked_are_counted,
        a_wait_is_ended_by_a_signal_handler,
        what_was_waited_for_is_not_told_again,
        signals_descriptors_and_children_are_as_before,
        the_thread_that_opened_may_end,
        many_jobs_in_a_loop_of_the_program,
    };
    return api_main(tests, sizeof tests / sizeof *tests, argc, argv);
}
