/* The table of everybody else: sorted by id, so that walking it in order is an array index.
 *
 * Owns the peers. A peer keeps its address until members_remove. There may be 16,384 of them, but
 * only few are watched, dialled, doubted or gone: what is to be done about those is their *care*, a
 * record of its own, and whoever looks for work walks the cared for only.
 * Decides nothing; called by mesh only. */
#ifndef VELUM_MESH_MEMBERS_H
#define VELUM_MESH_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/mesh/mesh.h"
#include "core/mesh/pace.h"
#include "core/mesh/profiles.h"
#include "core/mesh/suspicion.h"

enum probe_stage {
    PROBE_NONE,
    PROBE_LOST,    /* its link broke; others are asked unless a new one is up in a moment */
    PROBE_DIRECT,  /* a PING is out */
    PROBE_INDIRECT /* others were asked to ping it */
};

struct probe {
    enum probe_stage stage;
    struct instant due;
    uint32_t number;  /* of the PROBE that others answer */
    uint32_t asked;   /* how many were asked */
    uint32_t answers; /* how many said anything, even no */
};

/* A peer with a link, in our ring distances, being dialled, doubted or gone has one. */
struct care {
    uint32_t place; /* among the cared for */
    uint32_t links; /* of any state that know it as their peer */
    /* The process that it said itself it has replaced: rumors of it are old. */
    uint64_t boot_before;
    bool boot_replaced;
    bool standing;          /* in our ring distances: its link is kept up and watched */
    bool lost;              /* its last link ended without GOODBYE */
    uint32_t ring;          /* the last renewal of the ring that found it standing */
    struct instant gone_at; /* since when it is DEAD or LEFT */
    struct suspicion suspicion;
    bool hushed; /* nobody else was told of the suspicion yet */
    struct probe probe;
    /* Somebody else says it is suspect or dead, or replaced, while our link to it is up: it is
     * pinged first. NULL: nobody does. */
    struct rumor *accusation;
    struct instant doubted;    /* what others say of it and what is known are far apart */
    uint32_t dial;             /* ticket of the dial under way, or 0 */
    struct instant dial_start; /* of that dial */
    struct instant dial_due;   /* next try, or INSTANT_NEVER */
    int64_t dial_wait_us;      /* back-off */
    struct instant wanted;     /* last time somebody asked for a link */
};

/* 64 bytes, because there are so many. */
struct peer {
    struct member m;
    union {
        struct care *care;      /* NULL: nothing is to be done about it */
        struct peer *free_next; /* while it is nobody */
    };
    uint32_t news;     /* its place in the queue of news and 1, or 0 */
    struct rise risen; /* by hearsay */
};

#define PEERS_BLOCK 32
#define RING_CLASSES 15 /* 2^14 members */

enum ring_way { RING_AHEAD, RING_BEHIND };

struct peers_block {
    struct peers_block *next;
    struct peer peers[PEERS_BLOCK];
};

/* In the order of ids. The key is the start of the id, so that a look-up reads no peer but one. */
struct member_slot {
    uint64_t key;
    struct peer *peer;
};

struct members {
    const struct alloc *alloc;
    struct profiles *profiles;
    struct peers_block *blocks;
    struct peer *peers_free;
    struct member_slot *list;
    uint32_t count, cap;
    uint32_t live;  /* not DEAD, not LEFT; self not counted */
    uint32_t alive; /* ALIVE */
    uint32_t suspects;
    uint64_t digest; /* of the live ones */
    struct peer **cared;
    uint32_t cared_count, cared_cap;
    uint32_t rings; /* renewals of the ring */
    /* The standing peers at distance 2^k each way, or NULL; none where everybody is standing. */
    struct peer *ring[2][RING_CLASSES];
    bool neglected; /* a peer is gone, but there was no memory for its care */
};

bool node_state_is_live(enum node_state s);

void members_init(struct members *t, const struct alloc *a, struct profiles *profiles);
void members_clear(struct members *t);
struct peer *members_find(const struct members *t, struct node_id id);
struct peer *members_at(const struct members *t, uint32_t i);
/* A new peer in no state yet. ERR_FULL or ERR_NO_MEMORY. The id must not be there. */
int members_add(struct members *t, const struct member_info *info, struct peer **out);
void members_remove(struct members *t, struct peer *p);
/* Keeps the counts right. */
void members_set_state(struct members *t, struct peer *p, enum node_state state);
/* Takes over what it is said to say of itself, and keeps the digest right: within one statement
 * only the load. ERR_NO_MEMORY: nothing changed. */
int members_set_info(struct members *t, struct peer *p, const struct member_info *info);
/* The same of its own word: all of it. */
int members_set_word(struct members *t, struct peer *p, const struct member_info *info);
/* Order-free digest of the live members' (id, boot, statement), `self` included. Kept up to date
 * with each change, because every PING and PONG carries it. */
uint64_t members_digest(const struct members *t, const struct member_info *self);
/* Orders as the id does, nearly. */
uint64_t member_key(struct node_id id);
/* First index whose id is not less than `id`. */
uint32_t members_place(const struct members *t, struct node_id id);
/* First index whose id is greater than `after`. */
uint32_t members_after(const struct members *t, struct node_id after);

/* Its care, which is made if there is none. NULL: out of memory. */
struct care *members_care(struct members *t, struct peer *p);
/* Its care to read; for one without it, that of a peer about which nothing is to be done. */
const struct care *care_of(const struct peer *p);
void members_uncare(struct members *t, struct peer *p);
/* Takes down what others said of it. False: out of memory. */
bool members_accuse(struct members *t, struct peer *p, const struct rumor *r);
void members_acquit(struct members *t, struct peer *p);

#endif
