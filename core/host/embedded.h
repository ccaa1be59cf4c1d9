/* A node inside this process whose only user at DRIVER_USER_LINK is the caller: embedded mode (a
 * core with workers, no listener, no journal, no state), or a whole node of the mesh. Called by
 * ask.c. */
#ifndef VELUM_HOST_EMBEDDED_H
#define VELUM_HOST_EMBEDDED_H

#include "core/host/host.h"

struct embedded;

struct embedded_options {
    uint32_t slots; /* 0: all cores */
    bool guest;     /* its loop has a descriptor (loop.h) */
    bool objects;   /* it keeps objects, in a folder of its own that goes with it (scratch.h) */
    bool foreign;   /* it runs code that is not Velum's own, so that its workers have all walls */
};

/* Embedded mode. On an error the spawner stays the caller's. */
int embedded_open(struct embedded **out, struct spawner *s, const struct embedded_options *o,
                  char message[HOST_MESSAGE_SIZE]);
/* A node as `velum node` would be with these settings, but it says nothing and leaves the process
 * as it is. Takes the spawner. */
int embedded_open_node(struct embedded **out, struct spawner *s, const struct conf *c, bool guest,
                       char message[HOST_MESSAGE_SIZE]);
struct identity *embedded_identity(struct embedded *e); /* signs the user's jobs; borrowed */
int embedded_send(struct embedded *e, uint8_t type, uint32_t request, struct bytes payload);
/* Runs the loop until a frame for the user arrives (1, borrowed until the next call), `until` is
 * reached (0), embedded_wake was called (ERR_CANCELLED), or the node ended or failed (< 0). */
int embedded_next(struct embedded *e, struct instant until, struct frame *out);
/* Does what can be done without waiting. */
void embedded_step(struct embedded *e);
/* Of a guest: readable while embedded_step has something to do. */
int embedded_fd(const struct embedded *e);
/* When embedded_step is due though nothing is readable. */
struct instant embedded_due(const struct embedded *e);
/* Ends a wait in embedded_next. Async-signal-safe. */
void embedded_wake(struct embedded *e);
/* A node of the mesh says goodbye first, which takes 2 s at most. */
void embedded_close(struct embedded *e);

#endif
