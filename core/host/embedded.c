#include "core/host/embedded.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"
#include "core/host/cgroup.h"
#include "core/host/driver.h"
#include "core/host/home.h"
#include "core/host/inbox.h"
#include "core/host/kernels.h"
#include "core/host/machine.h"
#include "core/host/memory.h"
#include "core/host/scratch.h"
#include "core/host/spawner.h"
#include "core/host/wake.h"

/* The disk is the limit. */
#define OBJECTS_BYTES ((uint64_t)1 << 50)

struct embedded {
    struct host *host; /* of a node of the mesh: then loop, user and driver are its, and the next
                          three not there */
    struct conf conf;
    struct identity *identity;
    struct kernels kernels;
    struct scratch scratch; /* where it keeps objects */
    struct node *node;
    struct loop *loop;
    struct identity *user;
    struct driver *driver;
    struct inbox inbox;
    struct wake wake;
    int inbox_rc;
    bool ended;
};

static void to_user(void *ctx, const struct frame *frame)
{
    struct embedded *e = ctx;
    int rc = inbox_put(&e->inbox, frame);
    if (rc < 0)
        e->inbox_rc = rc;
}

static int open_node(struct embedded *e, uint32_t slots)
{
    struct node_options o = {.embedded = true, .machine = home_machine()};
    text_copy(o.name, sizeof o.name, "here");
    machine_fill(&o, e->identity, slots);
    o.ready_workers = o.slots;
    o.kernels = e->kernels.list;
    o.kernels_count = e->kernels.count;
    if (e->scratch.folder[0]) {
        o.objects_path = e->scratch.objects;
        o.objects_bytes = OBJECTS_BYTES;
    }
    return node_new(&e->node, &host_memory, &o);
}

static int open_driver(struct embedded *e, struct spawner *s, uint32_t slots)
{
    slots = slots ? slots : machine_cores();
    struct driver_parts parts = {.loop = e->loop,
                                 .node = e->node,
                                 .user = e->user,
                                 .spawner = s,
                                 .crew = {.workers_max = slots * 2 + 16},
                                 .slots = slots,
                                 .objects = e->scratch.folder[0] ? e->scratch.objects : NULL,
                                 .objects_fleeting = true,
                                 .ctx = e,
                                 .user_frame = to_user};
    return driver_new(&e->driver, &parts);
}

/* The user is on the line from the beginning. */
static void connect_user(struct embedded *e)
{
    struct event ev = {.kind = EVENT_LINK_UP,
                       .link_up = {.link = DRIVER_USER_LINK,
                                   .party = PARTY_USER,
                                   .id = identity_id(e->user),
                                   .certificate = identity_certificate(e->user)}};
    driver_event(e->driver, &ev);
}

static int open_scratch(struct embedded *e, const struct embedded_options *o, char *text,
                        size_t size)
{
    int rc = o->objects ? scratch_open(&e->scratch) : 0;
    if (rc < 0)
        snprintf(text, size,
                 "no folder for objects can be made in TMPDIR or, where that is not set, in /tmp, "
                 "/dev/shm or the current folder: %s\ntry: TMPDIR=FOLDER, one that can be written",
                 rc == ERR_TOO_LARGE ? "its name is too long" : strerror(errno));
    return rc < 0 ? ERR_SYSTEM : 0;
}

static int open_parts(struct embedded *e, struct spawner *s, const struct embedded_options *o,
                      char *message)
{
    char text[1280] = "";
    int rc = open_scratch(e, o, text, sizeof text);
    if (rc == 0)
        rc = kernels_open(&e->kernels, s, "", NULL, text);
    if (rc == 0)
        rc = o->guest ? loop_new_guest(&e->loop) : loop_new(&e->loop);
    if (rc == 0)
        rc = wake_open(&e->wake, e->loop);
    if (rc == 0)
        rc = identity_fleeting(&e->identity);
    if (rc == 0)
        rc = identity_fleeting_user(&e->user, e->identity);
    if (rc == 0)
        rc = open_node(e, o->slots);
    if (rc == 0)
        rc = open_driver(e, s, o->slots);
    if (rc < 0)
        snprintf(message, HOST_MESSAGE_SIZE, "cannot compute inside this command: %s",
                 text[0] ? text : err_sentence(rc));
    return rc;
}

