/* The inside of a ledger, shared by its own files only: ledger.c (taking facts in), ledger_view.c
 * (what they come to), ledger_terms.c (who was ever named as a holder), ledger_count.c (who counted
 * what), ledger_stages.c (what the author of an open job appends), ledger_cancels.c (stages that
 * were cancelled), ledger_unlike.c (compilers that differ), ledger_chain.c (lists of holders that
 * were replaced) and ledger_seal.c (signing late). Nobody else includes this. */
#ifndef VELUM_JOB_LEDGER_INSIDE_H
#define VELUM_JOB_LEDGER_INSIDE_H

#include "core/base/sha256.h"
#include "core/job/account.h"
#include "core/job/graph.h"
#include "core/job/ledger.h"
#include "core/job/spent.h"

#define ATTEMPTS_A_LEAF 3
#define ATTEMPTS_MAX 64
/* Holders facts of one generation whose bytes are kept, so that a snapshot brings others to the
 * same union: one for each of its ids is enough, and one place more to choose from. */
#define HOLDERS_VARIANTS_MAX (FACT_HOLDERS_MAX + 1)

struct holders_variant {
    struct buf fact;
    struct holders holders;
    struct node_id by; /* its signer; zero: nobody has looked */
};

struct chain {
    struct holders_variant *lists; /* by generation, ascending */
    uint32_t count, cap;
};

/* Facts that are kept of stages that were cancelled: 31 spans have some joined ones, and a few each
 * that are not yet. */
#define STAGE_CANCELS_MAX 1024u

struct cancel_kept {
    struct buf fact;
    struct stage_cancel said; /* borrows from it */
};

struct cancels {
    struct cancel_kept *list;
    uint32_t count, cap;
    uint8_t *set; /* all that they say, a bit a stage */
    size_t size;
    uint32_t stages; /* how many that are */
};

struct ledger {
    const struct alloc *alloc;
    struct job_id job;
    struct buf spec_fact;
    struct job_spec spec; /* borrows from spec_fact */
    struct graph graph;

    struct holders_variant *variants; /* of the greatest generation: one, but for a partition */
    uint32_t variants_count, variants_cap; /* count 0: no holders yet */
    struct holders holders;                /* their union */
    struct chain chain;                    /* lists before it, as far as they are needed */
    struct term *terms;                    /* of all that were ever named, by id */
    uint32_t terms_count, terms_cap;
    bool terms_lost; /* more were named than are remembered */
    uint32_t closed; /* with so many stages; 0: it is not, or never was open */

    struct buf claim_fact, cancel_fact, close_fact; /* empty: there is none */
    struct digest stages_digest;                    /* over the lists in their order */
    struct claim claim;
    struct cancel cancel;
    struct cancels *cancels; /* NULL: no stage is */
    struct unlike *unlike;   /* the least; NULL: nobody has found any */

    struct buf outcome_fact; /* the greatest signed one; empty: none */
    struct bytes outcome_body;
    uint8_t outcome_state;
    struct digest outcome_digest;
    bool divergent; /* by evidence, by two results, or by a signed outcome */
    bool evidence_kept;
    struct divergence evidence; /* the first that was seen */
    struct outcome shown;       /* what ledger_outcome gives; state 0: none yet */
    struct digest digest;       /* what ledger_digest gave last */
    uint64_t former_mark;       /* the same of ledger_former_mark */
    bool digested;              /* and would give again: an ended job is compared many times */
    bool marked;                /* the same */

    struct cover *cover;      /* NULL once shrunk */
    struct spent spent;       /* of its stages */
    struct attempt *attempts; /* ascending */
    uint32_t attempts_count, attempts_cap;
    uint64_t compute_us;
    struct account account;
    bool own; /* what is applied now is of the own journal */
};

/* Remembers who is named. LEDGER_NEW when somebody was not by this generation yet, LEDGER_KNOWN, or
 * ERR_NO_MEMORY. */
int terms_named(struct ledger *l, const struct holders *h);
/* enum ledger_result, or ERR_NO_MEMORY. */
int terms_apply(struct ledger *l, const struct terms *t);
/* What the holders facts that are kept do not say: at most FACT_TERMS_MAX. */
uint8_t terms_to_tell(const struct ledger *l, struct term to[FACT_TERMS_MAX]);
/* Room for so many more: ERR_NO_MEMORY, or 0. */
int chain_room(struct ledger *l, uint32_t more);
/* One that is replaced now, if it may be needed; takes its bytes. There is room. */
void chain_take(struct ledger *l, struct holders_variant *v);
/* The same of one that is told late. 0, or ERR_NO_MEMORY. */
int chain_learn(struct ledger *l, const struct holders *h, struct bytes fact, struct node_id by);
/* Drops what those who wrote the present lists need no more. */
void chain_prune(struct ledger *l);
bool chain_keeps(const struct ledger *l, struct bytes fact);
size_t chain_bytes(const struct ledger *l);
void chain_clear(struct ledger *l);
/* Both are signed with one certificate. */
bool list_is_of(const struct holders_variant *v, const struct fact *f);
/* Keeps a copy in *to; the old one survives a failure. */
int ledger_keep(struct ledger *l, struct buf *to, struct bytes fact);
/* enum ledger_result, or an error of ledger_apply. */
int stages_apply(struct ledger *l, const struct stages_fact *s, struct bytes fact);
bool stages_keeps(const struct ledger *l, struct bytes fact);
int close_apply(struct ledger *l, const struct close_fact *c, struct bytes fact);
/* The same, and whatever else there is to do with stages that were cancelled. */
int cancels_apply(struct ledger *l, const struct stage_cancel *said, struct bytes fact);
bool cancels_keep(const struct ledger *l, struct bytes fact);
uint32_t cancels_count(const struct ledger *l); /* facts that are kept */
struct bytes cancels_fact(const struct ledger *l, uint32_t i);
size_t cancels_bytes(const struct ledger *l);
void cancels_digest(const struct ledger *l, struct sha256 *s);
void cancels_clear(struct ledger *l);
/* enum ledger_result, or an error of ledger_apply. */
int unlike_apply(struct ledger *l, const struct unlike *u);
/* It as a fact. */
void unlike_put(const struct ledger *l, struct buf *to);
void unlike_digest(const struct ledger *l, struct sha256 *s);
size_t unlike_bytes(const struct ledger *l);
void unlike_clear(struct ledger *l);
/* What is said of leaves that are none: ERR_FORMAT, or ERR_FULL where they may be those of a stage
 * that did not come here yet. */
int ledger_missing(const struct ledger *l);
/* The author contradicts himself: these two bodies say so. LEDGER_DIVERGED, or LEDGER_KNOWN. */
int ledger_contradicted(struct ledger *l, struct bytes a, struct bytes b);
/* The first leaves at or after `at` that are covered and that nobody is named for. False: none. */
bool ledger_nameless(const struct ledger *l, uint64_t at, struct run *part);
/* Which leaves of a run get a name. */
enum naming {
    NAMING_COVERED, /* those that have a value here */
    NAMING_TOLD,    /* all that the result was made of: it has ended */
    NAMING_OWN      /* all: the own journal says so */
};
/* Names the leaves of a run that may be and are not named yet: LEDGER_NEW when there were any,
 * LEDGER_KNOWN, ERR_NO_MEMORY. `gained` learns them; it may be NULL. */
int ledger_name_leaves(struct ledger *l, struct node_id author, struct run of, enum naming naming,
                       struct runset *gained);
/* Before the cover goes. */
void ledger_name_rest(struct ledger *l);

#endif
