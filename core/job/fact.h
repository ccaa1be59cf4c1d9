/* Facts: immutable statements about a job that nodes share. In meaning they only get added. One
 * encoding for the wire and the journal:
 *
 *   u8 kind, u8 version (1), then by kind
 *   SPEC, HOLDERS, CLAIM, CANCEL, OUTCOME, STAGES, CLOSE, STAGE_CANCEL
 *       signed bytes (wire/signed.h)
 *       The body of SPEC is the spec itself; the others' bodies begin with u8 kind, 32 job id:
 *       HOLDERS   u32 generation, u8 count (1..8), ids in rank order, no id twice
 *       CLAIM     u32 epoch, u64 boot, 32 node id (must be the signer), u64 submitted_s (Unix
 *                 time at the first coordinator), u64 elapsed_us (since then, as its author knows)
 *       CANCEL    32 id of who asked (a user's key), u8 outcome asked for (cancelled or timed-out,
 *                 as enum job_state)
 *       OUTCOME   u8 state (final ones of enum job_state), 32 digest, block accumulator,
 *                 text error, u64 leaves, u32 nodes, u32 retries, u64 duplicates, u64 redone_us,
 *                 u64 cpu_us, u64 elapsed_us; nothing more, or u16 count (to 256; 0 only where
 *                 more follows), count x u32 stage, ascending: those that were given up, or the
 *                 first of them; nothing more, or (where the spec asks for checks) u64 checked,
 *                 u64 unchecked: leaves that were computed again and found equal, and that were to
 *                 be and could not be
 *       STAGES    32 author (of the spec, and the signer), then stages as wire/append.h draws them
 *       CLOSE     32 author (the same), u32 how many stages the job has, and will ever have
 *       STAGE_CANCEL  32 id of who asked, u32 first (a multiple of 8), block set: stage first + i
 *                 is cancelled where bit i % 8 of byte i / 8 is set. Neither its first byte nor its
 *                 last is 0, and all of it lies between two multiples of STAGE_CANCEL_SPAN, so
 *                 that however many stages of a job are cancelled, few facts can say so
 *   PARTIAL       u16 0, 32 author, u64 from, u64 upto (leaves newly covered by the author;
 *                 from == upto for a merge), u64 compute_us, u16 count, values. A zero author: not
 *                 a report but part of a snapshot, compute_us is the sum of all so far. Without
 *                 values it only names who counted the leaves, zero: nobody knows any more
 *   ATTEMPT       u16 0, u64 leaf, 32 author, u8 own doing, text cause
 *   DIVERGENT     u16 0, u8 level, u64 index, 32 digest, 32 digest (ascending), 32 author,
 *                 32 author (zero where nobody knows)
 *   RETIRED       u8 count (1..64), count x term: 32 id of a node that was ever named as a holder,
 *                 u32 the last generation that named it, u32 the generation in which it retired (it
 *                 was not named, and a holder had all that it had), or 0: it has not. No id twice
 *   COUNTS        u16 count (1..256), count x: 32 author, ascending, u64 leaves (not 0). How many
 *                 leaves of an ended job each node counted, where which ones is not known any more;
 *                 the zero author: several nodes, or nobody knows
 *   UNLIKE        u64 leaf, 32 digest (of its value by libtcc's code), 32 digest (by that of
 *                 another compiler, and not the same), 32 author, text compiler: of a snippet two
 *                 compilers make two kernels. The job goes on with libtcc's code everywhere
 *
 * Leaves and nodes of the fold tree go by their numbers in the row of all stages (shape.h), so none
 * of these says which stage it is about.
 *
 * Authors of PARTIAL and ATTEMPT, RETIRED, COUNTS and UNLIKE, are vouched for by whoever sends them
 * (the coordinator, a holder); signing them is a later matter. */
#ifndef VELUM_JOB_FACT_H
#define VELUM_JOB_FACT_H

#include "core/base/id.h"
#include "core/wire/append.h"
#include "core/wire/signed.h"
#include "core/wire/spec.h"
#include "core/wire/value.h"

#define FACT_HOLDERS_MAX 8
#define FACT_TERMS_MAX 64 /* nodes that are remembered as holders of one job */
#define FACT_COUNTS_MAX 256
#define FACT_FAILED_MAX 256
#define STAGE_CANCEL_SPAN 32768u
#define STAGE_CANCEL_SET_MAX (STAGE_CANCEL_SPAN / 8)

/* Of a generation or an epoch, so that there is always a next one. */
#define FACT_COUNTER_MAX (UINT32_MAX / 2)

enum fact_kind {
    FACT_SPEC = 1,
    FACT_HOLDERS = 2,
    FACT_CLAIM = 3,
    FACT_CANCEL = 4,
    FACT_OUTCOME = 5,
    FACT_PARTIAL = 6,
    FACT_ATTEMPT = 7,
    FACT_DIVERGENT = 8,
    FACT_RETIRED = 9,
    FACT_COUNTS = 10,
    FACT_STAGES = 11,
    FACT_CLOSE = 12,
    FACT_STAGE_CANCEL = 13,
    FACT_UNLIKE = 14
};

struct holders {
    uint32_t generation;
    uint8_t count;
    struct node_id ids[FACT_HOLDERS_MAX]; /* rank order */
};
struct claim {
    uint32_t epoch;
    uint64_t boot;
    struct node_id node;
    int64_t submitted_s; /* for display, and across a restart */
    uint64_t elapsed_us;
};
int claim_compare(const struct claim *a, const struct claim *b); /* <0, 0, >0; the greatest wins */

