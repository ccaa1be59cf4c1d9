/* A little network for membership in virtual time: up to 64 meshes, connections with delays,
 * refused and hanging dials, breaks, partitions, pauses, kills and restarts, all from one seed.
 *
 * Connections are reliable and in order, as over TCP: trouble shows as delay, as frames held back
 * by a partition, or as an end. A killed node's peers see their links end; a paused one's see
 * nothing. Used by tests/trace/test_mesh*.c. */
#ifndef VELUM_TESTS_MESH_NET_H
#define VELUM_TESTS_MESH_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/prng.h"
#include "core/mesh/mesh.h"
#include "tests/lib/heap.h"

#define NET_NODES_MAX 64

/* What one node has seen of another since net_forget. */
struct sight {
    uint32_t suspects, deads, lefts, aways; /* how often it came into that state */
    uint32_t links;                         /* how often the link changed */
    uint32_t losses;                        /* how often the link became 0 */
    uint32_t loads;
    struct instant suspect_at, dead_at, left_at; /* the first time */
};

struct net;

struct net_node {
    struct net *net;
    uint32_t index;
    struct mesh *mesh; /* NULL while it does not run */
    struct member_info info;
    uint64_t calendar_s; /* the date it tells */
    bool paused;
    bool mute_dials;      /* cannot be reached by anybody: dials to it hang */
    uint32_t generation;  /* of its process */
    uint64_t ticks, sent; /* wake-ups, frames */
    uint32_t dials;
    struct instant ticked_at;
    uint32_t spins; /* wake-ups at that very time */
    struct sight sight[NET_NODES_MAX];
};

struct net {
    struct heap heap;
    struct prng prng;
    struct instant now;
    struct net_node nodes[NET_NODES_MAX];
    uint32_t count;
    int64_t delay_min_us, delay_max_us;
    uint32_t slow_percent; /* of frames get 200 to 400 ms more */
    uint64_t side[2];      /* bit per node; a pair in different ones cannot talk */
    bool split;
    struct net_event *events; /* a heap by (time, order) */
    uint32_t events_count, events_cap;
    struct net_event *held; /* by a pause or a partition, in order */
    uint32_t held_count, held_cap;
    struct net_conn *conns;
    uint32_t conns_count, conns_cap;
    uint64_t order;
    uint64_t garbage;  /* frames that a mesh refused */
    uint8_t drop_type; /* frames of this type vanish (0: none); not for TCP, for the curious */
    char last_log[1024];
};

void net_init(struct net *n, uint32_t count, uint64_t seed);
/* Frees all; false when memory was not given back. */
bool net_end(struct net *n);

/* `count` nodes that know each other, and nothing else going on. */
void net_begin(struct net *n, uint32_t count, uint64_t seed);

void net_start(struct net *n, uint32_t i); /* a process with a new boot */
void net_kill(struct net *n, uint32_t i);  /* links end at once at the others, dials are refused */
void net_power_off(struct net *n, uint32_t i); /* no end is seen, dials hang */
void net_pause(struct net *n, uint32_t i);
void net_resume(struct net *n, uint32_t i);
void net_leave(struct net *n, uint32_t i); /* and ends the process */
void net_split(struct net *n, uint64_t one_side);
void net_heal(struct net *n);
void net_break(struct net *n, uint32_t a, uint32_t b); /* resets every connection between them */
/* It learns that its date was wrong, and meets the other anew with this one. */
void net_meet_anew(struct net *n, uint32_t i, uint32_t other, uint64_t calendar_s);
void net_hint(struct net *n, uint32_t i, uint32_t target);
void net_hint_all(struct net *n); /* everybody has heard of node 0 */

void net_run(struct net *n, int64_t us);
/* Runs until the condition holds for the net, at most so long. True when it did. */
bool net_run_until(struct net *n, bool (*holds)(struct net *n), int64_t us_max);

/* State and link of j in i's eyes; state 0 when unknown. */
enum node_state net_state(const struct net *n, uint32_t i, uint32_t j);
uint64_t net_link(const struct net *n, uint32_t i, uint32_t j);
uint32_t net_conns_between(const struct net *n, uint32_t a, uint32_t b);
/* What j's HELLO over their link said; 0: they have none. */
uint64_t net_date(const struct net *n, uint32_t i, uint32_t j);
/* All running nodes see all running ones alive and nobody else as live. */
bool net_agrees(struct net *n);
/* And every link of one is a link of the other over the same connection. */
bool net_links_agree(struct net *n);
/* Both. */
bool net_settled(struct net *n);
void net_forget(struct net *n);

#endif
