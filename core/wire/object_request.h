/* What a command asks of a node about objects, and the answers. Like core/wire/request.h: every
 * request carries a request number in its frame header, every answer repeats it, and any request
 * may be answered by ERROR, which ends it.
 *
 *   request  payload                                   answer
 *   PUT      u64 size (UINT64_MAX: not known yet),     CREDIT ..., and after the last DATA one
 *            u8 copies (0: the usual number), and      OBJECT: it is synced on that many nodes
 *            perhaps 32 key (below)
 *   DATA     bytes (to OBJECT_DATA_MAX); none: that    (none of its own: CREDIT says how many
 *            was all of it                             bytes more may be sent. A frame costs its
 *                                                      bytes, and OBJECT_DATA_COST_MIN at least)
 *   GET      text ref, u64 offset, and perhaps u8 1:   OBJECT, PIECE ..., END
 *            as the node's disk has it (below)
 *   MORE     u32 bytes: so many more may be sent       (none)
 *   OBJECTS  u8 all (says nothing: each node tells of  OBJECT ..., END
 *            its own, and a command asks all of them), (OBJECT_PAGE at most, in the order of their
 *            text ref ("": any), 32 after (only what   names: ask again behind the last)
 *            comes behind this name)
 *   RM       text ref, and perhaps u8 how (below)      OBJECT (as it was), END; of 1: PIECE
 *
 * DATA and MORE have the number of the PUT or GET they belong to. A ref is 64 hex digits, or the
 * first 8 and more of them where only one object begins so.
 *
 * A key says which file the bytes are of, and in which state: the same bytes have the same one, and
 * what was written to since has another. When the line of such a PUT ends before the last DATA, the
 * node keeps for a while what has come, and a PUT of the same key and size goes on behind it: its
 * first CREDIT says where. A node that is older than keys calls such a PUT malformed.
 *
 * A node compares what it reads with the object's name before it sends it. Who compares all of it
 * himself, and can throw it away, spares it that work: he gets it as the disk has it, and where
 * that does not make the name he gets it again without that word, so that the node finds what is
 * damaged, and mends it. A node that is older than this word calls such a GET malformed.
 *
 * What somebody put he takes back with a removal that he signed (removal.h). What to sign he hears
 * by an RM of how 1: the bytes of the PIECE are the body, with the time of that node. How 2 is
 * followed by the removal, to the end. A node that is older than this calls both malformed.
 *
 *   answer   payload
 *   OBJECT   an object view (below)
 *   PIECE    bytes (to OBJECT_DATA_MAX), in order, never more than MORE allowed
 *   CREDIT   u32 bytes: so many more may be sent; and perhaps, in the first of a PUT with a key,
 *            u64 there: so many are there, and the next is the one behind them. One of 0 behind the
 *            end: its copies are on their way
 *
 * An object view: 32 name, u64 size, u64 here (bytes of it on the node that answers), u8 flags
 * (1 kept: a user put it or a job needs it; 2 whole here; 4 on its way here; 8 in use; 16 a user
 * put it), u32 copies (whole ones, as far as is known), u32 machines, u64 age_s (since this node
 * has it), u32 jobs that need it, 32 one of them that who asks may see, or zero. */
#ifndef VELUM_WIRE_OBJECT_REQUEST_H
#define VELUM_WIRE_OBJECT_REQUEST_H

#include <stdbool.h>

#include "core/base/bytes.h"
#include "core/base/id.h"
#include "core/wire/removal.h"

#define OBJECT_DATA_MAX 61440u
#define OBJECT_DATA_COST_MIN 4096u
#define OBJECT_CREDIT_MAX ((uint32_t)4 << 20) /* outstanding, either way */
#define OBJECT_REF_SIZE 65
#define REQUEST_RM_SIZE (OBJECT_REF_SIZE + REMOVAL_SIZE_MAX + 16)
#define OBJECT_PAGE 1000u
#define OBJECT_REF_DIGITS_MIN 8

enum object_flags {
    OBJECT_KEPT = 1,
    OBJECT_WHOLE = 2,
    OBJECT_COMING = 4,
    OBJECT_IN_USE = 8,
    OBJECT_OF_USER = 16
};

struct object_view {
    struct digest name;
    uint64_t size, here;
    uint8_t flags;
    uint32_t copies, machines;
    uint64_t age_s;
    uint32_t jobs;
    struct job_id job; /* zero: none that is told */
};
struct request_put {
    uint64_t size;
    uint8_t copies;
    struct digest key; /* zero: none */
};
struct request_get {
    char ref[OBJECT_REF_SIZE];
    uint64_t offset;
    bool as_is;
};
enum rm_how { RM_UNSIGNED = 0, RM_ASK = 1, RM_SIGNED = 2 };
struct request_rm {
    char ref[OBJECT_REF_SIZE];
    enum rm_how how;
    struct bytes removal; /* of RM_SIGNED, borrowed; it is not looked at */
};
struct request_objects {
    bool all;
    char ref[OBJECT_REF_SIZE];
    struct digest after; /* zero: from the first on */
};

void put_object_view(struct buf *b, const struct object_view *v);
int read_object_view(struct bytes payload, struct object_view *v);
void put_request_put(struct buf *b, const struct request_put *m);
int read_request_put(struct bytes payload, struct request_put *m);
void put_request_get(struct buf *b, const struct request_get *m);
int read_request_get(struct bytes payload, struct request_get *m);
void put_request_objects(struct buf *b, const struct request_objects *m);
int read_request_objects(struct bytes payload, struct request_objects *m);
void put_request_rm(struct buf *b, const struct request_rm *m);
int read_request_rm(struct bytes payload, struct request_rm *m);
/* MORE and CREDIT are a number alone. */
void put_object_credit(struct buf *b, uint32_t bytes);
int read_object_credit(struct bytes payload, uint32_t *bytes); /* <= OBJECT_CREDIT_MAX */
/* CREDIT of a PUT that goes on behind `there`, which is more than 0. */
void put_object_there(struct buf *b, uint32_t bytes, uint64_t there);
/* Either; `there` is 0 where nothing is said of it. */
int read_object_there(struct bytes payload, uint32_t *bytes, uint64_t *there);

#endif
