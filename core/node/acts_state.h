/* What state.h knows of acts (acts.h). */
#ifndef VELUM_NODE_ACTS_STATE_H
#define VELUM_NODE_ACTS_STATE_H

#include "core/base/map.h"
#include "core/node/act_again.h"
#include "core/wire/act_talk.h"

#define ACTS_MAX 4096

struct act_ask;

/* One that counts, or did. It stays where it is in the list when another comes in its place, of the
 * same subject or of one for which it made way (act_room.h). */
struct act_entry {
    bool voided; /* its signer had been revoked before: it is as if it were not there */
    struct act act;
    struct node_id by; /* who signed it; zero: it was replayed, and nobody has looked */
    struct digest name;
    struct bytes bytes; /* owned: all of it */
    uint64_t ticket;    /* of its record; 0: it was replayed */
    struct act_entry *next;
};

struct acts {
    struct map revoked, drains; /* by subject */
    struct act_entry *first, *last;
    uint32_t count, revoked_count;
    uint64_t sums[ACT_SUMS];
    struct act_again again;
    struct act_ask *asks; /* act_ask.h */
};

#endif
