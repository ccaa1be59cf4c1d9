/* Whose a job is, of which the specification is not here, for what cannot be undone: to take away
 * what it made. What the directory has of that is hearsay. So those who may have the job are asked
 * (WATCH), and its author is whom OWNERS_AGREE of them name, or one while everybody is there
 * (owners.h), and more of them than name another.
 *
 * Who asks waits for that: what he wanted to know it for comes again. What was said counts for
 * AUTHOR_KNOWN_US. At most AUTHOR_ASKS_MAX jobs at a time; one more takes the place of the one
 * that was asked about first. Private to core/node. */
#ifndef VELUM_NODE_AUTHOR_ASK_H
#define VELUM_NODE_AUTHOR_ASK_H

#include "core/node/state.h"

#define AUTHOR_WAIT_US (2 * S_US) /* for all answers */
#define AUTHOR_KNOWN_US (60 * S_US)

enum author_word { AUTHOR_UNKNOWN, AUTHOR_IS, AUTHOR_IS_NOT };

/* As far as is known. */
enum author_word author_word(const struct node *n, struct job_id job, struct node_id by);
/* Asks, where its specification is not here and where that was not done a moment ago. */
void author_ask(struct node *n, struct job_id job);
/* What was said too long ago goes. */
void author_asks_forget(struct node *n);
void author_asks_free(struct node *n);
/* STATE of another node. */
void author_told(struct node *n, struct node_id from, struct job_id job, struct node_id by);

#endif
