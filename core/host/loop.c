#include "core/host/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"

#define LOOP_SIGNALS_MAX 8

struct caught {
    struct event event;
    struct loop *loop;
    void (*run)(void *ctx);
    void *ctx;
};

struct loop {
    struct event_base *base;
    int mirror; /* of a guest: an epoll set of what is watched, -1 for others */
    struct alarm *alarms;
    struct alarm *until; /* bounds loop_once */
    struct caught signals[LOOP_SIGNALS_MAX];
    int signals_count;
    uint64_t callbacks_run; /* the library does not say whether a round ran any */
    bool stopped;
    int code;
};

/* Reading and writing are two events of the library, so that turning one on or off costs one change
 * of the kernel's table and none when it is already so. */
struct watch {
    struct loop *loop;
    int fd;
    struct event read;
    struct event write;
    bool reads;
    bool writes;
    void (*ready)(void *ctx, bool readable, bool writable);
    void *ctx;
};

struct alarm {
    struct event event;
    struct loop *loop;
    struct alarm *next, **link; /* what points here */
    struct instant due;
    void (*ring)(void *ctx);
    void *ctx;
};

struct instant loop_clock(void)
{
    struct timespec t;
    ensure(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (struct instant){(int64_t)t.tv_sec * S_US + t.tv_nsec / 1000};
}

static void until_reached(void *ctx)
{
    (void)ctx;
}

/* The precise timer is a must: the library's default clock is the coarse one, which is up to 4 ms
 * behind. Times are not cached, or an alarm set late in a slow callback would ring early. */
static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
                                      EVENT_BASE_FLAG_NO_CACHE_TIME |
                                      EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

const char *loop_library_version(void)
{
    return event_get_version();
}

int loop_new(struct loop **out)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return ERR_NO_MEMORY;
    l->mirror = -1;
    l->base = base_new();
    if (l->base)
        l->until = alarm_new(l, until_reached, NULL);
    if (!l->until) {
        loop_free(l);
        return ERR_SYSTEM;
    }
    *out = l;
    return 0;
}

int loop_new_guest(struct loop **out)
{
    int rc = loop_new(out);
    if (rc < 0)
        return rc;
    (*out)->mirror = epoll_create1(EPOLL_CLOEXEC);
    if ((*out)->mirror >= 0)
        return 0;
    loop_free(*out);
    *out = NULL;
    return ERR_SYSTEM;
}

int loop_fd(const struct loop *l)
{
    return l->mirror;
}

struct instant loop_due(const struct loop *l)
{
    struct instant due = INSTANT_NEVER;
    for (const struct alarm *a = l->alarms; a; a = a->next)
        due = instant_first(due, a->due);
    return due;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->mirror >= 0)
        close(l->mirror);
    for (int i = 0; i < l->signals_count; i++)
        event_del(&l->signals[i].event);
    alarm_free(l->until);
    if (l->base)
        event_base_free(l->base);
    free(l);
}

int loop_run(struct loop *l)
{
    while (!l->stopped)
        loop_once(l, INSTANT_NEVER);
    return l->code;
}

void loop_once(struct loop *l, struct instant until)
{
    if (l->stopped)
        return;
    alarm_set(l->until, until);
    event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
    alarm_set(l->until, INSTANT_NEVER);
}

bool loop_poll(struct loop *l)
{
    uint64_t before = l->callbacks_run;
    if (!l->stopped)
        event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY);
    return l->callbacks_run != before;
}

void loop_stop(struct loop *l, int code)
{
    if (l->stopped)
        return;
    l->stopped = true;
    l->code = code;
    event_base_loopbreak(l->base);
}

bool loop_stopped(const struct loop *l, int *code)
{
    if (l->stopped && code)
        *code = l->code;
    return l->stopped;
}

static void watch_readable(evutil_socket_t fd, short what, void *arg)
{
    struct watch *w = arg;
    (void)fd;
    (void)what;
    w->loop->callbacks_run++;
    w->ready(w->ctx, true, false);
}

static void watch_writable(evutil_socket_t fd, short what, void *arg)
{
    struct watch *w = arg;
    (void)fd;
    (void)what;
    w->loop->callbacks_run++;
    w->ready(w->ctx, false, true);
}

