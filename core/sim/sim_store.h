/* A disk's folder in memory that knows what is durable and what a crash may lose: the store
 * (core/journal/store.h) under a simulated node's journal.
 *
 * Owns its files. Writes are seen at once and durable after a sync; names after a sync of the
 * folder. Called by sim_disk.c only. */
#ifndef VELUM_SIM_SIM_STORE_H
#define VELUM_SIM_SIM_STORE_H

#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/prng.h"
#include "core/journal/store.h"

#define SIM_FILES_MAX 192
#define SIM_NAMINGS_MAX 32
#define SIM_SECTOR 512

struct sim_bytes {
    uint8_t *data;
    uint64_t size, cap;
};

struct sim_file {
    char seen_name[STORE_NAME_SIZE];    /* empty: has none (any more) */
    char durable_name[STORE_NAME_SIZE]; /* what a crash leaves */
    bool used;
    struct sim_bytes seen, durable;
};

/* One write or truncation that no sync has covered. */
struct sim_write {
    struct sim_write *next;
    int file;
    bool truncate;
    uint64_t offset;
    size_t len;
    uint8_t *data;
};

/* A file got, changed or lost its name. */
struct sim_naming {
    int file, over; /* over: the file that lost the name to it, or -1 */
    char name[STORE_NAME_SIZE];
};

struct sim_store {
    struct store store; /* give this to the journal; ctx points back here, so do not move it */
    const struct alloc *alloc;
    struct sim_file files[SIM_FILES_MAX];
    struct sim_write *first, *last;
    struct sim_naming names[SIM_NAMINGS_MAX]; /* since the folder was synced, oldest first */
    uint32_t names_count;
    uint32_t calls_left;  /* the power goes after so many changing calls; 0: it stays on */
    uint32_t syncs_fail;  /* so many syncs to come fail */
    uint32_t names_fail;  /* so many renames and syncs of the folder to come fail */
    uint32_t read_fails;  /* the so-manieth read to come fails; 0: none */
    uint32_t short_write; /* the so-manieth write to come is cut short; 0: none */
    bool no_space;        /* no file gets longer, and none is made */
    bool copies;          /* with that, nothing is overwritten: the disk copies on write */
    bool off;
    uint64_t refused; /* calls that failed for one of these reasons */
    struct prng prng; /* where a write is cut, and whether a rename that failed was done */
};

void sim_store_init(struct sim_store *s, const struct alloc *a);
void sim_store_clear(struct sim_store *s);
/* The process ended: what it wrote stays. */
void sim_store_reopen(struct sim_store *s);
/* A copy of what is durable now, as a backup of the disk would have it; `to` is cleared first. 0 or
 * ERR_NO_MEMORY. */
int sim_store_image(const struct sim_store *s, struct sim_store *to);
/* What a reader of the folder would see in this file now, borrowed. False: there is none. */
bool sim_store_bytes(const struct sim_store *s, const char *name, struct bytes *out);
/* The power went: of what no sync covered any part may be there, whatever the order it was written
 * in, torn in the middle of a write; of the names, those up to some moment since the last sync of
 * the folder. */
void sim_store_power_loss(struct sim_store *s, struct prng *p);
/* What has changed. */
struct sim_rot {
    uint64_t at, used; /* the byte, and the bytes of its file up to the last that is not zero */
    bool newest;       /* no other file with that ending has a greater name */
};
/* Changes synced bytes of a file whose name ends like that: a bit, or a sector that was meant for
 * another place. False when there are none. */
bool sim_store_rot(struct sim_store *s, const char *ending, struct prng *p, struct sim_rot *rot);

#endif
