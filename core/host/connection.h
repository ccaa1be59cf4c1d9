/* One connection of a linkset: its phases, its two queues, reading and writing. Private to
 * linkset.c, connection.c and connection_*.c. */
#ifndef VELUM_HOST_CONNECTION_H
#define VELUM_HOST_CONNECTION_H

#include "core/host/linkset.h"
#include "core/host/stream.h"

#define SLOT_BITS 11
#define SLOTS (1u << SLOT_BITS)
#define FRAME_SIZE_MAX (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX)

enum connection_phase {
    LINK_FRESH,      /* up, but nobody was told yet */
    LINK_CONNECTING, /* TCP */
    LINK_SHAKING,    /* TLS */
    LINK_JOINING,    /* accepted, without a certificate: one request is read */
    LINK_OPEN,
    LINK_CLOSING, /* writes what is left, reads and drops until the other side has closed too */
    LINK_OVER     /* ended; linkset_flush tells it and frees it */
};

struct connection {
    struct linkset *set;
    uint64_t number;
    uint32_t dial;
    enum connection_phase phase;
    struct stream stream;
    struct watch *watch;
    bool loopback;
    bool accepted;
    bool bulk;  /* dialled as such */
    bool mute;  /* a write failed; reading finds out why */
    bool ended; /* our direction is shut down */
    bool told;  /* its user knows of it */
    bool barred;
    bool again; /* has bytes inside that the descriptor will not announce */
    bool flooded;
    bool is_dirty; /* in the set's list of those that linkset_flush looks at */
    struct connection *dirty_next;
    struct instant deadline;
    size_t paced;     /* bytes since the deadline of half a frame was set */
    bool parked;      /* strangers have had their share: its handshake waits for the next one */
    int64_t share_us; /* that it took of it */
    struct node_id pinned;
    struct link_peer peer;
    uint32_t turn;   /* frames that it may hand up before others have theirs */
    uint32_t frames; /* that it may hand up at this rate, by then */
    struct instant frames_at;
    bool put_off;  /* it may hand up none: it is read in a moment */
    struct buf in; /* half a frame; or whole ones, for which its turn was too short */
    struct buf out;
    size_t out_at;
    size_t out_max;
    enum link_end end;
    enum dial_end dial_end;
    int fault;
    uint8_t version;
};

struct linkset {
    struct loop *loop;
    struct identity *user;
    struct tls_profile *profile;
    struct linkset_events events;
    bool (*bars)(const struct node *n, struct node_id id); /* or NULL */
    const struct node *node;
    struct connection *slots[SLOTS];
    uint64_t generation;
    uint32_t slot_next;
    uint32_t count;
    uint32_t half_open;
    uint32_t half_open_loopback;
    struct connection *dirty;
    struct alarm *deadline_alarm;
    struct instant deadline;
    struct alarm *again_alarm;
    struct alarm *share_alarm;
    struct alarm *rate_alarm;
    struct instant rate_at;              /* it rings then; long ago: it is not set */
    struct instant share_end;            /* of the time that strangers share */
    int64_t share_us;                    /* what they had of it */
    bool ran;                            /* a callback ran since the last flush began */
    uint8_t scratch[2 * FRAME_SIZE_MAX]; /* what is read at once, and the rest of its last frame */
};

/* Takes the descriptor, also when it fails. NULL when the set is full. */
struct connection *connection_new(struct linkset *s, int fd);
void connection_free(struct connection *k);
/* Accepted, and nobody knows yet from whom. */
bool connection_is_half_open(const struct connection *k);
/* The one place that changes a phase, so that the counts stay true. */
void connection_enter(struct connection *k, enum connection_phase phase);
/* Puts it into the list that linkset_flush looks at. */
void connection_mark(struct connection *k);
void connection_deadline(struct connection *k, struct instant due);
/* Ends it now; linkset_flush tells it. A second end changes nothing. */
void connection_fail(struct connection *k, enum link_end end, enum dial_end dial_end, int fault);
void connection_tell_up(struct connection *k);
/* It has bytes inside that its descriptor will not announce. */
void connection_again(struct connection *k);
/* connection_shake.c: one step of the handshake; and a new share of time for those who wait. */
void connection_shake(struct connection *k);
void connection_share_again(void *ctx);
/* What a stranger took of the share. */
void connection_charge(struct connection *k, int64_t us);
/* connection_rate.c: its turn begins; false when it is put off. One frame of it is handed up. */
bool connection_turn(struct connection *k);
void connection_spend(struct connection *k);
/* Those that were put off are read. */
void connection_rate_again(void *ctx);
/* connection_join.c: the request of who wants to join; it is begun, and more of it is there. */
void connection_join_begin(struct connection *k);
void connection_join_read(struct connection *k);
void connection_read(struct connection *k);
void connection_write(struct connection *k);
void connection_put(struct connection *k, uint8_t type, uint32_t request, struct bytes payload);

#endif
