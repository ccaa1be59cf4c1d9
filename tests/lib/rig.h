/* One node's core on a bench: its peers, workers, journal and clock are the test. Frames of peers
 * are written by the test; what the node sends is kept until a test takes it.
 *
 * Done by itself, so that a test only says what it is about: records are synced at once, workers
 * get ready and die when they are killed, peers answer pings and counts, vouch for others,
 * introduce each other and confirm facts.
 * Certificates are an id and a party; every signature is good. A dial is never answered.
 *
 *     rig_start(&r, slots, true); rig_peer_up(&r, 0, 2); ... rig_stop(&r); */
#ifndef VELUM_TESTS_RIG_H
#define VELUM_TESTS_RIG_H

#include "core/job/fact.h"
#include "core/node/node.h"
#include "core/node/peer.h"
#include "core/wire/message.h"
#include "core/wire/request.h"
#include "tests/lib/heap.h"

#define RIG_PEERS_MAX 16
#define RIG_SENT_MAX 16384
#define RIG_NOBODY UINT32_MAX

struct rig_peer {
    struct node_id id;
    uint64_t boot, link; /* link 0: none */
    uint32_t greeting, slots;
    uint64_t memory_bytes; /* 0: 1 GiB */
    const char *labels;    /* NULL: none */
    uint8_t tier;
    uint8_t addr;
    bool mute;      /* answers nothing */
    bool withholds; /* answers no INTRODUCE */
    uint32_t level; /* the feature level that it says it has; 0: its own */
};

/* Something the node did that a test may want to see. */
struct rig_sent {
    enum action_kind kind; /* SEND, ORDER, DIAL, KILL, ROOTS or STORE */
    uint8_t type;
    uint32_t peer; /* of SEND, DIAL and ROOTS; RIG_NOBODY: a user */
    uint32_t worker;
    struct bytes payload;
    bool taken;
};

/* What the node lets a worker use of a job without a limit of its own. */
#define RIG_WORKER_CPU_US ((uint64_t)3600 * S_US)

struct rig {
    struct heap heap;
    struct node *node;
    struct node_id id;
    struct instant now;
    int rc; /* the worst a step has returned */
    struct rig_peer peers[RIG_PEERS_MAX];
    uint64_t link_counter;
    struct rig_sent *sent;
    uint32_t sent_count;
    uint64_t starve_at; /* this request of the node for memory is refused, from now on; 0: none */
    bool refuses;       /* its disk takes nothing */
    bool syncs_late;    /* it says so of what it took only when rig_synced is called */
    bool kills_late;    /* who was killed has not ended yet; rig_worker_exits says when */
    uint64_t unsaid;    /* the last ticket it took and did not tell; 0: none */
    struct buf journal; /* what is on it, as a row of records (core/node/action.h) */
    struct buf slices;  /* of a snapshot that is not whole */
    uint32_t slices_count, snapshots; /* so many came; so many of them were whole */
    uint32_t slots;
    bool has_kernel;
    bool strict;                /* who reports leaves was given them */
    uint8_t grant_flags;        /* of what rig_grant gives */
    const char *starts_refused; /* why no worker can be started; NULL: they can */
    struct log_sink log;
    char last_log[256];
};

/* A job of `leaves` leaves for the plugin kernel "fat", which the node has when it was started so.
 */
struct rig_job {
    struct job_id id;
    struct buf spec;
};

/* A signature that begins so does not hold; all others do. */
#define RIG_BROKEN_SIGNATURE 0xff
/* A certificate is an id, a party and one of these. */
enum rig_chain { RIG_GOOD, RIG_FORGED, RIG_OF_A_NEWER_ROOT };
#define RIG_CERTIFICATE_SIZE 2000 /* and nothing behind it, as long as one may be */
#define RIG_CHAIN_AT (ID_SIZE + 1)

void rig_certificate(struct node_id id, enum party party, uint8_t to[RIG_CERTIFICATE_SIZE]);
void rig_start(struct rig *r, uint32_t slots, bool has_kernel);
void rig_stop(struct rig *r); /* checks that all memory came back */
/* Time passes; what is due happens at its time. */
void rig_run(struct rig *r, int64_t us);
/* The next slice of a snapshot now, as node_compact gives it. */
int rig_compact(struct rig *r);
void rig_synced(struct rig *r);
/* Calls it as a step would, and does what it asks for. */
void rig_inside(struct rig *r, void (*what)(struct node *n, void *ctx), void *ctx);
/* Another process of the same node, which has read what is on the disk; not started. */
struct node *rig_replayed(struct rig *r);

