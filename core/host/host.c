#include "core/host/host.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/control.h"
#include "core/host/disk.h"
#include "core/host/driver.h"
#include "core/host/home.h"
#include "core/host/journal_file.h"
#include "core/host/kernels.h"
#include "core/host/listen.h"
#include "core/host/machine.h"
#include "core/host/memory.h"
#include "core/host/quota.h"
#include "core/host/renewal.h"
#include "core/node/journal_record.h"

#define DESCRIPTORS_MAX 8192
#define RESCAN_US (5 * S_US)
#define DAY_S (24u * 3600)

/* Everything a node process owns, in the order in which it is opened. */
struct host {
    const struct conf *conf;
    struct spawner *spawner; /* NULL once the crew has taken it */
    struct home home;
    char state[HOME_PATH_SIZE];
    char objects[HOME_PATH_SIZE + 16]; /* their folder, and how much they may take */
    uint64_t objects_bytes;
    int state_lock;
    struct identity *identity;
    struct identity *user;
    struct loop *loop;
    struct address bound;
    char addr[ADDR_SIZE]; /* what others are told */
    bool announced;
    struct listener *tcp;
    struct listener *control;
    struct kernels kernels; /* until the node is made */
    struct journal_report report;
    struct disk *disk;
    struct node *node;
    bool record_refused; /* the node has no use for a record of its journal */
    struct driver *driver;
    struct renewal *renewal;
    struct alarm *rescan;
    bool rescan_is_set;
    int signalled;
};

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("velum node: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
}

static int fail(int rc, const char *message)
{
    complain("%s", message[0] ? message : err_sentence(rc));
    return rc;
}

static void log_to_stderr(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    complain("%s%s", level == LOG_ERROR ? "error: " : "", text);
}

static const struct log_sink host_log = {log_to_stderr, NULL, LOG_WARNING};

/* Keys must not end in core files, a thousand connections need as many descriptors, and the death
 * of a worker or a peer is no reason to die. */
static void settle_process(void)
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

static void size_objects(struct host *h)
{
    snprintf(h->objects, sizeof h->objects, "%s/objects", h->state);
    h->objects_bytes = h->conf->objects == CONF_OBJECTS_AUTO ? quota_default(h->state, h->objects)
                                                             : h->conf->objects;
}

static int open_state(struct host *h)
{
    char message[HOME_MESSAGE_SIZE] = "";
    const char *data = h->conf->data[0] ? h->conf->data : NULL;
    int rc = home_locate(&h->home, message);
    if (rc == 0)
        rc = home_open(&h->home, message);
    if (rc < 0)
        return fail(rc, message);
    h->state_lock = home_state_open(&h->home, h->conf->port, data, h->state, message);
    if (h->state_lock < 0)
        return fail(h->state_lock, message);
    size_objects(h);
    rc = identity_mesh_open(&h->home, message);
    if (rc == 0)
        rc = identity_node(&h->identity, &h->home, h->state, message);
    if (rc == 0)
        rc = identity_user_card(&h->user, &h->home, message);
    return rc < 0 ? fail(rc, message) : 0;
}

static void came_by_tcp(void *ctx, int fd, const struct address *from)
{
    struct host *h = ctx;
    (void)linkset_accept(driver_linkset(h->driver), fd, address_is_loopback(from));
}

static void came_by_control(void *ctx, int fd, const struct address *from)
{
    struct host *h = ctx;
    (void)from;
    if (control_check(fd) < 0)
        close(fd);
    else
        (void)linkset_accept_control(driver_linkset(h->driver), fd);
}

/* The sockets exist before the journal is read, so that a taken port is said at once; what connects
 * meanwhile waits in the kernel's queue. */
static int open_sockets(struct host *h)
{
    char message[512] = "", path[HOME_PATH_SIZE + 16];
    struct address reachable;
    int rc = loop_new(&h->loop);
    if (rc < 0)
        return fail(rc, "");
    rc = address_of(h->conf->bind, h->conf->port, &h->bound, message);
    if (rc < 0)
        return fail(rc, message);
    int fd = listen_tcp(&h->bound, message);
    if (fd < 0)
        return fail(fd, message);
    rc = listener_new(&h->tcp, h->loop, fd, came_by_tcp, h);
    if (rc < 0)
        return fail(rc, "");
    snprintf(path, sizeof path, "%s/control", h->state);
    fd = control_listen(path, message);
    if (fd < 0)
        return fail(fd, message);
    rc = listener_new(&h->control, h->loop, fd, came_by_control, h);
    address_reachable(&h->bound, &reachable);
    address_text(&reachable, h->addr);
    return rc < 0 ? fail(rc, "") : 0;
}

