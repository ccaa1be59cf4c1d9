/* What nodes tell each other about jobs: messages 32 to 79. Membership must be established on the
 * link first; anything before is dropped. Layouts (number = width in bytes; text = u16 length;
 * block = u32 length; fact and signed spec in their own drawings):
 *
 *   DIRECTORY   u8 relay (the sender has no link to somebody who lives), u16 count, count x entry
 *               entry: u64 version, u32 epoch, 32 coordinator, u8 holders, holders x 32,
 *               u64 ended_s (by the calendar, calendar.h; 0 while it runs), job view
 *   FORWARD     block signed spec                         (request: the asker's token)
 *   FORWARDED   u8 exit code, text what, text hint, 32 job, u32 durable, u32 machines, u8 already
 *   FACTS       32 job, u64 batch (0: more follow, not confirmed), u8 first (of everything there
 *               is, in one or more frames), u16 count, count x block fact
 *   FACTS_KEPT  32 job, u64 batch, u8 answer
 *               0: everything up to this batch is synced here; 1: not all was taken; 2: nor can it
 *               be, as a later generation wrote it
 *   GRANT       32 job, u8 flags (1 careful: report after every leaf; 2 knock: a full node may
 *               take it by turning another job's worker out; 4 spare: another node computes the
 *               same; 8 stages that were appended come along; 16 leaves follow: keep the job),
 *               block signed spec (empty: you have it), with flag 8 a block of u16 count, count x
 *               block STAGES fact, block claim fact, u32 report_us, u16 chunks x (u64 grant, u64
 *               first, u64 end), u16 merges x (value, value). A chunk is of one stage, or of tasks
 *               that join (core/job/graph.h), each of them a stage of one leaf; so is what a
 *               REPORT tells of it
 *   REPORT      32 job, u64 seq, u8 again (it was sent before), u64 seq of the report before it
 *               that is not kept yet (0: none), u16 count, count x (u64 grant, u64 from, u64 next,
 *               u64 end, u64 compute_us, u64 cpu_us, u8 flags, text cause, u16 values, values)
 *               flags: 1 ended, 2 failed, 4 of the leaf's own doing, 8 merged (values are merge
 *               results), 16 for want of memory, 32 because its output found no room, 64 because
 *               the leaf ran for longer than its stage lets it
 *   KEPT        32 job, u64 seq            all reports up to seq are synced by enough holders, but
 *               for values that the cover had no room for: their leaves are free again
 *   TRIM        32 job, u64 grant, u64 end
 *   CLAIM       32 job, block claim fact
 *   OPEN        32 job, u32 epoch, u16 count, count x (u64 grant, u64 next, u64 end)
 *   RETURN      32 job, u8 reason (enum return_reason), text why, u16 count, count x u64 grant
 *               count 0: it was granted merges only, and does not do them. Of reason 7 they do not
 *               come back: all of them is computed, and told when their outputs are safe, so that
 *               their slots may have something else (feature level 7)
 *   STOP        32 job, u8 state of the outcome once enough holders have it; 0: an outcome is
 *               written, nothing more is to be run, and what was reported is still to be kept
 *   LOG         32 job, u8 whole (in place of what is there), block text
 *   CANCEL      32 job, block fact, CANCEL or STAGE_CANCEL
 *               (request: the asker's token; 0: a holder passes it on)
 *   CANCELLED   32 job, u8 known (1 it holds the job, and the cancel is synced; or it has ended and
 *               is gone; 2 the same, and there were more holders than it remembers; 3 who signed
 *               the cancel may not end it), u8 state of an outcome (of a stage alone: done where
 *               its output is complete), u8 count (to 64), every holder ever named and not
 *               retired x 32
 *               (request: as asked)
 *   WATCH       32 job, u32 interval_ms
 *   STATE       u8 known, 32 job, u64 version, job view (when known is 1); when it is 2,
 *               it has ended and is gone: u8 state, u8 why (tombs.h), u32 Unix time it ended
 *   LOGS        32 job                     (request: the asker's token)
 *   LOG_TAIL    32 job, u8 known, block text
 *   SYNC        32 job, u32 epoch, u64 boot, 32 coordinator, 32 ledger digest, u64 mark of its
 *               former holders (ledger.h), u8 answer wanted (0 no, 1 yes, 2 where there is a
 *               difference; and 128 where it has ended with the name of whoever counted each leaf),
 *               u8 state of an outcome (the job has ended there and shrunk to its name) or 0. With
 *               a digest of zeros and answer 1 it asks who leads the job: whoever has it says so in
 *               a DIRECTORY as well (heir.h)
 *   INPUT_WANT  32 job, u32 stage, u16 from (so many of its outputs are here already)
 *   INPUT_VALUES 32 job, u32 stage, u16 from, u16 count, count x block: what the stage yielded, the
 *               accumulator of a fold, or outputs of leaves in their order (output.h), as many as
 *               fit. No answer: it is not complete, as far as the coordinator knows
 *   SESSION, SESSION_TOLD, SESSION_REFUSED
 *                           as core/wire/session.h draws them (request: the asker's token)
 *   STAGES      32 job                     (request: the asker's token)
 *   STAGES_TOLD 32 job, u8 what (0 it is not here, 1 more follow, 2 the last), then a REPLY_STAGES
 *               (request.h)                (request: as asked)
 *   UNLIKE      32 job, u8 what, block fact
 *               0: to the coordinator, an UNLIKE or a DIVERGENT of the sender's own: a leaf that it
 *               computed by two compilers' code has two values. 1: from the coordinator, the UNLIKE
 *               that is in the ledger
 *   COUNT       u64 bytes of payload sent about jobs before this frame on this link
 *   COUNTED     u64 the same, said back
 */
