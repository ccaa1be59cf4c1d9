#include "core/host/loop.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "core/base/err.h"
#include "tests/lib/check.h"

struct trace {
    struct loop *loop;
    struct watch *watch, *other;
    struct alarm *alarm;
    int fd;
    int reads, writes, rings, signals;
    struct instant rang;
};

static void on_ready(void *ctx, bool readable, bool writable)
{
    struct trace *t = ctx;
    char c;
    t->reads += readable;
    t->writes += writable;
    if (readable)
        CHECK_INT(read(t->fd, &c, 1), 1);
}

static void on_ring(void *ctx)
{
    struct trace *t = ctx;
    t->rings++;
    t->rang = loop_clock();
}

static void open_trace(struct trace *t)
{
    *t = (struct trace){.fd = -1};
    REQUIRE(loop_new(&t->loop) == 0);
}

TEST(test_alarm_never_rings_early)
{
    struct trace t;
    open_trace(&t);
    t.alarm = alarm_new(t.loop, on_ring, &t);
    for (int i = 0; i < 20; i++) {
        struct instant due = instant_plus_us(loop_clock(), 300 + 170 * i);
        alarm_set(t.alarm, due);
        loop_once(t.loop, INSTANT_NEVER);
        CHECK_INT(t.rings, i + 1);
        CHECK(instant_since_us(t.rang, due) >= 0);
    }
    alarm_free(t.alarm);
    loop_free(t.loop);
}

TEST(test_alarm_set_again_replaces)
{
    struct trace t;
    open_trace(&t);
    t.alarm = alarm_new(t.loop, on_ring, &t);
    alarm_set(t.alarm, instant_plus_us(loop_clock(), 1000));
    alarm_set(t.alarm, INSTANT_NEVER);
    loop_once(t.loop, instant_plus_us(loop_clock(), 5000));
    CHECK_INT(t.rings, 0);
    alarm_set(t.alarm, instant_plus_us(loop_clock(), 60 * S_US));
    alarm_set(t.alarm, (struct instant){0});
    loop_once(t.loop, INSTANT_NEVER);
    CHECK_INT(t.rings, 1);
    alarm_free(t.alarm);
    loop_free(t.loop);
}

TEST(test_once_returns_at_its_time)
{
    struct trace t;
    open_trace(&t);
    struct instant until = instant_plus_us(loop_clock(), 3000);
    loop_once(t.loop, until);
    CHECK(instant_reached(loop_clock(), until));
    loop_once(t.loop, (struct instant){0}); /* long past: at once */
    loop_free(t.loop);
}

