/* What a node is made of. Private to core/node: each file below owns one part and is named after
 * it.
 *
 *   node.c           the entry: replay, start, step, due; round.c: timers that need no precision;
 *                    lag.c: how late the host comes; outside.c: what the host is told
 *   ports.c          what mesh wants and tells; linked.c: which members have a link to this node
 *   door.c           who is let in; offence.c, revoked.c: who is not; introduce.c: who is there;
 *                    crowd.c: who goes when there are too many
 *   link.c           who is on which link; sending to peers, to users, to itself
 *   greet.c          what a peer is told once it can be reached
 *   jobs.c           the table of jobs, taking a spec in, replay
 *   holder.c         facts: keeping them, passing them on, syncing ledgers, claiming when a
 *                    coordinator is gone; take.c: one fact
 *   journal_record.c what a record of the journal says
 *   record.c         what a coordinator has written and who has synced it; replica.c: the others,
 *                    and bringing them up to date; seal.c: signatures; asker.c: who waits for it
 *   snapshot.c       everything once more, in slices, in place of a journal that has grown
 *   place.c          which nodes should hold a job; keep.c: copies of jobs that nobody leads, and
 *                    leaving; drain.c: giving all of them away; stop.c: the end of the node
 *   lead.c           coordination; assign.c: who gets chunks; fit.c: who meets what they ask for;
 *                    site.c: how much others are taken to have; turns.c: which job is next;
 *                    report.c: what came of them; outcome.c: merges and the end; lead_check.c:
 *                    leaves that are computed twice; verdict.c: what follows if they differ
 *   labour.c         chunks granted to this node; labour_room.c: what they take of it, and who goes
 *                    first; labour_report.c: reports about them; merge_work.c: merges granted;
 *                    labour_end.c: their end as others tell it
 *   workers.c        worker processes; aside.c: what users want of them; building.c: compilers
 *   accounts.c       how much there is about who counted which leaves; events.c: who did what
 *   joblog.c         what the workers of a job wrote; meet.c: what a peer is told first: dates
 *   calendar.c       how old things are; forget.c: finished jobs that are too old, or too many;
 *                    tombs.c: their names; stale.c: old jobs of a node that was away too long
 *   directory.c      what this node knows of all jobs of the mesh; hearsay.c, vouch.c, evidence.c,
 *                    ends.c: how far that is believed; seek.c: whom to ask of one
 *   watch.c          who waits for news of a job; watchers.c: them; kill.c: cancelling with proof
 *   stages.c         the stages of a job here; lead_values.c, labour_inputs.c: what they yield, on
 *                    its way to those who read it; show_stages.c: how far they are;
 *                    stage_views.c: the same in slices, on its way to users
 *   request.c        users' requests; submit.c: those that bring a job; listing.c: lists of jobs
 *   acts.c           revocations and other acts; act_ask.c: users who wait for one; act_effect.c
 *   objects.c        what lies here of objects; put.c, get.c, mover.c: what is on its way */
#ifndef VELUM_NODE_STATE_H
#define VELUM_NODE_STATE_H

#include "core/base/ensure.h"
#include "core/base/map.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/job/ledger.h"
#include "core/job/pool.h"
#include "core/kernel/kernel.h"
#include "core/mesh/mesh.h"
#include "core/node/acts_state.h"
#include "core/node/answers_state.h"
#include "core/node/calendar.h"
#include "core/node/directory_state.h"
#include "core/node/drain_state.h"
#include "core/node/events_state.h"
#include "core/node/greet_state.h"
#include "core/node/job_state.h"
#include "core/node/journal_record.h"
#include "core/node/kill_state.h"
#include "core/node/left_state.h"
#include "core/node/link_state.h"
#include "core/node/node.h"
#include "core/node/peer.h"
#include "core/node/roots_state.h"
#include "core/node/snapshot_state.h"
#include "core/node/tombs.h"
#include "core/node/waiting_state.h"
#include "core/node/vouch_state.h"
#include "core/node/worker_state.h"
#include "core/wire/message.h"
#include "core/wire/request.h"

