/* What happens to a node. The host (or the simulator) makes events, node_step takes them one at a
 * time. Everything an event points at is borrowed for the call.
 *
 * Who may be on a link: another node, or a user's command (over the control socket as the same
 * user, or over mutual TLS with the user's certificate). The host has verified it before LINK_UP;
 * the core never sees anybody else. */
#ifndef VELUM_NODE_EVENT_H
#define VELUM_NODE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/wire/event_note.h"
#include "core/wire/frame.h"

enum event_kind {
    EVENT_TICK,        /* node_due() was reached; nothing else happened */
    EVENT_LINK_UP,     /* a verified connection, dialled or accepted */
    EVENT_LINK_DOWN,   /* a connection that was up has ended; its link number is never used again */
    EVENT_DIAL_FAILED, /* a DIAL came to nothing; 0: somebody came who is nobody of this mesh */
    EVENT_FRAME,       /* one whole frame from a link */
    EVENT_STORED,      /* every STORE and COMPACT up to `ticket` is synced (or failed) */
    EVENT_DISK,        /* the disk is full, or does not answer; or neither any longer */
    EVENT_WORKER_FRAME,  /* one whole frame from a worker's standard output */
    EVENT_WORKER_OUTPUT, /* bytes from a worker's standard error */
    EVENT_WORKER_EXITED, /* a worker process has ended and has been reaped */
    EVENT_CERTIFICATE,   /* this node's certificate was renewed, the key is the same */
    EVENT_ROOTS,         /* what the host knows of the mesh's roots is this now */
    EVENT_HINT,          /* an address where a node of this mesh may be listening */
    EVENT_ADDRESS,       /* this node is reached at another address from now on */
    EVENT_STOP,  /* the operator asked the node to stop: hand back, say goodbye, then EXIT */
    EVENT_MOVED, /* the mover has answered an order */
    EVENT_MOVER, /* another mover serves from now on: nothing is open in it */
    EVENT_AUDIT  /* the host has done something that is to be noted (core/wire/event_note.h) */
};

/* Whose word it is, by the role in the certificate and by nothing else. A USER may do everything
 * with the mesh that was made for him (the role is called admin); who joined by a string has one of
 * those behind him (core/node/permit.h says what each may). An issuer signs certificates, and is
 * nobody over a link. */
enum party {
    PARTY_NODE = 1,
    PARTY_USER = 2,
    PARTY_SUBMIT = 3,
    PARTY_NATIVE = 4,
    PARTY_READ = 5,
    PARTY_ISSUER = 6
};

static inline bool party_is_user(enum party p)
{
    return p == PARTY_USER || p == PARTY_SUBMIT || p == PARTY_NATIVE || p == PARTY_READ;
}

enum link_end {
    LINK_ENDED,   /* orderly end of stream */
    LINK_BROKEN,  /* reset, or the other side vanished without a word */
    LINK_FLOODED, /* our queue to it overflowed, the host closed it */
    LINK_GARBAGE  /* it sent what is no frame; the host closed it */
};

enum dial_end { DIAL_REFUSED, DIAL_TIMEOUT, DIAL_IDENTITY, DIAL_FAILED };

enum worker_end {
    WORKER_EXITED,         /* status = exit code */
    WORKER_SIGNALLED,      /* status = signal of its own doing: SEGV, FPE, ABRT, XCPU ... */
    WORKER_KILLED,         /* SIGKILL that this node sent (WORKER_KILL action) */
    WORKER_KILLED_OUTSIDE, /* SIGKILL that this node did not send */
    WORKER_OUT_OF_MEMORY,  /* the system killed it for want of memory: status = enum worker_limit */
    WORKER_LOST,           /* its spawner died, or it could not be started */
    WORKER_GARBAGE         /* it broke the pipe protocol; the host killed it */
};

/* Whose limit on memory was reached. */
enum worker_limit { WORKER_LIMIT_SYSTEM, WORKER_LIMIT_OWN, WORKER_LIMIT_NODE };

struct event {
    enum event_kind kind;
    struct instant now;
    int64_t wall_s; /* Unix time, for display and not_after only; it may be wrong and may jump */
    union {
        struct {
            uint64_t link;
            uint32_t dial; /* the DIAL's number, or 0 when accepted */
            enum party party;
            bool bulk;                /* a node's, for objects: the one who dialled said so */
            struct node_id id;        /* the peer's node id, or the user's key id */
            struct bytes certificate; /* DER of the other side's certificate */
        } link_up;
        struct {
            uint64_t link;
            enum link_end end;
        } link_down;
        struct {
            uint32_t dial;
            enum dial_end end;
        } dial_failed;
        struct {
            uint64_t link;
            struct frame frame;
        } frame;
        struct {
            uint64_t ticket;
            int rc;
        } stored;
        struct {
            bool full, silent;
        } disk;
        struct {
            uint32_t worker;
            struct frame frame;
        } worker_frame;
        struct {
            uint32_t worker;
            struct bytes text;
        } worker_output;
        struct {
            uint32_t worker;
            enum worker_end end;
            int status;
            uint64_t cpu_us; /* all that its process took */
            const char *why; /* of one LOST: what the host could not do for it; or NULL */
        } worker_exited;
        struct {
            struct frame frame; /* its request is that of the order */
        } moved;
        struct {
            struct bytes der;
        } certificate;
        struct {
            uint32_t version;   /* 0: the mesh has had one root */
            uint8_t generation; /* of them, that this node's certificate is under */
            struct bytes bytes; /* for other nodes' hosts (core/wire/roots.h) */
        } roots;
        struct {
            const char *addr; /* "host:port" */
        } hint;
        struct {
            const char *addr; /* "host:port" */
        } address;
        struct {
            uint8_t kind; /* enum event_note_kind */
            uint8_t subject[ID_SIZE];
            char text[EVENT_TEXT_SIZE];
        } audit;
        struct {
            int64_t late_us; /* after it was due; not above 0: in time */
        } tick;
    };
};

#endif
