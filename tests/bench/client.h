/* A blocking line to a node's control socket, for measuring: requests as a command sends them, with
 * nothing between the caller and the bytes. Errors end the program with a sentence, because a
 * benchmark that goes on after one measures something else. */
#ifndef VELUM_BENCH_CLIENT_H
#define VELUM_BENCH_CLIENT_H

#include "core/api/velum.h"
#include "core/host/identity.h"
#include "core/wire/frame.h"
#include "core/wire/request.h"
#include "core/wire/spec.h"

struct client {
    int fd;
    uint32_t request; /* the last one sent */
    uint8_t *in;
    size_t start, end;
    bool gone; /* the node has closed */
};

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* CLOCK_MONOTONIC in microseconds. */
int64_t clock_us(void);

/* Connects to $VELUM_HOME/nodes/PORT/control; false when nobody listens there. */
bool client_try(struct client *c, const char *port);
void client_open(struct client *c, const char *port);
void client_close(struct client *c);
void client_send(struct client *c, uint8_t type, struct bytes payload);
/* The next frame for the last request, borrowed until the next call; false when the node has gone
 * or nothing came within wait_ms. A REPLY_ERROR ends the program. */
bool client_next(struct client *c, int wait_ms, struct frame *out);
/* The same for any request. */
bool client_any(struct client *c, int wait_ms, struct frame *out);

/* What the node says of itself. */
bool client_self(struct client *c, struct node_view *out);
/* How many live jobs the node knows. */
uint32_t client_jobs(struct client *c);

struct identity *client_identity(void);
/* What a kernel of the node makes of its arguments;
 * out borrows from the client until the next call. */
void client_plan(struct client *c, const char *kernel, int argc, const char *const *argv,
                 struct reply_plan *out);
/* A job's specification, with a nonce of its own. */
void client_spec(const struct reply_plan *plan, struct identity *author, struct buf *body);
/* The payload of SUBMIT: body, signed alone. */
void client_sign(struct identity *author, struct bytes body, struct buf *to);
/* libvelum with the node inside this program ("inside"), or at the one on a port. A worker of the
 * node inside ends here: it comes with no arguments, so NULL is to be asked for then. */
struct velum *client_library(const char *where);

#endif
