/* What a node keeps of a job of the mesh, wherever that job is. Private to core/node. */
#ifndef VELUM_NODE_DIRECTORY_STATE_H
#define VELUM_NODE_DIRECTORY_STATE_H

#include "core/node/peer.h"

/* What those who hold it, or did, have said of its end when they were asked (owners.h). */
enum end_shown { SHOWN_NOTHING, SHOWN_ENDED, SHOWN_GONE };

/* Of a job that runs: whether there is one (vouch.h). */
enum standing { STANDING_NONE, STANDING_HERE, STANDING_VOUCHED, STANDING_DOUBTED };

struct entry {
    struct job_id id;
    uint64_t version;
    uint32_t epoch;
    struct node_id coordinator;
    uint8_t holders_count;
    struct node_id holders[HOLDERS_MAX];
    struct node_id known[HOLDERS_MAX]; /* who has a word in it, beside its coordinator (heir.h) */
    uint8_t known_count;
    struct instant heir_asked;
    uint8_t state;
    struct bytes view;         /* owned, encoded job view without result */
    bool dirty, ended, killed; /* killed: proved to a user of this node */
    enum end_shown shown;
    uint64_t ended_s; /* by the calendar */
    uint64_t listed;  /* the last listing that has it */
    struct entry *next_dirty, *prev_dirty;
    struct entry *next, *prev; /* in the list of those that run, or of those that have ended */
    enum standing standing;
    bool counted, vouched; /* vouched: by its coordinator, as the process of this boot id */
    bool answered;         /* vouched, and when he was asked */
    bool unsure;           /* it has ended, as somebody says (ends.h) */
    bool end_own;          /* who coordinates it does */
    bool end_vain;         /* nobody could say so who was asked */
    struct instant end_asked;
    uint64_t boot;
    struct instant heard, since; /* last told so; and so long it is like this, or was asked about */
    /* Of a job whose ledger is here (hearsay.h). */
    struct bytes end_told; /* owned, an encoded entry: an end that nobody has shown here */
    bool end_relay;        /* whoever told it wants it passed on */
    bool end_doubted;      /* one of those it names has shown it, and is not believed here */
    struct node_id end_by; /* one of those it names has had the job and forgotten it; or zero */
    struct instant end_at; /* when it was told */
    struct node_id end_stranger; /* by whom, if he is not known to have the job; or zero */
    struct instant rival_since;  /* a greater epoch is told than that of who leads it here */
    struct instant raised;       /* a coordinator here has last gone beyond what others told */
    uint64_t above_version;      /* told by others, and not taken: the next own word goes beyond */
    uint32_t above_epoch;
};

/* Entries in the order in which they came: new ones at the end. */
struct entry_list {
    struct entry *first, *last;
    uint32_t count;
};

#endif
