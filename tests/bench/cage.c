/* cage RUNS: what a worker in its cage costs above the bare start of a process. Each run prints, in
 * milliseconds, how long a vfork and exec of this program took until it wrote a byte, how long its
 * spawner took from the word to a worker that is ready, and how long until that one has a built-in
 * loaded and all walls closed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/machine.h"
#include "core/host/role.h"
#include "core/kernel/kernel.h"
#include "core/wire/message.h"
#include "core/wire/order.h"
#include "tests/bench/caged.h"
#include "tests/bench/client.h"

#define BARE "__bare"

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

static void load(struct caged *c)
{
    static uint8_t raw[FRAME_PAYLOAD_MAX];
    const struct velum_kernel *k = kernel_find("sum");
    struct order_load m = {.source = kernel_source(k), .reduction = (uint8_t)k->reduce};
    struct buf payload;
    snprintf(m.kernel, sizeof m.kernel, "sum");
    buf_init_fixed(&payload, raw, sizeof raw);
    put_order_load(&payload, &m);
    caged_order(c, MESSAGE_ORDER_LOAD, buf_bytes(&payload));
}

static void measure(const struct spawner *s, const char *program, uint32_t worker, uint64_t memory)
{
    static struct caged c;
    const int64_t bare = bare_us(program);
    const int64_t start = clock_us();
    caged_start(&c, s, worker, memory);
    caged_await(&c, MESSAGE_WORKER_READY);
    const int64_t ready = clock_us() - start;
    load(&c);
    caged_await(&c, MESSAGE_WORKER_LOADED);
    const int64_t walled = clock_us() - start;
    caged_end(&c, s);
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
        measure(&s, argv[0], (uint32_t)i + 1, CAGED_MEMORY_BYTES | apart);
    spawner_close(&s);
    return 0;
}
