#include "core/host/opening.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/peers_file.h"

#define EVENTS_SIZE 4096

struct opening {
    struct opening_parts parts;
    int fd;
    struct watch *watch;
    struct listener *outside; /* once it is open */
};

/* Why not, in a sentence; "" when it is. */
static void try_to_open(struct opening *o, char why[512])
{
    char bind[OPEN_ADDR_SIZE];
    struct address at;
    why[0] = '\0';
    if (home_open_address(o->parts.home, bind) < 0) {
        snprintf(why, 512, "the address to open at cannot be read");
        return;
    }
    if (address_of(bind, o->parts.port, &at, why) < 0)
        return;
    const int fd = listen_beside(o->parts.inside, &at, why);
    if (fd < 0)
        return;
    const int rc = listener_new(&o->outside, o->parts.loop, fd, o->parts.came, o->parts.ctx);
    if (rc < 0)
        snprintf(why, 512, "%s", err_sentence(rc));
    else
        o->parts.opened(o->parts.ctx, &at);
}

static void open_now(struct opening *o)
{
    char why[512] = "it was told where to listen when it was started (bind)";
    if (!o->parts.told)
        try_to_open(o, why);
    home_shut(o->parts.home, o->parts.port, why);
    if (why[0] && !o->parts.told)
        log_line(o->parts.log, LOG_WARNING, "stays on loopback: %s", why);
    if (o->outside)
        watch_set(o->watch, false, false);
}

/* Whether one of them is of the file; some that were lost may have been. */
static bool tells_of_it(const char *events, size_t len)
{
    for (size_t at = 0; at + sizeof(struct inotify_event) <= len;) {
        struct inotify_event e;
        memcpy(&e, events + at, sizeof e);
        at += sizeof e;
        if (e.mask & IN_Q_OVERFLOW ||
            (e.len > 0 && at + e.len <= len && strcmp(events + at, "open") == 0))
            return true;
        at += e.len;
    }
    return false;
}

static void something_changed(void *ctx, bool readable, bool writable)
{
    struct opening *o = ctx;
    char events[EVENTS_SIZE];
    (void)readable;
    (void)writable;
    const ssize_t len = read(o->fd, events, sizeof events);
    if (len > 0 && !o->outside && tells_of_it(events, (size_t)len))
        open_now(o);
}

int opening_new(struct opening **out, const struct opening_parts *parts)
{
    struct opening *o = calloc(1, sizeof *o);
    if (!o)
        return ERR_NO_MEMORY;
    o->parts = *parts;
    o->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (o->fd < 0 || inotify_add_watch(o->fd, parts->home->path, IN_MOVED_TO) < 0) {
        opening_free(o);
        return ERR_SYSTEM;
    }
    o->watch = watch_new(parts->loop, o->fd, something_changed, o);
    if (!o->watch) {
        opening_free(o);
        return ERR_NO_MEMORY;
    }
    watch_set(o->watch, true, false);
    *out = o;
    /* It may have been written since the node decided where to listen. */
    char bind[OPEN_ADDR_SIZE];
    if (!parts->told && home_open_address(parts->home, bind) == 0)
        open_now(o);
    return 0;
}

void opening_free(struct opening *o)
{
    if (!o)
        return;
    home_shut(o->parts.home, o->parts.port, "");
    listener_free(o->outside);
    watch_free(o->watch);
    if (o->fd >= 0)
        close(o->fd);
    free(o);
}
