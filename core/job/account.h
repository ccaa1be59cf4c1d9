/* Who counted which leaves of a job: disjoint runs, each with the node that reported it. A leaf is
 * named once, by the first report that covered it; whoever computes it again is not named. It is
 * what receipts and `velum verify` read, and says nothing about what is granted or folded.
 *
 * Owned by the ledger. Bounded by count_max: beyond that, neighbours become one run of several
 * authors, which the zero id stands for, as it does for leaves whose report is lost; where that
 * makes no room, leaves get no name.
 *
 * The account of a job that has ended may be joined: what is left is how many leaves each node
 * counted. It names no leaf any more and takes no name. A node does so with its oldest ones when
 * all accounts together are more than it has room for. */
#ifndef VELUM_JOB_ACCOUNT_H
#define VELUM_JOB_ACCOUNT_H

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/job/fact.h"
#include "core/job/runset.h"

#define ACCOUNT_RUNS_MAX 65536
#define ACCOUNT_RUNS_LEAST 64 /* account_tighten leaves room for these */

struct account_run {
    struct run run;
    struct node_id author; /* zero: several, or nobody knows */
};

struct account {
    const struct alloc *alloc;
    struct account_run *runs; /* ascending; neighbours of one author are one run */
    uint32_t count, cap;
    uint32_t count_max; /* ACCOUNT_RUNS_MAX, or less once it was tightened */
    bool joined;
    struct leaf_count *counts; /* of a joined one, ascending by author; exactly counts_count */
    uint16_t counts_count;
};

void account_init(struct account *a, const struct alloc *alloc);
void account_clear(struct account *a);
/* The first part of [at, end) that no run names. False when all of it is named, or when the account
 * is joined. */
bool account_gap(const struct account *a, uint64_t at, uint64_t end, struct run *gap);
/* Makes room for one run more. 0, ERR_FULL, or ERR_NO_MEMORY. */
int account_reserve(struct account *a);
/* Names the leaves of a gap. 0, ERR_FULL or ERR_NO_MEMORY, and then nothing has changed. */
int account_add(struct account *a, struct node_id author, struct run gap);
/* Forgets who counted leaves from `end` on. Of a joined one nothing changes. */
void account_cut(struct account *a, uint64_t end);
/* How many leaves of [first, end) are named. */
uint64_t account_overlap(const struct account *a, uint64_t first, uint64_t end);
/* How many leaves are named or counted. */
uint64_t account_leaves(const struct account *a);
/* The memory it has. */
size_t account_bytes(const struct account *a);
/* From now on it has half the runs at most, though ACCOUNT_RUNS_LEAST at least, as far as its runs
 * touch; gives back what it does not need. */
void account_tighten(struct account *a);
/* What joining it would leave, or has left: to[FACT_COUNTS_MAX], ascending by author. Gives how
 * many. */
uint16_t account_counts(const struct account *a, struct leaf_count *to);
/* Joins it; `nameless` leaves are counted too, of which nobody knows who reported them. Of more
 * than FACT_COUNTS_MAX nodes the last ones in the order of leaves are counted as one. One that
 * would not become smaller stays as it is, unless there are nameless leaves. 0 or ERR_NO_MEMORY,
 * and then nothing has changed. */
int account_join(struct account *a, uint64_t nameless);
/* What another holder has joined: taken in place of the runs, or of counts, when it says more. 1:
 * it was; 0; ERR_NO_MEMORY. */
int account_take(struct account *a, const struct counts *c);

#endif
