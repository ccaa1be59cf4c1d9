/* Digests of pieces of files, computed beside the caller's own work: by one thread for each core,
 * also for the caller's, who waits for files and pipes. A piece that is not held in memory is read
 * back from the file it was written to.
 *
 * The threads touch nothing but the jobs they are given. Called by the parts of the mover, and by
 * the commands that get objects (also by hash_stream.h). */
#ifndef VELUM_HOST_MOVER_CREW_HASH_H
#define VELUM_HOST_MOVER_CREW_HASH_H

#include <stdbool.h>

#include "core/base/id.h"

/* At most PIECE_SIZE bytes of a file, which stays open until the job is done, or of memory. */
struct hash_job {
    int fd; /* -1: the bytes are at `to` already, and stay there */
    uint64_t at;
    uint32_t length;
    uint8_t *to; /* the bytes are left there, or NULL */
    /* What came of it; not to be looked at before hash_wait. */
    int rc; /* 0, ERR_DAMAGED (the file is shorter), or what reading gave */
    struct digest digest;
    bool done; /* private */
    struct hash_job *next;
};

/* Starts the threads, where there are none yet. 0, ERR_NO_MEMORY or ERR_SYSTEM. */
int hash_open(void);
/* The jobs stay where they are until hash_wait. Two that are given together (`second` may be NULL)
 * are hashed together, which takes little longer than one. */
void hash_add(struct hash_job *first, struct hash_job *second);
void hash_wait(struct hash_job *j);
/* Whether hash_wait would return at once. */
bool hash_is_done(const struct hash_job *j);

/* Hashes pieces of an object in order, several side by side. */
struct hash_walk {
    void *ctx;
    int fd;
    uint64_t size; /* of the object */
    /* The first piece from this one on that is wanted, or UINT64_MAX. */
    uint64_t (*next)(void *ctx, uint64_t piece);
    /* Anything but 0 ends the walk; pieces behind this one may have been read for nothing. rc as in
     * hash_job. */
    int (*each)(void *ctx, uint64_t piece, int rc, struct digest digest);
};

/* 0, or what `each` returned. */
int hash_pieces(const struct hash_walk *w, uint64_t first);

#endif