struct outcome {
    uint8_t state; /* enum job_state, a final one */
    struct digest digest;
    struct bytes accumulator; /* borrowed */
    char error[VIEW_ERROR_SIZE];
    uint64_t leaves;
    uint32_t nodes, retries;
    uint64_t duplicates, redone_us, cpu_us, elapsed_us;
    bool checks; /* the next two are there */
    uint64_t checked, unchecked;
    uint16_t failed_count;
    struct bytes failed; /* stages, 4 bytes each, borrowed; see outcome_failed */
};
struct partial {
    uint16_t stage;
    struct node_id author;
    uint64_t from, upto, compute_us;
    uint16_t count;
    struct reader values; /* take `count` with read_value */
};
struct attempt {
    uint16_t stage;
    uint64_t leaf;
    struct node_id author;
    bool own_doing;
    char cause[REASON_SIZE];
};
struct cancel {
    struct node_id by;
    uint8_t state;
};
/* Of stages, one or many. Such a one is not worked for any more unless its output is complete. */
struct stage_cancel {
    struct node_id by;
    uint32_t first;
    struct bytes set; /* borrowed; see stage_cancel_has */
};
struct divergence {
    uint16_t stage;
    struct tree_node at;
    struct digest digests[2]; /* of the two values, ascending */
    struct node_id authors[2];
};

#define COMPILER_NAME_SIZE 64
struct unlike {
    uint64_t leaf;
    struct digest digests[2]; /* libtcc's first */
    struct node_id author;
    char compiler[COMPILER_NAME_SIZE];
};
/* <0, 0, >0: the least of all that are told of a job is the one that counts. */
int unlike_compare(const struct unlike *a, const struct unlike *b);

/* A node's time as a holder of a job. It has retired when it did so after it was last named. */
struct term {
    struct node_id id;
    uint32_t named, retired; /* generations; retired 0: it has not */
};
struct terms {
    uint8_t count;
    struct reader list; /* take `count` with read_term */
};

/* So many leaves are counted by one node. */
struct leaf_count {
    struct node_id author; /* zero: several, or nobody knows */
    uint64_t leaves;
};
struct counts {
    uint16_t count;
    uint64_t leaves;    /* all of them together */
    struct reader list; /* take `count` with read_leaf_count */
};

/* What the author of an open job says of its stages. */
struct stages_fact {
    struct node_id author;
    struct append append;
};
struct close_fact {
    struct node_id author;
    uint32_t count;
};

/* A decoded fact; everything borrowed from the bytes. For signed kinds `sealed` is filled too, and
 * its signature is NOT checked here. */
struct fact {
    uint8_t kind;
    struct job_id job; /* of signed kinds */
    struct signed_bytes sealed;
    struct node_id by; /* who signed it, where the caller has looked; zero: it has not */
    union {
        struct job_spec spec;
        struct holders holders;
        struct claim claim;
        struct cancel cancel;
        struct stage_cancel stage_cancel;
        struct outcome outcome;
        struct partial partial;
        struct attempt attempt;
        struct divergence divergence;
        struct unlike unlike;
        struct terms terms;
        struct counts counts;
        struct stages_fact stages;
        struct close_fact close;
    };
};

/* The order of outcomes: divergent 6 > done 5 > unknown 4 > failed 3 > timed-out 2 > cancelled 1;
 * 0 for a state that is none. */
int outcome_rank(uint8_t state);
/* The i-th stage that was given up; whether the job has it the reader looks himself. */
uint32_t outcome_failed(const struct outcome *o, uint16_t i);

bool stage_cancel_has(const struct stage_cancel *c, uint32_t stage);
/* The greatest of them. */
uint32_t stage_cancel_last(const struct stage_cancel *c);
/* Of one stage; `room` is borrowed by it. */
struct stage_cancel stage_cancel_of(struct node_id by, uint32_t stage, uint8_t room[1]);

/* Whether it is around signed bytes. */
bool fact_is_signed(uint8_t kind);

/* 0, ERR_FORMAT, ERR_VERSION (a kind or version this generation does not know).
 * Trailing bytes are ERR_FORMAT. */
int fact_read(struct bytes encoded, struct fact *f);

/* The body of a signed kind, to be signed by the caller: domain SIGNED_SPEC for specs,
 * SIGNED_FACT for the others. */
void put_holders_body(struct buf *b, struct job_id job, const struct holders *h);
void put_claim_body(struct buf *b, struct job_id job, const struct claim *c);
void put_cancel_body(struct buf *b, struct job_id job, const struct cancel *c);
void put_stage_cancel_body(struct buf *b, struct job_id job, const struct stage_cancel *c);
void put_outcome_body(struct buf *b, struct job_id job, const struct outcome *o);
/* STAGES: the caller puts the list behind it (append.h). */
void put_stages_begin(struct buf *b, struct job_id job, struct node_id author);
void put_close_body(struct buf *b, struct job_id job, const struct close_fact *c);
/* The whole fact around signed bytes. */
void put_signed_fact(struct buf *b, enum fact_kind kind, const struct signed_bytes *s);
/* PARTIAL: header with `count`, then the caller puts count values with put_value. */
void put_partial_begin(struct buf *b, const struct partial *p);
/* PARTIAL without values: the author counted [first, end). */
void put_partial_run(struct buf *b, struct node_id author, uint64_t first, uint64_t end);
void put_attempt(struct buf *b, const struct attempt *a);
void put_divergent(struct buf *b, const struct divergence *d);
void put_unlike(struct buf *b, const struct unlike *u);
void put_retired(struct buf *b, const struct term *terms, uint8_t count);
struct term read_term(struct reader *r);
void put_counts(struct buf *b, const struct leaf_count *counts, uint16_t count);
struct leaf_count read_leaf_count(struct reader *r);

#endif
