/* A whole node, without the world: membership, jobs as submitter's node, coordinator, holder and
 * worker's node.
 *
 * Owns: all of a node's state. Never reads a clock, a socket, a file, the environment or a random
 * device: events carry the time, actions ask for the rest. The host drives it in `velum node` and
 * in embedded mode, core/sim in simulation.
 *
 *     node_new -> node_replay (each journal record) -> node_start -> node_step ... -> node_free
 *
 * The host arms one timer with node_due() after each step and sends EVENT_TICK when it is reached.
 */
#ifndef VELUM_NODE_NODE_H
#define VELUM_NODE_NODE_H

#include <stdbool.h>

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/base/log.h"
#include "core/job/fact.h"
#include "core/node/action.h"
#include "core/node/event.h"
#include "core/node/limits.h"
#include "core/wire/labels.h"
#include "core/wire/order.h"

/* Who signed something. A certificate that has expired since still shows who did: time alone makes
 * no fact untrue. What is to be new must look at not_after_s. */
struct signer {
    struct node_id id;             /* of the key */
    int party;                     /* enum party */
    int64_t begins_s, not_after_s; /* Unix time at which the certificate begins, and ends */
};

/* Signatures are the host's (OpenSSL) or the simulator's. All functions are pure in what the core
 * can see. */
struct seal {
    void *ctx;
    /* Signs with this node's key: 64 bytes r||s into sig. 0 or an error. */
    int (*sign)(void *ctx, struct bytes text, uint8_t sig[64]);
    /* Checks that `certificate` chains to the mesh's root and belongs to a node (or a user), and
     * that sig is its signature over text. 0, ERR_IDENTITY (also before the certificate begins) or
     * ERR_SIGNATURE. */
    int (*verify)(void *ctx, struct bytes certificate, struct bytes text, const uint8_t sig[64],
                  struct signer *signer);
    /* Whose `certificate` is, by its chain alone, also when it has ended since. 0; ERR_SIGNATURE
     * where it is none of this mesh; ERR_IDENTITY where that cannot be told here, or its root
     * counts no longer. NULL: nodes are believed in without any, where somebody sees to it that
     * all who are told of are there. */
    int (*introduce)(void *ctx, struct bytes certificate, struct signer *signer);
};

/* A kernel this node can run: a built-in, or a plugin that a worker has loaded and described. */
struct node_kernel {
    char name[KERNEL_NAME_SIZE];
    struct digest source;
    uint8_t origin;              /* enum kernel_origin */
    char path[PATH_SIZE_MAX];    /* of the plugin, empty for a built-in */
    uint8_t reduction;           /* enum reduction */
    uint16_t files_from;         /* arguments from this one on, from 1, are files; 0: none are */
    char then[KERNEL_NAME_SIZE]; /* the kernel that makes a result of what it yields, or "" */
    uint32_t accumulator_size;   /* canonical bytes; 0 of a collect */
    char usage[256];
    char summary[256];
    char refused[REASON_SIZE]; /* not empty: it was refused, this is why; name is the file's then */
    uint32_t memory;           /* as in a kernel view, and so are these, which are the host's as
                                * long as the node is there, NULL for "": */
    const char *limits, *manual;
};

/* Which plugins that come with jobs a node loads, in a cage of tier S2 or better. */
enum shipped_plugins { SHIPPED_NONE = 0, SHIPPED_LISTED = 1, SHIPPED_ANY = 2 };

struct act;
struct profiles;

struct node_options {
    struct node_id id;
    uint64_t boot;         /* random, new at every start of the process */
    struct digest mesh;    /* of its root's public key, for receipts */
    struct digest machine; /* same for all nodes of one machine */
    char name[64];
    char addr[ADDR_SIZE]; /* where others reach it; empty in embedded mode */
    char arch[32];
    char version[32];
    char labels[LABELS_SIZE];     /* core/wire/labels.h */
    uint32_t slots;               /* 1..1024 */
    uint64_t memory_bytes;        /* for workers, all together */
    uint64_t worker_cpu_us;       /* of processor time of one whose job sets no limit; 0: none */
    uint8_t tier, tier_lacks;     /* of their cage: core/wire/tier.h */
    bool compiles;                /* its workers have a C compiler: it runs snippets */
    uint8_t shipped;              /* enum shipped_plugins: which that come with jobs it loads */
    const struct digest *allowed; /* of LISTED: SHA-256 of their files; borrowed */
    uint32_t allowed_count;
    uint32_t ready_workers;   /* blank workers kept ahead of need, <= slots */
    bool embedded;            /* alone: no members, no directory, durable is 0 */
    uint64_t seed;            /* of the node's own prng */
    struct bytes certificate; /* DER, copied */
    uint8_t journal_id[16];
    const struct node_kernel *kernels;
    uint32_t kernels_count;
    struct seal seal;
    const struct log_sink *log;
    struct instant now;
    int64_t wall_s;
    uint64_t link_room_bytes; /* about jobs, on their way to one peer; 0: 1 MiB. Less in tests */
    const struct node_limits *limits; /* copied; NULL: the usual ones */
    /* What members say of themselves, shared with other nodes of this process; NULL: its own. It
     * must outlive the node. */
    struct profiles *profiles;
    /* How long what has ended is kept, by the calendar (core/node/calendar.h); 0: the default. */
    uint32_t keep_s;          /* a finished job, whole; 7 days */
    uint32_t keep_jobs;       /* so many of them at most; 2,000, which is the most */
    uint64_t keep_bytes;      /* of memory for all of them; 256 MiB. See forget.h */
    uint32_t tombstone_s;     /* then its name; 30 days */
    const char *objects_path; /* their folder, for workers; borrowed. NULL: they have no files */
    uint64_t objects_bytes;   /* of objects on the disk, at most; 0: this node keeps none */
    /* The machine's C compiler and the folder of what it builds; borrowed. NULL: it builds none. */
    const char *compiler_path, *built_path;
    bool audit;               /* it notes who did what (core/node/events.h) */
    uint32_t calendar_look_s; /* the calendar is written down so often; an hour. Less in tests */
};

