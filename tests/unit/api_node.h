/* Real nodes on loopback for test_api: this test program once more, as `velum node` would be. */
#ifndef VELUM_TESTS_API_NODE_H
#define VELUM_TESTS_API_NODE_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/api/velum.h"
#include "core/host/node_process.h"
#include "tests/lib/check.h"

#define NODE_WAIT_MS 10000

static const char *api_program;
static const char *api_other; /* what start_child runs instead; NULL */
static char api_home[64];

static inline void nap_ms(long ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static inline long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* In the child: what `velum node --port PORT` does, with --data API_DATA where that is set. */
static inline int api_node_main(const char *port)
{
    static struct conf conf;
    char message[CONF_MESSAGE_SIZE];
    struct spawner spawner;
    const char *data = getenv("API_DATA");
    conf_default(&conf);
    if (data && conf_set(&conf, "data", data, message) < 0)
        return 1;
    if (conf_set(&conf, "port", port, message) < 0 || conf_set(&conf, "slots", "2", message) < 0 ||
        spawner_fork(&spawner, api_program) < 0)
        return 1;
    return node_process(&conf, &spawner);
}

static inline void new_home(void)
{
    snprintf(api_home, sizeof api_home, "/tmp/velum-api-XXXXXX");
    REQUIRE(mkdtemp(api_home));
    setenv("VELUM_HOME", api_home, 1);
    unsetenv("VELUM_ADDR");
}

static inline void end_home(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", api_home);
    CHECK_INT(system(command), 0);
}

static inline const char *addr_of(int port)
{
    static char text[2][32];
    static int turn;
    char *to = text[turn++ % 2];
    snprintf(to, sizeof text[0], "127.0.0.1:%d", port);
    return to;
}

static inline bool answers(int port)
{
    struct velum *v;
    struct velum_options o = {.where = VELUM_AT_NODE, .addr = addr_of(port)};
    bool ok = velum_init(&v, &o) == VELUM_DONE;
    velum_shutdown(v);
    return ok;
}

static inline pid_t start_child(const char *verb, int port)
{
    char text[16], log[128];
    snprintf(text, sizeof text, "%d", port);
    snprintf(log, sizeof log, "%s/node.log", api_home);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen(log, "a", stderr))
            _exit(1);
        execl(api_other ? api_other : api_program, api_program, verb, text, (char *)NULL);
        _exit(127);
    }
    REQUIRE(pid > 0);
    for (long long end = now_ms() + NODE_WAIT_MS; !answers(port);) {
        REQUIRE(now_ms() < end);
        nap_ms(20);
    }
    return pid;
}

static inline pid_t start_node(int port)
{
    return start_child("__node", port);
}

static inline void end_node(pid_t pid, int how)
{
    kill(pid, how);
    CHECK_INT(waitpid(pid, NULL, 0), pid);
}

/* Below those the kernel gives to others, and different in programs that run side by side. */
static inline int a_port(void)
{
    static int next;
    if (next == 0)
        next = 20000 + (int)(getpid() % 1100) * 10;
    return next++;
}

#endif
