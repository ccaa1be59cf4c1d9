/* Who counted which leaves of a job: disjoint runs, each with the node that reported it. A leaf is
 * named once, by the first report that covered it; whoever computes it again is not named. It is
 * what receipts and `velum verify` read, and says nothing about what is granted or folded.
 *
 * Owned by the ledger. Bounded by ACCOUNT_RUNS_MAX: beyond that, neighbours become one run of
 * several authors, which the zero id stands for, as it does for leaves whose report is lost. */
#ifndef VELUM_JOB_ACCOUNT_H
#define VELUM_JOB_ACCOUNT_H

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/job/runset.h"

#define ACCOUNT_RUNS_MAX 65536

struct account_run {
    struct run run;
    struct node_id author; /* zero: several, or nobody knows */
};

struct account {
    const struct alloc *alloc;
    struct account_run *runs; /* ascending; neighbours of one author are one run */
    uint32_t count, cap;
    uint32_t count_max; /* ACCOUNT_RUNS_MAX; tests take less */
};

void account_init(struct account *a, const struct alloc *alloc);
void account_clear(struct account *a);
/* The first part of [at, end) that no run names. False when all of it is named. */
bool account_gap(const struct account *a, uint64_t at, uint64_t end, struct run *gap);
/* Names the leaves of a gap. 0 or ERR_NO_MEMORY, and then nothing has changed. */
int account_add(struct account *a, struct node_id author, struct run gap);

#endif
