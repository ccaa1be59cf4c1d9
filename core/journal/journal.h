/* A node's append-only file of records: append, sync, replay, compact.
 *
 * Owns the segments of one folder (drawn in record.h) through the store it is given, and one buffer
 * of records that were appended but not yet synced. It never skips a damaged record, never retries
 * a failed sync, and never calls anything synced that is not. Called by the one thread that owns
 * the store: the journal writer of core/host/disk.c, or the simulator.
 *
 * The folder also holds `reserve` (one preallocated segment that only compaction may use, so that a
 * full disk can still be compacted), `next` (the coming segment, prepared ahead), and
 * `<segment>.torn` (what recovery cut off). */
#ifndef VELUM_JOURNAL_JOURNAL_H
#define VELUM_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/journal/record.h"
#include "core/journal/store.h"

#define JOURNAL_SEGMENT_BYTES ((uint64_t)4 << 20)
#define JOURNAL_SEGMENT_BYTES_MIN 256
#define JOURNAL_SEGMENT_BYTES_MAX ((uint64_t)1 << 30)
#define JOURNAL_RECORD_BYTES_MAX ((uint32_t)1 << 20)
#define JOURNAL_PENDING_BYTES_MAX ((size_t)64 << 20)
#define JOURNAL_SEGMENTS_MAX 65536

struct journal;

struct journal_options {
    uint64_t segment_bytes;      /* 0 means JOURNAL_SEGMENT_BYTES */
    uint32_t record_bytes_max;   /* longest payload; 0 means JOURNAL_RECORD_BYTES_MAX, the most */
    uint32_t feature_level;      /* written into new segments; a greater one is refused */
    uint8_t id[JOURNAL_ID_SIZE]; /* random, used only when the folder has no journal yet */
};

/* What is wrong with a place. */
enum journal_fault {
    JOURNAL_FAULT_NONE,
    JOURNAL_FAULT_MISSING, /* a segment that must be there is not */
    JOURNAL_FAULT_SHORT,   /* a segment is shorter than when it got its name */
    JOURNAL_FAULT_HEADER,  /* a header does not read */
    JOURNAL_FAULT_FOREIGN, /* a segment of another journal */
    JOURNAL_FAULT_VERSION, /* another format, or a feature level above the known one */
    JOURNAL_FAULT_NEXT,    /* a header names another record than the one before it */
    JOURNAL_FAULT_RECORD   /* a record that was synced does not read */
};
/* What may be read after a colon. Never NULL. */
const char *journal_fault_sentence(enum journal_fault fault);

/* What opening found. Names are empty and numbers 0 where nothing was found. */
struct journal_report {
    bool fresh;       /* there was no journal, one was made */
    uint64_t records; /* handed to replay */
    uint64_t last_sequence;
    uint64_t synced_sequence;    /* as far as the bytes themselves say so */
    uint64_t segments;           /* live ones */
    uint64_t bytes;              /* of them up to the last record */
    uint8_t id[JOURNAL_ID_SIZE]; /* before the first record is handed to replay */
    uint64_t record_segment;     /* the number of the segment of the record handed to replay last */
    uint64_t record_offset;      /* and where it begins there */
    uint64_t torn_bytes;         /* cut from the end of the last segment */
    bool torn_saved;             /* false when there was no space to save them aside */
    char torn_segment[SEGMENT_NAME_SIZE];
    uint64_t torn_offset;
    char bad_segment[SEGMENT_NAME_SIZE]; /* with ERR_DAMAGED and ERR_VERSION, as all below */
    uint64_t bad_offset;
    enum journal_fault bad_fault;
    uint16_t bad_format; /* of JOURNAL_FAULT_VERSION: what the header says */
    uint32_t bad_feature_level;
    uint64_t lost_from; /* journal_check only: records that do not read any more; 0: nobody knows */
    uint64_t lost_upto;
};

/* Called for every record in order; payload is borrowed.
 * A negative answer ends the opening and is its result. */
typedef int journal_replay(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload);

