/* The inside of a ledger, shared by its own files only: ledger.c (taking facts in), ledger_view.c
 * (what they come to) and ledger_seal.c (signing late). Nobody else includes this. */
#ifndef VELUM_JOB_LEDGER_INSIDE_H
#define VELUM_JOB_LEDGER_INSIDE_H

#include "core/base/sha256.h"
#include "core/job/ledger.h"

#define EVER_HOLDERS_MAX 64
#define ATTEMPTS_A_LEAF 3
#define ATTEMPTS_MAX 64
/* Holders facts of one generation whose bytes are kept, so that a snapshot brings others to the
 * same union: one for each of its ids is enough, and one place more to choose from. */
#define HOLDERS_VARIANTS_MAX (FACT_HOLDERS_MAX + 1)

struct holders_variant {
    struct buf fact;
    struct holders holders;
};

struct ledger {
    const struct alloc *alloc;
    struct job_id job;
    struct buf spec_fact;
    struct job_spec spec; /* borrows from spec_fact */
    uint64_t leaves;

    struct holders_variant variants[HOLDERS_VARIANTS_MAX]; /* of the greatest generation */
    uint32_t variants_count;                               /* 0: no holders yet */
    struct holders holders;                                /* their union */
    struct node_id *ever;
    uint32_t ever_count, ever_cap;

    struct buf claim_fact, cancel_fact; /* empty: there is none */
    struct claim claim;
    struct cancel cancel;

    struct buf outcome_fact; /* the greatest signed one; empty: none */
    struct bytes outcome_body;
    uint8_t outcome_state;
    struct digest outcome_digest;
    bool divergent; /* by evidence, by two results, or by a signed outcome */
    bool evidence_kept;
    struct divergence evidence; /* the first that was seen */
    struct outcome shown;       /* what ledger_outcome gives; state 0: none yet */

    struct cover *cover;      /* NULL once shrunk */
    struct attempt *attempts; /* ascending */
    uint32_t attempts_count, attempts_cap;
    uint64_t compute_us;
};

#endif
