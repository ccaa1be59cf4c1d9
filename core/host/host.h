/* A node core with everything around it: as the process `velum node`, or inside a command. Both
 * open the parts and hand them to driver.h. Called by cmd/node.c and by ask.c. */
#ifndef VELUM_HOST_HOST_H
#define VELUM_HOST_HOST_H

#include "core/host/conf.h"
#include "core/host/crew.h"

/* `velum node`: opens home, identity, journal, listener, control socket; announces
 * itself; runs until it is told to stop. Returns the process's exit code; has printed
 * what went wrong. Takes the spawner. */
int host_node(const struct conf *c, struct spawner *s);

/* Embedded mode: the same core with workers, no listener, no journal, no state. One user link,
 * driven by the caller. */
struct embedded;
/* guest: its loop has a descriptor (loop.h). */
int embedded_open(struct embedded **out, struct spawner *s, uint32_t slots, bool guest,
                  char message[512]);
struct identity *embedded_identity(struct embedded *e); /* signs the run's job; borrowed */
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
void embedded_close(struct embedded *e);

#endif
