/* Who is known to be a node of the mesh, and of whom this node was only told: proven.h, heard.h and
 * introduce.h. Private to these. */
#ifndef VELUM_NODE_INTRODUCE_STATE_H
#define VELUM_NODE_INTRODUCE_STATE_H

#include "core/base/map.h"
#include "core/node/state.h"
#include "core/node/window.h"

#define HEARD_OTHERS_MAX 3

/* Somebody of whom this node was told. */
struct heard {
    struct node_id id;
    uint32_t incarnation;
    struct bytes rumor;                      /* the last one, owned */
    struct teller *by;                       /* who is asked */
    struct node_id others[HEARD_OTHERS_MAX]; /* who told of it too */
    uint32_t others_count;
    bool asked, sought; /* or neither */
    bool shown;         /* asked, and its certificate holds */
    struct heard *next, *prev;
};

/* A peer that told of some, or asks for some. */
struct teller {
    struct node_id id;
    struct heard *first, *last; /* in the order in which they are asked for */
    uint32_t count, asked, sought;
    struct instant next;  /* it is not asked before, */
    struct instant until; /* and its answer is not waited for longer */
    struct bytes answer;  /* owned, and so many of it were looked at */
    uint32_t checked;
    struct window answers; /* that it was given */
    struct teller *later;
};

struct introductions {
    struct map proven; /* node_id -> struct proof */
    struct map heard;  /* node_id -> struct heard */
    struct teller *tellers;
    struct instant seek_at; /* the next one is dialled then */
};

#endif
