/* What a command asks of a node, and the answers. Every request carries a request number in its
 * frame header; every answer repeats it. A list is answered by any number of items, then END. Any
 * request may be answered by ERROR; one of request 0 is about the user himself, and the last thing
 * that he hears on this line.
 *
 *   request    payload                                             answer
 *   SUBMIT     the signed spec (layout of core/wire/signed.h)      SUBMITTED
 *   WATCH      32 job id, u32 interval_ms                          JOB ... until one is final
 *   JOBS       u8 all (finished ones too), text which              JOB ..., END
 *   KILL       32 job id, u32 stage (of it alone; 2^32 - 1: all    KILLED
 *              of it), block fact: CANCEL or STAGE_CANCEL as the
 *              user signs it (core/job/fact.h). Without the fact,
 *              and the stage where all is meant: from a command
 *              of old, which does not sign
 *   NODES      (empty), or u8 1: the node that answers says what   NODE ..., END
 *              it holds (nodes of old do not)
 *   LOGS       32 job id                                           LOG ..., END
 *   KERNELS    (empty), or text name: of that one alone, and       KERNEL ..., END
 *              with its manual (nodes of old tell all, without)
 *   PLAN       text kernel, u16 count, texts                       PLAN
 *   SHOW       text kernel, 32 source, block params,               TEXT
 *              block accumulator
 *   STAGES     32 job id                                           STAGES ..., END
 *   RECEIPT    32 job id                                           RECEIPT ..., END
 *   STALE      u8 what (0 list, 1 bring back, 2 drop), 32 job id   JOB ..., END
 *
 * WATCH with interval 0 wants the state now and once more at its end, no progress between. `which`
 * is an id prefix or a name; empty means all.
 *
 *   answer     payload
 *   ERROR      u8 exit code, text what, text hint ("" when there is none); to ACT perhaps u64, see
 *              act_talk.h
 *   SUBMITTED  32 job id, u32 durable, u32 machines, u8 already there
 *   JOB        a job view (view.h)
 *   NODE       a node view
 *   RECEIPT    to the end, a part of the text (receipt.h) that all of them are together; or
 *              RECEIPT_ELSEWHERE and HOST:PORT of a node that holds the job, as this one does not
 *   STAGES     u16 count, count x stage view, in the order of the stages
 *   KERNEL     a kernel view
 *   LOG        text node name, block bytes as the workers wrote them (not sanitised)
 *   PLAN       text kernel, 32 source, u8 reduction, text then, u32 accumulator size,
 *              block params, u64 units, u64 leaf_units
 *   TEXT       text, not sanitised
 *   KILLED     u8 outcome (0 killed: every holder has synced the cancel; 1 cancelling; 2 it had
 *              already ended), u8 job state (of a stage: done where its output is complete), text
 *              who is away (names, joined by ", ")
 *   END        (empty)
 *
 * Other texts are sanitised while they are read, to one line but for `what`; the arguments of PLAN
 * are taken as they are. */
#ifndef VELUM_WIRE_REQUEST_H
#define VELUM_WIRE_REQUEST_H

#include "core/wire/view.h"

#define REQUEST_NODES_HELD 1

struct request_watch {
    struct job_id job;
    uint32_t interval_ms;
};
struct request_kill {
    struct job_id job;
    bool alone; /* nothing but this stage of it */
    uint32_t stage;
    struct bytes fact; /* borrowed; empty: it is not signed */
};
struct request_jobs {
    bool all;
    char which[JOB_NAME_SIZE + 8];
};
enum stale_what { STALE_LIST = 0, STALE_RESTORE = 1, STALE_DROP = 2 };
struct request_stale {
    enum stale_what what;
    struct job_id job; /* zero for a list */
};
struct request_show {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    struct bytes params;      /* borrowed */
    struct bytes accumulator; /* borrowed */
};
/* On the wire in place of exit code 2: nobody here has the kernel that is named. */
#define REPLY_NO_KERNEL 255
/* So begins the hint, with exit code 1, of a node that has no room for a request at the moment: it
 * may be asked again as it is. */
#define REPLY_TRY_AGAIN "try again"
struct reply_error {
    uint8_t exit_code;
    bool no_kernel; /* and exit_code is 2 */
    char what[VIEW_ERROR_SIZE];
    char hint[256];
    int64_t later_s; /* to REQUEST_ACT, of act_talk.h; 0: none */
};
struct reply_submitted {
    struct job_id job;
    uint32_t durable, machines;
    bool already;
};
struct reply_plan {
    char kernel[KERNEL_NAME_SIZE];
    struct digest source;
    uint8_t reduction;           /* enum reduction */
    char then[KERNEL_NAME_SIZE]; /* as in a kernel view */
    uint32_t accumulator_size;
    struct bytes params; /* borrowed */
    uint64_t units, leaf_units;
};
enum kill_outcome { KILL_DONE = 0, KILL_CANCELLING = 1, KILL_ENDED = 2 };
struct reply_killed {
    uint8_t outcome;
    uint8_t state;
    char away[VIEW_ERROR_SIZE];
};

void put_request_watch(struct buf *b, const struct request_watch *m);
int read_request_watch(struct bytes payload, struct request_watch *m);
void put_request_kill(struct buf *b, const struct request_kill *m);
int read_request_kill(struct bytes payload, struct request_kill *m);
void put_request_jobs(struct buf *b, const struct request_jobs *m);
int read_request_jobs(struct bytes payload, struct request_jobs *m);
int put_request_plan(struct buf *b, const char *kernel, int count, const char *const *args,
                     uint16_t inputs_count, const uint64_t *input_sizes);
/* Fills kernel and the arguments.
 * struct order_plan is 64 KiB: keep it off the stack of a board. */
int read_request_plan(struct bytes payload, char kernel[KERNEL_NAME_SIZE], struct order_plan *args);
void put_request_stale(struct buf *b, const struct request_stale *m);
int read_request_stale(struct bytes payload, struct request_stale *m);
void put_request_show(struct buf *b, const struct request_show *m);
int read_request_show(struct bytes payload, struct request_show *m);
void put_reply_error(struct buf *b, const struct reply_error *m);
int read_reply_error(struct bytes payload, struct reply_error *m);
void put_reply_submitted(struct buf *b, const struct reply_submitted *m);
int read_reply_submitted(struct bytes payload, struct reply_submitted *m);
void put_reply_plan(struct buf *b, const struct reply_plan *m);
int read_reply_plan(struct bytes payload, struct reply_plan *m);
void put_reply_log(struct buf *b, const char *node, struct bytes text);
int read_reply_log(struct bytes payload, char node[NODE_NAME_SIZE], struct bytes *text);
/* Then take `count` with read_stage_view. 0 or ERR_FORMAT. */
int read_reply_stages(struct bytes payload, uint16_t *count, struct reader *rest);
void put_reply_killed(struct buf *b, const struct reply_killed *m);
int read_reply_killed(struct bytes payload, struct reply_killed *m);

#endif
