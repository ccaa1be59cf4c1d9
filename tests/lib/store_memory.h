/* A journal's store in memory that fails on demand and loses power.
 *
 * It keeps what programs see and what the disk has apart. Between them is a log of everything not
 * yet synced; losing power keeps any chosen part of that log. A failed sync behaves as Linux does:
 * what it should have written is forgotten, but can still be read, and the next sync succeeds.
 * After a failed sync of the folder its changes are as unsure as before. */
#ifndef VELUM_TESTS_STORE_MEMORY_H
#define VELUM_TESTS_STORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/journal/store.h"

#define STORE_MEMORY_FILES_MAX 512
#define STORE_MEMORY_NAMES_MAX 64

struct store_memory_content {
    uint8_t *data;
    uint64_t size;
};

struct store_memory_file {
    struct store_memory_content seen;
    struct store_memory_content durable;
};

struct store_memory_name {
    char name[STORE_NAME_SIZE]; /* empty: free place */
    int file;
};

enum store_memory_kind { STORE_WRITE, STORE_TRUNCATE, STORE_LINK, STORE_UNLINK, STORE_RENAME };

/* One thing not yet synced. */
struct store_memory_op {
    enum store_memory_kind kind;
    int file;
    uint64_t offset; /* of a write; the size of a truncation */
    uint8_t *data;
    size_t len;
    char name[STORE_NAME_SIZE];
    char to[STORE_NAME_SIZE];
};

struct store_memory {
    struct store store;    /* give this to the code under test */
    uint64_t calls;        /* that change something or sync, and reads of files */
    uint64_t power_off_at; /* from this call on, counted from 1, everything fails; 0: never */
    uint64_t fail_at;      /* this call fails with fail_rc */
    uint64_t fail_count;   /* and so do the following ones, that many in all; 0 means 1 */
    int fail_rc;
    bool fail_short;    /* a failing write writes half before, a failing sync half of its writes, a
                        failing rename is done */
    uint64_t space_max; /* bytes of all files; 0: no limit */
    uint64_t writes;    /* calls by kind, for those who count them */
    uint64_t syncs;
    struct store_memory_file files[STORE_MEMORY_FILES_MAX];
    int files_count;
    struct store_memory_name seen[STORE_MEMORY_NAMES_MAX];
    struct store_memory_name durable[STORE_MEMORY_NAMES_MAX];
    struct store_memory_op *log;
    size_t log_count;
    size_t log_cap;
};

/* What survives of the log: op i if bit i % 64 of `keep` is set; of op `torn` only its first
 * `torn_bytes` bytes, or with `torn_end` only what follows them. */
struct store_memory_loss {
    uint64_t keep;
    size_t torn; /* SIZE_MAX: none */
    size_t torn_bytes;
    bool torn_end;
};

#define STORE_MEMORY_LOSE_ALL ((struct store_memory_loss){.keep = 0, .torn = SIZE_MAX})
#define STORE_MEMORY_KEEP_ALL ((struct store_memory_loss){.keep = UINT64_MAX, .torn = SIZE_MAX})

/* The store stays where it is: store.ctx points at it. */
struct store_memory *store_memory_new(void);
struct store_memory *store_memory_clone(const struct store_memory *m);
void store_memory_free(struct store_memory *m);
/* Cuts the power and switches it on again: faults and counters are reset, the folder is what was
 * durable and what `loss` lets through. */
void store_memory_power_loss(struct store_memory *m, struct store_memory_loss loss);
/* The contents by name, or NULL; writable, for flipping and cutting. */
struct store_memory_content *store_memory_find(struct store_memory *m, const char *name);
/* Makes what is seen durable, after the contents were changed by hand. */
void store_memory_settle(struct store_memory *m);
uint64_t store_memory_bytes(const struct store_memory *m);

#endif
