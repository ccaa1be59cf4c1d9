#include "core/host/wake.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/err.h"

static void wake_ready(void *ctx, bool readable, bool writable)
{
    struct wake *w = ctx;
    uint64_t count;
    (void)readable;
    (void)writable;
    if (read(w->fd, &count, sizeof count) == (ssize_t)sizeof count)
        w->rang = true;
}

int wake_open(struct wake *w, struct loop *l)
{
    w->rang = false;
    w->watch = NULL;
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd < 0)
        return ERR_SYSTEM;
    w->watch = watch_new(l, w->fd, wake_ready, w);
    if (!w->watch) {
        wake_close(w);
        return ERR_NO_MEMORY;
    }
    watch_set(w->watch, true, false);
    return 0;
}

void wake_close(struct wake *w)
{
    watch_free(w->watch);
    w->watch = NULL;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

void wake_ring(const struct wake *w)
{
    int error = errno;
    uint64_t one = 1;
    /* It fails only when nobody has looked for 2^64 rings. */
    ssize_t n = write(w->fd, &one, sizeof one);
    (void)n;
    errno = error;
}

bool wake_taken(struct wake *w)
{
    bool rang = w->rang;
    w->rang = false;
    return rang;
}