/* The peer connects and says who it is. */
void rig_peer_up(struct rig *r, uint32_t peer, uint32_t slots);
/* Another peer tells of these, which have no link. */
void rig_peers_told(struct rig *r, uint32_t teller, uint32_t from, uint32_t to, uint32_t slots);
/* The connection ends and no other comes, but other peers still see it: it is away. */
void rig_peer_cut(struct rig *r, uint32_t peer);
/* And dials are refused: it looks dead, but the same process may come again. */
void rig_peer_refuses(struct rig *r, uint32_t peer);
/* It is dead: what comes up again is another process. */
void rig_peer_dies(struct rig *r, uint32_t peer);
void rig_peer_leaves(struct rig *r, uint32_t peer); /* says GOODBYE */
void rig_frame(struct rig *r, uint32_t peer, uint8_t type, const struct buf *payload);
/* The first frame of this type to this peer (or order to any worker, or dial) not taken yet. */
const struct rig_sent *rig_take(struct rig *r, uint32_t peer, uint8_t type);
const struct rig_sent *rig_take_order(struct rig *r, uint8_t type);
/* A record of this type that the node gave to its journal. */
const struct rig_sent *rig_take_record(struct rig *r, uint8_t type);
const struct rig_sent *rig_take_kill(struct rig *r);
const struct rig_sent *rig_take_roots(struct rig *r); /* what the host is to look at */
const struct rig_sent *rig_take_dial(struct rig *r, uint32_t peer);
uint32_t rig_count(struct rig *r, uint32_t peer, uint8_t type); /* takes all of them */

void rig_worker_frame(struct rig *r, uint32_t worker, uint8_t type, const struct buf *payload);
void rig_worker_output(struct rig *r, uint32_t worker, const char *text);
void rig_worker_exits(struct rig *r, uint32_t worker, enum worker_end end, int status);
/* The host was not able to start it. */
void rig_worker_refused(struct rig *r, uint32_t worker, const char *why);

struct rig_spec {
    uint8_t nonce;
    uint32_t accumulator_size, slots_max;
    uint64_t leaves, timeout_us, cpu_us;
    size_t params_len; /* all zero */
    uint8_t reduction;
    bool long_args;
    struct demand demand;
    int8_t priority;
    uint8_t author; /* 0: the usual one */
    bool waits, open;
    struct stage_input input; /* of size 0: it reads nothing */
    bool chained;             /* a second stage of as many leaves reads the value of the first, */
    bool twice;               /* in two places */
};
void rig_job_make(struct rig *r, struct rig_job *j, struct rig_spec s);
void rig_job_clear(struct rig_job *j);
/* A peer hands it in: this node becomes its coordinator. */
void rig_submit(struct rig *r, uint32_t peer, const struct rig_job *j);
/* A peer hands it over as a holder: this node and the peer hold it, and the peer leads it under
 * epoch 1. */
void rig_hold(struct rig *r, uint32_t peer, const struct rig_job *j);
/* A peer shows the title of this epoch. */
void rig_put_claim(struct rig *r, uint32_t peer, const struct rig_job *j, uint32_t epoch,
                   struct buf *fact);
/* A fact of this kind, signed by that node. */
void rig_put_signed(struct buf *fact, enum fact_kind kind, struct node_id by, struct bytes body);
/* This list of holders of it, signed by that node. */
void rig_put_holders(struct buf *fact, const struct rig_job *j, struct node_id by,
                     const struct holders *h);
/* This outcome of it, which the node that `by` is has written. */
void rig_put_outcome(struct buf *fact, const struct rig_job *j, struct node_id by,
                     const struct outcome *o);
/* A peer tells one fact of it, as holders do. */
void rig_tell(struct rig *r, uint32_t peer, const struct rig_job *j, uint64_t batch,
              const struct buf *fact);
/* A peer shows the title of this one. */
void rig_show_claim(struct rig *r, uint32_t peer, uint32_t by, const struct rig_job *j,
                    uint32_t epoch);
/* A peer shows that it has written this outcome. */
void rig_tell_outcome(struct rig *r, uint32_t peer, const struct rig_job *j,
                      const struct outcome *o);
/* It grants a chunk under it, with the spec. */
void rig_grant(struct rig *r, uint32_t peer, const struct rig_job *j, uint32_t epoch,
               struct peer_chunk c);
/* The same by peer 0, under epoch 1; the worker that was given it, its kernel loaded. */
uint32_t rig_start_chunk(struct rig *r, const struct rig_job *j, struct peer_chunk c,
                         uint32_t accumulator_size);
/* The value of a tree node in a job of these tests: the same whoever made it. */
void rig_put_value(struct buf *b, struct tree_node at, uint32_t size);
/* As if another had led the job before this node, and given out leaves of which it has no list. */
void rig_forget_given(struct node *n, struct job_id id);
/* A peer's report with one chunk; values are the leaves' [from, next) when `values`. */
struct rig_report {
    uint64_t seq, before, grant, from, next, end, compute_us, cpu_us;
    uint8_t flags;
    const char *cause;
    bool values;
    uint32_t size;
};
void rig_report(struct rig *r, uint32_t peer, const struct rig_job *j, struct rig_report m);
/* The next chunk granted to this peer. False when none was. */
bool rig_take_grant(struct rig *r, uint32_t peer, struct peer_chunk *c);
/* The first chunk of the next report to this peer. False when there is none, or it has none. */
bool rig_take_report(struct rig *r, uint32_t peer, struct peer_report_chunk *c);
/* How a user sees the job now. */
struct job_view rig_view(struct rig *r, const struct rig_job *j);

#endif