/* Opens the journal of a folder, or makes one. Everything handed to `replay` is durable once this
 * has returned 0; after an error what was replayed must be forgotten. `store` and `a` are borrowed
 * until journal_close, `store` by value.
 *
 *   ERR_DAMAGED, ERR_VERSION  the folder is untouched, and the report names the place
 *   ERR_SYNC                  the disk does not take what was recovered
 *   ERR_NO_SPACE              only for a fresh journal or a disk that cannot overwrite in place
 *   ERR_NO_MEMORY, ERR_IO, ERR_ARGUMENT */
int journal_open(struct journal **out, const struct alloc *a, const struct store *store,
                 const struct journal_options *options, journal_replay *replay, void *ctx,
                 struct journal_report *report);

/* Called for every place that does not read, which the bad_ and lost_ fields name.
 * A negative answer ends the check and is its result. */
typedef int journal_damage(void *ctx, const struct journal_report *found);

/* Reads the journal of a folder as opening does, and changes nothing: of the store only list, open
 * (never to create), size, read_at and close are used. Goes on behind damage with the next record
 * that reads, so `damage` may be called more than once and a row of sequence numbers may have gaps.
 * Memory is bounded by the number of segments and one longest record. `replay` must not answer
 * ERR_DAMAGED. A torn tail is no damage.
 *
 *   0              whole, or `damage` heard of all that is not
 *   ERR_NOT_FOUND  there is no journal; or a segment went away meanwhile
 *   ERR_VERSION    the report names what the header says
 *   ERR_NO_MEMORY, ERR_IO, ERR_PERMISSION, ERR_FULL */
int journal_check(const struct alloc *a, const struct store *store, uint32_t feature_level,
                  journal_replay *replay, journal_damage *damage, void *ctx,
                  struct journal_report *report);

/* Adds one record to those that the next journal_sync writes. type != 0. ERR_TOO_LARGE,
 * ERR_NO_MEMORY, ERR_FULL at 64 MiB not yet synced. */
int journal_append(struct journal *j, uint16_t type, struct bytes payload);

/* Writes and syncs all that was appended. 0: durable. Otherwise the records stay pending, and a
 * later call takes them up again:
 *
 *   ERR_NO_SPACE  call again when there is space, or compact
 *   ERR_SYNC      a write, sync or rename failed; its segment is fenced or taken away again, and
 *                 the next call writes the pending records to a new one. Never returns 0 on the
 *                 strength of a sync that failed before */
int journal_sync(struct journal *j);

/* Gives up what was appended and not synced; journal_sequence says how far that got. The records
 * may still be there after a restart; nobody may have been told so. */
void journal_discard(struct journal *j);

/* A slice of the records that take the place of others: a row of (u16 type, u32 length, payload),
 * each of them whole. */
struct journal_slice {
    struct bytes records;
    const struct journal_slice *next;
};
/* Replaces everything appended before it, pending records included, by the records of these slices
 * one after the other, which must say the same. NULL: by nothing. Sequence numbers go on. 0: the
 * new segment is durable and the old ones are gone. Otherwise nothing has changed: ERR_NO_SPACE,
 * ERR_SYNC, ERR_FORMAT for a slice that is not such a row, ERR_NO_MEMORY. */
int journal_compact(struct journal *j, const struct journal_slice *slices);
/* Adds one record to a slice. */
void journal_put(struct buf *records, uint16_t type, struct bytes payload);

/* For idle moments: marks the last records as synced (one small write, no sync) and prepares the
 * reserve and the coming segment. Failures are not reported; they come back when it matters. */
void journal_idle(struct journal *j);

const uint8_t *journal_id(const struct journal *j);
uint64_t journal_sequence(const struct journal *j); /* the last synced one */
size_t journal_pending_bytes(const struct journal *j);
/* Bytes of all live segments up to the last record, and those of the last compaction's result:
 * their ratio says when to compact. */
uint64_t journal_bytes(const struct journal *j);
uint64_t journal_base_bytes(const struct journal *j);
bool journal_has_reserve(const struct journal *j);

/* Syncs what is pending where that works, leaves a synced mark, closes the files and frees.
 * Accepts NULL. Returns journal_sync's result. */
int journal_close(struct journal *j);
/* Frees without touching the disk, as a crash would leave it. Accepts NULL. */
void journal_abandon(struct journal *j);

#endif
