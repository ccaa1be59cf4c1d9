#include "core/host/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/err.h"

int stream_read(struct stream *s, void *to, size_t cap)
{
    if (s->tls)
        return tls_read(s->tls, to, cap);
    ssize_t n = recv(s->fd, to, cap, MSG_DONTWAIT);
    if (n > 0)
        return (int)n;
    if (n == 0)
        return ERR_CLOSED;
    return errno == EAGAIN || errno == EINTR ? 0 : ERR_IO;
}

int stream_write(struct stream *s, const void *from, size_t len)
{
    if (s->tls)
        return tls_write(s->tls, from, len);
    ssize_t n = send(s->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
        return (int)n;
    return errno == EAGAIN || errno == EINTR ? 0 : ERR_IO;
}

bool stream_has_pending(const struct stream *s)
{
    return s->tls && tls_has_pending(s->tls);
}

void stream_end(struct stream *s)
{
    if (s->tls)
        tls_goodbye(s->tls);
    shutdown(s->fd, SHUT_WR);
}

void stream_close(struct stream *s)
{
    tls_free(s->tls);
    s->tls = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
