/* The table of links, by number and by when each needs attention next, and the one rule for
 * parallel ones.
 *
 * Both ends rank the links between them alike: the connection opened by the lower id comes first,
 * and of two with the same opener the one its opener greeted on first. The best stays, whatever
 * order each end saw them in. Owns the links; decides nothing else; called by mesh only. */
#ifndef VELUM_MESH_LINKS_H
#define VELUM_MESH_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/mesh/pace.h"

/* Of node links only. The node counts those with commands as well (core/node/crowd.h). */
#define LINKS_MAX 1024

struct peer;

enum link_state {
    LINK_GREETING, /* our HELLO is out, theirs is awaited */
    LINK_OPEN,
    LINK_ENDING,  /* they called it a duplicate, but the link that stays is not up yet: go on */
    LINK_DRAINING /* we said GOODBYE; read until they close */
};

struct link {
    uint64_t number;
    enum link_state state;
    struct node_id id;
    struct peer *peer;   /* from LINK_OPEN on */
    bool ours;           /* we opened it */
    uint32_t dial;       /* the ticket it came from, or 0 */
    uint64_t boot;       /* of the process at the other end, from its HELLO */
    uint64_t calendar_s; /* what that said of the time that all have seen pass */
    uint32_t features;   /* the feature level that it said */
    uint32_t greeting_ours, greeting_theirs;
    struct instant deadline; /* of GREETING, ENDING, DRAINING; of OPEN: when more pages are sent */
    struct instant heard;
    struct instant used;  /* by the upper layers, or opened */
    int64_t idle_us;      /* so long unused, it is closed if it is no standing one */
    struct instant quiet; /* silence until then is nothing to ask about */
    bool syncing;         /* pages of the member table are still to be sent */
    struct node_id sync_after;
    bool fresh;                   /* its first digest decides whether tables are exchanged */
    struct instant compare;       /* a ping that asks for it goes out then, or INSTANT_NEVER */
    uint32_t differs;             /* digests in a row that were not ours */
    struct instant differs_since; /* the first of them */
    int64_t sync_wait_us;         /* before the next full exchange because of that */
    uint32_t told;                /* our own incarnation, as it was said over it last */
    struct pace accusations;      /* that came over it, of those with a link here */
    struct pace words;            /* that came over it and were taken, of others that are well */
    struct pace told_back;        /* what others say of its member, told to that */
    uint8_t reach[2];             /* how far loads that come over it are passed on, each way */
    uint32_t reach_ring;          /* the renewal of the ring that holds for */
    struct instant armed;         /* not later than it is due: its place in the heap */
    uint32_t heap_at;
    uint32_t tick; /* the last one that looked at it */
};

struct link_due {
    struct instant armed;
    struct link *link;
};

struct links {
    const struct alloc *alloc;
    struct link **list;
    uint64_t *numbers;     /* of `list`, so that a look-up reads no link but one */
    struct link_due *heap; /* the first armed on top */
    uint32_t count, cap;
};

void links_init(struct links *t, const struct alloc *a);
void links_clear(struct links *t);
struct link *links_find(const struct links *t, uint64_t number);
/* The first link with a greater number, or NULL: for walks during which links may go. */
struct link *links_after(const struct links *t, uint64_t number);
/* ERR_FULL or ERR_NO_MEMORY; ERR_EXISTS when the number is taken. Armed for never. */
int links_add(struct links *t, uint64_t number, struct link **out);
void links_remove(struct links *t, struct link *l);
/* Moves it to this time, whatever it was armed for. */
void links_arm(struct links *t, struct link *l, struct instant when);
/* The one armed for the earliest time, or NULL. */
struct link *links_first(const struct links *t);
/* The link to this node that both ends prefer among OPEN ones;
 * with none, an ENDING one; or NULL. */
struct link *links_best(const struct links *t, struct node_id self, struct node_id id);
/* True when a link to this node is there that we have not said GOODBYE on. `except` may be NULL. */
bool links_has(const struct links *t, struct node_id id, const struct link *except);

#endif
