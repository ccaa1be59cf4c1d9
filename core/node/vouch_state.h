/* Which jobs that run elsewhere are vouched for: vouch.h. Private to core/node. */
#ifndef VELUM_NODE_VOUCH_STATE_H
#define VELUM_NODE_VOUCH_STATE_H

#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/base/map.h"
#include "core/node/author_state.h"
#include "core/node/ends_state.h"
#include "core/node/evidence_state.h"
#include "core/node/window.h"

#define VOUCH_ASKS_MAX 16u
#define HEIR_ASKED_MAX 32u
#define HEIR_RANKED_MAX 3u

struct entry;

/* Those that it names are asked for a job one after the other. */
struct vouch_ask {
    struct job_id job;
    struct node_id who; /* zero: nobody yet */
    uint8_t next;       /* of its coordinator and its holders */
    bool out;           /* the question is */
    bool denied, silent;
    struct instant since;
};

/* Of a job about which those are asked that should hold it by rank: they have a word in it. */
struct heir_ask {
    struct job_id job;
    struct node_id ranked[HEIR_RANKED_MAX];
    uint8_t count; /* of them; 0: nobody was asked */
    struct instant since;
};

struct vouches {
    struct map coordinators; /* node_id -> for how many each of them vouches (authors.c) */
    uint32_t doubted, doubted_counted;
    struct vouch_ask asks[VOUCH_ASKS_MAX];
    uint32_t asks_count;
    struct entry *next;                    /* looked at next */
    struct window heirs_asked;             /* for so many jobs (heir.h) */
    struct heir_ask heirs[HEIR_ASKED_MAX]; /* the last ones */
    uint32_t heirs_next;
    struct author_asks author_asks;
    struct evidences evidence;
    struct ends ends;
    struct instant look_at, view_seen;
};

#endif
