/* Which other nodes have said that they have an object and keep it for an owner. It counts for the
 * process that said so: another may have another disk. Private to core/node. */
#ifndef VELUM_NODE_HAVING_H
#define VELUM_NODE_HAVING_H

#include "core/node/keeping.h"
#include "core/object/shelf.h"

/* This node has said that it keeps no objects. */
bool having_never(const struct node *n, struct node_id id);
/* It has said so, this process of it or another. */
bool having_had(const struct keeping *k, struct node_id id);
/* It has said so since it started. */
bool having_has(const struct node *n, const struct keeping *k, struct node_id id);
/* `loose`: it may let go of it any time, and is no copy to count on. */
void having_add(const struct node *n, struct keeping *k, struct node_id id, bool loose);
/* It says that this is to be kept. So it has it; but where it is `here` already it may not, and is
 * no copy to count on before it has said more. */
void having_told(const struct node *n, struct keeping *k, struct node_id id, bool here);
void having_remove(struct keeping *k, struct node_id id);
/* It has said of any owner's that it has it, to keep or not; or this node has it. */
bool having_whole(const struct node *n, struct digest name, struct node_id id);
/* Of what was removed: who knows it. Where there is no room for one more it is told again, and says
 * so again. */
bool having_heard(const struct keeping *k, struct node_id id);
void having_note_heard(struct keeping *k, struct node_id id);
/* Nobody else counts any more. */
void having_heard_only(struct keeping *k, const struct holders *wanted);
void having_forget_gone(const struct node *n, struct keeping *k);
/* Of an object that is lost: "; node NAME had it last" where that is known here, for any owner; a
 * sentence goes before it. */
void having_say_last(const struct node *n, struct digest name, char *to, size_t cap);
/* How many nodes have it whole and keep it for this owner, as far as is known here, and on how many
 * machines. `k` may be NULL. */
uint32_t having_count(const struct node *n, const struct shelf_object *o, const struct keeping *k,
                      uint32_t *machines);

#endif
