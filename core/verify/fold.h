/* The values of one job's fold tree, as a journal brings them: which leaves each stands for, and
 * whether it is what the values below it fold to. By the words of DESIGN section 4, not by the code
 * of core/wire and core/job. Owned by a tally. */
#ifndef VELUM_VERIFY_FOLD_H
#define VELUM_VERIFY_FOLD_H

#include "core/base/alloc.h"
#include "core/base/bytes.h"

#define FOLD_VALUE_MAX 4096

/* Folds two values of the job's kernel into out. < 0: this executable cannot. */
typedef int fold_merge(void *ctx, struct bytes left, struct bytes right, uint8_t *out);

struct fold_value {
    uint64_t first, end; /* the leaves it stands for */
    uint32_t len;
    uint8_t *data;
};

struct fold {
    const struct alloc *alloc;
    uint64_t leaves;
    fold_merge *merge;
    void *merge_ctx;
    uint64_t leaf_units;     /* of a search, whose values begin with the unit that matches; or 0 */
    struct fold_value *list; /* ascending and disjoint: what nothing higher stands for */
    size_t count, cap;
    uint64_t refolded; /* values that were made from their parts again, and were equal */
};

enum fold_result { FOLD_TAKEN, FOLD_KNOWN, FOLD_UNEQUAL, FOLD_WRONG };

void fold_init(struct fold *f, const struct alloc *a, uint64_t leaves);
void fold_clear(struct fold *f);
/* The leaves of tree node (level, index). False when there is no such node. */
bool fold_range(const struct fold *f, uint8_t level, uint64_t index, uint64_t *first,
                uint64_t *end);
/* Takes a value. FOLD_KNOWN: it, or a value above it, is there. FOLD_UNEQUAL: the same leaves have
 * another value. FOLD_WRONG: the values below it fold to something else. Or ERR_NO_MEMORY. */
int fold_take(struct fold *f, uint64_t first, uint64_t end, struct bytes data);
/* How many leaves, from the first one of all, this value speaks of that ends at `end`: of a search
 * that found something they end behind the match. */
uint64_t fold_told(const struct fold *f, struct bytes data, uint64_t end);
/* The first leaf at or after `at` without a value, and where that hole ends. False: none. */
bool fold_hole(const struct fold *f, uint64_t at, uint64_t *first, uint64_t *end);
/* The root's value, given or folded from what is there; to[FOLD_VALUE_MAX]. Its length, 0 when it
 * cannot be had. */
uint32_t fold_root(const struct fold *f, uint8_t *to);

#endif
