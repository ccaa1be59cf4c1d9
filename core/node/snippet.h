/* What a command asks of this node about a snippet (core/wire/snippet.h): an aside whose source is
 * an object, which is got here first and pinned until the aside ends. Private to core/node. */
#ifndef VELUM_NODE_SNIPPET_H
#define VELUM_NODE_SNIPPET_H

#include "core/node/state.h"

/* It runs snippets: it has a compiler, a cage that is good enough, and objects. */
bool snippet_is_taken(const struct node *n);
void snippet_request(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
/* Whether the source of the aside is here; it is sought if not, and pinned if so. */
bool snippet_is_here(struct node *n, struct aside *a);
/* So long the aside may wait for it and for a worker. */
int64_t snippet_patience_us(const struct node *n, const struct aside *a);
/* Lets go of it. */
void snippet_end(struct node *n, const struct aside *a);
/* Some aside waits for this object. */
bool snippet_wants(const struct node *n, struct digest name);
/* The aside has waited for too long: what for. */
void snippet_say_missing(const struct node *n, const struct aside *a, char *text, size_t cap);

#endif
