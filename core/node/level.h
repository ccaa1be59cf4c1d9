/* Who can read what a job has (core/wire/feature.h). What the author of an open job appends, or the
 * kill of one of its stages, may need a greater feature level than some node near has: that is
 * refused in words, and where such a node comes later it gets no part in the job. Private to
 * core/node. */
#ifndef VELUM_NODE_LEVEL_H
#define VELUM_NODE_LEVEL_H

#include "core/node/state.h"

/* By the HELLO of a node whose link is up; of others nothing is known. */
bool level_is_below(const struct node *n, struct node_id id, uint64_t level);
/* The same of what the job has, or it has said itself that it cannot read that. */
bool level_lacks(const struct job *j, struct node_id id);
/* Whether every node that lives has this level, as far as is known. If not, the sentence begins
 * with `what`, which "need" follows, and names one that has not. */
bool level_all_have(const struct node *n, uint32_t needs, const char *what, char *why, size_t cap);
/* Whether every node that lives, as far as is known, can read this list. If not, the sentence names
 * one that cannot. */
bool level_can_append(const struct job *j, const struct append *list, char *why, size_t cap);
/* Appends which holder cannot read what the job has, if one cannot. */
void level_say_lacking(const struct job *j, char *text, size_t cap);

#endif
