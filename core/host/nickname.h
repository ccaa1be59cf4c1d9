/* The name a node has when nobody gave it one: an adjective and an animal from its id, the same at
 * every start. People tell nodes apart by it; nothing else does, since two nodes may share one. */
#ifndef VELUM_HOST_NICKNAME_H
#define VELUM_HOST_NICKNAME_H

#include "core/base/id.h"

#define NICKNAME_SIZE 64

/* Fits text_is_name. */
void name_of_node(struct node_id id, char name[NICKNAME_SIZE]);

#endif
