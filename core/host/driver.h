/* Runs one node core over one loop: readiness becomes events, actions become calls.
 *
 * Owns the links, the crew and the queue of events that arise while actions are
 * performed: the core is never entered twice. Steps go one at a time, each followed by
 * its actions in order. What is sent in a round of the loop leaves in one write a link at
 * its end. Called by host.c and embedded.c. */
#ifndef VELUM_HOST_DRIVER_H
#define VELUM_HOST_DRIVER_H

#include "core/host/crew.h"
#include "core/host/disk.h"
#include "core/host/linkset.h"
#include "core/node/node.h"

/* With a node inside a program the caller itself is the user at the other end of this link, which
 * none of the linkset's is. */
#define DRIVER_USER_LINK ((uint64_t)1 << 63)

struct driver;

struct driver_parts {
    struct loop *loop;
    struct node *node;
    struct identity *identity;
    struct identity *user;
    struct spawner *spawner; /* taken */
    struct crew_options crew;
    uint32_t slots;
    struct disk *disk; /* NULL: nothing is kept, and every STORE is done at once */
    const char
        *objects; /* the mover's folder; NULL: there is no mover, and every MOVE is refused */
    bool objects_fleeting; /* the folder goes with the node, so nothing in it is synced */
    const struct log_sink *log;
    void *ctx;
    /* A frame to the embedded user; NULL where there is none. */
    void (*user_frame)(void *ctx, const struct frame *frame);
    /* As linkset_events.join, with a ctx of its own; NULL where nobody may join. */
    void *join_ctx;
    int (*join)(void *ctx, const struct join_caller *from, struct bytes payload, uint8_t *type,
                struct buf *answer);
    /* ROOTS of the core, with the same ctx; NULL where the mesh is not one of a home. */
    void (*roots)(void *ctx, struct node_id from, struct bytes roots);
};

/* Borrows loop, node, identities and disk. On error the spawner stays the caller's. */
int driver_new(struct driver **out, const struct driver_parts *parts);
/* Ends workers and connections at once. */
void driver_free(struct driver *d);
/* node_start; then the node lives. */
int driver_start(struct driver *d);
struct linkset *driver_linkset(struct driver *d);
/* Gives the core one event; `now` and `wall_s` are filled in. What is said then leaves this process
 * at the end of the round, or with driver_flush. */
void driver_event(struct driver *d, struct event *ev);
void driver_flush(struct driver *d);
/* One round of the loop, at most until then. False when the node has ended: *code. */
bool driver_round(struct driver *d, struct instant until, int *code);
/* The same without waiting, for one whose loop is the guest of another. */
bool driver_step(struct driver *d, int *code);
/* When driver_step is due though nothing has become ready; INSTANT_NEVER when it is not. */
struct instant driver_due(const struct driver *d);
/* The operator's wish, or the host's: the first asks the core and allows it two seconds, the second
 * ends at once. With `code`, unless the core has another. */
void driver_stop(struct driver *d, int code);
/* Nodes this one is connected to now. */
uint32_t driver_peers(const struct driver *d);

#endif
