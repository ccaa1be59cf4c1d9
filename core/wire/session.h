/* A session: what the author of an open job (spec.h) and its coordinator say to each other. The
 * author appends stages and closes, and hears what became of stages as they end; the node he is
 * connected to passes both on.
 *
 *   SESSION, REQUEST_SESSION   32 job, u64 consumed (bytes of answers of this session, taken in),
 *                              u32 low (what became of all stages before it is known), u8 level (0
 *                              sent, 1 durable), block fact (STAGES or CLOSE; empty: it only asks)
 *   SESSION_TOLD, REPLY_SESSION
 *                              32 job, u32 number (1, 2, ... of the answers of this session), u32
 *                              taken, u32 safe, u32 durable, u32 machines, u16 count, count x (u32
 *                              stage, u8 state, block value of a stage that is complete)
 *
 *   SESSION_REFUSED            32 job, then what and why as REPLY_ERROR has it (request.h): what
 *                              was said cannot be taken, now or later. To the node of an author,
 *                              which tells him as REPLY_ERROR
 *
 * A session has the number of its request, and another coordinator, or the same, begins anew with
 * each. `taken`: so many stages are known; what was sent behind them is to be sent again. `safe`:
 * so many are synced by enough holders. Every SESSION is answered, or refused. What became of
 * stages comes while the answers that were not consumed are less than SESSION_WINDOW; it may come
 * twice.
 *
 *   REQUEST_AHEAD   32 job, u32 task (its number), u32 like (as append.h has it), u64 units (only
 *                   of one with APPEND_SIZED), block params
 *   REPLY_AHEAD     32 job, u32 task, u8 computed, block value (empty where it was not)
 *
 * At the level sent nothing survives before it is `safe`, so a short task need not wait for a
 * signature, nor for the ledger: an author who is connected to the coordinator himself says it
 * ahead, with the number of his session, hears what it comes to, and signs many such tasks as one
 * list soon after. What was computed ahead is counted when that list comes, where it says the same
 * of the task. Every REQUEST_AHEAD is answered; one that is not computed becomes a task of the
 * list like any other. */
#ifndef VELUM_WIRE_SESSION_H
#define VELUM_WIRE_SESSION_H

#include "core/base/id.h"
#include "core/wire/request.h"
#include "core/wire/value.h"

#define SESSION_WINDOW ((uint64_t)512 << 10)
#define SESSION_OPEN_MAX 65536u /* stages of a job that have not ended; beyond, none is taken */

enum session_level { SESSION_SENT = 0, SESSION_DURABLE = 1 };
enum session_end {
    STAGE_END_DONE = 0,
    STAGE_END_FAILED = 1,
    STAGE_END_BLOCKED = 2,
    STAGE_END_TIMED_OUT = 3, /* it failed, because it ran out of the time that it has itself */
    STAGE_END_CANCELLED = 4  /* somebody killed it alone */
};

struct session_ask {
    struct job_id job;
    uint64_t consumed;
    uint32_t low;
    uint8_t level;     /* enum session_level */
    struct bytes fact; /* borrowed */
};
struct session_answer {
    struct job_id job;
    uint32_t number, taken, safe, durable, machines;
    uint16_t count;
    struct reader ends; /* take `count` with read_session_end */
};
struct session_stage {
    uint32_t stage;
    uint8_t state;      /* enum session_end */
    struct bytes value; /* borrowed; of one that failed or was killed a sentence, or nothing */
};

struct session_refused {
    struct job_id job;
    struct reply_error error;
};

struct session_ahead {
    struct job_id job;
    uint32_t task, like;
    uint64_t units;      /* 0: as many as the one that it is like */
    struct bytes params; /* borrowed */
};
struct session_computed {
    struct job_id job;
    uint32_t task;
    bool computed;
    struct bytes value; /* borrowed */
};

void put_session_ask(struct buf *b, const struct session_ask *m);
int read_session_ask(struct bytes payload, struct session_ask *m);
/* Then the ends. */
void put_session_answer(struct buf *b, const struct session_answer *m);
int read_session_answer(struct bytes payload, struct session_answer *m);
void put_session_end(struct buf *b, const struct session_stage *s);
struct session_stage read_session_end(struct reader *r);
void put_session_refused(struct buf *b, const struct session_refused *m);
int read_session_refused(struct bytes payload, struct session_refused *m);
void put_session_ahead(struct buf *b, const struct session_ahead *m);
int read_session_ahead(struct bytes payload, struct session_ahead *m);
void put_session_computed(struct buf *b, const struct session_computed *m);
int read_session_computed(struct bytes payload, struct session_computed *m);

#endif
