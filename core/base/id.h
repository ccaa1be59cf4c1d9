/* Names of things: 32 bytes each, one struct per kind, so that the compiler refuses to mix them.
 *
 * A node's id is SHA-256 of its public key (SPKI, DER); a job's is SHA-256 of the bytes that are
 * signed; a digest is SHA-256 of whatever it names. */
#ifndef VELUM_BASE_ID_H
#define VELUM_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/bytes.h"

#define ID_SIZE 32
#define ID_HEX_SIZE 65 /* 64 digits and the final zero */

struct node_id {
    uint8_t bytes[ID_SIZE];
};
struct job_id {
    uint8_t bytes[ID_SIZE];
};
struct digest {
    uint8_t bytes[ID_SIZE];
};

/* Asked many times for every frame, so they are here, and without a call. */
static inline bool id_bytes_equal(const uint8_t a[ID_SIZE], const uint8_t b[ID_SIZE])
{
    uint64_t x[4], y[4];

    memcpy(x, a, ID_SIZE);
    memcpy(y, b, ID_SIZE);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3])) == 0;
}

static inline bool node_id_equal(struct node_id a, struct node_id b)
{
    return id_bytes_equal(a.bytes, b.bytes);
}

static inline bool node_id_is_zero(struct node_id a)
{
    return node_id_equal(a, (struct node_id){{0}});
}

static inline bool job_id_equal(struct job_id a, struct job_id b)
{
    return id_bytes_equal(a.bytes, b.bytes);
}

static inline bool digest_equal(struct digest a, struct digest b)
{
    return id_bytes_equal(a.bytes, b.bytes);
}

static inline bool digest_is_zero(struct digest a)
{
    return digest_equal(a, (struct digest){{0}});
}

int node_id_compare(struct node_id a, struct node_id b); /* as memcmp */
int job_id_compare(struct job_id a, struct job_id b);

/* Lower-case hex of the first `digits` hex digits (<= 64), with a final zero; to[digits + 1]. */
void id_hex(const uint8_t bytes[ID_SIZE], size_t digits, char *to);
/* Parses 1..64 lower- or upper-case hex digits of a prefix.
 * Returns the number of digits, or ERR_FORMAT. */
int id_parse_prefix(const char *text, uint8_t to[ID_SIZE]);
/* True when the first `digits` hex digits agree. */
bool id_has_prefix(const uint8_t bytes[ID_SIZE], const uint8_t prefix[ID_SIZE], size_t digits);

void put_node_id(struct buf *b, struct node_id id);
void put_job_id(struct buf *b, struct job_id id);
void put_digest(struct buf *b, struct digest d);
struct node_id read_node_id(struct reader *r);
struct job_id read_job_id(struct reader *r);
struct digest read_digest(struct reader *r);

#endif
