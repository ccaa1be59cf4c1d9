/* What people see of jobs, nodes and kernels: the fields of the JSON objects in one struct each,
 * encoded for the way between a node and a command. Commands print views; the core fills them. */
#ifndef VELUM_WIRE_VIEW_H
#define VELUM_WIRE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/id.h"
#include "core/wire/labels.h"
#include "core/wire/order.h"
#include "core/wire/tier.h"

#define JOB_NAME_SIZE 64
#define JOB_ARGS_SIZE 1024
#define NODE_NAME_SIZE 64
#define VIEW_ADDR_SIZE 262
#define VIEW_ERROR_SIZE 1024
#define VIEW_TIER_SIZE 256

/* Order matters nowhere on the wire; numbers are fixed. Names as in the command line's words. */
enum job_state {
    JOB_WAITING = 1,
    JOB_RUNNING = 2,
    JOB_DONE = 3,
    JOB_FAILED = 4,
    JOB_CANCELLED = 5,
    JOB_TIMED_OUT = 6,
    JOB_DIVERGENT = 7,
    JOB_UNKNOWN = 8
};
const char *job_state_name(enum job_state s); /* "waiting", ..., "timed-out" */
bool job_state_is_final(enum job_state s);

enum node_state {
    NODE_ALIVE = 1,
    NODE_SUSPECT = 2,
    NODE_AWAY = 3,
    NODE_DEAD = 4,
    NODE_LEFT = 5,
    NODE_RECOVERING = 6,
    NODE_DRAINING = 7
};
const char *node_state_name(enum node_state s);

struct job_view {
    struct job_id id;
    char name[JOB_NAME_SIZE];
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    char args[JOB_ARGS_SIZE]; /* joined by blanks, sanitised */
    enum job_state state;
    struct node_id by;          /* the submitter's key */
    uint64_t units, leaf_units; /* of all stages; 0: their leaves have not all as many units */
    uint64_t leaves_total, leaves_done;
    uint32_t nodes;       /* nodes that hold chunks of it now, or did when it ended */
    uint32_t retries;     /* leaves given out again after a failure */
    uint64_t duplicates;  /* leaves computed and reported more than once */
    uint64_t redone_us;   /* compute time that was done again */
    uint32_t durable;     /* nodes that have synced its facts */
    uint32_t machines;    /* on how many machines */
    uint64_t elapsed_us;  /* submit to outcome, or to now */
    uint64_t cpu_us;      /* processor time reported so far */
    bool checks;          /* it asks for checks: the next two are told */
    uint64_t checked;     /* leaves that another node computed again, and found equal */
    uint64_t unchecked;   /* leaves that were to be, and could not be */
    int64_t submitted_s;  /* Unix time at the submitter's node */
    struct digest digest; /* of the result; zero until done */
    struct bytes result;  /* canonical accumulator; empty until done. Borrowed */
    struct bytes params;  /* borrowed */
    uint8_t reduction;    /* enum reduction: of a collect the result is as output.h draws it */
    char error[VIEW_ERROR_SIZE];
    char tier[VIEW_TIER_SIZE]; /* why only one compiler's code computes it; or "" */
};

/* What a node holds: jobs whose ledger it keeps, and objects that are to be kept; and of these such
 * as nobody else is known to have. */
struct node_held {
    uint32_t jobs, jobs_only, objects, objects_only;
};

struct node_view {
    struct node_id id;
    char name[NODE_NAME_SIZE];
    char addr[VIEW_ADDR_SIZE];
    enum node_state state;
    char arch[32];
    char version[32];
    char labels[LABELS_SIZE];
    uint32_t slots, busy;
    uint32_t load_percent; /* busy slots in percent; the host's own load is a later matter */
    uint64_t memory_bytes;
    uint64_t speed_units_s; /* units a second it showed lately, 0 when unknown */
    uint64_t seen_us;       /* since something was heard of it */
    uint64_t lag_us; /* its loop was so late at most, lately; only of the node that answers */
    bool self;
    bool coordinator;         /* of at least one live job */
    uint8_t tier, tier_lacks; /* tier.h; unknown of a node that does not say */
    bool tells_held;          /* only of the node that answers, and that was asked for it */
    struct node_held held;
};

enum stage_view_state {
    STAGE_VIEW_WAITING = 1, /* for other stages */
    STAGE_VIEW_READY = 2,
    STAGE_VIEW_RUNNING = 3,
    STAGE_VIEW_DONE = 4,
    STAGE_VIEW_FAILED = 5,
    STAGE_VIEW_BLOCKED = 6,
    STAGE_VIEW_STOPPED = 7, /* the job ended before the stage was complete */
    STAGE_VIEW_CANCELLED = 8
};
const char *stage_state_name(enum stage_view_state s); /* "waiting", ..., "cancelled" */

/* With so many needs as a list of stages has room for (append.h). A specification can name more in
 * one stage only by naming some again: of those the first are told. */
#define STAGE_VIEW_SIZE_MAX 36864u
#define STAGE_VIEW_NEEDS_MAX 5600u

struct stage_view {
    uint32_t number;
    char name[JOB_NAME_SIZE]; /* "": it has none */
    char kernel[KERNEL_NAME_SIZE];
    char args[JOB_ARGS_SIZE];
    enum stage_view_state state;
    uint32_t blocked_by; /* the stage that failed or was cancelled, when it is blocked */
    uint64_t leaves, done;
    uint16_t needs_count;
    struct bytes needs; /* as a spec has them (spec.h); borrowed */
};

#define MANUAL_SIZE_MAX 4096

struct kernel_view {
    char name[KERNEL_NAME_SIZE];
    struct digest source;
    uint8_t origin;
    char path[PATH_SIZE_MAX];
    char usage[256];
    char summary[256];
    uint8_t reduction;           /* enum reduction */
    uint16_t files_from;         /* arguments from this one on, from 1, are files; 0: none are */
    char then[KERNEL_NAME_SIZE]; /* the kernel that makes a result of what it yields, or "" */
    uint32_t accumulator_size;
    char refused[REASON_SIZE];
    /* Only where put_kernel_manual has told them; else 0 and "". */
    uint32_t memory;  /* scratch bytes of a leaf */
    char limits[256]; /* which the summary ends with, too */
    char manual[MANUAL_SIZE_MAX];
};

/* Each read_ returns 0 or ERR_FORMAT; texts are sanitised to one line (error and usage keep their
 * lines), so a path in a view is for people, not for opening. */
void put_job_view(struct buf *b, const struct job_view *v);
int read_job_view(struct bytes payload, struct job_view *v);
void put_node_view(struct buf *b, const struct node_view *v);
int read_node_view(struct bytes payload, struct node_view *v);
void put_stage_view(struct buf *b, const struct stage_view *v);
/* One of several: borrows from the reader, which fails at a bound. */
void read_stage_view(struct reader *r, struct stage_view *v);
void put_kernel_view(struct buf *b, const struct kernel_view *v);
/* Behind it, for those that ask for it: who came earlier does not know it. */
void put_kernel_manual(struct buf *b, const struct kernel_view *v);
int read_kernel_view(struct bytes payload, struct kernel_view *v);

#endif
