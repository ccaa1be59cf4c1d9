/* relay COUNT: milliseconds of a round trip of 64 bytes from this process to another by a socket,
 * from there to a third by a pipe, and the same way back: one line each. What an empty task of a
 * session costs where nothing is done to it, with each process asleep until it is woken. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/client.h"

#define WARM_UP 20
#define MESSAGE 64

static bool pass(int from, int to)
{
    char message[MESSAGE];
    return read(from, message, MESSAGE) == MESSAGE && write(to, message, MESSAGE) == MESSAGE;
}

/* The last of them, which waits as a worker does. */
static void answer(int in, int out)
{
    while (pass(in, out))
        ;
}

static void watch(int set, int fd)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) != 0)
        die("a descriptor cannot be watched");
}

/* The one between them, which waits for both. */
static void hand_on(int line, int orders, int reports)
{
    const int set = epoll_create1(0);
    struct epoll_event e;
    watch(set, line);
    watch(set, reports);
    while (epoll_wait(set, &e, 1, -1) == 1)
        if (!(e.data.fd == line ? pass(line, orders) : pass(reports, line)))
            return;
}

static void serve(int line)
{
    int orders[2], reports[2];
    if (pipe(orders) != 0 || pipe(reports) != 0)
        die("no pipe");
    const pid_t last = fork();
    if (last == 0) {
        close(orders[1]);
        answer(orders[0], reports[1]);
        _exit(0);
    }
    hand_on(line, orders[1], reports[0]);
    close(orders[1]);
    (void)waitpid(last, NULL, 0);
    _exit(0);
}

int main(int argc, char **argv)
{
    int line[2];
    char message[MESSAGE] = {0};
    if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, line) != 0)
        return 2;
    const pid_t middle = fork();
    if (middle == 0) {
        close(line[0]);
        serve(line[1]);
    }
    close(line[1]);
    for (long i = -WARM_UP; i < atol(argv[1]); i++) {
        const int64_t began = clock_us();
        if (write(line[0], message, MESSAGE) != MESSAGE ||
            read(line[0], message, MESSAGE) != MESSAGE)
            die("the other process has ended");
        if (i >= 0)
            printf("%.3f\n", (double)(clock_us() - began) / 1000);
    }
    close(line[0]);
    (void)waitpid(middle, NULL, 0);
    return 0;
}