static struct embedded *allocate(char *message)
{
    struct embedded *e = calloc(1, sizeof *e);
    if (!e) {
        snprintf(message, HOST_MESSAGE_SIZE, "%s", err_sentence(ERR_NO_MEMORY));
        return NULL;
    }
    e->wake.fd = -1;
    inbox_init(&e->inbox);
    return e;
}

int embedded_open(struct embedded **out, struct spawner *s, const struct embedded_options *o,
                  char message[HOST_MESSAGE_SIZE])
{
    struct embedded *e = allocate(message);
    if (!e)
        return ERR_NO_MEMORY;
    if (!o->foreign)
        machine_lives_shortly();
    int rc = open_parts(e, s, o, message);
    if (rc < 0) {
        embedded_close(e);
        return rc;
    }
    /* From here on the spawner is the crew's, so nothing may fail any more: a start without memory
     * shows in embedded_next. */
    if (driver_start(e->driver) == 0)
        connect_user(e);
    *out = e;
    return 0;
}

int embedded_open_node(struct embedded **out, struct spawner *s, const struct conf *c, bool guest,
                       char message[HOST_MESSAGE_SIZE])
{
    struct embedded *e = allocate(message);
    if (!e) {
        spawner_close(s);
        return ERR_NO_MEMORY;
    }
    e->conf = *c;
    e->conf.cgroups =
        CGROUP_NO; /* the program whose guest this node is has not handed its own over */
    const struct host_options o = {
        .conf = &e->conf, .spawner = s, .guest = guest, .ctx = e, .user_frame = to_user};
    int rc = host_open(&e->host, &o, message);
    if (rc < 0) {
        embedded_close(e);
        return rc;
    }
    e->loop = host_loop(e->host);
    e->driver = host_driver(e->host);
    e->user = host_user(e->host);
    rc = wake_open(&e->wake, e->loop);
    if (rc < 0) {
        snprintf(message, HOST_MESSAGE_SIZE, "%s", err_sentence(rc));
        embedded_close(e);
        return rc;
    }
    connect_user(e);
    *out = e;
    return 0;
}

struct identity *embedded_identity(struct embedded *e)
{
    return e->user;
}

int embedded_send(struct embedded *e, uint8_t type, uint32_t request, struct bytes payload)
{
    struct event ev = {.kind = EVENT_FRAME,
                       .frame = {.link = DRIVER_USER_LINK, .frame = {type, request, payload}}};
    if (e->ended)
        return ERR_CLOSED;
    driver_event(e->driver, &ev);
    /* Its user may wait for the descriptor now. */
    driver_flush(e->driver);
    return 0;
}

int embedded_next(struct embedded *e, struct instant until, struct frame *out)
{
    int code;
    for (;;) {
        if (inbox_take(&e->inbox, out) > 0)
            return 1;
        if (wake_taken(&e->wake))
            return ERR_CANCELLED;
        if (e->inbox_rc < 0)
            return e->inbox_rc;
        if (e->ended)
            return ERR_CLOSED;
        if (instant_reached(loop_clock(), until))
            return 0;
        if (e->host)
            host_settle(e->host);
        e->ended = !driver_round(e->driver, until, &code);
    }
}

void embedded_step(struct embedded *e)
{
    int code;
    if (e->ended)
        return;
    if (e->host)
        host_settle(e->host);
    e->ended = !driver_step(e->driver, &code);
}

int embedded_fd(const struct embedded *e)
{
    return loop_fd(e->loop);
}

struct instant embedded_due(const struct embedded *e)
{
    return e->ended ? INSTANT_NEVER : driver_due(e->driver);
}

void embedded_wake(struct embedded *e)
{
    wake_ring(&e->wake);
}

/* Its jobs and its place are handed over; the driver knows how long that may take. */
static void say_goodbye(struct embedded *e)
{
    int code;
    driver_stop(e->driver, 0);
    while (driver_round(e->driver, INSTANT_NEVER, &code))
        ;
}

void embedded_close(struct embedded *e)
{
    if (!e)
        return;
    if (e->host) {
        if (e->driver && !e->ended)
            say_goodbye(e);
        wake_close(&e->wake);
        host_close(e->host);
    } else {
        driver_free(e->driver);
        node_free(e->node);
        kernels_clear(&e->kernels);
        scratch_close(&e->scratch);
        identity_free(e->user);
        identity_free(e->identity);
        wake_close(&e->wake);
        loop_free(e->loop);
    }
    inbox_clear(&e->inbox);
    free(e);
}
