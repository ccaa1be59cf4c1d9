/* What a node has of objects, and what of it may go. Knows sizes, pieces, uses and pins; the bytes
 * are the mover's.
 *
 * Objects that are *kept* (a user put them, or a result needs them) and those that are *pinned*
 * (being read, fetched, or an input of a job that runs here) never go by themselves; of the others
 * the least recently used goes first when room is wanted. Bounded in objects and in bytes; bytes
 * count with the object's whole size from the moment it is begun, so that what is begun can be
 * ended.
 *
 * Pure. Owned by core/node. */
#ifndef VELUM_OBJECT_SHELF_H
#define VELUM_OBJECT_SHELF_H

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/base/instant.h"

#define SHELF_OBJECTS_MAX 1000000u

struct shelf_object {
    struct digest name;
    uint64_t size, pieces;
    uint64_t have;   /* pieces that are here */
    uint8_t *map;    /* a bit a piece, lowest first; NULL: whole, or its list is not here yet */
    bool listed : 1; /* its list is here */
    bool whole : 1;  /* sealed: every piece was synced */
    bool kept : 1;
    bool may_go : 1; /* the shelf's: it is in the order of those */
    uint8_t height;  /* the shelf's: of the tree of names below it and with it; a leaf has 1 */
    uint16_t pins;
    uint32_t number;      /* what was on this shelf before under the same name has another */
    struct instant since; /* it is here, or was begun */
    uint64_t used;        /* when it was used last: any scale that rises */
    /* So long its bytes count as what its name says, as they did when they were looked at last;
     * zero: nobody has looked since this process began, or a piece was lost since. */
    struct instant sound_until;
};

struct shelf;

/* objects_max <= SHELF_OBJECTS_MAX. bytes_max counts whole sizes. 0 or ERR_NO_MEMORY. */
int shelf_new(struct shelf **out, const struct alloc *a, uint32_t objects_max, uint64_t bytes_max);
void shelf_free(struct shelf *s);

struct shelf_object *shelf_find(const struct shelf *s, struct digest name);
/* The only one that begins so. ERR_NOT_FOUND, ERR_ARGUMENT (several), ERR_FORMAT. */
int shelf_by_prefix(const struct shelf *s, const char *ref, struct shelf_object **out);
/* A new one, not listed and empty. ERR_FULL (too many), ERR_NO_SPACE (it does not fit below
 * bytes_max even when everything that may goes has gone), ERR_EXISTS, ERR_NO_MEMORY. The caller
 * makes room first: shelf_victim. */
int shelf_add(struct shelf *s, struct digest name, uint64_t size, struct instant now,
              struct shelf_object **out);
/* The same of what was kept before the start: it counts, and stays, also where bytes_max has become
 * too low for it. Then nothing else fits. */
int shelf_add_kept(struct shelf *s, struct digest name, uint64_t size, struct instant now,
                   struct shelf_object **out);
void shelf_remove(struct shelf *s, struct shelf_object *o);
/* Its list is here, or all of it: a map is made where pieces are missing. 0 or ERR_NO_MEMORY. */
int shelf_listed(struct shelf *s, struct shelf_object *o);
void shelf_sealed(struct shelf *s, struct shelf_object *o);
/* 1 when the piece is new, 0 when it was there. */
int shelf_piece(struct shelf *s, struct shelf_object *o, uint64_t piece);
/* All its pieces were looked at, or made here: it is sound until then, or as long as it was. */
void shelf_sound(struct shelf_object *o, struct instant until);
/* Somebody who read it says that it is not what it was: it is looked at anew. */
void shelf_doubt(struct shelf_object *o);
/* A damaged piece of a whole object is gone: 0 or ERR_NO_MEMORY; it is not whole any more, and not
 * sound before all of it was looked at again. */
int shelf_piece_lost(struct shelf *s, struct shelf_object *o, uint64_t piece);
/* Nothing of it is here any more, not even its list. It stays on the shelf. */
void shelf_lost(struct shelf *s, struct shelf_object *o);
/* It is the last that would go. */
void shelf_use(struct shelf *s, struct shelf_object *o);
/* What is not pinned or kept any more has just been used. */
void shelf_pin(struct shelf *s, struct shelf_object *o);
void shelf_unpin(struct shelf *s, struct shelf_object *o);
void shelf_keep(struct shelf *s, struct shelf_object *o, bool kept);
/* After a start: puts all in the order of `used`, which the caller has set. */
void shelf_order(struct shelf *s);

/* What must go so that `bytes` more fit: the least recently used that may go, or NULL when nothing
 * has to, or nothing can (then shelf_fits is false). */
struct shelf_object *shelf_victim(const struct shelf *s, uint64_t bytes);
bool shelf_fits(const struct shelf *s, uint64_t bytes);

uint32_t shelf_count(const struct shelf *s);
/* Those of them that are kept, and whole. */
uint32_t shelf_kept(const struct shelf *s);
uint64_t shelf_bytes(const struct shelf *s);
/* In the order of their names; `after` NULL: the first. NULL at the end. */
struct shelf_object *shelf_next(const struct shelf *s, const struct digest *after);

#endif
