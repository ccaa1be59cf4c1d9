/* A job as it was fetched from a node, with everything its view borrows copied. Called by the
 * commands about jobs and by core/api. */
#ifndef VELUM_HOST_JOB_ENTRY_H
#define VELUM_HOST_JOB_ENTRY_H

#include "core/wire/request.h"

struct job_entry {
    struct job_view view; /* its bytes point into memory */
    uint8_t *memory;
    char *text; /* the result as text, NULL: none, or nobody could show it */
};

/* Decodes and copies one JOB answer: 0 or < 0. Release with job_entry_clear. */
int job_entry_take(struct job_entry *to, struct bytes payload);
void job_entry_clear(struct job_entry *e);

#endif
