/* One job as a node has it: its facts, and whatever roles this node plays in it: coordinator,
 * holder, worker's node. Private to core/node. */
#ifndef VELUM_NODE_JOB_STATE_H
#define VELUM_NODE_JOB_STATE_H

#include "core/base/map.h"
#include "core/job/ledger.h"
#include "core/job/pool.h"
#include "core/job/ready.h"
#include "core/kernel/kernel.h"
#include "core/node/fit_state.h"
#include "core/node/labour_state.h"
#include "core/node/peer.h"
#include "core/node/turns_state.h"
#include "core/node/unlike_state.h"
#include "core/node/warrant_state.h"
#include "core/node/window.h"

struct node;

/* Who asked for a submission and waits for its acknowledgement: a user's link, or a node. */
struct asker {
    uint64_t link;
    struct node_id node;
    uint32_t request;
    bool already;
    uint64_t batch; /* answered once this one is kept */
    struct instant since;
    struct asker *next;
};

enum slot_state { SLOT_QUEUED, SLOT_RUNNING };
struct labour_chunk {
    uint64_t grant, first, next, end; /* leaves by their numbers in the row of all stages */
    uint32_t stage;                   /* of the first */
    enum slot_state state;
    uint32_t worker;
    bool tasks; /* each leaf is a stage: see labour_tasks.h */
    bool ahead; /* it is no chunk of the coordinator's: see session_ahead.h */
    /* Of tasks: where its worker's orders end, and the first of them; and where it is to end. */
    uint64_t ordered, halfway, cut_at;
    struct load load;
    bool careful;
    bool leaving;         /* it was told to make room */
    bool spare;           /* another node computes the same */
    bool let_in;          /* it knocked when all slots were taken, or might have been */
    struct instant moved; /* when it last made progress */
    struct labour_chunk *next_chunk;
};

/* What this node has of the kernel of a stage. */
struct stage_kernel {
    int kernel; /* index in node.kernels; KERNEL_COMPILED (stages.h); or -1 */
    const struct velum_kernel *builtin;
};

/* A job as the node of a worker sees it. */
struct labour {
    struct submitter *submitter;
    struct claim claim; /* the greatest seen */
    struct buf claim_fact;
    uint32_t report_us;
    struct labour_chunk *chunks;
    uint32_t chunks_count;
    struct buf pending; /* chunk reports not sent yet */
    uint16_t pending_count;
    struct instant pending_since;
    bool pending_now; /* something in it must not wait */
    uint8_t unable;   /* workers in a row that this machine kept from loading the kernel */
    uint64_t seq;
    struct unkept *unkept_first, *unkept_last;
    size_t unkept_bytes;
    struct unkept *resend;  /* the next one to go out; NULL: all have */
    uint64_t resend_before; /* what it follows */
    bool open_due;          /* then the coordinator of this epoch hears what is open here */
    uint32_t open_epoch;
    uint64_t served_us;
    double task_us; /* what a task took lately; 0: nobody knows */
    struct instant touched;
    struct labour_end end;
    struct labour_placing placing;
    struct labour_rival rival;
    struct unlike_state unlike;
    struct stage_inputs *inputs; /* of stages that have some, and chunks here; labour_inputs.h */
};

/* A holder as the coordinator sees it. */
struct replica {
    struct node_id id;
    uint64_t acked;       /* every batch up to this is synced there, said over the present link */
    uint64_t sent;        /* the latest batch sent over the present link */
    bool whole;           /* it has caught up over the present link, batches follow */
    bool catching;        /* what it lacks is on its way */
    bool unread;          /* it has said over the present link that it cannot read it */
    struct buf catch_up;  /* that: facts as blocks */
    size_t catch_at;      /* so many bytes of it are sent */
    uint64_t catch_batch; /* what it has when it has all of it */
    struct instant again_at, reached; /* not before; when it last could be */
    int64_t pause_us;                 /* the latest after it refused something */
};

/* A report's sender that waits for KEPT once a batch is kept. */
struct kept_notice {
    struct node_id node;
    uint64_t boot; /* of the process that counted so */
    uint64_t seq;
    struct kept_notice *next;
};

struct batch {
    uint64_t number;
    uint64_t ticket;
    bool own_synced;
    bool full; /* needs all R copies: spec, outcome */
    struct kept_notice *notices;
    struct batch *next;
};

/* speeds.h */
#define SPEED_KINDS_MAX 256u
struct speed {
    uint64_t kind; /* 0: none */
    double leaves_per_us;
};
struct speeds {
    struct speed first, *more; /* NULL while there is one kind, else by kind */
    uint64_t kind;             /* that of stages like this one; 0: none was asked for */
    uint32_t kind_of;
};

