/* The objects of this node: what lies on its shelf, what users put there, get and take away.
 *
 *   mover.c     orders to the mover, and what is done with its answers
 *   objects.c   the shelf: found at the start, listed, removed, room made on it
 *   put.c       objects on their way in from users
 *   get.c       objects on their way out to users
 *   removing.c  what users want to be gone, and others know more of
 *   keeping.c   which are to be kept; copies.c: by whom, and who has them
 *   room.c      which nodes have no room
 *   damage.c    pieces that are not what they were
 *   sound.c     whether any are, of what is to be mapped
 *   fetching.c  on their way here from other nodes; bulk.c: the links for that
 *   fetch_wait.c  those that no place is left for
 *
 * A node without room for objects (told so, or embedded and without a folder for them) has none of
 * this, and says so to whoever asks. Memory is bounded by what is on its way: PUTS_MAX and GETS_MAX
 * times a window. What the mover cannot take yet of it waits in mover.c. Private to core/node. */
#ifndef VELUM_NODE_OBJECTS_H
#define VELUM_NODE_OBJECTS_H

#include "core/node/making_set.h"
#include "core/node/state.h"
#include "core/object/shelf.h"
#include "core/wire/object_request.h"

#define PUTS_MAX 64
#define GETS_MAX 64
#define ASKS_MAX 64                    /* that wait until the shelf is known */
#define PUT_WINDOW ((uint32_t)1 << 20) /* bytes of one put that are on their way */
#define OBJECT_WITHOUT_MAX 64u
#define OBJECT_FULLS_MAX 64u
#define OBJECT_PUT_AGAIN "velum put FILE, which keeps it again"
#define GET_READS 16 /* slices of one get that are being read: so many may come by one wake-up */

/* An order that was not answered yet. */
struct move_order;
struct put;
struct put_wait;
struct get;
struct object_ask;
struct bulk;
struct fetching;
struct removing;
struct fetch_wait;
struct sounding;

/* How far the look for damage is: all objects up to this one, and its pieces before this one. */
struct shelf_check {
    struct digest name;
    uint64_t piece;
    uint32_t number;      /* of this one on the shelf */
    struct instant since; /* it is being looked at */
    bool begun;
};

/* A node that has no room for objects of this size, or larger. */
struct room_full {
    struct node_id id;
    uint64_t size;
    struct instant until; /* it is asked again */
};

struct fetch_queue {
    struct map names; /* of all that are in it */
    struct fetch_wait *first, *last;
};

struct objects {
    struct shelf *shelf;
    bool scanned;              /* what was there at the start is on the shelf */
    bool scan_is_on;           /* the mover looks */
    struct instant scan_again; /* when it is to look again, after it could not */
    bool scan_cuts, scan_cut;  /* files that were too long are cut in this scan; were, before it */
    struct move_order *orders_first, *orders_last;
    struct move_order *orders_waiting; /* the first that the mover was not given yet */
    uint32_t orders_open;              /* that it was given, and has not answered; their bytes */
    size_t orders_open_bytes;
    uint32_t order_counter;
    uint64_t number_counter; /* of puts and gets */
    struct put *puts;
    struct get *gets;
    struct object_ask *asks;
    uint32_t puts_count, gets_count, asks_count;
    uint64_t coming_bytes; /* of puts, which are on no shelf yet */
    struct put_wait *put_waits;
    uint32_t put_waits_count;
    struct removing *removings;
    uint32_t removings_count;
    /* making.c */
    struct making_set makings;
    bool makings_due;                           /* to be looked at at the end of this step */
    uint64_t makings_members, makings_placings; /* members_changes and placings at the last look */
    /* bulk.c */
    struct bulk *bulks;
    uint32_t bulks_count, dial_counter;
    struct instant dial_again;
    /* fetching.c */
    struct fetching *fetches;
    uint32_t fetches_count;
    bool fetch_wanted; /* something is to be asked for */
    /* fetch_wait.c: for users, and to be kept */
    struct fetch_queue waited, copied;
    /* copies.c */
    bool look_more, look_again;
    bool able; /* this node's disk can write down what it is told */
    size_t look_at;
    struct instant view_seen;
    uint64_t placings; /* how often who should have what may have changed */
    struct node_id without[OBJECT_WITHOUT_MAX]; /* nodes that keep no objects */
    uint32_t without_count;
    struct map tellers; /* node_id -> struct teller */
    /* room.c */
    struct room_full fulls[OBJECT_FULLS_MAX];
    uint32_t fulls_count;
    /* damage.c */
    struct shelf_check check;
    bool check_is_on; /* the mover was asked */
    uint32_t check_skips;
    struct instant check_at;
    struct instant check_began; /* of this time round; INSTANT_NEVER: it has not begun */
    /* sound.c */
    struct sounding *soundings; /* the first is looked at, or will be next */
    uint32_t soundings_count;
    bool sounding_is_on; /* the mover was asked */
};

/* 0, also for a node that keeps no objects; ERR_NO_MEMORY. */
int objects_new(struct node *n);
void objects_free(struct node *n);
/* Asks what is there. */
void objects_start(struct node *n);

/* Requests of users: PUT, DATA, GET, MORE, OBJECTS, RM. */
void objects_request(struct node *n, uint64_t link, const struct frame *f);
void objects_link_down(struct node *n, uint64_t link);
/* Now and then, while anything is under way; and at the end of a step. */
void objects_tick(struct node *n);
void objects_settle(struct node *n);
/* EVENT_MOVED and EVENT_MOVER. */
void objects_moved(struct node *n, const struct frame *f);
void objects_mover(struct node *n);

/* Lets go of what may go until so many bytes fit. False: they do not. */
bool objects_room(struct node *n, uint64_t bytes);
/* It is gone from the shelf and from the disk. */
void objects_drop(struct node *n, struct shelf_object *o);
/* What the mover made of a stream is on the shelf, and kept when it is `wanted`, or is to be kept
 * anyway. 0 and the object; ERR_NOT_FOUND: it was there, and was let go of before this was known;
 * or another error. The caller tells those that wait for it (gets_fetched), who may
 * let go of it, when it has done the rest. */
int objects_made(struct node *n, const struct frame *answer, bool wanted, struct shelf_object **o);
/* It is not kept any more: gone at once, or when whoever reads it has read it to its end. */
void objects_let_go(struct node *n, struct shelf_object *o);
/* Of whoever read or fetched it. What was removed meanwhile, and nobody else reads, is gone. */
void objects_unpin(struct node *n, struct shelf_object *o);
/* As it is told to who is at that link, if that is still there. */
void objects_view(const struct node *n, uint64_t link, const struct shelf_object *o,
                  struct object_view *v);
void objects_send_view(struct node *n, uint64_t link, uint32_t request,
                       const struct shelf_object *o);
/* The user hears of the object once what was said of it is synced: of a put when so many copies
 * are whole, of an rm (0) at once. */
void objects_answer_later(struct node *n, uint64_t link, uint32_t request,
                          const struct shelf_object *o, uint32_t copies);
void objects_written(struct node *n, const struct wait *w);
/* The one object a ref means. NULL: the user was told what is wrong. */
struct shelf_object *objects_by_ref(struct node *n, uint64_t link, uint32_t request,
                                    const char *ref);

#endif
