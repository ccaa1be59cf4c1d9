/* What a node wants done. node_step fills a list; the host performs it in order, before the next
 * event and while the bytes of this one are where they were: what is long and only passes through
 * is not copied into the list. Other bytes belong to the list until it is reset; the host copies
 * what it cannot finish at once.
 *
 *   SEND     one frame on a link. Control frames are small; the host queues at most 4 MiB a link
 *            (64 MiB to a user's command), then closes it and reports LINK_DOWN with LINK_FLOODED
 *   DIAL     connect to `addr` as a node of the mesh; `id` (when not zero) is pinned; `bulk` says
 *            what for. Ends in LINK_UP or DIAL_FAILED
 *   CLOSE    close a link after what is queued was written (at most 1 s). LINK_DOWN is not
 *            reported for it
 *   STORE    append a record to the journal; tickets rise by one; EVENT_STORED follows once
 *            synced. An embedded host has no journal and reports STORED at once
 *   SNAPSHOT a slice of the records that will take the journal's place: (u16 type, u32 length,
 *            bytes) after each other. It is kept for COMPACT, behind the slices before it. `first`:
 *            what there is of an earlier snapshot is forgotten; with no bytes that is all
 *   COMPACT  its last slice, with which it is whole: replace the journal by all of them; takes a
 *            ticket too. `first`: it is the only one
 *   START    start worker number `worker` (numbers are never reused); it will say READY, or EXITED
 *            comes
 *   ORDER    one frame to a worker's standard input
 *   MOVE     one frame to the mover (core/wire/move.h), which the host keeps running; every order
 *            is answered by EVENT_MOVED with the same request, also when the mover died (the host
 *            then answers what was open with ERR_IO, starts another, and sends EVENT_MOVER)
 *   KILL     end a worker's process group with SIGKILL; EXITED follows
 *   ROOTS    what another node or an admin (`id`) says of the mesh's roots: if it holds, and is
 *            newer than what the host has, EVENT_ROOTS follows
 *   EXIT     the node is done: everything queued is written (at most 500 ms), then the process
 *            ends with `code` */
#ifndef VELUM_NODE_ACTION_H
#define VELUM_NODE_ACTION_H

#include <stdint.h>

#include "core/base/alloc.h"
#include "core/base/bytes.h"
#include "core/base/id.h"

#define ADDR_SIZE 262 /* host of up to 255, colon, port, final zero */

enum action_kind {
    ACTION_SEND,
    ACTION_DIAL,
    ACTION_CLOSE,
    ACTION_STORE,
    ACTION_COMPACT,
    ACTION_START,
    ACTION_ORDER,
    ACTION_KILL,
    ACTION_EXIT,
    ACTION_MOVE,
    ACTION_SNAPSHOT,
    ACTION_ROOTS
};

struct action {
    enum action_kind kind;
    uint64_t link;
    uint64_t ticket;
    uint32_t worker;
    uint32_t dial;
    uint32_t request; /* SEND, ORDER and MOVE: goes into the frame header */
    uint16_t type;    /* SEND, ORDER and MOVE: message type; STORE: record type */
    bool bulk;        /* DIAL: a link for objects; it never carries what others must not wait for */
    bool first;       /* SNAPSHOT and COMPACT */
    bool builds;      /* START: a builder (core/wire/order.h), whose only order is BUILD */
    int code;
    struct node_id id;
    size_t payload_at; /* use actions_payload(): the arena moves while the list grows */
    size_t payload_len;
    const uint8_t *lent; /* the payload lies in the event that was stepped; NULL: in the arena */
    char addr[ADDR_SIZE];
};

struct actions {
    const struct alloc *alloc;
    struct action *list;
    size_t count;
    size_t cap;
    struct buf arena;
};

void actions_init(struct actions *a, const struct alloc *alloc);
void actions_clear(struct actions *a);
void actions_reset(struct actions *a); /* after the host has performed them */
struct bytes actions_payload(const struct actions *a, const struct action *action);
/* Adds one, zeroed but for its kind and a copy of the payload. NULL when memory is out (the
 * caller's step then fails with ERR_NO_MEMORY and the host ends the node: it must not go on having
 * lost an action). */
struct action *actions_add(struct actions *a, enum action_kind kind, struct bytes payload);
/* The same for bytes of the event that is being stepped, which are not copied. */
struct action *actions_add_lent(struct actions *a, enum action_kind kind, struct bytes payload);
/* The same for a payload that is encoded where it will lie: it is put into a->arena between the
 * two. False, and nothing was added: as NULL of actions_add. */
struct action *actions_begin(struct actions *a, enum action_kind kind);
bool actions_end(struct actions *a, struct action *action);

#endif