/* A node as one job's coordinator sees it. */
struct hand {
    struct node_id id;
    bool knows_spec, no_kernel;
    struct instant again_at; /* without the kernel: then it may have chunks again */
    bool answered;           /* told its open chunks to this coordinator */
    bool claim_due;          /* the title is still to be shown to it */
    uint32_t counted;        /* the last count_pass that found a chunk of it */
    uint64_t boot;
    uint64_t seq_seen, seq_kept, refused_last;
    struct given *given; /* given.h */
    uint64_t refused; /* the first of its reports that had no room; 0: none. See report_ask_again */
    struct instant refused_at, refused_since; /* since: refused_last was for the first time */
    uint64_t shown;     /* last grant given out when the claim was shown over the present link */
    struct speed speed; /* of the kind of leaves that it computed last */
    double speed_ratio; /* how much faster it is than others; 0: it is not known */
    struct instant no_merges_until; /* it gave some back */
    struct instant no_room_until;   /* its quota of objects was full */
    struct instant unasked_at;      /* no check that nobody asked for goes before leaves earlier */
    uint32_t has_run;               /* it has computed leaves of this stage, and one; 0: of none */
    uint32_t stages_told;           /* of those that were appended it knows all before this one */
    uint32_t told_for; /* it was told last what this stage reads, and one; 0: of none */
};

struct lead {
    struct claim claim;
    struct pool *pool;
    struct instant began, collect_until;
    bool collecting, fresh; /* fresh: nobody led it before */
    uint64_t cut_at;        /* where chunks were told to end, in a search */
    uint64_t grant_counter;
    struct map hand_of;  /* node_id -> struct hand */
    struct hand **hands; /* the same, in the order in which they were made */
    uint32_t hands_count, hands_cap;
    uint32_t hands_without; /* so many have no_kernel */
    uint32_t hands_answered;
    uint32_t claims_due; /* so many hands at most have claim_due */
    uint32_t count_pass; /* of lead_view */
    uint8_t finishing;   /* the end that is written and waits for its copies; 0: none */
    uint64_t outcome_batch;
    uint64_t duplicates, redone_us, cpu_us;
    struct share *share;
    uint32_t slots_out;      /* that its chunks have, as the share counts them */
    uint64_t served_us;      /* by workers, as far as it is new */
    uint32_t eligible_slots; /* of nodes that may run it, as of the last look */
    uint32_t report_us;      /* of work between two reports of a worker */
    struct speeds speeds;
    bool begun, spent; /* a chunk was given out; one worker used the time of all (peer.h) */
    struct instant view_sent, knocked;
    struct instant place_at, view_seen; /* the next look at the list of holders, and the last */
    bool merging;                       /* one batch of merges is out */
    struct node_id merging_at, merging_failed; /* where it failed first; zero: nowhere */
    uint32_t merging_stage;
    struct instant merging_since;
    char last_cause[REASON_SIZE];
    struct instant no_input_since; /* nobody has got an input, and no leaf was computed since */
    struct ready ready;            /* which stages may run */
    struct sessions *sessions;     /* of an open job; session.h */
    struct ahead *ahead;           /* session_ahead.h; NULL: nothing is */
    struct lead_check *check;      /* lead_check.h; NULL: none was made */
    struct reserve *reserve;       /* reserve.c; NULL: no stage reads an object */
    struct fit *fits; /* fit.c: of all demands together, then by number; NULL: nothing is asked */
    uint32_t fits_count, fits_without; /* fits_count: with the first */
    uint64_t fits_seen;
    uint32_t fits_stages; /* of so many stages it is known whether all of them ask for something */
    uint32_t fits_from;   /* those before it never may run again */
    bool fits_all;        /* they do */
    bool fits_open;       /* so do all that may run */
    enum fit_care care;
    bool unmet;                    /* a stage that may run is met by no node */
    uint32_t cancels_seen;         /* so many stages that were cancelled are given up */
    uint32_t spent_seen;           /* the last of the spent stages that `ready` knows of */
    char *failed_why, *cannot_why; /* owned: of the first stage that failed; of who cannot run it */
    /* collect.c: the list of outputs that is being made */
    uint64_t list_making, list_number; /* 0: none */
    uint32_t list_at, list_ahead;      /* the next value; bytes that the mover does not have yet */
    bool list_ended;
    struct instant list_again, hands_again_at; /* the latter: the first of theirs, or before it */
    /* proving.c: outputs that are asked about; the leaves that count while some are computed again;
     * and what the node's partings were when all outputs were last known to be there */
    struct proving *proving;
    struct cover *found;
    uint32_t found_spent; /* the last of the spent stages that it knows of */
    uint64_t proved;
    bool proved_once;
};

