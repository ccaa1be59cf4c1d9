/* Objects: immutable bytes that are known by what they are.
 *
 * An object is cut into pieces of PIECE_SIZE bytes, of which only the last may be shorter. Its
 * *list* is the SHA-256 digests of its pieces, one after the other, 32 bytes each. Its name is
 * SHA-256 over
 *
 *   u64 size, then for each piece: u32 length, 32 digest          (little-endian)
 *
 * so that pieces can be hashed side by side, fetched from several nodes in any order, and each be
 * checked when it arrives. The object without bytes has no pieces and a name like any other.
 *
 * Pure. Used by the mover, which hashes, by the node, which only counts pieces, and by commands,
 * which check what they were given. */
#ifndef VELUM_OBJECT_NAME_H
#define VELUM_OBJECT_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/base/sha256.h"

#define PIECE_SIZE 1048576u
#define OBJECT_SIZE_MAX ((uint64_t)1 << 46) /* 64 TiB: a list of 2 GiB */

/* 0 for a size of 0. */
uint64_t object_pieces(uint64_t size);
/* The length of one of them; piece < object_pieces(size). */
uint32_t object_piece_length(uint64_t size, uint64_t piece);
/* Bytes of the list. */
uint64_t object_list_size(uint64_t size);

/* Puts a name together from the digests of the pieces, in order. */
struct object_sum {
    struct sha256 sha;
    uint64_t size;
    uint64_t pieces; /* that were added */
};

/* size <= OBJECT_SIZE_MAX */
void object_sum_begin(struct object_sum *s, uint64_t size);
void object_sum_piece(struct object_sum *s, struct digest piece);
/* False when there were more or fewer pieces than the size has. */
bool object_sum_end(struct object_sum *s, struct digest *name);

/* The name of bytes that are all here: OBJECT_SIZE_MAX of them at most. */
struct digest object_name_of(struct bytes data);

/* The name of bytes that come in order, in parts of any length. */
struct object_stream {
    struct object_sum sum;
    struct sha256 piece; /* the one that is not whole yet */
    uint64_t at, size;
};

/* size <= OBJECT_SIZE_MAX */
void object_stream_begin(struct object_stream *s, uint64_t size);
/* Never more than the size. */
void object_stream_add(struct object_stream *s, struct bytes bytes);
/* False when bytes are missing. */
bool object_stream_end(struct object_stream *s, struct digest *name);

#endif
