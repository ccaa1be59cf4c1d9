/* The name of an object whose bytes come in order, computed beside the caller's own work: as
 * object_stream of core/object/name.h, but the pieces are gathered in memory and hashed two by two
 * by the threads of mover_hash.h, while the next ones come. Needs no file, so it serves a pipe as
 * well.
 *
 * Memory is HASH_STREAM_PIECES pieces, each taken when it is first needed. What is left at the end
 * is hashed by the caller, who would have to wait for it anyway; so a small object wakes nobody.
 * Called by the commands that get objects and the results of jobs. */
#ifndef VELUM_HOST_HASH_STREAM_H
#define VELUM_HOST_HASH_STREAM_H

#include "core/base/bytes.h"
#include "core/base/id.h"

#define HASH_STREAM_PIECES 4

struct hash_stream;

/* 0, ERR_NO_MEMORY or ERR_SYSTEM (no thread). */
int hash_stream_new(struct hash_stream **out);
/* Waits for the threads. Accepts NULL. */
void hash_stream_free(struct hash_stream *s);
/* Begins an object; one that was not ended is forgotten. size <= OBJECT_SIZE_MAX. */
void hash_stream_begin(struct hash_stream *s, uint64_t size);
/* Never more than the size. 0 or ERR_NO_MEMORY. */
int hash_stream_add(struct hash_stream *s, struct bytes bytes);
/* The next piece, whole, was hashed already. False, and nothing is added, where bytes of the piece
 * before it are still to be hashed: then hash_stream_add is to be called. */
bool hash_stream_add_piece(struct hash_stream *s, struct digest piece);
/* False when bytes are missing. */
bool hash_stream_end(struct hash_stream *s, struct digest *name);

#endif
