#include "core/host/node_process.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/driver.h"
#include "core/host/exit_code.h"
#include "core/host/host.h"
#include "core/host/log_flow.h"

#define DESCRIPTORS_MAX 8192

struct process {
    struct host *host;
    int signalled;
};

static void complain(const char *text)
{
    fprintf(stderr, "velum node: %s\n", text);
}

static void log_to_stderr(void *ctx, enum log_level level, const char *text)
{
    uint32_t left_out;
    if (!log_flow_takes(ctx, text, loop_clock(), &left_out))
        return;
    if (left_out > 0)
        fprintf(stderr, "velum node: %u more lines as the next were left out\n", left_out);
    fprintf(stderr, "velum node: %s%s\n", level == LOG_ERROR ? "error: " : "", text);
}

static struct log_flow flow;
static const struct log_sink stderr_log = {log_to_stderr, &flow, LOG_WARNING};

/* Keys must not end in core files, a thousand connections need as many descriptors, and the death
 * of a worker or a peer is no reason to die. */
static void settle(void)
{
    struct rlimit none = {0, 0}, files;
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= DESCRIPTORS_MAX)
        return;
    files.rlim_cur = files.rlim_max < DESCRIPTORS_MAX ? files.rlim_max : DESCRIPTORS_MAX;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void introduce(void *ctx, const struct node_options *o)
{
    char id[9];
    (void)ctx;
    id_hex(o->id.bytes, 8, id);
    fprintf(stderr, "velum %s  node %s  %s..  %s, %u slot%s, %.1f GiB\n", o->version, o->name, id,
            o->arch, (unsigned)o->slots, o->slots == 1 ? "" : "s",
            (double)o->memory_bytes / (double)(1 << 30));
}

static void warn(const struct host *h)
{
    struct address bound;
    char text[ADDR_SIZE], message[ADDR_SIZE + 160];
    host_bound(h, &bound);
    address_text(&bound, text);
    fprintf(stderr, "listening on %s\n", text);
    if (!address_is_loopback(&bound)) {
        snprintf(message, sizeof message,
                 "warning: %s can be reached from other machines; only nodes and users with a "
                 "certificate of this mesh get in",
                 text);
        complain(message);
    }
    if (geteuid() == 0)
        complain("warning: running as root; an ordinary user is enough");
}

static void on_stop(void *ctx)
{
    struct process *p = ctx;
    driver_stop(host_driver(p->host), p->signalled++ ? 130 : 0);
}

static int open_signals(struct process *p)
{
    struct loop *l = host_loop(p->host);
    int rc = loop_on_signal(l, SIGTERM, on_stop, p);
    if (rc == 0)
        rc = loop_on_signal(l, SIGINT, on_stop, p);
    if (rc == 0)
        rc = loop_on_signal(l, SIGHUP, on_stop, p);
    return rc;
}

int node_process(const struct conf *c, struct spawner *s)
{
    struct process p = {0};
    char message[HOST_MESSAGE_SIZE] = "";
    int code = 1;
    const struct host_options o = {
        .conf = c, .spawner = s, .log = &stderr_log, .introduce = introduce};
    settle();
    int rc = host_open(&p.host, &o, message);
    if (rc < 0) {
        complain(message);
        return rc == ERR_REFUSED ? CODE_NOT_ALLOWED : code;
    }
    if (open_signals(&p) == 0) {
        warn(p.host);
        do
            host_settle(p.host);
        while (driver_round(host_driver(p.host), INSTANT_NEVER, &code));
    }
    host_close(p.host);
    return code;
}