#define JOBS_LIVE_MAX 10000
#define JOBS_KEPT_MAX 2000 /* finished jobs kept whole; older ones shrink to tombstones */
#define KEEP_BYTES_DEFAULT ((uint64_t)256 << 20)
#define KEEP_S_DEFAULT (7u * 24 * 3600)
#define TOMBSTONE_S_DEFAULT (30u * 24 * 3600)
#define CALENDAR_LOOK_S_DEFAULT 3600u
#define TOMBSTONES_MAX 1000000
#define TENDED_MAX 16 /* jobs that are copied or left at a time */
#define LOG_TAIL_MAX 65536
#define LOG_KEPT_MAX 4096  /* of a job that has ended */
#define RUNS_NAMED_MAX 256 /* newly covered runs of one fact; beyond, leaves get no name */
#define WORKERS_MAX 1100

#define LEAF_LIMIT_US ((int64_t)600 * S_US)

/* A frame this node sends to itself: it goes the way of a peer's, after the present one. */
struct inbox_item {
    uint8_t type;
    uint32_t request;
    struct bytes payload; /* owned */
    struct inbox_item *next;
};

/* Something to do once the journal is synced up to a ticket. */
enum wait_kind { WAIT_FACTS_KEPT, WAIT_BATCH, WAIT_CANCELLED, WAIT_OBJECT, WAIT_KEPT, WAIT_ACT };
struct wait {
    uint64_t ticket;
    enum wait_kind kind;
    struct job_id job;
    struct node_id node;
    uint64_t boot; /* of its process, which counted so */
    uint64_t number, link;
    uint32_t request;
    struct digest object;
    struct wait *next;
};

/* A node as this node's coordinators together see it. */
struct site {
    struct node_id id;
    struct load outstanding;
    uint32_t computed; /* chunks there that take no slot: all of them is computed, and not told */
    struct instant busy_until;
    int64_t pause_us; /* it was last left alone for so long; 0: it takes what it is offered */
    bool listed;      /* among those that may have a free slot */
};

#define SEALED_MEMOS 64
/* A signature that verified: over certificate, text and signature. */
struct sealed_memo {
    struct digest what;
    struct signer signer; /* party 0: empty */
};

struct peer_news {
    struct node_id id;
    bool link_up, link_down, state;
};

struct lag {                    /* lag.h */
    int64_t most_us, before_us; /* since then, and in the span before that */
    struct instant since;
};