struct node;

/* 0 or ERR_NO_MEMORY / ERR_ARGUMENT. The allocator, seal and log must outlive the node. */
int node_new(struct node **out, const struct alloc *alloc, const struct node_options *options);
void node_free(struct node *n);
/* One record of the journal, in order, before node_start. Unknown types are kept out with
 * ERR_VERSION. */
int node_replay(struct node *n, uint16_t type, struct bytes payload);
/* After the last record: decides what of the replayed goes on. Actions as from a step. */
int node_start(struct node *n, struct instant now, struct actions *out);
/* One event in, actions out (appended). < 0 only when memory ran out: the host ends the process. */
int node_step(struct node *n, const struct event *ev, struct actions *out);
/* When the next EVENT_TICK is due; it may lie in the past, and be INSTANT_NEVER. */
struct instant node_due(const struct node *n);

/* For the host's own needs, never for decisions of the core's. */
/* The act that revoked the key of this node or user, borrowed until the next step; NULL: none did,
 * as far as is known here. */
const struct act *node_revocation(const struct node *n, struct node_id id);
/* Whether links of this key are closed as they come up: it was revoked, or is shut out for a while.
 */
bool node_bars(const struct node *n, struct node_id id);
/* Something was asked and its answer is expected soon: worth spinning for. */
bool node_reply_is_due(const struct node *n);
/* Size of a fresh snapshot, so that the host can suggest compaction. */
uint64_t node_journal_wants_bytes(const struct node *n);
/* Begins a snapshot that takes the journal's place, or goes on with the one under way: one slice,
 * as SNAPSHOT, or as COMPACT when it is the last. 1: there are more, which come with the steps that
 * node_due asks for, or by calling this again; 0: this was the last; ERR_NO_MEMORY: it is given
 * up. */
int node_compact(struct node *n, struct actions *out);

/* Whether a member whose id begins so is there, linked or not, and not away; this node is, too. */
bool node_knows(const struct node *n, const uint8_t *begin, size_t len);

/* For whoever checks promises from outside (the simulator): what this node keeps of a job. */
struct node_holding {
    struct digest ledger; /* of the reduced view */
    uint8_t state;        /* of an outcome, or 0 */
    struct holders holders;
    uint32_t lists; /* of holders, that led to this one and are kept */
};
/* An old copy of it is set aside here (velum ps --stale). */
bool node_has_aside(const struct node *n, struct job_id job);
/* It drains (an act told it to), and nothing is left here that others would miss. */
bool node_is_drained(const struct node *n);
/* How many copies this node would tell a user the job has. False when it does not know the job. */
bool node_tells(struct node *n, struct job_id job, uint32_t *copies, uint32_t *machines);
/* False when it keeps nothing, or the job has shrunk to its name. */
bool node_holds(const struct node *n, struct job_id job, struct node_holding *out);
/* The same of its objects: what it has of one, and what of all is under way. */
struct node_object {
    bool kept, whole; /* to be kept by this node; all of it is here */
    bool removed;     /* it knows that it is not to be kept */
};
struct node_objects {
    uint64_t bytes; /* on the shelf, and coming */
    uint32_t puts, gets, waits, asks, fetches;
};
/* False when it has nothing of it. */
bool node_object(const struct node *n, struct digest name, struct node_object *out);
struct node_objects node_objects(const struct node *n);
/* How many statements it has that something is to be kept for this job. */
uint32_t node_keeps_for(const struct node *n, struct job_id job);

#endif
