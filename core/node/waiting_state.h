/* Users who wait for word of a job, and submissions on their way. Private to core/node. */
#ifndef VELUM_NODE_WAITING_STATE_H
#define VELUM_NODE_WAITING_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/node/peer.h"

#define SEEK_MAX 16
/* Asking for a job, one node after the other. */
struct seek {
    struct node_id at; /* who was asked last */
    bool asking;       /* its answer is believed */
    bool later;        /* who is left has no link yet */
    struct instant asked;
    struct node_id without[SEEK_MAX]; /* said that they do not have it, or nothing */
    uint32_t without_count;
    bool silent;      /* one of these said nothing */
    struct gone gone; /* what one of these said, when the job existed and is gone */
};

enum watcher_kind { WATCHER_USER, WATCHER_NODE };
struct watcher {
    enum watcher_kind kind;
    uint64_t link;       /* of the user */
    struct node_id node; /* who asked */
    uint32_t request;
    struct job_id job;
    uint32_t interval_ms;
    struct instant sent;
    bool sent_any;
    struct seek seek;     /* of a user: where the job is */
    struct instant heard; /* of a user: its holder's last word; of a node: when it last asked */
    bool found;           /* some holder has told of it */
    struct instant since; /* without a word from any holder */
    struct watcher *next, *prev;
    struct watcher *next_same, *prev_same; /* of the same job */
};

/* A submission on its way to the first holder. */
struct forward {
    uint32_t token;
    uint64_t link;
    uint32_t request;
    struct node_id to;
    struct bytes spec;           /* owned */
    struct instant began, until; /* began: when the user submitted it */
    bool sent;                   /* false: there was no link yet */
    struct forward *next;
};

/* Where answers of a session go that is passed on to a coordinator. */
struct session_route {
    uint32_t token;
    uint64_t link;
    uint32_t request;
    struct node_id at;
    struct instant heard; /* when its author last asked */
    struct session_route *next;
};

#endif
