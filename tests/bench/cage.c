/* cage RUNS: what a worker in its cage costs above the bare start of a process. Each run prints, in
 * milliseconds, how long a vfork and exec of this program took until it wrote a byte, how long its
 * spawner took from the word to a worker that is ready, and how long until that one has a built-in
 * loaded and all walls closed. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/machine.h"
#include "core/host/role.h"
#include "core/host/spawner.h"
#include "core/kernel/kernel.h"
#include "core/wire/message.h"
#include "core/wire/order.h"
#include "tests/bench/client.h"

#define BARE "__bare"
#define MEMORY_BYTES ((uint64_t)4 << 30)
#define FRAME_SIZE (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX)

static int64_t bare_us(const char *program)
{
    char *const arguments[] = {(char *)program, (char *)BARE, NULL}, *const none[] = {NULL};
    int ends[2];
    char byte;
    if (pipe(ends) != 0)
        die("there are no pipes");
    const int64_t start = clock_us();
    const pid_t pid = vfork();
    if (pid == 0) {
        dup2(ends[1], 1);
        execve("/proc/self/exe", arguments, none);
        _exit(1);
    }
    const bool good = pid > 0 && read(ends[0], &byte, 1) == 1;
    const int64_t us = clock_us() - start;
    if (!good || waitpid(pid, NULL, 0) != pid)
        die("the program does not start itself");
    close(ends[0]);
    close(ends[1]);
    return us;
}

static void await_frame(int from, uint8_t type)
{
    static uint8_t data[FRAME_SIZE];
    size_t len = 0;
    struct frame f;
    while (frame_take((struct bytes){data, len}, &f) <= 0) {
        const ssize_t n = read(from, data + len, sizeof data - len);
        if (n <= 0)
            die("a worker ended");
        len += (size_t)n;
    }
    if (f.type != type)
        die("a worker said %s", message_name(f.type));
}

static void load(int to)
{
    static uint8_t raw[FRAME_SIZE], framed[FRAME_SIZE];
    const struct velum_kernel *k = kernel_find("sum");
    struct order_load m = {.source = kernel_source(k), .reduction = (uint8_t)k->reduce};
    struct buf payload, b;
    snprintf(m.kernel, sizeof m.kernel, "sum");
    buf_init_fixed(&payload, raw, sizeof raw);
    buf_init_fixed(&b, framed, sizeof framed);
    put_order_load(&payload, &m);
    frame_put(&b, MESSAGE_ORDER_LOAD, 1, buf_bytes(&payload));
    if (b.failed || write(to, b.data, b.len) != (ssize_t)b.len)
        die("a worker takes no order");
}

static void end_worker(const struct spawner *s, uint32_t worker)
{
    struct spawner_exit e;
    struct pollfd p = {s->fd, POLLIN, 0};
    spawner_kill(s, worker);
    while (spawner_next_exit(s, &e) == 0)
        poll(&p, 1, 1000);
}

static void measure(const struct spawner *s, const char *program, uint32_t worker, uint64_t memory)
{
    int orders[2], reports[2], errors[2];
    const int64_t bare = bare_us(program);
    if (pipe(orders) != 0 || pipe(reports) != 0 || pipe(errors) != 0)
        die("there are no pipes");
    const int64_t start = clock_us();
    if (spawner_start(s, worker, memory, (int[]){orders[0], reports[1], errors[1]}) != 0)
        die("the spawner takes no order");
    await_frame(reports[0], MESSAGE_WORKER_READY);
    const int64_t ready = clock_us() - start;
    load(orders[1]);
    await_frame(reports[0], MESSAGE_WORKER_LOADED);
    const int64_t walled = clock_us() - start;
    end_worker(s, worker);
    for (int i = 0; i < 2; i++) {
        close(orders[i]);
        close(reports[i]);
        close(errors[i]);
    }
    printf("%.3f %.3f %.3f\n", (double)bare / 1000, (double)ready / 1000, (double)walled / 1000);
}

int main(int argc, char **argv)
{
    const enum role role = role_of_arguments(argc, argv);
    struct spawner s;
    if (role != ROLE_NONE)
        return role_serve(role);
    if (argc == 2 && strcmp(argv[1], BARE) == 0)
        return write(1, "x", 1) == 1 ? 0 : 1;
    if (argc != 2 || spawner_new(&s) != 0)
        return 2;
    const uint64_t apart = machine_tier_lacks() & LACKS_NAMESPACES ? 0 : SPAWNER_APART;
    for (int i = 0; i < atoi(argv[1]); i++)
        measure(&s, argv[0], (uint32_t)i + 1, MEMORY_BYTES | apart);
    spawner_close(&s);
    return 0;
}