static int explain_journal(const struct host *h, int rc)
{
    const struct journal_report *r = &h->report;
    char message[HOME_MESSAGE_SIZE + 256];
    if (h->record_refused)
        complain("the journal in %s holds a record this velum cannot use: %s", h->state,
                 err_sentence(rc));
    else if (rc == ERR_DAMAGED)
        complain("the journal in %s is damaged (%s, byte %llu); it was left as it is: "
                 "velum journal check shows what is lost; move the folder away, or start with "
                 "another --data",
                 h->state, r->bad_segment, (unsigned long long)r->bad_offset);
    else if (rc == ERR_VERSION)
        complain(
            "%s; it was left as it is: use a velum that knows it, or start with another --data",
            journal_file_version(h->state, r, message, sizeof message));
    else
        complain("the journal in %s cannot be used: %s", h->state, err_sentence(rc));
    return rc;
}

static void node_options_fill(const struct host *h, struct node_options *o)
{
    *o = (struct node_options){.machine = home_machine(), .log = &host_log};
    text_copy(o->name, sizeof o->name, h->conf->name);
    text_copy(o->addr, sizeof o->addr, h->addr);
    machine_fill(o, h->identity, h->conf->slots);
    o->keep_s = h->conf->keep_days * DAY_S;
    o->keep_jobs = h->conf->keep_jobs;
    o->objects_bytes = h->objects_bytes;
    o->tombstone_s = h->conf->tombstone_days * DAY_S;
    memcpy(o->journal_id, h->report.id, sizeof o->journal_id);
    o->kernels = h->kernels.list;
    o->kernels_count = h->kernels.count;
}

static int make_node(struct host *h)
{
    struct node_options o;
    node_options_fill(h, &o);
    return node_new(&h->node, &host_memory, &o);
}

/* The node is told the journal's id when it is made, and that is known with the first record: a
 * long journal goes from the disk into the node without a copy of it all in between. */
static int replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    struct host *h = ctx;
    (void)sequence;
    int rc = h->node ? 0 : make_node(h);
    if (rc < 0)
        return rc;
    rc = node_replay(h->node, type, payload);
    h->record_refused = rc < 0;
    return rc;
}

static int open_journal(struct host *h)
{
    int rc = disk_open(&h->disk, h->state, NODE_FEATURE_LEVEL, replay, h, &h->report);
    if (rc < 0)
        return explain_journal(h, rc);
    if (h->report.torn_bytes > 0)
        complain("the journal's last %llu bytes had not been finished and were set aside",
                 (unsigned long long)h->report.torn_bytes);
    disk_journal_id(h->disk, h->report.id);
    rc = h->node ? 0 : make_node(h);
    return rc < 0 ? fail(rc, "") : 0;
}

static int open_kernels(struct host *h)
{
    char message[1280] = "";
    int rc = kernels_open(&h->kernels, h->spawner, h->conf->plugins, message);
    if (rc < 0)
        return fail(rc, message);
    for (uint32_t i = 0; i < h->kernels.count; i++)
        if (h->kernels.list[i].refused[0])
            complain("plugin %s refused: %s", h->kernels.list[i].name, h->kernels.list[i].refused);
    return 0;
}

static void introduce(struct host *h)
{
    struct node_options o;
    char id[9];
    node_options_fill(h, &o);
    id_hex(o.id.bytes, 8, id);
    fprintf(stderr, "velum %s  node %s  %s..  %s, %u slot%s, %.1f GiB\n", o.version, o.name, id,
            o.arch, (unsigned)o.slots, o.slots == 1 ? "" : "s",
            (double)o.memory_bytes / (double)(1 << 30));
    kernels_clear(&h->kernels);
}

static int open_driver(struct host *h)
{
    uint32_t slots = h->conf->slots ? h->conf->slots : machine_cores();
    struct driver_parts parts = {.loop = h->loop,
                                 .node = h->node,
                                 .identity = h->identity,
                                 .user = h->user,
                                 .spawner = h->spawner,
                                 .crew = {.workers_max = slots < 500 ? slots * 2 + 16 : 1100},
                                 .slots = slots,
                                 .disk = h->disk,
                                 .objects = h->objects_bytes ? h->objects : NULL,
                                 .log = &host_log,
                                 .ctx = h};
    int rc = driver_new(&h->driver, &parts);
    if (rc < 0)
        return fail(rc, "");
    h->spawner = NULL;
    return 0;
}

static void hint(struct host *h, const char *addr)
{
    struct event ev = {.kind = EVENT_HINT, .hint = {.addr = addr}};
    if (strcmp(addr, h->addr) != 0)
        driver_event(h->driver, &ev);
}

static void hint_announced(void *ctx, uint16_t port, const char *addr)
{
    (void)port;
    hint(ctx, addr);
}

