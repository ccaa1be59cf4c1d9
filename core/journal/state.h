/* The inside of a journal, shared by its own files only: journal.c (appending and syncing),
 * segment.c (making segments), compact.c and recover.c (opening). Nobody else includes this. */
#ifndef VELUM_JOURNAL_STATE_H
#define VELUM_JOURNAL_STATE_H

#include "core/journal/journal.h"

#define RESERVE_NAME "reserve"
#define NEXT_NAME "next"

/* A preallocated file, all zero, that may become a segment. */
struct spare {
    int file;            /* -1 while there is none */
    uint64_t file_bytes; /* synced length */
};

struct journal {
    const struct alloc *alloc;
    struct store store;
    struct journal_options options;

    struct segment_header now; /* of the segment that is written to */
    int file;                  /* -1 only while opening */
    uint64_t at;               /* end of its last synced record, or of a mark behind it */
    uint32_t chain;            /* CRC of the last record or mark, what the next one continues */
    uint32_t record_crc;       /* CRC of the last synced record, marks left out */
    uint64_t sequence;         /* last synced */
    uint64_t base_number;      /* first live segment */
    uint64_t base_bytes;
    uint64_t closed_bytes; /* used bytes of the live segments before `now` */

    struct buf pending; /* encoded records, sealed when they are written */
    bool touched;       /* something beyond `at` may have been written */
    bool fenced;        /* nothing more may be written to `now` */
    bool marked;        /* the last thing written is a mark */
    bool broken;        /* a rename or folder sync failed: the segment after `now` may be there */

    struct spare reserve;
    struct spare next;
};

/* --- segment.c, compact.c uses it too --- */

/* Makes sure that there is a zeroed, synced file of at least `bytes`. 0, ERR_NO_SPACE, ERR_SYNC. */
int spare_prepare(struct journal *j, struct spare *s, const char *name, uint64_t bytes);
/* Closes and removes the file; for one whose contents are no longer known. */
void spare_drop(struct journal *j, struct spare *s, const char *name);
/* Takes over a `reserve` left by an earlier run: zeroes what an unfinished compaction wrote. */
void spare_adopt(struct journal *j);
/* Begins a new segment that holds the first pending records, synced before it gets its name. 0,
 * ERR_NO_SPACE, ERR_SYNC; on error nothing has changed, except that `broken` may be set. */
int segment_begin(struct journal *j);
/* The header of the segment after the current one; born_bytes is the caller's to set. */
struct segment_header segment_following(const struct journal *j, uint64_t file_bytes);
/* Gives a spare, written and synced as the header says, its name and makes it the current segment.
 * 0, ERR_NO_SPACE, ERR_SYNC (and broken). */
int segment_adopt(struct journal *j, struct spare *s, const char *name,
                  const struct segment_header *h);
/* After a rename or folder sync that failed the new segment may have its name, now or after a
 * crash, and none of its records was called synced. Nothing is written before it is certainly gone:
 * then another takes its number. 0 or ERR_SYNC. */
int segment_mend(struct journal *j);
/* Room for records in the current segment; the place of the last mark is kept free. */
uint64_t segment_room(const struct journal *j);

/* --- journal.c --- */

/* What sealing a run of pending records came to. */
struct sealed {
    size_t bytes;
    uint32_t chain;
    uint64_t sequence;
};

/* Bytes of as many whole pending records as fit into `room`. */
size_t pending_fit(const struct journal *j, uint64_t room);
/* Seals the first `bytes` of them, which are whole records. */
struct sealed pending_seal(struct journal *j, size_t bytes, uint32_t seed, uint32_t chain);
/* Takes note that they are synced. */
void pending_accept(struct journal *j, struct sealed s);

/* --- recover.c --- */

int journal_recover(struct journal *j, journal_replay *replay, void *ctx,
                    struct journal_report *report);

#endif
