/* Whether each output of a job that collects has a copy on a live node: asked by its coordinator
 * before it writes the result, unless no node has come or gone since the first of them was made. Of
 * several stages it is about the last: what others yielded is not read any more.
 * Every output was copied before its leaf counted, so only then there may be one without. Two
 * copies are waited for where there are two nodes, for PROVING_LOST_US; then one is enough.
 *
 * What is lost is computed again: the leaf is given out once more, and its value must be the one
 * that it had. Who only happens to have an output, or has it for somebody else, is told to keep it
 * for this job.
 *
 * Bounded by the outputs of the job: 80 bytes each while they are asked about, and a copy of the
 * cover (its values) while leaves are computed again. Private to core/node. */
#ifndef VELUM_NODE_PROVING_H
#define VELUM_NODE_PROVING_H

#include "core/node/object_peer.h"
#include "core/node/state.h"

#define PROVING_LOST_US                                                                            \
    (10 * S_US) /* nobody who is there says that he has it, or
                                          * only one */

enum proved { PROVED_NOT_YET, PROVED_ALL, PROVED_LOST };

/* All leaves of the job are covered. Goes on asking; called again and again. After PROVED_LOST the
 * leaves whose outputs are lost are free in the pool again, and it begins anew when they are
 * covered. */
enum proved proving_look(struct job *j);
/* The leaves that count: those of the cover, without those that are computed again. */
struct cover *proving_cover(const struct job *j);
/* A leaf's value has come: 0 or an error of cover_insert. */
int proving_value(struct job *j, const struct value *v);
/* HAVE of another node. */
void proving_heard(struct node *n, struct node_id from, const struct object_have *m);
void proving_drop(struct job *j);

#endif
