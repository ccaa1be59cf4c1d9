/* Between a node and its mover: the process that reads, writes and hashes objects, so that the node
 * never waits for a disk. Frames of wire/frame.h on the mover's standard input and output; the
 * request number of the frame is the order's ticket, and every order is answered by exactly one
 * frame with the same number (SCAN alone is answered by any number of FOUND and LEFT before its
 * DONE). The node trusts its mover no more than its disk: every field is checked.
 *
 * Answers come in the order of the orders, but for those that put an object in place, which wait
 * for the disk: FINISH and SEAL. What is ordered behind them of other objects and streams may be
 * answered before, so that a slow disk keeps nobody waiting who does not need it. Among themselves
 * they keep their order.
 *
 * The folder is drawn in core/host/mover_folder.h. Layouts (u8, u32, u64; block = u32 length, and
 * that many bytes):
 *
 *   SCAN     (empty)                                      FOUND ..., LEFT ..., DONE
 *   APPEND   u64 stream, block bytes                      DONE     the next bytes of a new object;
 *                                                                  the first makes the stream
 *   KEYED    u64 stream, 32 key, u64 size, u8 look        KEYED    makes the stream, which is of
 *                                                                  this put (object_request.h),
 *                                                                  behind whatever another mover
 *                                                                  has left of that; look: compares
 *                                                                  pieces of it with their digests
 *                                                                  for 100 ms, and cuts off what is
 *                                                                  damaged; to be asked again while
 *                                                                  there is more, and until then
 *                                                                  nothing is appended; of what was
 *                                                                  appended here it has the digests
 *                                                                  written
 *   FINISH   u64 stream                                   MADE     named, synced and in place. With
 *                                                                  a u8 1 behind it named only:
 *                                                                  another FINISH comes later, and
 *                                                                  nothing is appended before. Many
 *                                                                  that come at once share a sync
 *   ABORT    u64 stream                                   DONE     nothing is left of it
 *   READ     32 name, u64 offset, u32 length              BYTES    of an object that is whole here,
 *                                                                  or of a piece that is, which
 *                                                                  makes its digest (DAMAGED: it
 *                                                                  does not, and was given up);
 *                                                                  with a u8 1 behind it as they
 *                                                                  are, whatever that makes; behind
 *                                                                  a flag there may be the size, as
 *                                                                  in CHECK
 *   LIST     32 name, u64 offset, u32 length              BYTES    of its list, which makes the
 *                                                                  name
 *   LEARN    32 name, u64 size, u64 offset, block bytes   DONE     the next bytes of its list, from
 *                                                                  another node; the last must make
 *                                                                  the name (DAMAGED: all of them
 *                                                                  are gone), and then there is
 *                                                                  room for the object, where it
 *                                                                  has several pieces
 *   WRITE    32 name, u64 offset, block bytes             DONE     the next bytes of a piece, from
 *                                                                  its first to its last; the last
 *                                                                  must make its digest (DAMAGED:
 *                                                                  the piece is to be got again)
 *   SEAL     32 name                                      DONE     every piece is there: synced,
 *                                                                  and whole from now on
 *   CHECK    32 name, u64 from, u8 waited for             CHECKED  reads pieces from there on and
 *                                                                  compares, as many as fit 100 ms
 *                                                                  when the disk has nothing else
 *                                                                  to do; where somebody waits for
 *                                                                  it 20 ms, like other orders; of
 *                                                                  a u64 size behind it, which is
 *                                                                  the object's, a file that is
 *                                                                  longer is cut before
 *   DROP     32 name                                      DONE     nothing is left of it
 *   AT       u8 type, u32 place, u32 length               AT       an order whose payload lies in a
 *                                                                  place of the memory that both
 *                                                                  share (host/mover_memory.h);
 *                                                                  it may be answered there too
 *
 *   FOUND    32 name, u64 size, u8 whole, block bits (of the pieces there, lowest bit first; empty
 *            when it is whole; its list can be had in both cases), u64 used_s (Unix time of the
 *            last use, for the first order of eviction only)
 *            Not whole and without bits: its file is longer than its list, or it has none; CHECK
 *            with its size cuts it, and the next scan finds it
 *            Of an object with more than 400,000 pieces that is not whole nothing is found: it is
 *            dropped by the scan
 *   LEFT     32 key, u64 size, u64 there, u64 age_s: of a put of this key and size so many bytes
 *            are there, the last of them so long ago; not compared with their digests yet
 *   KEYED    u32 rc, u64 there, u8 more: so many bytes are there; there is more to look at
 *   MADE     u32 rc, 32 name, u64 size, u8 there (it was here already)
 *   BYTES    u32 rc, block bytes (exactly what was asked for when rc is 0)
 *   CHECKED  u32 rc, u64 next (the object's pieces when it is through), u64 bad (a piece that is
 *            damaged and was given up, or UINT64_MAX), and where some were cut off u64 bytes of it
 *   DONE     u32 rc
 *
 * rc is 0 or the amount of an error code of base/err.h: NOT_FOUND, DAMAGED, NO_SPACE, IO, SYNC,
 * ARGUMENT, EXISTS. */
#ifndef VELUM_WIRE_MOVE_H
#define VELUM_WIRE_MOVE_H

#include "core/base/bytes.h"
#include "core/base/id.h"

