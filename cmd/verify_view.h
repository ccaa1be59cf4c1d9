/* What `velum verify` prints: one line for each journal, what is wrong in it, and the verdict; or
 * all of it as JSON. */
#ifndef VELUM_CMD_VERIFY_VIEW_H
#define VELUM_CMD_VERIFY_VIEW_H

#include "cmd/verify_look.h"

void verify_print(const struct looks *l, const struct verdict *v);
void verify_print_json(const struct looks *l, const struct verdict *v, struct job_id id);
/* "leaves 3 to 7", "leaf 3", and of which stage where the job has several. */
#define VERIFY_LEAVES_SIZE 96
const char *verify_leaves(const struct tally *t, uint64_t first, uint64_t end,
                          char to[VERIFY_LEAVES_SIZE]);

#endif
