/* Bytes over one non-blocking descriptor, through TLS or, on this machine's own sockets, as they
 * are. Called by connection.c only. */
#ifndef VELUM_HOST_STREAM_H
#define VELUM_HOST_STREAM_H

#include "core/host/tls.h"

struct stream {
    int fd;          /* owned; -1 when closed */
    struct tls *tls; /* owned; NULL on the control socket */
};

/* As tls_read and tls_write. */
int stream_read(struct stream *s, void *to, size_t cap);
int stream_write(struct stream *s, const void *from, size_t len);
bool stream_has_pending(const struct stream *s);
/* Says that nothing more will be written; reading goes on. */
void stream_end(struct stream *s);
void stream_close(struct stream *s);

#endif