#define MOVE_BYTES_MAX 61440u /* in one frame, with room for its head */
#define MOVE_STREAMS_MAX 96u  /* open at once */
#define MOVE_BITS_MAX 50000u  /* bytes of FOUND */
#define MOVE_LEFTS_MAX 64u    /* of LEFT; more are removed, and so are those that are older */
#define MOVE_LEFT_MAX_S 600u
#define MOVE_CODE_MAX 63u      /* of an rc, which travels as its amount: u32 */
#define MOVE_PLACES 64u        /* in the shared memory */
#define MOVE_PLACE_SIZE 65536u /* the largest payload */

/* What may be open, that is ordered and not answered, at once: orders, and bytes of their payloads.
 * The core counts both; beyond, the host takes the mover for stuck and replaces it. */
#define MOVE_OPEN_ORDERS_MAX 4096u
#define MOVE_OPEN_BYTES_MAX ((size_t)8 << 20)

struct move_part { /* READ, LIST, LEARN, WRITE, CHECK, DROP and SEAL use what they need */
    struct digest name;
    uint64_t size;
    uint64_t offset;
    uint32_t length;
    bool waited_for;    /* CHECK: somebody waits for what comes of it */
    bool as_is;         /* READ: whoever gets the bytes compares them himself */
    struct bytes bytes; /* borrowed */
};
struct move_stream { /* APPEND */
    uint64_t stream;
    struct bytes bytes; /* borrowed */
};
enum move_finish { MOVE_FINISH, MOVE_FINISH_NAME, MOVE_FINISH_WAYS };
struct move_keyed {
    uint64_t stream;
    struct digest key;
    uint64_t size; /* that was announced */
    bool look;
};
struct move_at { /* either way */
    uint8_t type;
    uint32_t place;
    uint32_t length;
};
struct moved_found {
    struct digest name;
    uint64_t size;
    bool whole;
    struct bytes bits; /* borrowed */
    uint64_t used_s;
};
struct moved_left {
    struct digest key;
    uint64_t size, there, age_s;
};
struct moved_keyed {
    int rc;
    uint64_t there;
    bool more;
};
struct moved_made {
    int rc;
    struct digest name;
    uint64_t size;
    bool there;
};
struct moved_bytes {
    int rc;
    struct bytes bytes; /* borrowed */
};
struct moved_checked {
    int rc;
    uint64_t next, bad;
    uint64_t cut; /* bytes that were none of it */
};

/* Each put_ appends the payload only; each read_ returns 0 or ERR_FORMAT and checks every bound
 * above. */
void put_move_append(struct buf *b, const struct move_stream *m);
int read_move_append(struct bytes payload, struct move_stream *m);
void put_move_keyed(struct buf *b, const struct move_keyed *m);
int read_move_keyed(struct bytes payload, struct move_keyed *m);
void put_move_finish(struct buf *b, uint64_t stream, enum move_finish way);
int read_move_finish(struct bytes payload, uint64_t *stream, enum move_finish *way);
void put_move_stream(struct buf *b, uint64_t stream); /* ABORT */
int read_move_stream(struct bytes payload, uint64_t *stream);
void put_move_read(struct buf *b, const struct move_part *m); /* READ, LIST */
int read_move_read(struct bytes payload, struct move_part *m);
void put_move_learn(struct buf *b, const struct move_part *m);
int read_move_learn(struct bytes payload, struct move_part *m);
void put_move_write(struct buf *b, const struct move_part *m);
int read_move_write(struct bytes payload, struct move_part *m);
void put_move_check(struct buf *b, const struct move_part *m);
int read_move_check(struct bytes payload, struct move_part *m);
void put_move_name(struct buf *b, struct digest name); /* SEAL, DROP */
int read_move_name(struct bytes payload, struct digest *name);
void put_move_at(struct buf *b, const struct move_at *m);
int read_move_at(struct bytes payload, struct move_at *m);
/* Whether an order puts an object in place, so that others may be answered before it. */
bool move_places(uint8_t type, struct bytes payload);
/* Whether it is about this object, so that it waits until that is in place; SCAN is about all. */
bool move_is_about(uint8_t type, struct bytes payload, struct digest name);
/* Whether this answer is the one that ends its order. */
bool moved_is_last(uint8_t type);
void put_moved_found(struct buf *b, const struct moved_found *m);
int read_moved_found(struct bytes payload, struct moved_found *m);
void put_moved_left(struct buf *b, const struct moved_left *m);
int read_moved_left(struct bytes payload, struct moved_left *m);
void put_moved_keyed(struct buf *b, const struct moved_keyed *m);
int read_moved_keyed(struct bytes payload, struct moved_keyed *m);
void put_moved_made(struct buf *b, const struct moved_made *m);
int read_moved_made(struct bytes payload, struct moved_made *m);
void put_moved_bytes(struct buf *b, const struct moved_bytes *m);
/* BYTES with rc 0 and room for so many, which the caller fills; NULL when they do not fit. */
uint8_t *put_moved_room(struct buf *b, uint32_t length);
int read_moved_bytes(struct bytes payload, struct moved_bytes *m);
void put_moved_checked(struct buf *b, const struct moved_checked *m);
int read_moved_checked(struct bytes payload, struct moved_checked *m);
void put_moved_done(struct buf *b, int rc);
int read_moved_done(struct bytes payload, int *rc);

#endif
