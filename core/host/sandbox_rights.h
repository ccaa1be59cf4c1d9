/* Who a worker is to the system, and what that one may: a user id that nothing and nobody else has,
 * where the node is root, and no capability, with no way to one. Called by sandbox.c. */
#ifndef VELUM_HOST_SANDBOX_RIGHTS_H
#define VELUM_HOST_SANDBOX_RIGHTS_H

#include <stdbool.h>

#include "core/wire/order.h"

/* The id of a worker of root is this and its process id, so that no two that live have the same:
 * they can neither signal nor trace each other, and limits count them apart. */
#define SANDBOX_ID_FIRST 0x70000000u

/* sandbox_rights_drop will take an id of its own for this process. */
bool sandbox_rights_own_id(void);
/* Stays who it is where the process is not root, may not change its id, kill what has another, or
 * has no other id (in a user namespace that maps one); such a process has no capability outside
 * anyway. Afterwards SIGKILL still comes when its parent dies, and nobody may look into it. 0 or -1
 * with errno set, and a few words about the step that failed. */
int sandbox_rights_drop(const char **step);

#endif
