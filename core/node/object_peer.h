/* What nodes tell each other about objects: messages 60 to 66 and 69. Layouts (number = bytes):
 *
 *   over control links
 *   KEEP    u16 count (1..OBJECT_BATCH), count x (32 name, 32 owner (keeping.h), u64 size,
 *           u64 generation, u8 kept): 1 this is kept, 0 it is not any more, 2 it is kept until its
 *           owner has a result, 3 it is kept, and 32 id follows: of the one user who put it
 *           (feature level 6), or all ones: several did (7); 4 as 0, and u32 length and a removal
 *           follow (7), with which a user takes it back (core/wire/removal.h); who is told that
 *           something is kept gets it from the sender, keeps it, and says HAVE
 *   HAVE    u16 count, count x (32 name, 32 owner, u64 size, u8 whole): 1 it is synced here, and
 *           kept for this owner, 0 it is not here, 2 nor will it be: this node keeps no objects,
 *           3 some of its pieces are, 4 it is, and may go: this node was not told to keep it for
 *           this owner, 5 nor will it be, for this owner: the job is over
 *   SEEK    32 owner, and to the end names of 32 (1..OBJECT_BATCH): do you have these? Answered by
 *           HAVE
 *   OWNER   32 job, u8 word: 0 do you know this job, which objects are kept for? and the answer:
 *           1 no, 2 this node holds it, 3 it did, and has forgotten it; since level 7 in place of
 *           2 where it has ended: 4 without a result, 5 with one
 *   FULL    u64 size: an object of so many bytes, which the other one wants to be kept here, does
 *           not fit now
 *
 *   over bulk links: the side that dialled asks, the other serves in the order it was asked
 *   WANT    32 name, u8 what (0 its list, 1 its data), u64 offset, u32 length (1..PIECE_SIZE; of
 *           data within one piece)
 *   BYTES   32 name, u8 what, u64 offset, and to the end the next bytes of what was wanted
 *   REFUSE  32 name, u8 what, u64 offset: of a WANT that is not, or no longer, served: there is no
 *           list, or not this piece
 */
#ifndef VELUM_NODE_OBJECT_PEER_H
#define VELUM_NODE_OBJECT_PEER_H

#include "core/base/bytes.h"
#include "core/base/id.h"

#define OBJECT_BATCH 512u

enum bulk_what { BULK_LIST = 0, BULK_DATA = 1 };

struct object_keep {
    struct digest name;
    struct job_id owner;
    uint64_t size, generation;
    bool kept, passing;
    struct node_id by;    /* who put it; zero: it is not said */
    struct bytes removal; /* borrowed, not looked at; empty: none */
};
struct object_have {
    struct digest name;
    struct job_id owner;
    uint64_t size;
    bool whole, never, part, loose, over; /* one of them, or none */
};
enum owner_word { OWNER_ASK, OWNER_NOTHING, OWNER_KNOWN, OWNER_GONE, OWNER_ENDED, OWNER_DONE };
struct object_owner {
    struct job_id job;
    enum owner_word word;
};
struct bulk_part {
    struct digest name;
    enum bulk_what what;
    uint64_t offset;
    uint32_t length;    /* of WANT */
    struct bytes bytes; /* of BYTES, borrowed */
};

void put_object_keep(struct buf *b, const struct object_keep *m);
struct object_keep read_object_keep(struct reader *r); /* bounds fail the reader */
void put_object_have(struct buf *b, const struct object_have *m);
struct object_have read_object_have(struct reader *r);
void put_object_seek_begin(struct buf *b, struct job_id owner); /* the names follow */
/* *names gets the names, one after the other, and *count how many there are. */
int read_object_seek(struct bytes payload, struct job_id *owner, uint16_t *count,
                     struct reader *names);
void put_object_owner(struct buf *b, const struct object_owner *m);
int read_object_owner(struct bytes payload, struct object_owner *m);
void put_object_full(struct buf *b, uint64_t size);
int read_object_full(struct bytes payload, uint64_t *size);
void put_bulk_want(struct buf *b, const struct bulk_part *m);
int read_bulk_want(struct bytes payload, struct bulk_part *m);
void put_bulk_bytes(struct buf *b, const struct bulk_part *m);
int read_bulk_bytes(struct bytes payload, struct bulk_part *m);
void put_bulk_refuse(struct buf *b, const struct bulk_part *m);
int read_bulk_refuse(struct bytes payload, struct bulk_part *m);

#endif
