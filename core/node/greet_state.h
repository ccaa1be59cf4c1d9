/* What state.h knows of greetings (greet.h). */
#ifndef VELUM_NODE_GREET_STATE_H
#define VELUM_NODE_GREET_STATE_H

#include "core/base/id.h"
#include "core/node/parcel.h"

struct act_entry;
struct entry;
struct job;

/* What a peer is still to be told: of jobs that run, the directory, of ended jobs it has too. */
#define OWED_MAX 64
enum greeting_stage { GREETING_JOBS, GREETING_LIVE, GREETING_ENDED, GREETING_KEPT };
struct greeting {
    struct node_id id;
    enum greeting_stage stage;
    struct job *job;     /* the next one, NULL at the end */
    struct entry *entry; /* the next one, NULL at the end */
    /* Ended jobs that are sent, not only compared, before the walk over them goes on. */
    struct job *owed[OWED_MAX];
    bool owed_titles[OWED_MAX]; /* no more of it than its titles */
    uint32_t owed_count;
    struct parcel parcel; /* goes out before all else */
    /* Acts go out before all that: from this one on those whose names begin so. NULL: none. */
    const struct act_entry *act;
    uint8_t acts_owed[32]; /* a bit for each first byte */
    size_t short_of;       /* what is owed is put together once there is more room than this */
    struct greeting *next;
};

#endif
