/* How far a snapshot is; see snapshot.h. Private to core/node. */
#ifndef VELUM_NODE_SNAPSHOT_STATE_H
#define VELUM_NODE_SNAPSHOT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/instant.h"

struct act_entry;
struct job;
struct keeping;
struct held_note;

enum snapshot_section {
    SECTION_CALENDAR,
    SECTION_ACTS,
    SECTION_EVENTS,
    SECTION_ASIDE,
    SECTION_TOMBSTONES,
    SECTION_LIVE,
    SECTION_KEPT,
    SECTION_OBJECTS
};
struct snapshot {
    uint32_t number; /* of the present one, or of the last */
    bool running;
    bool first;          /* no slice of it is out */
    uint64_t out_ticket; /* of one that is whole and that the disk has not answered for; 0: none */
    bool again;          /* another is wanted when it has */
    struct instant due;
    enum snapshot_section section;
    struct job *job_next; /* of the list of its section */
    uint64_t kept_last;   /* later ones end the section */
    uint64_t stone_next, stones_end;
    struct held_note *note_next;
    uint64_t note_last; /* later ones follow as they are stored */
    struct keeping *object_next;
    const struct act_entry *act_next;
    struct buf rows;      /* of the coming slice */
    struct buf held_back; /* stored before all tombstones were written */
};

#endif
