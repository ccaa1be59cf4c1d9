/* The journal writer: the one thread of a node besides its loop, so that a sync never stalls the
 * loop.
 *
 * Owns the journal, its thread, and a bounded queue of what is to be stored. The loop's thread
 * calls everything here and never waits, except in disk_open and disk_close. Tickets are completed
 * in the order of the calls, after the sync; whatever is queued meanwhile shares the next one.
 * When nothing is queued the thread sleeps and costs nothing. */
#ifndef VELUM_HOST_DISK_H
#define VELUM_HOST_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/instant.h"
#include "core/journal/journal.h"

#define DISK_QUEUE_BYTES_MAX ((size_t)64 << 20)
#define DISK_QUEUE_RECORDS_MAX 100000
#define DISK_RETRY_MS 250
#define DISK_SILENT_US (10 * S_US) /* then a disk that has answered nothing is said to be silent */

struct disk;

/* Opens the journal in `folder` (made when missing) with the given feature level, replays it in the
 * calling thread, then starts the writer. Errors are those of store_file_open and journal_open;
 * ERR_SYSTEM when there is no thread or descriptor. */
int disk_open(struct disk **out, const char *folder, uint32_t feature_level, journal_replay *replay,
              void *ctx, struct journal_report *report);
/* The same over any store, which is closed by its owner after disk_close. */
int disk_open_on(struct disk **out, const struct store *store,
                 const struct journal_options *options, journal_replay *replay, void *ctx,
                 struct journal_report *report);

/* Readable when disk_poll has something to say. */
int disk_fd(const struct disk *d);

/* Queues one record; the payload is copied. Tickets rise from call to call (disk_compact's too).
 * ERR_FULL at 64 MiB or 100,000 records not yet given back by disk_poll, ERR_TOO_LARGE,
 * ERR_NO_MEMORY: then there will be no completion. */
int disk_store(struct disk *d, uint64_t ticket, uint16_t type, struct bytes payload);

/* One slice of what the next compaction writes (made with journal_put), behind those before it.
 * `first`: those before it are forgotten. ERR_NO_MEMORY: then all are, and the next compaction
 * fails. */
int disk_slice(struct disk *d, bool first, struct bytes records);
/* Queues a compaction: the slices together must say everything that was given to disk_store before.
 * They are used up, also on error. One at a time: ERR_BUSY while another is not yet completed;
 * ERR_NO_MEMORY. On a full disk it goes ahead of the stores that wait for space, and completes them
 * too. */
int disk_compact(struct disk *d, uint64_t ticket);

/* Gives back what is completed. rc is
 *
 *   0             durable
 *   ERR_SYNC      two segments in a row refused it: it may or may not be there after a restart
 *   ERR_NO_SPACE  only for a compaction, and for what was waiting when the disk was closed
 *
 * `state` tells when the disk becomes full (stores wait, tried again every 250 ms) and when it no
 * longer is. Both callbacks may call disk_store. */
void disk_poll(struct disk *d, void (*done)(void *ctx, uint64_t ticket, int rc),
               void (*state)(void *ctx, bool full), void *ctx);

/* When the disk last answered, or was last given something after nothing had waited for it;
 * INSTANT_NEVER while nothing waits. A sync may hang for as long as the device likes. */
struct instant disk_waits_since(struct disk *d);

void disk_journal_id(const struct disk *d, uint8_t to[JOURNAL_ID_SIZE]);
uint64_t disk_sequence(struct disk *d);      /* last synced */
uint64_t disk_journal_bytes(struct disk *d); /* live */
uint64_t disk_base_bytes(struct disk *d);    /* what the last compaction left */

/* Writes and syncs what is queued, ends the thread, closes. Completions not yet polled are dropped;
 * a full disk is not waited for. Accepts NULL. */
void disk_close(struct disk *d);

#endif
