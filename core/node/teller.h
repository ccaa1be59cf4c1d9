/* Who told this node to keep objects that have not come yet, and how many of each: a node that
 * makes them up takes a part of the room for statements (keeping.h) and not all of it. A statement
 * counts until its object is whole here, or it is not kept any more, or forgotten; those of the
 * journal are nobody's. Whoever has told too many is not believed more of them, and says it again
 * later; what he says of objects that are here, or are known, does not count. Private to
 * core/node. */
#ifndef VELUM_NODE_TELLER_H
#define VELUM_NODE_TELLER_H

#include "core/node/keeping.h"

#define TELLER_MAX (KEEPING_MAX / 10)

void tellers_free(struct node *n);
/* Whether that node may tell of one more; the first time that it may not that is logged. */
bool teller_may(struct node *n, struct node_id from);
/* It told this. */
void teller_add(struct node *n, struct keeping *k, struct node_id from);
/* It does not count any more; nothing where it did not. */
void teller_remove(struct node *n, struct keeping *k);

#endif
