/* What a command asks of this node about a snippet (core/wire/snippet.h): an aside whose source is
 * an object, which is got here first and pinned until the aside ends. Private to core/node. */
#ifndef VELUM_NODE_SNIPPET_H
#define VELUM_NODE_SNIPPET_H

#include "core/node/state.h"

/* It runs snippets: it has a compiler, a cage that is good enough, and objects. */
bool snippet_is_taken(const struct node *n);
/* KERNEL_COMPILED or KERNEL_SHIPPED (stages.h) of a stage that is one and that this node runs; -1
 * of another. */
int snippet_kernel(const struct node *n, const struct stage_spec *s);
/* It loads some plugins that come with jobs, and not this one. */
bool snippet_lacks_leave(const struct node *n, const struct stage_spec *s);
void snippet_request(struct node *n, uint64_t link, uint32_t request, struct bytes payload);
/* Whether the source of the aside is here; it is sought if not, and pinned if so. */
bool snippet_is_here(struct node *n, struct aside *a);
/* Its plugin is here, and is none that this node may load. */
bool snippet_is_forbidden(const struct node *n, const struct aside *a);
/* So long the aside may wait for it and for a worker. */
int64_t snippet_patience_us(const struct node *n, const struct aside *a);
/* Lets go of it. */
void snippet_end(struct node *n, const struct aside *a);
/* Some aside waits for this object. */
bool snippet_wants(const struct node *n, struct digest name);
/* The aside is not to have a worker: what it has waited for, or what forbids it. */
void snippet_say_missing(const struct node *n, const struct aside *a, char *text, size_t cap);

#endif
