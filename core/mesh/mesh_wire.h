/* The messages of membership, 1 to 31. The drawing is the specification; integers are
 * little-endian, text is u16 length and bytes, an id is 32 raw bytes.
 *
 *   HELLO    u16 version_min
 *            u16 version_max  protocol versions its author speaks
 *            u32 features     feature level (core/wire/feature.h)
 *            u32 greeting     rises by one with each HELLO of a process; ranks parallel links
 *            u8 alone         1: its author holds no other link to the receiver
 *            u64 calendar     how far its author's calendar is, in seconds
 *            member           what the author says of itself
 *            rumor list       what it knows where that is one page, the receiver first when it
 *                             is known; of a larger table only the receiver
 *   GOODBYE  u8 reason, u16 version_min, u16 version_max
 *   PING     u32 number, u64 digest of the author's live members: their ids, boots and
 *            incarnations without the low 14 bits
 *   PONG     u32 number of the PING, u64 digest
 *   PROBE    u32 number, id target: please ping it for me
 *   PROBED   u32 number of the PROBE, u8 answered
 *   RUMORS   rumor list
 *
 *   member      id, u64 boot, u32 incarnation (its low 14 bits count changes of load; behind the
 *               last number of a boot is the first), text name, text addr, id machine, text arch,
 *               text version, u32 slots, u32 busy, u64 memory_bytes, u64 speed_units_s, 16 bytes
 *               journal id, u8 flags, and with flag 2 text labels, which is not empty
 *               (core/wire/labels.h), and then with flag 4 u8 tier, which is known, u8 lacks
 *               (core/wire/tier.h)
 *               flags: 1 recovering, 2 it has labels, 4 is read only: generations without tiers
 *               would refuse the member
 *               Of a known tier the version goes on with "+", the tier, "." and what it lacks as a
 *               decimal number: "0.1.0+S2.24"
 *   rumor       u8 state (ALIVE, SUSPECT, DEAD or LEFT), member, u8 count of accusers, id each
 *   rumor list  u16 count, rumor each
 *
 * The versions come first in HELLO and stay in their place there and in GOODBYE for ever:
 * two nodes without a common version can still name both. Owns nothing and never
 * allocates; called by mesh and fuzzers. */
#ifndef VELUM_MESH_MESH_WIRE_H
#define VELUM_MESH_MESH_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/mesh/mesh.h"
#include "core/wire/feature.h"

#define MESH_VERSION_MIN 1
#define MESH_VERSION_MAX 1
#define MESH_FEATURES FEATURE_LEVEL
#define MESH_ACCUSERS_MAX 4
#define MESH_RUMORS_MAX 65 /* of one list: a page of 64 and the receiver itself */
#define MESH_SLOTS_MAX 65536

enum goodbye_reason {
    GOODBYE_LEAVING = 1,   /* the node stops */
    GOODBYE_DUPLICATE = 2, /* another link to the same node stays */
    GOODBYE_IDLE = 3,      /* not needed at the moment */
    GOODBYE_VERSION = 4,   /* no common protocol version */
    GOODBYE_CLOSING = 5    /* this link only; the node stays */
};

struct hello {
    uint16_t version_min, version_max;
    uint32_t features;
    uint32_t greeting;
    bool alone;
    uint64_t calendar_s;
    struct member_info self;
};

struct goodbye {
    enum goodbye_reason reason;
    uint16_t version_min, version_max;
};

struct ping {
    uint32_t number;
    uint64_t digest;
};

struct probe_ask {
    uint32_t number;
    struct node_id target;
};

struct probe_answer {
    uint32_t number;
    bool answered;
};

struct rumor {
    enum node_state state;
    struct member_info info;
    uint32_t accusers_count; /* only for SUSPECT: who could not reach it, first one first */
    struct node_id accusers[MESH_ACCUSERS_MAX];
};

/* The low bits of an incarnation count changes of load within one statement. They spread slower
 * where there are many nodes, and the digest does not cover them. Whatever else a node says of
 * itself begins a new statement. */
#define MEMBER_LOAD_BITS 14

static inline uint32_t member_statement(uint32_t incarnation)
{
    return incarnation >> MEMBER_LOAD_BITS;
}

/* The start of a rumor: enough to see whether it is news. */
struct rumor_head {
    struct node_id id;
    uint64_t boot;
    uint32_t incarnation;
    enum node_state state;
};

/* The rumors of a checked message, in order; borrows the message. */
struct rumor_list {
    struct reader reader;
    uint32_t left;
};

/* True when others may show and spread it: text is printable ASCII, numbers are within limits, the
 * id is not zero. */
bool member_info_is_sound(const struct member_info *info);

/* Encoders append to b; its failure is the caller's to look at. A list is begun,
 * filled with put_rumor and ended with the count, at most MESH_RUMORS_MAX. put_hello
 * leaves the list to the caller. */
void put_hello(struct buf *b, const struct hello *h);
void put_goodbye(struct buf *b, const struct goodbye *g);
void put_ping(struct buf *b, const struct ping *p); /* PING and PONG */
void put_probe_ask(struct buf *b, const struct probe_ask *p);
void put_probe_answer(struct buf *b, const struct probe_answer *p);
size_t rumor_list_begin(struct buf *b);
void put_rumor(struct buf *b, const struct rumor *r);
/* The same of a member as it is kept. */
void put_member_rumor(struct buf *b, const struct member *m, enum node_state state,
                      const struct node_id *accusers, uint32_t accusers_count);
void rumor_list_end(struct buf *b, size_t start, uint32_t count);

/* Decoders take a whole payload: 0, or ERR_FORMAT when anything in it is out of bounds or left
 * over. Lists are checked to their end before they are given. */
int read_hello(struct bytes payload, struct hello *h, struct rumor_list *list);
int read_goodbye(struct bytes payload, struct goodbye *g);
int read_ping(struct bytes payload, struct ping *p);
int read_probe_ask(struct bytes payload, struct probe_ask *p);
int read_probe_answer(struct bytes payload, struct probe_answer *p);
int read_rumors(struct bytes payload, struct rumor_list *list);
/* Only the versions, whatever follows: for a HELLO this executable may not understand. */
int read_hello_versions(struct bytes payload, uint16_t *version_min, uint16_t *version_max);
/* The next rumor, or false at the end. */
bool rumor_list_next(struct rumor_list *list, struct rumor *r);
/* The head of the next one, which stays the next one; false at the end. */
bool rumor_list_peek(const struct rumor_list *list, struct rumor_head *head);
/* Passes over the next one, and gives it. There must be one. */
struct bytes rumor_list_skip(struct rumor_list *list);
/* The list of so many that rumor_list_skip gave. */
struct rumor_list rumor_list_of(struct bytes rumors, uint32_t count);

#endif
