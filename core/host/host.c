#include "core/host/host.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/cgroup.h"
#include "core/host/compiler.h"
#include "core/host/control.h"
#include "core/host/disk.h"
#include "core/host/driver.h"
#include "core/host/finding.h"
#include "core/host/home.h"
#include "core/host/join_desk.h"
#include "core/host/journal_file.h"
#include "core/host/kernels.h"
#include "core/host/listen.h"
#include "core/host/machine.h"
#include "core/host/memory.h"
#include "core/host/opening.h"
#include "core/host/peers_file.h"
#include "core/host/quota.h"
#include "core/host/renewal.h"
#include "core/host/revoked_home.h"
#include "core/host/role.h"
#include "core/host/spawner.h"
#include "core/host/succession.h"
#include "core/node/journal_record.h"
#include "core/wire/act.h"

#define DAY_S (24u * 3600)

/* Everything a node process owns, in the order in which it is opened. */
struct host {
    struct host_options options;
    const struct conf *conf;
    struct spawner *spawner; /* NULL once the crew has taken it */
    char *message;           /* why it cannot be opened; the caller's */
    struct home home;
    char state[HOME_PATH_SIZE];
    char objects[HOME_PATH_SIZE + 16]; /* their folder, and how much they may take */
    uint64_t objects_bytes;
    char built[HOME_PATH_SIZE + 16]; /* the folder of what this machine's compiler made, */
    char compiler[PATH_SIZE_MAX];    /* and it; "" where there is none */
    int state_lock;
    struct identity *identity;
    struct identity *user;
    struct identity *welcome; /* where this machine issues: who lets others in, */
    struct join_desk *desk;   /* and how */
    struct loop *loop;
    struct address bound;
    char addr[ADDR_SIZE]; /* what others are told */
    bool announced;
    struct listener *tcp;
    struct listener *control;
    struct opening *opening; /* while it listens on loopback, and can be opened */
    struct kernels kernels;  /* whose texts the node borrows */
    struct journal_report report;
    struct disk *disk;
    struct node *node;
    bool record_refused; /* the node has no use for a record of its journal */
    struct driver *driver;
    struct renewal *renewal;
    struct succession *succession;
    pid_t asker; /* that asks an issuer elsewhere; 0: none */
    struct finding *finding;
};

/* Says something on the way up or at work; nobody has to act on it. */
static void __attribute__((format(printf, 2, 3))) say(const struct host *h, const char *format, ...)
{
    char text[HOME_MESSAGE_SIZE + 256];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    log_line(h->options.log, LOG_WARNING, "%s", text);
}

static int fail(struct host *h, int rc, const char *message)
{
    snprintf(h->message, HOST_MESSAGE_SIZE, "%s", message[0] ? message : err_sentence(rc));
    return rc;
}

static void size_objects(struct host *h)
{
    snprintf(h->objects, sizeof h->objects, "%s/objects", h->state);
    h->objects_bytes = h->conf->objects == CONF_OBJECTS_AUTO ? quota_default(h->state, h->objects)
                                                             : h->conf->objects;
}

/* What comes of C source lies where the source does. */
static void open_compiler(struct host *h)
{
    snprintf(h->built, sizeof h->built, "%s/built", h->state);
    if (h->objects_bytes == 0 || !h->conf->build || !compiler_open(h->built, h->compiler))
        h->compiler[0] = '\0';
}

