/* The plan of one fetch: which piece is asked of which node. Pieces are asked for in order, a few
 * at a time of each source, so that a fast source does more; a piece that a source does not bring
 * is free again. At the end a source with nothing left to do gets a second copy of what is
 * outstanding longest, so that one slow source does not hold up the object.
 *
 * Pure, and sends nothing: the caller asks what to send, and tells what came. Times are the
 * caller's. The map of what is here belongs to the shelf. */
#ifndef VELUM_OBJECT_FETCH_H
#define VELUM_OBJECT_FETCH_H

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/base/instant.h"

#define FETCH_SOURCES_MAX 8
#define FETCH_WINDOW 4 /* pieces outstanding with one source: on their way, or being hashed here */
#define FETCH_SECONDS 2 /* the same when it gets second copies */
#define FETCH_BAD_MAX 8

struct fetch;

/* `have` has object_pieces(size) bits, lowest first: pieces with their bit are not asked for. It is
 * borrowed, and the caller sets a piece's bit before it tells of the piece. 0 or ERR_NO_MEMORY. */
int fetch_new(struct fetch **out, const struct alloc *a, uint64_t size, const uint8_t *have);
void fetch_free(struct fetch *f);

/* A node that has all of it. ERR_FULL: there are enough; ERR_EXISTS. */
int fetch_source(struct fetch *f, struct node_id id);
uint32_t fetch_sources(const struct fetch *f);
struct node_id fetch_source_at(const struct fetch *f, uint32_t i);
/* It has gone, or does not have it (any more): what was asked of it is free again. */
void fetch_source_gone(struct fetch *f, struct node_id id);

/* What to ask this source for next, and from now on it is outstanding there. False: nothing now. */
bool fetch_next(struct fetch *f, struct node_id id, struct instant now, uint64_t *piece);
/* It is here and its digest is right. Any other copy that is outstanding is the caller's to
 * receive and drop. */
void fetch_got(struct fetch *f, struct node_id id, uint64_t piece);
/* What this source brought is not what the list says, or it refused: it is not asked for this piece
 * again, and a source that does so FETCH_BAD_MAX times is none any more. False: no source is left
 * for the piece. */
bool fetch_bad(struct fetch *f, struct node_id id, uint64_t piece);
/* A source with something outstanding since before `since`, or false: it is given up with
 * fetch_source_gone when it has brought nothing for long. */
bool fetch_stalled(const struct fetch *f, struct instant since, struct node_id *id);

#endif
