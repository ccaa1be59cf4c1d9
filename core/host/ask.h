/* A command's line to a node: the control socket of a local node, mutual TLS with the user's
 * certificate, or a node core inside this process (embedded mode). The messages are the same on all
 * three. Blocking for commands; as the guest of another loop for the library. */
#ifndef VELUM_HOST_ASK_H
#define VELUM_HOST_ASK_H

#include "core/base/instant.h"
#include "core/host/conf.h"
#include "core/host/crew.h"
#include "core/wire/frame.h"

#define ASK_MESSAGE_SIZE 2048

struct ask;

struct ask_options {
    /* --addr or VELUM_ADDR. NULL: under $VELUM_HOME the lowest port whose control socket answers,
     * or else the first announced address that does. */
    const char *addr;
    bool control_only;  /* with addr: by its control socket, or not at all; needs no key */
    bool embedded_ok;   /* no node: run one inside (only without addr) */
    bool embedded_only; /* --local */
    uint32_t slots;     /* of an embedded node, 0 = all cores */
    bool objects;       /* an embedded node keeps objects, in a folder of its own */
    bool foreign;       /* and runs code that is not Velum's own */
    const struct conf
        *node; /* with embedded_only: a node of the mesh inside, with these settings */
    struct spawner *spawner; /* needed for embedded; made by the caller before anything else */
    bool guest;              /* ask_fd and ask_due are wanted */
};

/* 0, or < 0 with what is wrong in message (perhaps ""): ERR_UNREACHABLE (exit 5), ERR_VERSION (it
 * names the version this velum speaks), other. */
int ask_open(struct ask **out, const struct ask_options *o, char message[ASK_MESSAGE_SIZE]);
/* The node has gone: one try to reach it again, or another node of this machine; never embedded.
 * Closes *a, which is NULL after a failure. 0 or < 0. */
int ask_reopen(struct ask **a, const struct ask_options *o);
bool ask_is_embedded(const struct ask *a);
/* The identity that signs this command's jobs: the user's (read when first asked for; NULL when it
 * cannot be), or the embedded run's. */
struct identity *ask_identity(struct ask *a);
/* The control socket that this line goes by, beside which the node's files are; NULL: another way.
 */
const char *ask_control(const struct ask *a);
int ask_send(struct ask *a, uint8_t type, uint32_t request, struct bytes payload);
/* 1 with a frame (borrowed until the next call), or
 *
 *   0              `until` is reached
 *   ERR_CLOSED     the node has gone
 *   ERR_VERSION    it speaks another protocol version (ask_fault says which)
 *   ERR_IDENTITY   it does not know this user
 *   ERR_CANCELLED  ask_wake was called (by a signal handler) */
int ask_next(struct ask *a, struct instant until, struct frame *out);
/* Does what can be done without waiting; ask_next with a moment that has passed then takes what has
 * come. */
void ask_step(struct ask *a);
/* Of a guest: readable while ask_step has something to do. */
int ask_fd(const struct ask *a);
/* When ask_step is due though nothing is readable; INSTANT_NEVER when it is not. */
struct instant ask_due(const struct ask *a);
/* A sentence about the end of the line, or "". */
const char *ask_fault(const struct ask *a);
/* Ends a wait of the line that was opened last, or of this one. Async-signal-safe. */
void ask_wake(void);
void ask_ring(const struct ask *a);
void ask_close(struct ask *a);

#endif