TEST(test_watch_reads_and_writes)
{
    struct trace t;
    int pipe_fds[2];
    open_trace(&t);
    REQUIRE(pipe(pipe_fds) == 0);
    t.fd = pipe_fds[0];
    t.watch = watch_new(t.loop, pipe_fds[0], on_ready, &t);
    t.other = watch_new(t.loop, pipe_fds[1], on_ready, &t);
    CHECK(!loop_poll(t.loop));
    watch_set(t.watch, true, false);
    CHECK(!loop_poll(t.loop));
    REQUIRE(write(pipe_fds[1], "ab", 2) == 2);
    CHECK(loop_poll(t.loop));
    CHECK_INT(t.reads, 1);
    CHECK(loop_poll(t.loop)); /* level triggered: the second byte is told as well */
    CHECK_INT(t.reads, 2);
    CHECK(!loop_poll(t.loop));
    watch_set(t.other, false, true);
    CHECK(loop_poll(t.loop));
    CHECK_INT(t.writes, 1);
    watch_set(t.other, false, false);
    CHECK(!loop_poll(t.loop));
    watch_free(t.watch);
    watch_free(t.other);
    loop_free(t.loop);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void free_both(void *ctx, bool readable, bool writable)
{
    struct trace *t = ctx;
    (void)readable;
    (void)writable;
    t->reads++;
    watch_free(t->watch);
    watch_free(t->other);
    alarm_free(t->alarm);
}

TEST(test_callback_may_free_any_watch)
{
    struct trace t;
    int a[2], b[2];
    open_trace(&t);
    REQUIRE(pipe(a) == 0 && pipe(b) == 0);
    t.watch = watch_new(t.loop, a[0], free_both, &t);
    t.other = watch_new(t.loop, b[0], free_both, &t);
    t.alarm = alarm_new(t.loop, on_ring, &t);
    watch_set(t.watch, true, false);
    watch_set(t.other, true, false);
    alarm_set(t.alarm, instant_plus_us(loop_clock(), 1000));
    REQUIRE(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
    loop_once(t.loop, INSTANT_NEVER);
    loop_once(t.loop, instant_plus_us(loop_clock(), 3000));
    CHECK_INT(t.reads, 1);
    CHECK_INT(t.rings, 0);
    loop_free(t.loop);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

static void on_signal(void *ctx)
{
    struct trace *t = ctx;
    t->signals++;
    loop_stop(t->loop, 7);
}

TEST(test_signal_stops_with_a_code)
{
    struct trace t;
    int code = 0;
    open_trace(&t);
    REQUIRE(loop_on_signal(t.loop, SIGUSR1, on_signal, &t) == 0);
    CHECK(!loop_stopped(t.loop, NULL));
    raise(SIGUSR1);
    CHECK_INT(loop_run(t.loop), 7);
    CHECK_INT(t.signals, 1);
    CHECK(loop_stopped(t.loop, &code));
    CHECK_INT(code, 7);
    loop_free(t.loop);
}

TEST(test_too_many_signals_are_refused)
{
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGHUP,  SIGALRM, SIGWINCH,
                                  SIGURG,  SIGCHLD, SIGCONT, SIGTTIN};
    struct trace t;
    open_trace(&t);
    for (int i = 0; i < 8; i++)
        CHECK_INT(loop_on_signal(t.loop, numbers[i], on_signal, &t), 0);
    CHECK_INT(loop_on_signal(t.loop, numbers[8], on_signal, &t), ERR_FULL);
    loop_free(t.loop);
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

TEST(test_a_guest_tells_another_loop)
{
    struct trace t = {.fd = -1};
    int ends[2];
    REQUIRE(loop_new_guest(&t.loop) == 0);
    REQUIRE(pipe(ends) == 0);
    t.fd = ends[0];
    t.watch = watch_new(t.loop, ends[0], on_ready, &t);
    CHECK_INT(write(ends[1], "ab", 2), 2);
    CHECK(!readable(loop_fd(t.loop)));
    watch_set(t.watch, true, false);
    CHECK(readable(loop_fd(t.loop)));
    CHECK(loop_poll(t.loop));
    CHECK_INT(t.reads, 1);
    /* Still one byte is there; turned off it is nobody's. */
    CHECK(readable(loop_fd(t.loop)));
    watch_set(t.watch, false, false);
    CHECK(!readable(loop_fd(t.loop)));
    watch_set(t.watch, true, false);
    CHECK(loop_poll(t.loop));
    CHECK_INT(t.reads, 2);
    CHECK(!readable(loop_fd(t.loop)));
    /* Its deadline is that of the first alarm that is set. */
    CHECK(loop_due(t.loop).us == INSTANT_NEVER.us);
    struct alarm *late = alarm_new(t.loop, on_ring, &t);
    t.alarm = alarm_new(t.loop, on_ring, &t);
    struct instant due = instant_plus_us(loop_clock(), 3 * S_US);
    alarm_set(late, instant_plus_us(due, S_US));
    alarm_set(t.alarm, due);
    CHECK(loop_due(t.loop).us == due.us);
    alarm_free(t.alarm);
    CHECK(loop_due(t.loop).us == due.us + S_US);
    alarm_free(late);
    CHECK(loop_due(t.loop).us == INSTANT_NEVER.us);
    watch_free(t.watch);
    loop_free(t.loop);
    close(ends[0]);
    close(ends[1]);
}

TEST_MAIN(test_alarm_never_rings_early, test_alarm_set_again_replaces,
          test_once_returns_at_its_time, test_watch_reads_and_writes,
          test_callback_may_free_any_watch, test_signal_stops_with_a_code,
          test_too_many_signals_are_refused, test_a_guest_tells_another_loop)