struct node {
    const struct alloc *alloc, *given; /* the one of this node, and what it asks */
    struct alloc noticing;
    struct node_options options;
    struct node_limits limits;
    struct node_kernel *kernels;
    struct instant now, started;
    int64_t wall_s;
    struct prng prng;
    struct introductions *introductions; /* introduce.h */
    struct answers answers;              /* answers.h */
    struct actions *out;
    bool memory_out; /* a request was refused, and this step says so */
    struct mesh *mesh;
    struct map links; /* u64 -> struct link_entry */
    struct inbox_item *inbox_first, *inbox_last;
    struct map jobs; /* job_id -> struct job */
    struct job *busy_jobs, *later_jobs;
    struct job *live_jobs, *round_cursor;
    struct turns turns;
    struct job *labour_jobs;
    struct submitter *submitters; /* of these */
    bool serve_wanted;
    uint64_t merge_counter;
    uint64_t report_counter; /* of all jobs: a job forgotten and met again never counts anew */
    struct job *kept_first, *kept_last;
    struct job *compare_next; /* of these, the first that was not compared with its other holders */
    struct job *changed_first, *changed_last; /* of these, those to be compared for their news */
    struct job *join_next;         /* of these, the first whose account may not be joined yet */
    size_t account_bytes;          /* of all accounts together */
    size_t kept_bytes, open_bytes; /* of finished jobs, see forget.h; of open ones, stages.h */
    size_t parcel_bytes;           /* of ledgers that wait for room on links, see parcel.h */
    uint32_t live_count, kept_count;
    uint64_t kept_counter;
    bool replaying;
    bool told_late; /* a partial came in this step for a job that has a cancel here */
    bool told_old;  /* facts that came in this step named holders of an older generation */
    bool told_former, told_all_former, told_more; /* of an ended one: former holders; other news */
    struct map stale;                             /* job_id -> struct job that was set aside */
    struct job *stale_jobs;                       /* the same, by next_live */
    struct tombs tombs;
    struct calendar calendar;
    struct instant forget_at; /* when something may be old enough */
    bool kept_more;           /* a job has ended: one may be too many, or this one too old */
    struct map directory;     /* job_id -> struct entry */
    struct entry_list running, ended;
    struct entry *dirty_first, *dirty_last;
    struct entry *forget_next; /* of those that have ended, the next to be looked at; NULL: first */
    struct greeting *greetings;
    struct acts acts;
    uint32_t entries_live; /* that count */
    struct map authors;    /* of these: node_id -> struct tally (authors.c) */
    struct vouches vouches;
    struct job *tended[TENDED_MAX]; /* jobs whose copies are looked after (keep.c) */
    uint32_t tended_count;
    struct job *keep_next;       /* of the kept ones, the next to be looked at */
    struct instant keep_at;      /* the next look at all of them */
    struct lefts lefts;          /* left.h */
    struct instant view_changed; /* who lives, and whose disk takes what it is given */
    struct digest keepers;       /* whose does not */
    bool keepers_changed;        /* perhaps */
    bool directory_dirty;
    struct instant directory_flush;
    uint64_t ticket_last, ticket_synced;
    struct wait *waits_first, *waits_last; /* by ticket */
    uint32_t waits_count;
    /* store_broken: a record was refused, nothing later counts as synced until a snapshot is */
    bool disk_full, disk_silent, store_broken;
    uint64_t heal_ticket; /* of that snapshot, 0 before it is on its way */
    struct instant heal_at;
    struct snapshot snapshot;
    struct worker *workers;
    uint32_t worker_counter, workers_count;
    struct instant replenish_at;
    uint32_t start_failures, start_rounds; /* since the last pause; pauses without one that began */
    struct aside *asides;
    struct merge_work *merges;
    struct building *buildings;
    struct map sites;   /* node_id -> struct site */
    uint32_t slots_out; /* at all of them together */
    struct watcher *watchers;
    struct watcher *watch_next; /* the next to be looked at; NULL: the first */
    struct map watched;         /* job_id -> struct watcher, the latest of that job */
    uint32_t watchers_count, watching_nodes;
    struct kill_wait *kills;
    struct kill_unseens unseen_killed[2]; /* of users, and of admins; see kill_forbids */
    struct forward *forwards;
    uint32_t forwards_count;
    struct logs_wait *logs;
    struct lookup *lookups;
    struct listing *listings;   /* the first is being told; see listing.h */
    struct entry *listing_next; /* the next of its list */
    bool listing_ended;         /* of jobs that have ended */
    uint64_t listing_number;    /* so many have begun */
    struct stages_wait *stages_waits;
    struct stages_telling *stages_tellings; /* the first is being told; see stage_views.h */
    struct session_route *session_routes;
    struct instant session_routes_at; /* they are looked at by then; while there are any */
    uint32_t session_routes_count, token_counter;
    struct peer_news *news;
    uint32_t news_count, news_cap;
    struct sealed_memo sealed[SEALED_MEMOS];
    struct offences *offences;     /* offence.h; NULL: there was none */
    struct quarantine *quarantine; /* the same */
    struct node_id teller;         /* the peer whose frame is looked at; zero: it is no peer's */
    uint32_t busy_told;
    uint64_t partings;        /* how often a member came or went, or a link ended */
    uint64_t members_changes; /* how often anything of that, or what one says of itself, did */
    bool keeps_told;          /* that its disk takes what it is given */
    double speed_units_us;
    bool assign_wanted;
    /* linked.c */
    const struct member **linked; /* in the order of their ids */
    uint32_t linked_count, linked_cap;
    uint32_t there_count, there_slots; /* of those that are alive too */
    /* Members that may have a free slot, each once; NULL: this node. Stale: some may be missing,
     * and some of them may be gone. */
    const struct member **free_sites;
    uint32_t free_count, free_cap, free_at;
    bool sites_stale;
    struct instant knock_at, knock_old_at, help_at;
    uint32_t help_next; /* the member to look at next when help is called for */
    struct map keeping; /* digest -> struct keeping, the first about it */
    struct keeping *keeping_first;
    uint32_t keeping_count, keeping_signed; /* of those with a removal */
    struct map owners; /* job_id -> struct owner: those that objects are kept for */
    struct instant owners_at;
    size_t owners_look;
    bool owners_asked;       /* some were asked in this look, and are looked at again soon */
    struct objects *objects; /* NULL: this node keeps none */
    struct lag lag;
    struct events *events; /* who did what; NULL: this node notes nothing */
    struct drain drain;
    struct roots_state roots;
    bool stopping, exited;
    struct instant stop_until, round_at, commit_at; /* the next looks: round.c, what waits */
};

#endif
