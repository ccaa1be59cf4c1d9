/* An operation that moves an object: put from memory or a file, or got into one. Called by velum.c
 * and handle.c. */
#ifndef VELUM_API_HAUL_H
#define VELUM_API_HAUL_H

#include "core/api/handle.h"
#include "core/wire/input.h"

/* Each starts a new operation, or gives a code. data is borrowed until it ends; fd < 0: memory. */
int haul_put(struct velum *v, const void *data, size_t size, int fd);
int haul_get(struct velum *v, const char *ref, int fd);
/* One object of which the whole name is known, at most that large, into memory or (fd >= 0) into a
 * file from `at` on. */
int haul_get_part(struct velum *v, struct digest name, uint64_t size_max, int fd, uint64_t at);
/* Only what it is called and how large it is; a node has it whole then, or soon. */
int haul_see(struct velum *v, const char *ref);
/* What was put, got or seen. */
struct stage_input haul_made(const struct op *op);
/* Asks once more: a put from its first byte, a get for what is missing. */
void haul_resume(struct velum *v, struct op *op);
/* It is not wanted any more: a put that is not whole yet is called off. */
void haul_stop(struct velum *v, struct op *op);
/* Takes an answer to the open request. */
void haul_answer(struct velum *v, struct op *op, const struct frame *frame);

/* What was asked for, in the words of whoever did; "" of a put. */
const char *haul_ref(const struct op *op);
/* The reference, or NULL. */
const char *haul_text(const struct op *op);
/* What was got into memory. */
struct bytes haul_bytes(const struct op *op);
void haul_look(const struct op *op, struct velum_state *out);
void haul_free(struct op *op);

#endif
