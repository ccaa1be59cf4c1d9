/* An operation that is many plans, or many shows, of a kernel that the node has, asked in one
 * message (core/wire/asides.h). For the commands of this executable: what a program has of it is
 * velum_submit. Called by cmd/map_far.c, and by handle.c. */
#ifndef VELUM_API_FAR_H
#define VELUM_API_FAR_H

#include "core/api/handle.h"
#include "core/wire/asides.h"

struct far;

/* A new operation, or a code. The list, as ORDER_ASIDES has it, is copied; source: of the kernel,
 * zeroes for whichever the node has. */
int far_ask(struct velum *v, const char *kernel, struct digest source, struct bytes list);
/* What came of it when it is VELUM_DONE, borrowed until it is released: the answers are to what was
 * asked, and no more of them than that. NULL: it is none such. */
const struct reply_asides *far_told(const struct velum *v, int operation);

/* For handle.c: it is asked again, an answer came, it goes. */
void far_resume(struct velum *v, struct op *op);
void far_answer(struct velum *v, struct op *op, const struct frame *frame);
void far_free(struct op *op);

#endif