static int open_state(struct host *h)
{
    char message[HOME_MESSAGE_SIZE] = "";
    const char *data = h->conf->data[0] ? h->conf->data : NULL;
    int rc = home_locate(&h->home, message);
    if (rc == 0)
        rc = home_open(&h->home, message);
    if (rc < 0)
        return fail(h, rc, message);
    h->state_lock = home_state_open(&h->home, h->conf->port, data, h->state, message);
    if (h->state_lock < 0)
        return fail(h, h->state_lock, message);
    size_objects(h);
    open_compiler(h);
    rc = identity_mesh_open(&h->home, message);
    if (rc == 0)
        rc = identity_node(&h->identity, &h->home, h->state, message);
    if (rc == 0)
        rc = h->options.user_frame ? identity_user(&h->user, &h->home, message)
                                   : identity_user_card(&h->user, &h->home, message);
    return rc < 0 ? fail(h, rc, message) : 0;
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

/* What was said, else what the home folder says, else loopback. */
static const char *bind_of(const struct host *h, char open[OPEN_ADDR_SIZE])
{
    if (h->conf->bind[0])
        return h->conf->bind;
    return home_open_address(&h->home, open) == 0 ? open : "127.0.0.1";
}

static void bound_to(struct host *h, const struct address *bound)
{
    struct address reachable;
    h->bound = *bound;
    address_reachable(bound, &reachable);
    address_text(&reachable, h->addr);
}

/* The sockets exist before the journal is read, so that a taken port is said at once; what connects
 * meanwhile waits in the kernel's queue. */
static int open_sockets(struct host *h)
{
    char message[512] = "", path[HOME_PATH_SIZE + 16], bind[OPEN_ADDR_SIZE];
    struct address at;
    int rc = h->options.guest ? loop_new_guest(&h->loop) : loop_new(&h->loop);
    if (rc < 0)
        return fail(h, rc, "");
    rc = address_of(bind_of(h, bind), h->conf->port, &at, message);
    if (rc < 0)
        return fail(h, rc, message);
    int fd = listen_tcp(&at, message);
    if (fd < 0)
        return fail(h, fd, message);
    rc = listener_new(&h->tcp, h->loop, fd, came_by_tcp, h);
    if (rc < 0)
        return fail(h, rc, "");
    snprintf(path, sizeof path, "%s/control", h->state);
    fd = control_listen(path, message);
    if (fd < 0)
        return fail(h, fd, message);
    rc = listener_new(&h->control, h->loop, fd, came_by_control, h);
    bound_to(h, &at);
    return rc < 0 ? fail(h, rc, "") : 0;
}

static int explain_journal(struct host *h, int rc)
{
    const struct journal_report *r = &h->report;
    char *to = h->message, message[HOME_MESSAGE_SIZE + 256];
    if (h->record_refused)
        snprintf(to, HOST_MESSAGE_SIZE,
                 "the journal in %s holds a record this velum cannot use: %s", h->state,
                 err_sentence(rc));
    else if (rc == ERR_DAMAGED)
        snprintf(to, HOST_MESSAGE_SIZE,
                 "the journal in %s is damaged (%s, byte %llu); it was left as it is: "
                 "velum journal check shows what is lost; move the folder away, or start with "
                 "another --data",
                 h->state, r->bad_segment, (unsigned long long)r->bad_offset);
    else if (rc == ERR_VERSION)
        snprintf(
            to, HOST_MESSAGE_SIZE,
            "%s; it was left as it is: use a velum that knows it, or start with another --data",
            journal_file_version(h->state, r, message, sizeof message));
    else
        snprintf(to, HOST_MESSAGE_SIZE, "the journal in %s cannot be used: %s", h->state,
                 err_sentence(rc));
    return rc;
}

static void node_options_fill(const struct host *h, struct node_options *o)
{
    *o = (struct node_options){.machine = home_machine(), .log = h->options.log};
    text_copy(o->name, sizeof o->name, h->conf->name);
    text_copy(o->addr, sizeof o->addr, h->addr);
    machine_fill(o, h->identity, h->conf->slots);
    if (h->conf->memory > 0)
        o->memory_bytes = h->conf->memory;
    o->worker_cpu_us = h->conf->worker_seconds * (uint64_t)S_US;
    text_copy(o->labels, sizeof o->labels, h->conf->labels);
    o->shipped = o->tier < h->conf->plugin_tier ? SHIPPED_NONE : h->conf->plugin_jobs;
    o->allowed = h->conf->plugin_allow;
    o->allowed_count = h->conf->plugin_allow_count;
    o->audit = true;
    o->keep_s = h->conf->keep_days * DAY_S;
    o->keep_jobs = h->conf->keep_jobs;
    o->keep_bytes = h->conf->keep_memory;
    o->objects_bytes = h->objects_bytes;
    o->objects_path = h->objects;
    if (h->compiler[0]) {
        o->compiler_path = h->compiler;
        o->built_path = h->built;
    }
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

/* What nodes of the mesh told this one before, it need not be told again. */
static int look_for_revocation(struct host *h)
{
    const struct act *a = node_revocation(h->node, identity_id(h->identity));
    if (!a)
        return 0;
    revoked_home_say(&h->home, h->state, a->reason, h->message, HOST_MESSAGE_SIZE);
    return ERR_REFUSED;
}

static int open_journal(struct host *h)
{
    int rc = disk_open(&h->disk, h->state, NODE_FEATURE_LEVEL, replay, h, &h->report);
    if (rc < 0)
        return explain_journal(h, rc);
    if (h->report.torn_bytes > 0)
        say(h, "the journal's last %llu bytes had not been finished and were set aside",
            (unsigned long long)h->report.torn_bytes);
    disk_journal_id(h->disk, h->report.id);
    rc = h->node ? 0 : make_node(h);
    return rc < 0 ? fail(h, rc, "") : look_for_revocation(h);
}

/* What is said of a cage that is not good enough for plugins. False where it is. A build with a
 * sanitizer has none, and is for trying things. */
static bool cage_is_weak(const struct host *h, uint8_t lacks, char why[REASON_SIZE])
{
    text_copy(why, REASON_SIZE, "the cage of this node's workers is of tier ");
    tier_say((uint8_t)tier_of(lacks), lacks, why, REASON_SIZE);
    text_append(why, REASON_SIZE, ", and plugins are loaded from ");
    text_append(why, REASON_SIZE, tier_name(h->conf->plugin_tier));
    text_append(why, REASON_SIZE, " on (plugin_tier)");
    return tier_of(lacks) < h->conf->plugin_tier && !(lacks & LACKS_WALLS);
}

/* Before the tier is measured. What workers may have of memory together is a limit then. */
static void open_groups(struct host *h)
{
    const uint64_t slots = h->conf->slots ? h->conf->slots : machine_cores();
    const struct cgroup_options o = {
        .mode = h->conf->cgroups,
        .memory_bytes = h->conf->memory ? h->conf->memory + slots * CGROUP_OWN_BYTES : 0,
        .spawner = h->spawner->pid};
    /* Where nobody asked for them velum doctor says why there are none. */
    if (cgroup_open(&o) < 0 && o.mode == CGROUP_YES)
        say(h, "warning: workers have no cgroup: %s", cgroup_reason());
}

static int open_kernels(struct host *h)
{
    char message[1280] = "", why[REASON_SIZE];
    const uint8_t lacks = machine_tier_lacks();
    const bool weak = cage_is_weak(h, lacks, why);
    if (weak || tier_of(lacks) < TIER_S2)
        say(h, "warning: %s", why);
    int rc = kernels_open(&h->kernels, h->spawner, h->conf->plugins, weak ? why : NULL, message);
    if (rc < 0)
        return fail(h, rc, message);
    for (uint32_t i = 0; i < h->kernels.count; i++)
        if (h->kernels.list[i].refused[0])
            say(h, "plugin %s refused: %s", h->kernels.list[i].name, h->kernels.list[i].refused);
    return 0;
}

static void introduce(struct host *h)
{
    struct node_options o;
    node_options_fill(h, &o);
    if (h->options.introduce)
        h->options.introduce(h->options.ctx, &o);
}

struct others {
    uint8_t count;
    char (*addrs)[JOIN_ADDR_SIZE];
};

static void add_other(void *ctx, uint16_t port, const char *addr)
{
    struct others *o = ctx;
    struct address at;
    (void)port;
    if (address_parse(addr, &at) < 0 || address_is_loopback(&at))
        return;
    if (o->count < JOIN_ADDRS_MAX && text_copy(o->addrs[o->count], JOIN_ADDR_SIZE, addr))
        o->count++;
}

/* Nodes of this machine, as they are announced. */
static uint8_t others(void *ctx, char addrs[JOIN_ADDRS_MAX][JOIN_ADDR_SIZE])
{
    const struct host *h = ctx;
    struct others o = {0, addrs};
    home_peers(&h->home, add_other, &o);
    return o.count;
}

static bool is_revoked(void *ctx, struct node_id id)
{
    const struct host *h = ctx;
    return node_revocation(h->node, id) != NULL;
}

static const struct identity *judge(void *ctx)
{
    const struct host *h = ctx;
    return h->identity;
}

static int on_join(void *ctx, const struct join_caller *from, struct bytes payload, uint8_t *type,
                   struct buf *answer)
{
    struct host *h = ctx;
    return join_desk_answer(h->desk, from, payload, type, answer);
}

/* Where this machine has the issuer's key. The certificate is made anew whenever the node's own
 * is. */
static int renew_welcome(struct host *h)
{
    char message[HOME_MESSAGE_SIZE] = "";
    struct identity *fresh = NULL, *old = h->welcome;
    int rc = identity_welcome(&fresh, &h->home, message);
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        say(h, "this node lets nobody in for now: %s", message);
        return rc;
    }
    h->welcome = fresh;
    linkset_welcome(driver_linkset(h->driver), fresh);
    identity_free(old);
    return 0;
}

static void note(void *ctx, enum event_note_kind kind, const uint8_t subject[ID_SIZE],
                 const char *text)
{
    struct host *h = ctx;
    struct event ev = {.kind = EVENT_AUDIT, .audit = {.kind = (uint8_t)kind}};
    memcpy(ev.audit.subject, subject, ID_SIZE);
    text_copy(ev.audit.text, sizeof ev.audit.text, text);
    driver_event(h->driver, &ev);
}

static int open_desk(struct host *h)
{
    const struct join_desk_parts parts = {.home = &h->home,
                                          .log = h->options.log,
                                          .ctx = h,
                                          .others = others,
                                          .note = note,
                                          .revoked = is_revoked,
                                          .judge = judge};
    int rc = join_desk_new(&h->desk, &parts);
    if (rc == 0 && renew_welcome(h) == ERR_NO_MEMORY)
        rc = ERR_NO_MEMORY;
    return rc;
}

static void on_roots(void *ctx, struct node_id from, struct bytes roots)
{
    const struct host *h = ctx;
    succession_told(h->succession, from, roots);
}

static int open_driver(struct host *h)
{
    uint32_t slots = h->conf->slots ? h->conf->slots : machine_cores();
    struct driver_parts parts = {.loop = h->loop,
                                 .node = h->node,
                                 .identity = h->identity,
                                 .user = h->user,
                                 .spawner = h->spawner,
                                 .crew = {.memory_bytes = h->conf->worker_memory,
                                          .workers_max = slots < 500 ? slots * 2 + 16 : 1100},
                                 .slots = slots,
                                 .disk = h->disk,
                                 .objects = h->objects_bytes ? h->objects : NULL,
                                 .log = h->options.log,
                                 .ctx = h->options.ctx,
                                 .user_frame = h->options.user_frame,
                                 .join_ctx = h,
                                 .join = on_join,
                                 .roots = on_roots};
    int rc = driver_new(&h->driver, &parts);
    if (rc < 0)
        return fail(h, rc, "");
    h->spawner = NULL;
    rc = open_desk(h);
    return rc < 0 ? fail(h, rc, "") : 0;
}

static int renewed(void *ctx, struct identity *identity)
{
    struct host *h = ctx;
    if (h->asker > 0 && waitpid(h->asker, NULL, WNOHANG) != 0)
        h->asker = 0;
    struct event ev = {.kind = EVENT_CERTIFICATE,
                       .certificate = {.der = identity_certificate(identity)}};
    int rc = linkset_renew(driver_linkset(h->driver));
    if (rc == 0 && renew_welcome(h) == ERR_NO_MEMORY)
        rc = ERR_NO_MEMORY;
    if (rc == 0) {
        driver_event(h->driver, &ev);
        succession_tell(identity, h->driver);
    }
    return rc;
}

static void not_renewed(void *ctx, int rc, const char *why)
{
    const struct host *h = ctx;
    say(h, rc == ERR_REFUSED ? "%s" : "the certificate of this node is not renewed yet: %s", why);
    if (rc == ERR_REFUSED)
        driver_stop(h->driver, EXIT_FAILURE);
}

/* By a process of its own, which has nothing of this one: a join is asked for in one go, and a node
 * does not wait. It ends by itself within a minute. */
static void ask_issuer(void *ctx)
{
    struct host *h = ctx;
    char name[] = "velum", word[] = "join", renew[] = "--renew", data[] = "--data";
    char *const argv[] = {name, word, renew, data, h->state, NULL};
    static char path[HOME_PATH_SIZE + 16];
    char *const env[] = {path, NULL};
    if (role_is_program())
        return;
    if (h->asker > 0 && waitpid(h->asker, NULL, WNOHANG) == 0)
        return;
    snprintf(path, sizeof path, "VELUM_HOME=%s", h->home.path);
    posix_spawn_file_actions_t quiet;
    if (posix_spawn_file_actions_init(&quiet) != 0)
        return;
    for (int fd = 0; fd <= 2; fd++)
        posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
    if (posix_spawn(&h->asker, "/proc/self/exe", &quiet, NULL, argv, env) != 0)
        h->asker = 0;
    posix_spawn_file_actions_destroy(&quiet);
}

static int open_renewal(struct host *h)
{
    struct renewal_parts parts = {.loop = h->loop,
                                  .home = &h->home,
                                  .state = h->state,
                                  .identity = h->identity,
                                  .ctx = h,
                                  .renewed = renewed,
                                  .ask = ask_issuer,
                                  .failed = not_renewed};
    const struct succession_parts next = {.loop = h->loop, .home = &h->home, .log = h->options.log};
    int rc = renewal_new(&h->renewal, &parts);
    return rc < 0 ? rc : succession_new(&h->succession, &next, h->renewal);
}

static void opened(void *ctx, const struct address *bound)
{
    struct host *h = ctx;
    struct event ev = {.kind = EVENT_ADDRESS, .address = {.addr = h->addr}};
    char message[HOME_MESSAGE_SIZE] = "", text[ADDR_SIZE];
    bound_to(h, bound);
    driver_event(h->driver, &ev);
    finding_listens(h->finding, bound, h->addr);
    address_text(bound, text);
    say(h,
        "warning: listening on %s as well, which can be reached from other machines; only nodes "
        "and users with a certificate of this mesh get in",
        text);
    if (home_announce(&h->home, h->conf->port, h->addr, message) < 0)
        say(h, "%s", message);
}

static int open_opening(struct host *h)
{
    const struct opening_parts parts = {.loop = h->loop,
                                        .home = &h->home,
                                        .log = h->options.log,
                                        .port = h->conf->port,
                                        .told = h->conf->bind[0] != '\0',
                                        .inside = h->tcp,
                                        .ctx = h,
                                        .came = came_by_tcp,
                                        .opened = opened};
    const int rc = address_is_loopback(&h->bound) ? opening_new(&h->opening, &parts) : 0;
    if (rc == ERR_SYSTEM)
        say(h, "velum init cannot open this node while it runs: the system does not tell of files");
    return rc == ERR_SYSTEM ? 0 : rc;
}

static int open_finding(struct host *h)
{
    const struct finding_parts parts = {.loop = h->loop,
                                        .driver = h->driver,
                                        .node = h->node,
                                        .home = &h->home,
                                        .conf = h->conf,
                                        .log = h->options.log,
                                        .mesh = identity_mesh(h->identity),
                                        .self = identity_id(h->identity)};
    const int rc = finding_new(&h->finding, &parts);
    if (rc == 0)
        finding_listens(h->finding, &h->bound, h->addr);
    return rc;
}

static int start(struct host *h)
{
    char message[HOME_MESSAGE_SIZE] = "";
    int rc = open_finding(h);
    if (rc == 0)
        rc = open_renewal(h);
    if (rc == 0)
        rc = driver_start(h->driver);
    if (rc == 0)
        rc = open_opening(h);
    if (rc < 0)
        return fail(h, rc, "");
    succession_tell(h->identity, h->driver);
    rc = home_announce(&h->home, h->conf->port, h->addr, message);
    h->announced = rc == 0;
    if (rc < 0)
        return fail(h, rc, message);
    finding_begin(h->finding);
    return 0;
}

static int open_all(struct host *h)
{
    open_groups(h);
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

static void close_all(struct host *h)
{
    char path[HOME_PATH_SIZE + 16];
    if (h->announced)
        home_withdraw(&h->home, h->conf->port);
    if (h->control) {
        snprintf(path, sizeof path, "%s/control", h->state);
        unlink(path);
    }
    opening_free(h->opening);
    listener_free(h->tcp);
    listener_free(h->control);
    finding_free(h->finding);
    succession_free(h->succession);
    renewal_free(h->renewal);
    if (h->asker > 0) { /* what it writes is whole or not there */
        kill(h->asker, SIGKILL);
        waitpid(h->asker, NULL, 0);
    }
    driver_free(h->driver);
    identity_free(h->welcome);
    join_desk_free(h->desk);
    if (h->spawner)
        spawner_close(h->spawner);
    cgroup_close();
    node_free(h->node);
    disk_close(h->disk);
    kernels_clear(&h->kernels);
    identity_free(h->user);
    identity_free(h->identity);
    loop_free(h->loop);
    if (h->state_lock >= 0)
        close(h->state_lock);
}

int host_open(struct host **out, const struct host_options *o, char message[HOST_MESSAGE_SIZE])
{
    struct host *h = calloc(1, sizeof *h);
    if (!h) {
        spawner_close(o->spawner);
        snprintf(message, HOST_MESSAGE_SIZE, "%s", err_sentence(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    h->options = *o;
    h->conf = o->conf;
    h->spawner = o->spawner;
    h->message = message;
    h->state_lock = -1;
    int rc = open_all(h);
    h->message = NULL;
    if (rc < 0)
        host_close(h);
    else
        *out = h;
    return rc;
}

void host_close(struct host *h)
{
    if (!h)
        return;
    close_all(h);
    free(h);
}

void host_settle(struct host *h)
{
    renewal_settle(h->renewal);
    finding_settle(h->finding);
}

struct loop *host_loop(const struct host *h)
{
    return h->loop;
}

struct driver *host_driver(const struct host *h)
{
    return h->driver;
}

struct identity *host_user(const struct host *h)
{
    return h->user;
}

void host_bound(const struct host *h, struct address *out)
{
    *out = h->bound;
}
