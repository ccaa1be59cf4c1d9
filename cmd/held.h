/* What a node holds that may be lost with it. Called by leave.c and drain.c. */
#ifndef VELUM_CMD_HELD_H
#define VELUM_CMD_HELD_H

#include "cmd/line.h"

/* The view of the node that answers, which tells what it holds, and how many others could take it:
 * `others` may be NULL. 0 or < 0; ERR_VERSION of a node that does not tell. */
int held_ask(struct line *l, struct node_view *self, uint32_t *others);
/* "2 jobs (a1b2c3d4, e5f60718) and 1 object (0123456789ab)": those of which no other copy is known,
 * named as far as this user sees them; "at least 1 object" where he sees no objects, and the node
 * itself may not have looked at all of them. */
void held_name_only(struct line *l, const struct node_held *held, char *text, size_t cap);
/* "2 jobs and 1 object". */
void held_count(uint32_t jobs, uint32_t objects, char *text, size_t cap);

#endif
