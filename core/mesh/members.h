/* The table of everybody else: sorted by id, so that walking it in order is an array index.
 *
 * Owns the peers. A peer keeps its address until members_remove.
 * Decides nothing; called by mesh only. */
#ifndef VELUM_MESH_MEMBERS_H
#define VELUM_MESH_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/mesh/mesh.h"
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

enum news { NEWS_NONE = 0, NEWS_LAZY, NEWS_URGENT };

struct peer {
    struct member m;
    /* The process that it said itself it has replaced: rumors of it are old. */
    uint64_t boot_before;
    bool boot_replaced;
    struct instant state_at; /* since when it is in its state */
    struct suspicion suspicion;
    struct probe probe;
    /* Somebody else says it is suspect or dead while our link to it is up: it is pinged first. */
    bool accused;
    struct rumor accusation;
    bool standing;             /* in our ring distances: its link is kept up and watched */
    bool lost;                 /* its last link ended without GOODBYE */
    uint32_t dial;             /* ticket of the dial under way, or 0 */
    struct instant dial_start; /* of that dial */
    struct instant dial_due;   /* next try, or INSTANT_NEVER */
    int64_t dial_wait_us;      /* back-off */
    struct instant wanted;     /* last time somebody asked for a link */
    enum news news;            /* still to be told to our standing links */
    uint64_t news_from;        /* the link it came over, or 0 */
    struct instant news_due;   /* lazy ones rest until then */
    struct instant news_told;  /* last time anything of it was passed on */
    struct peer *news_next;    /* in the order it was heard */
};

struct members {
    const struct alloc *alloc;
    struct peer **list;
    uint32_t count, cap;
    uint32_t live;   /* not DEAD, not LEFT; self not counted */
    uint32_t alive;  /* ALIVE */
    uint64_t digest; /* of the live ones */
};

bool node_state_is_live(enum node_state s);

void members_init(struct members *t, const struct alloc *a);
void members_clear(struct members *t);
struct peer *members_find(const struct members *t, struct node_id id);
/* A new peer in no state yet. ERR_FULL or ERR_NO_MEMORY. The id must not be there. */
int members_add(struct members *t, const struct member_info *info, struct peer **out);
void members_remove(struct members *t, struct peer *p);
/* Keeps the counts right. */
void members_set_state(struct members *t, struct peer *p, enum node_state state);
/* Takes over what it says of itself, and keeps the digest right. */
void members_set_info(struct members *t, struct peer *p, const struct member_info *info);
/* Order-free digest of the live members' (id, boot, statement), `self` included. Kept up to date
 * with each change, because every PING and PONG carries it. */
uint64_t members_digest(const struct members *t, const struct member_info *self);
/* First index whose id is greater than `after`. */
uint32_t members_after(const struct members *t, struct node_id after);

/* Marks as standing the peers at ring distances 1, 2, 4 ... on both sides of `self` among the live
 * ones, in the order of ids: about 2 log2 N; all while there are few. */
void members_ring(struct members *t, struct node_id self);

#endif
