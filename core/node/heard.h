/* The nodes that this one was only told of, each in the queue of whoever is to prove it. Owns these
 * queues; introduce.h says what becomes of them, and is the only caller. Private to core/node. */
#ifndef VELUM_NODE_HEARD_H
#define VELUM_NODE_HEARD_H

#include "core/node/introduce_state.h"

#define HEARD_MAX 4096u

/* NULL: it told of nobody who waits, and asked for nobody of late. */
struct teller *teller_find(const struct node *n, struct node_id id);
/* NULL: out of memory. */
struct teller *teller_of(struct node *n, struct node_id id);
/* Behind the others. */
void teller_goes_last(struct node *n, struct teller *t);
/* Its queue is empty. */
void teller_free(struct node *n, struct teller *t);
bool teller_is_linked(const struct node *n, struct node_id id);
/* How many it is to be asked for and was not. */
uint32_t teller_waiting(const struct teller *t);
/* A teller has said this of a node that is not gone. Beyond HEARD_MAX whoever has told of the most
 * gives way. */
void heard_hear(struct node *n, struct node_id teller, const struct hearsay *said);
/* It waits no longer. */
void heard_drop(struct node *n, struct heard *h);
/* And will be no member. */
void heard_forget(struct node *n, struct heard *h);
/* Another who told of it is to prove it; where there is none, it is forgotten. */
void heard_pass_on(struct node *n, struct heard *h);
/* Those that the teller was asked for, or all. */
void heard_pass_on_all(struct node *n, struct teller *t, bool all);

#endif
