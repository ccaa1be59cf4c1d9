/* A worker process in a forked child, and what a node would say to it and hear from it. */
#ifndef VELUM_TESTS_WORKER_CHILD_H
#define VELUM_TESTS_WORKER_CHILD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/host/plugin.h"
#include "core/host/sandbox.h"
#include "core/host/spawner.h"
#include "core/host/worker.h"
#include "core/kernel/kernel.h"
#include "core/wire/frame.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"
#include "tests/plugins/plugins.h"

/* A worker in a forked child, and our ends of its pipes. */
struct child {
    pid_t pid;
    int orders, reports;
    uint8_t input[1 << 18];
    size_t start, end;
};

static struct child child;
static uint8_t scratch[1 << 17];

/* Something that the child does before it becomes a worker; NULL: nothing. */
static void (*child_first)(void);
static uint64_t child_memory = (uint64_t)4 << 30;
static bool child_apart; /* from its machine, as the worker of a node is where that is allowed */

/* What the spawner does before it starts one, and the worker first of all. Its standard error may
 * be a file here, which none may grow. */
static inline void confine_child(void)
{
    signal(SIGXFSZ, SIG_IGN);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || sandbox_confine(child_memory) != 0)
        _exit(126);
    if (child_apart)
        sandbox_apart();
    spawner_settle_worker();
}

static inline void start_worker(void)
{
    int in[2], out[2];
    signal(SIGPIPE, SIG_IGN);
    REQUIRE(pipe(in) == 0 && pipe(out) == 0);
    fflush(stdout);
    child = (struct child){.pid = fork(), .orders = in[1], .reports = out[0]};
    REQUIRE(child.pid >= 0);
    if (child.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        if (child_first)
            child_first();
        confine_child();
        _exit(worker_main());
    }
    close(in[0]);
    close(out[1]);
}

/* A worker whose standard error is read by nobody until it has ended. */
static inline int start_with_errors(void)
{
    int errors[2], before = fcntl(2, F_DUPFD_CLOEXEC, 100);
    REQUIRE(pipe2(errors, O_CLOEXEC) == 0 && before >= 0 && dup2(errors[1], 2) == 2);
    start_worker();
    dup2(before, 2);
    close(before);
    close(errors[1]);
    return errors[0];
}

/* The exit status as waitid gives it: code >= 0, or minus the signal; -1000 when it hangs. */
static inline int end_worker(void)
{
    int status = 0;
    if (child.orders >= 0)
        close(child.orders);
    for (int i = 0; i < 5000; i++) {
        if (waitpid(child.pid, &status, WNOHANG) == child.pid) {
            close(child.reports);
            return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        }
        usleep(1000);
    }
    kill(child.pid, SIGKILL);
    waitpid(child.pid, &status, 0);
    close(child.reports);
    return -1000;
}

static inline void send_order(uint8_t type, uint32_t request, struct buf *payload)
{
    struct buf b;
    static uint8_t raw[1 << 17];
    REQUIRE(!payload->failed);
    buf_init_fixed(&b, raw, sizeof raw);
    frame_put(&b, type, request, buf_bytes(payload));
    REQUIRE(!b.failed && write(child.orders, b.data, b.len) == (ssize_t)b.len);
}

/* The next report, or false at the end or after a minute of silence, which a busy
 * machine may need for a second of work. */
static inline bool next_report(struct frame *f)
{
    struct child *c = &child;
    for (;;) {
        int size = frame_take((struct bytes){c->input + c->start, c->end - c->start}, f);
        REQUIRE(size >= 0);
        c->start += (size_t)size;
        if (size > 0)
            return true;
        memmove(c->input, c->input + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
        struct pollfd p = {.fd = c->reports, .events = POLLIN};
        if (poll(&p, 1, 60000) <= 0)
            return false;
        ssize_t n = read(c->reports, c->input + c->end, sizeof c->input - c->end);
        if (n <= 0)
            return false;
        c->end += (size_t)n;
    }
}

static inline struct frame expect(uint8_t type)
{
    struct frame f = {0};
    REQUIRE(next_report(&f));
    REQUIRE(CHECK_STR(message_name(f.type), message_name(type)));
    return f;
}

static inline struct buf *payload(void)
{
    static struct buf b;
    buf_init_fixed(&b, scratch, sizeof scratch);
    return &b;
}

/* READY is taken, LOAD is sent with the name and source of the kernel, and answered. A path is that
 * of a plugin, unless the origin says a snippet's. */
static inline struct worker_loaded load_order(const struct velum_kernel *k, const char *path,
                                              struct order_load *m)
{
    struct worker_loaded answer;
    struct frame f = expect(MESSAGE_WORKER_READY);
    CHECK_INT(load_u32(f.payload.data), child.pid);
    if (m->origin != ORIGIN_SNIPPET)
        m->origin = path ? ORIGIN_PLUGIN : ORIGIN_BUILTIN;
    text_copy(m->kernel, sizeof m->kernel, k->name);
    m->source = kernel_source(k);
    text_copy(m->path, sizeof m->path, path ? path : "");
    struct buf b = *payload();
    put_order_load(&b, m);
    send_order(MESSAGE_ORDER_LOAD, 7, &b);
    f = expect(MESSAGE_WORKER_LOADED);
    CHECK_INT(f.request, 7);
    memset(&answer, 0, sizeof answer);
    REQUIRE(read_worker_loaded(f.payload, &answer) == 0);
    return answer;
}

/* The plugin of that name, or the built-in and no path. */
static inline const struct velum_kernel *kernel_or_plugin(const char *name, const char **path)
{
    char file[80], reason[REASON_SIZE];
    const struct velum_kernel *k = kernel_find(name);
    *path = NULL;
    if (k)
        return k;
    snprintf(file, sizeof file, "%s.so", name);
    *path = plugin_path(file);
    return plugin_load(*path, &k, reason) == 0 ? k : NULL;
}

#endif
