/* How nodes tell each other of a mesh's next root, and a command of how far they are. What the
 * roots are is the host's (core/host/roots.h), and here only bytes with a version, which rises.
 *
 *   ROOTS          u32 version, block roots
 *                  between nodes: what the author has; without the roots where it only says so.
 *                  Whoever has a later version answers with it, and whoever has an earlier one
 *                  with that, so that it is sent the roots. Whoever has the same answers with their
 *                  SHA-256 in place of the roots, and where that is another the roots are sent: of
 *                  two that were made at once one is to stay (core/host/roots.h)
 *   REQUEST_ROOTS  block roots, which may be empty: take these, and say how far you are
 *   REPLY_ROOTS    u32 version, u8 generation: of the roots that the node's certificate is under.
 *                  0 in place of the version where roots came and it does not have these */
#ifndef VELUM_WIRE_ROOTS_H
#define VELUM_WIRE_ROOTS_H

#include "core/base/bytes.h"

#define ROOTS_SIZE_MAX 16384

struct roots_told {
    uint32_t version;
    struct bytes roots; /* or their SHA-256; borrowed */
};

struct roots_reply {
    uint32_t version;
    uint8_t generation;
};

void put_roots_told(struct buf *b, const struct roots_told *m);
void put_roots_reply(struct buf *b, const struct roots_reply *m);
/* 0 or ERR_FORMAT. */
int read_roots_told(struct bytes payload, struct roots_told *m);
int read_roots_request(struct bytes payload, struct bytes *roots);
int read_roots_reply(struct bytes payload, struct roots_reply *m);

#endif
