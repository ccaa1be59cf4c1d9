/* What a node keeps of who did what; see events.h. Private to core/node. */
#ifndef VELUM_NODE_EVENTS_STATE_H
#define VELUM_NODE_EVENTS_STATE_H

#include "core/base/instant.h"
#include "core/wire/event_note.h"

enum event_class {
    EVENT_CLASS_MESH,
    EVENT_CLASS_WORK,
    EVENT_CLASS_REFUSALS,
    EVENT_CLASS_RENEWALS,
    EVENT_CLASSES
};

struct held_note {
    struct held_note *next; /* a later one */
    size_t size;            /* of all of this */
    uint64_t number;        /* as in the bytes, and so are these */
    int64_t at_s;
    struct node_id actor;
    uint8_t kind;
    uint16_t len;
    uint8_t bytes[];
};

/* Of one kind: how many may be noted at once, and what was not since. */
struct event_bucket {
    struct instant at; /* when `used` was right */
    uint32_t used;
    struct event_note merged; /* count 0: nothing */
};

struct events {
    struct held_note *first, *last;
    uint32_t count, of_class[EVENT_CLASSES];
    uint64_t number;   /* of the last one, ever */
    uint64_t unstored; /* from this one on none is in a record yet; 0: all are */
    bool merging;      /* some bucket has something */
    struct event_bucket buckets[EVENT_NOTE_LAST + 1];
};

#endif