#ifndef VELUM_NODE_PEER_H
#define VELUM_NODE_PEER_H

#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/wire/order.h"
#include "core/wire/view.h"

#define HOLDERS_MAX 8
#define ENTRY_VERSION_MAX (UINT64_MAX / 2) /* so that there is always a later one */
#define GRANT_CHUNKS_MAX 64
#define OPEN_CHUNKS_MAX 2048 /* one a slot, and as many that knocked */
#define FORWARD_SPEC_MAX 61440

enum return_reason {
    RETURN_BUSY = 0,
    RETURN_NO_KERNEL = 1,
    RETURN_STOPPING = 2,
    RETURN_UNKNOWN = 3,  /* no such chunk here (any more) */
    RETURN_FULL = 4,     /* it knocked and was not let in */
    RETURN_NO_INPUT = 5, /* an input is to be had nowhere, as far as it knows */
    RETURN_UNKEPT = 6,   /* too much of what it reported is not confirmed yet */
    RETURN_COMPUTED = 7  /* nothing comes back */
};

#define REPORT_US_MAX ((uint64_t)24 * 3600 * (uint64_t)S_US) /* of computing, told at once */
enum report_flags {
    REPORT_ENDED = 1,
    REPORT_FAILED = 2,
    REPORT_OWN_DOING = 4,
    REPORT_MERGED = 8,
    REPORT_MEMORY = 16,
    REPORT_NO_ROOM = 32,  /* FAILED: no room for its output, or the disk does not take it */
    REPORT_TOO_LONG = 64, /* FAILED, OWN_DOING: longer than its stage's own limit */
    REPORT_SPENT = 128    /* FAILED: one worker used the processor time of all of its job */
};
enum grant_flags {
    GRANT_CAREFUL = 1,
    GRANT_KNOCK = 2,
    GRANT_SPARE = 4,
    GRANT_STAGES = 8,
    GRANT_MORE = 16
};

struct peer_entry {
    uint64_t version;
    uint32_t epoch;
    struct node_id coordinator;
    uint8_t holders_count;
    struct node_id holders[HOLDERS_MAX];
    uint64_t ended_s;
    struct job_view view;
    bool readable;  /* false: the view is of a generation that says more than this one reads */
    bool by_others; /* not told: by nobody who is known to have the job (heir.h) */
};
/* What is told of a job that has ended and is gone; state 0: of none. */
struct gone {
    uint32_t ended_s; /* Unix time, 0: not known */
    uint8_t state, why;
};
struct peer_forwarded {
    uint8_t exit_code;
    char what[VIEW_ERROR_SIZE];
    char hint[256];
    struct job_id job;
    uint32_t durable, machines;
    bool already;
};
struct peer_grant {
    struct job_id job;
    uint8_t flags;
    struct bytes spec;  /* borrowed */
    struct bytes lists; /* the same; with GRANT_STAGES, count and blocks */
    struct bytes claim; /* borrowed */
    uint32_t report_us;
    uint16_t chunks; /* then u16 merges and the merges follow in rest */
    struct reader rest;
};
struct peer_chunk {
    uint64_t grant, first, end;
};
struct peer_report_chunk {
    uint64_t grant, from, next, end, compute_us, cpu_us;
    uint8_t flags;
    char cause[REASON_SIZE];
    uint16_t values;
};
struct peer_input {
    struct job_id job;
    uint32_t stage;
    uint16_t from, count; /* INPUT_VALUES: then count blocks follow in rest */
    struct reader rest;
};
enum sync_answer { SYNC_NO_ANSWER, SYNC_ANSWER, SYNC_ANSWER_DIFFERENCE };
struct peer_sync {
    struct job_id job;
    uint32_t epoch;
    uint64_t boot;
    struct node_id coordinator;
    struct digest digest;
    uint64_t former;
    enum sync_answer answer;
    uint8_t gone;
    bool whole;
};

void put_peer_entry(struct buf *b, const struct peer_entry *e);
/* The view borrows from the reader. Bounds fail the reader; a view that cannot be read does not, so
 * that the entries after it are read. */
void read_peer_entry(struct reader *r, struct peer_entry *e);
void put_peer_forwarded(struct buf *b, const struct peer_forwarded *m);
int read_peer_forwarded(struct bytes payload, struct peer_forwarded *m);
void put_peer_grant_begin(struct buf *b, const struct peer_grant *m); /* then chunks, u16, merges */
int read_peer_grant(struct bytes payload, struct peer_grant *m);
void put_peer_chunk(struct buf *b, const struct peer_chunk *c);
struct peer_chunk read_peer_chunk(struct reader *r);
void put_peer_report_chunk(struct buf *b, const struct peer_report_chunk *c); /* then values */
void read_peer_report_chunk(struct reader *r, struct peer_report_chunk *c);
/* Then the facts follow. */
void put_facts_begin(struct buf *b, struct job_id job, uint64_t batch, bool first, uint16_t count);
void put_peer_input(struct buf *b, const struct peer_input *m, bool values);
int read_peer_input(struct bytes payload, struct peer_input *m, bool values);
void put_gone(struct buf *b, const struct gone *g);
struct gone read_gone(struct reader *r);
void put_peer_sync(struct buf *b, const struct peer_sync *m);
int read_peer_sync(struct bytes payload, struct peer_sync *m);

#endif