static void hint_peers(struct host *h)
{
    home_peers(&h->home, hint_announced, h);
    for (uint32_t i = 0; i < h->conf->peers_count; i++) {
        struct address to;
        char text[ADDR_SIZE], message[512] = "";
        if (address_resolve(h->conf->peers[i], &to, message) < 0) {
            complain("peer %s is left out: %s", h->conf->peers[i], message);
            continue;
        }
        address_text(&to, text);
        hint(h, text);
    }
}

static void rescan(void *ctx)
{
    struct host *h = ctx;
    h->rescan_is_set = false;
    home_peers(&h->home, hint_announced, h);
}

/* A node that is alone looks now and then whether another has started. */
static void arm_rescan(struct host *h)
{
    bool alone = driver_peers(h->driver) == 0;
    if (alone == h->rescan_is_set)
        return;
    h->rescan_is_set = alone;
    alarm_set(h->rescan, alone ? instant_plus_us(loop_clock(), RESCAN_US) : INSTANT_NEVER);
}

static int renewed(void *ctx, struct identity *identity)
{
    struct host *h = ctx;
    struct event ev = {.kind = EVENT_CERTIFICATE,
                       .certificate = {.der = identity_certificate(identity)}};
    int rc = linkset_renew(driver_linkset(h->driver));
    if (rc == 0)
        driver_event(h->driver, &ev);
    return rc;
}

static void not_renewed(void *ctx, const char *why)
{
    (void)ctx;
    complain("the certificate of this node is not renewed yet: %s", why);
}

static int open_renewal(struct host *h)
{
    struct renewal_parts parts = {.loop = h->loop,
                                  .home = &h->home,
                                  .state = h->state,
                                  .identity = h->identity,
                                  .ctx = h,
                                  .renewed = renewed,
                                  .failed = not_renewed};
    return renewal_new(&h->renewal, &parts);
}

static void on_stop(void *ctx)
{
    struct host *h = ctx;
    driver_stop(h->driver, h->signalled++ ? 130 : 0);
}

static int open_signals(struct host *h)
{
    int rc = loop_on_signal(h->loop, SIGTERM, on_stop, h);
    if (rc == 0)
        rc = loop_on_signal(h->loop, SIGINT, on_stop, h);
    if (rc == 0)
        rc = loop_on_signal(h->loop, SIGHUP, on_stop, h);
    return rc;
}

static void warn(const struct host *h)
{
    char text[ADDR_SIZE];
    address_text(&h->bound, text);
    fprintf(stderr, "listening on %s\n", text);
    if (!address_is_loopback(&h->bound))
        complain("warning: %s can be reached from other machines; only nodes and users with a "
                 "certificate of this mesh get in",
                 text);
    if (geteuid() == 0)
        complain("warning: running as root; an ordinary user is enough");
}

static int start(struct host *h)
{
    char message[HOME_MESSAGE_SIZE] = "";
    h->rescan = alarm_new(h->loop, rescan, h);
    int rc = h->rescan ? open_signals(h) : ERR_NO_MEMORY;
    if (rc == 0)
        rc = driver_start(h->driver);
    if (rc == 0)
        rc = open_renewal(h);
    if (rc < 0)
        return fail(rc, "");
    rc = home_announce(&h->home, h->conf->port, h->addr, message);
    h->announced = rc == 0;
    if (rc < 0)
        return fail(rc, message);
    hint_peers(h);
    warn(h);
    return 0;
}

static int open_all(struct host *h)
{
    settle_process();
    int rc = open_state(h);
    if (rc == 0)
        rc = open_sockets(h);
    if (rc == 0)
        rc = open_kernels(h);
    if (rc == 0)
        rc = open_journal(h);
    if (rc < 0)
        return rc;
    introduce(h);
    rc = open_driver(h);
    return rc == 0 ? start(h) : rc;
}

static void release_spawner(struct spawner *s)
{
    if (!s)
        return;
    close(s->fd); /* it ends by itself then */
    close(s->executable);
}

static void close_all(struct host *h)
{
    char path[HOME_PATH_SIZE + 16];
    if (h->announced)
        home_withdraw(&h->home, h->conf->port);
    if (h->control) {
        snprintf(path, sizeof path, "%s/control", h->state);
        unlink(path);
    }
    listener_free(h->tcp);
    listener_free(h->control);
    alarm_free(h->rescan);
    renewal_free(h->renewal);
    driver_free(h->driver);
    release_spawner(h->spawner);
    node_free(h->node);
    disk_close(h->disk);
    kernels_clear(&h->kernels);
    identity_free(h->user);
    identity_free(h->identity);
    loop_free(h->loop);
    if (h->state_lock >= 0)
        close(h->state_lock);
}

int host_node(const struct conf *c, struct spawner *s)
{
    struct host h = {.conf = c, .spawner = s, .state_lock = -1};
    int code = 1;
    if (open_all(&h) == 0)
        do
            arm_rescan(&h);
        while (driver_round(h.driver, INSTANT_NEVER, &code));
    close_all(&h);
    return code;
}
