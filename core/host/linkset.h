/* Connections that carry frames: TLS over TCP between nodes and from commands elsewhere, or the
 * control socket on this machine. A `linkset` is the set of all connections of one process.
 *
 * Owns descriptors, TLS state, and both queues. It never interprets a message, never decides to
 * dial, and never calls back from a function that its user called, but for linkset_flush: what goes
 * wrong inside linkset_send is told there. Called by driver.c, host.c and ask.c.
 *
 * Of those whose handshake has not ended, and of strangers who ask to join until they are gone,
 * there are 64, and 48 from this machine: beyond, the oldest goes. Their handshakes take a tenth
 * of a processor at most (connection_shake.c).
 *
 * Who is barred (revoked, or shut out for a while) is a stranger in all of this, though his
 * handshake ends well. That it does is meant: only so can he be told why, by the signed act itself,
 * which a node judges as others do before it ends; an alert of TLS is one node's word, without a
 * reason. His link is closed in the callback that says it is up, and no frame that came over it is
 * handed up, not even one that came along with the handshake.
 *
 * A link hands up so many frames, or 64 KiB, and then others have their turn. One over TLS hands
 * up 50,000 a second and 5,000 at once: beyond that it is read 10 ms later, and again, so that a
 * peer that says very much waits in its own socket, and has some of the processor but not all. It
 * is no offence, and nothing is lost or forgotten: that a link is read again depends on the time
 * and on nothing else. What honest nodes say is less: some 6,000 a second where a program waits
 * for each of its tasks before it adds the next and another node leads them, and several times
 * that on machines that are fast. Who comes over the control socket is this node's own user, and
 * waits for nothing.
 *
 * A link's life: dialled or accepted -> (connected) -> (handshake) -> up -> ended. Whatever the
 * end, it is told once: by `down` for a link that was up, by `dial_failed` for one that was dialled
 * and never was; and never after linkset_close. Of those that come and are nobody of this mesh
 * `dial_failed` tells too, with dial 0. */
#ifndef VELUM_HOST_LINKSET_H
#define VELUM_HOST_LINKSET_H

#include "core/host/address.h"
#include "core/host/loop.h"
#include "core/host/tls.h"
#include "core/node/event.h"
#include "core/node/limits.h"

#define LINKSET_MAX NODE_CONNECTIONS_MAX /* with one more the node lets another go (crowd.h) */
#define LINKSET_GOING_MAX 64  /* those that are going besides; beyond, the newest is closed */
#define LINKSET_OF_NODE_MAX 8 /* accepted from one: two, and what it has not noticed to be gone */
#define LINKSET_OF_USER_MAX 256
#define LINKSET_HALF_OPEN_MAX 64
#define LINKSET_HALF_OPEN_LOOPBACK_MAX 48
#define LINK_HANDSHAKE_US (3 * S_US)
#define LINK_JOIN_US (2 * S_US) /* for the one request of who wants to join */
#define LINK_HALF_FRAME_US (10 * S_US)
#define LINK_PACE_BYTES 10240 /* of half a frame, in that time at least */
#define LINK_FRAMES_S 50000
#define LINK_FRAMES_AT_ONCE 5000
#define LINK_TURN_FRAMES 256
#define LINK_PUT_OFF_US (10 * MS_US)
#define LINK_CLOSE_US (1 * S_US)
#define LINK_UNSENT_MAX 262144 /* bytes that a link has in the system, not sent yet */
#define LINK_NODE_QUEUE_MAX ((size_t)4 << 20)
#define LINK_USER_QUEUE_MAX ((size_t)64 << 20)

struct linkset;
struct node;

struct link_peer {
    enum party party;
    bool bulk; /* dialled to carry objects, by whichever side dialled */
    struct node_id id;
    struct bytes certificate; /* DER, borrowed */
};

/* Who is at the other end of a connection to join. */
struct join_caller {
    int fd;
    const uint8_t *exporter; /* 32 bytes, tls_join_exporter */
    struct link_peer peer;   /* party 0: a stranger; a certificate may have ended (JOIN_LATE_S) */
};

struct linkset_events {
    void *ctx;
    /* dial is 0 for an accepted link. */
    void (*up)(void *ctx, uint64_t link, uint32_t dial, const struct link_peer *peer);
    void (*frame)(void *ctx, uint64_t link, const struct frame *frame);
    /* A link that was up. fault is an error code with more detail than end (ERR_VERSION...), and
     * version the other side's protocol version when fault is ERR_VERSION. */
    void (*down)(void *ctx, uint64_t link, enum party party, enum link_end end, int fault,
                 uint8_t version);
    void (*dial_failed)(void *ctx, uint32_t dial, enum dial_end end, int fault);
    /* Somebody asks to join, or for another certificate (*type, of the frame): gives the answer's
     * type and payload. < 0: the connection is closed without one. NULL where nobody may. */
    int (*join)(void *ctx, const struct join_caller *from, struct bytes payload, uint8_t *type,
                struct buf *answer);
};

/* Borrows all. `identity` gives the TLS profile, and the certificate that stands for whoever comes
 * over the control socket is `user`'s (may be NULL where nothing is accepted there). */
int linkset_new(struct linkset **out, struct loop *l, struct identity *identity,
                struct identity *user, const struct linkset_events *events);
/* The identity was renewed; links that are up stay, but for those whose other side is under a root
 * that counts no longer: they end. 0 or ERR_SYSTEM. */
int linkset_renew(struct linkset *s);
/* Who is barred, by node_bars of this node, both borrowed; `up` closes their links. Until it is
 * called nobody is. */
void linkset_bar(struct linkset *s, bool (*bars)(const struct node *n, struct node_id id),
                 const struct node *n);
/* As tls_profile_welcome. */
void linkset_welcome(struct linkset *s, struct identity *welcome);
/* Closes everything at once. */
void linkset_free(struct linkset *s);

/* Numbers of links are never used again. Each takes the descriptor, also when it fails. */
int linkset_dial(struct linkset *s, uint32_t dial, const char *addr, const struct node_id *pinned,
                 bool bulk);
int linkset_dial_control(struct linkset *s, uint32_t dial, int fd);
int linkset_accept(struct linkset *s, int fd, bool loopback);
int linkset_accept_control(struct linkset *s, int fd);

/* Queues one frame; written by linkset_flush, or when the socket has room. A link that is gone or
 * going is ignored. */
void linkset_send(struct linkset *s, uint64_t link, uint8_t type, uint32_t request,
                  struct bytes payload);
/* Ends it after what is queued was written, at most 1 s later. Silent. */
void linkset_close(struct linkset *s, uint64_t link);
/* Writes what was queued since the last call and tells the ends found meanwhile: once a round of
 * the loop. Returns true when a callback ran. */
bool linkset_flush(struct linkset *s);
/* True while bytes for some live link are still queued here. */
bool linkset_have_unsent(const struct linkset *s);
uint32_t linkset_half_open(const struct linkset *s);
uint32_t linkset_count(const struct linkset *s);

#endif
