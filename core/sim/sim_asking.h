/* Who asks the simulated nodes for something, and about which objects: users of jobs, and those
 * that put, get and remove objects. Private to core/sim, a part of world.h. */
#ifndef VELUM_SIM_SIM_ASKING_H
#define VELUM_SIM_SIM_ASKING_H

#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/base/prng.h"
#include "core/sim/sim_mover.h"

/* --- sim_user.c --- */

enum user_kind {
    USER_SUBMITS,
    USER_WATCHES,
    USER_KILLS,
    USER_KILLS_STAGE,
    USER_APPENDS,
    USER_ORDERS /* an admin, with an act about a node */
};

struct sim_user {
    enum user_kind kind;
    uint32_t job;
    uint32_t stage;   /* of it, where it kills one */
    uint32_t subject; /* the node that its act is about, and the kind of that */
    uint8_t act;
    int64_t act_at; /* later than all before it, in seconds */
    uint32_t node;  /* where it asks now */
    bool pinned;    /* asks only there */
    bool watching;  /* a WATCH is out; it waits for as long as its link is up */
    bool done;
    uint8_t state; /* the final state it was told */
    int64_t link;  /* index, or -1 */
    uint32_t request;
    uint64_t turn;
};

/* --- sim_carrier.c --- */

#define SIM_CARRIERS_MAX 64

enum carrier_kind { CARRIER_PUTS, CARRIER_GETS, CARRIER_REMOVES };

/* Its number as a user is SIM_USERS_MAX and more. */
struct sim_carrier {
    enum carrier_kind kind;
    uint32_t thing;
    uint32_t node;
    bool pinned; /* asks only there, until it gets it */
    bool done;
    int64_t link; /* index, or -1 */
    uint32_t request;
    uint64_t turn;
    uint64_t at; /* bytes sent, or got */
    uint64_t credit;
    bool all;       /* that is to be put was sent, and so was that it is all */
    bool as_is;     /* in this try it compares itself what it gets */
    bool wrong;     /* which is not right; it knows that at its end */
    bool compared;  /* from then on the node does */
    uint32_t tries; /* left */
};

/* --- sim_objects.c --- */

#define SIM_THINGS_PUT_MAX 4
#define SIM_THINGS_MAX (SIM_THINGS_PUT_MAX + 6) /* the others are what jobs made */

struct sim_thing {
    uint8_t *data;
    uint64_t size;
    struct digest name;
    uint8_t copies; /* asked for */
    bool made;      /* by a job */
    /* What was told. */
    bool acknowledged;
    bool remove_asked, removed;
    bool put_late;        /* somebody began to put it when it was being removed, or later */
    uint32_t copies_left; /* so many disks may still be lost before what was told may be untrue */
    uint32_t removed_losses;
};

struct sim_stuff {
    bool wanted;        /* this run has objects, */
    uint32_t season;    /* in this season of it; */
    bool graphs;        /* and jobs of several stages that read them */
    bool tight;         /* and hardly room for them */
    uint64_t bytes_max; /* of a node */
    struct prng prng;
    struct sim_thing things[SIM_THINGS_MAX];
    uint32_t things_count;
    struct sim_carrier carriers[SIM_CARRIERS_MAX];
    uint32_t carriers_count;
    uint32_t rots, losses, thefts;
    int64_t lost_at; /* the last of them */
    /* After the healing. */
    bool asked;
    bool over;
    int64_t look_at, limit, ran_at;
};

/* An answer on its way from a mover to its node. */
struct sim_moved {
    struct sim_moved *next;
    uint8_t type;
    uint32_t request;
    int64_t at;
    bool places;        /* others overtake it (core/wire/move.h) */
    struct digest name; /* what it placed */
    struct buf payload;
};

/* A node's mover: its disk outlives it. */
struct sim_moving {
    struct sim_mover mover, image;
    bool made, has_image;
    struct sim_moved *first, *last;
    int64_t arrives; /* when the last answer does that none overtakes */
    int64_t rotted;  /* a bit of it turned last */
};

#endif
