/* The cover of a job's stages: which tree nodes have values. An antichain sorted by first leaf: no
 * value lies below another. Inserting a value drops every value below it. Every tree node goes by
 * its canonical name in the row of all stages (job/shape.h). The bound is one on values that are to
 * be folded: those of whole stages do not count, nor do those of leaves that stay apart.
 *
 * Of a stage that is spent (job/spent.h) the values are dropped: one of the whole stage stands for
 * them, whose data is NULL, and it is covered.
 *
 * The cover of a search (wire/found.h) folds by itself, and knows nothing of the leaves behind the
 * lowest match: what it had there is dropped, what comes is a duplicate. A match goes by the
 * highest node that its leaf's node begins, because whatever lies to its right there does not
 * count. So what a search's cover holds depends on the values that came, not on their order. */
#ifndef VELUM_JOB_COVER_H
#define VELUM_JOB_COVER_H

#include "core/base/alloc.h"
#include "core/base/id.h"
#include "core/job/shape.h"
#include "core/wire/tree.h"
#include "core/wire/value.h"

#define COVER_VALUES_MAX 16384
#define COVER_BYTES_MAX ((size_t)64 << 20)

struct cover;

/* The shape is borrowed, and may get more stages. 0 or ERR_NO_MEMORY. */
int cover_new(struct cover **out, const struct alloc *a, const struct shape *shape);
/* Before the first value: it is that of a search, which has one stage, with leaves of so many
 * units. */
void cover_search(struct cover *c, uint64_t leaf_units);
void cover_free(struct cover *c);
const struct shape *cover_shape(const struct cover *c);

enum cover_result { COVER_ADDED = 1, COVER_DUPLICATE = 0 };
/* COVER_ADDED; COVER_DUPLICATE (the same value, or it lies below one that is there); ERR_DAMAGED
 * when the same tree node has an unequal value, or one of two says that nothing matches where the
 * other has its match: divergent; ERR_FORMAT when the node is not of this
 * tree; ERR_FULL; ERR_NO_MEMORY. The data is copied. */
int cover_insert(struct cover *c, const struct value *v);
/* The stage's values, whether they are here or not, are read by nobody any more: it is covered, and
 * what comes for it is a duplicate. Not of a search. 0 or ERR_NO_MEMORY. */
int cover_spend(struct cover *c, uint32_t stage);
bool cover_is_spent(const struct cover *c, uint32_t stage);
/* A pair of siblings that both have values, the lowest first, at or after *from_leaf (start with 0;
 * moved on by the call so that pairs out for merging can be stepped over). Borrowed. */
bool cover_pair(const struct cover *c, uint64_t *from_leaf, struct value *left,
                struct value *right);
/* What ERR_DAMAGED is about: the last value in, or above, this tree node. Borrowed. */
bool cover_meets(const struct cover *c, struct tree_node at, struct value *v);
/* Whether it is that of a search. */
bool cover_is_search(const struct cover *c);
/* Leaves from here on are not asked for, and no gap: the end of all stages; of a search that has a
 * match, the leaf behind the lowest. */
uint64_t cover_end(const struct cover *c);
/* Before it leaves are judged that keep dying: all; in a search the first one that is not covered
 * is the last, because others may never have to be computed. */
uint64_t cover_judged(const struct cover *c);
/* The value of a whole stage; borrowed. Without data where it is spent. */
bool cover_root(const struct cover *c, uint32_t stage, struct value *root);
/* The value of exactly this tree node, if it is in the cover. Borrowed. */
bool cover_get(const struct cover *c, struct tree_node at, struct value *v);
uint32_t cover_count(const struct cover *c);
const struct value *cover_at(const struct cover *c, uint32_t i); /* sorted by first leaf */
/* Which of them is the first that ends after this leaf, or the count. */
uint32_t cover_index(const struct cover *c, uint64_t leaf);
uint64_t cover_leaves(const struct cover *c); /* how many leaves are covered */
/* Grows whenever other leaves are covered, or asked for, than before. */
uint64_t cover_changes(const struct cover *c);
/* How many leaves of [from, end) are covered already. */
uint64_t cover_overlap(const struct cover *c, uint64_t from, uint64_t end);
/* How many leaves of [from, end), of one stage, are asked for and not covered. */
uint64_t cover_wanted(const struct cover *c, uint64_t from, uint64_t end);
/* The first uncovered run of leaves of one stage at or after `at`: false when there is none. */
bool cover_gap(const struct cover *c, uint64_t at, uint64_t *first, uint64_t *end);
/* Up to where the numbers of [at, end) are covered without a gap: at, if that one is not. */
uint64_t cover_covered_to(const struct cover *c, uint64_t at, uint64_t end);
/* Where new ground begins that there is no room for: values of leaves before it fill a hole or lie
 * below what is there. The end of all stages while the cover is not at its bound. */
uint64_t cover_frontier(const struct cover *c);
/* Over (canonical node, value) in order. */
struct digest cover_digest(const struct cover *c);

#endif
