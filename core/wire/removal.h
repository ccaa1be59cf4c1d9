/* A removal: the word of a user who takes an object back, as the bytes he signed. It goes from node
 * to node as it is, each of which judges it by the signature and never by who passed it on, and it
 * lies in journals as it is (core/node/removal_right.h).
 *
 *   removal  signed bytes (signed.h) under SIGNED_REMOVAL, without a path; the body is
 *
 *   body     32 name, u64 generation, i64 at (Unix time of its author's clock, not negative),
 *            u16 count (1 to REMOVAL_OWNERS_MAX), count times: 32 owner (zero: a user)
 *
 * It is for statements of these owners and of just this generation (core/node/keeping.h): what a
 * job needs is not taken from it with a word about what its author put, and what is put again has
 * a greater generation, about which a removal of before says nothing. Where all have
 * forgotten the object, generations begin anew; so what is older than nodes remember removals is
 * not believed either. */
#ifndef VELUM_WIRE_REMOVAL_H
#define VELUM_WIRE_REMOVAL_H

#include "core/wire/signed.h"

#define SIGNED_REMOVAL "velum removal 1"
#define REMOVAL_SIZE_MAX 4096 /* of a whole one, encoded */
#define REMOVAL_OWNERS_MAX 32u
#define REMOVAL_BODY_SIZE (50u + REMOVAL_OWNERS_MAX * ID_SIZE) /* at most */

struct removal {
    struct digest name;
    uint64_t generation; /* from 1 on */
    int64_t at_s;
    uint32_t owner_count;
    struct job_id owners[REMOVAL_OWNERS_MAX];
};

bool removal_names(const struct removal *m, struct job_id owner);

void put_removal_body(struct buf *b, const struct removal *m);
/* 0 or ERR_FORMAT. */
int read_removal_body(struct bytes body, struct removal *m);
/* Reads a whole one; the signature is not checked. Borrows. 0 or ERR_FORMAT. */
int read_removal(struct bytes removal, struct signed_bytes *s, struct removal *m);

#endif
