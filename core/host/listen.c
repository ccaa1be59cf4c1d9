#include "core/host/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"

#define ACCEPTS_A_ROUND 8
#define REST_US (100 * MS_US)
#define BACKLOG 512

struct listener {
    int fd;
    struct watch *watch;
    struct alarm *rest;
    void (*came)(void *ctx, int fd, const struct address *from);
    void *ctx;
};

static int share_port(int fd, int on)
{
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

static int listen_at(const struct address *at, bool shares, char message[512])
{
    char text[ADDR_SIZE];
    int on = 1;
    int fd = socket(at->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!shares || share_port(fd, 1) == 0) &&
        bind(fd, (const struct sockaddr *)&at->storage, at->len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    address_text(at, text);
    if (error == EADDRINUSE) {
        snprintf(message, 512, "%s is already in use: choose another port with --port", text);
        return ERR_BUSY;
    }
    snprintf(message, 512, "cannot listen on %s: %s; choose another --bind or --port", text,
             strerror(error));
    return ERR_SYSTEM;
}

int listen_tcp(const struct address *at, char message[512])
{
    return listen_at(at, false, message);
}

/* The system lets two sockets listen on one port where both say so, which is looked at when the
 * second comes. */
int listen_beside(const struct listener *s, const struct address *at, char message[512])
{
    if (share_port(s->fd, 1) < 0) {
        snprintf(message, 512, "the system does not let two sockets share a port: %s",
                 strerror(errno));
        return ERR_SYSTEM;
    }
    const int fd = listen_at(at, true, message);
    share_port(s->fd, 0);
    if (fd >= 0)
        share_port(fd, 0);
    return fd;
}

static bool is_out_of_something(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void accept_some(void *ctx, bool readable, bool writable)
{
    struct listener *s = ctx;
    (void)readable;
    (void)writable;
    for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
        struct address from = {.len = sizeof from.storage};
        int fd = accept4(s->fd, (struct sockaddr *)&from.storage, &from.len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            s->came(s->ctx, fd, &from);
            continue;
        }
        if (is_out_of_something(errno)) {
            watch_set(s->watch, false, false);
            alarm_set(s->rest, instant_plus_us(loop_clock(), REST_US));
        }
        return;
    }
}

static void rested(void *ctx)
{
    struct listener *s = ctx;
    watch_set(s->watch, true, false);
}

int listener_new(struct listener **out, struct loop *l, int fd,
                 void (*came)(void *ctx, int fd, const struct address *from), void *ctx)
{
    struct listener *s = calloc(1, sizeof *s);
    if (!s) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    s->fd = fd;
    s->came = came;
    s->ctx = ctx;
    s->watch = watch_new(l, fd, accept_some, s);
    s->rest = alarm_new(l, rested, s);
    if (!s->watch || !s->rest) {
        listener_free(s);
        return ERR_NO_MEMORY;
    }
    watch_set(s->watch, true, false);
    *out = s;
    return 0;
}

void listener_free(struct listener *s)
{
    if (!s)
        return;
    watch_free(s->watch);
    alarm_free(s->rest);
    close(s->fd);
    free(s);
}
