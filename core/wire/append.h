/* Stages that the author of an open job (spec.h) adds while it runs, many at a time. The drawing,
 * the part of a STAGES fact (core/job/fact.h) behind its author:
 *
 *   u32 first              the number of the first of them: as many stages as there are before it
 *   u16 count              1..APPEND_STAGES_MAX
 *   count x entry
 *     u32 like             its own number: a stage follows as spec.h draws it
 *                          a lower one, of a stage that was written out so, in the spec or in a
 *                          list: all is as there but its objects, of which it has none but the
 *                          source of a snippet, its name, and what follows
 *                          with APPEND_SIZED: so are its units
 *                          with APPEND_NAMED: it has a name and arguments (for people) of its own
 *                          with APPEND_ROLLED, which comes with APPEND_SIZED: it is rolled
 *       text name, text args         only of one with APPEND_NAMED, one of them not empty
 *       u64 units, u64 leaf_units    only of one with APPEND_SIZED, each 1 or more
 *       u16 length, params
 *       u16 need count     and so many needs as spec.h draws them
 *
 * A stage that is rolled folds, has APPEND_ROLLED_MAX leaves at most, and reads nothing. Whoever
 * computes it computes all of them and folds them by their own tree (tree.h), and what comes of
 * that is its one leaf in the row of the job: the same bits, and as short to say as a task of one
 * leaf.
 *
 * Such stages fold or collect. The author numbers them, and the same stages are always in the same
 * list: one that is sent again is the same bytes. A later generation may set other ones of the bits
 * APPEND_LATER; whoever does not know them refuses the list as of another version. */
#ifndef VELUM_WIRE_APPEND_H
#define VELUM_WIRE_APPEND_H

#include "core/wire/spec.h"

#define APPEND_STAGES_MAX 2048u
#define APPEND_BYTES_MAX 32768u /* of a list */
#define APPEND_SIZED ((uint32_t)1 << 31)
#define APPEND_NAMED ((uint32_t)1 << 30)
#define APPEND_LATER ((uint32_t)31 << 24)
#define APPEND_ROLLED ((uint32_t)1 << 29)
#define APPEND_ROLLED_MAX 4096u /* nobody looks at the world between two of them */
#define JOB_STAGES_MAX 1000000u

struct append {
    uint32_t first;
    uint16_t count;
    struct reader entries; /* take `count` with read_append_entry; borrowed */
};

/* Then the entries. */
void put_append_begin(struct buf *b, uint32_t first, uint16_t count);
void put_append_like(struct buf *b, uint32_t like, struct bytes params, uint16_t needs_count,
                     struct bytes needs);
/* The same of other units. */
void put_append_sized(struct buf *b, uint32_t like, uint64_t units, uint64_t leaf_units,
                      struct bytes params, uint16_t needs_count, struct bytes needs);
/* The same of other units, rolled: *s but for its name and arguments. */
void put_append_rolled(struct buf *b, uint32_t like, const struct stage_spec *s);
/* The same with the name and the arguments of *s, one of which is not empty; its units where
 * `sized`. */
void put_append_named(struct buf *b, uint32_t like, bool sized, const struct stage_spec *s);
void put_append_whole(struct buf *b, uint32_t number, const struct stage_spec *s);
/* The next entry, of the stage of this number. Of one that is written out all of *s; of another
 * params, needs and whether it is rolled, and units (else 0), name and args (else both empty) where
 * it has its own, and *like is whose the rest is. 0, or an error of read_stage. */
int read_append_entry(struct reader *r, uint32_t number, uint32_t *like, struct stage_spec *s);
/* What the entry says over what the other stage is. */
void append_take_after(struct stage_spec *s, const struct stage_spec *entry);
/* Reads to the end of `r`, which must be that of the list, and steps through all entries. 0,
 * ERR_FORMAT, or ERR_VERSION as of read_spec. */
int read_append(struct reader *r, struct append *a);

#endif
