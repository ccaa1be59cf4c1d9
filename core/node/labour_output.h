/* What leaves of a collect yield beyond a few bytes: taken from the worker and made an object of
 * this node. Then the worker goes on, up to LABOUR_OUTPUTS_AHEAD of them before those that are
 * written down and copied; what it tells of the leaves waits for that (labour_report.h). Private to
 * core/node. */
#ifndef VELUM_NODE_LABOUR_OUTPUT_H
#define VELUM_NODE_LABOUR_OUTPUT_H

#include "core/node/state.h"
#include "core/wire/output.h"

#define LABOUR_OUTPUTS_AHEAD 15u
#define LABOUR_OUTPUT_LIMIT_US (120 * S_US)

/* OUTPUT and OUTPUT_END. ERR_FORMAT: the worker broke its protocol, as one without a chunk does. */
int labour_output_part(struct node *n, struct worker *w, struct bytes payload);
int labour_output_end(struct node *n, struct worker *w, struct bytes payload);
/* Ends the worker, whose output the disk does not take: that is no fault of its. It is so, too, of
 * one that has waited for LABOUR_OUTPUT_LIMIT_US until it might go on. */
void labour_output_not_written(struct node *n, struct worker *w);
/* All of the chunk is computed, and its outputs have their names. They are put in place at once, or
 * together with those of the next chunk of the stage, which may come in a moment. */
void labour_output_chunk_ended(struct job *j, const struct labour_chunk *c);
/* It has come. */
void labour_output_chunk_came(struct job *j, uint32_t stage);
struct instant labour_output_due(const struct job *j);
void labour_output_look(struct job *j);
/* The worker has no chunk any more: what it began is dropped. */
void labour_output_drop(struct node *n, struct worker *w);
/* What it names is whole here. */
bool labour_output_is_here(const struct node *n, struct bytes value);
/* Of what a worker of the job tells: 0; ERR_NOT_FOUND: it was made here, and has been lost since;
 * ERR_FORMAT: it is no output, or the worker made it up. */
int labour_output_check(const struct job *j, struct bytes value);
/* Ends the worker, which tells of an output that was lost. Its leaves are computed again, and that
 * is no fault of its. */
void labour_output_lost(struct node *n, struct worker *w);

#endif
