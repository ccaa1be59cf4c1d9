/* What one journal says about one job, counted anew: who named which leaves, which values there
 * are, what the result is, and everything in it that cannot be.
 *
 * Reads facts by the drawings in core/job/fact.h, core/wire/spec.h and core/wire/signed.h and
 * records by that in core/node/journal_record.h, with no code of theirs. Signatures are not looked
 * at: the job's id binds its specification, everything else is the journal's own word. */
#ifndef VELUM_VERIFY_TALLY_H
#define VELUM_VERIFY_TALLY_H

#include "core/verify/fold.h"
#include "core/verify/span.h"
#include "core/verify/stages.h"

#define TALLY_FEATURE_LEVEL 8 /* as core/wire/feature.h has it */
#define TALLY_PROBLEMS_MAX 32

/* How a job ended; the numbers of the wire's job states. */
enum tally_state { TALLY_OPEN = 0, TALLY_DONE = 3, TALLY_DIVERGENT = 7, TALLY_STATE_MAX = 8 };

enum tally_fault {
    TALLY_FORMAT,  /* a fact that does not read */
    TALLY_ID,      /* the specification's digest is not the job's id */
    TALLY_TWICE,   /* leaves that two reports count */
    TALLY_MISSING, /* leaves of a finished job that nothing counts */
    TALLY_UNEQUAL, /* two values of the same leaves */
    TALLY_WRONG,   /* a value that is not what its parts fold to */
    TALLY_RESULT,  /* a result that is not what all values fold to */
    TALLY_DIGEST,  /* a digest that is not that of the result */
    TALLY_COUNT,   /* the result says that it was made of [first] leaves */
    TALLY_TWO      /* two different results */
};

struct tally_problem {
    enum tally_fault fault;
    uint64_t first, end; /* leaves of one stage, in the row of all, where there are any */
};

/* An old copy of the job that the node sets aside (core/node/stale.h): it is what is tallied, or
 * there is a new one beside it, which is. */
enum tally_aside { TALLY_NOT_ASIDE, TALLY_ASIDE, TALLY_ASIDE_TOO };

struct tally {
    const struct alloc *alloc;
    struct job_id job;
    tally_merge *merge;
    void *merge_ctx;
    bool known; /* the specification is there */
    bool open;  /* its author appended stages: what is said of others than are known is left out */
    uint32_t closed; /* he has said that there will be so many; 0: nothing yet */
    bool gone;       /* it ended and was forgotten */
    enum tally_aside aside;
    struct tally_stages stages;
    uint64_t leaves; /* that the result is made of: of a search that found something, up to there */
    struct spans named;
    struct spans hollow; /* runs that came without a value: a result may vouch for them later, or
                            values of all that read the stage, because its own are dropped then */
    bool joined; /* in place of runs the journal has counts per node: which leaves is not known */
    uint64_t joined_leaves, joined_unnamed; /* counted so; of these, no node is named for */
    uint32_t joined_nodes;
    uint8_t state; /* the greatest outcome; TALLY_OPEN: none */
    struct digest digest;
    uint8_t result[FOLD_VALUE_MAX];
    uint32_t result_len;
    uint64_t leaves_counted; /* what the outcome says */
    struct tally_problem problems[TALLY_PROBLEMS_MAX];
    uint64_t problems_count; /* of all, also beyond the list's end */
    int error;               /* ERR_NO_MEMORY */
};

/* The tally stays where it is until it is cleared. */
void tally_init(struct tally *t, const struct alloc *a, struct job_id job, tally_merge *merge,
                void *merge_ctx);
void tally_clear(struct tally *t);
/* One record of the journal, in order. 0, ERR_VERSION for a type or kind that is not known,
 * ERR_NO_MEMORY. */
int tally_record(struct tally *t, uint16_t type, struct bytes payload);
/* After the last record: what must hold of the whole. */
int tally_end(struct tally *t);
/* How many values were made from their parts again, and were equal. */
uint64_t tally_refolded(const struct tally *t);
/* Turns a leaf's number in the row into that within its stage. Gives the stage. */
uint32_t tally_stage_of(const struct tally *t, uint64_t *leaf);
/* Whether each leaf is counted in this journal, by a named run or by a value. */
bool tally_is_whole(const struct tally *t);
/* The first leaf at or after `at` that this journal does not count, and where that hole ends. Where
 * runs were joined and do not add up to all leaves, those without a value are holes. */
bool tally_hole(const struct tally *t, uint64_t at, uint64_t *first, uint64_t *end);
/* How many leaves this journal counts, and how many of these no node is named for. */
uint64_t tally_leaves(const struct tally *t, uint64_t *unnamed);
/* The order of outcomes, as DESIGN section 7 has it: divergent > result > unknown > failed >
 * timed-out > cancelled; 0 for a state that is none. */
int tally_rank(uint8_t state);
/* What may be read after "leaves 3 to 7". Never NULL. */
const char *tally_fault_sentence(enum tally_fault fault);
/* Whether the fault is about leaves [first, end). */
bool tally_fault_has_leaves(enum tally_fault fault);

/* The job a record brings facts about, or its end, for looking up a prefix. False: none. */
bool tally_record_job(uint16_t type, struct bytes payload, struct job_id *job);

#endif