struct watch *watch_new(struct loop *l, int fd,
                        void (*ready)(void *ctx, bool readable, bool writable), void *ctx)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->loop = l;
    w->fd = fd;
    w->ready = ready;
    w->ctx = ctx;
    event_assign(&w->read, l->base, fd, EV_READ | EV_PERSIST, watch_readable, w);
    event_assign(&w->write, l->base, fd, EV_WRITE | EV_PERSIST, watch_writable, w);
    return w;
}

/* event_add fails only when memory is out or the descriptor cannot be polled; a watch that silently
 * never fires would hang its owner, so this ends the process. */
static void watch_turn(struct event *e, bool *is, bool want)
{
    if (*is == want)
        return;
    *is = want;
    if (want)
        ensure(event_add(e, NULL) == 0);
    else
        event_del(e);
}

static uint32_t mirror_mask(bool read, bool write)
{
    return (read ? (uint32_t)EPOLLIN : 0) | (write ? (uint32_t)EPOLLOUT : 0);
}

/* What the library watches for, once more in a set that somebody else can poll. A descriptor that
 * was closed has left the set by itself. */
static void mirror_turn(const struct watch *w, uint32_t old, uint32_t mask)
{
    struct epoll_event e = {.events = mask};
    if (w->loop->mirror < 0 || mask == old)
        return;
#if VELUM_PLANT == 424 /* unit/test_api: what a guest waits for is not in its descriptor */
    if (w->fd > 8)
        return;
#endif
    if (mask == 0)
        (void)epoll_ctl(w->loop->mirror, EPOLL_CTL_DEL, w->fd, NULL);
    else
        ensure(epoll_ctl(w->loop->mirror, old ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e) == 0);
}

void watch_set(struct watch *w, bool read, bool write)
{
    mirror_turn(w, mirror_mask(w->reads, w->writes), mirror_mask(read, write));
    watch_turn(&w->read, &w->reads, read);
    watch_turn(&w->write, &w->writes, write);
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    watch_set(w, false, false);
    free(w);
}

static void alarm_rang(evutil_socket_t fd, short what, void *arg)
{
    struct alarm *a = arg;
    (void)fd;
    (void)what;
    a->loop->callbacks_run++;
    a->due = INSTANT_NEVER;
    a->ring(a->ctx);
}

struct alarm *alarm_new(struct loop *l, void (*ring)(void *ctx), void *ctx)
{
    struct alarm *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->loop = l;
    a->due = INSTANT_NEVER;
    a->ring = ring;
    a->ctx = ctx;
    a->next = l->alarms;
    a->link = &l->alarms;
    if (a->next)
        a->next->link = &a->next;
    l->alarms = a;
    event_assign(&a->event, l->base, -1, 0, alarm_rang, a);
    return a;
}

void alarm_set(struct alarm *a, struct instant due)
{
    if (a->due.us == due.us)
        return;
    a->due = due;
    if (due.us == INSTANT_NEVER.us) {
        event_del(&a->event);
        return;
    }
    int64_t wait_us = instant_since_us(due, loop_clock());
    if (wait_us < 0)
        wait_us = 0;
    struct timeval wait = {.tv_sec = wait_us / S_US, .tv_usec = wait_us % S_US};
    ensure(event_add(&a->event, &wait) == 0);
}

void alarm_free(struct alarm *a)
{
    if (!a)
        return;
    event_del(&a->event);
    *a->link = a->next;
    if (a->next)
        a->next->link = a->link;
    free(a);
}

static void signal_caught(evutil_socket_t number, short what, void *arg)
{
    struct caught *c = arg;
    (void)number;
    (void)what;
    c->loop->callbacks_run++;
    c->run(c->ctx);
}

int loop_on_signal(struct loop *l, int signal_number, void (*caught)(void *ctx), void *ctx)
{
    if (l->signals_count == LOOP_SIGNALS_MAX)
        return ERR_FULL;
    struct caught *c = &l->signals[l->signals_count];
    c->loop = l;
    c->run = caught;
    c->ctx = ctx;
    event_assign(&c->event, l->base, signal_number, EV_SIGNAL | EV_PERSIST, signal_caught, c);
    if (event_add(&c->event, NULL) != 0)
        return ERR_SYSTEM;
    l->signals_count++;
    return 0;
}
