/* An operation that moves an object: put from memory or a file, or got into one. Called by velum.c
 * and handle.c. */
#ifndef VELUM_API_HAUL_H
#define VELUM_API_HAUL_H

#include "core/api/handle.h"

/* Each starts a new operation, or gives a code. data is borrowed until it ends; fd < 0: memory. */
int haul_put(struct velum *v, const void *data, size_t size, int fd);
int haul_get(struct velum *v, const char *ref, int fd);
/* Asks once more: a put from its first byte, a get for what is missing. */
void haul_resume(struct velum *v, struct op *op);
/* Takes an answer to the open request. */
void haul_answer(struct velum *v, struct op *op, const struct frame *frame);

/* The reference, or NULL. */
const char *haul_text(const struct op *op);
/* What was got into memory. */
struct bytes haul_bytes(const struct op *op);
void haul_look(const struct op *op, struct velum_state *out);
void haul_free(struct op *op);

#endif
