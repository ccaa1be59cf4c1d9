/* An event note: one thing that somebody did or that happened at a node, as the node has it in its
 * journal (core/node/journal_record.h) and tells it to users. core/node/events.h says which are
 * kept, and for how long.
 *
 *   note  u64 number, i64 at (Unix time of the node's clock), u8 kind, u32 count, 32 actor,
 *         32 subject, text
 *
 * Numbers rise by one from 1, also over restarts. `count` notes of one kind became one, whose
 * actor, subject and text are the last one's. Zero ids are nobody and nothing. What the subject is
 * the kind says: a node's or a user's key, a job, or a token (its 5 bytes, then zeroes). The text
 * is one line that is safe to print; of a note that is longer than its room the end is missing.
 *
 *   request    payload                                             answer
 *   EVENTS     u8 what (0 list), u64 after, i64 since, u32 most    EVENT ..., END
 *              u8 what (1 note), u8 kind, 32 subject, text         END
 *
 *   answer     payload
 *   EVENT      u16 count (1..), count x note, oldest first
 *
 * A list has those with a greater number than `after` that were at `since` or later, and of these
 * the last `most`. Only the tokens' kinds can be noted, which is how a command tells the node of
 * what it did in the home folder. */
#ifndef VELUM_WIRE_EVENT_NOTE_H
#define VELUM_WIRE_EVENT_NOTE_H

#include <stdbool.h>

#include "core/base/id.h"

#define EVENT_TEXT_SIZE 160
#define EVENT_NOTE_BYTES_MAX 256 /* of a whole one, encoded */

/* Numbers are never reused. */
enum event_note_kind {
    EVENT_NOTE_STARTED = 1,
    EVENT_NOTE_STOPPED = 2,
    EVENT_NOTE_MET = 3,       /* a member, for the first time since the start */
    EVENT_NOTE_BACK = 4,      /* that had left or was dead */
    EVENT_NOTE_LEFT = 5,      /* said goodbye */
    EVENT_NOTE_DEAD = 6,      /* was silent for too long */
    EVENT_NOTE_TOKEN = 7,     /* a string to join by was made */
    EVENT_NOTE_VOID = 8,      /* one was revoked */
    EVENT_NOTE_ISSUED = 9,    /* a certificate, to who came with a token */
    EVENT_NOTE_UNISSUED = 10, /* none, to who asked for one */
    EVENT_NOTE_RENEWED = 11,  /* a certificate */
    EVENT_NOTE_SUBMITTED = 12,
    EVENT_NOTE_KILLED = 13,
    EVENT_NOTE_REFUSED = 14, /* what the role of who asked does not allow */
    EVENT_NOTE_FORGED = 15,  /* a signature or its signer was not what it has to be */
    EVENT_NOTE_LINK = 16,    /* a connection was refused, or ended for what came over it */
    EVENT_NOTE_DIVERGED = 17,
    EVENT_NOTE_UNLIKE = 18,
    EVENT_NOTE_DISK = 19,
    EVENT_NOTE_REVOKED = 20, /* a key is trusted no longer */
    EVENT_NOTE_DRAINING = 21,
    EVENT_NOTE_RESUMED = 22,
    EVENT_NOTE_ROOTS = 23 /* there are two next roots of the mesh that were made at once */
};
#define EVENT_NOTE_LAST EVENT_NOTE_ROOTS

enum event_subject { EVENT_OF_NOTHING, EVENT_OF_KEY, EVENT_OF_JOB, EVENT_OF_TOKEN };

struct event_note {
    uint64_t number;
    int64_t at_s;
    uint8_t kind; /* enum event_note_kind, or one of a later generation */
    uint32_t count;
    struct node_id actor;
    uint8_t subject[ID_SIZE];
    char text[EVENT_TEXT_SIZE];
};

/* "started", "token made", ...; "unknown" for anything else. */
const char *event_note_name(unsigned kind);
enum event_subject event_note_subject(unsigned kind);

void put_event_note(struct buf *b, const struct event_note *e);
/* One of several: the reader fails at what cannot be. Kinds that are not known are read. */
void read_event_note(struct reader *r, struct event_note *e);

enum events_what { EVENTS_LIST = 0, EVENTS_NOTE = 1 };
struct request_events {
    uint8_t what; /* enum events_what */
    uint64_t after;
    int64_t since_s;
    uint32_t most;
    struct event_note note; /* kind, subject and text of one */
};
void put_request_events(struct buf *b, const struct request_events *m);
/* 0 or ERR_FORMAT. */
int read_request_events(struct bytes payload, struct request_events *m);
/* EVENT: take `count` with read_event_note. 0 or ERR_FORMAT. */
int read_reply_event(struct bytes payload, uint16_t *count, struct reader *notes);

#endif
