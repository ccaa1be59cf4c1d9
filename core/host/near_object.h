/* An object at a node of this machine, read from the node's own files. A command that reaches a
 * node by its control socket is of the node's own user, or root, and may read what the node keeps;
 * so the bytes need not go through the node. Each piece is checked against the object's list, and
 * the list against its name, before anybody gets it; where one is damaged the node is to be asked,
 * which can mend it.
 *
 * The files are never written to once they are an object, and open ones stay until they are closed,
 * whatever the node does. Memory is NEAR_PIECES pieces, each taken when it is first needed; they
 * are read and hashed beside the caller's own work (mover_hash.h). Called by cmd/fetch.c. */
#ifndef VELUM_HOST_NEAR_OBJECT_H
#define VELUM_HOST_NEAR_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/id.h"

#define NEAR_PIECES 4

struct near_object;

struct near_bytes {
    struct bytes bytes;   /* borrowed until the next call */
    bool is_piece;        /* all of one, so that the digest is theirs */
    struct digest digest; /* of what lies in memory, not of what the list says */
};

/* The bytes from `from` on of an object of the node with this control socket. 0, or < 0: it cannot
 * be had here as it should be. from <= size. */
int near_object_open(struct near_object **out, const char *control, struct digest name,
                     uint64_t size, uint64_t from);
/* 1 with the next bytes, 0 at the end, < 0: the next ones are damaged, or cannot be read. */
int near_object_next(struct near_object *o, struct near_bytes *out);
/* Accepts NULL. */
void near_object_close(struct near_object *o);

#endif
