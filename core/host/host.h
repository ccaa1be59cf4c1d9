/* The driver: runs one node core in this process, turns readiness into events and actions into
 * calls. */
#ifndef VELUM_HOST_HOST_H
#define VELUM_HOST_HOST_H

#include "core/host/conf.h"
#include "core/host/crew.h"

/* `velum node`: opens home, identity, journal, listener, control socket; announces itself; runs
 * until it is told to stop. Returns the process's exit code; has printed what went wrong. Takes the
 * spawner. */
int host_node(const struct conf *c, struct spawner *s);

/* Embedded mode: the same core with workers, no listener, no journal, no state. One user link,
 * driven by the caller. */
struct embedded;
int embedded_open(struct embedded **out, struct spawner *s, uint32_t slots, char message[512]);
struct identity *embedded_identity(struct embedded *e); /* signs the run's job; borrowed */
int embedded_send(struct embedded *e, uint8_t type, uint32_t request, struct bytes payload);
/* Runs the loop until a frame for the user arrives (1), until is reached (0), or the node ended (<
 * 0). Borrowed until the next call. */
int embedded_next(struct embedded *e, struct instant until, struct frame *out);
/* A descriptor-free way out of embedded_next from a signal handler: sets a flag and wakes the loop.
 */
void embedded_wake(struct embedded *e);
void embedded_close(struct embedded *e);

#endif
