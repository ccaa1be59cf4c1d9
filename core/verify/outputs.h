/* What leaves of a job that collects yielded, and the list that is its result, by the drawing in
 * core/wire/output.h and the name in core/object/name.h, with no code of theirs. Called by a
 * tally. */
#ifndef VELUM_VERIFY_OUTPUTS_H
#define VELUM_VERIFY_OUTPUTS_H

#include "core/base/id.h"
#include "core/verify/fold.h"

/* Whether it can be the value of a leaf. */
bool outputs_value(struct bytes value);
/* The name that the list of all values has, and how many bytes they speak of. False while a leaf
 * has none. */
bool outputs_name(const struct fold *f, struct digest *name, uint64_t *size);
/* Whether the result names this list; and, where the list stands in it, whether that has the name.
 */
bool outputs_result(struct bytes result, uint64_t leaves, struct digest *name, uint64_t *size);

#endif