/* What is under way with a job that this node does not coordinate; see keep.h. */
enum tending {
    TEND_NONE,
    TEND_COPIES,  /* an ended job is copied to those who should hold it */
    TEND_LEAVES,  /* this node is no holder: a present one gets what it has */
    TEND_RETIRES, /* and now it hears that this node gives the job up */
};

struct job {
    struct node *node;
    struct job_id id;
    struct ledger *ledger;       /* NULL at a node that only works for it */
    struct buf spec_signed;      /* the signed bytes, for workers' nodes; or the ledger has them */
    const struct job_spec *spec; /* the ledger's, or own_spec */
    struct job_spec *own_spec;   /* without a ledger: borrows from spec_signed; else NULL */
    const struct graph *graph;   /* the ledger's, or own_graph */
    struct graph *own_graph;
    struct stage_kernel first_kernel, *kernels; /* by stage; see stages.h */
    uint32_t kernels_count, kernels_cap;
    bool lacks_kernel, lacks_leave, wants_objects, collects; /* some stage of it does */
    struct job *next_kept, *prev_kept; /* finished jobs kept whole, oldest first */
    bool kept;
    struct job *next_changed, *prev_changed; /* ended jobs of which there are news, oldest first */
    bool changed;
    struct instant changed_at;
    struct instant met; /* when it last compared with another coordinator */
    struct instant known, fetched, heard, unable_until; /* the last: labour_unable.h */
    struct window answers;    /* to what was not believed: warrant.h */
    struct instant compared;  /* with all holders, for what was not believed */
    struct instant corrected; /* who knew an old list of holders was shown everything */
    struct surpassing lists_told, claims_told;
    int64_t submitted_s;
    /* As a holder: nodes of which a fact was refused, and that have not shown all since. */
    struct node_id gaps[4];
    bool replayed;
    bool restarted; /* what is shown of its age is the wall clock's word */
    bool unsealed;  /* some of its facts may still have blank signatures */
    bool settled;   /* its outcome has the copies it needs: only now it is told */
    bool contested; /* more than one title or list of holders was seen */
    struct instant settled_at;
    uint64_t kept_number; /* its place in the list of finished jobs, rising */
    uint64_t ended_s;     /* by the calendar */
    bool settled_here;    /* by this process: its calendar may have been behind at the time */
    size_t account_bytes; /* of the ledger's account, as counted in node.account_bytes */
    size_t kept_bytes, open_bytes; /* as counted in those of the node */
    uint32_t copies, machines;     /* of the outcome, as they were counted last */
    enum tending tending;
    struct instant tended_since, need_since;
    uint64_t tend_batch, tend_ticket; /* to be confirmed by others, and by the own disk */
    struct holders wanted;            /* who should hold it in the end */
    struct instant placed;            /* the mesh it was last found to be well placed in */
    bool unsure;                      /* some holder may not have it */
    bool miscounted;                  /* what was told last is a count of other holders */
    bool left_alone;                  /* another holder has forgotten it: its time is over */
    struct lead *lead;
    struct labour *labour;
    struct asker *askers;
    /* record.c: facts written in this step, batches on their way, holders */
    struct buf fresh;
    uint16_t fresh_count;
    bool fresh_full;
    struct kept_notice *fresh_notices;
    uint64_t batch_last;
    bool own_synced; /* a batch of this node's as coordinator is in its journal */
    struct batch *batches;
    struct instant committed; /* when the last of them was closed */
    bool awaits_batch;        /* one of them is among the waits */
    struct replica *replicas; /* HOLDERS_MAX of them, or NULL while there are none */
    uint8_t replicas_count;
    uint8_t *log; /* what workers wrote, the tail of it, or NULL */
    size_t log_len, log_cap;
    struct job *next_busy;  /* list of jobs to settle at the end of the step */
    struct job *next_later; /* and in the next one */
    bool busy, later;
    struct job *next_labour, *prev_labour; /* jobs this node works for */
    struct turn_link turn[TURNS_KINDS];
    struct job *next_live, *prev_live; /* jobs without an outcome; or those that are set aside */
    bool live, shrunk;
    uint32_t snapshot; /* the last one that has it, or has its records from the first on */
    struct instant unled_since;
};

#endif
