/* A removal: the word of a user who takes an object back, as the bytes he signed. It goes from node
 * to node as it is, each of which judges it by the signature and never by who passed it on, and it
 * lies in journals as it is (core/node/removal_right.h).
 *
 *   removal  signed bytes (signed.h) under SIGNED_REMOVAL, without a path; the body is
 *
 *   body     32 name, u64 generation, i64 at (Unix time of its author's clock, not negative)
 *
 * It is for statements of just this generation (core/node/keeping.h), whoever's they are: what is
 * put again has a greater one, and a removal of before says nothing about it. Where all have
 * forgotten the object, generations begin anew; so what is older than nodes remember removals is
 * not believed either. */
#ifndef VELUM_WIRE_REMOVAL_H
#define VELUM_WIRE_REMOVAL_H

#include "core/wire/signed.h"

#define SIGNED_REMOVAL "velum removal 1"
#define REMOVAL_SIZE_MAX 4096 /* of a whole one, encoded */
#define REMOVAL_BODY_SIZE 48

struct removal {
    struct digest name;
    uint64_t generation; /* from 1 on */
    int64_t at_s;
};

void put_removal_body(struct buf *b, const struct removal *m);
/* 0 or ERR_FORMAT. */
int read_removal_body(struct bytes body, struct removal *m);
/* Reads a whole one; the signature is not checked. Borrows. 0 or ERR_FORMAT. */
int read_removal(struct bytes removal, struct signed_bytes *s, struct removal *m);

#endif
