/* Whether outputs of a job have a copy on a live node. The coordinator asks about those of the last
 * stage, where that collects, before it writes the result, unless no node has come or gone since
 * the first of them was made; and about those that another stage reads when one who computes that
 * stage cannot get its inputs. What nobody reads any more may be lost.
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

/* All leaves of the job are covered, and the last stage collects. Goes on asking; called again and
 * again. After PROVED_LOST the leaves whose outputs are lost are free in the pool again, and it
 * begins anew when they are covered. */
enum proved proving_look(struct job *j);
/* An input of the stage could not be got: what others yielded for it is asked about, unless
 * something is already. */
void proving_doubt(struct job *j, uint32_t stage);
/* Goes on with that. */
void proving_tend(struct job *j);
/* The leaves that count: those of the cover, without those that are computed again. */
struct cover *proving_cover(const struct job *j);
/* A value has come, and is in the ledger's cover as this one: 0 or an error of cover_insert. */
int proving_value(struct job *j, const struct value *v);
/* All values of a report have come: when none is missed any more, everything counts again. */
void proving_values_came(struct job *j);
/* HAVE of another node. */
void proving_heard(struct node *n, struct node_id from, const struct object_have *m);
void proving_drop(struct job *j);

#endif
