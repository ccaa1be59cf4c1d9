/* Interval counting: which leaves were named, by whom. Owned by a tally. */
#ifndef VELUM_VERIFY_SPAN_H
#define VELUM_VERIFY_SPAN_H

#include "core/base/alloc.h"
#include "core/base/id.h"

struct span {
    uint64_t first, end;
    struct node_id author;
};

/* Ascending and disjoint; neighbours of one author are one. */
struct spans {
    const struct alloc *alloc;
    struct span *list;
    size_t count, cap;
};

void spans_init(struct spans *s, const struct alloc *a);
void spans_clear(struct spans *s);
/* Adds what of [first, end) is not there yet. `twice` hears of every part that is. 0 or
 * ERR_NO_MEMORY. */
int spans_add(struct spans *s, struct span what,
              void (*twice)(void *ctx, uint64_t first, uint64_t end), void *ctx);
/* Forgets what lies at `end` and behind it. */
void spans_cut(struct spans *s, uint64_t end);
/* The first leaf at or after `at` that is not there, and where that hole ends (`limit` at most).
 * False when there is none before `limit`. */
bool spans_hole(const struct spans *s, uint64_t at, uint64_t limit, uint64_t *first, uint64_t *end);

#endif
